//! What the fuzz targets need of the parts that nobody else sees: heaps that are opened once, and pieces of them that are read again
//! and again while their memory changes.

use crate::graph::{CppObjects, references_of_page};
use crate::index::ObjectTable;
use crate::shape::map::MapId;
use crate::shape::walk::Walker;
use crate::view::View;
use crate::{Heap, Result, Unattended};

/// The same heap, of which only the pages are known.
pub fn again<'t>(heap: &Heap<'t>) -> Heap<'t> {
    heap.again()
}

/// Reads bytes as the part of this name, beside all else that has been computed of a heap; says whether they could be read.
///
/// # Errors
/// What fails when other parts are computed.
pub fn reads_part(heap: &Heap<'_>, name: &str, bytes: Vec<u8>) -> Result<bool> {
    heap.reads_part(name, bytes)
}

/// Where all objects of a heap are, for a reader of single pages.
#[derive(Debug)]
pub struct Pages {
    table: ObjectTable,
    cpp_objects: CppObjects,
}

impl Pages {
    /// Those of a sound heap.
    ///
    /// # Errors
    /// What fails when it is indexed.
    pub fn of(heap: &Heap<'_>) -> Result<Pages> {
        let table = heap.objects(&Unattended)?;
        // To be found once, not again and again.
        heap.well_known();
        Ok(Pages { table: table.of_one_map(), cpp_objects: CppObjects::find(heap, table) })
    }

    /// Looks at the header of a page again, walks up to `bytes` bytes of it from the untagged address `from` on, and reads what the
    /// objects there refer to. Returns these with their maps; none if there is no page any more.
    pub fn read(&mut self, heap: &mut Heap<'_>, page: usize, from: u64, bytes: u64) -> Vec<(u64, MapId)> {
        if !heap.recognise_again(page) {
            return Vec::new();
        }
        let view: &View<'_> = heap;
        let area_start = view.spaces().pages()[page].area_start;
        let only = view.spaces().pages()[page].only(from, bytes);
        let mut walker = Walker::new(view.words(), view.layout(), &view.maps);
        walker.walk(&only);
        self.table.with_page(page, area_start, &walker, |table| {
            // Others have the first map that was met.
            if view.map_count() > 0 {
                references_of_page(view, table, &self.cpp_objects, page);
            }
        });
        walker.found.objects(area_start).collect()
    }
}
