//! Scopes: what opens them, and the variables that are not in slots.
#![allow(clippy::unwrap_used)] // a test may panic

use test_support::v8_heap::{HeapBuilder, Release, Type};
use v8_heap::objects::context::{ScopeKind, VariableValue};
use v8_heap::{Heap, Tagged};

fn named(heap: &Heap<'_>, context: u64) -> (Option<ScopeKind>, Vec<(String, VariableValue)>) {
    let scope = heap.scope(heap.object(Tagged(context)).unwrap()).unwrap();
    let variables = scope.variables.iter().map(|v| (heap.name_text(v.name).unwrap(), v.value));
    (scope.kind, variables.collect())
}

#[test]
fn exports_and_imports_are_in_cells_of_the_module() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let old = builder.old();
        let (total, other) = (builder.name("total"), builder.name("other"));
        let undefined = builder.roots().undefined;
        let number = HeapBuilder::smi(42);
        let text = builder.string(old, "imported");
        let context = builder.module_context(old, undefined, (total, number), (other, text));
        let dump = builder.build();
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        let (kind, variables) = named(&heap, context);
        assert_eq!(kind, Some(ScopeKind::Module), "{release:?}");
        let expected = [("total", number), ("other", text)];
        assert_eq!(variables.len(), 2, "{release:?}");
        for ((name, value), (own, word)) in variables.iter().zip(expected) {
            assert_eq!(name, own, "{release:?}");
            assert!(
                matches!(value, VariableValue::Tagged(found) if found.0 == word),
                "{release:?}: {value:?}"
            );
        }
    }
}

#[test]
fn a_chain_of_contexts_ends_where_it_meets_itself() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let old = builder.old();
        let name = builder.name("a");
        let scope = builder.scope_info(old, &[name]);
        let undefined = builder.roots().undefined;
        let outer = builder.context(old, scope, undefined, &[undefined]);
        let inner = builder.context(old, scope, outer, &[undefined]);
        let mut dump = builder.build();
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        let chain = heap.context_chain(heap.object(Tagged(inner)).unwrap());
        assert_eq!(chain.iter().map(|c| c.value().0).collect::<Vec<_>>(), [inner, outer], "{release:?}");
        assert_eq!(named(&heap, inner).0, Some(ScopeKind::Function), "{release:?}");
        drop(heap);
        // The previous context follows length and scope info.
        dump.set_word(outer - 1 + 24, inner);
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        assert_eq!(heap.context_chain(heap.object(Tagged(inner)).unwrap()).len(), 2, "{release:?}");
    }
}

#[test]
fn a_script_has_text_parameters_and_a_size() {
    for release in Release::ALL {
        let mut builder = HeapBuilder::new(release);
        let old = builder.old();
        let (left, right) =
            (builder.string(old, "let a;\n"), builder.two_byte_string(old, &[0x2603, 0x0a, 0x61]));
        let source = builder.cons_string(old, left, right, 10);
        let (name, parameter) = (builder.name("x.js"), builder.name("require"));
        let parameters = builder.array_like(old, Type::FixedArray, &[parameter]);
        let script = builder.script(old, source, name, parameters);
        let dump = builder.build();
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        let script = heap.script(Tagged(script)).unwrap();
        assert_eq!(heap.wrapped_parameters(&script).unwrap(), [Tagged(parameter)], "{release:?}");
        assert_eq!(heap.source_bytes(&script).unwrap(), 7 + 2 * 3, "{release:?}");
        assert_eq!(heap.script_text(&script, 4, 8).unwrap(), [0x61, 0x3b, 0x0a, 0x2603], "{release:?}");
        assert_eq!(heap.script_text(&script, 9, 99).unwrap(), [0x61], "{release:?}");
        assert_eq!(heap.script_lines(&script).unwrap().count(), 3, "{release:?}");
    }
}
