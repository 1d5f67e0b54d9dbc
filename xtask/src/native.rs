//! `cargo xtask native`: the debugger against gdb on the same core: registers, floating point registers, stacks, memory,
//! symbols, machine code and mappings.
//!
//! gdb cannot follow the stack through code that V8 generated. There the two are compared up to that code; what lies beyond
//! must be the functions that every thread begins with, without a guess on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::{build, emulated, node_release, take_core};

/// Symbols, functions and places in memory that are compared, in each core.
const SYMBOLS: usize = 400;
const FUNCTIONS: usize = 60;
const PLACES: usize = 200;
/// Bytes compared at each place.
const PLACE: u64 = 64;

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (mut debugger, mut cores) = (None, Vec::new());
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("debugger") => debugger = Some(PathBuf::from(arguments.value()?)),
            Long("core") => cores.push(PathBuf::from(arguments.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    let debugger = debugger.map_or_else(build::debugger, Ok)?;
    if cores.is_empty() {
        cores = taken()?;
    }
    ensure!(!cores.is_empty(), "no cores: take some with `cargo xtask core`, or name one with --core DIR");
    let mut differences = 0;
    for core in &cores {
        differences += compare(&debugger, core).with_context(|| core.display().to_string())?;
    }
    ensure!(differences == 0, "{differences} differences");
    Ok(())
}

/// The small cores in the cache that gdb reads: it is one for the processor of this machine.
fn taken() -> Result<Vec<PathBuf>> {
    let small = ["kinds", "workers", "leak", "abort"];
    let cores = take_core::taken()?.into_iter();
    let read =
        cores.filter(|core| small.contains(&&*core.scenario) && emulated::release(&core.node).is_none());
    Ok(read.map(|core| core.directory).collect())
}

/// The executable that left the core in `directory`, by the release in its name.
fn executable(directory: &Path) -> Result<PathBuf> {
    let core = take_core::Taken::in_directory(directory).context("a directory is called SCENARIO-RELEASE")?;
    node_release::executable(&core.node)
}

struct Session<'s> {
    debugger: &'s Path,
    core: PathBuf,
}

impl Session<'_> {
    fn run(&self, commands: &str) -> Result<String> {
        let output = Command::new(self.debugger)
            .args(["-S", "-e", commands])
            .arg(&self.core)
            .stdin(Stdio::null())
            .output()
            .context("cannot run the debugger")?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(errors.trim().is_empty(), "{commands}: {errors}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn lines(&self, commands: &str) -> Result<Vec<String>> {
        Ok(self.run(commands)?.lines().map(str::to_owned).collect())
    }
}

/// What differs, one line each; how many comparisons were made.
#[derive(Default)]
struct Report {
    made: BTreeMap<&'static str, usize>,
    differences: Vec<String>,
}

impl Report {
    fn equal<T: PartialEq + std::fmt::Debug>(
        &mut self,
        what: &'static str,
        place: &str,
        ours: &T,
        theirs: &T,
    ) {
        *self.made.entry(what).or_default() += 1;
        if ours != theirs {
            self.differences.push(format!("{what} {place}: v8mdb {ours:x?}, gdb {theirs:x?}"));
        }
    }
}

fn compare(debugger: &Path, directory: &Path) -> Result<usize> {
    let session = Session { debugger, core: directory.join("core") };
    let symbols = functions(&session)?;
    let questions = questions(&session, &symbols)?;
    let facts = ask_gdb(&executable(directory)?, &session.core, &questions)?;
    let mut report = Report::default();
    threads(&session, &facts, &mut report)?;
    names(&session, &facts, &symbols, &mut report)?;
    memory(&session, &facts, &mut report)?;
    code(&session, &facts, &mut report)?;
    mappings(&session, &facts, &mut report)?;
    let made: Vec<String> = report.made.iter().map(|(what, count)| format!("{count} {what}")).collect();
    println!("{}: {}, {} differences", directory.display(), made.join(", "), report.differences.len());
    for difference in report.differences.iter().take(40) {
        println!("    {difference}");
    }
    Ok(report.differences.len())
}

/// Functions by address: size, and all names.
type Functions = BTreeMap<u64, (u64, BTreeSet<String>)>;

fn functions(session: &Session<'_>) -> Result<Functions> {
    let mut found = Functions::new();
    for line in session.lines("::nm -h -t func,objt -f val,sz,name")? {
        let cells: Vec<&str> = line.splitn(3, '|').collect();
        let [value, size, name] = cells[..] else { bail!("::nm printed {line}") };
        let entry = found.entry(number(value)?).or_default();
        entry.0 = entry.0.max(number(size)?);
        entry.1.insert(bare(name));
    }
    Ok(found)
}

fn number(text: &str) -> Result<u64> {
    let text = text.trim();
    u64::from_str_radix(text.trim_start_matches("0x"), 16).with_context(|| format!("{text} is no number"))
}

