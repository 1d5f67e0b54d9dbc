//! What has grown where no collection with a path of names tells of it: members of linked lists, reactions of promises, what native
//! handles, timers or suspended calls hold, the heaps of workers.
//!
//! Such objects are counted by two names that every heap has: the constructor of the JavaScript object that owns them, which is the
//! nearest that all ways to them lead through, and their own.

use std::collections::{HashMap, HashSet};
use std::panic::resume_unwind;
use std::thread;

use super::{Change, Side, Sum, changes};
use crate::graph::{BETWEEN_LOOKS, ObjectSet};
use crate::index::MapOf;
use crate::{Error, NameId, Result};

/// Stands for no object.
const NOBODY: u32 = u32::MAX;
/// Below rows of the table.
const TOLD: u32 = u32::MAX - 1;

/// Objects of one constructor that those of another own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnedClass {
    /// Constructor of the owners; nothing if no single object owns them.
    pub owner: Option<String>,
    /// Constructor of what they own.
    pub member: String,
}

/// What no row tells of.
#[derive(Clone, Debug, Default)]
pub struct Unnamed {
    /// Classes of which there are more or less than before.
    pub changes: Vec<Change<OwnedClass>>,
    /// An owner of each class in the last heap, that which retains most; of those without an owner a member.
    pub largest: HashMap<OwnedClass, u32>,
    /// All of them in each heap.
    pub totals: Vec<Sum>,
}

