//! The blocks of glibc's allocator in a core, beside what a program, `malloc_usable_size` and `mallinfo2` say of them.
#![allow(clippy::unwrap_used)] // a test may panic

mod program;

use std::collections::{BTreeSet, HashSet};

use core_reader::{
    Address, Block, BlockId, BlockState, Core, CountedOthers, Malloc, OpenOptions, Others, Owner, OwnerBlock,
    RunKind, Watch,
};
use proptest::prelude::*;

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
                    RunKind::Slots => panic!("it is glibc's"),
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

/// Hardly any of the lists of free blocks is empty; or one of them is none, as after a write to memory that was given back.
#[test]
fn an_arena_is_found_whatever_is_in_its_lists() {
    for mode in ["fragmented", "broken"] {
        let taken = taken_with(&[mode]);
        let malloc = Malloc::of(&taken.core, &Unwatched).unwrap();
        let &[from_system, free, ..] = taken.said("INFO").next().unwrap() else { panic!("four numbers") };
        let arenas = malloc.arenas();
        assert_eq!(arenas.iter().map(|arena| arena.system).sum::<u64>(), from_system, "{mode}");
        assert!(arenas.iter().all(|arena| arena.walked == arena.system), "{mode}: {arenas:?}");
        let found = arenas.iter().map(|arena| arena.free.1 + arena.fast.1 + arena.top).sum::<u64>();
        assert_eq!(found, free, "{mode}");
    }
}

/// What is found from places in between is what the chunks lead to, even if the memory of blocks looks like chunks.
#[test]
fn a_long_run_is_walked_from_several_places_at_once() {
    let taken = taken_with(&["long"]);
    let malloc = Malloc::of(&taken.core, &Unwatched).unwrap();
    let &[from_system, free, ..] = taken.said("INFO").next().unwrap() else { panic!("four numbers") };
    let arenas = malloc.arenas();
    assert!(arenas[0].system > 160 << 20, "{arenas:?}");
    assert_eq!(arenas.iter().map(|arena| arena.system).sum::<u64>(), from_system);
    assert!(arenas.iter().all(|arena| arena.walked == arena.system), "{arenas:?}");
    let found = arenas.iter().map(|arena| arena.free.1 + arena.fast.1 + arena.top).sum::<u64>();
    assert_eq!(found, free);
    let mut said = 0;
    for numbers in taken.said("CHUNK") {
        let block = malloc.blocks().around(numbers[1]).unwrap();
        assert_eq!((block.start.0, block.bytes), (numbers[1], numbers[2]));
        assert_eq!(block.state, BlockState::Used);
        said += 1;
    }
    assert!(said > 700);
}

/// All nodes of a list lead on by the same word; a number of an owner that leads to one of them does not make the rest of the list its own.
#[test]
fn a_number_that_leads_into_a_list_owns_nothing_of_it() {
    let taken = taken_with(&["chance"]);
    let malloc = Malloc::of(&taken.core, &Unwatched).unwrap();
    let block = |numbers: &[u64]| malloc.blocks().around(numbers[1]).unwrap().id;
    let owner = OwnerBlock {
        block: block(taken.said("OWNER").next().unwrap()),
        of: 7,
        leads_on: true,
        leads_beyond: false,
        certain: Vec::new(),
    };
    let found = malloc.owners(&taken.core, &[owner], &Others::default(), &Unwatched).unwrap();
    assert_eq!(found.of(block(taken.said("OWNED").next().unwrap())), Owner::Of(7));
    let nodes: Vec<Owner> = taken.said("NODE").map(|numbers| found.of(block(numbers))).collect();
    assert_eq!(nodes, [Owner::Elsewhere; 2]);
}