/// A name without blanks, which demanglers put in different places, and without its version.
fn bare(name: &str) -> String {
    let name = name.split('@').next().unwrap_or_default();
    name.chars().filter(|c| !c.is_whitespace()).collect()
}

fn questions(session: &Session<'_>, functions: &Functions) -> Result<Value> {
    let sized: Vec<(u64, u64)> =
        functions.iter().filter(|(_, (size, _))| *size > 1).map(|(at, (size, _))| (*at, *size)).collect();
    ensure!(sized.len() > 1000, "only {} functions and variables have a size", sized.len());
    let every = |count: usize| sized.iter().step_by(sized.len() / count + 1);
    let symbols: Vec<u64> =
        every(SYMBOLS).flat_map(|(at, size)| [*at, at + size / 2, at + size - 1]).collect();
    let code = session.lines("::nm -h -t func -f val,sz")?;
    let mut ranges = Vec::new();
    for line in code.iter().step_by(code.len() / (FUNCTIONS * 2) + 1) {
        let (value, size) = line.split_once('|').context("two columns")?;
        let (value, size) = (number(value)?, number(size)?);
        if (1..2000).contains(&size) && ranges.len() < FUNCTIONS {
            ranges.push([value, value + size]);
        }
    }
    let mut memory = Vec::new();
    let mappings = mapped(session, true)?;
    for (start, end) in mappings.iter().step_by(mappings.len() / PLACES + 1) {
        let middle = (start + (end - start) / 2) & !15;
        memory.extend([[*start, PLACE], [middle, PLACE], [end - PLACE, PLACE]]);
    }
    Ok(json!({ "symbols": symbols, "code": ranges, "memory": memory }))
}

/// Mappings; if so asked for, only those whose contents are in the core.
fn mapped(session: &Session<'_>, only_dumped: bool) -> Result<Vec<(u64, u64)>> {
    let mut found = Vec::new();
    for line in session.lines("::mappings")?.iter().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if !only_dumped || words.get(4) == Some(&"core") {
            found.push((number(words[0])?, number(words[1])?));
        }
    }
    Ok(found)
}

fn ask_gdb(executable: &Path, core: &Path, questions: &Value) -> Result<Value> {
    let directory = tempfile::tempdir()?;
    let (asked, answered) = (directory.path().join("questions"), directory.path().join("facts"));
    let script = directory.path().join("facts.py");
    std::fs::write(&asked, questions.to_string())?;
    std::fs::write(&script, include_str!("native_facts.py"))?;
    let output = Command::new("gdb")
        .args(["-nx", "-batch", "-iex", "set debuginfod enabled off", "-x"])
        .arg(&script)
        .args([executable, core])
        .env("V8MDB_QUESTIONS", &asked)
        .env("V8MDB_FACTS", &answered)
        .stdin(Stdio::null())
        .output()
        .context("cannot run gdb; on Debian: apt-get install gdb")?;
    let facts = std::fs::read_to_string(&answered)
        .with_context(|| format!("gdb did not answer: {}", String::from_utf8_lossy(&output.stderr).trim()))?;
    Ok(serde_json::from_str(&facts)?)
}

fn list<'v>(value: &'v Value, name: &str) -> Result<&'v Vec<Value>> {
    value[name].as_array().with_context(|| format!("gdb's answer has no {name}"))
}

fn threads(session: &Session<'_>, facts: &Value, report: &mut Report) -> Result<()> {
    let theirs = list(facts, "threads")?;
    let ours = session.lines("::walk thread")?;
    let ids = |lines: &[String]| lines.iter().map(|line| number(line)).collect::<Result<BTreeSet<u64>>>();
    let gdb_ids: BTreeSet<u64> = theirs.iter().filter_map(|thread| thread["id"].as_u64()).collect();
    report.equal("lists of threads", "", &ids(&ours)?, &gdb_ids);
    for thread in theirs {
        let id = thread["id"].as_u64().context("an id")?;
        registers(session, id, thread, report)?;
        floating_point(session, id, thread, report)?;
        stack(session, id, thread, report)?;
    }
    Ok(())
}

fn registers(session: &Session<'_>, id: u64, thread: &Value, report: &mut Report) -> Result<()> {
    let text = session.run(&format!("{id:#x}::regs"))?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let ours: BTreeMap<&str, u64> = words
        .windows(3)
        .filter(|three| three[0].starts_with('%') && three[1] == "=")
        .filter_map(|three| Some((&three[0][1..], number(three[2]).ok()?)))
        .collect();
    for (name, value) in thread["registers"].as_object().context("registers")? {
        let own = match name.as_str() {
            "eflags" => "rflags",
            "fs_base" => "fsbase",
            "gs_base" => "gsbase",
            name => name,
        };
        report.equal("registers", &format!("{id:x} {name}"), &ours.get(own).copied(), &value.as_u64());
    }
    Ok(())
}

