//! `cargo xtask core`: run a scenario on an official Node.js, and take the core of it at a known place.
//!
//! The directory that this leaves holds
//!
//! | file | |
//! | --- | --- |
//! | `core` | the core, written by gdb's gcore, or by the kernel |
//! | `v8.heapsnapshot` | V8's heap snapshot, the last thing the main thread did |
//! | `v8.worker.heapsnapshot` | the same of a worker thread, where the scenario has one |
//! | `process.json` | what the process said of itself before |
//!
//! The scenario writes its snapshot, which collects all garbage, and blocks (`testdata/scenarios/hold.js`). So between
//! the snapshot and the core the heap changes by next to nothing, and the two can be compared object for object.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::scenario::Scenario;
use crate::{emulated, node_release, places, sparse};

/// V8 of Node 20 needs 100 s for the largest heap of ours on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(900);

/// Who writes the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// gdb's gcore, of the running process.
    Gdb,
    /// The kernel, when the process aborts.
    Kernel,
    /// The kernel, at a signal that comes from outside while the process waits.
    Signal,
    /// The kernel, and gdb at the signal that the process dies of: `core` and [`SECOND_CORE`].
    Both,
}

/// The core by gdb, where the kernel writes one as well.
pub const SECOND_CORE: &str = "gdb.core";

/// Runs a program until it dies, and takes a core just before. gdb stops for a breakpoint in the program as for one of its own, so
/// only then it has to be told to pass the signal on.
const AT_DEATH: &str = "set confirm off
set startup-with-shell off
set print thread-events off
handle SIGUSR1 SIGUSR2 SIGPIPE SIGCHLD nostop noprint pass
handle SIGABRT SIGILL SIGSEGV SIGBUS stop print pass
run
gcore gdb.core
if $_siginfo.si_signo == 5
  signal SIGTRAP
else
  continue
end
";

/// What to take.
#[derive(Debug)]
pub struct Request {
    /// As `22.23.3`.
    pub node: String,
    /// What runs.
    pub scenario: Scenario,
    /// Where the files go; emptied first.
    pub directory: PathBuf,
    /// Who writes the core.
    pub writer: Writer,
    /// Also let V8 write its heap snapshot.
    pub snapshot: bool,
    /// Further options of the scenario.
    pub arguments: Vec<String>,
    /// How it is started.
    pub start: Start,
    /// Run a copy of Node.js and of the program below this directory, with an empty environment: a core holds both
    /// paths and the environment, and some cores are for everybody.
    pub stage: Option<PathBuf>,
}

/// How a program is started; by default as `node PROGRAM`.
#[derive(Debug, Default, Clone)]
pub struct Start {
    /// Runs instead of the official Node.js of the release.
    pub executable: Option<PathBuf>,
    /// Options of Node.js and V8, before the program.
    pub options: Vec<String>,
    /// The executable contains the program, which is not named then.
    pub contains_program: bool,
    /// Given up when it is not ready by then, instead of after [`PATIENCE`].
    pub patience: Option<Duration>,
}

impl Request {
    /// Node.js and the program: where they are, or copies on the stage.
    fn cast(&self) -> Result<(PathBuf, PathBuf)> {
        let node = match &self.start.executable {
            Some(executable) => executable.clone(),
            None => node_release::executable(&self.node)?,
        };
        let program = self.scenario.program();
        let Some(stage) = &self.stage else { return Ok((node, program)) };
        let (bin, app) = (stage.join(format!("node-{}/bin", self.node)), stage.join("app"));
        fs::create_dir_all(&bin)?;
        fs::create_dir_all(&app)?;
        let own = bin.join("node");
        let is_emulated = emulated::release(&self.node).is_some();
        fs::copy(if is_emulated { node_release::binary(&self.node)? } else { node }, &own)?;
        for name in [&*format!("{}.js", self.scenario.name), "hold.js"] {
            fs::copy(places::scenarios().join(name), app.join(name))?;
        }
        // What a module of ECMAScript is needed for.
        let module = format!("{}.mjs", self.scenario.name);
        if places::scenarios().join(&module).exists() {
            fs::copy(places::scenarios().join(&module), app.join(&module))?;
        }
        let node = if is_emulated { emulated::wrapper(&own)? } else { own };
        Ok((node, app.join(format!("{}.js", self.scenario.name))))
    }
}

