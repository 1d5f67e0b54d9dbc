//! Where an address is, as far as V8 has to do with it.

use crate::heap::Heap;
use crate::isolate::{Isolate, METADATA_REACH, Page, PageState};
use crate::layout::HeaderPlace;
use crate::objects::value::HeapObject;
use crate::{Monitor, Result, Tagged};

/// What V8 uses the memory at an address for.
#[derive(Clone, Copy, Debug)]
pub enum Whereabouts<'h> {
    /// An object, and the distance from its start.
    Object(HeapObject<'h>, u64),
    /// Between the objects of a page: fillers, free memory.
    Free(&'h Page<'h>),
    /// An open allocation area, or what is behind the last object of a page.
    Unused(&'h Page<'h>),
    /// A stretch of a page in which no objects could be told.
    Gap(&'h Page<'h>),
    /// A page of the semispace that is not in use: copies of objects that have moved.
    Stale(&'h Page<'h>),
    /// The header at the start of a page, or the block that stands for it; and the distance from its start.
    Header(&'h Page<'h>, u64),
    /// An isolate, with the heap inside it; and the distance from its start.
    Isolate(&'h Isolate, u64),
    /// Anything else.
    Elsewhere,
}

impl Heap<'_> {
    /// Where an address is, tagged or not.
    ///
    /// # Errors
    /// Those of [`Heap::objects`].
    pub fn whereabouts(&self, address: u64, monitor: &dyn Monitor) -> Result<Whereabouts<'_>> {
        let table = self.objects(monitor)?;
        if let Some(page) = self.spaces().page_of(address) {
            if page.state != PageState::InUse {
                return Ok(Whereabouts::Stale(page));
            }
            let within = |&(start, end): &(u64, u64)| (start..end).contains(&address);
            if page.unused.iter().any(within) {
                return Ok(Whereabouts::Unused(page));
            }
            if let Ok(Some((object, distance))) = self.object_around(address, monitor) {
                return Ok(Whereabouts::Object(object, distance));
            }
            let in_gap = table.summary.gaps.iter().any(|gap| (gap.start..gap.end).contains(&address));
            return Ok(if in_gap { Whereabouts::Gap(page) } else { Whereabouts::Free(page) });
        }
        let pages = self.spaces().pages();
        let before = pages.partition_point(|page| page.base <= address).checked_sub(1);
        if let Some(page) = before.map(|index| &pages[index])
            && address < page.area_start
        {
            return Ok(Whereabouts::Header(page, address - page.base));
        }
        if matches!(self.layout().page.header, HeaderPlace::Metadata { .. }) {
            let holds = |page: &&Page<'_>| {
                address.checked_sub(page.handle()).is_some_and(|distance| distance < METADATA_REACH)
            };
            if let Some(page) = pages.iter().find(holds) {
                return Ok(Whereabouts::Header(page, address - page.handle()));
            }
        }
        let isolate = self.spaces().isolates().iter().find(|isolate| isolate.contains(address));
        Ok(match isolate {
            Some(isolate) => Whereabouts::Isolate(isolate, address - isolate.address),
            None => Whereabouts::Elsewhere,
        })
    }

    /// The object that contains an address, tagged or not, and how far behind its start the address is.
    ///
    /// # Errors
    /// Those of [`Heap::objects`].
    pub fn object_around(
        &self,
        address: u64,
        monitor: &dyn Monitor,
    ) -> Result<Option<(HeapObject<'_>, u64)>> {
        let table = self.objects(monitor)?;
        let Some(start) = table.start_before(self.spaces(), address) else { return Ok(None) };
        let object = self.object(Tagged::pointer(start))?;
        let size = self.object_size(object)?;
        Ok((address - start < size).then_some((object, address - start)))
    }
}
