//! What differs between versions of V8 beside the places of fields: what numbers mean and count, and what heap snapshots call things.

use super::{FreeSpaceUnit, ScopeInfoLayout};

/// Type of the elements of a typed array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // JavaScript's own names
pub enum TypedElement {
    Uint8,
    Int8,
    Uint16,
    Int16,
    Uint32,
    Int32,
    BigUint64,
    BigInt64,
    Uint8Clamped,
    Float16,
    Float32,
    Float64,
}

/// Elements kinds before those of typed arrays (`src/objects/elements-kind.h`), V8 11 and later.
pub(super) static ELEMENTS_KINDS: &[&str] = &[
    "PACKED_SMI_ELEMENTS",
    "HOLEY_SMI_ELEMENTS",
    "PACKED_ELEMENTS",
    "HOLEY_ELEMENTS",
    "PACKED_DOUBLE_ELEMENTS",
    "HOLEY_DOUBLE_ELEMENTS",
    "PACKED_NONEXTENSIBLE_ELEMENTS",
    "HOLEY_NONEXTENSIBLE_ELEMENTS",
    "PACKED_SEALED_ELEMENTS",
    "HOLEY_SEALED_ELEMENTS",
    "PACKED_FROZEN_ELEMENTS",
    "HOLEY_FROZEN_ELEMENTS",
    "SHARED_ARRAY_ELEMENTS",
    "DICTIONARY_ELEMENTS",
    "FAST_SLOPPY_ARGUMENTS_ELEMENTS",
    "SLOW_SLOPPY_ARGUMENTS_ELEMENTS",
    "FAST_STRING_WRAPPER_ELEMENTS",
    "SLOW_STRING_WRAPPER_ELEMENTS",
];

/// V8 10: no shared arrays.
pub(super) static ELEMENTS_KINDS_10: &[&str] = &[
    "PACKED_SMI_ELEMENTS",
    "HOLEY_SMI_ELEMENTS",
    "PACKED_ELEMENTS",
    "HOLEY_ELEMENTS",
    "PACKED_DOUBLE_ELEMENTS",
    "HOLEY_DOUBLE_ELEMENTS",
    "PACKED_NONEXTENSIBLE_ELEMENTS",
    "HOLEY_NONEXTENSIBLE_ELEMENTS",
    "PACKED_SEALED_ELEMENTS",
    "HOLEY_SEALED_ELEMENTS",
    "PACKED_FROZEN_ELEMENTS",
    "HOLEY_FROZEN_ELEMENTS",
    "DICTIONARY_ELEMENTS",
    "FAST_SLOPPY_ARGUMENTS_ELEMENTS",
    "SLOW_SLOPPY_ARGUMENTS_ELEMENTS",
    "FAST_STRING_WRAPPER_ELEMENTS",
    "SLOW_STRING_WRAPPER_ELEMENTS",
];

use TypedElement::*;

/// V8 11 (`TYPED_ARRAYS`, `src/objects/elements-kind.h`).
pub(super) static EARLY_TYPED_ELEMENTS: &[TypedElement] =
    &[Uint8, Int8, Uint16, Int16, Uint32, Int32, Float32, Float64, Uint8Clamped, BigUint64, BigInt64];

/// V8 12.
pub(super) static EARLY_TYPED_ELEMENTS_WITH_FLOAT16: &[TypedElement] = &[
    Uint8,
    Int8,
    Uint16,
    Int16,
    Uint32,
    Int32,
    Float32,
    Float64,
    Uint8Clamped,
    BigUint64,
    BigInt64,
    Float16,
];

/// V8 13 and later.
pub(super) static TYPED_ELEMENTS: &[TypedElement] = &[
    Uint8,
    Int8,
    Uint16,
    Int16,
    Uint32,
    Int32,
    BigUint64,
    BigInt64,
    Uint8Clamped,
    Float32,
    Float64,
    Float16,
];

