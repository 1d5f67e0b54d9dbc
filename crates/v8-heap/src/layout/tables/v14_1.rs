//! V8 14.1: Node.js 25, as V8 13.6 but for the classes and types that moved.
//!
//! Classes by V8's sources of 14.0 and the `v8dbg_class_*` symbols of Node.js 25.9.0. Where V8 keeps count of memory
//! is checked by value, on cores of Node.js 25.0.0 and 25.9.0 that had written their statistics before.

use super::v13_6;
use crate::layout::machine_code;
use crate::layout::{
    AccountingLayout, BackingStoreLayout, Facts, FrameLayout, SandboxLayout, SnapshotLayout, Table,
};

/// Layout of V8 14.1, as Node.js 25 builds it for x86-64.
pub(super) const TABLE: Table = Table {
    v8: (14, 1),
    line: "Node.js 25",
    // By value: set in the flags of all pages of spaces of large objects, and of no others.
    large_page_flag: 8,
    frames: FrameLayout::V14_1,
    deoptimization: &machine_code::V13_6,
    crash: None,
    sandbox: Some(SandboxLayout::V14),
    accounting: AccountingLayout {
        backing_store: BackingStoreLayout { flags: 56, ..v13_6::TABLE.accounting.backing_store },
        ..v13_6::TABLE.accounting
    },
    facts: Facts {
        // src/codegen/source-position-table.cc
        source_positions_have_two_flags: true,
        // By snapshots of Node.js 25.9.0: holes are in them no more.
        snapshots: SnapshotLayout { show_markers: false, ..v13_6::TABLE.facts.snapshots },
        ..v13_6::TABLE.facts
    },
    ..v13_6::TABLE
};
