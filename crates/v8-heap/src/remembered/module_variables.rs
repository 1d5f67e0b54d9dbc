//! Variables of Node.js's own modules, as they were found.

use std::sync::OnceLock;

use crate::Tagged;

/// The values of variables, a list for each that was asked for.
#[derive(Default)]
pub(crate) struct KnownModuleVariables(OnceLock<Vec<Vec<Tagged>>>);

impl KnownModuleVariables {
    /// What has been found.
    pub fn get(&self) -> Option<&[Vec<Tagged>]> {
        self.0.get().map(Vec::as_slice)
    }

    /// Remembers it, unless somebody was faster.
    pub fn remember(&self, found: Vec<Vec<Tagged>>) -> &[Vec<Tagged>] {
        self.0.get_or_init(|| found)
    }
}
