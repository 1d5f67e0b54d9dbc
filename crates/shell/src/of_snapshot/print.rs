//! `::jsprint` of a heap snapshot.

use std::io::Write;

use serde_json::{Map, Value, json};
use v8_heap::snapshot::{EdgeKind, NodeKind};
use v8_heap::snapshot_file::Edge;

use super::SnapshotSource;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::escape;
use crate::stage::{Flow, Out};
use crate::value::Item;

/// Levels that are printed if nobody says how many.
const USUAL: u64 = 2;
/// Members of one object that are printed.
const MOST_MEMBERS: usize = 1000;
/// Nodes that are printed below one.
const MOST_NODES: usize = 1 << 16;
/// Characters of a string.
const LONGEST: usize = 1 << 16;

/// Prints a node, or members of it.
pub(crate) fn print(
    context: &Context,
    item: Item,
    depth: Option<u64>,
    with_ids: bool,
    as_json: bool,
    members: &[String],
    out: &mut Out<'_>,
) -> Result<Flow, DcmdError> {
    let source = SnapshotSource::open(context, &context.progress())?;
    let node = source.node(item.word)?;
    let mut chosen = Vec::new();
    if members.is_empty() {
        chosen.push(node);
    }
    for member in members {
        chosen.push(source.member(node, member)?);
    }
    if out.is_pipe() {
        return out.emit_all(chosen.into_iter().map(|node| Item::value(source.nodes.id(node))));
    }
    let depth = depth.unwrap_or(USUAL).min(64);
    if as_json {
        for node in chosen {
            out.json(&json!({
                "object": source.id(node),
                "name": source.label_of(node),
                "value": source.value_json(node, depth, &mut Budget::new(context))?,
            }))?;
        }
        return Ok(Flow::Continue);
    }
    let mut texts = Vec::new();
    for node in chosen {
        texts.push(source.value_text(node, depth, 0, with_ids, &mut Budget::new(context))?);
    }
    writeln!(out.text(), "{}", texts.join(" "))?;
    Ok(Flow::Continue)
}

/// How much more is printed.
struct Budget<'c> {
    context: &'c Context,
    left: usize,
}

impl Budget<'_> {
    fn new(context: &Context) -> Budget<'_> {
        Budget { context, left: MOST_NODES }
    }

    /// Whether one more node is printed.
    ///
    /// # Errors
    /// The user has stopped it.
    fn takes_one(&mut self) -> Result<bool, DcmdError> {
        self.context.check_interrupt()?;
        self.left = self.left.saturating_sub(1);
        Ok(self.left > 0)
    }
}

impl SnapshotSource {
    /// Properties and elements, and variables of a context: what a program can name; the prototype is no member.
    fn members(&self, node: u32) -> Result<Vec<(String, Edge)>, DcmdError> {
        let mut members = Vec::new();
        let is_object = self.nodes.constructor(node).is_some();
        for edge in self.nodes.edges_of(node)? {
            let name = match edge.kind {
                EdgeKind::Property => self.nodes.edge_name(&edge).filter(|name| name != "__proto__"),
                EdgeKind::Context => self.nodes.edge_name(&edge),
                EdgeKind::Element => Some(edge.name.to_string()),
                EdgeKind::Internal | EdgeKind::Hidden if !is_object => Some(self.edge_text(&edge)),
                _ => None,
            };
            if let Some(name) = name {
                members.push((name, edge));
            }
            if members.len() >= MOST_MEMBERS {
                break;
            }
        }
        Ok(members)
    }

    /// What `user.name`, or `list[3]`, leads to from a node.
    fn member(&self, node: u32, path: &str) -> Result<u32, DcmdError> {
        let mut at = node;
        for step in
            path.split(['.', '[']).map(|step| step.trim_end_matches(']')).filter(|step| !step.is_empty())
        {
            let edges = self.nodes.edges_of(at)?;
            let is_it = |edge: &&Edge| match edge.kind {
                EdgeKind::Element => edge.name.to_string() == step,
                EdgeKind::Property | EdgeKind::Context => self.nodes.edge_name(edge).as_deref() == Some(step),
                _ => false,
            };
            at = edges.iter().find(is_it).map(|edge| edge.to).ok_or_else(|| {
                DcmdError::failed(format!(
                    "{} {} has no member {} that a heap snapshot tells (small integers are in none)",
                    self.id(at),
                    self.label_of(at),
                    escape(step)
                ))
            })?;
        }
        Ok(at)
    }

