//! Chromium's headless shell, whose V8 is in a sandbox: `kinds` runs in a page, and V8 writes its snapshot over the inspector.

use std::fs;
use std::net::TcpListener;
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

/// The release that is judged, with the version of its V8.
pub const RELEASE: (&str, &str) = ("141.0.0", "14.1.146.0");
/// Has the shell as one compressed file.
const PACKAGE: &str = "@sparticuz/chromium";
/// A release of Node.js with `WebSocket`.
const WITH_WEB_SOCKET: &str = "24.21.0";
/// How long a core may take to be written: the kernel looks at every page of the terabyte that a sandbox is.
const PATIENCE: Duration = Duration::from_secs(400);
/// What the page answers when all is there.
const ANSWER: &str = "every kind of value, sessions 1003";
/// A page alone, without the sandbox of processes (that of V8 is another), and without what a machine without screen lacks.
const OPTIONS: [&str; 7] = [
    "--headless",
    "--no-sandbox",
    "--no-zygote",
    "--disable-gpu",
    "--disable-breakpad",
    "--disable-dev-shm-usage",
    "--enable-features=SharedArrayBuffer",
];

/// `kinds` in a page.
pub fn judge(executable: &Path, keep: bool) -> Result<Judgement> {
    let directory = take_core::directory_of("kinds", &format!("chromium-{}", RELEASE.0));
    take(&directory)?;
    let judgement = judgement::judge_kinds(executable, &directory, workerd::facts()?, false);
    if !keep {
        fs::remove_dir_all(&directory)?;
    }
    judgement
}

/// The shell.
fn binary() -> Result<PathBuf> {
    let packed = node_release::package_file(PACKAGE, RELEASE.0, "bin/chromium.br")?;
    let binary = packed.with_extension("");
    if !binary.is_file() {
        let staging = packed.with_extension("part");
        let unpack = "const [from, to] = process.argv.slice(1), fs = require('fs'); \
                      fs.writeFileSync(to, require('zlib').brotliDecompressSync(fs.readFileSync(from)), { mode: 0o755 });";
        let node = node_release::executable(WITH_WEB_SOCKET)?;
        let status = Command::new(node).args(["-e", unpack]).arg(&packed).arg(&staging).status();
        ensure!(status.context("cannot run node")?.success(), "{} could not be unpacked", packed.display());
        fs::rename(&staging, &binary)?;
    }
    Ok(binary)
}

/// Takes the core of the page's process, with V8's snapshot and what is known of the process.
fn take(directory: &Path) -> Result<()> {
    let binary = binary()?;
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    fs::create_dir_all(directory)?;
    let scenarios = places::scenarios();
    fs::copy(scenarios.join("workerd/alone.js"), directory.join("alone.js"))?;
    for name in ["buffer.js", "page.js"] {
        fs::copy(scenarios.join("chromium").join(name), directory.join(name))?;
    }
    fs::copy(scenarios.join("kinds.js"), directory.join("kinds.js"))?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let profile = tempfile::tempdir()?;

    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -c unlimited && exec \"$0\" \"$@\""]).arg(binary).args(OPTIONS);
    shell.arg(format!("--user-data-dir={}", profile.path().display()));
    shell.arg(format!("--remote-debugging-port={port}")).args(["--remote-allow-origins=*", "about:blank"]);
    shell.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let process = Running(shell.spawn().context("cannot run Chromium")?);
    let driven = Command::new(node_release::executable(WITH_WEB_SOCKET)?)
        .arg(scenarios.join("chromium/drive.mjs"))
        .arg(port.to_string())
        .args([directory, &directory.join("v8.heapsnapshot")])
        .output()
        .context("cannot run node")?;
    let said = String::from_utf8_lossy(&driven.stderr);
    ensure!(driven.status.success(), "the program did not run in a page: {}", said.trim());
    let answer = String::from_utf8_lossy(&driven.stdout);
    ensure!(answer.trim() == ANSWER, "the page answered {answer:?}");

    let page = page_of(process.0.id())?;
    let report = json!({ "versions": { "v8": RELEASE.1 }, "pid": page, "workers": 0, "stragglers": 0 });
    fs::write(directory.join("process.json"), report.to_string())?;
    let sent = Command::new("kill").args(["-ABRT", &page.to_string()]).status()?;
    ensure!(sent.success(), "the process of the page is gone");
    let start = Instant::now();
    while is_running(page) {
        ensure!(start.elapsed() < PATIENCE, "the process of the page does not end");
        sleep(Duration::from_millis(100));
    }
    // The sandbox is a terabyte of nothing: what the kernel wrote has holes, and copying would read them.
    Ok(fs::rename(take_core::kernel_core(directory, page)?, directory.join("core"))?)
}

/// The process that runs the page of a browser.
fn page_of(browser: u32) -> Result<u32> {
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let is_child = fields_of(process).is_some_and(|fields| fields[1] == browser.to_string());
        let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if is_child && String::from_utf8_lossy(&arguments).contains("--type=renderer") {
            return Ok(process);
        }
    }
    anyhow::bail!("the browser has no process for its page")
}

fn is_running(process: u32) -> bool {
    fields_of(process).is_some_and(|fields| fields[0] != "Z")
}

/// What `/proc/PID/stat` says behind the name: state, parent, ...
fn fields_of(process: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, behind) = stat.rsplit_once(") ")?;
    let fields: Vec<String> = behind.split(' ').map(str::to_owned).collect();
    (fields.len() > 1).then_some(fields)
}
