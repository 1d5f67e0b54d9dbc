//! Ways from the roots to an object: why it is alive.
//!
//! Searched backwards, breadth first, from the object to the nearest root, in up to four attempts: through what a JavaScript
//! program has (objects, and the storage of their properties, elements, entries and variables) to the global object or a
//! root that certainly is one; the same to any root, stacks and native memory included; then both through everything.

use std::collections::HashSet;

use crate::graph::{BETWEEN_LOOKS, CppObjects, Ephemeron, Graph, RetainingPath, Root, Rows, internal_maps};
use crate::heap::Heap;
use crate::index::{ObjectId, ObjectTable};
use crate::layout::{Kind, TailLayout};
use crate::objects::value::HeapObject;
use crate::shape::body::Word;
use crate::{Error, Monitor, Result, Tagged, Unattended};

/// How one object holds another, in V8's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// A field of its class.
    Field(&'static str),
    /// An entry of what follows its fields: what that is called, and which.
    Entry(&'static str, u64),
    /// A property that is stored in the object itself, or a word of which nothing else is known: offset in bytes.
    Word(u64),
    /// By way of a C++ object that it stands for: the address of that.
    CppObject(u64),
    /// It is the key of an entry of a WeakMap, the other the value.
    WeakValue,
    /// Through V8's table of functions' code.
    Code,
    /// Its address is in an instruction.
    Instruction,
    /// In no way that is known.
    Unknown,
}

/// More objects than this are not searched for in one go: the ways to them would not fit on any screen.
const MOST_PATHS: usize = 1000;

/// A search backwards through the graph.
struct Search<'a, 't> {
    heap: &'a Heap<'t>,
    table: &'a ObjectTable,
    graph: &'a Graph,
    held_by: &'a Rows,
    roots: &'a [Root],
    /// Kinds of objects that the way may lead through, by map.
    is_internal: Vec<bool>,
    /// For each object that was reached, one more than the number of that which it leads to; else 0, so that memory is taken only for
    /// those that are: most searches are short.
    next: Vec<u32>,
    /// Those whose `next` is set.
    touched: Vec<u32>,
    /// Objects that found ways lead through, and others must not.
    banned: Vec<u32>,
    root_is_banned: bool,
    /// Ephemerons by value.
    by_value: Vec<Ephemeron>,
    /// Global objects that live as long as their isolates.
    globals: HashSet<u32>,
}

/// How far a search may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reach {
    through_internals: bool,
    to_any_root: bool,
}

