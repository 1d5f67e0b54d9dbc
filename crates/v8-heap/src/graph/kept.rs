//! How the parts of the graph are kept in a store (see `store`), and what is checked when they come from there.
//!
//! Numbers of objects must be below their count, rows must ascend, and whatever later code goes along must come to an end.
//! Beyond that, some objects are read again and compared: their references and sizes, who holds whom in either direction,
//! sizes of what hangs below.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::census::Tally;
use super::cpp_objects::CppObjects;
use super::dominators::{Dominators, NOBODY, OutsideBytes};
use super::liveness::{Liveness, ObjectSet};
use super::object_graph::{BETWEEN_LOOKS, Ephemeron, Graph, Owned, PageEdges, Reader, Rows, Sizes};
use super::plan::{Outside, Plan};
use super::roots::{Root, RootKind, Roots};
use super::suspects::{Gatherer, Suspect};
use crate::index::{GroupId, Kinds, ObjectId, ObjectTable};
use crate::isolate::PAGE_SIZE;
use crate::store::{Array, Decoder, Encoder, Part, Unusable, are_below, ensure, sample};
use crate::tagged::ADDRESS_LIMIT;
use crate::view::View;
use crate::{Monitor, NameId};

/// Pages whose references are read again.
const COMPARED_PAGES: usize = 8;
/// Objects that are compared with others.
const COMPARED: usize = 1024;
/// References of one object that are looked through.
const MOST_COMPARED: usize = 1024;

impl Rows {
    fn write<'a>(&'a self, to: &mut Encoder<'a>) {
        to.array(&self.starts);
        to.array(&self.targets);
    }

    fn read(nodes: usize, from: &mut Decoder) -> Result<Rows, Unusable> {
        let starts: Array<u32> = from.array_of(nodes + 1)?;
        let targets: Array<u32> = from.array()?;
        // Compared pair by pair without a way out: that is as fast as memory.
        let ascends = starts.windows(2).fold(true, |ascends, pair| ascends & (pair[0] <= pair[1]));
        ensure(
            ascends && starts[0] == 0 && starts[nodes] as usize == targets.len(),
            "rows do not follow each other",
        )?;
        ensure(are_below(&targets, nodes), "a reference leads to no object")?;
        Ok(Rows { starts, targets })
    }
}

/// Whether code can be followed, and where its table is; references; sizes; entries of weak collections; what is owned.
impl Part for Graph {
    const NAME: &'static str = "graph";
    type Known<'h> = (&'h View<'h>, &'h ObjectTable);

    fn write<'a>(&'a self, _: &'a View<'_>, to: &mut Encoder<'a>) {
        to.number(u64::from(self.follows_code));
        to.column(self.code_table.iter().flat_map(|(start, end)| [*start, *end]));
        self.holds.write(to);
        to.array(&self.sizes);
        to.array(&self.ephemerons);
        to.column(self.owned.iter().map(|owned| owned.owner));
        to.column(self.owned.iter().map(|owned| owned.address));
        to.column(self.owned.iter().map(|owned| owned.bytes));
    }

    fn read((view, table): Self::Known<'_>, from: &mut Decoder, _: &dyn Monitor) -> Result<Graph, Unusable> {
        let nodes = table.len();
        let follows_code = from.number()? != 0;
        let code_table: Array<u64> = from.array()?;
        let code_table = match *code_table {
            [] => None,
            [start, end] if start <= end && end <= ADDRESS_LIMIT => Some((start, end)),
            _ => return Err(Unusable::Damaged("the table of code is nowhere")),
        };
        let holds = Rows::read(nodes, from)?;
        let sizes: Array<u32> = from.array_of(nodes)?;
        let ephemerons: Array<Ephemeron> = from.array()?;
        let owners: Array<u32> = from.array()?;
        let addresses: Array<u64> = from.array_of(owners.len())?;
        let bytes: Array<u64> = from.array_of(owners.len())?;
        let words = sizes.iter().map(|size| u64::from(*size)).sum::<u64>();
        let pages = bytes_of_pages(view);
        ensure(words <= pages / view.fields().words.tagged, "the objects are larger than their pages")?;
        ensure(
            ephemerons
                .iter()
                .all(|entry| [entry.key, entry.value, entry.table].iter().all(|id| (*id as usize) < nodes))
                && ephemerons.is_sorted(),
            "an entry of a weak collection is none",
        )?;
        let outside = bytes.iter().try_fold(0u64, |sum, bytes| sum.checked_add(*bytes));
        ensure(
            are_below(&owners, nodes) && owners.is_sorted() && outside.is_some(),
            "what objects own does not belong to them",
        )?;
        let owned = owners.iter().zip(addresses.iter()).zip(bytes.iter());
        let owned =
            owned.map(|((owner, address), bytes)| Owned { owner: *owner, address: *address, bytes: *bytes });
        let graph = Graph {
            holds,
            ephemerons,
            owned: owned.collect::<Vec<_>>().into(),
            sizes: Sizes::Own(sizes),
            unit: view.fields().words.tagged,
            follows_code,
            code_table,
        };
        graph.compare(view, table)?;
        Ok(graph)
    }
}

