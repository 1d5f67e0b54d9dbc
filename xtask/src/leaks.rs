//! `cargo xtask leaks`: programs that leak in the classic ways, each a web service with a framework in between, and whether the
//! debugger finds the leak: on every supported line, `::jsleaks` must name what has gathered, how much of it, and where, first or
//! second of its suspects; and `::jspath` must show the true way to it.
//!
//! Small programs leak in further ways, alone in a process without packages, in two cores of which one has leaked more: `::diff` must
//! name the owner and say how much more.
//!
//! Each program is tried on one line, the next on the next, and another day on another, unless `--all` or `--node` says otherwise. `--every 2`
//! leaves out every second, of programs and of services, which has its turn another day.
//!
//! Healthy services must not be suspected: see [`crate::services`]. Some are tried each time; `--healthy` tries them all, and nothing else.
//!
//! What is true each program says itself (`testdata/scenarios/leaks`, `leaks-small`). The cores are kept for the next run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use test_support::scenarios::constructors;
use test_support::scenarios::debugger::{Debugger, counts};

use crate::population::Population;
use crate::releases;
use crate::scenario::{LEAKS, SMALL_LEAKS, Scenario};
use crate::services::{self, Extent};
use crate::take_core::{self, Request, Start, Writer};

/// What a program says of its leak.
#[derive(Debug, Deserialize)]
struct Truth {
    /// Constructor of what has gathered.
    leaked: String,
    /// How many there are: one for each request, mostly.
    count: u64,
    /// Constructor of what they have gathered in; nothing if handles of native code hold them.
    owner: Option<String>,
    /// Where they have gathered, if it is nowhere in particular.
    place: Option<String>,
    /// A class of the program.
    holds: String,
    /// Requests to the route that leaks.
    held: u64,
    /// There are so few of what has gathered.
    few: Option<u64>,
    /// No other suspect has anything to do with it.
    #[serde(default)]
    alone: bool,
    /// Requests that are open for another reason count as well.
    #[serde(default)]
    unanswered: bool,
    /// The last steps of ways to the owner, any of which may be shown.
    paths: Vec<Vec<String>>,
    /// So many objects of the class are alive, if it is not one for each request.
    alive: Option<u64>,
    /// What `::diff` calls the owner and what it holds.
    diff: Option<String>,
    /// A captured variable that nobody reads.
    unread: Option<Unread>,
    /// What an `AsyncLocalStorage` has.
    stores: Option<Stores>,
    /// What has leaked is native memory.
    native: Option<Native>,
    /// What has leaked are threads, whose heaps have so many bytes in use.
    threads: Option<u64>,
    /// Slices that keep strings, as `::jsleaks -j` has them.
    slices: Option<serde_json::Value>,
    /// Views that keep ArrayBuffers.
    views: Option<serde_json::Value>,
    /// Variables that hold WeakMaps of which the leak keeps values, and how many of each.
    #[serde(rename = "weakValues")]
    weak_values: Option<Vec<(String, u64)>>,
    /// How what has gathered holds the objects of the class of the program.
    through: Option<String>,
}

/// What a program says of native memory that has leaked, or V8's own snapshot of such a program.
#[derive(Debug, Deserialize)]
struct Native {
    /// Bytes that each owns.
    each: u64,
    /// Part of the name of its class in C++.
    class: String,
    /// The C++ class of what keeps them, where JavaScript shows no more than a handle.
    keeper: Option<String>,
}

/// What a program says of a captured variable that nobody reads, and that holds what has leaked.
#[derive(Debug, Deserialize)]
struct Unread {
    variable: String,
    /// The function that it is a variable of.
    of: String,
    /// The function that keeps it.
    #[serde(rename = "keptBy")]
    kept_by: String,
}

/// What a program says of the stores of an `AsyncLocalStorage`.
#[derive(Debug, Deserialize)]
struct Stores {
    /// The variable that holds the storage.
    storage: String,
    /// How many there are, the current one included.
    count: u64,
    /// Their class.
    of: String,
    /// Constructor of what holds all but the current one.
    #[serde(rename = "heldBy")]
    held_by: String,
    /// Its name, where Node.js knows names.
    name: Option<String>,
}

