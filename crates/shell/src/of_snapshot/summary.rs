//! `::status` of a heap snapshot, and what a session on one begins with.

use std::io::Write;

use serde_json::json;
use v8_heap::snapshot_file::Key;

use super::SnapshotSource;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::escape;
use crate::stage::Out;

/// What leads on.
const NEXT: &str = "::jsleaks (what gathers)  ::findjsobjects  ::jsdominators  ::status  ::help";

/// What is open, from what the file says of itself.
///
/// # Errors
/// As the output's.
pub(crate) fn banner(context: &Context) -> Result<(), DcmdError> {
    let opened = context.snapshot().ok_or_else(|| DcmdError::abort("no heap snapshot is open"))?;
    let header = opened.file.header();
    let count = |count: Option<u64>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
    let mut text = context.text.borrow();
    let title = format!("heap snapshot {}", escape(&opened.path.to_string_lossy()));
    writeln!(text, "{}", context.colours.bold(title))?;
    writeln!(
        text,
        "{} nodes, {} references; {:.1} MB",
        count(header.node_count),
        count(header.edge_count),
        opened.file.file_len() as f64 / 1e6
    )?;
    writeln!(
        text,
        "of a process that went on: no memory, stacks or threads; nodes go by their ids, as @12345"
    )?;
    writeln!(text, "next: {NEXT}")?;
    Ok(())
}

/// What is in the snapshot, by type.
pub(crate) fn status(context: &Context, as_json: bool, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let monitor = context.progress();
    let source = SnapshotSource::open(context, &monitor)?;
    let opened = context.snapshot().ok_or_else(|| DcmdError::abort("no heap snapshot is open"))?;
    let header = source.file.header();
    let nodes = &source.nodes;
    let mut types = vec![(0u64, 0u64, 0u64); header.node_types.len()];
    for node in 0..nodes.len() as u32 {
        let total = &mut types[nodes.type_number(node)];
        total.0 += 1;
        total.1 = total.1.saturating_add(nodes.size(node));
        total.2 = total.2.saturating_add(nodes.outside(node));
    }
    let (inside, outside) = types.iter().fold((0u64, 0u64), |(inside, outside), (_, own, other)| {
        (inside.saturating_add(*own), outside.saturating_add(*other))
    });
    let shortcomings = source.file.shortcomings(&monitor)?;
    let detached = nodes.detached().count();
    let process = source.process()?;
    drop(monitor);
    if as_json {
        let types: Vec<_> = header
            .node_types
            .iter()
            .zip(&types)
            .map(|(own, (count, inside, outside))| {
                json!({ "type": own.name, "count": count, "bytes": inside, "outside": outside })
            })
            .collect();
        return out.json(&json!({
            "snapshot": opened.path.to_string_lossy(),
            "node": process.version,
            "arguments": process.arguments.join(" "),
            "fileBytes": source.file.file_len(),
            "nodes": nodes.len(),
            "references": nodes.edge_count(),
            "bytes": inside,
            "outside": outside,
            "extraNativeBytes": header.extra_native_bytes,
            "detached": detached,
            "types": types,
            "shortcomings": shortcomings,
            "untold": source.untold(),
        }));
    }
    let mut text = out.text();
    writeln!(text, "looking at a heap snapshot of V8, written while the process ran")?;
    writeln!(text, "file: {}, {} bytes", escape(&opened.path.to_string_lossy()), source.file.file_len())?;
    if let Some(compression) = &opened.stored.compression {
        writeln!(text, "stored as {compression}, {} bytes", opened.stored.bytes)?;
    }
    if let Some(version) = &process.version {
        writeln!(text, "Node.js {}: {}", escape(version), escape(&process.arguments.join(" ")))?;
    }
    writeln!(text, "nodes: {}, references: {}", nodes.len(), nodes.edge_count())?;
    writeln!(text, "bytes: {inside} in the heap, {outside} outside of it")?;
    if header.extra_native_bytes > 0 {
        writeln!(text, "native memory that no node stands for: {} bytes", header.extra_native_bytes)?;
    }
    if detached > 0 {
        writeln!(text, "detached from the embedder's trees: {detached} nodes")?;
    }
    for (own, (count, inside, outside)) in
        header.node_types.iter().zip(&types).filter(|(_, (count, ..))| *count > 0)
    {
        writeln!(text, "{:>12} {:>14} {:>12}  {}", count, inside, outside, escape(&own.name))?;
    }
    for said in source.untold() {
        writeln!(text, "not told: {said}")?;
    }
    writeln!(text, "whole: {}", if shortcomings.is_empty() { "yes" } else { "no" })?;
    for said in shortcomings {
        writeln!(text, "  {said}")?;
    }
    Ok(())
}

/// Words of a command line that are looked at.
const MOST_ARGUMENTS: u32 = 64;
/// Characters of each.
const LONGEST: usize = 1 << 12;

/// What the `process` of Node.js says.
#[derive(Debug, Default)]
struct Process {
    /// `24.21.0`
    version: Option<String>,
    arguments: Vec<String>,
}

impl SnapshotSource {
    /// What the object `process` of Node.js says of itself, if there is one.
    fn process(&self) -> Result<Process, DcmdError> {
        let nodes = &self.nodes;
        let (Some(name), Some(version), Some(argv)) =
            (nodes.string_saying("process"), self.key_of("version"), self.key_of("argv"))
        else {
            return Ok(Process::default());
        };
        let text = |node: u32| Ok::<_, DcmdError>(nodes.string(node, LONGEST)?.map(|text| text.text));
        for node in (0..nodes.len() as u32).filter(|node| nodes.name_number(*node) == name) {
            let version = match nodes.member(node, version)? {
                Some(version) => text(version)?,
                None => None,
            };
            let Some(version) = version.and_then(|text| Some(text.strip_prefix('v')?.to_owned())) else {
                continue;
            };
            let mut arguments = Vec::new();
            if let Some(list) = nodes.member(node, argv)? {
                for index in 0..MOST_ARGUMENTS {
                    let Some(word) = nodes.member(list, Key::Index(index))? else { break };
                    arguments.extend(text(word)?);
                }
            }
            return Ok(Process { version: Some(version), arguments });
        }
        Ok(Process::default())
    }

    /// What no command can tell of this snapshot, in words.
    fn untold(&self) -> Vec<&'static str> {
        let mut untold =
            vec!["which line adds to what has gathered, how old an object is, and what was garbage"];
        if !self.nodes.tells_numbers() {
            untold.push(
                "properties that are numbers, so also limits of caches (v8.writeHeapSnapshot(file, { exposeNumericValues: true }) \
                 writes them)",
            );
        }
        untold
    }
}
