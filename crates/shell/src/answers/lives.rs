//! Which objects a question is about: the living, unless the user says otherwise or nobody can tell.

use v8_heap::graph::ObjectSet;
use v8_heap::index::ObjectTable;
use v8_heap::questions::Lives;
use v8_heap::{Heap, Monitor, Tagged};

use crate::answers::retention::open;
use crate::context::Context;
use crate::error::DcmdError;
use crate::said::Once;

/// What is counted if the user says `asked`: without a word the living, or all if the core lacks what tells them from garbage. Then
/// it says so, once in a session.
///
/// # Errors
/// There is no heap, or the user interrupts.
pub fn counted(context: &Context, asked: Option<Lives>, monitor: &dyn Monitor) -> Result<Lives, DcmdError> {
    match asked {
        Some(Lives::All) => Ok(Lives::All),
        Some(lives) => open(context, monitor).map(|_| lives),
        None => {
            let lacks = context.heap()?.lacks_for_census(monitor)?;
            if lacks.is_empty() {
                return Ok(Lives::Living);
            }
            if context.first(Once::Lives) {
                context.warn(&format_args!(
                    "warning: the core lacks {}, so that garbage cannot be told: all objects are counted",
                    lacks.join(", ")
                ));
            }
            Ok(Lives::All)
        }
    }
}

/// Says of objects that they are garbage.
#[derive(Debug)]
pub struct Remarks<'c> {
    /// Nothing if nothing can be said.
    known: Option<(&'c Heap<'static>, &'c ObjectTable, &'c ObjectSet)>,
}

impl<'c> Remarks<'c> {
    /// Reads all references of the heap, if that has not been done; not if the core lacks what tells garbage.
    ///
    /// # Errors
    /// There is no heap, or the user interrupts.
    pub fn new(context: &'c Context, monitor: &dyn Monitor) -> Result<Remarks<'c>, DcmdError> {
        let heap = context.heap()?;
        let known = match heap.lacks_for_census(monitor)?.is_empty() {
            true => Some((heap, heap.objects(monitor)?, &**heap.reached(monitor)?)),
            false => None,
        };
        Ok(Remarks { known })
    }

    /// Whether an object is certainly garbage.
    pub fn is_garbage(&self, object: Tagged) -> bool {
        self.known.is_some_and(|(heap, table, reached)| {
            let id = object.strong().and_then(|address| table.id_at(heap.spaces(), address));
            id.is_some_and(|id| !reached.contains(id.0))
        })
    }

    /// What to add behind an object: nothing, or that it is garbage.
    pub fn of(&self, object: Tagged) -> &'static str {
        if self.is_garbage(object) { " (garbage)" } else { "" }
    }
}
