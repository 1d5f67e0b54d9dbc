//! Cores that ship, in files that are damaged while they are open.
//!
//! A heap of tens of thousands of objects is found and indexed once a process; then words are overwritten in the file that it is mapped
//! from, and put back. It is what a debugger sees of a core that somebody else writes to.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use v8_heap::index::ObjectId;
use v8_heap::{Heap, Unattended};

use crate::file;
use crate::session::Session;

/// The cores: one of each layout, with objects of all sorts.
const CORES: [&str; 4] = ["exotic-20", "exotic-22", "exotic-24", "exotic-26"];

/// A session on a core, and the file that it can be damaged in.
pub struct Real {
    /// The session; the heap has been indexed.
    pub session: Session,
    file: File,
    /// Address, length in bytes and place in the file of each segment, by address.
    segments: Vec<(u64, u64, u64)>,
    /// What was overwritten, by place in the file.
    before: RefCell<HashMap<u64, u64>>,
}

impl Real {
    /// Number of cores.
    pub const COUNT: usize = CORES.len();

    /// Opens one of them.
    pub fn open(number: usize) -> Real {
        let name = CORES[number];
        let shipped =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../testdata/cores/{name}.core.zst"));
        let packed = std::fs::read(&shipped).expect("a core that ships");
        let bytes = zstd::decode_all(&packed[..]).expect("a core that ships");
        let path = file(name, &bytes);
        let file = File::options().write(true).open(&path).expect("a file of our own");
        let session = Session::on(Some(path.clone()));
        session.heap().objects(&Unattended).expect("a sound heap");
        // What is mapped stays.
        std::fs::remove_file(path).expect("a file of our own");
        Real { session, file, segments: segments(&bytes), before: RefCell::default() }
    }

    /// The address of an object, by any number.
    pub fn object(&self, number: u32) -> u64 {
        let table = self.heap().objects(&Unattended).expect("it has been indexed");
        let id = ObjectId(number % table.len() as u32);
        table.address_of(id).expect("a number below their count")
    }

    /// Its heap.
    pub fn heap(&self) -> &Heap<'static> {
        self.session.heap()
    }

    /// Where in the file a word is.
    fn place(&self, address: u64) -> Option<u64> {
        let behind = self.segments.partition_point(|segment| segment.0 <= address);
        let (start, length, offset) = *self.segments.get(behind.checked_sub(1)?)?;
        (address.checked_add(8)? <= start + length).then(|| offset + (address - start))
    }

    /// The word at an address, as it is now.
    pub fn word(&self, address: u64) -> Option<u64> {
        let mut word = [0; 8];
        self.file.read_exact_at(&mut word, self.place(address)?).ok()?;
        Some(u64::from_le_bytes(word))
    }

    /// Overwrites a word until [`Real::mend`].
    pub fn set_word(&self, address: u64, word: u64) {
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
