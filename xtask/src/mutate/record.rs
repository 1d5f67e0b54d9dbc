//! What was run, for the table in `docs/robustness.md`: reports add up in `fuzz/records`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::damage::Damage;
use super::session::{Ended, MOST_MEMORY_MB, MOST_SECONDS};
use crate::fuzz::{self, with_commas};
use crate::places;

/// Damaged cores by what was done to them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Record(BTreeMap<String, Sum>);

#[derive(Debug, Default, Serialize, Deserialize)]
struct Sum {
    answered: u64,
    refused: u64,
    wrong: u64,
}

/// Of all that was reported.
fn reported() -> PathBuf {
    places::workspace().join("fuzz/records/mutants.json")
}

impl Record {
    /// Adds these to what was reported before, and returns the sum.
    pub fn report(&self) -> Result<Record> {
        let mut all: Record = fuzz::read(&reported())?;
        for (damage, own) in &self.0 {
            let sum = all.0.entry(damage.clone()).or_default();
            sum.answered += own.answered;
            sum.refused += own.refused;
            sum.wrong += own.wrong;
        }
        fuzz::write(&reported(), &all)?;
        Ok(all)
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
