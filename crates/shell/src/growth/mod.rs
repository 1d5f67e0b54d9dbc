//! What `::diff` shows: the target beside older cores, as rows of figures.
//!
//! The comparison itself is [`v8_heap::compare`]. Here the cores are put side by side, it is said whether their garbage can be
//! told, and the sections of the answer are made of what has changed.

mod mappings;
mod path_text;
mod rows;
mod sections;

use std::cell::OnceCell;
use std::panic::resume_unwind;
use std::thread;

use core_reader::Core;
use v8_heap::compare::{Counted, Inventory, Side};
use v8_heap::index::ObjectId;
use v8_heap::{Heap, Monitor};

use crate::answers::kinds::incompleteness;
use crate::answers::native_owners::{NativeOwners, native_owners_in};
use crate::answers::retention::address;
use crate::bases::Base;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::{Part, Progress, Several, escape};
use crate::target::Target;

pub use path_text::path_text;
use rows::Order;
pub use rows::Shown;
pub use sections::{NATIVE_MEMORY, SECTIONS, has_native_growth, totals};

/// Several cores of one service, the oldest first; the last is the target.
#[derive(Debug)]
pub struct Comparison<'c> {
    context: &'c Context,
    targets: Vec<&'c Target>,
    heaps: Vec<&'c Heap<'static>>,
    /// As the terminal may show them; empty for the target.
    names: Vec<String>,
    files: Vec<String>,
    inventories: OnceCell<Vec<Inventory>>,
    /// Whether garbage counts as well.
    pub counted: Counted,
}

