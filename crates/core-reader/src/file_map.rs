//! A file mapped into memory: the only place with `unsafe` code in the project.
//!
//! The map is private and read-only, so the file can never be changed through it.
//!
//! **A file that is cut short while it is mapped.** Who touches a page behind the new end is sent `SIGBUS`, as for a page that
//! the disk fails to read, and dies of it unless it has a handler. Here it has: the handler puts pages of zeros in the place
//! of what is gone and notes how far the map can still be believed, and the reader goes on. Whoever shows what was read asks
//! [`damaged_files`] afterwards.
//!
//! ```text
//!   map of a file    |=============================|        a list of all maps, which the handler can search without a lock
//!   the file now     |===============|
//!   first touched                        x                  SIGBUS: zeros from here to the end
//! ```
//!
//! System calls that are given a page that is gone fail with `EFAULT` instead: an error as any other.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicUsize, Ordering};

use memmap2::{Mmap, MmapOptions};

/// The unit in which memory is mapped.
const PAGE: usize = 4096;
/// No byte of a map was found missing.
const WHOLE: usize = usize::MAX;

/// The bytes of a file, paged in when they are touched.
#[derive(Debug)]
pub struct FileMap {
    file: File,
    /// `None` for an empty file.
    map: Option<Registered>,
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
        let file = file.try_clone()?;
        // SAFETY: the map is read-only and handed out as shared byte slices that live no longer than `self`. Nobody in
        // this process writes the file; a writer outside can change the bytes seen, which every decoder here must bear
        // anyway, as it trusts none of them. One that shortens the file makes them zeros, see `on_bus_error`.
        let map = unsafe { MmapOptions::new().map(&file)? };
        let map = Registered::new(map, file.as_raw_fd());
        Ok(FileMap { file, map: Some(map) })
    }

    /// Copies a few bytes without mapping the pages around them. Says whether all could be read.
    pub fn peek(&self, offset: usize, buffer: &mut [u8]) -> bool {
        self.file.read_exact_at(buffer, offset as u64).is_ok()
    }

    /// Maps the pages of `len` bytes at `offset` now, all at once: cheaper than a fault for every few of them. Only speed
    /// depends on it, so a kernel that cannot (before 5.14) is left alone.
    pub fn populate(&self, offset: usize, len: usize) {
        if let Some(Registered { map, .. }) = &self.map
            && offset.checked_add(len).is_some_and(|end| end <= map.len())
        {
            let _ = map.advise_range(memmap2::Advice::PopulateRead, offset, len);
        }
    }

    /// The parts of `len` bytes at `offset` that the file has bytes for, as offset and length: what lies between are holes, which read
    /// as zeros. All of it where the file system cannot tell.
    pub(crate) fn stored(&self, offset: usize, len: usize) -> Vec<(usize, usize)> {
        use rustix::fs::{SeekFrom, seek};
        let end = offset.saturating_add(len);
        let mut parts = Vec::new();
        let mut at = offset;
        while at < end {
            let from = match seek(&self.file, SeekFrom::Data(at as u64)) {
                Ok(from) => from as usize,
                // Nothing but a hole is left.
                Err(rustix::io::Errno::NXIO) => break,
                Err(_) => return vec![(offset, len)],
            };
            if from >= end {
                break;
            }
            let Ok(to) = seek(&self.file, SeekFrom::Hole(from as u64)) else { return vec![(offset, len)] };
            let to = (to as usize).min(end);
            // A file that changes meanwhile must not hold us here.
            if from < at || to <= from {
                return vec![(offset, len)];
            }
            parts.push((from, to - from));
            at = to;
        }
        parts
    }

    /// Whether the file takes less room than its length.
    pub(crate) fn has_holes(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        const BLOCK: u64 = 512;
        self.file.metadata().is_ok_and(|metadata| metadata.blocks().saturating_mul(BLOCK) < metadata.len())
    }

    /// Gives up the pages of `len` bytes at `offset`, which will hardly be read again; who reads them all the same gets them from
    /// the file.
    pub fn release(&self, offset: usize, len: usize) {
        let Some(Registered { map, .. }) = &self.map else { return };
        if offset.checked_add(len).is_some_and(|end| end <= map.len()) {
            // SAFETY: the pages of a private map that nobody writes to are those of the file: they read the same afterwards. The
            // zeros that stand for a missing part are zeros again.
            let _ = unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, offset, len) };
        }
    }
}

