//! `::jsfindrefs`, and `::findjsobjects -r`, of a heap snapshot.

use std::collections::BTreeSet;
use std::io::Write;

use serde_json::json;
use v8_heap::snapshot::{EdgeKind, NodeKind};
use v8_heap::snapshot_file::Holding;

use super::SnapshotSource;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::escape;
use crate::stage::{Flow, Out, Stage};
use crate::value::Item;

/// The stage.
#[derive(Debug)]
pub(crate) struct References {
    /// Nodes whose holders are sought.
    pub targets: Vec<u32>,
    /// Only what JavaScript objects, and their storage, hold.
    pub only_objects: bool,
    /// The type of each holder.
    pub types: bool,
    pub json: bool,
}

impl References {
    /// Finds the holders of the targets, and tells them.
    pub(crate) fn tell(&self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let monitor = context.progress();
        let source = SnapshotSource::open(context, &monitor)?;
        let nodes = &source.nodes;
        let mut targets = self.targets.clone();
        targets.sort_unstable();
        targets.dedup();
        let mut found = nodes.holders(&targets, &monitor)?;
        drop(monitor);
        let is_told = |held: &Holding| {
            held.edge.kind != EdgeKind::Shortcut
                && !(self.only_objects && nodes.kind(held.holder) == NodeKind::Synthetic)
        };
        found.retain(is_told);
        found.sort_by_key(|held| (held.edge.to, held.holder));
        if out.is_pipe() {
            let holders: BTreeSet<u32> = found.iter().map(|held| held.holder).collect();
            out.emit_all(holders.into_iter().map(|holder| Item::value(nodes.id(holder))))?;
            return Ok(());
        }
        let several = self.only_objects || targets.len() > 1;
        for target in targets {
            let own: Vec<&Holding> = found.iter().filter(|held| held.edge.to == target).collect();
            if own.is_empty() && !self.json {
                writeln!(out.text(), "{} is not referred to by anything that is known.", source.id(target))?;
            }
            for held in own.chunk_by(|a, b| a.holder == b.holder) {
                context.check_interrupt()?;
                let holder = held[0].holder;
                let mut ways: Vec<String> = Vec::new();
                for one in held {
                    let way = source.edge_text(&one.edge);
                    if !ways.contains(&way) {
                        ways.push(way);
                    }
                }
                if self.json {
                    out.json(&json!({
                        "object": source.id(target),
                        "holder": source.id(holder),
                        "how": ways,
                        "class": source.label_of(holder),
                        "garbage": false,
                    }))?;
                    continue;
                }
                let prefix =
                    if several { format!("{} referred to by ", source.id(target)) } else { String::new() };
                let class = match self.types {
                    true => format!(" (type: {})", escape(nodes.type_name(holder))),
                    false => String::new(),
                };
                writeln!(
                    out.text(),
                    "{prefix}{} {} {}{class}",
                    source.id(holder),
                    source.label_of(holder),
                    ways.join(", ")
                )?;
            }
        }
        Ok(())
    }
}

impl Stage for References {
    fn run(&mut self, _: &Context, _: &mut Out<'_>) -> Result<(), DcmdError> {
        Err(DcmdError::usage("must specify address for ::jsfindrefs"))
    }

    fn push(&mut self, context: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        let source = SnapshotSource::open(context, &context.progress())?;
        for item in batch {
            context.check_interrupt()?;
            context.set_dot(item.word);
            match source.node(item.word) {
                Ok(node) => self.targets.push(node),
                Err(reason) => out.fault(&reason),
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        if self.targets.is_empty() { Ok(()) } else { self.tell(context, out) }
    }
}
