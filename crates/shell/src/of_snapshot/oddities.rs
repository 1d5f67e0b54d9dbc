//! `::jsoddities` of a heap snapshot: copies of texts, and crowds of listeners.

use std::cmp::Reverse;

use serde_json::json;
use v8_heap::snapshot::{EdgeKind, NodeKind};

use super::SnapshotSource;
use super::strings::copies_of;
use crate::answers::oddity::{MANY_COPIES, Oddity, SHOWN};
use crate::context::Context;
use crate::error::DcmdError;

/// So many listeners for one event are not told.
const MOST_LISTENERS: usize = 100;
/// Nodes between two looks at whether to stop.
const BETWEEN_LOOKS: usize = 1 << 12;

/// What is odd, `most` of each sort.
pub(crate) fn oddities(context: &Context, most: usize) -> Result<Vec<Oddity>, DcmdError> {
    let source = SnapshotSource::open(context, &context.progress())?;
    let mut crowds = listeners(context, &source)?;
    crowds.sort_by_key(|(count, emitter, _)| (Reverse(*count), *emitter));
    let mut rows = Vec::new();
    for (count, emitter, event) in crowds.into_iter().take(most) {
        let (name, id) = (source.label_of(emitter), source.id(emitter));
        rows.push(Oddity::listeners(count as u64, &name, &event, &id, json!(id)));
    }
    let mut copies = copies_of(context, &source)?;
    copies.retain(|copy| copy.wasted() >= MANY_COPIES);
    copies.sort_by_key(|copy| (Reverse(copy.wasted()), copy.nodes[0]));
    for copy in copies.into_iter().take(most) {
        let text: String = copy.text.chars().take(SHOWN).collect();
        rows.push(Oddity::copies(&text, copy.nodes.len(), copy.wasted(), json!(source.id(copy.nodes[0]))));
    }
    Ok(rows)
}

/// Emitters with very many listeners for one event: how many, the emitter, the event.
fn listeners(context: &Context, source: &SnapshotSource) -> Result<Vec<(usize, u32, String)>, DcmdError> {
    let nodes = &source.nodes;
    let Some(events) = nodes.string_saying("_events") else { return Ok(Vec::new()) };
    let has_events = nodes
        .with_edges(|edge| edge.kind == EdgeKind::Property && edge.name == events, &context.progress())?;
    let mut found = Vec::new();
    for emitter in (0..nodes.len() as u32).filter(|node| has_events.contains(*node)) {
        if (emitter as usize).is_multiple_of(BETWEEN_LOOKS) {
            context.check_interrupt()?;
        }
        for holder in nodes.edges_of(emitter)? {
            if holder.kind != EdgeKind::Property || holder.name != events {
                continue;
            }
            for event in nodes.edges_of(holder.to)? {
                if event.kind != EdgeKind::Property {
                    continue;
                }
                let elements = nodes.edges_of(event.to)?;
                let functions = elements.iter().filter(|edge| {
                    edge.kind == EdgeKind::Element && nodes.kind(edge.to) == NodeKind::Closure
                });
                let count = functions.count();
                if count > MOST_LISTENERS {
                    found.push((count, emitter, nodes.edge_name(&event).unwrap_or_default()));
                }
            }
        }
    }
    Ok(found)
}
