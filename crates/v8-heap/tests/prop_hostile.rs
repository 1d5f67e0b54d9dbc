//! Whatever a heap holds: every question has an answer or an error, never a panic, and every answer ends.
#![allow(clippy::unwrap_used)] // a test may panic

use core_reader::Contents;
use proptest::prelude::*;
use test_support::v8_heap::{Dump, HeapBuilder, Release, Space, Type};
use v8_heap::compare::{Counted, Fingerprints, Side, Texts, collections, newcomers, turnover};
use v8_heap::graph::Life;
use v8_heap::index::{GroupId, ObjectId, StoreKind};
use v8_heap::objects::error::CallSite;
use v8_heap::objects::frame::PhysicalFrame;
use v8_heap::objects::value::HeapObject;
use v8_heap::questions::Lives;
use v8_heap::questions::{Scope, StringQuery};
use v8_heap::snapshot::Extent;
use v8_heap::{Heap, NodeRuntime, Tagged, Unattended};

/// A heap with something of everything.
fn rich_heap(release: Release) -> Dump {
    let mut builder = HeapBuilder::new(release);
    let old = builder.old();
    let young = builder.page(Space::New);
    let smi = HeapBuilder::smi;
    let point = builder.class("Point", &["x", "y"]);
    let derived = builder.derived_class("Circle", &point, &["x", "y", "r"]);
    let hello = builder.string(young, "hello, world");
    let wide = builder.two_byte_string(young, &[0x2603, 0xd800]);
    let rope = builder.cons_string(young, hello, wide, 14);
    let slice = builder.sliced_string(young, hello, 2, 5);
    let thin = builder.thin_string(young, hello, 12);
    let external = builder.external_string(young, "outside", false);
    let uncached = builder.external_string(young, "outside too", true);
    let number = builder.heap_number(young, 1.5);
    for value in [hello, wide, rope, slice, thin, external, uncached, number] {
        builder.instance(young, &point, &[value, smi(1)]);
        builder.instance(young, &derived, &[value, smi(1), number]);
    }
    let array_map = builder.array_map();
    let array = builder.array(young, array_map, &[smi(1), number, hello, rope]);
    let doubles = builder.array_like(young, Type::FixedDoubleArray, &[0, 0x3ff8_0000_0000_0000]);
    let empty = builder.roots().empty_fixed_array;
    builder.object(young, array_map, empty, doubles, &[smi(2)]);
    let mut draft = builder.draft(Type::JsObject);
    draft.is_dictionary = true;
    draft.constructor_or_back_pointer = point.constructor;
    let dictionary_map = builder.map(old, draft);
    let entries: Vec<(u64, u64)> =
        ["one", "two", "three"].iter().map(|name| (builder.name(name), number)).collect();
    let dictionary = builder.name_dictionary(young, &entries);
    let undefined = builder.roots().undefined;
    let numbers = builder.array_like(
        young,
        Type::NumberDictionary,
        &[smi(1), smi(0), smi(2), smi(7), smi(7), hello, smi(0), undefined, undefined, undefined],
    );
    builder.object(young, dictionary_map, dictionary, numbers, &[]);
    let (a, b) = (builder.name("a"), builder.name("b"));
    let scope = builder.scope_info(old, &[a, b]);
    let context = builder.context(young, scope, undefined, &[hello, array]);
    let function = builder.function_with(scope, context);
    let module = builder.module_context(young, context, (a, hello), (b, number));
    builder.function_with(scope, module);
    let parameters = builder.array_like(young, Type::FixedArray, &[a, b]);
    builder.script(young, rope, hello, parameters);
    let map_of_bound = builder.map_of(Type::JsBoundFunction);
    builder.object(young, map_of_bound, empty, empty, &[function, undefined, empty]);
    let mapped = builder.array_like(young, Type::FixedArray, &[number]);
    let sloppy_map = builder.map_of(Type::SloppyArgumentsElements);
    let sloppy = builder.place(young, &[sloppy_map, smi(1), context, mapped, smi(2)]);
    let arguments_map = builder.map_of(Type::JsArguments);
    builder.object(young, arguments_map, empty, sloppy, &[]);
    for (class, table, words) in [
        (
            Type::JsMap,
            Type::OrderedHashMap,
            vec![smi(1), smi(0), smi(2), smi(0), smi(-1), hello, number, smi(-1)],
        ),
        (Type::JsSet, Type::OrderedHashSet, vec![smi(1), smi(0), smi(2), smi(0), smi(-1), hello, smi(-1)]),
        (Type::JsWeakMap, Type::EphemeronHashTable, vec![smi(1), smi(0), smi(1), array, hello]),
    ] {
        let table = builder.array_like(young, table, &words);
        let map = builder.map_of(class);
        builder.object(young, map, empty, empty, &[table]);
    }
    let bigint_map = builder.map_of(Type::BigInt);
    builder.place(young, &[bigint_map, 1 << 1, 77]);
    for class in [Type::JsDate, Type::JsPrimitiveWrapper] {
        let map = builder.map_of(class);
        builder.object(young, map, empty, empty, &[number]);
    }
    let map = builder.map_of(Type::JsTypedArray);
    builder.object(young, map, empty, empty, &[0; 9]);
    // A buffer with its native parts, each of them where some release has it.
    let bytes = builder.native_bytes(b"bytes of a buffer, of which there are 40.");
    let words = |words: &[u64]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let store = builder.native_bytes(&words(&[bytes, 40, 40, 40, 1, 0, 0, 0, 0, 0]));
    let extension = builder.native_bytes(&words(&[store, store, 0, 40, 0]));
    let fields: &[u64] = match release {
        Release::Node20 | Release::Node22 => &[undefined, 40, 40, bytes, extension, 0, 0, 0, 0, 0, 0],
        _ => &[0, undefined, 40, 40, bytes, extension, 0, 0, 0, 0, 0],
    };
    let buffer_map = builder.map_of(Type::JsArrayBuffer);
    let buffer = builder.object(young, buffer_map, empty, empty, fields);
    let map = builder.map_of(Type::JsTypedArray);
    builder.object(young, map, empty, empty, &[buffer, buffer, 8, 16, bytes, 0, bytes, 0, 0]);
    let process =
        builder.class("process", &["versions", "pid", "argv", "cwd", "node:exit_info_private_symbol"]);
    let versions = builder.instance(young, &point, &[hello, hello]);
    builder.instance(young, &process, &[versions, smi(42), array, function, buffer]);
    exotic_objects(&mut builder, function, context, hello);
    builder.open_allocation_area(young, &[bigint_map, number, 7]);
    let mut large = vec![builder.map_of(Type::FixedArray), smi(40_000)];
    large.resize(40_002, number);
    builder.large_object(Space::Large, &large);
    let main = builder.native_bytes(&[0; 640]);
    let handle = builder.native_bytes(&words(&[0, main, 13, 0, main + 16, main + 16, 0, 0, 0, 0, 0, 12]));
    let mut dump = builder.build();
    for (offset, word) in [(8, 1), (16, handle + 32), (24, handle + 32), (544, 77)] {
        dump.set_word(main + offset, word);
    }
    dump.add_symbol("default_loop_struct", main);
    dump
}

