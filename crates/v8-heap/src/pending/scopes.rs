//! Variables of Node.js's own modules, found by their names.

use std::collections::HashSet;

use crate::heap::Heap;
use crate::layout::Kind;
use crate::objects::context::VariableValue;
use crate::objects::value::HeapObject;
use crate::{Monitor, Result, Tagged};

/// No more scopes of one name are looked at: there is one for each realm, and one for each module that imports it.
const MOST_SCOPES: usize = 1 << 14;

/// The values of variables called `names` in every context that has all of them, in that order.
///
/// # Errors
/// [`crate::Error::Interrupted`] if the monitor says so; what fails when the heap is indexed.
pub(super) fn variables(heap: &Heap<'_>, names: &[&str], monitor: &dyn Monitor) -> Result<Vec<Vec<Tagged>>> {
    // All contexts of one place of a script have the same variables, and there are many more contexts than places.
    let places = heap.map_each_of(Kind::ScopeInfo, monitor, |scope| {
        let own = heap.slot_names(scope).ok()?;
        let has = |name: &&str| own.iter().any(|(_, variable)| heap.is_text(*variable, name));
        names.iter().all(has).then(|| scope.value())
    })?;
    let places: HashSet<Tagged> = places.into_iter().collect();
    let values_in = |context: HeapObject<'_>| -> Option<Vec<Tagged>> {
        if !places.contains(&heap.context_scope_info(context).ok()?) {
            return None;
        }
        let variables = heap.context_variables(context).ok()?;
        let value = |name: &&str| {
            let variable = variables.iter().find(|variable| heap.is_text(variable.name, name))?;
            match variable.value {
                VariableValue::Tagged(value) => Some(value),
                VariableValue::Uninitialized => Some(Tagged::default()),
                _ => None,
            }
        };
        names.iter().map(value).collect()
    };
    let mut found = Vec::new();
    heap.for_each_made_of(Kind::Context, monitor, values_in, |values| {
        found.push(values);
        found.len() < MOST_SCOPES
    })?;
    Ok(found)
}
