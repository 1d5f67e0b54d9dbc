//! Questions about objects.

use v8_heap::objects::value::HeapObject;
use v8_heap::questions::StringQuery;
use v8_heap::{Heap, Unattended, View};

/// Units of a string, and items of a list, that are asked for.
const LIMIT: usize = 1 << 16;

/// Asks everything about one object.
pub fn ask_object(heap: &View<'_>, object: HeapObject<'_>) {
    let value = object.value();
    let _ = heap.value(value);
    let _ = heap.class_name(value);
    let _ = heap.object_size(object);
    let _ = heap.own_properties(object);
    let _ = heap.own_property(object, "length");
    let _ = heap.property_at(object, 0);
    let _ = heap.hidden_properties(object);
    let _ = heap.elements(object);
    let _ = heap.string(value, LIMIT);
    let _ = heap.bigint(object);
    let _ = heap.number(value);
    let _ = heap.constructor_name(object);
    let _ = heap.constructor_function(object);
    let _ = heap.collection_size(object);
    let _ = heap.iterator_slots(object);
    let _ = heap.concatenated(object);
    let _ = heap.private_methods(object);
    let _ = heap.view(object);
    let _ = heap.proxy(object);
    let _ = heap.regexp(object);
    let _ = heap.temporal(object);
    let _ = heap.wrapped_value(object);
    let _ = heap.weak_ref_target(object);
    let _ = heap.module_exports(object);
    let _ = heap.finalization_callback(object);
    let _ = heap.disposable_stack(object);
    let _ = heap.embedder_fields(object);
    let _ = heap.intl_locale(object);
    let _ = heap.promise(object);
    let _ = heap.promise_reactions(object);
    let _ = heap.generator(object);
    let _ = heap.suspension(object);
    let _ = heap.generator_requests(object);
    let _ = heap.async_function_promise(object);
    let _ = heap.error_stack(object);
    let _ = heap.wasm_memory(object);
    let _ = heap.wasm_table(object);
    let _ = heap.wasm_global(object);
    let _ = heap.wasm_instance(object);
    let _ = heap.context_variables(object);
    let _ = heap.scope(object);
    let _ = heap.closure_context(object).map(|context| heap.context_chain(context).len());
    let _ = heap.function_text_range(object);
    let _ = heap.script(value).map(|script| heap.script_lines(&script));
}

/// Asks a heap everything about every object in it.
pub fn ask_objects(heap: &Heap<'_>) {
    let _ = heap.self_check(&Unattended);
    let Ok(table) = heap.objects(&Unattended) else { return };
    for page in 0..table.page_count() {
        for (address, map_id) in table.page_objects(page) {
            ask_object(heap, HeapObject { address, map_id, map: heap.map(map_id) });
        }
    }
    let _ = heap.kinds(&Unattended);
    let query = StringQuery { containing: Some(vec![0x6f]), ..StringQuery::default() };
    let _ = heap.strings(&query, &Unattended);
}
