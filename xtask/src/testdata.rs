//! `cargo xtask testdata`: the cores that ship in `testdata/cores`, one of each small scenario for each supported line.
//!
//! Each is taken with gcore of an official Node.js that runs under neutral paths with an empty environment, then trimmed
//! by the product's own `::savecore -t`. Beside it goes the truth: how many objects of each constructor V8's own heap
//! snapshot of the same process counts, or what the process said of its memory last of all.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use test_support::scenarios::debugger::Debugger;
use test_support::scenarios::{shipped, workerd};

use crate::heap_snapshot::HeapSnapshot;
use crate::scenario::Scenario;
use crate::take_core::{self, Request, Start, Writer};
use crate::{build, embedders, node_release, places};

/// Where the scenarios run: paths that say nothing about the machine.
const STAGE: &str = "/tmp/v8mdb-stage";

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (mut executable, mut scenarios) = (None, Vec::new());
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("debugger") => executable = Some(std::path::PathBuf::from(arguments.value()?)),
            Long("scenario") => scenarios.push(arguments.value()?.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let executable = executable.map_or_else(build::debugger, Ok)?;
    fs::create_dir_all(places::workspace().join("testdata/cores"))?;
    let stage = Path::new(STAGE);
    let names = || {
        shipped::SCENARIOS.into_iter().chain([
            shipped::GROWTH,
            shipped::HOSTILE,
            shipped::PENDING,
            "arm64",
            "workerd",
        ])
    };
    let is_wanted = |name: &str| scenarios.is_empty() || scenarios.iter().any(|wanted| wanted == name);
    if let Some(unknown) = scenarios.iter().find(|name| !names().any(|known| known == **name)) {
        bail!("no cores of `{unknown}` ship (those of {} do)", names().collect::<Vec<_>>().join(", "));
    }
    for node in node_release::SUPPORTED {
        let (major, _) = node.split_once('.').context("a release is MAJOR.MINOR.PATCH")?;
        let line: u32 = major.parse().context("a release begins with a number")?;
        for name in shipped::SCENARIOS.into_iter().filter(|name| is_wanted(name)) {
            let file = places::workspace().join(format!("testdata/cores/{name}-{major}"));
            ship(&executable, node, name, Vec::new(), &file)?;
        }
        if line == shipped::HOSTILE_LINE && is_wanted(shipped::HOSTILE) {
            ship(&executable, node, shipped::HOSTILE, Vec::new(), &shipped::hostile())?;
        }
        if line == shipped::OTHER_PROCESSOR_LINE && is_wanted("arm64") {
            let node = format!("{node}-arm64");
            ship(&executable, &node, shipped::OTHER_PROCESSOR, Vec::new(), &shipped::arm64())?;
        }
        if line == shipped::PENDING_LINE && is_wanted(shipped::PENDING) {
            let arguments = vec!["--alone".to_owned()];
            ship(&executable, node, shipped::PENDING, arguments, &shipped::pending())?;
        }
        for (_, of) in
            shipped::STAGES.into_iter().filter(|(own, _)| *own == line && is_wanted(shipped::GROWTH))
        {
            let arguments = vec![format!("--stage={of}")];
            ship(&executable, node, shipped::GROWTH, arguments, &shipped::stage(line, of))?;
        }
    }
    if is_wanted("workerd") {
        ship_workerd(&executable)?;
    }
    fs::remove_dir_all(stage)?;
    Ok(())
}

/// Makes the core of workerd, and the truth beside it.
fn ship_workerd(executable: &Path) -> Result<()> {
    let directory = Path::new(STAGE).join("out");
    let binary = Path::new(STAGE).join("workerd");
    fs::create_dir_all(STAGE)?;
    fs::copy(embedders::workerd::binary(embedders::workerd::SHIPPED.0)?, &binary)?;
    embedders::workerd::take(&binary, embedders::workerd::SHIPPED, &directory)?;
    let target = workerd::core();
    let debugger = Debugger::new(executable.to_owned(), &directory.join("core"));
    print!("{}", debugger.evaluate(&format!("::savecore -t -z 19 \"{}\"", target.display()))?);
    ensure_neutral(&target)?;
    let text = serde_json::to_string_pretty(&truth(&directory)?.objects)? + "\n";
    fs::write(shipped::with_ending(workerd::shipped(), "constructors.json"), text)?;
    Ok(())
}

/// Makes one core, and the truth beside it; `file` has no ending.
fn ship(executable: &Path, node: &str, name: &str, arguments: Vec<String>, file: &Path) -> Result<()> {
    let stage = Path::new(STAGE);
    let directory = stage.join("out");
    let reports = name == shipped::PENDING || shipped::REPORTING.contains(&name);
    take_core::take(&Request {
        node: node.to_owned(),
        scenario: Scenario::find(name)?,
        directory: directory.clone(),
        writer: Writer::Gdb,
        snapshot: !reports && name != shipped::HOSTILE,
        arguments,
        start: Start::default(),
        stage: Some(stage.to_owned()),
    })?;
    let target = shipped::with_ending(file.to_owned(), "core.zst");
    let debugger = Debugger::new(executable.to_owned(), &directory.join("core"));
    print!("{}", debugger.evaluate(&format!("::savecore -t -z 19 \"{}\"", target.display()))?);
    ensure_neutral(&target)?;
    if name == shipped::HOSTILE {
        return Ok(());
    }
    if reports {
        let report = fs::read_to_string(directory.join("process.json"))?;
        fs::write(shipped::with_ending(file.to_owned(), "process.json"), report)?;
        return Ok(());
    }
    let text = serde_json::to_string_pretty(&truth(&directory)?.objects)? + "\n";
    fs::write(shipped::with_ending(file.to_owned(), "constructors.json"), text)?;
    Ok(())
}

/// What V8 counts, in all isolates of the process.
fn truth(directory: &Path) -> Result<HeapSnapshot> {
    let mut truth = HeapSnapshot::read(&directory.join("v8.heapsnapshot"))?;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".heapsnapshot") && name != "v8.heapsnapshot" {
            truth.add(&HeapSnapshot::read(&path)?);
        }
    }
    Ok(truth)
}

/// A core for everybody must not tell where it was made.
fn ensure_neutral(core: &Path) -> Result<()> {
    let mut bytes = Vec::new();
    zstd::Decoder::new(File::open(core)?)?.read_to_end(&mut bytes)?;
    let workspace = places::workspace();
    let home = std::env::var("HOME").unwrap_or_default();
    for text in [&*workspace.to_string_lossy(), &*home] {
        let found = text.len() > 1 && bytes.windows(text.len()).any(|window| window == text.as_bytes());
        ensure!(!found, "{} holds the path {text}", core.display());
    }
    Ok(())
}
