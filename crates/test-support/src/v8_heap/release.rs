//! What the four supported releases write differently. Numbers were read from cores and from the symbols `v8dbg_*`
//! of the official binaries, not from the tables of the reader under test.

/// A release line of Node.js, standing for its V8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Release {
    Node20,
    Node22,
    Node24,
    Node26,
}

impl Release {
    /// All of them.
    pub const ALL: [Release; 4] = [Release::Node20, Release::Node22, Release::Node24, Release::Node26];

    pub(super) fn pick<T: Copy>(self, of_20_22_24_26: [T; 4]) -> T {
        of_20_22_24_26[self as usize]
    }

    /// Major, minor, build and patch of its V8.
    pub fn v8_version(self) -> [u32; 4] {
        self.pick([[11, 3, 244, 8], [12, 4, 254, 21], [13, 6, 233, 17], [14, 6, 202, 34]])
    }

    /// Page headers are blocks of their own, which pages point to.
    pub fn has_metadata_blocks(self) -> bool {
        matches!(self, Release::Node24 | Release::Node26)
    }

    /// Distance of the first object from the start of a regular page.
    pub fn first_object(self) -> u64 {
        self.pick([0x1148, 0x1140, 0x10, 0x10])
    }

    /// Where in its header a page has a field.
    pub fn page_field(self, field: PageField) -> u64 {
        match field {
            PageField::Size => self.pick([0, 16, 48, 48]),
            PageField::Heap => self.pick([16, 24, 64, 64]),
            PageField::AreaStart => self.pick([24, 32, 72, 72]),
            PageField::AreaEnd => self.pick([32, 40, 56, 56]),
            PageField::Owner => self.pick([64, 72, 80, 80]),
            PageField::Next => self.pick([264, 264, 264, 256]),
            PageField::Previous => self.pick([272, 272, 272, 264]),
        }
    }

    pub(super) fn flags_at(self) -> u64 {
        self.pick([8, 0, 0, 0])
    }

    pub(super) fn read_only_flag(self) -> u64 {
        1 << self.pick([6, 6, 6, 10])
    }

    pub(super) fn large_flag(self) -> u64 {
        1 << self.pick([7, 7, 10, 7])
    }

    /// Offset of the `Heap` in the `Isolate`.
    pub(super) fn heap_in_isolate(self) -> u64 {
        self.pick([0xd2c0, 0xdea0, 0xeff8, 0xf3c0])
    }

    /// Offset of `Heap::isolate_` in the `Heap`.
    pub(super) fn isolate_in_heap(self) -> u64 {
        self.pick([0x50, 0x18, 0x18, 0x8])
    }

    /// Offset of the front of its list of pages in a space.
    pub(super) fn front_in_space(self) -> u64 {
        self.pick([0x28, 0x28, 0x38, 0x38])
    }

    pub(super) fn young_area_in_isolate(self) -> u64 {
        self.pick([0xb8, 0xc0, 0xc8, 0xc8])
    }

    pub(super) fn old_area_in_isolate(self) -> u64 {
        self.pick([0xd0, 0xd8, 0xe0, 0xe0])
    }

    /// `AllocationSpace` of large objects, young and old.
    pub(super) fn large_spaces(self) -> (u32, u32) {
        self.pick([(5, 6), (6, 7), (7, 8), (7, 8)])
    }

    /// Bytes before the first entry of a descriptor array.
    pub fn descriptor_header(self) -> u64 {
        self.pick([24, 24, 24, 32])
    }

    /// Word of a `JSFunction` that points to its `SharedFunctionInfo`; its context follows.
    pub fn function_shared_word(self) -> usize {
        self.pick([3, 4, 4, 4])
    }

    /// Word of a `SharedFunctionInfo` with the name or the scope info.
    pub fn shared_name_word(self) -> usize {
        self.pick([2, 2, 3, 3])
    }

    /// `Oddball::kind_` of `undefined`.
    pub(super) fn undefined_kind(self) -> i32 {
        self.pick([5, 4, 4, 4])
    }

    /// What `FreeSpace` counts its size in, in bytes.
    pub(super) fn free_space_unit(self) -> u64 {
        self.pick([1, 1, 8, 8])
    }
}

/// A field of a page header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum PageField {
    Size,
    Heap,
    AreaStart,
    AreaEnd,
    Owner,
    Next,
    Previous,
}

