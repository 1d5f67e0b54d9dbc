//! A file mapped into memory: the only place with `unsafe` code in the project.
//!
//! A mapped file that another program cuts short while it is open takes the process down with `SIGBUS`; that is the
//! price of opening a core of any size at once, and every debugger that maps its cores pays it. The map is private and
//! read-only, so the file can never be changed through it.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::unix::fs::FileExt;

use memmap2::{Mmap, MmapOptions};

/// The bytes of a file, paged in when they are touched.
#[derive(Debug)]
pub struct FileMap {
    file: File,
    /// `None` for an empty file.
    map: Option<Mmap>,
}

impl FileMap {
    /// Maps all of `file`.
    ///
    /// # Errors
    /// As `mmap(2)`.
    pub fn of(file: &File) -> io::Result<FileMap> {
        if file.metadata()?.len() == 0 {
            return Ok(FileMap { file: file.try_clone()?, map: None }); // mmap refuses length 0
        }
        // SAFETY: the map is read-only and handed out as shared byte slices that live no longer than `self`. Nobody in
        // this process writes the file; a writer outside can change the bytes seen, which every decoder here must bear
        // anyway, as it trusts none of them.
        let map = unsafe { MmapOptions::new().map(file)? };
        Ok(FileMap { file: file.try_clone()?, map: Some(map) })
    }

    /// Copies a few bytes without mapping the pages around them. Says whether all could be read.
    pub fn peek(&self, offset: usize, buffer: &mut [u8]) -> bool {
        self.file.read_exact_at(buffer, offset as u64).is_ok()
    }

    /// Maps the pages of `len` bytes at `offset` now, all at once: cheaper than a fault for every few of them. Only speed
    /// depends on it, so a kernel that cannot (before 5.14) is left alone.
    pub fn populate(&self, offset: usize, len: usize) {
        if let Some(map) = &self.map
            && offset.checked_add(len).is_some_and(|end| end <= map.len())
        {
            let _ = map.advise_range(memmap2::Advice::PopulateRead, offset, len);
        }
    }
}

impl Deref for FileMap {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }
}
