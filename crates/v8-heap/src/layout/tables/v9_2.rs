//! V8 9.2: Node.js 16.6 to 16.8, as V8 9.3 but for classes of WebAssembly and where memory is counted.
//!
//! Classes and lists by V8's sources of 9.2 and the `v8dbg_class_*` symbols of Node.js 16.8.0; counts of memory as the functions of 16.8.0 that
//! compute the statistics read them.

use super::v9_3;
use crate::layout::{AccountingLayout, CrashLayout, ExternalBytes, Table};

/// Layout of V8 9.2, as Node.js 16 builds it for x86-64.
pub(super) const TABLE: Table = Table {
    v8: (9, 2),
    crash: CrashLayout::V9_2,
    accounting: AccountingLayout {
        spaces: 0x170,
        external_bytes: ExternalBytes::One(0xc8),
        allocator: 0x2268,
        free_list: 0xc8,
        paged_size: 0x120,
        large_objects_size: 0xe0,
        new_large_capacity: 0x118,
        to_space: 0x138,
        from_space: 0x240,
        first_page: 0xb0,
        semispace_current_page: 0x100,
        semispace_current_capacity: 0xd0,
        new_target_capacity: 0x210,
        ..v9_3::TABLE.accounting
    },
    ..v9_3::TABLE
};