/// How much more the second of two cores has leaked.
const MORE: u64 = 300;

/// Per cent by which the estimate of native memory may be off.
const MOST_OFF: u64 = 15;

pub fn run(arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (population, mut arguments) = Population::of(arguments)?;
    let mut scenarios = Vec::new();
    let (mut all, mut healthy, mut every) = (false, false, 1);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("scenario") => scenarios.push(Scenario::find(&arguments.value()?.string()?)?),
            Long("all") => all = true,
            Long("healthy") => healthy = true,
            Long("every") => every = arguments.value()?.parse::<usize>()?.max(1),
            other => return Err(other.unexpected().into()),
        }
    }
    all |= !population.named().is_empty();
    let with_closures = scenarios.is_empty();
    let lines = population.releases();
    if scenarios.is_empty() {
        scenarios = LEAKS.iter().chain(SMALL_LEAKS).copied().collect();
    }
    let executable = population.debugger()?;
    if healthy {
        let (tried, alarms) = services::try_services(&executable, &lines, Extent::All);
        ensure!(alarms == 0, "{alarms} healthy services of {tried} are suspected");
        println!("all {tried} healthy services are above suspicion");
        return Ok(());
    }
    let day = usize::try_from(releases::today()).unwrap_or(0);
    let (mut tried, mut failed) = (0, 0);
    for (index, node) in lines.iter().enumerate() {
        if with_closures {
            tried += 1;
            match check_closures(&executable, node) {
                Ok(found) => println!("node {node} closures: {found}"),
                Err(error) => {
                    failed += 1;
                    println!("node {node} closures WRONG: {error:#}");
                }
            }
        }
        for (number, scenario) in scenarios.iter().enumerate() {
            let small = SMALL_LEAKS.iter().any(|small| small.name == scenario.name);
            if !all && (number + day) % (every * lines.len()) != index {
                continue;
            }
            tried += 1;
            match check(&executable, node, *scenario, small) {
                Ok(found) => println!("node {node} {}: {found}", scenario.name),
                Err(error) => {
                    failed += 1;
                    println!("node {node} {} WRONG: {error:#}", scenario.name);
                }
            }
        }
    }
    ensure!(failed == 0, "{failed} leaks of {tried} are not found");
    println!("all {tried} leaks are found");
    if with_closures {
        let (tried, alarms) = services::try_services(&executable, &lines, Extent::Sample { every, day });
        ensure!(alarms == 0, "{alarms} healthy services of {tried} are suspected");
    }
    Ok(())
}

/// Takes a core of a program, with options of it.
fn take(node: &str, scenario: Scenario, directory: &Path, arguments: Vec<String>) -> Result<()> {
    take_core::take_once(&Request {
        node: node.to_owned(),
        scenario,
        directory: directory.to_owned(),
        writer: Writer::Gdb,
        snapshot: false,
        arguments,
        start: Start::default(),
        stage: None,
    })
}

/// A program that has captured variables of every kind says which of them nobody reads: `::jsclosures -u` must list these alone.
fn check_closures(executable: &Path, node: &str) -> Result<String> {
    let scenario = Scenario::find("leaks-small/unreadkinds")?;
    let directory = take_core::directory_of(scenario.name, node);
    take(node, scenario, &directory, Vec::new())?;
    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(directory.join("process.json"))?)?;
    let unread: BTreeSet<String> = BTreeSet::deserialize(&report["leak"]["unreadKinds"])?;
    let debugger = Debugger::new(executable.to_owned(), &directory.join("core"));
    let answer = &debugger.session(&["::jsclosures -u -j -n 0t1000".to_owned()])?[0];
    let mut found = BTreeSet::new();
    for line in answer.lines() {
        let line: serde_json::Value = serde_json::from_str(line)?;
        let name = line["variable"].as_str().unwrap_or_default();
        // The others are Node.js's own.
        if name.starts_with("read") || name.starts_with("unread") {
            found.insert(name.to_owned());
        }
    }
    let missing: Vec<_> = unread.difference(&found).collect();
    let wrong: Vec<_> = found.difference(&unread).collect();
    ensure!(missing.is_empty() && wrong.is_empty(), "missing {missing:?}, wrong {wrong:?}");
    Ok(format!("{} captured variables are unread, and no other", unread.len()))
}

