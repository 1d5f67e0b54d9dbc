//! `cargo xtask memory`: native memory of a busy Node.js process on every supported line, against what malloc, the kernel and the
//! program itself say.
//!
//! A library is preloaded (`testdata/scenarios/native/planted.c`) that leaks blocks and keeps others, and writes down where, and what
//! `mallinfo2` counts. Then every arena must be walked to its last byte, the planted leaks must be found and nothing that was kept,
//! and the rows of the ledger must add up to the mappings that `/proc/PID/smaps` lists.

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
use crate::{musl, node_release, places, sparse};

/// Blocks of others that may be called leaked: OpenSSL has one that nothing leads to.
const OTHERS: usize = 1;
/// Bytes by which free memory may differ: the last count was made up to a fifth of a second before.
const SINCE: u64 = 256 << 10;
/// Bytes by which the mappings may differ: gdb writes memory without access as zeros that can be read, so that the first segment of a
/// table of V8's, 64 KiB for each thread that can be read and was never touched, counts as reserved.
const UNTOUCHED: u64 = 3 * (64 << 10);

/// Objects of a constructor that the program has, and the bytes that they own: for streams of zlib what V8's snapshot of such a
/// process counts, 285160 for each of twenty that deflate and some 9600 for each of twenty that gunzip; for Blobs their contents.
const OWNED: [(&str, u64, u64); 2] = [("Zlib", 40, 20 * 285_160 + 20 * 9_600), ("Blob", 20, 20 * 100_400)];
/// Per cent of planted leaks that are found. musl gives freed memory out again at once, and not cleared, so that more old words lead to
/// what is leaked.
const LEAST_FOUND: usize = 98;
const LEAST_FOUND_ON_MUSL: usize = 94;
/// Per cent by which the estimate of a class may be off. What is owned is counted with what a block takes beyond what was asked for:
/// slots of musl are up to an eighth larger.
const MOST_OFF: u64 = 5;
const MOST_OFF_ON_MUSL: u64 = 13;

pub fn run(arguments: lexopt::Parser) -> Result<()> {
    let population = Population::only(arguments)?;
    let releases = population.releases();
    let executable = population.debugger()?;
    let directory = places::target().join("native-memory");
    fs::create_dir_all(&directory)?;
    let library = compile(&directory)?;
    let mut wrong = 0;
    for node in &releases {
        match one(&executable, node, &library, &directory) {
            Ok(found) => println!("node {node}: {found}"),
            Err(error) => {
                wrong += 1;
                println!("node {node} WRONG: {error:#}");
            }
        }
    }
    ensure!(wrong == 0, "the native memory of {wrong} releases is not told right");
    Ok(())
}

fn sources() -> PathBuf {
    places::workspace().join("testdata/scenarios/native")
}

fn compile(directory: &Path) -> Result<PathBuf> {
    let library = directory.join("planted.so");
    let built = Command::new("cc")
        .args(["-O1", "-shared", "-fPIC", "-nodefaultlibs"])
        .arg(sources().join("planted.c"))
        .arg("-o")
        .arg(&library)
        .status()
        .context("cannot run cc")?;
    ensure!(built.success(), "planted.c does not compile");
    Ok(library)
}

/// A process that ends with us.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the library wrote.
#[derive(Default)]
struct Facts {
    leaked: BTreeSet<u64>,
    hanging: BTreeSet<u64>,
    kept: BTreeSet<u64>,
    /// Bytes that arenas have from the system, free bytes of them, mappings, and their bytes; if the C library counts them.
    info: Option<[u64; 4]>,
}

impl Facts {
    /// What was written of a process with the C library that counts, or with the other.
    fn read(path: &Path, counts: bool) -> Result<Facts> {
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

fn one(executable: &Path, node: &str, library: &Path, directory: &Path) -> Result<String> {
    let facts_path = directory.join("facts");
    let program = Command::new(node_release::executable(node)?)
        .arg(sources().join("busy.js"))
        .env("LD_PRELOAD", library)
        .env("FACTS", &facts_path)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run node")?;
    let mut running = Running(program);
    let output = running.0.stdout.take().context("no output")?;
    let mut first = String::new();
    BufReader::new(output).read_line(&mut first)?;
    ensure!(first.trim() == "READY", "the program said `{}`", first.trim());
    // The second leaks are planted after a second, and what is queued comes to rest.
    std::thread::sleep(Duration::from_secs(3));
    let pid = running.0.id();
    // Else it goes on between the list of mappings and the core.
    let stopped =
        Command::new("kill").args(["-STOP", &pid.to_string()]).status().context("cannot run kill")?;
    ensure!(stopped.success(), "the program could not be stopped");
    let mapped = accessible(&fs::read_to_string(format!("/proc/{pid}/smaps"))?)?;
    let core = directory.join("core");
    let written = Command::new("gcore")
        .arg("-o")
        .arg(&core)
        .arg(pid.to_string())
        .output()
        .context("cannot run gcore")?;
    ensure!(written.status.success(), "gcore: {}", String::from_utf8_lossy(&written.stderr));
    let facts = Facts::read(&facts_path, musl::release(node).is_none())?;
    drop(running);
    sparse::move_sparsely(&directory.join(format!("core.{pid}")), &core)?;
    let debugger = Debugger::new(executable.to_owned(), &core);
    let result = compare(&debugger, &facts, mapped);
    fs::remove_file(&core)?;
    result
}

/// Bytes of all mappings that can be read or written.
fn accessible(smaps: &str) -> Result<u64> {
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

fn rows(text: &str) -> Result<Vec<Value>> {
    text.lines().map(|line| serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))).collect()
}

fn number(row: &Value, key: &str) -> Result<u64> {
    row[key].as_u64().with_context(|| format!("no {key} in {row}"))
}

fn address(row: &Value, key: &str) -> Result<u64> {
    let text = row[key].as_str().with_context(|| format!("no {key} in {row}"))?;
    Ok(u64::from_str_radix(text.trim_start_matches("0x"), 16)?)
}

fn compare(debugger: &Debugger, facts: &Facts, mapped: u64) -> Result<String> {
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
    for (constructor, objects, truth) in OWNED {
        let row = of(constructor)?;
        let bytes = number(row, "bytes")?;
        ensure!(number(row, "objects")? == objects, "{row}: the program has {objects}");
        ensure!(bytes.abs_diff(truth) * 100 <= truth * most_off, "{row}: the program has {truth} bytes");
        estimated.push(format!("{constructor} {bytes} of {truth}"));
    }
    let retained: Value = serde_json::from_str(retained.trim()).context("::jsretained -b -g -j")?;
    let (native, truth) = (number(&retained, "native")?, 20 * 285_160);
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