/// Objects that lead on through lists of V8's own.
fn exotic_objects(builder: &mut HeapBuilder, function: u64, context: u64, text: u64) {
    let old = builder.old();
    let young = builder.page(Space::New);
    let smi = HeapBuilder::smi;
    let (undefined, empty) = (builder.roots().undefined, builder.roots().empty_fixed_array);
    let make = |builder: &mut HeapBuilder, class: Type, fields: &[u64]| {
        let map = builder.map_of(class);
        let mut words = vec![map];
        words.extend_from_slice(fields);
        builder.place(young, &words)
    };
    let plain = |fields: &[u64]| [&[empty, empty], fields].concat();
    let reaction = make(builder, Type::PromiseReaction, &[smi(0), smi(0), function, function, undefined]);
    let reaction = make(builder, Type::PromiseReaction, &[reaction, reaction, function, undefined, reaction]);
    let promise = make(builder, Type::JsPromise, &plain(&[reaction, smi(0), 0]));
    make(builder, Type::JsPromise, &plain(&[promise, smi(2), 0]));
    let request = make(builder, Type::AsyncGeneratorRequest, &[undefined, smi(1), text, promise]);
    let request = make(builder, Type::AsyncGeneratorRequest, &[request, smi(0), text, promise]);
    let registers = builder.array_like(old, Type::FixedArray, &[smi(1), text, undefined]);
    let state = [function, context, text, smi(60), smi(0), smi(1), registers, request, smi(0)];
    make(builder, Type::JsAsyncGenerator, &plain(&state));
    let cell =
        make(builder, Type::WeakCell, &[promise, promise, text, text, undefined, undefined, smi(0), smi(0)]);
    let cell =
        make(builder, Type::WeakCell, &[promise, text, promise, text, undefined, cell, smi(0), smi(0)]);
    make(
        builder,
        Type::JsFinalizationRegistry,
        &plain(&[context, function, cell, cell, undefined, undefined, smi(0)]),
    );
    // Shared and growable, wherever the flags are.
    let buffer = make(builder, Type::JsArrayBuffer, &plain(&[0x30; 11]));
    let helper = [smi(1), buffer, function, function, smi(3)];
    make(builder, Type::JsIteratorMapHelper, &plain(&helper));
    make(builder, Type::WasmTableObject, &plain(&[registers, registers, smi(3), smi(7), smi(1)]));
    make(builder, Type::WasmGlobalObject, &plain(&[undefined, undefined, registers, smi(1), smi(1), smi(1)]));
    make(builder, Type::WasmGlobalObject, &plain(&[undefined, buffer, undefined, smi(0), smi(2), smi(0)]));
    let foreign = make(builder, Type::Foreign, &[0x7000]);
    make(builder, Type::WasmMemoryObject, &plain(&[undefined, foreign, smi(2), smi(3)]));
    make(builder, Type::JsTemporalPlainDate, &plain(&[foreign]));
}

