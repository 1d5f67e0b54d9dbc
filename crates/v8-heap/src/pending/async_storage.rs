//! The `AsyncLocalStorage`s of Node.js and the stores that they have given to asynchronous work.
//!
//! ```text
//!   AsyncContextFrame   a Map: AsyncLocalStorage -> store     on a timer, a tick, an AsyncResource, a PromiseReaction, and for the
//!                                                             code that runs in the isolate
//!   resource            its property kResourceStore, a symbol that each AsyncLocalStorage has for itself: the store; or in an
//!                       object of the resource that has nothing but such properties
//! ```
//!
//! (Node.js: `lib/internal/async_context_frame.js`, `lib/internal/async_local_storage/`, until 20 `lib/async_hooks.js`.) Which of the
//! two a process uses is seen from what is there. What carries stores, frame or resource, is called a context here.

use std::collections::{HashMap, HashSet};

use super::js_object;
use super::scopes::{self, Sought};
use crate::NameId;
use crate::graph::{BETWEEN_LOOKS, RootKind};
use crate::heap::Heap;
use crate::index::{MapSet, ObjectId};
use crate::layout::Kind;
use crate::objects::value::HeapObject;
use crate::shape::map::Map;
use crate::{Error, Monitor, PropertyValue, Result, Tagged};

/// The property of an `AsyncLocalStorage` that is its symbol.
const SYMBOL: &str = "kResourceStore";
/// What holds a context is looked for so many objects far, through V8's own objects.
const MOST_STEPS: usize = 16;

/// An `AsyncLocalStorage`.
#[derive(Clone, Debug)]
pub struct AsyncStorage {
    /// The object itself.
    pub object: Tagged,
    /// The name that it was given, a string.
    pub name: Option<Tagged>,
    /// The store of the code that runs.
    pub current: Option<Tagged>,
    /// Its stores in living contexts, those in most contexts first.
    pub stores: Vec<AsyncStore>,
}

/// A store.
#[derive(Clone, Debug)]
pub struct AsyncStore {
    /// The store: any value but `undefined`.
    pub value: Tagged,
    /// The living contexts that it is in, in the order of addresses.
    pub contexts: Vec<AsyncContext>,
}

/// What carries stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AsyncContext {
    /// A frame, a resource, or the object of a resource that has its stores.
    pub object: ObjectId,
    /// It is the resource itself.
    pub is_resource: bool,
}

/// The storages with their stores while they are looked for.
#[derive(Default)]
struct Found {
    storages: Vec<AsyncStorage>,
    by_object: HashMap<Tagged, usize>,
    stores: HashMap<(usize, Tagged), usize>,
}

impl Found {
    fn storage(&mut self, heap: &Heap<'_>, object: HeapObject<'_>) -> usize {
        let storages = &mut self.storages;
        *self.by_object.entry(object.value()).or_insert_with(|| {
            let name = heap.data_property(object, "#name").filter(|name| heap.is_string(*name));
            storages.push(AsyncStorage { object: object.value(), name, current: None, stores: Vec::new() });
            storages.len() - 1
        })
    }

    fn add(&mut self, storage: usize, value: Tagged, context: AsyncContext) {
        let stores = &mut self.storages[storage].stores;
        let at = *self.stores.entry((storage, value)).or_insert_with(|| {
            stores.push(AsyncStore { value, contexts: Vec::new() });
            stores.len() - 1
        });
        stores[at].contexts.push(context);
    }
}

