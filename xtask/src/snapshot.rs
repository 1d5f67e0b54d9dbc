//! `cargo xtask snapshot`: the heap snapshot that the debugger writes of a core, held against the one that V8 wrote of the same
//! process.
//!
//! Objects are compared by kind, name and size, references by kind and name, and by kind and name of what they lead from and to:
//! each as a multitude, as no object has a name of its own. Groups of roots are V8's alone, and left out. C++ objects of Node.js, and what
//! they consist of, are compared each with all of its references (`snapshot_natives`).
//!
//! `--readers` also loads both files with the code of Chrome's developer tools and with memlab, and compares what these say of
//! them; and reads V8's file back, for the retained sizes that the developer tools show of it.

use std::collections::HashMap;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use core_reader::{Core, OpenOptions};
use v8_heap::snapshot::Extent;
use v8_heap::{Heap, Unattended};

use crate::population::Population;
use crate::readers::Readers;
use crate::scenario::Scenario;
use crate::snapshot_graph::{Edge, EdgeKind, Node, NodeKind, SnapshotGraph};
use crate::take_core::{Request, Start, Writer};
use crate::{node_release, snapshot_file, snapshot_natives, take_core};

/// Larger files take their readers minutes, in bytes.
const MOST_FOR_READERS: u64 = 64 << 20;
/// How far numbers may be apart, in thousandths.
const TOLERANCE: u64 = 1;
/// Nodes and references that may be apart in small heaps: V8 goes on compiling in the background while the core is taken.
const LATE_CODE: (u64, u64) = (500, 3000);

