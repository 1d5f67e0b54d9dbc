//! What an instance type means to a reader, whatever its number in this V8 version.

/// Kind of a heap object. Names follow V8's classes; everything that no reader cares for is [`Kind::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // V8's own class names
#[non_exhaustive]
pub enum Kind {
    String,
    Symbol,
    HeapNumber,
    BigInt,
    Oddball,
    Hole,
    Map,
    FixedArray,
    FixedDoubleArray,
    NameDictionary,
    GlobalDictionary,
    NumberDictionary,
    OrderedHashMap,
    OrderedHashSet,
    EphemeronHashTable,
    PropertyArray,
    DescriptorArray,
    SloppyArgumentsElements,
    Context,
    NativeContext,
    ScopeInfo,
    SharedFunctionInfo,
    Script,
    AccessorPair,
    AccessorInfo,
    PropertyCell,
    Cell,
    ContextCell,
    FunctionTemplateInfo,
    UncompiledData,
    SourceTextModule,
    ByteArray,
    /// Memory between objects: no object.
    FreeSpace,
    /// Memory between objects: no object.
    Filler,
    /// Any other internal object.
    Other,
    JsObject,
    /// An object made from an embedder's template.
    JsApiObject,
    JsArray,
    JsFunction,
    JsBoundFunction,
    JsDate,
    JsRegExp,
    JsError,
    JsMap,
    JsSet,
    JsWeakMap,
    JsWeakSet,
    JsWeakRef,
    JsPromise,
    JsProxy,
    JsTypedArray,
    JsDataView,
    JsArrayBuffer,
    JsGenerator,
    JsPrimitiveWrapper,
    JsArguments,
    JsModuleNamespace,
    JsGlobalObject,
    JsGlobalProxy,
    JsMapIterator,
    JsSetIterator,
    JsArrayIterator,
    /// Any other JavaScript object.
    JsOther,
}

impl Kind {
    /// The kind of a class, by V8's name for it.
    pub(super) fn of_class(name: &str) -> Kind {
        match name {
            "Symbol" => Kind::Symbol,
            "HeapNumber" => Kind::HeapNumber,
            "BigInt" => Kind::BigInt,
            "Oddball" => Kind::Oddball,
            "Hole" => Kind::Hole,
            "Map" => Kind::Map,
            "FixedArray" | "HashTable" | "TrustedFixedArray" | "ProtectedFixedArray" => Kind::FixedArray,
            "FixedDoubleArray" => Kind::FixedDoubleArray,
            "NameDictionary" => Kind::NameDictionary,
            "GlobalDictionary" => Kind::GlobalDictionary,
            "NumberDictionary" => Kind::NumberDictionary,
            "OrderedHashMap" => Kind::OrderedHashMap,
            "OrderedHashSet" => Kind::OrderedHashSet,
            "EphemeronHashTable" => Kind::EphemeronHashTable,
            "PropertyArray" => Kind::PropertyArray,
            "DescriptorArray" | "StrongDescriptorArray" => Kind::DescriptorArray,
            "SloppyArgumentsElements" => Kind::SloppyArgumentsElements,
            "NativeContext" => Kind::NativeContext,
            "AwaitContext"
            | "BlockContext"
            | "CatchContext"
            | "DebugEvaluateContext"
            | "EvalContext"
            | "FunctionContext"
            | "ModuleContext"
            | "ScriptContext"
            | "WithContext" => Kind::Context,
            "ScopeInfo" => Kind::ScopeInfo,
            "SharedFunctionInfo" => Kind::SharedFunctionInfo,
            "Script" => Kind::Script,
            "AccessorPair" => Kind::AccessorPair,
            "AccessorInfo" => Kind::AccessorInfo,
            "PropertyCell" | "ContextSidePropertyCell" => Kind::PropertyCell,
            "Cell" => Kind::Cell,
            "ContextCell" => Kind::ContextCell,
            "FunctionTemplateInfo" => Kind::FunctionTemplateInfo,
            "UncompiledDataWithPreparseData"
            | "UncompiledDataWithPreparseDataAndJob"
            | "UncompiledDataWithoutPreparseData"
            | "UncompiledDataWithoutPreparseDataWithJob" => Kind::UncompiledData,
            "SourceTextModule" => Kind::SourceTextModule,
            "ByteArray" | "TrustedByteArray" => Kind::ByteArray,
            "FreeSpace" => Kind::FreeSpace,
            "Filler" => Kind::Filler,
            "JSObject"
            | "JSObjectWithEmbedderSlots"
            | "JSObjectPrototype"
            | "JSIteratorPrototype"
            | "JSArrayIteratorPrototype"
            | "JSMapIteratorPrototype"
            | "JSPromisePrototype"
            | "JSRegExpPrototype"
            | "JSSetIteratorPrototype"
            | "JSSetPrototype"
            | "JSStringIteratorPrototype"
            | "JSTypedArrayPrototype" => Kind::JsObject,
            "JSApiObject" | "JSSpecialApiObject" => Kind::JsApiObject,
            "JSArray" => Kind::JsArray,
            "JSFunction" => Kind::JsFunction,
            "JSBoundFunction" => Kind::JsBoundFunction,
            "JSDate" => Kind::JsDate,
            "JSRegExp" => Kind::JsRegExp,
            "JSError" => Kind::JsError,
            "JSMap" => Kind::JsMap,
            "JSSet" => Kind::JsSet,
            "JSWeakMap" => Kind::JsWeakMap,
            "JSWeakSet" => Kind::JsWeakSet,
            "JSWeakRef" => Kind::JsWeakRef,
            "JSPromise" => Kind::JsPromise,
            "JSProxy" => Kind::JsProxy,
            "JSTypedArray" => Kind::JsTypedArray,
            "JSDataView" | "JSRabGsabDataView" => Kind::JsDataView,
            "JSArrayBuffer" => Kind::JsArrayBuffer,
            "JSGeneratorObject" | "JSAsyncFunctionObject" | "JSAsyncGeneratorObject" => Kind::JsGenerator,
            "JSPrimitiveWrapper" => Kind::JsPrimitiveWrapper,
            "JSArgumentsObject" => Kind::JsArguments,
            "JSModuleNamespace" => Kind::JsModuleNamespace,
            "JSGlobalObject" => Kind::JsGlobalObject,
            "JSGlobalProxy" => Kind::JsGlobalProxy,
            "JSMapKeyIterator" | "JSMapKeyValueIterator" | "JSMapValueIterator" => Kind::JsMapIterator,
            "JSSetKeyValueIterator" | "JSSetValueIterator" => Kind::JsSetIterator,
            "JSArrayIterator" => Kind::JsArrayIterator,
            _ => Kind::Other,
        }
    }

