//! Walks over the nodes of a heap snapshot, and over what one of them holds.

use v8_heap::snapshot::{EdgeKind, NodeKind};
use v8_heap::snapshot_file::{Edge, Entries, Nodes};

use super::SnapshotSource;
use super::print::is_member;
use crate::context::Context;
use crate::error::DcmdError;
use crate::stage::Flow;
use crate::value::Item;
use crate::walker::Visit;

/// Functions around a function.
const MOST_CONTEXTS: usize = 1 << 10;

/// What a walk over one node gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// The elements of an array.
    Elements,
    /// The values of properties, elements first.
    Properties,
    /// The values of a Map, the members of a Set.
    Entries,
    /// The variables that a function has captured, of its own scope.
    Variables,
    /// The contexts of a function, from the inside out.
    Contexts,
}

/// What a walk over all nodes gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Objects,
    Functions,
    Strings,
    Globals,
}

/// Walks over what a node holds.
pub(crate) fn held(
    context: &Context,
    item: Option<Item>,
    held: Held,
    visit: &mut Visit<'_>,
) -> Result<(), DcmdError> {
    let source = SnapshotSource::open(context, &context.progress())?;
    let node = source.node(item.map_or_else(|| context.dot(), |item| item.word))?;
    for node in source.held(node, held)? {
        if visit(Item::value(source.nodes.id(node)))? == Flow::Enough {
            break;
        }
    }
    Ok(())
}

/// Walks over all nodes of a sort, in the order of the file.
pub(crate) fn all(context: &Context, sort: Sort, visit: &mut Visit<'_>) -> Result<(), DcmdError> {
    let source = SnapshotSource::open(context, &context.progress())?;
    let nodes = &source.nodes;
    let globals = if sort == Sort::Globals { nodes.globals()? } else { Vec::new() };
    let is_wanted = |node: u32| match sort {
        Sort::Objects => nodes.constructor(node).is_some(),
        Sort::Functions => nodes.kind(node) == NodeKind::Closure,
        Sort::Strings => nodes.kind(node).is_string(),
        Sort::Globals => globals.contains(&node),
    };
    for node in 0..nodes.len() as u32 {
        if is_wanted(node) && visit(Item::value(nodes.id(node)))? == Flow::Enough {
            break;
        }
    }
    Ok(())
}

impl SnapshotSource {
    fn held(&self, node: u32, held: Held) -> Result<Vec<u32>, DcmdError> {
        let nodes = &self.nodes;
        Ok(match held {
            Held::Elements => self.array(node)?.into_iter().map(|(_, to)| to).collect(),
            Held::Properties if nodes.constructor(node).is_none() => {
                return Err(self.is_no(node, "an object"));
            }
            Held::Properties => {
                let edges = nodes.edges_of(node)?;
                let is_member = |edge: &&Edge| is_member(edge, nodes.edge_name(edge).as_deref());
                let mut members: Vec<&Edge> = edges.iter().filter(is_member).collect();
                members.sort_by_key(|edge| edge.kind != EdgeKind::Element);
                members.into_iter().map(|edge| edge.to).collect()
            }
            Held::Entries => {
                let Entries { is_set, entries } = self.entries(node)?;
                entries.into_iter().filter_map(|entry| if is_set { entry.key } else { entry.value }).collect()
            }
            Held::Variables => {
                let context = self.contexts(node)?.into_iter().next();
                let edges = context.map_or(Ok(Vec::new()), |context| nodes.edges_of(context))?;
                let variables = edges.iter().filter(|edge| edge.kind == EdgeKind::Context);
                variables.map(|edge| edge.to).collect()
            }
            Held::Contexts => self.contexts(node)?,
        })
    }

    fn is_no(&self, node: u32, what: &str) -> DcmdError {
        DcmdError::failed(format!("{} {} is not {what}", self.id(node), self.label_of(node)))
    }

    /// The elements of an array that the file tells, each behind its index.
    pub(super) fn array(&self, node: u32) -> Result<Vec<(u32, u32)>, DcmdError> {
        if self.label_of(node) != "Array" {
            return Err(self.is_no(node, "a JavaScript array"));
        }
        let edges = self.nodes.edges_of(node)?;
        let elements = edges.iter().filter(|edge| edge.kind == EdgeKind::Element);
        Ok(elements.map(|edge| (edge.name, edge.to)).collect())
    }

    /// The entries of a Map or Set.
    pub(super) fn entries(&self, node: u32) -> Result<Entries, DcmdError> {
        self.nodes.entries(node)?.ok_or_else(|| self.is_no(node, "a Map or Set"))
    }

    fn is_context(&self, node: u32) -> bool {
        self.nodes.kind(node) == NodeKind::Object && self.nodes.name(node).starts_with("system / Context")
    }

    /// The contexts of a function, or of a context, from the inside out.
    pub(super) fn contexts(&self, node: u32) -> Result<Vec<u32>, DcmdError> {
        let mut found = Vec::new();
        let mut next = match self.nodes.kind(node) {
            NodeKind::Closure => internal(&self.nodes, node, "context")?,
            _ if self.is_context(node) => Some(node),
            _ => return Err(self.is_no(node, "a function")),
        };
        while let Some(context) = next.filter(|_| found.len() < MOST_CONTEXTS) {
            if self.is_context(context) {
                found.push(context);
            }
            next = internal(&self.nodes, context, "previous")?;
        }
        Ok(found)
    }
}

/// The node that a field of V8's with a name leads to.
fn internal(nodes: &Nodes<'_>, node: u32, name: &str) -> Result<Option<u32>, DcmdError> {
    let edges = nodes.edges_of(node)?;
    let found = edges
        .iter()
        .find(|edge| edge.kind == EdgeKind::Internal && nodes.edge_name(edge).as_deref() == Some(name));
    Ok(found.map(|edge| edge.to))
}
