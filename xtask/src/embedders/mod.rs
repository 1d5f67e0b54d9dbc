//! `cargo xtask embedders`: the debugger on processes of other embedders of V8 than Node.js.
//!
//! | embedder | what is asked |
//! | --- | --- |
//! | Deno | `census` runs on it as a CommonJS module; the kernel's core is held against V8's own snapshots of the process, as far as objects live, and the program's facts, as `releases` does it |
//! | workerd | `kinds` runs on a release for each V8 that has a table; its pointers are compressed |
//! | Chromium | `kinds` runs in a page of its headless shell, whose V8 is in a sandbox |
//!
//! All come from npm. What Node.js alone has (its `Environment`, its handles and timers) is not asked of them.

mod chromium;
mod deno;
pub mod workerd;

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::judgement::{self, Judgement, OF_CENSUS, QUESTIONS};
use crate::{build, places, support_matrix, take_core};

/// Lines printed of each question that fails.
const SHOWN: usize = 8;

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (mut debugger, mut report, mut keep, mut only) = (None, None, false, Vec::new());
    let mut chromium_only = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("debugger") => debugger = Some(PathBuf::from(arguments.value()?)),
            Long("report") => report = Some(PathBuf::from(arguments.value()?)),
            Long("keep") => keep = true,
            Long("workerd") => only.push(arguments.value()?.string()?),
            Long("chromium") => chromium_only = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let is_all = debugger.is_none() && only.is_empty() && !chromium_only;
    let report = report.or_else(|| is_all.then(|| places::workspace().join("docs/support-matrix.md")));
    let executable = debugger.map_or_else(build::debugger, Ok)?.canonicalize()?;
    take_core::require_kernel_cores()?;

    let mut judged: Vec<(String, Judgement)> = Vec::new();
    if only.is_empty() && !chromium_only {
        judged.push(tell(format!("Deno {}", deno::RELEASE), deno::judge(&executable, keep)));
    }
    let is_wanted = |release: &&(&str, &str)| match only.is_empty() {
        true => !chromium_only,
        false => only.contains(&release.0.to_owned()),
    };
    for release in workerd::RELEASES.iter().filter(is_wanted) {
        judged.push(tell(format!("workerd {}", release.0), workerd::judge(&executable, *release, keep)));
    }
    if only.is_empty() {
        judged.push(tell(format!("Chromium {}", chromium::RELEASE.0), chromium::judge(&executable, keep)));
    }
    if let Some(path) = &report {
        support_matrix::write(path, "embedders", &table(&judged))?;
        println!("wrote {}", path.display());
    }
    ensure!(judged.iter().all(|(_, judgement)| judgement.passes()), "not every core is read right");
    Ok(())
}

/// Prints what came of one core.
fn tell(name: String, judgement: Result<Judgement>) -> (String, Judgement) {
    let judgement = judgement.unwrap_or_else(|error| Judgement::failed(&error));
    println!("{name}: {} | {}", if judgement.passes() { "ok" } else { "WRONG" }, judgement.cells());
    for failure in judgement.failures(SHOWN) {
        println!("    {failure}");
    }
    (name, judgement)
}

fn table(judged: &[(String, Judgement)]) -> String {
    let names = QUESTIONS[..OF_CENSUS].iter().map(|name| if *name == "opened" { "V8" } else { name });
    let names: Vec<&str> = names.collect();
    let mut text = format!(
        "## Other embedders\n\nAsked as the releases of Node.js are: the values and populations of a program, and of what lives V8's own \
         snapshots, constructor by constructor. Cores are the kernel's, at a signal from outside. Deno runs the same program as Node.js, as a \
         CommonJS module. workerd, whose pointers are compressed, runs `kinds`, a release for each of these V8s; what it \
         forbids a worker is left out, and no thread of it is in JavaScript. The same runs in a page of Chromium's headless shell, whose V8 is in \
         a sandbox.\n\n\
         | embedder | {} | |\n| --- | {}--- |\n",
        names.join(" | "),
        "--- | ".repeat(names.len()),
    );
    for (name, judgement) in judged {
        let verdict = if judgement.passes() { "exact" } else { judgement::DIFFERS };
        let cells: Vec<String> = judgement.each_cell().take(OF_CENSUS).collect();
        text += &format!("| {name} | {} | {verdict} |\n", cells.join(" | "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_differs() {
        let right = judgement::Answer { compared: "7".into(), failures: Vec::new() };
        let judgement = Judgement { answers: vec![right; QUESTIONS.len()] };
        let wrong = Judgement::failed(&anyhow::anyhow!("x"));
        let text = table(&[("Deno 2.9.6".to_owned(), judgement), ("workerd 1".to_owned(), wrong)]);
        assert!(text.contains("| Deno 2.9.6 | 7 | 7 | 7 | 7 | 7 | 7 | 7 | exact |"), "{text}");
        assert_eq!(text.matches(judgement::DIFFERS).count(), 2, "{text}");
    }
}