impl Graph {
    /// Reads some pages again.
    fn compare(&self, view: &View<'_>, table: &ObjectTable) -> Result<(), Unusable> {
        let spaces = view.spaces();
        let plans = Plan::all(view);
        // What leads from functions to their code is left out: to find that table costs a look at many objects.
        let cpp_objects = &CppObjects::find(view, table);
        let code_encoding = spaces.code_encoding();
        let reader =
            Reader { view, table, spaces, plans: &plans, dispatch: None, cpp_objects, code_encoding };
        let is_small =
            |page: &usize| spaces.pages()[*page].size <= PAGE_SIZE && !table.page_maps(*page).1.is_empty();
        let pages: Vec<usize> = (0..table.page_count()).filter(is_small).collect();
        for &page in pages.iter().step_by((pages.len() / COMPARED_PAGES).max(1)) {
            let (first, maps) = table.page_maps(page);
            let PageEdges { degrees, targets, sizes, .. } = reader.read(page);
            let mut from = 0;
            for (number, map) in maps.iter().enumerate() {
                let own = &targets[from..from + degrees[number] as usize];
                from += own.len();
                let id = first.0 as usize + number;
                let is_same = matches!(plans[map.0 as usize].outside, Outside::Dispatch(_))
                    || own == self.holds.of(id as u32);
                ensure(is_same && sizes[number] == self.sizes[id], "an object holds others than it says")?;
            }
        }
        Ok(())
    }
}

fn bytes_of_pages(view: &View<'_>) -> u64 {
    view.spaces().pages().iter().fold(0, |sum, page| sum.saturating_add(page.size))
}

/// Who holds each object.
impl Part for Rows {
    const NAME: &'static str = "holders";
    type Known<'h> = &'h Graph;

    fn write<'a>(&'a self, _: &'a View<'_>, to: &mut Encoder<'a>) {
        self.write(to);
    }

    fn read(graph: Self::Known<'_>, from: &mut Decoder, _: &dyn Monitor) -> Result<Rows, Unusable> {
        let rows = Rows::read(graph.len(), from)?;
        ensure(rows.edges() == graph.holds.edges(), "there are other references than those turned around")?;
        for id in sample(graph.len(), COMPARED) {
            for holder in rows.of(id).iter().take(MOST_COMPARED) {
                let held = graph.holds.of(*holder);
                ensure(
                    held.len() > MOST_COMPARED || held.contains(&id),
                    "an object is held by one that does not hold it",
                )?;
            }
            for target in graph.holds.of(id).iter().take(MOST_COMPARED) {
                // Holders are in ascending order.
                ensure(
                    rows.of(*target).binary_search(&id).is_ok(),
                    "an object is not held by one that holds it",
                )?;
            }
        }
        Ok(rows)
    }
}

