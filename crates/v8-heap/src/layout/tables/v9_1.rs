//! V8 9.1: Node.js 16.4 and 16.5, as V8 9.2 but for classes, buffers that cannot be resized, and where memory is counted.
//!
//! Classes and lists by V8's sources of 9.1 and the `v8dbg_class_*` symbols of Node.js 16.5.0; counts of memory as the functions of 16.5.0 that
//! compute the statistics read them.

use super::v9_2;
use crate::layout::{
    AccountingLayout, BackingStoreLayout, CrashLayout, Facts, OwnObjects, SnapshotLayout, Table,
};

/// Layout of V8 9.1, as Node.js 16 builds it for x86-64.
pub(super) const TABLE: Table = Table {
    v8: (9, 1),
    crash: CrashLayout::V9_1,
    accounting: AccountingLayout {
        spaces: 0x150,
        allocator: 0x21f0,
        // src/objects/backing-store.h
        backing_store: BackingStoreLayout {
            resizable: 0,
            wasm: 1 << 1,
            custom_deleter: 1 << 6,
            empty_deleter: 1 << 7,
            ..v9_2::TABLE.accounting.backing_store
        },
        ..v9_2::TABLE.accounting
    },
    facts: Facts {
        // src/wasm/module-decoder.cc, DecodeFunctionNames
        wasm_functions_go_by_exports: true,
        // src/profiler/heap-snapshot-generator.cc
        snapshots: SnapshotLayout { own: OwnObjects::V9_1, ..v9_2::TABLE.facts.snapshots },
        ..v9_2::TABLE.facts
    },
    ..v9_2::TABLE
};
