//! V8 11.8: Node.js 21, as V8 11.3 but for the classes and types that moved, where memory is counted, and that page
//! headers are smaller.
//!
//! Classes by V8's sources of 11.8 and the `v8dbg_class_*` symbols of Node.js 21.7.3; counts of memory by value, on cores of Node.js
//! 21.0.0 and 21.7.3 that had written their statistics before.

use super::v11_3;
use crate::layout::machine_code;
use crate::layout::{
    AccountingLayout, ExternalBytes, Facts, FrameLayout, OwnObjects, PageLayout, PhysicalBytes,
    SnapshotLayout, Table,
};

/// Layout of V8 11.8, as Node.js 21 builds it for x86-64.
pub(super) const TABLE: Table = Table {
    v8: (11, 8),
    line: "Node.js 21",
    page: PageLayout { first_object: 0x1128, ..v11_3::TABLE.page },
    frames: FrameLayout::V11_8,
    deoptimization: &machine_code::V11_8,
    crash: None,
    accounting: AccountingLayout {
        spaces: 0x190,
        external_bytes: ExternalBytes::One(0xf0),
        allocator: 0x2438,
        free_list: 0x48,
        free_list_available: 0x20,
        paged_size: 0xa0,
        physical: PhysicalBytes::Counted { paged: 0xd0, semispace: 0x80 },
        large_objects_size: 0x68,
        new_large_capacity: 0x158,
        to_space: 0x170,
        from_space: 0x288,
        semispace_current_page: 0x90,
        semispace_current_capacity: 0x58,
        new_target_capacity: 0x1d0,
        ..v11_3::TABLE.accounting
    },
    facts: Facts {
        // src/profiler/heap-snapshot-generator.cc, and snapshots of Node.js 21.7.3: code and functions without a name are called as later.
        snapshots: SnapshotLayout {
            code_is_handle: false,
            name_functions: true,
            own: OwnObjects::V12,
            ..v11_3::TABLE.facts.snapshots
        },
        ..v11_3::TABLE.facts
    },
    ..v11_3::TABLE
};
