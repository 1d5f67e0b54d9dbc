//! `::jsstrings` of a heap snapshot.

use std::collections::HashMap;

use regex::Regex;
use serde_json::json;
use v8_heap::snapshot::NodeKind;

use super::SnapshotSource;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::{Column, Table, escape};
use crate::print::quoted;
use crate::stage::Out;
use crate::value::Item;

/// Characters that are searched and counted; V8 writes 1024 of each flat string.
const MOST: usize = 1 << 16;
/// Characters that a list shows.
const SHOWN: usize = 80;

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub text: Option<String>,
    pub regex: Option<Regex>,
    pub least: u64,
    pub most: Option<u64>,
    pub duplicates: bool,
    pub by_size: bool,
    pub json: bool,
    /// Strings one by one, not totals.
    pub list: bool,
}

static TOTALS: Table = Table::new(&[
    Column::left("STRINGS", 22),
    Column::right("COUNT", 11),
    Column::right("IN HEAP", 12),
    Column::right("OUTSIDE", 12),
]);

static LIST: Table = Table::new(&[
    Column::right("STRING", 16),
    Column::right("LENGTH", 8),
    Column::right("BYTES", 10),
    Column::left("TEXT", 0),
]);

static COPIES: Table = Table::new(&[
    Column::right("WASTED", 10),
    Column::right("COPIES", 8),
    Column::right("STRING", 16),
    Column::left("TEXT", 0),
]);

/// A string that was chosen.
struct Found {
    node: u32,
    text: String,
    length: u64,
    bytes: u64,
}

/// Lists strings, or counts them.
pub(crate) fn strings(context: &Context, asked: &Asked, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let monitor = context.progress();
    let source = SnapshotSource::open(context, &monitor)?;
    let nodes = &source.nodes;
    let all = (0..nodes.len() as u32).filter(|node| nodes.kind(*node).is_string());
    if !asked.list && !asked.duplicates && !out.is_pipe() {
        let mut totals: HashMap<&str, (u64, u64)> = HashMap::new();
        for node in all {
            let total = totals.entry(nodes.type_name(node)).or_default();
            *total = (total.0 + 1, total.1.saturating_add(nodes.size(node)));
        }
        let mut totals: Vec<_> = totals.into_iter().collect();
        totals.sort_unstable();
        if asked.json {
            for (name, (count, bytes)) in totals {
                out.json(&json!({ "representation": name, "count": count, "in_heap": bytes, "outside": 0 }))?;
            }
            return Ok(());
        }
        let mut text = out.text();
        TOTALS.heading(context.colours, &mut text)?;
        let mut sum = (0u64, 0u64);
        for (name, (count, bytes)) in totals {
            sum = (sum.0 + count, sum.1.saturating_add(bytes));
            TOTALS.row(&[&escape(name), &count, &bytes, &"-"], &mut text)?;
        }
        return Ok(TOTALS.row(&[&"total", &sum.0, &sum.1, &"-"], &mut text)?);
    }
    let mut found: Vec<Found> = Vec::new();
    for node in all {
        if found.len().is_multiple_of(1024) {
            context.check_interrupt()?;
        }
        if asked.duplicates && nodes.kind(node) != NodeKind::String {
            continue;
        }
        let Some(text) = nodes.string(node, MOST)? else { continue };
        let length = text.text.encode_utf16().count() as u64;
        let fits = length >= asked.least
            && asked.most.is_none_or(|most| length <= most)
            && asked.text.as_ref().is_none_or(|wanted| text.text.contains(wanted.as_str()))
            && asked.regex.as_ref().is_none_or(|regex| regex.is_match(&text.text));
        if fits {
            found.push(Found { node, text: text.text, length, bytes: nodes.size(node) });
        }
    }
    drop(monitor);
    if asked.duplicates {
        return copies(context, &source, found, asked, out);
    }
    if asked.by_size {
        found.sort_by_key(|found| (found.bytes, found.node));
    }
    if out.is_pipe() {
        out.emit_all(found.iter().map(|found| Item::value(nodes.id(found.node))))?;
        return Ok(());
    }
    if !asked.json {
        LIST.heading(context.colours, &mut out.text())?;
    }
    for Found { node, text, length, bytes } in found {
        context.check_interrupt()?;
        if asked.json {
            out.json(&json!({
                "string": source.id(node),
                "length": length,
                "representation": nodes.type_name(node),
                "in_heap": bytes,
                "outside": 0,
                "text": start_of(&text),
            }))?;
            continue;
        }
        LIST.row(&[&source.id(node), &length, &bytes, &shown(&text)], &mut out.text())?;
    }
    Ok(())
}

/// A text that is there more than once.
pub(super) struct Copies {
    pub text: String,
    /// Bytes of each.
    bytes: u64,
    pub nodes: Vec<u32>,
}

impl Copies {
    /// Bytes that one copy would save.
    pub(super) fn wasted(&self) -> u64 {
        self.bytes.saturating_mul(self.nodes.len() as u64 - 1)
    }
}

/// Texts that are there more than once, of those given with their bytes and nodes.
fn grouped(all: impl Iterator<Item = (String, u64, u32)>) -> Vec<Copies> {
    // Longer texts are cut in the file: those that begin alike are taken for the same only if they take as much room.
    let mut groups: HashMap<(String, u64), Vec<u32>> = HashMap::new();
    for (text, bytes, node) in all {
        groups.entry((text, bytes)).or_default().push(node);
    }
    let several = groups.into_iter().filter(|(_, nodes)| nodes.len() > 1);
    several.map(|((text, bytes), nodes)| Copies { text, bytes, nodes }).collect()
}

/// All texts that are there more than once.
pub(super) fn copies_of(context: &Context, source: &SnapshotSource) -> Result<Vec<Copies>, DcmdError> {
    let nodes = &source.nodes;
    let mut found = Vec::new();
    for node in (0..nodes.len() as u32).filter(|node| nodes.kind(*node) == NodeKind::String) {
        if found.len().is_multiple_of(1024) {
            context.check_interrupt()?;
        }
        found.extend(nodes.string(node, MOST)?.map(|text| (text.text, nodes.size(node), node)));
    }
    Ok(grouped(found.into_iter()))
}

/// Prints texts that are there more than once.
fn copies(
    context: &Context,
    source: &SnapshotSource,
    found: Vec<Found>,
    asked: &Asked,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let mut groups = grouped(found.into_iter().map(|one| (one.text, one.bytes, one.node)));
    groups.sort_by_key(|copies| (copies.wasted(), copies.nodes[0]));
    if out.is_pipe() {
        let nodes = groups.iter().flat_map(|copies| &copies.nodes);
        out.emit_all(nodes.map(|node| Item::value(source.nodes.id(*node))))?;
        return Ok(());
    }
    if !asked.json {
        COPIES.heading(context.colours, &mut out.text())?;
    }
    for copies in groups {
        context.check_interrupt()?;
        let (wasted, Copies { text, nodes, .. }) = (copies.wasted(), copies);
        if asked.json {
            out.json(&json!({
                "wasted": wasted,
                "copies": nodes.len(),
                "string": source.id(nodes[0]),
                "text": start_of(&text),
            }))?;
            continue;
        }
        COPIES.row(&[&wasted, &nodes.len(), &source.id(nodes[0]), &shown(&text)], &mut out.text())?;
    }
    Ok(())
}

fn start_of(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

fn shown(text: &str) -> String {
    let start = start_of(text);
    quoted(&start, start.len() < text.len())
}
