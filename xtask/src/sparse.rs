//! Holes for the zeros of a core file. gdb writes out every page that the process ever reserved, most of which it never
//! touched: a core of 1.5 GB holds some 100 MB.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Result};

const BLOCK: usize = 64 << 10;

/// Moves `from` to `to`, leaving holes where 64 KiB or more are zero. The contents read the same.
pub fn move_sparsely(from: &Path, to: &Path) -> Result<()> {
    let mut source = File::open(from).with_context(|| format!("cannot open {}", from.display()))?;
    let mut copy = File::create(to).with_context(|| format!("cannot create {}", to.display()))?;
    let mut block = vec![0; BLOCK];
    let mut length: u64 = 0;
    loop {
        let filled =
            fill(&mut source, &mut block).with_context(|| format!("cannot read {}", from.display()))?;
        if filled == 0 {
            break;
        }
        if block[..filled].iter().any(|&byte| byte != 0) {
            copy.seek(SeekFrom::Start(length))?;
            copy.write_all(&block[..filled]).with_context(|| format!("cannot write {}", to.display()))?;
        }
        length += filled as u64;
    }
    copy.set_len(length)?;
    fs::remove_file(from)?;
    Ok(())
}

/// Reads until the block is full or the file ends.
fn fill(source: &mut File, block: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match source.read(&mut block[filled..])? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn zeros_become_holes_and_contents_stay() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        let mut contents = vec![0u8; 10 * BLOCK + 17];
        contents[3 * BLOCK + 5] = 7;
        contents[10 * BLOCK + 3] = 9;
        fs::write(&from, &contents).unwrap();
        move_sparsely(&from, &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), contents);
        assert!(!from.exists());
        let on_disk = fs::metadata(&to).unwrap().blocks() * 512;
        assert!(on_disk < 4 * BLOCK as u64, "{on_disk} bytes on disk");
    }
}
