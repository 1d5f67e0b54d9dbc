//! Handles of work for background threads keep objects alive, and what is behind the last handle does not.
#![allow(clippy::unwrap_used)] // a test may panic

use test_support::v8_heap::{Dump, HeapBuilder, Release, Space};
use v8_heap::graph::{Life, RootKind};
use v8_heap::{Heap, Unattended};

/// Memory in which jobs and threads are described.
const NATIVE: u64 = 0x5600_0000_0000;
const JOB: u64 = NATIVE + 0x100;
const NEXT_JOB: u64 = NATIVE + 0x200;
const VECTOR: u64 = NATIVE + 0x300;
const LOCAL_HEAP: u64 = NATIVE + 0x400;
const LOCAL_HANDLES: u64 = NATIVE + 0x500;
const FIRST_BLOCK: u64 = NATIVE + 0x1_0000;
const BLOCK: u64 = 8 * 1022;

fn block(n: u64) -> u64 {
    FIRST_BLOCK + 0x2000 * n
}

/// What lives of the objects `a` ... `e`, and how the first of them is held, if `describe` has set the words of `NATIVE`; it gets
/// the addresses of isolate, heap and objects.
fn lives(describe: impl Fn(&mut Dump, u64, u64, &[u64])) -> Vec<(Release, Vec<Life>, Vec<RootKind>)> {
    let run = |release| {
        let mut builder = HeapBuilder::new(release);
        let young = builder.page(Space::New);
        let point = builder.class("Point", &["x"]);
        let objects: Vec<u64> =
            (0..5).map(|_| builder.instance(young, &point, &[HeapBuilder::smi(1)])).collect();
        let (isolate, of_heap) =
            (builder.isolate_address(builder.main()), builder.heap_address(builder.main()));
        let mut dump = builder.build();
        dump.add(NATIVE, vec![0; 0x2_0000]);
        describe(&mut dump, isolate, of_heap, &objects);
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        let table = heap.objects(&Unattended).unwrap();
        let (liveness, roots) = (heap.liveness(&Unattended).unwrap(), heap.roots(&Unattended).unwrap());
        let ids: Vec<u32> =
            objects.iter().map(|object| table.id_at(heap.spaces(), object - 1).unwrap().0).collect();
        let kinds = roots.of(ids[0]).iter().map(|root| root.kind).collect();
        (release, ids.into_iter().map(|id| liveness.of(id)).collect(), kinds)
    };
    Release::ALL.into_iter().map(run).collect()
}

fn set(dump: &mut Dump, at: u64, words: &[u64]) {
    for (index, word) in words.iter().enumerate() {
        dump.set_word(at + 8 * index as u64, *word);
    }
}

#[test]
fn jobs_of_compilers_keep_what_their_handles_in_use_hold() {
    for (release, lives, kinds) in lives(|dump, isolate, _, objects| {
        // The list: a mutex, and its head.
        dump.set_word(isolate + 0x68, NATIVE);
        dump.set_word(NATIVE + 40, JOB);
        let next = block(1) + 8;
        set(dump, JOB, &[isolate, VECTOR, VECTOR + 16, VECTOR + 32, next, block(1) + BLOCK, 0, NEXT_JOB]);
        let next = block(2) + 16;
        set(
            dump,
            NEXT_JOB,
            &[isolate, VECTOR + 16, VECTOR + 24, VECTOR + 24, next, block(2) + BLOCK, JOB, 0],
        );
        set(dump, VECTOR, &[block(0), block(1), block(2)]);
        dump.set_word(block(0) + BLOCK - 8, objects[0]);
        set(dump, block(1), &[objects[1], objects[2]]);
        set(dump, block(2), &[7 << 32, objects[3], objects[4]]);
    }) {
        let expected = [Life::Live, Life::Live, Life::Dead, Life::Live, Life::Dead];
        assert_eq!(lives, expected, "{release:?}");
        assert_eq!(kinds, [RootKind::Job], "{release:?}");
    }
}

#[test]
fn threads_keep_what_their_handles_in_use_hold() {
    for (release, lives, kinds) in lives(|dump, _, heap, objects| {
        dump.set_word(heap + 0x48, LOCAL_HEAP);
        set(dump, LOCAL_HEAP, &[heap, 0, 0, 0, LOCAL_HANDLES]);
        let next = block(0) + 16;
        set(dump, LOCAL_HANDLES, &[next, block(0) + BLOCK, 1, VECTOR, VECTOR + 8, VECTOR + 8]);
        set(dump, VECTOR, &[block(0)]);
        set(dump, block(0), &[objects[0], objects[1], objects[2]]);
    }) {
        let expected = [Life::Live, Life::Live, Life::Dead, Life::Dead, Life::Dead];
        assert_eq!(lives, expected, "{release:?}");
        assert_eq!(kinds, [RootKind::Job], "{release:?}");
    }
}

/// A list without end still has its first job; a job of another isolate, and a last block that is somewhere else, are only words of
/// native memory.
#[test]
fn what_is_no_list_of_jobs_keeps_nothing() {
    for case in 0..3 {
        for (release, lives, _) in lives(|dump, isolate, _, objects| {
            dump.set_word(isolate + 0x68, NATIVE);
            dump.set_word(NATIVE + 40, JOB);
            let (next, limit) = (block(0) + 8, block(0) + BLOCK + 8 * u64::from(case == 2));
            let owner = isolate + 8 * u64::from(case == 1);
            set(dump, JOB, &[owner, VECTOR, VECTOR + 8, VECTOR + 8, next, limit, 0, JOB]);
            set(dump, VECTOR, &[block(0)]);
            set(dump, block(0), &[objects[0]]);
        }) {
            let expected = if case == 0 { Life::Live } else { Life::Unsure };
            assert_eq!(lives[0], expected, "case {case} on {release:?}");
        }
    }
}
