//! Captured variables that nobody will read again.
//!
//! All functions that are made in a scope share its context, so that one that lives keeps what only another read, which may be gone. A
//! variable counts as read if a living function reads it whose context or whose context's surroundings hold it, or that such a
//! function can make; a call that is suspended in the scope; code that runs in it, whatever that reads; and `arguments` that share
//! their values with it. Variables of whole scripts are left out: any script can read them by name.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::address_map::AddressMap;
use crate::graph::{Cuts, RootKind};
use crate::heap::Heap;
use crate::index::parallel::in_turns;
use crate::index::{MapSet, ObjectId};
use crate::layout::{Kind, ScopeKind};
use crate::objects::captured_reads::{CapturedReads, KnownReads};
use crate::objects::generator::GeneratorState;
use crate::objects::value::HeapObject;
use crate::{Error, Monitor, Result, Tagged};

/// No function is inside of more scopes that have a context.
const MOST_CONTEXTS: u32 = 1 << 14;
/// Functions between two looks at whether to stop.
const BETWEEN_LOOKS: usize = 1 << 12;

/// A variable of one scope of the source that some contexts hold and nobody reads there.
#[derive(Clone, Debug)]
pub struct UnreadVariable {
    /// Its name.
    pub name: Tagged,
    /// Contexts in which nobody reads it, and the values that it has there.
    pub values: Vec<(ObjectId, ObjectId)>,
    /// The one of them whose value retains most.
    pub largest: (ObjectId, ObjectId),
    /// A living function whose context this is, if it is one's own.
    pub keeper: Option<Tagged>,
    /// Bytes in the heap and outside of it that would be freed if none of the contexts held it; `None` if that was not asked
    /// for.
    pub freed: Option<(u64, u64)>,
}

/// What was found of captured variables.
#[derive(Debug, Default)]
pub struct UnreadVariables {
    /// Those that hold something alive that nobody reads, those that would free most first.
    pub variables: Vec<UnreadVariable>,
    /// Bytes in the heap and outside of it that would be freed if none of them were held.
    pub freed: (u64, u64),
    /// Living contexts that were looked at.
    pub contexts: u64,
    /// Variables of these that hold an object.
    pub holding: u64,
    /// Of these, those that only functions may read that have not been compiled and have their name in their source.
    pub by_name: u64,
    /// Of these, those of which it cannot be known: `eval` is called, or code runs there.
    pub unknown: u64,
}

/// What is known of a context.
#[derive(Default)]
struct Context {
    /// Slots that are read.
    slots: Vec<u64>,
    /// Sets of names by which it is read.
    names: Vec<u32>,
    /// Everything may be read, here and outside.
    any: bool,
    /// Everything may be read here.
    runs: bool,
    keeper: Option<Tagged>,
}

impl Context {
    fn set(&mut self, slot: u32) {
        let word = slot as usize / 64;
        // No context has more slots than a page has words.
        if word < 1 << 16 {
            if self.slots.len() <= word {
                self.slots.resize(word + 1, 0);
            }
            self.slots[word] |= 1 << (slot % 64);
        }
    }

    fn is_read(&self, slot: u64) -> bool {
        self.slots.get(slot as usize / 64).is_some_and(|word| word & (1 << (slot % 64)) != 0)
    }
}

/// What of all contexts is read.
#[derive(Default)]
struct Reads {
    known: KnownReads,
    contexts: AddressMap<Context>,
    names: Vec<Arc<HashSet<String>>>,
    number_of_names: HashMap<usize, u32>,
    has_names: HashSet<(u64, u32)>,
}

/// Living objects by what they have to do with contexts.
#[derive(Default)]
struct Found {
    functions: Vec<(u64, ObjectId)>,
    generators: Vec<u64>,
    aliasing: Vec<ObjectId>,
    contexts: Vec<(u64, ObjectId)>,
}

