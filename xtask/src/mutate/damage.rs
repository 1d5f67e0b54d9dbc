//! What is done to a core: where it says something.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

const WORD: usize = 8;
const PAGE: usize = 4096;

/// A sort of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Damage {
    /// Single bits, anywhere.
    Bits,
    /// Words that become extreme.
    Words,
    /// Whole pages that are lost, or are those of somewhere else.
    Pages,
    /// A pointer leads to where another one leads: an object gets a map, or whatever it refers to, of another.
    Pointers,
    /// What looks like a length becomes another one.
    Lengths,
    /// What follows a pointer is that pointer again: chains lead back, or to themselves.
    Chains,
    /// The words at the beginning of the file: its headers.
    Headers,
    /// Bytes of the headers and the notes.
    Notes,
    /// The file ends early.
    Truncation,
    /// The file ends at each multiple of 4 KB, one after the other.
    EveryTruncation,
}

impl Damage {
    /// Those that are drawn by lot.
    pub const ALL: [Damage; 9] = [
        Damage::Bits,
        Damage::Words,
        Damage::Pages,
        Damage::Pointers,
        Damage::Lengths,
        Damage::Chains,
        Damage::Headers,
        Damage::Notes,
        Damage::Truncation,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Damage::Bits => "bits, anywhere",
            Damage::Words => "words that become extreme",
            Damage::Pages => "whole pages",
            Damage::Pointers => "pointers, of maps and others",
            Damage::Lengths => "lengths",
            Damage::Chains => "chains that lead back",
            Damage::Headers => "headers of the file",
            Damage::Notes => "notes and headers, bytewise",
            Damage::Truncation => "an early end",
            Damage::EveryTruncation => "an end at every 4 KB of one core",
        }
    }
}

/// A core in a file that can be damaged and mended.
#[derive(Debug)]
pub struct Damaged {
    path: PathBuf,
    file: File,
    whole: Arc<Vec<u8>>,
    /// What is in the file instead, by place.
    changed: BTreeMap<usize, u8>,
    /// A bit for each word: whether anything in it is changed. Most are looked at in vain.
    is_changed: Vec<u64>,
    /// The file has become shorter.
    cut: Option<usize>,
}

