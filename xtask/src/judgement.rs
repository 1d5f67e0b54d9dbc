//! What the debugger says of one core of `census`, held against V8's snapshots of the process and the program's facts, question
//! by question. `releases` asks this of every release, `conditions` of a release under every condition.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use test_support::scenarios::closures;
use test_support::scenarios::constructors::{self, Counts};
use test_support::scenarios::debugger::{self, Debugger, Group};
use test_support::scenarios::facts::Facts;
use test_support::scenarios::memory_report;
use test_support::scenarios::verdict;

use crate::heap_snapshot::HeapSnapshot;
use crate::scenario::Scenario;

/// What a core of `census` is asked, in this order; the last three of cores of `memory`, `stacks` and `pending`, if there are any.
pub const QUESTIONS: [&str; 10] =
    ["opened", "gaps", "counts", "living", "values", "threads", "stack", "memory", "calls", "pending"];

/// The first of them, which one program answers.
pub const OF_CENSUS: usize = 7;

/// What a cell of a table says of a question that was not asked, and of one whose answer is wrong.
pub const NOT_ASKED: &str = "not asked";
pub const DIFFERS: &str = "**differs**";

/// The answer to one question.
#[derive(Debug, Default, Clone)]
pub struct Answer {
    /// What was compared, in a few words.
    pub compared: String,
    /// What is wrong, a line each.
    pub failures: Vec<String>,
}

/// The answers to all of them.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// One for each of [`QUESTIONS`].
    pub answers: Vec<Answer>,
}

impl Judgement {
    /// Nothing has been asked.
    pub fn unasked() -> Judgement {
        Judgement { answers: vec![Answer::default(); QUESTIONS.len()] }
    }

    /// Nothing could be asked, because of that.
    pub fn failed(error: &anyhow::Error) -> Judgement {
        let mut judgement = Judgement::unasked();
        judgement.fail(QUESTIONS[0], format!("{error:#}"));
        judgement
    }

    /// Puts an answer in its place.
    pub fn answer(&mut self, question: &str, answer: Result<Answer>) {
        let failed = |error| Answer { compared: String::new(), failures: vec![format!("{error:#}")] };
        if let Some(index) = QUESTIONS.iter().position(|own| *own == question) {
            self.answers[index] = answer.unwrap_or_else(failed);
        }
    }

    /// Adds what is wrong beyond what was asked.
    pub fn fail(&mut self, question: &str, failure: String) {
        let answers = QUESTIONS.iter().zip(&mut self.answers);
        for (_, answer) in answers.filter(|(own, _)| **own == question) {
            answer.failures.push(failure.clone());
        }
    }

    /// Whether all is as it should be.
    pub fn passes(&self) -> bool {
        self.answers.iter().all(|answer| answer.failures.is_empty())
    }

    /// The cells of a table row, one for each of [`QUESTIONS`].
    pub fn each_cell(&self) -> impl Iterator<Item = String> {
        self.answers.iter().map(|answer| match (answer.failures.is_empty(), answer.compared.is_empty()) {
            (true, false) => answer.compared.clone(),
            (true, true) => NOT_ASKED.to_owned(),
            (false, _) => DIFFERS.to_owned(),
        })
    }

    /// The cells of a table row, joined.
    pub fn cells(&self) -> String {
        self.each_cell().collect::<Vec<_>>().join(" | ")
    }

    /// What is wrong, a line each, the question before it; at most `most` of each question.
    pub fn failures(&self, most: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for (question, answer) in QUESTIONS.iter().zip(&self.answers) {
            lines.extend(answer.failures.iter().take(most).map(|failure| format!("{question}: {failure}")));
            if answer.failures.len() > most {
                lines.push(format!("{question}: and {} more", answer.failures.len() - most));
            }
        }
        lines
    }
}

/// A core, and what is known of the process.
#[derive(Debug)]
pub struct Case<'a> {
    /// `v8mdb`.
    pub executable: &'a Path,
    /// Where `take_core` left its files.
    pub directory: &'a Path,
    /// The core in it.
    pub core: &'a Path,
    /// What the program left; several where it has loaded another one.
    pub facts: &'a [Facts],
    /// The executable of the process has its symbols, and is there. Otherwise `::status` may say what that takes away.
    pub symbols: bool,
    /// V8 may have collected garbage once more, behind the snapshot.
    pub collects_later: bool,
    /// The embedder is not Node.js: it goes on behind the snapshot, and leaves garbage of its own, so that only what lives is compared. Its V8
    /// is newer, and gives some things other names.
    pub other_embedder: bool,
    /// What V8 has made behind the snapshot, beside what the program says, by constructor.
    pub later: &'a [(&'a str, u64)],
}

