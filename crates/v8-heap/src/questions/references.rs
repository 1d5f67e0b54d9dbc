//! Who refers to an object, in terms a JavaScript programmer knows.
//!
//! Three steps, none of which needs an index of all references. First, whoever holds the address of a target is found by
//! looking at every word of every page; if the holder is no JavaScript object but the storage of one (an elements array, a
//! property array, a hash table, a context), it becomes a target in turn, for a few rounds:
//!
//! ```text
//!   JSArray --> FixedArray --> target         JSFunction --> Context --> target
//!   JSMap --> OrderedHashMap --> target       JSObject --> PropertyArray --> target
//!   JSObject --> Map --> DescriptorArray --> AccessorPair --> getter
//! ```
//!
//! Of maps only those count that were reached through their descriptors: what else a map refers to (its prototype) is not
//! in its objects.
//!
//! Second, every JavaScript object found that way is asked for all its references, and says what they are: a property, an
//! element, a variable that a closure captured. So an accidental bit pattern is never reported.
//!
//! Third, what no JavaScript programmer has a word for is told by V8's names of the fields on the way: the continuation of a
//! promise is at `reactions_or_result.fulfill_handler`. A search for everything ([`Scope::Everything`]) also reports objects of V8's own that way, and words outside the heap.

use std::collections::{HashMap, HashSet};

use core_reader::Contents;

use crate::address_map::AddressMap;
use crate::graph::RootKind;
use crate::heap::Heap;
use crate::index::ObjectTable;
use crate::index::parallel::in_turns;
use crate::isolate::{Page, PageState, Spaces};
use crate::layout::Kind;
use crate::objects::context::VariableValue;
use crate::objects::place::Place;
use crate::objects::properties::PropertyValue;
use crate::objects::value::HeapObject;
use crate::shape::body::Word;
use crate::tagged::{Caged, Encoding, TaggedWords, Whole};
use crate::{Error, Monitor, Result, Tagged};

/// How an object refers to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceKind {
    /// A named property.
    Property(Tagged),
    /// An indexed element.
    Element(u64),
    /// The getter of a property.
    Getter(Tagged),
    /// The setter of a property.
    Setter(Tagged),
    /// A variable that a function captured, by its name.
    Variable(Tagged),
    /// A key of a Map or WeakMap.
    MapKey,
    /// A value of a Map or WeakMap, and its key.
    MapValue(Tagged),
    /// An entry of a Set or WeakSet.
    SetEntry,
    /// The function that a bound function calls.
    BoundTarget,
    /// The `this` of a bound function.
    BoundThis,
    /// An argument of a bound function, counted from 0.
    BoundArgument(u64),
    /// What a promise was fulfilled or rejected with.
    PromiseResult,
    /// The target of a proxy.
    ProxyTarget,
    /// The handler of a proxy.
    ProxyHandler,
    /// The primitive in a wrapper object.
    WrappedValue,
    /// The function of a suspended generator or async function.
    GeneratorFunction,
    /// The `this` of a suspended generator or async function.
    GeneratorReceiver,
    /// A parameter or local of a suspended generator or async function, by register.
    GeneratorLocal(u64),
    /// The target of a WeakRef, which does not keep it alive.
    WeakRefTarget,
    /// What an iterator goes through.
    Iterated,
    /// A variable of the global scope of a script.
    ScriptVariable(Tagged),
    /// The object of a `with` statement around a function.
    WithObject,
    /// The `this` of a frame of the stack of an error that nobody has read, counted from 0, or of a call site.
    StackReceiver(Option<u64>),
    /// The function of such a frame.
    StackFunction(Option<u64>),
    /// What a FinalizationRegistry hands to its callback.
    HeldValue,
    /// What a FinalizationRegistry watches, without keeping it alive.
    WatchedTarget,
}

impl ReferenceKind {
    /// Whether it keeps alive what it refers to.
    pub fn keeps_alive(self) -> bool {
        !matches!(self, ReferenceKind::WeakRefTarget | ReferenceKind::WatchedTarget)
    }
}

/// A reference that was found.
#[derive(Clone, Debug)]
pub struct Reference {
    /// What is referred to.
    pub target: Tagged,
    /// Who refers to it; of a word outside the heap, the address of the word.
    pub holder: Tagged,
    /// How.
    pub how: How,
}

