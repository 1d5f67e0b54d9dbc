//! Whose code made an object: the program's, or Node.js's own.
//!
//! Functions say so by their script; objects of a class by the script of its constructor. Most objects say nothing.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use crate::graph::BETWEEN_LOOKS;
use crate::heap::Heap;
use crate::index::ObjectId;
use crate::layout::Kind;
use crate::objects::value::HeapObject;
use crate::{Error, Monitor, NameId, Result};

/// Whose code made an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    /// That of Node.js: scripts whose names begin with `node:`.
    Node,
    /// All other.
    Program,
}

/// Objects looked at below one.
const MOST_BELOW: usize = 256;

/// Objects of one class of the program that hold others, a few each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassHolders {
    /// Name of their constructor.
    pub constructor: NameId,
    /// How many of them there are.
    pub holders: u64,
    /// How many of the others would be garbage without them.
    pub held: u64,
}

/// Who holds more is a collection of them.
const FEW_HELD: u32 = 8;
/// Objects above one that are looked at.
const MOST_ABOVE: usize = 256;

impl Heap<'_> {
    /// The objects of the program's classes without which some objects would be garbage, by class, those that hold most first. Of several
    /// that hold one it is the outermost that holds no more than a few.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn class_holders(&self, held: &[ObjectId], monitor: &dyn Monitor) -> Result<Vec<ClassHolders>> {
        let (table, dominators) = (self.objects(monitor)?, self.dominators(monitor)?);
        let mut is_programs: HashMap<u32, bool> = HashMap::new();
        let mut is_holder = |id: u32| {
            *is_programs.entry(id).or_insert_with(|| {
                let object = self.object_by_id(table, ObjectId(id));
                let object = object.filter(|object| object.kind() == Kind::JsObject);
                object.is_some_and(|object| self.maker(object) == Some(Maker::Program))
            })
        };
        let above = |id: u32| std::iter::successors(dominators.above(id), |id| dominators.above(*id));
        let mut held_by: HashMap<u32, u32> = HashMap::new();
        let mut ways = Vec::with_capacity(held.len());
        for (index, id) in held.iter().enumerate() {
            if index.is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            let holders: Vec<u32> = above(id.0).take(MOST_ABOVE).filter(|id| is_holder(*id)).collect();
            for holder in &holders {
                *held_by.entry(*holder).or_default() += 1;
            }
            ways.push(holders);
        }
        let mut classes: HashMap<NameId, (HashSet<u32>, u64)> = HashMap::new();
        for way in ways {
            let Some(outermost) = way.into_iter().rfind(|holder| held_by[holder] <= FEW_HELD) else {
                continue;
            };
            if let Some(object) = self.object_by_id(table, ObjectId(outermost)) {
                let class = classes.entry(self.constructor_name(object)).or_default();
                class.0.insert(outermost);
                class.1 += 1;
            }
        }
        let mut classes: Vec<ClassHolders> = classes
            .into_iter()
            .map(|(constructor, (holders, held))| ClassHolders {
                constructor,
                holders: holders.len() as u64,
                held,
            })
            .collect();
        classes.sort_by_key(|class| (Reverse(class.held), self.name(class.constructor)));
        Ok(classes)
    }

    /// Whose code made an object, if it says so. Instances of classes of Node.js say nothing: whoever wanted them made them. But
    /// a module of CommonJS is the program's.
    pub(super) fn maker(&self, object: HeapObject<'_>) -> Option<Maker> {
        if object.kind() == Kind::JsFunction {
            return self.function_maker(object);
        }
        if !object.kind().is_js_object() || matches!(object.kind(), Kind::JsArray | Kind::JsMap | Kind::JsSet)
        {
            return None;
        }
        let constructor = self.object(self.constructor_function(object)?).ok()?;
        let is_module = || self.name(self.constructor_name(object)) == "Module";
        match self.function_maker(constructor)? {
            Maker::Node if !is_module() => None,
            _ => Some(Maker::Program),
        }
    }

    fn function_maker(&self, function: HeapObject<'_>) -> Option<Maker> {
        /// More of the name of a script is not looked at.
        const PREFIX: usize = 8;
        if function.kind() != Kind::JsFunction {
            return None;
        }
        let shared = self.shared_function(self.shared_function_info(function).ok()?).ok()?;
        let script = self.script(shared.script?).ok()?;
        let name = self.script_name(&script).and_then(|name| self.string(name, PREFIX).ok());
        let is_node = name.is_some_and(|name| name.to_text().starts_with("node:"));
        Some(if is_node { Maker::Node } else { Maker::Program })
    }

    /// Whether all of some objects, and of what is below them, that say whose they are, are Node.js's own; and one at least says
    /// so.
    pub(super) fn are_nodes_own(
        &self,
        objects: &[u32],
        heads: &[u32],
        monitor: &dyn Monitor,
    ) -> Result<bool> {
        let table = self.objects(monitor)?;
        let mut any = false;
        let mut is_program = |id: u32| {
            let maker = self.object_by_id(table, ObjectId(id)).and_then(|object| self.maker(object));
            any |= maker == Some(Maker::Node);
            maker == Some(Maker::Program)
        };
        if objects.iter().any(|id| is_program(*id)) {
            return Ok(false);
        }
        for &head in heads {
            let mut found = false;
            self.for_each_below(head, MOST_BELOW, monitor, |id| {
                found = is_program(id);
                !found
            })?;
            if found {
                return Ok(false);
            }
        }
        Ok(any)
    }

    /// Calls `visit` with an object and what would be garbage without it, the nearest first, for `most` objects or until it returns
    /// false.
    pub(super) fn for_each_below(
        &self,
        head: u32,
        most: usize,
        monitor: &dyn Monitor,
        mut visit: impl FnMut(u32) -> bool,
    ) -> Result<()> {
        let (graph, dominators) = (self.graph(monitor)?, self.dominators(monitor)?);
        let mut below: HashSet<u32> = HashSet::from([head]);
        let mut queue = vec![head];
        let mut at = 0;
        while let Some(&id) = queue.get(at) {
            at += 1;
            if !visit(id) {
                return Ok(());
            }
            // Of two objects one of which holds the other, what is right above the second is above the first, or that itself: it
            // has been met if it is below the head.
            let weak_values = graph.ephemerons_of(id).iter().map(|ephemeron| &ephemeron.value);
            for &target in graph.holds.of(id).iter().chain(weak_values) {
                if queue.len() >= most {
                    break;
                }
                let is_below = dominators.above(target).is_some_and(|above| below.contains(&above));
                if is_below && below.insert(target) {
                    queue.push(target);
                }
            }
        }
        Ok(())
    }

    /// What would be garbage without an object, itself excepted, by constructor: how many of each, classes of the program first,
    /// then what takes most. Looks at no more than `most` objects.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn below_by_constructor(
        &self,
        head: ObjectId,
        most: usize,
        monitor: &dyn Monitor,
    ) -> Result<Vec<(NameId, u64)>> {
        let (table, dominators) = (self.objects(monitor)?, self.dominators(monitor)?);
        let mut groups: HashMap<NameId, Below> = HashMap::new();
        self.for_each_below(head.0, most, monitor, |id| {
            if id != head.0
                && let Some(object) = self.object_by_id(table, ObjectId(id))
                && object.kind().is_js_object()
            {
                let group = groups.entry(self.constructor_name(object)).or_insert_with(|| Below {
                    is_program: object.kind() != Kind::JsFunction
                        && self.maker(object) == Some(Maker::Program),
                    ..Below::default()
                });
                group.count += 1;
                group.bytes += dominators.retained(id) + dominators.outside(id);
            }
            true
        })?;
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|(name, below)| (!below.is_program, Reverse(below.bytes), self.name(*name)));
        Ok(groups.into_iter().map(|(name, below)| (name, below.count)).collect())
    }

    /// The strings that would be garbage without an object, among the first `most` objects below it: how many, and their bytes, in the
    /// heap and outside of it.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn strings_below(&self, head: ObjectId, most: usize, monitor: &dyn Monitor) -> Result<(u64, u64)> {
        let (table, graph) = (self.objects(monitor)?, self.graph(monitor)?);
        let (mut count, mut bytes) = (0, 0);
        self.for_each_below(head.0, most, monitor, |id| {
            if table.map_of(ObjectId(id)).is_some_and(|map| self.map(map).kind == Kind::String) {
                count += 1;
                bytes += graph.size(id) + graph.outside(id);
            }
            true
        })?;
        Ok((count, bytes))
    }
}

/// Objects of one constructor below another object.
#[derive(Default)]
struct Below {
    is_program: bool,
    count: u64,
    /// What each of them retains, added up.
    bytes: u64,
}
