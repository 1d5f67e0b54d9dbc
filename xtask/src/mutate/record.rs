//! What has been run so far, for the table in `docs/robustness.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::damage::Damage;
use super::session::{Ended, MOST_MEMORY_MB, PATIENCE};
use crate::fuzz::with_commas;

/// All damaged cores since the record was begun.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Record(BTreeMap<String, Sum>);

#[derive(Debug, Default, Serialize, Deserialize)]
struct Sum {
    answered: u64,
    refused: u64,
    wrong: u64,
    /// Milliseconds of the session that took longest.
    longest: u64,
}

fn path() -> PathBuf {
    super::home().join("record.json")
}

impl Record {
    pub fn read() -> Result<Record> {
        match fs::read_to_string(path()) {
            Ok(text) => {
                serde_json::from_str(&text).context("the record of the runs is not what it should be")
            }
            Err(_) => Ok(Record::default()),
        }
    }

    pub fn write(&self) -> Result<()> {
        fs::create_dir_all(super::home())?;
        fs::write(path(), serde_json::to_string_pretty(self)?).context("cannot write the record")
    }

    pub fn add(&mut self, damage: Damage, ended: &Ended) {
        let sum = self.0.entry(format!("{damage:?}")).or_default();
        let took = match ended {
            Ended::Answered(took) => {
                sum.answered += 1;
                took
            }
            Ended::Refused(took) => {
                sum.refused += 1;
                took
            }
            Ended::Wrong(..) => {
                sum.wrong += 1;
                return;
            }
        };
        sum.longest = sum.longest.max(took.as_millis() as u64);
    }

    /// What was run, as a table.
    pub fn table(&self) -> String {
        let mut text = format!(
            "## Damaged cores\n\nOf each damaged core, one family of dcmds. Answered is what could be opened, refused what could not, \
            with a reason. Bounds of a session: {} s and {MOST_MEMORY_MB} MB of address space.\n\n\
            | Damage | Cores | Answered | Refused | Longest | Wrong |\n| --- | ---: | ---: | ---: | ---: | ---: |\n",
            PATIENCE.as_secs()
        );
        let mut all = Sum::default();
        for damage in Damage::ALL.into_iter().chain([Damage::EveryTruncation]) {
            let Some(sum) = self.0.get(&format!("{damage:?}")) else { continue };
            text += &row(damage.name(), sum);
            all.answered += sum.answered;
            all.refused += sum.refused;
            all.wrong += sum.wrong;
            all.longest = all.longest.max(sum.longest);
        }
        text + &row("**all**", &all)
    }
}

fn row(name: &str, sum: &Sum) -> String {
    format!(
        "| {name} | {} | {} | {} | {:.1} s | {} |\n",
        with_commas(sum.answered + sum.refused + sum.wrong),
        with_commas(sum.answered),
        with_commas(sum.refused),
        sum.longest as f64 / 1000.0,
        sum.wrong
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn sessions_add_up() {
        let mut record = Record::default();
        let took = Duration::from_millis(1234);
        for ended in
            [Ended::Answered(took), Ended::Refused(took * 2), Ended::Wrong("it panicked", String::new())]
        {
            record.add(Damage::Bits, &ended);
        }
        record.add(Damage::Truncation, &Ended::Refused(took));
        let table = record.table();
        assert!(table.contains("| bits, anywhere | 3 | 1 | 1 | 2.5 s | 1 |"), "{table}");
        assert!(table.contains("| **all** | 4 | 1 | 2 | 2.5 s | 1 |"), "{table}");
    }
}
