//! Parts of a small heap that were kept, with bytes overwritten or cut off. An index is signed, so that only damage of memory or a
//! fault of ours leads here: nothing but wrong answers may follow from it.
//!
//! Input: the release, then records of eight bytes: which part, whether to cut it there, a place (16 bits), and what to
//! write there.
#![no_main]

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;

use core_reader::Thread;
use libfuzzer_sys::fuzz_target;
use test_support::v8_heap::{Dump, Release};
use v8_heap::index::ObjectId;
use v8_heap::{Heap, Monitor, Store, Unattended};
use v8mdb_fuzz::small_heap::small_heap;

#[derive(Clone)]
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
    let _ = heap.leak_suspects(10, &Unattended);
    let _ = heap.owned_by(&[], &dominators.below(), &Unattended);
    for id in (0..graph.len() as u32).step_by(graph.len() / 16 + 1) {
        let _ = heap.retaining_paths(ObjectId(id), 1, true, &Unattended);
    }
}

struct Kept {
    dump: Dump,
    threads: [Thread; 1],
    parts: Parts,
}

thread_local!(static KEPT: [OnceCell<Kept>; 4] = const { [const { OnceCell::new() }; 4] });

fn kept(release: usize) -> Kept {
    v8mdb_fuzz::on_one_processor();
    let (dump, thread) = small_heap(Release::ALL[release]);
    let threads = [thread];
    let parts = {
        let heap = Heap::open(&dump, &dump, &threads).expect("a sound heap");
        ask(&heap);
        let parts = heap.computed_parts().into_iter();
        Parts(parts.map(|part| (part.name.to_owned(), part.pieces.concat())).collect())
    };
    Kept { dump, threads, parts }
}

fuzz_target!(|input: &[u8]| {
    let Some((&release, records)) = input.split_first() else { return };
    let release = usize::from(release) % 4;
    KEPT.with(|all| {
        let kept = all[release].get_or_init(|| kept(release));
        let mut parts = kept.parts.clone();
        for record in records.as_chunks::<8>().0 {
            let count = parts.0.len();
            let Some(bytes) = parts.0.values_mut().nth(usize::from(record[0]) % count) else { return };
            let at = usize::from(u16::from_le_bytes([record[2], record[3]])) * 4;
            if record[1] == 0 {
                bytes.truncate(at);
            } else if let Some(place) = bytes.get_mut(at..at + 4) {
                place.copy_from_slice(&record[4..]);
            }
        }
        let Ok(heap) = Heap::open(&kept.dump, &kept.dump, &kept.threads) else { return };
        heap.use_store(Box::new(parts));
        ask(&heap);
    });
});