/// How an object, or a word outside the heap, refers to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// In a way that the language has a word for.
    Known(ReferenceKind),
    /// Through these fields, from that of the holder on.
    Fields(Box<[Step]>),
    /// A handle of native code; weak, if it does not keep the object alive.
    GlobalHandle {
        /// It does not keep the object alive.
        weak: bool,
    },
    /// In a list of roots of V8's or Node.js's.
    Root(RootKind),
    /// A word of an isolate, at this offset.
    Isolate(u64),
    /// A word of other memory outside the heap: of a stack, of a native object.
    Outside,
}

/// A field on the way from a holder to what it refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Untagged address of the object with the field.
    pub object: u64,
    /// Offset of the field in it.
    pub offset: u64,
}

/// Who counts as referring to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// JavaScript objects, strings made of others, and variables of scripts.
    JavaScript,
    /// Objects of V8's own too, and words outside the heap.
    Everything,
}

/// How a search went, for those who want to follow it.
#[derive(Clone, Debug, Default)]
pub struct Rounds {
    /// For each round: how many words were looked for, how many objects hold one, and how many of them only store what
    /// belongs to another.
    pub rounds: Vec<(usize, usize, usize)>,
}

/// A word that holds what is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Hit {
    /// Untagged address of the object with the word.
    holder: u64,
    /// Where in it.
    offset: u64,
    /// Untagged address of what it holds.
    target: u64,
}

/// Rounds of search through storage: the getter in an accessor pair in a descriptor array of the map of an object is the
/// deepest nesting there is in the language.
pub const ROUNDS: usize = 4;

/// Ways told from one holder to one target, at most.
const MOST_WAYS: usize = 4;

/// References of one search, at most: there is one to `undefined` in nearly every object.
const MOST_REFERENCES: usize = 1 << 22;

/// Steps between two looks at whether to stop.
const BETWEEN_LOOKS: usize = 1 << 14;

/// Words of objects that are looked at instead of searching the heap.
const MOST_KNOWN_WORDS: usize = 1 << 20;

