//! The places of fields that decoders read, looked up by name once, when a layout is assembled.
//!
//! This list gives no numbers: where a field is follows from the description of its class (`tables/classes.txt`) and from
//! what the binary publishes. A decoder loads the result from [`Fields`].

use super::class::{Classes, FieldKind};
use super::word_model::WordModel;

/// Declares [`Fields`]: a name for decoders, and V8's name as `Class::field`, or as `Class::tail[]` for what fills the object
/// behind its fields; several where versions differ, of which the first counts that the version has. After `counts` come those
/// that say how much there is of something, after `optional` those that a version may lack.
macro_rules! fields {
    (
        { $($name:ident: $($path:literal)|+;)* },
        counts { $($count:ident: $($count_path:literal)|+;)* },
        optional { $($maybe:ident: $($maybe_path:literal)|+;)* }
    ) => {
        /// Offsets of fields from the untagged start of their object, in bytes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Fields {
            /// How large words are.
            pub words: WordModel,
            $(#[doc = concat!($("`", $path, "` "),+)] pub $name: u64,)*
            $(#[doc = concat!($("`", $count_path, "` "),+)] pub $count: Count,)*
            $(#[doc = concat!($("`", $maybe_path, "` "),+, "where there is one")] pub $maybe: Option<u64>,)*
        }

        impl Fields {
            /// The places of all of them.
            ///
            /// # Errors
            /// The name of one that this version lacks.
            pub(super) fn resolve(classes: &Classes, words: WordModel) -> Result<Fields, &'static str> {
                Ok(Fields {
                    words,
                    $($name: first(classes, &[$($path),+]).ok_or(stringify!($name))?,)*
                    $($count: first_count(classes, &[$($count_path),+]).ok_or(stringify!($count))?,)*
                    $($maybe: first(classes, &[$($maybe_path),+]),)*
                })
            }

            /// V8's names for all of them, for a test that each is known somewhere.
            #[cfg(test)]
            const PATHS: &'static [&'static str] = &[$($($path,)+)* $($($count_path,)+)* $($($maybe_path,)+)*];
        }
    };
}

