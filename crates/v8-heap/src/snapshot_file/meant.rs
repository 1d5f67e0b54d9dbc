//! What speaks for a gathering, as its nodes say it.

use super::objects::Nodes;
use super::values::{Key, NodeValue};
use super::{Monitor, Result, SnapshotFile};
use crate::graph::{Gatherer, Suspect};
use crate::questions::{LONGEST_NAME, Meant, Members, Said, meant, number_said};
use crate::snapshot::{EdgeKind, NodeKind};

/// Words of a descriptor in an array of them: the name of a property, what is said of it, and its value.
const DESCRIPTOR_WORDS: u64 = 3;

impl SnapshotFile {
    /// Why a gathering may be meant to be as large as it is, as far as its members and what they are in tell.
    ///
    /// # Errors
    /// As [`SnapshotFile::nodes`].
    pub fn meant(&self, suspect: &Suspect, monitor: &dyn Monitor) -> Result<Option<Meant>> {
        let nodes = self.nodes(monitor)?;
        let holders = match suspect.gatherer {
            Gatherer::Owner(id) | Gatherer::Holder(id) => {
                let way = self.ways(id, 1, false, monitor)?.pop().map_or(vec![id], |way| way.nodes);
                way.into_iter().rev().filter(|node| nodes.constructor(*node).is_some()).collect()
            }
            _ => Vec::new(),
        };
        Ok(meant(&nodes, &suspect.some, &holders, suspect.count))
    }
}

impl Nodes<'_> {
    fn said(&self, node: u32) -> Said<u32> {
        match self.value(node) {
            Ok(NodeValue::Number(Some(number))) => number_said(number),
            Ok(NodeValue::Number(None)) => Said::Untold,
            Ok(NodeValue::Null) => Said::Null,
            Ok(NodeValue::Object) => Said::Object(node),
            Ok(NodeValue::String) => match self.string(node, LONGEST_NAME) {
                Ok(Some(text)) if !text.is_cut => Said::Text(text.text),
                _ => Said::Other,
            },
            _ => Said::Other,
        }
    }

    /// Names of properties that objects of the shape of an object have, or others of a shape that goes on from it.
    fn names_of_shape(&self, object: u32, most: usize) -> Vec<String> {
        let field = |node: u32, wanted: &str| {
            let edges = self.edges_of(node).ok()?;
            let is_it = |name: Option<String>| name.as_deref() == Some(wanted);
            edges
                .iter()
                .find(|edge| edge.kind == EdgeKind::Internal && is_it(self.edge_name(edge)))
                .map(|edge| edge.to)
        };
        let descriptors = field(object, "map").and_then(|map| field(map, "descriptors"));
        let edges = descriptors.and_then(|descriptors| self.edges_of(descriptors).ok()).unwrap_or_default();
        let names = edges.iter().filter(|edge| {
            let word = self.edge_name(edge).and_then(|name| name.parse::<u64>().ok());
            edge.kind == EdgeKind::Internal && word.is_some_and(|word| word.is_multiple_of(DESCRIPTOR_WORDS))
        });
        let texts = names.take(most).filter_map(|edge| self.string(edge.to, LONGEST_NAME).ok().flatten());
        texts.map(|text| text.text).collect()
    }
}

impl Members for Nodes<'_> {
    type Object = u32;

    fn identity(&self, object: u32) -> u64 {
        u64::from(object)
    }

    fn constructor_of(&self, object: u32) -> String {
        self.constructor(object).map_or(String::new(), |name| self.constructor_text(name))
    }

    /// Those with a small integer are in no edge: their names are in the shape alone, which may have some that the object lacks.
    fn properties_of(&self, object: u32, most: usize) -> Vec<(String, Said<u32>)> {
        let edges = self.edges_of(object).unwrap_or_default();
        let own = edges.iter().filter(|edge| edge.kind == EdgeKind::Property).take(most);
        let mut found: Vec<(String, Said<u32>)> =
            own.filter_map(|edge| Some((self.edge_name(edge)?, self.said(edge.to)))).collect();
        if !self.tells_numbers() {
            for name in self.names_of_shape(object, most) {
                if found.iter().all(|(own, _)| *own != name) {
                    found.push((name, Said::Untold));
                }
            }
        }
        found
    }

    fn property_of(&self, object: u32, name: &str) -> Option<Said<u32>> {
        let key = Key::Name(self.string_saying(name)?);
        Some(self.said(self.member(object, key).ok()??))
    }

    fn is_plain_object(&self, object: u32) -> bool {
        self.kind(object) == NodeKind::Object
    }

    /// No snapshot tells whose memory a buffer has.
    fn is_wasm_memory(&self, _: u32) -> bool {
        false
    }
}
