//! Heap snapshots as V8 writes them, read: the other source of the graph, for a process that lives.
//!
//! ```text
//!   {"snapshot":{"meta":{"node_fields":["type","name","id",...],...},"node_count":N,"edge_count":M},
//!   "nodes":[9,1,1,0,6, 9,2,3,0,27, ...],      a node: type, string that is its name, id, bytes, number of edges
//!   "edges":[1,1,6, 1,2,12, ...],              an edge: type, string or number that is its name, place of the node in `nodes`
//!   ...
//!   "strings":["<dummy>","","(GC roots)", ...]}
//! ```
//!
//! The edges of the first node come first, then those of the second. Which fields there are, the file says.
//!
//! The file is mapped, and its two long arrays are read where they lie, on all processors. Kept are 17 bytes a node; of the edges,
//! which are most of it, only whom those lead to that keep something alive. Names of edges are read when they are shown, and strings stay in
//! the file.
//!
//! Nothing in the file is believed: any bytes give an answer or an error, and take memory in proportion to the file.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, OnceLock};

use crate::graph::{Dominators, Graph, Rows, Suspect};
use crate::questions::gatherings;
use crate::{Error, Monitor, Result};

mod classes;
mod contents;
mod edges;
mod header;
mod json;
mod meant;
mod nodes;
mod numbers;
mod objects;
mod parts;
mod strings;
mod texts;
mod values;
mod ways;

pub use classes::Class;
pub use contents::Contents;
pub use edges::Edge;
pub use header::{Header, NodeType};
pub use objects::{Holding, Nodes};
pub use texts::SnapshotText;
pub use values::{Entries, Entry, Key, NodeValue};
pub use ways::Way;

use edges::Edges;
use json::{Cursor, damaged};
use numbers::Numbers;
use strings::Strings;

/// How a snapshot begins, blanks aside.
const BEGINNING: [&[u8]; 5] = [b"{", b"\"snapshot\"", b":", b"{", b"\"meta\""];

/// A heap snapshot. Each part is read when it is first asked for.
#[derive(Debug)]
pub struct SnapshotFile {
    contents: Contents,
    header: Header,
    /// Where the header ends.
    after_header: usize,
    parts: OnceLock<Parts>,
    nodes: OnceLock<nodes::Nodes>,
    by_id: OnceLock<Vec<u32>>,
    /// How often a node was looked for by its id.
    looked_up: AtomicUsize,
    /// Which strings say what was looked for.
    sought: Mutex<HashMap<Box<str>, Option<u32>>>,
    graph: OnceLock<Graph>,
    held_by: OnceLock<Rows>,
    dominators: OnceLock<Dominators>,
    suspects: OnceLock<Vec<Suspect>>,
}

/// Where the parts of the file are.
#[derive(Debug, Default)]
struct Parts {
    nodes: Option<Numbers>,
    edges: Option<Numbers>,
    strings: Strings,
    names: classes::Names,
}

/// What is there if `make` has been done once.
fn once<T>(slot: &OnceLock<T>, make: impl FnOnce() -> Result<T>) -> Result<&T> {
    match slot.get() {
        Some(there) => Ok(there),
        None => {
            let made = make()?;
            Ok(slot.get_or_init(|| made))
        }
    }
}

impl SnapshotFile {
    /// Whether what begins with `start` is a heap snapshot.
    pub fn is_one(start: &[u8]) -> bool {
        let mut rest = start;
        for word in BEGINNING {
            let Some(behind) = rest.trim_ascii_start().strip_prefix(word) else { return false };
            rest = behind;
        }
        true
    }

    /// Opens a snapshot: reads what it says of itself.
    ///
    /// # Errors
    /// It is none, damaged, or cut off before its nodes.
    pub fn open(contents: Contents) -> Result<SnapshotFile> {
        let mut header = None;
        let mut cursor = Cursor::new(&contents, "description");
        cursor.members(|name, cursor| {
            if name == b"snapshot" {
                header = Some((Header::read(cursor)?, cursor.at));
            } else {
                cursor.skip()?;
            }
            Ok(header.is_none())
        })?;
        let Some((header, after_header)) = header else {
            return Err(damaged("description", cursor.at, "nothing that describes it".to_owned()));
        };
        Ok(SnapshotFile {
            contents,
            header,
            after_header,
            parts: OnceLock::new(),
            nodes: OnceLock::new(),
            by_id: OnceLock::new(),
            looked_up: AtomicUsize::new(0),
            sought: Mutex::default(),
            graph: OnceLock::new(),
            held_by: OnceLock::new(),
            dominators: OnceLock::new(),
            suspects: OnceLock::new(),
        })
    }

    /// What the file says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Bytes of the file.
    pub fn file_len(&self) -> u64 {
        self.contents.len() as u64
    }

    /// Whether the file ends as a snapshot does. Costs nothing.
    pub fn seems_whole(&self) -> bool {
        self.contents.trim_ascii_end().ends_with(b"}")
    }

    fn parts(&self, monitor: &dyn Monitor) -> Result<&Parts> {
        once(&self.parts, || self.find_parts(monitor))
    }

