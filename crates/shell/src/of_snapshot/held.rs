//! `::jsarray`, `::jsmap` and `::jsclosure` of a heap snapshot: what one node holds.

use std::io::Write;

use serde_json::json;
use v8_heap::snapshot::EdgeKind;

use super::SnapshotSource;
use super::print::Budget;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::escape;
use crate::stage::{Flow, Out};
use crate::value::Item;

/// Characters of a key that is compared.
const LONGEST: usize = 1 << 16;

/// The elements of an array, each with its index if that is wanted.
pub(crate) fn elements(
    context: &Context,
    item: Item,
    indexed: bool,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let source = SnapshotSource::open(context, &context.progress())?;
    for (index, node) in source.array(source.node(item.word)?)? {
        if indexed && !out.is_pipe() {
            context.check_interrupt()?;
            writeln!(out.text(), "{index} {}", source.id(node))?;
        } else if out.emit(Item::value(source.nodes.id(node)))? == Flow::Enough {
            break;
        }
    }
    Ok(())
}

/// Which entries of a collection are wanted, and what of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct AskedOfEntries {
    /// Keys, or values, only.
    pub keys: bool,
    pub values: bool,
    /// The one with this key.
    pub key: Option<u64>,
    /// The one whose key is this string.
    pub text: Option<String>,
}

/// The entries of a Map or Set.
pub(crate) fn entries(
    context: &Context,
    item: Item,
    asked: &AskedOfEntries,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let source = SnapshotSource::open(context, &context.progress())?;
    let collection = source.entries(source.node(item.word)?)?;
    let wanted_key = asked.key.map(|key| source.node(key)).transpose()?;
    for entry in collection.entries {
        context.check_interrupt()?;
        if wanted_key.is_some() && entry.key != wanted_key {
            continue;
        }
        if let Some(wanted) = &asked.text {
            let text = entry.key.map_or(Ok(None), |key| source.nodes.string(key, LONGEST))?;
            if text.is_none_or(|text| text.text != *wanted) {
                continue;
            }
        }
        let value = if collection.is_set { entry.key } else { entry.value };
        let alone = out.is_pipe() || asked.keys || asked.values || collection.is_set;
        if !alone {
            let shown = |node: Option<u32>| node.map_or("-".to_owned(), |node| source.id(node));
            writeln!(out.text(), "{} {}", shown(entry.key), shown(value))?;
            continue;
        }
        let Some(node) = (if asked.keys { entry.key } else { value }) else { continue };
        if out.emit(Item::value(source.nodes.id(node)))? == Flow::Enough {
            break;
        }
    }
    Ok(())
}

/// What is wanted of the variables of a function.
#[derive(Clone, Debug, Default)]
pub(crate) struct AskedOfVariables {
    /// All scopes around the function.
    pub all: bool,
    /// Levels to print of each value.
    pub depth: u64,
    pub json: bool,
    /// Only these, each from the innermost scope that has it.
    pub names: Vec<String>,
}

/// The variables that a function has captured.
pub(crate) fn variables(
    context: &Context,
    item: Item,
    asked: &AskedOfVariables,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let source = SnapshotSource::open(context, &context.progress())?;
    let mut scopes = source.contexts(source.node(item.word)?)?;
    if !asked.all && asked.names.is_empty() {
        scopes.truncate(1);
    }
    let mut found: Vec<(String, u32, u32)> = Vec::new();
    for scope in scopes {
        for edge in source.nodes.edges_of(scope)? {
            if edge.kind == EdgeKind::Context {
                found.push((source.nodes.edge_name(&edge).unwrap_or_default(), edge.to, scope));
            }
        }
    }
    if !asked.names.is_empty() {
        let mut chosen = Vec::new();
        for name in &asked.names {
            let variable = found.iter().find(|(own, ..)| own == name).cloned();
            chosen.push(variable.ok_or_else(|| {
                DcmdError::failed(format!(
                    "{} has captured no variable \"{}\" that the heap snapshot tells",
                    context.word_text(item.word),
                    escape(name)
                ))
            })?);
        }
        found = chosen;
    }
    let mut last = None;
    for (name, node, scope) in found {
        context.check_interrupt()?;
        if out.is_pipe() {
            if out.emit(Item::value(source.nodes.id(node)))? == Flow::Enough {
                break;
            }
            continue;
        }
        let mut budget = Budget::new(context);
        if asked.json {
            let value = source.value_json(node, asked.depth, &mut budget)?;
            out.json(&json!({ "name": name, "value": value, "context": source.id(scope) }))?;
            continue;
        }
        if asked.all && last != Some(scope) {
            last = Some(scope);
            writeln!(out.text(), "context {}:", source.id(scope))?;
        }
        let value = source.value_text(node, asked.depth, 4, true, &mut budget)?;
        writeln!(out.text(), "    \"{}\": {value}", escape(&name))?;
    }
    Ok(())
}