/// Asks everything that can be asked of one object that is more than its properties.
fn ask_exotic(heap: &Heap<'_>, object: HeapObject<'_>) {
    let _ = heap.promise_reactions(object);
    let _ = heap.promise_is_handled(object);
    let _ = heap.suspension(object);
    let _ = heap.generator_requests(object);
    let _ = heap.async_function_promise(object);
    if heap.finalization_callback(object).is_some() {
        let _ = heap.weak_cells(object, false);
        let _ = heap.weak_cells(object, true);
    }
    let _ = heap.error_stack(object);
    let _ = heap.inherited_property(object, "name");
    let _ = heap.private_methods(object);
    let _ = heap.hidden_properties(object);
    let _ = heap.embedder_fields(object);
    let _ = heap.buffer_state(object);
    let _ = heap.view_state(object);
    let _ = heap.iterator_slots(object);
    let _ = heap.concatenated(object);
    let _ = heap.disposable_stack(object);
    let _ = heap.wasm_memory(object);
    let _ = heap.wasm_table(object);
    let _ = heap.wasm_global(object);
    let _ = heap.wasm_instance(object);
    let _ = heap.wasm_module_url(object);
    let _ = heap.intl_locale(object);
    let _ = heap.temporal(object);
    // A stack trace of whatever function the object may be.
    let frame = CallSite {
        function: object.value(),
        code: object.value(),
        receiver: object.value(),
        offset: 7,
        is_position: false,
        is_in_bytecode: true,
        is_constructor: false,
        is_async: false,
        is_wasm: false,
        is_builtin: false,
    };
    let frames = vec![PhysicalFrame {
        pointer: Some(object.address + 16),
        instruction: object.address + 40,
        is_interrupted: object.address & 8 == 0,
    }];
    for frame in heap.javascript_stack(frames).functions(0) {
        if let Some(site) = &frame.site {
            let _ = heap.frame_text(site).to_text();
        }
    }
    for (is_in_bytecode, is_async) in [(true, false), (false, true)] {
        let frame = CallSite { is_in_bytecode, is_async, ..frame };
        let _ = heap.stack_text(object, &[frame]).to_text();
    }
}

