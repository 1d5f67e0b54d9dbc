//! A small sound heap of one of the four layouts, with words overwritten. It is built once.
//!
//! Input: the release, then records of four to eleven bytes: what to write (by the first byte: any word, one of the heap's own, one
//! with a bit changed, a small number), and where (16 bits).
#![no_main]

use std::cell::{OnceCell, RefCell};

use core_reader::{Address, Memory};
use libfuzzer_sys::fuzz_target;
use test_support::v8_heap::{Dump, Release};
use v8_heap::{Heap, Unattended};
use v8mdb_fuzz::objects::ask_objects;
use v8mdb_fuzz::small_heap::small_heap;

/// A heap, and the addresses of its words that are not zero: most places hold something.
struct Sound {
    dump: RefCell<Dump>,
    words: Vec<u64>,
}

impl Sound {
    fn new(release: usize) -> Sound {
        v8mdb_fuzz::on_one_processor();
        let (dump, _) = small_heap(Release::ALL[release]);
        let ranges = dump.ranges().iter();
        let words = ranges
            .flat_map(|range| (range.start.0..range.end.0.min(range.start.0 + 0x8000)).step_by(8))
            .filter(|at| dump.read_u64(Address(*at)).is_ok_and(|word| word != 0))
            .collect();
        Sound { dump: RefCell::new(dump), words }
    }
}

thread_local!(static SOUND: [OnceCell<Sound>; 4] = const { [const { OnceCell::new() }; 4] });

fuzz_target!(|input: &[u8]| {
    let Some((&release, mut rest)) = input.split_first() else { return };
    let release = usize::from(release) % 4;
    SOUND.with(|all| {
        let Sound { dump, words } = all[release].get_or_init(|| Sound::new(release));
        let mut before = Vec::new();
        while let Some((record, behind)) = rest.split_first_chunk::<4>() {
            let [how, low, high, more] = *record;
            let place = words[usize::from(u16::from_le_bytes([low, high])) % words.len()];
            let mut dump = dump.borrow_mut();
            let old = dump.word(place);
            let (word, used) = match how % 4 {
                0 => match behind.first_chunk::<8>() {
                    Some(bytes) => (u64::from_le_bytes(*bytes), 8),
                    None => break,
                },
                1 => (dump.word(words[usize::from(more) * 37 % words.len()]), 0),
                2 => (old ^ 1 << (more % 64), 0),
                _ => (u64::from(more) << 32, 0),
            };
            before.push((place, old));
            dump.set_word(place, word);
            rest = &behind[used..];
        }
        {
            let dump = dump.borrow();
            if let Ok(heap) = Heap::open(&*dump, &*dump, &[]) {
                ask_objects(&heap);
                let _ = heap.graph(&Unattended).map(|graph| graph.len());
            }
        }
        for (place, old) in before.into_iter().rev() {
            dump.borrow_mut().set_word(place, old);
        }
    });
});
