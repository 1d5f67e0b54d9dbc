//! Variables of Node.js's own modules, found by their names.

use std::collections::HashMap;

use crate::heap::Heap;
use crate::layout::Kind;
use crate::objects::context::VariableValue;
use crate::{Monitor, Result, Tagged};

/// No more scopes of one name are looked at: there is one for each realm, and one for each module that imports it.
const MOST_SCOPES: usize = 1 << 14;

/// The values of variables called `names` in every context that has all of them, in that order.
///
/// # Errors
/// [`crate::Error::Interrupted`] if the monitor says so; what fails when the heap is indexed.
pub(super) fn variables(heap: &Heap<'_>, names: &[&str], monitor: &dyn Monitor) -> Result<Vec<Vec<Tagged>>> {
    // All contexts of one place of a script have the same variables.
    let mut known: HashMap<Tagged, bool> = HashMap::new();
    let mut found = Vec::new();
    heap.for_each_of(Kind::Context, monitor, |context| {
        let Ok(info) = heap.context_scope_info(context) else { return true };
        if known.get(&info) == Some(&false) {
            return true;
        }
        let variables = heap.context_variables(context).unwrap_or_default();
        let values: Option<Vec<Tagged>> = names
            .iter()
            .map(|name| {
                let variable = variables.iter().find(|variable| heap.is_text(variable.name, name))?;
                match variable.value {
                    VariableValue::Tagged(value) => Some(value),
                    VariableValue::Uninitialized => Some(Tagged::default()),
                    _ => None,
                }
            })
            .collect();
        known.insert(info, values.is_some());
        found.extend(values);
        found.len() < MOST_SCOPES
    })?;
    Ok(found)
}
