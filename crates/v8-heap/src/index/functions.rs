//! All functions of the heap, by definition.
//!
//! Every time that a program comes by `function` or `=>` it makes a new closure. Those made at one place of the source share
//! one `SharedFunctionInfo`, and are told by it.

use crate::address_map::AddressMap;
use crate::index::parallel::in_turns;
use crate::index::{MapSet, ObjectTable};
use crate::layout::Kind;
use crate::view::View;
use crate::{Monitor, Result, Tagged};

/// One place of the source that defines a function, and the closures made there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its `SharedFunctionInfo`.
    pub shared: Tagged,
    /// One of the closures: the one with the lowest address.
    pub representative: Tagged,
    /// How many closures there are.
    pub closures: u64,
}

/// All functions by definition.
#[derive(Debug)]
pub struct Functions {
    /// Those with most closures last.
    definitions: Vec<Definition>,
    by_shared: AddressMap<usize>,
    /// Closures whose `SharedFunctionInfo` could not be read.
    pub unreadable: u64,
}

#[derive(Default)]
struct Counts {
    by_shared: AddressMap<Definition>,
    unreadable: u64,
}

impl Counts {
    fn add(&mut self, definition: Definition) {
        let known =
            self.by_shared.entry(definition.shared.0).or_insert(Definition { closures: 0, ..definition });
        known.closures += definition.closures;
        known.representative = known.representative.min(definition.representative);
    }
}

impl Functions {
    pub(crate) fn build(view: &View<'_>, table: &ObjectTable, monitor: &dyn Monitor) -> Result<Functions> {
        monitor.begin("grouping functions", table.len() as u64);
        let functions = MapSet::of_kind(view, Kind::JsFunction);
        let workers = in_turns(table.page_count(), monitor, Counts::default, |counts, page| {
            for (_, function) in functions.on_page(view, table, page) {
                match view.shared_function_info(function) {
                    Ok(shared) => counts.add(Definition {
                        shared: shared.value(),
                        representative: function.value(),
                        closures: 1,
                    }),
                    Err(_) => counts.unreadable += 1,
                }
            }
            table.page_maps(page).1.len() as u64
        })?;
        let mut all = Counts::default();
        for counts in workers {
            all.unreadable += counts.unreadable;
            counts.by_shared.into_values().for_each(|definition| all.add(definition));
        }
        let mut definitions: Vec<Definition> = all.by_shared.into_values().collect();
        definitions.sort_unstable_by_key(|definition| (definition.closures, definition.shared));
        let by_shared =
            definitions.iter().enumerate().map(|(index, definition)| (definition.shared.0, index)).collect();
        Ok(Functions { definitions, by_shared, unreadable: all.unreadable })
    }

    /// All definitions that have a closure, those with most of them last.
    pub fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    /// The definition of a `SharedFunctionInfo`; `None` if no closure was made there.
    pub fn definition(&self, shared: Tagged) -> Option<&Definition> {
        self.definitions.get(*self.by_shared.get(&shared.0)?)
    }
}
