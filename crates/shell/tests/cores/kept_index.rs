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
        command.env("XDG_STATE_HOME", self.home().join("state"));
        command
    }

    fn run(&self, arguments: &[&str]) -> (String, String) {
        texts(self.command(arguments).output().unwrap())
    }

    /// With the key of another place's user.
    fn run_as_user_of(&self, other: &Place, arguments: &[&str]) -> (String, String) {
        let mut command = self.command(arguments);
        command.env("XDG_STATE_HOME", other.home().join("state"));
        texts(command.output().unwrap())
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
        assert_eq!(place.files(&place.home()), ["state"], "the key, and nothing else");
        assert_eq!(written.mode() & 0o777, 0o600);
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
    assert!(messages.contains("not used: this user's v8mdb did not write it"), "another key: {messages}");
    // The same user's, then.
    other.run_as_user_of(&place, &["-o", "cache", "-e", "::findjsobjects"]);
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

/// Whatever somebody has put in the place of the index: it is neither read, nor followed, nor changed.
#[test]
fn what_others_have_put_there_stays_as_it_is() {
    let place = Place::with(retained(24));
    let (expected, _) = place.run(&["-e", QUESTIONS]);
    let secret = place.directory.path().join("secret");
    fs::write(&secret, "the user's own").unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    let unchanged = || {
        assert_eq!(fs::read(&secret).unwrap(), b"the user's own");
        assert_eq!(fs::metadata(&secret).unwrap().mode() & 0o777, 0o600);
    };
    let elsewhere = |messages: &str| {
        assert!(messages.contains(&format!("written to {}", place.home().display())), "{messages}");
        fs::remove_dir_all(place.home().join("v8mdb")).unwrap();
    };
    std::os::unix::fs::symlink(&secret, place.index()).unwrap();
    let (answers, messages) = place.run(&["-o", "cache", "-e", QUESTIONS]);
    assert_eq!(answers, expected);
    unchanged();
    assert!(fs::symlink_metadata(place.index()).unwrap().is_symlink());
    elsewhere(&messages);
    fs::remove_file(place.index()).unwrap();

    // A pipe would wait for a writer for ever.
    let made = Command::new("mkfifo").arg(place.index()).status().unwrap();
    assert!(made.success());
    let (answers, messages) = place.run(&["-o", "cache", "-e", QUESTIONS]);
    assert_eq!(answers, expected);
    elsewhere(&messages);
    fs::remove_file(place.index()).unwrap();

    // One that everybody may write to.
    place.run(&["-o", "cache", "-e", QUESTIONS]);
    fs::set_permissions(place.index(), Permissions::from_mode(0o666)).unwrap();
    let (answers, messages) = place.run(&["-o", "cache", "-e", "::findjsobjects"]);
    assert!(expected.starts_with(&answers), "{answers}");
    assert!(messages.contains("not used: it cannot be read: others may write it"), "{messages}");
    fs::set_permissions(place.index(), Permissions::from_mode(0o600)).unwrap();
    // One of another user, which only the superuser can make.
    if std::os::unix::fs::chown(place.index(), Some(65534), None).is_ok() {
        let before = fs::read(place.index()).unwrap();
        let (answers, messages) = place.run(&["-o", "cache", "-e", QUESTIONS]);
        assert_eq!(answers, expected);
        assert!(messages.contains("it belongs to another user"), "{messages}");
        elsewhere(&messages);
        assert_eq!(fs::read(place.index()).unwrap(), before);
    }
}

/// Everything in the index that bytes can be changed in, with all that anybody can compute computed anew: no answer changes.
#[test]
fn wrong_contents_change_no_answer() {
    let place = Place::with(retained(22));
    let (expected, _) = place.run(&["-o", "cache", "-e", QUESTIONS]);
    let whole = fs::read(place.index()).unwrap();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |most: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % most
    };
    for round in 0..24 {
        let mut bytes = whole.clone();
        for _ in 0..1 + random(4) {
            let at = 4096 + 4 * random((bytes.len() - 4096) / 4 - 8);
            match round % 3 {
                // Another number, the number of a neighbour, or a neighbour's place.
                0 => bytes[at] ^= 1 << random(8),
                1 => bytes.copy_within(at + 4..at + 8, at),
                _ => bytes.copy_within(at..at + 4, 4096 + 4 * random((whole.len() - 4096) / 4 - 8)),
            }
        }
        fs::write(place.index(), &bytes).unwrap();
        let (answers, messages) = place.run(&["-o", "cache", "-e", QUESTIONS]);
        assert_eq!(answers, expected, "round {round}");
        assert!(bytes == whole || messages.contains("not used"), "round {round}: {messages}");
    }
}
