//! Cores that cannot be mapped as they are stored: compressed, or on a pipe.
#![allow(clippy::unwrap_used)] // a test may panic

use std::io::{Read as _, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use core_reader::{Address, Compression, Core, Error, Memory, OpenOptions, Progress, Step, Warning};
use tempfile::TempDir;
use test_support::elf_core::{ElfCore, words};

const HEAP: u64 = 0x1234_5600_0000;
const FORMATS: [Compression; 4] = [Compression::Gzip, Compression::Xz, Compression::Lz4, Compression::Zstd];

fn compressed(format: Compression, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match format {
        Compression::Gzip => {
            let mut writer = flate2::write::GzEncoder::new(&mut out, flate2::Compression::fast());
            writer.write_all(bytes).unwrap();
            writer.finish().unwrap();
        }
        Compression::Xz => {
            let options = lzma_rust2::XzOptions::with_preset(1);
            let mut writer = lzma_rust2::XzWriter::new(&mut out, options).unwrap();
            writer.write_all(bytes).unwrap();
            writer.finish().unwrap();
        }
        Compression::Lz4 => {
            let info = lz4_flex::frame::FrameInfo::new().block_size(lz4_flex::frame::BlockSize::Max64KB);
            let mut writer = lz4_flex::frame::FrameEncoder::with_frame_info(info, &mut out);
            writer.write_all(bytes).unwrap();
            writer.finish().unwrap();
        }
        Compression::Zstd => out = zstd::encode_all(bytes, 3).unwrap(),
    }
    out
}

fn options(core: PathBuf) -> OpenOptions {
    OpenOptions { core, ..OpenOptions::default() }
}

fn write(directory: &TempDir, bytes: &[u8]) -> PathBuf {
    let path = directory.path().join("core");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn open(bytes: &[u8]) -> Result<Core, Error> {
    let directory = tempfile::tempdir().unwrap();
    Core::open(&options(write(&directory, bytes)))
}

/// A core of 16 MiB, nearly all of it zeros.
fn small_core() -> Vec<u8> {
    let mut bytes = ElfCore::new().dumped("heap", HEAP, "rw-", &words(&[1, 2, 3])).build().bytes;
    bytes.resize(bytes.len() + (1 << 24), 0);
    bytes
}

/// Bytes that do not compress.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(count).collect()
}

#[test]
fn a_compressed_core_opens_whatever_its_name() {
    let whole = small_core();
    for format in FORMATS {
        let directory = tempfile::tempdir().unwrap();
        let stored = compressed(format, &whole);
        let path = write(&directory, &stored);
        let mut last = None;
        let core = Core::open_with_progress(&options(path.clone()), &mut |progress| {
            last = Some(progress);
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(core.memory().read_u64(Address(HEAP + 8)), Ok(2), "{format}");
        assert_eq!(core.file_len(), whole.len() as u64);
        assert_eq!(core.truncation(), None);
        assert!(!core.warnings().iter().any(|warning| matches!(warning, Warning::Damaged(_))), "{format}");
        let total = stored.len() as u64;
        assert_eq!(last, Some(Progress { step: Step::Reading, done: total, total }), "{format}");
        let told = core.stored();
        assert_eq!((told.compression, told.bytes), (Some(format), total));
        // The zeros have become a hole.
        assert!(told.temporary.as_ref().unwrap().1 < 1 << 20, "{format}: {told:?}");
        let stopped = Core::open_with_progress(&options(path), &mut |_| ControlFlow::Break(()));
        assert!(matches!(stopped, Err(Error::Stopped { .. })), "{format}");
    }
}

#[test]
fn several_frames_are_one_core() {
    let whole = small_core();
    let (first, second) = whole.split_at(1 << 20);
    for format in FORMATS {
        let both = [compressed(format, first), compressed(format, second)].concat();
        let core = open(&both).unwrap();
        assert_eq!(core.file_len(), whole.len() as u64, "{format}");
        assert_eq!(core.warnings(), open(&whole).unwrap().warnings(), "{format}");
    }
}

#[test]
fn a_damaged_core_gives_what_could_be_decompressed() {
    let noise = noise(4 << 20);
    let whole = ElfCore::new().dumped("heap", HEAP, "rw-", &noise).build().bytes;
    for format in FORMATS {
        let stored = compressed(format, &whole);
        let core = open(&stored[..stored.len() / 2]).unwrap();
        assert!(core.truncation().unwrap().present > 1 << 20, "{format}");
        assert!(core.warnings().iter().any(|warning| matches!(warning, Warning::Damaged(_))), "{format}");
        assert_eq!(core.memory().slice(Address(HEAP), 4096), Some(&noise[..4096]), "{format}");
        let nothing = open(&stored[..10]).unwrap_err().to_string();
        assert!(nothing.contains("cannot decompress"), "{format}: {nothing}");
    }
}

#[test]
fn what_is_no_core_is_refused_before_anything_is_written() {
    for format in FORMATS {
        let message = |bytes: &[u8]| open(&compressed(format, bytes)).unwrap_err().to_string();
        let text = message(b"just some text\n");
        assert!(text.contains("a text file") && text.contains(&format.to_string()), "{text}");
        assert!(message(&vec![0; 1 << 22]).contains("a file that begins with zeros"));
        let twice = message(&compressed(Compression::Gzip, &small_core()));
        assert!(twice.contains("a gzip file in"), "{twice}");
    }
}

#[test]
fn no_more_than_the_limit_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let whole = small_core();
    for format in FORMATS {
        let path = write(&directory, &compressed(format, &whole));
        let open = |limit: u64| Core::open(&OpenOptions { limit: Some(limit), ..options(path.clone()) });
        assert!(open(whole.len() as u64).is_ok());
        match open(whole.len() as u64 - 1) {
            Err(error @ Error::TooLarge { .. }) => assert!(error.to_string().contains("coresize"), "{error}"),
            other => panic!("{format}: {other:?}"),
        }
    }
}

/// A named pipe into which a thread writes `bytes`.
fn pipe_of(directory: &Path, bytes: Vec<u8>) -> (PathBuf, std::thread::JoinHandle<()>) {
    let path = directory.join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let pipe = path.clone();
    let writer = std::thread::spawn(move || {
        // Who reads may have had enough.
        let _ = std::fs::OpenOptions::new().write(true).open(pipe).unwrap().write_all(&bytes);
    });
    (path, writer)
}

#[test]
fn a_core_on_a_pipe_opens_compressed_or_not() {
    let whole = small_core();
    for bytes in [whole.clone(), compressed(Compression::Zstd, &whole)] {
        let directory = tempfile::tempdir().unwrap();
        let stored = bytes.len() as u64;
        let (path, writer) = pipe_of(directory.path(), bytes);
        let core = Core::open(&options(path)).unwrap();
        writer.join().unwrap();
        assert_eq!(core.memory().read_u64(Address(HEAP + 8)), Ok(2));
        assert_eq!((core.file_len(), core.stored().bytes), (whole.len() as u64, stored));
    }
    let directory = tempfile::tempdir().unwrap();
    let (path, writer) = pipe_of(directory.path(), vec![0; 1 << 22]);
    let message = Core::open(&options(path)).unwrap_err().to_string();
    assert!(message.contains("begins with zeros"), "{message}");
    writer.join().unwrap();
}

#[test]
fn waiting_for_a_pipe_can_be_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut asked = 0;
    let stopped = Core::open_with_progress(&options(path), &mut |progress| {
        assert_eq!((progress.done, progress.total), (0, 0));
        asked += 1;
        if asked == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(stopped, Err(Error::Stopped { .. })));
}

#[test]
fn devices_are_no_cores() {
    for path in ["/dev/zero", "/dev/null"] {
        let message = Core::open(&options(path.into())).unwrap_err().to_string();
        assert!(message.contains("a device"), "{message}");
    }
}

#[test]
fn nothing_is_left_in_the_temporary_directory() {
    // In a process of its own, as the variable is the process's.
    const WITHIN: &str = "V8MDB_TEST_TEMPORARY_CORE";
    if let Some(path) = std::env::var_os(WITHIN) {
        let core = Core::open(&options(path.into())).unwrap();
        let directory = std::env::var_os("TMPDIR").unwrap();
        assert_eq!(core.stored().temporary.as_ref().unwrap().0, Path::new(&directory));
        assert_eq!(std::fs::read_dir(directory).unwrap().count(), 0, "the file has no name");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let path = write(&directory, &compressed(Compression::Xz, &small_core()));
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["nothing_is_left_in_the_temporary_directory", "--exact", "--nocapture"]);
    let output = child.env(WITHIN, path).env("TMPDIR", temporary.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut said = String::new();
    output.stdout.as_slice().read_to_string(&mut said).unwrap();
    assert!(said.contains("1 passed"), "{said}");
}
