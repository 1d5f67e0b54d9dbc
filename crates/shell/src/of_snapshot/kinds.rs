//! `::findjsobjects` of a heap snapshot.

use std::io::Write;

use serde_json::json;
use v8_heap::Tagged;
use v8_heap::questions::Lives;
use v8_heap::snapshot::EdgeKind;
use v8_heap::snapshot_file::Class;

use super::SnapshotSource;
use super::references::References;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::{cut, escape, number_of, screen_height};
use crate::stage::{Flow, Out, Stage};
use crate::value::Item;

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// Only this constructor.
    pub constructor: Option<String>,
    /// Only objects with a property of this name.
    pub property: Option<String>,
    /// Only representatives, or all of a kind.
    pub list: bool,
    pub json: bool,
    pub by_size: bool,
    pub by_retained: bool,
    pub whole: bool,
    pub statistics: bool,
    /// Who refers to the objects.
    pub references: bool,
    /// Mark them.
    pub marks: bool,
}

/// The stage.
#[derive(Debug)]
pub(crate) struct Kinds {
    asked: Asked,
    /// Nodes whose holders are sought.
    targets: Vec<u32>,
}

impl Kinds {
    /// As asked.
    pub(crate) fn new(asked: Asked) -> Kinds {
        Kinds { asked, targets: Vec::new() }
    }

    fn table(&self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let monitor = context.progress();
        let source = SnapshotSource::open(context, &monitor)?;
        let nodes = &source.nodes;
        let mut classes = source.file.classes(self.asked.by_retained, &monitor)?;
        if let Some(wanted) = &self.asked.constructor {
            classes.retain(|class| nodes.constructor_text(class.name) == *wanted);
        }
        if let Some(wanted) = &self.asked.property {
            let string = nodes.string_saying(wanted);
            let have = nodes
                .with_edges(|edge| edge.kind == EdgeKind::Property && Some(edge.name) == string, &monitor)?;
            // One of the class with the property stands for it.
            let all = (0..nodes.len() as u32).filter(|node| string.is_some() && have.contains(*node));
            let with: std::collections::HashMap<_, _> =
                all.filter_map(|node| Some((nodes.constructor(node)?, node))).collect();
            classes.retain_mut(|class| match with.get(&class.name) {
                Some(node) => {
                    class.first = *node;
                    true
                }
                None => false,
            });
        }
        drop(monitor);
        let is_all = self.asked.constructor.is_none() && self.asked.property.is_none();
        if self.asked.statistics && !out.is_pipe() {
            let objects: u64 = classes.iter().map(|class| class.count).sum();
            writeln!(out.text(), "findjsobjects: {:>30} => {}", "nodes", nodes.len())?;
            writeln!(out.text(), "findjsobjects: {:>30} => {objects}", "JavaScript objects")?;
            writeln!(out.text(), "findjsobjects: {:>30} => {}", "unique objects", classes.len())?;
        }
        if out.is_pipe() || self.asked.list || (!self.asked.json && !is_all) {
            for class in &classes {
                if out.emit(Item::group(nodes.id(class.first), Lives::Living))? == Flow::Enough {
                    break;
                }
            }
            return Ok(());
        }
        let watched = out.text().is_watched();
        let screenful = watched
            && !self.asked.whole
            && !self.asked.json
            && !self.asked.by_retained
            && !self.asked.by_size;
        let inside = |class: &Class| class.retained.map_or(0, |(inside, _)| inside);
        if screenful {
            classes.sort_by_key(|class| std::cmp::Reverse(class.bytes));
        } else if self.asked.by_retained {
            classes.sort_by_key(inside);
        } else if self.asked.by_size {
            classes.sort_by_key(|class| class.bytes);
        }
        let shown = if screenful { rows_of_screen() } else { usize::MAX };
        let width = context.row_width(&out.text());
        if !self.asked.json {
            let retained = if self.asked.by_retained { "     RETAINED" } else { "" };
            let heading = format!("          OBJECT #OBJECTS        BYTES{retained} CONSTRUCTOR");
            out.text().heading(context.colours.underline(heading))?;
        }
        for class in classes.iter().take(shown) {
            context.check_interrupt()?;
            let name = nodes.constructor_text(class.name);
            if self.asked.json {
                let mut line = json!({
                    "object": source.id(class.first),
                    "count": class.count,
                    "size": class.bytes,
                    "constructor": name,
                });
                if class.retained.is_some() {
                    line["retained"] = inside(class).into();
                }
                out.json(&line)?;
                continue;
            }
            let mut line = format!("{:>16} {:>8} {:>12} ", source.id(class.first), class.count, class.bytes);
            if self.asked.by_retained {
                line.push_str(&format!("{:>12} ", inside(class)));
            }
            let name = escape(&name);
            let room = width.map_or(usize::MAX, |width| width.saturating_sub(line.len()).max(12));
            writeln!(out.text(), "{line}{}", cut(&name, room))?;
        }
        if let Some(more) = classes.len().checked_sub(shown).filter(|more| *more > 0) {
            writeln!(out.text(), "... {} more (-w lists all)", number_of(more as u64, "constructor"))?;
        }
        Ok(())
    }

