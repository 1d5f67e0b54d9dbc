//! Runs `v8mdb` on a core, from outside, as a user does.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::constructors::Counts;

/// The debugger and the core it is asked about.
#[derive(Debug)]
pub struct Debugger {
    executable: PathBuf,
    core: PathBuf,
    /// Below it source maps and sources may be read.
    sources: Option<PathBuf>,
    /// Below it the files lie that the core names.
    sysroot: Option<PathBuf>,
}

/// One line of `::findjsobjects -j`.
#[derive(Debug, Clone, Deserialize)]
pub struct Group {
    /// Address of a representative, `0x…`.
    pub object: String,
    /// How many objects are like it.
    pub count: u64,
    /// Name of the constructor.
    pub constructor: String,
    /// Names of the properties, in order.
    #[serde(default)]
    pub properties: Vec<String>,
}

impl Debugger {
    /// For one core.
    pub fn new(executable: PathBuf, core: &Path) -> Debugger {
        Debugger { executable, core: core.to_owned(), sources: None, sysroot: None }
    }

    /// The same with a directory below which source maps and sources may be read.
    pub fn with_sources(self, directory: PathBuf) -> Debugger {
        Debugger { sources: Some(directory), ..self }
    }

    /// The same with a directory below which the files lie that the core names.
    pub fn with_sysroot(self, directory: PathBuf) -> Debugger {
        Debugger { sysroot: Some(directory), ..self }
    }

    /// How it is started, but for commands.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.executable);
        command.arg("-S");
        if let Some(directory) = &self.sources {
            command.arg("--sources").arg(directory);
        }
        if let Some(directory) = &self.sysroot {
            command.arg("--sysroot").arg(directory);
        }
        command.arg(&self.core);
        command
    }

    /// What one `-e` prints; fails if the command does.
    pub fn evaluate(&self, commands: &str) -> Result<String> {
        Ok(self.evaluate_aloud(commands)?.0)
    }

    /// What one `-e` prints, and what it warns of; fails if the command does.
    ///
    /// # Errors
    /// The debugger cannot be run, or a command fails.
    pub fn evaluate_aloud(&self, commands: &str) -> Result<(String, String)> {
        let output = self.command().args(["-e", commands]).output();
        let output = output.with_context(|| format!("cannot run {}", self.executable.display()))?;
        let warnings = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        ensure!(output.status.success(), "`{commands}` failed on {}: {warnings}", self.core.display());
        Ok((String::from_utf8(output.stdout)?, warnings))
    }

    /// What each line prints, all in one session. A line that fails leaves its error instead.
    pub fn session(&self, lines: &[String]) -> Result<Vec<String>> {
        const MARK: &str = "end-of-answer";
        let mut script = String::new();
        for line in lines {
            script += &format!("{line}\n::echo {MARK}\n");
        }
        let mut child = self
            .command()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", self.executable.display()))?;
        let mut stdin = child.stdin.take().context("no standard input")?;
        // Written beside the reading: a session's answers are longer than a pipe.
        let writer = std::thread::spawn(move || stdin.write_all(script.as_bytes()));
        let Output { stdout, stderr, .. } = child.wait_with_output()?;
        let written = writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))?;
        let stdout = String::from_utf8_lossy(&stdout);
        let mut answers = Vec::new();
        let mut answer = String::new();
        for line in stdout.split_inclusive('\n') {
            // As in MDB, `::echo` ends its line with a blank.
            if line.trim_end() == MARK {
                answers.push(std::mem::take(&mut answer));
            } else {
                answer += line;
            }
        }
        ensure!(
            written.is_ok() && answers.len() == lines.len(),
            "the session on {} ended after {} of {} lines: {}",
            self.core.display(),
            answers.len(),
            lines.len(),
            String::from_utf8_lossy(&stderr).trim()
        );
        Ok(answers)
    }

    /// Every group of living objects.
    pub fn groups(&self) -> Result<Vec<Group>> {
        self.groups_of("")
    }

    /// Every group of objects, those counted that `option` says: `-a` for all, `-d` for the garbage.
    pub fn groups_of(&self, option: &str) -> Result<Vec<Group>> {
        let output = self.evaluate(&format!("::findjsobjects -j {option}"))?;
        output
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("not a group: {line}")))
            .collect()
    }
}

/// Objects by constructor.
pub fn counts(groups: &[Group]) -> Counts {
    let mut counts = Counts::new();
    for group in groups {
        *counts.entry(group.constructor.clone()).or_default() += group.count;
    }
    counts
}