/// What a vector does not use of its memory leads nowhere, however far in that is.
#[test]
fn what_is_left_behind_the_elements_of_a_vector_is_nobodys() {
    let taken = taken_with(&["vectors"]);
    let malloc = Malloc::of(&taken.core, &Unwatched).unwrap();
    let block = |numbers: &[u64]| malloc.blocks().around(numbers[1]).unwrap().id;
    let owners = taken.said("OWNER").map(|numbers| OwnerBlock {
        block: block(numbers),
        of: numbers[0] as u32,
        leads_on: true,
        leads_beyond: false,
        certain: Vec::new(),
    });
    let owners: Vec<OwnerBlock> = owners.collect();
    assert_eq!(owners.len(), 2);
    let found = malloc.owners(&taken.core, &owners, &Others::default(), &Unwatched).unwrap();
    let of = |word: &str| -> Vec<(u64, Owner)> {
        taken.said(word).map(|numbers| (numbers[0], found.of(block(numbers)))).collect()
    };
    assert_eq!(of("OWNED"), [0, 0, 1, 1].map(|which| (which, Owner::Of(which as u32))));
    assert_eq!(of("LEFT"), [0, 1].map(|which| (which, Owner::Nobody)));
}

/// What is left in the window of a stream of zlib leads nowhere.
#[test]
fn windows_of_zlib_lead_nowhere() {
    let taken = taken_with(&["zlib"]);
    let malloc = Malloc::of(&taken.core, &Unwatched).unwrap();
    let unreached = malloc.unreached(&taken.core, &[], &Unwatched).unwrap();
    let is_leaked = |word: &str| {
        let block = malloc.blocks().around(taken.said(word).next().unwrap()[1]).unwrap();
        unreached.is_leaked(block.id)
    };
    assert!(is_leaked("LEFT"));
    assert!(!is_leaked("WINDOW"));
}

#[test]
fn what_nothing_leads_to_is_what_the_program_has_forgotten() {
    let taken = taken();
    let malloc = Malloc::of(&taken.core, &Unwatched).unwrap();
    let unreached = malloc.unreached(&taken.core, &[], &Unwatched).unwrap();
    let said = |word: &str| taken.said(word).map(|numbers| numbers[1]).collect::<BTreeSet<u64>>();
    let heads: BTreeSet<u64> = unreached.heads(&malloc).map(|leak| leak.block.start.0).collect();
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
        (0..malloc.blocks().len() as u32).filter(|id| unreached.head_of(BlockId(*id)).is_some()).count()
            as u64
    );
    assert!(bytes > 5_000_000);
    assert!(malloc.unreached(&taken.core, &[], &Cancelled).is_none());
}

/// The core of a program that leaks, which ships: with words of its memory overwritten by words of its own, by small numbers, or by ones
/// with a bit changed.
fn damaged(changes: &[(u64, u8, u64)]) -> Core {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/cores/native.core.zst");
    let mut bytes = zstd::decode_all(&std::fs::read(shipped).unwrap()[..]).unwrap();
    let words = bytes.len() / 8;
    let word = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[8 * at..8 * at + 8].try_into().unwrap());
    // Behind headers and notes, and only what holds something.
    let places: Vec<usize> = (1024..words).filter(|at| word(&bytes, *at) != 0).collect();
    for (place, how, what) in changes {
        let at = places[*place as usize % places.len()];
        let old = word(&bytes, at);
        let new = match how % 4 {
            0 => word(&bytes, places[*what as usize % places.len()]),
            1 => old ^ 1 << (what % 64),
            2 => what % 4096,
            _ => *what,
        };
        bytes[8 * at..8 * at + 8].copy_from_slice(&new.to_le_bytes());
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("core");
    std::fs::write(&path, bytes).unwrap();
    Core::open(&OpenOptions { core: path, ..OpenOptions::default() }).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the words say: blocks do not overlap, and everything asked of them ends.
    #[test]
    fn damaged_memory_is_walked_all_the_same(changes in prop::collection::vec(any::<(u64, u8, u64)>(), 1..60)) {
        let core = damaged(&changes);
        let Some(malloc) = Malloc::of(&core, &Unwatched) else { return Ok(()) };
        let blocks = malloc.blocks();
        let mut before = 0;
        for block in blocks.iter() {
            prop_assert!(block.start.0 >= before + 16, "{block:?}");
            before = block.start.0 + block.chunk_bytes - 16;
            prop_assert_eq!(blocks.around(block.start.0).map(|found| found.id), Some(block.id));
            prop_assert_eq!(blocks.get(block.id), Some(block));
        }
        let unreached = malloc.unreached(&core, &[], &Unwatched).unwrap();
        let (count, _) = unreached.total();
        prop_assert!(count <= blocks.len() as u64);
        let used = blocks.iter().filter(|block| block.state.is_used());
        let owners: Vec<OwnerBlock> =
            used.map(|block| OwnerBlock {
                block: block.id,
                of: block.id.0,
                leads_on: block.id.0 % 3 > 0,
                leads_beyond: true,
                certain: Vec::new(),
            }).take(9).collect();
        let owned = malloc.owners(&core, &owners, &Others::default(), &Unwatched).unwrap();
        for owner in &owners {
            prop_assert_eq!(owned.of(owner.block), Owner::Of(owner.of));
        }
    }
}