/// What differs between versions beside the places of fields.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Which parts a `ScopeInfo` has.
    pub scope_info: ScopeInfoLayout,
    /// `Oddball::kind_` of `undefined`.
    pub undefined_kind: i32,
    /// What `FreeSpace::size_` counts, as far as the heap does not vote for the other.
    pub free_space_unit: FreeSpaceUnit,
    /// `FeedbackMetadata` has two bytes for each closure that the function creates.
    pub feedback_metadata_counts_closures: bool,
    /// Names of the elements kinds in front of those of typed arrays.
    pub elements_kinds: &'static [&'static str],
    /// Element types of typed arrays, in the order of their elements kinds, which follow [`Facts::elements_kinds`]; the same again
    /// for arrays over resizable buffers.
    pub typed_elements: &'static [TypedElement],
    /// What heap snapshots call things.
    pub snapshots: SnapshotLayout,
    /// `FunctionKind` of the function that runs the static initializers of a class; those in front of it are of its
    /// instances, it and those behind it of the class.
    pub static_initializer_kind: u8,
    /// Index of the first entry of a `NameDictionary`, behind three counts and the prefix (`NameDictionaryShape::kPrefixSize`).
    pub name_dictionary_first: u64,
    /// Index of the first context in a `ScriptContextTable` (`kFirstContextSlotIndex`).
    pub script_context_table_first: u64,
    /// Index of the first key in a `TransitionArray` (`kFirstIndex`); the number of transitions stands before it.
    pub transition_array_first: u64,
    /// Bits of a WebAssembly value type in front of the number of its kind.
    pub wasm_value_kind_shift: u32,
    /// Number of the kind `i32` of WebAssembly values, in front of `i64`, `f32`, `f64`.
    pub wasm_first_value_kind: u32,
    /// The class of the frames of a captured stack trace, if they are objects (else six words each: code, receiver, function,
    /// offset, parameters, flags).
    pub call_site_class: Option<&'static str>,
    /// The name of a constructor is what the program has set as its `name`, if it has (else that of its declaration).
    pub constructors_go_by_own_names: bool,
    /// For the name of a constructor all prototypes are searched for a tag first, and then for a constructor, of which the first that is
    /// found counts alone (else each prototype for both).
    pub constructors_come_after_tags: bool,
    /// Which receivers that are functions stack traces call by their names.
    pub stack_traces_name: NamedReceivers,
    /// Stack traces put the type of the receiver before every name that does not begin with it (else before identifiers that are not it).
    pub stack_traces_put_types_before_any_name: bool,
    /// In stack traces, the `total` of `get total` counts as the name of a method (else only what follows a dot).
    pub stack_traces_end_names_at_blanks: bool,
    /// An entry of a source position table begins with its code offset times four plus two flags (else with the offset as a
    /// signed number, in which the sign is the flag).
    pub source_positions_have_two_flags: bool,
    /// A function of WebAssembly that its module gives no name has that of its first export.
    pub wasm_functions_go_by_exports: bool,
    /// Modules of WebAssembly that V8 has named itself are anonymous in stack traces.
    pub wasm_modules_are_anonymous: bool,
    /// Code without optimisations has a table of pairs, each of lengths of machine code and of bytecode (else of the first alone, of each
    /// bytecode; V8: `src/baseline`).
    pub baseline_tables_have_pairs: bool,
    /// The kind of the oddball that stands among literals for values which optimised code has not kept; nothing where an opcode says so.
    pub optimized_out_kind: Option<i32>,
    /// The code of a module has a variable for the value of its last statement (V8: `Rewriter::Rewrite`).
    pub modules_have_result: bool,
    /// Bits below the offset in the third number of an entry of a handler table.
    pub handler_offset_shift: u32,
    /// The bits of an element that is `undefined` in an array of unboxed numbers (`kUndefinedNanInt64`); nothing where there is none.
    pub undefined_double: Option<u64>,
    /// `Isolate::eternal_handles_`, from `global_handles_` on, in bytes, where embedders are known to have no eternal handles: others
    /// are recognised.
    pub eternal_handles_behind: Option<u64>,
    /// The details of a property say how far into the object, or into the array behind it, its field is (else its number).
    pub fields_go_by_offset: bool,
    /// Where a property is and whether it is constant stand in front of its attributes in the bits of its details (else the
    /// attributes are in between).
    pub property_places_come_first: bool,
    /// Parameters and arguments are counted with the receiver (V8: `internal_formal_parameter_count`, `kJSArgcReceiverSlots`).
    pub counts_receivers: bool,
    /// Every context has slots for an extension and for its native context (else the former only if its scope info says so).
    pub contexts_have_fixed_slots: bool,
    /// A property that holds a number is that number, unboxed, if it is inside the object (V8: `FLAG_unbox_double_fields`).
    pub doubles_are_in_objects: bool,
    /// The elements of mapped arguments are a `FixedArray` (else a class of their own; V8: `SloppyArgumentsElements`).
    pub arguments_are_plain_arrays: bool,
    /// Builds of this version that do not tell have the types of Temporal (`v8_enable_temporal_support`).
    pub has_temporal: bool,
    /// What the size of a `Code` is a multiple of, in bytes, if that is the same for all processors.
    pub code_alignment: Option<u64>,
}

