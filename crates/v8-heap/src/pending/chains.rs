//! Await chains: who waits for whom, from the promise that nothing has settled to the one that nobody waits for.
//!
//! ```text
//!   promise ── reaction ──► suspended call ──► its own promise ── reaction ──► then(f) ──► promise ── ...
//! ```
//!
//! A chain begins at a pending promise that does not follow another, and goes on over what waits for it. Where two wait for one
//! promise, the chain forks, and each way is one chain. Chains of the same functions, suspended at the same places, are one line
//! with a count. Of what nothing keeps alive nothing is counted, if the core tells.
//!
//! What can settle the promise at the beginning is told by who holds the functions that do: an executor's `resolve` and `reject`, or the
//! object of a request. If nothing living holds any, nothing ever settles it: an orphan.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::address_map::AddressMap;
use crate::graph::{RootKind, Roots, Rows};
use crate::heap::Heap;
use crate::index::ObjectTable;
use crate::index::parallel::in_order;
use crate::layout::Kind;
use crate::objects::context::{Variable, VariableValue};
use crate::objects::generator::GeneratorState;
use crate::objects::promise::{Promise, Reaction, Waits};
use crate::objects::properties::PropertyValue;
use crate::objects::value::HeapObject;
use crate::remembered::names::NameId;
use crate::{Monitor, Result, Tagged};

/// Promises whose settlers one processor looks for at a time.
const AT_A_TIME: usize = 1024;
/// Links of a chain that are followed.
const LONGEST_CHAIN: usize = 256;
/// Ways from one promise to those that nobody waits for: forks multiply.
const MOST_WAYS: usize = 1 << 20;
/// Ways of a heap, for each that waits, and beside that.
const WAYS_OF_ONE: usize = 16;
const FEWEST_WAYS: usize = 1 << 20;
/// Holders that are looked through for what can settle one promise.
const MOST_HOLDERS: usize = 512;
/// Functions of one scope that are followed to what calls them.
const MOST_SHARING: usize = 4;
/// Holders of one object among them.
const HOLDERS_OF_ONE: usize = 64;

/// One link: what waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    /// How it waits.
    pub waits: Waits,
    /// The `SharedFunctionInfo` of the suspended call, or of the function that `then` and its kin were given.
    pub function: Option<Tagged>,
    /// How far a suspended call is: for [`crate::View::suspended_position`].
    pub offset: Option<i32>,
    /// The promise is that of `Promise.race`: several others settle it.
    pub is_race: bool,
}

/// What can settle the promise at the beginning of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SettlerKind {
    /// Nothing: the chain waits for ever.
    Orphan,
    /// The chain waits for itself.
    Cycle,
    /// A timer or immediate.
    Timer,
    /// A request, or another object of Node.js's native part.
    Native,
    /// A function of the program that has not called `resolve`, or an object that keeps it.
    Held,
    /// A call that is running.
    Running,
    /// Nothing is awaited any more: the call goes on as soon as it is its turn.
    Ready,
    /// The core does not tell what lives, so that this cannot be told.
    Unknown,
}

/// What can settle a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Settler {
    /// What it is.
    pub kind: SettlerKind,
    /// The constructor of the object that has the function that settles the promise.
    pub constructor: Option<NameId>,
    /// The name of the property of that object through which it has it.
    pub property: Option<Tagged>,
    /// The `SharedFunctionInfo` of the function that has it in a variable, where no object has it.
    pub function: Option<Tagged>,
    /// The name of the variable that holds it, or that holds the collection it is in, where no object has it.
    pub variable: Option<Tagged>,
}

/// Chains that are alike.
#[derive(Clone, Debug)]
pub struct Chain {
    /// From the inside out: what waits for the promise, what waits for that, and so on.
    pub links: Vec<Link>,
    /// What can settle the promise at the beginning.
    pub settler: Settler,
    /// What settles it in the first of the chains: a timer, a request, an object of the program.
    pub settled_by: Option<Tagged>,
    /// The suspended call at the inner end of each, or the promise where there is none.
    pub members: Vec<Tagged>,
    /// There are more links.
    pub is_cut: bool,
}

