//! V8 13.6: Node.js 24.
//!
//! Offsets: V8 13.6 `src/objects/*.tq`, `src/heap/*-chunk*.h`, `src/execution/isolate-data.h`; each was checked by value on a core of that release.

use crate::layout::CrashLayout;
use crate::layout::machine_code;
use crate::layout::{
    AccountingLayout, BackingStoreLayout, ExternalBytes, Facts, FrameLayout, FreeSpaceUnit, HeaderPlace,
    PageLayout, ScopeInfoLayout, SelfCheck, SnapshotLayout, Table,
};

/// Layout of V8 13.6, as Node.js 24 builds it for x86-64.
pub(super) const TABLE: Table = Table {
    v8: (13, 6),
    node: 24,
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
    large_page_flag: 10,
    read_only_page_flag: 6,
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
        spaces: 0x160,
        external_bytes: ExternalBytes::One(0x98),
        allocator: 0x2078,
        allocator_total: 0x8,
        free_list: 0x50,
        free_list_available: 0x20,
        paged_size: 0x78,
        paged_physical: 0x88,
        large_objects_size: 0x68,
        new_large_capacity: 0x110,
        to_space: 0x60,
        from_space: 0xe0,
        first_page: 0x38,
        semispace_current_page: 0x70,
        semispace_current_capacity: 0x58,
        semispace_physical: 0x60,
        new_target_capacity: 0x1a8,
        new_quarantined: Some(0x180),
        counts_without_open_areas: true,
        backing_store: BackingStoreLayout {
            in_extension: 0,
            flags: 64,
            shared: 1 << 0,
            resizable: 1 << 1,
            wasm: 1 << 2,
            custom_deleter: 1 << 7,
            empty_deleter: 1 << 8,
            wasm_counts_elsewhere: false,
        },
    },
    frames: FrameLayout::V13_6,
    deoptimization: &machine_code::V13_6,
    crash: CrashLayout::V13_6,
    facts: Facts {
        scope_info: ScopeInfoLayout::V13,
        undefined_kind: 4,
        free_space_unit: FreeSpaceUnit::Words,
        feedback_metadata_counts_closures: true,
        elements_kinds: crate::layout::ELEMENTS_KINDS,
        typed_elements: crate::layout::TYPED_ELEMENTS,
        // src/profiler/heap-snapshot-generator.cc
        snapshots: SnapshotLayout {
            mark_globals: false,
            count_heap_only: false,
            name_oddballs: true,
            told_twice: &[],
            code_is_handle: false,
            wrappers_are_code: true,
            name_functions: true,
            show_markers: true,
            hide_internal_descriptors: false,
            name_global_object: false,
        },
        static_initializer_kind: 25,
        name_dictionary_first: 6,
        script_context_table_first: 0,
        transition_array_first: 3,
        // src/wasm/value-type.h
        wasm_value_kind_shift: 8,
        wasm_first_value_kind: 22,
        // src/objects/call-site-info.tq, call-site-info.cc
        call_sites_are_objects: true,
        // src/objects/js-objects.cc, GetConstructorHelper
        constructors_go_by_own_names: false,
        stack_traces_name_functions: true,
        stack_traces_end_names_at_blanks: true,
        source_positions_have_two_flags: false,
        handler_offset_shift: 4,
    },
};
