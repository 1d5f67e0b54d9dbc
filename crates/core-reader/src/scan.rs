//! Searches through the memory of the process, on all processors, at the speed of memory.
//!
//! Memory is cut into chunks. All processors take chunks in turns; what they find is handed over in the order of addresses
//! after every few chunks, so that the results of a search never all have to be kept.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::address_space::AddressSpace;
use crate::{Address, Memory};

/// Bytes searched at a time.
const CHUNK: u64 = 1 << 20;
/// Chunks between two hand-overs: with a result for every word, they fill 32 MB.
const CHUNKS: usize = 32;

/// Watches a search: hears of every few megabytes, and may stop it.
pub trait Watch: Sync {
    /// So many bytes more have been searched.
    fn advance(&self, bytes: u64);
    /// Whether to stop now.
    fn cancelled(&self) -> bool;
}

/// A part of memory that is searched at a time.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'m> {
    /// Address of the first byte.
    pub start: Address,
    /// Its bytes, and behind them as many more as there are of those that were asked for, which begin the next chunk.
    pub bytes: &'m [u8],
    /// How many of them belong to this chunk: what begins behind them is found in the next.
    pub own: usize,
    /// The byte before the first, if there is one right before it.
    pub before: Option<u8>,
}

impl Chunk<'_> {
    /// The words that begin in it, at multiples of their size.
    pub(crate) fn words(&self) -> impl Iterator<Item = u64> + '_ {
        let skip = (self.start.0.next_multiple_of(8) - self.start.0) as usize;
        let own = self.bytes.get(skip..self.own.next_multiple_of(8).min(self.bytes.len()));
        own.unwrap_or_default().as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word))
    }
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanEnd {
    /// All has been searched.
    Complete,
    /// The watch stopped it.
    Cancelled,
    /// Whoever takes the results wants no more.
    Enough,
}

impl AddressSpace {
    /// The parts of `[from, to)` that can be read, each in one piece, as start and length in bytes.
    pub fn readable(&self, from: Address, to: Address) -> Vec<(Address, u64)> {
        let mut found: Vec<(Address, u64)> = Vec::new();
        for range in self.ranges() {
            let mut at = range.start.max(from).0;
            let end = range.end.min(to).0;
            while at < end {
                let Ok(piece) = self.bytes_from(Address(at)) else { break };
                let length = (piece.len() as u64).min(end - at);
                match found.last_mut() {
                    // Ranges may differ where bytes lie side by side all the same.
                    Some((start, size))
                        if start.0 + *size == at
                            && self.slice(*start, (*size + length) as usize).is_some() =>
                    {
                        *size += length;
                    }
                    _ => found.push((Address(at), length)),
                }
                at += length;
            }
        }
        found
    }

    /// Searches `[from, to)`. `find` puts what it finds in a chunk into the list; `take` gets all of it in the order of
    /// addresses. A chunk comes with up to `overlap` bytes of the next one.
    pub fn scan<T: Send>(
        &self,
        (from, to): (Address, Address),
        overlap: usize,
        watch: &dyn Watch,
        find: &(dyn Fn(Chunk<'_>, &mut Vec<T>) + Sync),
        take: &mut dyn FnMut(T) -> ControlFlow<()>,
    ) -> ScanEnd {
        let mut chunks: Vec<Chunk<'_>> = Vec::with_capacity(CHUNKS);
        let mut pieces = self.readable(from, to).into_iter();
        let mut rest: Option<(&[u8], Address, usize)> = None;
        loop {
            chunks.clear();
            while chunks.len() < CHUNKS {
                match rest {
                    Some((bytes, start, done)) if done < bytes.len() => {
                        let own = (bytes.len() - done).min(CHUNK as usize);
                        let end = bytes.len().min((done + own).saturating_add(overlap));
                        chunks.push(Chunk {
                            start: Address(start.0 + done as u64),
                            bytes: &bytes[done..end],
                            own,
                            before: done.checked_sub(1).map(|before| bytes[before]),
                        });
                        rest = Some((bytes, start, done + own));
                    }
                    _ => match pieces.next() {
                        Some((start, length)) => {
                            rest = self.slice(start, length as usize).map(|bytes| (bytes, start, 0));
                        }
                        None => break,
                    },
                }
            }
            if chunks.is_empty() {
                return ScanEnd::Complete;
            }
            let found = self.search(&chunks, watch, find);
            if watch.cancelled() {
                return ScanEnd::Cancelled;
            }
            for result in found.into_iter().flatten() {
                if take(result).is_break() {
                    return ScanEnd::Enough;
                }
            }
        }
    }

    /// What is in each of `chunks`.
    fn search<T: Send>(
        &self,
        chunks: &[Chunk<'_>],
        watch: &dyn Watch,
        find: &(dyn Fn(Chunk<'_>, &mut Vec<T>) + Sync),
    ) -> Vec<Vec<T>> {
        let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
        let run = || {
            let mut found = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(chunk) = chunks.get(index).filter(|_| !stopped.load(Ordering::Relaxed)) else {
                    return found;
                };
                if watch.cancelled() {
                    stopped.store(true, Ordering::Relaxed);
                    return found;
                }
                self.will_read(chunk.start, chunk.own);
                let mut results = Vec::new();
                find(*chunk, &mut results);
                found.push((index, results));
                watch.advance(chunk.own as u64);
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(chunks.len());
        let mut found: Vec<(usize, Vec<T>)> = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
            let mut found = run();
            for other in others {
                match other.join() {
                    Ok(mut more) => found.append(&mut more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            found
        });
        found.sort_unstable_by_key(|(index, _)| *index);
        found.into_iter().map(|(_, results)| results).collect()
    }
}
