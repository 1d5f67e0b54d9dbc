//! What the scenario `pending` says that it waits for, against what the debugger lists.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::debugger::Debugger;

/// Timers are as late as the program took to get to its end, in milliseconds.
const LATEST: f64 = 5000.0;

/// Compares timers, ticks, immediates, handles, requests, await chains, promises, microtasks, threads, the event loop and the pool
/// with the program's own lists. Returns how many of each there are.
///
/// # Errors
/// Something differs, or cannot be read.
pub fn check(debugger: &Debugger, report: &Value) -> Result<String> {
    let truth = &report["pending"];
    let lines = [
        "::jsworkers -j",
        "::jstimers -j",
        "::jshandles -j",
        "::jsrequests -j",
        "::jsasync -j -b",
        "::uvloop -j",
        "::jsmicrotasks -j",
        "::jspromises -j",
    ]
    .map(str::to_owned);
    let answers = debugger.session(&lines)?;
    let answers: Vec<Vec<Value>> = answers.iter().map(|answer| rows(answer)).collect::<Result<_>>()?;
    let [workers, timers, handles, requests, chains, loops, microtasks, promises] = answers.as_slice() else {
        anyhow::bail!("not as many answers as questions")
    };
    let main = workers.iter().find(|thread| thread["main"] == true).context("no main thread")?;
    let of = |rows: &[Value], thread: &Value| -> Vec<Value> {
        rows.iter().filter(|row| row["isolate"] == thread["isolate"]).cloned().collect()
    };
    let (timers_of_main, handles_of_main) = (of(timers, main), of(handles, main));
    let own = check_timers(truth, &timers_of_main)?;
    check_resources(truth, &timers_of_main, &handles_of_main, &of(requests, main))?;
    check_handles(truth, &handles_of_main)?;
    let listeners = handles_of_main.iter().filter(|handle| listens(truth, handle)).count() as u64;
    ensure!(
        truth["listening"] == listeners,
        "{listeners} handles have a listener onData, not {}",
        truth["listening"]
    );
    let kinds = check_chains(truth, chains)?;
    check_threads(report, main, workers)?;
    if !truth["worker"].is_null() {
        let worker = workers.iter().find(|thread| thread["main"] == false).context("no worker")?;
        let (timers, handles) = (of(timers, worker), of(handles, worker));
        check_resources(&truth["worker"], &timers, &handles, &of(requests, worker))?;
        check_handles(&truth["worker"], &handles)?;
    }
    let works = check_loops(truth, main, loops)?;
    check_microtasks(truth, &of(microtasks, main))?;
    check_promises(truth, promises)?;
    Ok(format!(
        "{own} timers, {} handles, {} requests, {kinds} kinds of chains, {works} pieces of work, {} microtasks, {} promises, {} \
         threads",
        handles.len(),
        requests.len(),
        microtasks.len(),
        promises.len(),
        workers.len()
    ))
}

fn rows(text: &str) -> Result<Vec<Value>> {
    let parse = |line: &str| serde_json::from_str(line).with_context(|| format!("no line of JSON: {line}"));
    text.lines().map(parse).collect()
}

fn list<'v>(value: &'v Value, name: &str) -> Result<&'v Vec<Value>> {
    value[name].as_array().with_context(|| format!("the program does not say its {name}"))
}

fn counted(items: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item).or_default() += 1;
    }
    counts
}

fn is_own(truth: &Value, file: &Value) -> bool {
    let name = truth["file"].as_str().unwrap_or("?");
    file.as_str().is_some_and(|file| file.rsplit('/').next() == Some(name))
}

