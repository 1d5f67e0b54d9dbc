//! V8 10.2: Node.js 18, as V8 11.3 but for the classes and types that moved, where memory is counted, and that machine code is in the
//! `Code` itself.
//!
//! Classes by V8's sources of 10.0 and 10.3 and the `v8dbg_class_*` symbols of Node.js 18.20.8; counts of memory as the functions of
//! 18.20.8 that compute the statistics read them. Node.js 18.0 to 18.2 have V8 10.1, which is not described.

use super::v11_3;
use crate::layout::machine_code;
use crate::layout::{
    AccountingLayout, CrashLayout, ExternalBytes, Facts, FrameLayout, OwnObjects, PageLayout, PhysicalBytes,
    SnapshotLayout, Table,
};

/// Layout of V8 10.2, as Node.js 18 builds it for x86-64.
pub(super) const TABLE: Table = Table {
    v8: (10, 2),
    line: "Node.js 18",
    supported: true,
    shortcoming: "",
    page: PageLayout { first_object: 0x1130, ..v11_3::TABLE.page },
    large_page_flag: 5,
    read_only_page_flag: 20,
    space_names: &[
        "read_only",
        "old",
        "code",
        "map",
        "large_object",
        "code_large_object",
        "new_large_object",
        "new",
    ],
    frames: FrameLayout::V10_2,
    deoptimization: &machine_code::V10_2,
    crash: CrashLayout::V10_2,
    sandbox: None,
    accounting: AccountingLayout {
        spaces: 0x1d0,
        external_bytes: ExternalBytes::One(0x128),
        allocator: 0x2440,
        free_list: 0xc0,
        free_list_available: 0x28,
        paged_size: 0x110,
        physical: PhysicalBytes::Counted { paged: 0x188, semispace: 0xf0 },
        large_objects_size: 0xd8,
        new_large_capacity: 0x148,
        to_space: 0x160,
        from_space: 0x268,
        first_page: 0xa8,
        semispace_current_page: 0x100,
        semispace_current_capacity: 0xc8,
        new_target_capacity: 0x230,
        ..v11_3::TABLE.accounting
    },
    facts: Facts {
        elements_kinds: crate::layout::ELEMENTS_KINDS_10,
        // src/objects/oddball.h
        optimized_out_kind: Some(9),
        // src/objects/dictionary.h
        name_dictionary_first: 5,
        // src/profiler/heap-snapshot-generator.cc
        snapshots: SnapshotLayout { own: OwnObjects::V10, ..v11_3::TABLE.facts.snapshots },
        ..v11_3::TABLE.facts
    },
};
