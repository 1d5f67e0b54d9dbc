//! V8 9.0: Node.js 16.0 to 16.3, as V8 9.1 but for its scope infos, which are arrays.
//!
//! Classes and lists by V8's sources of 9.0 and the `v8dbg_class_*` symbols of Node.js 16.3.0; counts of memory as the functions of 16.3.0 that
//! compute the statistics read them.

use super::v9_1;
use crate::layout::{AccountingLayout, Facts, OwnObjects, SnapshotLayout, Table, machine_code};

/// Layout of V8 9.0, as Node.js 16 builds it for x86-64.
pub(super) const TABLE: Table = Table {
    v8: (9, 0),
    accounting: AccountingLayout { allocator: 0x21b0, ..v9_1::TABLE.accounting },
    deoptimization: &machine_code::V9_0,
    facts: Facts {
        // src/objects/code-inl.h, GetBytecodeOffsetForBaselinePC
        baseline_tables_have_pairs: true,
        // src/profiler/heap-snapshot-generator.cc
        snapshots: SnapshotLayout { own: OwnObjects::V9_0, ..v9_1::TABLE.facts.snapshots },
        ..v9_1::TABLE.facts
    },
    ..v9_1::TABLE
};