fn check_timers(truth: &Value, rows: &[Value]) -> Result<usize> {
    let own = |kind: &'static [&str]| {
        rows.iter().filter(move |row| {
            row["kind"].as_str().is_some_and(|own| kind.contains(&own))
                && is_own(truth, &row["callback"]["file"])
        })
    };
    let mut expected: Vec<String> = Vec::new();
    for timer in list(truth, "timers")? {
        let [kind, after, line, name, referenced] =
            ["kind", "after", "line", "callback", "refed"].map(|field| &timer[field]);
        expected.push(format!("{kind} {after} {line} {name} {referenced}"));
    }
    let unnamed: Vec<&Value> = list(truth, "napping")?.iter().collect();
    let shown = own(&["timeout", "interval"]).filter_map(|row| {
        let every = row["every"].as_f64()? as u64;
        if unnamed.iter().any(|after| after.as_u64() == Some(every)) {
            return None;
        }
        let [kind, line, name, referenced] =
            [&row["kind"], &row["callback"]["line"], &row["callback"]["name"], &row["referenced"]];
        Some(format!("{kind} {every} {line} {name} {referenced}"))
    });
    let (expected, shown) = (counted(expected.into_iter()), counted(shown));
    ensure!(expected == shown, "timers are {shown:?}, not {expected:?}");
    for after in list(truth, "sleeping")? {
        let is_it =
            |row: &&Value| row["every"].as_f64() == after.as_f64() && row["callback"]["settles"].is_string();
        ensure!(rows.iter().filter(is_it).count() == 1, "no timer settles a promise after {after} ms");
    }
    for row in own(&["timeout", "interval"]) {
        let (Some(due), Some(every)) = (row["due"].as_f64(), row["every"].as_f64()) else {
            anyhow::bail!("it is not told when {row} is due");
        };
        ensure!(due <= every && due >= every - LATEST, "{row} is not due then");
    }
    for (name, kind) in [("immediates", &["immediate"]), ("ticks", &["tick"])] {
        let expected = list(truth, name)?
            .iter()
            .map(|it| format!("{} {}", it["line"], it["refed"].as_bool().unwrap_or(true)));
        let shown = own(kind).map(|row| format!("{} {}", row["callback"]["line"], row["referenced"]));
        let (expected, shown): (Vec<_>, Vec<_>) = (expected.collect(), shown.collect());
        ensure!(expected == shown, "{name} are {shown:?}, not {expected:?}");
    }
    Ok(own(&["timeout", "interval"]).count())
}

/// `process.getActiveResourcesInfo()`: requests, handles, timers and immediates that keep the process alive. Before Node.js 16.14 there is no
/// such list.
fn check_resources(truth: &Value, timers: &[Value], handles: &[Value], requests: &[Value]) -> Result<()> {
    if truth["resources"].is_null() {
        return Ok(());
    }
    let expected: Vec<&str> = list(truth, "resources")?.iter().filter_map(Value::as_str).collect();
    let mut shown: Vec<&str> =
        requests.iter().chain(handles).filter_map(|row| row["kind"].as_str()).collect();
    let counts = |kinds: &[&str]| {
        let is_it = |row: &&Value| {
            row["referenced"] == true && row["kind"].as_str().is_some_and(|kind| kinds.contains(&kind))
        };
        timers.iter().filter(is_it).count()
    };
    shown.extend(std::iter::repeat_n("Timeout", counts(&["timeout", "interval"])));
    shown.extend(std::iter::repeat_n("Immediate", counts(&["immediate"])));
    ensure!(expected == shown, "active are {shown:?}, not {expected:?}");
    Ok(())
}

/// `process._getActiveHandles()`, and what the program knows of each.
fn check_handles(truth: &Value, handles: &[Value]) -> Result<()> {
    let expected = list(truth, "handles")?;
    ensure!(expected.len() == handles.len(), "{} handles, not {}", handles.len(), expected.len());
    let port = |address: &Value| -> Option<u64> { address.as_str()?.rsplit(':').next()?.parse().ok() };
    for (expected, shown) in expected.iter().zip(handles) {
        let same = [
            ("constructor", shown["constructor"].clone()),
            ("fd", shown["fd"].clone()),
            ("connectionKey", shown["listening"].clone()),
            ("pid", shown["process"].clone()),
            ("local", port(&shown["local"]).into()),
            ("peer", port(&shown["peer"]).into()),
        ];
        for (name, shown) in same {
            let expected = &expected[name];
            ensure!(
                expected.is_null() || *expected == shown,
                "{name} of a handle is {shown}, not {expected}"
            );
        }
    }
    Ok(())
}

fn listens(truth: &Value, handle: &Value) -> bool {
    let listeners = handle["listeners"].as_array();
    listeners.is_some_and(|listeners| {
        listeners.iter().any(|it| it["name"] == "onData" && is_own(truth, &it["file"]))
    })
}