    /// Whether this is a JavaScript object: something a program can hold a reference to and that has properties.
    pub fn is_js_object(self) -> bool {
        self as u8 >= Kind::JsObject as u8
    }

    /// Whether this is memory between objects.
    pub fn is_gap(self) -> bool {
        matches!(self, Kind::FreeSpace | Kind::Filler)
    }
}

/// How a string is stored (V8: `instance-type.h`, `StringRepresentationTag`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StringShape {
    /// Characters follow the header.
    Sequential {
        /// Latin-1, one byte a character (else UTF-16).
        one_byte: bool,
    },
    /// Two strings, one after the other.
    Cons,
    /// Characters outside the heap.
    External {
        /// Latin-1, one byte a character (else UTF-16).
        one_byte: bool,
        /// The heap object has no copy of the address of the characters.
        uncached: bool,
    },
    /// Part of another string.
    Sliced,
    /// Stands for another string.
    Thin,
}

impl StringShape {
    /// The shape that the bits of the type of a string stand for.
    pub fn of_type(instance_type: u16) -> Option<StringShape> {
        let one_byte = instance_type & 8 != 0;
        match instance_type & 7 {
            0 => Some(StringShape::Sequential { one_byte }),
            1 => Some(StringShape::Cons),
            2 => Some(StringShape::External { one_byte, uncached: instance_type & 16 != 0 }),
            3 => Some(StringShape::Sliced),
            5 => Some(StringShape::Thin),
            _ => None,
        }
    }

    /// V8's class for it.
    pub fn class_name(self) -> &'static str {
        match self {
            StringShape::Sequential { one_byte: true } => "SeqOneByteString",
            StringShape::Sequential { one_byte: false } => "SeqTwoByteString",
            StringShape::Cons => "ConsString",
            StringShape::External { one_byte: true, .. } => "ExternalOneByteString",
            StringShape::External { one_byte: false, .. } => "ExternalTwoByteString",
            StringShape::Sliced => "SlicedString",
            StringShape::Thin => "ThinString",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The numbers are those that the binaries publish as v8dbg_type_*String__*.
    #[test]
    fn string_types_decode_by_bits() {
        assert_eq!(StringShape::of_type(40), Some(StringShape::Sequential { one_byte: true }));
        assert_eq!(StringShape::of_type(32), Some(StringShape::Sequential { one_byte: false }));
        assert_eq!(StringShape::of_type(8), Some(StringShape::Sequential { one_byte: true }), "internalized");
        assert_eq!(StringShape::of_type(41), Some(StringShape::Cons));
        assert_eq!(StringShape::of_type(58), Some(StringShape::External { one_byte: true, uncached: true }));
        assert_eq!(
            StringShape::of_type(34),
            Some(StringShape::External { one_byte: false, uncached: false })
        );
        assert_eq!(StringShape::of_type(43), Some(StringShape::Sliced));
        assert_eq!(StringShape::of_type(45), Some(StringShape::Thin));
        assert_eq!(StringShape::of_type(4), None, "bits of none");
    }

    #[test]
    fn javascript_objects_are_told_from_internal_ones() {
        assert!(Kind::of_class("JSArray").is_js_object());
        assert!(!Kind::of_class("FixedArray").is_js_object());
        assert!(!Kind::Other.is_js_object());
        assert!(Kind::JsOther.is_js_object());
    }
}
