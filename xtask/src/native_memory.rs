//! `cargo xtask memory`: native memory of a busy Node.js process on every supported line, against what malloc, the kernel and the
//! program itself say.
//!
//! A library is preloaded (`testdata/scenarios/native/planted.c`) that leaks blocks and keeps others, and writes down where, and what
//! `mallinfo2` counts. Then every arena must be walked to its last byte, the planted leaks must be found and nothing that was kept,
//! and the rows of the ledger must add up to the mappings that `/proc/PID/smaps` lists. Which part of the process blocks are of is compared with
//! who asked for them ([`crate::native_parts`]), as is what sessions of HTTP/2 own ([`crate::native_http2`]), and all of it is tried with more threads, as many as `--threads` goes through
//! ([`crate::native_threads`]).

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use test_support::scenarios::debugger::Debugger;

use crate::population::Population;
use crate::{musl, native_http2, native_parts, native_threads, node_release, places, sparse};

/// Blocks of others that may be called leaked: OpenSSL has one that nothing leads to.
const OTHERS: usize = 1;
/// Bytes by which free memory may differ: the last count was made up to a fifth of a second before.
pub(crate) const SINCE: u64 = 256 << 10;
/// Bytes by which the mappings may differ: gdb writes memory without access as zeros that can be read, so that the first segment of a
/// table of V8's, 64 KiB for each thread that can be read and was never touched, counts as reserved.
pub(crate) const UNTOUCHED: u64 = 3 * (64 << 10);

/// Bytes of each of the twenty streams that deflate, as V8's snapshot of such a process counts them; first those of the zlib 1.2.11 of Node.js
/// 16, of whose memory the snapshot counts 16440 bytes less.
const DEFLATE: [u64; 2] = [268_720, 285_160];
/// Some of each of the twenty that gunzip.
const GUNZIP: u64 = 9_600;
/// Per cent of planted leaks that are found. musl gives freed memory out again at once, and not cleared, so that more old words lead to
/// what is leaked.
pub(crate) const LEAST_FOUND: usize = 98;
const LEAST_FOUND_ON_MUSL: usize = 94;
/// Per cent by which the estimate of a class may be off. What is owned is counted with what a block takes beyond what was asked for:
/// slots of musl are up to an eighth larger.
const MOST_OFF: u64 = 5;
const MOST_OFF_ON_MUSL: u64 = 13;
/// The same of what `malloc_trim` gives back.
const MOST_OFF_TRIMMED: u64 = 2;

pub fn run(arguments: lexopt::Parser) -> Result<()> {
    let (population, mut arguments) = Population::of(arguments)?;
    let mut roots: Vec<PathBuf> = Vec::new();
    let mut sweep = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("root") => roots.push(arguments.value()?.into()),
            lexopt::Arg::Long("threads") => sweep = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let releases = population.releases();
    let executable = population.debugger()?;
    let directory = places::target().join("native-memory");
    fs::create_dir_all(&directory)?;
    let library = compile(&directory, "planted", &["-nodefaultlibs"])?;
    if sweep {
        return native_threads::sweep(&executable, &releases, &library, &directory);
    }
    // Without one, the process has the root directory that we have.
    let roots = if roots.is_empty() { vec![None] } else { roots.into_iter().map(Some).collect() };
    let mut wrong = 0;
    for (root, node) in roots.iter().flat_map(|root| releases.iter().map(move |node| (root, node))) {
        let with = root.as_ref().map_or_else(String::new, |root| format!(" in {}", root.display()));
        match one(&executable, node, &library, &directory, root.as_deref()) {
            Ok(found) => println!("node {node}{with}: {found}"),
            Err(error) => {
                wrong += 1;
                println!("node {node}{with} WRONG: {error:#}");
            }
        }
    }
    let glibcs: Vec<_> = releases.iter().filter(|node| musl::release(node).is_none()).collect();
    for node in glibcs.iter().filter(|_| roots == [None]) {
        for check in [native_parts::check, native_http2::check] {
            match check(&executable, node, &directory) {
                Ok(found) => println!("node {node}: {found}"),
                Err(error) => {
                    wrong += 1;
                    println!("node {node} WRONG: {error:#}");
                }
            }
        }
    }
    if let Some(node) = glibcs.first().filter(|_| roots == [None])
        && let Err(error) = native_threads::sample(&executable, node, &library, &directory)
    {
        wrong += 1;
        println!("node {node} WRONG: {error:#}");
    }
    ensure!(wrong == 0, "the native memory of {wrong} processes is not told right");
    Ok(())
}

pub(crate) fn sources() -> PathBuf {
    places::workspace().join("testdata/scenarios/native")
}

