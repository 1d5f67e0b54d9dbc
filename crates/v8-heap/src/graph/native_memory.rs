//! Words of native memory that hold objects which no root does.
//!
//! Native code may hold an object in ways of its own. Every word of writable memory that is the address of an object counts as such
//! a holder, but is told apart: what it holds may as well be dead, and the word left over.

use core_reader::Contents;

use super::root_finder::words_of;
use super::roots::{Root, RootKind, Roots, merged};
use crate::index::parallel::in_turns;
use crate::index::{ObjectId, ObjectTable};
use crate::layout::StringShape;
use crate::view::View;
use crate::{Monitor, Result};

/// Bytes of native memory read in one go.
const CHUNK: u64 = 1 << 22;
/// `kIsNotInternalizedMask`
const NOT_INTERNALIZED: u16 = 1 << 5;

/// Objects whose addresses are anywhere else in memory that the process could write, if they are `wanted`.
/// Internalized and external strings do not count: V8 lists all of them, weakly.
pub(crate) fn native_memory(
    view: &View<'_>,
    table: &ObjectTable,
    roots: &Roots,
    wanted: impl Fn(u32) -> bool + Sync,
    monitor: &dyn Monitor,
) -> Result<Vec<Root>> {
    let memory = view.memory();
    let mut known = roots.memory.clone();
    known.extend(view.spaces().pages().iter().map(|page| (page.base, page.area_end)));
    let known = merged(known);
    let mut stretches = Vec::new();
    for range in memory.ranges() {
        if range.contents != Contents::Dumped || !range.permissions.write || range.permissions.execute {
            continue;
        }
        let mut from = range.start.0;
        let first = known.partition_point(|(_, end)| *end <= from);
        let mut add = |from: u64, to: u64| {
            let mut at = from;
            while at < to {
                let end = at.saturating_add(CHUNK).min(to);
                stretches.push((at, end));
                at = end;
            }
        };
        for &(start, end) in known[first..].iter().take_while(|(start, _)| *start < range.end.0) {
            add(from, start);
            from = from.max(end);
        }
        add(from, range.end.0);
    }
    monitor.begin("searching native memory", stretches.iter().map(|(start, end)| end - start).sum());
    let search = |own: &mut Vec<Root>, turn: usize| {
        let (start, end) = stretches[turn];
        for (at, word) in words_of(memory, start, end).0 {
            if word & 3 != 1 {
                continue;
            }
            let Some(target) = table.mortal_target(view.spaces(), word).filter(|target| wanted(*target))
            else {
                continue;
            };
            let Some(map) = table.map_of(ObjectId(target)).map(|map| view.map(map)) else { continue };
            let is_listed = match map.string_shape() {
                Some(StringShape::External { .. }) => true,
                Some(_) => map.instance_type & NOT_INTERNALIZED == 0,
                None => false,
            };
            if !is_listed {
                own.push(Root { target, kind: RootKind::NativeMemory, at });
            }
        }
        end - start
    };
    Ok(in_turns(stretches.len(), monitor, Vec::new, search)?.concat())
}
