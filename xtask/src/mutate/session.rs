//! A session on a damaged core: what is asked, and what must hold of the answers.
//!
//! Whatever is wrong with the core, the debugger ends by itself, in bounded time and memory, with a status that says whether it could
//! read anything; prints nothing that steers a terminal; and writes JSON that strict readers take.

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use shell::output::is_safe;

/// No session may take more seconds of a processor's time,
pub const MOST_SECONDS: u64 = 60;
/// nor more address space,
pub const MOST_MEMORY_MB: u64 = 2000;
/// nor wait for longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is asked of every core: a family in each line.
pub const FAMILIES: [&str; 16] = [
    "::status; ::nodeinfo -v; ::mappings; ::files; ::threads; $C; ::auxv; ::getenv; ::dmods",
    "::findjsobjects; ::findjsobjects -d -v; ::findjsobjects -j",
    "::findjsobjects | ::jsprint -d 2; ::findjsobjects | ::head -100 | ::jsprint -j -d 3; ::findjsobjects | ::jsconstructor",
    "::findjsobjects | ::v8print; ::findjsobjects | ::v8map; ::findjsobjects | ::v8whatis; ::findjsobjects | ::whatis",
    "::jsfunctions; ::jsfunctions -j -m; ::jsfunctions | ::jssource -n 1; ::jsfunctions | ::head -100 | ::jsclosure; ::jsfunctions | ::v8code",
    "::jsscripts -v; ::jsscripts -j; ::jsscripts | ::jssource -n 3",
    "::jsstrings; ::jsstrings -d; ::jsstrings -j -p node; ::walk jsstring | ::head -500 | ::v8str",
    "::jsbuffers -v; ::jsbuffers -j; ::v8spaces -v; ::v8spaces -j; ::v8pages; ::v8classes",
    "::findjsobjects | ::head -20 | ::jsfindrefs; ::findjsobjects | ::head -20 | ::findjsobjects -r",
    "::jsleaks; ::jsdominators; ::findjsobjects -R | ::head -50; ::findjsobjects | ::head -20 | ::jspath",
    "::findjsobjects | ::group constructor.name; ::findjsobjects | ::where 'length > 1' | ::count; ::jsstack -v",
    "::findjsobjects | ::findjsobjects | ::head -1000 | ::json -d 2",
    "::jspromises; ::jspromises -g -j; ::jsmicrotasks; ::jsmicrotasks -j; ::jsworkers; ::jsworkers -j; ::uvloop; ::uvloop -j; ::jsasync -b",
    "::jsasync; ::jsasync -j; ::jstimers; ::jstimers -j; ::jshandles -a -v; ::jshandles -a -j; ::jsrequests; ::jsrequests -j; ::jshttp; ::jshttp -g -j",
    "::ledger; ::ledger -j; ::malloc; ::malloc -s; ::malloc -c; ::findleaks; ::findleaks -v -j; ::walk freed | ::head -500 | ::whatis",
    "::report; ::report -j; ::report -v; ::jsoddities; ::jsoddities -j",
];

/// How a session ended.
#[derive(Debug)]
pub enum Ended {
    /// It could open the core,
    Answered,
    /// or said why not.
    Refused,
    /// What must not be.
    Wrong(&'static str, String),
}

/// Asks a core, and checks the answers.
pub fn ask(executable: &Path, core: &Path, commands: &str) -> Result<Ended> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", "ulimit -v \"$1\"; ulimit -t \"$2\"; shift 2; exec \"$@\"", "sh"])
        .args([MOST_MEMORY_MB * 1024, MOST_SECONDS].map(|bound| bound.to_string()))
        .arg(executable)
        .args(["-S", "-o", "restricted"])
        .arg(core)
        .env("HOME", "/nonexistent")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run the debugger")?;
    if let Some(mut stdin) = child.stdin.take() {
        // It may end before it has read them.
        let _ = stdin.write_all(commands.replace("; ", "\n").as_bytes());
    }
    let read = |stream: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(stream) = stream {
                let _ = stream.take(1 << 28).read_to_end(&mut bytes);
            }
            bytes
        })
    };
    let stdout = read(child.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>));
    let stderr = read(child.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>));
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(Ended::Wrong("it did not end", String::new()));
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let (Ok(stdout), Ok(stderr)) = (stdout.join(), stderr.join()) else { bail!("a reader panicked") };
    let messages = String::from_utf8_lossy(&stderr).into_owned();
    if let Some(signal) = status.signal() {
        return Ok(Ended::Wrong("it was killed", format!("signal {signal}: {messages}")));
    }
    if !matches!(status.code(), Some(0 | 1))
        || messages.contains("panicked")
        || messages.contains("internal error")
    {
        return Ok(Ended::Wrong("it panicked", messages));
    }
    for bytes in [&stdout, &stderr] {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Ok(Ended::Wrong("it printed what is no UTF-8", String::new()));
        };
        if let Some(c) = text.chars().find(|c| !is_safe(*c) && !matches!(c, '\n' | '\t')) {
            return Ok(Ended::Wrong("it printed a control character", format!("{c:?}")));
        }
    }
    for line in String::from_utf8_lossy(&stdout).lines().filter(|line| line.starts_with("{\"")) {
        if let Err(error) = serde_json::from_str::<serde_json::Value>(line) {
            return Ok(Ended::Wrong("it printed wrong JSON", format!("{error}: {line}")));
        }
    }
    Ok(match (status.code(), stdout.is_empty()) {
        (Some(1), true) if !messages.is_empty() => Ended::Refused,
        (Some(1), true) => Ended::Wrong("it failed without a word", messages),
        (_, true) if messages.is_empty() => Ended::Wrong("it succeeded without a word", messages),
        _ => Ended::Answered,
    })
}
