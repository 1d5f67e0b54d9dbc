//! Files that are cut short while they are mapped.
#![allow(clippy::unwrap_used)] // a test may panic

use std::fs::{File, OpenOptions};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use core_reader::{DamagedFile, FileMap, damaged_files};

const PAGE: usize = 4096;
const ROLE: &str = "V8MDB_TEST_ROLE";

/// Runs `test` again in a process of its own, as `role`.
fn in_process(test: &str, role: &str) -> Output {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(ROLE, role).output().unwrap()
}

fn is_role(role: &str) -> bool {
    std::env::var(ROLE).is_ok_and(|own| own == role)
}

#[test]
fn a_file_that_is_cut_reads_as_zeros_and_is_named() {
    if is_role("cut") {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let bytes: Vec<u8> = (0..64 * PAGE).map(|at| 1 + (at / PAGE) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let map = FileMap::of(&File::open(&path).unwrap()).unwrap();
        let other = FileMap::of(&File::open(&path).unwrap()).unwrap();
        assert_eq!(&*map, &bytes);
        assert_eq!(damaged_files(), []);
        OpenOptions::new().write(true).open(&path).unwrap().set_len(10 * PAGE as u64 + 100).unwrap();
        // From many threads at once, in every page behind the end, the last first.
        std::thread::scope(|scope| {
            for first in 0..4 {
                let map = &map;
                scope.spawn(move || {
                    for page in (0..64).rev().filter(|page| page % 4 == first) {
                        let byte = map[page * PAGE + 200];
                        assert_eq!(byte, if page < 10 { 1 + page as u8 } else { 0 }, "page {page}");
                    }
                });
            }
        });
        assert_eq!(map[10 * PAGE + 99], 11);
        let from = 10 * PAGE as u64 + 100;
        let damaged = DamagedFile { path: path.canonicalize().unwrap(), from, is_shorter: true };
        // The other map of the file has not been touched, and will be as short.
        assert_eq!(damaged_files(), [damaged.clone(), damaged.clone()]);
        drop(other);
        assert_eq!(damaged_files(), [damaged]);
        drop(map);
        assert_eq!(damaged_files(), []);
        let again = FileMap::of(&File::open(&path).unwrap()).unwrap();
        assert_eq!((again.len() as u64, damaged_files()), (from, Vec::new()));
        return;
    }
    let output = in_process("a_file_that_is_cut_reads_as_zeros_and_is_named", "cut");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
}

#[test]
fn another_bus_error_still_ends_the_process() {
    if is_role("foreign") {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, [1; PAGE]).unwrap();
        let _watched = FileMap::of(&File::open(&path).unwrap()).unwrap();
        // SAFETY: sends a signal to this very process, which is to end of it.
        unsafe { libc::raise(libc::SIGBUS) };
        unsafe { libc::raise(libc::SIGBUS) };
        return;
    }
    let output = in_process("another_bus_error_still_ends_the_process", "foreign");
    assert_eq!(output.status.signal(), Some(libc::SIGBUS), "{output:?}");
}
