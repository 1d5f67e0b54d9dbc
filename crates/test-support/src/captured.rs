//! A stream that keeps what is written to it.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

/// What has been written; all clones share it.
#[derive(Clone, Debug, Default)]
pub struct Captured(Rc<RefCell<Vec<u8>>>);

impl Captured {
    /// The text that was written since it was last taken.
    ///
    /// # Panics
    /// If it is no UTF-8.
    pub fn take(&self) -> String {
        String::from_utf8(self.take_bytes()).expect("UTF-8")
    }

    /// The bytes that were written since they were last taken.
    pub fn take_bytes(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.borrow_mut())
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
