//! V8 15.0: Deno 2.9.
//!
//! Deno's binary publishes nothing. Offsets: V8 15.0 `src/objects/*.tq`, `src/heap/*-chunk*.h`, `src/execution/isolate-data.h`; sizes of
//! classes and instance types against the maps among the roots of a core of Deno 2.9.6, counts of memory by value against what
//! `v8.getHeapSpaceStatistics()` said there. What V8 keeps that says why it ended is not known.

use super::v14_6;
use crate::layout::{AccountingLayout, ExternalBytes, Facts, PhysicalBytes, Table};

/// Layout of V8 15.0, as Deno 2.9 builds it for x86-64.
pub(super) const TABLE: Table = Table {
    v8: (15, 0),
    line: "Deno 2.9",
    supported: false,
    shortcoming: "some of its releases were tried",
    accounting: AccountingLayout {
        spaces: 0x110,
        external_bytes: ExternalBytes::Two { strings: 0xa90, sweeper: 0x770, total: 0x60 },
        free_list: 0x38,
        paged_size: 0x60,
        physical: PhysicalBytes::Counted { paged: 0x70, semispace: 0x48 },
        large_objects_size: 0x50,
        new_large_capacity: 0xe8,
        to_space: 0x48,
        from_space: 0xb0,
        first_page: 0x20,
        semispace_current_page: 0x58,
        semispace_current_capacity: 0x40,
        new_target_capacity: 0x160,
        new_quarantined: Some(0x138),
        ..v14_6::TABLE.accounting
    },
    crash: None,
    facts: Facts {
        // src/wasm/value-type.h
        wasm_first_value_kind: 24,
        fields_go_by_offset: true,
        ..v14_6::TABLE.facts
    },
    ..v14_6::TABLE
};