impl Heap<'_> {
    /// All living `AsyncLocalStorage`s of all threads with their stores, those with most stores first.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn async_storages(&self, monitor: &dyn Monitor) -> Result<Vec<AsyncStorage>> {
        let mut found = Found::default();
        let mut symbols: HashMap<Tagged, usize> = HashMap::new();
        self.for_each_living_of("AsyncLocalStorage", monitor, |object, _| {
            let storage = found.storage(self, object);
            if let Some(symbol) = self.data_property(object, SYMBOL) {
                symbols.insert(symbol, storage);
            }
        })?;
        self.add_frames(&mut found, monitor)?;
        if !symbols.is_empty() {
            self.add_resources(&symbols, &mut found, monitor)?;
        }
        let mut storages = found.storages;
        for storage in &mut storages {
            for store in &mut storage.stores {
                store.contexts.sort_unstable();
                store.contexts.dedup();
            }
            storage.stores.sort_by_key(|store| (std::cmp::Reverse(store.contexts.len()), store.value));
        }
        storages.sort_by_key(|storage| (std::cmp::Reverse(storage.stores.len()), storage.object));
        Ok(storages)
    }

    /// The living objects of constructors that are called so.
    fn for_each_living_of(
        &self,
        constructor: &str,
        monitor: &dyn Monitor,
        mut visit: impl FnMut(HeapObject<'_>, ObjectId),
    ) -> Result<()> {
        let (table, kinds, reached) = (self.objects(monitor)?, self.kinds(monitor)?, self.reached(monitor)?);
        let groups = kinds.groups().iter().filter(|group| self.name(group.constructor) == constructor);
        for group in groups {
            let is_alive = |id: ObjectId| reached.contains(id.0);
            self.for_each_member_of(table, group, is_alive, monitor, |object| {
                if let Some(id) = table.id_at(self.spaces(), object.address) {
                    visit(object, id);
                }
                true
            })?;
        }
        Ok(())
    }

    fn add_frames(&self, found: &mut Found, monitor: &dyn Monitor) -> Result<()> {
        let running: HashSet<u32> = {
            let roots = self.roots(monitor)?.all().iter();
            let of_isolate = |kind: RootKind| matches!(kind, RootKind::Isolate | RootKind::RootsTable);
            roots.filter(|root| of_isolate(root.kind)).map(|root| root.target).collect()
        };
        self.for_each_living_of("AsyncContextFrame", monitor, |frame, id| {
            if frame.kind() != Kind::JsMap {
                return;
            }
            // What cannot be read of a damaged one is left out.
            let _ = self.for_each_collection_entry(frame, |storage, value| {
                if let Some(object) = js_object(self, storage)
                    && self.is_store(value)
                {
                    let storage = found.storage(self, object);
                    found.add(storage, value, AsyncContext { object: id, is_resource: false });
                    if running.contains(&id.0) {
                        found.storages[storage].current = Some(value);
                    }
                }
                true
            });
        })
    }

    fn add_resources(
        &self,
        symbols: &HashMap<Tagged, usize>,
        found: &mut Found,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let (table, reached) = (self.objects(monitor)?, self.reached(monitor)?);
        let current = self.current_resource(monitor)?;
        // Of each map, whether objects of it may have one of the symbols.
        let has_symbol = |map: &Map| {
            let mut has = map.is_dictionary && map.kind.is_js_object();
            if !has && map.kind.is_js_object() {
                self.for_each_descriptor(map, |name, _, _| {
                    has |= symbols.contains_key(&name);
                    !has
                });
            }
            has
        };
        let with_symbol = MapSet::of(self, has_symbol);
        monitor.begin("looking for stores", table.len() as u64);
        for page in 0..table.page_count() {
            if monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            monitor.advance(table.page_maps(page).1.len() as u64);
            for (id, object) in with_symbol.on_page(self, table, page) {
                if !reached.contains(id.0) {
                    continue;
                }
                let Ok(properties) = self.own_properties(object) else { continue };
                let is_resource = properties.iter().any(|own| !symbols.contains_key(&own.name));
                for own in properties {
                    if let Some(storage) = symbols.get(&own.name)
                        && let PropertyValue::Data(value) = own.value
                        && self.is_store(value)
                    {
                        found.add(*storage, value, AsyncContext { object: id, is_resource });
                        if current == Some(object.value()) {
                            found.storages[*storage].current = Some(value);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The resource of the code that runs; nothing if none does that is known.
    fn current_resource(&self, monitor: &dyn Monitor) -> Result<Option<Tagged>> {
        for resources in scopes::variables(self, Sought::Resources, monitor)? {
            let Some(array) = js_object(self, *resources) else { continue };
            let Ok(elements) = self.elements(array) else { continue };
            let mut last = None;
            // What could be read before an error is kept.
            let _ = self.for_each_element(&elements, |_, value| {
                if let PropertyValue::Data(resource) = value
                    && js_object(self, resource).is_some()
                {
                    last = Some(resource);
                }
                true
            });
            if last.is_some() {
                return Ok(last);
            }
        }
        Ok(None)
    }

    /// Whether a value is a store at all.
    fn is_store(&self, value: Tagged) -> bool {
        !matches!(self.value(value), Ok(crate::objects::value::Value::Undefined) | Err(_))
    }

    /// Which constructors' objects hold contexts, and how many of each, the most frequent first. Roots that hold some count by their
    /// kind; contexts that nothing of the program holds, under nothing.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn holders_of_contexts(
        &self,
        contexts: &[AsyncContext],
        monitor: &dyn Monitor,
    ) -> Result<Vec<(ContextHolder, u64)>> {
        let (table, held_by, reached) =
            (self.objects(monitor)?, self.held_by(monitor)?, self.reached(monitor)?);
        let roots = self.roots(monitor)?;
        let mut counts: HashMap<ContextHolder, HashSet<u32>> = HashMap::new();
        for (index, context) in contexts.iter().enumerate() {
            if index.is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            if context.is_resource {
                if let Some(object) = self.object_by_id(table, context.object) {
                    let holder = ContextHolder::Constructor(self.constructor_name(object));
                    counts.entry(holder).or_default().insert(context.object.0);
                }
                continue;
            }
            let mut steps = vec![context.object.0];
            let mut at = 0;
            while let Some(&step) = steps.get(at) {
                at += 1;
                for root in roots.of(step) {
                    counts.entry(ContextHolder::Root(root.kind)).or_default().insert(step);
                }
                for &holder in held_by.of(step).iter().filter(|holder| reached.contains(**holder)) {
                    let Some(object) = self.object_by_id(table, ObjectId(holder)) else { continue };
                    if object.kind().is_js_object() {
                        let holder_name = ContextHolder::Constructor(self.constructor_name(object));
                        counts.entry(holder_name).or_default().insert(holder);
                    } else if steps.len() < MOST_STEPS && !steps.contains(&holder) {
                        steps.push(holder);
                    }
                }
            }
        }
        let mut counts: Vec<(ContextHolder, u64)> =
            counts.into_iter().map(|(holder, ids)| (holder, ids.len() as u64)).collect();
        counts.sort_by(|(a, first), (b, second)| second.cmp(first).then(a.cmp(b)));
        Ok(counts)
    }
}

/// What holds a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ContextHolder {
    /// An object of this constructor.
    Constructor(NameId),
    /// A root.
    Root(RootKind),
}