impl Root {
    fn write<'a>(roots: &'a [Root], to: &mut Encoder<'a>) {
        to.column(roots.iter().map(|root| root.target));
        to.column(roots.iter().map(|root| root.kind.number()));
        to.column(roots.iter().map(|root| match root.kind {
            RootKind::Stack(thread) | RootKind::Register(thread) | RootKind::NativeFrame(thread) => thread,
            _ => 0,
        }));
        to.column(roots.iter().map(|root| root.at));
    }

    fn read(nodes: usize, from: &mut Decoder) -> Result<Vec<Root>, Unusable> {
        let targets: Array<u32> = from.array()?;
        let kinds: Array<u8> = from.array_of(targets.len())?;
        let threads: Array<u32> = from.array_of(targets.len())?;
        let places: Array<u64> = from.array_of(targets.len())?;
        ensure(are_below(&targets, nodes), "a root holds no object")?;
        (0..targets.len())
            .map(|index| {
                let kind = RootKind::numbered(kinds[index], threads[index]);
                let kind = kind.ok_or(Unusable::Damaged("a root is of no kind"))?;
                Ok(Root { target: targets[index], kind, at: places[index] })
            })
            .collect()
    }
}

impl RootKind {
    /// In the store.
    fn number(self) -> u8 {
        match self {
            RootKind::RootsTable => 0,
            RootKind::Isolate => 1,
            RootKind::HandleScope => 2,
            RootKind::GlobalHandle => 3,
            RootKind::EternalHandle => 4,
            RootKind::TracedHandle => 5,
            RootKind::Microtask => 6,
            RootKind::ObjectCache => 7,
            RootKind::CompilationCache => 8,
            RootKind::StrongRoots => 9,
            RootKind::Stack(_) => 10,
            RootKind::Register(_) => 11,
            RootKind::NativeMemory => 12,
            RootKind::NativeFrame(_) => 13,
            RootKind::Job => 14,
        }
    }

    fn numbered(number: u8, thread: u32) -> Option<RootKind> {
        Some(match number {
            0 => RootKind::RootsTable,
            1 => RootKind::Isolate,
            2 => RootKind::HandleScope,
            3 => RootKind::GlobalHandle,
            4 => RootKind::EternalHandle,
            5 => RootKind::TracedHandle,
            6 => RootKind::Microtask,
            7 => RootKind::ObjectCache,
            8 => RootKind::CompilationCache,
            9 => RootKind::StrongRoots,
            10 => RootKind::Stack(thread),
            11 => RootKind::Register(thread),
            12 => RootKind::NativeMemory,
            13 => RootKind::NativeFrame(thread),
            14 => RootKind::Job,
            _ => return None,
        })
    }
}

/// The roots, what is left over beside them, what is missing of them, and the memory they are in.
impl Part for Roots {
    const NAME: &'static str = "roots";
    type Known<'h> = (&'h View<'h>, &'h ObjectTable);

    fn write<'a>(&'a self, _: &'a View<'_>, to: &mut Encoder<'a>) {
        Root::write(&self.roots, to);
        Root::write(&self.leftovers, to);
        to.texts(self.missing.iter().map(String::as_str));
        to.column(self.memory.iter().flat_map(|(start, end)| [*start, *end]));
    }

    fn read((view, table): Self::Known<'_>, from: &mut Decoder, _: &dyn Monitor) -> Result<Roots, Unusable> {
        let roots = Root::read(table.len(), from)?;
        let leftovers = Root::read(table.len(), from)?;
        let missing = from.texts()?;
        let memory: Array<u64> = from.array()?;
        ensure(
            roots.is_sorted() && memory.is_sorted() && memory.len().is_multiple_of(2),
            "the roots are in no order",
        )?;
        let memory = memory.chunks_exact(2).map(|ends| (ends[0], ends[1])).collect();
        let found = Roots { roots, leftovers, missing, memory };
        for index in (0..found.roots.len()).step_by((found.roots.len() / COMPARED).max(1)) {
            ensure(is_there(view, table, &found.roots[index]), "a root does not hold what it says")?;
        }
        Ok(found)
    }
}