pub fn run(arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (population, mut arguments) = Population::of(arguments)?;
    let (mut scenarios, mut all, mut keep) = (Vec::new(), false, None);
    let mut readers = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("scenario") => scenarios.push(Scenario::find(&arguments.value()?.string()?)?),
            Long("all") => all = true,
            Long("readers") => readers = Some(Readers::prepare()?),
            Long("keep") => keep = Some(PathBuf::from(arguments.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    let releases = population.releases();
    if scenarios.is_empty() {
        for name in ["retained", "leak", "kinds", "compiler", "natives"] {
            scenarios.push(Scenario::find(name)?);
        }
    }
    let mut failed = 0;
    for scenario in &scenarios {
        for node in &releases {
            let directory = take_core::directory_of(scenario.name, node);
            let file = match &keep {
                Some(keep) => keep.join(format!("{}-{node}.heapsnapshot", scenario.name)),
                None => directory.join("v8mdb.heapsnapshot"),
            };
            take_core::take_once(&Request {
                node: node.clone(),
                scenario: *scenario,
                directory: directory.clone(),
                writer: Writer::Gdb,
                snapshot: true,
                arguments: Vec::new(),
                start: Start::default(),
                stage: None,
            })?;
            write(node, &directory, &file)?;
            let by_v8 = directory.join("v8.heapsnapshot");
            println!("node {node} {}", scenario.name);
            let theirs = SnapshotGraph::read(&by_v8)?;
            let mut passes = compare(&SnapshotGraph::read(&file)?, &theirs, all);
            let is_small = std::fs::metadata(&by_v8)?.len() <= MOST_FOR_READERS;
            if let Some(readers) = readers.as_ref().filter(|_| is_small) {
                passes &= readers.agree(&file, &by_v8, &theirs)?;
                passes &= snapshot_file::agrees(readers, &by_v8)?;
            }
            if keep.is_none() {
                std::fs::remove_file(&file)?;
            }
            failed += usize::from(!passes);
        }
    }
    ensure!(failed == 0, "{failed} snapshots are not as V8 writes them");
    Ok(())
}

/// Writes the snapshot of a core.
pub fn write(node: &str, directory: &Path, file: &Path) -> Result<()> {
    let executable = node_release::binary(node)?;
    let options = OpenOptions {
        core: directory.join("core"),
        executable: Some(executable),
        sysroot: None,
        ..OpenOptions::default()
    };
    let core = Core::open(&options)?;
    let heap = Heap::open(core.memory(), core.symbols(), core.threads())?;
    let out = std::fs::File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
    heap.write_snapshot(Extent::Living, core.symbols(), &mut BufWriter::new(out), &Unattended)?;
    Ok(())
}

/// Whether a node takes part.
fn counts(snapshot: &SnapshotGraph, node: Node) -> bool {
    match snapshot.kind(node) {
        NodeKind::Synthetic => false,
        // Of an object that is one node with its C++ object the id is that of the object.
        NodeKind::Native => {
            snapshot.is_in_heap(node) || snapshot.name(node).starts_with("system / JSArrayBufferData")
        }
        _ => snapshot.is_in_heap(node),
    }
}

/// The beginning of a text. V8 writes blanks for zeros, and question marks or worse for what is not ASCII.
pub fn beginning(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii() && !matches!(c, '?' | '\0' | ' ')).take(60).collect()
}

pub fn node_key(snapshot: &SnapshotGraph, node: Node) -> String {
    format!("{} {:?}", snapshot.type_name(node), beginning(snapshot.name(node)))
}

fn edge_key(snapshot: &SnapshotGraph, from: Node, edge: &Edge) -> String {
    let name = match edge.kind {
        EdgeKind::Element | EdgeKind::Hidden => snapshot.edge_index(edge).to_string(),
        _ => {
            let name = snapshot.edge_name(edge);
            // Ids, and places among other references, are not the same.
            match name.contains("part of key") {
                true => "part of key".to_owned(),
                false => beginning(name),
            }
        }
    };
    format!("{} --{:?} {name}--> {}", node_key(snapshot, from), edge.kind, node_key(snapshot, edge.to))
}

/// Counts of ours and of theirs.
type Table = HashMap<String, (u64, u64)>;

fn compare(ours: &SnapshotGraph, theirs: &SnapshotGraph, all: bool) -> bool {
    let (mut nodes, mut edges, mut kinds) = (Table::new(), Table::new(), Table::new());
    let mut add = |snapshot: &SnapshotGraph, which: fn(&mut (u64, u64)) -> &mut u64| {
        for node in (0..snapshot.len() as Node).filter(|node| counts(snapshot, *node)) {
            let key = format!("{} {}", node_key(snapshot, node), snapshot.size(node));
            *which(nodes.entry(key).or_default()) += 1;
            for edge in snapshot.edges(node).iter().filter(|edge| counts(snapshot, edge.to)) {
                *which(edges.entry(edge_key(snapshot, node, edge)).or_default()) += 1;
                *which(kinds.entry(format!("{:?}", edge.kind)).or_default()) += 1;
            }
        }
    };
    add(ours, |both| &mut both.0);
    add(theirs, |both| &mut both.1);
    let mut passes = report("nodes", &nodes, LATE_CODE.0, if all { 1000 } else { 10 });
    let mut rows: Vec<_> = kinds.iter().collect();
    rows.sort();
    for (kind, (mine, v8)) in rows {
        println!("    {kind} references: {mine}, V8 has {v8}");
    }
    passes &= report("references", &edges, LATE_CODE.1, if all { 1000 } else { 10 });
    passes &= snapshot_natives::agree(ours, theirs, if all { 1000 } else { 10 });
    passes
}

/// Whether what is different is few; shows some of it.
fn report(what: &str, table: &Table, late: u64, shown: usize) -> bool {
    let (mine, v8) = table.values().fold((0, 0), |sum, both| (sum.0 + both.0, sum.1 + both.1));
    let mut apart: Vec<(u64, &String, &(u64, u64))> = table
        .iter()
        .map(|(key, both)| (both.0.abs_diff(both.1), key, both))
        .filter(|(difference, ..)| *difference > 0)
        .collect();
    apart.sort_by_key(|(difference, key, _)| (std::cmp::Reverse(*difference), *key));
    let differences: u64 = apart.iter().map(|(difference, ..)| difference).sum();
    println!("    {what}: {mine}, V8 has {v8}; {differences} on one side only");
    for (_, key, (mine, v8)) in apart.iter().take(shown) {
        println!("        {mine:6} {v8:6} {key}");
    }
    differences * 1000 <= (mine + v8) * TOLERANCE || differences <= late
}