/// Where the cores of the matrix and the benchmarks are kept.
pub fn directory_of(scenario: &str, node: &str) -> PathBuf {
    places::cores().join(format!("{scenario}-{node}"))
}

/// A core that is kept, as the name of its directory tells.
pub struct Taken {
    pub directory: PathBuf,
    pub scenario: String,
    pub node: String,
}

impl Taken {
    /// None for a directory that [`directory_of`] names none like.
    pub fn in_directory(directory: &Path) -> Option<Self> {
        let name = directory.file_name()?.to_str()?;
        // Both parts can have hyphens in them: `pending-11-24.21.0-arm64`.
        let mut parts = name.match_indices('-').map(|(at, _)| (&name[..at], &name[at + 1..]));
        let (scenario, node) = parts.find(|(_, node)| node_release::parse(node).is_some())?;
        Some(Self { directory: directory.to_owned(), scenario: scenario.to_owned(), node: node.to_owned() })
    }
}

/// The cores that are kept, by their names.
pub fn taken() -> Result<Vec<Taken>> {
    let Ok(entries) = fs::read_dir(places::cores()) else { return Ok(Vec::new()) };
    let directories: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    let mut taken: Vec<Taken> =
        directories.iter().filter_map(|directory| Taken::in_directory(directory)).collect();
    taken.retain(|taken| taken.directory.join("core").is_file());
    taken.sort_by(|one, other| one.directory.cmp(&other.directory));
    Ok(taken)
}

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (mut node, mut scenario, mut directory, mut snapshot, mut rest) =
        (None, None, None, None, Vec::new());
    let mut writer = Writer::Gdb;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("node") => node = Some(arguments.value()?.string()?),
            Long("scenario") => scenario = Some(Scenario::find(&arguments.value()?.string()?)?),
            Long("out") => directory = Some(PathBuf::from(arguments.value()?)),
            Long("kernel") => writer = Writer::Kernel,
            Long("no-snapshot") => snapshot = Some(false),
            Long("snapshot") => snapshot = Some(true),
            Value(value) => rest.push(value.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let node = node.context("which Node.js? pass --node VERSION, such as --node 22.23.3")?;
    let scenario = scenario.context("which program? pass --scenario NAME, such as --scenario leak")?;
    let directory = directory.unwrap_or_else(|| directory_of(scenario.name, &node));
    let snapshot = snapshot.unwrap_or(scenario.snapshot);
    take(&Request {
        node,
        scenario,
        directory: directory.clone(),
        writer,
        snapshot,
        arguments: rest,
        start: Start::default(),
        stage: None,
    })?;
    println!("{}", directory.join("core").display());
    Ok(())
}

/// Takes the core, unless the directory already holds it.
pub fn take_once(request: &Request) -> Result<()> {
    let complete = request.directory.join("core").is_file()
        && (!request.snapshot || is_complete_snapshot(&request.directory.join("v8.heapsnapshot")));
    if complete { Ok(()) } else { take(request) }
}