/// Compiles a library that is preloaded, with these further arguments.
pub(crate) fn compile(directory: &Path, name: &str, further: &[&str]) -> Result<PathBuf> {
    let library = directory.join(format!("{name}.so"));
    let built = Command::new("cc")
        .args(["-O1", "-shared", "-fPIC", "-Wno-deprecated-declarations"])
        .args(further)
        .arg(sources().join(format!("{name}.c")))
        .arg("-o")
        .arg(&library)
        .status()
        .context("cannot run cc")?;
    ensure!(built.success(), "{name}.c does not compile");
    Ok(library)
}

/// A process that ends with us.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Starts a program, which says when it has done what it does.
    pub(crate) fn start(program: &mut Command) -> Result<Running> {
        let program = program.stdout(Stdio::piped()).spawn().context("cannot run node")?;
        let mut running = Running(program);
        let output = running.0.stdout.take().context("no output")?;
        let mut first = String::new();
        BufReader::new(output).read_line(&mut first)?;
        ensure!(first.trim() == "READY", "the program said `{}`", first.trim());
        Ok(running)
    }

    pub(crate) fn signal(&self, signal: &str) -> Result<()> {
        let sent = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
        ensure!(sent.context("cannot run kill")?.success(), "the program took no {signal}");
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the library wrote.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) leaked: BTreeSet<u64>,
    hanging: BTreeSet<u64>,
    pub(crate) kept: BTreeSet<u64>,
    /// Bytes that arenas have from the system, free bytes of them, mappings, and their bytes; if the C library counts them.
    pub(crate) info: Option<[u64; 4]>,
}

impl Facts {
    /// What was written of a process with a C library that counts, or with another.
    pub(crate) fn read(path: &Path, counts: bool) -> Result<Facts> {
        let mut facts = Facts::default();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        for line in text.lines() {
            let mut words = line.split(' ');
            let word = words.next().unwrap_or_default();
            let numbers = words.map(|text| u64::from_str_radix(text, 16)).collect::<Result<Vec<_>, _>>()?;
            match (word, numbers.as_slice()) {
                ("LEAK", [block]) => facts.leaked.insert(*block),
                ("HANGS", [block]) => facts.hanging.insert(*block),
                ("KEPT", [block]) => facts.kept.insert(*block),
                ("INFO", [arenas, free, mappings, mapped]) => {
                    facts.info = Some([*arenas, *free, *mappings, *mapped]);
                    true
                }
                _ => anyhow::bail!("the library wrote `{line}`"),
            };
        }
        ensure!(
            facts.leaked.len() == 500 && facts.info.is_some() == counts,
            "the library wrote too little, or counts what it should not"
        );
        Ok(facts)
    }
}

/// What runs the program, with the library, and where that writes its facts. In a root directory of its own a process has the C library
/// that lies there; what else it needs is copied into it.
fn program(node: &str, library: &Path, directory: &Path, root: Option<&Path>) -> Result<(Command, PathBuf)> {
    const FACTS: &str = "facts";
    let node = node_release::executable(node)?;
    let script = sources().join("busy.js");
    let Some(root) = root else {
        let mut command = Command::new(node);
        command.arg(script).env("LD_PRELOAD", library).env("FACTS", directory.join(FACTS));
        return Ok((command, directory.join(FACTS)));
    };
    // What runs there still keeps its file.
    for (file, name) in [(node.as_path(), "node"), (library, "planted.so"), (script.as_path(), "busy.js")] {
        let _ = fs::remove_file(root.join(name));
        fs::copy(file, root.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -c unlimited; exec chroot \"$0\" /node /busy.js"]).arg(root);
    command.env("FACTS", Path::new("/").join(FACTS));
    // For what runs before it there is no such library, which that says.
    command.env("LD_PRELOAD", "/planted.so").stderr(Stdio::null());
    Ok((command, root.join(FACTS)))
}

/// Takes the core of a process that has been stopped: with gdb, or the kernel's, which it leaves in `left_in`: in a root directory of its own gdb does
/// not get past the guard pages in the stacks of glibc 2.42 and later.
pub(crate) fn take_core(running: &mut Running, core: &Path, left_in: Option<&Path>) -> Result<()> {
    let pid = running.0.id().to_string();
    let Some(left_in) = left_in else {
        let written =
            Command::new("gcore").arg("-o").arg(core).arg(&pid).output().context("cannot run gcore")?;
        ensure!(written.status.success(), "gcore: {}", String::from_utf8_lossy(&written.stderr));
        return sparse::move_sparsely(Path::new(&format!("{}.{pid}", core.display())), core);
    };
    running.signal("-ABRT")?;
    running.signal("-CONT")?;
    running.0.wait()?;
    let left = ["core".to_owned(), format!("core.{pid}")].map(|name| left_in.join(name));
    let left =
        left.iter().find(|file| file.exists()).context("the kernel has left no core (core_pattern)")?;
    sparse::move_sparsely(left, core)
}

