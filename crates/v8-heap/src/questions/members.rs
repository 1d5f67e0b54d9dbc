//! The objects of a kind.

use crate::heap::Heap;
use crate::index::{GroupId, Kinds};
use crate::objects::value::HeapObject;
use crate::{Monitor, Result};

impl Heap<'_> {
    /// Calls `visit` with every object of a group, in address order, until it returns false.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so.
    pub fn for_each_member(
        &self,
        kinds: &Kinds,
        group: GroupId,
        monitor: &dyn Monitor,
        visit: impl FnMut(HeapObject<'_>) -> bool,
    ) -> Result<()> {
        self.for_each_member_of(self.objects(monitor)?, kinds.group(group), |_| true, monitor, visit)
    }
}
