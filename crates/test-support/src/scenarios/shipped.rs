//! The cores that ship: one of each small scenario for each supported line of Node.js.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use super::constructors::Counts;
use super::facts::Facts;
use super::testdata;

/// Scenarios of which cores ship.
pub const SCENARIOS: [&str; 9] =
    ["exotic", "internals", "kinds", "leak", "memory", "retained", "scopes", "server", "workers"];

/// Those of them that wrote what V8 and Node.js say of their memory last of all, instead of a heap snapshot.
pub const REPORTING: [&str; 1] = ["memory"];

/// The program that was stopped at several stages of its life, of which cores ship as well.
pub const GROWTH: &str = "growth";

/// Lines of Node.js and stages of which there are cores of [`GROWTH`].
pub const STAGES: [(u32, u32); 5] = [(20, 1), (20, 3), (24, 1), (24, 2), (24, 3)];

/// The program full of text that means harm, of which the core of one line ships: it is not compared with anything.
pub const HOSTILE: &str = "hostile";

/// The line of Node.js of the core of [`HOSTILE`].
pub const HOSTILE_LINE: u32 = 24;

/// The core of [`HOSTILE`], without the ending of its name.
pub fn hostile() -> PathBuf {
    testdata().join(format!("cores/{HOSTILE}-{HOSTILE_LINE}"))
}

/// The program of which a core from another processor ships.
pub const OTHER_PROCESSOR: &str = "leak";

/// The line of Node.js of that core.
pub const OTHER_PROCESSOR_LINE: u32 = 24;

/// The core of [`OTHER_PROCESSOR`] on arm64, without the ending of its name.
pub fn arm64() -> PathBuf {
    testdata().join(format!("cores/{OTHER_PROCESSOR}-{OTHER_PROCESSOR_LINE}-arm64"))
}

/// The program that says itself what it waits for, of which the core of one line ships, with its report.
pub const PENDING: &str = "pending";

/// The line of Node.js of the core of [`PENDING`].
pub const PENDING_LINE: u32 = 24;

/// The core of [`PENDING`], without the ending of its name.
pub fn pending() -> PathBuf {
    testdata().join(format!("cores/{PENDING}-{PENDING_LINE}"))
}

/// What the program of [`pending`] said of itself.
///
/// # Errors
/// The file beside the core cannot be read.
pub fn report_of_pending() -> Result<Value> {
    read(with_ending(pending(), "process.json"))
}

/// The last stage of [`GROWTH`].
pub const LAST_STAGE: u32 = 3;

/// The core of [`GROWTH`] at a stage, without the ending of its name.
pub fn stage(line: u32, stage: u32) -> PathBuf {
    let name = match stage {
        LAST_STAGE => format!("cores/{GROWTH}-{line}"),
        stage => format!("cores/{GROWTH}-{line}.stage{stage}"),
    };
    testdata().join(name)
}

/// Objects by constructor at a stage of [`GROWTH`], as V8's own heap snapshot of the process counts them.
///
/// # Errors
/// The file beside the core cannot be read.
pub fn truth_of_stage(line: u32, of: u32) -> Result<Counts> {
    read(with_ending(stage(line, of), "constructors.json"))
}

/// A path with another ending behind all that it has.
pub fn with_ending(path: PathBuf, ending: &str) -> PathBuf {
    let mut path = path.into_os_string();
    path.push(".");
    path.push(ending);
    path.into()
}

/// Major versions of Node.js of which cores ship.
pub const LINES: [u32; 4] = [20, 22, 24, 26];

/// A core that ships.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShippedCore {
    /// What ran.
    pub scenario: &'static str,
    /// Major version of Node.js that ran it.
    pub line: u32,
}

/// Every core that ships.
pub fn all() -> impl Iterator<Item = ShippedCore> {
    SCENARIOS.into_iter().flat_map(|scenario| LINES.map(|line| ShippedCore { scenario, line }))
}

impl ShippedCore {
    /// The core, compressed.
    pub fn path(self) -> PathBuf {
        testdata().join(format!("cores/{}-{}.core.zst", self.scenario, self.line))
    }

    /// Objects by constructor, as V8's own heap snapshot of the process counts them.
    ///
    /// # Errors
    /// The file beside the core cannot be read.
    pub fn truth(self) -> Result<Counts> {
        read(testdata().join(format!("cores/{}-{}.constructors.json", self.scenario, self.line)))
    }

    /// Whether the process wrote its [`ShippedCore::report`] last of all, instead of a heap snapshot.
    pub fn reports(self) -> bool {
        REPORTING.contains(&self.scenario)
    }

    /// What the process said of itself, last of all.
    ///
    /// # Errors
    /// The file beside the core cannot be read.
    pub fn report(self) -> Result<Value> {
        read(testdata().join(format!("cores/{}-{}.process.json", self.scenario, self.line)))
    }

    /// What the program leaves in its heap.
    ///
    /// # Errors
    /// The facts of the scenario cannot be read.
    pub fn facts(self) -> Result<Facts> {
        read(testdata().join(format!("scenarios/{}.expected.json", self.scenario)))
    }
}

impl std::fmt::Display for ShippedCore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.scenario, self.line)
    }
}

pub(super) fn read<T: serde::de::DeserializeOwned>(path: PathBuf) -> Result<T> {
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not what it should be", path.display()))
}
