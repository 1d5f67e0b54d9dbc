//! The file: nodes, references, names, in the order that readers expect (`HeapSnapshotJSONSerializer` in
//! `src/profiler/heap-snapshot-generator.cc`).
//!
//! References of a page are found twice: to be counted, as each node says how many it has, and to be written. So nothing but
//! the list of names is ever in memory. Pages are read on all processors and written in their order; that makes the file the
//! same every time.

use std::io::{Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::graph::ObjectSet;
use crate::index::ObjectId;
use crate::index::parallel::in_order;
use crate::objects::value::HeapObject;
use crate::{Error, Monitor, Result};

use super::kinds::{EdgeKind, NodeKind};
use super::names::{Names, PartNames, Texts};
use super::reference::{Edge, Explorer, Label, Target};
use super::roots::{Ending, Synthetic};
use super::{SnapshotSize, Subject, node_id};

/// Objects between two looks at whether to stop.
const BETWEEN_LOOKS: usize = 1 << 10;
/// No reader takes more references.
const MOST_EDGES: u64 = u32::MAX as u64;
/// Fields of a node in the file.
const NODE_FIELDS: u64 = 7;

/// Everything in front of the two counts.
fn head() -> String {
    let listed = |names: &mut dyn Iterator<Item = &str>| {
        names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",")
    };
    let nodes = listed(&mut NodeKind::ALL.into_iter().map(NodeKind::name));
    let edges = listed(&mut EdgeKind::ALL.into_iter().map(EdgeKind::name));
    format!(
        "{{\"snapshot\":{{\"meta\":{{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\",\"trace_node_id\",\
         \"detachedness\"],\"node_types\":[[{nodes}],\"string\",\"number\",\"number\",\"number\",\"number\",\"number\"],\
         \"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\"edge_types\":[[{edges}],\
         \"string_or_number\",\"node\"],\"trace_function_info_fields\":\
         [\"function_id\",\"name\",\"script_name\",\"script_id\",\"line\",\"column\"],\"trace_node_fields\":[\"id\",\
         \"function_info_index\",\"count\",\"size\",\"children\"],\"sample_fields\":[\"timestamp_us\",\"last_assigned_id\"],\
         \"location_fields\":[\"object_index\",\"script_id\",\"line\",\"column\"]}},"
    )
}

/// The counts, always as long: they are known last.
fn counts(nodes: u64, edges: u64) -> String {
    format!("\"node_count\":{nodes:<12},\"edge_count\":{edges:<12},\"trace_function_count\":0}},\n")
}

/// Where objects are among the nodes.
pub(super) struct Places {
    /// Objects in front of each word of the set's bits.
    ranks: Vec<u32>,
    first: u32,
}

impl Places {
    pub fn of(included: &ObjectSet, first: u32) -> Places {
        let mut ranks = Vec::new();
        let mut rank = 0;
        for word in included.words() {
            ranks.push(rank);
            rank += word.count_ones();
        }
        Places { ranks, first }
    }

    /// Number of the node of an object, which is in the set.
    fn node(&self, included: &ObjectSet, id: u32) -> u32 {
        let before = included.word(id as usize / 64) & ((1 << (id % 64)) - 1);
        self.first + self.ranks[id as usize / 64] + before.count_ones()
    }
}

/// What writes a snapshot.
pub(super) struct Writing<'a, 't> {
    pub subject: &'a Subject<'a, 't>,
    pub explorer: &'a Explorer<'a, 't>,
    pub texts: &'a Texts<'a, 't>,
    pub synthetic: &'a [Synthetic],
    pub places: Places,
    /// Nodes of synthetic ones and of objects: those of memory follow, and those of C++ objects.
    pub objects_end: u32,
}

/// A node on its way into the file.
struct Node {
    kind: NodeKind,
    /// Number of its name in the part.
    name: u32,
    id: u32,
    size: u64,
    edges: u32,
}

#[derive(Default)]
struct NodePart {
    names: PartNames,
    nodes: Vec<Node>,
}

#[derive(Default)]
struct EdgePart {
    names: PartNames,
    /// Kind, name or index, node.
    edges: Vec<(EdgeKind, u32, u32)>,
}