impl Heap<'_> {
    /// All references to `targets` from JavaScript objects, by target in the order given, then by address of the holder.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn references_to(&self, targets: &[Tagged], monitor: &dyn Monitor) -> Result<Vec<Reference>> {
        self.find_references(targets, Scope::JavaScript, ROUNDS, monitor).map(|(references, _)| references)
    }

    /// All references to `targets` from what `scope` says, by target in the order given, then by address of the holder. What
    /// only stores what belongs to another object is followed to that, `rounds` times at most.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn find_references(
        &self,
        targets: &[Tagged],
        scope: Scope,
        rounds: usize,
        monitor: &dyn Monitor,
    ) -> Result<(Vec<Reference>, Rounds)> {
        let table = self.objects(monitor)?;
        let look = |index: usize| match index.is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled() {
            true => Err(Error::Interrupted),
            false => Ok(()),
        };
        let mut order: AddressMap<usize> = AddressMap::default();
        order.reserve(targets.len());
        for (index, target) in targets.iter().filter_map(|target| target.strong()).enumerate() {
            look(index)?;
            order.entry(target).or_insert(index);
        }
        let mut sought: AddressSet = AddressSet::new(order.keys().copied());
        let mut hits: Vec<Hit> = Vec::new();
        // JavaScript objects; and objects of V8's own that do not only store what belongs to another.
        let (mut holders, mut others): (HashSet<u64>, HashSet<u64>) = Default::default();
        let (mut contexts, mut seen): (HashSet<u64>, HashSet<u64>) = Default::default();
        let mut told = Rounds::default();
        for round in 0..rounds.max(1) {
            if sought.is_empty() {
                break;
            }
            // Storage is held strongly, and the graph knows by whom; what is asked for may be held weakly.
            let known = if round > 0 { self.known_holders_of(table, &sought) } else { None };
            let mut found = match known {
                Some(found) => found,
                None => self.holders_of(table, &sought, monitor)?,
            };
            if round == 0 && scope == Scope::Everything {
                self.for_each_pointer_in_code(monitor, &mut |holder, offset, word| {
                    if sought.has_tagged(word) {
                        found.push(Hit { holder: holder.address, offset, target: word & !3 });
                    }
                })?;
                found.sort_unstable();
            }
            let mut checked = 0usize;
            let mut stopped = Ok(());
            found.retain(|hit| {
                checked += 1;
                stopped = std::mem::replace(&mut stopped, Ok(())).and_then(|()| look(checked));
                self.is_reference(hit)
            });
            stopped?;
            let mut storage = Vec::new();
            let mut distinct = 0;
            let mut before = None;
            for (index, hit) in found.iter().enumerate() {
                look(index)?;
                let Ok((_, map)) = self.map_at(hit.holder) else { continue };
                let is_first = before.replace(hit.holder) != Some(hit.holder);
                distinct += usize::from(is_first);
                let address = hit.holder;
                let class = self.layout().type_name(map.instance_type);
                // The list of a registry's cells can be long: each leads to it.
                if class == "WeakCell"
                    && let Ok(registry) =
                        self.words().tagged(address + self.fields().weak_cell_registry, "registry of a cell")
                    && let Ok(registry) = self.object(registry)
                {
                    holders.insert(registry.address);
                }
                if map.kind.is_js_object() {
                    holders.insert(address);
                } else if is_storage(map.kind, class)
                    || (map.kind == Kind::Map && hit.offset == self.fields().map_descriptors)
                {
                    if map.kind == Kind::Context {
                        contexts.insert(address);
                    }
                    if !order.contains_key(&address) && seen.insert(address) {
                        storage.push(address);
                    }
                } else if map.kind != Kind::Map || round == 0 {
                    others.insert(address);
                }
            }
            told.rounds.push((sought.exact.len(), distinct, storage.len()));
            hits.extend(found);
            sought = AddressSet::new(storage.into_iter());
        }
        hits.sort_unstable();
        hits.dedup();
        let mut holders: Vec<u64> = holders.into_iter().collect();
        holders.sort_unstable();
        // Each with the place of its target in the order given.
        let mut references: Vec<(usize, Reference)> = Vec::new();
        // Objects and targets whose references are known.
        let mut known: HashSet<(u64, usize)> = HashSet::new();
        let mut explained: HashSet<u64> = HashSet::new();
        monitor.begin("reading references", holders.len() as u64);
        for (index, holder) in holders.iter().enumerate() {
            if index % 256 == 0 {
                monitor.advance(256);
                if monitor.cancelled() {
                    return Err(Error::Interrupted);
                }
            }
            let Ok(object) = self.object(Tagged::pointer(*holder)) else { continue };
            // One object can hold millions of references.
            let mut visited = 0usize;
            let mut visit = |kind, target: Tagged| {
                if let Some(&place) = target.strong().and_then(|target| order.get(&target))
                    && references.len() < MOST_REFERENCES
                {
                    known.insert((*holder, place));
                    references
                        .push((place, Reference { target, holder: object.value(), how: How::Known(kind) }));
                }
                visited += 1;
                look(visited).is_ok()
            };
            self.for_each_reference_once(object, &mut explained, &mut visit);
            self.for_each_hidden_reference(object, &mut visit);
        }
        if monitor.cancelled() {
            return Err(Error::Interrupted);
        }
        // Contexts that no function has at hand: top-level variables, or a function that is gone.
        for context in contexts.difference(&explained) {
            let Ok(object) = self.object(Tagged::pointer(*context)) else { continue };
            for variable in self.context_variables(object).unwrap_or_default() {
                if let VariableValue::Tagged(target) = variable.value
                    && let Some(&place) = target.strong().and_then(|target| order.get(&target))
                {
                    known.insert((*context, place));
                    let how = How::Known(ReferenceKind::ScriptVariable(variable.name));
                    references.push((place, Reference { target, holder: object.value(), how }));
                }
            }
        }
        let claimed = match scope {
            Scope::JavaScript => claimed(&hits, &known),
            Scope::Everything => HashSet::new(),
        };
        let ways = Ways { heap: self, hits: &hits, order: &order, known: &known, claimed: &claimed, scope };
        let mut reached: HashSet<u64> = HashSet::new();
        for (index, holder) in holders.iter().enumerate() {
            look(index)?;
            ways.from(*holder, true, &mut reached, &mut references);
        }
        // A string made of others keeps them alive: a short piece of a long text all of it.
        let is_string = |at: &u64| self.map_at(*at).is_ok_and(|(_, map)| map.kind == Kind::String);
        let mut others: Vec<u64> = others.into_iter().collect();
        others.retain(|other| scope == Scope::Everything || is_string(other));
        others.sort_unstable();
        for (index, other) in others.iter().enumerate() {
            look(index)?;
            ways.from(*other, false, &mut reached, &mut references);
        }
        if scope == Scope::Everything {
            self.ownerless(&ways, &seen, &explained, &reached, &mut references)?;
            self.outside_references(&order, monitor, &mut references)?;
        }
        references.truncate(MOST_REFERENCES);
        references.sort_by_key(|(place, reference)| (*place, reference.holder));
        Ok((references.into_iter().map(|(_, reference)| reference).collect(), told))
    }

    /// Whether a word is part of an object, and by the description of its class one that can refer to another.
    fn is_reference(&self, hit: &Hit) -> bool {
        let Ok(object) = self.object(Tagged::pointer(hit.holder)) else { return false };
        match self.object_words(object) {
            // An address in an instruction is no word.
            Ok(_) if self.is_pointer_in_code(object, hit.offset) => true,
            Ok(words) => {
                hit.offset < words.size() && !matches!(words.at(hit.offset), Word::Raw | Word::Pointer)
            }
            // How large it is cannot be told: what is behind it cannot either.
            Err(_) => true,
        }
    }

    /// Storage that nobody who was found owns: an array of V8's own, a context of a function that is gone.
    fn ownerless(
        &self,
        ways: &Ways<'_, '_>,
        storage: &HashSet<u64>,
        explained: &HashSet<u64>,
        reached: &HashSet<u64>,
        references: &mut Vec<(usize, Reference)>,
    ) -> Result<()> {
        let mut storage: Vec<u64> = storage.iter().copied().collect();
        storage.sort_unstable();
        for address in storage {
            for hit in ways.of(address) {
                let Some(&place) = ways.order.get(&hit.target) else { continue };
                let Ok(object) = self.object(Tagged::pointer(address)) else { continue };
                let is_told = match object.kind() {
                    // A variable is told by a function; other slots are not.
                    Kind::Context => {
                        ways.known.contains(&(address, place))
                            || (explained.contains(&address)
                                && matches!(
                                    self.place_at(object, hit.offset),
                                    Place::ContextSlot(_, Some(_))
                                ))
                    }
                    _ => reached.contains(&address),
                };
                if !is_told && references.len() < MOST_REFERENCES {
                    let how = How::Fields([Step { object: address, offset: hit.offset }].into());
                    let target = Tagged::pointer(hit.target);
                    references.push((place, Reference { target, holder: object.value(), how }));
                }
            }
        }
        Ok(())
    }

    /// Words outside the heap that hold the address of a target: stacks, handles, isolates.
    fn outside_references(
        &self,
        order: &AddressMap<usize>,
        monitor: &dyn Monitor,
        references: &mut Vec<(usize, Reference)>,
    ) -> Result<()> {
        let sought = AddressSet::new(order.keys().copied());
        let memory = self.memory();
        let spaces = self.spaces();
        let ranges: Vec<_> = memory
            .ranges()
            .iter()
            .filter(|range| range.contents == Contents::Dumped && range.permissions.write)
            .collect();
        let total = ranges.iter().map(|range| range.end.0 - range.start.0).sum();
        monitor.begin("searching memory outside the heap", total);
        let search = |own: &mut Vec<(u64, u64)>, turn: usize| {
            let range = ranges[turn];
            let size = range.end.0 - range.start.0;
            let Ok(bytes) = memory.bytes_from(range.start) else { return size };
            let take = bytes.len().min(usize::try_from(size).unwrap_or(usize::MAX));
            for (index, word) in bytes[..take].chunks_exact(8).enumerate() {
                let word = u64::from_le_bytes(word.try_into().expect("chunks of eight"));
                let at = range.start.0 + 8 * index as u64;
                if sought.has_tagged(word) && spaces.page_index(at).is_none() {
                    own.push((at, word));
                }
            }
            size
        };
        let mut found = in_turns(ranges.len(), monitor, Vec::new, search)?.concat();
        found.sort_unstable();
        let roots = if found.is_empty() { None } else { Some(self.roots(monitor)?) };
        let table = self.objects(monitor)?;
        for (at, word) in found {
            let target = Tagged::pointer(word & !3);
            let Some(address) = target.strong() else { continue };
            let Some(&place) = order.get(&address) else { continue };
            let id = table.id_at(spaces, address);
            let root = id.zip(roots).and_then(|(id, roots)| roots.of(id.0).iter().find(|root| root.at == at));
            let how = match root.map(|root| root.kind) {
                // Stacks and isolates are told by their address, other handles by their form.
                None
                | Some(
                    RootKind::Stack(_)
                    | RootKind::Register(_)
                    | RootKind::NativeFrame(_)
                    | RootKind::NativeMemory,
                ) => self.outside_word(at),
                Some(RootKind::Isolate | RootKind::GlobalHandle) => self.outside_word(at),
                Some(kind) => How::Root(kind),
            };
            references.push((place, Reference { target, holder: Tagged(at), how }));
        }
        Ok(())
    }

    /// What a word outside the heap is.
    fn outside_word(&self, at: u64) -> How {
        if let Some(isolate) = self.spaces().isolates().iter().find(|isolate| isolate.contains(at)) {
            return How::Isolate(at - isolate.address);
        }
        if let Some(weak) = self.global_handle(at) {
            return How::GlobalHandle { weak };
        }
        How::Outside
    }

    /// Whether the word at `at` is the object of a global handle, and if so, whether that is weak (V8: `GlobalHandles::Node`:
    /// 256 nodes in a row, each with its index).
    fn global_handle(&self, at: u64) -> Option<bool> {
        use crate::layout::native::global_handles::{FLAGS, INDEX, NODES, SIZE, STATE, STRONG};
        let byte = |at: u64| {
            let mut byte = [0];
            self.memory().read_into(core_reader::Address(at), &mut byte).ok().map(|()| byte[0])
        };
        let index = u64::from(byte(at.checked_add(INDEX)?)?);
        let block = at.checked_sub(SIZE * index)?;
        let is_node =
            |other: u64| byte(block + SIZE * other + INDEX).is_some_and(|own| u64::from(own) == other);
        if !(0..NODES).step_by(15).all(is_node) {
            return None;
        }
        match byte(at + FLAGS)? & STATE {
            0 => None,
            STRONG => Some(false),
            _ => Some(true),
        }
    }

    /// The same as [`Heap::holders_of`] of what is held strongly only, without a search: if it is known who holds whom, and these are
    /// not so many that a search is faster.
    fn known_holders_of(&self, table: &ObjectTable, sought: &AddressSet) -> Option<Vec<Hit>> {
        let held_by = self.known_holders()?;
        let mut found = Vec::new();
        let mut words = 0;
        for &target in &sought.exact {
            let page = self.spaces().page_of(target)?;
            // Who holds what is read-only is not kept.
            let id = table.id_at(self.spaces(), target).filter(|_| !page.is_read_only())?;
            let mut holders = held_by.of(id.0).to_vec();
            holders.dedup();
            for holder in holders {
                let object = self.object_by_id(table, crate::index::ObjectId(holder))?;
                let bytes = self.words().present(object.address, self.object_size(object).ok()?);
                let encoding = self.spaces().encoding_at(object.address);
                let all = encoding.each(bytes);
                words += all.len();
                if words > MOST_KNOWN_WORDS {
                    return None;
                }
                for (index, Tagged(word)) in all.enumerate() {
                    if word & 1 == 1 && word & !3 == target {
                        found.push(Hit {
                            holder: object.address,
                            offset: encoding.size() * index as u64,
                            target,
                        });
                    }
                }
            }
        }
        found.sort_unstable();
        Some(found)
    }

    /// All words of objects that hold the address of one of `sought`.
    fn holders_of(
        &self,
        table: &ObjectTable,
        sought: &AddressSet,
        monitor: &dyn Monitor,
    ) -> Result<Vec<Hit>> {
        let spaces = self.spaces();
        let pages: Vec<_> = spaces
            .pages()
            .iter()
            .filter(|page| page.state == PageState::InUse && !page.is_read_only())
            .collect();
        monitor.begin("searching the heap", pages.iter().map(|page| page.present()).sum());
        /// One page, whose words are encoded like this.
        fn look<W: TaggedWords>(
            (table, spaces, sought): (&ObjectTable, &Spaces<'_>, &AddressSet),
            own: &mut Vec<Hit>,
            page: &Page<'_>,
            tagged: W,
        ) {
            for piece in &page.pieces {
                for (index, word) in piece.bytes.chunks_exact(W::SIZE).enumerate() {
                    let Tagged(word) = tagged.word(word);
                    if !sought.has_tagged(word) {
                        continue;
                    }
                    let at = piece.start + (W::SIZE * index) as u64;
                    if let Some(holder) = table.start_before(spaces, at) {
                        own.push(Hit { holder, offset: at - holder, target: word & !3 });
                    }
                }
            }
        }
        let known = (table, spaces, sought);
        let search = |own: &mut Vec<Hit>, turn: usize| {
            match pages[turn].encoding {
                Encoding::Whole => look(known, own, pages[turn], Whole),
                Encoding::Caged(base) => look(known, own, pages[turn], Caged(base)),
            }
            pages[turn].present()
        };
        let mut found = in_turns(pages.len(), monitor, Vec::new, search)?.concat();
        found.sort_unstable();
        Ok(found)
    }

    /// Calls `visit` with every reference that a JavaScript object has, as far as a program could follow it. What cannot be
    /// read is left out. A visit of many of a kind (elements, entries) that returns false ends these.
    pub fn for_each_reference(
        &self,
        object: HeapObject<'_>,
        visit: &mut dyn FnMut(ReferenceKind, Tagged) -> bool,
    ) {
        self.for_each_reference_once(object, &mut HashSet::new(), visit);
    }

    /// [`Heap::for_each_reference`], but variables of contexts that are in `explained` are left out, and those that are not are
    /// added to it: many functions share a context.
    fn for_each_reference_once(
        &self,
        object: HeapObject<'_>,
        explained: &mut HashSet<u64>,
        visit: &mut dyn FnMut(ReferenceKind, Tagged) -> bool,
    ) {
        for property in self.own_properties(object).unwrap_or_default() {
            match property.value {
                PropertyValue::Data(value) => {
                    visit(ReferenceKind::Property(property.name), value);
                }
                PropertyValue::Accessor { getter, setter } => {
                    visit(ReferenceKind::Getter(property.name), getter);
                    visit(ReferenceKind::Setter(property.name), setter);
                }
                PropertyValue::Double(_) | PropertyValue::Native => {}
            }
        }
        if let Ok(elements) = self.elements(object) {
            // What can be read before an error has been seen.
            let _ = self.for_each_element(&elements, |index, value| match value {
                PropertyValue::Data(value) => visit(ReferenceKind::Element(index), value),
                _ => true,
            });
        }
        let fields = self.fields();
        let mut field = |kind, at| {
            if let Ok(value) = self.field(object, at) {
                visit(kind, value);
            }
        };
        match object.kind() {
            Kind::JsFunction => {
                if let Ok(context) = self.function_context(object) {
                    self.for_each_variable(context, explained, visit);
                }
            }
            Kind::JsGenerator => {
                field(ReferenceKind::GeneratorFunction, fields.generator_function);
                field(ReferenceKind::GeneratorReceiver, fields.generator_receiver);
                if let Ok(context) = self.field(object, fields.generator_context) {
                    self.for_each_variable(context, explained, visit);
                }
                if let Ok(registers) = self.field(object, fields.generator_registers) {
                    self.for_each_slot(registers, &mut |index, value| {
                        visit(ReferenceKind::GeneratorLocal(index), value);
                    });
                }
            }
            Kind::JsBoundFunction => {
                if let Ok(bound) = self.bound_function(object) {
                    visit(ReferenceKind::BoundTarget, bound.target);
                    visit(ReferenceKind::BoundThis, bound.this);
                    self.for_each_slot(bound.arguments, &mut |index, value| {
                        visit(ReferenceKind::BoundArgument(index), value);
                    });
                }
            }
            Kind::JsMap | Kind::JsWeakMap => {
                let _ = self.for_each_collection_entry(object, |key, value| {
                    visit(ReferenceKind::MapKey, key) && visit(ReferenceKind::MapValue(key), value)
                });
            }
            Kind::JsSet | Kind::JsWeakSet => {
                let _ = self.for_each_collection_entry(object, |key, _| visit(ReferenceKind::SetEntry, key));
            }
            Kind::JsPromise => field(ReferenceKind::PromiseResult, fields.promise_result),
            Kind::JsProxy => {
                field(ReferenceKind::ProxyTarget, fields.proxy_target);
                field(ReferenceKind::ProxyHandler, fields.proxy_handler);
            }
            Kind::JsPrimitiveWrapper => field(ReferenceKind::WrappedValue, fields.wrapper_value),
            Kind::JsWeakRef => field(ReferenceKind::WeakRefTarget, fields.weak_ref_target),
            Kind::JsArrayIterator => field(ReferenceKind::Iterated, fields.array_iterator_object),
            _ => {}
        }
    }

    /// Calls `visit` with the references that an object has where no program can see them, and that the language has words for
    /// all the same: frames of a stack that nobody has read, and what a registry watches and
    /// hands to its callback.
    pub fn for_each_hidden_reference(
        &self,
        object: HeapObject<'_>,
        visit: &mut dyn FnMut(ReferenceKind, Tagged) -> bool,
    ) {
        for (frame, site) in self.hidden_frames(object) {
            visit(ReferenceKind::StackReceiver(frame), site.receiver);
            visit(ReferenceKind::StackFunction(frame), site.function);
        }
        if self.finalization_callback(object).is_some() {
            let cells = |collected| self.weak_cells(object, collected).unwrap_or_default();
            for cell in cells(false).into_iter().chain(cells(true)) {
                if !visit(ReferenceKind::HeldValue, cell.held_value)
                    || !visit(ReferenceKind::WatchedTarget, cell.target)
                {
                    break;
                }
            }
        }
    }

    /// Variables of a context and of all around it.
    fn for_each_variable(
        &self,
        context: Tagged,
        explained: &mut HashSet<u64>,
        visit: &mut dyn FnMut(ReferenceKind, Tagged) -> bool,
    ) {
        let mut context = self.object(context).ok();
        for _ in 0..MOST_CONTEXTS {
            let Some(current) = context.filter(|context| context.kind() == Kind::Context) else { break };
            if !explained.insert(current.address) {
                break;
            }
            match self.with_object(current) {
                // Its properties are its own.
                Ok(Some(object)) => {
                    visit(ReferenceKind::WithObject, object);
                }
                _ => {
                    for variable in self.scope(current).map(|scope| scope.variables).unwrap_or_default() {
                        if let VariableValue::Tagged(value) = variable.value {
                            visit(ReferenceKind::Variable(variable.name), value);
                        }
                    }
                }
            }
            context = self.previous_context(current).ok().flatten();
        }
    }

    fn for_each_slot(&self, array: Tagged, visit: &mut dyn FnMut(u64, Tagged)) {
        let Ok(array) = self.object(array) else { return };
        if array.kind() != Kind::FixedArray {
            return;
        }
        for index in 0..self.fixed_array_length(array.address).unwrap_or(0) {
            match self.words().tagged(self.fields().element(array.address, index), "element") {
                Ok(value) => visit(index, value),
                Err(_) => break,
            }
        }
    }
}

