//! The verdict: what is wrong with the process, if anything is, in one line; and what that rests on.
//!
//! What ended a process comes first, then what it can have done wrong while it ran: a leak, calls that wait for ever, a thread that does not
//! come back to its event loop. Where none of it is there, the process is healthy. One core shows what has gathered, not whether it grows:
//! it is said so, and with an older core growth decides.

use serde_json::Value;

use super::facts::{Facts, number, text};
use super::{Claim, megabytes};
use crate::output::escape;

/// What is the matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It ended on an exception, a failed check, a fault.
    Crash,
    /// No memory was left.
    OutOfMemory,
    /// Much has gathered, or grown.
    Leak,
    /// Native code has lost much of its memory.
    NativeLeak,
    /// Calls wait for what nobody can settle.
    Stuck,
    /// The main thread is in JavaScript.
    Running,
    /// It ended itself in order.
    Ended,
    /// Nothing of all that.
    Healthy,
    /// Too little can be told.
    Unknown,
}

impl Kind {
    /// What programs call it.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Kind::Crash => "crash",
            Kind::OutOfMemory => "outOfMemory",
            Kind::Leak => "leak",
            Kind::NativeLeak => "nativeLeak",
            Kind::Stuck => "stuck",
            Kind::Running => "running",
            Kind::Ended => "ended",
            Kind::Healthy => "healthy",
            Kind::Unknown => "unknown",
        }
    }
}

/// The verdict.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) kind: Kind,
    /// One line. Escaped.
    pub(crate) title: String,
    /// What it rests on, and what else was found.
    pub(crate) because: Vec<Claim>,
}

/// Parts of a hundred of the heap from which on what has gathered is much.
const MUCH: u64 = 10;
const MOST_OF_IT: u64 = 50;
/// Fewer bytes are never much.
const LEAST_BYTES: u64 = 1 << 20;
/// Parts of a hundred of the older heap from which on growth is much, and fewest bytes of it.
const MUCH_GROWTH: u64 = 2;
const LEAST_GROWTH: u64 = 32 << 10;
/// Fewer calls that wait for ever are told, and no verdict.
const MANY_STUCK: u64 = 10;

/// Judges the facts.
pub(crate) fn judge(facts: &Facts) -> Verdict {
    let verdict = found(facts);
    Verdict { title: escape(&verdict.title).into_owned(), ..verdict }
}

fn found(facts: &Facts) -> Verdict {
    let mut findings = Vec::new();
    findings.extend(end(facts));
    let leak = leak(facts);
    let is_full = findings.iter().any(|(kind, ..)| *kind == Kind::OutOfMemory);
    if is_full
        && let Some((_, title, _)) = &leak
        && let Some(own) = findings.first_mut()
    {
        own.1 = format!("{}: {title}", own.1);
    }
    findings.extend(leak);
    findings.extend(native_leak(facts));
    findings.extend(native_owner(facts));
    findings.extend(stuck(facts));
    findings.extend(running(facts));
    let mut findings = findings.into_iter();
    match findings.next() {
        Some((kind, title, mut because)) => {
            because.extend(findings.flat_map(|(_, title, claims)| {
                // Its first claim says what its title says.
                let mut claims = claims.into_iter();
                let command = claims.next().map_or(String::new(), |claim| claim.command);
                std::iter::once(Claim::new(format!("also: {title}"), command)).chain(claims)
            }));
            Verdict { kind, title, because }
        }
        None => healthy(facts),
    }
}

type Finding = (Kind, String, Vec<Claim>);

