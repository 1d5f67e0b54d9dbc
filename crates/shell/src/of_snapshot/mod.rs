//! What dcmds say of a heap snapshot where that is not what they say of a core.
//!
//! A node goes by its id, decimal and behind an `@`, as Chrome's developer tools show it: `@12345`. What asks who keeps whom alive is the
//! same for both, and asks an [`answers::source`](crate::answers).

use v8_heap::graph::{Dominators, Graph, Life, Rows};
use v8_heap::questions::{OwnedGroup, owned_by};
use v8_heap::snapshot::{EdgeKind, NodeKind};
use v8_heap::snapshot_file::{Edge, Nodes, SnapshotFile};
use v8_heap::{Monitor, NameId};

use crate::answers::source::Source;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::escape;
use crate::print::quoted;
use crate::said::Once;
use crate::value::{Item, Kind};

mod growth;
mod held;
mod instead;
mod kinds;
mod leaks;
mod oddities;
mod print;
mod references;
mod strings;
mod summary;
mod values;
mod walks;
mod ways;

pub(crate) use growth::{GrowthQuestion, growth};
pub(crate) use held::{AskedOfEntries, AskedOfVariables, elements, entries, variables};
pub(crate) use instead::instead;
pub(crate) use kinds::{Asked, Kinds};
pub(crate) use leaks::leaks;
pub(crate) use oddities::oddities;
pub(crate) use print::{AskedOfPrint, member, print, print_json};
pub(crate) use references::References;
pub(crate) use strings::{Asked as AskedOfStrings, strings};
pub(crate) use summary::{banner, status};
pub(crate) use values::OfSnapshot;
pub(crate) use walks::{Held, Sort, all, held};
pub(crate) use ways::{merged, ways};

/// Longer strings are cut in labels.
const LONGEST: usize = 40;

/// A snapshot that is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SnapshotSource {
    /// The snapshot.
    pub file: &'static SnapshotFile,
    /// Its nodes.
    pub nodes: Nodes<'static>,
}

impl SnapshotSource {
    /// The snapshot that is open; says once in a session what is short of it.
    ///
    /// # Errors
    /// None is, or it cannot be read.
    pub(crate) fn open(context: &Context, monitor: &dyn Monitor) -> Result<SnapshotSource, DcmdError> {
        let opened = context.snapshot().ok_or_else(|| DcmdError::abort("no heap snapshot is open"))?;
        let source = SnapshotSource::of(opened.file, monitor)?;
        if context.first(Once::Missing) {
            for said in opened.file.shortcomings(monitor)? {
                context.warn(&format_args!("warning: {said}"));
            }
        }
        Ok(source)
    }

    /// The same of any snapshot.
    pub(crate) fn of(
        file: &'static SnapshotFile,
        monitor: &dyn Monitor,
    ) -> Result<SnapshotSource, DcmdError> {
        Ok(SnapshotSource { file, nodes: file.nodes(monitor)? })
    }

    /// `@12345`
    pub(crate) fn id(&self, node: u32) -> String {
        format!("@{}", self.nodes.id(node))
    }

    /// The node with the id that a word is.
    pub(crate) fn node(&self, word: u64) -> Result<u32, DcmdError> {
        Ok(self.nodes.of_id(word)?)
    }

    /// What a node is called, escaped: as objects of a core are.
    pub(crate) fn label_of(&self, node: u32) -> String {
        let nodes = &self.nodes;
        let name = || nodes.name(node);
        if nodes.kind(node) == NodeKind::Closure {
            return format!("function {}", escape(&name())).trim_end().to_owned();
        }
        if let Some(constructor) = nodes.constructor(node) {
            return escape(&nodes.constructor_text(constructor)).into_owned();
        }
        if let Ok(Some(text)) = nodes.string(node, LONGEST) {
            return quoted(&text.text, text.is_cut);
        }
        let name = name();
        let own = name.strip_prefix("system / ").unwrap_or(&name);
        match own {
            "" if node == self.file.root() => "(root)".to_owned(),
            "" => format!("({})", escape(nodes.type_name(node))),
            own if own.starts_with('(') => escape(own).into_owned(),
            own => format!("({})", escape(own)),
        }
    }

    /// How an edge holds, escaped: `.name`, `[3]`, `variable "name"`.
    pub(crate) fn edge_text(&self, edge: &Edge) -> String {
        let name = self.nodes.edge_name(edge).unwrap_or_default();
        let is_word = !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'));
        let shown = escape(&name);
        match edge.kind {
            EdgeKind::Element => format!("[{}]", edge.name),
            EdgeKind::Hidden => format!("[{}] (hidden)", edge.name),
            EdgeKind::Context => format!("variable \"{shown}\""),
            EdgeKind::Internal | EdgeKind::Weak if name.contains(" / part of key (") => {
                "entry of a WeakMap".to_owned()
            }
            EdgeKind::Internal if name.chars().all(|c| c.is_ascii_digit()) => format!("[{shown}]"),
            EdgeKind::Weak => format!("weak {shown}"),
            EdgeKind::Shortcut => format!("{shown} (shortcut)"),
            EdgeKind::Property | EdgeKind::Internal | EdgeKind::Other if is_word => format!(".{shown}"),
            _ => format!("[\"{shown}\"]"),
        }
    }

