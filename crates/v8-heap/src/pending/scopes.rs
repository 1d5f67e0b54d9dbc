//! Variables of Node.js's own modules, found by their names: all that are asked for in one walk over the contexts.

use std::collections::HashMap;

use crate::heap::Heap;
use crate::layout::Kind;
use crate::objects::context::VariableValue;
use crate::objects::value::HeapObject;
use crate::{Monitor, Result, Tagged};

/// No more scopes of one name are looked at: there is one for each realm, and one for each module that imports it.
const MOST_SCOPES: usize = 1 << 14;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sought {
    /// The queue of lists of timers (Node.js: `lib/internal/timers.js`).
    Timers,
    /// The queue of immediates (there).
    Immediates,
    /// What an error has left of a round of immediates (there).
    Outstanding,
    /// The queue of ticks; other modules have a variable of its name as well (`lib/internal/process/task_queues.js`).
    Ticks,
    /// The resources of what runs (`lib/internal/async_hooks.js`).
    Resources,
}

impl Sought {
    const ALL: [Sought; 5] =
        [Sought::Timers, Sought::Immediates, Sought::Outstanding, Sought::Ticks, Sought::Resources];

    /// Variables that one context has, the first of which is the one asked for.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Sought::Timers => &["timerListQueue"],
            Sought::Immediates => &["immediateQueue"],
            Sought::Outstanding => &["outstandingQueue"],
            Sought::Ticks => &["queue", "processTicksAndRejections"],
            Sought::Resources => &["execution_async_resources"],
        }
    }
}

/// The values of everything that is asked for, in the order of [`Sought::ALL`].
fn find(heap: &Heap<'_>, monitor: &dyn Monitor) -> Result<Vec<Vec<Tagged>>> {
    // All contexts of one place of a script have the same variables, and there are many more contexts than places.
    let places = heap.map_each_of(Kind::ScopeInfo, monitor, |scope| {
        let own = heap.slot_names(scope).ok()?;
        let has = |name: &&str| own.iter().any(|(_, variable)| heap.is_text(*variable, name));
        let has_all = |sought: &Sought| sought.names().iter().all(has);
        let sought: Vec<Sought> = Sought::ALL.into_iter().filter(has_all).collect();
        (!sought.is_empty()).then(|| (scope.value(), sought))
    })?;
    let places: HashMap<Tagged, Vec<Sought>> = places.into_iter().collect();
    let values_in = |context: HeapObject<'_>| {
        let sought = places.get(&heap.context_scope_info(context).ok()?)?;
        let variables = heap.context_variables(context).ok()?;
        let value = |sought: &Sought| {
            let is_it = |name: Tagged| heap.is_text(name, sought.names()[0]);
            match variables.iter().find(|variable| is_it(variable.name))?.value {
                VariableValue::Tagged(value) => Some((*sought, value)),
                VariableValue::Uninitialized => Some((*sought, Tagged::default())),
                _ => None,
            }
        };
        Some(sought.iter().filter_map(value).collect::<Vec<_>>())
    };
    let mut found = vec![Vec::new(); Sought::ALL.len()];
    heap.for_each_made_of(Kind::Context, monitor, values_in, |values| {
        for (sought, value) in values {
            let values = &mut found[sought as usize];
            if values.len() < MOST_SCOPES {
                values.push(value);
            }
        }
        true
    })?;
    Ok(found)
}

/// The values of a variable in every context that has it.
///
/// # Errors
/// [`crate::Error::Interrupted`] if the monitor says so; what fails when the heap is indexed.
pub(super) fn variables<'h>(
    heap: &'h Heap<'_>,
    sought: Sought,
    monitor: &dyn Monitor,
) -> Result<&'h [Tagged]> {
    let found = match heap.module_variables.get() {
        Some(found) => found,
        None => heap.module_variables.remember(find(heap, monitor)?),
    };
    Ok(&found[sought as usize])
}