impl Damaged {
    /// Writes a core to memory, or where temporary files go.
    pub fn new(whole: Arc<Vec<u8>>) -> Result<Damaged> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let memory = PathBuf::from("/dev/shm");
        let directory = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("v8mdb-mutate-{}-{number}", std::process::id()));
        fs::write(&path, &*whole).with_context(|| format!("cannot write {}", path.display()))?;
        let file = File::options().write(true).open(&path)?;
        let is_changed = vec![0; whole.len().div_ceil(WORD).div_ceil(64)];
        Ok(Damaged { path, file, whole, changed: BTreeMap::new(), is_changed, cut: None })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn truncate(&mut self, len: usize) -> Result<()> {
        self.file.set_len(len as u64)?;
        self.cut = Some(len);
        Ok(())
    }

    /// Makes the file the whole core again.
    pub fn mend(&mut self) -> Result<()> {
        if let Some(cut) = self.cut.take() {
            self.file.write_all_at(&self.whole[cut..], cut as u64)?;
        }
        self.write(|at, _| self.whole[at])?;
        for at in std::mem::take(&mut self.changed).into_keys() {
            self.is_changed[at / WORD / 64] = 0;
        }
        Ok(())
    }

    fn is_changed(&self, word: usize) -> bool {
        self.is_changed[word / 64] >> (word % 64) & 1 == 1
    }

    fn byte(&self, at: usize) -> u8 {
        let changed = self.is_changed(at / WORD).then(|| self.changed.get(&at).copied());
        changed.flatten().unwrap_or(self.whole[at])
    }

    fn set(&mut self, at: usize, byte: u8) {
        self.changed.insert(at, byte);
        self.is_changed[at / WORD / 64] |= 1 << (at / WORD % 64);
    }

    fn word(&self, word: usize) -> u64 {
        let at = word * WORD;
        let bytes: [u8; WORD] = match self.is_changed(word) {
            true => std::array::from_fn(|byte| self.byte(at + byte)),
            false => std::array::from_fn(|byte| self.whole[at + byte]),
        };
        u64::from_le_bytes(bytes)
    }

    fn set_word(&mut self, word: usize, value: u64) {
        for (byte, new) in value.to_le_bytes().into_iter().enumerate() {
            self.set(word * WORD + byte, new);
        }
    }

    /// A word that is one of the kind, near a place drawn by lot.
    fn find(&self, from: usize, is_one: fn(u64) -> bool) -> usize {
        let words = self.whole.len() / WORD;
        (from..words).take(1 << 16).find(|word| is_one(self.word(*word))).unwrap_or(from)
    }

    /// Damages it; says how.
    pub fn damage(&mut self, choose: &mut dyn FnMut(usize) -> usize) -> Result<Damage> {
        const EXTREMES: [u64; 9] =
            [0, 1, u64::MAX, u64::MAX - 2, 1 << 63, 1 << 47, 0x7fff_ffff << 32, 0xffff_ffff, 1 << 32];
        let is_pointer = |word: u64| word & 1 == 1 && word > 1 << 32 && word < 1 << 47;
        let is_length = |word: u64| word.trailing_zeros() >= 32 && word != 0 && word >> 32 < 1 << 20;
        let len = self.whole.len();
        let words = len / WORD;
        let how = Damage::ALL[choose(Damage::ALL.len())];
        if how == Damage::Truncation {
            self.truncate(choose(len))?;
            return Ok(how);
        }
        for _ in 0..1 << choose(10) {
            let word = choose(words);
            match how {
                Damage::Bits => {
                    let at = word * WORD + choose(WORD);
                    self.set(at, self.byte(at) ^ 1 << choose(8));
                }
                Damage::Words => self.set_word(word, EXTREMES[choose(EXTREMES.len())]),
                Damage::Pages => {
                    let (from, to) = (choose(words) * WORD / PAGE * PAGE, word * WORD / PAGE * PAGE);
                    let what = choose(3);
                    for at in 0..PAGE.min(len - from.max(to)) {
                        let byte = match what {
                            0 => 0,
                            1 => 0xff,
                            _ => self.byte(from + at),
                        };
                        self.set(to + at, byte);
                    }
                }
                Damage::Pointers => {
                    let own = self.find(word, is_pointer);
                    let other = self.find(choose(words), is_pointer);
                    self.set_word(own, self.word(other));
                }
                Damage::Lengths => {
                    let own = self.find(word, is_length);
                    let value = match choose(4) {
                        0 => EXTREMES[choose(EXTREMES.len())],
                        1 => self.word(own).wrapping_add(1 << 32),
                        2 => self.word(own) << 8,
                        _ => (choose(1 << 20) as u64) << 32,
                    };
                    self.set_word(own, value);
                }
                Damage::Chains => {
                    let own = self.find(word, is_pointer);
                    for behind in 1..=1 + choose(4) {
                        if own + behind < words {
                            self.set_word(own + behind, self.word(own));
                        }
                    }
                }
                Damage::Headers => self.set_word(choose(512), EXTREMES[choose(EXTREMES.len())]),
                Damage::Notes | Damage::Truncation | Damage::EveryTruncation => {
                    self.set(choose(1 << 14), choose(256) as u8);
                }
            }
        }
        self.write(|_, changed| changed)?;
        Ok(how)
    }

    /// Writes a byte for each that is changed, run by run.
    fn write(&self, byte_at: impl Fn(usize, u8) -> u8) -> Result<()> {
        let mut run: Vec<u8> = Vec::new();
        let mut start = 0;
        for (at, byte) in &self.changed {
            if start + run.len() != *at {
                self.file.write_all_at(&run, start as u64)?;
                run.clear();
                start = *at;
            }
            run.push(byte_at(*at, *byte));
        }
        self.file.write_all_at(&run, start as u64)?;
        Ok(())
    }
}

impl Drop for Damaged {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use test_support::command_lines::Seed;

    use super::*;

    #[test]
    fn damage_is_the_same_for_the_same_seed_and_of_every_sort_and_is_mended() {
        let whole: Vec<u8> =
            (0..1_u32 << 16).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let mut core = Damaged::new(Arc::new(whole.clone())).unwrap();
        let mut seen = BTreeSet::new();
        for number in 0..100 {
            let mut copy = || {
                let mut random = Seed::new(number);
                let how = core.damage(&mut |below| random.below(below.max(1))).unwrap();
                let bytes = fs::read(core.path()).unwrap();
                core.mend().unwrap();
                assert_eq!(fs::read(core.path()).unwrap(), whole);
                (bytes, how)
            };
            let (bytes, how) = copy();
            assert_eq!(copy(), (bytes.clone(), how));
            assert!(bytes != whole && bytes.len() <= whole.len());
            seen.insert(how);
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), Damage::ALL);
        core.truncate(4096).unwrap();
        assert_eq!(fs::read(core.path()).unwrap(), whole[..4096]);
    }
}