fn one(
    executable: &Path,
    node: &str,
    library: &Path,
    directory: &Path,
    root: Option<&Path>,
) -> Result<String> {
    let (mut program, facts_path) = program(node, library, directory, root)?;
    let mut running = Running::start(&mut program)?;
    // The second leaks are planted after a second, and what is queued comes to rest.
    std::thread::sleep(Duration::from_secs(3));
    // Else it goes on between the list of mappings and the core.
    running.signal("-STOP")?;
    let mapped = accessible(&fs::read_to_string(format!("/proc/{}/smaps", running.0.id()))?)?;
    let core = directory.join("core");
    take_core(&mut running, &core, root)?;
    let facts = Facts::read(&facts_path, musl::release(node).is_none())?;
    drop(running);
    let debugger = Debugger::new(executable.to_owned(), &core);
    let debugger = match root {
        Some(root) => debugger.with_sysroot(root.to_owned()),
        None => debugger,
    };
    let deflate = DEFLATE[usize::from(node_release::parse(node).is_none_or(|(line, ..)| line > 16))];
    let result = compare(&debugger, &facts, mapped, deflate);
    fs::remove_file(&core)?;
    // Of musl nothing can be asked to be given back.
    match facts.info {
        Some(_) if root.is_none() => result
            .and_then(|found| Ok(format!("{found}; {}", fragmented(executable, node, library, directory)?))),
        _ => result,
    }
}

/// A process that keeps little of what it had: what `::ledger` says that it could give back is what it then gives back.
fn fragmented(executable: &Path, node: &str, library: &Path, directory: &Path) -> Result<String> {
    let facts = directory.join("fragmented.facts");
    let mut program = Command::new(node_release::executable(node)?);
    program.arg("--expose-gc").arg(sources().join("fragmented.js"));
    program.env("LD_PRELOAD", library).env("FACTS", &facts);
    let mut running = Running::start(&mut program)?;
    // Leaks are planted after a second.
    std::thread::sleep(Duration::from_secs(2));
    running.signal("-STOP")?;
    let core = directory.join("fragmented.core");
    take_core(&mut running, &core, None)?;
    fs::write(directory.join("fragmented.facts.trim"), "")?;
    running.signal("-CONT")?;
    let trimmed = (0..100).find_map(|_| {
        std::thread::sleep(Duration::from_millis(100));
        let text = fs::read_to_string(&facts).ok()?;
        u64::from_str_radix(text.lines().find_map(|line| line.strip_prefix("TRIM "))?, 16).ok()
    });
    let trimmed = trimmed.context("nothing was given back")?;
    drop(running);
    let debugger = Debugger::new(executable.to_owned(), &core);
    let ledger: Value = serde_json::from_str(debugger.evaluate("::ledger -j")?.trim())?;
    fs::remove_file(&core)?;
    let told = number(&ledger, "returnableInCore")?;
    ensure!(
        100 * told.abs_diff(trimmed) <= MOST_OFF_TRIMMED * trimmed,
        "malloc_trim gave back {trimmed} bytes: {ledger}"
    );
    Ok(format!("{told} bytes to give back, of which {trimmed} were given back"))
}

/// Bytes of all mappings that can be read or written.
pub(crate) fn accessible(smaps: &str) -> Result<u64> {
    let mut sum = 0;
    for line in smaps.lines() {
        let mut words = line.split_whitespace();
        let (Some(range), Some(permissions)) = (words.next(), words.next()) else { continue };
        let Some((start, end)) = range.split_once('-') else { continue };
        if !permissions.starts_with("---") && !line.contains("[vvar") {
            sum += u64::from_str_radix(end, 16)? - u64::from_str_radix(start, 16)?;
        }
    }
    Ok(sum)
}

pub(crate) fn rows(text: &str) -> Result<Vec<Value>> {
    text.lines().map(|line| serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))).collect()
}

pub(crate) fn number(row: &Value, key: &str) -> Result<u64> {
    row[key].as_u64().with_context(|| format!("no {key} in {row}"))
}

pub(crate) fn address(row: &Value, key: &str) -> Result<u64> {
    let text = row[key].as_str().with_context(|| format!("no {key} in {row}"))?;
    Ok(u64::from_str_radix(text.trim_start_matches("0x"), 16)?)
}

