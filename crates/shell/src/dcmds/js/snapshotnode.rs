//! `::snapshotnode`: find the objects that a heap snapshot of `::heapsnapshot` shows under an id.
//!
//! Readers of heap snapshots show `IncomingRequest @6087`. This leads back from there to the core.
//!
//! Of a heap snapshot that is open itself, it hands on the node.
//!
//! Ids are decimal, as readers show them. They hold for snapshots of this very core that were written by this debugger, not for
//! those that V8 wrote.

use serde_json::json;
use v8_heap::snapshot::object_of_node;

use crate::answers::retention::address;
use crate::answers::sources::source;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::output::{escape, hex};
use crate::stage::Flow;
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::snapshotnode 6087 | ::jsprint url",
    r#"
"/v1/images/1080?size=64"
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "snapshotnode",
    aliases: &[],
    summary: "find the objects that a heap snapshot of ::heapsnapshot shows under an id",
    family: Family::JavaScript,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Items(Kind::Value),
    options: &[Opt::JSON],
    operands: Operands::between("id ...", 1, usize::MAX),
    needs: &[Capability::Graph],
    manual: include_str!("snapshotnode.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        let ids: Vec<String> = args
            .operands()
            .iter()
            .map(|word| word.text().map_or_else(|| word.number(10).unwrap_or(0).to_string(), str::to_owned))
            .collect();
        let as_json = args.has('j');
        if context.snapshot().is_some() {
            return Ok(for_each(move |context, _, out| {
                let source = source(context, &context.progress())?;
                for id in &ids {
                    let number = id.strip_prefix('@').unwrap_or(id).parse::<u64>().ok();
                    let Some(node) = number.and_then(|number| source.find(number).ok()) else {
                        out.fault(&format!("{} is the id of no node (ids are decimal)", escape(id)));
                        continue;
                    };
                    if as_json {
                        out.json(&json!({ "id": number, "object": source.json(node) }))?;
                    } else if out.emit(Item::value(source.word(node)))? == Flow::Enough {
                        break;
                    }
                }
                Ok(())
            }));
        }
        Ok(for_each(move |context, _, out| {
            let heap = context.heap()?;
            let table = heap.objects(&context.progress())?;
            for id in &ids {
                let number = id.strip_prefix('@').unwrap_or(id).parse::<u64>().ok();
                let object = number.and_then(object_of_node).filter(|id| table.map_of(*id).is_some());
                let Some(object) = object else {
                    out.fault(&format!("{} is the id of no object (ids are decimal, and odd)", escape(id)));
                    continue;
                };
                if as_json {
                    let object = hex(address(table, object).0);
                    out.json(&json!({ "id": number, "object": object }))?;
                    continue;
                }
                if out.emit(Item::value(address(table, object).0))? == Flow::Enough {
                    break;
                }
            }
            Ok(())
        }))
    },
};
