//! `::jsleaks`: point out where many objects of a kind have gathered.
//!
//! A leak in JavaScript is nearly always a collection that only grows: a Map of sessions, a list of listeners, a cache without an
//! end. This finds them: objects below which many others of one constructor hang that would be garbage without it. For each
//! suspect: how many there are, what would be freed with them, what part of the living heap that is, the object that
//! owns them, and the way to that from the roots (see `::jspath`). The largest comes first.
//!
//! ```text
//! > ::jsleaks -n 1
//! suspect 1: 800 UpstreamConnection in one Map retain 1208096 bytes, 21 % of the heap
//!   the largest is fc64caf1b71, which retains 1512
//!   way to 1f55cb2c25a1 Map: global object
//!     1f55cb2c24f9 global
//!     .gateway = 1f55cb2c2531 Gateway
//!     .bySession = 1f55cb2c25a1 Map
//! ```
//!
//! Gathering is not leaking: whether a cache should be as large as it is, only its owner knows. Objects that several owners hold
//! together hang below what these have in common, and are listed there.

use std::io::Write;

use v8_heap::Heap;
use v8_heap::graph::Suspect;
use v8_heap::index::{ObjectId, ObjectTable};

use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::escape;
use crate::pipeline::Out;
use crate::retention::{address, label, open, print_path, root_text};

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsleaks",
    aliases: &[],
    summary: "point out where many objects of a kind have gathered",
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::number('n', "suspects", "show so many; 5 if not said")],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jsleaks.rs"),
    start: |_, args| {
        let most = usize::try_from(args.number('n').unwrap_or(5)).unwrap_or(usize::MAX);
        Ok(for_each(move |context, _, out| {
            let monitor = context.progress();
            let (heap, table) = open(context, &monitor)?;
            let mut suspects = heap.leak_suspects(&monitor)?;
            suspects.retain(|suspect| suspect.owner.is_some());
            let dominators = heap.dominators(&monitor)?;
            let total: u64 =
                dominators.tops().map(|id| dominators.retained(id) + dominators.outside(id)).sum();
            drop(monitor);
            for (index, suspect) in suspects.iter().take(most).enumerate() {
                context.check_interrupt()?;
                print(context, heap, table, index + 1, suspect, total, out)?;
            }
            if suspects.is_empty() {
                writeln!(out.text(), "nothing has gathered anywhere")?;
            }
            Ok(())
        }))
    },
};

fn print(
    context: &Context,
    heap: &Heap<'_>,
    table: &ObjectTable,
    number: usize,
    suspect: &Suspect,
    total: u64,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let bytes = suspect.retained + suspect.outside;
    let owner = suspect.owner.and_then(|owner| heap.object_by_id(table, ObjectId(owner)));
    let Some((id, owner)) = suspect.owner.zip(owner) else { return Ok(()) };
    writeln!(
        out.text(),
        "suspect {number}: {} {} in one {} retain {bytes} bytes, {} % of the heap",
        suspect.count,
        escape(heap.name(suspect.constructor)),
        label(heap, owner),
        100 * bytes / total.max(1),
    )?;
    let monitor = context.progress();
    let largest = ObjectId(suspect.largest);
    let retained = heap.dominators(&monitor)?.retained(suspect.largest);
    writeln!(out.text(), "  the largest is {}, which retains {retained}", address(table, largest))?;
    let paths = heap.retaining_paths(ObjectId(id), 1, false, &monitor)?;
    drop(monitor);
    if let Some(path) = paths.first() {
        let root = root_text(path.root.as_ref());
        writeln!(out.text(), "  way to {} {}: {root}", owner.value(), label(heap, owner))?;
        print_path(context, path, false, 4, out)?;
    }
    Ok(())
}