fn floating_point(session: &Session<'_>, id: u64, thread: &Value, report: &mut Report) -> Result<()> {
    if thread["vectors"].is_null() {
        *report.made.entry("threads whose floating point registers gdb cannot read").or_default() += 1;
        return Ok(());
    }
    let mut vectors = Vec::new();
    let mut stack = BTreeMap::new();
    let mut top = 0;
    let mut mxcsr = None;
    for line in session.lines(&format!("{id:#x}::fpregs"))? {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["control", _, "status", status, ..] => top = number(status)? >> 11 & 7,
            ["%mxcsr", value] => mxcsr = Some(number(value)?),
            [name, high, low] if name.starts_with("%ymm") => {
                vectors.push(format!("{}{low}", high.trim_start_matches("0x")));
            }
            [name, low] if name.starts_with("%xmm") => {
                vectors.push(format!("{:032}{}", 0, low.trim_start_matches("0x")));
            }
            [name, value, ..] if name.starts_with("%st") => {
                let index: u64 = name[3..].parse()?;
                stack.insert((top + index) % 8, value.to_owned());
            }
            _ => {}
        }
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let theirs: Vec<String> = list(thread, "vectors")?.iter().map(text).collect();
    report.equal("vector registers", &format!("{id:x}"), &vectors, &theirs);
    let theirs = list(thread, "stack")?.iter();
    let theirs: BTreeMap<u64, String> =
        theirs.map(|pair| (pair[0].as_u64().unwrap_or(99), text(&pair[1]))).collect();
    report.equal("x87 registers", &format!("{id:x}"), &stack, &theirs);
    report.equal("mxcsr", &format!("{id:x}"), &mxcsr, &thread["mxcsr"].as_u64());
    Ok(())
}

fn stack(session: &Session<'_>, id: u64, thread: &Value, report: &mut Report) -> Result<()> {
    let lines = session.lines(&format!("{id:#x}::stack -a"))?;
    let ours: Vec<(u64, &str)> = lines
        .iter()
        .filter_map(|line| line.split_once(' '))
        .map(|(at, place)| Ok((number(at)?, place)))
        .collect::<Result<_>>()?;
    let theirs: Vec<u64> = list(thread, "frames")?.iter().filter_map(|frame| frame["pc"].as_u64()).collect();
    let generated =
        ours.iter().position(|(_, place)| place.starts_with("Builtins_") || place.starts_with("0x"));
    let native = generated.unwrap_or(ours.len());
    for (index, (at, place)) in ours[..native].iter().enumerate() {
        let what = format!("{id:x} frame {index}, {place}");
        report.equal("frames", &what, &Some(*at), &theirs.get(index).copied());
    }
    if generated.is_none() {
        report.equal("lengths of stacks", &format!("{id:x}"), &ours.len(), &theirs.len());
    }
    // Whatever lies between: how a thread begins is known.
    let outermost = ours.last().map_or("", |(_, place)| place);
    let begins = outermost.starts_with("_start+") || outermost.contains("`clone");
    report.equal("beginnings of threads", &format!("{id:x} {outermost}"), &begins, &true);
    let guesses = ours.iter().filter(|(_, place)| place.contains("() [")).count();
    report.equal("stacks without a guess", &format!("{id:x}"), &guesses, &0);
    Ok(())
}

fn names(session: &Session<'_>, facts: &Value, functions: &Functions, report: &mut Report) -> Result<()> {
    let theirs = list(facts, "symbols")?;
    let addresses: Vec<u64> = theirs.iter().filter_map(|pair| pair[0].as_u64()).collect();
    let commands: Vec<String> = addresses.iter().map(|at| format!("{at:#x}::nm -h -f val,name")).collect();
    let ours = session.lines(&commands.join(";"))?;
    ensure!(ours.len() == theirs.len(), "{} of {} symbols found", ours.len(), theirs.len());
    for (line, pair) in ours.iter().zip(theirs) {
        let (value, name) = line.split_once('|').context("two columns")?;
        let (address, text) = (pair[0].as_u64().unwrap_or(0), pair[1].as_str().unwrap_or_default());
        // NAME + OFFSET in section SECTION [of FILE]
        let text = text.split(" in section ").next().unwrap_or_default();
        let offset = text.rsplit_once(" + ").and_then(|(_, offset)| offset.parse::<u64>().ok()).unwrap_or(0);
        let start = number(value)?;
        let what = format!("{address:x} ({name}; {text})");
        report.equal("symbols", &what, &start, &(address - offset));
        // Which of several names of one place is shown is a matter of taste.
        let known = functions.get(&start).is_some_and(|(_, names)| names.contains(&bare(name)));
        report.equal("names of symbols", &what, &known, &true);
    }
    Ok(())
}