/// Takes the core.
pub fn take(request: &Request) -> Result<()> {
    let (node, program) = request.cast()?;
    let options = request.scenario.needed_options()?;
    match request.writer {
        Writer::Gdb => require_gcore()?,
        Writer::Kernel | Writer::Signal => require_kernel_cores()?,
        Writer::Both => {
            require_gcore()?;
            require_kernel_cores()?;
        }
    }
    let directory = &request.directory;
    if directory.exists() {
        fs::remove_dir_all(directory).with_context(|| format!("cannot empty {}", directory.display()))?;
    }
    fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let directory = directory.canonicalize()?;
    eprintln!("node {} runs {}", request.node, request.scenario.name);

    // The kernel names its core relative to the working directory of the process, so that is the directory.
    let mut command = match request.writer {
        Writer::Gdb => Command::new(&node),
        Writer::Kernel | Writer::Signal => with_cores(&node),
        Writer::Both => {
            fs::write(directory.join("at-death.gdb"), AT_DEATH)?;
            let mut shell = Command::new("sh");
            shell.args([
                "-c",
                "ulimit -c unlimited && exec gdb -q -nx -batch -x at-death.gdb --args \"$@\"",
                "sh",
            ]);
            shell.arg(&node);
            shell
        }
    };
    command.args(request.scenario.node_options).args(&request.start.options);
    if !request.start.contains_program {
        command.arg(program);
    }
    command.arg(format!("--report={}", directory.join("process.json").display()));
    let snapshot = directory.join("v8.heapsnapshot");
    if request.snapshot {
        command.arg(format!("--snapshot={}", snapshot.display()));
    }
    if request.writer == Writer::Kernel {
        command.arg("--abort");
    }
    command.args(&options).args(&request.arguments).current_dir(&directory);
    // What a program puts there it does not live to remove.
    let temporary = tempfile::tempdir()?;
    if request.stage.is_none() {
        command.env("TMPDIR", temporary.path());
    } else {
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/home/app").env("LANG", "C.UTF-8");
    }
    command.stdin(Stdio::null()).stdout(File::create(directory.join("stdout"))?);
    // gdb has much to say.
    command.stderr(if request.writer == Writer::Both { Stdio::null() } else { Stdio::inherit() });
    let child = command.spawn().with_context(|| format!("cannot run {}", node.display()))?;
    let mut process = Running(child);

    let wait = |process: &mut Child| {
        wait_until_held(
            process,
            &directory.join("stdout"),
            request.snapshot.then_some(&*snapshot),
            request.start.patience.unwrap_or(PATIENCE),
        )
    };
    match request.writer {
        Writer::Gdb => {
            wait(&mut process.0)?;
            gcore(process.0.id(), &directory)?;
        }
        Writer::Signal => {
            wait(&mut process.0)?;
            signalled(&mut process, "ABRT", &directory)?;
        }
        Writer::Kernel => {
            let status = process.0.wait()?;
            ensure!(!status.success(), "the scenario ended without aborting");
            let written = kernel_core(&directory, process.0.id())?;
            sparse::move_sparsely(&written, &directory.join("core.sparse"))?;
            fs::rename(directory.join("core.sparse"), directory.join("core"))?;
        }
        Writer::Both => {
            process.0.wait()?;
            let report = fs::read_to_string(directory.join("process.json")).context("it ended early")?;
            let report: serde_json::Value = serde_json::from_str(&report)?;
            let pid =
                report["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).context("no process id")?;
            let written = kernel_core(&directory, pid)?;
            let of_gdb = directory.join(SECOND_CORE);
            ensure!(
                of_gdb.is_file(),
                "gdb took no core before the process died (see {})",
                directory.display()
            );
            for (from, to) in [(written, "core"), (of_gdb, SECOND_CORE)] {
                sparse::move_sparsely(&from, &directory.join("core.sparse"))?;
                fs::rename(directory.join("core.sparse"), directory.join(to))?;
            }
        }
    }
    fs::remove_file(directory.join("stdout"))?;
    Ok(())
}

/// A child that does not outlive the task.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn require_gcore() -> Result<()> {
    let found = Command::new("gcore").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    ensure!(
        found,
        "gcore, which writes the core, is part of gdb: install that (on Debian: apt-get install gdb)"
    );
    Ok(())
}

/// Whether the kernel writes cores where they are looked for.
pub fn require_kernel_cores() -> Result<()> {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern")?;
    let pattern = pattern.trim();
    ensure!(
        !pattern.starts_with('|') && !pattern.contains('/'),
        "the kernel of this machine gives its cores to `{pattern}`; with a plain name in \
         /proc/sys/kernel/core_pattern (such as `core`) it writes them into the directory of the process"
    );
    let limit = Command::new("/bin/sh").args(["-c", "ulimit -Hc"]).output().context("cannot run /bin/sh")?;
    ensure!(
        limit.stdout.trim_ascii() == b"unlimited",
        "the hard limit of `ulimit -c` leaves no room for cores"
    );
    Ok(())
}

