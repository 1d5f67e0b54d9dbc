//! Pages of a real core of one of the four layouts, with words overwritten in objects, maps and headers of pages: a header is
//! recognised, the objects behind a damaged one are walked over, what they refer to is read, and they are asked everything. The
//! pages are found once; of the objects nothing is remembered from one run to the next.
//!
//! Input: the core, the number of an object (32 bits), how far to walk; then records: see [`v8mdb_fuzz::real::Damaged::damage`].
#![no_main]

use std::cell::{OnceCell, RefCell};

use core_reader::{Core, OpenOptions};
use libfuzzer_sys::fuzz_target;
use v8_heap::fuzzing::{Pages, again};
use v8_heap::objects::value::HeapObject;
use v8_heap::{Heap, Tagged};
use v8mdb_fuzz::objects::ask_object;
use v8mdb_fuzz::real::{COUNT, Damaged};

/// A heap that has been found and indexed once.
struct Sound {
    core: Damaged,
    heap: Heap<'static>,
    pages: RefCell<Pages>,
}

impl Sound {
    fn open(number: usize) -> Sound {
        let (mut core, opened) = Damaged::open(number, |core| {
            let options = OpenOptions { core, ..OpenOptions::default() };
            &*Box::leak(Box::new(Core::open(&options).expect("a sound core")))
        });
        let heap = Heap::open(opened.memory(), opened.symbols(), opened.threads()).expect("a sound heap");
        core.find_objects(&heap);
        let pages = Pages::of(&heap).expect("a sound heap");
        Sound { core, heap, pages: RefCell::new(pages) }
    }
}

thread_local!(static SOUND: [OnceCell<Sound>; COUNT] = const { [const { OnceCell::new() }; COUNT] });

/// Objects that are walked from.
const MOST_WALKS: usize = 3;
/// Objects of one walk that are asked, beside the one it began with.
const MOST_ASKED: usize = 2;

fuzz_target!(|input: &[u8]| {
    let Some((&[core, a, b, c, d, far], records)) = input.split_first_chunk() else { return };
    SOUND.with(|all| {
        let number = usize::from(core) % COUNT;
        let Sound { core, heap, pages } = all[number].get_or_init(|| Sound::open(number));
        let mut heap = again(heap);
        let first = core.object(u32::from_le_bytes([a, b, c, d]));
        for address in core.damage(first, records).into_iter().take(MOST_WALKS) {
            let Some(page) = heap.spaces().page_index(address) else { continue };
            let found = pages.borrow_mut().read(&mut heap, page, address, 64 * (1 + u64::from(far % 32)));
            // As somebody asks who has its address from elsewhere.
            if let Ok(object) = heap.object(Tagged(address | 1)) {
                ask_object(&heap, object);
            }
            for (other, map_id) in found.into_iter().filter(|(other, _)| *other != address).take(MOST_ASKED) {
                ask_object(&heap, HeapObject { address: other, map_id, map: heap.map(map_id) });
            }
        }
        core.mend();
    });
});
