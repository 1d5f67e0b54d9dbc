//! Objects, placed word by word as V8 lays them out.

use super::release::MAP_WORDS;
use super::{HeapBuilder, IsolateId, PageId, Roots, Space, Type};

/// A map to be placed; all other fields are 0.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // V8's field names
pub struct MapDraft {
    pub instance_type: u16,
    /// 0 if the instance itself tells its size.
    pub instance_words: u8,
    pub inobject_start: u8,
    pub elements_kind: u8,
    pub new_target_is_base: bool,
    pub own_descriptors: u16,
    pub is_dictionary: bool,
    pub is_prototype: bool,
    pub may_have_interesting_properties: bool,
    pub prototype: u64,
    pub constructor_or_back_pointer: u64,
    pub descriptors: u64,
}

/// A class as a program declares it.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    /// The map of its instances.
    pub map: u64,
    /// Its constructor.
    pub constructor: u64,
    /// Its prototype object.
    pub prototype: u64,
}

impl HeapBuilder {
    /// The Smi with this value.
    pub fn smi(value: i32) -> u64 {
        u64::from(value as u32) << 32
    }

    /// Details of a data property in field `index`.
    pub fn field_details(index: u32) -> u64 {
        Self::smi((index << 19 | 4 << 6) as i32)
    }

    /// A draft of the plain map of a type.
    pub fn draft(&self, class: Type) -> MapDraft {
        let words = class.instance_words(self.release);
        MapDraft {
            instance_type: class.number(self.release),
            instance_words: words,
            inobject_start: words,
            elements_kind: 3,
            new_target_is_base: true,
            own_descriptors: 0,
            is_dictionary: false,
            is_prototype: false,
            may_have_interesting_properties: false,
            prototype: self.roots.null,
            constructor_or_back_pointer: self.roots.null,
            descriptors: 0,
        }
    }

    /// Places a map.
    pub fn map(&mut self, page: PageId, draft: MapDraft) -> u64 {
        let mut words = [0; MAP_WORDS];
        let is_read_only = self.pages[page.0].space == Space::ReadOnly;
        words[0] =
            if is_read_only { self.meta_map } else { self.context_meta_map(self.pages[page.0].isolate) };
        words[1] = u64::from(draft.instance_words)
            | u64::from(draft.inobject_start) << 8
            | u64::from(draft.instance_words) << 16
            | u64::from(draft.instance_type) << 32
            | u64::from(u8::from(draft.new_target_is_base) | draft.elements_kind << 2) << 56;
        words[2] = u64::from(draft.own_descriptors) << 10
            | u64::from(draft.is_prototype) << 20
            | u64::from(draft.is_dictionary) << 21
            | u64::from(draft.may_have_interesting_properties) << 28;
        words[3] = draft.prototype;
        words[4] = draft.constructor_or_back_pointer;
        words[5] = draft.descriptors;
        self.place(page, &words)
    }

    /// The plain map of a type: read-only where V8 has it so.
    pub fn map_of(&mut self, class: Type) -> u64 {
        if let Some(&map) = self.maps.get(&class) {
            return map;
        }
        let draft = self.draft(class);
        let map = self.map(self.old, draft);
        self.maps.insert(class, map);
        map
    }

    /// From Node.js 22 on, maps of a native context have a meta map of their own.
    fn context_meta_map(&mut self, isolate: IsolateId) -> u64 {
        if self.release == super::Release::Node20 {
            return self.meta_map;
        }
        if let Some(map) = self.isolates[isolate.0].native_context_meta_map {
            return map;
        }
        let page =
            match self.pages.iter().position(|page| page.isolate == isolate && page.space == Space::Old) {
                Some(index) => PageId(index),
                None => self.page_of(isolate, Space::Old),
            };
        let mut words = [0; MAP_WORDS];
        words[1] = MAP_WORDS as u64 | u64::from(Type::Map.number(self.release)) << 32;
        let map = self.place(page, &words);
        self.set_word(map, 0, map);
        self.isolates[isolate.0].native_context_meta_map = Some(map);
        map
    }

