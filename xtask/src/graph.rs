//! `cargo xtask graph`: what is alive, and what it retains, held against V8's own snapshot of the same process.
//!
//! All that a snapshot has is alive: V8 collects garbage before it writes one. So the live objects of the core must be those of
//! the snapshot, by constructor or class, in number and in bytes. Retained sizes are computed from the snapshot by another
//! algorithm (that of Cooper, Harvey and Kennedy, *A Simple, Fast Dominance Algorithm*, 2001) on another graph (V8's edges,
//! not words of memory), and compared by constructor and size: both lists start with the largest.
//!
//! A snapshot has nodes for C++ objects of Node.js; their sizes count there for what holds them. The core knows them as memory
//! of Node.js only, so that a small difference remains where there are any; it is shown.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use core_reader::{Core, OpenOptions};
use v8_heap::graph::Life;
use v8_heap::index::ObjectId;
use v8_heap::layout::{Kind, StringShape};
use v8_heap::objects::value::HeapObject;
use v8_heap::{Heap, Unattended};

use crate::population::Population;
use crate::scenario::Scenario;
use crate::snapshot_graph::{EdgeKind, Node, NodeKind, SnapshotGraph};
use crate::{node_release, take_core};

/// Number and bytes of the objects of each name.
type Groups = BTreeMap<String, (u64, u64)>;

/// Retained sizes compared.
const LARGEST: usize = 100;

/// How far numbers may be apart, in thousandths.
const TOLERANCE: u64 = 1;

