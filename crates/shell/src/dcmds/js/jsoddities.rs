//! `::jsoddities`: list what takes more than it holds: dictionaries, spare room, copies of strings, crowds of listeners.
//!
//! - Classes of which many objects are *in dictionary mode*: their properties are in a hash table each, as V8 does where properties were
//!   deleted or are very many. They take several times as much, and are slower. Told from 1000 objects of a constructor on, or if one
//!   has 1000 properties.
//! - Arrays, Maps and Sets of which less than half is used, by constructor: the bytes that nothing is in. V8 gives room back only when it
//!   rebuilds them. Told from 16 kB on.
//! - Texts of which the heap has several copies, by the bytes that one copy would save (`::jsstrings -d`). Told from 100 kB on.
//! - Emitters with more than 100 listeners for one event: mostly a listener that is added again and again.
//!
//! Of objects only the living count; of strings all, as with `::jsstrings`. `-j` prints a line of JSON for each. Nothing of it need be wrong:
//! an index by name is a dictionary.
//!
//! # Heap snapshots
//!
//! Of a heap snapshot copies of texts and crowds of listeners are told: it does not say how properties are stored, or how much of a
//! collection is used.
//!
//! # Limits
//!
//! Listeners of an `EventTarget` are not counted.

use std::io::Write;

use serde_json::json;
use v8_heap::Heap;
use v8_heap::questions::{Oddities, StringQuery};

use crate::answers::oddity::{MANY_COPIES, Oddity, SHOWN};
use crate::answers::retention::open;
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::of_snapshot;
use crate::output::{escape, hex};

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::jsoddities",
    r#"
1 Map less than half full, with 29952 bytes that nothing is in, 29952 of them in one (15cb447412d9::v8print)
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsoddities",
    aliases: &[],
    summary: "list what takes more than it holds: dictionaries, spare room, copies of strings, crowds of listeners",
    family: Family::JavaScript,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::number('n', "rows", "show at most so many of each sort; 5 if not said"), Opt::JSON],
    operands: Operands::NONE,
    needs: &[Capability::Graph],
    manual: include_str!("jsoddities.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let most = usize::try_from(args.number('n').unwrap_or(5)).unwrap_or(usize::MAX);
        let as_json = args.has('j');
        Ok(for_each(move |context, _, out| {
            let rows = rows(context, most)?;
            if rows.is_empty() && !as_json {
                writeln!(out.text(), "nothing is odd")?;
            }
            for row in rows {
                match as_json {
                    true => out.json(&row.json())?,
                    false => writeln!(out.text(), "{} ({})", row.says, row.command)?,
                }
            }
            Ok(())
        }))
    },
};

/// Objects in dictionary mode from which on a class is told, and properties from which on one object is.
const MANY_DICTIONARIES: u64 = 1000;
const MANY_PROPERTIES: u64 = 1000;
/// Bytes of spare room from which on it is told.
const MUCH_ROOM: u64 = 16 << 10;
fn rows(context: &Context, most: usize) -> Result<Vec<Oddity>, DcmdError> {
    if context.snapshot().is_some() {
        return of_snapshot::oddities(context, most);
    }
    let monitor = context.progress();
    let (heap, _) = open(context, &monitor)?;
    let found = heap.oddities(&monitor)?;
    let mut rows = of_objects(heap, &found, most);
    let strings = heap.strings(&StringQuery::default(), &monitor)?;
    let copies = heap.duplicate_strings(&strings.entries, &monitor)?;
    drop(monitor);
    let mut copies: Vec<_> = copies.iter().filter(|copy| copy.wasted >= MANY_COPIES).collect();
    copies.sort_by_key(|copy| (std::cmp::Reverse(copy.wasted), copy.copies.first().copied()));
    for copy in copies.into_iter().take(most) {
        let Some(first) = copy.copies.first() else { continue };
        let text = heap.string(*first, SHOWN).map(|text| text.to_text()).unwrap_or_default();
        rows.push(Oddity::copies(&text, copy.copies.len(), copy.wasted, hex(first.0)));
    }
    Ok(rows)
}

fn of_objects(heap: &Heap<'_>, found: &Oddities, most: usize) -> Vec<Oddity> {
    let name = |id| escape(heap.name(id)).into_owned();
    let dictionaries = found
        .dictionaries
        .iter()
        .filter(|own| own.objects >= MANY_DICTIONARIES || own.largest.0 >= MANY_PROPERTIES);
    let mut rows: Vec<Oddity> = dictionaries
        .take(most)
        .map(|own| Oddity {
            sort: "dictionary",
            says: format!(
                "{} {} in dictionary mode with {} properties, {} of them in the largest",
                own.objects,
                name(own.constructor),
                own.properties,
                own.largest.0
            ),
            command: format!("{}::v8print", own.largest.1),
            fields: vec![
                ("constructor", json!(heap.name(own.constructor))),
                ("object", hex(own.largest.1.0)),
                ("count", json!(own.objects)),
                ("properties", json!(own.properties)),
            ],
        })
        .collect();
    rows.extend(found.spare.iter().filter(|own| own.bytes >= MUCH_ROOM).take(most).map(|own| Oddity {
        sort: "spare",
        says: format!(
            "{} {} less than half full, with {} bytes that nothing is in, {} of them in one",
            own.objects,
            name(own.constructor),
            own.bytes,
            own.largest.0
        ),
        command: format!("{}::v8print", own.largest.1),
        fields: vec![
            ("constructor", json!(heap.name(own.constructor))),
            ("object", hex(own.largest.1.0)),
            ("count", json!(own.objects)),
            ("bytes", json!(own.bytes)),
        ],
    }));
    rows.extend(found.listeners.iter().take(most).map(|own| {
        let event = heap.name_text(own.event).unwrap_or_default();
        let emitter = match heap.object(own.emitter) {
            Ok(object) => heap.name(heap.constructor_name(object)),
            Err(_) => "",
        };
        Oddity::listeners(own.count, emitter, &event, &own.emitter.to_string(), hex(own.emitter.0))
    }));
    rows
}
