//! `cargo xtask embedders`: the debugger on processes of other embedders of V8 than Node.js.
//!
//! | embedder | what is asked |
//! | --- | --- |
//! | Deno | `census` runs on it as a CommonJS module; the kernel's core is held against V8's own snapshots of the process, as far as objects live, and the program's facts, as `releases` does it |
//! | workerd | a worker with known objects runs in it; its pointers are compressed, so the core has to be refused, with what was found |
//!
//! Both come from npm. What Node.js alone has (its `Environment`, its handles and timers) is not asked of them.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::judgement::{self, Case, Judgement, OF_CENSUS, QUESTIONS};
use crate::scenario::Scenario;
use crate::take_core::{self, Request, Running, Start, Writer};
use crate::{build, node_release, places, support_matrix};

/// The release of Deno that is judged, and its package.
const DENO: &str = "2.9.6";
const DENO_PACKAGE: &str = "@deno/linux-x64-glibc";
/// The release of workerd whose cores are to be refused, and its package.
const WORKERD: &str = "1.20261117.1";
const WORKERD_PACKAGE: &str = "@cloudflare/workerd-linux-64";
/// What runs on Deno.
const SCENARIO: &str = "census";
/// How Deno runs a program of Node.js.
const OPTIONS: [&str; 3] = ["run", "-A", "--unstable-detect-cjs"];
/// Writes a snapshot, under a name that is not taken for one.
const WARM: &str = "import v8 from 'node:v8'; v8.writeHeapSnapshot('warm.json');";
/// Contexts beside that of `kinds`.
const CONTEXTS: u64 = 4;
/// Lines printed of each question that fails.
const SHOWN: usize = 8;
/// How long workerd may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A worker that keeps objects, and how workerd serves it.
const WORKER: &str = "
class Session { constructor(number) { this.number = number; this.name = 'session ' + number; } }
const sessions = globalThis.sessions = new Map();
for (let number = 0; number < 1003; number++) sessions.set('key ' + number, new Session(number));
export default { async fetch() { return new Response('sessions ' + sessions.size); } };
";
const CONFIGURATION: &str = r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [ (name = "main", worker = .sessions) ],
  sockets = [ (name = "http", address = "127.0.0.1:PORT", http = (), service = "main") ]
);
const sessions :Workerd.Worker = (
  modules = [ (name = "worker", esModule = embed "worker.js") ],
  compatibilityDate = "2026-01-01",
);
"#;

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (mut debugger, mut report, mut keep) = (None, None, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("debugger") => debugger = Some(PathBuf::from(arguments.value()?)),
            Long("report") => report = Some(PathBuf::from(arguments.value()?)),
            Long("keep") => keep = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let report =
        report.or_else(|| debugger.is_none().then(|| places::workspace().join("docs/support-matrix.md")));
    let executable = debugger.map_or_else(build::debugger, Ok)?.canonicalize()?;
    take_core::require_kernel_cores()?;

    let deno = deno(&executable, keep).unwrap_or_else(|error| Judgement::failed(&error));
    println!("Deno {DENO}: {} | {}", if deno.passes() { "ok" } else { "WRONG" }, deno.cells());
    for failure in deno.failures(SHOWN) {
        println!("    {failure}");
    }
    let refused = workerd(&executable);
    match &refused {
        Ok(said) => println!("workerd {WORKERD}: refused: {said}"),
        Err(error) => println!("workerd {WORKERD}: WRONG | {error:#}"),
    }
    if let Some(path) = &report {
        support_matrix::write(path, "embedders", &table(&deno, &refused))?;
        println!("wrote {}", path.display());
    }
    ensure!(deno.passes(), "the core of Deno is not read right");
    refused.map(drop)
}

/// `census` on Deno.
fn deno(executable: &Path, keep: bool) -> Result<Judgement> {
    let deno = node_release::package_file(DENO_PACKAGE, DENO, "deno")?;
    for program in ["kinds", SCENARIO] {
        let output = Command::new(&deno)
            .args(OPTIONS)
            .arg(places::scenarios().join("verify.js"))
            .arg(program)
            .output()
            .context("cannot run deno")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the facts of {program} do not hold on Deno: {}", said.trim());
    }
    let directory = taken(SCENARIO, &deno)?;
    let judgement = judgement::judge(&Case {
        executable,
        directory: &directory,
        core: &directory.join("core"),
        facts: &judgement::facts(CONTEXTS, 0)?,
        symbols: false,
        collects_later: false,
        other_embedder: true,
        later: &[],
    });
    if !keep {
        fs::remove_dir_all(&directory)?;
    }
    judgement
}

