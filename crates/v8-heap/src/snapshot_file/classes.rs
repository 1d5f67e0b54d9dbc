//! What counts as a JavaScript object, and under which name: as in the tables of a heap in a core.
//!
//! | type of the node | its name | counted as |
//! | --- | --- | --- |
//! | `object` | constructor | that name |
//! | `object` | `system / Context` and the like | not at all: no JavaScript value |
//! | `closure` | name of the function | `Function` |
//! | `regexp` | source | `RegExp` |
//! | `hidden` | `system / JSProxy` | `Proxy` |
//! | `native` with an odd id | that of the C++ object tied to it | that name: a JavaScript object |
//! | any other | | not at all |
//!
//! Ids of heap objects are odd, those of C++ objects that stand for themselves are even; memory outside of the heap has odd ids as well,
//! and names that begin with `system / `.

use std::collections::HashMap;

use super::contents::Contents;
use super::objects::Nodes;
use super::strings::{IS_SYSTEM, Strings};
use super::{Monitor, Result, SnapshotFile};
use crate::NameId;
use crate::snapshot::NodeKind;

/// Names that are no node's.
const OTHERS: [&str; 3] = ["Function", "RegExp", "Proxy"];

/// The numbers of names of constructors: those of the strings, and behind them those that are not among the strings.
#[derive(Debug, Default)]
pub(super) struct Names {
    strings: u32,
    others: [u32; OTHERS.len()],
    proxy: Option<u32>,
}

impl Names {
    pub fn of(strings: &Strings, contents: &Contents) -> Names {
        let count = strings.len() as u32;
        let mut others = [0; OTHERS.len()];
        for (index, name) in OTHERS.iter().enumerate() {
            others[index] = strings.find(contents, name).unwrap_or(count + index as u32);
        }
        Names { strings: count, others, proxy: strings.find(contents, "system / JSProxy") }
    }
}

/// The objects that one constructor has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// The name of the constructor.
    pub name: NameId,
    /// How many.
    pub count: u64,
    /// Bytes of all of them in the heap, without what they refer to.
    pub bytes: u64,
    /// The first of them.
    pub first: u32,
    /// Bytes of the heap, and outside of it, that would be freed with all of them, if that was asked for.
    pub retained: Option<(u64, u64)>,
}

impl Nodes<'_> {
    /// The name of the constructor of a node; nothing if it is no JavaScript object.
    #[inline]
    pub fn constructor(&self, node: u32) -> Option<NameId> {
        let names = &self.parts.names;
        let name = self.columns.names[node as usize];
        let is_system = || self.parts.strings.marks(name) & IS_SYSTEM != 0;
        let found = match self.kind(node) {
            NodeKind::Object if !is_system() => name,
            NodeKind::Closure => names.others[0],
            NodeKind::RegExp => names.others[1],
            NodeKind::Hidden if Some(name) == names.proxy => names.others[2],
            NodeKind::Native if self.id(node) % 2 == 1 && !is_system() => name,
            _ => return None,
        };
        Some(NameId(found))
    }

    /// What a constructor is called.
    pub fn constructor_text(&self, name: NameId) -> String {
        match self.parts.strings.text(self.edges.contents, name.0) {
            Some(text) => text,
            None => match name.0.checked_sub(self.parts.names.strings) {
                Some(other) if self.parts.names.others.contains(&name.0) => {
                    OTHERS.get(other as usize).copied().unwrap_or_default().to_owned()
                }
                _ => super::objects::MISSING.to_owned(),
            },
        }
    }
}

impl SnapshotFile {
    /// The JavaScript objects by constructor, those with fewest objects first; with `retains`, what all of them retain.
    ///
    /// # Errors
    /// As [`SnapshotFile::nodes`].
    pub fn classes(&self, retains: bool, monitor: &dyn Monitor) -> Result<Vec<Class>> {
        let nodes = self.nodes(monitor)?;
        monitor.begin("counting by constructor", nodes.len() as u64);
        let mut classes: Vec<Class> = Vec::new();
        // By number of the name; names that are missing at the end have no place here.
        let mut places: HashMap<NameId, u32> = HashMap::new();
        let mut last: Option<(NameId, u32)> = None;
        for node in 0..nodes.len() as u32 {
            let Some(name) = nodes.constructor(node) else { continue };
            let place = match last {
                Some((own, place)) if own == name => place,
                _ => *places.entry(name).or_insert_with(|| {
                    classes.push(Class { name, count: 0, bytes: 0, first: node, retained: None });
                    classes.len() as u32 - 1
                }),
            };
            last = Some((name, place));
            let class = &mut classes[place as usize];
            class.count += 1;
            class.bytes = class.bytes.saturating_add(nodes.size(node));
        }
        if retains {
            let dominators = self.dominators(monitor)?;
            monitor.begin("adding up by kind", nodes.len() as u64);
            let class_of = |node: u32| places.get(&nodes.constructor(node)?).copied();
            let sums = dominators.retained_by_class(class_of, classes.len(), &HashMap::new(), monitor)?;
            for (class, sum) in classes.iter_mut().zip(sums) {
                class.retained = Some((sum.inside, sum.outside));
            }
        }
        classes.sort_by_key(|class| (class.count, class.name));
        Ok(classes)
    }
}