/// Instance types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // V8's class names
pub enum Type {
    InternalizedOneByteString,
    SeqOneByteString,
    SeqTwoByteString,
    ConsString,
    ExternalOneByteString,
    UncachedExternalOneByteString,
    SlicedString,
    ThinString,
    Symbol,
    BigInt,
    HeapNumber,
    Oddball,
    Hole,
    Map,
    FixedArray,
    FixedDoubleArray,
    PropertyArray,
    DescriptorArray,
    NameDictionary,
    GlobalDictionary,
    NumberDictionary,
    NameToIndexHashTable,
    OrderedHashMap,
    OrderedHashSet,
    EphemeronHashTable,
    FunctionContext,
    ModuleContext,
    NativeContext,
    Script,
    SourceTextModule,
    Cell,
    ScopeInfo,
    SharedFunctionInfo,
    AccessorPair,
    PropertyCell,
    SloppyArgumentsElements,
    ByteArray,
    FreeSpace,
    Filler,
    JsObject,
    JsGlobalObject,
    JsApiObject,
    JsArray,
    JsFunction,
    JsBoundFunction,
    JsMap,
    JsSet,
    JsWeakMap,
    JsDate,
    JsError,
    JsArguments,
    JsPrimitiveWrapper,
    JsProxy,
    JsTypedArray,
    JsPromise,
    PromiseReaction,
    JsAsyncGenerator,
    AsyncGeneratorRequest,
    JsFinalizationRegistry,
    WeakCell,
    CallSiteInfo,
    JsArrayBuffer,
    JsIteratorMapHelper,
    WasmTableObject,
    WasmGlobalObject,
    WasmMemoryObject,
    Foreign,
    JsTemporalPlainDate,
}

impl Type {
    /// Its number in a release.
    pub fn number(self, release: Release) -> u16 {
        release.pick(match self {
            Type::InternalizedOneByteString => [8; 4],
            Type::SeqOneByteString => [40; 4],
            Type::SeqTwoByteString => [32; 4],
            Type::ConsString => [41; 4],
            Type::ExternalOneByteString => [42; 4],
            Type::UncachedExternalOneByteString => [58; 4],
            Type::SlicedString => [43; 4],
            Type::ThinString => [45; 4],
            Type::Symbol => [128; 4],
            Type::BigInt => [129; 4],
            Type::HeapNumber => [130; 4],
            Type::Oddball => [131; 4],
            // Node.js 20 has an Oddball for a hole.
            Type::Hole => [131, 261, 269, 274],
            Type::Map => [255, 264, 272, 278],
            Type::FixedArray => [175, 174, 205, 205],
            Type::FixedDoubleArray => [192, 188, 218, 219],
            Type::PropertyArray => [259, 269, 277, 283],
            Type::DescriptorArray => [236, 241, 252, 254],
            Type::NameDictionary => [179, 178, 209, 209],
            Type::GlobalDictionary => [178, 177, 208, 208],
            Type::NumberDictionary => [181, 180, 211, 211],
            Type::NameToIndexHashTable => [180, 179, 210, 210],
            Type::OrderedHashMap => [182, 181, 212, 212],
            Type::OrderedHashSet => [183, 182, 213, 213],
            Type::EphemeronHashTable => [177, 176, 207, 207],
            Type::FunctionContext => [210, 195, 225, 226],
            Type::ModuleContext => [211, 196, 226, 227],
            Type::NativeContext => [212, 197, 227, 228],
            Type::Script => [167, 167, 167, 166],
            Type::SourceTextModule => [238, 243, 254, 256],
            Type::Cell => [244, 251, 260, 263],
            Type::ScopeInfo => [261, 272, 280, 286],
            Type::SharedFunctionInfo => [262, 274, 282, 288],
            Type::AccessorPair => [142, 140, 140, 140],
            Type::PropertyCell => [260, 270, 278, 284],
            Type::SloppyArgumentsElements => [194, 189, 219, 220],
            Type::ByteArray => [190, 186, 217, 218],
            Type::FreeSpace => [251, 260, 268, 273],
            Type::Filler => [250, 259, 267, 272],
            Type::JsObject => [1057; 4],
            Type::JsApiObject => [1058; 4],
            Type::JsGlobalObject => [279, 292, 300, 307],
            Type::JsArray => [2113, 2115, 2119, 2121],
            Type::JsFunction => [2066, 2066, 2065, 2066],
            Type::JsBoundFunction => [2064, 2064, 2063, 2064],
            Type::JsMap => [2108, 2110, 2112, 2114],
            Type::JsSet => [2109, 2111, 2113, 2115],
            Type::JsWeakMap => [2110, 2112, 2116, 2118],
            Type::JsDate => [2118, 2120, 2124, 2126],
            Type::JsError => [2122, 2124, 2128, 2130],
            Type::JsArguments => [2112, 2114, 2118, 2120],
            Type::JsPrimitiveWrapper => [1041; 4],
            Type::JsProxy => [278, 291, 299, 304],
            Type::JsTypedArray => [2061; 4],
            Type::JsPromise => [2063, 2063, 2115, 2117],
            Type::PromiseReaction => [163, 163, 162, 160],
            Type::JsAsyncGenerator => [2107, 2109, 2111, 2113],
            Type::AsyncGeneratorRequest => [148, 146, 146, 145],
            Type::JsFinalizationRegistry => [2124, 2126, 2130, 2132],
            Type::WeakCell => [275, 288, 296, 301],
            Type::CallSiteInfo => [151, 150, 150, 149],
            Type::JsArrayBuffer => [2062, 2062, 2062, 2063],
            Type::JsIteratorMapHelper => [2103, 2101, 2100, 2097],
            Type::WasmTableObject => [2158, 2160, 2165, 2165],
            Type::WasmGlobalObject => [2153, 2155, 2159, 2159],
            Type::WasmMemoryObject => [2155, 2157, 2162, 2162],
            Type::Foreign => [204; 4],
            Type::JsTemporalPlainDate => [2142, 2144, 2148, 2149],
        })
    }

