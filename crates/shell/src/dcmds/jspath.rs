//! `::jspath`: say why an object is alive: the ways from the roots to it.
//!
//! A way starts with what certainly is alive, and each line says through what the object of the line before holds the next one.
//! The shortest comes first; no two lead through the same object last. V8's storage (property arrays, hash tables, contexts)
//! is left out; `-v` shows every step and every field in V8's terms, and then takes ways through V8's own objects
//! (maps, code, feedback) as well.
//!
//! ```text
//! > fc64caf1b71::jspath
//! way 1: global object
//!   1f55cb2c24f9 global
//!   .gateway = 1f55cb2c2531 Gateway
//!   .bySession = 1f55cb2c25a1 Map
//!   map value of key "session-3" = fc64caf1b71 UpstreamConnection
//! ```
//!
//! What can hold an object from outside of the heap: the global object, handles of Node.js and addons, the stack of a thread,
//! a microtask that waits, V8's own tables and caches. Stacks are read word by word: a word that is the address of an object
//! holds it, even if no function will look at it again. Ways from a stack are taken only if there are no others; the
//! last to be tried is native memory, where such a word may be left over.
//!
//! A garbage object has no way; the dcmd says so.

use std::io::Write;

use v8_heap::Tagged;
use v8_heap::graph::Life;

use crate::dcmd::{AddressUse, Capability, Dcmd, Operands, Opt, Takes, Yields, for_each_item};
use crate::retention::{address, alive, object_at, open, print_path, root_text};
use crate::value::Kind;

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jspath",
    aliases: &[],
    summary: "say why an object is alive: the ways from the roots to it",
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Text,
    options: &[
        Opt::flag('v', "every step, V8's own objects included"),
        Opt::number('n', "ways", "at most so many ways; 1 if not said"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jspath.rs"),
    start: |_, args| {
        let verbose = args.has('v');
        let most = usize::try_from(args.number('n').unwrap_or(1)).unwrap_or(usize::MAX);
        Ok(for_each_item(move |context, item, out| {
            let monitor = context.progress();
            let (heap, table) = open(context, &monitor)?;
            let id = object_at(heap, table, Tagged(item.word))?;
            alive(heap, table, id, Life::Unsure, &monitor)?;
            let paths = heap.retaining_paths(id, most, verbose, &monitor)?;
            drop(monitor);
            for (index, path) in paths.iter().enumerate() {
                writeln!(out.text(), "way {}: {}", index + 1, root_text(path.root.as_ref()))?;
                print_path(context, path, verbose, 2, out)?;
            }
            if paths.is_empty() && most > 0 {
                writeln!(out.text(), "no way to {} was found", address(table, id))?;
            }
            Ok(())
        }))
    },
};
