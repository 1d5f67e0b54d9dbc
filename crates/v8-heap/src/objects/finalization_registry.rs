//! `FinalizationRegistry`.
//!
//! ```text
//!   JSFinalizationRegistry   +24 native context  +32 cleanup  +40 active cells  +48 cleared cells
//!   WeakCell                 +8 registry  target, unregister token, holdings [26: holdings first]  +40 previous  +48 next
//! ```
//!
//! Cells are in two lists: those whose target is alive, and those whose target has been collected and whose callback is still to
//! be called (V8: `src/objects/js-weak-refs.tq`).

use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Error, Result, Tagged};

/// Longer lists are taken for cycles.
const MOST_CELLS: usize = 1 << 24;

/// What `register` was given.
#[derive(Clone, Copy, Debug)]
pub struct WeakCell {
    /// The object that is watched; undefined once it has been collected.
    pub target: Tagged,
    /// What the callback gets.
    pub held_value: Tagged,
    /// What `unregister` takes; undefined if none was given, or it has been collected.
    pub token: Tagged,
}

impl View<'_> {
    /// The callback of a `FinalizationRegistry`; `None` if the object is none.
    pub fn finalization_callback(&self, object: HeapObject<'_>) -> Option<Tagged> {
        let is_it = self.layout().type_name(object.map.instance_type) == "JSFinalizationRegistry";
        is_it
            .then(|| {
                self.words()
                    .tagged(object.address + self.fields().finalization_cleanup, "callback of a registry")
                    .ok()
            })
            .flatten()
    }

    /// The cells of a `FinalizationRegistry`, the latest first: of live targets, or of those collected.
    ///
    /// # Errors
    /// If the list cannot be read.
    pub fn weak_cells(&self, registry: HeapObject<'_>, collected: bool) -> Result<Vec<WeakCell>> {
        let (words, fields) = (self.words(), self.fields());
        let first =
            if collected { fields.finalization_cleared_cells } else { fields.finalization_active_cells };
        let mut next = words.tagged(registry.address + first, "cells of a registry")?;
        let mut cells = Vec::new();
        // A list that comes back to a cell that was marked goes round.
        let (mut marked, mut mark_at) = (next, 1);
        while let Ok(cell) = self.object(next)
            && self.layout().type_name(cell.map.instance_type) == "WeakCell"
        {
            if cells.len() == MOST_CELLS || (!cells.is_empty() && next == marked) {
                return Err(Error::Implausible {
                    what: "list of cells",
                    object: registry.value(),
                    found: "it does not end".to_owned(),
                });
            }
            let field = |at: u64| words.tagged(cell.address + at, "WeakCell");
            cells.push(WeakCell {
                target: field(fields.weak_cell_target)?,
                held_value: field(fields.weak_cell_holdings)?,
                // Versions without have no registries either, unless they are asked for them.
                token: fields.weak_cell_token.map_or(Ok(Tagged::default()), field)?,
            });
            if cells.len() == mark_at {
                (marked, mark_at) = (next, 2 * mark_at);
            }
            next = field(fields.weak_cell_next)?;
        }
        Ok(cells)
    }
}
