use core_reader::{Core, Malloc, OpenOptions, Watch};
struct W;
impl Watch for W {
    fn advance(&self, _: u64) {}
    fn cancelled(&self) -> bool {
        false
    }
}
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let core = Core::open(&OpenOptions { core: path.into(), ..Default::default() }).unwrap();
    let t = std::time::Instant::now();
    let m = Malloc::of(&core, &W);
    let Some(m) = m else {
        println!("none");
        return;
    };
    eprintln!("walk {:?}", t.elapsed());
    for a in m.arenas() {
        println!("{a:?}");
    }
    println!("{:?} mapped {:?} blocks {}", m.parameters(), m.mapped(), m.blocks().len());
    for r in m.blocks().runs() {
        if let Some(b) = r.broken_at {
            println!("broken at {b} {r:?}");
        }
    }
    let f: u64 = m.arenas().iter().map(|a| a.free.1 + a.fast.1 + a.top).sum();
    let u: u64 = m.arenas().iter().map(|a| a.used.1 + a.cached.1).sum();
    println!("fordblks {f} uordblks {u}");
    let t = std::time::Instant::now();
    let un = m.unreached(&core, &W).unwrap();
    eprintln!("trace {:?}", t.elapsed());
    println!("leaks heads {} total {:?}", un.heads.len(), un.total());
    if std::env::args().nth(2).is_some() {
        for (id, c, b) in &un.heads {
            let bl = m.blocks().get(*id).unwrap();
            println!("LEAK {:x} {} {c} {b}", bl.start.0, bl.bytes);
        }
    }
}