    /// How one node holds another, by the first edge that counts; escaped.
    pub(crate) fn hold(&self, holder: u32, held: u32) -> Option<String> {
        let edges = self.nodes.edges_of(holder).ok()?;
        let rank = |edge: &Edge| match edge.kind {
            EdgeKind::Property | EdgeKind::Element | EdgeKind::Context => 0,
            EdgeKind::Internal => 1,
            EdgeKind::Weak | EdgeKind::Shortcut => 3,
            _ => 2,
        };
        let best = edges.iter().filter(|edge| edge.to == held).min_by_key(|edge| rank(edge))?;
        Some(self.edge_text(best))
    }

    /// All nodes with the constructor that one has.
    pub(crate) fn alike(&self, node: u32) -> Result<Vec<u32>, DcmdError> {
        let Some(wanted) = self.nodes.constructor(node) else {
            return Err(DcmdError::failed(format!(
                "{} is no JavaScript object: it is a {}",
                self.id(node),
                self.label_of(node)
            )));
        };
        let all = 0..self.nodes.len() as u32;
        Ok(all.filter(|node| self.nodes.constructor(*node) == Some(wanted)).collect())
    }
}

impl Source for SnapshotSource {
    fn find(&self, word: u64) -> Result<u32, DcmdError> {
        self.node(word)
    }

    fn set(&self, item: Item, _: &dyn Monitor) -> Result<Vec<u32>, DcmdError> {
        let node = self.node(item.word)?;
        match item.kind {
            Kind::Group(_) => self.alike(node),
            _ => Ok(vec![node]),
        }
    }

    fn word(&self, id: u32) -> u64 {
        self.nodes.id(id)
    }

    fn shown(&self, id: u32) -> String {
        self.id(id)
    }

    fn json(&self, id: u32) -> String {
        self.id(id)
    }

    fn label(&self, id: u32) -> String {
        self.label_of(id)
    }

    fn constructor_of(&self, id: u32) -> String {
        self.nodes.constructor(id).map_or(String::new(), |name| self.nodes.constructor_text(name))
    }

    fn name(&self, name: NameId) -> String {
        self.nodes.constructor_text(name)
    }

    fn must_live(&self, _: u32, _: Life, _: &dyn Monitor) -> Result<(), DcmdError> {
        Ok(())
    }

    fn graph(&self, monitor: &dyn Monitor) -> Result<&Graph, DcmdError> {
        Ok(self.file.graph(monitor)?)
    }

    fn dominators(&self, monitor: &dyn Monitor) -> Result<&Dominators, DcmdError> {
        Ok(self.file.dominators(monitor)?)
    }

    fn seeds(&self, monitor: &dyn Monitor) -> Result<Vec<u32>, DcmdError> {
        Ok(self.file.dominators(monitor)?.tops().collect())
    }

    fn owned_by(
        &self,
        owners: &[u32],
        below: &Rows,
        monitor: &dyn Monitor,
    ) -> Result<Vec<OwnedGroup>, DcmdError> {
        let constructor = |node: u32| self.nodes.constructor(node);
        Ok(owned_by(constructor, self.file.dominators(monitor)?, below, owners, monitor)?)
    }

    fn manner(&self, holder: u32, held: u32, monitor: &dyn Monitor) -> Option<String> {
        /// Storage between two objects.
        const MOST_STEPS: usize = 8;
        if let Some(direct) = self.hold(holder, held) {
            return Some(direct);
        }
        // What lies between the two in the tree of dominators.
        let dominators = self.file.dominators(monitor).ok()?;
        let mut way = vec![held];
        while way.last() != Some(&holder) {
            if way.len() > MOST_STEPS {
                return None;
            }
            way.push(dominators.above(*way.last()?)?);
        }
        way.reverse();
        let steps: Option<Vec<String>> = way.windows(2).map(|pair| self.hold(pair[0], pair[1])).collect();
        Some(joined(&steps?))
    }
}

/// Steps through storage as one: `.table[3]`, `.context variable "x"`.
pub(crate) fn joined(steps: &[String]) -> String {
    let mut text = String::new();
    for step in steps {
        if !text.is_empty() && !step.starts_with(['.', '[']) {
            text.push(' ');
        }
        text.push_str(step);
    }
    text
}