/// The facts of `census`, which runs `kinds` as well, with so many contexts and workers.
pub fn facts(contexts: u64, workers: u64) -> Result<Vec<Facts>> {
    let mut census = Scenario::find("census")?.facts()?;
    census.counts.insert("Resident".to_owned(), (1..=contexts).sum());
    for (name, count) in [("Clerk", 100 * workers), ("Office", workers)] {
        census.counts.insert(name.to_owned(), count);
    }
    if workers != 1 {
        // None of them is the only one.
        census.other_roots.clear();
    }
    census.values.retain(|path, _| !path.starts_with("contexts"));
    for number in 0..contexts {
        let mut add = |path: &str, fact| census.values.insert(format!("contexts[{number}].{path}"), fact);
        let props = json!({ "n": number, "home": number });
        add("residents.length", json!(number + 1));
        add(&format!("residents[{number}]"), json!({ "kind": "object", "ctor": "Resident", "props": props }));
        add("global.number", json!(number));
        add("peek", json!({ "kind": "function", "name": "peek" }));
    }
    Ok(vec![Scenario::find("kinds")?.facts()?, census])
}

/// Asks all of [`QUESTIONS`] that one program answers.
pub fn judge(case: &Case<'_>) -> Result<Judgement> {
    let mut judgement = judge_heap(case)?;
    let debugger = Debugger::new(case.executable.to_owned(), case.core);
    let report = report(case.directory)?;
    let status = debugger.evaluate("::status")?;
    let asked =
        Asked { case, debugger: &debugger, report: &report, status: &status, notices: BTreeSet::new() };
    judgement.answer("threads", asked.threads());
    judgement.answer("stack", asked.stack());
    Ok(judgement)
}

/// What the process says of itself.
fn report(directory: &Path) -> Result<Value> {
    let report = fs::read_to_string(directory.join("process.json")).context("no report of the process")?;
    Ok(serde_json::from_str(&report)?)
}

/// Asks what is on the heap of another embedder that ran `kinds` and left its core in `directory`; `symbols` as in [`Case`].
pub fn judge_kinds(executable: &Path, directory: &Path, facts: Facts, symbols: bool) -> Result<Judgement> {
    judge_heap(&Case {
        executable,
        directory,
        core: &directory.join("core"),
        facts: &[facts],
        symbols,
        collects_later: false,
        other_embedder: true,
        later: &[],
    })
}

/// Asks what is on the heap, and nothing of threads.
fn judge_heap(case: &Case<'_>) -> Result<Judgement> {
    let debugger = Debugger::new(case.executable.to_owned(), case.core);
    let report = report(case.directory)?;
    let v8 = report["versions"]["v8"].as_str().unwrap_or_default().to_owned();
    let (status, warnings) = debugger.evaluate_aloud("::status")?;

    let notices = if case.symbols { BTreeSet::new() } else { warnings.lines().map(str::to_owned).collect() };
    let asked = Asked { case, debugger: &debugger, report: &report, status: &status, notices };
    let opened = Ok(asked.opened(&v8, &warnings));
    let rest = [asked.gaps(), asked.counts(), asked.living(), asked.values()];
    let mut judgement = Judgement::unasked();
    for (question, answer) in QUESTIONS.iter().zip(std::iter::once(opened).chain(rest)) {
        judgement.answer(question, answer);
    }
    Ok(judgement)
}

/// Whether the statistics of memory are those that the process wrote last of all, and its values those of `memory`, which left its
/// files in `directory`.
pub fn memory(executable: &Path, directory: &Path) -> Result<Answer> {
    let debugger = Debugger::new(executable.to_owned(), &directory.join("core"));
    let report = fs::read_to_string(directory.join("process.json")).context("no report of the process")?;
    let facts = Scenario::find("memory")?.facts()?;
    let mut failures = Vec::new();
    let groups = debugger.groups()?;
    verdict::check_populations(&facts, &groups, &mut failures);
    let values = verdict::check_values(&debugger, &facts, &groups, &mut failures)?;
    let report: Value = serde_json::from_str(&report)?;
    memory_report::check(&debugger, &report, &mut failures)?;
    let spaces = report["heapSpaceStatistics"].as_array().map_or(0, Vec::len);
    Ok(Answer { compared: format!("{spaces} spaces, {values} values"), failures })
}