pub fn run(arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (population, mut arguments) = Population::of(arguments)?;
    let (mut scenarios, mut all) = (Vec::new(), false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("scenario") => scenarios.push(Scenario::find(&arguments.value()?.string()?)?),
            Long("all") => all = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let releases = population.releases();
    if scenarios.is_empty() {
        for name in ["retained", "leak", "kinds", "compiler"] {
            scenarios.push(Scenario::find(name)?);
        }
    }
    let mut failed = 0;
    for scenario in &scenarios {
        for node in &releases {
            let directory = take_core::directory_of(scenario.name, node);
            failed += usize::from(!compare(node, scenario.name, &directory, all)?);
        }
    }
    ensure!(failed == 0, "{failed} heaps are not alive as V8 has them");
    Ok(())
}

/// What a core says of its objects.
struct Ours {
    groups: Groups,
    unsure: u64,
    /// Constructor, and retained bytes in and outside of the heap, the largest first.
    largest: Vec<(String, u64)>,
}

fn compare(node: &str, scenario: &str, directory: &Path, all: bool) -> Result<bool> {
    let mut snapshots = vec![SnapshotGraph::read(&directory.join("v8.heapsnapshot"))?];
    let worker = directory.join("v8.worker.heapsnapshot");
    if worker.exists() {
        snapshots.push(SnapshotGraph::read(&worker)?);
    }
    let ours = ours(node, directory, &snapshots)?;
    let mut theirs = Groups::new();
    let mut largest = Vec::new();
    for snapshot in &snapshots {
        add_groups(snapshot, &mut theirs);
        largest.extend(retained(snapshot));
    }
    largest.sort_by_key(|(name, size)| (std::cmp::Reverse(*size), name.clone()));
    let total = |groups: &Groups| groups.values().fold((0, 0), |sum, own| (sum.0 + own.0, sum.1 + own.1));
    let (mine, v8) = (total(&ours.groups), total(&theirs));
    println!(
        "node {node} {scenario}: {} objects alive in {} bytes ({} more unsure), V8 has {} in {}",
        mine.0, mine.1, ours.unsure, v8.0, v8.1
    );
    let mut passes = are_close(mine, v8, LATE_CODE);
    let names: std::collections::BTreeSet<&String> = ours.groups.keys().chain(theirs.keys()).collect();
    for name in names {
        let of = |groups: &Groups| groups.get(name).copied().unwrap_or_default();
        let (mine, v8) = (of(&ours.groups), of(&theirs));
        let close = are_close(mine, v8, if name == OWN { LATE_CODE } else { MADE_TO_WRITE });
        passes &= close;
        if !close || (all && mine != v8) {
            println!("    {name}: {} in {} bytes, V8 has {} in {}", mine.0, mine.1, v8.0, v8.1);
        }
    }
    let mut apart = 0;
    let mut rest = largest.iter().take(LARGEST).collect::<Vec<_>>();
    for own in ours.largest.iter().take(LARGEST) {
        let near = rest.iter().position(|other| other.0 == own.0 && is_close(other.1, own.1));
        match near {
            Some(near) => {
                rest.remove(near);
            }
            None => {
                apart += 1;
                if all || apart <= 5 {
                    println!("    retained: {} {}, which V8 does not have", own.0, own.1);
                }
            }
        }
    }
    for other in rest.iter().take(if all { usize::MAX } else { 5 }) {
        println!("    retained: V8 has {} {}", other.0, other.1);
    }
    println!("    {} of {LARGEST} largest retained sizes agree", LARGEST - apart);
    Ok(passes)
}

fn is_close(a: u64, b: u64) -> bool {
    a.abs_diff(b) * 1000 <= a.max(b) * TOLERANCE
}

/// Objects and bytes that V8 makes to write a snapshot and drops: a buffer for each file with its array and a string; or one object
/// that V8 calls after the C++ object behind it.
const MADE_TO_WRITE: (u64, u64) = (5, 512);
/// Objects and bytes of the code that V8 goes on to make in the background while the core is taken.
const LATE_CODE: (u64, u64) = (500, 1 << 20);

/// Whether number and bytes are close, or not further apart than `allowed`.
fn are_close(a: (u64, u64), b: (u64, u64), allowed: (u64, u64)) -> bool {
    (is_close(a.0, b.0) || a.0.abs_diff(b.0) <= allowed.0)
        && (is_close(a.1, b.1) || a.1.abs_diff(b.1) <= allowed.1)
}

fn ours(node: &str, directory: &Path, snapshots: &[SnapshotGraph]) -> Result<Ours> {
    let counts_characters = counts_characters(&snapshots[0]);
    let executable = node_release::binary(node)?;
    let options = OpenOptions {
        core: directory.join("core"),
        executable: Some(executable),
        sysroot: None,
        ..OpenOptions::default()
    };
    let core = Core::open(&options)?;
    let heap = Heap::open(core.memory(), core.symbols(), core.threads())?;
    let table = heap.objects(&Unattended)?;
    let graph = heap.graph(&Unattended)?;
    let liveness = heap.liveness(&Unattended)?;
    let missing = &heap.roots(&Unattended)?.missing;
    ensure!(missing.is_empty(), "roots are missing: {missing:?}");
    let dominators = heap.dominators(&Unattended)?;
    let mut ours = Ours { groups: Groups::new(), unsure: 0, largest: Vec::new() };
    for (page, found) in heap.spaces().pages().iter().enumerate() {
        // Each snapshot has what belongs to all isolates.
        let times = if found.heap == 0 { snapshots.len() as u64 } else { 1 };
        let (first, _) = table.page_maps(page);
        for (number, (address, map_id)) in table.page_objects(page).enumerate() {
            let id = first.0 + number as u32;
            let object = HeapObject { address, map_id, map: heap.map(map_id) };
            match liveness.of(id) {
                Life::Dead => continue,
                Life::Unsure => ours.unsure += 1,
                Life::Live => {
                    let group = ours.groups.entry(name_of(&heap, object)).or_default();
                    group.0 += times;
                    if found.heap != 0 || !counts_characters {
                        group.1 += times * graph.size(id);
                    }
                    let outside = graph.outside(id);
                    if object.kind() == Kind::String {
                        group.1 += if counts_characters { outside } else { 0 };
                    } else if outside > 0 {
                        let group = ours.groups.entry(OUTSIDE.to_owned()).or_default();
                        group.0 += 1;
                        group.1 += outside;
                    }
                }
            }
        }
    }
    // What a snapshot does not count, it does not add up.
    let mut uncounted = BTreeMap::<u32, u64>::new();
    for &id in dominators.order().iter().filter(|_| !counts_characters) {
        let outside = graph.outside(id);
        let object = heap.object_by_id(table, ObjectId(id)).context("an object without a map")?;
        if outside > 0 && object.kind() == Kind::String {
            let mut holder = Some(id);
            while let Some(id) = holder {
                *uncounted.entry(id).or_default() += outside;
                holder = dominators.above(id);
            }
        }
    }
    for &id in dominators.order() {
        let object = heap.object_by_id(table, ObjectId(id)).context("an object without a map")?;
        if object.kind().is_js_object() {
            let outside = dominators.outside(id) - uncounted.get(&id).copied().unwrap_or(0);
            ours.largest.push((name_of(&heap, object), dominators.retained(id) + outside));
        }
    }
    ours.largest.sort_by_key(|(name, size)| (std::cmp::Reverse(*size), name.clone()));
    Ok(ours)
}

/// Whether a snapshot counts the characters of external strings as part of these, and objects in read-only pages as nothing,
/// as V8 does since 13.
fn counts_characters(snapshot: &SnapshotGraph) -> bool {
    let is_map_without_size = |node: Node| snapshot.name(node) == "system / Map" && snapshot.size(node) == 0;
    (0..snapshot.len() as Node).any(is_map_without_size)
}

/// Bytes of buffers and characters of strings that are not in the heap.
const OUTSIDE: &str = "(outside)";

/// By what name an object is counted: its constructor, or its class, or what a snapshot puts that in.
fn name_of(heap: &Heap<'_>, object: HeapObject<'_>) -> String {
    match object.kind() {
        Kind::String => match object.map.string_shape() {
            Some(StringShape::Cons) => "(concatenated string)",
            Some(StringShape::Sliced) => "(sliced string)",
            _ => "(string)",
        }
        .to_owned(),
        Kind::HeapNumber => "(number)".to_owned(),
        Kind::Symbol => "(symbol)".to_owned(),
        Kind::BigInt => "(bigint)".to_owned(),
        kind if kind.is_js_object() => heap.name(heap.constructor_name(object)).to_owned(),
        Kind::Context => "(context)".to_owned(),
        _ => OWN.to_owned(),
    }
}

/// All that only V8 knows of: a snapshot calls these by names of many sorts.
const OWN: &str = "(V8's own)";

fn add_groups(snapshot: &SnapshotGraph, groups: &mut Groups) {
    for node in 0..snapshot.len() as Node {
        if !snapshot.is_in_heap(node) || node == 0 {
            continue;
        }
        let name = match snapshot.kind(node) {
            NodeKind::String => "(string)",
            NodeKind::Cons => "(concatenated string)",
            NodeKind::Sliced => "(sliced string)",
            NodeKind::Closure => "Function",
            NodeKind::RegExp => "RegExp",
            NodeKind::Hidden if snapshot.name(node) == "system / JSProxy" => "Proxy",
            NodeKind::Hidden if snapshot.name(node) == "private symbol" => "(symbol)",
            // Groups of roots.
            NodeKind::Synthetic => continue,
            // Bytes of a buffer, characters of a string.
            NodeKind::Native if snapshot.name(node).starts_with("system / ") => OUTSIDE,
            NodeKind::Other if matches!(snapshot.name(node), "heap number" | "number") => "(number)",
            NodeKind::Other if snapshot.name(node) == "symbol" => "(symbol)",
            NodeKind::Other if snapshot.name(node) == "bigint" => "(bigint)",
            _ if snapshot.is_js_object(node) => snapshot.name(node),
            _ if snapshot.name(node) == "system / Context" => "(context)",
            _ => OWN,
        };
        let group = groups.entry(name.to_owned()).or_default();
        group.0 += 1;
        group.1 += snapshot.size(node);
    }
}

/// Words that hold weakly what they lead to, which V8 9 draws as it does any word without a name (`IndexedReferencesExtractor` of
/// `src/profiler/heap-snapshot-generator.cc`; later versions draw them as weak): what they are words of, and what they lead to.
/// Feedback and handlers hold so the shapes, functions and cells that were met (`FeedbackNexus`, `LoadHandler`, `StoreHandler`), code what it
/// was optimised for (`Code::IsWeakObjectInOptimizedCode`), a `PrototypeInfo` the map for `Object.create`.
const WEAK_WORDS: &[(&str, &[Met])] = &[
    ("system / FeedbackVector", &[Met::Map, Met::Function, Met::Cell]),
    ("system / LoadHandler", &[Met::Map, Met::Function, Met::Cell, Met::Object, Met::Context]),
    ("system / StoreHandler", &[Met::Map, Met::Function, Met::Cell, Met::Object, Met::Context]),
    ("system / PrototypeInfo", &[Met::Map]),
    (CODE, &[Met::Map, Met::Function, Met::Cell, Met::Object, Met::Context]),
    ("WeakRef", &[Met::Map, Met::Function, Met::Cell, Met::Object, Met::Context]),
];
/// What a `Code` goes by in [`WEAK_WORDS`]: its kind.
const CODE: &str = "code";
/// Of a `WeakCell`: the target and the token, behind the registry.
const WEAK_CELL: (&str, std::ops::RangeInclusive<u32>) = ("system / WeakCell", 1..=2);

/// Sorts of objects that are held weakly.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Met {
    Map,
    Function,
    Cell,
    Object,
    Context,
}

