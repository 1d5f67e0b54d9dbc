//! V8 14.6: Node.js 26.
//!
//! Offsets: V8 14.6 `src/objects/*.tq`, `src/heap/*-chunk*.h`, `src/execution/isolate-data.h`; each was checked by value on a core of that release.

use crate::layout::CrashLayout;
use crate::layout::machine_code;
use crate::layout::{
    AccountingLayout, BackingStoreLayout, ExternalBytes, Facts, FrameLayout, FreeSpaceUnit, HeaderPlace,
    PageLayout, ScopeInfoLayout, SelfCheck, SnapshotLayout, Table,
};

/// Layout of V8 14.6, as Node.js 26 builds it for x86-64.
pub(super) const TABLE: Table = Table {
    v8: (14, 6),
    node: 26,
    page: PageLayout {
        header: HeaderPlace::Metadata { pointer: 8 },
        size: 48,
        flags: 0,
        heap: 64,
        area_start: 72,
        area_end: 56,
        owner: 80,
        first_object: 0x10,
        self_check: SelfCheck::None,
    },
    large_page_flag: 7,
    read_only_page_flag: 10,
    space_names: &[
        "read_only",
        "new",
        "old",
        "code",
        "shared",
        "trusted",
        "shared_trusted",
        "new_large_object",
        "large_object",
        "code_large_object",
        "shared_large_object",
        "shared_trusted_large_object",
        "trusted_large_object",
    ],
    accounting: AccountingLayout {
        spaces: 0x118,
        external_bytes: ExternalBytes::Two { strings: 0xab8, sweeper: 0x7a8, total: 0x60 },
        allocator: 0x2060,
        allocator_total: 0x8,
        free_list: 0x40,
        free_list_available: 0x20,
        paged_size: 0x68,
        paged_physical: 0x78,
        large_objects_size: 0x58,
        new_large_capacity: 0x100,
        to_space: 0x50,
        from_space: 0xc0,
        first_page: 0x38,
        semispace_current_page: 0x60,
        semispace_current_capacity: 0x48,
        semispace_physical: 0x50,
        new_target_capacity: 0x178,
        new_quarantined: Some(0x150),
        counts_without_open_areas: true,
        backing_store: BackingStoreLayout {
            in_extension: 0,
            flags: 56,
            shared: 1 << 0,
            resizable: 1 << 1,
            wasm: 1 << 3,
            custom_deleter: 1 << 8,
            empty_deleter: 1 << 9,
            wasm_counts_elsewhere: true,
        },
    },
    frames: FrameLayout::V14_6,
    deoptimization: &machine_code::V13_6,
    crash: CrashLayout::V14_6,
    facts: Facts {
        scope_info: ScopeInfoLayout::V14,
        undefined_kind: 4,
        free_space_unit: FreeSpaceUnit::Words,
        feedback_metadata_counts_closures: true,
        elements_kinds: crate::layout::ELEMENTS_KINDS,
        typed_elements: crate::layout::TYPED_ELEMENTS,
        // src/profiler/heap-snapshot-generator.cc
        snapshots: SnapshotLayout {
            mark_globals: true,
            count_heap_only: false,
            name_oddballs: true,
            told_twice: &[],
            code_is_handle: false,
            wrappers_are_code: true,
            name_functions: true,
            show_markers: false,
            hide_internal_descriptors: true,
            name_global_object: true,
        },
        static_initializer_kind: 26,
        name_dictionary_first: 6,
        script_context_table_first: 0,
        transition_array_first: 3,
        // src/wasm/value-type.h
        wasm_value_kind_shift: 8,
        wasm_first_value_kind: 22,
        // src/objects/call-site-info.tq, call-site-info.cc
        call_sites_are_objects: false,
        // src/objects/js-objects.cc, GetConstructorHelper
        constructors_go_by_own_names: true,
        stack_traces_name_functions: true,
        stack_traces_end_names_at_blanks: true,
        source_positions_have_two_flags: true,
        handler_offset_shift: 4,
    },
};