struct Asked<'a> {
    case: &'a Case<'a>,
    debugger: &'a Debugger,
    report: &'a Value,
    status: &'a str,
    /// What is said of a core whose executable lacks its symbols.
    notices: BTreeSet<String>,
}

impl Asked<'_> {
    fn opened(&self, v8: &str, warnings: &str) -> Answer {
        let mut failures = Vec::new();
        // Some releases call themselves otherwise than npm does: 26.8.0 is 26.8.0-alpha.0.0.0.
        let version = |name: &str| self.report["versions"][name].as_str();
        // Deno says which version of Node.js it stands for as well.
        let embedder = match (version("deno"), version("node")) {
            (Some(deno), _) => Some(("Deno version", deno)),
            (None, node) => node.map(|node| ("Node.js version", node)),
        };
        for (what, expected) in embedder.into_iter().chain([("V8 version", v8)]) {
            let said = field(self.status, what).unwrap_or("nothing");
            if said != expected {
                failures.push(format!("{what} is {expected}, ::status says {said}"));
            }
        }
        failures.extend(self.complaints(warnings));
        Answer { compared: v8.to_owned(), failures }
    }

    /// The walk found an object everywhere, nothing is said to be missing, and V8's classes fit every word.
    fn gaps(&self) -> Result<Answer> {
        let mut failures = Vec::new();
        verdict::check_status(self.debugger, &mut failures)?;
        let lacking = |line: &&str| line.contains("self-check") && line.contains("not in the core");
        failures.extend(self.status.lines().filter(lacking).map(|line| line.trim().to_owned()));
        verdict::check_classes(self.debugger, &mut failures)?;
        Ok(Answer { compared: "none".to_owned(), failures })
    }

    fn complaints(&self, warnings: &str) -> Vec<String> {
        // A line that was only tried is judged as any other.
        let is_of_line = |line: &&str| line.contains(" is not one of the supported lines");
        warnings
            .lines()
            .filter(|line| !self.notices.contains(*line) && !is_of_line(line))
            .map(str::to_owned)
            .collect()
    }

    /// The objects that the program drops behind the snapshot are no part of that.
    fn take_stragglers(&self, counts: &mut Counts, what: &str, failures: &mut Vec<String>) {
        let (expected, found) = (self.stragglers(), counts.remove("Straggler").unwrap_or(0));
        if found > expected || (found < expected && !self.case.collects_later) {
            failures.push(format!("{expected} Straggler {what}, found {found}"));
        }
    }

    fn stragglers(&self) -> u64 {
        self.report["stragglers"].as_u64().unwrap_or(0)
    }

    fn workers(&self) -> u64 {
        self.report["workers"].as_u64().unwrap_or(0)
    }

    /// All objects in memory are those of V8's snapshots, and those that the program made and dropped behind them.
    fn counts(&self) -> Result<Answer> {
        let truth = truth(self.case.directory)?;
        if self.case.other_embedder {
            return self.living_counts(truth);
        }
        let mut all = debugger::counts(&self.debugger.groups_of("-a")?);
        let mut failures = Vec::new();
        self.take_stragglers(&mut all, "are in memory", &mut failures);
        // What it dies of in want of memory was made behind the snapshot as well.
        all.remove("Hoard");
        for (constructor, made) in self.case.later {
            if let Some(count) = all.get_mut(*constructor) {
                *count = count.saturating_sub(*made);
            }
        }
        let mut differences = constructors::compare(&truth, &all);
        constructors::explain_wrapped(&mut differences);
        if self.case.collects_later {
            constructors::explain_collected(&mut differences, 1 + self.workers());
        }
        for difference in differences.iter().filter(|difference| difference.reason.is_none()) {
            let constructors::Difference { constructor, truth, found, .. } = difference;
            failures.push(format!("{constructor}: V8 counts {truth}, found {found}"));
        }
        let objects: u64 = truth.values().sum();
        Ok(Answer { compared: format!("{objects} of {}", truth.len()), failures })
    }

    /// All objects that live are those of V8's snapshots.
    fn living_counts(&self, truth: Counts) -> Result<Answer> {
        let objects: u64 = truth.values().sum();
        let mut named = Counts::new();
        for (name, count) in truth {
            *named.entry(named_before(&name)).or_default() += count;
        }
        let mut living = debugger::counts(&self.debugger.groups()?);
        // V8 15 no longer counts them as objects of JavaScript.
        if !named.contains_key("Proxy") {
            living.remove("Proxy");
        }
        // It calls a suspended call of an async function as it calls a generator.
        let calls = living.remove("AsyncFunction").unwrap_or(0);
        let known = named.get("AsyncFunction").copied().unwrap_or(0);
        living.insert("AsyncFunction".to_owned(), known);
        *living.entry("Generator".to_owned()).or_default() += calls.saturating_sub(known);
        let mut differences = constructors::compare(&named, &living);
        constructors::explain_tied(&mut differences);
        constructors::explain_merged(&mut differences);
        let unexplained = differences.iter().filter(|difference| difference.reason.is_none());
        let failures = unexplained.map(|difference| {
            let constructors::Difference { constructor, truth, found, .. } = difference;
            format!("{constructor}: V8 counts {truth}, found {found}")
        });
        Ok(Answer { compared: format!("{objects} of {} live", named.len()), failures: failures.collect() })
    }

    /// What lives is told from what does not, without a warning.
    fn living(&self) -> Result<Answer> {
        let (_, warnings) = self.debugger.evaluate_aloud("::findjsobjects -j")?;
        let mut failures = self.complaints(&warnings);
        let living = self.debugger.groups()?;
        for facts in self.case.facts {
            verdict::check_populations(facts, &living, &mut failures);
        }
        let mut garbage = debugger::counts(&self.debugger.groups_of("-d")?);
        let dead: u64 = garbage.values().sum();
        if self.case.other_embedder {
            garbage.retain(|name, _| name == "Straggler");
        }
        self.take_stragglers(&mut garbage, "are garbage", &mut failures);
        failures.extend(constructors::wrong_garbage(&garbage, 1 + self.workers()));
        let objects: u64 = living.iter().map(|group| group.count).sum();
        Ok(Answer { compared: format!("{objects}, {dead} garbage"), failures })
    }

    fn values(&self) -> Result<Answer> {
        let groups = self.debugger.groups()?;
        let (mut failures, mut right) = (Vec::new(), 0);
        for facts in self.case.facts {
            right += verdict::check_values(self.debugger, facts, &groups, &mut failures)?;
            right += closures::check(self.debugger, facts, &groups, &mut failures)?;
        }
        if self.workers() > 1 {
            right += self.offices(&groups, &mut failures)?;
        }
        Ok(Answer { compared: right.to_string(), failures })
    }

    /// Each worker has its own number.
    fn offices(&self, groups: &[Group], failures: &mut Vec<String>) -> Result<usize> {
        let office = groups.iter().find(|group| group.constructor == "Office").context("no Office")?;
        let found = self.debugger.evaluate(&format!("{}::findjsobjects | ::jsprint magic", office.object))?;
        let found: BTreeSet<&str> = found.lines().map(|line| line.trim().trim_matches('"')).collect();
        let expected: BTreeSet<String> =
            (0..self.workers()).map(|number| format!("office {number}")).collect();
        if found != expected.iter().map(String::as_str).collect() {
            failures.push(format!("the offices of the workers are {found:?}"));
        }
        Ok(expected.len())
    }

    /// The main thread runs the main isolate, each worker thread its own, and no other thread any.
    fn threads(&self) -> Result<Answer> {
        let mut failures = Vec::new();
        let isolates = isolates(&self.debugger.evaluate("::threads")?);
        let main = self.report["pid"].as_u64().unwrap_or(0);
        match isolates.get(&main) {
            None => failures.push(format!("the main thread, {main}, is in no isolate")),
            Some(isolate) if !self.status.contains(&format!("isolate {isolate}: main thread")) => {
                failures.push(format!("::threads has the main thread in {isolate}, ::status does not"));
            }
            Some(_) => {}
        }
        let different: BTreeSet<_> = isolates.values().collect();
        let expected = 1 + self.workers();
        if different.len() as u64 != expected || isolates.len() as u64 != expected {
            failures.push(format!("{expected} threads run one isolate each, found {isolates:?}"));
        }
        Ok(Answer { compared: expected.to_string(), failures })
    }

    /// The main thread's stack leads from what it waits in through JavaScript to where the process began.
    fn stack(&self) -> Result<Answer> {
        if !self.case.symbols {
            return Ok(Answer::default());
        }
        let main = self.report["pid"].as_u64().unwrap_or(0);
        let stack = self.debugger.evaluate(&format!("0t{main}::stack"))?;
        let frames: Vec<_> = stack.lines().collect();
        let mut failures = Vec::new();
        if !frames.last().is_some_and(|frame| frame.starts_with("_start")) {
            failures.push(format!("the main thread's stack ends in {:?}", frames.last().unwrap_or(&"")));
        }
        let enters = |frame: &&str| {
            ["Builtins_JSEntry", "Builtins_JSRunMicrotasksEntry"].iter().any(|name| frame.starts_with(name))
        };
        if !frames.iter().any(enters) {
            failures.push("the main thread's stack does not enter JavaScript".to_owned());
        }
        let is_guessed = |frame: &&&str| frame.contains("[a guess") || frame.contains("[from the top");
        failures.extend(frames.iter().filter(is_guessed).map(|frame| (*frame).to_owned()));
        Ok(Answer { compared: format!("{} frames", frames.len()), failures })
    }
}

