//! `::jsprint` of a heap snapshot, and the members of its nodes.

use std::io::Write;

use serde_json::{Map, Value, json};
use v8_heap::snapshot::{EdgeKind, NodeKind};
use v8_heap::snapshot_file::{Edge, Key, NodeValue};

use super::SnapshotSource;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::escape;
use crate::print::{Member, MemberStep, format_number, quoted};
use crate::stage::{Flow, Out};
use crate::value::Item;

/// Members of one object that are printed.
const MOST_MEMBERS: usize = 1000;
/// Nodes that are printed below one.
const MOST_NODES: usize = 1 << 16;
/// Levels that are descended into at most.
const DEEPEST: u64 = 64;
/// Characters of a string.
const LONGEST: usize = 1 << 16;

/// What was asked for.
pub(crate) struct AskedOfPrint {
    /// Levels to print.
    pub depth: u64,
    /// Ids in front of all values.
    pub with_ids: bool,
    pub json: bool,
    /// Members, as they were typed, each with what it means.
    pub members: Vec<(String, Member)>,
}

/// Prints a node, or members of it.
pub(crate) fn print(
    context: &Context,
    item: Item,
    asked: &AskedOfPrint,
    out: &mut Out<'_>,
) -> Result<Flow, DcmdError> {
    let source = SnapshotSource::open(context, &context.progress())?;
    let node = source.node(item.word)?;
    let mut chosen = Vec::new();
    if asked.members.is_empty() {
        chosen.push(node);
    }
    for (text, member) in &asked.members {
        chosen.push(source.member(node, text, member)?);
    }
    if out.is_pipe() {
        return out.emit_all(chosen.into_iter().map(|node| Item::value(source.nodes.id(node))));
    }
    let depth = asked.depth.min(DEEPEST);
    if asked.json {
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
        texts.push(source.value_text(node, depth, 0, asked.with_ids, &mut Budget::new(context))?);
    }
    writeln!(out.text(), "{}", texts.join(" "))?;
    Ok(Flow::Continue)
}

/// What a member of a node is, as an item of a pipe.
pub(crate) fn member(context: &Context, item: Item, text: &str, member: &Member) -> Result<Item, DcmdError> {
    let source = SnapshotSource::open(context, &context.progress())?;
    let found = source.member(source.node(item.word)?, text, member)?;
    Ok(Item::value(source.nodes.id(found)))
}

/// A line of JSON for the value that a node is.
pub(crate) fn print_json(
    context: &Context,
    item: Item,
    depth: u64,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let asked = AskedOfPrint { depth, with_ids: false, json: true, members: Vec::new() };
    print(context, item, &asked, out).map(|_| ())
}

/// How much more is printed.
pub(super) struct Budget<'c> {
    context: &'c Context,
    left: usize,
}

impl Budget<'_> {
    pub(super) fn new(context: &Context) -> Budget<'_> {
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

/// What stands in a line between the braces of an object.
enum Line {
    /// An entry of a Set.
    Member(u32),
    /// An entry of a Map; nothing where the file tells nothing.
    Entry(Option<u32>, Option<u32>),
    /// An element.
    Element(u32, u32),
    /// What has a name.
    Named(String, u32),
}

impl SnapshotSource {
    /// Entries, elements, properties, and variables of a context: what a program can name; the prototype is no member.
    fn lines(&self, node: u32) -> Result<Vec<Line>, DcmdError> {
        let mut lines = Vec::new();
        if let Some(entries) = self.nodes.entries(node)? {
            lines.extend(entries.entries.iter().filter_map(|entry| match (entries.is_set, entry.key) {
                (true, key) => key.map(Line::Member),
                (false, key) => Some(Line::Entry(key, entry.value)),
            }));
        }
        let is_object = self.nodes.constructor(node).is_some();
        for edge in self.nodes.edges_of(node)? {
            if lines.len() >= MOST_MEMBERS {
                break;
            }
            let name = match edge.kind {
                EdgeKind::Property => self.nodes.edge_name(&edge).filter(|name| name != "__proto__"),
                EdgeKind::Context => self.nodes.edge_name(&edge),
                EdgeKind::Element => {
                    lines.push(Line::Element(edge.name, edge.to));
                    None
                }
                EdgeKind::Internal | EdgeKind::Hidden if !is_object => Some(self.edge_text(&edge)),
                _ => None,
            };
            lines.extend(name.map(|name| Line::Named(name, edge.to)));
        }
        lines.truncate(MOST_MEMBERS);
        Ok(lines)
    }

    /// What a member of a node is.
    pub(super) fn member(&self, node: u32, text: &str, member: &Member) -> Result<u32, DcmdError> {
        let mut at = node;
        for step in member.steps() {
            at = self.step(at, step)?.ok_or_else(|| {
                let untold = match self.nodes.tells_numbers() {
                    true => "",
                    false => " (numbers are not in it: v8.writeHeapSnapshot(file, { exposeNumericValues: true }) writes them)",
                };
                DcmdError::failed(format!(
                    "{}: {} {} has no such member that the heap snapshot tells{untold}",
                    escape(text),
                    self.id(at),
                    self.label_of(at),
                ))
            })?;
        }
        Ok(at)
    }