/// Receivers that are functions and go by their names in stack traces (V8: `CallSiteInfo::GetTypeName`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedReceivers {
    /// None: each is called `Function`.
    None,
    /// Classes.
    Classes,
    /// All.
    Functions,
}

/// How V8's heap snapshots differ from version to version (`src/profiler/heap-snapshot-generator.cc`).
#[derive(Clone, Copy, Debug)]
pub struct SnapshotLayout {
    /// They add `(global*)` to the name of a global object, `(global)` to that of its proxy.
    pub mark_globals: bool,
    /// They count objects in read-only pages with their size (else as nothing), and external strings without their
    /// characters (else with them).
    pub count_heap_only: bool,
    /// Oddballs go by their text, `undefined` (else by their class).
    pub name_oddballs: bool,
    /// Fields that are told twice, by class.
    pub told_twice: &'static [(&'static str, &'static str)],
    /// A `Code` is a handle of the machine code, which has the name (else both have one).
    pub code_is_handle: bool,
    /// What leads to code and bytecode counts as code.
    pub wrappers_are_code: bool,
    /// A `SharedFunctionInfo` without a name is called one even if no function refers to it.
    pub name_functions: bool,
    /// Markers such as the hole that are no oddballs count as references (else only oddballs do not).
    pub show_markers: bool,
    /// Maps of anything but JavaScript objects have no reference to descriptors.
    pub hide_internal_descriptors: bool,
    /// Native contexts call their extension `global_object`, and global proxies lead to both (else nothing does).
    pub name_global_object: bool,
    /// What they say of V8's own objects.
    pub own: &'static OwnObjects,
}

/// What a snapshot says of objects that are V8's own: by class, and by the fields that lead to them.
#[derive(Clone, Copy, Debug)]
pub struct OwnObjects {
    /// Classes that count as code, with all that descend from them. What is in no list here is hidden, but for arrays.
    pub code: &'static [&'static str],
    /// Classes that count as shapes of objects. A map does, unless it is read-only.
    pub shapes: &'static [&'static str],
    /// A name that an object gets from what leads to it makes code or a shape of it; and parts of bytecode, scopes and
    /// feedback get such names (else only parts of machine code do, all of it, and nothing counts otherwise).
    pub names_tell_kinds: bool,
    /// Fields that are numbered, and name nothing, though they do in other versions.
    pub nameless: &'static [(&'static str, &'static str)],
    /// Fields that have a name in this version only: class, field, name.
    pub named: &'static [(&'static str, &'static str, &'static str)],
    /// Transitions of a map have their index for a name (else they are numbered).
    pub transitions_have_indices: bool,
    /// A word without a name that holds something weakly is a weak reference (else one like all that are numbered).
    pub know_weak_words: bool,
    /// What follows the name of code that V8 brings along, in parentheses.
    pub builtin: &'static str,
    /// The only classes that have names, with all that descend from them, and of these those that have none after all; else all have.
    pub named_classes: Option<(&'static [&'static str], &'static [&'static str])>,
    /// Classes that count as arrays and have no name of their own, beside those that always do.
    pub arrays: &'static [&'static str],
    /// What numbers that are objects are called.
    pub number: &'static str,
    /// A property whose name is a symbol has its description in its name.
    pub describe_symbols: bool,
    /// Words with a name that hold what a snapshot leaves out count among those without one, which are numbered.
    pub count_left_out: bool,
}

