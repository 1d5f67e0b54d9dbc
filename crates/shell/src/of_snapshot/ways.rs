//! `::jspath` of a heap snapshot.

use std::collections::HashMap;
use std::io::Write;

use serde_json::{Value, json};
use v8_heap::graph::{Objects, Passage};
use v8_heap::snapshot_file::Way;

use super::{SnapshotSource, joined};
use crate::answers::share::percent;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::Progress;
use crate::stage::{Flow, Out, Stage};
use crate::value::Item;

/// One step of a way.
struct Step {
    /// How the node is held by that of the step before; nothing for the first.
    manner: Option<String>,
    /// How many steps in a row were the same.
    times: u64,
    node: u32,
    label: String,
}

impl SnapshotSource {
    /// What holds the first node of a way.
    fn root_text(&self, way: &Way) -> String {
        match way.root {
            None => "global object".to_owned(),
            Some(root) if root == self.file.root() => "root".to_owned(),
            Some(root) => self.label_of(root),
        }
    }

    /// The steps of a way; without `verbose`, storage between objects is left out, and steps that repeat are one.
    fn steps(&self, way: &Way, verbose: bool) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let mut between: Vec<String> = Vec::new();
        for (at, &node) in way.nodes.iter().enumerate() {
            if let Some(holder) = at.checked_sub(1).and_then(|before| way.nodes.get(before)) {
                between.push(self.hold(*holder, node).unwrap_or_else(|| "(not known how)".to_owned()));
            }
            let is_last = at + 1 == way.nodes.len();
            if !verbose && !is_last && at > 0 && self.nodes.passage(node) != Passage::Object {
                continue;
            }
            let manner = (!between.is_empty()).then(|| joined(&between));
            between.clear();
            let label = self.label_of(node);
            match steps.last_mut() {
                Some(last)
                    if !verbose && manner.is_some() && last.manner == manner && last.label == label =>
                {
                    last.times += 1;
                    last.node = node;
                }
                _ => steps.push(Step { manner, times: 1, node, label }),
            }
        }
        steps
    }

    fn steps_json(&self, steps: &[Step]) -> Vec<Value> {
        let step = |step: &Step| {
            json!({
                "object": self.id(step.node),
                "name": step.label,
                "how": step.manner,
                "times": step.times,
            })
        };
        steps.iter().map(step).collect()
    }

    /// Prints a way, one object a line behind `indent` blanks.
    pub(super) fn print_way(
        &self,
        way: &Way,
        verbose: bool,
        indent: usize,
        out: &mut Out<'_>,
    ) -> Result<(), DcmdError> {
        for Step { manner, times, node, label } in self.steps(way, verbose) {
            let manner = match (manner, times) {
                (None, _) => String::new(),
                (Some(manner), 1) => format!("{manner} = "),
                (Some(manner), times) => format!("{manner} x {times} = "),
            };
            writeln!(out.text(), "{:indent$}{manner}{} {label}", "", self.id(node))?;
        }
        Ok(())
    }

    /// A way as text and JSON.
    pub(super) fn way_json(&self, way: &Way) -> (String, Vec<Value>) {
        (self.root_text(way), self.steps_json(&self.steps(way, false)))
    }

    /// A way as an expression: `global.service.sessions`.
    pub(super) fn way_text(&self, node: u32, monitor: &Progress) -> Result<String, DcmdError> {
        let Some(way) = self.file.ways(node, 1, false, monitor)?.pop() else { return Ok(String::new()) };
        let mut text = String::new();
        for step in self.steps(&way, false) {
            match step.manner {
                None => text.push_str(&step.label),
                Some(manner) => text.push_str(&manner),
            }
        }
        Ok(text)
    }
}

/// The ways to one node.
pub(crate) fn ways(
    context: &Context,
    item: Item,
    most: usize,
    verbose: bool,
    as_json: bool,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let monitor = context.progress();
    let source = SnapshotSource::open(context, &monitor)?;
    let node = source.node(item.word)?;
    let ways = source.file.ways(node, most, verbose, &monitor)?;
    drop(monitor);
    for (index, way) in ways.iter().enumerate() {
        let steps = source.steps(way, verbose);
        if out.is_pipe() {
            let nodes = steps.iter().map(|step| Item::value(source.nodes.id(step.node)));
            if out.emit_all(nodes)? == Flow::Enough {
                return Ok(());
            }
            continue;
        }
        if as_json {
            out.json(&json!({
                "object": source.id(node),
                "way": index + 1,
                "root": source.root_text(way),
                "steps": source.steps_json(&steps),
            }))?;
            continue;
        }
        writeln!(out.text(), "way {}: {}", index + 1, source.root_text(way))?;
        source.print_way(way, verbose, 2, out)?;
    }
    if ways.is_empty() && most > 0 {
        if as_json {
            out.json(&json!({ "object": source.id(node), "way": null, "root": null, "steps": [] }))?;
        } else if !out.is_pipe() {
            writeln!(out.text(), "no way to {} was found", source.id(node))?;
        }
    }
    Ok(())
}