/// All await chains of a heap.
#[derive(Clone, Debug, Default)]
pub struct Chains {
    /// Those of which there are most in front.
    pub list: Vec<Chain>,
    /// Not all ways have been followed.
    pub is_cut: bool,
}

/// What waits for one promise.
#[derive(Clone, Copy, Debug)]
struct Waiter {
    link: Link,
    call: Option<Tagged>,
    /// The promise that is settled next.
    next: Option<u64>,
    /// Which of those that something waits for that one is.
    place: Option<u32>,
}

/// All that waits for one promise, while it is handed from thread to thread: mostly that is one.
struct Waiters {
    first: Waiter,
    others: Vec<Waiter>,
}

impl Waiters {
    fn of(mut waiters: impl Iterator<Item = Waiter>) -> Option<Waiters> {
        Some(Waiters { first: waiters.next()?, others: waiters.collect() })
    }

    fn len(&self) -> usize {
        1 + self.others.len()
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    settler: Settler,
    links: Vec<Link>,
    is_cut: bool,
}

/// Who waits for whom. Promises that something waits for have numbers, in the order of their addresses.
#[derive(Default)]
struct Waiting {
    /// Their addresses.
    promises: Vec<u64>,
    /// What waits for them: from where the entry of each below says on.
    waiters: Vec<Waiter>,
    starts: Vec<u32>,
    /// Whether another one settles it.
    is_followed: Vec<bool>,
    /// Calls that wait for a promise, in the order of their addresses.
    calls: Vec<Tagged>,
    /// Suspended calls that wait for none.
    ready: Vec<Waiter>,
    is_cut: bool,
}

impl Waiting {
    fn push(&mut self, promise: u64, waiters: Waiters) {
        self.promises.push(promise);
        self.starts.push(self.waiters.len() as u32);
        self.waiters.push(waiters.first);
        self.waiters.extend(waiters.others);
    }

    /// What waits for the promise with this number.
    fn of(&self, place: u32) -> &[Waiter] {
        let start = |place: usize| self.starts.get(place).map_or(self.waiters.len(), |start| *start as usize);
        &self.waiters[start(place as usize)..start(place as usize + 1)]
    }

    fn numbers(&self) -> std::ops::Range<u32> {
        0..self.promises.len() as u32
    }

    /// Finds what those that wait settle next: on all processors, since each is searched for.
    fn find_next(&mut self) {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = self.waiters.len().div_ceil(threads).max(1);
        let promises = &*self.promises;
        crossbeam::thread::scope(|scope| {
            for part in self.waiters.chunks_mut(share) {
                scope.spawn(move |_| part.iter_mut().for_each(|waiter| waiter.find_next(promises)));
            }
        })
        .expect("searching does not panic");
        self.is_followed = vec![false; self.promises.len()];
        for place in self.waiters.iter().filter_map(|waiter| waiter.place) {
            self.is_followed[place as usize] = true;
        }
    }
}

impl Waiter {
    fn find_next(&mut self, promises: &[u64]) {
        let place = self.next.and_then(|next| promises.binary_search(&next).ok());
        self.place = place.map(|place| place as u32);
    }
}

impl Heap<'_> {
    /// All await chains, those of which there are most in front.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so; what fails when the heap is indexed or its references are read.
    pub fn await_chains(&self, monitor: &dyn Monitor) -> Result<Chains> {
        let table = self.objects(monitor)?;
        let tells = self.lacks_for_census(monitor)?.is_empty();
        let reached = if tells { Some(&**self.reached(monitor)?) } else { None };
        let lives = |address: u64| {
            reached.is_none_or(|reached| {
                table.id_at(self.spaces(), address).is_some_and(|id| reached.contains(id.0))
            })
        };
        let waiting = self.waiting(table.len(), &lives, monitor)?;
        let mut timers: HashSet<Tagged> =
            self.timers(monitor)?.into_iter().map(|timer| timer.object).collect();
        timers.extend(self.immediates(monitor)?.into_iter().map(|immediate| immediate.object));
        let held_by = if tells { Some((self.held_by(monitor)?, self.roots(monitor)?)) } else { None };
        let mut ways = Ways {
            waiting: &waiting,
            groups: HashMap::new(),
            list: Vec::new(),
            last: 0,
            is_visited: vec![false; waiting.promises.len()],
            count: 0,
            most: FEWEST_WAYS.saturating_add(waiting.waiters.len().saturating_mul(WAYS_OF_ONE)),
            is_cut: waiting.is_cut,
            path: Path::default(),
        };
        monitor.begin("following promises", waiting.promises.len() as u64);
        let starts: Vec<u32> =
            waiting.numbers().filter(|place| !waiting.is_followed[*place as usize]).collect();
        let settlers = |turn: usize| {
            let mut search = Search {
                heap: self,
                table,
                held_by,
                timers: &timers,
                of_store: AddressMap::default(),
                lives: &lives,
            };
            let part = starts.chunks(AT_A_TIME).nth(turn).unwrap_or_default();
            let promises = part.iter().map(|place| waiting.promises[*place as usize]);
            promises.map(|promise| search.settler_of(promise)).collect::<Vec<_>>()
        };
        in_order(starts.len().div_ceil(AT_A_TIME), monitor, settlers, &mut |turn, settlers| {
            for (place, (settler, by)) in starts[turn * AT_A_TIME..].iter().zip(settlers) {
                ways.follow(*place, settler, by);
            }
            monitor.advance(AT_A_TIME as u64);
            Ok(())
        })?;
        for waiter in &waiting.ready {
            let kind = SettlerKind::Ready;
            ways.follow_from(
                waiter,
                Settler { kind, constructor: None, property: None, function: None, variable: None },
                None,
            );
        }
        // What is left goes round. A circle begins where a call waits, if there is one.
        let mut rest: Vec<u32> =
            waiting.numbers().filter(|place| !ways.is_visited[*place as usize]).collect();
        let calls = |place: &u32| waiting.of(*place).iter().any(|waiter| waiter.call.is_some());
        rest.sort_unstable_by_key(|place| (!calls(place), *place));
        for place in rest {
            if !ways.is_visited[place as usize] {
                let kind = SettlerKind::Cycle;
                let settler =
                    Settler { kind, constructor: None, property: None, function: None, variable: None };
                ways.follow(place, settler, None);
            }
        }
        Ok(ways.finish(self))
    }

