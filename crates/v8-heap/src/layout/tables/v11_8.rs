//! V8 11.8: Node.js 21, as V8 11.3 but for the classes and types that moved.
//!
//! Classes by V8's sources of 11.8 and the `v8dbg_class_*` symbols of Node.js 21.7.3. Where V8 keeps count of memory was not
//! looked up: taken from 11.3.

use super::v11_3;
use crate::layout::Table;

/// Layout of V8 11.8, as Node.js 21 builds it for x86-64.
pub(super) const TABLE: Table = Table { v8: (11, 8), node: 21, ..v11_3::TABLE };
