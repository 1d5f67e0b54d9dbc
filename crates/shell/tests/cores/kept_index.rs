//! `-o cache`: with the index of an earlier session, whole or damaged, every answer is the one that is given without.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use test_support::scenarios::shipped::{LINES, ShippedCore};

/// What builds on each of the parts that are kept.
const QUESTIONS: &str = "::findjsobjects; ::findjsobjects -d; ::findjsobjects -R; ::jsleaks -n 3; ::jsdominators; \
     ::findjsobjects -c Listener | ::jspath -v; ::findjsobjects -c Shared | ::jsretained; \
     ::findjsobjects -c Shared | ::findjsobjects -r; ::findjsobjects -c Link | ::findjsobjects | ::count";

/// A directory with a copy of a core, where everybody may read and write.
struct Place {
    directory: TempDir,
}

impl Place {
    fn with(core: ShippedCore) -> Place {
        let directory = tempfile::tempdir().unwrap();
        let place = Place { directory };
        fs::copy(core.path(), place.core()).unwrap();
        for name in [".", "home"] {
            let path = place.directory.path().join(name);
            fs::create_dir_all(&path).unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
        }
        place
    }

    fn core(&self) -> PathBuf {
        self.directory.path().join("core.zst")
    }

    fn index(&self) -> PathBuf {
        self.directory.path().join("core.zst.v8mdb-index")
    }

