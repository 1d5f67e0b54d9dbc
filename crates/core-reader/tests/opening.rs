//! Cores built in code, opened and asked for what was put into them.
#![allow(clippy::unwrap_used)] // a test may panic

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use core_reader::{
    Address, AuxiliaryVector, Contents, Core, CoreWriter, EmbeddedSymbols, Error, Memory, MemoryError,
    OpenOptions, Permissions, Symbol, Symbols, ThreadLocalSymbol, Verification, Warning,
};
use tempfile::TempDir;
use test_support::elf_core::{BuiltCore, ElfBinary, ElfCore, words};

const HEAP: u64 = 0x1234_5600_0000;
const PAGE: usize = 0x1000;
const PROGRAM: u64 = 0x40_0000;

fn write(directory: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn options(core: PathBuf) -> OpenOptions {
    OpenOptions { core, ..OpenOptions::default() }
}

fn open(bytes: &[u8]) -> Result<Core, Error> {
    let directory = tempfile::tempdir().unwrap();
    Core::open(&options(write(&directory, "core", bytes)))
}

fn error(bytes: &[u8]) -> String {
    open(bytes).unwrap_err().to_string()
}

/// The executable that the cores below say they ran: 16 bytes of code, a symbol for them, one word of data.
fn program(build_id: &[u8]) -> ElfBinary {
    ElfBinary::new(PROGRAM, build_id, &[0xcc; 16], &words(&[7]), &[("entry_point", PROGRAM + 0x1000, 16)])
}

/// A process of one thread that runs `binary`, installed at `path`. As the kernel writes it by default: the header
/// page and the data are dumped, the code is not, nor is a shared mapping.
fn process_of(binary: &ElfBinary, path: &Path) -> ElfCore {
    let path = path.to_str().unwrap();
    let mut registers = [0; 27];
    registers[16] = PROGRAM + 0x1004; // rip
    registers[19] = HEAP + 0x800; // rsp
    let (base, page) = (binary.base, PAGE as u64);
    ElfCore::new()
        .process(4711, 1000, "program", "program --flag ")
        .thread(4711, 11, registers)
        .thread(4712, 11, [0; 27])
        .auxv(&[(AuxiliaryVector::PROGRAM_HEADERS, base + 64), (AuxiliaryVector::PAGE_SIZE, page)])
        .file(base, base + page, 0, path)
        .file(base + page, base + 2 * page, page, path)
        .file(base + 2 * page, base + 3 * page, 2 * page, path)
        .dumped("header", base, "r--", binary.page(0))
        .not_dumped("code", base + page, "r-x", page)
        .dumped("data", base + 2 * page, "rw-", binary.page(2))
        .dumped("heap", HEAP, "rw-", &words(&[1, 2, 3, 4]).repeat(128))
        .not_dumped("shared", HEAP + page, "rw-", page)
}

#[test]
fn memory_gives_five_answers() {
    let directory = tempfile::tempdir().unwrap();
    let binary = program(&[0xab; 20]);
    let path = write(&directory, "program", &binary.bytes);
    let mut bytes =
        process_of(&binary, &path).dumped("last", 0x7000_0000_0000, "rw-", &[9; 64]).build().bytes;
    bytes.truncate(bytes.len() - 16);
    let core = Core::open(&options(write(&directory, "core", &bytes))).unwrap();
    let memory = core.memory();
    // Dumped.
    assert_eq!(memory.read_u64(Address(HEAP + 16)), Ok(3));
    // From the binary: the code is not in the core.
    assert_eq!(memory.slice(Address(PROGRAM + 0x1000), 16), Some(&[0xcc; 16][..]));
    assert_eq!(memory.range_at(Address(PROGRAM + 0x1000)).unwrap().contents, Contents::FromBinary);
    // Not dumped, and writable, so no binary can tell.
    let shared = Address(HEAP + 0x1000);
    assert_eq!(memory.read_u64(shared), Err(MemoryError::NotDumped(shared)));
    // Truncated.
    let cut = Address(0x7000_0000_0000 + 48);
    assert_eq!(memory.read_u64(cut), Err(MemoryError::Truncated(cut)));
    assert_eq!(memory.read_u32(Address(0x7000_0000_0000 + 44)), Ok(0x0909_0909));
    // Unmapped.
    assert_eq!(memory.read_u64(Address(0x10)), Err(MemoryError::Unmapped(Address(0x10))));
    assert_eq!(memory.read_u64(Address(u64::MAX)), Err(MemoryError::Unmapped(Address(u64::MAX))));
}

#[test]
fn writable_memory_is_never_taken_from_a_binary() {
    let directory = tempfile::tempdir().unwrap();
    let binary = program(&[0xab; 20]);
    let path = write(&directory, "program", &binary.bytes);
    let name = path.to_str().unwrap();
    let data = PROGRAM + 0x2000;
    // The data segment is not dumped: once writable in the core, once made read-only after relocation (RELRO).
    for permissions in ["rw-", "r--"] {
        let bytes = ElfCore::new()
            .thread(1, 0, [0; 27])
            .file(PROGRAM, PROGRAM + 0x1000, 0, name)
            .file(data, data + 0x1000, 0x2000, name)
            .dumped("header", PROGRAM, "r--", binary.page(0))
            .not_dumped("data", data, permissions, 0x1000)
            .build()
            .bytes;
        let core = Core::open(&options(write(&directory, "core", &bytes))).unwrap();
        assert!(core.modules()[0].file.is_ok());
        assert_eq!(core.memory().read_u64(Address(data)), Err(MemoryError::NotDumped(Address(data))));
    }
}

#[test]
fn mappings_without_program_header_come_from_the_list_of_files() {
    // gdb leaves out the program headers of what it does not dump.
    let directory = tempfile::tempdir().unwrap();
    let binary = program(&[0xab; 20]);
    let path = write(&directory, "program", &binary.bytes);
    let name = path.to_str().unwrap();
    let core = ElfCore::new()
        .file(PROGRAM, PROGRAM + 0x1000, 0, name)
        .file(PROGRAM + 0x1000, PROGRAM + 0x2000, 0x1000, name)
        .file(0x7000_0000, 0x7000_1000, 0x1000, name) // the code again, elsewhere, as V8 maps its builtins
        .file(0x7001_0000, 0x7001_2000, 0, "anon_inode:[io_uring]")
        .dumped("header", PROGRAM, "r--", binary.page(0))
        .notes_last()
        .build();
    let core = Core::open(&options(write(&directory, "core", &core.bytes))).unwrap();
    assert_eq!(core.memory().slice(Address(PROGRAM + 0x1000), 16), Some(&[0xcc; 16][..]));
    assert_eq!(core.memory().slice(Address(0x7000_0000), 16), Some(&[0xcc; 16][..]));
    let ring = Address(0x7001_1ff8);
    assert_eq!(core.memory().read_u64(ring), Err(MemoryError::NotDumped(ring)));
    assert_eq!(core.modules().len(), 1);
    assert_eq!(
        (core.modules()[0].start, core.modules()[0].end),
        (Address(PROGRAM), Address(PROGRAM + 0x3000))
    );
}

#[test]
fn process_threads_and_signal() {
    let binary = program(&[1; 20]);
    let mut siginfo = vec![0; 128];
    siginfo[0] = 11;
    siginfo[8] = 1; // SEGV_MAPERR
    siginfo[16..24].copy_from_slice(&words(&[0xdead]));
    let core = process_of(&binary, Path::new("/nowhere/program")).note("CORE", 0x5349_4749, &siginfo).build();
    let core = open(&core.bytes).unwrap();
    let process = core.process();
    assert_eq!((process.id, process.parent_id, process.user_id, process.group_id), (4711, 4710, 1000, 1001));
    assert_eq!((process.name.as_str(), process.command_line.as_str()), ("program", "program --flag"));
    assert_eq!(core.threads().iter().map(|thread| thread.id).collect::<Vec<_>>(), [4711, 4712]);
    assert_eq!(core.main_thread().unwrap().registers.instruction_pointer(), PROGRAM + 0x1004);
    assert_eq!(core.main_thread().unwrap().stack_pointer(), Address(HEAP + 0x800));
    let signal = core.signal().unwrap();
    assert_eq!((signal.name.as_str(), signal.fault_address), ("SIGSEGV", Some(Address(0xdead))));
}

#[test]
fn arguments_and_environment_are_read_from_the_stack() {
    const STACK: u64 = 0x7fff_0000_0000;
    const VECTOR: usize = 0x2060;
    let mut stack = vec![0; 0x4000];
    let mut put = |at: usize, bytes: &[u8]| stack[at..at + bytes.len()].copy_from_slice(bytes);
    put(0x3000, b"node\0a long argument\0HOME=/root\0/usr/bin/node\0");
    let string = |at: u64| STACK + 0x3000 + at;
    let auxv = [(3, 0x40_0040), (9, 0x40_1000), (25, STACK + 0x2200), (31, string(32))];
    put(VECTOR - 48, &words(&[2, string(0), string(5), 0, string(21), 0]));
    put(VECTOR, &words(&auxv.iter().flat_map(|(kind, value)| [*kind, *value]).collect::<Vec<_>>()));
    let core = ElfCore::new().auxv(&auxv).dumped("stack", STACK, "rw-", &stack).build();
    let core = open(&core.bytes).unwrap();
    assert_eq!(core.process().arguments, ["node", "a long argument"]);
    assert_eq!(core.process().environment, ["HOME=/root"]);
    assert_eq!(core.process().executed_path.as_deref(), Some("/usr/bin/node"));
}

#[test]
fn binaries_are_matched_by_build_id() {
    let directory = tempfile::tempdir().unwrap();
    let (right, wrong) = (program(&[0xab; 20]), program(&[0xcd; 20]));
    let recorded = write(&directory, "program", &wrong.bytes);
    let core = write(&directory, "core", &process_of(&right, &recorded).build().bytes);
    let (right_id, wrong_id) = ("ab".repeat(20), "cd".repeat(20));

    // Found by itself: not used, and both build-ids named.
    let opened = Core::open(&options(core.clone())).unwrap();
    assert!(opened.modules()[0].file.is_err());
    assert_eq!(opened.symbols().find("entry_point"), None);
    let warnings: Vec<String> = opened.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains(&right_id) && warnings[0].contains(&wrong_id), "{warnings:?}");
    assert!(warnings[0].contains("--sysroot DIR"));

    // Given by the user: an error.
    let given = OpenOptions { executable: Some(recorded.clone()), ..options(core.clone()) };
    let message = Core::open(&given).unwrap_err().to_string();
    assert!(message.contains(&right_id) && message.contains(&wrong_id), "{message}");

    // In the system root, by path, by name, and by build-id.
    let relative = recorded.strip_prefix("/").unwrap().to_owned();
    let by_id = PathBuf::from(format!("usr/lib/debug/.build-id/ab/{}", &right_id[2..]));
    for place in [relative, PathBuf::from("program"), by_id] {
        let sysroot = tempfile::tempdir().unwrap();
        let path = sysroot.path().join(place);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &right.bytes).unwrap();
        let opened =
            Core::open(&OpenOptions { sysroot: Some(sysroot.path().to_owned()), ..options(core.clone()) })
                .unwrap();
        let found = opened.modules()[0].file.as_ref().unwrap();
        assert_eq!((&found.path, found.verification), (&path, Verification::BuildId));
        assert_eq!(opened.warnings(), []);
        let symbol = opened.symbols().find("entry_point").unwrap();
        assert_eq!((symbol.address, symbol.size), (Address(PROGRAM + 0x1000), 16));
        assert_eq!(opened.symbols().at(Address(PROGRAM + 0x100f)), Some(symbol.clone()));
        assert_eq!(opened.symbols().at(Address(PROGRAM + 0x1010)), None);
        assert_eq!(opened.symbols().with_prefix("entry_"), [symbol]);
    }
}