/// Asks what the process waits for.
fn ask_pending(heap: &Heap<'_>) {
    let _ = heap.timers(&Unattended);
    let _ = heap.immediates(&Unattended);
    let _ = heap.ticks(&Unattended);
    let chains = heap.await_chains(&Unattended);
    for link in chains.iter().flat_map(|chains| &chains.list).flat_map(|chain| &chain.links) {
        if let (Some(function), Some(offset)) = (link.function, link.offset) {
            let _ = heap.suspended_position(function, offset);
        }
    }
}

/// Asks everything that can be asked of one object.
fn ask_object(heap: &Heap<'_>, object: HeapObject<'_>) {
    let value = object.value();
    let _ = heap.value(value);
    let _ = heap.class_name(value);
    if let Ok(properties) = heap.own_properties(object) {
        for property in properties {
            let _ = heap.name_text(property.name);
        }
    }
    let _ = heap.own_property_count(object);
    let _ = heap.own_property(object, "two");
    let _ = heap.property_number(object.map, "y").map(|number| heap.property_at(object, number));
    let _ = heap.property_at(object, 2);
    if let Ok(elements) = heap.elements(object) {
        let mut seen = 0;
        let _ = heap.for_each_element(&elements, |_, _| {
            seen += 1;
            seen < 1000
        });
        let _ = heap.element(&elements, u64::MAX);
        let mut seen = 0;
        let _ = heap.for_each_index(&elements, |_, _| {
            seen += 1;
            seen < 1000
        });
    }
    let _ = heap.array_length(object);
    let _ = heap.string(value, 1 << 16).map(|string| string.to_text());
    let _ = heap.string_storage(value);
    let _ = heap.array_buffer(object);
    let _ = heap.name_text(value);
    assert!(heap.name(heap.constructor_name(object)).len() < 1 << 16);
    let _ = heap.function_name(object);
    let _ = heap.inferred_name(object);
    if let Ok(shared) = heap.shared_function_info(object) {
        let _ = heap.shared_function(shared).map(|shared| heap.shared_range(&shared));
        let _ = heap.function_location(shared);
        let _ = heap.function_text_range(object);
        let _ = heap.source_position(shared, 7);
    }
    if let Ok(context) = heap.closure_context(object) {
        for context in heap.context_chain(context) {
            let _ = heap.scope(context);
            let _ = heap.script_contexts(context);
        }
    }
    let _ = heap.scope(object);
    let _ = heap.function_bytecode(object);
    let _ = heap.isolate_of(object);
    if let Ok(script) = heap.script(value) {
        let _ = heap.script_text(&script, 3, 1 << 20);
        let _ = heap.wrapped_parameters(&script);
        let _ = heap.host_defined_options(&script);
        let _ = heap.source_bytes(&script);
        let _ = heap.script_location(&script, 7);
        let _ = heap.script_lines(&script);
        let _ = heap.script_functions(&script);
    }
    let _ = heap.function_context(object);
    let _ = heap.bound_function(object);
    let _ = heap.context_variables(object);
    let _ = heap.previous_context(object);
    let _ = heap.date_value(object);
    let _ = heap.bigint(object);
    let _ = heap.symbol_description(object);
    let _ = heap.collection_size(object);
    let mut seen = 0;
    let _ = heap.for_each_collection_entry(object, |_, _| {
        seen += 1;
        seen < 1000
    });
    if let Ok(words) = heap.object_words(object) {
        for (index, _) in words.iter().enumerate().take(1000) {
            let _ = words.at(8 * index as u64);
        }
    }
    for offset in (0..256).chain([u64::MAX / 16]) {
        let place = heap.place_at(object, offset);
        if let v8_heap::objects::place::Place::Entry { kind, .. } = place {
            let _ = heap.field_value(object, offset, kind);
        }
    }
    let _ = heap.named_field(object, "flags");
    let _ = heap.elements_kind_name(object.map.elements_kind);
    let _ = heap.transitions(object.map);
    let _ = heap.descriptors(object.map);
    let _ = heap.back_pointer(object.map);
    let _ = heap.decoded_map(object.address);
    ask_exotic(heap, object);
    if let Ok(view) = heap.view(object) {
        let _ = heap.raw_bytes(view.address, view.byte_length as usize);
    }
}

