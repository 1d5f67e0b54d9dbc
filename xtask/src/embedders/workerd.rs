//! workerd, whose pointers are compressed: `kinds` runs in a worker, and V8 writes its snapshot over the inspector.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use test_support::scenarios::workerd;

use crate::judgement::{self, Judgement};
use crate::take_core::{self, Running};
use crate::{node_release, places};

/// A release for each V8 that Node.js has and that workerd has had, with its version (workerd: `build/deps/v8.MODULE.bazel`).
pub const RELEASES: &[(&str, &str)] = &[
    ("1.20240925.0", "12.9.202.13"),
    ("1.20250507.0", "13.6.233.6"),
    ("1.20251001.0", "14.1.146.1"),
    ("1.20260401.1", "14.6.202.11"),
];
const PACKAGE: &str = "@cloudflare/workerd-linux-64";
/// The one of which a core ships.
pub const SHIPPED: (&str, &str) = RELEASES[2];
/// A release of Node.js with `WebSocket`.
const WITH_WEB_SOCKET: &str = "24.21.0";
/// How long workerd may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the worker answers when all is there.
const ANSWER: &str = "every kind of value, sessions 1003";

/// Modules that `kinds` asks for and workerd does not have, or not in every release.
const ALONE: [&str; 4] = ["vm", "./hold", "events", "crypto"];
/// `kinds` in workerd.
pub fn judge(executable: &Path, (release, v8): (&str, &str), keep: bool) -> Result<Judgement> {
    let directory = take_core::directory_of("kinds", &format!("workerd-{release}"));
    let binary = binary(release)?;
    take(&binary, (release, v8), &directory)?;
    let judgement = judgement::judge_kinds(executable, &directory, workerd::facts()?, true);
    if !keep {
        fs::remove_dir_all(&directory)?;
    }
    judgement
}

/// The binary of a release.
pub fn binary(release: &str) -> Result<PathBuf> {
    node_release::package_file(PACKAGE, release, "bin/workerd")
}

/// Takes the core, with V8's snapshot and what is known of the process.
pub fn take(binary: &Path, (release, v8): (&str, &str), directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    fs::create_dir_all(directory)?;
    let scenarios = places::scenarios();
    for name in ["worker.js", "alone.js"] {
        fs::copy(scenarios.join("workerd").join(name), directory.join(name))?;
    }
    let mut program = fs::read_to_string(scenarios.join("kinds.js"))?;
    for module in ALONE {
        program = program.replace(&format!("require('{module}')"), "require('./alone')");
    }
    fs::write(directory.join("kinds.js"), program)?;
    let (port, inspector) = (free_port()?, free_port()?);
    let digits =
        release.split('.').nth(1).filter(|date| date.len() == 8).context("no date in the release")?;
    let date = format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..]);
    let configuration = fs::read_to_string(scenarios.join("workerd/config.capnp"))?;
    let configuration = configuration.replace("PORT", &port.to_string()).replace("DATE", &date);
    fs::write(directory.join("config.capnp"), configuration)?;

    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -c unlimited && exec \"$0\" serve config.capnp --inspector-addr=\"$1\""]);
    shell.arg(binary).arg(format!("127.0.0.1:{inspector}"));
    shell.env_clear().current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = Running(shell.spawn().context("cannot run workerd")?);
    let answer = served(port)?;
    ensure!(answer.ends_with(ANSWER), "the worker answered {answer:?}");
    let status = Command::new(node_release::executable(WITH_WEB_SOCKET)?)
        .arg(scenarios.join("workerd/snapshot.mjs"))
        .arg(format!("ws://127.0.0.1:{inspector}/main"))
        .arg(directory.join("v8.heapsnapshot"))
        .status();
    ensure!(status.context("cannot run node")?.success(), "V8 wrote no snapshot");
    let report = json!({ "versions": { "v8": v8 }, "pid": process.0.id(), "workers": 0, "stragglers": 0 });
    fs::write(directory.join("process.json"), report.to_string())?;
    // It handles the signals of a crash itself.
    take_core::signalled(&mut process, "XCPU", directory)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// What the worker answers, as soon as it does.
fn served(port: u16) -> Result<String> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let start = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(error) => ensure!(start.elapsed() < PATIENCE, "workerd does not answer: {error}"),
        }
        sleep(Duration::from_millis(100));
    }
}