impl Heap<'_> {
    /// Up to `most` ways on which an object is kept alive, the shortest first. No two lead through the same JavaScript object last
    /// before the one asked about. With `everything`, V8's own objects are steps like any others.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn retaining_paths(
        &self,
        target: ObjectId,
        most: usize,
        everything: bool,
        monitor: &dyn Monitor,
    ) -> Result<Vec<RetainingPath>> {
        let table = self.objects(monitor)?;
        let graph = self.graph(monitor)?;
        let liveness = self.liveness(monitor)?;
        if target.0 as usize >= graph.len() || !liveness.is_held(target.0) {
            return Ok(Vec::new());
        }
        let mut by_value = graph.ephemerons.to_vec();
        by_value.retain(|ephemeron| liveness.is_held(ephemeron.table));
        by_value.sort_unstable_by_key(|ephemeron| ephemeron.value);
        let mut search = Search {
            heap: self,
            table,
            graph,
            held_by: self.held_by(monitor)?,
            roots: self.all_roots(monitor)?,
            is_internal: internal_maps(self),
            next: vec![0; graph.len()],
            touched: Vec::new(),
            banned: Vec::new(),
            root_is_banned: false,
            by_value,
            globals: self.lasting_globals(table, graph, monitor)?,
        };
        // What may be garbage keeps nothing alive that certainly is.
        let least = liveness.of(target.0);
        let reaches = [(false, false), (false, true), (true, false), (true, true)]
            .map(|(through_internals, to_any_root)| Reach { through_internals, to_any_root });
        let mut paths: Vec<RetainingPath> = Vec::new();
        for reach in reaches.into_iter().filter(|reach| !everything || reach.through_internals) {
            while paths.len() < most.min(MOST_PATHS) {
                let Some(path) = search.run(target.0, reach, |id| liveness.of(id) <= least, monitor)? else {
                    break;
                };
                search.ban(&path);
                paths.push(path);
            }
            // What is found without V8's own objects is what the program does; the rest is of no interest beside it.
            if !paths.is_empty() {
                break;
            }
        }
        Ok(paths)
    }

    /// Whether an entry of a WeakMap has `holder` for its key, and `target` for its value.
    fn is_weak_value(&self, holder: HeapObject<'_>, target: Tagged) -> bool {
        let (Ok(table), Ok(graph)) = (self.objects(&Unattended), self.graph(&Unattended)) else {
            return false;
        };
        let id = |address: Option<u64>| table.id_at(self.spaces(), address?);
        let (Some(key), Some(value)) = (id(Some(holder.address)), id(target.strong())) else { return false };
        graph.ephemerons_of(key.0).iter().any(|ephemeron| ephemeron.value == value.0)
    }

    /// The C++ object by way of which a JavaScript object holds another.
    fn cpp_object_between(&self, holder: HeapObject<'_>, target: Tagged) -> Option<u64> {
        let data = self.embedder_fields(holder).ok()?;
        let table = self.objects(&Unattended).ok()?;
        let target = table.id_at(self.spaces(), target.strong()?)?;
        let cpp_objects = CppObjects::find(self, table);
        data.wrappable
            .into_iter()
            .chain(data.fields)
            .find(|object| cpp_objects.held_by(self.memory(), *object).contains(&target.0))
    }

    /// The global objects whose contexts a root holds. That of another context lives only as long as somebody holds that.
    pub(super) fn lasting_globals(
        &self,
        table: &ObjectTable,
        graph: &Graph,
        monitor: &dyn Monitor,
    ) -> Result<HashSet<u32>> {
        let kind = |id: u32| Some(self.map(table.map_of(ObjectId(id))?).kind);
        let contexts = self
            .roots(monitor)?
            .all()
            .iter()
            .filter(|root| root.kind.is_listed() && kind(root.target) == Some(Kind::NativeContext));
        let held = contexts.flat_map(|root| graph.holds.of(root.target).iter().copied());
        Ok(held.filter(|id| kind(*id) == Some(Kind::JsGlobalObject)).collect())
    }

    /// How `holder` holds `target`.
    pub fn hold(&self, holder: HeapObject<'_>, target: Tagged) -> Hold {
        let mut found = None;
        let mut weak = false;
        let size = self.fields().words.tagged;
        if let Ok(words) = self.object_words(holder) {
            for (index, (word, value)) in words.iter().enumerate() {
                if value.0 | 2 == target.0 | 2 && word.is_tagged() | (word == Word::Embedder) {
                    if value != target || word == Word::Held {
                        weak = true;
                        continue;
                    }
                    found = Some(size * index as u64);
                    break;
                }
            }
        }
        let Some(at) = found else {
            if self.pointers_in_code(holder).any(|(_, word)| word == target.0) {
                return Hold::Instruction;
            }
            return match self.class_name(target) {
                "Code" => Hold::Code,
                _ if weak => Hold::Unknown,
                _ if let Some(object) = self.cpp_object_between(holder, target) => Hold::CppObject(object),
                _ if self.is_weak_value(holder, target) => Hold::WeakValue,
                _ => Hold::Unknown,
            };
        };
        let info = self.layout().type_info(holder.map.instance_type);
        let Some(class) = info.and_then(|info| info.class) else { return Hold::Word(at) };
        if let Some((_, field)) =
            self.classes().all_fields(class).into_iter().find(|(_, field)| field.offset == at)
            && !(holder.kind().is_js_object()
                && at >= size * u64::from(holder.map.inobject_start_words)
                && holder.map.inobject_start_words > 0)
        {
            return Hold::Field(field.name);
        }
        match &self.classes().class(class).tail {
            Some(tail) if at >= tail.offset => match &tail.layout {
                TailLayout::Entries(parts) => {
                    let size = tail.layout.entry_size().max(1);
                    let part = parts.iter().find(|part| part.offset == (at - tail.offset) % size);
                    let name =
                        part.map(|part| part.name).filter(|name| !name.is_empty()).unwrap_or(tail.name);
                    Hold::Entry(name, (at - tail.offset) / size)
                }
                _ => Hold::Entry(tail.name, (at - tail.offset) / size),
            },
            _ => Hold::Word(at),
        }
    }
}