/// Nested contexts followed from a function.
const MOST_CONTEXTS: usize = 256;

/// Whether objects of this kind only store what belongs to another object.
fn is_storage(kind: Kind, class: &str) -> bool {
    matches!(
        kind,
        Kind::FixedArray
            | Kind::PropertyArray
            | Kind::NameDictionary
            | Kind::NumberDictionary
            | Kind::GlobalDictionary
            | Kind::PropertyCell
            | Kind::OrderedHashMap
            | Kind::OrderedHashSet
            | Kind::EphemeronHashTable
            | Kind::SloppyArgumentsElements
            | Kind::AccessorPair
            | Kind::DescriptorArray
            | Kind::Context
            | Kind::ContextCell
            | Kind::Cell
    ) || matches!(
        class,
        "WeakFixedArray"
            | "WeakArrayList"
            | "ArrayList"
            | "EmbedderDataArray"
            | "ScriptContextTable"
            | "WeakCell"
            | "PromiseReaction"
            | "PromiseCapability"
            | "AsyncGeneratorRequest"
            | "SourceTextModule"
            | "SyntheticModule"
            | "ErrorStackData"
            | "CallSiteInfo"
            | "PrototypeInfo"
            | "ObjectBoilerplateDescription"
            | "WasmTrustedInstanceData"
            | "TrustedFixedArray"
            | "ProtectedFixedArray"
            // What a RegExp was compiled to, behind a wrapper where that is in trusted space.
            | "RegExpData"
            | "AtomRegExpData"
            | "IrRegExpData"
            | "RegExpDataWrapper"
    )
}