fields! {{
    accessor_getter: "AccessorPair::getter";
    accessor_setter: "AccessorPair::setter";
    aliased_slot: "AliasedArgumentsEntry::aliased_context_slot";
    arguments_context: "SloppyArgumentsElements::context";
    arguments_mapped: "SloppyArgumentsElements::mapped_entries[]";
    arguments_rest: "SloppyArgumentsElements::arguments";
    array_buffer_backing_store: "JSArrayBuffer::backing_store";
    array_buffer_byte_length: "JSArrayBuffer::raw_byte_length";
    array_buffer_flags: "JSArrayBuffer::bit_field";
    array_elements: "FixedArray::objects[]";
    array_iterator_next: "JSArrayIterator::next_index";
    array_iterator_object: "JSArrayIterator::iterated_object";
    async_from_sync_iterator: "JSAsyncFromSyncIterator::sync_iterator";
    async_function_promise: "JSAsyncFunctionObject::promise";
    async_generator_queue: "JSAsyncGeneratorObject::queue";
    baseline_code: "BaselineData::baseline_code";
    baseline_data: "BaselineData::data";
    bigint_bits: "BigInt::bitfield";
    bigint_digits: "BigInt::digits[]";
    bound_arguments: "JSBoundFunction::bound_arguments";
    bound_target: "JSBoundFunction::bound_target_function";
    bound_this: "JSBoundFunction::bound_this";
    byte_array_bytes: "ByteArray::values[]" | "ByteArray::bytes[]";
    bytecode_constants: "BytecodeArray::constant_pool";
    bytecode_data: "BytecodeArray::bytes[]";
    bytecode_frame_size: "BytecodeArray::frame_size";
    bytecode_handlers: "BytecodeArray::handler_table";
    bytecode_source_positions: "BytecodeArray::source_position_table";
    callable_task_callable: "CallableTask::callable";
    capability_promise: "PromiseCapability::promise";
    cell_value: "Cell::maybe_value" | "Cell::value";
    class_positions_end: "ClassPositions::end";
    class_positions_start: "ClassPositions::start";
    code_data: "Code::deoptimization_data_or_interpreter_data";
    code_flags: "Code::flags";
    code_instruction_size: "Code::instruction_size";
    code_position_table: "Code::source_position_table";
    collection_table: "JSCollection::table";
    collection_iterator_index: "JSCollectionIterator::index";
    collection_iterator_table: "JSCollectionIterator::table";
    cons_first: "ConsString::first";
    cons_second: "ConsString::second";
    context_slots: "Context::elements[]";
    date_value: "JSDate::value";
    double_elements: "FixedDoubleArray::values[]" | "FixedDoubleArray::floats[]";
    data_view_pointer: "JSDataViewOrRabGsabDataView::data_pointer";
    descriptor_array_count: "DescriptorArray::number_of_all_descriptors";
    descriptor_details: "DescriptorArray::descriptors[].details";
    descriptor_key: "DescriptorArray::descriptors[].key";
    descriptor_size: "DescriptorArray::descriptors[].end()";
    descriptor_value: "DescriptorArray::descriptors[].value";
    descriptor_array_header: "DescriptorArray::descriptors[]";
    elements: "JSObject::elements";
    embedder_data_slots: "EmbedderDataArray::slots[]";
    embedder_fields: "JSApiObject::end()";
    error_stack: "ErrorStackData::call_site_infos_or_formatted_stack";
    external_data: "ExternalString::resource_data";
    external_resource: "UncachedExternalString::resource";
    feedback_closures: "FeedbackMetadata::create_closure_slot_count";
    feedback_metadata_slots: "FeedbackMetadata::slots[]";
    feedback_vector_header: "FeedbackVector::raw_feedback_slots[]";
    feedback_slots: "FeedbackMetadata::slot_count";
    finalization_active_cells: "JSFinalizationRegistry::active_cells";
    finalization_cleanup: "JSFinalizationRegistry::cleanup";
    finalization_cleared_cells: "JSFinalizationRegistry::cleared_cells";
    foreign_address: "Foreign::foreign_address";
    function_context: "JSFunction::context";
    function_feedback_cell: "JSFunction::feedback_cell";
    function_shared: "JSFunction::shared_function_info";
    generator_context: "JSGeneratorObject::context";
    generator_continuation: "JSGeneratorObject::continuation";
    generator_function: "JSGeneratorObject::function";
    generator_input_or_position: "JSGeneratorObject::input_or_debug_pos";
    generator_receiver: "JSGeneratorObject::receiver";
    generator_registers: "JSGeneratorObject::parameters_and_registers";
    heap_number_value: "HeapNumber::value";
    instruction_stream_code: "InstructionStream::code";
    machine_instructions: "Code::instructions[]" | "InstructionStream::instructions[]";
    interpreter_bytecode: "InterpreterData::bytecode_array";
    iterator_helper_underlying:
        "JSIteratorHelperSimple::underlying_iterator_object" | "JSIteratorHelper::underlying_object";
    iterator_drop_remaining: "JSIteratorDropHelper::remaining";
    iterator_filter_counter: "JSIteratorFilterHelper::counter";
    iterator_filter_predicate: "JSIteratorFilterHelper::predicate";
    iterator_flat_map_counter: "JSIteratorFlatMapHelper::counter";
    iterator_flat_map_inner:
        "JSIteratorFlatMapHelper::inner_iterator_object" | "JSIteratorFlatMapHelper::innerIterator_object";
    iterator_flat_map_mapper: "JSIteratorFlatMapHelper::mapper";
    iterator_map_counter: "JSIteratorMapHelper::counter";
    iterator_map_mapper: "JSIteratorMapHelper::mapper";
    iterator_take_remaining: "JSIteratorTakeHelper::remaining";
    js_array_length: "JSArray::length";
    list_format_locale: "JSListFormat::locale";
    map_bit_field: "Map::bit_field";
    map_bit_field2: "Map::bit_field2";
    map_bit_field3: "Map::bit_field3";
    map_constructor: "Map::constructor_or_back_pointer_or_native_context";
    map_descriptors: "Map::instance_descriptors";
    map_inobject_start: "Map::inobject_properties_start_or_constructor_function_index";
    map_instance_size: "Map::instance_size_in_words";
    map_instance_type: "Map::instance_type";
    map_prototype: "Map::prototype";
    map_transitions: "Map::transitions_or_prototype_info";
    map_used_size: "Map::used_or_unused_instance_size_in_words";
    module_exports: "Module::exports";
    module_namespace_module: "JSModuleNamespace::module";
    module_regular_exports: "SourceTextModule::regular_exports";
    module_regular_imports: "SourceTextModule::regular_imports";
    native_context_slots: "NativeContext::elements[]";
    number_format_locale: "JSNumberFormat::locale";
    oddball_kind: "Oddball::kind";
    plural_rules_locale: "JSPluralRules::locale";
    job_argument: "PromiseReactionJobTask::argument";
    job_handler: "PromiseReactionJobTask::handler";
    job_promise_or_capability: "PromiseReactionJobTask::promise_or_capability";
    preparse_bytes: "PreparseData::data_length";
    preparse_children: "PreparseData::children_length";
    preparse_data: "PreparseData::data_and_children[]";
    promise_flags: "JSPromise::flags";
    promise_result: "JSPromise::reactions_or_result";
    properties: "JSReceiver::properties_or_hash";
    property_array_elements: "PropertyArray::objects[]";
    property_array_length: "PropertyArray::length_and_hash";
    property_cell_details: "PropertyCell::property_details_raw";
    property_cell_name: "PropertyCell::name";
    property_cell_value: "PropertyCell::value";
    proxy_handler: "JSProxy::handler";
    proxy_target: "JSProxy::target";
    reaction_fulfill_handler: "PromiseReaction::fulfill_handler";
    reaction_next: "PromiseReaction::next";
    reaction_promise_or_capability: "PromiseReaction::promise_or_capability";
    reaction_reject_handler: "PromiseReaction::reject_handler";
    regexp_flags: "JSRegExp::flags";
    regexp_string_iterator_regexp: "JSRegExpStringIterator::iterating_reg_exp";
    regexp_string_iterator_string: "JSRegExpStringIterator::iterated_string";
    regexp_data: "JSRegExp::data";
    relative_time_format_locale: "JSRelativeTimeFormat::locale";
    request_mode: "AsyncGeneratorRequest::resume_mode";
    request_next: "AsyncGeneratorRequest::next";
    request_promise: "AsyncGeneratorRequest::promise";
    request_value: "AsyncGeneratorRequest::value";
    scope_info_flags: "ScopeInfo::flags";
    script_column_offset: "Script::column_offset";
    script_contexts: "ScriptContextTable::objects[]";
    script_eval_from: "Script::eval_from_shared_or_wrapped_arguments";
    script_eval_position: "Script::eval_from_position";
    script_flags: "Script::flags";
    script_functions: "Script::infos" | "Script::shared_function_infos";
    script_host_defined_options: "Script::host_defined_options";
    script_id: "Script::id";
    script_line_ends: "Script::line_ends";
    script_line_offset: "Script::line_offset";
    script_name: "Script::name";
    script_source: "Script::source";
    script_source_mapping_url: "Script::source_mapping_url";
    script_source_url: "Script::source_url";
    script_type: "Script::script_type";
    segmenter_locale: "JSSegmenter::locale";
    shared_flags: "SharedFunctionInfo::flags";
    shared_formal_parameters: "SharedFunctionInfo::formal_parameter_count";
    shared_function_data: "SharedFunctionInfo::trusted_function_data" | "SharedFunctionInfo::function_data";
    shared_length: "SharedFunctionInfo::length";
    shared_name_or_scope_info: "SharedFunctionInfo::name_or_scope_info";
    shared_script: "SharedFunctionInfo::script" | "SharedFunctionInfo::script_or_debug_info";
    shared_token_offset: "SharedFunctionInfo::function_token_offset";
    sliced_offset: "SlicedString::offset";
    sliced_parent: "SlicedString::parent";
    small_dictionary_buckets: "SmallOrderedNameDictionary::number_of_buckets";
    small_map_buckets: "SmallOrderedHashMap::number_of_buckets";
    small_set_buckets: "SmallOrderedHashSet::number_of_buckets";
    string_characters: "SeqOneByteString::chars[]";
    string_hash: "Name::raw_hash_field";
    string_iterator_index: "JSStringIterator::index";
    string_iterator_string: "JSStringIterator::string";
    string_length: "String::length";
    swiss_capacity: "SwissNameDictionary::capacity";
    symbol_description: "Symbol::description";
    symbol_flags: "Symbol::flags";
    thenable_job_promise: "PromiseResolveThenableJobTask::promise_to_resolve";
    thenable_job_then: "PromiseResolveThenableJobTask::then";
    thenable_job_thenable: "PromiseResolveThenableJobTask::thenable";
    thin_actual: "ThinString::actual";
    transitions: "TransitionArray::objects[]";
    trusted_byte_array_bytes: "TrustedByteArray::values[]" | "TrustedByteArray::bytes[]";
    tuple_value1: "Tuple2::value1";
    typed_array_base_pointer: "JSTypedArray::base_pointer";
    typed_array_external_pointer: "JSTypedArray::external_pointer";
    uncompiled_end: "UncompiledData::end_position";
    uncompiled_inferred_name: "UncompiledData::inferred_name";
    uncompiled_start: "UncompiledData::start_position";
    valid_iterator_underlying: "JSValidIteratorWrapper::underlying_object";
    view_buffer: "JSArrayBufferView::buffer";
    view_byte_length: "JSArrayBufferView::raw_byte_length";
    view_byte_offset: "JSArrayBufferView::raw_byte_offset";
    wasm_array_length: "WasmArray::length";
    wasm_array_elements: "WasmArray::elements[]";
    wasm_global_buffer: "WasmGlobalObject::untagged_buffer" | "WasmGlobalObject::buffer";
    wasm_global_offset: "WasmGlobalObject::offset";
    wasm_global_tagged: "WasmGlobalObject::tagged_buffer" | "WasmGlobalObject::buffer";
    wasm_instance_exports: "WasmInstanceObject::exports_object";
    wasm_instance_module: "WasmInstanceObject::module_object";
    wasm_memory_buffer: "WasmMemoryObject::array_buffer";
    wasm_memory_maximum: "WasmMemoryObject::maximum_pages";
    wasm_module_script: "WasmModuleObject::script";
    wasm_table_entries: "WasmTableObject::entries";
    wasm_table_maximum: "WasmTableObject::maximum_length";
    weak_array_elements: "WeakFixedArray::objects[]";
    weak_cell_holdings: "WeakCell::holdings";
    weak_cell_next: "WeakCell::next";
    weak_cell_registry: "WeakCell::finalization_registry";
    weak_cell_target: "WeakCell::target";
    weak_ref_target: "JSWeakRef::target";
    wrapped_function_target: "JSWrappedFunction::wrapped_target_function";
    wrapper_value: "JSPrimitiveWrapper::value";
    context_cell_number: "ContextCell::double_value";
    context_cell_state: "ContextCell::state";
    context_cell_value: "ContextCell::tagged_value";
    disposable_stack: "JSDisposableStackBase::stack";
    disposable_status: "JSDisposableStackBase::status";
    code_wrapper_code: "CodeWrapper::code";
    shared_wrapper_function: "SharedFunctionInfoWrapper::shared_info";
    suspending_callable: "WasmSuspendingObject::callable";
    iterator_concat_iterables: "JSIteratorConcatHelper::iterables";
}, counts {
    array_length: "FixedArrayBase::length";
    bytecode_length: "BytecodeArray::length";
    context_length: "Context::length";
    embedder_data_length: "EmbedderDataArray::length";
    script_contexts_capacity: "ScriptContextTable::capacity" | "ScriptContextTable::length";
    trusted_byte_array_length: "TrustedByteArray::length";
    weak_array_length: "WeakFixedArray::length";
}, optional {
    array_buffer_extension: "JSArrayBuffer::extension";
    date_time_format_locale: "JSDateTimeFormat::locale";
    wasm_table_length: "WasmTableObject::current_length";
    weak_cell_token: "WeakCell::unregister_token";
    call_site_code: "CallSiteInfo::code_object" | "StackFrameInfo::code_object";
    call_site_flags: "CallSiteInfo::flags" | "StackFrameInfo::flags";
    call_site_function: "CallSiteInfo::function" | "StackFrameInfo::function";
    call_site_offset: "CallSiteInfo::code_offset_or_source_position" | "StackFrameInfo::code_offset_or_source_position";
    call_site_receiver: "CallSiteInfo::receiver_or_instance" | "StackFrameInfo::receiver_or_instance";
    code_metadata_size: "Code::metadata_size";
    collator_locale: "JSCollator::locale";
    wasm_global_type: "WasmGlobalObject::raw_type";
    wasm_global_mutable: "WasmGlobalObject::is_mutable";
    code_safepoint_table: "Code::safepoint_table_offset";
    stack_frame_array: "StackTraceFrame::frame_array";
    stack_frame_index: "StackTraceFrame::frame_index";
    wasm_global_flags: "WasmGlobalObject::flags";
    array_buffer_max_byte_length: "JSArrayBuffer::raw_max_byte_length";
    api_wrappable: "JSApiObject::cpp_heap_wrappable";
    code_instruction_start: "Code::instruction_start";
    code_handle: "Code::self_indirect_pointer";
    map_extension: "Map::extension[]";
    instruction_stream_body_size: "InstructionStream::body_size";
    regexp_data_source: "RegExpData::escaped_source";
    regexp_source: "JSRegExp::source";
    resume_generator: "AsyncResumeTask::generator";
    resume_value: "AsyncResumeTask::value";
    typed_array_flags: "JSTypedArray::bit_field";
    view_flags: "JSArrayBufferView::bit_field";
    shared_untrusted_data: "SharedFunctionInfo::untrusted_function_data";
    temporal_duration: "JSTemporalDuration::duration";
    temporal_instant: "JSTemporalInstant::instant";
    temporal_month_day: "JSTemporalPlainMonthDay::month_day";
    temporal_plain_date: "JSTemporalPlainDate::date";
    temporal_plain_date_time: "JSTemporalPlainDateTime::date_time";
    temporal_plain_time: "JSTemporalPlainTime::time";
    temporal_year_month: "JSTemporalPlainYearMonth::year_month";
    temporal_zoned_date_time: "JSTemporalZonedDateTime::zoned_date_time";
    wasm_memory_backing_store: "WasmMemoryObject::managed_backing_store";
}}