fn ask_everything(dump: &Dump) {
    let Ok(heap) = Heap::open(dump, dump, &[]) else { return };
    for page in heap.spaces().pages() {
        assert!(page.base < page.area_start && page.area_start < page.area_end);
    }
    let _ = heap.self_check(&Unattended);
    let Ok(table) = heap.objects(&Unattended) else { return };
    // What is not in the table can still be asked for.
    for page in heap.spaces().pages() {
        for address in [page.base, page.area_start, page.area_end - 8, page.area_end, u64::MAX] {
            let _ = heap.map_at(address);
            let _ = table.id_at(heap.spaces(), address);
            let _ = table.start_before(heap.spaces(), address);
            let _ = heap.value(Tagged::pointer(address));
        }
    }
    for page in 0..table.page_count() {
        for (address, map_id) in table.page_objects(page) {
            ask_object(&heap, HeapObject { address, map_id, map: heap.map(map_id) });
        }
    }
    ask_pending(&heap);
    let check = heap.check_classes(&Unattended).unwrap();
    assert_eq!(check.objects, table.len() as u64);
    let all = (0..table.page_count()).flat_map(|page| table.page_objects(page));
    let targets: Vec<Tagged> = all.map(|(address, _)| Tagged::pointer(address)).step_by(7).collect();
    let (references, _) = heap.find_references(&targets, Scope::Everything, 6, &Unattended).unwrap();
    assert!(references.iter().all(|reference| targets.contains(&reference.target)));
    for page in heap.spaces().pages() {
        for address in [page.base, page.area_start + 9, page.area_end - 1, page.area_end] {
            let _ = heap.whereabouts(address, &Unattended);
        }
    }
    let functions = heap.functions(&Unattended).unwrap();
    for definition in functions.definitions() {
        let mut closures = 0;
        heap.for_each_function(Some(definition.shared), &Unattended, |_| {
            closures += 1;
            true
        })
        .unwrap();
        assert_eq!(closures, definition.closures);
    }
    heap.for_each_definition(&Unattended, |shared| {
        let _ = heap.shared_function(shared);
        true
    })
    .unwrap();
    let _ = heap.commonjs_modules(&Unattended);
    for page in heap.spaces().pages() {
        let _ = heap.functions_with_code_at(page.area_start + 0x123, &Unattended);
    }
    for isolate in heap.spaces().isolates() {
        let _ = heap.spaces_of(isolate, &Unattended);
        let _ = heap.external_memory(isolate);
        let _ = heap.external_strings(isolate, &Unattended);
    }
    let _ = heap.essential_memory(&Unattended);
    let buffers = heap.buffers(&Unattended).unwrap();
    assert!(buffers.stores.len() as u64 + buffers.empty + buffers.detached <= table.len() as u64);
    let is_long = |text: &str| text.len() > 5;
    let query = StringQuery {
        containing: Some(vec![u16::from(b'o')]),
        matching: Some(&is_long),
        ..StringQuery::default()
    };
    for query in [query, StringQuery::default()] {
        let strings = heap.strings(&query, &Unattended).unwrap();
        let _ = heap.duplicate_strings(&strings.entries, &Unattended);
    }
    let _ = heap.node_processes(&Unattended);
    let _ = NodeRuntime::find(dump, dump);
    let kinds = heap.kinds(&Unattended).unwrap();
    for (index, group) in kinds.groups().iter().enumerate() {
        let mut members = 0;
        heap.for_each_member(kinds, GroupId(index), &Unattended, |_| {
            members += 1;
            true
        })
        .unwrap();
        assert!(members <= table.len());
        let _ = heap.group_property_names(table, group);
    }
    let mut symbols = dump.clone();
    symbols.add_symbol("Builtins_Abort", 4096);
    ask_graph(&heap, &symbols);
    compare_with(&heap, &heap);
}

