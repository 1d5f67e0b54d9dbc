//! Collections that have grown alike, such as the lists of a Map of lists: what has grown is the one object that holds them all.

use std::collections::HashMap;

use super::{CollectionChange, Collections, Side, Step};
use crate::index::ObjectId;
use crate::{Error, NameId, Result};

/// Fewer collections are told one by one,
const FEWEST: usize = 4;
/// and so are those that an object holds by way of more others than this, itself included.
const FARTHEST: usize = 3;

/// Collections of one constructor that one object holds, all in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alike {
    /// That object, in the heap whose names lead to them.
    pub holder: u32,
    /// How many steps lead from it to each of them. Only the first differs.
    pub steps: usize,
    /// Their places among [`Collections::changes`].
    pub members: Vec<usize>,
}

/// What collections have in common that have grown alike.
#[derive(PartialEq, Eq, Hash)]
struct Place<'a> {
    holder: u32,
    /// What the first step is, whatever its name.
    first: std::mem::Discriminant<Step>,
    rest: Vec<&'a Step>,
    constructor: NameId,
}

impl Collections {
    /// Those that have grown alike, where none of them alone has most of that growth; each is in one group at most. The nearest holder
    /// counts, but not the object that all paths begin with.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if a monitor says so.
    pub fn alike(&self, sides: &[Side<'_, '_>]) -> Result<Vec<Alike>> {
        let mut found = Vec::new();
        let Some(home) = sides.len().checked_sub(1) else { return Ok(found) };
        let Some(paths) = &self.paths[home] else { return Ok(found) };
        let side = &sides[home];
        let table = side.heap.objects(side.monitor)?;
        let has_grown = |change: &CollectionChange| change.growth(|sum| sum.count) > 0;
        let mut rest: Vec<usize> = (0..self.changes.len())
            .filter(|place| self.changes[*place].group.home == home && has_grown(&self.changes[*place]))
            .collect();
        for steps in 1..=FARTHEST {
            if side.monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            let mut places: HashMap<Place<'_>, Vec<usize>> = HashMap::new();
            for &member in &rest {
                let Some(id) = self.changes[member].group.objects[home] else { continue };
                let (Some(path), Some(object)) = (paths.of(id), side.heap.object_by_id(table, ObjectId(id)))
                else {
                    continue;
                };
                let Some(start) = path.len().checked_sub(steps).filter(|start| *start > 1) else { continue };
                let mut holder = Some(id);
                for _ in 0..steps {
                    holder = holder.and_then(|id| paths.before(id));
                }
                let Some(holder) = holder else { continue };
                if !matches!(path[start], Step::Property(_) | Step::Element(_) | Step::Value(_)) {
                    continue;
                }
                let place = Place {
                    holder,
                    first: std::mem::discriminant(path[start]),
                    rest: path[start + 1..].to_vec(),
                    constructor: side.heap.constructor_name(object),
                };
                places.entry(place).or_default().push(member);
            }
            for (place, members) in places {
                if members.len() >= FEWEST && self.is_shared_growth(&members) {
                    rest.retain(|member| !members.contains(member));
                    found.push(Alike { holder: place.holder, steps, members });
                }
            }
        }
        found.sort_by(|one, other| one.members.cmp(&other.members));
        Ok(found)
    }

    /// Whether none of several has most of what they have grown by.
    fn is_shared_growth(&self, members: &[usize]) -> bool {
        let is_shared = |of: fn(&super::Sum) -> u64| {
            let growths = members.iter().map(|member| self.changes[*member].growth(of).max(0));
            let (mut sum, mut most) = (0, 0);
            for growth in growths {
                (sum, most) = (sum + growth, most.max(growth));
            }
            2 * most <= sum
        };
        is_shared(|sum| sum.count) && is_shared(|sum| sum.retained)
    }
}
