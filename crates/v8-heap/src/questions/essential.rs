//! What of a process a reader of its heap needs: the memory and symbols that a trimmed core must keep.

use core_reader::{Address, Contents};

use crate::heap::Heap;
use crate::isolate::METADATA_REACH;
use crate::layout::{HeaderPlace, Kind, METADATA_PREFIX, StringShape};
use crate::objects::value::HeapObject;
use crate::version::VERSION_SYMBOLS;
use crate::{Monitor, Result};

impl Heap<'_> {
    /// Names of the symbols that tell version and layout: single ones, and the prefix of the others.
    pub fn essential_symbols() -> (Vec<&'static str>, &'static str) {
        let names = VERSION_SYMBOLS.into_iter().chain(crate::node_runtime::SYMBOLS);
        let names = names.chain(crate::node_runtime::POOL).chain(crate::layout::telling_functions());
        (names.chain(crate::layout::native::node_metadata::ALL).collect(), METADATA_PREFIX)
    }

    /// Memory that the heap is made of, as `[start, end)`: pages, their headers, the isolates, the spaces, what holds objects
    /// from outside (handles, stacks), and what objects keep outside the heap (characters of external strings, bytes of
    /// buffers and their lengths, native values). Ranges may overlap.
    ///
    /// # Errors
    /// If the monitor stops the search.
    pub fn essential_memory(&self, monitor: &dyn Monitor) -> Result<Vec<(u64, u64)>> {
        let table = self.objects(monitor)?;
        let layout = self.layout();
        let spaces = self.spaces();
        let mut ranges = Vec::new();
        for page in spaces.pages() {
            ranges.push((page.base, page.area_end));
            if let HeaderPlace::Metadata { .. } = layout.page.header {
                ranges.push((page.handle(), page.handle().saturating_add(METADATA_REACH)));
            }
        }
        ranges.extend_from_slice(spaces.bookkeeping());
        ranges.extend(self.accounting_memory().into_iter().filter(|(start, _)| self.is_dumped(*start)));
        ranges.extend_from_slice(self.roots(monitor)?.memory());
        ranges.extend(self.graph(monitor)?.code_table);
        monitor.begin("collecting memory outside the heap", table.len() as u64);
        for page in 0..table.page_count() {
            if monitor.cancelled() {
                return Err(crate::Error::Interrupted);
            }
            let (_, maps) = table.page_maps(page);
            monitor.advance(maps.len() as u64);
            for (address, map_id) in table.page_objects(page) {
                let map = self.map(map_id);
                if map.kind == Kind::JsArrayBuffer {
                    let store = self.backing_store_memory(HeapObject { address, map_id, map });
                    ranges.extend(store.into_iter().filter(|(start, _)| self.is_dumped(*start)));
                }
                let outside = match map.kind {
                    Kind::String => match map.string_shape() {
                        Some(StringShape::External { one_byte, uncached }) => {
                            self.external_range(address, one_byte, uncached)
                        }
                        _ => None,
                    },
                    Kind::JsArrayBuffer => self
                        .view(HeapObject { address, map_id, map })
                        .ok()
                        .map(|view| (view.address, view.address.saturating_add(view.byte_length))),
                    _ => None,
                };
                // What came from a binary can be had from there again.
                let object = HeapObject { address, map_id, map };
                for (start, end) in outside.into_iter().chain(self.native_records(object)) {
                    if start < end && self.is_dumped(start) {
                        ranges.push((start, end));
                    }
                }
            }
        }
        Ok(ranges)
    }

    /// Small native structures that tell what an object is: the lengths of buffers that grow, the values of `Temporal` objects.
    fn native_records(&self, object: HeapObject<'_>) -> Vec<(u64, u64)> {
        match object.kind() {
            Kind::JsArrayBuffer => self.growable_records(object),
            Kind::JsOther => match self.native_value(object) {
                Some(foreign) => self.managed_records(foreign),
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// Where the characters of an external string are, as `[start, end)`.
    pub(super) fn external_range(&self, string: u64, one_byte: bool, uncached: bool) -> Option<(u64, u64)> {
        let length = u64::from(self.words().word32(string + self.fields().string_length, "length").ok()?);
        let data = self.external_data(string, uncached).ok()?;
        Some((data, data.checked_add(length * if one_byte { 1 } else { 2 })?))
    }

    fn is_dumped(&self, address: u64) -> bool {
        let ranges = self.memory().ranges();
        let index = ranges.partition_point(|range| range.end <= Address(address));
        ranges.get(index).is_some_and(|range| range.start.0 <= address && range.contents == Contents::Dumped)
    }
}