impl Heap<'_> {
    /// Captured variables that nobody reads. Of the first `most` it is found out exactly what would be freed without them.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn unread_variables(&self, most: usize, monitor: &dyn Monitor) -> Result<UnreadVariables> {
        let found = self.living_closures(monitor)?;
        let reads = self.reads_of(&found, monitor)?;
        let mut answer = UnreadVariables::default();
        let mut groups = self.unread_slots(&found, &reads, &mut answer, monitor)?;
        self.measure(&mut groups, most, &mut answer, monitor)?;
        answer.variables = groups.into_iter().map(|group| group.variable).collect();
        Ok(answer)
    }

    fn living_closures(&self, monitor: &dyn Monitor) -> Result<Found> {
        let (table, reached) = (self.objects(monitor)?, self.reached(monitor)?);
        monitor.begin("looking for closures", table.len() as u64);
        let wanted = MapSet::of(self, |map| {
            matches!(
                map.kind,
                Kind::JsFunction | Kind::JsGenerator | Kind::Context | Kind::SloppyArgumentsElements
            )
        });
        let workers = in_turns(table.page_count(), monitor, Found::default, |found, page| {
            let objects = wanted.on_page(self, table, page);
            for (id, object) in objects.filter(|(id, _)| reached.contains(id.0)) {
                match object.kind() {
                    Kind::JsFunction => found.functions.push((object.address, id)),
                    Kind::JsGenerator => found.generators.push(object.address),
                    Kind::Context => found.contexts.push((object.address, id)),
                    _ => found.aliasing.push(id),
                }
            }
            table.page_maps(page).1.len() as u64
        })?;
        let mut all = Found::default();
        for mut worker in workers {
            all.functions.append(&mut worker.functions);
            all.generators.append(&mut worker.generators);
            all.aliasing.append(&mut worker.aliasing);
            all.contexts.append(&mut worker.contexts);
        }
        all.functions.sort_unstable();
        all.contexts.sort_unstable();
        Ok(all)
    }

    fn reads_of(&self, found: &Found, monitor: &dyn Monitor) -> Result<Reads> {
        let (table, graph) = (self.objects(monitor)?, self.graph(monitor)?);
        let mut reads = Reads::default();
        monitor.begin("reading what closures read", found.functions.len() as u64);
        for (index, (address, _)) in found.functions.iter().enumerate() {
            if index.is_multiple_of(BETWEEN_LOOKS) {
                monitor.advance(BETWEEN_LOOKS as u64);
                if monitor.cancelled() {
                    return Err(Error::Interrupted);
                }
            }
            let function = Tagged::pointer(*address);
            let Ok(object) = self.object(function) else { continue };
            let (Ok(shared), Ok(context)) =
                (self.shared_function_info(object), self.function_context(object))
            else {
                continue;
            };
            let of_function = reads.known.of(self, shared.value());
            self.mark_around(&mut reads, &of_function, context, Some(function));
        }
        for address in &found.generators {
            self.mark_own(&mut reads, Tagged::pointer(*address));
        }
        let mut runs = |id: u32| {
            let object = self.object_by_id(table, ObjectId(id));
            if let Some(context) = object.filter(|object| object.kind() == Kind::Context) {
                reads.contexts.entry(context.address).or_default().runs = true;
            }
        };
        for ObjectId(id) in &found.aliasing {
            graph.holds.of(*id).iter().copied().for_each(&mut runs);
        }
        for root in self.roots(monitor)?.all() {
            if matches!(
                root.kind,
                RootKind::Stack(_) | RootKind::Register(_) | RootKind::NativeFrame(_) | RootKind::HandleScope
            ) {
                runs(root.target);
            }
        }
        Ok(reads)
    }

    /// Marks what a function reads of the contexts around it.
    fn mark_around(
        &self,
        reads: &mut Reads,
        of_function: &CapturedReads,
        context: Tagged,
        keeper: Option<Tagged>,
    ) {
        let names: Vec<u32> = of_function.names.iter().map(|names| reads.number(names)).collect();
        let mut rest = of_function.around.as_slice();
        let mut next = self.object(context).ok();
        for distance in 0..MOST_CONTEXTS {
            let Some(context) = next.filter(|context| context.kind() == Kind::Context) else { break };
            let own = reads.contexts.entry(context.address).or_default();
            if distance == 0 && own.keeper.is_none() {
                own.keeper = keeper;
            }
            while let Some((read, others)) = rest.split_first()
                && read.distance == distance
            {
                own.set(read.slot);
                rest = others;
            }
            let mut goes_on = !rest.is_empty();
            if of_function.any {
                goes_on |= !std::mem::replace(&mut own.any, true);
            }
            for number in &names {
                if reads.has_names.insert((context.address, *number)) {
                    own.names.push(*number);
                    goes_on = true;
                }
            }
            if !goes_on {
                break;
            }
            next = self.previous_context(context).ok().flatten();
        }
    }

    /// Marks what a suspended call may read of its own contexts.
    fn mark_own(&self, reads: &mut Reads, generator: Tagged) {
        let Ok(object) = self.object(generator) else { return };
        let Ok(call) = self.generator(object) else { return };
        if call.state == GeneratorState::Closed {
            return;
        }
        let function = self.object(call.function);
        let Ok(shared) = function.and_then(|function| self.shared_function_info(function)) else { return };
        let around = self.object(call.function).and_then(|function| self.function_context(function));
        let (Ok(around), Ok(innermost)) = (around, self.closure_context(object)) else { return };
        let chain = self.context_chain(innermost);
        let mut own: Vec<u64> = chain
            .iter()
            .take_while(|context| context.value() != around)
            .map(|context| context.address)
            .collect();
        own.reverse();
        let of_function = reads.known.of(self, shared.value());
        for read in &of_function.own {
            if let Some(context) = own.get(read.distance as usize) {
                reads.contexts.entry(*context).or_default().set(read.slot);
            }
        }
        let names: Vec<u32> = of_function.names.iter().map(|names| reads.number(names)).collect();
        for context in own {
            let known = reads.contexts.entry(context).or_default();
            known.runs |= of_function.any;
            for number in &names {
                if reads.has_names.insert((context, *number)) {
                    known.names.push(*number);
                }
            }
        }
    }

    /// The slots that nobody reads, by variable.
    fn unread_slots(
        &self,
        found: &Found,
        reads: &Reads,
        answer: &mut UnreadVariables,
        monitor: &dyn Monitor,
    ) -> Result<Vec<Group>> {
        let table = self.objects(monitor)?;
        let dominators = self.dominators(monitor)?;
        let mut slots_of: AddressMap<Vec<(u64, Tagged, String)>> = AddressMap::default();
        let mut groups: HashMap<(u64, u64), Group> = HashMap::new();
        let nothing = Context::default();
        for (index, (address, id)) in found.contexts.iter().enumerate() {
            if index.is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            let Ok(context) = self.object(Tagged::pointer(*address)) else { continue };
            let Ok(scope) = self.context_scope_info(context).and_then(|scope| self.object(scope)) else {
                continue;
            };
            let slots = slots_of.entry(scope.address).or_insert_with(|| self.plain_slots(scope));
            if slots.is_empty() {
                continue;
            }
            answer.contexts += 1;
            let known = reads.contexts.get(address).unwrap_or(&nothing);
            let length = self.context_length(*address).unwrap_or(0);
            let (mut unread, mut held_otherwise) = (Vec::new(), Vec::new());
            for (slot, name, text) in slots.iter().filter(|(slot, ..)| *slot < length) {
                let at = self.fields().context_slot(*address, *slot);
                let Ok(word) = self.words().tagged(at, "context slot") else { continue };
                let Some((target, value)) = self.held_by_slot(word) else { continue };
                let ids = table.id_at(self.spaces(), target).zip(table.id_at(self.spaces(), value));
                let Some((target, value)) = ids.filter(|(_, value)| dominators.is_reached(value.0)) else {
                    continue;
                };
                answer.holding += 1;
                let is_read = known.is_read(*slot);
                let is_unknown = known.any || known.runs;
                let has_name = || known.names.iter().any(|names| reads.names[*names as usize].contains(text));
                if !is_read && is_unknown {
                    answer.unknown += 1;
                } else if !is_read && has_name() {
                    answer.by_name += 1;
                } else if !is_read {
                    unread.push((*slot, *name, target, value));
                    continue;
                }
                held_otherwise.push(target);
            }
            for (slot, name, target, value) in unread {
                if held_otherwise.contains(&target) {
                    continue;
                }
                let group = groups.entry((scope.address, slot)).or_insert_with(|| Group {
                    cuts: Vec::new(),
                    bound: 0,
                    variable: UnreadVariable {
                        name,
                        values: Vec::new(),
                        largest: (*id, value),
                        keeper: None,
                        freed: None,
                    },
                });
                group.cuts.push((id.0, target.0));
                group.variable.values.push((*id, value));
                let largest = group.variable.largest.1;
                if group.variable.keeper.is_none() || dominators.total(value.0) > dominators.total(largest.0)
                {
                    group.variable.largest = (*id, value);
                    group.variable.keeper = known.keeper.or(group.variable.keeper);
                }
            }
        }
        Ok(groups.into_values().collect())
    }

    /// The slots of a scope's variables that are in no other way to be read, with their names. What begins with a dot is V8's own.
    fn plain_slots(&self, scope: HeapObject<'_>) -> Vec<(u64, Tagged, String)> {
        let Some(parts) = self.scope_info(scope.address) else { return Vec::new() };
        if scope.kind() != Kind::ScopeInfo || parts.kind == Some(ScopeKind::Script) {
            return Vec::new();
        }
        let named = |(slot, name)| Some((slot, name, self.name_text(name)?));
        let slots = self.slot_names(scope).unwrap_or_default().into_iter().filter_map(named);
        slots.filter(|(.., text)| !text.is_empty() && !text.contains('.')).collect()
    }

    /// What a slot holds in the view: the addresses of the object itself and of the value that it is for. Nothing of what is in no
    /// object, or is a constant of the language.
    fn held_by_slot(&self, word: Tagged) -> Option<(u64, u64)> {
        let target = self.object(word).ok()?;
        let value = match target.kind() {
            Kind::ContextCell => {
                let at = target.address + self.fields().context_cell_value;
                self.object(self.words().tagged(at, "value of a ContextCell").ok()?).ok()?
            }
            _ => target,
        };
        let is_of_program =
            value.kind().is_js_object() || matches!(value.kind(), Kind::String | Kind::BigInt);
        is_of_program.then_some((target.address, value.address))
    }

    /// Finds out what would be freed without the variables, all of them and the largest ones by one, and sorts by it.
    fn measure(
        &self,
        groups: &mut Vec<Group>,
        most: usize,
        answer: &mut UnreadVariables,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let graph = self.graph(monitor)?;
        let dominators = self.dominators(monitor)?;
        let roots = self.roots(monitor)?.all();
        if groups.is_empty() {
            return Ok(());
        }
        let all = Cuts::new(graph.len(), groups.iter().flat_map(|group| group.cuts.iter().copied()));
        let still = dominators.reached_without(graph, roots, &all, monitor)?;
        answer.freed = dominators.lost(graph, &still);
        for group in &mut *groups {
            let lost = group.cuts.iter().filter(|(_, target)| !still.contains(*target));
            group.bound = lost.map(|(_, target)| dominators.total(*target)).fold(0, u64::saturating_add);
        }
        // What somebody else holds as well is no leak of these.
        groups.retain(|group| group.bound > 0);
        groups.sort_by_key(|group| (std::cmp::Reverse(group.bound), group.cuts[0]));
        for group in groups.iter_mut().take(most) {
            let cuts = Cuts::new(graph.len(), group.cuts.iter().copied());
            let still = dominators.reached_without(graph, roots, &cuts, monitor)?;
            group.variable.freed = Some(dominators.lost(graph, &still));
        }
        // What several of them hold together counts with all, and with none alone.
        groups.retain(|group| group.variable.freed != Some((0, 0)));
        let size = |group: &Group| group.variable.freed.map_or(0, |(inside, outside)| inside + outside);
        groups.sort_by_key(|group| {
            (std::cmp::Reverse(size(group)), std::cmp::Reverse(group.bound), group.cuts[0])
        });
        Ok(())
    }
}

impl Reads {
    fn number(&mut self, names: &Arc<HashSet<String>>) -> u32 {
        let next = self.names.len() as u32;
        let number = *self.number_of_names.entry(Arc::as_ptr(names) as usize).or_insert(next);
        if number == next {
            self.names.push(names.clone());
        }
        number
    }
}

/// A variable on its way to be shown.
struct Group {
    /// References to cut.
    cuts: Vec<(u32, u32)>,
    /// At most so much is freed.
    bound: u64,
    variable: UnreadVariable,
}
