//! A heap that is built in code, with something of most sorts in it.

use core_reader::{Thread, X86_64};
use test_support::v8_heap::{Dump, HeapBuilder, Release, Space, Type};

/// A heap with something of most sorts, and a thread that holds it.
pub fn small_heap(release: Release) -> (Dump, Thread) {
    let mut builder = HeapBuilder::new(release);
    let (old, page) = (builder.old(), builder.page(Space::New));
    let smi = HeapBuilder::smi;
    let class = builder.class("Point", &["x", "y"]);
    let derived = builder.derived_class("Circle", &class, &["x", "y", "r"]);
    let text = builder.string(page, "hello, world");
    let wide = builder.two_byte_string(page, &[0x2603, 0xd800]);
    let mut rope = builder.cons_string(page, text, wide, 14);
    for piece in 1..10 {
        rope = builder.cons_string(page, rope, text, 14 + 12 * piece);
    }
    let slice = builder.sliced_string(page, text, 2, 5);
    let thin = builder.thin_string(page, text, 12);
    let external = builder.external_string(page, "outside", false);
    let number = builder.heap_number(page, 1.5);
    let mut members = Vec::new();
    for value in [text, wide, rope, slice, thin, external, number] {
        let inner = builder.instance(page, &class, &[value, smi(1)]);
        members.push(builder.instance(old, &derived, &[inner, smi(1), number]));
    }
    let map = builder.array_map();
    let array = builder.array(page, map, &members);
    let (a, b) = (builder.name("a"), builder.name("b"));
    let scope = builder.scope_info(old, &[a, b]);
    let undefined = builder.roots().undefined;
    let context = builder.context(page, scope, undefined, &[text, array]);
    let function = builder.function_with(scope, context);
    let script = builder.script(page, rope, text, array);
    let empty = builder.roots().empty_fixed_array;
    let mut all = vec![array, function, script];
    for (class, table, words) in [
        (
            Type::JsMap,
            Type::OrderedHashMap,
            vec![smi(1), smi(0), smi(2), smi(0), smi(-1), text, number, smi(-1)],
        ),
        (Type::JsSet, Type::OrderedHashSet, vec![smi(1), smi(0), smi(2), smi(0), smi(-1), text, smi(-1)]),
        (Type::JsWeakMap, Type::EphemeronHashTable, vec![smi(1), smi(0), smi(1), array, text]),
    ] {
        let table = builder.array_like(page, table, &words);
        let map = builder.map_of(class);
        all.push(builder.object(page, map, empty, empty, &[table]));
    }
    let root = builder.array(page, map, &all);
    let registers = X86_64.registers_of(&[("rax", root)]);
    (builder.build(), Thread { id: 1, signal: 0, registers })
}