    /// `most` objects are there: no more can wait.
    fn waiting(
        &self,
        most: usize,
        lives: &(dyn Fn(u64) -> bool + Sync),
        monitor: &dyn Monitor,
    ) -> Result<Waiting> {
        let mut waiting = Waiting::default();
        // A function that settles one promise for several others is that of a race.
        let mut handlers: HashMap<Tagged, u32> = HashMap::new();
        // Damaged promises may all have the same long list of what waits.
        let count = AtomicUsize::new(0);
        let waiters_of = |promise: HeapObject<'_>| {
            if count.load(Ordering::Relaxed) > most {
                return None;
            }
            if !matches!(self.promise(promise), Ok(Promise::Pending)) || !lives(promise.address) {
                return None;
            }
            let reactions = self.promise_reactions(promise).unwrap_or_default();
            count.fetch_add(reactions.len(), Ordering::Relaxed);
            let waiters = Waiters::of(reactions.iter().map(|reaction| self.waiter_of(reaction)))?;
            Some((promise.address, waiters))
        };
        self.for_each_made_of(Kind::JsPromise, monitor, waiters_of, |(promise, waiters)| {
            waiting.is_cut |= waiting.waiters.len() + waiters.len() > most;
            if !waiting.is_cut {
                waiting.push(promise, waiters);
            }
            !waiting.is_cut
        })?;
        waiting.find_next();
        for waiter in &waiting.waiters {
            if waiter.link.waits == Waits::Resolves
                && let Some(handler) = waiter.link.function
            {
                *handlers.entry(handler).or_default() += 1;
            }
        }
        for waiter in &mut waiting.waiters {
            if waiter.link.waits == Waits::Resolves
                && let Some(handler) = waiter.link.function.take()
            {
                waiter.link.is_race = handlers.get(&handler).is_some_and(|count| *count > 1);
            }
        }
        waiting.calls = waiting.waiters.iter().filter_map(|waiter| waiter.call).collect();
        waiting.calls.sort_unstable();
        let suspended = self.map_each_of(Kind::JsGenerator, monitor, |call| {
            let is_it = waiting.calls.binary_search(&call.value()).is_err()
                && self.async_function_promise(call).is_some()
                && matches!(self.generator(call), Ok(generator) if generator.state == GeneratorState::Suspended)
                && lives(call.address);
            is_it.then(|| {
                let next = self.promise_of_call(call.value()).and_then(Tagged::strong);
                let link = self.link_of_call(call.value(), Waits::Await);
                let mut waiter = Waiter { link, call: Some(call.value()), next, place: None };
                waiter.find_next(&waiting.promises);
                waiter
            })
        })?;
        for place in suspended.iter().filter_map(|waiter| waiter.place) {
            waiting.is_followed[place as usize] = true;
        }
        waiting.ready = suspended;
        Ok(waiting)
    }

    fn waiter_of(&self, reaction: &Reaction) -> Waiter {
        let next = match reaction.awaiting {
            Some(call) => self.promise_of_call(call),
            None => reaction.promise,
        };
        let mut link = self.link_of_reaction(reaction);
        if link.waits == Waits::Resolves {
            // Kept until all handlers have been seen.
            link.function = reaction.handler;
        }
        Waiter { link, call: reaction.awaiting, next: next.and_then(Tagged::strong), place: None }
    }

    /// What waits by a reaction.
    pub(super) fn link_of_reaction(&self, reaction: &Reaction) -> Link {
        let function = || {
            let function = self.object(reaction.handler?).ok()?;
            (function.kind() == Kind::JsFunction)
                .then(|| self.shared_function_info(function).ok().map(|shared| shared.value()))?
        };
        match (reaction.awaiting, reaction.waits) {
            (Some(call), waits) => self.link_of_call(call, waits),
            (None, waits @ (Waits::Then | Waits::Catch | Waits::Finally)) => {
                Link { waits, function: function(), offset: None, is_race: false }
            }
            (None, waits) => Link { waits, function: None, offset: None, is_race: false },
        }
    }

    /// A suspended call that waits.
    pub fn link_of_call(&self, call: Tagged, waits: Waits) -> Link {
        let found = self.object(call).ok().and_then(|call| self.suspended_in(call));
        let (function, offset) = (found.map(|(function, _)| function), found.map(|(_, offset)| offset));
        Link { waits, function, offset, is_race: false }
    }

    /// The promise that is settled when a suspended call goes on to its end, or to its next `yield`.
    fn promise_of_call(&self, call: Tagged) -> Option<Tagged> {
        let call = self.object(call).ok()?;
        match self.async_function_promise(call) {
            Some(promise) => Some(promise),
            None => Some(self.generator_requests(call).ok()??.first()?.promise),
        }
    }
}