    pub(super) fn fill_read_only_page(&mut self, page: PageId) {
        let release = self.release;
        let mut words = [0; MAP_WORDS];
        words[1] = MAP_WORDS as u64 | u64::from(Type::Map.number(release)) << 32;
        self.meta_map = self.place(page, &words);
        self.set_word(self.meta_map, 0, self.meta_map);
        self.maps.insert(Type::Map, self.meta_map);
        use Type::*;
        for class in [
            FreeSpace,
            Filler,
            Oddball,
            Hole,
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
            ScopeInfo,
            SharedFunctionInfo,
            AccessorPair,
            PropertyCell,
            SloppyArgumentsElements,
            ByteArray,
        ] {
            assert!(class.is_read_only());
            let draft = self.draft(class);
            let map = self.map(page, draft);
            self.maps.insert(class, map);
        }
        let mut oddball = |kind: i32| {
            let map = self.maps[&Oddball];
            self.place(page, &[map, 0, 0, 0, 0, Self::smi(kind)])
        };
        let undefined = oddball(release.undefined_kind());
        let (false_value, true_value, null) = (oddball(0), oddball(1), oddball(3));
        let hole_map = self.maps[&Hole];
        let hole = match release {
            super::Release::Node20 => self.place(page, &[hole_map, 0, 0, 0, 0, Self::smi(2)]),
            super::Release::Node22 | super::Release::Node24 => {
                self.place(page, &[hole_map, 0xfff7_ffff_fff7_ffff])
            }
            super::Release::Node26 => {
                // The last word of a block of 64 KiB; the next block cannot be read.
                let base = self.pages[page.0].base;
                self.free(page, base + 0xfff8 - self.top(page));
                let hole = self.place(page, &[hole_map]);
                self.pages[page.0].guarded.push((base + 0x1_0000, base + 0x2_0000));
                self.pages[page.0].top = base + 0x2_0000;
                hole
            }
        };
        self.roots = Roots { undefined, null, true_value, false_value, hole, ..Roots::default() };
        self.roots.empty_string = self.sequential(page, InternalizedOneByteString, b"");
        self.roots.constructor_string = self.sequential(page, InternalizedOneByteString, b"constructor");
        let description = self.sequential(page, InternalizedOneByteString, b"Symbol.toStringTag");
        self.roots.to_string_tag = self.symbol(page, 0, description);
        self.roots.empty_fixed_array = self.array_like(page, FixedArray, &[]);
    }

