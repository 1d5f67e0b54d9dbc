//! Objects of a real core of one of the four layouts, with words overwritten in them and around them. The heap is indexed once.
//!
//! Input: the core, the number of an object (32 bits), a dcmd; then records of four bytes, of which some have eight more. A record
//! does something at an object, which is the first one to begin with: it goes on to what a word of it refers to, or to any other
//! object, or overwrites a word: with any other, with one bit changed, with what is extreme, with the address of the first object or
//! of some other, with a small number or a length.
#![no_main]

use std::cell::OnceCell;

use libfuzzer_sys::fuzz_target;
use shell::interpreter::Source;
use v8_heap::Tagged;
use v8mdb_fuzz::objects::ask_object;
use v8mdb_fuzz::real::Real;

thread_local!(static REAL: [OnceCell<Real>; Real::COUNT] = const { [const { OnceCell::new() }; Real::COUNT] });

/// What is asked of the objects beside what a heap itself can be asked.
const DCMDS: [&str; 24] = [
    "jsprint -d 3",
    "jsprint -j -d 2",
    "jsprint -a -b",
    "v8print",
    "v8whatis",
    "whatis",
    "v8map",
    "jsconstructor",
    "jssource -n 2",
    "jsclosure",
    "jsfunction",
    "v8function",
    "v8code",
    "v8context",
    "v8scopeinfo",
    "v8str",
    "v8array",
    "v8internal",
    "json -d 2",
    "walk jsprop | ::jsprint",
    "walk jselement | ::head -8 | ::jsprint",
    "nodebuffer",
    "where 'length > 1 && name != x'",
    "group constructor.name",
];

const EXTREMES: [u64; 10] =
    [0, 1, u64::MAX, u64::MAX - 2, 1 << 63, 1 << 47, 0x7fff_ffff << 32, 0xffff_ffff, 1 << 32, (1 << 47) - 7];

fuzz_target!(|input: &[u8]| {
    let Some((&[core, a, b, c, d, dcmd], mut rest)) = input.split_first_chunk() else { return };
    REAL.with(|all| {
        let core = usize::from(core) % Real::COUNT;
        let real = all[core].get_or_init(|| Real::open(core));
        let first = real.object(u32::from_le_bytes([a, b, c, d]));
        let mut own = first;
        let mut asked = vec![first];
        while let Some((&[how, field, more, other], behind)) = rest.split_first_chunk() {
            let mut used = 0;
            let place = own + 8 * u64::from(field % 64);
            let some = |number: u32| real.object(u32::from(other).wrapping_mul(number)) | 1;
            let word = match how % 9 {
                0 => {
                    if let Some(word) = real.word(place).filter(|word| word & 1 == 1) {
                        own = word & !3;
                        asked.push(own);
                    }
                    None
                }
                1 => {
                    own = real.object(u32::from_le_bytes([field, more, other, 0]));
                    asked.push(own);
                    None
                }
                2 => real.word(place).map(|word| word ^ 1 << (more % 64)),
                3 => behind.first_chunk::<8>().map(|bytes| {
                    used = 8;
                    u64::from_le_bytes(*bytes)
                }),
                4 => Some(EXTREMES[usize::from(more) % EXTREMES.len()]),
                5 => Some(first | 1),
                6 => Some(some(u32::from(more) * 0x0101)),
                // The map of another object.
                7 => real.word(some(u32::from(more) * 0x0301) - 1),
                _ => Some(u64::from(u16::from_le_bytes([more, other])) << 32),
            };
            if let Some(word) = word {
                real.set_word(place, word);
            }
            rest = &behind[used..];
        }
        asked.truncate(8);
        let heap = real.heap();
        for address in &asked {
            if let Ok(object) = heap.object(Tagged(address | 1)) {
                ask_object(heap, object);
            }
        }
        let dcmd = DCMDS[usize::from(dcmd) % DCMDS.len()];
        let line = format!("{:x}::{dcmd}", asked[asked.len() - 1] | 1);
        real.session.run(&line, Source::String);
        real.mend();
    });
});
