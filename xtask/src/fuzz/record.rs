//! What has been run so far, for the table in `docs/robustness.md`: what was run here since the last report, and what all reports
//! before have written to `fuzz/records`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::libfuzzer::Round;
use super::{TARGETS, home, kept};

/// The rounds of all targets since the record was begun.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Record(BTreeMap<String, Sum>);

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Sum {
    runs: u64,
    seconds: u64,
    /// Of the round that covered most: a round knows the inputs of those before.
    edges: u64,
    all_edges: u64,
}

/// Of the rounds since the last report.
fn recent() -> PathBuf {
    home().join("record.json")
}

/// Of all that was reported.
fn reported() -> PathBuf {
    kept().join("records/targets.json")
}

/// A record in a file; an empty one if there is none.
pub fn read<T: DeserializeOwned + Default>(path: &Path) -> Result<T> {
    match fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).with_context(|| format!("{} is no record", path.display())),
        Err(_) => Ok(T::default()),
    }
}

/// Writes a record.
pub fn write<T: Serialize>(path: &Path, record: &T) -> Result<()> {
    path.parent().map(fs::create_dir_all).transpose()?;
    let text = serde_json::to_string_pretty(record)? + "\n";
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

impl Record {
    /// Adds a round to the record.
    pub fn add(round: &Round) -> Result<()> {
        let mut record: Record = read(&recent())?;
        record.count(round);
        write(&recent(), &record)
    }

    /// Adds what was run here to what was reported before, and returns the sum.
    pub fn report() -> Result<Record> {
        let mut sum: Record = read(&reported())?;
        for (target, own) in read::<Record>(&recent())?.0 {
            let all = sum.0.entry(target).or_default();
            all.runs += own.runs;
            all.seconds += own.seconds;
            (all.edges, all.all_edges) = (all.edges.max(own.edges), own.all_edges);
        }
        write(&reported(), &sum)?;
        let _ = fs::remove_file(recent());
        Ok(sum)
    }

    fn count(&mut self, round: &Round) {
        let sum = self.0.entry(round.target.to_owned()).or_default();
        sum.runs += round.runs;
        sum.seconds += round.time.as_secs();
        if round.fine {
            (sum.edges, sum.all_edges) = (sum.edges.max(round.edges), round.all_edges);
        }
    }

    /// What was run, as a table.
    pub fn table(&self) -> Result<String> {
        ensure!(!self.0.is_empty(), "nothing was run yet");
        let mut text = "## Runs of the fuzz targets\n\n\
            Edges are those of the control flow of a target with all that is linked into it, the standard library aside. Findings \
            are inputs that are kept in `fuzz/findings`.\n\n\
            | Target | It is given | Runs | Edges covered | of | Findings |\n| --- | --- | ---: | ---: | ---: | ---: |\n"
            .to_owned();
        for target in TARGETS {
            let Some(sum) = self.0.get(target.name) else { continue };
            let findings = fs::read_dir(kept().join("findings").join(target.name)).map_or(0, Iterator::count);
            text += &format!(
                "| `{}` | {} | {} | {} | {} | {findings} |\n",
                target.name,
                target.given,
                with_commas(sum.runs),
                with_commas(sum.edges),
                with_commas(sum.all_edges)
            );
        }
        Ok(text)
    }
}

/// 1,234,567
pub fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn rounds_add_up_and_the_last_one_knows_the_edges() {
        let round = |runs, edges, fine| Round {
            target: "lines",
            runs,
            time: Duration::from_secs(10),
            edges,
            all_edges: 9000,
            inputs: 1,
            fine,
        };
        let mut record = Record::default();
        assert!(record.table().is_err());
        for (runs, edges, fine) in [(1_000_000, 700, true), (234_567, 710, true), (1, 3, false)] {
            record.count(&round(runs, edges, fine));
        }
        assert_eq!(record.0["lines"], Sum { runs: 1_234_568, seconds: 30, edges: 710, all_edges: 9000 });
        assert!(record.table().unwrap().contains("| 1,234,568 | 710 | 9,000 |"));
    }
}
