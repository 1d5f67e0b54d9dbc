//! Parts of a small heap that were kept, with bytes overwritten or cut off: `cargo +nightly fuzz run store`.
//!
//! Input: the release, then records of eight bytes: which part, whether to cut it there, a place (16 bits), and what to
//! write there.
#![no_main]

use std::borrow::Cow;
use std::collections::BTreeMap;

use core_reader::{Registers, Thread};
use libfuzzer_sys::fuzz_target;
use test_support::v8_heap::{HeapBuilder, Release, Space};
use v8_heap::index::ObjectId;
use v8_heap::{Heap, Monitor, Store, Unattended};

struct Parts(BTreeMap<String, Vec<u8>>);

impl Store for Parts {
    fn part(&self, name: &str, _: &dyn Monitor) -> Option<Cow<'static, [u8]>> {
        self.0.get(name).cloned().map(Cow::Owned)
    }
    fn accept(&self, _: &str) {}
    fn refuse(&self, _: &str, _: &str) {}
}

fn ask(heap: &Heap<'_>) {
    let Ok(graph) = heap.graph(&Unattended) else { return };
    let Ok(dominators) = heap.dominators(&Unattended) else { return };
    let Ok(kinds) = heap.kinds(&Unattended) else { return };
    let _ = heap.retained_by_kind(kinds, &Unattended);
    let _ = heap.dead_by_kind(kinds, &Unattended);
    let _ = heap.leak_suspects(&Unattended);
    let _ = heap.owned_by(&[], &dominators.below(), &Unattended);
    for id in 0..graph.len() as u32 {
        let _ = heap.retaining_paths(ObjectId(id), 1, true, &Unattended);
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&release, records)) = input.split_first() else { return };
    let mut builder = HeapBuilder::new(Release::ALL[usize::from(release) % 4]);
    let page = builder.page(Space::New);
    let class = builder.class("Point", &["x", "y"]);
    let text = builder.string(page, "hello, world");
    let points: Vec<u64> =
        (0..20).map(|n| builder.instance(page, &class, &[text, HeapBuilder::smi(n)])).collect();
    let map = builder.array_map();
    let root = builder.array(page, map, &points);
    let dump = builder.build();
    let threads = [Thread { id: 1, signal: 0, registers: Registers { rax: root, ..Registers::default() } }];
    let Ok(first) = Heap::open(&dump, &dump, &threads) else { return };
    ask(&first);
    let parts = first.computed_parts().into_iter();
    let mut parts: BTreeMap<String, Vec<u8>> =
        parts.map(|part| (part.name.to_owned(), part.pieces.concat())).collect();
    for record in records.chunks_exact(8) {
        let count = parts.len();
        let Some(bytes) = parts.values_mut().nth(usize::from(record[0]) % count) else { return };
        let at = usize::from(u16::from_le_bytes([record[2], record[3]])) * 4;
        if record[1] == 0 {
            bytes.truncate(at);
        } else if let Some(place) = bytes.get_mut(at..at + 4) {
            place.copy_from_slice(&record[4..]);
        }
    }
    let Ok(second) = Heap::open(&dump, &dump, &threads) else { return };
    second.use_store(Box::new(Parts(parts)));
    ask(&second);
});