fn check(executable: &Path, node: &str, scenario: Scenario, is_small: bool) -> Result<String> {
    let directory = take_core::directory_of(scenario.name, node);
    take(node, scenario, &directory, Vec::new())?;
    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(directory.join("process.json"))?)?;
    let truth = Truth::deserialize(&report["leak"]).context("the program does not say what it leaks")?;
    let debugger = Debugger::new(executable.to_owned(), &directory.join("core"));
    if let Some(native) = &truth.native {
        let later = take_core::directory_of(&format!("{}-more", scenario.name), node);
        take(node, scenario, &later, vec![format!("--requests={}", truth.held + MORE)])?;
        let later = Debugger::new(executable.to_owned(), &later.join("core"));
        return check_native(&debugger, &later, &directory.join("core"), &truth, native);
    }
    if let Some(heaps) = truth.threads {
        return check_threads(&debugger, &truth, heaps);
    }
    let holds = &truth.holds;
    let lines = [
        "::jsleaks -n 2".to_owned(),
        format!("::findjsobjects -c {holds} | ::findjsobjects | ::count"),
        format!("::findjsobjects -c {holds} | ::findjsobjects | ::jspath -m -n 0t100"),
        "::jsleaks -n 2 -j".to_owned(),
    ];
    let answers = debugger.session(&lines)?;
    let place = find(&truth, &answers[0])?;
    let count: u64 = answers[1].trim().parse().context("no count")?;
    // Few are what has gathered themselves, or each holds several.
    let own = if truth.holds == truth.leaked { truth.count } else { truth.held };
    let held = truth.alive.unwrap_or(own);
    ensure!(count == held, "{count} {holds} are alive, not {held}");
    // The last ones may be held by timers of their connections as well.
    let true_ones: u64 =
        ways(&answers[2]).iter().filter(|(_, way)| leads_through(&truth, way)).map(|(n, _)| n).sum();
    ensure!(10 * true_ones >= 9 * held, "{true_ones} of {held} {holds} have a true way:\n{}", answers[2]);
    check_rest(&answers[0], &answers[3])?;
    check_makeup(&debugger, &truth, place, &answers)?;
    if let Some(unread) = &truth.unread {
        check_unread(&debugger, unread, held)?;
    }
    if let Some(stores) = &truth.stores {
        check_stores(&debugger, stores)?;
    }
    if is_small {
        let later = take_core::directory_of(&format!("{}-more", scenario.name), node);
        take(node, scenario, &later, vec![format!("--requests={}", truth.requests() + MORE)])?;
        let later = Debugger::new(executable.to_owned(), &later.join("core"));
        check_growth(&later, &directory.join("core"), &truth)?;
    }
    let garbage = check_garbage(&debugger)?;
    Ok(format!("suspect {place} is {} {}; {garbage} objects are garbage", truth.count, truth.leaked))
}

impl Truth {
    /// How often the program has leaked, if nothing else is said.
    fn requests(&self) -> u64 {
        self.stores.as_ref().map_or(self.held, |stores| stores.count - 1)
    }
}

/// What no suspect explains is all that lives less what the suspects retain: the parts of the heap that are told are parts of that sum.
fn check_rest(told: &str, rows: &str) -> Result<()> {
    let line = told.lines().last().context("nothing is told")?;
    let (rest, of) = line.split_once(" bytes, ").context("it is not told how much no suspect explains")?;
    let rest: u64 = rest.parse()?;
    let percent: u64 =
        of.split_once(" %").context("it is not told which part of the heap that is")?.0.parse()?;
    let rows: Vec<serde_json::Value> =
        rows.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>()?;
    let of_heap = rows.iter().filter(|row| row["native"].is_null());
    let sizes: Vec<(u64, u64)> = of_heap
        .map(|row| {
            let number = |field: &str| row[field].as_u64().unwrap_or(0);
            (number("retained") + number("outside"), number("percent"))
        })
        .collect();
    let all = rest + sizes.iter().map(|(size, _)| size).sum::<u64>();
    for (size, percent) in sizes.into_iter().chain([(rest, percent)]) {
        ensure!(100 * size / all == percent, "{size} of {all} bytes are not {percent} %:\n{told}");
    }
    Ok(())
}

