//! Objects that an older heap does not have.

use super::{Counted, Paths, Side};
use crate::heap::Heap;
use crate::index::ObjectId;
use crate::index::parallel::in_turns;
use crate::objects::value::HeapObject;
use crate::{Monitor, Result};

/// The objects of one constructor that are new.
#[derive(Clone, Debug, Default)]
pub struct Newcomers {
    /// Objects of the last heap that the first does not have and all that lie between have, in the order of addresses.
    pub objects: Vec<u32>,
    /// Names of all objects of the constructor that have one.
    pub paths: Paths,
    /// Objects without a name that could be looked for: they are new or not.
    pub unnamed: u64,
}

/// The new objects of the constructor `name`: those of the last heap that are at a place where the first heap has none, and all
/// heaps between have one. Objects are the same if a name of the one leads to the other in either heap.
///
/// # Errors
/// As [`Heap::graph`].
pub fn newcomers(sides: &[Side<'_, '_>], name: &str, counted: Counted) -> Result<Newcomers> {
    let Some((last, older)) = sides.split_last() else { return Ok(Newcomers::default()) };
    let members = last.heap.objects_of(name, counted, last.monitor)?;
    let paths = last.heap.paths(&members, last.monitor)?;
    let mut is_wanted: Vec<bool> = members.iter().map(|member| paths.is_named(*member)).collect();
    let unnamed = is_wanted.iter().filter(|is_named| !**is_named).count() as u64;
    for (index, side) in older.iter().enumerate() {
        let there = paths.locate(last, side)?;
        let theirs = side.heap.objects_of(name, counted, side.monitor)?;
        let names = side.heap.paths(&theirs, side.monitor)?;
        let here = names.locate(side, last)?;
        let mut known: Vec<u32> = theirs.iter().filter_map(|object| names.located(&here, *object)).collect();
        known.sort_unstable();
        for (wanted, member) in is_wanted.iter_mut().zip(&members) {
            let is_known = paths.located(&there, *member).is_some() || known.binary_search(member).is_ok();
            *wanted &= is_known != (index == 0);
        }
    }
    let objects =
        members.into_iter().zip(is_wanted).filter(|(_, wanted)| *wanted).map(|(id, _)| id).collect();
    Ok(Newcomers { objects, paths, unnamed })
}

impl Heap<'_> {
    /// The JavaScript objects of a constructor that count, in the order of addresses.
    fn objects_of(&self, constructor: &str, counted: Counted, monitor: &dyn Monitor) -> Result<Vec<u32>> {
        let table = self.objects(monitor)?;
        // Names are known once all objects have been looked at.
        self.kinds(monitor)?;
        let Some(name) = self.name_id(constructor) else { return Ok(Vec::new()) };
        let counts = self.counts(counted, monitor)?;
        monitor.begin("looking for objects", table.len() as u64);
        let workers = in_turns(table.page_count(), monitor, Vec::new, |found: &mut Vec<u32>, page| {
            let (first, maps) = table.page_maps(page);
            for (id, (address, map_id)) in (first.0..).map(ObjectId).zip(table.page_objects(page)) {
                let map = self.map(map_id);
                if map.kind.is_js_object()
                    && counts(id.0)
                    && self.constructor_name(HeapObject { address, map_id, map }) == name
                {
                    found.push(id.0);
                }
            }
            maps.len() as u64
        })?;
        let mut found = workers.concat();
        found.sort_unstable();
        Ok(found)
    }
}
