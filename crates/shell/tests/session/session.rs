//! Sessions on a small core that is built in code.

use std::path::PathBuf;

use shell::context::Context;
use shell::interpreter::{self, Source};
use shell::interrupt::Interrupt;
use shell::output::Terminal;
use shell::target::Target;
use test_support::captured::Captured;
use test_support::elf_core::{ElfCore, words};

/// Where the core has memory: the words 0x1234, 2, 3 and zeros.
pub const DATA: u64 = 0x5000_0000;

/// Where it has the bytes that formats are tried on.
pub const BYTES: u64 = DATA + 0x400;

/// A core of three threads (0x101f, 0x1020, 0x1021), as bytes.
pub fn core_bytes() -> Vec<u8> {
    let mut data = words(&[0x1234, 2, 3]);
    data.resize(0x400, 0);
    data.extend([
        0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x92, 0x41, 0x0a, 0x22, 0x5c, 0xc3, 0xbc, 0x00, 0x7a,
    ]);
    data.extend([0x1a, 0x54, 0xa5, 0x4f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x29, 0xc0]);
    data.extend([0xcd, 0xcc, 0xcc, 0x3d, 0xf9, 0x02, 0x15, 0x50]);
    data.resize(0x1000, 0);
    let mut registers = [0; 27];
    registers[10] = 0x1122_3344_5566_7788; // rax
    registers[16] = 0x4000_0010; // rip
    registers[19] = DATA + 0x800; // rsp
    ElfCore::new()
        .dumped("text", 0x4000_0000, "r-x", &[0xcc; 0x1000])
        .dumped("data", DATA, "rw-", &data)
        .not_dumped("hole", 0x6000_0000, "rw-", 0x2000)
        .process(0x101f, 1000, "node", "node server.js")
        .thread(0x101f, 6, registers)
        .thread(0x1020, 0, [0; 27])
        .thread(0x1021, 0, [0; 27])
        .file(0x4000_0000, 0x4000_1000, 0, "/opt/node/lib/libsample.so.1")
        .build()
        .bytes
}

/// The core as a file.
pub struct CoreFile {
    pub path: PathBuf,
    _directory: tempfile::TempDir,
}

pub fn core_file() -> CoreFile {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("core");
    std::fs::write(&path, core_bytes()).unwrap();
    CoreFile { path, _directory: directory }
}

/// A session whose results and messages are captured.
pub struct Session {
    pub context: Context,
    pub results: Captured,
    pub messages: Captured,
}

impl Session {
    /// Without a target.
    pub fn empty() -> Session {
        Session::on(None)
    }

    /// On the small core.
    pub fn on_core() -> Session {
        let core = core_file();
        let options = core_reader::OpenOptions { core: core.path.clone(), ..Default::default() };
        Session::on(Some(Target::open(&options, &Interrupt::default()).unwrap()))
    }

    /// On a core and the executable that left it.
    pub fn on_files(core: &[u8], executable: Option<&[u8]>) -> Session {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = directory.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let options = core_reader::OpenOptions {
            core: file("core", core),
            executable: executable.map(|bytes| file("program", bytes)),
            ..Default::default()
        };
        Session::on(Some(Target::open(&options, &Interrupt::default()).unwrap()))
    }

    fn on(target: Option<Target>) -> Session {
        let (results, messages) = (Captured::default(), Captured::default());
        let terminal = Terminal::new(Box::new(results.clone()), Box::new(messages.clone()));
        let context = Context::new(target, terminal, Interrupt::default(), false);
        *context.settings.time_zone.borrow_mut() = jiff::tz::TimeZone::UTC;
        Session { context, results, messages }
    }

    /// What a line typed at the prompt prints: results, then messages.
    pub fn line(&self, line: &str) -> (String, String) {
        let ended = interpreter::run(&self.context, line, Source::Prompt, &self.context.text);
        ended.unwrap_or_else(|error| panic!("{line}: {error}"));
        self.context.text.flush().unwrap();
        (self.results.take(), self.messages.take())
    }

    /// The results of a line that must not print any message.
    pub fn results(&self, line: &str) -> String {
        let (results, messages) = self.line(line);
        assert_eq!(messages, "", "{line}");
        results
    }

    /// The first message of a line that must not print any result.
    pub fn complaint(&self, line: &str) -> String {
        let (results, messages) = self.line(line);
        assert_eq!(results, "", "{line}");
        messages.lines().next().unwrap_or("").to_owned()
    }
}
