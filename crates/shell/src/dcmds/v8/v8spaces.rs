//! `::v8spaces`: say how V8's memory is used, space by space.
//!
//! For each isolate, what V8 itself counts of its spaces, as `v8.getHeapSpaceStatistics()` would have said it in the
//! process at the moment of the core: `SIZE` is what V8 got from the system, `USED` what it gave out to objects, dead ones
//! that have not been swept among them, `FREE` what it could give out without asking for more, `PHYSICAL` what of `SIZE`
//! has been touched. The numbers are V8's own counters, read from its space objects. Spaces that are empty are left out.
//!
//! `total` is `v8.getHeapStatistics().total_heap_size`, `used_heap_size` and `total_physical_size`, the last line is
//! `external_memory` (buffers, and the characters of external strings) and `process.memoryUsage().arrayBuffers`, which Node.js
//! counts for the whole thread.
//!
//! `-v` sets beside this what a walk over the pages finds: objects, their bytes, and the free memory between and behind them.
//! That is other memory than the counters, so the two check each other. `USED` can be more than `OBJECTS` by the ends of pages
//! that are full, by pages that have not been swept, and in V8 11 by the areas in which threads allocate.
//!
//! `-j` prints one JSON object for each space, with all the figures of `-v`.
//!
//! # Limits
//!
//! A `?` stands for a counter that the core does not hold. From V8 12 on a process that asks gives back the areas in which its
//! main thread allocates, and they count as free here; those of background threads do so here, too, but not there. With
//! `--minor-ms` the young generation is not made of semispaces, and its counters are not understood.

use std::fmt::Display;
use std::io::Write;

use serde_json::json;
use v8_heap::isolate::Isolate;
use v8_heap::questions::{Space, SpaceContents, SpaceCounters};

use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{self, Column, Table};
use crate::stage::Out;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::v8spaces",
    r#"
isolate 1f430000
SPACE                            SIZE         USED         FREE     PHYSICAL  PAGES
new_space                     1048576       262128       786384        16384      4
old_space                     4366336      4230584       119248      4366336     17
code_space                     262144        59520       202592        61440      1
trusted_space                 1175552       966992       208480       970752      5
new_large_object_space              0            0      1048576            0      0
large_object_space             266240       262160            0       266240      1
total                         7118848      5781384      2365280      5681152     28
external memory: 1818140 bytes, array buffers: 137653 bytes
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "v8spaces",
    aliases: &[],
    summary: "say how V8's memory is used, space by space",
    family: Family::V8,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[
        Opt::flag('v', "add what a walk over the pages finds, and spaces that are empty"),
        Opt::flag('j', "print one JSON object for each space"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("v8spaces.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (verbose, as_json) = (args.has('v'), args.has('j'));
        Ok(for_each(move |context, _, out| {
            let isolates = context.heap()?.spaces().isolates().to_vec();
            for isolate in &isolates {
                if as_json {
                    json_lines(context, isolate, out)?
                } else {
                    table(context, isolate, verbose, out)?
                }
            }
            if verbose && !as_json {
                read_only(context, out)?
            }
            Ok(())
        }))
    },
};

const WIDTH: usize = 12;

static BRIEF: Table = Table::new(&[
    Column::left("SPACE", 24),
    Column::right("SIZE", WIDTH),
    Column::right("USED", WIDTH),
    Column::right("FREE", WIDTH),
    Column::right("PHYSICAL", WIDTH),
    Column::right("PAGES", 6),
]);

static FULL: Table = Table::new(&[
    Column::left("SPACE", 24),
    Column::right("SIZE", WIDTH),
    Column::right("USED", WIDTH),
    Column::right("FREE", WIDTH),
    Column::right("PHYSICAL", WIDTH),
    Column::right("PAGES", 6),
    Column::right("#OBJECTS", 10),
    Column::right("OBJECTS", WIDTH),
    Column::right("BETWEEN", WIDTH),
]);

/// A count, or `?`.
struct Count(Option<u64>);

impl Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(count) => Display::fmt(&count, f),
            None => f.pad("?"),
        }
    }
}

fn row(
    name: &str,
    counters: Option<SpaceCounters>,
    contents: SpaceContents,
    verbose: bool,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let count = |of: fn(SpaceCounters) -> u64| Count(counters.map(of));
    let (size, used) = (count(|c| c.committed), count(|c| c.used));
    let (free, physical) = (count(|c| c.available), count(|c| c.physical));
    let mut text = out.text();
    let table = if verbose { &FULL } else { &BRIEF };
    let mut cells: Vec<&dyn Display> = vec![&name, &size, &used, &free, &physical, &contents.pages];
    if verbose {
        let found: [&dyn Display; 3] = [&contents.objects, &contents.object_bytes, &contents.free_bytes];
        cells.extend(found);
    }
    Ok(table.row(&cells, &mut text)?)
}

fn table(context: &Context, isolate: &Isolate, verbose: bool, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let heap = context.heap()?;
    let spaces = heap.spaces_of(isolate, &context.progress())?;
    writeln!(out.text(), "isolate {:x}", isolate.address)?;
    (if verbose { &FULL } else { &BRIEF }).heading(context.colours, &mut out.text())?;
    let mut all = Some(SpaceCounters::default());
    let mut found = SpaceContents::default();
    for Space { name, counters, contents, .. } in &spaces {
        all = all.zip(*counters).map(|(all, more)| SpaceCounters {
            committed: all.committed.saturating_add(more.committed),
            used: all.used.saturating_add(more.used),
            available: all.available.saturating_add(more.available),
            physical: all.physical.saturating_add(more.physical),
        });
        found.pages += contents.pages;
        found.objects += contents.objects;
        found.object_bytes = found.object_bytes.saturating_add(contents.object_bytes);
        found.free_bytes = found.free_bytes.saturating_add(contents.free_bytes);
        let is_empty = *counters == Some(SpaceCounters::default()) && contents.pages == 0;
        if verbose || !is_empty {
            row(name, *counters, *contents, verbose, out)?;
        }
    }
    row("total", all, found, verbose, out)?;
    let outside = heap.external_memory(isolate);
    let bytes =
        |count: Option<u64>| count.map_or("not in the core".to_owned(), |count| format!("{count} bytes"));
    writeln!(
        out.text(),
        "external memory: {}, array buffers: {}",
        bytes(outside.external),
        bytes(outside.array_buffers)
    )?;
    Ok(())
}

fn read_only(context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let contents = context.heap()?.shared_contents(&context.progress())?;
    writeln!(
        out.text(),
        "read-only, shared by all isolates: {} pages, {} objects of {} bytes",
        contents.pages,
        contents.objects,
        contents.object_bytes
    )?;
    Ok(())
}

fn json_lines(context: &Context, isolate: &Isolate, out: &mut Out<'_>) -> Result<(), DcmdError> {
    for space in context.heap()?.spaces_of(isolate, &context.progress())? {
        let counters = space.counters;
        let line = json!({
            "isolate": format!("{:#x}", isolate.address),
            "space": space.name,
            "size": counters.map(|counters| counters.committed),
            "used": counters.map(|counters| counters.used),
            "available": counters.map(|counters| counters.available),
            "physical": counters.map(|counters| counters.physical),
            "pages": space.contents.pages,
            "page_bytes": space.contents.page_bytes,
            "objects": space.contents.objects,
            "object_bytes": space.contents.object_bytes,
            "free_bytes": space.contents.free_bytes,
        });
        writeln!(out.text(), "{}", output::json(&line))?;
    }
    Ok(())
}