impl Deref for FileMap {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.map.as_ref().map(|registered| &*registered.map).unwrap_or_default()
    }
}

/// A file that has lost bytes since it was mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedFile {
    /// Where it is, as far as the system can tell.
    pub path: PathBuf,
    /// The first byte that is missing; what is read from it on is zeros.
    pub from: u64,
    /// The file has become shorter; otherwise the disk did not give the bytes.
    pub is_shorter: bool,
}

/// The files that have lost bytes since they were mapped, among those that are mapped now: whether the bytes were missed yet or
/// not.
pub fn damaged_files() -> Vec<DamagedFile> {
    let mut found = Vec::new();
    let mut next = PLACES.load(Ordering::Acquire);
    // SAFETY: places are never freed, and all but the atomic fields never change once they are in the list.
    while let Some(place) = unsafe { next.as_ref() } {
        next = place.next;
        if place.start.load(Ordering::Acquire) == 0 {
            continue;
        }
        let descriptor = place.descriptor.load(Ordering::Acquire);
        let length = place.length.load(Ordering::Acquire);
        let size = size_of_file(descriptor).unwrap_or(length);
        let missing = place.missing.load(Ordering::Acquire);
        if missing != WHOLE || size < length {
            found.push(DamagedFile {
                path: std::fs::read_link(format!("/proc/self/fd/{descriptor}")).unwrap_or_default(),
                from: missing.min(size) as u64,
                is_shorter: size < length || place.is_shorter.load(Ordering::Acquire),
            });
        }
    }
    found
}

/// Bytes of the file now.
fn size_of_file(descriptor: RawFd) -> Option<usize> {
    // SAFETY: `stat` is a plain structure for which zeros are valid, and it is valid for the call. `fstat` may be called in a
    // handler.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        match libc::fstat(descriptor, &mut stat) {
            0 => usize::try_from(stat.st_size).ok(),
            _ => None,
        }
    }
}

/// One entry of the list of maps. Entries are reused and never freed, as the handler may be looking at them at any time.
struct Place {
    /// Somebody has it.
    is_used: AtomicBool,
    /// First address; 0 while there is no map.
    start: AtomicUsize,
    /// Bytes.
    length: AtomicUsize,
    descriptor: AtomicI32,
    /// Offset of the first byte that was found missing, or [`WHOLE`].
    missing: AtomicUsize,
    is_shorter: AtomicBool,
    next: *mut Place,
}

/// The list of maps.
static PLACES: AtomicPtr<Place> = AtomicPtr::new(ptr::null_mut());

/// A map that the handler knows.
#[derive(Debug)]
struct Registered {
    map: Mmap,
    place: &'static Place,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("start", &self.start).finish_non_exhaustive()
    }
}

// SAFETY: all that changes in a place is atomic, and `next` leads to another place, which is never freed.
unsafe impl Sync for Place {}

impl Registered {
    fn new(map: Mmap, descriptor: RawFd) -> Registered {
        watch_for_bus_errors();
        let place = Place::take();
        place.missing.store(WHOLE, Ordering::Release);
        place.is_shorter.store(false, Ordering::Release);
        place.descriptor.store(descriptor, Ordering::Release);
        place.length.store(map.len(), Ordering::Release);
        place.start.store(map.as_ptr() as usize, Ordering::Release);
        Registered { map, place }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        // Before the addresses can be somebody else's: fields are dropped after this.
        self.place.start.store(0, Ordering::Release);
        self.place.is_used.store(false, Ordering::Release);
    }
}

