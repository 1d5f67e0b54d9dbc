//! `::v8pages`: list the pages of the V8 heap.
//!
//! One line for each page, in the order of addresses: its first address, its size, where its objects begin and end, the
//! space, the isolate it belongs to (none for read-only pages, which all share), how many objects a walk found on it and how
//! many bytes they and the free memory between them take, and what is odd about it: `large` (holds one object), `stale`
//! (unused half of the young generation), `salvaged` (its header was of no use), `missing N` (bytes that the core lacks).
//!
//! `-s space` keeps those of the spaces whose names begin so: `-s old`. In a pipe it yields the addresses of the pages.

use serde_json::json;
use v8_heap::isolate::{Page, PageState};

use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{Column, Hex, Table, escape, hex};
use crate::stage::Out;
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::v8pages -s code",
    r#"
            PAGE     SIZE        START          END SPACE                 ISOLATE #OBJECTS    OBJECTS       FREE
    7ff60c080000   262144 7ff60c080020 7ff60c0c0000 code                 1f430000       69      59520     202592
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "v8pages",
    aliases: &[],
    summary: "list the pages of the V8 heap",
    family: Family::V8,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Items(Kind::Address),
    options: &[Opt::text('s', "space", "only those of the spaces whose names begin so").filter(), Opt::JSON],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("v8pages.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        let as_json = args.has('j');
        let wanted = args.text('s').map(str::to_owned);
        if let Some(wanted) = &wanted {
            let names = context.heap()?.layout().space_names;
            if !names.iter().any(|name| name.starts_with(wanted.as_str())) {
                let reason =
                    format!("no space is called \"{}\" (there are {})", escape(wanted), names.join(", "));
                return Err(DcmdError::usage(reason));
            }
        }
        Ok(for_each(move |context, _, out| list(context, wanted.as_deref().unwrap_or(""), as_json, out)))
    },
};

static TABLE: Table = Table::new(&[
    Column::right("PAGE", 16),
    Column::right("SIZE", 8),
    Column::right("START", 12),
    Column::right("END", 12),
    Column::left("SPACE", 16),
    Column::right("ISOLATE", 12),
    Column::right("#OBJECTS", 8),
    Column::right("OBJECTS", 10),
    Column::right("FREE", 10),
    Column::left("", 0),
]);

fn list(context: &Context, wanted: &str, as_json: bool, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let heap = context.heap()?;
    let names = heap.layout().space_names;
    let name_of = |page: &Page<'_>| match page.space.and_then(|space| names.get(usize::from(space))) {
        _ if page.to_space && !page.large => "new",
        Some(name) => *name,
        None => "unknown",
    };
    let pages: Vec<(usize, &Page<'_>)> = heap
        .spaces()
        .pages()
        .iter()
        .enumerate()
        .filter(|(_, page)| name_of(page).starts_with(wanted))
        .collect();
    if out.is_pipe() {
        out.emit_all(pages.iter().map(|(_, page)| Item::address(page.base)))?;
        return Ok(());
    }
    let table = heap.objects(&context.progress())?;
    if !as_json {
        TABLE.heading(context.colours, &mut out.text())?;
    }
    for (index, page) in pages {
        context.check_interrupt()?;
        if out.has_enough() {
            break;
        }
        let usage = table.page_usage(index);
        let isolate = heap.spaces().isolates().iter().find(|isolate| isolate.heap == page.heap);
        let mut notes = Vec::new();
        if page.large {
            notes.push("large".to_owned());
        }
        match page.state {
            PageState::InUse => {}
            PageState::Stale => notes.push("stale".to_owned()),
            PageState::Left => notes.push("emptied".to_owned()),
        }
        if page.salvaged {
            notes.push("salvaged".to_owned());
        }
        if page.missing() > 0 {
            notes.push(format!("missing {}", page.missing()));
        }
        let unused: u64 = page.unused.iter().map(|(start, end)| end.saturating_sub(*start)).sum();
        let free = usage.free_bytes.saturating_add(unused);
        if as_json {
            out.json(&json!({
                "page": hex(page.base),
                "size": page.size,
                "start": hex(page.area_start),
                "end": hex(page.area_end),
                "space": name_of(page),
                "isolate": isolate.map(|isolate| hex(isolate.address)),
                "objects": usage.objects,
                "objectBytes": usage.object_bytes,
                "freeBytes": free,
                "notes": notes,
            }))?;
            continue;
        }
        let isolate = isolate.map_or("-".to_owned(), |isolate| format!("{:x}", isolate.address));
        TABLE.row(
            &[
                &Hex(page.base),
                &page.size,
                &Hex(page.area_start),
                &Hex(page.area_end),
                &name_of(page),
                &isolate,
                &usage.objects,
                &usage.object_bytes,
                &free,
                &notes.join(", "),
            ],
            &mut out.text(),
        )?;
    }
    Ok(())
}
