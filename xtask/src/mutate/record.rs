//! What has been run so far, for the table in `docs/robustness.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::damage::Damage;
use super::session::{Ended, MOST_MEMORY_MB, MOST_SECONDS};
use crate::fuzz::with_commas;

/// All damaged cores since the record was begun.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Record(BTreeMap<String, Sum>);

#[derive(Debug, Default, Serialize, Deserialize)]
struct Sum {
    answered: u64,
    refused: u64,
    wrong: u64,
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
        match ended {
            Ended::Answered => sum.answered += 1,
            Ended::Refused => sum.refused += 1,
            Ended::Wrong(..) => sum.wrong += 1,
        }
    }

    /// What was run, as a table.
    pub fn table(&self) -> String {
        let mut text = format!(
            "## Damaged cores\n\nOf each damaged core, one family of dcmds. Answered is what could be opened, refused what could not, \
            with a reason. Bounds of a session: {MOST_SECONDS} s of a processor and {MOST_MEMORY_MB} MB of address space.\n\n\
            | Damage | Cores | Answered | Refused | Wrong |\n| --- | ---: | ---: | ---: | ---: |\n"
        );
        let mut all = Sum::default();
        for damage in Damage::ALL.into_iter().chain([Damage::EveryTruncation]) {
            let Some(sum) = self.0.get(&format!("{damage:?}")) else { continue };
            text += &row(damage.name(), sum);
            all.answered += sum.answered;
            all.refused += sum.refused;
            all.wrong += sum.wrong;
        }
        text + &row("**all**", &all)
    }
}

fn row(name: &str, sum: &Sum) -> String {
    format!(
        "| {name} | {} | {} | {} | {} |\n",
        with_commas(sum.answered + sum.refused + sum.wrong),
        with_commas(sum.answered),
        with_commas(sum.refused),
        sum.wrong
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_add_up() {
        let mut record = Record::default();
        for ended in [Ended::Answered, Ended::Refused, Ended::Wrong("it panicked", String::new())] {
            record.add(Damage::Bits, &ended);
        }
        record.add(Damage::Truncation, &Ended::Refused);
        let table = record.table();
        assert!(table.contains("| bits, anywhere | 3 | 1 | 1 | 1 |"), "{table}");
        assert!(table.contains("| **all** | 4 | 1 | 2 | 1 |"), "{table}");
    }
}
