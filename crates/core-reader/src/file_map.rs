//! A file mapped into memory: the only place with `unsafe` code in the project.
//!
//! A mapped file that another program cuts short while it is open takes the process down with `SIGBUS`; that is the
//! price of opening a core of any size at once, and every debugger that maps its cores pays it. The map is private and
//! read-only, so the file can never be changed through it.

use std::fs::File;
use std::io;
use std::ops::Deref;

use memmap2::{Mmap, MmapOptions};

/// The bytes of a file, paged in when they are touched.
#[derive(Debug)]
pub(crate) struct FileMap(Option<Mmap>);

impl FileMap {
    /// Maps all of `file`.
    ///
    /// # Errors
    /// As `mmap(2)`.
    pub fn of(file: &File) -> io::Result<FileMap> {
        if file.metadata()?.len() == 0 {
            return Ok(FileMap(None)); // mmap refuses length 0
        }
        // SAFETY: the map is read-only and handed out as shared byte slices that live no longer than `self`. Nobody in
        // this process writes the file; a writer outside can change the bytes seen, which every decoder here must bear
        // anyway, as it trusts none of them.
        let map = unsafe { MmapOptions::new().map(file)? };
        Ok(FileMap(Some(map)))
    }
}

impl Deref for FileMap {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}