/// The main thread runs JavaScript; the worker is what the program has started, and waits.
fn check_threads(report: &Value, main: &Value, threads: &[Value]) -> Result<()> {
    ensure!(
        main["id"] == 0 && main["thread"] == report["pid"] && main["state"] == "javascript",
        "{main} is not process {}, which runs JavaScript",
        report["pid"]
    );
    let worker = &report["pending"]["worker"];
    let others: Vec<&Value> = threads.iter().filter(|thread| thread["main"] == false).collect();
    ensure!(others.len() == usize::from(!worker.is_null()), "workers are {others:?}, not {worker}");
    for thread in others {
        let same = [
            (&thread["id"], &worker["threadId"]),
            (&thread["script"], &worker["file"]),
            (&thread["arguments"], &worker["argv"]),
            (&thread["online"], &Value::Bool(true)),
            (&thread["state"], &Value::from("events")),
            (&thread["referencedPorts"], &Value::from(1)),
        ];
        for (shown, expected) in same {
            ensure!(shown == expected, "{thread} has {shown}, not {expected}");
        }
        // Older releases keep it where no JavaScript is.
        ensure!(thread["name"].is_null() || thread["name"] == worker["name"], "{thread} is called {worker}");
        ensure!(thread["heapUsed"].as_u64().is_some_and(|used| used > 1 << 20), "{thread} has no heap");
    }
    Ok(())
}

/// The event loop's clock and counts, and what its pool of threads does.
fn check_loops(truth: &Value, main: &Value, rows: &[Value]) -> Result<usize> {
    let of = |what: &'static str| rows.iter().filter(move |row| row["what"] == what);
    let own = of("loop").find(|row| row["main"] == true).context("no loop of the main thread")?;
    ensure!(own["isolate"] == main["isolate"] && own["alive"] == true, "{own} is not the main thread's");
    let (now, time) = (truth["now"].as_f64().context("no time")?, own["time"].as_f64().context("no time")?);
    ensure!((0.0..LATEST).contains(&(now - time)), "the clock is at {time}, and it was {now}");
    let types = own["byType"].as_object().context("no types")?;
    let sum: u64 = types.values().filter_map(Value::as_u64).sum();
    ensure!(own["activeHandles"] == sum, "{sum} handles are active, and the loop counts {own}");
    let expected = if truth["worker"].is_null() { 1 } else { 2 };
    ensure!(of("loop").count() == expected, "{} loops", of("loop").count());
    let pool = of("pool").next().context("no pool")?;
    ensure!(
        pool["size"] == 4 && pool["idle"] == 0 && pool["unaccounted"] == 0,
        "{pool} does not have four threads at work"
    );
    // What Node.js gives to the pool to read a file for a promise differs from release to release.
    let is_read = |work: &Value| {
        let own = work["path"].as_str().is_some_and(|path| is_own(truth, &Value::from(path)));
        work["reads"] == true || work["kind"] == "fs.readfile" || (work["operation"] == "open" && own)
    };
    let text = |work: &Value| match is_read(work) {
        true => "reads a file".to_owned(),
        false => format!("{} {} {} {}", work["kind"], work["operation"], work["path"], work["host"]),
    };
    for (name, state, in_order) in [
        ("running", "running", false),
        ("queued", "queued", true),
        ("slow", "slow", true),
        ("kernel", "kernel", false),
    ] {
        let mut expected: Vec<String> =
            truth["pool"][name].as_array().into_iter().flatten().map(text).collect();
        let mut shown: Vec<String> = of("work").filter(|work| work["state"] == state).map(text).collect();
        if !in_order {
            expected.sort();
            shown.sort();
        }
        ensure!(expected == shown, "{name} in the pool is {shown:#?}, not {expected:#?}");
    }
    let is_untold = |work: &&Value| work["object"].is_null() || work["callback"].is_null();
    for work in of("work").filter(|work| work["kind"] == "crypto" || work["kind"] == "dns") {
        ensure!(!is_untold(&work), "{work} does not say what it calls");
    }
    Ok(of("work").count())
}

