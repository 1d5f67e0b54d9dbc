//! Whether the layout fits all of the heap.

use crate::heap::Heap;
use crate::self_check::SelfCheck;
use crate::{Monitor, Result};

impl Heap<'_> {
    /// Checks the layout on the whole heap.
    ///
    /// # Errors
    /// [`crate::Error::LayoutMismatch`] if it does not fit, [`crate::Error::NoV8`] if the core holds no heap,
    /// [`crate::Error::Interrupted`] if the monitor stops the work.
    pub fn self_check(&self, monitor: &dyn Monitor) -> Result<SelfCheck> {
        self.check_all(self.objects(monitor)?)
    }
}