/// Each leaked session, taken for an owner, owns the text of its user and nothing else; and not even that if its words are nobody's.
#[test]
fn a_block_belongs_to_the_only_one_that_leads_to_it() {
    let core = damaged(&[]);
    let malloc = Malloc::of(&core, &Unwatched).unwrap();
    let unreached = malloc.unreached(&core, &[], &Unwatched).unwrap();
    let sessions: Vec<BlockId> = unreached
        .heads(&malloc)
        .filter(|leak| leak.blocks == 2 && leak.block.bytes == 40)
        .map(|leak| leak.block.id)
        .collect();
    assert_eq!(sessions.len(), 250);
    // Every second one leads nowhere.
    let blocks: Vec<OwnerBlock> = sessions
        .iter()
        .enumerate()
        .map(|(number, block)| OwnerBlock {
            block: *block,
            of: number as u32,
            leads_on: number % 2 == 0,
            leads_beyond: true,
            certain: Vec::new(),
        })
        .collect();
    let owners = malloc.owners(&core, &blocks, &Others::default(), &Unwatched).unwrap();
    for (number, session) in sessions.iter().enumerate() {
        let own = (0..malloc.blocks().len() as u32)
            .map(BlockId)
            .filter(|id| owners.of(*id) == Owner::Of(number as u32));
        let own: Vec<BlockId> = own.collect();
        assert_eq!(own.len(), if blocks[number].leads_on { 2 } else { 1 }, "{session:?}");
        assert!(own.iter().all(|id| unreached.head_of(*id) == Some(*session)));
    }
    // Two blocks of one owner that lead to the same are no two owners.
    let other = |block: &OwnerBlock| OwnerBlock { of: 7, leads_on: true, ..block.clone() };
    let pair: Vec<OwnerBlock> = blocks[..2].iter().map(other).collect();
    let owners = malloc.owners(&core, &pair, &Others::default(), &Unwatched).unwrap();
    let own = (0..malloc.blocks().len() as u32).filter(|id| owners.of(BlockId(*id)) == Owner::Of(7));
    assert_eq!(own.count(), 4);
    // What all have in common has what it leads to for nobody.
    let others = Others { common: &sessions[2..3], ..Others::default() };
    let owners = malloc.owners(&core, &blocks[..2], &others, &Unwatched).unwrap();
    let elsewhere = (0..malloc.blocks().len() as u32)
        .map(BlockId)
        .filter(|id| unreached.head_of(*id) == Some(sessions[2]) && owners.of(*id) == Owner::Elsewhere);
    assert_eq!(elsewhere.count(), 2);
}

/// Add-ons may have an allocator of their own: what its memory leads to belongs to who leads there.
#[test]
fn owners_have_blocks_by_way_of_other_memory() {
    let taken = taken_with(&["pieces"]);
    let malloc = Malloc::of(&taken.core, &Unwatched).unwrap();
    let block = |numbers: &[u64]| malloc.blocks().around(numbers[1]).unwrap().id;
    let owners: Vec<OwnerBlock> = taken
        .said("OWNER")
        .map(|numbers| OwnerBlock {
            block: block(numbers),
            of: numbers[0] as u32,
            leads_on: true,
            leads_beyond: true,
            certain: Vec::new(),
        })
        .collect();
    let found = malloc.owners(&taken.core, &owners, &Others::default(), &Unwatched).unwrap();
    let owned: Vec<Owner> = taken.said("OWNED").map(|numbers| found.of(block(numbers))).collect();
    assert_eq!(owned, [Owner::Of(0), Owner::Of(1)]);
    let shared = taken.said("SHARED").next().unwrap();
    assert_eq!(found.of(block(shared)), Owner::Several);
    // Others have none but blocks.
    let still: Vec<OwnerBlock> =
        owners.iter().map(|owner| OwnerBlock { leads_beyond: false, ..owner.clone() }).collect();
    let found = malloc.owners(&taken.core, &still, &Others::default(), &Unwatched).unwrap();
    assert!(taken.said("OWNED").all(|numbers| found.of(block(numbers)) == Owner::Elsewhere));
}