/// A field that says how much there is of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// From the untagged start of the object, in bytes.
    pub offset: u64,
    /// It is a small integer (else 32 bits without a sign).
    pub is_smi: bool,
}

/// The first of these that there is.
fn first_count(classes: &Classes, paths: &[&str]) -> Option<Count> {
    paths.iter().find_map(|path| {
        let (class, field) = path.split_once("::")?;
        let is_smi = match classes.kind(class, field)? {
            FieldKind::Smi => true,
            FieldKind::Unsigned(4) | FieldKind::Signed(4) => false,
            _ => return None,
        };
        Some(Count { offset: classes.offset(class, field)?, is_smi })
    })
}

/// The offset of the first of these that there is.
fn first(classes: &Classes, paths: &[&str]) -> Option<u64> {
    paths.iter().find_map(|path| {
        let (class, field) = path.split_once("::")?;
        classes.offset(class, field)
    })
}

impl Fields {
    /// The address of an element of a `FixedArray` (or of a class that extends it).
    pub fn element(&self, array: u64, index: u64) -> u64 {
        array + self.array_elements + self.words.tagged * index
    }

    /// The address of a property in a `PropertyArray`.
    pub fn property(&self, array: u64, index: u64) -> u64 {
        array + self.property_array_elements + self.words.tagged * index
    }