impl Writing<'_, '_> {
    /// Writes the whole file.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so, or what is wrong with the file.
    pub fn write(&self, out: &mut (impl Write + Seek), monitor: &dyn Monitor) -> Result<SnapshotSize> {
        let head = head();
        let start = out.stream_position().map_err(failed)?;
        let mut names = Names::default();
        let mut text = head.clone().into_bytes();
        text.extend_from_slice(counts(0, 0).as_bytes());
        text.extend_from_slice(b"\"nodes\":[");
        let mut size = SnapshotSize::default();
        self.write_nodes(out, &mut text, &mut names, &mut size, monitor)?;
        text.extend_from_slice(b"],\n\"edges\":[");
        self.write_edges(out, &mut text, &mut names, &mut size, monitor)?;
        text.extend_from_slice(
            b"],\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n\"locations\":[],\n\"strings\":[",
        );
        self.write_strings(out, &mut text, &names, monitor)?;
        text.extend_from_slice(b"]}");
        out.write_all(&text).map_err(failed)?;
        size.bytes = out.stream_position().map_err(failed)? - start;
        out.seek(SeekFrom::Start(start + head.len() as u64)).map_err(failed)?;
        out.write_all(counts(size.nodes, size.edges).as_bytes()).map_err(failed)?;
        out.flush().map_err(failed)?;
        Ok(size)
    }

    /// The objects of a page that are in the snapshot.
    fn objects_on(&self, page: usize) -> impl Iterator<Item = (u32, HeapObject<'_>)> {
        let (first, _) = self.subject.table.page_maps(page);
        let objects = (first.0..).zip(self.subject.table.page_objects(page));
        objects.filter(|(id, _)| self.subject.included.contains(*id)).map(|(id, (address, map_id))| {
            (id, HeapObject { address, map_id, map: self.subject.heap.map(map_id) })
        })
    }

    fn write_nodes(
        &self,
        out: &mut impl Write,
        text: &mut Vec<u8>,
        names: &mut Names,
        size: &mut SnapshotSize,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let subject = self.subject;
        let mut buffer = Vec::new();
        for (index, node) in self.synthetic.iter().enumerate() {
            let mut part = PartNames::default();
            part.number(node.name, self.texts, &mut buffer);
            let name = names.number(part.names[0].0, part.names[0].1, self.texts);
            let id = 2 * (index as u64 + 1);
            push_node(text, size, NodeKind::Synthetic, name, id, 0, node.edges.len() as u32);
        }
        monitor.begin("writing objects", subject.table.len() as u64);
        let total = AtomicU64::new(0);
        let work = |page: usize| {
            let is_read_only = subject.heap.spaces().pages()[page].is_read_only();
            let mut part = NodePart::default();
            let mut buffer = Vec::new();
            for (id, object) in self.objects_on(page) {
                if part.nodes.len().is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled() {
                    break;
                }
                let bytes = subject.graph.size(id);
                let mut edges = 0;
                self.for_each_edge((id, object), bytes, &mut |edge| {
                    edges += u32::from(self.node_of(edge).is_some());
                });
                let (mut kind, mut name) = self.texts.namer.of(id, object, is_read_only);
                let mut bytes = subject.self_size(id, object, is_read_only);
                if let Some(merged) = self.texts.natives.merged(id) {
                    (kind, name) = (merged.kind, merged.name);
                    bytes = bytes.saturating_add(merged.size);
                }
                let name = part.names.number(name, self.texts, &mut buffer);
                part.nodes.push(Node { kind, name, id, size: bytes, edges });
                // Objects of a heap that was made for it have all the same elements.
                if total.fetch_add(u64::from(edges), Ordering::Relaxed) > MOST_EDGES {
                    break;
                }
            }
            part
        };
        let mut write = |page: usize, part: NodePart| {
            let numbers: Vec<u32> =
                part.names.names.iter().map(|(name, hash)| names.number(*name, *hash, self.texts)).collect();
            for node in part.nodes {
                push_node(
                    text,
                    size,
                    node.kind,
                    numbers[node.name as usize],
                    node_id(node.id),
                    node.size,
                    node.edges,
                );
                flush(out, text)?;
            }
            monitor.advance(subject.table.page_maps(page).1.len() as u64);
            Ok(())
        };
        in_order(subject.table.page_count(), monitor, work, &mut write)?;
        if total.into_inner() > MOST_EDGES {
            return Err(Error::TooManyReferences);
        }
        for (index, (_, bytes)) in subject.memory.iter().enumerate() {
            let mut part = PartNames::default();
            let name = super::reference::Name::System("JSArrayBufferData");
            part.number(name, self.texts, &mut buffer);
            let name = names.number(part.names[0].0, part.names[0].1, self.texts);
            let id = 2 * (self.synthetic.len() + index + 1) as u64;
            push_node(text, size, NodeKind::Native, name, id, *bytes, 0);
            flush(out, text)?;
        }
        for (place, native) in self.texts.natives.all().iter().enumerate() {
            let mut part = PartNames::default();
            part.number(native.name, self.texts, &mut buffer);
            let name = names.number(part.names[0].0, part.names[0].1, self.texts);
            let id = 2 * (self.synthetic.len() + subject.memory.len() + place + 1) as u64;
            push_node(text, size, native.kind, name, id, native.size, native.edges.len() as u32);
            flush(out, text)?;
        }
        Ok(())
    }