    /// What is no object with members, as text.
    fn leaf(&self, node: u32) -> Result<Option<String>, DcmdError> {
        if let Some(text) = self.nodes.string(node, LONGEST)? {
            return Ok(Some(format!("\"{}{}\"", escape(&text.text), if text.is_cut { "..." } else { "" })));
        }
        let name = self.nodes.name(node);
        Ok(match self.nodes.kind(node) {
            NodeKind::Hidden if matches!(&*name, "system / Oddball" | "system / Boolean") => Some(name),
            NodeKind::Number | NodeKind::BigInt | NodeKind::Symbol => Some(format!("({})", escape(&name))),
            NodeKind::Hidden | NodeKind::Code | NodeKind::ObjectShape
                if self.nodes.constructor(node).is_none() =>
            {
                match &*name {
                    "undefined" | "null" | "true" | "false" => Some(name),
                    _ => None,
                }
            }
            NodeKind::RegExp => Some(format!("/{}/", escape(&name))),
            _ => None,
        })
    }

    fn value_text(
        &self,
        node: u32,
        depth: u64,
        indent: usize,
        with_ids: bool,
        budget: &mut Budget<'_>,
    ) -> Result<String, DcmdError> {
        let id = if with_ids { format!("{}: ", self.id(node)) } else { String::new() };
        if let Some(leaf) = self.leaf(node)? {
            return Ok(format!("{id}{leaf}"));
        }
        let label = self.label_of(node);
        let shown = if label == "Object" { String::new() } else { format!("{label} ") };
        let members = self.members(node)?;
        if members.is_empty() {
            let is_plain = self.nodes.kind(node) == NodeKind::Object;
            return Ok(if is_plain { format!("{id}{shown}{{}}") } else { format!("{id}{label}") });
        }
        // What a function has of its own is seldom what is asked for.
        if depth == 0 || !budget.takes_one()? || indent > 0 && self.nodes.kind(node) == NodeKind::Closure {
            let dots = match label.as_str() {
                "Array" => return Ok(format!("{id}[...]")),
                _ if self.nodes.kind(node) == NodeKind::Closure => "",
                _ => "{...}",
            };
            return Ok(format!("{id}{shown}{dots}").trim_end().to_owned());
        }
        let is_list = members.iter().all(|(_, edge)| edge.kind == EdgeKind::Element);
        let (open, close) = if is_list { ('[', ']') } else { ('{', '}') };
        let shown = if is_list && label == "Array" { String::new() } else { shown };
        let mut text = format!("{id}{shown}{open}\n");
        for (name, edge) in members {
            let value = self.value_text(edge.to, depth - 1, indent + 4, with_ids, budget)?;
            let name = if is_list { format!("[{name}]") } else { format!("\"{}\"", escape(&name)) };
            text.push_str(&format!("{:1$}{name}: {value},\n", "", indent + 4));
        }
        text.push_str(&format!("{:indent$}{close}", ""));
        Ok(text)
    }

    fn value_json(&self, node: u32, depth: u64, budget: &mut Budget<'_>) -> Result<Value, DcmdError> {
        if let Some(text) = self.nodes.string(node, LONGEST)? {
            return Ok(json!(text.text));
        }
        let members = self.members(node)?;
        if depth == 0 || members.is_empty() || !budget.takes_one()? {
            return Ok(json!({ "object": self.id(node), "name": self.label_of(node) }));
        }
        let mut object = Map::new();
        for (name, edge) in members {
            object.insert(name, self.value_json(edge.to, depth - 1, budget)?);
        }
        Ok(Value::Object(object))
    }
}
