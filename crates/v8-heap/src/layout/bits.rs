//! The bits of flags that decoders read, looked up by name once, when a layout is assembled.
//!
//! This list gives no numbers: they are in the table of classes (`flags`, in `tables/classes.txt`).

use super::class::{self, Flag};
use super::versions::Version;

/// Declares [`Bits`]: a name for decoders, and V8's name as `Flags.bits`; several where versions differ, of which the first
/// counts that the version has.
macro_rules! bits {
    ({ $($name:ident: $($path:literal)|+;)* }, optional { $($maybe:ident: $($maybe_path:literal)|+;)* }) => {
        /// Which bits of flags mean what.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Bits {
            $(#[doc = concat!($("`", $path, "` "),+)] pub $name: Flag,)*
            $(#[doc = concat!($("`", $maybe_path, "` "),+, "never set in versions without")] pub $maybe: Flag,)*
        }

        impl Bits {
            /// All of them.
            ///
            /// # Errors
            /// The name of one that this version lacks.
            pub(super) fn resolve(version: Version) -> Result<Bits, &'static str> {
                Ok(Bits {
                    $($name: first(&[$($path),+], version).ok_or(stringify!($name))?,)*
                    $($maybe: first(&[$($maybe_path),+], version).unwrap_or(Flag::NEVER),)*
                })
            }

            /// V8's names for all of them, for a test that each is known somewhere.
            #[cfg(test)]
            const PATHS: &'static [&'static str] = &[$($($path,)+)* $($($maybe_path,)+)*];
        }
    };
}

bits! {{
    array_buffer_detached: "JSArrayBufferFlags.was_detached";
    array_buffer_shared: "JSArrayBufferFlags.is_shared";
    bigint_length: "BigIntBitField.length";
    bigint_sign: "BigIntBitField.sign";
    call_site_async: "CallSiteInfoFlags.is_async" | "FrameArrayFlags.is_async" | "StackFrameInfoFlags.is_async";
    call_site_constructor: "CallSiteInfoFlags.is_constructor" | "FrameArrayFlags.is_constructor" | "StackFrameInfoFlags.is_constructor";
    call_site_wasm: "CallSiteInfoFlags.is_wasm" | "FrameArrayFlags.is_wasm" | "StackFrameInfoFlags.is_wasm";
    code_kind: "CodeFlags.kind";
    map_callable: "MapBitFields1.is_callable";
    map_dictionary: "MapBitFields3.is_dictionary_map";
    map_elements_kind: "MapBitFields2.elements_kind";
    map_interesting: "MapBitFields3.may_have_interesting_symbols" | "MapBitFields3.may_have_interesting_properties";
    map_new_target_is_base: "MapBitFields2.new_target_is_base";
    map_own_descriptors: "MapBitFields3.number_of_own_descriptors";
    map_prototype: "MapBitFields3.is_prototype_map";
    promise_has_handler: "JSPromiseFlags.has_handler";
    promise_status: "JSPromiseFlags.status";
    property_array_length: "PropertyArrayLengthAndHash.length";
    scope_function_variable: "ScopeFlags.function_variable";
    scope_inferred_name: "ScopeFlags.has_inferred_function_name";
    scope_receiver: "ScopeFlags.receiver_variable";
    scope_outer: "ScopeFlags.has_outer_scope_info";
    scope_sloppy_eval: "ScopeFlags.sloppy_eval_can_extend_vars";
    scope_type: "ScopeFlags.scope_type";
    script_compilation_type: "ScriptFlags.compilation_type";
    script_origin_module: "ScriptOriginOptions.is_module";
    script_origin_options: "ScriptFlags.origin_options";
    shared_function_kind: "SharedFunctionInfoFlags.function_kind";
    shared_strict: "SharedFunctionInfoFlags.is_strict";
    shared_syntax_kind: "SharedFunctionInfoFlags.function_syntax_kind";
    shared_top_level: "SharedFunctionInfoFlags.is_top_level";
    symbol_private: "SymbolFlags.private_symbol_kind" | "SymbolFlags.is_private";
    view_tracks_length: "JSArrayBufferViewFlags.is_length_tracking";
}, optional {
    array_buffer_immutable: "JSArrayBufferFlags.is_immutable";
    array_buffer_resizable: "JSArrayBufferFlags.is_resizable_by_js";
    call_site_builtin: "CallSiteInfoFlags.is_builtin";
    call_site_position_computed: "CallSiteInfoFlags.is_source_position_computed" | "StackFrameInfoFlags.is_source_position_computed";
    disposable_length: "DisposableStackStatus.length";
    disposable_state: "DisposableStackStatus.state";
    map_extended: "MapBitFields1.is_extended_map";
    map_extended_size: "ExtendedMapBitFields.map_size_in_words";
    wasm_global_mutable: "WasmGlobalObjectFlags.is_mutable";
    wasm_global_type: "WasmGlobalObjectFlags.type";
    symbol_private_name: "SymbolFlags.is_private_name";
    scope_block_list: "ScopeFlags.has_locals_block_list";
    scope_class_variable: "ScopeFlags.has_saved_class_variable";
    scope_extension_slot: "ScopeFlags.has_context_extension_slot";
    scope_empty: "ScopeFlags.is_empty";
}}

/// The first of these that there is.
fn first(paths: &[&str], version: Version) -> Option<Flag> {
    paths.iter().find_map(|path| {
        let (flags, bits) = path.split_once('.')?;
        class::flags(flags, version).into_iter().find(|flag| flag.name == bits)
    })
}

impl Flag {
    /// No bits at all: their value is always 0.
    const NEVER: Flag = Flag { name: "", shift: 0, width: 0 };

    /// Whether any of them is set in the bits of a field.
    pub fn is_set(&self, bits: u32) -> bool {
        self.of(u64::from(bits)) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::tables::TABLES;

    #[test]
    fn every_name_is_known_in_some_version() {
        for path in Bits::PATHS {
            assert!(TABLES.iter().any(|table| first(&[path], table.v8).is_some()), "{path}");
        }
        for table in TABLES {
            Bits::resolve(table.v8).unwrap();
        }
    }

    #[test]
    fn bits_that_are_not_there_are_never_set() {
        assert!(!Flag::NEVER.is_set(u32::MAX));
        let middle = Flag { name: "middle", shift: 3, width: 2 };
        assert!(middle.is_set(0b10000) && !middle.is_set(0b100111));
        assert_eq!(middle.of(0b111111), 3);
    }
}
