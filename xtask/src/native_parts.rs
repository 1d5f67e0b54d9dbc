//! Which part of the process blocks of malloc are of, against who asked for them: a library that is preloaded
//! (`testdata/scenarios/native/traced.c`) keeps the calls on the stack of each request, and the symbols of the executable, as `nm` lists them,
//! say whose these are.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use test_support::scenarios::debugger::Debugger;

use crate::native_memory::{Running, address, compile, number, rows, sources, take_core};
use crate::node_release;

/// Parts that are told apart, and per cent of their bytes: of what is said to be of it, what is; and of what is, what is said. Of ICU there are
/// 28 KB, and on the oldest line a variable of OpenSSL stands between its own.
const PARTS: [(&str, u64, u64); 4] =
    [("V8", 95, 95), ("Node.js", 80, 75), ("OpenSSL", 90, 85), ("ICU", 35, 75)];
/// Words of a row of the table: the block with its bits flipped, its bytes, and calls, the innermost first.
const ROW: usize = 16;

/// The calls that asked for each block.
pub type Calls = HashMap<u64, Vec<u64>>;

/// The core of a program that ran for some time with the library that keeps calls.
pub struct Traced {
    pub core: PathBuf,
    pub binary: PathBuf,
    pub calls: Calls,
}

impl Traced {
    pub fn take(node: &str, script: &str, runs: Duration, directory: &Path) -> Result<Traced> {
        let library = compile(directory, "traced", &["-lgcc_s"])?;
        let (table, core) = (directory.join("traced.table"), directory.join("traced.core"));
        let binary = node_release::executable(node)?;
        let mut program = Command::new(&binary);
        program.arg(sources().join(script)).env("LD_PRELOAD", &library).env("TRACED", &table);
        let mut running = Running::start(&mut program)?;
        std::thread::sleep(runs);
        running.signal("-STOP")?;
        take_core(&mut running, &core, None)?;
        let calls = read_calls(&table)?;
        std::fs::remove_file(&table)?;
        Ok(Traced { core, binary, calls })
    }
}

/// Takes the core of a busy process, and compares.
pub fn check(executable: &Path, node: &str, directory: &Path) -> Result<String> {
    let traced = Traced::take(node, "busy.js", Duration::from_secs(2), directory)?;
    let answer = Debugger::new(executable.to_owned(), &traced.core).evaluate("::malloc -p -v -j");
    std::fs::remove_file(&traced.core)?;
    compare(&rows(&answer?)?, &traced.calls, &Symbols::of(&traced.binary)?)
}

/// The calls that the library has kept.
fn read_calls(table: &Path) -> Result<Calls> {
    let bytes = std::fs::read(table).with_context(|| format!("cannot read {}", table.display()))?;
    let mut calls = Calls::new();
    for row in bytes.chunks_exact(8 * ROW) {
        let mut words = row.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
        // 1 is what is left of a row that is free again.
        if let Some(block) = words.next().filter(|block| *block > 1) {
            calls.insert(!block, words.skip(1).take_while(|call| *call != 0).collect());
        }
    }
    Ok(calls)
}

fn compare(rows: &[serde_json::Value], calls: &Calls, symbols: &Symbols) -> Result<String> {
    // By what is said and what is true.
    let mut sums: BTreeMap<(String, &str), u64> = BTreeMap::new();
    for row in rows {
        let said = row["part"].as_str().context("no part")?.to_owned();
        let Some(calls) = calls.get(&address(row, "block")?) else { continue };
        *sums.entry((said, symbols.who(calls))).or_default() += number(row, "bytes")?;
    }
    let sum = |is_it: &dyn Fn(&str, &str) -> bool| -> u64 {
        sums.iter().filter(|((said, truth), _)| is_it(said, truth)).map(|(_, bytes)| bytes).sum()
    };
    let mut found = Vec::new();
    for (part, least_true, least_said) in PARTS {
        let both = sum(&|said, truth| said == part && truth == part);
        let said = sum(&|said, _| said == part);
        // What objects of JavaScript own is not said to be of the library that made it.
        let truth = sum(&|said, truth| truth == part && said != "objects of JavaScript");
        ensure!(
            both > 0 && 100 * both >= least_true * said && 100 * both >= least_said * truth,
            "of {said} bytes that are said to be of {part} {both} are, of {truth}: {sums:?}"
        );
        found.push(format!("{part} {both} of {said} said and {truth} true"));
    }
    Ok(format!("native memory by part: {}", found.join(", ")))
}