/// Puts two heaps side by side.
fn compare_with<'t>(one: &Heap<'t>, other: &Heap<'t>) {
    let sides = [one, other, one].map(|heap| Side { heap, monitor: &Unattended });
    let fingerprints = Fingerprints::default();
    let mut texts = Vec::new();
    for heap in [one, other] {
        for counted in [Counted::Live, Counted::All] {
            let inventory = heap.inventory(counted, &Unattended).unwrap();
            let sum: u64 = inventory.constructors.iter().map(|(_, sum)| sum.count).sum();
            assert!(sum <= inventory.total.count, "what has a constructor is an object");
            heap.stores(counted, &Unattended).unwrap();
        }
        heap.lacks_for_census(&Unattended).unwrap();
        texts.push(heap.string_texts(Counted::All, &fingerprints, &Unattended).unwrap());
    }
    let _ = Texts::changes(&texts);
    for name in ["Point", "Circle", "process"] {
        let found = newcomers(&sides, name, Counted::All).unwrap();
        assert!(found.objects.is_empty(), "the last heap is the first");
    }
    let found = collections(&sides, Counted::All, true).unwrap();
    for change in &found.changes {
        assert_eq!(change.growth(|sum| sum.count), 0);
        if let Some(turnover) = turnover(&sides, &change.group, &fingerprints).unwrap() {
            assert_eq!((turnover.added, turnover.gone), (0, 0));
        }
        sides[change.group.home].commonest_entry(change.group.objects[change.group.home].unwrap()).unwrap();
    }
}