/// Node.js gives nghttp2 an allocator that writes in front of each piece how large it is.
#[test]
fn pieces_of_an_allocator_that_counts_are_those_of_its_owner() {
    let taken = taken_with(&["counted"]);
    let malloc = Malloc::of(&taken.core, &Unwatched).unwrap();
    let block = |numbers: &[u64]| malloc.blocks().around(numbers[1]).unwrap().id;
    let owners: Vec<(u64, BlockId)> = taken.said("OWNER").map(|owner| (owner[1], block(owner))).collect();
    let all = owners.iter().map(|(address, _)| *address).collect();
    for (which, (_, owner)) in owners.iter().enumerate() {
        let of = |word| taken.said(word).filter(|numbers| numbers[0] == which as u64).map(block);
        let truth: BTreeSet<BlockId> = of("PIECE").chain(of("HANDED")).collect();
        let nothing = HashSet::new();
        let found = malloc.counted(&taken.core, *owner, &CountedOthers { owners: &all, taken: &nothing });
        assert_eq!(found.iter().map(|piece| piece.block).collect::<BTreeSet<_>>(), truth);
        let counted: u64 = found.iter().filter_map(|piece| piece.counted).sum();
        assert_eq!(counted, 1024 + 64 + 40 + 40 + 2000 + 5 * [8, 16][which]);
        // What is another's for certain is not found, nor what only that leads to.
        let taken_by_others = HashSet::from([of("PIECE").next().unwrap()]);
        let others = CountedOthers { owners: &all, taken: &taken_by_others };
        assert_eq!(malloc.counted(&taken.core, *owner, &others), []);
    }
}

/// Groups of musl's allocator, laid out by hand: which slots the program has, from where to where, and what all of it takes.
#[test]
fn slots_of_musl_are_told_by_their_metas() {
    let directory = tempfile::tempdir().unwrap();
    let taken = program::take(&program::compile(directory.path(), "slots.c", &["-O1"]), &[]);
    let malloc = Malloc::of(&taken.core, &Unwatched).unwrap();
    assert_eq!(malloc.library(), core_reader::Library::Musl);
    let arena = &malloc.arenas()[0];
    let system = taken.said("SYSTEM").next().unwrap()[1];
    assert_eq!((malloc.arenas().len(), arena.system, arena.walked), (1, system, system));
    let blocks: Vec<Block> = malloc.blocks().iter().collect();
    let used: Vec<&Block> = blocks.iter().filter(|block| block.state == BlockState::Used).collect();
    let mut said: Vec<&[u64]> = taken.said("BLOCK").collect();
    said.sort_unstable();
    assert_eq!(used.len(), said.len());
    for (block, numbers) in used.iter().zip(&said) {
        let &[start, size] = *numbers else { panic!("two numbers") };
        assert_eq!(block.start, Address(start));
        // Spare bytes are told in units of 16.
        assert!((size..size + 16).contains(&block.bytes), "{} bytes of {size}", block.bytes);
        assert_eq!(malloc.blocks().around(start + size / 2).unwrap().start, block.start);
    }
    let free: BTreeSet<(u64, u64)> = blocks
        .iter()
        .filter(|block| block.state == BlockState::Free)
        .map(|block| (block.start.0, block.chunk_bytes))
        .collect();
    let wanted: Vec<(u64, u64)> = taken.said("FREE").map(|numbers| (numbers[0], numbers[1])).collect();
    assert!(wanted.iter().all(|block| free.contains(block)), "{free:x?}");
    // Slots five, seven and eight of the large group, and the last of the small one.
    assert_eq!(free.len(), wanted.len() + 3);
    assert_eq!(blocks.iter().filter(|block| block.state == BlockState::Own).count(), 2, "pages of metas");
    // Nothing leads to any of them.
    let unreached = malloc.unreached(&taken.core, &[], &Unwatched).unwrap();
    assert_eq!(unreached.total().0, used.len() as u64);
}