/// The ways from holders to targets, over the words that were found.
struct Ways<'a, 't> {
    heap: &'a Heap<'t>,
    /// Sorted by holder.
    hits: &'a [Hit],
    order: &'a AddressMap<usize>,
    known: &'a HashSet<(u64, usize)>,
    /// Storage and the targets that its owner is known to refer to through it.
    claimed: &'a HashSet<(u64, usize)>,
    scope: Scope,
}

/// What the holders of known references own: another object that refers to it, such as an iterator to the table of a Map, does
/// not refer to what is in it in a way that the language knows.
fn claimed(hits: &[Hit], known: &HashSet<(u64, usize)>) -> HashSet<(u64, usize)> {
    let mut claimed = HashSet::new();
    for &(holder, place) in known {
        let start = hits.partition_point(|hit| hit.holder < holder);
        let own = hits[start..].iter().take_while(|hit| hit.holder == holder);
        claimed.extend(own.map(|hit| (hit.target, place)));
    }
    claimed
}

impl Ways<'_, '_> {
    /// The words of one object.
    fn of(&self, holder: u64) -> &[Hit] {
        let start = self.hits.partition_point(|hit| hit.holder < holder);
        let end = start + self.hits[start..].partition_point(|hit| hit.holder == holder);
        &self.hits[start..end]
    }