impl<'c> Comparison<'c> {
    /// Puts the target beside older cores, and reads all heaps.
    ///
    /// # Errors
    /// A heap cannot be read, and of which core.
    pub fn of(context: &'c Context, older: &'c [Base]) -> Result<Comparison<'c>, DcmdError> {
        let mut comparison = Comparison {
            context,
            targets: Vec::new(),
            heaps: Vec::new(),
            names: Vec::new(),
            files: Vec::new(),
            inventories: OnceCell::new(),
            counted: Counted::Live,
        };
        for base in older {
            let name = escape(&base.path.to_string_lossy()).into_owned();
            let heap = base.target.heap().map_err(|reason| DcmdError::Abort(format!("{name}: {reason}")))?;
            comparison.add(&base.target, heap, name);
            comparison.files.push(base.path.to_string_lossy().into_owned());
        }
        comparison.add(context.target()?, context.heap()?, String::new());
        let own = context.target()?.path().map(|path| path.to_string_lossy().into_owned());
        comparison.files.push(own.unwrap_or_default());
        let mut missing = Vec::new();
        let lacks = comparison.ask_all(|heap, monitor| {
            heap.kinds(monitor)?;
            let lacks = heap.lacks_for_census(monitor)?;
            // What can fail fails here, where it is said for which core.
            if lacks.is_empty() {
                heap.dominators(monitor)?;
            }
            Ok(lacks)
        })?;
        for (index, unknown) in lacks.into_iter().enumerate() {
            let table = comparison.ask(index, |heap, monitor| heap.objects(monitor))?;
            if let Some(reason) = incompleteness(comparison.core(index).memory(), table) {
                context.warn(&format_args!("warning: {}: {reason}", comparison.name(index)));
            }
            if !unknown.is_empty() {
                missing.push(format!("{} lacks {}", comparison.name(index), unknown.join(", ")));
            }
        }
        if !missing.is_empty() {
            comparison.counted = Counted::All;
            context.warn(&format_args!(
                "warning: {}: what is garbage cannot be told, and counts in all cores",
                missing.join("; ")
            ));
        }
        Ok(comparison)
    }

    fn add(&mut self, target: &'c Target, heap: &'c Heap<'static>, name: String) {
        self.targets.push(target);
        self.heaps.push(heap);
        self.names.push(name);
    }

    /// How many cores there are.
    pub fn len(&self) -> usize {
        self.heaps.len()
    }

    /// What to call a core.
    pub fn name(&self, index: usize) -> &str {
        match self.names[index].as_str() {
            "" => "the core",
            name => name,
        }
    }

    /// Asks something of one heap; an error says of which core.
    ///
    /// # Errors
    /// Those of `question`.
    pub fn ask<T>(
        &self,
        index: usize,
        question: impl FnOnce(&'c Heap<'static>, &dyn Monitor) -> v8_heap::Result<T>,
    ) -> Result<T, DcmdError> {
        let answer = question(self.heaps[index], &self.monitor(index));
        answer.map_err(|error| self.error(index, error))
    }

    fn error(&self, index: usize, error: v8_heap::Error) -> DcmdError {
        match DcmdError::from(error) {
            DcmdError::Failed(reason) => DcmdError::Abort(format!("{}: {reason}", self.name(index))),
            other => other,
        }
    }

    /// Asks the same of each heap, at the same time.
    ///
    /// # Errors
    /// Those of `question`.
    pub fn ask_all<T: Send>(
        &self,
        question: impl Fn(&'c Heap<'static>, &dyn Monitor) -> v8_heap::Result<T> + Sync,
    ) -> Result<Vec<T>, DcmdError> {
        let several = Several::new(self.context.interrupt.clone(), self.len());
        let answers: Vec<_> = thread::scope(|scope| {
            let ask = |(index, heap): (usize, &&'c Heap<'static>)| {
                let (heap, monitor, question) = (*heap, several.part(index), &question);
                scope.spawn(move || question(heap, &monitor))
            };
            let asked: Vec<_> = self.heaps.iter().enumerate().map(ask).collect();
            asked
                .into_iter()
                .map(|answer| answer.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        });
        answers
            .into_iter()
            .enumerate()
            .map(|(index, answer)| answer.map_err(|error| self.error(index, error)))
            .collect()
    }

    /// Asks something of all heaps together.
    ///
    /// # Errors
    /// Those of `question`.
    pub fn ask_together<T>(
        &self,
        question: impl FnOnce(&[Side<'_, 'static>]) -> v8_heap::Result<T>,
    ) -> Result<T, DcmdError> {
        let several = Several::new(self.context.interrupt.clone(), self.len());
        let monitors: Vec<Part<'_>> = (0..self.len()).map(|index| several.part(index)).collect();
        let sides: Vec<Side<'_, 'static>> =
            self.heaps.iter().zip(&monitors).map(|(heap, monitor)| Side { heap, monitor }).collect();
        Ok(question(&sides)?)
    }

    /// The objects of each heap, counted.
    ///
    /// # Errors
    /// A heap cannot be read, or the user has stopped it.
    pub fn inventories(&self) -> Result<&[Inventory], DcmdError> {
        if let Some(known) = self.inventories.get() {
            return Ok(known);
        }
        let counted = self.counted;
        let all = self.ask_all(|heap, monitor| heap.inventory(counted, monitor))?;
        Ok(self.inventories.get_or_init(|| all))
    }

    /// By what rows are ordered: by what is retained, where that is known.
    fn order(&self) -> Order {
        match self.counted {
            Counted::Live => |sum| sum.retained,
            Counted::All => |sum| sum.bytes,
        }
    }

    fn heap_of(&self, index: usize) -> &'c Heap<'static> {
        self.heaps[index]
    }

    fn core(&self, index: usize) -> &'static Core {
        self.targets[index].core()
    }

    /// Native memory of each process by the objects that own it, as far as that can be told.
    ///
    /// # Errors
    /// The user has stopped it.
    fn native_owners(&self) -> Result<Vec<Result<NativeOwners, String>>, DcmdError> {
        let of = |index: usize| match native_owners_in(self.targets[index], &self.monitor(index)) {
            Ok(owners) => Ok(Ok(owners)),
            Err(DcmdError::Failed(reason)) => Ok(Err(format!("{}: {reason}", self.name(index)))),
            Err(error) => Err(error),
        };
        (0..self.len()).map(of).collect()
    }

    /// The files of the cores.
    fn files(&self) -> &[String] {
        &self.files
    }

    /// The tagged address of an object of one of the heaps.
    ///
    /// # Errors
    /// As [`Comparison::ask`].
    pub fn address(&self, index: usize, id: u32) -> Result<u64, DcmdError> {
        let table = self.ask(index, |heap, monitor| heap.objects(monitor))?;
        Ok(address(table, ObjectId(id)).0)
    }

    fn monitor(&self, index: usize) -> Progress {
        Progress::of(self.context.interrupt.clone(), &self.names[index])
    }
}
