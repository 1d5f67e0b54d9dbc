//! Objects of a real core of one of the four layouts, with words overwritten in them and around them. The heap is indexed once.
//!
//! Input: the core, the number of an object (32 bits), a dcmd; then records: see [`v8mdb_fuzz::real::Damaged::damage`].
#![no_main]

use std::cell::OnceCell;

use libfuzzer_sys::fuzz_target;
use shell::interpreter::Source;
use v8_heap::Tagged;
use v8mdb_fuzz::objects::ask_object;
use v8mdb_fuzz::real::{COUNT, Real};

thread_local!(static REAL: [OnceCell<Real>; COUNT] = const { [const { OnceCell::new() }; COUNT] });

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

fuzz_target!(|input: &[u8]| {
    let Some((&[core, a, b, c, d, dcmd], records)) = input.split_first_chunk() else { return };
    REAL.with(|all| {
        let core = usize::from(core) % COUNT;
        let real = all[core].get_or_init(|| Real::open(core));
        let first = real.core.object(u32::from_le_bytes([a, b, c, d]));
        let asked = real.core.damage(first, records);
        let heap = real.heap();
        for address in &asked {
            if let Ok(object) = heap.object(Tagged(address | 1)) {
                ask_object(heap, object);
            }
        }
        let dcmd = DCMDS[usize::from(dcmd) % DCMDS.len()];
        let line = format!("{:x}::{dcmd}", asked[asked.len() - 1] | 1);
        real.session.run(&line, Source::String);
        real.core.mend();
    });
});
