//! V8 11.3: Node.js 20.
//!
//! Offsets: V8 11.3 `src/objects/*.tq`, `src/heap/*-chunk*.h`, `src/execution/isolate-data.h`; each was checked by value on a core of that release.

use crate::layout::CrashLayout;
use crate::layout::machine_code;
use crate::layout::{
    AccountingLayout, BackingStoreLayout, ExternalBytes, Facts, FrameLayout, FreeSpaceUnit, HeaderPlace,
    PageLayout, ScopeInfoLayout, SelfCheck, SnapshotLayout, Table,
};

/// Layout of V8 11.3, as Node.js 20 builds it for x86-64.
pub(super) const TABLE: Table = Table {
    v8: (11, 3),
    node: 20,
    supported: true,
    page: PageLayout {
        header: HeaderPlace::InPage,
        size: 0,
        flags: 8,
        heap: 16,
        area_start: 24,
        area_end: 32,
        owner: 64,
        first_object: 0x1148,
        self_check: SelfCheck::SizeTwice,
    },
    large_page_flag: 7,
    read_only_page_flag: 6,
    space_names: &[
        "read_only",
        "new",
        "old",
        "code",
        "shared",
        "new_large_object",
        "large_object",
        "code_large_object",
        "shared_large_object",
    ],
    accounting: AccountingLayout {
        spaces: 0x1c8,
        external_bytes: ExternalBytes::One(0x128),
        allocator: 0x23f0,
        allocator_total: 0x10,
        free_list: 0x40,
        free_list_available: 0x28,
        paged_size: 0x98,
        paged_physical: 0xc8,
        large_objects_size: 0x60,
        new_large_capacity: 0x150,
        to_space: 0x168,
        from_space: 0x278,
        first_page: 0x28,
        semispace_current_page: 0x88,
        semispace_current_capacity: 0x50,
        semispace_physical: 0x78,
        new_target_capacity: 0x1c0,
        new_quarantined: None,
        counts_without_open_areas: false,
        has_system_mutexes: true,
        backing_store: BackingStoreLayout {
            in_extension: 8,
            flags: 56,
            shared: 1 << 0,
            resizable: 1 << 1,
            wasm: 1 << 2,
            custom_deleter: 1 << 7,
            empty_deleter: 1 << 8,
            wasm_counts_elsewhere: false,
        },
    },
    frames: FrameLayout::V11_3,
    deoptimization: &machine_code::V11_3,
    crash: CrashLayout::V11_3,
    facts: Facts {
        scope_info: ScopeInfoLayout::V11,
        undefined_kind: 5,
        free_space_unit: FreeSpaceUnit::Bytes,
        feedback_metadata_counts_closures: false,
        elements_kinds: crate::layout::ELEMENTS_KINDS,
        typed_elements: crate::layout::EARLY_TYPED_ELEMENTS,
        // src/profiler/heap-snapshot-generator.cc
        snapshots: SnapshotLayout {
            mark_globals: false,
            count_heap_only: true,
            name_oddballs: false,
            told_twice: &[],
            code_is_handle: true,
            wrappers_are_code: false,
            name_functions: false,
            show_markers: false,
            hide_internal_descriptors: false,
            name_global_object: false,
        },
        static_initializer_kind: 25,
        name_dictionary_first: 6,
        script_context_table_first: 2,
        transition_array_first: 2,
        // src/wasm/value-type.h
        wasm_value_kind_shift: 0,
        wasm_first_value_kind: 1,
        // src/objects/call-site-info.tq, call-site-info.cc
        call_sites_are_objects: true,
        // src/objects/js-objects.cc, GetConstructorHelper
        constructors_go_by_own_names: false,
        stack_traces_name_functions: false,
        stack_traces_end_names_at_blanks: false,
        source_positions_have_two_flags: false,
        modules_have_result: true,
        handler_offset_shift: 3,
    },
};