impl Search<'_, '_> {
    fn run(
        &mut self,
        target: u32,
        reach: Reach,
        is_held: impl Fn(u32) -> bool,
        monitor: &dyn Monitor,
    ) -> Result<Option<RetainingPath>> {
        for id in std::mem::take(&mut self.touched) {
            self.next[id as usize] = 0;
        }
        for id in self.banned.clone() {
            self.lead(id, id);
        }
        if self.is_reached(target) {
            return Ok(None);
        }
        self.lead(target, target);
        monitor.begin("searching for roots", self.graph.len() as u64);
        let mut queue = vec![target];
        let mut at = 0;
        while let Some(&id) = queue.get(at) {
            at += 1;
            if at.is_multiple_of(BETWEEN_LOOKS) {
                monitor.advance(BETWEEN_LOOKS as u64);
                if monitor.cancelled() {
                    return Err(Error::Interrupted);
                }
            }
            if !(id == target && self.root_is_banned)
                && let Some(root) = self.root_of(id, reach)
            {
                return Ok(Some(self.path(root, id)));
            }
            let start = self.by_value.partition_point(|ephemeron| ephemeron.value < id);
            let keys = self.by_value[start..].iter().take_while(|ephemeron| ephemeron.value == id);
            let keys = keys.map(|ephemeron| ephemeron.key);
            for holder in self.held_by.of(id).iter().copied().chain(keys) {
                if !self.is_reached(holder)
                    && is_held(holder)
                    && (reach.through_internals || !self.is_internal(holder))
                {
                    self.next[holder as usize] = id + 1;
                    self.touched.push(holder);
                    queue.push(holder);
                }
            }
        }
        Ok(None)
    }

    fn is_reached(&self, id: u32) -> bool {
        self.next[id as usize] != 0
    }

    /// Object `id` was reached from `next`, which it leads to.
    fn lead(&mut self, id: u32, next: u32) {
        self.next[id as usize] = next + 1;
        self.touched.push(id);
    }

    /// What makes an object the end of a search: a global object that lives as long as its isolate, or a root.
    fn root_of(&self, id: u32, reach: Reach) -> Option<Option<Root>> {
        if !reach.through_internals && self.globals.contains(&id) {
            return Some(None);
        }
        let start = self.roots.partition_point(|root| root.target < id);
        let own = self.roots[start..].iter().take_while(|root| root.target == id);
        own.copied().find(|root| reach.to_any_root || root.kind.is_listed()).map(Some)
    }

    fn path(&self, root: Option<Root>, first: u32) -> RetainingPath {
        let mut objects = vec![first];
        let mut at = first;
        while self.next[at as usize] != at + 1 {
            at = self.next[at as usize] - 1;
            objects.push(at);
        }
        RetainingPath { root, objects }
    }

    /// Keeps later ways from being like this one.
    fn ban(&mut self, path: &RetainingPath) {
        let holders = &path.objects[..path.objects.len() - 1];
        let is_js = |id: &&u32| self.kind(**id).is_some_and(Kind::is_js_object);
        match holders.iter().rev().find(is_js).or(holders.last()) {
            Some(holder) if self.kind(*holder) != Some(Kind::JsGlobalObject) => self.banned.push(*holder),
            // The global object holds much; what lies between it and the object is banned.
            Some(_) => self.banned.extend(holders.last()),
            None => self.root_is_banned = true,
        }
    }

    fn kind(&self, id: u32) -> Option<Kind> {
        Some(self.heap.map(self.table.map_of(ObjectId(id))?).kind)
    }

    fn is_internal(&self, id: u32) -> bool {
        self.table.map_of(ObjectId(id)).is_none_or(|map| self.is_internal[map.0 as usize])
    }
}