/// The ways that have been gone.
struct Ways<'w> {
    waiting: &'w Waiting,
    /// Where each group is in the list below.
    groups: HashMap<Key, usize>,
    list: Vec<Group>,
    /// That which was met last: many that are alike come one behind the other.
    last: usize,
    /// By the number of the promise.
    is_visited: Vec<bool>,
    count: usize,
    most: usize,
    is_cut: bool,
    path: Path,
}

/// Where one is on a way: room that is used again for the next.
#[derive(Default)]
struct Path {
    links: Vec<Link>,
    calls: Vec<Option<Tagged>>,
    promises: Vec<u32>,
    /// What has still to be gone: how many links and calls are in front of it, and what waits there.
    open: Vec<(usize, usize, Option<Waiter>, Option<u32>)>,
}

impl Ways<'_> {
    /// All ways from a promise on.
    fn follow(&mut self, place: u32, settler: Settler, by: Option<Tagged>) {
        self.walk(Some(place), None, settler, by);
    }

    /// All ways from a call on that waits for nothing.
    fn follow_from(&mut self, waiter: &Waiter, settler: Settler, by: Option<Tagged>) {
        self.walk(waiter.place, Some(*waiter), settler, by);
    }

    fn walk(&mut self, first: Option<u32>, from: Option<Waiter>, settler: Settler, by: Option<Tagged>) {
        let mut path = std::mem::take(&mut self.path);
        path.open.clear();
        path.open.push((0, 0, from, first));
        let waiting = self.waiting;
        let start = first.map(|place| Tagged::pointer(waiting.promises[place as usize]));
        let mut ways = 0;
        while let Some((links, promises, waiter, next)) = path.open.pop() {
            path.links.truncate(links);
            path.calls.truncate(links);
            path.promises.truncate(promises);
            if let Some(waiter) = waiter {
                path.links.push(waiter.link);
                path.calls.push(waiter.call);
            }
            let is_too_long = path.links.len() >= LONGEST_CHAIN;
            match next {
                Some(place) if !path.promises.contains(&place) && !is_too_long => {
                    self.is_visited[place as usize] = true;
                    path.promises.push(place);
                    let (links, promises) = (path.links.len(), path.promises.len());
                    let waiters = waiting.of(place).iter().rev();
                    path.open.extend(waiters.map(|waiter| (links, promises, Some(*waiter), waiter.place)));
                }
                more => {
                    let member = path.calls.iter().flatten().next().copied().or(start);
                    let is_cut = is_too_long && more.is_some();
                    self.is_cut |= is_cut;
                    if path.links.is_empty() {
                        continue;
                    }
                    let group = self.group(settler, &path.links, is_cut, by);
                    self.list[group].2.extend(member);
                    self.count += 1;
                    ways += 1;
                    if ways >= MOST_WAYS || self.count >= self.most {
                        self.is_cut = true;
                        break;
                    }
                }
            }
        }
        // What was left out has been met all the same.
        for place in path.open.drain(..).filter_map(|(.., place)| place) {
            self.is_visited[place as usize] = true;
        }
        self.path = path;
    }

    /// The group of a way.
    fn group(&mut self, settler: Settler, links: &[Link], is_cut: bool, by: Option<Tagged>) -> usize {
        let is_it = |key: &Key| key.settler == settler && key.links == links && key.is_cut == is_cut;
        if !self.list.get(self.last).is_some_and(|(key, ..)| is_it(key)) {
            let key = Key { settler, links: links.to_vec(), is_cut };
            self.last = *self.groups.entry(key.clone()).or_insert_with(|| {
                self.list.push((key, by, Vec::new()));
                self.list.len() - 1
            });
        }
        self.last
    }

    fn finish(mut self, heap: &Heap<'_>) -> Chains {
        let list = std::mem::take(&mut self.list);
        let mut list: Vec<Chain> = of_one_place(heap, list)
            .into_iter()
            .map(|(key, settled_by, mut members)| {
                members.sort_unstable();
                let Key { settler, links, is_cut } = key;
                Chain { links, settler, settled_by, members, is_cut }
            })
            .collect();
        let place = |link: &Link| (link.waits, link.function, link.offset);
        list.sort_by(|a, b| {
            b.members
                .len()
                .cmp(&a.members.len())
                .then_with(|| a.members.first().cmp(&b.members.first()))
                .then_with(|| a.links.iter().map(place).cmp(b.links.iter().map(place)))
        });
        Chains { list, is_cut: self.is_cut }
    }
}

