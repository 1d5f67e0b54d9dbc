//! How to tell the references of an object: for each map once.

use std::sync::{Arc, OnceLock, RwLock};

use crate::address_map::AddressMap;
use crate::heap::Heap;
use crate::layout::{FieldKind, Kind, TailLayout};
use crate::objects::collection::HashTableShape;
use crate::objects::context::SCOPE_INFO;
use crate::objects::place::FieldValue;
use crate::objects::properties::details;
use crate::objects::value::HeapObject;
use crate::shape::body::Word;
use crate::shape::map::{Map, MapId};
use crate::{Result, Tagged};

/// What V8 calls fields of its classes; all others are numbered. A field that a version does not have does no harm.
/// (`Extract...References` in `src/profiler/heap-snapshot-generator.cc`.)
static NAMED: &[(&str, &str, Slot)] = &[
    ("AccessorInfo", "data", Slot::Internal("data")),
    ("AccessorInfo", "name", Slot::Internal("name")),
    ("AccessorPair", "getter", Slot::Internal("getter")),
    ("AccessorPair", "setter", Slot::Internal("setter")),
    ("AllocationSite", "dependent_code", Slot::Internal("dependent_code")),
    ("AllocationSite", "nested_site", Slot::Internal("nested_site")),
    ("AllocationSite", "transition_info_or_boilerplate", Slot::Internal("transition_info")),
    ("AllocationSite", "weak_next", Slot::Passed),
    ("ArrayBoilerplateDescription", "constant_elements", Slot::Internal("constant_elements")),
    ("Cell", "maybe_value", Slot::WeakOrStrong("value")),
    ("Cell", "value", Slot::Internal("value")),
    (
        "Code",
        "deoptimization_data_or_interpreter_data",
        Slot::Special("deoptimization_data_or_interpreter_data"),
    ),
    ("Code", "instruction_stream", Slot::Internal("instruction_stream")),
    ("Code", "relocation_info", Slot::Internal("relocation_info")),
    ("Code", "source_position_table", Slot::Special("source_position_table")),
    ("CodeDataContainer", "next_code_link", Slot::Passed),
    ("ConsString", "first", Slot::Internal("first")),
    ("ConsString", "second", Slot::Internal("second")),
    ("DescriptorArray", "enum_cache", Slot::Internal("enum_cache")),
    ("FeedbackCell", "value", Slot::Internal("value")),
    ("FeedbackVector", "maybe_optimized_code", Slot::WeakOrStrong("optimized code")),
    ("InstructionStream", "code", Slot::Internal("code")),
    ("InstructionStream", "relocation_info", Slot::Internal("relocation_info")),
    ("JSArrayBufferView", "buffer", Slot::Internal("buffer")),
    ("JSBoundFunction", "bound_arguments", Slot::Internal("bindings")),
    ("JSBoundFunction", "bound_target_function", Slot::Internal("bound_function")),
    ("JSBoundFunction", "bound_this", Slot::Internal("bound_this")),
    ("JSCollection", "table", Slot::Internal("table")),
    ("JSDisposableStackBase", "error", Slot::Internal("error")),
    ("JSDisposableStackBase", "error_message", Slot::Internal("error_message")),
    ("JSDisposableStackBase", "stack", Slot::Internal("stack")),
    ("JSFinalizationRegistry", "next_dirty", Slot::Passed),
    ("JSFunction", "code", Slot::Internal("code")),
    ("JSFunction", "context", Slot::Internal("context")),
    ("JSFunction", "feedback_cell", Slot::Internal("feedback_cell")),
    ("JSFunction", "prototype_or_initial_map", Slot::Special("prototype_or_initial_map")),
    ("JSFunction", "shared_function_info", Slot::Internal("shared")),
    ("JSGeneratorObject", "context", Slot::Internal("context")),
    ("JSGeneratorObject", "function", Slot::Internal("function")),
    ("JSGeneratorObject", "parameters_and_registers", Slot::Internal("parameters_and_registers")),
    ("JSGeneratorObject", "receiver", Slot::Internal("receiver")),
    ("JSGlobalObject", "global_proxy", Slot::Internal("global_proxy")),
    ("JSGlobalObject", "native_context", Slot::Internal("native_context")),
    ("JSGlobalProxy", "native_context", Slot::Internal("native_context")),
    ("JSObject", "elements", Slot::Internal("elements")),
    ("JSPromise", "reactions_or_result", Slot::Internal("reactions_or_result")),
    ("JSReceiver", "properties_or_hash", Slot::Internal("properties")),
    ("JSWeakCollection", "table", Slot::Internal("table")),
    ("JSWeakRef", "target", Slot::Weak("target")),
    (
        "Map",
        "constructor_or_back_pointer_or_native_context",
        Slot::Special("constructor_or_back_pointer_or_native_context"),
    ),
    ("Map", "dependent_code", Slot::Internal("dependent_code")),
    ("Map", "instance_descriptors", Slot::Special("instance_descriptors")),
    ("Map", "prototype", Slot::Internal("prototype")),
    ("Map", "transitions_or_prototype_info", Slot::Special("transitions_or_prototype_info")),
    ("PropertyCell", "dependent_code", Slot::Internal("dependent_code")),
    ("PropertyCell", "value", Slot::Internal("value")),
    ("Script", "context_data", Slot::Internal("context_data")),
    ("Script", "line_ends", Slot::Internal("line_ends")),
    ("Script", "name", Slot::Internal("name")),
    ("Script", "source", Slot::Internal("source")),
    ("SharedFunctionInfo", "function_data", Slot::Internal("function_data")),
    ("SharedFunctionInfo", "name_or_scope_info", Slot::Internal("name_or_scope_info")),
    (
        "SharedFunctionInfo",
        "outer_scope_info_or_feedback_metadata",
        Slot::Internal("raw_outer_scope_info_or_feedback_metadata"),
    ),
    ("SharedFunctionInfo", "script", Slot::Internal("script")),
    ("SharedFunctionInfo", "script_or_debug_info", Slot::Internal("script_or_debug_info")),
    ("SharedFunctionInfo", "trusted_function_data", Slot::Internal("trusted_function_data")),
    ("SharedFunctionInfo", "untrusted_function_data", Slot::Internal("untrusted_function_data")),
    ("SlicedString", "parent", Slot::Internal("parent")),
    ("Symbol", "description", Slot::Internal("name")),
    ("ThinString", "actual", Slot::Internal("actual")),
    ("WasmInstanceObject", "exports_object", Slot::Internal("exports")),
    ("WasmInstanceObject", "module_object", Slot::Internal("module_object")),
    ("WasmInstanceObject", "trusted_data", Slot::Internal("trusted_data")),
    ("WasmModuleObject", "managed_native_module", Slot::Internal("managed_native_module")),
    ("WasmModuleObject", "script", Slot::Internal("script")),
    ("WeakCell", "target", Slot::Weak("target")),
    ("WeakCell", "unregister_token", Slot::Weak("unregister_token")),
];

