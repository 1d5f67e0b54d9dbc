//! Names for addresses, and addresses for names.
#![allow(clippy::unwrap_used)] // a test may panic

use core_reader::{Address, Core, NameError, OpenOptions, TableKind};
use test_support::elf_core::{ElfBinary, ElfCore};

const PROGRAM: u64 = 0x40_0000;
const LIBRARY: u64 = 0x50_0000;

/// A program and a library, with the symbols of the latter in its file, or in a file of their own below the sysroot.
fn open(separate: bool) -> Core {
    let program = [
        ("same", PROGRAM + 0x1000, 16),
        ("__padded", PROGRAM + 0x1010, 8),
        ("padded", PROGRAM + 0x1010, 8),
        ("bare", PROGRAM + 0x1010, 0),
        ("_ZN4node5StartEiPPc", PROGRAM + 0x1020, 8),
        ("_ZN4node4StopEv", PROGRAM + 0x1030, 8),
        ("_ZN4node4StopEi", PROGRAM + 0x1038, 8),
        ("label", PROGRAM + 0x1040, 0),
        ("versioned@@GLIBC_2.3.2", PROGRAM + 0x1050, 8),
    ];
    let library = [
        ("same", LIBRARY + 0x1000, 16),
        ("only", LIBRARY + 0x1010, 4),
        ("_ZN4node5StartEiPPc", LIBRARY + 0x1020, 8),
    ];
    let program = ElfBinary::new(PROGRAM, &[1; 20], &[0x90; 64], &[], &program);
    let library = ElfBinary::new(LIBRARY, &[2; 20], &[0x90; 64], &[], &library);
    let (directory, sysroot) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut stripped = library.bytes.clone();
    if separate {
        stripped[40..48].fill(0); // e_shoff
        stripped[60..62].fill(0); // e_shnum
        let place = sysroot.path().join("usr/lib/debug/.build-id/02");
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join(format!("{}.debug", "02".repeat(19))), &library.bytes).unwrap();
    }
    std::fs::write(sysroot.path().join("libsample.so.1"), &stripped).unwrap();
    let mut core = ElfCore::new().auxv(&[(3, PROGRAM + 64)]);
    for (base, path, binary) in
        [(PROGRAM, "/opt/bin/program", &program), (LIBRARY, "/opt/lib/libsample.so.1", &library)]
    {
        for page in 0..3 {
            let start = base + 0x1000 * page;
            core = core.file(start, start + 0x1000, 0x1000 * page, path);
        }
        core = core
            .dumped(path, base, "r--", binary.page(0))
            .not_dumped(path, base + 0x1000, "r-x", 0x1000)
            .dumped(path, base + 0x2000, "rw-", binary.page(2));
    }
    let path = directory.path().join("core");
    std::fs::write(&path, core.build().bytes).unwrap();
    std::fs::write(sysroot.path().join("program"), &program.bytes).unwrap();
    Core::open(&OpenOptions {
        core: path,
        sysroot: Some(sysroot.path().to_owned()),
        executable: None,
        ..OpenOptions::default()
    })
    .unwrap()
}

#[test]
fn a_name_is_looked_for_in_one_object_or_in_all_in_order() {
    for separate in [false, true] {
        let core = open(separate);
        let resolve = |object: Option<&str>, name: &str| {
            core.symbols().resolve(object, name).map(|symbol| symbol.address.0)
        };
        for (object, name, place) in [
            (None, "same", PROGRAM + 0x1000),
            (Some("a.out"), "same", PROGRAM + 0x1000),
            (Some("program"), "same", PROGRAM + 0x1000),
            (Some("libsample.so.1"), "same", LIBRARY + 0x1000),
            (Some("libsample"), "same", LIBRARY + 0x1000),
            (Some("libsample.so"), "same", LIBRARY + 0x1000),
            (Some("/opt/lib/libsample.so.1"), "same", LIBRARY + 0x1000),
            (None, "only", LIBRARY + 0x1010),
            (None, "node::Start", PROGRAM + 0x1020),
            (Some("libsample"), "node::Start(int, char**)", LIBRARY + 0x1020),
            (None, "node::Stop(int)", PROGRAM + 0x1038),
        ] {
            assert_eq!(resolve(object, name), Ok(place), "{object:?} {name}");
        }
        assert_eq!(resolve(Some("libsam"), "same"), Err(NameError::Object));
        assert_eq!(resolve(Some("a.out"), "only"), Err(NameError::Symbol));
        assert_eq!(resolve(None, "node::Star"), Err(NameError::Symbol));
        assert_eq!(resolve(None, "Start"), Err(NameError::Symbol));
        assert_eq!(resolve(None, "node::Stop"), Err(NameError::Ambiguous(2)));
        assert_eq!(resolve(None, ""), Err(NameError::Symbol));
        assert_eq!(core.symbols().entries(1, TableKind::Static).count(), 3);
    }
}

#[test]
fn an_address_has_the_name_that_says_most() {
    let core = open(false);
    let nearest = |offset: u64, distance: u64| {
        core.symbols().nearest(Address(PROGRAM + 0x1000 + offset), distance).map(|found| found.symbol.name)
    };
    for (offset, distance, name) in [
        (0, 0, Some("same")),
        (15, 0, Some("same")),
        (0x10, 0, Some("padded")),
        (0x17, 0, Some("padded")),
        (0x18, 0, None),
        (0x18, 8, Some("padded")),
        (0x19, 8, None),
        (0x40, 0, Some("label")),
        // A function without a size goes on to the next symbol.
        (0x41, 0, Some("label")),
        (0x4f, 0, Some("label")),
        (0x41, 1, Some("label")),
        (0x50, 0, Some("versioned")),
    ] {
        assert_eq!(nearest(offset, distance).as_deref(), name, "{offset:x} within {distance}");
    }
    assert_eq!(core.symbols().nearest(Address(0x10), u64::MAX), None);
    assert_eq!(core.symbols().nearest(Address(LIBRARY + 0x1010), 0).map(|found| found.module), Some(Some(1)));
}
