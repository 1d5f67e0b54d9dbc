//! V8 7.8: Node.js 12 from 12.16 on, as V8 8.4 but for the classes and types that moved, the slots of contexts, and numbers in fields, which
//! are in the objects themselves.
//!
//! Classes and lists by V8's sources of 7.8.279 (`src/builtins/base.tq`, `src/objects/*.h`, `src/wasm/wasm-objects.h`) and the `v8dbg_*`
//! symbols of Node.js 12.22.12, whose types of `ByteArray` and `Foreign` are the other way round; counts of memory as the functions of
//! 12.22.12 that compute the statistics read them.

use super::v8_4;
use crate::layout::{AccountingLayout, CrashLayout, Facts, PageLayout, Table, machine_code};

/// Layout of V8 7.8, as Node.js 12 builds it for x86-64.
pub(super) const TABLE: Table = Table {
    v8: (7, 8),
    line: "Node.js 12",
    supported: false,
    shortcoming: "objects, values and stacks of interpreted functions are right in the releases from 12.16 on that were tried, other \
                  stacks were not looked at; heap snapshots call V8's own \
                  objects otherwise than V8 7.8 does, functions that `Function` makes have no name, and modules of WebAssembly \
                  have others in stacks; what Node.js itself keeps was not looked at",
    // src/heap/spaces.h
    page: PageLayout { area_start: 40, area_end: 48, owner: 80, first_object: 0x118, ..v8_4::TABLE.page },
    accounting: AccountingLayout { allocator: 0x1ef8, ..v8_4::TABLE.accounting },
    crash: CrashLayout::V7_8,
    deoptimization: &machine_code::V7_8,
    facts: Facts {
        // src/objects/contexts.h
        contexts_have_fixed_slots: true,
        // src/objects/layout-descriptor-inl.h
        doubles_are_in_objects: true,
        ..v8_4::TABLE.facts
    },
    ..v8_4::TABLE
};
