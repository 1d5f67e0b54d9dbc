//! Cores that ship, in files that are damaged while they are open.
//!
//! A heap of tens of thousands of objects is found and indexed once a process; then words are overwritten in the file that it is mapped
//! from, and put back. It is what a debugger sees of a core that somebody else writes to.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use v8_heap::{Heap, Unattended};

use crate::file;
use crate::session::Session;

/// The cores: one of each layout, with objects of all sorts.
const CORES: [&str; 4] = ["exotic-20", "exotic-22", "exotic-24", "exotic-26"];

/// Number of cores.
pub const COUNT: usize = CORES.len();

/// Words that are extreme as lengths, as addresses, or as both.
const EXTREMES: [u64; 10] =
    [0, 1, u64::MAX, u64::MAX - 2, 1 << 63, 1 << 47, 0x7fff_ffff << 32, 0xffff_ffff, 1 << 32, (1 << 47) - 7];

/// A core in a file that can be damaged.
pub struct Damaged {
    file: File,
    /// Address, length in bytes and place in the file of each segment, by address.
    segments: Vec<(u64, u64, u64)>,
    /// What was overwritten, by place in the file.
    before: RefCell<HashMap<u64, u64>>,
    /// The untagged addresses of all objects.
    objects: Vec<u64>,
    /// Places in front of an object, by its untagged address: where the header of its page is.
    headers: Vec<(u64, u64)>,
}

impl Damaged {
    /// Writes one of the cores to a file, and opens that, which then has no name any more: what is mapped of it stays.
    pub fn open<T>(number: usize, open: impl FnOnce(PathBuf) -> T) -> (Damaged, T) {
        let name = CORES[number];
        let shipped =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../testdata/cores/{name}.core.zst"));
        let packed = std::fs::read(&shipped).expect("a core that ships");
        let bytes = zstd::decode_all(&packed[..]).expect("a core that ships");
        let path = file(name, &bytes);
        let file = File::options().read(true).write(true).open(&path).expect("a file of our own");
        let opened = open(path.clone());
        std::fs::remove_file(path).expect("a file of our own");
        let (objects, headers) = Default::default();
        (Damaged { file, segments: segments(&bytes), before: RefCell::default(), objects, headers }, opened)
    }

    /// Notes where the objects of its heap are, which is indexed for that.
    pub fn find_objects(&mut self, heap: &Heap<'_>) {
        let table = heap.objects(&Unattended).expect("a sound heap");
        let pages = 0..table.page_count();
        self.objects = pages.flat_map(|page| table.page_objects(page)).map(|(address, _)| address).collect();
        self.headers = heap.spaces().pages().iter().map(|page| (page.base, page.handle())).collect();
    }

    /// The address of an object, by any number.
    pub fn object(&self, number: u32) -> u64 {
        self.objects[number as usize % self.objects.len()]
    }

    /// Where in the file a word is.
    fn place(&self, address: u64) -> Option<u64> {
        let behind = self.segments.partition_point(|segment| segment.0 <= address);
        let (start, length, offset) = *self.segments.get(behind.checked_sub(1)?)?;
        (address.checked_add(8)? <= start + length).then(|| offset + (address - start))
    }

    /// The word at an address, as it is now.
    fn word(&self, address: u64) -> Option<u64> {
        let mut word = [0; 8];
        self.file.read_exact_at(&mut word, self.place(address)?).ok()?;
        Some(u64::from_le_bytes(word))
    }

    /// Overwrites a word until [`Damaged::mend`].
    fn set_word(&self, address: u64, word: u64) {
        let Some(place) = self.place(address) else { return };
        let Some(old) = self.word(address) else { return };
        self.before.borrow_mut().entry(place).or_insert(old);
        self.file.write_all_at(&word.to_le_bytes(), place).expect("room in memory");
    }

    /// Puts back all that was overwritten.
    pub fn mend(&self) {
        for (place, word) in self.before.borrow_mut().drain() {
            self.file.write_all_at(&word.to_le_bytes(), place).expect("room in memory");
        }
    }

    /// Damages what is around the object `first`. Returns the objects that were gone to, it first.
    ///
    /// Records are of four bytes, and of some more. Each does something at an object, which is the first one to begin with: it goes
    /// on to what a word of it refers to, or to any other object, or overwrites a word: with any other, with one bit changed, with
    /// what is extreme, with the address of the first object or of some other, with a small number or a length. The word is one of
    /// the object; where the sort of the record is 128 or more, of the header of its page.
    pub fn damage(&self, first: u64, mut records: &[u8]) -> Vec<u64> {
        let mut own = first;
        let mut gone_to = vec![first];
        while let Some((&[how, field, more, other], behind)) = records.split_first_chunk() {
            let mut used = 0;
            let start = if how < 128 { own } else { self.header(own, other) };
            let place = start.saturating_add(8 * u64::from(field % 64));
            let some = |number: u32| self.object(u32::from(other).wrapping_mul(number)) | 1;
            let word = match how % 128 % 9 {
                0 => {
                    if let Some(word) = self.word(place).filter(|word| word & 1 == 1) {
                        own = word & !3;
                        gone_to.push(own);
                    }
                    None
                }
                1 => {
                    own = self.object(u32::from_le_bytes([field, more, other, 0]));
                    gone_to.push(own);
                    None
                }
                2 => self.word(place).map(|word| word ^ 1 << (more % 64)),
                3 => behind.first_chunk::<8>().map(|bytes| {
                    used = 8;
                    u64::from_le_bytes(*bytes)
                }),
                4 => Some(EXTREMES[usize::from(more) % EXTREMES.len()]),
                5 => Some(first | 1),
                6 => Some(some(u32::from(more) * 0x0101)),
                // The map of another object.
                7 => self.word(some(u32::from(more) * 0x0301) - 1),
                _ => Some(u64::from(u16::from_le_bytes([more, other])) << 32),
            };
            if let Some(word) = word {
                self.set_word(place, word);
            }
            records = &behind[used..];
        }
        gone_to.truncate(8);
        gone_to
    }

    /// Where the header of the page of an object is: in the page, or in the block of metadata that it names.
    fn header(&self, object: u64, which: u8) -> u64 {
        let behind = self.headers.partition_point(|header| header.0 <= object);
        let (base, block) = self.headers[behind.saturating_sub(1)];
        if which.is_multiple_of(2) { block } else { base }
    }
}

/// A session on a core that can be damaged.
pub struct Real {
    /// The session; the heap has been indexed.
    pub session: Session,
    /// Its core.
    pub core: Damaged,
}

impl Real {
    /// Opens one of the cores.
    pub fn open(number: usize) -> Real {
        let (mut core, session) = Damaged::open(number, |path| Session::on(Some(path)));
        core.find_objects(session.heap());
        Real { session, core }
    }

    /// Its heap.
    pub fn heap(&self) -> &Heap<'static> {
        self.session.heap()
    }
}

/// The loaded segments of an ELF file.
fn segments(bytes: &[u8]) -> Vec<(u64, u64, u64)> {
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let headers = word(32) as usize;
    let count = usize::from(u16::from_le_bytes([bytes[56], bytes[57]]));
    let mut segments: Vec<_> = (0..count)
        .map(|number| headers + number * 56)
        .filter(|at| bytes[*at..at + 4] == [1, 0, 0, 0])
        .map(|at| (word(at + 16), word(at + 32), word(at + 8)))
        .filter(|segment| segment.1 > 0)
        .collect();
    segments.sort_unstable();
    segments
}
