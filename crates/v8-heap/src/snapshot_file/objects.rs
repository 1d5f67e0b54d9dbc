//! What one node of a snapshot is.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::contents::Contents;
use super::edges::{Edge, Edges};
use super::strings::{IS_INTERNAL, IS_SYSTEM};
use super::{Parts, SnapshotFile, nodes, once};
use crate::graph::{ObjectSet, Objects, Passage, RootKind};
use crate::snapshot::{EdgeKind, NodeKind};
use crate::{Error, Monitor, NameId, Result};

/// Stands for a name that the file does not have.
pub(super) const MISSING: &str = "(name missing)";

/// The nodes of a snapshot, by number: their order in the file.
#[derive(Clone, Copy)]
pub struct Nodes<'a> {
    pub(super) file: &'a SnapshotFile,
    pub(super) parts: &'a Parts,
    pub(super) columns: &'a nodes::Nodes,
    pub(super) edges: Edges<'a>,
}

impl std::fmt::Debug for Nodes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nodes").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// One reference to a node that was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Who holds.
    pub holder: u32,
    /// How, and whom.
    pub edge: Edge,
}

impl<'a> Nodes<'a> {
    fn contents(&self) -> &'a Contents {
        self.edges.contents
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many edges lead from all nodes.
    pub fn edge_count(&self) -> u64 {
        u64::from(self.columns.edges.last().copied().unwrap_or(0))
    }

    /// The id of a node, which stays the same from snapshot to snapshot of one process.
    pub fn id(&self, node: u32) -> u64 {
        self.columns.id(node)
    }

    /// The node with an id. Who asks often pays once for all ids to be sorted.
    pub fn with_id(&self, id: u64) -> Option<u32> {
        /// So many questions are cheaper without.
        const FEW: usize = 32;
        if self.file.looked_up.fetch_add(1, Ordering::Relaxed) < FEW {
            return self.columns.with_id(id);
        }
        let sorted = once(&self.file.by_id, || {
            let mut sorted: Vec<u32> = (0..self.len() as u32).collect();
            if !sorted.is_sorted_by_key(|node| self.id(*node)) {
                sorted.sort_unstable_by_key(|node| self.id(*node));
            }
            Ok(sorted)
        })
        .ok()?;
        let at = sorted.partition_point(|node| self.id(*node) < id);
        sorted.get(at).copied().filter(|node| self.id(*node) == id)
    }

    /// The node with an id, which must be there.
    ///
    /// # Errors
    /// There is none.
    pub fn of_id(&self, id: u64) -> Result<u32> {
        self.with_id(id).ok_or(Error::NoNode(id))
    }

    /// What the type of a node says.
    #[inline]
    pub fn kind(&self, node: u32) -> NodeKind {
        self.edges.header.node_types[self.columns.types[node as usize] as usize].kind
    }