/// Whether the word of a root holds its object.
fn is_there(view: &View<'_>, table: &ObjectTable, root: &Root) -> bool {
    // Registers have no address.
    root.at == 0
        || view
            .memory()
            .read_u64(core_reader::Address(root.at))
            .is_ok_and(|word| table.mortal_target(view.spaces(), word) == Some(root.target))
}

impl ObjectSet {
    fn write(&self, to: &mut Encoder<'_>) {
        to.column(self.bits.iter().map(|word| word.load(Ordering::Relaxed)));
    }

    fn read(nodes: usize, from: &mut Decoder) -> Result<ObjectSet, Unusable> {
        let bits: Array<u64> = from.array_of(nodes.div_ceil(64))?;
        let behind = if nodes.is_multiple_of(64) { 0 } else { u64::MAX << (nodes % 64) };
        ensure(bits.last().is_none_or(|last| last & behind == 0), "an object is alive that is none")?;
        Ok(ObjectSet { bits: bits.iter().map(|word| AtomicU64::new(*word)).collect() })
    }
}

/// What the roots reach.
impl Part for Arc<ObjectSet> {
    const NAME: &'static str = "reached";
    type Known<'h> = (&'h Graph, &'h Roots);

    fn write<'a>(&'a self, _: &'a View<'_>, to: &mut Encoder<'a>) {
        ObjectSet::write(self, to);
    }

    fn read(
        (graph, roots): Self::Known<'_>,
        from: &mut Decoder,
        _: &dyn Monitor,
    ) -> Result<Arc<ObjectSet>, Unusable> {
        let nodes = graph.len();
        let reached = ObjectSet::read(nodes, from)?;
        ensure(
            roots.all().iter().all(|root| reached.contains(root.target)),
            "what a root holds is not reached",
        )?;
        for id in sample(nodes, COMPARED).filter(|id| reached.contains(*id)) {
            let mut held = graph.holds.of(id).iter().take(MOST_COMPARED);
            ensure(held.all(|target| reached.contains(*target)), "what is reached holds what is not")?;
        }
        Ok(Arc::new(reached))
    }
}

/// What is alive perhaps, and the words of native memory that make the difference.
impl Part for Liveness {
    const NAME: &'static str = "liveness";
    type Known<'h> = (&'h View<'h>, &'h ObjectTable, &'h Graph, &'h Arc<ObjectSet>);

    fn write<'a>(&'a self, _: &'a View<'_>, to: &mut Encoder<'a>) {
        self.possible.write(to);
        Root::write(&self.native, to);
    }

    fn read(
        (view, table, graph, reached): Self::Known<'_>,
        from: &mut Decoder,
        _: &dyn Monitor,
    ) -> Result<Liveness, Unusable> {
        let nodes = table.len();
        let reached = Arc::clone(reached);
        let possible = ObjectSet::read(nodes, from)?;
        let native = Root::read(nodes, from)?;
        ensure(
            reached.words().zip(possible.words()).all(|(reached, possible)| reached & !possible == 0),
            "an object is certainly alive and not even perhaps",
        )?;
        let liveness = Liveness { reached, possible, native };
        for index in (0..liveness.native.len()).step_by((liveness.native.len() / COMPARED).max(1)) {
            ensure(
                is_there(view, table, &liveness.native[index]),
                "native memory does not hold what it says",
            )?;
        }
        for id in sample(nodes, COMPARED).filter(|id| liveness.is_held(*id)) {
            let life = liveness.of(id);
            let mut held = graph.holds.of(id).iter().take(MOST_COMPARED);
            ensure(held.all(|target| liveness.of(*target) <= life), "what is alive holds what is not")?;
        }
        Ok(liveness)
    }
}