    /// Adds the references of `holder` that are not known yet, each with the fields that lead to its target. Notes in `reached`
    /// what is on the ways.
    fn from(
        &self,
        holder: u64,
        is_js: bool,
        reached: &mut HashSet<u64>,
        references: &mut Vec<(usize, Reference)>,
    ) {
        let mut way: Vec<(Step, u64)> = Vec::new();
        let mut seen: HashSet<u64> = HashSet::from([holder]);
        let mut open: Vec<(usize, &Hit)> = self.of(holder).iter().rev().map(|hit| (0, hit)).collect();
        let mut told: HashMap<usize, usize> = HashMap::new();
        while let Some((depth, hit)) = open.pop() {
            way.truncate(depth);
            way.push((Step { object: hit.holder, offset: hit.offset }, hit.target));
            if let Some(&place) = self.order.get(&hit.target) {
                let count = told.entry(place).or_default();
                let is_known = self.known.contains(&(holder, place))
                    || way.iter().any(|(_, storage)| {
                        self.claimed.contains(&(*storage, place)) && *storage != hit.target
                    });
                if !is_known && *count < MOST_WAYS && references.len() < MOST_REFERENCES {
                    *count += 1;
                    let how = How::Fields(way.iter().map(|(step, _)| *step).collect());
                    let (target, holder) = (Tagged::pointer(hit.target), Tagged::pointer(holder));
                    references.push((place, Reference { target, holder, how }));
                }
                continue;
            }
            let Ok((_, map)) = self.heap.map_at(hit.target) else { continue };
            reached.insert(hit.target);
            // Variables are known of functions; the objects of a map do not hold what the map refers to; and what an object of
            // V8's own does not own, somebody else does.
            let is_passage = is_storage(map.kind, self.heap.layout().type_name(map.instance_type))
                && map.kind != Kind::Context
                && (is_js || self.scope == Scope::Everything);
            if is_passage && seen.insert(hit.target) {
                open.extend(self.of(hit.target).iter().rev().map(|hit| (depth + 1, hit)));
            }
        }
    }
}

