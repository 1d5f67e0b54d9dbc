//! V8 8.4: Node.js 14 from 14.6 on, as V8 9.0 but for the classes and types that moved, the header of its pages and its spaces, and frames on
//! the stack, which have a frame of an adaptor in front of them where not as many arguments were passed as are declared.
//!
//! Classes and lists by V8's sources of 8.4.371 (`src/objects/*.tq`, `code.h`, `js-array-buffer.h`, `src/wasm/wasm-objects.h`) and the
//! `v8dbg_*` symbols of Node.js 14.21.3; counts of memory as the functions of 14.21.3 that compute the statistics read them.

use super::v9_0;
use crate::layout::{
    AccountingLayout, CrashLayout, ExternalBytes, Facts, FrameLayout, OwnObjects, PageLayout, PhysicalBytes,
    SnapshotLayout, Table, machine_code,
};

/// Layout of V8 8.4, as Node.js 14 builds it for x86-64.
pub(super) const TABLE: Table = Table {
    v8: (8, 4),
    line: "Node.js 14",
    supported: false,
    shortcoming: "objects, values and stacks are right in the releases from 14.6 on that were tried; heap snapshots call V8's own \
                  objects otherwise than V8 8.4 does, functions that `Function` makes have no name, and modules of WebAssembly \
                  have others in stacks; what Node.js itself keeps was not looked at",
    // src/heap/memory-chunk.h, basic-memory-chunk.h
    page: PageLayout {
        heap: 24,
        area_start: 32,
        area_end: 40,
        owner: 88,
        // src/heap/spaces.h: observers, the list of pages and two more are in front of them.
        space_heap: 64,
        space_id: 72,
        space_committed: 80,
        areas_have_start: false,
        first_object: 0x120,
        ..v9_0::TABLE.page
    },
    // src/common/globals.h, AllocationSpace
    space_names: &[
        "read_only",
        "new",
        "old",
        "code",
        "map",
        "large_object",
        "code_large_object",
        "new_large_object",
    ],
    accounting: AccountingLayout {
        spaces: 0x138,
        external_bytes: ExternalBytes::One(0xb0),
        allocator: 0x2048,
        free_list: 0x60,
        free_list_available: 0x28,
        paged_size: 0xb8,
        read_only_size: Some(0xb8),
        sizes_count_open_areas: true,
        semispace_pages_used: Some(0x98),
        physical: PhysicalBytes::HighWaterMarks(0x98),
        large_objects_size: 0x78,
        new_large_capacity: 0x88,
        to_space: 0xd0,
        from_space: 0x170,
        first_page: 0x20,
        semispace_current_page: 0x90,
        semispace_current_capacity: 0x68,
        new_target_capacity: 0x138,
        ..v9_0::TABLE.accounting
    },
    crash: CrashLayout::V8_4,
    // src/execution/frame-constants.h, frames.h
    frames: FrameLayout::V8_4,
    deoptimization: &machine_code::V8_4,
    facts: Facts {
        // src/objects/stack-frame-info.tq
        call_site_class: Some("StackTraceFrame"),
        // src/profiler/heap-snapshot-generator.cc
        snapshots: SnapshotLayout { own: OwnObjects::V8, ..v9_0::TABLE.facts.snapshots },
        // src/objects/contexts.h
        script_context_table_first: 1,
        // src/objects/arguments.h
        arguments_are_plain_arrays: true,
        ..v9_0::TABLE.facts
    },
    ..v9_0::TABLE
};
