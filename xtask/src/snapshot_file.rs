//! Heap snapshots as the debugger reads them, held against Chrome's developer tools: retained sizes, node by node.

use std::path::Path;

use anyhow::{Context, Result};
use v8_heap::Unattended;
use v8_heap::snapshot_file::{Contents, SnapshotFile};

use crate::readers::Readers;

/// Nodes that are compared of each file, those that retain most.
const LARGEST: usize = 100;
/// Types of nodes whose size the developer tools leave as it is; the bytes of arrays and hidden nodes they count for others.
const COMPARED: [&str; 3] = ["object", "closure", "regexp"];

/// Whether the largest retained sizes of JavaScript objects are those of the developer tools, to the byte.
pub fn agrees(readers: &Readers, path: &Path) -> Result<bool> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file = SnapshotFile::open(Contents::Owned(bytes))?;
    let nodes = file.nodes(&Unattended)?;
    let dominators = file.dominators(&Unattended)?;
    let told = readers.retained(path)?;
    let told: Vec<_> =
        told.into_iter().filter(|(kind, ..)| COMPARED.contains(&&**kind)).take(LARGEST).collect();
    let is_equal = |(_, id, retained): &&(String, u64, u64)| {
        nodes.with_id(*id).is_some_and(|node| dominators.total(node) == *retained)
    };
    let equal = told.iter().filter(is_equal).count();
    println!(
        "    read back: {} nodes, {equal} of {} largest retained sizes are those of DevTools",
        nodes.len(),
        told.len()
    );
    for (kind, id, retained) in told.iter().filter(|told| !is_equal(told)).take(5) {
        let own = nodes.with_id(*id).map(|node| dominators.total(node));
        println!("      {kind} @{id}: {retained} there, {own:?} here");
    }
    Ok(equal == told.len() && !told.is_empty())
}
