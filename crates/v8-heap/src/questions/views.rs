//! ArrayBuffers that only views keep alive.
//!
//! A Buffer, typed array or DataView keeps all of its ArrayBuffer, however little of it it shows: what no view shows is wasted. An
//! ArrayBuffer that something else holds too, such as the slab that Node.js cuts small Buffers from, is not counted.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::slices::covered;
use crate::heap::Heap;
use crate::index::parallel::in_turns;
use crate::index::{MapSet, ObjectId};
use crate::layout::Kind;
use crate::{Error, Monitor, NameId, Result, Tagged};

/// Views between two looks at whether to stop.
const BETWEEN_LOOKS: usize = 1 << 12;

/// An ArrayBuffer that only views of it keep alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewedBuffer {
    /// The ArrayBuffer.
    pub buffer: Tagged,
    /// The constructor of its views; none if they have not all the same.
    pub constructor: Option<NameId>,
    /// Bytes that each of its living views shows, in the order of addresses.
    pub views: Vec<u64>,
    /// Its length, in bytes.
    pub length: u64,
    /// Bytes of it that no view shows.
    pub wasted: u64,
}

/// A living view.
struct Seen {
    view: Tagged,
    constructor: NameId,
    offset: u64,
    length: u64,
}

impl Heap<'_> {
    /// The living ArrayBuffers with bytes of their own that only views keep alive and do not show all of, what wastes most first.
    ///
    /// # Errors
    /// As [`Heap::graph`].
    pub fn viewed_buffers(&self, monitor: &dyn Monitor) -> Result<Vec<ViewedBuffer>> {
        let (table, reached) = (self.objects(monitor)?, self.reached(monitor)?);
        let (held_by, roots) = (self.held_by(monitor)?, self.roots(monitor)?);
        monitor.begin("looking for views", table.len() as u64);
        let of_views = MapSet::of(self, |map| matches!(map.kind, Kind::JsTypedArray | Kind::JsDataView));
        let workers =
            in_turns(table.page_count(), monitor, Vec::new, |found: &mut Vec<(Tagged, Seen)>, page| {
                for (id, object) in of_views.on_page(self, table, page) {
                    if reached.contains(id.0)
                        && let Ok(view) = self.view(object)
                        && let Ok(buffer) = self.viewed_buffer(object)
                    {
                        let seen = Seen {
                            view: object.value(),
                            constructor: self.constructor_name(object),
                            offset: view.byte_offset,
                            length: view.byte_length,
                        };
                        found.push((buffer, seen));
                    }
                }
                table.page_maps(page).1.len() as u64
            })?;
        let mut views: HashMap<Tagged, Vec<Seen>> = HashMap::new();
        for (buffer, seen) in workers.into_iter().flatten() {
            views.entry(buffer).or_default().push(seen);
        }
        let mut found = Vec::new();
        for (index, (buffer, mut own)) in views.into_iter().enumerate() {
            if index.is_multiple_of(BETWEEN_LOOKS) && monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            let Ok(object) = self.object(buffer) else { continue };
            let Some(id) = table.id_at(self.spaces(), object.address) else { continue };
            let Ok(store) = self.array_buffer(object) else { continue };
            // Bytes that others share do not go with the views, and small arrays have theirs in the heap.
            if store.is_detached || store.is_shared || store.byte_length == 0 {
                continue;
            }
            own.sort_unstable_by_key(|seen| seen.view);
            let is_own = |holder: &u32| {
                let address = table.address_of(ObjectId(*holder)).map(Tagged::pointer);
                address.is_some_and(|address| own.binary_search_by_key(&address, |seen| seen.view).is_ok())
            };
            let mut living = held_by.of(id.0).iter().filter(|holder| reached.contains(**holder));
            if roots.hold(id.0) || !living.all(is_own) {
                continue;
            }
            let shown = covered(own.iter().map(|seen| (seen.offset, seen.length)), store.byte_length);
            if shown < store.byte_length {
                let first = own.first().map(|seen| seen.constructor);
                let are_alike = own.iter().all(|seen| Some(seen.constructor) == first);
                found.push(ViewedBuffer {
                    buffer,
                    constructor: first.filter(|_| are_alike),
                    views: own.iter().map(|seen| seen.length).collect(),
                    length: store.byte_length,
                    wasted: store.byte_length - shown,
                });
            }
        }
        found.sort_unstable_by_key(|buffer| (Reverse(buffer.wasted), buffer.buffer));
        Ok(found)
    }
}