/// What keeps more than it shows, and how: slices, views, keys of WeakMaps, stacks that nobody has read.
fn check_makeup(debugger: &Debugger, truth: &Truth, place: usize, answers: &[String]) -> Result<()> {
    if let Some(through) = &truth.through {
        let all = format!("{} of {} (100 %)", truth.held, truth.held);
        ensure!(
            answers[2].contains(&all) && answers[2].contains(through.as_str()),
            "they are not held by `{through}`:\n{}",
            answers[2]
        );
    }
    if truth.slices.is_none() && truth.views.is_none() && truth.weak_values.is_none() {
        return Ok(());
    }
    let told = &debugger.session(&[format!("::jsleaks -j -n {place}")])?[0];
    let suspect = told.lines().nth(place - 1).context("the suspect is no line of JSON")?;
    let suspect: serde_json::Value = serde_json::from_str(suspect)?;
    for (name, wanted) in [("slices", &truth.slices), ("views", &truth.views)] {
        let Some(wanted) = wanted.as_ref().and_then(|wanted| wanted.as_object()) else { continue };
        let found = &suspect[name];
        let are_equal = wanted.iter().all(|(field, value)| found[field] == *value);
        ensure!(are_equal, "its {name} are {found}, and not {wanted:?}");
        let wasted = format!("{} of which none of them shows", wanted["wasted"]);
        ensure!(answers[0].contains(&wasted), "it is not said that `{wasted}`:\n{}", answers[0]);
    }
    for (variable, count) in truth.weak_values.iter().flatten() {
        let way = format!("variable \"{variable}\"");
        let is_told = answers[0].split(" live as long as these").skip(1).any(|text| text.contains(&way));
        ensure!(is_told, "no values of the WeakMap `{variable}`:\n{}", answers[0]);
        let counts: Vec<_> = suspect["weakValues"].as_array().into_iter().flatten().collect();
        ensure!(
            counts.iter().any(|values| values["count"] == *count),
            "no WeakMap has {count} values of it: {counts:?}"
        );
    }
    Ok(())
}

/// `::jsclosures -u` names the variable first, in so many contexts, and what it holds is what the program says.
fn check_unread(debugger: &Debugger, unread: &Unread, held: u64) -> Result<()> {
    let answers = debugger.session(&["::jsclosures -u -j -n 1".to_owned()])?;
    let line = answers[0].lines().next().context("no variable is unread")?;
    let found: serde_json::Value = serde_json::from_str(line)?;
    let Unread { variable, of, kept_by } = unread;
    ensure!(
        found["variable"] == **variable
            && found["contexts"] == held
            && found["function"] == **of
            && found["keptBy"]["name"] == **kept_by,
        "the unread variable is {variable} of {of}, kept by {kept_by}, {held} times:\n{line}"
    );
    Ok(())
}

/// `::jsals` has the storage with its stores, what holds them, and the one that the running code has.
fn check_stores(debugger: &Debugger, stores: &Stores) -> Result<()> {
    let lines = ["::jsals -j", "::jsals | ::jsals | ::count", "::jsals"].map(str::to_owned);
    let answers = debugger.session(&lines)?;
    let storages: Vec<serde_json::Value> =
        answers[0].lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>()?;
    ensure!(storages.len() == 2, "there are two storages:\n{}", answers[0]);
    let found = &storages[0];
    let as_held = found["heldAs"].as_str().unwrap_or_default();
    let timers = found["holders"].as_array().into_iter().flatten();
    let timers =
        timers.filter(|holder| holder["name"] == *stores.held_by).filter_map(|it| it["count"].as_u64());
    // Where resources have stores, the timer that runs has the current one.
    let timers: u64 = timers.sum();
    ensure!(
        found["stores"] == stores.count
            && as_held.starts_with(&format!("variable \"{}\"", stores.storage))
            && (timers == stores.count || timers + 1 == stores.count)
            && found["current"].is_string(),
        "of `{}` there are {} stores, held by {}:\n{found}",
        stores.storage,
        stores.count,
        stores.held_by
    );
    let name = stores.name.as_deref().filter(|name| !name.is_empty());
    ensure!(found["name"].as_str() == name, "it is called {name:?}:\n{found}");
    ensure!(answers[1].trim() == stores.count.to_string(), "not all stores are handed on: {}", answers[1]);
    ensure!(
        answers[2].contains(&format!("the code that ran had {}", stores.of)),
        "no current store:\n{}",
        answers[2]
    );
    Ok(())
}