/// The core of a program that ran on Deno. What Deno loads when it first writes a snapshot is loaded before.
fn taken(scenario: &str, deno: &Path) -> Result<PathBuf> {
    let directory = take_core::directory_of(scenario, &format!("deno-{DENO}"));
    let warm = tempfile::tempdir()?;
    let preload = warm.path().join("warm.mjs");
    fs::write(&preload, WARM)?;
    let mut options = OPTIONS.map(str::to_owned).to_vec();
    options.push(format!("--preload={}", preload.display()));
    take_core::take(&Request {
        node: format!("of Deno {DENO}"),
        scenario: Scenario::find(scenario)?,
        directory: directory.clone(),
        writer: Writer::Signal,
        snapshot: true,
        // What Deno loads for a snapshot a worker thread would load anew.
        arguments: vec!["--workers=0".to_owned()],
        start: Start { executable: Some(deno.to_owned()), options, ..Start::default() },
        stage: None,
    })?;
    Ok(directory)
}

/// What is said of a core of workerd, if that says what was found.
fn workerd(executable: &Path) -> Result<String> {
    let workerd = node_release::package_file(WORKERD_PACKAGE, WORKERD, "bin/workerd")?;
    let directory = take_core::directory_of("sessions", &format!("workerd-{WORKERD}"));
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory)?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    fs::write(directory.join("worker.js"), WORKER)?;
    fs::write(directory.join("config.capnp"), CONFIGURATION.replace("PORT", &port.to_string()))?;
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -c unlimited && exec \"$0\" serve config.capnp"]).arg(&workerd);
    shell.current_dir(&directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = Running(shell.spawn().context("cannot run workerd")?);
    let answer = served(port)?;
    ensure!(answer.ends_with("sessions 1003"), "the worker answered {answer:?}");
    // It handles the signals of a crash itself.
    take_core::signalled(&mut process, "XCPU", &directory)?;
    let core = directory.join("core");
    let output = Command::new(executable).arg(&core).args(["-e", "::findjsobjects"]).output()?;
    fs::remove_dir_all(&directory)?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    ensure!(output.stdout.is_empty(), "objects were listed: {}", String::from_utf8_lossy(&output.stdout));
    ensure!(said.contains("are compressed (its cage is at "), "it was said: {said}");
    let said = said.split("v8mdb: ").last().unwrap_or_default();
    Ok(said.lines().next().unwrap_or_default().to_owned())
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

fn table(deno: &Judgement, refused: &Result<String>) -> String {
    let asked = || QUESTIONS[..OF_CENSUS].iter().zip(deno.each_cell());
    let verdict = if deno.passes() { "exact" } else { judgement::DIFFERS };
    let names: Vec<&str> = asked().map(|(name, _)| if *name == "opened" { "V8" } else { name }).collect();
    let cells: Vec<String> = asked().map(|(_, cell)| cell).collect();
    let refused = match refused {
        Ok(_) => "is refused, with the version of V8 and the address of its cage",
        Err(_) => judgement::DIFFERS,
    };
    format!(
        "## Other embedders\n\nDeno, asked as the releases of Node.js are: the same program as a CommonJS module, its values, its \
         populations, and of what lives V8's own snapshots, constructor by constructor. It writes a snapshot before, since Deno loads a part \
         of itself for that. The core is the kernel's, at a signal from outside.\n\n\
         | Deno | {} | |\n| --- | {}--- |\n| {DENO} | {} | {verdict} |\n\n\
         workerd {WORKERD}, whose pointers are compressed, {refused}.\n",
        names.join(" | "),
        "--- | ".repeat(names.len()),
        cells.join(" | "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_differs() {
        let judgement = Judgement {
            answers: vec![judgement::Answer { compared: "7".into(), failures: Vec::new() }; QUESTIONS.len()],
        };
        let text = table(&judgement, &Ok("no".to_owned()));
        assert!(text.contains("| 2.9.6 | 7 | 7 | 7 | 7 | 7 | 7 | 7 | exact |"), "{text}");
        assert!(text.contains("compressed, is refused"), "{text}");
        let wrong = table(&Judgement::failed(&anyhow::anyhow!("x")), &Err(anyhow::anyhow!("y")));
        assert_eq!(wrong.matches(judgement::DIFFERS).count(), 3, "{wrong}");
    }
}