fn memory(session: &Session<'_>, facts: &Value, report: &mut Report) -> Result<()> {
    for pair in list(facts, "memory")? {
        let address = pair[0].as_u64().context("an address")?;
        let Some(theirs) = pair[1].as_str() else { continue };
        let lines = session.lines(&format!("{address:#x}::dump -u -q -g 1 -l 0t{PLACE}"))?;
        let ours: String = lines
            .iter()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .flat_map(|(_, bytes)| bytes.split_whitespace())
            .collect();
        report.equal("places in memory", &format!("{address:x}"), &ours, &theirs.to_owned());
    }
    Ok(())
}

fn code(session: &Session<'_>, facts: &Value, report: &mut Report) -> Result<()> {
    for function in list(facts, "code")? {
        let function = function.as_array().context("lines")?;
        let Some(start) = function.first().and_then(|line| line[0].as_u64()) else { continue };
        let commands = format!("{start:#x}::dis -a -n 0t{}", function.len() - 1);
        // A window would begin before it, where no function begins.
        let lines = session.lines(&commands)?;
        let ours: BTreeMap<u64, String> = lines
            .iter()
            .filter_map(|line| line.split_once(':'))
            .filter_map(|(at, text)| Some((number(at).ok()?, instruction(text))))
            .collect();
        for line in function {
            let address = line[0].as_u64().unwrap_or(0);
            let theirs = instruction(line[2].as_str().unwrap_or_default());
            let own = ours.get(&address).cloned();
            report.equal("instructions", &format!("{address:x}"), &own, &Some(theirs));
        }
    }
    Ok(())
}

/// An instruction without what its symbols are, and without differences of habit: the suffix for a size that the operands
/// tell, a displacement of 0, prefixes that change nothing.
fn instruction(text: &str) -> String {
    let text = text.split(['<', '#']).next().unwrap_or_default();
    let mut words: Vec<&str> = text.split_whitespace().collect();
    while words.len() > 1
        && matches!(words[0], "data16" | "cs" | "ds" | "notrack" | "rep" | "rex.W" | "repz" | "bnd")
    {
        words.remove(0);
    }
    let (name, operands) =
        words.split_first().map_or(("", ""), |(name, rest)| (*name, rest.first().copied().unwrap_or("")));
    // The shift by one has an encoding of its own.
    let operands = operands.strip_prefix("$0x1,").filter(|_| name.starts_with('s')).unwrap_or(operands);
    if name.starts_with("nop") || name.starts_with("xchg") && operands == "%ax,%ax" {
        return "nop".to_owned();
    }
    // Only these can be a size; `sub` and `shl` are names.
    let bases = [
        "mov", "cmp", "add", "sub", "and", "or", "xor", "test", "push", "pop", "call", "jmp", "inc", "dec",
        "not", "neg", "shl", "shr", "sar", "sal", "imul", "idiv", "div", "mul", "bt", "bts", "btr", "adc",
        "sbb", "rol", "ror", "movabs", "movz", "movs", "ret", "cvtsi2sd", "cvtsi2ss", "xadd", "cmpxchg",
        "set",
    ];
    let stem = name.strip_suffix(['b', 'w', 'l', 'q']).filter(|stem| bases.contains(stem)).unwrap_or(name);
    let stem = match stem {
        "sal" => "shl",
        "movz" => "movzb",
        other => other,
    };
    format!("{stem} {}", operands.replace('*', "").replace("0x0(", "(").replace("%es:(", "("))
}

fn mappings(session: &Session<'_>, facts: &Value, report: &mut Report) -> Result<()> {
    let ours = mapped(session, false)?;
    for span in list(facts, "sections")? {
        let (Some(start), Some(end)) = (span[0].as_u64(), span[1].as_u64()) else { continue };
        // Sections of the executable are among them, whose addresses need not be in the core.
        if start % 4096 != 0 || end % 4096 != 0 || start == end {
            continue;
        }
        let mut at = start;
        for (from, to) in &ours {
            if *from <= at && at < *to {
                at = *to;
            }
        }
        report.equal("mappings", &format!("{start:x}..{end:x}"), &(at >= end), &true);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::instruction;

    #[test]
    fn habits_of_disassemblers_are_no_differences() {
        for (ours, theirs) in [
            ("pushq  0xc0(%r13)", "push   0xc0(%r13)"),
            ("nopw   %cs:(%rax,%rax)", "cs nopw 0x0(%rax,%rax,1)"),
            ("call   0x747760 <pthread_cond_wait>", "call   0x747760 <pthread_cond_wait@plt>"),
        ] {
            assert_eq!(instruction(ours), instruction(theirs));
        }
        assert_ne!(instruction("mov %rax,%rbx"), instruction("mov %rax,%rcx"));
    }
}