/// What `::status` says of something, behind a colon.
fn field<'a>(status: &'a str, what: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.trim().strip_prefix(what)?.strip_prefix(": "))
}

/// The threads that are in an isolate by `::threads`: number of the thread, address of the isolate.
fn isolates(threads: &str) -> BTreeMap<u64, String> {
    let mut found = BTreeMap::new();
    for line in threads.lines() {
        let columns: Vec<&str> = line.trim_start_matches('*').split_whitespace().collect();
        let [_, number, _, isolate, ..] = columns.as_slice() else { continue };
        if let (Ok(number), Ok(_)) = (number.parse(), u64::from_str_radix(isolate, 16)) {
            found.insert(number, (*isolate).to_owned());
        }
    }
    found
}

/// V8's snapshots of all isolates, added up.
/// What V8 before 15 calls an object in its snapshots.
fn named_before(name: &str) -> String {
    let suffixes = [(" [JSGlobalObject]", " (global*)"), (" [JSGlobalProxy]", " (global)")];
    let renamed = suffixes.iter().find_map(|(new, old)| Some(format!("{}{old}", name.strip_suffix(new)?)));
    renamed.unwrap_or_else(|| name.to_owned())
}

fn truth(directory: &Path) -> Result<Counts> {
    let mut truth = HeapSnapshot::default();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "heapsnapshot") {
            truth.add(&HeapSnapshot::read(&path)?);
        }
    }
    ensure!(truth.nodes > 0, "no snapshot in {}", directory.display());
    Ok(truth.objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_in_isolates_are_those_with_an_address() {
        let text = "        ID      LWP SIGNAL   ISOLATE          START\n\
                    *     4648    17992 SIGABRT  18542000         node::Start(int, char**)\n\
                    \x20                                             in libc.so.6`__pthread_kill_implementation+0x10c\n\
                    \x20     4652    18002 -        -                node::(anonymous namespace)::PlatformWorkerThread(void*)\n\
                    \x20     4653    18003 -        7f2fdc000f00     node::worker::Worker::StartThread(v8::Local)\n";
        let expected = [(17992, "18542000".to_owned()), (18003, "7f2fdc000f00".to_owned())];
        assert_eq!(isolates(text), expected.into());
    }

    #[test]
    fn facts_follow_the_number_of_contexts_and_workers() {
        let facts = facts(50, 20).unwrap();
        let census = facts.last().unwrap();
        assert_eq!(
            (census.counts["Resident"], census.counts["Clerk"], census.counts["Office"]),
            (1275, 2000, 20)
        );
        assert_eq!(census.values["contexts[49].global.number"], json!(49));
        assert!(!census.values.contains_key("contexts[50].global.number"));
    }

    #[test]
    fn an_answer_with_a_failure_fails_the_judgement() {
        let mut judgement = Judgement { answers: vec![Answer::default(); 7] };
        assert!(judgement.passes());
        judgement.answers[3].failures.extend(["one".to_owned(), "two".to_owned()]);
        assert!(!judgement.passes());
        assert_eq!(judgement.failures(1), ["living: one", "living: and 1 more"]);
        assert_eq!(judgement.cells().matches("**differs**").count(), 1);
    }
}