impl Met {
    fn of(snapshot: &SnapshotGraph, node: Node) -> Option<Met> {
        match snapshot.name(node) {
            "system / FeedbackCell" | "system / PropertyCell" => Some(Met::Cell),
            "system / Context" | "system / NativeContext" => Some(Met::Context),
            name if name.starts_with("system / Map") => Some(Met::Map),
            _ if snapshot.kind(node) == NodeKind::Closure => Some(Met::Function),
            _ if snapshot.is_js_object(node) => Some(Met::Object),
            _ => None,
        }
    }
}

/// Whether V8 drew weak words as others, as V8 9 does: it is the one to which feedback is no code.
fn draws_weak_words(snapshot: &SnapshotGraph) -> bool {
    (0..snapshot.len() as Node).any(|node| {
        snapshot.kind(node) == NodeKind::Hidden && snapshot.name(node) == "system / FeedbackVector"
    })
}

/// Whether the reference is one of [`WEAK_WORDS`].
fn is_weak_word(snapshot: &SnapshotGraph, from: Node, edge: &crate::snapshot_graph::Edge) -> bool {
    if edge.kind != EdgeKind::Hidden {
        return false;
    }
    if snapshot.name(from) == WEAK_CELL.0 {
        return WEAK_CELL.1.contains(&snapshot.edge_index(edge));
    }
    let owner = if snapshot.type_name(from) == "code" { CODE } else { snapshot.name(from) };
    let Some((_, weakly)) = WEAK_WORDS.iter().find(|(name, _)| *name == owner) else { return false };
    Met::of(snapshot, edge.to).is_some_and(|met| weakly.contains(&met))
}

