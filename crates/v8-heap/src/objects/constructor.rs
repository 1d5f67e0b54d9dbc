//! The name of an object's constructor, as V8's own heap snapshots give it.
//!
//! What V8 does (`JSReceiver::GetConstructorName` in `src/objects/js-objects.cc`): if the object was made by its
//! constructor itself, and not by a derived class, the constructor in the map has the name. Otherwise the prototype chain
//! is searched from the object up, at each step first for a data property `Symbol.toStringTag` that is a string, then
//! (not on the object itself) for a `constructor` that is a function with a name other than `Object`. If nothing is found,
//! the class decides. V8 9 searches the whole chain for a tag first, and then for a constructor, of which the first counts alone. Snapshots put all functions under one heading and all regular expressions under another.
//!
//! One name is another than V8's: the object that keeps the state of a call of an async function is an `AsyncFunction` here. A snapshot
//! that is written has V8's name.

use crate::Tagged;
use crate::layout::Kind;
use crate::objects::properties::PropertyValue;
use crate::objects::value::{HeapObject, Value};
use crate::remembered::names::{NameId, Naming};
use crate::shape::map::Map;
use crate::view::View;

/// Longer prototype chains are taken for cycles.
const LONGEST_CHAIN: usize = 10_000;

/// What the state of a call of an async function is called,
const ASYNC_FUNCTION: &str = "AsyncFunction";

/// and what V8 calls it (`JSReceiver::class_name`), as any generator without a name of its own.
pub(crate) const GENERATOR: &str = "Generator";

/// Longer names are cut.
const LONGEST_NAME: usize = 1 << 12;