impl OwnObjects {
    /// As [`OwnObjects::V9_1`], V8 9.0: a scope info counts as the array that it was before. Held against snapshots of V8 9.0.
    pub const V9_0: &'static OwnObjects = &OwnObjects { arrays: &["ScopeInfo"], ..*OwnObjects::V9_1 };
    /// As [`OwnObjects::V9_2`], but for the name of numbers, and what is numbered (`V8HeapExplorer::SetInternalReference`).
    pub const V9_1: &'static OwnObjects =
        &OwnObjects { number: "number", count_left_out: false, ..*OwnObjects::V9_2 };
    /// As [`OwnObjects::V9`], V8 9.2 and 9.3: symbols have no description (`StringsStorage::GetName`).
    pub const V9_2: &'static OwnObjects = &OwnObjects { describe_symbols: false, ..*OwnObjects::V9 };
    /// `V8HeapExplorer::AddEntry`, `GetSystemEntryName`, `TagObject` and `Extract...References` of V8 9: the kind of an object follows from its
    /// class alone, weak references are those that are told by name, and a `TransitionArray` is told as the `WeakFixedArray` that it is.
    pub const V9: &'static OwnObjects = &OwnObjects {
        code: &["Code"],
        shapes: &[],
        names_tell_kinds: false,
        nameless: &[
            ("ArrayBoilerplateDescription", "constant_elements"),
            ("BytecodeArray", "handler_table"),
            ("BytecodeArray", "source_position_table"),
            ("EnumCache", "indices"),
            ("EnumCache", "keys"),
            ("JSFinalizationRegistry", "next_dirty"),
            ("JSWeakRef", "target"),
            ("RegExpBoilerplateDescription", "data"),
            ("Script", "host_defined_options"),
            ("WasmInstanceObject", "exports_object"),
            ("WasmInstanceObject", "module_object"),
            ("WasmModuleObject", "managed_native_module"),
            ("WasmModuleObject", "script"),
            ("WeakCell", "target"),
            ("WeakCell", "unregister_token"),
        ],
        named: &[
            ("AccessorInfo", "expected_receiver_type", "expected_receiver_type"),
            ("AccessorInfo", "getter", "getter"),
            ("AccessorInfo", "setter", "setter"),
            ("ArrayBoilerplateDescription", "constant_elements", "constant_elements"),
        ],
        transitions_have_indices: true,
        know_weak_words: false,
        builtin: " builtin",
        ..*OwnObjects::V11
    };
    /// The same of V8 7 and 8, where only what `GetSystemEntryName` lists has a name: `STRUCT_LIST` and a few more.
    pub const V8: &'static OwnObjects = &OwnObjects {
        named_classes: Some((
            &["AllocationSite", "Cell", "Code", "Foreign", "Map", "Oddball", "PropertyCell", "Struct"],
            &["CallHandlerInfo", "DataHandler", "FeedbackCell"],
        )),
        ..*OwnObjects::V9_0
    };
    /// The same of V8 10, and `GetSystemEntryType`: some of them are code. Held against snapshots of V8 10.2.
    pub const V10: &'static OwnObjects = &OwnObjects {
        shapes: &[],
        nameless: &[("EnumCache", "indices"), ("EnumCache", "keys")],
        named: OwnObjects::V9.named,
        transitions_have_indices: true,
        builtin: " builtin",
        ..*OwnObjects::V11
    };
    /// The same of V8 11: some are shapes of objects.
    pub const V11: &'static OwnObjects = &OwnObjects {
        code: &[
            "AllocationSite",
            "ArrayBoilerplateDescription",
            "BytecodeArray",
            "ClosureFeedbackCellArray",
            "Code",
            "CodeDataContainer",
            "FeedbackCell",
            "FeedbackMetadata",
            "FeedbackVector",
            "InstructionStream",
            "InterpreterData",
            "LoadHandler",
            "ObjectBoilerplateDescription",
            "PreparseData",
            "RegExpBoilerplateDescription",
            "ScopeInfo",
            "StoreHandler",
            "TemplateObjectDescription",
            "TurbofanType",
            "UncompiledData",
        ],
        shapes: &["DescriptorArray", "EnumCache", "Map", "PrototypeInfo", "TransitionArray"],
        names_tell_kinds: true,
        nameless: &[],
        named: &[],
        transitions_have_indices: false,
        know_weak_words: true,
        builtin: " builtin handle",
        named_classes: None,
        arrays: &[],
        number: "heap number",
        describe_symbols: true,
        count_left_out: true,
    };
    /// The same from V8 12 on.
    pub const V12: &'static OwnObjects = &OwnObjects { builtin: " builtin code", ..*OwnObjects::V11 };
}