#[test]
fn a_missing_or_deleted_binary_is_named_with_what_helps() {
    let binary = program(&[0xab; 20]);
    let core = process_of(&binary, Path::new("/opt/app/program (deleted)")).build();
    let core = open(&core.bytes).unwrap();
    assert_eq!(core.modules()[0].path, "/opt/app/program");
    assert!(core.modules()[0].deleted);
    let text = core.warnings()[0].to_string();
    for part in ["/opt/app/program", &"ab".repeat(20), "v8mdb OBJECT CORE", "--sysroot DIR"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn without_build_ids_the_headers_decide() {
    let directory = tempfile::tempdir().unwrap();
    let binary = program(&[]);
    let path = write(&directory, "program", &binary.bytes);
    let core = write(&directory, "core", &process_of(&binary, &path).build().bytes);
    let opened = Core::open(&options(core.clone())).unwrap();
    assert_eq!(opened.modules()[0].file.as_ref().unwrap().verification, Verification::Headers);
    // Another build: its section headers are elsewhere, which the ELF header says.
    let other = ElfBinary::new(PROGRAM, &[], &[0x90], &[], &[("a", 0, 0), ("b", 0, 0)]);
    std::fs::write(&path, &other.bytes).unwrap();
    assert!(Core::open(&options(core)).unwrap().modules()[0].file.is_err());
}

#[test]
fn without_the_header_page_the_layout_decides_and_a_warning_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let binary = program(&[0xab; 20]);
    let path = write(&directory, "program", &binary.bytes);
    let name = path.to_str().unwrap();
    let core = |code_offset: u64| {
        ElfCore::new()
            .file(PROGRAM, PROGRAM + 0x1000, 0, name)
            .file(PROGRAM + 0x1000, PROGRAM + 0x2000, code_offset, name)
            .file(PROGRAM + 0x2000, PROGRAM + 0x3000, 0x2000, name)
            .file(0x7000_0000, 0x7000_1000, 0x1000, name) // again, elsewhere
            .not_dumped("header", PROGRAM, "r--", 0x1000)
            .not_dumped("code", PROGRAM + 0x1000, "r-x", 0x1000)
            .build()
            .bytes
    };
    let opened = Core::open(&options(write(&directory, "core", &core(0x1000)))).unwrap();
    assert_eq!(opened.modules()[0].file.as_ref().unwrap().verification, Verification::Layout);
    assert_eq!(opened.warnings(), [Warning::Unverified(vec![path.clone()])]);
    assert_eq!(opened.memory().slice(Address(PROGRAM + 0x1000), 1), Some(&[0xcc][..]));
    let opened = Core::open(&options(write(&directory, "core", &core(0x2000)))).unwrap();
    assert!(opened.modules()[0].file.is_err());
}

#[test]
fn a_core_cut_anywhere_opens_or_says_why_not() {
    let directory = tempfile::tempdir().unwrap();
    let binary = program(&[0xab; 20]);
    let path = write(&directory, "program", &binary.bytes);
    for built in [process_of(&binary, &path).build(), process_of(&binary, &path).notes_last().build()] {
        let whole = built.bytes.len();
        let headers_end = built.places.values().map(|place| place.start).min().unwrap();
        for tenth in 0..10 {
            let len = whole * tenth / 10;
            let core = write(&directory, "core", &built.bytes[..len]);
            match Core::open(&options(core)) {
                Err(error) => assert!(len < headers_end && error.to_string().contains("core"), "{error}"),
                Ok(core) => {
                    let truncation = core.truncation().unwrap();
                    assert_eq!((truncation.expected, truncation.present), (whole as u64, len as u64));
                    assert_eq!(core.warnings()[0], Warning::Truncated(truncation));
                    check_heap(&core, &built, len);
                }
            }
        }
    }
}

/// Everything of the heap that is still in a core cut to `len` bytes is found.
fn check_heap(core: &Core, built: &BuiltCore, len: usize) {
    let place = built.places["heap"].clone();
    for word in 0..PAGE / 8 {
        let at = Address(HEAP + 8 * word as u64);
        let expected = if place.start + 8 * word + 8 <= len {
            Ok(word as u64 % 4 + 1)
        } else {
            let first = len.saturating_sub(place.start).max(8 * word) as u64;
            Err(MemoryError::Truncated(Address(HEAP + first)))
        };
        assert_eq!(core.memory().read_u64(at), expected);
    }
}

#[test]
fn the_truncation_warning_says_how_much() {
    let mut bytes = ElfCore::new().dumped("heap", HEAP, "rw-", &[1; 10_000]).build().bytes;
    bytes.truncate(bytes.len() - 2_544);
    let core = open(&bytes).unwrap();
    let text = core.warnings()[0].to_string();
    assert!(text.contains("2544 (25.0 %)"), "{text}");
}

#[test]
fn more_mappings_than_16_bits_count() {
    const COUNT: usize = 70_000;
    let mut core = ElfCore::new().thread(1, 0, [0; 27]);
    for index in 0..COUNT {
        core = core.dumped("", 0x10_0000 * (index as u64 + 1), "rw-", &words(&[index as u64]));
    }
    let built = core.extended_count().build();
    let check = |bytes: &[u8]| {
        let core = open(bytes).unwrap();
        assert_eq!(core.memory().ranges().len(), COUNT);
        for index in (0..COUNT).step_by(997) {
            assert_eq!(core.memory().read_u64(Address(0x10_0000 * (index as u64 + 1))), Ok(index as u64));
        }
    };
    check(&built.bytes);
    // The kernel puts section header 0, which has the count, last: a truncated core is without.
    check(&built.bytes[..built.bytes.len() - 64]);
}

#[test]
fn overlapping_and_absurd_program_headers() {
    let core = ElfCore::new()
        .dumped("first", 0x1000, "rw-", &[1; 0x1000])
        .dumped("inside", 0x1800, "rw-", &[2; 0x100])
        .dumped("behind", 0x1c00, "rw-", &[3; 0x1000])
        .partly_dumped("to the end", u64::MAX - 0x1000, "rw-", &[4; 16], u64::MAX)
        .build();
    let core = open(&core.bytes).unwrap();
    let byte = |at: u64| core.memory().slice(Address(at), 1).map(|bytes| bytes[0]);
    assert_eq!(
        [byte(0x1000), byte(0x1800), byte(0x1fff), byte(0x2000), byte(0x2bff)],
        [Some(1), Some(1), Some(1), Some(3), Some(3)]
    );
    assert_eq!(byte(0x2c00), None);
    assert_eq!(byte(u64::MAX - 0x1000 + 15), Some(4));
    let ranges = core.memory().ranges();
    assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start));
}

