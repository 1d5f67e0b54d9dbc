//! The chunks of glibc's allocator in a core, beside what a program and `malloc_usable_size` say of them.
#![allow(clippy::unwrap_used)] // a test may panic

mod program;

use core_reader::{Address, MallocChunks, MallocHeap};

#[test]
fn chunks_are_where_the_program_has_them() {
    let directory = tempfile::tempdir().unwrap();
    let taken = program::take(&program::compile(directory.path(), "heap.c", &["-O1", "-pthread"]), &[]);
    let core = &taken.core;
    let end = taken.said("BREAK").next().unwrap()[0];
    assert_eq!(core.program_break(), Some(Address(end)));
    let mut chunks = MallocChunks::default();
    let mut asked = [0, 0];
    for numbers in taken.said("CHUNK") {
        let &[thread, start, size] = numbers else { panic!("three numbers") };
        asked[thread as usize] += 1;
        for at in [start, start + size / 2, start + size - 1] {
            let heap = core.malloc_heap(Address(at)).unwrap();
            assert_eq!(matches!(heap, MallocHeap::Main { .. }), thread == 0, "{heap:?}");
            let chunk = core.malloc_chunk(&mut chunks, heap, Address(at)).unwrap();
            assert_eq!((chunk.start, chunk.end), (Address(start), Address(start + size)), "{at:x}");
            assert!(!chunk.free && !chunk.top);
        }
    }
    assert!(asked[0] > 200 && asked[1] > 200, "{asked:?}");
    let heap = core.malloc_heap(Address(end - 1)).unwrap();
    assert!(core.malloc_chunk(&mut chunks, heap, Address(end - 1)).unwrap().top);
    // Behind the first chunk that was not given back lies memory that is free.
    let mut free = 0;
    let first = taken.said("CHUNK").next().unwrap()[1];
    let mut at = first;
    while at < end {
        let chunk = core.malloc_chunk(&mut chunks, heap, Address(at)).unwrap();
        free += usize::from(chunk.free);
        assert!(chunk.end.0 > at - 16);
        at = (chunk.end.0 + 8).next_multiple_of(16);
    }
    assert!(free > 20, "{free}");
}