/// Name of a property.
#[derive(Clone, Copy, Debug)]
pub(super) struct Property {
    /// Untagged address of the string or symbol.
    pub address: u64,
    /// It is the empty string, which V8 takes for a word of its own.
    pub is_empty: bool,
}

impl Property {
    pub fn of(heap: &Heap<'_>, name: Tagged) -> Option<Property> {
        let is_empty = heap.is_string(name) && heap.string_length(name).is_ok_and(|length| length == 0);
        Some(Property { address: name.strong()?, is_empty })
    }
}

/// What a word is in a snapshot.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    /// No reference.
    Raw,
    /// Numbered.
    Hidden,
    /// Two numbered references.
    Twice,
    /// Numbered, but not told: links of lists.
    Passed,
    Internal(&'static str),
    Numbered(u32),
    /// Counted from the cage of machine code.
    InCodeCage(&'static str),
    /// Hidden, or internal under this name: what a field of that kind leads to that is no tagged word.
    Apart(Option<&'static str>, FieldKind),
    Weak(&'static str),
    WeakOrStrong(&'static str),
    Property(Property),
    /// What it is called follows from what it holds: see `Explorer::special`.
    Special(&'static str),
}

/// What follows the slots.
#[derive(Clone, Copy, Debug)]
pub(super) enum Store {
    Nothing,
    /// Tagged words without names.
    Hidden,
    /// Words that go by their index.
    Numbered,
    /// The same, weak or strong; with the offset of their number, behind which nothing has a name.
    WeakOrNumbered(Option<usize>),
    Context,
    NativeContext,
    Ephemerons,
    /// Tagged words among others: the object tells.
    Various,
    /// Instructions.
    Machine,
    /// Fields of WebAssembly: what looks like a reference is one.
    Wasm,
}

/// References that are in no word of the object.
#[derive(Clone, Copy, Debug)]
pub(super) enum Apart {
    /// A property in the object's `PropertyArray`.
    OutOfObject(Property, u32),
    /// A property that all objects of the map have.
    Constant(Property, Tagged),
    Accessors(Property, Tagged),
    Dictionary,
    Elements {
        is_array: bool,
    },
    ElementDictionary,
    /// Untagged address of the prototype.
    Proto(u64),
    Code,
    BoundArguments,
    BackingStore,
    GlobalObject,
}

/// How to tell the references of a map's objects.
#[derive(Debug)]
pub(super) struct Plan {
    pub slots: Box<[Slot]>,
    pub store: Store,
    pub apart: Box<[Apart]>,
}

/// `ElementsKind`
const PACKED_ELEMENTS: u8 = 2;
const HOLEY_ELEMENTS: u8 = 3;
/// `Representation`, in bits 8-6 of property details.
const SMI: u32 = 1;
const DOUBLE: u32 = 2;

/// The variables in a context: slots and untagged addresses of names, by slot.
#[derive(Debug, Default)]
pub(super) struct Variables {
    pub names: Vec<(u64, u64)>,
    pub has_extension: bool,
}

/// Plans, made when they are first needed.
pub(super) struct Plans<'a, 't> {
    heap: &'a Heap<'t>,
    plans: Vec<OnceLock<Plan>>,
    /// By untagged address of the scope info.
    variables: RwLock<AddressMap<Arc<Variables>>>,
}

impl<'a, 't> Plans<'a, 't> {
    pub fn new(heap: &'a Heap<'t>) -> Plans<'a, 't> {
        let plans = (0..heap.map_count()).map(|_| OnceLock::new()).collect();
        Plans { heap, plans, variables: RwLock::default() }
    }

    pub fn of(&self, object: HeapObject<'_>) -> &Plan {
        self.plans[object.map_id.0 as usize].get_or_init(|| self.make(object.map_id))
    }

    /// Whether the objects of a map are what V8 calls objects of JavaScript: no proxies.
    pub fn is_js_object(&self, map: &Map) -> bool {
        self.descends_from(map, "JSObject")
    }

    pub fn descends_from(&self, map: &Map, class: &str) -> bool {
        let classes = self.heap.classes();
        let own = self.heap.layout().type_info(map.instance_type).and_then(|info| info.class);
        own.is_some_and(|own| classes.lineage(own).any(|ancestor| ancestor.name == class))
    }

    fn make(&self, id: MapId) -> Plan {
        let heap = self.heap;
        let map = heap.map(id);
        let body = heap.body(map);
        let slots = body.fixed().iter().map(|word| match word {
            Word::Raw | Word::Pointer | Word::Unknown => Slot::Raw,
            _ => Slot::Hidden,
        });
        let mut slots: Vec<Slot> = slots.collect();
        if let Some(first) = slots.first_mut() {
            *first = Slot::Special("map");
        }
        let is_object = self.is_js_object(map);
        // V8 names nothing of a buffer but its memory, and of a proxy nothing at all.
        let has_names = is_object && !matches!(map.kind, Kind::JsGlobalProxy | Kind::JsArrayBuffer);
        if !matches!(map.kind, Kind::JsArrayBuffer | Kind::JsProxy) {
            self.name_fields(map, &mut slots);
        }
        let mut apart = Vec::new();
        if has_names {
            self.add_embedder_fields(map, &mut slots);
            self.add_properties(map, &mut slots, &mut apart);
            match map.elements_kind {
                PACKED_ELEMENTS | HOLEY_ELEMENTS => {
                    apart.push(Apart::Elements { is_array: map.kind == Kind::JsArray });
                }
                kind if heap.elements_kind_name(kind) == "DICTIONARY_ELEMENTS" => {
                    apart.push(Apart::ElementDictionary)
                }
                _ => {}
            }
            apart.extend(map.prototype.strong().map(Apart::Proto));
            match map.kind {
                Kind::JsBoundFunction => apart.push(Apart::BoundArguments),
                Kind::JsFunction => apart.push(Apart::Code),
                _ => {}
            }
        }
        match map.kind {
            Kind::JsArrayBuffer => apart.push(Apart::BackingStore),
            Kind::JsGlobalProxy if heap.layout().facts.snapshots.name_global_object => {
                apart.push(Apart::GlobalObject)
            }
            _ => {}
        }
        Plan { slots: slots.into(), store: self.store_of(map), apart: apart.into() }
    }

    fn name_fields(&self, map: &Map, slots: &mut [Slot]) {
        let Some(class) = self.heap.layout().type_info(map.instance_type).and_then(|info| info.class) else {
            return;
        };
        let word = self.heap.fields().words.tagged;
        let own = self.heap.layout().facts.snapshots.own;
        let told_twice = self.heap.layout().facts.snapshots.told_twice;
        for (class, field) in self.heap.classes().all_fields(class) {
            // Of a proxy of the global object, only what it stands for has a name.
            if map.kind == Kind::JsGlobalProxy && class.name != "JSGlobalProxy" {
                continue;
            }
            // Handles and what they stand for do not name each other.
            let is_handle = matches!(
                (class.name, field.name),
                ("Code", "instruction_stream") | ("InstructionStream", "code")
            );
            if is_handle && self.heap.layout().facts.snapshots.code_is_handle {
                continue;
            }
            if told_twice.contains(&(class.name, field.name)) {
                slots[(field.offset / word) as usize] = Slot::Twice;
            }
            let named = NAMED.iter().find(|(owner, name, _)| *owner == class.name && *name == field.name);
            let mut slot = slots.get_mut((field.offset / word) as usize);
            if let (FieldKind::InCodeCage, Some(slot)) = (field.kind, slot.as_deref_mut()) {
                *slot = Slot::InCodeCage(field.name);
            }
            if let (FieldKind::Trusted | FieldKind::Protected, Some(slot)) = (field.kind, slot.as_deref_mut())
            {
                let name = match named {
                    Some((_, _, Slot::Internal(name))) => Some(*name),
                    _ => None,
                };
                *slot = Slot::Apart(name, field.kind);
            }
            let is_nameless = own.nameless.contains(&(class.name, field.name));
            let named = named.filter(|_| !is_nameless).map(|(_, _, name)| *name);
            let also = own.named.iter().find(|(owner, name, _)| *owner == class.name && *name == field.name);
            let named = also.map(|(_, _, name)| Slot::Internal(name)).or(named);
            if let (Some(name), Some(slot @ Slot::Hidden)) = (named, slot) {
                *slot = name;
            }
        }
    }

    /// Fields of an embedder go by their number.
    fn add_embedder_fields(&self, map: &Map, slots: &mut [Slot]) {
        let body = self.heap.body(map).fixed();
        let mut number = 0;
        for (slot, word) in slots.iter_mut().zip(body) {
            if *word == Word::Embedder {
                *slot = Slot::Numbered(number);
                number += 1;
            }
        }
    }

    fn add_properties(&self, map: &Map, slots: &mut [Slot], apart: &mut Vec<Apart>) {
        if map.is_dictionary {
            apart.push(Apart::Dictionary);
            return;
        }
        let inobject = map.inobject_properties();
        self.heap.for_each_descriptor(map, |name, details, value| {
            let Some(property) = Property::of(self.heap, name) else { return true };
            if details & details::IN_DESCRIPTOR != 0 {
                apart.push(match details & details::ACCESSOR {
                    0 => Apart::Constant(property, value),
                    _ => Apart::Accessors(property, value),
                });
                return true;
            }
            // A number in a field is no reference, even if it is in an object of its own.
            if matches!(details >> 6 & 7, SMI | DOUBLE) {
                return true;
            }
            let Some(index) = self.heap.field_number(map, details) else { return true };
            match index.checked_sub(inobject) {
                None => {
                    let at = (u64::from(map.inobject_start_words) + index) as usize;
                    if let Some(slot) = slots.get_mut(at) {
                        *slot = Slot::Property(property);
                    }
                }
                Some(outside) => apart.push(Apart::OutOfObject(property, outside as u32)),
            }
            true
        });
    }

    fn store_of(&self, map: &Map) -> Store {
        let Some(class) = self.heap.layout().type_info(map.instance_type).and_then(|info| info.class) else {
            return Store::Nothing;
        };
        let class = self.heap.classes().class(class);
        if map.kind.is_js_object() || class.tail.is_none() {
            return Store::Nothing;
        }
        let is = |name| self.descends_from(map, name);
        match class.tail.as_ref().map(|tail| &tail.layout) {
            None => Store::Nothing,
            Some(TailLayout::NativeContext) => Store::NativeContext,
            Some(TailLayout::Ephemeron) => Store::Ephemerons,
            Some(TailLayout::Machine) => Store::Machine,
            Some(TailLayout::Wasm) => Store::Wasm,
            Some(_) if is("Context") => Store::Context,
            Some(_)
                if is("TransitionArray")
                    && !self.heap.layout().facts.snapshots.own.transitions_have_indices =>
            {
                Store::Hidden
            }
            Some(_) if is("FixedArray") => Store::Numbered,
            Some(_) if is("DescriptorArray") || is("WeakFixedArray") => Store::WeakOrNumbered(None),
            Some(_) if is("WeakArrayList") => Store::WeakOrNumbered(Some(16)),
            Some(TailLayout::Scope) => Store::Hidden,
            Some(TailLayout::Entries(parts)) if parts.iter().all(|part| part.kind == FieldKind::Tagged) => {
                Store::Hidden
            }
            Some(_) => Store::Various,
        }
    }

    /// What the slots of a context are called: what V8 names are the variables of functions, scripts and modules, and of
    /// blocks that declare some with `var`.
    pub fn variables(&self, context: HeapObject<'_>) -> Arc<Variables> {
        let scope =
            self.heap.words().heap_tagged(self.heap.fields().context_slot(context.address, SCOPE_INFO));
        let Some(scope) = scope.and_then(Tagged::strong) else { return Arc::default() };
        if let Some(known) =
            self.variables.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(&scope)
        {
            return known.clone();
        }
        let found = Arc::new(self.variables_of_scope(context, scope).unwrap_or_default());
        self.variables
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .insert(scope, found.clone());
        found
    }

    fn variables_of_scope(&self, context: HeapObject<'_>, scope: u64) -> Result<Variables> {
        /// Scope info, previous context.
        const HEADER: u64 = 2;
        let heap = self.heap;
        let info = heap.object(Tagged::pointer(scope))?;
        if info.kind() != Kind::ScopeInfo {
            return Ok(Variables::default());
        }
        let Some(parts) = heap.scope_info(info.address) else { return Ok(Variables::default()) };
        let flags = match heap.named_field(info, "flags")? {
            FieldValue::Tagged(word) => word.smi().unwrap_or(0) as u32 as u64,
            FieldValue::Unsigned(flags) => flags,
            _ => 0,
        };
        let flags_are = heap.layout().flags("ScopeFlags");
        let flag = |name: &str| {
            flags_are.iter().find(|flag| flag.name == name).is_some_and(|flag| flag.of(flags) != 0)
        };
        let declares = match heap.layout().type_name(context.map.instance_type) {
            "FunctionContext" | "ScriptContext" | "ModuleContext" => true,
            "EvalContext" => flag("language_mode"),
            "BlockContext" => flag("declaration_scope"),
            _ => false,
        };
        let has_extension = parts.has_extension_slot;
        let first = HEADER + u64::from(has_extension);
        let mut names = Vec::new();
        if declares && parts.names_are_hashed {
            let table = heap.object(heap.scope_info_word(info.address, parts.names)?)?;
            heap.for_each_entry(table.address, HashTableShape::EPHEMERON, |entry| {
                if let (Some(index), Some(name)) =
                    (entry[1].smi().and_then(|index| u64::try_from(index).ok()), entry[0].strong())
                {
                    names.push((first + index, name));
                }
                true
            })?;
        } else if declares {
            for index in 0..parts.locals {
                names.extend(
                    heap.scope_info_word(info.address, parts.names + index)?
                        .strong()
                        .map(|name| (first + index, name)),
                );
            }
        }
        if declares && let Some((slot, name)) = heap.function_variable(info.address, &parts) {
            names.extend(name.strong().map(|name| (slot, name)));
        }
        names.sort_unstable();
        names.dedup_by_key(|(slot, _)| *slot);
        Ok(Variables { names, has_extension })
    }
}