/// `::jsleaks` names the class first, with how much native memory its objects own, and the true way to them; and `::diff` says how much
/// more the later core has.
fn check_native(
    debugger: &Debugger,
    later: &Debugger,
    earlier: &Path,
    truth: &Truth,
    native: &Native,
) -> Result<String> {
    let is_near = |bytes: u64, objects: u64| {
        let wanted = objects * native.each;
        100 * bytes.abs_diff(wanted) <= MOST_OFF * wanted
    };
    let lines = ["::jsleaks -n 1 -j".to_owned(), "::jsleaks -n 1".to_owned()];
    let answers = debugger.session(&lines)?;
    let suspect: serde_json::Value =
        serde_json::from_str(answers[0].lines().next().context("there is no suspect")?)?;
    let bytes = suspect["native"].as_u64().unwrap_or(0);
    ensure!(
        suspect["constructor"] == *truth.leaked
            && suspect["class"].as_str().is_some_and(|class| class.contains(&native.class))
            && suspect["count"] == truth.count
            && is_near(bytes, truth.count),
        "{} {} own {} bytes each:\n{suspect}",
        truth.count,
        truth.leaked,
        native.each
    );
    let ways = suspect["ways"].as_array().context("no ways")?;
    let first = ways.first().context("no way")?;
    let manners: Vec<&str> =
        first["steps"].as_array().into_iter().flatten().filter_map(|step| step["how"].as_str()).collect();
    let is_true = |path: &Vec<String>| path.iter().all(|step| manners.contains(&step.as_str()));
    ensure!(first["count"] == truth.count, "not all have one way:\n{}", answers[1]);
    ensure!(
        truth.paths.is_empty() && manners.is_empty() || truth.paths.iter().any(is_true),
        "another way to them:\n{}",
        answers[1]
    );
    if let Some(keeper) = &native.keeper {
        let keepers = suspect["keepers"].as_array().context("nothing keeps them in C++")?;
        let kept = keepers
            .iter()
            .find(|found| found["class"] == **keeper)
            .map_or(&serde_json::Value::Null, |it| &it["count"]);
        let is_told =
            answers[1].lines().any(|line| line.contains("in C++") && line.contains(keeper.as_str()));
        // What keeps one of them may lie in a block that another object is as near to.
        let most = kept.as_u64().is_some_and(|kept| kept <= truth.count && 100 * kept >= 95 * truth.count);
        ensure!(is_told && most, "{keeper} keeps all of them:\n{}", answers[1]);
    }
    let growth = later.session(&[format!("::diff -e -j -n 1 {}", earlier.display())])?;
    let row: serde_json::Value =
        serde_json::from_str(growth[0].lines().next().context("nothing has grown")?)?;
    let bytes = |index: usize| row["bytes"][index].as_u64().unwrap_or(0);
    ensure!(
        row["constructor"] == *truth.leaked && is_near(bytes(1).saturating_sub(bytes(0)), MORE),
        "{MORE} more own {} bytes each:\n{row}",
        native.each
    );
    let is_told = later.session(&[format!("::diff {}", earlier.display())])?[0].contains("NATIVE MEMORY");
    ensure!(is_told, "::diff is silent about native memory");
    Ok(format!(
        "suspect 1 is {} {} with {} % of the native memory that they own",
        truth.count,
        truth.leaked,
        100 * suspect["native"].as_u64().unwrap_or(0) / (truth.count * native.each)
    ))
}