type Group = (Key, Option<Tagged>, Vec<Tagged>);

/// Groups whose calls are suspended at the same places are one: how far a call is V8 counts otherwise in optimised code.
fn of_one_place(heap: &Heap<'_>, groups: Vec<Group>) -> Vec<Group> {
    let (mut positions, mut firsts) = (HashMap::new(), HashMap::new());
    let (mut places, mut merged): (HashMap<Key, usize>, Vec<Group>) = (HashMap::new(), Vec::new());
    for (mut key, by, mut members) in groups {
        for link in &mut key.links {
            if let (Some(function), Some(offset)) = (link.function, link.offset) {
                let position = *positions
                    .entry((function, offset))
                    .or_insert_with(|| heap.suspended_position(function, offset));
                link.offset =
                    position.map_or(link.offset, |at| Some(*firsts.entry((function, at)).or_insert(offset)));
            }
        }
        match places.get(&key) {
            Some(place) => merged[*place].2.append(&mut members),
            None => {
                places.insert(key.clone(), merged.len());
                merged.push((key, by, members));
            }
        }
    }
    merged
}

/// Looks for what can settle a promise.
struct Search<'s, 'h> {
    heap: &'s Heap<'h>,
    table: &'s ObjectTable,
    /// Nothing if the core does not tell what lives.
    held_by: Option<(&'s Rows, &'s Roots)>,
    timers: &'s HashSet<Tagged>,
    /// What has been found of a store of elements: many promises are settled from one array.
    of_store: AddressMap<(Settler, Option<Tagged>)>,
    lives: &'s (dyn Fn(u64) -> bool + Sync),
}

