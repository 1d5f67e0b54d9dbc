//! V8 9.4: Node.js 16 from 16.11 on, as V8 10.2 but for the classes and types that moved, where memory is counted,
//! and what parameters, scopes and the details of properties are told by.
//!
//! Classes and lists by V8's sources of 9.4 and the `v8dbg_class_*` symbols of Node.js 16.20.2; counts of memory as the functions of
//! 16.20.2 that compute the statistics read them. Earlier releases of Node.js 16 have V8 9.0 to 9.3.

use super::v10_2;
use crate::layout::{
    AccountingLayout, BackingStoreLayout, CrashLayout, Facts, FrameLayout, NamedReceivers, OwnObjects,
    PageLayout, PhysicalBytes, ScopeInfoLayout, SelfCheck, SnapshotLayout, Table,
};
use crate::layout::{ExternalBytes, machine_code};

/// Layout of V8 9.4, as Node.js 16 builds it for x86-64.
pub(super) const TABLE: Table = Table {
    v8: (9, 4),
    line: "Node.js 16",
    supported: false,
    shortcoming: "objects and values are right in all of its releases; stacks, heap snapshots and retained sizes in those that were \
                  tried",
    page: PageLayout { first_object: 0x1118, self_check: SelfCheck::Heap, ..v10_2::TABLE.page },
    read_only_page_flag: 21,
    frames: FrameLayout::V9_4,
    deoptimization: &machine_code::V9_4,
    crash: CrashLayout::V9_4,
    accounting: AccountingLayout {
        spaces: 0x168,
        external_bytes: ExternalBytes::One(0xc0),
        allocator: 0x22a8,
        free_list: 0xd0,
        paged_size: 0x128,
        read_only_size: Some(0x40),
        physical: PhysicalBytes::HighWaterMarks(0x38),
        large_objects_size: 0xe8,
        new_large_capacity: 0x158,
        to_space: 0x178,
        from_space: 0x288,
        first_page: 0xb8,
        semispace_current_page: 0x108,
        semispace_current_capacity: 0xd8,
        new_target_capacity: 0x258,
        // src/objects/backing-store.h
        backing_store: BackingStoreLayout { flags: 48, ..v10_2::TABLE.accounting.backing_store },
        ..v10_2::TABLE.accounting
    },
    facts: Facts {
        scope_info: ScopeInfoLayout::V9,
        // src/objects/stack-frame-info.tq
        call_site_class: Some("StackFrameInfo"),
        // src/objects/js-objects.cc, GetConstructorHelper
        constructors_come_after_tags: true,
        // src/objects/property-details.h
        property_places_come_first: true,
        // src/objects/stack-frame-info.cc
        stack_traces_name: NamedReceivers::None,
        stack_traces_put_types_before_any_name: true,
        counts_receivers: false,
        // src/profiler/heap-snapshot-generator.cc
        snapshots: SnapshotLayout { own: OwnObjects::V9, ..v10_2::TABLE.facts.snapshots },
        // src/common/globals.h
        has_temporal: false,
        code_alignment: Some(32),
        ..v10_2::TABLE.facts
    },
    ..v10_2::TABLE
};