/// Why the process ended, unless somebody else ended it to take its core.
fn end(facts: &Facts) -> Option<Finding> {
    let signal = facts.signal()?;
    let sender = facts.ending["sender"].as_u64();
    let own = facts.process["pid"].as_u64();
    let said = text(&facts.ending, "text");
    let place = text(&facts.ending, "place");
    let at = if place.is_empty() { String::new() } else { format!(" at {place}") };
    if !facts.ending["exception"].is_null() {
        let claims = vec![Claim::new(format!("nobody caught {said}"), "::jscrash")];
        return Some((Kind::Crash, format!("crashed: uncaught {said}{at}"), claims));
    }
    if facts.ending["ended"] == "outOfMemory" {
        let limit = number(&facts.ending, "heapLimit");
        let mut claims = vec![Claim::new(if said.is_empty() { "out of memory" } else { said }, "::jscrash")];
        if limit > 0 {
            let from = text(&facts.ending, "heapLimitFrom");
            let from = if from.is_empty() { String::new() } else { format!(": {from}") };
            claims
                .push(Claim::new(format!("the heap could grow to {}{from}", megabytes(limit)), "::jscrash"));
        }
        return Some((Kind::OutOfMemory, "ran out of memory".to_owned(), claims));
    }
    if !said.is_empty() {
        let is_orderly = said.starts_with("process.exit(");
        let kind = if is_orderly { Kind::Ended } else { Kind::Crash };
        let claims = vec![Claim::new(format!("it ended on {said}{at}"), "::jscrash")];
        return Some((kind, format!("ended itself: {said}{at}"), claims));
    }
    let by_another = sender.is_some() && sender != own;
    let is_fault = ["SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGTRAP"].contains(&signal);
    if by_another && !is_fault {
        // It ran until somebody wanted its core.
        return None;
    }
    let native = text(&facts.ending, "native");
    let place = if native.is_empty() { String::new() } else { format!(" in {native}") };
    let address = text(&facts.ending, "address");
    let address = match address {
        "" | "0x0" if !is_fault => String::new(),
        "" => String::new(),
        address => format!(", address {address}"),
    };
    let claims = vec![
        Claim::new(format!("{signal} ended it{place}{address}"), "::jscrash"),
        Claim::new("the native functions on its stack", "$C"),
    ];
    Some((Kind::Crash, format!("crashed: {signal}{place}{address}"), claims))
}

/// What has gathered or grown, the worst.
fn leak(facts: &Facts) -> Option<Finding> {
    if facts.growth.is_some() {
        return grown(facts);
    }
    let suspect = facts.suspects.iter().find(|suspect| is_much(suspect))?;
    let (what, bytes) = (gathered(suspect), number(suspect, "retained") + number(suspect, "outside"));
    let mut claims = vec![Claim::new(
        format!("{what} retain {}, {} % of the heap", megabytes(bytes), number(suspect, "percent")),
        "::jsleaks",
    )];
    if let Some(place) = suspect["addedAt"].as_str() {
        claims.push(Claim::new(format!("added to at {place}"), "::jsleaks"));
    }
    let source = facts.source();
    claims.push(Claim::new(
        format!(
            "one {source} shows what has gathered, not that it grows: an older {source} with --base OLD tells a leak from a cache"
        ),
        "::diff OLD",
    ));
    Some((Kind::Leak, format!("leak of {what}"), claims))
}

/// Whether a suspect is large enough for a verdict, and nothing says that it is meant. One object that is large is data, unless it is most of the heap.
fn is_much(suspect: &Value) -> bool {
    let bytes = number(suspect, "retained") + number(suspect, "outside");
    let least = if number(suspect, "count") > 1 { MUCH } else { MOST_OF_IT };
    let is_meant = suspect["own"] == true || !suspect["meant"].is_null();
    !is_meant && number(suspect, "percent") >= least && bytes >= LEAST_BYTES
}

/// `800 UpstreamConnection held by Gateway.bySession`
pub(super) fn gathered(suspect: &Value) -> String {
    format!("{} {} held by {}", number(suspect, "count"), text(suspect, "constructor"), holder(suspect))
}

/// What holds a suspect, as the program names it.
pub(super) fn holder(suspect: &Value) -> String {
    if let Some(root) = suspect["heldByRoot"].as_str() {
        return format!("a {root} each");
    }
    let steps = suspect["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [.., owner, last] = steps else {
        return match suspect["gathererName"].as_str() {
            Some(name) => name.to_owned(),
            None => "several objects".to_owned(),
        };
    };
    let (name, how) = (text(owner, "name"), text(last, "how"));
    // Where the way ends at the object itself, it goes on from what has gathered.
    match how.starts_with(['.', '[']) {
        true => format!("{name}{how}"),
        false => format!("{how} ({})", text(last, "name")),
    }
}