/// The ways to many nodes, merged.
struct Merged {
    targets: Vec<u32>,
    most: usize,
    as_json: bool,
}

/// The stage for the ways to many nodes, merged: those that read alike are one.
pub(crate) fn merged(most: usize, as_json: bool) -> Box<dyn Stage> {
    Box::new(Merged { targets: Vec::new(), most, as_json })
}

/// Objects to which a way is searched for one by one.
const MOST_TARGETS: usize = 300;

impl Stage for Merged {
    fn run(&mut self, _: &Context, _: &mut Out<'_>) -> Result<(), DcmdError> {
        Err(DcmdError::usage(""))
    }

    fn push(&mut self, context: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        let monitor = context.progress();
        let source = SnapshotSource::open(context, &monitor)?;
        for item in batch {
            context.check_interrupt()?;
            match crate::answers::source::Source::set(&source, *item, &monitor) {
                Ok(nodes) => self.targets.extend(nodes),
                Err(DcmdError::Failed(reason)) => out.fault(&reason),
                Err(error) => return Err(error),
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        self.targets.sort_unstable();
        self.targets.dedup();
        let monitor = context.progress();
        let source = SnapshotSource::open(context, &monitor)?;
        let all = self.targets.len();
        if all > MOST_TARGETS {
            // Spread over all of them.
            self.targets = self.targets.iter().copied().step_by(all.div_ceil(MOST_TARGETS)).collect();
            context.warn(&format_args!("of {all} objects, {} are looked at", self.targets.len()));
        }
        // By root and steps: how many, and one of them.
        type Way = (String, Vec<(String, String)>);
        let mut ways: HashMap<Way, (u64, u32)> = HashMap::new();
        for &node in &self.targets {
            let Some(way) = source.file.ways(node, 1, false, &monitor)?.pop() else { continue };
            let steps = source.steps(&way, false);
            let alike = |step: Step| {
                let manner = step.manner.unwrap_or_default();
                let manner: String = match manner.find('[') {
                    Some(at)
                        if manner[at..].trim_end_matches(']')[1..].chars().all(|c| c.is_ascii_digit()) =>
                    {
                        format!("{}[*]", &manner[..at])
                    }
                    _ => manner,
                };
                (if step.times > 1 { format!("{manner} x *") } else { manner }, step.label)
            };
            let steps = steps.into_iter().map(alike).collect();
            ways.entry((source.root_text(&way), steps)).or_insert((0, node)).0 += 1;
        }
        drop(monitor);
        let mut ways: Vec<_> = ways.into_iter().collect();
        ways.sort_by_key(|(_, (count, example))| (std::cmp::Reverse(*count), *example));
        let looked_at = self.targets.len().max(1) as u64;
        for ((root, steps), (count, example)) in ways.iter().take(self.most) {
            let percent = percent(*count, looked_at);
            if self.as_json {
                let steps: Vec<_> = steps
                    .iter()
                    .map(
                        |(how, name)| json!({ "how": Some(how).filter(|how| !how.is_empty()), "name": name }),
                    )
                    .collect();
                out.json(&json!({
                    "count": count,
                    "percent": percent,
                    "example": source.id(*example),
                    "root": root,
                    "steps": steps,
                }))?;
                continue;
            }
            let mut text = out.text();
            writeln!(text, "{count} of {looked_at} ({percent} %): {root}, as to {}", source.id(*example))?;
            for (how, name) in steps {
                let equals = if how.is_empty() { "" } else { " = " };
                writeln!(text, "  {how}{equals}{name}")?;
            }
        }
        if let Some(rest) = ways.get(self.most..).filter(|rest| !rest.is_empty() && !self.as_json) {
            let count: u64 = rest.iter().map(|(_, (count, _))| count).sum();
            writeln!(out.text(), "{count} more have {} other ways (-n shows more)", rest.len())?;
        }
        Ok(())
    }
}