/// All that the main thread's queue holds, in order.
fn check_microtasks(truth: &Value, rows: &[Value]) -> Result<()> {
    let expected: Vec<&str> = list(truth, "microtasks")?.iter().filter_map(Value::as_str).collect();
    let shown: Vec<String> = rows
        .iter()
        .map(|row| {
            let callback = &row["callback"];
            let line = callback["line"].as_u64().map(|line| line.to_string());
            let words =
                [row["kind"].as_str(), row["waits"].as_str(), callback["name"].as_str(), line.as_deref()];
            words.into_iter().flatten().collect::<Vec<_>>().join(" ")
        })
        .collect();
    ensure!(expected == shown, "microtasks are {shown:#?}, not {expected:#?}");
    Ok(())
}

/// Promises that the program can count: by what has become of them, and by who made them and awaits them.
fn check_promises(truth: &Value, rows: &[Value]) -> Result<()> {
    let count = |name: &str, expected: Option<u64>, is_it: &dyn Fn(&Value) -> bool| {
        let shown = rows.iter().filter(|row| is_it(row)).count() as u64;
        ensure!(Some(shown) == expected, "{shown} promises are {name}, not {expected:?}");
        Ok(())
    };
    let said = |name: &str| truth["promises"][name].as_u64();
    count("fulfilled", said("fulfilled"), &|row| {
        row["state"] == "fulfilled" && row["constructor"] == "Ticket"
    })?;
    let failed = |row: &Value| row["state"] == "rejected" && row["constructor"] == "RangeError";
    count("rejected", said("rejected"), &failed)?;
    count("not handled", said("unhandled"), &|row| failed(row) && row["handled"] == false)?;
    let chains = list(truth, "chains")?.iter();
    let calls =
        chains.filter(|chain| chain["links"][0].as_str().is_some_and(|link| link.starts_with("getUser ")));
    let calls = calls.filter_map(|chain| chain["count"].as_u64()).sum();
    for (end, name) in
        [("madeBy", "getUser"), ("awaitedBy", "getUser"), ("madeBy", "handler"), ("awaitedBy", "handler")]
    {
        count(&format!("{end} {name}"), Some(calls), &|row| {
            row["state"] == "pending" && row[end]["name"] == name
        })?;
    }
    Ok(())
}

fn check_chains(truth: &Value, chains: &[Value]) -> Result<usize> {
    let mut expected = BTreeMap::new();
    for chain in list(truth, "chains")? {
        let links = list(chain, "links")?.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" <- ");
        let count = chain["count"].as_u64().context("no count")?;
        expected.insert(format!("{links}, {}", chain["wakes"].as_str().unwrap_or("?")), count);
    }
    let mut shown = BTreeMap::new();
    let mut reads = 0;
    for chain in chains {
        let links = list(chain, "links")?;
        if !links.iter().any(|link| is_own(truth, &link["file"])) {
            continue;
        }
        // What Node.js does between a file and who reads it differs from release to release.
        if links.iter().any(|link| link["name"] == "reader") {
            ensure!(chain["settler"] == "native", "{chain} waits for a file");
            reads += 1;
            continue;
        }
        let links: Vec<String> = links
            .iter()
            .map(|link| match link["waits"].as_str().unwrap_or("?") {
                "await" => {
                    format!("{} {}:{}", link["name"].as_str().unwrap_or("?"), link["line"], link["column"])
                }
                kind @ ("all" | "allSettled" | "any" | "race") => format!("Promise.{kind}"),
                kind => kind.to_owned(),
            })
            .collect();
        let text = format!("{}, {}", links.join(" <- "), chain["settler"].as_str().unwrap_or("?"));
        let count = chain["count"].as_u64().context("no count")?;
        ensure!(shown.insert(text.clone(), count).is_none(), "{text} is listed twice");
        // What they hold by themselves and together, and a little for the calls.
        if list(chain, "links")?.iter().any(|link| link["name"] == "hoarder") {
            let said = list(truth, "chains")?.iter().find_map(|chain| chain["bytes"].as_u64());
            let said = said.context("the program does not say what its calls hold")?;
            let retained = chain["retained"].as_u64().context("no bytes")?;
            ensure!(
                (said..said + said / 50).contains(&retained) && chain["retainedIsLeast"] == false,
                "{chain} retains {retained} bytes, not {said}"
            );
        }
    }
    ensure!(expected == shown, "chains are {shown:#?}, not {expected:#?}");
    ensure!(reads == 1, "{reads} chains wait for a file");
    Ok(expected.len())
}