    fn sequential(&mut self, page: PageId, class: Type, bytes: &[u8]) -> u64 {
        let map = self.map_of(class);
        let units = if class == Type::SeqTwoByteString { bytes.len() / 2 } else { bytes.len() };
        let mut words = vec![map, (units as u64) << 32];
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            words.push(u64::from_le_bytes(word));
        }
        self.place(page, &words)
    }

    /// A sequential Latin-1 string.
    pub fn string(&mut self, page: PageId, text: &str) -> u64 {
        self.sequential(page, Type::SeqOneByteString, text.as_bytes())
    }

    /// A name: an internalized string of the old page.
    pub fn name(&mut self, text: &str) -> u64 {
        self.sequential(self.old, Type::InternalizedOneByteString, text.as_bytes())
    }

    /// A sequential UTF-16 string.
    pub fn two_byte_string(&mut self, page: PageId, units: &[u16]) -> u64 {
        let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        self.sequential(page, Type::SeqTwoByteString, &bytes)
    }

    /// A rope of two strings.
    pub fn cons_string(&mut self, page: PageId, first: u64, second: u64, length: u32) -> u64 {
        let map = self.map_of(Type::ConsString);
        self.place(page, &[map, u64::from(length) << 32, first, second])
    }

    /// `length` units of another string.
    pub fn sliced_string(&mut self, page: PageId, parent: u64, offset: i32, length: u32) -> u64 {
        let map = self.map_of(Type::SlicedString);
        self.place(page, &[map, u64::from(length) << 32, parent, Self::smi(offset)])
    }

    /// A string that stands for another.
    pub fn thin_string(&mut self, page: PageId, actual: u64, length: u32) -> u64 {
        let map = self.map_of(Type::ThinString);
        self.place(page, &[map, u64::from(length) << 32, actual])
    }

    /// A string whose characters are in native memory; uncached ones only refer to a resource that knows where.
    pub fn external_string(&mut self, page: PageId, text: &str, uncached: bool) -> u64 {
        let data = self.native_bytes(text.as_bytes());
        let mut resource = 0x0040_2000_u64.to_le_bytes().to_vec();
        resource.extend(data.to_le_bytes());
        let resource = self.native_bytes(&resource);
        let length = (text.len() as u64) << 32;
        if uncached {
            let map = self.map_of(Type::UncachedExternalOneByteString);
            self.place(page, &[map, length, resource])
        } else {
            let map = self.map_of(Type::ExternalOneByteString);
            self.place(page, &[map, length, resource, data])
        }
    }

    /// A symbol.
    pub fn symbol(&mut self, page: PageId, flags: u32, description: u64) -> u64 {
        let map = self.map_of(Type::Symbol);
        self.place(page, &[map, u64::from(flags) << 32, description])
    }

    /// A boxed number.
    pub fn heap_number(&mut self, page: PageId, value: f64) -> u64 {
        let map = self.map_of(Type::HeapNumber);
        self.place(page, &[map, value.to_bits()])
    }

    /// A `FixedArray`, or anything laid out like one: map, length, words.
    pub fn array_like(&mut self, page: PageId, class: Type, words: &[u64]) -> u64 {
        let map = self.map_of(class);
        let mut all = vec![map, (words.len() as u64) << 32];
        all.extend_from_slice(words);
        self.place(page, &all)
    }

    /// A descriptor array: names, details, values.
    pub fn descriptors(&mut self, page: PageId, entries: &[(u64, u64, u64)]) -> u64 {
        let map = self.map_of(Type::DescriptorArray);
        let mut words = vec![map, entries.len() as u64 | (entries.len() as u64) << 16, 0];
        words.resize(self.release.descriptor_header() as usize / 8, 0);
        words.extend(entries.iter().flat_map(|&(name, details, value)| [name, details, value]));
        self.place(page, &words)
    }

    /// A `NameDictionary` with these entries (name, value), enumerated in this order, and free and deleted slots
    /// between them.
    pub fn name_dictionary(&mut self, page: PageId, entries: &[(u64, u64)]) -> u64 {
        let Roots { undefined, hole, .. } = self.roots;
        let mut words: Vec<u64> =
            [entries.len() as i32, 1, 2 * entries.len() as i32 + 2, entries.len() as i32 + 1, 0, 0]
                .map(Self::smi)
                .to_vec();
        words.extend([hole; 3]);
        // Table order is not enumeration order.
        for (index, &(name, value)) in entries.iter().enumerate().rev() {
            words.extend([name, value, Self::smi((index as i32 + 1) << 8)]);
            words.extend([undefined; 3]);
        }
        words.extend([undefined; 3]);
        self.array_like(page, Type::NameDictionary, &words)
    }

    /// A function with a name, and no more.
    pub fn function(&mut self, name: &str) -> u64 {
        let name = self.name(name);
        self.function_with(name, 0)
    }

    /// A function whose `SharedFunctionInfo` has this name or scope info, closing over `context`.
    pub fn function_with(&mut self, name_or_scope_info: u64, context: u64) -> u64 {
        let page = self.old;
        let map = self.map_of(Type::SharedFunctionInfo);
        let mut words = [0; 10];
        words[0] = map;
        words[self.release.shared_name_word()] = name_or_scope_info;
        let shared = self.place(page, &words);
        let map = self.map_of(Type::JsFunction);
        let empty = self.roots.empty_fixed_array;
        let at = self.release.function_shared_word();
        let mut words = [0; 12];
        words[..3].copy_from_slice(&[map, empty, empty]);
        words[at] = shared;
        words[at + 1] = context;
        self.place(page, &words)
    }

    /// A plain class with properties in the object.
    pub fn class(&mut self, name: &str, properties: &[&str]) -> Class {
        let prototype = self.prototype_object(name);
        self.class_with(prototype, properties)
    }

    /// A class derived from `base`: its map names the constructor of the base, as V8's maps do.
    pub fn derived_class(&mut self, name: &str, base: &Class, properties: &[&str]) -> Class {
        let (own_prototype, own_constructor) = self.prototype_object(name);
        // The prototype's own prototype is the base's.
        let prototype_map = self.word(own_prototype, 0);
        self.set_word(prototype_map, 3, base.prototype);
        let class = self.class_with((own_prototype, base.constructor), properties);
        let map = class.map;
        let bits = self.word(map, 1) & !(1 << 56);
        self.set_word(map, 1, bits);
        Class { constructor: own_constructor, ..class }
    }

    fn prototype_object(&mut self, name: &str) -> (u64, u64) {
        let constructor = self.function(name);
        let key = self.roots.constructor_string;
        let page = self.old;
        let descriptors = self.descriptors(page, &[(key, Self::field_details(0), 0)]);
        let mut draft = self.draft(Type::JsObject);
        draft.instance_words = 4;
        draft.own_descriptors = 1;
        draft.is_prototype = true;
        draft.descriptors = descriptors;
        let map = self.map(page, draft);
        let empty = self.roots.empty_fixed_array;
        (self.place(page, &[map, empty, empty, constructor]), constructor)
    }

    fn class_with(&mut self, (prototype, constructor): (u64, u64), properties: &[&str]) -> Class {
        let page = self.old;
        let entries: Vec<(u64, u64, u64)> = properties
            .iter()
            .enumerate()
            .map(|(index, name)| (self.name(name), Self::field_details(index as u32), 0))
            .collect();
        let descriptors = self.descriptors(page, &entries);
        let mut draft = self.draft(Type::JsObject);
        draft.instance_words = 3 + properties.len() as u8;
        draft.own_descriptors = properties.len() as u16;
        draft.prototype = prototype;
        draft.constructor_or_back_pointer = constructor;
        draft.descriptors = descriptors;
        let map = self.map(page, draft);
        Class { map, constructor, prototype }
    }

    /// An instance of a class.
    pub fn instance(&mut self, page: PageId, class: &Class, fields: &[u64]) -> u64 {
        let empty = self.roots.empty_fixed_array;
        self.object(page, class.map, empty, empty, fields)
    }

    /// An object made from a template of Node.js, which stands for the C++ object at an address: it has that in the field for it,
    /// or in its second embedder field where there is none.
    pub fn api_object(&mut self, page: PageId, cpp_object: u64) -> u64 {
        let has_field = !matches!(self.release, super::Release::Node20 | super::Release::Node22);
        let fields = if has_field { vec![cpp_object, 0, 0] } else { vec![0, cpp_object] };
        let mut draft = self.draft(Type::JsApiObject);
        draft.instance_words = 3 + fields.len() as u8;
        draft.inobject_start = draft.instance_words;
        let map = self.map(self.old, draft);
        let empty = self.roots.empty_fixed_array;
        self.object(page, map, empty, empty, &fields)
    }

    /// A JavaScript object: map, properties, elements, then fields.
    pub fn object(&mut self, page: PageId, map: u64, properties: u64, elements: u64, fields: &[u64]) -> u64 {
        let mut words = vec![map, properties, elements];
        words.extend_from_slice(fields);
        self.place(page, &words)
    }

    /// An array with these elements.
    pub fn array(&mut self, page: PageId, map: u64, elements: &[u64]) -> u64 {
        let store = self.array_like(page, Type::FixedArray, elements);
        let empty = self.roots.empty_fixed_array;
        self.place(page, &[map, empty, store, Self::smi(elements.len() as i32)])
    }

    /// The map of arrays, with a constructor `Array`.
    pub fn array_map(&mut self) -> u64 {
        let constructor = self.function("Array");
        let mut draft = self.draft(Type::JsArray);
        draft.constructor_or_back_pointer = constructor;
        self.map(self.old, draft)
    }

    /// A scope info of a function with these locals.
    pub fn scope_info(&mut self, page: PageId, locals: &[u64]) -> u64 {
        use super::Release::*;
        let map = self.map_of(Type::ScopeInfo);
        let modern = matches!(self.release, Node24 | Node26);
        let count = Self::smi(locals.len() as i32);
        let mut words = vec![map, if modern { 4 } else { Self::smi(2) }, 0, count];
        if modern {
            words.extend([Self::smi(10), Self::smi(90)]);
        }
        words.extend_from_slice(locals);
        words.extend(vec![0; locals.len()]);
        if !modern {
            words.extend([Self::smi(10), Self::smi(90)]);
        }
        if self.release == Node26 {
            words.push(0);
        }
        self.place(page, &words)
    }

    /// The context of a module that exports a variable called `export` and imports one called `import`, with these values.
    pub fn module_context(
        &mut self,
        page: PageId,
        previous: u64,
        export: (u64, u64),
        import: (u64, u64),
    ) -> u64 {
        use super::Release::*;
        let smi = Self::smi;
        let (modern, map) = (matches!(self.release, Node24 | Node26), self.map_of(Type::ScopeInfo));
        // Scope type, and that there is an extension slot.
        let mut words = vec![map, if modern { 5 | 1 << 26 } else { smi(3 | 1 << 26) }, smi(0), smi(0)];
        let positions = [smi(0), smi(100)];
        let variables = [export.0, smi(1), smi(0), import.0, smi(-1), smi(0)];
        if modern {
            words.extend(positions);
        }
        if self.release != Node20 {
            words.push(smi(2));
        }
        if !modern {
            words.extend(positions);
        }
        words.push(self.roots.empty_fixed_array);
        if self.release == Node20 {
            words.push(smi(2));
        }
        words.extend(variables);
        let scope_info = self.place(page, &words);
        let mut cells = [0; 2];
        for (cells, value) in cells.iter_mut().zip([export.1, import.1]) {
            let map = self.map_of(Type::Cell);
            let cell = self.place(page, &[map, value]);
            *cells = self.array_like(page, Type::FixedArray, &[cell]);
        }
        let map = self.map_of(Type::SourceTextModule);
        let mut words =
            vec![self.roots.undefined; usize::from(Type::SourceTextModule.instance_words(self.release))];
        words[0] = map;
        let exports = if self.release == Node26 { 9 } else { 8 };
        words[exports..exports + 2].copy_from_slice(&cells);
        let module = self.place(page, &words);
        self.array_like(page, Type::ModuleContext, &[scope_info, previous, module])
    }

    /// A script with this source and name, which `eval_from` made.
    pub fn script(&mut self, page: PageId, source: u64, name: u64, eval_from: u64) -> u64 {
        let map = self.map_of(Type::Script);
        let mut words = vec![self.roots.undefined; usize::from(Type::Script.instance_words(self.release))];
        words[..3].copy_from_slice(&[map, source, name]);
        let numbers = [(3, 0), (4, 0), (6, 2), (7, 0), (8, 1), (10, 0), (13, 0)];
        for (at, number) in numbers {
            words[at] = Self::smi(number);
        }
        words[9] = eval_from;
        self.place(page, &words)
    }

    /// A function context.
    pub fn context(&mut self, page: PageId, scope_info: u64, previous: u64, locals: &[u64]) -> u64 {
        let mut words = vec![scope_info, previous];
        words.extend_from_slice(locals);
        self.array_like(page, Type::FunctionContext, &words)
    }
}