/// Functions of the executable by address, each with whose it is, if its name says so.
struct Symbols(Vec<(u64, Option<&'static str>)>);

/// The functions of an executable by address, with their names.
pub fn functions(binary: &Path) -> Result<Vec<(u64, String)>> {
    let listed = Command::new("nm").args(["--defined-only", "-n"]).arg(binary).output();
    let listed = listed.context("cannot run nm; on Debian: apt-get install binutils")?;
    let mut found = Vec::new();
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        let mut words = line.split(' ');
        let (Some(address), Some("t" | "T" | "w" | "W"), Some(name)) =
            (words.next(), words.next(), words.next())
        else {
            continue;
        };
        found.push((u64::from_str_radix(address, 16)?, name.to_owned()));
    }
    ensure!(found.len() > 10_000, "{} has few symbols", binary.display());
    Ok(found)
}

impl Symbols {
    fn of(binary: &Path) -> Result<Symbols> {
        Ok(Symbols(functions(binary)?.into_iter().map(|(address, name)| (address, whose(&name))).collect()))
    }

    /// Who asked: the innermost call of a library. What runs before `main` is Node.js's own.
    fn who(&self, calls: &[u64]) -> &'static str {
        let at = |call: &u64| {
            let behind = self.0.partition_point(|(start, _)| start < call);
            behind.checked_sub(1).filter(|_| behind < self.0.len()).and_then(|index| self.0[index].1)
        };
        calls.iter().find_map(at).unwrap_or("Node.js")
    }
}

/// Whose function it is by its name: of the standard library none.
fn whose(name: &str) -> Option<&'static str> {
    if let Some(rest) = name.strip_prefix("_Z") {
        let rest =
            rest.trim_start_matches('Z').trim_start_matches('N').trim_start_matches(['K', 'V', 'R', 'O']);
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let namespace = rest.get(digits..digits + rest[..digits].parse::<usize>().ok()?)?;
        return match namespace {
            "v8" | "v8_inspector" | "cppgc" | "heap_base" | "v8_crdtp" => Some("V8"),
            "node" | "ncrypto" => Some("Node.js"),
            other if other.starts_with("icu_") => Some("ICU"),
            _ => None,
        };
    }
    // What asks for memory last jumps to `CRYPTO_malloc`, and is no call on the stack: its caller is.
    const OF_OPENSSL: [&str; 13] = [
        "CRYPTO_", "OPENSSL_", "ossl_", "OSSL_", "SSL_", "EVP_", "ERR_", "X509", "x509_", "ASN1_", "asn1_",
        "BUF_MEM_", "BIO_",
    ];
    if OF_OPENSSL.iter().any(|prefix| name.starts_with(prefix)) {
        return Some("OpenSSL");
    }
    match name {
        _ if name.starts_with("uv_") => Some("libuv"),
        _ if name.starts_with("nghttp2_") => Some("nghttp2"),
        _ if name.starts_with("ares_") => Some("c-ares"),
        _ if name.starts_with("uprv_") => Some("ICU"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_whose_functions_are() {
        for (name, truth) in [
            ("_ZN2v88internal4Heap5SetUpEv", Some("V8")),
            ("_ZNK4node11Environment3fooEv", Some("Node.js")),
            ("_ZN6icu_7813UnicodeStringC1Ev", Some("ICU")),
            ("_ZNSt6vectorIN4node3FooEE3barEv", None),
            ("_Znwm", None),
            ("CRYPTO_malloc", Some("OpenSSL")),
            ("asn1_primitive_new", Some("OpenSSL")),
            ("main", None),
        ] {
            assert_eq!(whose(name), truth, "{name}");
        }
        let symbols = Symbols(vec![(10, Some("V8")), (20, None), (30, Some("Node.js")), (40, None)]);
        assert_eq!(symbols.who(&[25, 15]), "V8");
        assert_eq!(symbols.who(&[25, 35, 15]), "Node.js");
        assert_eq!(symbols.who(&[99, 5]), "Node.js");
    }
}
