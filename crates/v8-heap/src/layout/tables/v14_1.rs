//! V8 14.1: Node.js 25, as V8 13.6 but for the classes and types that moved.
//!
//! Classes by V8's sources of 14.0 and the `v8dbg_class_*` symbols of Node.js 25.9.0. Where V8 keeps count of memory was not
//! looked up: taken from 13.6.

use super::v13_6;
use crate::layout::Table;

/// Layout of V8 14.1, as Node.js 25 builds it for x86-64.
pub(super) const TABLE: Table = Table { v8: (14, 1), node: 25, ..v13_6::TABLE };
