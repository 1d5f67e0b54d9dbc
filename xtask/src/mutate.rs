//! `cargo xtask mutate`: damages the cores that ship, and runs every family of dcmds over them.
//!
//! What is done to a core is in [`damage`], what is asked of it, and what must hold of the answers, in [`session`]. Each worker writes
//! a core once; what is overwritten is put back. [`record`] adds up all runs for the table in `docs/robustness.md`.

mod damage;
mod record;
mod session;

use std::fs;
use std::io::Read;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, anyhow, ensure};
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
    let mut wholes = Vec::new();
    for core in &cores {
        let bytes = decompressed(core)?;
        if named || bytes.len() <= LARGEST {
            wholes.push(Arc::new(bytes));
        }
    }
    ensure!(!wholes.is_empty(), "there is no core to damage");
    let plan = if truncate {
        // All of one core unless others are named: every point costs as much as a damaged core.
        let cut = if named { &wholes[..] } else { &wholes[..1] };
        Plan::Cuts(cut.iter().map(|whole| whole.len().div_ceil(TRUNCATION) as u64).collect())
    } else {
        Plan::Lots { first: seed, runs }
    };
    let trials = Trials { executable, keep, wholes, plan, next: AtomicU64::new(0), seen: Mutex::default() };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(|| trials.work())).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })?;
    let Trials { keep, seen, .. } = trials;
    let Seen { record, findings } = seen.into_inner().map_err(|_| anyhow!("a trial panicked"))?;
    print!("{}", record.table());
    if let Some(report) = report {
        support_matrix::write(&report, "mutate", &record.report()?.table())?;
    }
    ensure!(findings == 0, "{findings} findings are in {}", keep.display());
    Ok(())
}

/// What is done to the cores.
enum Plan {
    /// Damage that is drawn by lot: a seed for each.
    Lots { first: u64, runs: u64 },
    /// Each end at a multiple of [`TRUNCATION`], so many of each core.
    Cuts(Vec<u64>),
}

impl Plan {
    fn len(&self) -> u64 {
        match self {
            Plan::Lots { runs, .. } => *runs,
            Plan::Cuts(points) => points.iter().sum(),
        }
    }
}

/// All that is tried in one run of this task, by as many workers as there are processors.
struct Trials {
    executable: PathBuf,
    /// Where cores go that something was found with.
    keep: PathBuf,
    /// The cores before they are damaged.
    wholes: Vec<Arc<Vec<u8>>>,
    plan: Plan,
    /// The first that no worker has taken yet.
    next: AtomicU64,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    record: Record,
    findings: u64,
}

impl Trials {
    /// Takes one after the other, with files of its own.
    fn work(&self) -> Result<()> {
        let mut files: Vec<Option<Damaged>> = self.wholes.iter().map(|_| None).collect();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.plan.len() {
                return Ok(());
            }
            match &self.plan {
                Plan::Lots { first, .. } => {
                    let seed = first.wrapping_add(number);
                    let mut random = Seed::new(seed);
                    let mut choose = |below: usize| random.below(below.max(1));
                    let file = self.file(&mut files, choose(self.wholes.len()))?;
                    let damage = file.damage(&mut choose)?;
                    let family = FAMILIES[choose(FAMILIES.len())];
                    self.ask(file, damage, family, format!("seed-{seed}"))?;
                    file.mend()?;
                }
                Plan::Cuts(points) => {
                    let (mut core, mut point) = (0, number);
                    while point >= points[core] {
                        point -= points[core];
                        core += 1;
                    }
                    let file = self.file(&mut files, core)?;
                    file.truncate(point as usize * TRUNCATION)?;
                    let family = FAMILIES[point as usize % FAMILIES.len()];
                    self.ask(file, Damage::EveryTruncation, family, format!("cut-{core}-{point}"))?;
                    file.mend()?;
                }
            }
            tell(number, self.plan.len());
        }
    }

    /// A worker's own file of a core, written when it is first asked for.
    fn file<'f>(&self, files: &'f mut [Option<Damaged>], core: usize) -> Result<&'f mut Damaged> {
        if files[core].is_none() {
            files[core] = Some(Damaged::new(Arc::clone(&self.wholes[core]))?);
        }
        files[core].as_mut().context("it has just been written")
    }

    fn ask(&self, core: &Damaged, damage: Damage, family: &str, name: String) -> Result<()> {
        let ended = session::ask(&self.executable, core.path(), family)?;
        let mut seen = self.seen.lock().map_err(|_| anyhow!("another trial panicked"))?;
        seen.record.add(damage, &ended);
        if let Ended::Wrong(what, more) = ended {
            seen.findings += 1;
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