    /// The address of an element of a `WeakFixedArray`.
    pub fn weak_element(&self, array: u64, index: u64) -> u64 {
        array + self.weak_array_elements + self.words.tagged * index
    }

    /// The address of an element of a `TransitionArray`.
    pub fn transition(&self, array: u64, index: u64) -> u64 {
        array + self.transitions + self.words.tagged * index
    }

    /// The address of a word of a `ScopeInfo`, counted from its first field.
    pub fn scope_info_word(&self, scope_info: u64, index: u64) -> u64 {
        scope_info + self.scope_info_flags + self.words.tagged * index
    }

    /// The address of an entry of a `ScriptContextTable`.
    pub fn script_context(&self, table: u64, index: u64) -> u64 {
        table + self.script_contexts + self.words.tagged * index
    }

    /// The address of a slot of a context.
    pub fn context_slot(&self, context: u64, slot: u64) -> u64 {
        context + self.context_slots + self.words.tagged * slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::class::PublishedFields;
    use crate::layout::tables::TABLES;

    /// A name with a slip of the pen in it would be missing everywhere.
    #[test]
    fn every_name_is_known_in_some_version() {
        let of =
            |words| TABLES.iter().map(move |table| Classes::of(table.v8, words, &PublishedFields::default()));
        let sandboxed: Vec<Classes> = of(WordModel::SANDBOXED).collect();
        let versions: Vec<Classes> = of(WordModel::FULL).collect();
        for path in Fields::PATHS {
            let (class, field) = path.split_once("::").unwrap();
            let mut every = versions.iter().chain(&sandboxed);
            assert!(every.any(|classes| classes.offset(class, field).is_some()), "{path}");
        }
        for classes in &versions {
            Fields::resolve(classes, WordModel::FULL).unwrap();
        }
        for classes in &sandboxed {
            Fields::resolve(classes, WordModel::SANDBOXED).unwrap();
        }
    }
}