    /// Size of an instance in words; 0 if the instance itself tells.
    pub(super) fn instance_words(self, release: Release) -> u8 {
        match self {
            Type::ConsString | Type::SlicedString | Type::ExternalOneByteString => 4,
            Type::ThinString | Type::UncachedExternalOneByteString | Type::AccessorPair | Type::Symbol => 3,
            Type::HeapNumber | Type::Cell => 2,
            Type::Script => 18,
            Type::SourceTextModule => release.pick([18, 18, 18, 19]),
            Type::Oddball => 6,
            // A hole is a word before an unreadable block in Node.js 26.
            Type::Hole => release.pick([6, 2, 2, 0]),
            Type::Map => MAP_WORDS as u8,
            Type::SharedFunctionInfo => 10,
            Type::PropertyCell => 5,
            Type::Filler => 1,
            Type::JsFunction | Type::JsTypedArray => 12,
            Type::JsBoundFunction => 6,
            Type::JsObject | Type::JsGlobalObject | Type::JsError | Type::JsArguments | Type::JsProxy => 3,
            Type::JsArray
            | Type::JsMap
            | Type::JsSet
            | Type::JsWeakMap
            | Type::JsDate
            | Type::JsPrimitiveWrapper => 4,
            Type::Foreign => 2,
            Type::JsTemporalPlainDate => 4,
            Type::AsyncGeneratorRequest => 5,
            Type::JsPromise | Type::PromiseReaction => 6,
            Type::CallSiteInfo | Type::WasmMemoryObject => 7,
            Type::JsIteratorMapHelper | Type::WasmTableObject => 8,
            Type::WeakCell | Type::WasmGlobalObject => 9,
            Type::JsFinalizationRegistry => 10,
            Type::JsAsyncGenerator => 12,
            Type::JsArrayBuffer => 14,
            _ => 0,
        }
    }

    /// The hole's type in Node.js 20 is that of an oddball; nothing else is shared.
    pub(super) fn is_read_only(self) -> bool {
        !matches!(
            self,
            Type::JsObject
                | Type::JsGlobalObject
                | Type::JsArray
                | Type::JsFunction
                | Type::JsBoundFunction
                | Type::JsMap
                | Type::JsSet
                | Type::JsWeakMap
                | Type::JsDate
                | Type::JsError
                | Type::JsArguments
                | Type::JsPrimitiveWrapper
                | Type::JsProxy
                | Type::JsTypedArray
                | Type::JsPromise
                | Type::PromiseReaction
                | Type::JsAsyncGenerator
                | Type::AsyncGeneratorRequest
                | Type::JsFinalizationRegistry
                | Type::WeakCell
                | Type::CallSiteInfo
                | Type::JsArrayBuffer
                | Type::JsIteratorMapHelper
                | Type::WasmTableObject
                | Type::WasmGlobalObject
                | Type::WasmMemoryObject
                | Type::Foreign
                | Type::JsTemporalPlainDate
        )
    }
}

/// Words of a `Map`.
pub(super) const MAP_WORDS: usize = 10;