/// Retained sizes of the JavaScript objects of a snapshot.
fn retained(snapshot: &SnapshotGraph) -> Vec<(String, u64)> {
    // What Chrome's developer tools follow: no weak references; of an entry of a WeakMap only that of the key. Beyond that, not the
    // tables of internalized and of external strings, which hold their strings weakly too, but not by the snapshot.
    let draws_weak_words = draws_weak_words(snapshot);
    let follows = |from: Node, edge: &crate::snapshot_graph::Edge| {
        edge.kind != EdgeKind::Weak
            && !(draws_weak_words && is_weak_word(snapshot, from, edge))
            && !matches!(snapshot.name(from), "(Internalized strings)" | "(External strings)")
            && !(edge.kind == EdgeKind::Internal
                && snapshot.edge_name(edge).contains("part of key")
                && snapshot.name(from).contains("EphemeronHashTable"))
    };
    // Nodes in reverse postorder.
    let nodes = snapshot.len();
    let mut postorder: Vec<Node> = Vec::with_capacity(nodes);
    let mut seen = vec![false; nodes];
    let mut stack: Vec<(Node, usize)> = vec![(0, 0)];
    seen[0] = true;
    while let Some((node, at)) = stack.last_mut() {
        let own = *node;
        match snapshot.edges(own).get(*at) {
            Some(edge) => {
                *at += 1;
                if follows(own, edge) && !std::mem::replace(&mut seen[edge.to as usize], true) {
                    stack.push((edge.to, 0));
                }
            }
            None => {
                postorder.push(own);
                stack.pop();
            }
        }
    }
    let mut number = vec![usize::MAX; nodes];
    for (place, node) in postorder.iter().enumerate() {
        number[*node as usize] = place;
    }
    let mut holders: Vec<Vec<usize>> = vec![Vec::new(); postorder.len()];
    for &node in &postorder {
        for edge in snapshot.edges(node).iter().filter(|edge| follows(node, edge)) {
            holders[number[edge.to as usize]].push(number[node as usize]);
        }
    }
    let root = postorder.len() - 1;
    let mut above = vec![usize::MAX; postorder.len()];
    above[root] = root;
    let mut changed = true;
    while changed {
        changed = false;
        for place in (0..root).rev() {
            let mut best = usize::MAX;
            for &holder in holders[place].iter().filter(|holder| above[**holder] != usize::MAX) {
                best = match best {
                    usize::MAX => holder,
                    mut best => {
                        let mut other = holder;
                        while best != other {
                            while best < other {
                                best = above[best];
                            }
                            while other < best {
                                other = above[other];
                            }
                        }
                        best
                    }
                };
            }
            if above[place] != best {
                above[place] = best;
                changed = true;
            }
        }
    }
    let mut sizes: Vec<u64> = postorder.iter().map(|node| snapshot.size(*node)).collect();
    for place in 0..root {
        sizes[above[place]] += sizes[place];
    }
    postorder
        .iter()
        .zip(sizes)
        .filter(|(node, _)| snapshot.is_js_object(**node))
        .map(|(node, size)| {
            let name = match snapshot.kind(*node) {
                NodeKind::Closure => "Function",
                NodeKind::RegExp => "RegExp",
                NodeKind::Hidden => "Proxy",
                _ => snapshot.name(*node),
            };
            (name.to_owned(), size)
        })
        .collect()
}
