//! V8 9.3: Node.js 16.9 and 16.10, as V8 9.4 but for classes of WebAssembly.
//!
//! Classes and lists by V8's sources of 9.3 and the `v8dbg_class_*` symbols of Node.js 16.10.0; counts of memory as the functions of 16.10.0 that
//! compute the statistics read them.

use super::v9_4;
use crate::layout::{AccountingLayout, BackingStoreLayout, Facts, OwnObjects, SnapshotLayout, Table};

/// Layout of V8 9.3, as Node.js 16 builds it for x86-64.
pub(super) const TABLE: Table = Table {
    v8: (9, 3),
    accounting: AccountingLayout {
        allocator: 0x22a0,
        // src/objects/backing-store.h
        backing_store: BackingStoreLayout { flags: 40, ..v9_4::TABLE.accounting.backing_store },
        ..v9_4::TABLE.accounting
    },
    facts: Facts {
        // src/objects/stack-frame-info.cc
        wasm_modules_are_anonymous: true,
        // src/profiler/strings-storage.cc
        snapshots: SnapshotLayout { own: OwnObjects::V9_2, ..v9_4::TABLE.facts.snapshots },
        ..v9_4::TABLE.facts
    },
    ..v9_4::TABLE
};