    /// A cache directory of the user's own, empty at first.
    fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_v8mdb"));
        command.arg("-S").arg(self.core()).args(arguments);
        command.env("XDG_CACHE_HOME", self.home()).env("TMPDIR", self.home());
        command
    }

    fn run(&self, arguments: &[&str]) -> (String, String) {
        texts(self.command(arguments).output().unwrap())
    }

    fn files(&self, directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Results and messages of a run that went well.
fn texts(output: Output) -> (String, String) {
    let [results, messages] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(output.status.code(), Some(0), "{messages}");
    (results, messages)
}

fn retained(line: u32) -> ShippedCore {
    ShippedCore { scenario: "retained", line }
}

#[test]
fn the_next_session_reads_what_this_one_wrote() {
    for line in LINES {
        let place = Place::with(retained(line));
        let (expected, messages) = place.run(&["-e", QUESTIONS]);
        assert!(expected.contains("suspect 1:") && expected.contains("referred to by"), "{expected}");
        assert!(!place.index().exists() && !messages.contains("index"), "nobody asked for it: {messages}");

        let (first, messages) = place.run(&["-o", "cache", "-e", QUESTIONS]);
        assert_eq!(first, expected, "Node.js {line}");
        assert!(messages.contains("index written to "), "{messages}");
        let written = fs::metadata(place.index()).unwrap();

        let (second, messages) = place.run(&["-o", "cache", "-e", QUESTIONS]);
        assert_eq!(second, expected, "Node.js {line}");
        assert!(messages.contains("index read from ") && !messages.contains("not used"), "{messages}");
        assert!(!messages.contains("written"), "there is nothing new: {messages}");
        assert_eq!(fs::metadata(place.index()).unwrap().ino(), written.ino());
        assert_eq!(place.files(place.directory.path()), ["core.zst", "core.zst.v8mdb-index", "home"]);
        assert!(place.files(&place.home()).is_empty());
    }
}

/// One session asks one thing, the next another: both find both.
#[test]
fn sessions_add_to_the_index() {
    let place = Place::with(retained(22));
    let (kinds, _) = place.run(&["-o", "cache", "-e", "::findjsobjects"]);
    let small = fs::metadata(place.index()).unwrap().len();
    let (leaks, messages) = place.run(&["-e", "::set -o cache", "-e", "::jsleaks"]);
    assert!(messages.contains("index read from ") && messages.contains("index written to "), "{messages}");
    assert!(fs::metadata(place.index()).unwrap().len() > small);
    let (both, messages) = place.run(&["-o", "cache", "-e", "::findjsobjects", "-e", "::jsleaks"]);
    assert_eq!(both, kinds + &leaks);
    assert!(!messages.contains("written"), "{messages}");
    let (status, _) =
        place.run(&["-o", "cache", "-e", "::findjsobjects ! cat > /dev/null", "-e", "::status"]);
    let line = status.lines().find(|line| line.starts_with("index: ")).unwrap();
    assert!(
        line.contains("core.zst.v8mdb-index (")
            && line.ends_with("of it read: objects, kinds, roots, graph, reached, garbage"),
        "{line}"
    );
}

/// What was computed before the option was set counts too.
#[test]
fn the_option_may_be_set_last_of_all() {
    let place = Place::with(retained(26));
    let (_, messages) = place.run(&["-e", "::findjsobjects", "-e", "::set -o cache"]);
    assert!(messages.contains("index written to "), "{messages}");
    let (_, messages) = place.run(&["-e", "::findjsobjects", "-e", "::set -o cache"]);
    assert!(!messages.contains("index"), "nothing was read, and nothing is new: {messages}");
    let (_, messages) =
        place.run(&["-o", "cache", "-e", "::findjsobjects", "-e", "::jsleaks; ::set +o cache"]);
    assert!(messages.contains("index read") && !messages.contains("written"), "{messages}");
}

#[test]
fn a_damaged_index_is_told_and_replaced() {
    let place = Place::with(retained(24));
    let (expected, _) = place.run(&["-o", "cache", "-e", QUESTIONS]);
    let whole = fs::read(place.index()).unwrap();
    // The header; then the first bytes of sections, which start at multiples of 4096.
    let sections = (4096..whole.len()).step_by(4096).filter(|at| whole[at - 8..*at] == [0; 8]);
    let places: Vec<usize> = [0, 9, 13, 20, 40, 100].into_iter().chain(sections.step_by(5).take(6)).collect();
    assert!(places.len() > 9, "{places:?}");
    for at in places {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(place.index(), bytes).unwrap();
        let (answers, messages) = place.run(&["-o", "cache", "-e", QUESTIONS]);
        assert_eq!(answers, expected, "byte {at}");
        assert!(messages.contains("not used") && messages.contains("index written"), "{at}: {messages}");
        assert_eq!(fs::read(place.index()).unwrap().len(), whole.len(), "byte {at}");
    }
    for length in [0, 7, 50, 200, 5000, whole.len() / 2, whole.len() - 1] {
        fs::write(place.index(), &whole[..length]).unwrap();
        let (answers, messages) = place.run(&["-o", "cache", "-e", QUESTIONS]);
        assert_eq!(answers, expected, "{length} bytes");
        assert!(messages.contains("not used") && messages.contains("index written"), "{length}: {messages}");
    }
    let (_, messages) = place.run(&["-o", "cache", "-e", QUESTIONS]);
    assert!(!messages.contains("not used"), "{messages}");
}

#[test]
fn the_index_of_another_core_is_not_used() {
    let (place, other) = (Place::with(retained(24)), Place::with(retained(26)));
    let (expected, _) = place.run(&["-e", "::findjsobjects"]);
    other.run(&["-o", "cache", "-e", "::findjsobjects"]);
    fs::copy(other.index(), place.index()).unwrap();
    let (answers, messages) = place.run(&["-o", "cache", "-e", "::findjsobjects"]);
    assert_eq!(answers, expected);
    assert!(messages.contains("not used: it was made for another core"), "{messages}");

    // The same bytes at another time: somebody has put another file in place of the core, for all that can be told.
    let file = fs::File::options().write(true).open(place.core()).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let (answers, messages) = place.run(&["-o", "cache", "-e", "::findjsobjects"]);
    assert_eq!(answers, expected);
    assert!(messages.contains("made for another core") && messages.contains("index written"), "{messages}");
}

/// Where the directory of the core cannot be written to, the user's own serves.
#[test]
fn the_cache_directory_serves_where_nothing_can_be_written() {
    let place = Place::with(retained(22));
    fs::set_permissions(place.directory.path(), Permissions::from_mode(0o555)).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        // The superuser may write anywhere.
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            command.uid(65534).gid(65534);
        }
        texts(command.output().unwrap())
    };
    let (expected, messages) = run(&["-o", "cache", "-e", QUESTIONS]);
    let own = place.home().join("v8mdb");
    let names = place.files(&own);
    assert!(names.len() == 1 && names[0].ends_with(".index"), "{names:?} {messages}");
    assert!(messages.contains(&format!("index written to {}", own.display())), "{messages}");
    let (answers, messages) = run(&["-o", "cache", "-e", QUESTIONS]);
    assert_eq!(answers, expected);
    assert!(messages.contains(&format!("index read from {}", own.display())), "{messages}");
    assert!(!place.index().exists());
    fs::set_permissions(place.directory.path(), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn sessions_that_end_together_leave_one_whole_index() {
    let place = Place::with(retained(22));
    let (expected, _) = place.run(&["-e", QUESTIONS]);
    let sessions: Vec<_> = (0..4)
        .map(|_| {
            let mut command = place.command(&["-o", "cache", "-e", QUESTIONS]);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for session in sessions {
        assert_eq!(texts(session.wait_with_output().unwrap()).0, expected);
    }
    assert_eq!(place.files(place.directory.path()), ["core.zst", "core.zst.v8mdb-index", "home"]);
    let (answers, messages) = place.run(&["-o", "cache", "-e", QUESTIONS]);
    assert_eq!(answers, expected);
    assert!(messages.contains("index read") && !messages.contains("written"), "{messages}");
}

#[test]
fn a_restricted_session_reads_and_writes_no_index() {
    let place = Place::with(retained(22));
    let (expected, messages) = place.run(&["-o", "restricted", "-o", "cache", "-e", "::findjsobjects"]);
    assert!(!place.index().exists() && messages.is_empty(), "{messages}");
    fs::write(place.index(), "no index").unwrap();
    let (answers, messages) = place.run(&["-o", "restricted", "-o", "cache", "-e", "::findjsobjects"]);
    assert_eq!((answers, messages), (expected, String::new()));
}
