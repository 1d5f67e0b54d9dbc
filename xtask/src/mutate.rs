//! `cargo xtask mutate`: damages the cores that ship, and runs every family of dcmds over them.
//!
//! What is done to a core is in [`damage`], what is asked of it, and what must hold of the answers, in [`session`]. A core is written
//! once; what is overwritten is put back. [`record`] adds up all runs for the table in `docs/robustness.md`.

mod damage;
mod record;
mod session;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use test_support::command_lines::Seed;

use crate::{build, places, support_matrix};
use damage::{Damage, Damaged};
use record::Record;
use session::{Ended, FAMILIES};

/// Cores are cut at multiples of it.
const TRUNCATION: usize = 4096;
/// Larger cores are left out, if none are named: they take longer and hold nothing else.
const LARGEST: usize = 32 << 20;

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (mut runs, mut seed, mut cores, mut executable, mut keep, mut truncate, mut report) =
        (100_u64, 1_u64, Vec::new(), None, home().join("findings"), false, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("runs") => runs = arguments.value()?.parse()?,
            Long("seed") => seed = arguments.value()?.parse()?,
            Long("core") => cores.push(PathBuf::from(arguments.value()?)),
            Long("debugger") => executable = Some(PathBuf::from(arguments.value()?)),
            Long("keep") => keep = PathBuf::from(arguments.value()?),
            Long("truncate") => truncate = true,
            Long("report") => report = Some(PathBuf::from(arguments.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    let executable = executable.map_or_else(build::checked_debugger, Ok)?;
    let named = !cores.is_empty();
    if !named {
        cores = shipped()?;
    }
    let mut files = Vec::new();
    for core in &cores {
        let bytes = decompressed(core)?;
        if named || bytes.len() <= LARGEST {
            files.push(Damaged::new(bytes)?);
        }
    }
    ensure!(!files.is_empty(), "there is no core to damage");
    let mut trials = Trials { executable, keep, record: Record::default(), findings: 0 };
    if truncate {
        for (number, file) in files.iter_mut().enumerate() {
            // All of one core unless others are named: every point costs as much as a damaged core.
            if number > 0 && !named {
                break;
            }
            let points = file.len().div_ceil(TRUNCATION);
            for point in 0..points {
                file.truncate(point * TRUNCATION)?;
                let family = FAMILIES[point % FAMILIES.len()];
                trials.ask(file, Damage::EveryTruncation, family, format!("cut-{number}-{point}"))?;
                file.mend()?;
                tell(point as u64, points as u64);
            }
        }
    } else {
        for number in 0..runs {
            let mut random = Seed::new(seed.wrapping_add(number));
            let mut choose = |below: usize| random.below(below.max(1));
            let file = choose(files.len());
            let file = &mut files[file];
            let damage = file.damage(&mut choose)?;
            let family = FAMILIES[choose(FAMILIES.len())];
            trials.ask(file, damage, family, format!("seed-{}", seed.wrapping_add(number)))?;
            file.mend()?;
            tell(number, runs);
        }
    }
    print!("{}", trials.record.table());
    if let Some(report) = report {
        support_matrix::write(&report, "mutate", &trials.record.report()?.table())?;
    }
    ensure!(trials.findings == 0, "{} findings are in {}", trials.findings, trials.keep.display());
    Ok(())
}

/// All that is tried in one run of this task.
struct Trials {
    executable: PathBuf,
    /// Where cores go that something was found with.
    keep: PathBuf,
    record: Record,
    findings: u64,
}

impl Trials {
    fn ask(&mut self, core: &Damaged, damage: Damage, family: &str, name: String) -> Result<()> {
        let ended = session::ask(&self.executable, core.path(), family)?;
        self.record.add(damage, &ended);
        if let Ended::Wrong(what, more) = ended {
            self.findings += 1;
            fs::create_dir_all(&self.keep)?;
            let kept = self.keep.join(name);
            fs::copy(core.path(), &kept)?;
            eprintln!("{what} ({more}): {}, `{family}`: {}", damage.name(), kept.display());
        }
        Ok(())
    }
}

fn tell(number: u64, all: u64) {
    if number % 500 == 499 {
        eprintln!("{} of {all} cores", number + 1);
    }
}

/// Where cores go that something was found with.
fn home() -> PathBuf {
    places::target().join("mutate")
}

fn shipped() -> Result<Vec<PathBuf>> {
    let mut cores = Vec::new();
    for entry in fs::read_dir(places::workspace().join("testdata/cores"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "zst") {
            cores.push(path);
        }
    }
    cores.sort();
    Ok(cores)
}

fn decompressed(core: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = fs::File::open(core).with_context(|| format!("cannot open {}", core.display()))?;
    match core.extension().is_some_and(|extension| extension == "zst") {
        true => zstd::Decoder::new(file)?.read_to_end(&mut bytes)?,
        false => file.read_to_end(&mut bytes)?,
    };
    Ok(bytes)
}
