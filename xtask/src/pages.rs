//! `cargo xtask pages`: the pages that `v8mdb report` writes, in a real browser.
//!
//! Each page opens from a file, without a network, and tests itself (`#selftest`): whether the parts of each node of the tree add up to it
//! and the treemap fills its picture, whether clicks and keys descend and go back, whether the table sorts and filters, whether anything was
//! loaded. No script may fail, and none may be refused by the page's own policy. `--screenshots DIR` keeps pictures at three widths, to be
//! looked at.
//!
//! The browser is `$V8MDB_BROWSER`, or Chromium or Chrome where one is installed. Without one the task says so, and that is all.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{build, places};

/// Cores that ship, with the older core of those that have one.
const CORES: [(&str, Option<&str>); 8] = [
    ("leak-24", None),
    ("growth-24", Some("growth-24.stage1")),
    ("uncaught-24", None),
    ("full-24", None),
    ("busy-24", None),
    ("pending-24", None),
    ("hostile-24", None),
    ("native", None),
];
/// Programs that are browsers of the kind that is needed.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// Pages are smaller.
const MOST_BYTES: u64 = 3_000_000;
/// Widths of screens: a telephone, a tablet, a desk.
const WIDTHS: [(u32, u32); 3] = [(390, 2400), (820, 2400), (1440, 2400)];

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (mut cores, mut executable, mut screenshots) = (Vec::new(), None, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("core") => cores.push((PathBuf::from(arguments.value()?), None)),
            Long("debugger") => executable = Some(PathBuf::from(arguments.value()?)),
            Long("screenshots") => screenshots = Some(PathBuf::from(arguments.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    let Some(browser) = browser() else {
        println!("left out: there is no browser ($V8MDB_BROWSER, or one of {})", BROWSERS.join(", "));
        return Ok(());
    };
    if cores.is_empty() {
        let shipped = |name: &str| places::workspace().join(format!("testdata/cores/{name}.core.zst"));
        cores = CORES.iter().map(|(core, base)| (shipped(core), base.map(shipped))).collect();
    }
    let executable = executable.map_or_else(build::debugger, Ok)?;
    let directory = tempfile::tempdir()?;
    let mut failed = 0;
    for (core, base) in &cores {
        let name = core.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = name.trim_end_matches(".zst").trim_end_matches(".core").to_owned();
        let page = directory.path().join(format!("{name}.html"));
        match check(&executable, &browser, core, base.as_deref(), &page) {
            Ok(found) => println!("{name}: {found}"),
            Err(error) => {
                failed += 1;
                println!("{name} WRONG: {error:#}");
            }
        }
        if let Some(pictures) = &screenshots {
            std::fs::create_dir_all(pictures)?;
            for (width, height) in WIDTHS {
                let file = pictures.join(format!("{name}-{width}.png"));
                let picture = format!("--screenshot={}", file.display());
                browse(&browser, &page, "", &[&picture, &format!("--window-size={width},{height}")])?;
            }
        }
    }
    ensure!(failed == 0, "{failed} of {} pages are wrong", cores.len());
    println!("all {} pages are right", cores.len());
    Ok(())
}

fn browser() -> Option<OsString> {
    if let Some(named) = std::env::var_os("V8MDB_BROWSER") {
        return Some(named);
    }
    let runs =
        |name: &str| Command::new(name).arg("--version").output().is_ok_and(|run| run.status.success());
    BROWSERS.iter().find(|name| runs(name)).map(OsString::from)
}

fn check(
    executable: &Path,
    browser: &OsString,
    core: &Path,
    base: Option<&Path>,
    page: &Path,
) -> Result<String> {
    let mut command = Command::new(executable);
    command.arg("report").arg(core).arg("-o").arg(page);
    if let Some(base) = base {
        command.arg("--base").arg(base);
    }
    let made = command.output().context("cannot run v8mdb")?;
    ensure!(made.status.success(), "no report: {}", String::from_utf8_lossy(&made.stderr).trim());
    let bytes = std::fs::metadata(page)?.len();
    ensure!(bytes < MOST_BYTES, "the page has {bytes} bytes");
    let dom = browse(browser, page, "#selftest", &["--virtual-time-budget=20000", "--dump-dom"])?;
    let (_, behind) = dom.split_once("data-selftest=\"").context("the page has not tested itself")?;
    let (result, _) = behind.split_once('"').context("the test of the page has no end")?;
    let result =
        result.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let result: Value = serde_json::from_str(&result)?;
    for field in ["failures", "errors"] {
        let wrong = result[field].as_array().context("no list")?;
        ensure!(wrong.is_empty(), "{field}: {wrong:?}");
    }
    let empty = page.with_extension("empty.html");
    std::fs::write(&empty, "<!doctype html><title>empty</title>")?;
    Ok(format!(
        "{} nodes, {} levels down, {bytes} bytes, opened in {:.2} s (an empty page in {:.2} s); {}",
        result["nodes"],
        result["levels"],
        seconds_to_open(browser, page)?,
        seconds_to_open(browser, &empty)?,
        result["title"]
    ))
}

/// How long the browser takes from its start until a page has been read and drawn.
fn seconds_to_open(browser: &OsString, page: &Path) -> Result<f64> {
    let start = Instant::now();
    browse(browser, page, "", &["--dump-dom"])?;
    Ok(start.elapsed().as_secs_f64())
}

/// Opens a page; gives what the browser prints.
fn browse(browser: &OsString, page: &Path, fragment: &str, options: &[&str]) -> Result<String> {
    let profile = tempfile::tempdir()?;
    let output = Command::new(browser)
        .args(["--headless", "--disable-gpu", "--no-sandbox", "--no-first-run", "--hide-scrollbars"])
        .args(["--enable-logging=stderr", "--v=0", "--proxy-server=127.0.0.1:9"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(options)
        .arg(format!("file://{}{fragment}", page.display()))
        .output()
        .context("cannot run the browser")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let wrong = said.lines().find(|line| line.contains("CONSOLE"));
    ensure!(wrong.is_none(), "the browser says: {}", wrong.unwrap_or_default());
    ensure!(output.status.success(), "the browser failed: {}", said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