impl<'s> Search<'s, '_> {
    fn holders(&self, object: u64) -> Vec<HeapObject<'s>> {
        self.first_holders(object, HOLDERS_OF_ONE)
    }

    fn first_holders(&self, object: u64, most: usize) -> Vec<HeapObject<'s>> {
        let Some((rows, _)) = self.held_by else { return Vec::new() };
        let Some(id) = self.table.id_at(self.heap.spaces(), object) else { return Vec::new() };
        let holders = rows.of(id.0).iter().take(most);
        holders
            .filter_map(|holder| {
                let holder = self.heap.object_by_id(self.table, crate::index::ObjectId(*holder))?;
                (self.lives)(holder.address).then_some(holder)
            })
            .collect()
    }

    fn settler_of(&mut self, promise: u64) -> (Settler, Option<Tagged>) {
        let heap = self.heap;
        let settler =
            |kind| Settler { kind, constructor: None, property: None, function: None, variable: None };
        let Some((_, roots)) = self.held_by else {
            return (settler(SettlerKind::Unknown), None);
        };
        let own = Tagged::pointer(promise);
        let native = |object: HeapObject<'_>| {
            let constructor = Some(heap.constructor_name(object));
            (Settler { constructor, ..settler(SettlerKind::Native) }, Some(object.value()))
        };
        let mut functions = Vec::new();
        // All of them: it is an orphan only if none of them leads to what settles it.
        for holder in self.first_holders(promise, usize::MAX) {
            match holder.kind() {
                Kind::Context => functions.extend(
                    self.holders(holder.address)
                        .into_iter()
                        .filter(|function| heap.settled_by(function.value()) == Some(own)),
                ),
                Kind::JsApiObject => return native(holder),
                Kind::JsGenerator if heap.async_function_promise(holder) == Some(own) => {
                    return (settler(SettlerKind::Running), Some(holder.value()));
                }
                // The microtask that asks a thenable.
                _ if heap.class_name(holder.value()) == "PromiseResolveThenableJobTask" => {
                    return (settler(SettlerKind::Ready), Some(holder.value()));
                }
                Kind::PropertyArray | Kind::NameDictionary => {
                    let object = self.holders(holder.address).into_iter();
                    let mut object = object.filter(|object| object.kind() == Kind::JsApiObject);
                    if let Some(object) = object.next() {
                        return native(object);
                    }
                }
                _ => {}
            }
        }
        if functions.is_empty() {
            let id = self.table.id_at(heap.spaces(), promise);
            let is_native = |kind: RootKind| matches!(kind, RootKind::GlobalHandle | RootKind::TracedHandle);
            let has_handle = id.is_some_and(|id| roots.of(id.0).iter().any(|root| is_native(root.kind)));
            let kind = if has_handle { SettlerKind::Native } else { SettlerKind::Orphan };
            return (settler(kind), None);
        }
        let mut stores = functions.iter().flat_map(|function| self.holders(function.address));
        let store = stores.next().filter(|store| store.kind() == Kind::FixedArray);
        let store = store.filter(|_| stores.next().is_none()).map(|store| store.address);
        drop(stores);
        if let Some(known) = store.and_then(|store| self.of_store.get(&store)) {
            return *known;
        }
        let found = self.holder_of(&functions);
        if let Some(store) = store {
            self.of_store.insert(store, found);
        }
        found
    }

    /// What has one of some functions: the nearest timer or native object, else the nearest object of a class of the program, or
    /// variable.
    fn holder_of(&self, functions: &[HeapObject<'s>]) -> (Settler, Option<Tagged>) {
        let heap = self.heap;
        let none = Settler {
            kind: SettlerKind::Held,
            constructor: None,
            property: None,
            function: None,
            variable: None,
        };
        let mut seen: HashSet<u64> = functions.iter().map(|function| function.address).collect();
        // What holds something, what it holds, and whether that is one of the functions or holds only what captured them.
        let mut queue: VecDeque<(HeapObject<'s>, HeapObject<'s>, bool)> = VecDeque::new();
        let mut named: Vec<(u8, Settler, Tagged)> = Vec::new();
        for function in functions {
            self.enqueue(*function, true, &mut seen, &mut queue);
        }
        while let Some((holder, held, is_direct)) = queue.pop_front() {
            if self.timers.contains(&holder.value()) {
                let constructor = Some(heap.constructor_name(holder));
                return (Settler { kind: SettlerKind::Timer, constructor, ..none }, Some(holder.value()));
            }
            match holder.kind() {
                Kind::JsApiObject => {
                    let constructor = Some(heap.constructor_name(holder));
                    return (
                        Settler { kind: SettlerKind::Native, constructor, ..none },
                        Some(holder.value()),
                    );
                }
                Kind::Context => {
                    let variable = self.variable_with(holder, held);
                    if variable.is_some() {
                        named.push((1, Settler { variable, ..none }, holder.value()));
                    }
                    // Where many functions share the variables of a scope, it is not known which of them use this one.
                    let holders = self.holders(holder.address);
                    let inside =
                        |object: &&HeapObject<'_>| matches!(object.kind(), Kind::JsFunction | Kind::Context);
                    if is_direct && holders.iter().filter(inside).count() <= MOST_SHARING {
                        for inner in holders {
                            if matches!(inner.kind(), Kind::JsFunction | Kind::Context)
                                && seen.len() < MOST_HOLDERS
                                && seen.insert(inner.address)
                            {
                                queue.push_back((inner, holder, true));
                            }
                        }
                    }
                }
                Kind::JsFunction => {
                    if heap.settled_by(holder.value()).is_none() {
                        let function = heap.shared_function_info(holder).ok().map(|shared| shared.value());
                        named.push((2, Settler { function, ..none }, holder.value()));
                    }
                    self.enqueue(holder, true, &mut seen, &mut queue);
                }
                // A suspended call that has it, and the reactions of promises, are no way out.
                Kind::JsGenerator | Kind::JsPromise => {}
                kind if kind.is_js_object() => {
                    let is_plain = heap.constructor_function(holder).is_none_or(|constructor| {
                        heap.object(constructor)
                            .and_then(|function| heap.shared_function(heap.shared_function_info(function)?))
                            .is_ok_and(|shared| shared.script.is_none())
                    });
                    let constructor = Some(heap.constructor_name(holder));
                    let property = self.property_with(holder, held);
                    let rank = if is_plain { 3 } else { 0 };
                    named.push((rank, Settler { constructor, property, ..none }, holder.value()));
                    // Collections and records belong to somebody.
                    if is_plain {
                        self.enqueue(holder, false, &mut seen, &mut queue);
                    }
                }
                kind if kind != Kind::NativeContext => self.enqueue(holder, false, &mut seen, &mut queue),
                _ => {}
            }
        }
        match named.into_iter().min_by_key(|(rank, ..)| *rank) {
            Some((_, settler, object)) => (settler, Some(object)),
            None => (none, None),
        }
    }

    fn enqueue(
        &self,
        held: HeapObject<'s>,
        is_direct: bool,
        seen: &mut HashSet<u64>,
        queue: &mut VecDeque<(HeapObject<'s>, HeapObject<'s>, bool)>,
    ) {
        for holder in self.holders(held.address) {
            if seen.len() < MOST_HOLDERS && seen.insert(holder.address) {
                queue.push_back((holder, held, is_direct));
            }
        }
    }

    /// The variable of a context that holds an object.
    fn variable_with(&self, context: HeapObject<'_>, held: HeapObject<'_>) -> Option<Tagged> {
        let variables = self.heap.context_variables(context).ok()?;
        let holds = |variable: &Variable| matches!(variable.value, VariableValue::Tagged(value) if value == held.value());
        variables.into_iter().find(holds).map(|variable| variable.name)
    }

    /// The property of an object that holds another, itself or by its array of properties.
    fn property_with(&self, object: HeapObject<'_>, held: HeapObject<'_>) -> Option<Tagged> {
        let properties = self.heap.own_properties(object).ok()?;
        let holds =
            |value: PropertyValue| matches!(value, PropertyValue::Data(value) if value == held.value());
        properties.into_iter().find(|property| holds(property.value)).map(|property| property.name)
    }
}
