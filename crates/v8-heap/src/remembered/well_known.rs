//! Objects that every V8 has, and that a reader recognises by identity: found among the read-only objects, which all
//! isolates share and no program can add to.

use crate::Tagged;

/// Well-known read-only objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct WellKnown {
    /// The string `constructor`.
    pub constructor: Option<Tagged>,
    /// The symbol `Symbol.toStringTag`.
    pub to_string_tag: Option<Tagged>,
    /// `undefined`, which marks free slots of hash tables.
    pub undefined: Option<Tagged>,
    /// The hole, and other markers that no program sees. Sorted.
    pub markers: Vec<Tagged>,
}
