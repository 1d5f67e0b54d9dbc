//! A small sound heap of one of the four layouts, with words overwritten. It is built once.
//!
//! Input: the release, then records of four to eleven bytes: what to write (by the first byte: any word, one of the heap's own, one
//! with a bit changed, a small number), and where (16 bits).
#![no_main]

use std::cell::OnceCell;

use core_reader::Memory;
use libfuzzer_sys::fuzz_target;
use test_support::v8_heap::{Dump, Release};
use v8_heap::{Heap, Unattended};
use v8mdb_fuzz::{ask_objects, small_heap};

thread_local!(static SOUND: [OnceCell<Dump>; 4] = const { [const { OnceCell::new() }; 4] });

fuzz_target!(|input: &[u8]| {
    let Some((&release, mut rest)) = input.split_first() else { return };
    let release = usize::from(release) % 4;
    let mut dump =
        SOUND.with(|sound| sound[release].get_or_init(|| small_heap(Release::ALL[release]).0).clone());
    // What is not zero, so that most places hold something.
    let words: Vec<u64> = dump
        .ranges()
        .iter()
        .flat_map(|range| (range.start.0..range.end.0.min(range.start.0 + 0x8000)).step_by(8))
        .filter(|at| dump.word(*at) != 0)
        .collect();
    while let Some((record, behind)) = rest.split_first_chunk::<4>() {
        let [how, low, high, more] = *record;
        let place = words[usize::from(u16::from_le_bytes([low, high])) % words.len()];
        let (word, used) = match how % 4 {
            0 => match behind.first_chunk::<8>() {
                Some(bytes) => (u64::from_le_bytes(*bytes), 8),
                None => return,
            },
            1 => (dump.word(words[usize::from(more) * 37 % words.len()]), 0),
            2 => (dump.word(place) ^ 1 << (more % 64), 0),
            _ => (u64::from(more) << 32, 0),
        };
        dump.set_word(place, word);
        rest = &behind[used..];
    }
    let Ok(heap) = Heap::open(&dump, &dump, &[]) else { return };
    ask_objects(&heap);
    let _ = heap.graph(&Unattended).map(|graph| graph.len());
});
