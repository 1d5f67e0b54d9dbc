//! One process of a target: its arguments, and what it says.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::{Target, directory, kept, program};

/// How much is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub time: Duration,
    pub runs: u64,
}

impl Budget {
    pub fn at_most(self, time: Duration) -> Budget {
        Budget { time: self.time.min(time), ..self }
    }

    /// What is left behind a round.
    pub fn without(self, round: &Round) -> Budget {
        Budget {
            time: self.time.saturating_sub(round.time),
            runs: match self.runs {
                u64::MAX => u64::MAX,
                runs => runs.saturating_sub(round.runs),
            },
        }
    }

    /// A second is nothing: the corpus would be read for it.
    pub fn is_spent(self) -> bool {
        self.runs == 0 || self.time < Duration::from_secs(2)
    }
}

/// What one process has done.
#[derive(Debug, PartialEq, Eq)]
pub struct Round {
    pub target: &'static str,
    pub runs: u64,
    pub time: Duration,
    /// Edges of the control flow that were taken,
    pub edges: u64,
    /// and that there are.
    pub all_edges: u64,
    /// Inputs that cover more than others.
    pub inputs: u64,
    /// Nothing was found.
    pub fine: bool,
}

/// Where the inputs of a target are; the first is where new ones go.
pub fn sources(target: &str) -> Result<Vec<PathBuf>> {
    let mut all = vec![directory("corpus", target)?, directory("seeds", target)?, directory("kept", target)?];
    all.extend(Some(kept().join("findings").join(target)).filter(|directory| directory.is_dir()));
    Ok(all)
}

/// Inputs of a swift round are no longer.
const SHORT: u32 = 64;

/// Runs a target on new inputs. A `swift` round does not count how often an edge is taken, and keeps inputs short: it makes several
/// times as many runs in the same time.
pub fn run(target: &Target, budget: Budget, swift: bool) -> Result<Round> {
    // Of several the last counts.
    let longest = if swift { target.longest.min(SHORT) } else { target.longest };
    let mut limits = vec![
        format!("-use_counters={}", u8::from(!swift)),
        format!("-max_len={longest}"),
        format!("-max_total_time={}", budget.time.as_secs()),
    ];
    // It counts in 32 bits.
    limits.extend((budget.runs < u64::MAX).then(|| format!("-runs={}", budget.runs.min(2_000_000_000))));
    start(target, &limits)
}

/// Runs a target on all inputs that are known.
pub fn replay(target: &Target) -> Result<Round> {
    start(target, &["-runs=0".to_owned()])
}

fn start(target: &Target, limits: &[String]) -> Result<Round> {
    let findings = directory("findings", target.name)?;
    let mut command = Command::new(program(target.name));
    command
        .args(sources(target.name)?)
        .arg(format!("-artifact_prefix={}/", findings.display()))
        .arg(format!("-max_len={}", target.longest))
        .args(limits)
        .args(["-print_final_stats=1", "-timeout=20", "-rss_limit_mb=3000", "-verbosity=1"]);
    // Short inputs need not begin shorter.
    if target.longest <= 1024 {
        command.arg("-len_control=0");
    }
    let dictionary = kept().join("dictionaries").join(format!("{}.dict", target.name));
    if dictionary.is_file() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    let start = Instant::now();
    let output = command.output().with_context(|| format!("cannot run {}", target.name))?;
    let log = String::from_utf8_lossy(&output.stderr);
    let round = Round::read(target.name, &log, start.elapsed(), output.status.success());
    fs::write(directory("logs", target.name)?.join("last"), &*log)?;
    if !round.fine {
        let from = log.len().saturating_sub(8000);
        let from = (from..log.len()).find(|at| log.is_char_boundary(*at)).unwrap_or(0);
        eprintln!("{}", &log[from..]);
    }
    eprintln!(
        "{}: {} runs in {:.0} s, {} of {} edges, {} inputs{}",
        round.target,
        round.runs,
        round.time.as_secs_f64(),
        round.edges,
        round.all_edges,
        round.inputs,
        if round.fine { "" } else { ", A FINDING" }
    );
    Ok(round)
}

impl Round {
    fn read(target: &'static str, log: &str, time: Duration, fine: bool) -> Round {
        // The number behind the last of a mark.
        let last = |mark: &str| {
            let (_, behind) = log.rsplit_once(mark)?;
            behind.trim_start().split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        };
        Round {
            target,
            runs: last("stat::number_of_executed_units:").unwrap_or(0),
            time,
            edges: last(" cov: ").unwrap_or(0),
            all_edges: last("Loaded 1 PC tables (").unwrap_or(0),
            inputs: last(" corp: ").unwrap_or(0),
            fine,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As libFuzzer of LLVM 19 says it.
    #[test]
    fn what_it_says_is_understood() {
        let log = "INFO: Running with entropic power schedule (0xFF, 100).\n\
            INFO: Loaded 1 modules   (9512 inline 8-bit counters): 9512 [0x55, 0x56), \n\
            INFO: Loaded 1 PC tables (9512 PCs): 9512 [0x55,0x56), \n\
            #18\tINITED cov: 612 ft: 1010 corp: 17/238b exec/s: 0 rss: 45Mb\n\
            #65536\tpulse  cov: 700 ft: 2010 corp: 99/1238b lim: 33 exec/s: 32768 rss: 50Mb\n\
            #70000\tDONE   cov: 701 ft: 2011 corp: 100/1240b lim: 33 exec/s: 32768 rss: 50Mb\n\
            stat::number_of_executed_units: 70000\nstat::average_exec_per_sec:     32768\n";
        let round = Round::read("lines", log, Duration::from_secs(2), true);
        let expected = Round {
            target: "lines",
            runs: 70_000,
            time: Duration::from_secs(2),
            edges: 701,
            all_edges: 9512,
            inputs: 100,
            fine: true,
        };
        assert_eq!(round, expected);
        let budget = Budget { time: Duration::from_secs(3), runs: 100_000 };
        assert_eq!(budget.without(&round), Budget { time: Duration::from_secs(1), runs: 30_000 });
        assert!(budget.without(&round).is_spent() && !budget.is_spent());
        assert_eq!(Budget { runs: u64::MAX, ..budget }.without(&round).runs, u64::MAX);
    }
}
