//! Stages that look at the objects behind a kind of objects.
//!
//! `::findjsobjects -c Session` hands on one object for each kind of Session, which a second `::findjsobjects` expands. To ask a
//! question of objects means to ask it of all of them: a stage that does so gets the instances in the place of the one
//! that stands for them. They are those that were counted when the kind was listed: the living, the garbage, or all.

use v8_heap::Tagged;
use v8_heap::questions::Lives;

use crate::answers::kinds::kind_of;
use crate::answers::sources::source;
use crate::context::Context;
use crate::error::DcmdError;
use crate::stage::{Flow, Out, Stage};
use crate::value::{Item, Kind};

/// Instances handed on at a time.
const BATCH: usize = 1024;

/// A stage that gets all instances of a kind where one that stands for them flows in.
pub struct OfMembers<S>(pub S);

impl<S: Stage> Stage for OfMembers<S> {
    fn run(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        self.0.run(context, out)
    }

    fn push(&mut self, context: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        let is_group = |item: &Item| matches!(item.kind, Kind::Group(_));
        for part in batch.chunk_by(|a, b| !is_group(a) && !is_group(b)) {
            let flow = match part {
                [item @ Item { kind: Kind::Group(_), .. }] if context.snapshot().is_some() => {
                    self.push_nodes(context, *item, out)?
                }
                [Item { kind: Kind::Group(lives), word }] => {
                    self.push_members(context, Tagged(*word), *lives, out)?
                }
                part => self.0.push(context, part, out)?,
            };
            if flow == Flow::Enough {
                return Ok(Flow::Enough);
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        self.0.finish(context, out)
    }
}

impl<S: Stage> OfMembers<S> {
    /// The nodes of a snapshot that one stands for.
    fn push_nodes(&mut self, context: &Context, item: Item, out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        let monitor = context.progress();
        let source = source(context, &monitor)?;
        let nodes = source.set(item, &monitor)?;
        drop(monitor);
        for nodes in nodes.chunks(BATCH) {
            let items: Vec<Item> = nodes.iter().map(|node| Item::value(source.word(*node))).collect();
            if self.0.push(context, &items, out)? == Flow::Enough {
                return Ok(Flow::Enough);
            }
        }
        Ok(Flow::Continue)
    }

    fn push_members(
        &mut self,
        context: &Context,
        representative: Tagged,
        lives: Lives,
        out: &mut Out<'_>,
    ) -> Result<Flow, DcmdError> {
        let heap = context.heap()?;
        let monitor = context.progress();
        let kinds = heap.kinds(&monitor)?;
        let group = kind_of(heap, heap.objects(&monitor)?, kinds, representative)?;
        let census = heap.census(lives, &monitor)?;
        let mut members = Vec::with_capacity(BATCH);
        let mut flow = Ok(Flow::Continue);
        heap.for_each_counted(&census, group, &monitor, |object| {
            members.push(Item::value(object.value().0));
            if members.len() == BATCH {
                flow = self.0.push(context, &members, out);
                members.clear();
            }
            matches!(flow, Ok(Flow::Continue))
        })?;
        match flow? {
            Flow::Continue if !members.is_empty() => self.0.push(context, &members, out),
            flow => Ok(flow),
        }
    }
}