/// Asks who holds whom, and what follows from it. Only so much of it can be wrong at all.
fn ask_graph(heap: &Heap<'_>, symbols: &Dump) {
    let table = heap.objects(&Unattended).unwrap();
    let graph = heap.graph(&Unattended).unwrap();
    let nodes = table.len();
    assert_eq!((graph.len(), graph.holds.len()), (nodes, nodes));
    let roots = heap.all_roots(&Unattended).unwrap();
    assert!(roots.iter().all(|root| (root.target as usize) < nodes));
    let liveness = heap.liveness(&Unattended).unwrap();
    let held_by = heap.held_by(&Unattended).unwrap();
    assert_eq!(held_by.edges(), graph.holds.edges());
    let dominators = heap.dominators(&Unattended).unwrap();
    for extent in [Extent::Living, Extent::All, Extent::Retained(ObjectId(0))] {
        if table.is_empty() && extent != Extent::All {
            continue;
        }
        let mut file = std::io::Cursor::new(Vec::new());
        let size = heap.write_snapshot(extent, symbols, &mut file, &Unattended).unwrap();
        let file = file.into_inner();
        assert_eq!(size.bytes, file.len() as u64);
        serde_json::from_slice::<serde::de::IgnoredAny>(&file).unwrap();
    }
    for id in 0..nodes as u32 {
        for &target in graph.holds.of(id) {
            assert!(held_by.of(target).contains(&id));
            assert!(liveness.of(target) <= liveness.of(id), "what an object holds lives as long");
        }
        if dominators.is_reached(id) {
            assert_eq!(liveness.of(id), Life::Live);
            assert!(dominators.retained(id) >= graph.size(id));
        }
    }
    let below = dominators.below();
    let _ = heap.owned_by(&[], &below, &Unattended).unwrap();
    let suspects = heap.leak_suspects(5, &Unattended).unwrap();
    let _ = heap.makeup_of(&suspects, &Unattended).unwrap();
    for suspect in &suspects {
        let _ = heap.meant(suspect, &Unattended).unwrap();
    }
    let kinds = heap.kinds(&Unattended).unwrap();
    let mut counted = 0;
    for lives in [Lives::Living, Lives::Garbage] {
        let census = heap.census(lives, &Unattended).unwrap();
        for (id, group) in census.groups() {
            assert!(census.has(group.representative), "a representative is one of those it stands for");
            counted += group.count;
            let mut members = 0;
            heap.for_each_counted(&census, id, &Unattended, |_| {
                members += 1;
                true
            })
            .unwrap();
            assert_eq!(members, group.count);
        }
    }
    assert_eq!(counted, kinds.statistics.javascript_objects);
    let _ = heap.lacks_for_census(&Unattended).unwrap();
    let _ = heap.retained_by_kind(kinds, &Unattended).unwrap();
    let natives = heap.native_objects(&Unattended).unwrap().into_iter().chain(heap.natives_told_of_death());
    for native in natives {
        let _ = heap.retainer(native.address);
    }
    // What is added up of what objects own is what is known to go with each of them.
    let own = graph.owned.iter().map(|owned| (owned.owner, owned.bytes));
    let sums = dominators.sums_of(own, &Unattended).unwrap();
    assert!((0..nodes as u32).all(|id| sums.get(&id).copied().unwrap_or(0) == dominators.outside(id)));
    let roots = heap.roots(&Unattended).unwrap().all();
    let some: Vec<u32> = (0..nodes as u32).step_by(37).collect();
    dominators
        .retained_together(graph, roots.iter().map(|root| root.target).collect(), &some, &Unattended)
        .unwrap();
    for &id in some.iter().take(12) {
        for everything in [false, true] {
            for path in heap.retaining_paths(ObjectId(id), 3, everything, &Unattended).unwrap() {
                assert_eq!(path.objects.last(), Some(&id));
                for pair in path.objects.windows(2) {
                    let holder = heap.object_by_id(table, ObjectId(pair[0])).unwrap();
                    let target = Tagged::pointer(table.address_of(ObjectId(pair[1])).unwrap());
                    let _ = heap.hold(holder, target);
                }
            }
        }
    }
}

/// What to write over a word.
#[derive(Clone, Debug)]
enum Change {
    Value(u64),
    /// The word at another place: pointers that are right, but elsewhere.
    CopyOf(usize),
    /// One bit.
    Flip(u32),
}

fn change() -> impl Strategy<Value = (usize, Change)> {
    let value = prop_oneof![
        Just(0),
        Just(u64::MAX),
        Just(u64::MAX - 2),
        Just(1_u64 << 63),
        Just((1 << 57) - 7),
        Just(0x7fff_ffff_0000_0000),
        Just(0xffff_ffff_0000_0000),
        any::<u64>(),
        any::<i32>().prop_map(|smi| u64::from(smi as u32) << 32),
    ];
    let change = prop_oneof![
        value.prop_map(Change::Value),
        any::<usize>().prop_map(Change::CopyOf),
        (0..64_u32).prop_map(Change::Flip),
    ];
    (any::<usize>(), change)
}