    fn one(&mut self, context: &Context, item: Item, out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        let monitor = context.progress();
        let source = SnapshotSource::open(context, &monitor)?;
        let node = source.node(item.word)?;
        let chosen = |list: bool| if list { source.alike(node) } else { Ok(vec![node]) };
        if self.asked.references {
            self.targets.extend(chosen(self.asked.list)?);
            return Ok(Flow::Continue);
        }
        if self.asked.marks {
            for node in chosen(self.asked.list)? {
                context.marked.borrow_mut().insert(Tagged(source.nodes.id(node)));
                writeln!(out.text(), "findjsobjects: marked {}", source.id(node))?;
            }
            return Ok(Flow::Continue);
        }
        let alike = source.alike(node)?;
        if self.asked.json {
            let bytes: u64 = alike.iter().map(|node| source.nodes.size(*node)).sum();
            let name = source.nodes.constructor(node).map(|name| source.nodes.constructor_text(name));
            out.json(&json!({
                "object": source.id(node),
                "count": alike.len(),
                "size": bytes,
                "constructor": name,
            }))?;
            return Ok(Flow::Continue);
        }
        out.emit_all(alike.into_iter().map(|node| Item::value(source.nodes.id(node))))
    }
}

impl Stage for Kinds {
    fn run(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        if self.asked.marks {
            return Err(DcmdError::abort("must specify an object to mark"));
        }
        if !self.asked.references {
            return self.table(context, out);
        }
        let source = SnapshotSource::open(context, &context.progress())?;
        for marked in context.marked.take() {
            self.targets.push(source.node(marked.0)?);
        }
        if self.targets.is_empty() {
            return Err(DcmdError::abort("must specify or mark an object to find references"));
        }
        Ok(())
    }

    fn push(&mut self, context: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        for item in batch {
            context.check_interrupt()?;
            context.set_dot(item.word);
            match self.one(context, *item, out) {
                Ok(Flow::Continue) => {}
                Ok(Flow::Enough) => return Ok(Flow::Enough),
                Err(DcmdError::Failed(reason)) => out.fault(&reason),
                Err(error) => return Err(error),
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        if self.targets.is_empty() {
            return Ok(());
        }
        References {
            targets: std::mem::take(&mut self.targets),
            only_objects: true,
            types: false,
            json: self.asked.json,
        }
        .tell(context, out)
    }
}

/// Kinds that are shown to somebody who watches: as many as fit the screen with what stands around them, within reason.
fn rows_of_screen() -> usize {
    const AROUND: usize = 5;
    screen_height().map_or(25, |height| usize::from(height).saturating_sub(AROUND).clamp(10, 25))
}