#[test]
fn neighbours_in_memory_and_in_the_file_are_one_piece() {
    let core = ElfCore::new()
        .dumped("a", 0x1000, "rw-", &[1; 0x1000])
        .dumped("b", 0x2000, "rw-", &[2; 0x1000])
        .dumped("c", 0x3000, "r--", &[3; 0x1000])
        .build();
    let core = open(&core.bytes).unwrap();
    assert_eq!(core.memory().ranges().len(), 2);
    let bytes = core.memory().slice(Address(0x1800), 0x2000).unwrap();
    assert_eq!((bytes[0], bytes[0x800], bytes[0x1800]), (1, 2, 3));
}

#[test]
fn what_is_no_core_is_named() {
    assert!(error(b"").contains("an empty file"));
    assert!(error(b"just some text\n").contains("a text file"));
    assert!(error(b"\x1f\x8b\x08\0").contains("gzip"));
    let mut other = ElfCore::new().build().bytes;
    other[18] = 243; // EM_RISCV
    assert!(error(&other).contains("RISC-V"));
    other[18] = 62;
    other[4] = 1; // ELFCLASS32
    assert!(error(&other).contains("32-bit"));
    other[4] = 2;
    other[5] = 2; // ELFDATA2MSB
    assert!(error(&other).contains("big-endian"));
    other[5] = 1;
    other[16] = 1; // ET_REL
    assert!(error(&other).contains("object file"));
    let program = error(&program(&[]).bytes);
    assert!(program.contains("executable") && program.contains("v8mdb OBJECT CORE"), "{program}");
    let headers_cut = error(&ElfCore::new().dumped("a", 0x1000, "r--", &[]).build().bytes[..100]);
    assert!(headers_cut.contains("program headers"), "{headers_cut}");

    let directory = tempfile::tempdir().unwrap();
    let message = Core::open(&options(directory.path().to_owned())).unwrap_err().to_string();
    assert!(message.contains("a directory"), "{message}");
    let missing = Core::open(&options(directory.path().join("none"))).unwrap_err();
    assert!(missing.to_string().contains("none"), "{missing}");
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

#[test]
fn a_zstd_core_opens_whatever_its_name() {
    // A gigabyte of zeros: it must become a hole.
    let mut built = ElfCore::new().dumped("heap", HEAP, "rw-", &words(&[1, 2, 3])).build().bytes;
    built.extend_from_slice(&[0; 1 << 24]);
    let directory = tempfile::tempdir().unwrap();
    let path = write(&directory, "core", &compressed(&built));
    let mut last = None;
    let core = Core::open_with_progress(&options(path.clone()), &mut |progress| {
        last = Some(progress);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(core.memory().read_u64(Address(HEAP + 8)), Ok(2));
    assert_eq!(core.file_len(), built.len() as u64);
    assert_eq!(core.truncation(), None);
    let last = last.unwrap();
    assert_eq!(last.done, last.total);
    let stopped = Core::open_with_progress(&options(path), &mut |_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(Error::Stopped { .. })));
}

#[test]
fn a_damaged_zstd_core_gives_what_could_be_decompressed() {
    // Bytes that do not compress, so that half the file is half the core.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(4 << 20)
    .collect();
    let whole = compressed(&ElfCore::new().dumped("heap", HEAP, "rw-", &noise).build().bytes);
    let core = open(&whole[..whole.len() / 2]).unwrap();
    assert!(core.truncation().unwrap().present > 1 << 20);
    assert!(core.warnings().iter().any(|warning| matches!(warning, Warning::Damaged(_))));
    assert_eq!(core.memory().slice(Address(HEAP), 4096), Some(&noise[..4096]));
    let nothing = error(&whole[..10]);
    assert!(nothing.contains("cannot decompress"), "{nothing}");
}

#[test]
fn a_written_core_reads_back_and_is_self_contained() {
    let directory = tempfile::tempdir().unwrap();
    let binary = program(&[0xab; 20]);
    let path = write(&directory, "program", &binary.bytes);
    let original = process_of(&binary, &path).note("LINUX", 0x202, &[0; 2688]).build().bytes;
    let core = Core::open(&options(write(&directory, "core", &original))).unwrap();
    let thread_local =
        |thread| ThreadLocalSymbol { name: "isolate".to_owned(), thread, address: Address(HEAP) };
    let embedded = EmbeddedSymbols {
        symbols: vec![Symbol { name: "v8dbg_x".to_owned(), address: Address(PROGRAM + 0x1000), size: 4 }],
        thread_locals: vec![thread_local(4711)],
    };
    let mut writer = CoreWriter::new(core.memory());
    writer.copy_notes(&core, true);
    writer.embed_symbols(&embedded);
    writer.origin("trimmed to 16 bytes of heap");
    for (start, end) in core.identity_ranges() {
        writer.keep(start, end);
    }
    writer.keep(Address(PROGRAM + 0x1000), Address(PROGRAM + 0x1004));
    writer.keep(Address(HEAP + 8), Address(HEAP + 24));
    writer.keep(Address(HEAP + 0x1000), Address(HEAP + 0x1008)); // not dumped: left so
    for level in [None, Some(3)] {
        let path = directory.path().join("trimmed");
        let written = writer.save(&path, level, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(written.file, std::fs::metadata(&path).unwrap().len());
        std::fs::remove_file(directory.path().join("program")).ok(); // the trimmed core needs no binary
        let trimmed = Core::open(&options(path)).unwrap();
        assert_eq!(trimmed.warnings(), []);
        assert_eq!(trimmed.origin(), Some("trimmed to 16 bytes of heap"));
        assert_eq!(trimmed.threads(), core.threads());
        assert_eq!(trimmed.process(), core.process());
        assert_eq!(trimmed.modules()[0].build_id, core.modules()[0].build_id);
        assert_eq!(trimmed.raw_notes().filter(|note| note.owner == b"LINUX").count(), 0);
        let symbols = trimmed.symbols();
        assert_eq!(symbols.find("v8dbg_x").as_ref(), embedded.symbols.first());
        assert_eq!(symbols.with_prefix("v8dbg_"), embedded.symbols);
        let [main, other] = trimmed.threads() else { panic!("two threads") };
        assert_eq!(symbols.thread_local("isolate", main), Some(Address(HEAP)));
        assert_eq!(symbols.thread_local("isolate", other), None);
        let memory = trimmed.memory();
        assert_eq!(memory.read_u32(Address(PROGRAM + 0x1000)), Ok(0xcccc_cccc));
        assert_eq!([8, 16].map(|at| memory.read_u64(Address(HEAP + at))), [Ok(2), Ok(3)]);
        for dropped in [HEAP, HEAP + 24, HEAP + 0x1000, PROGRAM + 0x2000] {
            let dropped = Address(dropped);
            assert_eq!(memory.read_u64(dropped), Err(MemoryError::NotDumped(dropped)));
        }
        let heap = memory.range_at(Address(HEAP)).unwrap();
        assert_eq!(heap.permissions, Permissions { read: true, write: true, execute: false });
        assert_eq!(memory.read_u64(Address(0x10)), Err(MemoryError::Unmapped(Address(0x10))));
    }
}

#[test]
fn writing_can_be_stopped_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let core = open(&ElfCore::new().dumped("heap", HEAP, "rw-", &[1; 4096]).build().bytes).unwrap();
    let mut writer = CoreWriter::new(core.memory());
    writer.keep(Address(0), Address(u64::MAX));
    let path = directory.path().join("trimmed");
    let stopped = writer.save(&path, None, &mut |_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(Error::Stopped { .. })));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn an_executable_is_refused_where_it_cannot_be_one() {
    let directory = tempfile::tempdir().unwrap();
    let binary = program(&[0xab; 20]);
    let core = write(&directory, "core", &process_of(&binary, Path::new("/nowhere/program")).build().bytes);
    let message = |bytes: &[u8]| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let given = OpenOptions { executable: Some(file.path().to_owned()), ..options(core.clone()) };
        Core::open(&given).unwrap_err().to_string()
    };
    assert!(message(b"#!/bin/sh\n").contains("a text file"));
    assert!(message(&ElfCore::new().build().bytes).contains("the executable comes before the core"));
    assert!(message(&binary.bytes[..40]).contains("the executable is damaged"));
    // A core that has lost its notes and its header page: only a program at fixed addresses can be placed.
    let bare = ElfCore::new().dumped("data", PROGRAM + 0x2000, "rw-", binary.page(2)).build().bytes;
    let path = write(&directory, "program", &binary.bytes);
    let given = OpenOptions { executable: Some(path), ..options(write(&directory, "bare", &bare)) };
    let placed = Core::open(&given).unwrap();
    assert!(placed.symbols().find("entry_point").is_some());
    assert_eq!(placed.memory().slice(Address(PROGRAM + 0x1000), 16), Some(&[0xcc; 16][..]));
}

#[test]
fn memory_without_access_is_not_lost() {
    let guard = HEAP + 0x1000;
    let core = ElfCore::new()
        .thread(1, 0, [0; 27])
        .file(0x7000_0000, 0x7000_1000, 0, "/lib/libx.so")
        .not_dumped("of a file", 0x7000_0000, "---", 0x1000)
        .dumped("heap", HEAP, "rw-", &[1; 0x1000])
        .not_dumped("guard", guard, "---", 0x1000)
        // The program has closed it after it was written to: the kernel dumps it all the same.
        .dumped("closed", HEAP + 0x2000, "---", &[2; 0x1000])
        .not_dumped("left out", HEAP + 0x3000, "rw-", 0x1000)
        .build();
    let core = open(&core.bytes).unwrap();
    let contents = |at: u64| core.memory().range_at(Address(at)).unwrap().contents;
    assert_eq!(contents(guard), Contents::NoAccess);
    assert_eq!(contents(HEAP + 0x2000), Contents::Dumped);
    assert_eq!(contents(HEAP + 0x3000), Contents::NotDumped);
    assert_eq!(contents(0x7000_0000), Contents::NotDumped);
    let error = core.memory().read_u64(Address(guard)).unwrap_err();
    assert_eq!(error, MemoryError::NoAccess(Address(guard)));
    assert_eq!(error.address(), Address(guard));
    // A written core says the same.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("written");
    let mut writer = CoreWriter::new(core.memory());
    writer.copy_notes(&core, true);
    writer.keep(Address(0), Address(u64::MAX));
    writer.save(&path, None, &mut |_| ControlFlow::Continue(())).unwrap();
    let written = Core::open(&options(path)).unwrap();
    let list = |core: &Core| {
        let ranges = core.memory().ranges().iter();
        ranges.map(|range| (range.start, range.end, range.contents)).collect::<Vec<_>>()
    };
    assert_eq!(list(&written), list(&core));
}

#[test]
fn workers_of_the_kernel_are_no_threads_of_the_program() {
    let embedded = EmbeddedSymbols {
        symbols: Vec::new(),
        thread_locals: [1, 2]
            .map(|thread| ThreadLocalSymbol { name: "isolate".to_owned(), thread, address: Address(HEAP) })
            .to_vec(),
    };
    let mut main = [0; 27];
    (main[16], main[19], main[21]) = (PROGRAM, HEAP + 0x800, HEAP + 0x100); // rip, rsp, fs_base
    let mut worker = [0; 27];
    (worker[15], worker[21]) = (425, HEAP + 0x100); // orig_rax: io_uring_setup; fs_base: of who called it
    let core = ElfCore::new()
        .thread(1, 0, main)
        .thread(2, 0, worker)
        .dumped("heap", HEAP, "rw-", &[0; 0x1000])
        .build();
    let directory = tempfile::tempdir().unwrap();
    let opened = Core::open(&options(write(&directory, "core", &core.bytes))).unwrap();
    let mut writer = CoreWriter::new(opened.memory());
    writer.copy_notes(&opened, true);
    writer.embed_symbols(&embedded);
    let path = directory.path().join("written");
    writer.save(&path, None, &mut |_| ControlFlow::Continue(())).unwrap();
    let core = Core::open(&options(path)).unwrap();
    let [main, worker] = core.threads() else { panic!("two threads") };
    assert_eq!([main, worker].map(|thread| thread.has_user_stack()), [true, false]);
    assert_eq!(core.symbols().thread_local("isolate", main), Some(Address(HEAP)));
    assert_eq!(core.symbols().thread_local("isolate", worker), None);
    let stack = core_reader::Unwinder::new(&core).stack(&worker.registers, usize::MAX);
    assert_eq!((stack.frames.len(), stack.end), (0, core_reader::StackEnd::KernelWorker));
}

/// `program` with its program headers in its code, at 0x1800, as tools leave it that add something to an executable.
fn program_with_far_headers() -> ElfBinary {
    let mut binary = program(&[0xab; 20]);
    let headers = binary.bytes[64..64 + 4 * 56].to_vec();
    binary.bytes[0x1800..0x1800 + headers.len()].copy_from_slice(&headers);
    binary.bytes[64..64 + headers.len()].fill(0);
    binary.bytes[32..40].copy_from_slice(&words(&[0x1800])); // e_phoff
    binary
}

#[test]
fn an_executable_whose_program_headers_are_not_in_its_first_page_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let binary = program_with_far_headers();
    let path = write(&directory, "program", &binary.bytes);
    let library = ElfBinary::new(0x10_0000, &[0xcd; 20], &[], &[], &[]);
    let (base, page) = (binary.base, PAGE as u64);
    let core = |path: &Path, code_is_dumped: bool| {
        let path = path.to_str().unwrap();
        let code = base + page;
        let core = ElfCore::new()
            .thread(1, 0, [0; 27])
            .auxv(&[(3, base + 0x1800), (5, 4), (9, base + 0x1000)])
            .file(library.base, library.base + page, 0, "/lib/libc.so.6")
            .file(base, code, 0, path)
            .file(code, code + page, page, path)
            .file(base + 2 * page, base + 3 * page, 2 * page, path)
            .file(HEAP, HEAP + page, page, path) // the code again, far away
            .dumped("library", library.base, "r--", library.page(0))
            .dumped("header", base, "r--", binary.page(0))
            .dumped("data", base + 2 * page, "rw-", binary.page(2));
        match code_is_dumped {
            true => core.dumped("code", code, "r-x", binary.page(1)),
            false => core.not_dumped("code", code, "r-x", page),
        }
    };
    for code_is_dumped in [true, false] {
        // The file is at hand; then it is not.
        let opened =
            Core::open(&options(write(&directory, "core", &core(&path, code_is_dumped).build().bytes)))
                .unwrap();
        let module = &opened.modules()[0];
        assert!(module.executable);
        assert_eq!(module.path, path.to_str().unwrap());
        assert_eq!((module.start, module.end), (Address(base), Address(base + 3 * page)));
        assert_eq!(module.file.as_ref().unwrap().verification, Verification::BuildId);
        assert_eq!(opened.symbols().find("entry_point").unwrap().address, Address(PROGRAM + 0x1000));
        assert_eq!(opened.memory().slice(Address(PROGRAM + 0x1000), 16), Some(&[0xcc; 16][..]));

        let absent = core(Path::new("/nowhere/program"), code_is_dumped).build();
        let opened = open(&absent.bytes).unwrap();
        let module = &opened.modules()[0];
        assert!(module.executable);
        assert_eq!(module.path, "/nowhere/program");
        assert_eq!((module.start, module.end), (Address(base), Address(base + 3 * page)));
        assert_eq!(module.build_id.as_ref().unwrap().to_string(), "ab".repeat(20));
        assert!(opened.warnings()[0].to_string().contains(&"ab".repeat(20)));
    }
}