fn compare(debugger: &Debugger, facts: &Facts, mapped: u64, deflate: u64) -> Result<String> {
    let lines = [
        "::malloc -j",
        "::findleaks -v -j",
        "::ledger -j",
        "::malloc -o -j",
        "::findjsobjects -c Deflate | ::findjsobjects | ::jsretained -b -g -j",
        "::findjsobjects -c Blob | ::findjsobjects | ::jsprint -d 1",
    ]
    .map(str::to_owned);
    let answers = debugger.session(&lines)?;
    let [malloc, leaks, ledger, owners, retained, printed] = answers.as_slice() else {
        anyhow::bail!("not six answers")
    };
    let (mut system, mut free) = (0, 0);
    let mut arenas = 0;
    for arena in rows(malloc)?.iter().filter(|row| !row["arena"].is_null()) {
        arenas += 1;
        ensure!(number(arena, "notFound")? == 0, "an arena was not walked to its end: {arena}");
        system += number(arena, "system")?;
        free += number(arena, "free")? + number(arena, "top")?;
    }
    let counted = match facts.info {
        Some([of_arenas, of_free, ..]) => {
            ensure!(
                system.abs_diff(of_arenas) <= SINCE,
                "arenas have {system} bytes, mallinfo2 said {of_arenas}"
            );
            ensure!(free.abs_diff(of_free) <= SINCE, "{free} bytes are free, mallinfo2 said {of_free}");
            format!("free {free} of {of_free}")
        }
        None => format!("free {free}"),
    };

    let (mut found, mut others, mut bytes) = (0, Vec::new(), 0);
    for leak in rows(leaks)? {
        let block = address(&leak, "block")?;
        ensure!(!facts.kept.contains(&block), "{block:x} is called leaked, and is kept");
        bytes += number(&leak, "hanging")?;
        if facts.leaked.contains(&block) {
            found += 1;
        } else if !facts.hanging.contains(&block) {
            others.push(format!("{block:x} {}", leak["contents"]));
        }
    }
    let planted = facts.leaked.len();
    let (least, most_off) = match facts.info {
        Some(_) => (LEAST_FOUND, MOST_OFF),
        None => (LEAST_FOUND_ON_MUSL, MOST_OFF_ON_MUSL),
    };
    ensure!(found * 100 >= planted * least, "{found} of {planted} planted leaks were found");
    ensure!(others.len() <= OTHERS, "called leaked as well: {others:?}");

    let owners = rows(owners)?;
    let of = |constructor: &str| {
        owners.iter().find(|row| row["constructor"] == constructor).context("no such owner")
    };
    let mut estimated = Vec::new();
    // Objects of a constructor that the program has, and the bytes that they own: of Blobs their contents.
    for (constructor, objects, truth) in [("Zlib", 40, 20 * (deflate + GUNZIP)), ("Blob", 20, 20 * 100_400)] {
        let row = of(constructor)?;
        let bytes = number(row, "bytes")?;
        ensure!(number(row, "objects")? == objects, "{row}: the program has {objects}");
        ensure!(bytes.abs_diff(truth) * 100 <= truth * most_off, "{row}: the program has {truth} bytes");
        estimated.push(format!("{constructor} {bytes} of {truth}"));
    }
    let retained: Value = serde_json::from_str(retained.trim()).context("::jsretained -b -g -j")?;
    let (native, truth) = (number(&retained, "native")?, 20 * deflate);
    ensure!(native.abs_diff(truth) * 100 <= truth * most_off, "{retained}: V8 counts {truth} bytes");
    let told = printed.matches("[[Native]]: node::Blob,").count();
    ensure!(told == 20, "::jsprint tells of {told} C++ objects of 20 Blobs");
    let owned: u64 = owners.iter().map(|row| number(row, "bytes")).sum::<Result<u64>>()?;
    let used: u64 = rows(malloc)?.iter().map(|row| number(row, "used")).sum::<Result<u64>>()?;
    ensure!(owned == used, "owners have {owned} bytes together, of {used} in use");

    let ledger: Value = serde_json::from_str(ledger.trim()).context("::ledger -j")?;
    let total = number(&ledger, "total")?;
    let rows: u64 = ledger["bytes"].as_object().context("no rows")?.values().filter_map(Value::as_u64).sum();
    ensure!(rows == total, "the rows add up to {rows}, not to {total}");
    ensure!(total.abs_diff(mapped) <= UNTOUCHED, "the ledger has {total} bytes, the kernel {mapped}");
    Ok(format!(
        "{arenas} arenas of {system} bytes to the last; {counted}; {found} of {planted} leaks, {bytes} bytes, \
         {} others; {}; ledger {total} of {mapped} mapped",
        others.len(),
        estimated.join(", ")
    ))
}