/// A program whose core is written when it dies.
fn with_cores(program: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -c unlimited && exec \"$0\" \"$@\""]).arg(program);
    shell
}

/// Waits until the main thread has said READY, its snapshot is complete, and it sleeps.
fn wait_until_held(
    child: &mut Child,
    stdout: &Path,
    snapshot: Option<&Path>,
    patience: Duration,
) -> Result<()> {
    let start = Instant::now();
    let mut asleep_since = None;
    loop {
        if let Some(status) = child.try_wait()? {
            bail!("the scenario ended early ({status})");
        }
        ensure!(start.elapsed() < patience, "the scenario was not ready after {} s", patience.as_secs());
        let ready = fs::read_to_string(stdout)?.lines().any(|line| line.starts_with("READY "));
        let usage = main_thread_usage(child.id())?;
        if ready && snapshot.is_none_or(is_complete_snapshot) && usage.sleeping {
            match asleep_since {
                Some((since, ticks)) if ticks == usage.ticks => {
                    if Instant::now().duration_since(since) > Duration::from_millis(300) {
                        return Ok(());
                    }
                }
                _ => asleep_since = Some((Instant::now(), usage.ticks)),
            }
        } else {
            asleep_since = None;
        }
        sleep(Duration::from_millis(50));
    }
}

/// V8 ends a heap snapshot with the last bracket of its JSON object.
fn is_complete_snapshot(path: &Path) -> bool {
    let last_bytes = || -> std::io::Result<[u8; 2]> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(-2))?;
        let mut bytes = [0; 2];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    last_bytes().is_ok_and(|bytes| &bytes == b"]}" || &bytes == b"}\n")
}

struct ThreadUsage {
    sleeping: bool,
    /// Processor time in clock ticks.
    ticks: u64,
}

/// From `/proc/PID/task/PID/stat` (proc(5)); the fields counted from behind the name, which may hold anything.
fn main_thread_usage(pid: u32) -> Result<ThreadUsage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/task/{pid}/stat"))?;
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let number = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    Ok(ThreadUsage { sleeping: fields.first() == Some(&"S"), ticks: number(11) + number(12) })
}

/// Starts a program, which prints `ready` when it waits for work, and takes its core with gcore while it does.
pub fn of_waiting(node: &str, program: &Path, arguments: &[String], directory: &Path) -> Result<()> {
    waiting(node, &[], program, arguments, directory).map(drop)
}

/// The same, and then the heap snapshot that V8 writes of it: `v8.heapsnapshot`.
pub fn of_waiting_with_snapshot(node: &str, program: &Path, directory: &Path) -> Result<()> {
    let directory = directory.canonicalize()?;
    let child = waiting(node, &["--heapsnapshot-signal=SIGUSR2"], program, &[], &directory)?;
    let sent = Command::new("kill").args(["-USR2", &child.0.id().to_string()]).status()?;
    ensure!(sent.success(), "the process is gone");
    let start = Instant::now();
    loop {
        let written = fs::read_dir(&directory)?.filter_map(|entry| Some(entry.ok()?.path()));
        let mut written = written.filter(|path| path.extension().is_some_and(|end| end == "heapsnapshot"));
        if let Some(path) = written.find(|path| is_complete_snapshot(path)) {
            return Ok(fs::rename(path, directory.join("v8.heapsnapshot"))?);
        }
        ensure!(start.elapsed() < PATIENCE, "no snapshot was written");
        sleep(Duration::from_millis(100));
    }
}

fn waiting(
    node: &str,
    options: &[&str],
    program: &Path,
    arguments: &[String],
    directory: &Path,
) -> Result<Running> {
    let mut child = Command::new(node_release::executable(node)?)
        .args(options)
        .arg(program)
        .current_dir(directory)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map(Running)
        .context("cannot run node")?;
    let output = child.0.stdout.take().context("no output")?;
    let ready = BufReader::new(output).lines().map_while(std::result::Result::ok).any(|line| line == "ready");
    ensure!(ready, "the program has ended");
    sleep(Duration::from_millis(300));
    gcore(child.0.id(), directory)?;
    Ok(child)
}

