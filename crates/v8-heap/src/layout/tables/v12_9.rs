//! V8 12.9: Node.js 23, between 12.4 and 13.6: pages and what a snapshot calls things are as in the one or the other, and memory is
//! counted as in 12.4 but for where the `Heap` has it.
//!
//! Classes by V8's sources of 12.9 and the `v8dbg_class_*` symbols of Node.js 23.11.1; counts of memory as the functions of 23.11.1 that
//! compute the statistics read them. Every release of the line is checked by value.

use super::{v12_4, v13_6};
use crate::layout::machine_code;
use crate::layout::{
    AccountingLayout, ExternalBytes, Facts, FrameLayout, FreeSpaceUnit, ScopeInfoLayout, SnapshotLayout,
    Table,
};
use crate::layout::{CrashLayout, NamedReceivers};

/// Layout of V8 12.9, as Node.js 23 builds it for x86-64.
pub(super) const TABLE: Table = Table {
    v8: (12, 9),
    line: "Node.js 23",
    // By value, as in 14.1.
    large_page_flag: 9,
    accounting: AccountingLayout {
        spaces: 0x158,
        external_bytes: ExternalBytes::One(0x90),
        allocator: 0x21c0,
        ..v12_4::TABLE.accounting
    },
    frames: FrameLayout::V12_9,
    deoptimization: &machine_code::V12_9,
    crash: CrashLayout::V12_9,
    facts: Facts {
        // src/objects/scope-info.tq
        scope_info: ScopeInfoLayout::V12_9,
        free_space_unit: FreeSpaceUnit::Bytes,
        // src/objects/elements-kind.h
        typed_elements: v12_4::TABLE.facts.typed_elements,
        // src/objects/call-site-info.cc
        stack_traces_name: NamedReceivers::Classes,
        // By snapshots of Node.js 23.11.1: the code of a call is told once.
        snapshots: SnapshotLayout { told_twice: &[], ..v12_4::TABLE.facts.snapshots },
        eternal_handles_behind: Some(0x60),
        ..v13_6::TABLE.facts
    },
    ..v13_6::TABLE
};