/// What has grown most since the older core.
fn grown(facts: &Facts) -> Option<Finding> {
    let rows = facts.growth.as_deref()?;
    let before: u64 = rows
        .iter()
        .find(|row| row["section"] == "core")
        .map_or(0, |row| number(row, "bytes") + number(row, "outside"));
    let is_leak =
        |row: &&Value| growth(row, "retained") >= i128::from((before * MUCH_GROWTH / 100).max(LEAST_GROWTH));
    let owners = || rows.iter().filter(|row| row["section"] == "owner");
    let row = owners().filter(is_leak).max_by_key(|row| growth(row, "retained")).or_else(|| {
        let own = |row: &&Value| row["section"] == "constructor" && growth(row, "count") >= 16;
        rows.iter().filter(own).filter(is_leak).max_by_key(|row| growth(row, "retained"))
    })?;
    let more = growth(row, "count");
    let bytes = u64::try_from(growth(row, "retained")).unwrap_or(0);
    let (of, what) = match row["section"].as_str() {
        Some("owner") => {
            let of = text(row, "of");
            let path = row["path"].as_str().unwrap_or("objects without a path of names");
            (if of.is_empty() { "entries" } else { of }, format!(" held by {path}"))
        }
        _ => (text(row, "name"), String::new()),
    };
    // No single owner has grown so much: what has gathered names one, if it retains most of what is more.
    let below = if what.is_empty() { retaining(facts, bytes) } else { None };
    let what = below.map_or(what, |suspect| format!(" below {}", gathered(suspect)));
    let mut claims = vec![Claim::new(
        format!(
            "{more} more {of}{what} than in the older {} retain {} more",
            facts.source(),
            megabytes(bytes)
        ),
        "::diff",
    )];
    let fitting =
        below.or_else(|| facts.suspects.iter().find(|suspect| suspect["gatherer"] == row["object"]));
    if let Some(place) = fitting.and_then(|suspect| suspect["addedAt"].as_str()) {
        claims.push(Claim::new(format!("added to at {place}"), "::jsleaks"));
    }
    Some((Kind::Leak, format!("leak of {of}{what}: {more:+} since the older {}", facts.source()), claims))
}

/// What has gathered and retains at least half of so many bytes.
fn retaining(facts: &Facts, bytes: u64) -> Option<&Value> {
    let retains = |suspect: &&Value| number(suspect, "retained") + number(suspect, "outside") >= bytes / 2;
    facts.suspects.iter().filter(|suspect| is_much(suspect)).find(retains)
}

/// By how much a figure is more than in the oldest core.
pub(super) fn growth(row: &Value, field: &str) -> i128 {
    let Some(all) = row[field].as_array() else { return 0 };
    let at = |value: Option<&Value>| value.and_then(Value::as_u64).map_or(0, i128::from);
    at(all.last()) - at(all.first())
}

/// Whether native code has lost much.
fn native_leak(facts: &Facts) -> Option<Finding> {
    let leaked = facts.memory["bytes"]["mallocLeaked"].as_u64().unwrap_or(0);
    let used: u64 = ["javascriptLiving", "buffers", "mallocUsed", "mallocLeaked"]
        .iter()
        .map(|field| facts.memory["bytes"][field].as_u64().unwrap_or(0))
        .sum();
    if leaked < LEAST_BYTES || leaked.saturating_mul(100) < used.saturating_mul(MUCH) {
        return None;
    }
    let blocks = number(&facts.memory, "leakedBlocks");
    let what = format!("nothing leads to {} in {blocks} blocks of native memory", megabytes(leaked));
    Some((Kind::NativeLeak, format!("native leak: {what}"), vec![Claim::new(what, "::findleaks")]))
}

/// Objects that own much native memory, if they own most of it.
fn native_owner(facts: &Facts) -> Option<Finding> {
    let used: u64 = ["javascriptLiving", "buffers", "mallocUsed"]
        .iter()
        .map(|field| facts.memory["bytes"][field].as_u64().unwrap_or(0))
        .sum();
    let suspect = facts.suspects.iter().find(|suspect| {
        let bytes = number(suspect, "native");
        number(suspect, "count") > 1
            && bytes >= LEAST_BYTES
            && bytes.saturating_mul(100) >= used.saturating_mul(MOST_OF_IT)
    })?;
    let what = owning(suspect);
    let claims = vec![
        Claim::new(
            format!("{what}, {} % of what is in use", number(suspect, "percentOfNative")),
            "::jsleaks",
        ),
        Claim::new("what each class owns is estimated", "::malloc -o"),
    ];
    Some((Kind::NativeLeak, format!("leak of native memory: {what}"), claims))
}

