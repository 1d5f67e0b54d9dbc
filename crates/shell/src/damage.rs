//! Files that lose bytes while they are open: the core, a binary, the index.
//!
//! What is gone reads as zeros (`core_reader::damaged_files`), so that nothing breaks; and whoever has just been given an answer
//! is told that it may be wrong.

use std::cell::RefCell;
use std::path::PathBuf;

use crate::output::escape;
use crate::said::Said;

/// The files of which the user has been told.
#[derive(Debug, Default)]
pub struct Damage(RefCell<Vec<PathBuf>>);

impl Damage {
    /// Says which files have lost bytes since they were opened, each once: an error, as what was answered from it may be wrong.
    pub fn tell(&self, said: &Said) {
        for file in core_reader::damaged_files() {
            let mut told = self.0.borrow_mut();
            if told.contains(&file.path) {
                continue;
            }
            let path = escape(&file.path.to_string_lossy()).into_owned();
            let from = file.from;
            said.error(&match file.is_shorter {
                true => format!(
                    "{path} was cut short while it was open: what it held from byte {from} on reads as zeros, and answers may be \
                     wrong; put the file back and start again"
                ),
                false => format!(
                    "{path} could not be read at byte {from}: what it held there reads as zeros, and answers may be wrong; check \
                     the disk, and copy the file"
                ),
            });
            told.push(file.path);
        }
    }
}