/// Words of the dump that are not zero, and so mean something: most of it is free memory.
fn meaningful(dump: &Dump) -> Vec<u64> {
    use core_reader::Memory;
    let mut addresses = Vec::new();
    for range in dump.ranges().iter().filter(|range| range.contents == Contents::Dumped) {
        for (index, word) in dump.bytes_from(range.start).unwrap().chunks_exact(8).enumerate() {
            if word != [0; 8] && word != 0xdead_beef_dead_beef_u64.to_le_bytes() {
                addresses.push(range.start.0 + 8 * index as u64);
            }
        }
    }
    // The elements of the large object are all alike.
    addresses.truncate(6_000);
    addresses
}

#[test]
fn the_rich_heap_is_sound() {
    for release in Release::ALL {
        let dump = rich_heap(release);
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        let check = heap.self_check(&Unattended).unwrap();
        assert_eq!((check.gaps, check.damaged, check.stray_maps), (0, 0, 0), "{release:?}");
        let buffers = heap.buffers(&Unattended).unwrap();
        let stores: Vec<_> = buffers.stores.iter().map(|store| (store.kind, store.byte_length)).collect();
        assert!(stores.contains(&(StoreKind::ArrayBuffer, 40)), "{release:?}: {stores:?}");
        assert_eq!(heap.node_processes(&Unattended).unwrap().len(), 1, "{release:?}");
        let event_loop = NodeRuntime::find(&dump, &dump).event_loop.unwrap();
        assert_eq!(event_loop.by_type, [("timer", 1)].into(), "{release:?}");
        ask_everything(&dump);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn words_changed_at_random(
        release in prop::sample::select(Release::ALL.to_vec()),
        changes in prop::collection::vec(change(), 1..12),
    ) {
        let mut dump = rich_heap(release);
        let addresses = meaningful(&dump);
        for (place, change) in changes {
            let address = addresses[place % addresses.len()];
            let word = match change {
                Change::Value(value) => value,
                Change::CopyOf(other) => dump.word(addresses[other % addresses.len()]),
                Change::Flip(bit) => dump.word(address) ^ 1 << bit,
            };
            dump.set_word(address, word);
        }
        ask_everything(&dump);
    }

    #[test]
    fn two_heaps_changed_at_random_side_by_side(
        releases in (prop::sample::select(Release::ALL.to_vec()), prop::sample::select(Release::ALL.to_vec())),
        changes in prop::collection::vec((any::<bool>(), change()), 1..12),
    ) {
        let mut dumps = [rich_heap(releases.0), rich_heap(releases.1)];
        let addresses = dumps.each_ref().map(meaningful);
        for (second, (place, change)) in changes {
            let (dump, addresses) = (&mut dumps[usize::from(second)], &addresses[usize::from(second)]);
            let address = addresses[place % addresses.len()];
            let word = match change {
                Change::Value(value) => value,
                Change::CopyOf(other) => dump.word(addresses[other % addresses.len()]),
                Change::Flip(bit) => dump.word(address) ^ 1 << bit,
            };
            dump.set_word(address, word);
        }
        let [one, other] = &dumps;
        if let (Ok(one), Ok(other)) = (Heap::open(one, one, &[]), Heap::open(other, other, &[]))
            && one.objects(&Unattended).is_ok()
            && other.objects(&Unattended).is_ok()
        {
            compare_with(&one, &other);
        }
    }

    #[test]
    fn memory_missing_at_random(
        release in prop::sample::select(Release::ALL.to_vec()),
        places in prop::collection::vec((any::<usize>(), 1..0x8000_u64), 1..4),
        cut in prop::option::of(any::<usize>()),
    ) {
        let mut dump = rich_heap(release);
        let addresses = meaningful(&dump);
        for (place, len) in places {
            let start = addresses[place % addresses.len()];
            dump.lose(start, start + len, Contents::NotDumped);
        }
        if let Some(cut) = cut {
            dump.truncate(addresses[cut % addresses.len()] + (cut % 8) as u64);
        }
        ask_everything(&dump);
    }
}