/// Untagged addresses, quick to say no to nearly every word.
struct AddressSet {
    filter: Vec<u64>,
    /// Sorted.
    exact: Vec<u64>,
    lowest: u64,
    span: u64,
}

impl AddressSet {
    fn new(addresses: impl Iterator<Item = u64>) -> AddressSet {
        let mut exact: Vec<u64> = addresses.collect();
        exact.sort_unstable();
        exact.dedup();
        let lowest = exact.first().copied().unwrap_or(0);
        let highest = exact.last().copied().unwrap_or(0);
        let bits = (exact.len() * 16).next_power_of_two().clamp(1 << 10, 1 << 26);
        let mut filter = vec![0u64; bits / 64];
        for address in &exact {
            let bit = Self::bit(*address, bits);
            filter[bit / 64] |= 1 << (bit % 64);
        }
        AddressSet { filter, exact, lowest, span: highest - lowest }
    }

    fn is_empty(&self) -> bool {
        self.exact.is_empty()
    }

    #[inline]
    fn bit(address: u64, bits: usize) -> usize {
        (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & (bits - 1)
    }

    /// Whether `word` is a pointer, strong or weak, to one of the addresses.
    #[inline]
    fn has_tagged(&self, word: u64) -> bool {
        let address = word & !3;
        if address.wrapping_sub(self.lowest) > self.span || word & 1 == 0 {
            return false;
        }
        let bit = Self::bit(address, self.filter.len() * 64);
        self.filter[bit / 64] >> (bit % 64) & 1 == 1 && self.exact.binary_search(&address).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_addresses_hold_what_was_put_in_and_nothing_else() {
        let inside: Vec<u64> = (0..1000).map(|i| 0x1000_0000 + i * 40).collect();
        let set = AddressSet::new(inside.iter().copied());
        assert!(inside.iter().all(|address| set.has_tagged(address | 1)));
        assert!(inside.iter().all(|address| set.has_tagged(address | 3)), "weak pointers count");
        assert!(inside.iter().all(|address| !set.has_tagged(*address)), "an untagged word is no pointer");
        assert!(inside.iter().all(|address| !set.has_tagged((address + 8) | 1)));
        assert!(!AddressSet::new(std::iter::empty()).has_tagged(1));
    }
}