    fn step(&self, node: u32, step: &MemberStep) -> Result<Option<u32>, DcmdError> {
        let key = match step {
            MemberStep::Name(name) => self.key_of(name),
            MemberStep::Index(index) => u32::try_from(*index).ok().map(Key::Index),
            MemberStep::Slot(name) if name == "Prototype" => self.key_of("__proto__"),
            MemberStep::Slot(_) => None,
            MemberStep::Get(key) => return self.entry(node, key),
        };
        Ok(match key {
            Some(key) => self.nodes.member(node, key)?,
            None => None,
        })
    }

    /// The value of a Map under a key as it prints, or as text; the member of a Set.
    fn entry(&self, node: u32, wanted: &str) -> Result<Option<u32>, DcmdError> {
        let Some(entries) = self.nodes.entries(node)? else { return Ok(None) };
        let quoted =
            ['\'', '"'].into_iter().find_map(|quote| wanted.strip_prefix(quote)?.strip_suffix(quote));
        for entry in entries.entries {
            let Some(key) = entry.key else { continue };
            let is_it = match self.nodes.string(key, LONGEST)? {
                Some(text) => text.text == quoted.unwrap_or(wanted),
                None => {
                    quoted.is_none() && (self.leaf(key)?.as_deref() == Some(wanted) || self.id(key) == wanted)
                }
            };
            if is_it {
                return Ok(if entries.is_set { Some(key) } else { entry.value });
            }
        }
        Ok(None)
    }

    /// What is no object with members, as text.
    fn leaf(&self, node: u32) -> Result<Option<String>, DcmdError> {
        if let Some(text) = self.nodes.string(node, LONGEST)? {
            return Ok(Some(quoted(&text.text, text.is_cut)));
        }
        Ok(match self.nodes.value(node)? {
            NodeValue::Undefined => Some("undefined".to_owned()),
            NodeValue::Null => Some("null".to_owned()),
            NodeValue::Boolean(truth) => Some(truth.to_string()),
            NodeValue::Number(Some(number)) => Some(format_number(number)),
            NodeValue::Number(None) | NodeValue::BigInt => {
                Some(format!("({})", escape(&self.nodes.name(node))))
            }
            NodeValue::Symbol => Some(escape(&self.symbol(node)).into_owned()),
            NodeValue::Accessor => Some("[Getter]".to_owned()),
            _ if self.nodes.kind(node) == NodeKind::RegExp => {
                Some(format!("/{}/", escape(&self.nodes.name(node))))
            }
            _ => None,
        })
    }

    pub(super) fn value_text(
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
        let lines = self.lines(node)?;
        if lines.is_empty() {
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
        let is_list = lines.iter().all(|line| matches!(line, Line::Element(..)));
        let (open, close) = if is_list { ('[', ']') } else { ('{', '}') };
        let shown = if is_list && label == "Array" { String::new() } else { shown };
        let mut text = format!("{id}{shown}{open}\n");
        let mut value = |node: Option<u32>| match node {
            Some(node) => self.value_text(node, depth - 1, indent + 4, with_ids, budget),
            None => Ok("(not told)".to_owned()),
        };
        for line in lines {
            let line = match line {
                Line::Member(member) => value(Some(member))?,
                Line::Entry(key, found) => format!("{} => {}", value(key)?, value(found)?),
                Line::Element(index, to) if is_list => format!("[{index}]: {}", value(Some(to))?),
                Line::Element(index, to) => format!("\"{index}\": {}", value(Some(to))?),
                Line::Named(name, to) => format!("\"{}\": {}", escape(&name), value(Some(to))?),
            };
            text.push_str(&format!("{:1$}{line},\n", "", indent + 4));
        }
        text.push_str(&format!("{:indent$}{close}", ""));
        Ok(text)
    }

    pub(super) fn value_json(
        &self,
        node: u32,
        depth: u64,
        budget: &mut Budget<'_>,
    ) -> Result<Value, DcmdError> {
        if let Some(text) = self.nodes.string(node, LONGEST)? {
            return Ok(json!(text.text));
        }
        match self.nodes.value(node)? {
            NodeValue::Null => return Ok(Value::Null),
            NodeValue::Boolean(truth) => return Ok(json!(truth)),
            NodeValue::Number(Some(number)) => {
                let is_whole = number.fract() == 0.0 && number.abs() < 9e15;
                return Ok(if is_whole { json!(number as i64) } else { json!(number) });
            }
            _ => {}
        }
        let lines = self.lines(node)?;
        if depth == 0 || lines.is_empty() || !budget.takes_one()? {
            return Ok(json!({ "object": self.id(node), "name": self.label_of(node) }));
        }
        let mut object = Map::new();
        let mut entries = Vec::new();
        let mut value = |node: Option<u32>| match node {
            Some(node) => self.value_json(node, depth - 1, budget),
            None => Ok(json!({ "name": "(not told)" })),
        };
        for line in lines {
            match line {
                Line::Member(member) => entries.push(value(Some(member))?),
                Line::Entry(key, found) => entries.push(json!([value(key)?, value(found)?])),
                Line::Element(index, to) => {
                    object.insert(index.to_string(), value(Some(to))?);
                }
                Line::Named(name, to) => {
                    object.insert(name, value(Some(to))?);
                }
            }
        }
        if !entries.is_empty() {
            object.insert("[[Entries]]".to_owned(), Value::Array(entries));
        }
        Ok(Value::Object(object))
    }
}

/// The member that an edge is, for what walks all of them.
pub(super) fn is_member(edge: &Edge, name: Option<&str>) -> bool {
    match edge.kind {
        EdgeKind::Property => name != Some("__proto__"),
        EdgeKind::Element => true,
        _ => false,
    }
}
