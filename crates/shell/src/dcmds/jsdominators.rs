//! `::jsdominators`: show what the memory of the heap hangs on: the tree of dominators, by constructor.
//!
//! An object hangs below another if it would be garbage without that one. Objects with the same constructor that hang below the
//! same objects share a line: how many they are, what would be freed with them (`RETAINED`), what of that lies outside of the
//! heap (`OUTSIDE`), the address of the largest, and their constructor. At the top is what nothing else in the heap
//! dominates. V8's own objects are left out; what they retain counts for the object they belong to.
//!
//! ```text
//! > ::jsdominators -d 3 -n 2
//!  #OBJECTS   RETAINED    OUTSIDE         LARGEST CONSTRUCTOR
//!         1    1450344          0    1f55cb2c24f9 global
//!         1    1334496          0    1f55cb2c2531   Gateway
//!         1    1333128          0    1f55cb2c25a1     Map
//!         2        176          0    1f55cb2c2599     Array
//! ```
//!
//! With an address, the tree starts with that object. `-d` says how many levels are shown, `-n` how many lines for each
//! object of the line above.

use v8_heap::graph::{Life, OwnedGroup, Rows};
use v8_heap::index::ObjectId;
use v8_heap::{Heap, Tagged};

use crate::dcmd::{AddressUse, Capability, Dcmd, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{Column, Hex, Progress, Table, escape};
use crate::retention::{address, alive, object_at, open};
use crate::value::Kind;

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsdominators",
    aliases: &[],
    summary: "show what the memory of the heap hangs on: the tree of dominators, by constructor",
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Text,
    options: &[
        Opt::number('d', "depth", "show so many levels; 3 if not said"),
        Opt::number('n', "lines", "show at most so many lines below each; 5 if not said"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jsdominators.rs"),
    start: |_, args| {
        let depth = usize::try_from(args.number('d').unwrap_or(3)).unwrap_or(usize::MAX).min(DEEPEST);
        let most = usize::try_from(args.number('n').unwrap_or(5)).unwrap_or(usize::MAX);
        Ok(for_each(move |context, item, out| {
            let monitor = context.progress();
            let (heap, table) = open(context, &monitor)?;
            let mut owners = Vec::new();
            if let Some(item) = item {
                let id = object_at(heap, table, Tagged(item.word))?;
                alive(heap, table, id, Life::Live, &monitor)?;
                owners.push(id.0);
            }
            let below = heap.dominators(&monitor)?.below();
            let mut text = out.text();
            TABLE.heading(context.colours, &mut text)?;
            drop(text);
            // What is still to be shown, the next one last, with its level.
            let mut waiting: Vec<(usize, OwnedGroup)> = Vec::new();
            add(heap, &below, &owners, 0, depth, most, &monitor, &mut waiting)?;
            while let Some((level, group)) = waiting.pop() {
                context.check_interrupt()?;
                let largest = group.members.first().map_or(0, |id| address(table, ObjectId(*id)).0);
                let name =
                    format!("{:indent$}{}", "", escape(heap.name(group.constructor)), indent = 2 * level);
                TABLE.row(
                    &[&group.members.len(), &group.retained, &group.outside, &Hex(largest), &name],
                    &mut out.text(),
                )?;
                add(heap, &below, &group.members, level + 1, depth, most, &monitor, &mut waiting)?;
            }
            Ok(())
        }))
    },
};

/// Levels shown at most.
const DEEPEST: usize = 64;

static TABLE: Table = Table::new(&[
    Column::right("#OBJECTS", 9),
    Column::right("RETAINED", 10),
    Column::right("OUTSIDE", 10),
    Column::right("LARGEST", 15),
    Column::left("CONSTRUCTOR", 0),
]);

#[expect(clippy::too_many_arguments, reason = "one step of a walk, which has no state of its own")]
fn add(
    heap: &Heap<'_>,
    below: &Rows,
    owners: &[u32],
    level: usize,
    depth: usize,
    most: usize,
    monitor: &Progress,
    waiting: &mut Vec<(usize, OwnedGroup)>,
) -> Result<(), DcmdError> {
    if level < depth {
        let groups = heap.owned_by(owners, below, monitor)?;
        waiting.extend(groups.into_iter().take(most).rev().map(|group| (level, group)));
    }
    Ok(())
}