impl View<'_> {
    /// Text of a name.
    ///
    /// # Panics
    /// If the number did not come from this heap.
    pub fn name(&self, id: NameId) -> &str {
        self.constructors.text(id)
    }

    /// Number of a constructor name, if any object has it.
    pub fn name_id(&self, name: &str) -> Option<NameId> {
        self.constructors.find(name)
    }

    pub(crate) fn intern_name(&self, name: &str) -> NameId {
        self.constructors.intern(name)
    }

    /// Name of an object's constructor, as V8's heap snapshots give it. Empty for anything but JavaScript objects.
    pub fn constructor_name(&self, object: HeapObject<'_>) -> NameId {
        match self.naming(object) {
            Naming::ByMap(name) => name,
            Naming::ByObject => self.find_constructor_name(object),
        }
    }

    /// The function that made an object: the constructor in its map or, for objects of derived classes, the first
    /// `constructor` of its prototypes.
    pub fn constructor_function(&self, object: HeapObject<'_>) -> Option<Tagged> {
        let is_function = |word: &Tagged| {
            self.object(*word)
                .is_ok_and(|object| matches!(object.kind(), Kind::JsFunction | Kind::JsBoundFunction))
        };
        let map = object.map;
        if map.new_target_is_base
            && !map.is_prototype
            && let Some(constructor) = self.map_constructor(map).filter(is_function)
        {
            return Some(constructor);
        }
        let key = &self.well_known().constructor;
        let mut prototype = map.prototype;
        for _ in 0..LONGEST_CHAIN {
            let current = self.object(prototype).ok().filter(|object| object.kind().is_js_object())?;
            if let Some(constructor) = self.own_data_property(current, key).filter(is_function) {
                return Some(constructor);
            }
            prototype = current.map.prototype;
        }
        None
    }

    /// Whether all objects of a map have the same constructor name, and which, given one of them.
    pub(crate) fn naming(&self, example: HeapObject<'_>) -> Naming {
        *example.map.naming.get_or_init(|| {
            let map = example.map;
            match map.kind {
                kind if !kind.is_js_object() => Naming::ByMap(self.intern_name("")),
                Kind::JsFunction | Kind::JsBoundFunction => Naming::ByMap(self.intern_name("Function")),
                Kind::JsRegExp => Naming::ByMap(self.intern_name("RegExp")),
                Kind::JsProxy => Naming::ByMap(self.intern_name("Proxy")),
                Kind::JsGlobalObject | Kind::JsGlobalProxy if self.layout().facts.snapshots.mark_globals => {
                    let name = self.name(self.find_constructor_name(example)).to_owned();
                    let mark = if map.kind == Kind::JsGlobalObject { "(global*)" } else { "(global)" };
                    Naming::ByMap(self.intern_name(&format!("{name} {mark}")))
                }
                _ if self.decides_itself(map) => Naming::ByObject,
                _ => Naming::ByMap(self.find_constructor_name(example)),
            }
        })
    }

    /// Whether an object of this map can have a name of its own: a `Symbol.toStringTag`, or a wrapped value.
    fn decides_itself(&self, map: &Map) -> bool {
        if map.kind == Kind::JsPrimitiveWrapper {
            return true;
        }
        if map.is_dictionary {
            return map.may_have_interesting_properties;
        }
        let tags = &self.well_known().to_string_tag;
        self.shape(map).properties.iter().any(|property| tags.contains(&property.name))
    }

    fn find_constructor_name(&self, object: HeapObject<'_>) -> NameId {
        let map = object.map;
        if map.new_target_is_base
            && !map.is_prototype
            && let Some(name) =
                self.map_constructor(map).and_then(|constructor| self.distinctive_maker_name(constructor))
        {
            return name;
        }
        if self.layout().facts.constructors_come_after_tags {
            let name = self.name_along_chain(object);
            return name.unwrap_or_else(|| self.intern_name(self.class_of(object)));
        }
        if let Some(name) = self.own_to_string_tag(object) {
            return name;
        }
        self.prototype_name(map).unwrap_or_else(|| self.intern_name(self.class_of(object)))
    }

    /// The tag that an object has or inherits, or else the name of the constructor that it inherits.
    fn name_along_chain(&self, object: HeapObject<'_>) -> Option<NameId> {
        let known = self.well_known();
        if let Some(PropertyValue::Data(tag)) = self.first_along_chain(object.value(), &known.to_string_tag)
            && self.is_string(tag)
        {
            return Some(self.intern_name(&self.string(tag, LONGEST_NAME).ok()?.to_text()));
        }
        match self.first_along_chain(object.map.prototype, &known.constructor)? {
            PropertyValue::Data(constructor) => self.distinctive_name(constructor),
            _ => None,
        }
    }

    /// The first property with one of these names that an object or one of its prototypes has.
    fn first_along_chain(&self, start: Tagged, names: &[Tagged]) -> Option<PropertyValue> {
        let mut next = start;
        for _ in 0..LONGEST_CHAIN {
            let current = self.object(next).ok().filter(|object| object.kind().is_js_object())?;
            if let Some(found) = self.own_property_named(current, names) {
                return Some(found);
            }
            next = current.map.prototype;
        }
        None
    }

    /// The first name that the prototypes of a map's objects give. Remembered for each prototype.
    fn prototype_name(&self, map: &Map) -> Option<NameId> {
        let mut passed = Vec::new();
        let mut prototype = map.prototype;
        let mut name = None;
        for _ in 0..LONGEST_CHAIN {
            let Ok(current) = self.object(prototype) else { break };
            if !current.kind().is_js_object() {
                break;
            }
            if let Some(known) = self.constructors.known_prototype(current.address) {
                name = known;
                break;
            }
            passed.push(current.address);
            name = self.own_to_string_tag(current).or_else(|| self.own_constructor(current));
            if name.is_some() {
                break;
            }
            prototype = current.map.prototype;
        }
        self.constructors.remember_prototypes(passed, name);
        name
    }

    fn own_to_string_tag(&self, object: HeapObject<'_>) -> Option<NameId> {
        let value = self.own_data_property(object, &self.well_known().to_string_tag)?;
        let Ok(Value::String(_)) = self.value(value) else { return None };
        Some(self.intern_name(&self.string(value, LONGEST_NAME).ok()?.to_text()))
    }

    fn own_constructor(&self, prototype: HeapObject<'_>) -> Option<NameId> {
        let value = self.own_data_property(prototype, &self.well_known().constructor)?;
        self.distinctive_name(value)
    }

    /// The name of a function, unless it has none or is `Object`, which says nothing.
    fn distinctive_name(&self, function: Tagged) -> Option<NameId> {
        let function = self.object(function).ok().filter(|object| object.kind() == Kind::JsFunction)?;
        let name = self.debug_name(function).ok()??;
        let text = self.string(name, LONGEST_NAME).ok()?.to_text();
        (text != "Object").then(|| self.intern_name(&text))
    }

    /// The same for the constructor in a map, which in some versions goes by the name that the program has given it.
    fn distinctive_maker_name(&self, function: Tagged) -> Option<NameId> {
        if self.layout().facts.constructors_go_by_own_names
            && let Ok(object) = self.object(function)
            && object.kind() == Kind::JsFunction
            && let Some(PropertyValue::Data(name)) = self.own_property(object, "name").ok()?
            && self.is_string(name)
        {
            let text = self.string(name, LONGEST_NAME).ok()?.to_text();
            return (!text.is_empty() && text != "Object").then(|| self.intern_name(&text));
        }
        self.distinctive_name(function)
    }

    /// The constructor at the end of a map's back pointers.
    pub(crate) fn map_constructor(&self, map: &Map) -> Option<Tagged> {
        let mut word = map.constructor_or_back_pointer;
        // Back pointers that lead back to themselves are found by comparing with a word met 1, 2, 4, ... steps ago.
        let mut earlier = word;
        for step in 1..LONGEST_CHAIN {
            let object = self.object(word).ok()?;
            match object.kind() {
                Kind::Map => {
                    word = self.words().heap_tagged(object.address + self.fields().map_constructor)?
                }
                // A constructor together with a prototype that is no object.
                Kind::Other if self.layout().type_name(object.map.instance_type) == "Tuple2" => {
                    word = self.words().heap_tagged(object.address + self.fields().tuple_value1)?;
                }
                _ => return Some(word),
            }
            if word == earlier {
                return None;
            }
            if step.is_power_of_two() {
                earlier = word;
            }
        }
        None
    }

    /// Whether it keeps the state of a call of an async function (V8: `JSAsyncFunctionObject`).
    pub(crate) fn is_async_function_call(&self, object: HeapObject<'_>) -> bool {
        object.kind() == Kind::JsGenerator
            && self.layout().type_name(object.map.instance_type) == "JSAsyncFunctionObject"
    }

    /// What V8 calls an object whose prototypes say nothing (V8: `JSReceiver::class_name`).
    fn class_of(&self, object: HeapObject<'_>) -> &'static str {
        match object.kind() {
            Kind::JsFunction | Kind::JsBoundFunction => "Function",
            Kind::JsArguments => "Arguments",
            Kind::JsArray => "Array",
            Kind::JsArrayBuffer => "ArrayBuffer",
            Kind::JsArrayIterator => "Array Iterator",
            Kind::JsDate => "Date",
            Kind::JsError => "Error",
            // V8's snapshots call it a generator, as which it is made; nobody wrote one.
            Kind::JsGenerator if self.is_async_function_call(object) => ASYNC_FUNCTION,
            Kind::JsGenerator => GENERATOR,
            Kind::JsMap => "Map",
            Kind::JsMapIterator => "Map Iterator",
            Kind::JsRegExp => "RegExp",
            Kind::JsSet => "Set",
            Kind::JsSetIterator => "Set Iterator",
            Kind::JsTypedArray => self.typed_element(object).map_or("Object", |element| element.array_name()),
            Kind::JsPrimitiveWrapper => {
                let value =
                    self.field(object, self.fields().wrapper_value).and_then(|value| self.value(value));
                match value {
                    Ok(Value::Boolean(_)) => "Boolean",
                    Ok(Value::String(_)) => "String",
                    Ok(Value::Smi(_) | Value::Double(_)) => "Number",
                    Ok(Value::BigInt(_)) => "BigInt",
                    Ok(Value::Symbol(_)) => "Symbol",
                    Ok(Value::Internal(_)) => "Script",
                    _ => "Object",
                }
            }
            Kind::JsWeakMap => "WeakMap",
            Kind::JsWeakSet => "WeakSet",
            // The mark says it where V8 gives one.
            Kind::JsGlobalProxy if !self.layout().facts.snapshots.mark_globals => "global",
            _ => "Object",
        }
    }
}
