//! The memory of a dumped process, with changes that nobody else sees.
//!
//! ```text
//!   read  --> page that was written to?  --yes--> our copy
//!             |no
//!             `--> in the room of our own? --yes--> zeros
//!                  |no
//!                  `--> the core, or a binary
//! ```

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use super::halt::Halt;
use crate::{Address, Memory, MemoryError};

const PAGE: usize = 1 << 12;
const PAGE_BITS: u32 = 12;
/// Pages that are found at once.
const LINES: usize = 1 << 9;

/// Spreads numbers such as addresses over a table. They are the core's: a core made for it makes a table slow, and the number
/// of steps ends that.
#[derive(Default)]
pub(crate) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

pub(crate) type ByNumber = BuildHasherDefault<NumberHasher>;

/// Where a page is.
#[derive(Clone, Copy)]
enum Place<'a> {
    Core(&'a [u8; PAGE]),
    Own(usize),
}

/// Memory that can be written to.
pub(crate) struct PrivateMemory<'a> {
    memory: &'a dyn Memory,
    /// Addresses that the process did not have.
    room: Range<u64>,
    numbers: HashMap<u64, usize, ByNumber>,
    pages: Vec<Box<[u8; PAGE]>>,
    most_pages: usize,
    lines: Vec<Option<(u64, Place<'a>)>>,
}

impl fmt::Debug for PrivateMemory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateMemory").field("room", &self.room).field("pages", &self.pages.len()).finish()
    }
}

impl<'a> PrivateMemory<'a> {
    /// Over a process, with room of its own of up to `bytes`. None if the process has left no such room.
    pub fn new(memory: &'a dyn Memory, bytes: u64) -> Option<PrivateMemory<'a>> {
        let room = free_room(memory, bytes.checked_next_multiple_of(PAGE as u64)?)?;
        Some(PrivateMemory {
            memory,
            room,
            numbers: HashMap::default(),
            pages: Vec::new(),
            most_pages: usize::try_from(bytes >> PAGE_BITS).ok()?,
            lines: vec![None; LINES],
        })
    }

    /// The addresses that the process did not have.
    pub fn room(&self) -> Range<u64> {
        self.room.clone()
    }

    /// What the process had, without changes: code is read there.
    pub fn process(&self) -> &'a dyn Memory {
        self.memory
    }

    fn place(&mut self, page: u64) -> Result<Option<Place<'a>>, Halt> {
        let line = page as usize % LINES;
        match self.lines[line] {
            Some((held, place)) if held == page => return Ok(Some(place)),
            _ => {}
        }
        let start = page << PAGE_BITS;
        let place = if let Some(number) = self.numbers.get(&page) {
            Place::Own(*number)
        } else if self.room.contains(&start) {
            Place::Own(self.add(page, Box::new([0; PAGE]))?)
        } else {
            match self.memory.bytes_from(Address(start)).ok().and_then(|bytes| bytes.first_chunk()) {
                Some(bytes) => Place::Core(bytes),
                None => return Ok(None),
            }
        };
        self.lines[line] = Some((page, place));
        Ok(Some(place))
    }

    fn add(&mut self, page: u64, bytes: Box<[u8; PAGE]>) -> Result<usize, Halt> {
        if self.pages.len() >= self.most_pages {
            return Err(Halt::Room);
        }
        self.pages.push(bytes);
        self.numbers.insert(page, self.pages.len() - 1);
        Ok(self.pages.len() - 1)
    }

    /// The number of the copy of a page.
    fn own(&mut self, page: u64) -> Result<usize, Halt> {
        let bytes = match self.place(page)? {
            Some(Place::Own(number)) => return Ok(number),
            Some(Place::Core(bytes)) => Box::new(*bytes),
            None => {
                let mut bytes = Box::new([0; PAGE]);
                self.memory.read_into(Address(page << PAGE_BITS), &mut bytes[..])?;
                bytes
            }
        };
        let number = self.add(page, bytes)?;
        self.lines[page as usize % LINES] = Some((page, Place::Own(number)));
        Ok(number)
    }

    /// Fills a buffer from an address on.
    ///
    /// # Errors
    /// Why a byte cannot be read.
    pub fn read(&mut self, at: u64, buffer: &mut [u8]) -> Result<(), Halt> {
        let mut done = 0;
        while done < buffer.len() {
            let from = after(at, done)?;
            let within = from as usize % PAGE;
            let take = (PAGE - within).min(buffer.len() - done);
            let into = &mut buffer[done..done + take];
            match self.place(from >> PAGE_BITS)? {
                Some(Place::Core(bytes)) => into.copy_from_slice(&bytes[within..within + take]),
                Some(Place::Own(number)) => {
                    into.copy_from_slice(&self.pages[number][within..within + take]);
                }
                None => self.memory.read_into(Address(from), into)?,
            }
            done += take;
        }
        Ok(())
    }

    /// Writes from an address on.
    ///
    /// # Errors
    /// Why a byte was not there before, or [`Halt::Room`].
    pub fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), Halt> {
        let mut done = 0;
        while done < bytes.len() {
            let from = after(at, done)?;
            let within = from as usize % PAGE;
            let take = (PAGE - within).min(bytes.len() - done);
            let number = self.own(from >> PAGE_BITS)?;
            self.pages[number][within..within + take].copy_from_slice(&bytes[done..done + take]);
            done += take;
        }
        Ok(())
    }

    /// A number of up to 8 bytes.
    ///
    /// # Errors
    /// As of [`PrivateMemory::read`].
    pub fn number(&mut self, at: u64, size: usize) -> Result<u64, Halt> {
        let mut bytes = [0; 8];
        self.read(at, bytes.get_mut(..size).unwrap_or_default())?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Writes a number of up to 8 bytes.
    ///
    /// # Errors
    /// As of [`PrivateMemory::write`].
    pub fn set_number(&mut self, at: u64, size: usize, value: u64) -> Result<(), Halt> {
        self.write(at, value.to_le_bytes().get(..size).unwrap_or_default())
    }
}

fn after(at: u64, done: usize) -> Result<u64, Halt> {
    at.checked_add(done as u64).ok_or(Halt::Memory(MemoryError::Unmapped(Address(at))))
}

/// Addresses in user space where the process had nothing, as far up as there are any.
fn free_room(memory: &dyn Memory, bytes: u64) -> Option<Range<u64>> {
    /// Of user space, with room for what a processor may look at besides.
    const END: u64 = 1 << 46;
    /// Nothing is near.
    const DISTANCE: u64 = 1 << 20;
    let wanted = bytes.checked_add(2 * DISTANCE)?;
    let mut end = END;
    for range in memory.ranges().iter().rev() {
        if range.start.0 >= end {
            continue;
        }
        if end.saturating_sub(range.end.0) >= wanted {
            break;
        }
        end = range.start.0;
    }
    let start = (end & !(PAGE as u64 - 1)).checked_sub(bytes + DISTANCE)?;
    let is_free = memory.ranges().iter().all(|range| range.end.0 <= start || range.start.0 >= start + bytes);
    is_free.then_some(start..start + bytes)
}
