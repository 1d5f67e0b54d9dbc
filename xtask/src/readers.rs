//! What the programs that people read heap snapshots with make of ours and of V8's: the code of Chrome's developer tools, and
//! memlab, both from their packages. They find dominators and retained sizes each in its own way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::snapshot_graph::SnapshotGraph;
use crate::{node_release, places};

/// Node.js that runs the readers.
const RUNNER: &str = "24.21.0";
/// Objects that may be apart in small heaps, as V8 goes on compiling in the background while the core is taken.
const LATE_CODE: u64 = 500;
/// Retained sizes compared.
const LARGEST: usize = 100;

/// The readers, ready to run.
#[derive(Debug)]
pub struct Readers {
    node: PathBuf,
    /// Name and program.
    programs: Vec<(&'static str, PathBuf)>,
}

/// What a reader says of a file.
#[derive(Debug, Deserialize)]
struct Told {
    /// Number and bytes of the objects of each kind and name.
    objects: BTreeMap<String, (u64, u64)>,
    /// Name, retained size and distance of JavaScript objects, the largest first.
    largest: Vec<(String, u64, i64)>,
    /// Type, id and retained size of nodes, the largest first; only the developer tools tell them.
    #[serde(default)]
    retained: Vec<(String, u64, u64)>,
    /// What is wrong with the file.
    problems: Vec<serde_json::Value>,
}

impl Readers {
    /// Fetches the packages and bundles the developer tools.
    pub fn prepare() -> Result<Readers> {
        let sources = places::workspace().join("xtask/readers");
        let home = node_release::packages("readers", &sources.join("readers.packages.json"))?;
        let node = node_release::executable(RUNNER)?;
        for name in ["devtools.mjs", "memlab.js", "bundle.js"] {
            std::fs::copy(sources.join(name), home.join(name))?;
        }
        let bundled = Command::new(&node)
            .args(["bundle.js", "devtools.mjs", "devtools.bundle.mjs"])
            .current_dir(&home)
            .status()
            .context("cannot bundle the developer tools")?;
        ensure!(bundled.success(), "the developer tools could not be bundled");
        let programs =
            vec![("DevTools", home.join("devtools.bundle.mjs")), ("memlab", home.join("memlab.js"))];
        Ok(Readers { node, programs })
    }

    /// Whether all readers take both files, and say the same of them but for little. `snapshot` is what is in the file of V8.
    pub fn agree(&self, ours: &Path, theirs: &Path, snapshot: &SnapshotGraph) -> Result<bool> {
        let mut agree = true;
        let corrected =
            tempfile::NamedTempFile::new_in(theirs.parent().context("a file without a directory")?)?;
        std::fs::write(corrected.path(), with_weak_tables(theirs, snapshot)?)?;
        let theirs = corrected.path();
        for (name, program) in &self.programs {
            let (mine, v8) = (self.read(program, ours)?, self.read(program, theirs)?);
            ensure!(mine.problems.is_empty(), "{name} finds the file broken: {:?}", mine.problems);
            // C++ objects, and the JavaScript objects that go by their names, are Node.js's to tell.
            let of_v8 = |key: &&String| !key.starts_with("nativeNode/");
            let keys = mine.objects.keys().chain(v8.objects.keys()).filter(of_v8);
            let keys: std::collections::BTreeSet<&String> = keys.collect();
            let count = |told: &Told, key: &String| told.objects.get(key).map_or(0, |(count, _)| *count);
            let apart: u64 = keys.iter().map(|key| count(&mine, key).abs_diff(count(&v8, key))).sum();
            let all: u64 = v8.objects.values().map(|(count, _)| count).sum();
            let mut rest: Vec<&(String, u64, i64)> = v8.largest.iter().take(LARGEST).collect();
            let mut equal = 0;
            for own in mine.largest.iter().take(LARGEST) {
                let is_close = |other: &&(String, u64, i64)| {
                    other.0 == own.0 && own.1.abs_diff(other.1) * 1000 <= own.1.max(other.1)
                };
                if let Some(near) = rest.iter().position(is_close) {
                    rest.remove(near);
                    equal += 1;
                }
            }
            println!(
                "    {name}: {apart} of {all} objects on one side only, {equal} of {LARGEST} largest retained sizes agree"
            );
            agree &= apart * 1000 <= 2 * all || apart <= LATE_CODE;
        }
        Ok(agree)
    }

    /// Type, id and retained size of nodes in a file by the developer tools, the largest first.
    pub fn retained(&self, file: &Path) -> Result<Vec<(String, u64, u64)>> {
        let (_, program) = self.programs.first().context("no reader")?;
        Ok(self.read(program, file)?.retained)
    }

    fn read(&self, program: &Path, file: &Path) -> Result<Told> {
        let output = Command::new(&self.node)
            .args(["--max-old-space-size=8192"])
            .arg(program)
            .arg(file)
            .current_dir(program.parent().context("a program without a directory")?)
            .output()?;
        ensure!(
            output.status.success(),
            "{} fails on {}: {}",
            program.display(),
            file.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find_map(|line| line.strip_prefix("RESULT ")).context("no result")?;
        Ok(serde_json::from_str(line)?)
    }
}

/// A snapshot of V8 in which the tables of all internalized and of all external strings do not keep these alive: they do not, but
/// V8's snapshots say so (`TODO(v8:11800)` in `src/profiler/heap-snapshot-generator.cc`).
fn with_weak_tables(file: &Path, snapshot: &SnapshotGraph) -> Result<Vec<u8>> {
    const TABLES: [&str; 2] = ["(Internalized strings)", "(External strings)"];
    const WEAK: u8 = b'6';
    let mut bytes = std::fs::read(file)?;
    let edges = memchr::memmem::find(&bytes, b"\"edges\":[").context("no edges")?;
    let tables = (0..snapshot.len() as u32).filter(|node| TABLES.contains(&snapshot.name(*node)));
    let wanted: Vec<std::ops::Range<usize>> = tables.map(|node| snapshot.edge_range(node)).collect();
    let last = wanted.iter().map(|range| range.end).max().unwrap_or(0);
    // Three numbers an edge, the first of one digit.
    let mut at = edges + b"\"edges\":[".len();
    for edge in 0..last {
        for number in 0..3 {
            while !bytes.get(at).context("the edges end early")?.is_ascii_digit() {
                at += 1;
            }
            if number == 0 && wanted.iter().any(|range| range.contains(&edge)) {
                bytes[at] = WEAK;
            }
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
        }
    }
    Ok(bytes)
}