impl Place {
    /// One that nobody uses, or a new one.
    fn take() -> &'static Place {
        let mut next = PLACES.load(Ordering::Acquire);
        // SAFETY: as in `damaged_files`.
        while let Some(place) = unsafe { next.as_ref() } {
            if place.is_used.compare_exchange(false, true, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                return place;
            }
            next = place.next;
        }
        let new = Box::leak(Box::new(Place {
            is_used: AtomicBool::new(true),
            start: AtomicUsize::new(0),
            length: AtomicUsize::new(0),
            descriptor: AtomicI32::new(-1),
            missing: AtomicUsize::new(WHOLE),
            is_shorter: AtomicBool::new(false),
            next: ptr::null_mut(),
        }));
        let mut head = PLACES.load(Ordering::Acquire);
        loop {
            new.next = head;
            match PLACES.compare_exchange_weak(head, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return new,
                Err(other) => head = other,
            }
        }
    }
}

/// What `SIGBUS` did before.
static PREVIOUS: AtomicPtr<libc::sigaction> = AtomicPtr::new(ptr::null_mut());

/// Installs the handler, once.
fn watch_for_bus_errors() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: `sigaction` is a plain structure for which zeros are valid; both are valid for the calls. The handler does
        // only what is allowed in a handler, see there.
        unsafe {
            let mut previous: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(libc::SIGBUS, ptr::null(), &mut previous) != 0 {
                return; // then it is as it was before
            }
            PREVIOUS.store(Box::into_raw(Box::new(previous)), Ordering::Release);
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_bus_error as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
            libc::sigaction(libc::SIGBUS, &action, ptr::null_mut());
        }
    });
}

/// Puts zeros where a map has lost its bytes. Any other bus error is left to whoever had been asked before.
extern "C" fn on_bus_error(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel gives the handler of `SA_SIGINFO` a valid structure, and a fault's has an address.
    let (is_fault, address) = unsafe { ((*info).si_code > 0, (*info).si_addr() as usize) };
    if is_fault && mend(address) {
        return;
    }
    let previous = PREVIOUS.load(Ordering::Acquire);
    // SAFETY: a valid structure, never freed or changed. Both functions may be called in a handler.
    unsafe {
        libc::sigaction(libc::SIGBUS, previous, ptr::null_mut());
        // After a fault, the instruction runs again when this returns, and faults again. What was sent comes only once.
        if !is_fault {
            libc::raise(libc::SIGBUS);
        }
    }
}

/// Maps zeros over what is missing of the map that `address` lies in; false if it lies in none. Calls nothing that allocates or
/// locks.
fn mend(address: usize) -> bool {
    let mut next = PLACES.load(Ordering::Acquire);
    // SAFETY: as in `damaged_files`.
    while let Some(place) = unsafe { next.as_ref() } {
        next = place.next;
        let start = place.start.load(Ordering::Acquire);
        let length = place.length.load(Ordering::Acquire).next_multiple_of(PAGE);
        if start == 0 || address < start || address - start >= length {
            continue;
        }
        let offset = (address - start) / PAGE * PAGE;
        let size = size_of_file(place.descriptor.load(Ordering::Acquire));
        // All pages behind the end of a file are missing. If the disk failed, only this one is known to be.
        let is_shorter = size.is_some_and(|size| size <= offset);
        let bytes = if is_shorter { length - offset } else { PAGE };
        // SAFETY: the pages belong to a map of this module that is still there, as its place has a start and it is just being
        // read. They stay mapped and readable; only what they hold changes, from nothing to zeros. `mmap` is a plain system
        // call and takes no lock of this process.
        let mapped = unsafe {
            libc::mmap(
                (start + offset) as *mut libc::c_void,
                bytes,
                libc::PROT_READ,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if mapped == libc::MAP_FAILED {
            return false;
        }
        if is_shorter {
            place.is_shorter.store(true, Ordering::Release);
        }
        place.missing.fetch_min(offset, Ordering::AcqRel);
        return true;
    }
    false
}
