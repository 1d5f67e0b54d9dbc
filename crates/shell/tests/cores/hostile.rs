//! A program full of text that means harm (`testdata/scenarios/hostile.js`): nothing of it reaches a terminal, a line of JSON, a file
//! or a file's name, and nothing is opened because it says so.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use shell::dcmds::ALL;
use shell::output::is_safe;
use shell::walkers::WALKERS;
use test_support::scenarios::{shipped, testdata};

fn core() -> PathBuf {
    shipped::with_ending(shipped::hostile(), "core.zst")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_v8mdb"));
    command.arg("-S").args(arguments).arg(core()).env("HOME", "/nonexistent").env_remove("PAGER");
    command
}

fn run(arguments: &[&str], lines: &str) -> Output {
    let output = command(arguments).args(["-e", lines]).output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{lines}: {:?}", output.status);
    output
}

/// Lines of one session, which go on whatever becomes of one.
fn session(lines: &[String]) -> Output {
    let mut child =
        command(&[]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stdin, lines) = (child.stdin.take().unwrap(), lines.join("\n"));
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{:?}", output.status);
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// No character of either stream steers a terminal.
fn check(lines: &str, output: &Output) {
    for bytes in [&output.stdout, &output.stderr] {
        let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{lines}: {error}"));
        assert!(!text.contains("panicked"), "{lines}: {text}");
        for line in text.split('\n') {
            let bad = line.chars().find(|c| !is_safe(*c) && *c != '\t');
            assert!(bad.is_none(), "{lines}: {bad:?} in {line:?}");
        }
    }
}

/// What leads to every object that the program has made, and to all strings, functions and scripts.
const SOURCES: [&str; 6] = [
    "::findjsobjects | ::findjsobjects",
    "::findjsobjects -c Hostile | ::findjsobjects",
    "::walk jsstring",
    "::jsfunctions -l",
    "::jsscripts",
    "::findjsobjects -c Error | ::findjsobjects",
];

/// Every dcmd that takes nothing, and every one that takes values, on all of them.
#[test]
fn nothing_steers_the_terminal() {
    // Those that start programs, write files, leave, or take as long as they are told.
    const LEFT_OUT: [&str; 9] = ["quit", "savecore", "heapsnapshot", "log", "cat", "$<", "eval", "!", "diff"];
    let mut lines = Vec::new();
    for dcmd in ALL.iter().filter(|dcmd| !LEFT_OUT.contains(&dcmd.name)) {
        let name = match dcmd.name {
            name if name.starts_with(|c: char| c.is_ascii_alphabetic()) => format!("::{name}"),
            name => name.to_owned(),
        };
        lines.push(name.clone());
        lines.extend(SOURCES.iter().map(|source| format!("{source} | ::head -200 | {name}")));
    }
    for walker in WALKERS {
        lines.push(format!("::walk {}", walker.name));
        lines.push(format!("{} | ::head -50 | ::walk {}", SOURCES[1], walker.name));
    }
    let more = [
        "::findjsobjects -c Hostile | ::findjsobjects | ::jsprint -d 9",
        "::findjsobjects -c Hostile | ::findjsobjects | ::jsprint -a -d 9",
        "::jsfunctions | ::jssource",
        "::jsfunctions -v",
        "::jsscripts -v",
        "::jsscripts | ::head -40 | ::jssource",
        "::findjsobjects -a -v",
        "::jsstrings -s",
        "::jsstrings -d",
        "::jsstrings -r .",
        "::findjsobjects -c Hostile | ::findjsobjects -r",
        "::jsleaks -v",
        "::findjsobjects -c Error | ::jsprint stack",
        "::findjsobjects | ::group constructor.name",
        "::status -v",
        "::nodeinfo -v",
    ];
    lines.extend(more.map(str::to_owned));
    let output = session(&lines);
    check("a session of all dcmds", &output);
    assert!(output.stdout.len() > 1_000_000, "{}", output.stdout.len());
}

/// Every line of JSON is one for a strict reader.
#[test]
fn json_is_for_strict_readers() {
    let mut lines: Vec<String> = Vec::new();
    for dcmd in ALL
        .iter()
        .filter(|dcmd| dcmd.options.iter().any(|option| option.letter == 'j') && dcmd.name != "diff")
    {
        lines.push(format!("::{} -j", dcmd.name));
        lines.extend(SOURCES.iter().map(|source| format!("{source} | ::head -300 | ::{} -j", dcmd.name)));
    }
    lines.extend(SOURCES.iter().map(|source| format!("{source} | ::json -d 5")));
    lines.extend([
        "::jsstrings -s -j".to_owned(),
        "::jsstrings -d -j".to_owned(),
        "::jsfunctions -m -j".to_owned(),
        "::findjsobjects -a -j".to_owned(),
        "::findjsobjects -c Hostile | ::findjsobjects | ::jsprint -j -d 9".to_owned(),
        "::walk jsstring | ::group -j length".to_owned(),
        "::walk jsstring | ::json".to_owned(),
        format!("::diff -ksotbm -j -a {}", testdata().join("cores/leak-24.core.zst").display()),
    ]);
    let output = session(&lines);
    check("a session of JSON", &output);
    let (mut read, mut hostile) = (0, 0);
    for json in text(&output.stdout).lines().filter(|json| json.starts_with('{')) {
        let value: Result<Value, _> = serde_json::from_str(json);
        assert!(value.is_ok(), "{:?}: {json}", value.err());
        read += 1;
        hostile += u32::from(json.contains("\\u009b"));
    }
    assert!(read > 5000 && hostile > 100, "{read} lines, {hostile} with what was escaped");
}

/// The same on a terminal, where text is coloured, paged and fitted.
#[test]
fn nothing_steers_a_real_terminal() {
    use expectrl::Expect;
    let mut command = command(&[]);
    command.env("TERM", "xterm");
    for line in [
        "::findjsobjects",
        "::jsscripts -v",
        "::jsstrings -s",
        "::findjsobjects -c Hostile | ::findjsobjects | ::jsprint -d 3",
        "::walk jsstring | ::v8str -r",
        "::jsscripts | ::head -40 | ::jssource -r",
    ] {
        command.args(["-e", line]);
    }
    let mut session = expectrl::Session::spawn(command).unwrap();
    session.set_expect_timeout(Some(std::time::Duration::from_secs(300)));
    let shown = session.expect(expectrl::Eof).unwrap();
    let seen = shown.as_bytes();
    let text = String::from_utf8_lossy(seen);
    assert!(text.contains("Hostile"), "{text}");
    assert!(text.contains("\x1b[32m\""), "strings are green: {text}");
    for bad in [
        "\x1b]52",
        "\x1b]8;;",
        "\x1b]0;",
        "\x1b[2J",
        "\x1bP",
        "\u{9b}",
        "\u{202e}",
        "\u{200b}",
        "\u{e0041}",
        "\u{7f}",
    ] {
        assert!(!text.contains(bad), "{bad:?} is in the output");
    }
}

/// A directory that is the user's own in all that the program may open.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        Home(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

const MAPPED: &str = "::findjsobjects -c Mapped | ::findjsobjects | ::jsprint; ::jsfunctions -m -j; \
     ::jsfunctions | ::jssource -m; ::jsfunctions | ::jsfunction -m; ::jsfunctions | ::jsclosure -m";

/// The sources that maps name are read below the directories that the user names, and nowhere else; whether they are there is not told.
#[test]
fn source_maps_open_nothing() {
    let told = |arguments: &[&str]| {
        let output = run(arguments, MAPPED);
        check(MAPPED, &output);
        format!("{}{}", text(&output.stdout), text(&output.stderr))
    };
    let home = Home::new();
    let root = home.path("").to_str().unwrap().to_owned();
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let user = users.lines().next().unwrap();
    for arguments in [&[][..], &["-o", "restricted"], &["-R", &root]] {
        let told = told(arguments);
        for secret in [user, "No such file", "Permission denied"] {
            assert!(!told.contains(secret), "{arguments:?}: {secret} in {told}");
        }
        let reasons: Vec<&str> = told.lines().filter(|line| line.contains("cannot be read")).collect();
        assert!(!reasons.is_empty(), "{told}");
    }
    // A file of that name in the user's own directory is read.
    fs::create_dir_all(home.path("etc")).unwrap();
    fs::write(home.path("etc/passwd"), "the source of the map\n").unwrap();
    assert!(told(&["-R", &root]).contains("the source of the map"));
    assert!(told(&["--sources", &root]).contains("the source of the map"));
    assert!(!told(&["-o", "restricted", "-R", &root]).contains("the source of the map"));
}

/// All files that a session opens are those that the user named, and those that the system needs to run any program.
#[test]
fn no_file_is_opened_that_the_user_did_not_name() {
    let home = Home::new();
    let path = |name: &str| home.path(name).to_str().unwrap().to_owned();
    let log = home.path("strace");
    let named = |path: PathBuf| fs::canonicalize(path).unwrap().to_str().unwrap().to_owned();
    let shipped = named(core());
    let other = named(testdata().join("cores/leak-24.core.zst"));
    // Its index is written beside it.
    fs::copy(core(), home.path("own.core.zst")).unwrap();
    let sources = home.path("sources");
    fs::create_dir(&sources).unwrap();
    let usual = "::jsscripts -v; ::jsstrings -d; ::findjsobjects; ::jsleaks; ::nodeinfo -v; ::status";
    let difference = format!("::diff -ksotb {other}; ::diff -j -t {other}");
    // Arguments, the core, lines, and what else the user has named.
    let sessions: [(&[&str], &str, &str, &str); 7] = [
        (&[], &shipped, usual, ""),
        (&["-o", "restricted"], &shipped, usual, ""),
        (&["-R", "/nonexistent"], &shipped, usual, ""),
        (&["--sources", sources.to_str().unwrap()], &shipped, usual, ""),
        // Writes an index, and reads it again.
        (&["-o", "cache"], &path("own.core.zst"), usual, ""),
        (&["-o", "cache"], &path("own.core.zst"), usual, ""),
        (&[], &shipped, &difference, &other),
    ];
    for (arguments, core, lines, named) in sessions {
        let traced = Command::new("strace")
            .args(["-f", "-qq", "-s", "4096", "-e", "trace=%file,connect,socket,execve"])
            .arg("-o")
            .arg(&log)
            .args([env!("CARGO_BIN_EXE_v8mdb"), "-S"])
            .args(arguments)
            .args([core, "-e", MAPPED, "-e", lines])
            // Where cargo has the loader look.
            .env_remove("LD_LIBRARY_PATH")
            .env_remove("PAGER")
            .env("HOME", home.path(""))
            .env("TMPDIR", home.path(""))
            .output();
        let Ok(traced) = traced else {
            // Told, as nothing was shown.
            eprintln!("strace is not installed: which files are opened was not looked at");
            return;
        };
        if !Path::new(&log).exists() || fs::metadata(&log).unwrap().len() == 0 {
            eprintln!("strace may not trace here: {}", text(&traced.stderr));
            return;
        }
        let calls = fs::read_to_string(&log).unwrap();
        let own = env!("CARGO_BIN_EXE_v8mdb");
        // Of the system, whatever is debugged: the loader and its libraries, its processors and memory, clocks, terminals.
        let system = [
            "/lib",
            "/usr/lib/x86_64-linux-gnu/",
            "/usr/lib/locale",
            "/usr/share/zoneinfo",
            "/usr/share/terminfo",
            "/etc/ld.so",
            "/etc/localtime",
            "/etc/timezone",
            "/sys/fs/cgroup",
            "/sys/devices/system/cpu",
            "/proc/self/",
            "/proc/cpuinfo",
            "/dev/null",
            "/dev/tty",
            "/lib64",
        ];
        // The files of the process itself, which are verified by build-id or headers before anything is read of them.
        let process = ["/tmp/v8mdb-stage", "/usr/lib/debug/.build-id/", "/nonexistent"];
        let mut opened = 0;
        for call in calls.lines() {
            assert!(!call.contains("socket(") && !call.contains("connect("), "{call}");
            let Some(path) = call.split('"').nth(1).filter(|path| !path.is_empty()) else { continue };
            opened += 1;
            let is_allowed = path == own
                || path == core
                || path == named
                || path.starts_with(home.path("").to_str().unwrap())
                // The way to what the user has named.
                || [core, named, &other, home.path("").to_str().unwrap()]
                    .iter()
                    .any(|file| file.starts_with(path))
                || system.iter().chain(&process).any(|allowed| path.starts_with(allowed));
            assert!(is_allowed, "{arguments:?}: {call}");
            // What the core names is looked for below the folders that the user named, and only there.
            let is_below = sources.to_str().is_some_and(|sources| path.starts_with(sources));
            let is_of_core = path.starts_with("/nonexistent/x.map") || path.contains("fifo");
            assert!(!is_of_core || is_below, "{call}");
        }
        assert!(opened > 3, "{calls}");
        let told = text(&traced.stdout);
        assert!(told.contains(if named.is_empty() { "suspect" } else { "{\"" }), "{arguments:?}: {told}");
    }
    assert!(home.path("own.core.zst.v8mdb-index").is_file());
}

/// Names of files that the core would like to be written come from the user alone, and are private.
#[test]
fn what_is_written_is_private_and_where_the_user_says() {
    let home = Home::new();
    let path = |name: &str| home.path(name).to_str().unwrap().to_owned();
    let lines = format!(
        "::savecore -t {}; ::heapsnapshot {}; ::log {}; ::findjsobjects; ::log -d",
        path("copy.core.zst"),
        path("a.heapsnapshot"),
        path("log")
    );
    let output = run(&[], &lines);
    check(&lines, &output);
    let mut names: Vec<String> = fs::read_dir(home.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["a.heapsnapshot", "copy.core.zst", "log"], "{}", text(&output.stderr));
    for name in &names {
        assert_eq!(fs::metadata(home.path(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    check("the log", &Output { stdout: fs::read(home.path("log")).unwrap(), ..output });
    // V8's own snapshots hold nothing but ASCII, which every reader takes.
    let snapshot = fs::read(home.path("a.heapsnapshot")).unwrap();
    assert!(serde_json::from_slice::<Value>(&snapshot).is_ok());
    assert!(
        snapshot.iter().all(|byte| byte.is_ascii() && (*byte >= 0x20 || *byte == b'\n') && *byte != 0x7f)
    );
}
