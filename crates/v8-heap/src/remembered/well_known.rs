//! Objects that every V8 has, and that a reader recognises by identity: found among the read-only objects, which no program can add
//! to. All isolates share them, but in V8 9, where each has its own.

use crate::Tagged;

/// Well-known read-only objects: of each one, or one of each isolate.
#[derive(Clone, Debug, Default)]
pub(crate) struct WellKnown {
    /// The string `constructor`.
    pub constructor: Vec<Tagged>,
    /// The symbol `Symbol.toStringTag`.
    pub to_string_tag: Vec<Tagged>,
    /// `undefined`, which marks free slots of hash tables.
    pub undefined: Vec<Tagged>,
    /// The hole, and other markers that no program sees. Sorted.
    pub markers: Vec<Tagged>,
}