/// `600 Blob own some 108.5 MB of native memory`
pub(super) fn owning(suspect: &Value) -> String {
    format!(
        "{} {} own some {} of native memory",
        number(suspect, "count"),
        text(suspect, "constructor"),
        megabytes(number(suspect, "native"))
    )
}

/// Calls that wait for what nobody can settle.
fn stuck(facts: &Facts) -> Option<Finding> {
    let chain = facts
        .chains
        .iter()
        .filter(|chain| ["orphan", "cycle"].contains(&text(chain, "settler")))
        .find(|chain| number(chain, "count") >= MANY_STUCK)?;
    let count = number(chain, "count");
    let links = chain_text(chain);
    let by = text(chain, "settledBy");
    let claims = vec![Claim::new(format!("{count} calls wait for {by}: {links}"), "::jsasync -w orphan")];
    Some((Kind::Stuck, format!("{count} calls wait for ever: {links}"), claims))
}

/// `getUser (pending.js:97) <- handler (pending.js:102)`
pub(super) fn chain_text(chain: &Value) -> String {
    let links = chain["links"].as_array().map(Vec::as_slice).unwrap_or_default();
    let link = |link: &Value| {
        let name = match text(link, "name") {
            "" => text(link, "waits"),
            name => name,
        };
        let file = text(link, "file").rsplit('/').next().unwrap_or_default();
        match (file, link["line"].as_u64()) {
            ("", _) => name.to_owned(),
            (file, Some(line)) => format!("{name} ({file}:{line})"),
            (file, None) => format!("{name} ({file})"),
        }
    };
    links.iter().map(link).collect::<Vec<_>>().join(" <- ")
}

/// Where the main thread is, if it does not wait for events.
fn running(facts: &Facts) -> Option<Finding> {
    let own = facts.running()?;
    // A crash is where it is.
    let is_end = facts.signal().is_some() && end(facts).is_some();
    if is_end {
        return None;
    }
    let (place, claims) = match own {
        Some(call) => {
            let what = text(call, "text").to_owned();
            (what.clone(), vec![Claim::new(format!("the main thread was in {what}"), "::jsstack")])
        }
        None => (
            "JavaScript of Node.js".to_owned(),
            vec![Claim::new("the main thread was in JavaScript of Node.js", "::jsstack")],
        ),
    };
    let mut claims = claims;
    claims.push(Claim::new(
        "one core shows where it was, not for how long: if it did not answer, it hung there",
        "::jsstack",
    ));
    Some((Kind::Running, format!("hung at, or busy in, {place}"), claims))
}

/// Nothing is wrong, as far as it can be told.
fn healthy(facts: &Facts) -> Verdict {
    if !facts.has_process() {
        let title = "healthy: nothing is wrong that a heap snapshot shows".to_owned();
        return Verdict { kind: Kind::Healthy, title, because: vec![nothing_gathered(facts)] };
    }
    if facts.ending.is_null() {
        let title = match facts.signal() {
            Some(signal) => format!("ended by {signal}; no JavaScript heap can be read"),
            None => "ran on; no JavaScript heap can be read".to_owned(),
        };
        return Verdict { kind: Kind::Unknown, title, because: vec![Claim::new("the process", "::status")] };
    }
    let mut because = Vec::new();
    because.push(match facts.signal() {
        None => Claim::new("it ran on when the core was taken", "::status"),
        Some(signal) => {
            let sender = facts.ending["sender"].as_u64();
            let by = sender.map_or(String::new(), |sender| format!(" from process {sender}"));
            Claim::new(format!("it ran until {signal}{by} ended it"), "::jscrash")
        }
    });
    because.push(Claim::new("its main thread waited for events, in no JavaScript function", "::jsstack"));
    because.push(nothing_gathered(facts));
    because.push(Claim::new(
        format!("no {MANY_STUCK} calls at one place wait for what nobody can settle"),
        "::jsasync -w orphan",
    ));
    Verdict { kind: Kind::Healthy, title: "healthy: nothing is wrong that can be seen".to_owned(), because }
}

fn nothing_gathered(facts: &Facts) -> Claim {
    match &facts.growth {
        Some(_) => Claim::new(format!("nothing has grown much since the older {}", facts.source()), "::diff"),
        None => Claim::new(
            format!("nothing has gathered that retains {MUCH} % of the heap and {}", megabytes(LEAST_BYTES)),
            "::jsleaks",
        ),
    }
}