/// By kind that has garbage: its number, how much garbage, its bytes, the first of it, a living object in place of the
/// representative.
impl Part for HashMap<GroupId, Tally> {
    const NAME: &'static str = "garbage";
    type Known<'h> = (&'h View<'h>, &'h ObjectTable, &'h Kinds, &'h ObjectSet);

    fn write<'a>(&'a self, _: &'a View<'_>, to: &mut Encoder<'a>) {
        let mut all: Vec<(&GroupId, &Tally)> = self.iter().collect();
        all.sort_unstable_by_key(|(group, _)| group.0);
        to.column(all.iter().map(|(group, _)| group.0 as u32));
        to.column(all.iter().map(|(_, tally)| tally.count));
        to.column(all.iter().map(|(_, tally)| tally.bytes));
        to.column(all.iter().map(|(_, tally)| tally.first.0));
        to.column(all.iter().map(|(_, tally)| tally.living.map_or(NOBODY, |living| living.0)));
    }

    fn read(
        (view, table, kinds, reached): Self::Known<'_>,
        from: &mut Decoder,
        _: &dyn Monitor,
    ) -> Result<Self, Unusable> {
        let groups: Array<u32> = from.array()?;
        let counts: Array<u64> = from.array_of(groups.len())?;
        let bytes: Array<u64> = from.array_of(groups.len())?;
        let first: Array<u32> = from.array_of(groups.len())?;
        let living: Array<u32> = from.array_of(groups.len())?;
        ensure(
            are_below(&groups, kinds.groups().len()) && are_below(&first, table.len()),
            "garbage is of no kind",
        )?;
        let mut garbage = HashMap::with_capacity(groups.len());
        for (index, &group) in groups.iter().enumerate() {
            let (group, known) = (GroupId(group as usize), kinds.group(GroupId(group as usize)));
            let living = Some(living[index]).filter(|living| *living != NOBODY);
            ensure(
                counts[index] <= known.count
                    && bytes[index] <= known.bytes
                    && !reached.contains(first[index])
                    && living.is_none_or(|id| (id as usize) < table.len() && reached.contains(id)),
                "garbage is alive, or more than there is of its kind",
            )?;
            let tally = Tally {
                count: counts[index],
                bytes: bytes[index],
                first: ObjectId(first[index]),
                living: living.map(ObjectId),
            };
            garbage.insert(group, tally);
        }
        for (group, tally) in garbage.iter().take(COMPARED) {
            for id in std::iter::once(tally.first).chain(tally.living) {
                let object = view.object_by_id(table, id);
                let own = object.and_then(|object| kinds.group_of(view, object));
                ensure(own == Some(*group), "garbage is of another kind")?;
            }
        }
        Ok(garbage)
    }
}

