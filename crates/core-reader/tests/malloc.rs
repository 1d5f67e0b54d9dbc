//! The blocks of glibc's allocator in a core, beside what a program, `malloc_usable_size` and `mallinfo2` say of them.
#![allow(clippy::unwrap_used)] // a test may panic

mod program;

use std::collections::BTreeSet;

use core_reader::{Address, Block, BlockState, Malloc, RunKind, Watch};

struct Unwatched;

impl Watch for Unwatched {
    fn advance(&self, _: u64) {}
    fn cancelled(&self) -> bool {
        false
    }
}

struct Cancelled;

impl Watch for Cancelled {
    fn advance(&self, _: u64) {}
    fn cancelled(&self) -> bool {
        true
    }
}

fn taken_with(arguments: &[&str]) -> program::Taken {
    let directory = tempfile::tempdir().unwrap();
    program::take(&program::compile(directory.path(), "heap.c", &["-O1", "-pthread"]), arguments)
}

fn taken() -> program::Taken {
    taken_with(&[])
}

/// Something is mapped behind the program break: the main arena goes on with runs of mmap, which nothing lists.
#[test]
fn an_arena_that_brk_could_not_extend_is_found_to_its_end() {
    let taken = taken_with(&["blocked"]);
    let malloc = Malloc::of(&taken.core, &Unwatched).unwrap();
    let runs = malloc.blocks().runs();
    assert!(runs.iter().any(|run| matches!(run.kind, RunKind::Extension(0))), "{runs:?}");
    assert!(malloc.arenas().iter().all(|arena| arena.walked == arena.system), "{:?}", malloc.arenas());
    let free: u64 = malloc.arenas().iter().map(|arena| arena.free.1 + arena.fast.1 + arena.top).sum();
    assert_eq!(free, taken.said("INFO").next().unwrap()[1]);
    for numbers in taken.said("CHUNK") {
        let block = malloc.blocks().around(numbers[1]).unwrap();
        assert_eq!((block.start.0, block.bytes), (numbers[1], numbers[2]));
    }
}

#[test]
fn blocks_are_where_the_program_has_them() {
    let taken = taken();
    let core = &taken.core;
    assert_eq!(core.program_break(), Some(Address(taken.said("BREAK").next().unwrap()[0])));
    let malloc = Malloc::of(core, &Unwatched).unwrap();
    let mut asked = [0, 0, 0];
    for word in ["CHUNK", "LEAK", "HANGS", "RING", "OTHER"] {
        for numbers in taken.said(word) {
            let &[thread, start, size] = numbers else { panic!("three numbers") };
            asked[thread as usize] += 1;
            for at in [start, start + size / 2, start + size - 1] {
                let block = malloc.blocks().around(at).unwrap();
                assert_eq!(
                    (block.start, block.end()),
                    (Address(start), Address(start + size)),
                    "{word} {at:x}"
                );
                assert_eq!(block.state, BlockState::Used);
                let kind = malloc.blocks().runs()[block.run].kind;
                let arena = match kind {
                    RunKind::Break(arena) | RunKind::Heap(arena) => Some(malloc.arenas()[arena].is_main),
                    RunKind::Mapped => None,
                    RunKind::Extension(_) => panic!("brk could go on"),
                };
                assert_eq!(arena, [Some(true), Some(false), None][thread as usize], "{kind:?}");
            }
            // What is before the memory is the header of its chunk.
            assert!(!malloc.blocks().around(start - 8).is_some_and(|block| block.contains(start - 8)));
        }
    }
    assert!(asked[0] > 500 && asked[1] > 500 && asked[2] == 2, "{asked:?}");
}

#[test]
fn sums_are_those_of_the_allocator_itself() {
    let taken = taken();
    let malloc = Malloc::of(&taken.core, &Unwatched).unwrap();
    let &[from_system, free, mappings, mapped] = taken.said("INFO").next().unwrap() else {
        panic!("four numbers")
    };
    let arenas = malloc.arenas();
    assert_eq!(arenas.iter().map(|arena| arena.system).sum::<u64>(), from_system);
    assert!(arenas.iter().all(|arena| arena.walked == arena.system), "{arenas:?}");
    // `fordblks` does not count what caches of threads have.
    let found = arenas.iter().map(|arena| arena.free.1 + arena.fast.1 + arena.top).sum::<u64>();
    assert_eq!(found, free);
    assert_eq!(malloc.mapped(), (mappings, mapped));
    assert!(arenas.iter().all(|arena| arena.cached.0 >= 28), "seven of four sizes each: {arenas:?}");
    let known = malloc.parameters().unwrap();
    assert_eq!((known.mappings, known.mapped_bytes), (mappings, mapped));
    // The blocks of a run leave no gap.
    let blocks: Vec<Block> = malloc.blocks().iter().collect();
    for pair in blocks.windows(2).filter(|pair| pair[0].run == pair[1].run) {
        assert_eq!(pair[0].start.0 + pair[0].chunk_bytes, pair[1].start.0);
    }
    assert!(blocks.iter().all(|block| malloc.blocks().get(block.id) == Some(*block)));
}

#[test]
fn what_nothing_leads_to_is_what_the_program_has_forgotten() {
    let taken = taken();
    let malloc = Malloc::of(&taken.core, &Unwatched).unwrap();
    let unreached = malloc.unreached(&taken.core, &Unwatched).unwrap();
    let said = |word: &str| taken.said(word).map(|numbers| numbers[1]).collect::<BTreeSet<u64>>();
    let heads: BTreeSet<u64> =
        unreached.heads.iter().map(|(id, ..)| malloc.blocks().get(*id).unwrap().start.0).collect();
    let planted: BTreeSet<u64> = said("LEAK").union(&said("RING")).copied().collect();
    assert_eq!(planted.len(), 241);
    // Some word of old may still lead to a few.
    let found = heads.intersection(&planted).count();
    assert!(found * 100 >= planted.len() * 98, "{found} of {}", planted.len());
    let others: Vec<_> = heads
        .difference(&planted)
        .filter(|start| !said("HANGS").contains(start) && !said("OTHER").contains(start))
        .collect();
    assert!(others.is_empty(), "{others:x?}");
    for (word, head) in [("HANGS", "LEAK"), ("OTHER", "RING")] {
        for (hanging, head) in taken.said(word).zip(taken.said(head)) {
            let id = malloc.blocks().around(hanging[1]).unwrap().id;
            if let Some(found) = unreached.head_of(id).filter(|found| *found != id) {
                assert_eq!(malloc.blocks().get(found).unwrap().start.0, head[1]);
            }
        }
    }
    for kept in taken.said("CHUNK") {
        let id = malloc.blocks().around(kept[1]).unwrap().id;
        assert_eq!(unreached.head_of(id), None, "{:x}", kept[1]);
    }
    let (count, bytes) = unreached.total();
    assert_eq!(
        count,
        (0..malloc.blocks().len() as u32)
            .filter(|id| unreached.head_of(core_reader::BlockId(*id)).is_some())
            .count() as u64
    );
    assert!(bytes > 5_000_000);
    assert!(malloc.unreached(&taken.core, &Cancelled).is_none());
}