/// `::jsleaks` names the threads first, with what their heaps have.
fn check_threads(debugger: &Debugger, truth: &Truth, heaps: u64) -> Result<String> {
    let answers = debugger.session(&["::jsleaks -n 1 -j".to_owned(), "::jsleaks -n 1".to_owned()])?;
    let suspect: serde_json::Value =
        serde_json::from_str(answers[0].lines().next().context("there is no suspect")?)?;
    let bytes = suspect["heaps"].as_u64().unwrap_or(0);
    ensure!(
        suspect["constructor"] == *truth.leaked
            && suspect["count"] == truth.count
            && 100 * bytes.abs_diff(heaps) <= MOST_OFF * heaps
            && suspect["ways"][0]["count"] == truth.count
            && answers[1].contains(" run threads, whose heaps have "),
        "the heaps of {} {} have {heaps} bytes, and all are held alike:\n{suspect}",
        truth.count,
        truth.leaked
    );
    Ok(format!("suspect 1 is {} {}, whose heaps have {bytes} bytes of {heaps}", truth.count, truth.leaked))
}

/// `::diff` names the owner in one of its first rows, with how much more it holds.
fn check_growth(later: &Debugger, earlier: &Path, truth: &Truth) -> Result<()> {
    /// Rows that are looked at.
    const ROWS: usize = 3;
    let answers = later.session(&[format!("::diff -o -n 0t{ROWS} {}", earlier.display())])?;
    let owner = truth.owner.as_deref().unwrap_or_default();
    let wanted = truth.diff.clone().unwrap_or_else(|| format!("{owner} of {}", truth.leaked));
    let growth = format!("+{MORE}");
    let is_it = |line: &&str| line.contains(&wanted) && line.split_whitespace().any(|word| word == growth);
    ensure!(
        answers[0].lines().any(|line| is_it(&line)),
        "no row says {growth} of `{wanted}`:\n{}",
        answers[0]
    );
    Ok(())
}

/// The living and the garbage of each constructor are all there is of it. These processes have collected no garbage before they
/// held still. Returns how many objects are garbage.
fn check_garbage(debugger: &Debugger) -> Result<u64> {
    let [all, living, garbage] =
        ["-a", "", "-d"].map(|option| debugger.groups_of(option).map(|groups| counts(&groups)));
    let (all, mut sum, garbage) = (all?, living?, garbage?);
    for (constructor, count) in &garbage {
        *sum.entry(constructor.clone()).or_default() += count;
    }
    let differences = constructors::compare(&all, &sum);
    ensure!(differences.is_empty(), "the living and the garbage are not all: {differences:?}");
    Ok(garbage.values().sum())
}

/// Which suspect is the leak, counted from 1.
fn find(truth: &Truth, answer: &str) -> Result<usize> {
    let Truth { count, leaked, .. } = truth;
    let place = match (&truth.owner, &truth.place) {
        (_, Some(place)) => format!(" {leaked} {place} retain "),
        (Some(owner), None) => format!("{count} {leaked} in one {owner} retain "),
        (None, None) => format!("{count} {leaked} held one by one by a global handle retain "),
    };
    for (index, suspect) in answer.split("suspect ").skip(1).enumerate() {
        let Some((before, rest)) = suspect.split_once(&place) else { continue };
        if truth.unanswered {
            let told: u64 = before.rsplit(' ').next().unwrap_or_default().parse().unwrap_or(0);
            ensure!((*count..count + 20).contains(&told), "{told} of {count}:\n{suspect}");
        }
        ensure!(
            !truth.alone
                || !answer.split("suspect ").skip(index + 2).any(|other| other.contains(&truth.holds)),
            "it is told twice:\n{answer}"
        );
        ensure!(
            truth.few.is_some() || truth.holds == *leaked || rest.contains(&format!(" {}", truth.holds)),
            "the {} in it is not named:\n{suspect}",
            truth.holds
        );
        let steps = steps(suspect);
        let ends = truth.owner.is_none()
            || truth.place.is_some()
            || truth.paths.iter().any(|path| steps.ends_with(path));
        ensure!(ends, "another way to it:\n{suspect}");
        return Ok(index + 1);
    }
    bail!("no suspect is `{place}`:\n{answer}")
}