/// Counts what is below none of `told`, the objects of each heap that have rows.
///
/// # Errors
/// As [`crate::Heap::graph`].
pub fn unnamed(sides: &[Side<'_, '_>], told: &[HashSet<u32>]) -> Result<Unnamed> {
    let mut found = Unnamed::default();
    let mut lists = Vec::new();
    let nothing = HashSet::new();
    let counted: Vec<Result<Counted>> = thread::scope(|scope| {
        let counted = sides.iter().enumerate().map(|(index, side)| {
            let told = told.get(index).unwrap_or(&nothing);
            scope.spawn(move || side.count_untold(told))
        });
        let counted: Vec<_> = counted.collect();
        counted.into_iter().map(|side| side.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    for (index, (side, counted)) in sides.iter().zip(counted).enumerate() {
        let counted = counted?;
        found.totals.push(counted.total);
        let mut list: Vec<(OwnedClass, Sum)> = Vec::new();
        if index + 1 == sides.len() {
            found.largest.clear();
        }
        for (names, place) in counted.places {
            let class = &counted.classes[place];
            let name = |name: NameId| side.heap.name(name).to_owned();
            let owned = OwnedClass { owner: names.0.map(name), member: name(names.1) };
            if index + 1 == sides.len() {
                found.largest.insert(owned.clone(), class.largest);
            }
            list.push((owned, class.sum));
        }
        list.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        lists.push(list);
    }
    found.changes = changes(lists);
    found.tell_together();
    Ok(found)
}

impl Unnamed {
    /// Leaves out what only came along with its owners: of each new owner as many as of the others.
    fn tell_together(&mut self) {
        let mut grown: HashMap<&str, (u64, u64)> = HashMap::new();
        for change in &self.changes {
            let (old, new) = ends(&change.sums);
            let own = grown.entry(&change.group.member).or_default();
            own.0 += old;
            own.1 += new;
        }
        let grown: HashMap<String, (u64, u64)> =
            grown.into_iter().map(|(name, ends)| (name.to_owned(), ends)).collect();
        self.changes.retain(|change| {
            let Some(owner) = &change.group.owner else { return true };
            if *owner == change.group.member {
                return true;
            }
            let Some((old_owners, new_owners)) = grown.get(owner).copied() else { return true };
            let (old, new) = ends(&change.sums);
            let more = new.saturating_sub(old);
            let more_owners = new_owners.saturating_sub(old_owners);
            // Rounded up, and a few more.
            let expected = (more_owners.saturating_mul(new)).div_ceil(new_owners.max(1));
            more_owners == 0 || more > expected.saturating_add(expected / 2)
        });
    }
}

/// The first and the last count.
fn ends(sums: &[Sum]) -> (u64, u64) {
    (sums.first().map_or(0, |sum| sum.count), sums.last().map_or(0, |sum| sum.count))
}

/// Objects of one class while they are counted.
struct Counting {
    sum: Sum,
    largest: u32,
}

#[derive(Default)]
struct Counted {
    classes: Vec<Counting>,
    /// Where the class of each pair of names is.
    places: HashMap<(Option<NameId>, NameId), usize>,
    total: Sum,
}

impl Side<'_, '_> {
    fn count_untold(&self, told: &HashSet<u32>) -> Result<Counted> {
        let (heap, monitor) = (self.heap, self.monitor);
        let (table, graph, dominators) =
            (heap.objects(monitor)?, heap.graph(monitor)?, heap.dominators(monitor)?);
        monitor.begin("looking for owners", dominators.order().len() as u64);
        let maps = MapOf::new(heap, table);
        // The JavaScript object that owns each.
        let mut owners = vec![NOBODY; graph.len()];
        let mut counted = Counted::default();
        let has_row = ObjectSet::new(graph.len());
        for id in told {
            has_row.insert(*id);
        }
        // Where the last object counted: mostly the next one counts there, too.
        let mut last = None;
        for (index, &id) in dominators.order().iter().enumerate() {
            if index.is_multiple_of(BETWEEN_LOOKS) {
                monitor.advance(BETWEEN_LOOKS as u64);
                if monitor.cancelled() {
                    return Err(Error::Interrupted);
                }
            }
            let mut owner = match dominators.above(id) {
                None => NOBODY,
                Some(above) if owners[above as usize] == TOLD || has_row.contains(above) => TOLD,
                Some(above) if maps.is_js(above) => above,
                Some(above) => owners[above as usize],
            };
            // Links of a list, and nodes of a tree, count where the first of them hangs, which retains them all.
            let is_nested = owner < TOLD
                && maps.is_plain(id)
                && maps.are_of_one_map(id, owner)
                && owners[owner as usize] < TOLD;
            if is_nested {
                owner = owners[owner as usize];
            }
            owners[id as usize] = owner;
            if owner == TOLD || has_row.contains(id) || !maps.is_js(id) {
                continue;
            }
            let name_of = |id: u32| maps.constructor(heap, table, id);
            let Some(name) = name_of(id) else { continue };
            let names = (if owner == NOBODY { None } else { name_of(owner) }, name);
            let retained = if is_nested { 0 } else { dominators.total(id) };
            let own = Sum { count: 1, bytes: graph.size(id), retained };
            counted.total.add(Sum { count: 1, bytes: own.bytes, retained: own.bytes + graph.outside(id) });
            let of = if owner == NOBODY { id } else { owner };
            let place = match last {
                Some((known, place)) if known == names => place,
                _ => *counted.places.entry(names).or_insert(counted.classes.len()),
            };
            last = Some((names, place));
            if place == counted.classes.len() {
                counted.classes.push(Counting { sum: Sum::default(), largest: of });
            }
            let class = &mut counted.classes[place];
            class.sum.add(own);
            if dominators.total(of) > dominators.total(class.largest) {
                class.largest = of;
            }
        }
        Ok(counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(owner: Option<&str>, member: &str, counts: [u64; 2]) -> Change<OwnedClass> {
        let sums = counts.map(|count| Sum { count, bytes: count, retained: count }).to_vec();
        Change { group: OwnedClass { owner: owner.map(str::to_owned), member: member.to_owned() }, sums }
    }

    #[test]
    fn what_came_along_with_its_owners_is_no_row() {
        let mut found = Unnamed {
            changes: vec![
                change(None, "Request", [10, 410]),
                change(Some("Request"), "Headers", [10, 410]),
                change(None, "Shard", [400, 410]),
                change(Some("Shard"), "Chunk", [10, 9000]),
                change(Some("Link"), "Link", [0, 40]),
                change(Some("Pool"), "Socket", [3, 30]),
            ],
            ..Unnamed::default()
        };
        found.tell_together();
        let names: Vec<&str> = found.changes.iter().map(|change| change.group.member.as_str()).collect();
        assert_eq!(names, ["Request", "Shard", "Chunk", "Link", "Socket"]);
    }
}