/// What dominates each object; what each retains in the heap; owners of something outside and how much they retain there; the
/// objects that are reached, in order.
impl Part for Dominators {
    const NAME: &'static str = "dominators";
    type Known<'h> = (&'h View<'h>, &'h Graph);

    fn write<'a>(&'a self, _: &'a View<'_>, to: &mut Encoder<'a>) {
        to.array(&self.above);
        to.array(&self.retained);
        to.column(self.outside.list.iter().map(|(id, _)| *id));
        to.column(self.outside.list.iter().map(|(_, bytes)| *bytes));
        to.array(&self.order);
    }

    fn read(
        (view, graph): Self::Known<'_>,
        from: &mut Decoder,
        monitor: &dyn Monitor,
    ) -> Result<Dominators, Unusable> {
        let nodes = graph.len();
        let above: Array<u32> = from.array_of(nodes)?;
        let retained: Array<u64> = from.array_of(nodes)?;
        let owners: Array<u32> = from.array()?;
        let outside: Array<u64> = from.array_of(owners.len())?;
        let order: Array<u32> = from.array()?;
        ensure(
            are_below(&owners, nodes)
                && owners.is_sorted_by(|one, next| one < next)
                && are_below(&order, nodes),
            "an object is retained that is none",
        )?;
        let pages = bytes_of_pages(view);
        let most = retained.iter().fold(0, |most, bytes| most.max(*bytes));
        // Sums of tops are no larger than the heap either, as none is below another.
        ensure(most <= pages, "an object retains more than there is")?;
        // Each behind its dominator: then no way up is a circle.
        let mut seen = vec![0u64; nodes.div_ceil(64)];
        let (mut tops, mut below) = (0u64, 0usize);
        let mut is_tree = true;
        for (count, &id) in order.iter().enumerate() {
            if count % BETWEEN_LOOKS == 0 && monitor.cancelled() {
                return Err(Unusable::Failed(crate::Error::Interrupted));
            }
            let (word, bit) = (id as usize / 64, 1 << (id % 64));
            let up = above[id as usize];
            let (parent, own) = (up as usize, retained[id as usize]);
            is_tree &= seen[word] & bit == 0 && own > 0;
            if up == NOBODY {
                tops = tops.saturating_add(own);
            } else {
                below += 1;
                is_tree &=
                    parent < nodes && seen[parent / 64] >> (parent % 64) & 1 == 1 && retained[parent] > own;
            }
            seen[word] |= bit;
        }
        ensure(is_tree, "an object is in front of what dominates it")?;
        // Of objects that are not reached nothing is said.
        let reached = retained.iter().filter(|bytes| **bytes > 0).count();
        let dominated = above.iter().filter(|above| **above != NOBODY).count();
        ensure(reached == order.len() && dominated == below, "an object is dominated and not reached")?;
        let outside_of_tops =
            owners.iter().zip(outside.iter()).filter(|(id, _)| above[**id as usize] == NOBODY);
        let outside_of_tops = outside_of_tops.fold(0u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
        ensure(tops <= pages && outside_of_tops < u64::MAX / 2, "all together retain more than there is")?;
        let outside = OutsideBytes::new(owners.iter().copied().zip(outside.iter().copied()).collect());
        let tree = Dominators { above, retained, outside, order, reaches_all: false };
        for id in sample(nodes, COMPARED) {
            let own = tree.retained(id);
            ensure(own == 0 || own >= graph.size(id), "an object retains less than itself")?;
            let held = if own > 0 { graph.holds.of(id) } else { &[] };
            for target in held.iter().take(MOST_COMPARED) {
                ensure(tree.is_reached(*target), "what a reached object holds is not reached")?;
                // Whatever dominates the target stands above all that hold it.
                let top = tree.above(*target);
                let way_up = std::iter::successors(Some(id), |up| tree.above(*up)).take(MOST_COMPARED);
                let mut length = 0;
                let is_above = top.is_none_or(|top| way_up.inspect(|_| length += 1).any(|up| up == top));
                ensure(is_above || length == MOST_COMPARED, "an object is held past what dominates it")?;
            }
        }
        Ok(tree)
    }
}

/// What [`crate::Heap::retained_by_kind`] says.
#[derive(Debug)]
pub(crate) struct RetainedByKind(pub Vec<u64>);

impl Part for RetainedByKind {
    const NAME: &'static str = "retained by kind";
    type Known<'h> = (&'h View<'h>, &'h Kinds);

    fn write<'a>(&'a self, _: &'a View<'_>, to: &mut Encoder<'a>) {
        to.array(&self.0);
    }

    fn read(
        (view, kinds): Self::Known<'_>,
        from: &mut Decoder,
        _: &dyn Monitor,
    ) -> Result<RetainedByKind, Unusable> {
        let sums: Array<u64> = from.array_of(kinds.groups().len())?;
        let pages = bytes_of_pages(view);
        ensure(sums.iter().all(|sum| *sum <= pages), "a kind retains more than there is")?;
        Ok(RetainedByKind(sums.into_owned()))
    }
}

/// All gatherings, as [`crate::Heap::leak_suspects`] chooses from.
#[derive(Debug)]
pub(crate) struct Suspects(pub Vec<Suspect>);