/// Ends a process by a signal, and takes the core that the kernel writes of it.
pub fn signalled(process: &mut Running, signal: &str, directory: &Path) -> Result<()> {
    let id = process.0.id();
    let sent = Command::new("kill").args([format!("-{signal}"), id.to_string()]).status()?;
    ensure!(sent.success(), "the process is gone");
    process.0.wait()?;
    let written = kernel_core(directory, id)?;
    sparse::move_sparsely(&written, &directory.join("core.sparse"))?;
    Ok(fs::rename(directory.join("core.sparse"), directory.join("core"))?)
}

/// gcore adds the process id to the name it is given; the core is called `core` in the end. Of a program that is emulated it would be
/// that of the emulator, which has to write the core itself.
pub fn gcore(pid: u32, directory: &Path) -> Result<()> {
    if emulated::runs(pid) {
        let written = emulated::dump(pid)?;
        sparse::move_sparsely(&written, &directory.join("core.sparse"))?;
        return Ok(fs::rename(directory.join("core.sparse"), directory.join("core"))?);
    }
    let output = Command::new("gcore")
        .arg("-o")
        .arg(directory.join("written"))
        .arg(pid.to_string())
        .output()
        .context("cannot run gcore")?;
    let written = directory.join(format!("written.{pid}"));
    ensure!(
        output.status.success() && written.is_file(),
        "gcore failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    sparse::move_sparsely(&written, &directory.join("core"))
}

/// The kernel writes `core` or, by its settings, `core.PID`.
pub fn kernel_core(directory: &Path, pid: u32) -> Result<PathBuf> {
    // The emulator has died as well, which is of no interest.
    if let Some(path) = emulated::core_in(directory) {
        return Ok(path);
    }
    for name in [format!("core.{pid}"), "core".to_owned()] {
        let path = directory.join(name);
        if path.is_file() {
            return Ok(path);
        }
    }
    bail!("the kernel wrote no core into {} (is the limit of core files zero?)", directory.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleeping_process_is_seen_to_sleep_and_a_dead_one_is_an_error() {
        let mut child = Running(Command::new("sleep").arg("30").spawn().unwrap());
        let start = Instant::now();
        let mut asleep = main_thread_usage(child.0.id()).unwrap();
        while !asleep.sleeping && start.elapsed() < Duration::from_secs(10) {
            sleep(Duration::from_millis(5));
            asleep = main_thread_usage(child.0.id()).unwrap();
        }
        assert!(asleep.sleeping);
        assert!(child.0.try_wait().unwrap().is_none());
        let pid = child.0.id();
        drop(child);
        assert!(main_thread_usage(pid).is_err());
    }

    #[test]
    fn the_name_of_a_core_tells_what_it_is_of() {
        let told = |name: &str| {
            Taken::in_directory(Path::new(name)).map(|taken| (taken.scenario, taken.node)).unwrap_or_default()
        };
        let told_as = |scenario: &str, node: &str| (scenario.to_owned(), node.to_owned());
        assert_eq!(told("cores/kinds-24.21.0"), told_as("kinds", "24.21.0"));
        assert_eq!(told("cores/pending-11-24.21.0-arm64"), told_as("pending-11", "24.21.0-arm64"));
        assert_eq!(told("cores/kinds-24"), told_as("", ""));
    }

    #[test]
    fn a_snapshot_is_complete_with_its_last_bracket() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("v8.heapsnapshot");
        assert!(!is_complete_snapshot(&file));
        for (contents, complete) in
            [("", false), ("{", false), ("{\"strings\":[\"a\",", false), ("{\"strings\":[]}", true)]
        {
            fs::write(&file, contents).unwrap();
            assert_eq!(is_complete_snapshot(&file), complete, "{contents}");
        }
    }
}
