//! The inputs that are kept in the repository: of each target a few that cover together what all inputs of former runs did.
//!
//! ```text
//!   fuzz/corpora/TARGET.zst    zstd of: length (32 bits), input, length, input, ...
//! ```

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{Target, directory, kept, libfuzzer, program};

/// Bytes that the inputs of a target may take in the repository. The smaller ones are kept if they are too many.
const MOST: usize = 60 << 10;

fn packed(target: &str) -> PathBuf {
    kept().join("corpora").join(format!("{target}.zst"))
}

/// Writes the kept inputs where the target finds them.
pub fn unpack(target: &str) -> Result<()> {
    let to = directory("kept", target)?;
    let Ok(bytes) = fs::read(packed(target)) else { return Ok(()) };
    for (number, input) in inputs(&zstd::decode_all(&bytes[..])?)?.into_iter().enumerate() {
        fs::write(to.join(format!("{number:05}")), input)?;
    }
    Ok(())
}

fn inputs(mut bytes: &[u8]) -> Result<Vec<&[u8]>> {
    let mut all = Vec::new();
    while let Some((length, behind)) = bytes.split_first_chunk() {
        let length = u32::from_le_bytes(*length) as usize;
        let input = behind.get(..length).context("a corpus ends early")?;
        all.push(input);
        bytes = &behind[length..];
    }
    ensure!(bytes.is_empty(), "a corpus ends early");
    Ok(all)
}

/// Keeps what covers most.
pub fn pack(target: &Target) -> Result<()> {
    let merged = directory("merged", target.name)?;
    fs::remove_dir_all(&merged)?;
    fs::create_dir(&merged)?;
    let output = Command::new(program(target.name))
        .args(["-set_cover_merge=1", "-rss_limit_mb=3000", "-timeout=20"])
        .arg(format!("-max_len={}", target.longest))
        .arg(&merged)
        .args(libfuzzer::sources(target.name)?)
        .output()
        .with_context(|| format!("cannot run {}", target.name))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut all = Vec::new();
    for entry in fs::read_dir(&merged)? {
        all.push(fs::read(entry?.path())?);
    }
    all.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    let (mut bytes, count) = (Vec::new(), all.len());
    loop {
        bytes.clear();
        for input in &all {
            bytes.extend((input.len() as u32).to_le_bytes());
            bytes.extend(input);
        }
        let small = zstd::encode_all(&bytes[..], 19)?;
        if small.len() <= MOST {
            fs::create_dir_all(kept().join("corpora"))?;
            fs::write(packed(target.name), &small)?;
            println!("{}: {} of {count} inputs in {} bytes", target.name, all.len(), small.len());
            return Ok(());
        }
        all.truncate(all.len() * 9 / 10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::TARGETS;

    #[test]
    fn what_is_kept_can_be_read() {
        for target in TARGETS {
            let Ok(bytes) = fs::read(packed(target.name)) else { continue };
            assert!(bytes.len() <= MOST);
            let bytes = zstd::decode_all(&bytes[..]).unwrap();
            let all = inputs(&bytes).unwrap();
            assert!(all.iter().all(|input| input.len() <= target.longest as usize), "{}", target.name);
        }
        assert!(inputs(&[2, 0, 0, 0, 7]).is_err());
        assert_eq!(inputs(&[1, 0, 0, 0, 7, 0, 0, 0, 0]).unwrap(), [&[7][..], &[]]);
    }
}