/// Names of constructors; by gathering: number of the name, sort of gatherer, who that is, objects, what they retain in the heap and
/// outside, the largest, how many of them are named; those that are.
impl Part for Suspects {
    const NAME: &'static str = "gatherings";
    type Known<'h> = (&'h View<'h>, &'h ObjectTable);

    fn write<'a>(&'a self, view: &'a View<'_>, to: &mut Encoder<'a>) {
        let mut names: Vec<NameId> = self.0.iter().map(|suspect| suspect.constructor).collect();
        names.sort_unstable();
        names.dedup();
        to.texts(names.iter().map(|name| view.name(*name)));
        to.column(
            self.0.iter().map(|suspect| names.partition_point(|name| *name < suspect.constructor) as u32),
        );
        let gatherer = |suspect: &Suspect| match suspect.gatherer {
            Gatherer::Owner(id) => (0u8, id),
            Gatherer::Holder(id) => (1, id),
            Gatherer::Root(kind) => (2, u32::from(kind.number())),
            Gatherer::Several => (3, 0),
        };
        to.column(self.0.iter().map(|suspect| gatherer(suspect).0));
        to.column(self.0.iter().map(|suspect| gatherer(suspect).1));
        to.column(self.0.iter().map(|suspect| suspect.largest));
        to.column(self.0.iter().map(|suspect| suspect.count));
        to.column(self.0.iter().map(|suspect| suspect.retained));
        to.column(self.0.iter().map(|suspect| suspect.outside));
        to.column(self.0.iter().map(|suspect| u8::from(suspect.is_few)));
        to.column(self.0.iter().map(|suspect| suspect.some.len() as u32));
        to.column(self.0.iter().flat_map(|suspect| suspect.some.iter().copied()));
    }

    fn read(
        (view, table): Self::Known<'_>,
        from: &mut Decoder,
        _: &dyn Monitor,
    ) -> Result<Suspects, Unusable> {
        let names: Vec<NameId> = from.texts()?.iter().map(|name| view.intern_name(name)).collect();
        let constructors: Array<u32> = from.array()?;
        let sorts: Array<u8> = from.array_of(constructors.len())?;
        let gatherers: Array<u32> = from.array_of(constructors.len())?;
        let largest: Array<u32> = from.array_of(constructors.len())?;
        let counts: Array<u64> = from.array_of(constructors.len())?;
        let retained: Array<u64> = from.array_of(constructors.len())?;
        let outside: Array<u64> = from.array_of(constructors.len())?;
        let few: Array<u8> = from.array_of(constructors.len())?;
        let lengths: Array<u32> = from.array_of(constructors.len())?;
        let some: Array<u32> = from.array()?;
        let named = lengths.iter().map(|length| u64::from(*length)).sum::<u64>();
        ensure(
            are_below(&constructors, names.len())
                && are_below(&largest, table.len())
                && are_below(&some, table.len())
                && named == some.len() as u64,
            "a gathering is of no objects",
        )?;
        let mut some = some.iter().copied();
        let mut suspects = Vec::with_capacity(constructors.len());
        for index in 0..constructors.len() {
            let constructor = names[constructors[index] as usize];
            let gatherer = match (sorts[index], gatherers[index]) {
                (0, id) if (id as usize) < table.len() => Gatherer::Owner(id),
                (1, id) if (id as usize) < table.len() => Gatherer::Holder(id),
                (2, number) => {
                    let kind = u8::try_from(number).ok().and_then(|number| RootKind::numbered(number, 0));
                    Gatherer::Root(kind.ok_or(Unusable::Damaged("a gathering has a root of no kind"))?)
                }
                (3, _) => Gatherer::Several,
                _ => return Err(Unusable::Damaged("a gathering is nowhere")),
            };
            ensure(
                retained[index] < u64::MAX / 200 && outside[index] < u64::MAX / 200,
                "a gathering retains more than there is",
            )?;
            if index < COMPARED {
                let object = view.object_by_id(table, ObjectId(largest[index]));
                let name = object.map(|object| view.constructor_name(object));
                ensure(name == Some(constructor), "a gathering is of another constructor")?;
            }
            suspects.push(Suspect {
                gatherer,
                constructor,
                count: counts[index],
                retained: retained[index],
                outside: outside[index],
                largest: largest[index],
                typical: largest[index],
                path: None,
                is_few: few[index] != 0,
                is_nodes: false,
                some: some.by_ref().take(lengths[index] as usize).collect(),
            });
        }
        Ok(Suspects(suspects))
    }
}