    fn find_parts(&self, monitor: &dyn Monitor) -> Result<Parts> {
        let mut parts = Parts::default();
        let mut cursor = Cursor::new(&self.contents, "parts");
        cursor.at = self.after_header;
        while cursor.takes(b',') {
            cursor.peek();
            let name = cursor.string()?;
            cursor.expect(b':')?;
            match name {
                b"nodes" | b"edges" | b"samples" | b"locations" | b"trace_function_infos" => {
                    cursor.expect(b'[')?;
                    let (slot, part) = match name {
                        b"nodes" => (Some(&mut parts.nodes), "nodes"),
                        b"edges" => (Some(&mut parts.edges), "edges"),
                        _ => (None, "other parts"),
                    };
                    match slot {
                        Some(slot) => {
                            let numbers = Numbers::survey(&self.contents, cursor.at, part, monitor)?;
                            cursor.at = numbers.end() + 1;
                            *slot = Some(numbers);
                        }
                        None => cursor.at = end_of_flat(&self.contents, cursor.at, part)? + 1,
                    }
                }
                b"strings" => {
                    cursor.expect(b'[')?;
                    let (strings, end) = Strings::read(&self.contents, cursor.at, monitor)?;
                    let is_cut = strings.cut.is_some();
                    parts.strings = strings;
                    cursor.at = end + 1;
                    if is_cut {
                        break;
                    }
                }
                _ => cursor.skip()?,
            }
        }
        if parts.strings.cut.is_none() {
            if parts.nodes.is_some()
                && parts.edges.is_some()
                && !parts.strings.is_there
                && cursor.peek().is_none()
            {
                parts.strings.cut = Some(self.file_len());
            } else {
                cursor.expect(b'}')?;
            }
        }
        parts.names = classes::Names::of(&parts.strings, &self.contents);
        Ok(parts)
    }

    fn columns(&self, monitor: &dyn Monitor) -> Result<&nodes::Nodes> {
        once(&self.nodes, || {
            let parts = self.parts(monitor)?;
            let Some(numbers) = &parts.nodes else { return Err(self.lacks("nodes")) };
            let nodes = nodes::Nodes::read(&self.contents, &self.header, numbers, monitor)?;
            if self.header.root / self.header.node.width as u64 >= nodes.len() as u64 {
                return Err(damaged("nodes", numbers.end(), "no root among its nodes".to_owned()));
            }
            Ok(nodes)
        })
    }

    fn lacks(&self, part: &'static str) -> Error {
        damaged(part, self.contents.len(), "nothing: the part is not there".to_owned())
    }

    /// The nodes.
    ///
    /// # Errors
    /// The file is damaged or cut off; [`Error::Interrupted`].
    pub fn nodes(&self, monitor: &dyn Monitor) -> Result<Nodes<'_>> {
        let parts = self.parts(monitor)?;
        let columns = self.columns(monitor)?;
        let Some(numbers) = &parts.edges else { return Err(self.lacks("edges")) };
        let edges = Edges { contents: &self.contents, header: &self.header, numbers, nodes: columns };
        edges.check()?;
        Ok(Nodes { file: self, parts, columns, edges })
    }

    /// The number of the node that holds all.
    pub fn root(&self) -> u32 {
        (self.header.root / self.header.node.width.max(1) as u64) as u32
    }

    /// What is wrong with the file, though it can be read: what is missing at its end, and what it says of itself that is not so.
    ///
    /// # Errors
    /// As [`SnapshotFile::nodes`].
    pub fn shortcomings(&self, monitor: &dyn Monitor) -> Result<Vec<String>> {
        let nodes = self.nodes(monitor)?;
        let mut found = Vec::new();
        if let Some(at) = nodes.parts.strings.cut {
            found.push(format!(
                "the snapshot ends at byte {at}, in the middle of its strings: it was cut off, and names behind the first {} are missing",
                nodes.parts.strings.len()
            ));
        }
        let edges = u64::from(nodes.columns.edges.last().copied().unwrap_or(0));
        for (what, said, is) in [
            ("nodes", self.header.node_count, nodes.columns.len() as u64),
            ("references", self.header.edge_count, edges),
        ] {
            if let Some(said) = said.filter(|said| *said != is) {
                found.push(format!("the snapshot says that it has {said} {what}, and has {is}"));
            }
        }
        Ok(found)
    }

    /// Who keeps whom alive: the references that count.
    ///
    /// # Errors
    /// As [`SnapshotFile::nodes`].
    pub fn graph(&self, monitor: &dyn Monitor) -> Result<&Graph> {
        let nodes = self.nodes(monitor)?;
        once(&self.graph, || nodes.edges.graph(&nodes.parts.strings, self.root(), monitor))
    }

    /// The graph turned around.
    ///
    /// # Errors
    /// As [`SnapshotFile::nodes`].
    pub fn held_by(&self, monitor: &dyn Monitor) -> Result<&Rows> {
        let graph = self.graph(monitor)?;
        once(&self.held_by, || graph.holds.reversed(monitor))
    }

    /// What would die with what. The root of the snapshot is above all.
    ///
    /// # Errors
    /// As [`SnapshotFile::nodes`].
    pub fn dominators(&self, monitor: &dyn Monitor) -> Result<&Dominators> {
        let (graph, held_by) = (self.graph(monitor)?, self.held_by(monitor)?);
        once(&self.dominators, || Dominators::of_all(graph, held_by, self.root(), monitor))
    }

    /// Where many objects of a kind have gathered, the largest first.
    ///
    /// # Errors
    /// As [`SnapshotFile::nodes`].
    pub fn suspects(&self, monitor: &dyn Monitor) -> Result<&[Suspect]> {
        let nodes = self.nodes(monitor)?;
        let (dominators, held_by) = (self.dominators(monitor)?, self.held_by(monitor)?);
        let found = once(&self.suspects, || gatherings(&nodes, dominators, held_by, monitor))?;
        Ok(found)
    }
}

/// Where an array that has no other in it ends.
fn end_of_flat(contents: &Contents, at: usize, part: &'static str) -> Result<usize> {
    let rest = contents.get(at..).unwrap_or_default();
    match memchr::memchr(b']', rest) {
        Some(length) => {
            contents.release(at, at + length);
            Ok(at + length)
        }
        None => Err(Error::SnapshotCut { part, at: contents.len() as u64 }),
    }
}

#[cfg(test)]
mod tests;