/// Merged ways, and how many objects have each: `400 of 400 (100 %): global object, as to 1b2`, then the steps.
fn ways(answer: &str) -> Vec<(u64, String)> {
    let mut ways: Vec<(u64, String)> = Vec::new();
    for line in answer.lines() {
        let head = line
            .split_once(" %): ")
            .and_then(|(counts, root)| Some((counts.split_once(" of ")?.0.parse().ok()?, root.to_owned())));
        match (head, ways.last_mut()) {
            (Some(head), _) => ways.push(head),
            (None, Some((_, way))) => {
                way.push('\n');
                way.push_str(line);
            }
            (None, None) => {}
        }
    }
    ways
}

/// Whether a way leads over the last steps to the owner.
fn leads_through(truth: &Truth, way: &str) -> bool {
    let steps = steps(way);
    truth.place.is_some()
        || truth.owner.is_none() && way.starts_with("global handle")
        || truth.paths.iter().any(|path| steps.windows(path.len()).any(|part| part == path))
}

/// How each object of a way holds the next. Steps that share a line, as in `.next x 3`, are taken apart again, a few of them.
fn steps(way: &str) -> Vec<String> {
    const MOST: usize = 16;
    let lines = way.lines().map(str::trim).filter(|line| !line.starts_with("added to at "));
    let steps = lines.filter_map(|line| line.split_once(" = ")).map(|(step, _)| step);
    let repeated = steps.flat_map(|step| {
        let (step, times) = match step.rsplit_once(" x ") {
            Some((step, times)) => (step, times.parse().unwrap_or(1)),
            None => (step, 1),
        };
        std::iter::repeat_n(step.to_owned(), times.min(MOST))
    });
    repeated.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "\
suspect 1: 400 Function in one Array retain 264992 bytes, 2 % of the heap
  the largest is 1b2 function onPrice, which retains 664 bytes: 1 Visitor, 1 Array
  way to 1b4 Array: global object
    ad1 global
    .market = 131 EventEmitter
    ._events = 257 Object
    .price = 1b5 Array
suspect 2: 12 Other in one Map retain 5 bytes, 0 % of the heap
";

    fn truth() -> Truth {
        let path = ["._events", ".price"].map(str::to_owned).to_vec();
        Truth {
            leaked: "Function".into(),
            count: 400,
            owner: Some("Array".into()),
            place: None,
            holds: "Visitor".into(),
            held: 400,
            few: None,
            alone: false,
            unanswered: false,
            alive: None,
            diff: None,
            unread: None,
            stores: None,
            native: None,
            threads: None,
            slices: None,
            views: None,
            weak_values: None,
            through: None,
            paths: vec![vec!["closure variable \"all\"".into()], path],
        }
    }

    #[test]
    fn a_leak_is_found_if_all_of_it_is_true() {
        assert_eq!(find(&truth(), ANSWER).unwrap(), 1);
        assert!(find(&Truth { count: 399, ..truth() }, ANSWER).is_err());
        assert!(find(&Truth { owner: Some("Map".into()), ..truth() }, ANSWER).is_err());
        assert!(find(&Truth { holds: "Guest".into(), ..truth() }, ANSWER).is_err());
        assert!(find(&Truth { paths: vec![vec!["._events".into()]], ..truth() }, ANSWER).is_err());
        assert!(find(&Truth { owner: None, ..truth() }, ANSWER).is_err());
    }

    #[test]
    fn a_way_leads_through_the_owner_or_not() {
        let way = "global object\n  .market = 1 A\n  ._events = 2 B\n  .price = 3 C\n  [7] = 4 function f\n";
        assert!(leads_through(&truth(), way));
        assert!(!leads_through(&truth(), &way.replace(".price", ".other")));
        assert!(leads_through(&Truth { owner: None, ..truth() }, "global handle at 12\n  1 UDP\n"));
        let list = "  .head = 1 A\n  .next x 3 = 2 B\n  added to at a.js:1: x[i] = y\n";
        assert_eq!(steps(list), [".head", ".next", ".next", ".next"]);
    }
}
