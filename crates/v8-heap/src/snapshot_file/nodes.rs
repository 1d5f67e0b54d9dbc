//! The nodes of a snapshot, a column for each field.

use std::sync::Arc;

use super::contents::Contents;
use super::header::Header;
use super::json::damaged;
use super::numbers::Numbers;
use super::parts::in_parts;
use crate::snapshot::NodeKind;
use crate::{Error, Monitor, Result};

/// Nodes between two looks at whether to stop.
const BETWEEN_LOOKS: usize = 1 << 14;
/// Stands in a column of 4 bytes for a number that has no room there, and is kept beside it.
const WIDE: u32 = u32::MAX;

/// Nodes by number, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    /// Number of the type.
    pub types: Vec<u8>,
    /// Number of the string that is the name.
    pub names: Vec<u32>,
    ids: Vec<u32>,
    wide_ids: Vec<(u32, u64)>,
    /// Bytes in the heap; 0 of what lies outside of it.
    pub sizes: Arc<Vec<u32>>,
    /// Bytes outside of the heap, of those that are there; and of sizes that have no room.
    pub outside: Vec<(u32, u64)>,
    /// Where the edges of each node begin; and where those of the last end.
    pub edges: Vec<u32>,
    /// Nodes of which the embedder says whether they are detached from its trees: 1 attached, 2 detached.
    pub detached: Vec<(u32, u8)>,
}

/// The part of the columns that one thread fills.
struct Columns<'a> {
    first: usize,
    types: &'a mut [u8],
    names: &'a mut [u32],
    ids: &'a mut [u32],
    sizes: &'a mut [u32],
    edges: &'a mut [u32],
}

/// What is kept beside the columns.
#[derive(Default)]
struct Beside {
    wide_ids: Vec<(u32, u64)>,
    outside: Vec<(u32, u64)>,
    detached: Vec<(u32, u8)>,
}

impl Nodes {
    /// Reads all nodes.
    ///
    /// # Errors
    /// They are damaged; [`Error::TooManyObjects`]; [`Error::Interrupted`].
    pub fn read(
        contents: &Contents,
        header: &Header,
        numbers: &Numbers,
        monitor: &dyn Monitor,
    ) -> Result<Nodes> {
        let width = header.node.width as u64;
        if !numbers.count.is_multiple_of(width) {
            let found = format!("{} numbers, which are no nodes of {width} each", numbers.count);
            return Err(damaged("nodes", numbers.end(), found));
        }
        let count = usize::try_from(numbers.count / width).unwrap_or(usize::MAX);
        if count >= WIDE as usize {
            return Err(Error::TooManyObjects);
        }
        monitor.begin("reading nodes", count as u64);
        let mut nodes = Nodes {
            types: vec![0; count],
            names: vec![0; count],
            ids: vec![0; count],
            sizes: Arc::default(),
            edges: vec![0; count + 1],
            ..Nodes::default()
        };
        let mut sizes = vec![0; count];
        let columns = columns(&mut nodes, &mut sizes);
        let read = |columns: Columns<'_>| read_part(contents, header, numbers, columns, monitor);
        for beside in in_parts(columns, read)? {
            nodes.wide_ids.extend(beside.wide_ids);
            nodes.outside.extend(beside.outside);
            nodes.detached.extend(beside.detached);
        }
        nodes.sizes = Arc::new(sizes);
        // Counts become places.
        let mut sum = 0u32;
        for edges in &mut nodes.edges {
            sum = sum.checked_add(*edges).filter(|sum| *sum < WIDE).ok_or(Error::TooManyReferences)?;
            *edges = sum - *edges;
        }
        Ok(nodes)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// The id of a node, which stays the same from snapshot to snapshot of one process.
    pub fn id(&self, node: u32) -> u64 {
        match self.ids[node as usize] {
            WIDE => beside(&self.wide_ids, node),
            id => u64::from(id),
        }
    }

    /// The columns of ids that have room.
    pub fn with_id(&self, id: u64) -> Option<u32> {
        match u32::try_from(id).ok().filter(|id| *id != WIDE) {
            Some(id) => self.ids.iter().position(|own| *own == id).map(|at| at as u32),
            None => self.wide_ids.iter().find(|(_, own)| *own == id).map(|(node, _)| *node),
        }
    }

    /// Bytes of a node outside of the heap.
    pub fn outside(&self, node: u32) -> u64 {
        if self.sizes[node as usize] == 0 { beside(&self.outside, node) } else { 0 }
    }
}

fn beside(columns: &[(u32, u64)], node: u32) -> u64 {
    columns.binary_search_by_key(&node, |(own, _)| *own).map_or(0, |at| columns[at].1)
}

/// The columns in as many parts as there are processors.
fn columns<'a>(nodes: &'a mut Nodes, sizes: &'a mut [u32]) -> Vec<Columns<'a>> {
    let count = nodes.types.len();
    let share = super::parts::share_of(count);
    let types = nodes.types.chunks_mut(share);
    let rest = nodes.names.chunks_mut(share).zip(nodes.ids.chunks_mut(share)).zip(sizes.chunks_mut(share));
    let edges = nodes.edges[..count].chunks_mut(share);
    let columns = types.zip(rest).zip(edges).enumerate();
    columns
        .map(|(part, ((types, ((names, ids), sizes)), edges))| Columns {
            first: part * share,
            types,
            names,
            ids,
            sizes,
            edges,
        })
        .collect()
}

fn read_part(
    contents: &Contents,
    header: &Header,
    numbers: &Numbers,
    columns: Columns<'_>,
    monitor: &dyn Monitor,
) -> Result<Beside> {
    let fields = &header.node;
    let mut reader = numbers.from(contents, (columns.first * fields.width) as u64);
    let mut node = [0u64; 64];
    let node = &mut node[..fields.width];
    let is_native: Vec<bool> = header.node_types.iter().map(|own| own.kind == NodeKind::Native).collect();
    let mut kept = Beside::default();
    for index in 0..columns.types.len() {
        let start = reader.at();
        for field in node.iter_mut() {
            *field = reader.next()?;
        }
        let number = (columns.first + index) as u32;
        let narrow = |value: u64, what: &str| {
            u32::try_from(value)
                .map_err(|_| damaged("nodes", start, format!("{what} {value} of node {number}")))
        };
        let kind = node[fields.kind];
        let Some(is_native) = is_native.get(kind as usize).copied() else {
            return Err(damaged("nodes", start, format!("type {kind} of node {number}, which has no name")));
        };
        columns.types[index] = kind as u8;
        columns.names[index] = narrow(node[fields.name], "name")?;
        columns.edges[index] = narrow(node[fields.edges], "number of edges")?;
        match u32::try_from(node[fields.id]) {
            Ok(id) if id != WIDE => columns.ids[index] = id,
            _ => {
                columns.ids[index] = WIDE;
                kept.wide_ids.push((number, node[fields.id]));
            }
        }
        match u32::try_from(node[fields.size]) {
            Ok(size) if !is_native => columns.sizes[index] = size,
            Ok(0) => {}
            _ => kept.outside.push((number, node[fields.size])),
        }
        if let Some(at) = fields.detachedness
            && let state @ 1..=2 = node[at]
        {
            kept.detached.push((number, state as u8));
        }
        if index.is_multiple_of(BETWEEN_LOOKS) {
            reader.give_back();
            monitor.advance(BETWEEN_LOOKS as u64);
            if monitor.cancelled() {
                return Err(Error::Interrupted);
            }
        }
    }
    Ok(kept)
}
