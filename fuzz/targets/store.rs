//! Parts of a small heap that were kept, with bytes overwritten or cut off. An index is signed, so that only damage of memory or a
//! fault of ours leads here: nothing but wrong answers may follow from it. Each is read beside the sound parts of the same heap; only
//! where all are believed a heap is asked with them.
//!
//! Input: the release, then records of eight bytes: which part, whether to cut it there, a place (16 bits), and what to
//! write there.
#![no_main]

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use core_reader::Thread;
use libfuzzer_sys::fuzz_target;
use test_support::v8_heap::{Dump, Release};
use v8_heap::fuzzing::{again, reads_part};
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

/// What a sound heap has kept, and that heap.
struct Kept {
    heap: Heap<'static>,
    parts: Parts,
    /// Parts that were read beside it.
    reads: Cell<u32>,
}

/// A heap remembers names that parts speak of: after so many it is taken anew.
const MOST_READS: u32 = 1 << 16;

impl Kept {
    fn open(release: usize) -> Kept {
        v8mdb_fuzz::on_one_processor();
        let (dump, thread) = small_heap(Release::ALL[release]);
        let (dump, threads): (&'static Dump, &'static [Thread]) =
            (Box::leak(Box::new(dump)), Box::leak(Box::new([thread])));
        Kept::of(Heap::open(dump, dump, threads).expect("a sound heap"))
    }

    fn of(heap: Heap<'static>) -> Kept {
        ask(&heap);
        let parts = heap.computed_parts().into_iter();
        let parts = Parts(parts.map(|part| (part.name.to_owned(), part.pieces.concat())).collect());
        Kept { heap, parts, reads: Cell::new(0) }
    }
}

thread_local!(static KEPT: RefCell<[Option<Kept>; 4]> = const { RefCell::new([const { None }; 4]) });

fuzz_target!(|input: &[u8]| {
    let Some((&release, records)) = input.split_first() else { return };
    let release = usize::from(release) % 4;
    KEPT.with_borrow_mut(|all| {
        let kept = all[release].get_or_insert_with(|| Kept::open(release));
        if kept.reads.get() > MOST_READS {
            *kept = Kept::of(again(&kept.heap));
        }
        let mut damaged = BTreeMap::new();
        for record in records.as_chunks::<8>().0 {
            let count = kept.parts.0.len();
            let Some((name, sound)) = kept.parts.0.iter().nth(usize::from(record[0]) % count) else { return };
            let bytes = damaged.entry(name).or_insert_with(|| sound.clone());
            let at = usize::from(u16::from_le_bytes([record[2], record[3]])) * 4;
            if record[1] == 0 {
                bytes.truncate(at);
            } else if let Some(place) = bytes.get_mut(at..at + 4) {
                place.copy_from_slice(&record[4..]);
            }
        }
        // Whoever is wrong once is asked no more: what comes from it counts only if all of it is believed.
        let is_believed = |(name, bytes): (&&String, &Vec<u8>)| {
            kept.reads.set(kept.reads.get() + 1);
            reads_part(&kept.heap, name, bytes.clone()).expect("all parts are there")
        };
        damaged.retain(|name, bytes| *bytes != kept.parts.0[*name]);
        if !damaged.is_empty() && damaged.iter().all(is_believed) {
            let mut parts = kept.parts.clone();
            parts.0.extend(damaged.into_iter().map(|(name, bytes)| (name.clone(), bytes)));
            let heap = again(&kept.heap);
            heap.use_store(Box::new(parts));
            ask(&heap);
        }
    });
});
