//! The variables of functions, found once for each function.

use std::sync::{Arc, Mutex, PoisonError};

use crate::address_map::AddressMap;
use crate::source_scopes::Locals;

/// Functions that are remembered: beyond, they are read anew.
const MOST_FUNCTIONS: usize = 1 << 12;

/// The variables of functions, by the address of the `SharedFunctionInfo`; nothing of those whose registers are not known.
#[derive(Debug, Default)]
pub(crate) struct KnownLocals(Mutex<AddressMap<Option<Arc<Locals>>>>);

impl KnownLocals {
    pub fn get(&self, shared: u64) -> Option<Option<Arc<Locals>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&shared).cloned()
    }

    pub fn keep(&self, shared: u64, locals: Option<Arc<Locals>>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_FUNCTIONS {
            known.clear();
        }
        known.insert(shared, locals);
    }
}