#[test]
fn binaries_are_found_in_folders_of_build_ids() {
    let (right, wrong) = (program(&[0xab; 20]), program(&[0xcd; 20]));
    let id = "ab".repeat(20);
    let directory = tempfile::tempdir().unwrap();
    let core = process_of(&right, Path::new("/nowhere/program")).build().bytes;
    let core = write(&directory, "core", &core);
    let places =
        [format!("ab/{}", &id[2..]), format!(".build-id/ab/{}", &id[2..]), format!("{id}/executable")];
    for place in places {
        let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        for (folder, binary) in [(&first, &wrong), (&second, &right)] {
            let path = folder.path().join(&place);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &binary.bytes).unwrap();
        }
        let build_ids = vec![first.path().to_owned(), second.path().to_owned()];
        let opened = Core::open(&OpenOptions { build_ids, ..options(core.clone()) }).unwrap();
        let found = opened.modules()[0].file.as_ref().unwrap();
        assert_eq!((&found.path, found.verification), (&second.path().join(&place), Verification::BuildId));
    }
}

/// As gdb leaves the stack of a thread when it cannot read the page before it.
#[test]
fn an_empty_stack_is_told() {
    let thread = |word: u64| {
        let mut registers = [0; 27];
        registers[16] = PROGRAM; // rip
        registers[19] = HEAP + 0x800; // rsp
        let mut stack = vec![0; 2 * PAGE];
        // Below the stack pointer is what was.
        stack[0x7f8] = 1;
        stack[0x818..0x820].copy_from_slice(&word.to_le_bytes());
        let core = ElfCore::new().process(7, 0, "program", "program").thread(7, 0, registers);
        let core = open(&core.dumped("stack", HEAP, "rw-", &stack).build().bytes).unwrap();
        let is_empty = core.has_empty_stack(&core.threads()[0]);
        (is_empty, core.warnings().contains(&Warning::EmptyStacks { empty: 1, threads: 1 }))
    };
    assert_eq!(thread(0), (true, true));
    assert_eq!(thread(PROGRAM), (false, false));
}
