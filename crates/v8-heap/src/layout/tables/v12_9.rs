//! V8 12.9: Node.js 23, as V8 13.6 but for the classes and types that moved.
//!
//! Classes by V8's sources of 12.9 and the `v8dbg_class_*` symbols of Node.js 23.11.1; checked by value on cores of 23.0.0 and
//! 23.11.1: free blocks count bytes. Where V8 keeps count of memory was not looked up: taken from 13.6.

use super::v13_6;
use crate::layout::machine_code;
use crate::layout::{Facts, FrameLayout, FreeSpaceUnit, ScopeInfoLayout, Table};

/// Layout of V8 12.9, as Node.js 23 builds it for x86-64.
pub(super) const TABLE: Table = Table {
    v8: (12, 9),
    node: 23,
    frames: FrameLayout::V12_9,
    deoptimization: &machine_code::V12_9,
    crash: None,
    facts: Facts {
        // src/objects/scope-info.tq
        scope_info: ScopeInfoLayout::V12_9,
        free_space_unit: FreeSpaceUnit::Bytes,
        ..v13_6::TABLE.facts
    },
    ..v13_6::TABLE
};