    /// C++ objects follow the memory of buffers.
    fn node_of_native(&self, place: u32) -> u32 {
        self.objects_end + self.subject.memory.len() as u32 + place
    }

    /// The references of an object, as they stand in the file.
    fn for_each_edge(&self, (id, object): (u32, HeapObject<'_>), bytes: u64, visit: &mut dyn FnMut(Edge)) {
        let of_natives = self.texts.natives.edges_of(id);
        if of_natives.is_empty() {
            return self.explorer.for_each(object, bytes, visit);
        }
        let mut before = 0;
        self.explorer.for_each(object, bytes, &mut |edge| {
            before += u32::from(self.node_of(edge).is_some());
            visit(edge);
        });
        for edge in of_natives {
            let label = match edge.label {
                Label::Index(index) => Label::Index(before + index),
                name => name,
            };
            visit(Edge { label, ..*edge });
        }
    }

    /// The number of the node that a reference leads to, if it is in the snapshot.
    #[inline]
    fn node_of(&self, edge: Edge) -> Option<u32> {
        let subject = self.subject;
        match edge.target {
            Target::Object(address) => {
                let ObjectId(id) = subject.table.id_at(subject.heap.spaces(), address)?;
                subject.included.contains(id).then(|| self.places.node(&subject.included, id))
            }
            Target::Memory(address) => {
                let index = subject.memory.binary_search_by_key(&address, |(address, _)| *address).ok()?;
                Some(self.objects_end + index as u32)
            }
            Target::Native(place) => Some(self.node_of_native(place)),
        }
    }

    fn write_edges(
        &self,
        out: &mut impl Write,
        text: &mut Vec<u8>,
        names: &mut Names,
        size: &mut SnapshotSize,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let subject = self.subject;
        let mut buffer = Vec::new();
        for node in self.synthetic {
            for (kind, label, ending) in &node.edges {
                let label = match label {
                    Label::Index(index) => *index,
                    Label::Name(name) => {
                        let mut part = PartNames::default();
                        part.number(*name, self.texts, &mut buffer);
                        names.number(part.names[0].0, part.names[0].1, self.texts)
                    }
                };
                let node = match ending {
                    Ending::Synthetic(index) => *index,
                    Ending::Object(id) => self.places.node(&subject.included, *id),
                    Ending::Native(place) => self.node_of_native(*place),
                };
                push_edge(text, size, *kind, label, node);
                flush(out, text)?;
            }
        }
        monitor.begin("writing references", subject.table.len() as u64);
        let work = |page: usize| {
            let mut part = EdgePart::default();
            let mut buffer = Vec::new();
            for (index, (id, object)) in self.objects_on(page).enumerate() {
                if index.is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled() {
                    break;
                }
                self.for_each_edge((id, object), subject.graph.size(id), &mut |edge| {
                    if let Some(node) = self.node_of(edge) {
                        let label = match edge.label {
                            Label::Index(index) => index,
                            Label::Name(name) => part.names.number(name, self.texts, &mut buffer),
                        };
                        part.edges.push((edge.kind, label, node));
                    }
                });
            }
            part
        };
        let mut write = |page: usize, part: EdgePart| {
            let numbers: Vec<u32> =
                part.names.names.iter().map(|(name, hash)| names.number(*name, *hash, self.texts)).collect();
            for (kind, label, node) in part.edges {
                let label = match kind {
                    EdgeKind::Element | EdgeKind::Hidden => label,
                    _ => numbers[label as usize],
                };
                push_edge(text, size, kind, label, node);
                flush(out, text)?;
            }
            monitor.advance(subject.table.page_maps(page).1.len() as u64);
            Ok(())
        };
        in_order(subject.table.page_count(), monitor, work, &mut write)?;
        for edge in self.texts.natives.all().iter().flat_map(|native| &native.edges) {
            let mut part = PartNames::default();
            let label = match edge.label {
                Label::Index(index) => index,
                Label::Name(name) => {
                    part.number(name, self.texts, &mut buffer);
                    names.number(part.names[0].0, part.names[0].1, self.texts)
                }
            };
            // All lead to what is in the snapshot.
            push_edge(text, size, edge.kind, label, self.node_of(*edge).unwrap_or_default());
            flush(out, text)?;
        }
        Ok(())
    }

    fn write_strings(
        &self,
        out: &mut impl Write,
        text: &mut Vec<u8>,
        names: &Names,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        /// Names of one turn.
        const TURN: usize = 4096;
        let names = &names.names;
        monitor.begin("writing names", names.len() as u64);
        let work = |turn: usize| {
            let mut part = Vec::new();
            let mut units = Vec::new();
            for (index, name) in names.iter().enumerate().skip(turn * TURN).take(TURN) {
                units.clear();
                self.texts.write(*name, &mut units);
                part.extend_from_slice(if index == 0 { b"\"" } else { b",\n\"" });
                escape(&units, &mut part);
                part.push(b'"');
            }
            part
        };
        let mut write = |_: usize, part: Vec<u8>| {
            text.extend_from_slice(&part);
            monitor.advance(TURN as u64);
            flush(out, text)
        };
        in_order(names.len().div_ceil(TURN), monitor, work, &mut write)
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::Write(error.into())
}

/// Writes out what has gathered, if it is much.
#[inline]
fn flush(out: &mut impl Write, text: &mut Vec<u8>) -> Result<()> {
    const ENOUGH: usize = 1 << 20;
    if text.len() >= ENOUGH {
        out.write_all(text).map_err(failed)?;
        text.clear();
    }
    Ok(())
}

#[inline]
fn push_number(text: &mut Vec<u8>, number: u64) {
    text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn push_node(
    text: &mut Vec<u8>,
    size: &mut SnapshotSize,
    kind: NodeKind,
    name: u32,
    id: u64,
    bytes: u64,
    edges: u32,
) {
    text.extend_from_slice(if size.nodes == 0 { b"" } else { b"\n," });
    for number in [kind as u64, u64::from(name), id, bytes, u64::from(edges)] {
        push_number(text, number);
        text.push(b',');
    }
    text.extend_from_slice(b"0,0");
    size.nodes += 1;
    size.bytes_of_objects += bytes;
}

#[inline]
fn push_edge(text: &mut Vec<u8>, size: &mut SnapshotSize, kind: EdgeKind, label: u32, node: u32) {
    text.extend_from_slice(if size.edges == 0 { b"" } else { b"\n," });
    text.push(b'0' + kind as u8);
    text.push(b',');
    push_number(text, u64::from(label));
    text.push(b',');
    push_number(text, NODE_FIELDS * u64::from(node));
    size.edges += 1;
}

/// Text in JSON, in nothing but ASCII. Surrogates without a partner become U+FFFD, as in V8's own files: strict readers take no
/// others.
fn escape(units: &[u16], text: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let characters = char::decode_utf16(units.iter().copied());
    let mut pair = [0; 2];
    for character in characters.map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER)) {
        for &unit in character.encode_utf16(&mut pair).iter() {
            match unit {
                0x22 | 0x5c => text.extend_from_slice(&[b'\\', unit as u8]),
                0x0a => text.extend_from_slice(b"\\n"),
                0x0d => text.extend_from_slice(b"\\r"),
                0x09 => text.extend_from_slice(b"\\t"),
                0x20..=0x7e => text.push(unit as u8),
                _ => {
                    text.extend_from_slice(b"\\u");
                    text.extend((0..4).rev().map(|nibble| HEX[usize::from(unit >> (4 * nibble) & 15)]));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_json_wants_it() {
        let units: Vec<u16> = "a\"\\\n\t\r\u{1}\u{7f}é\u{1f600}".encode_utf16().chain([0xd800]).collect();
        let mut text = vec![b'"'];
        escape(&units, &mut text);
        text.push(b'"');
        assert_eq!(String::from_utf8(text).unwrap(), r#""a\"\\\n\t\r\u0001\u007f\u00e9\ud83d\ude00\ufffd""#);
    }

    #[test]
    fn counts_fit_where_they_were_left_out() {
        assert_eq!(counts(0, 0).len(), counts(4_000_000_000, 99_000_000_000).len());
    }
}