    /// What the file calls the type.
    pub fn type_name(&self, node: u32) -> &'a str {
        &self.edges.header.node_types[self.columns.types[node as usize] as usize].name
    }

    /// Number of the type among those of the header.
    pub fn type_number(&self, node: u32) -> usize {
        self.columns.types[node as usize] as usize
    }

    /// Bytes of the node in the heap.
    pub fn size(&self, node: u32) -> u64 {
        u64::from(self.columns.sizes[node as usize])
    }

    /// Bytes outside of the heap, of what lies there.
    pub fn outside(&self, node: u32) -> u64 {
        self.columns.outside(node)
    }

    /// The number of the string that is the name.
    pub fn name_number(&self, node: u32) -> u32 {
        self.columns.names[node as usize]
    }

    /// The name of a node: its constructor, the function's, what a string says.
    pub fn name(&self, node: u32) -> String {
        self.text(self.name_number(node))
    }

    /// A string by its number.
    pub fn text(&self, string: u32) -> String {
        self.parts.strings.text(self.contents(), string).unwrap_or_else(|| MISSING.to_owned())
    }

    /// Whether the node is V8's own, and says so: `system / Map`.
    pub fn is_system(&self, node: u32) -> bool {
        self.parts.strings.marks(self.name_number(node)) & IS_SYSTEM != 0
    }

    /// Whether the embedder says that the node is detached from its trees, as elements of a page can be.
    pub fn is_detached(&self, node: u32) -> bool {
        let found = self.columns.detached.binary_search_by_key(&node, |(own, _)| *own);
        found.is_ok_and(|at| self.columns.detached[at].1 == 2)
    }

    /// How many nodes are detached.
    pub fn detached(&self) -> impl Iterator<Item = u32> + 'a {
        self.columns.detached.iter().filter(|(_, state)| *state == 2).map(|(node, _)| *node)
    }

    /// The references from a node, in the order of the file.
    ///
    /// # Errors
    /// They are damaged.
    pub fn edges_of(&self, node: u32) -> Result<Vec<Edge>> {
        self.edges.of(node)
    }

    /// The name of an edge; nothing of one that has a number.
    pub fn edge_name(&self, edge: &Edge) -> Option<String> {
        (!edge.kind.is_numbered()).then(|| self.text(edge.name))
    }

    /// The nodes that the root marks as global objects.
    ///
    /// # Errors
    /// The edges are damaged.
    pub fn globals(&self) -> Result<Vec<u32>> {
        let edges = self.edges_of(self.file.root())?;
        let mut globals = Vec::new();
        for mark in edges.into_iter().filter(|edge| edge.kind == EdgeKind::Shortcut) {
            // The newest V8 marks the native context, which has the object.
            let of_context = match self.name(mark.to).starts_with("system / NativeContext") {
                true => self.edges_of(mark.to)?,
                false => Vec::new(),
            };
            let object =
                of_context.iter().find(|edge| self.edge_name(edge).as_deref() == Some("global_object"));
            globals.push(object.map_or(mark.to, |edge| edge.to));
        }
        Ok(globals)
    }

    /// All references to some nodes, weak ones and such as repeat others included, by holder.
    ///
    /// # Errors
    /// The edges are damaged; [`crate::Error::Interrupted`].
    pub fn holders(&self, targets: &[u32], monitor: &dyn Monitor) -> Result<Vec<Holding>> {
        let set = ObjectSet::new(self.len());
        for target in targets {
            set.insert(*target);
        }
        let take = |found: &mut Vec<Holding>, holder: u32, edge: Edge| {
            if set.contains(edge.to) {
                found.push(Holding { holder, edge });
            }
        };
        Ok(self.edges.for_each("looking for references", monitor, Vec::new, take)?.concat())
    }

    /// Which nodes have an edge of these kinds for which `wanted` is true of its name.
    ///
    /// # Errors
    /// As [`Nodes::holders`].
    pub fn with_edges(
        &self,
        wanted: impl Fn(&Edge) -> bool + Sync,
        monitor: &dyn Monitor,
    ) -> Result<ObjectSet> {
        let found = ObjectSet::new(self.len());
        let take = |(): &mut (), holder: u32, edge: Edge| {
            if wanted(&edge) {
                found.insert(holder);
            }
        };
        self.edges.for_each("looking for names", monitor, || (), take)?;
        Ok(found)
    }

    /// The number of the string that says `wanted`, if one does.
    pub fn string_saying(&self, wanted: &str) -> Option<u32> {
        /// Answers that are remembered.
        const MOST: usize = 1 << 10;
        let known = || self.file.sought.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known().get(wanted) {
            return *found;
        }
        let found = self.parts.strings.find(self.contents(), wanted);
        let mut known = known();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(wanted.into(), found);
        found
    }
}

impl Objects for Nodes<'_> {
    #[inline]
    fn is_js(&self, id: u32) -> bool {
        Nodes::constructor(self, id).is_some()
    }

    #[inline]
    fn constructor(&self, id: u32) -> Option<NameId> {
        Nodes::constructor(self, id)
    }

    #[inline]
    fn is_plain(&self, id: u32) -> bool {
        self.kind(id) == NodeKind::Object && self.is_js(id)
    }

    /// Whether two have one constructor: which shape an object has is not told for all.
    fn are_alike(&self, one: u32, other: u32) -> bool {
        self.constructor(one) == self.constructor(other)
    }

    fn is_of_class(&self, id: u32, constructor: NameId) -> bool {
        const NO_CLASSES: [&str; 2] = ["Object", "Array"];
        matches!(self.kind(id), NodeKind::Object | NodeKind::Native)
            && !NO_CLASSES.contains(&&*self.constructor_text(constructor))
    }

    fn passage(&self, id: u32) -> Passage {
        if self.is_js(id) {
            return Passage::Object;
        }
        let marks = self.parts.strings.marks(self.name_number(id));
        match self.kind(id) {
            NodeKind::Code | NodeKind::ObjectShape | NodeKind::Synthetic => Passage::Internal,
            _ if marks & IS_INTERNAL != 0 => Passage::Internal,
            NodeKind::Object => Passage::Variables,
            _ => Passage::Storage,
        }
    }

    /// Which handle it is, the file does not say.
    fn handle(&self, _: u32) -> Option<RootKind> {
        None
    }
}
