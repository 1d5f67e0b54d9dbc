//! The verdict: what is wrong with the process, if anything is, in one line; and what that rests on.
//!
//! What ended a process comes first, then what it can have done wrong while it ran: a leak, calls that wait for ever, a thread that does not
//! come back to its event loop. Where none of it is there, the process is healthy. One core shows what has gathered, not whether it grows:
//! it is said so, and with an older core growth decides.

use std::cmp::Reverse;

use serde_json::Value;

use super::facts::{Facts, number, text};
use super::{Claim, megabytes};
use crate::answers::explained::{LEAST_BYTES, MUCH};
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

/// Parts of a hundred of the heap from which on a single object is much.
const MOST_OF_IT: u64 = 50;
/// Parts of a hundred of the older heap from which on growth is much, and fewest bytes of it.
const MUCH_GROWTH: u64 = 2;
const LEAST_GROWTH: u64 = 32 << 10;
/// Fewer objects more are no growth, where no single owner has them.
const FEWEST_MORE: i128 = 16;
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
        && let Some((_, (_, title, _))) = &leak
        && let Some(own) = findings.first_mut()
    {
        own.1 = format!("{}: {title}", own.1);
    }
    let mut leaks: Vec<(Weight, Finding)> =
        [leak, native_leak(facts), native_owner(facts)].into_iter().flatten().collect();
    leaks.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    findings.extend(leaks.into_iter().map(|(_, finding)| finding));
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

/// How much a finding tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Weight {
    /// It is known who holds what has leaked: what else has leaked may hang on that.
    has_holder: bool,
    bytes: u64,
}

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
fn leak(facts: &Facts) -> Option<(Weight, Finding)> {
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
    let (with, known) = known_of(facts, suspect, bytes);
    claims.extend(known);
    let source = facts.source();
    claims.push(Claim::new(
        format!(
            "one {source} shows what has gathered, not that it grows: an older {source} with --base OLD tells a leak from a cache"
        ),
        "::diff OLD",
    ));
    Some((Weight { has_holder: true, bytes }, (Kind::Leak, format!("leak of {what}{with}"), claims)))
}

/// What else is known of what has gathered, of which so many bytes are asked about: what belongs into the title, and claims.
fn known_of(facts: &Facts, suspect: &Value, bytes: u64) -> (String, Vec<Claim>) {
    let constructor = text(suspect, "constructor");
    let is_most = |row: &&Value| 2 * number(row, "count") > number(suspect, "count");
    let mut claims = Vec::new();
    let stores = stores_of(facts, constructor, bytes);
    let with = stores.as_ref().map_or(String::new(), |(what, _)| format!(", with {what}"));
    claims.extend(stores.map(|(_, claim)| claim));
    if constructor == "Timeout"
        && let Some(timers) = facts.timers.iter().find(is_most)
    {
        let (count, name) = (number(timers, "count"), text(timers, "name"));
        claims.push(Claim::new(format!("{count} of what is still to run: {name}"), "::jstimers"));
    }
    if ["IncomingMessage", "ServerResponse"].contains(&constructor)
        && let Some(requests) =
            facts.requests.iter().filter(|requests| text(requests, "side") == "server").find(is_most)
    {
        claims.push(Claim::new(requests_text(requests), "::jshttp -g"));
    }
    (with, claims)
}

/// The stores of an `AsyncLocalStorage` that make up most of so many bytes, if objects of a constructor hold most of the contexts that have
/// them: `3000 RequestContext of AsyncLocalStorage requests`.
fn stores_of(facts: &Facts, constructor: &str, bytes: u64) -> Option<(String, Claim)> {
    let retained = |storage: &Value| number(storage, "retained") + number(storage, "outside");
    let holds_most = |storage: &&Value| {
        let holders = storage["holders"].as_array().into_iter().flatten();
        let own = holders.filter(|holder| text(holder, "name") == constructor);
        let own: u64 = own.map(|holder| number(holder, "count")).sum();
        2 * own > number(storage, "contexts") && 2 * retained(storage) >= bytes
    };
    let storage = facts.stores.iter().filter(holds_most).max_by_key(|storage| retained(storage))?;
    let of = &storage["of"];
    let named = text(storage, "name");
    let held_as = text(storage, "heldAs");
    // `variable "requests" of serve (app.js:14)`
    let variable = held_as.strip_prefix("variable ").and_then(|rest| rest.split('"').nth(1));
    let name = match (named, variable) {
        ("", Some(variable)) => variable,
        ("", None) => held_as,
        (named, _) => named,
    };
    let what = format!("{} {} of AsyncLocalStorage {name}", number(of, "count"), text(of, "name"));
    let claim = Claim::new(
        format!(
            "{} stores of AsyncLocalStorage {name} retain {}, in contexts that {constructor} hold",
            number(storage, "stores"),
            megabytes(retained(storage))
        ),
        "::jsals",
    );
    Some((what, claim))
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
    let (count, constructor) = (number(suspect, "count"), text(suspect, "constructor"));
    if let Some(way) = suspect["ways"].as_array().and_then(|ways| ways.first()) {
        let (of, by) = (number(way, "count"), end_of_way(way));
        return match () {
            () if of == count => format!("{count} {constructor} held by {by}"),
            () if 2 * of > count => format!("{count} {constructor}, {of} of them held by {by}"),
            () => format!("{count} {constructor} held by several objects"),
        };
    }
    format!("{count} {constructor} held by {}", holder(suspect))
}

/// What holds a suspect, as the program names it.
pub(super) fn holder(suspect: &Value) -> String {
    if let Some(root) = suspect["heldByRoot"].as_str() {
        return format!("a {root} each");
    }
    let steps = suspect["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    named(steps).unwrap_or_else(|| match suspect["gathererName"].as_str() {
        Some(name) => name.to_owned(),
        None => "several objects".to_owned(),
    })
}

/// What holds the object at the end of a merged way.
fn end_of_way(way: &Value) -> String {
    let steps = way["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    named(steps).unwrap_or_else(|| format!("a {} each", text(way, "root")))
}

/// How the last of some steps is held by the one before, as the program names it: `Gateway.bySession`. Of an object whose name says nothing
/// it is said what holds that.
fn named(steps: &[Value]) -> Option<String> {
    const SAY_NOTHING: [&str; 4] = ["Object", "Array", "Map", "Set"];
    /// How variables hold, in cores and in snapshots.
    const VARIABLES: [&str; 2] = ["closure variable ", ".context variable "];
    /// Such objects above one another that are named.
    const MOST: usize = 4;
    let [.., owner, last] = steps else { return None };
    let how = text(last, "how");
    // Where the way ends at the object itself, it goes on from what has gathered.
    if !how.starts_with(['.', '[']) {
        return Some(format!("{how} ({})", text(last, "name")));
    }
    let mut shown = how.to_owned();
    for step in steps.iter().rev().skip(1).take(MOST) {
        let (name, how) = (without_mark(text(step, "name")), text(step, "how"));
        if !SAY_NOTHING.contains(&name) {
            return Some(format!("{name}{shown}"));
        }
        let variable = VARIABLES.iter().find_map(|prefix| how.strip_prefix(prefix));
        if let Some(variable) = variable.and_then(|rest| rest.split('"').nth(1)) {
            return Some(format!("{variable}{shown}"));
        }
        if !how.starts_with(['.', '[']) {
            break;
        }
        shown.insert_str(0, how);
    }
    Some(format!("{}{how}", without_mark(text(owner, "name"))))
}

/// The name of an object without what V8 adds to that of a global object from Node.js 26 on.
fn without_mark(name: &str) -> &str {
    name.split_once(" (global").map_or(name, |(name, _)| name)
}

/// What has grown most since the older core.
fn grown(facts: &Facts) -> Option<(Weight, Finding)> {
    let rows = facts.growth.as_deref()?;
    let least = least_growth(rows);
    let is_leak = |row: &&Value| growth(row, "retained") >= i128::from(least);
    let mut owners: Vec<&Value> =
        rows.iter().filter(|row| row["section"] == "owner").filter(is_leak).collect();
    owners.sort_by_key(|row| Reverse(growth(row, "retained")));
    // One of which it is known who holds it says more than one that is a little larger.
    let most = owners.first().map_or(0, |row| growth(row, "retained"));
    let is_held = |row: &&&Value| {
        2 * growth(row, "retained") >= most && (row["path"].is_string() || gathering_of(facts, row).is_some())
    };
    let row = owners.iter().find(is_held).or(owners.first()).copied().or_else(|| {
        let own = |row: &&Value| row["section"] == "constructor" && growth(row, "count") >= FEWEST_MORE;
        rows.iter().filter(own).filter(is_leak).max_by_key(|row| growth(row, "retained"))
    })?;
    let more = growth(row, "count");
    let bytes = u64::try_from(growth(row, "retained")).unwrap_or(0);
    let is_owner = row["section"] == "owner";
    let of = match text(row, if is_owner { "of" } else { "name" }) {
        "" => "entries",
        of => of,
    };
    // A path by way of the variables of functions says less than what has gathered at its end.
    let path = row["path"].as_str().filter(|path| !path.contains("[[Variable "));
    // No single owner has grown so much: what has gathered names one, if it retains most of what is more.
    let fitting = if is_owner { gathering_of(facts, row) } else { retaining(facts, bytes) };
    let what = match (path, fitting) {
        (Some(path), _) => format!("{of} held by {path}"),
        (None, Some(suspect)) if is_owner => gathered(suspect),
        (None, Some(suspect)) => format!("{of} below {}", gathered(suspect)),
        (None, None) if is_owner => {
            format!("{of} held by {}", row["path"].as_str().unwrap_or("objects without a path of names"))
        }
        (None, None) => of.to_owned(),
    };
    let mut claims = vec![Claim::new(
        format!("{what}: {more} more than in the older {} retain {} more", facts.source(), megabytes(bytes)),
        "::diff",
    )];
    if let Some(place) = fitting.and_then(|suspect| suspect["addedAt"].as_str()) {
        claims.push(Claim::new(format!("added to at {place}"), "::jsleaks"));
    }
    let (with, known) =
        fitting.map_or_else(|| (String::new(), Vec::new()), |suspect| known_of(facts, suspect, bytes));
    claims.extend(known);
    let title = format!("leak of {what}{with}: {more:+} since the older {}", facts.source());
    let has_holder = fitting.is_some() || row["path"].is_string();
    Some((Weight { has_holder, bytes }, (Kind::Leak, title, claims)))
}

/// Bytes from which on growth is much.
fn least_growth(rows: &[Value]) -> u64 {
    let before = rows
        .iter()
        .find(|row| row["section"] == "core")
        .map_or(0, |row| number(row, "bytes") + number(row, "outside"));
    (before * MUCH_GROWTH / 100).max(LEAST_GROWTH)
}

/// What has gathered of what an owner has more of; of what has no owner in common, what has none there either.
fn gathering_of<'f>(facts: &'f Facts, row: &Value) -> Option<&'f Value> {
    let is_ownerless = row["path"].is_null() && text(row, "name").is_empty();
    facts.suspects.iter().find(|suspect| match is_ownerless {
        true => suspect["gatherer"].is_null() && text(suspect, "constructor") == text(row, "of"),
        false => !suspect["gatherer"].is_null() && suspect["gatherer"] == row["object"],
    })
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

/// Bytes of these rows of the ledger.
fn bytes_of(facts: &Facts, fields: &[&str]) -> u64 {
    fields.iter().map(|field| facts.memory["bytes"][field].as_u64().unwrap_or(0)).sum()
}

/// Whether native code has lost much.
fn native_leak(facts: &Facts) -> Option<(Weight, Finding)> {
    let leaked = facts.memory["bytes"]["mallocLeaked"].as_u64().unwrap_or(0);
    let used = number(&facts.memory, "mallocUsed")
        + bytes_of(facts, &["javascriptLiving", "buffers", "mallocLeaked"]);
    if leaked < LEAST_BYTES || leaked.saturating_mul(100) < used.saturating_mul(MUCH) {
        return None;
    }
    let blocks = number(&facts.memory, "leakedBlocks");
    let what = format!("nothing leads to {} in {blocks} blocks of native memory", megabytes(leaked));
    let claims = vec![Claim::new(&*what, "::findleaks")];
    let weight = Weight { has_holder: false, bytes: leaked };
    Some((weight, (Kind::NativeLeak, format!("native leak: {what}"), claims)))
}

/// Objects that own much native memory, if they own most of it; with an older core, those that own much more than they did.
fn native_owner(facts: &Facts) -> Option<(Weight, Finding)> {
    if let Some(rows) = &facts.growth {
        return native_growth(facts, rows);
    }
    let used = number(&facts.memory, "mallocUsed") + bytes_of(facts, &["javascriptLiving", "buffers"]);
    let suspect = facts.suspects.iter().find(|suspect| {
        let bytes = number(suspect, "native");
        number(suspect, "count") > 1
            && bytes >= LEAST_BYTES
            && bytes.saturating_mul(100) >= used.saturating_mul(MOST_OF_IT)
    })?;
    let what = owning(suspect);
    let mut claims = vec![Claim::new(
        format!("{what}, {} % of what is in use", number(suspect, "percentOfNative")),
        "::jsleaks",
    )];
    claims.extend(known_of_native(facts, suspect));
    let holder = native_holder(suspect);
    let weight = Weight { has_holder: !holder.is_empty(), bytes: number(suspect, "native") };
    Some((weight, (Kind::NativeLeak, format!("leak of native memory: {what}{holder}"), claims)))
}

/// Objects that own much more native memory than in the older core, and how much more.
fn native_growth(facts: &Facts, rows: &[Value]) -> Option<(Weight, Finding)> {
    let least = i128::from(least_growth(rows).max(LEAST_BYTES));
    let row = rows
        .iter()
        .filter(|row| row["section"] == "native")
        .filter(|row| growth(row, "count") >= FEWEST_MORE && growth(row, "bytes") >= least)
        .max_by_key(|row| growth(row, "bytes"))?;
    let suspect = facts.suspects.iter().find(|suspect| {
        !suspect["native"].is_null()
            && suspect["constructor"] == row["constructor"]
            && suspect["class"] == row["class"]
    });
    let (more, constructor) = (growth(row, "count"), text(row, "constructor"));
    let bytes = u64::try_from(growth(row, "bytes")).unwrap_or(0);
    let holder = suspect.map(native_holder).unwrap_or_default();
    let what = match suspect {
        Some(suspect) => format!("{}{holder}", owning(suspect)),
        None => constructor.to_owned(),
    };
    let source = facts.source();
    let mut claims = vec![Claim::new(
        format!("{more} more {constructor} than in the older {source} own some {} more", megabytes(bytes)),
        "::diff -e",
    )];
    claims.extend(suspect.map(|suspect| known_of_native(facts, suspect)).unwrap_or_default());
    let title = format!("leak of native memory: {what}: {more:+} since the older {source}");
    Some((Weight { has_holder: !holder.is_empty(), bytes }, (Kind::NativeLeak, title, claims)))
}

/// What else is known of objects that own native memory.
fn known_of_native(facts: &Facts, suspect: &Value) -> Vec<Claim> {
    let mut claims = Vec::new();
    if let Some(place) = suspect["addedAt"].as_str() {
        let by = text(suspect, "registeredBy");
        claims.push(Claim::new(format!("{by} is called at {place}"), "::jsleaks"));
    }
    let classes = suspect["holders"].as_array().into_iter().flatten();
    for class in classes.map(|class| text(class, "constructor")) {
        let holders = facts.suspects.iter().find(|suspect| {
            text(suspect, "constructor") == class && suspect["native"].is_null() && suspect["own"] != true
        });
        let Some(holders) = holders else { continue };
        let place = holders["addedAt"].as_str();
        let place = place.map_or(String::new(), |place| format!("; added to at {place}"));
        claims.push(Claim::new(format!("{}{place}", gathered(holders)), "::jsleaks"));
    }
    claims.push(Claim::new("what each class owns is estimated", "::malloc -o"));
    claims
}

/// `, held by 600 WebSocket`; nothing if it is not known.
fn native_holder(suspect: &Value) -> String {
    let count = number(suspect, "count");
    let of_them = |held: u64| if held == count { String::new() } else { format!("{held} of them ") };
    let is_most = |held: u64| 2 * held > count;
    let ways = suspect["ways"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut collections: Vec<(String, u64)> = Vec::new();
    for way in ways {
        let Some(collection) = collection_on(way) else { continue };
        match collections.iter_mut().find(|(name, _)| *name == collection) {
            Some((_, held)) => *held += number(way, "count"),
            None => collections.push((collection, number(way, "count"))),
        }
    }
    if let Some((name, held)) =
        collections.into_iter().max_by_key(|(_, held)| *held).filter(|it| is_most(it.1))
    {
        return format!(", {}held by {name}", of_them(held));
    }
    let class = suspect["holders"].as_array().and_then(|classes| classes.first());
    if let Some(class) = class.filter(|class| is_most(number(class, "count"))) {
        let (holders, name) = (number(class, "holders"), text(class, "constructor"));
        return format!(", {}held by {holders} {name}", of_them(number(class, "count")));
    }
    suspect["registeredBy"].as_str().map_or(String::new(), |by| format!(", registered by {by}"))
}

/// The last collection on a merged way: what has one of its entries as the next step.
fn collection_on(way: &Value) -> Option<String> {
    let steps = way["steps"].as_array()?;
    let is_entry = |step: &Value| {
        let how = text(step, "how");
        ["[*]", ".*"].contains(&how) || how.starts_with("map ") || how.starts_with("set ")
    };
    named(&steps[..steps.iter().rposition(is_entry)?])
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

/// `450 HTTP requests to this process: unanswered, in hand of serve (app.js:12)`
pub(super) fn requests_text(requests: &Value) -> String {
    let count = number(requests, "count");
    let noun = if count == 1 { "request" } else { "requests" };
    let callback = &requests["callback"];
    let name = text(callback, "name");
    // Each promise is another one.
    let in_hand = match (callback["settles"].is_string(), name.is_empty()) {
        (true, _) | (_, true) => String::new(),
        (false, false) => format!(", in hand of {name}"),
    };
    let side = if text(requests, "side") == "server" { "to this process" } else { "of this process" };
    format!("{count} HTTP {noun} {side}: {}{in_hand}", text(requests, "state"))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn way(count: u64, root: &str, steps: &[(&str, &str)]) -> Value {
        let steps: Vec<Value> = steps.iter().map(|(how, name)| json!({ "how": how, "name": name })).collect();
        json!({ "count": count, "root": root, "steps": steps })
    }

    #[test]
    fn what_has_gathered_is_held_by_what_holds_all_of_it() {
        let held = |count: u64, of: u64| {
            let ways = [way(of, "global handle", &[("", "Parser"), (".incoming", "Request")])];
            gathered(&json!({ "count": count, "constructor": "Request", "ways": ways }))
        };
        assert_eq!(held(450, 450), "450 Request held by Parser.incoming");
        assert_eq!(held(450, 300), "450 Request, 300 of them held by Parser.incoming");
        assert_eq!(held(450, 200), "450 Request held by several objects");
        let ways = [way(20, "global handle", &[("", "TCP")])];
        let each = gathered(&json!({ "count": 20, "constructor": "TCP", "ways": ways }));
        assert_eq!(each, "20 TCP held by a global handle each");
    }

    #[test]
    fn an_object_whose_name_says_nothing_is_called_by_what_holds_it() {
        let steps = |steps: &[(&str, &str)]| {
            let steps: Vec<Value> =
                steps.iter().map(|(how, name)| json!({ "how": how, "name": name })).collect();
            named(&steps)
        };
        let of_variable = [
            ("", "function tick"),
            ("closure variable \"lists\" of tick", "Object"),
            ("[3600000]", "TimersList"),
        ];
        assert_eq!(steps(&of_variable).unwrap(), "lists[3600000]");
        let of_property = [("", "global"), (".shop", "Shop"), (".carts", "Object"), (".open", "Array")];
        assert_eq!(steps(&of_property).unwrap(), "Shop.carts.open");
        assert_eq!(steps(&[("", "Object"), (".open", "Array")]).unwrap(), "Object.open");
        assert_eq!(steps(&[("", "global (global*)"), (".open", "Array")]).unwrap(), "global.open");
        assert_eq!(steps(&[("", "Shop")]), None);
    }

    #[test]
    fn native_memory_is_held_by_a_collection_a_class_or_what_registers_it() {
        let in_map = [("", "global"), (".open", "Map"), ("map value", "Deflate"), ("._handle", "Zlib")];
        let of_handle = [("", "TCP"), (".socket", "Socket"), (".zlib", "Zlib")];
        let holder = |ways: &[Value], holders: &[Value], by: Option<&str>| {
            native_holder(&json!({ "count": 600, "ways": ways, "holders": holders, "registeredBy": by }))
        };
        let classes = [json!({ "constructor": "Peer", "holders": 300, "count": 600 })];
        assert_eq!(holder(&[way(600, "", &in_map)], &classes, None), ", held by global.open");
        assert_eq!(
            holder(&[way(400, "", &in_map), way(200, "", &of_handle)], &[], None),
            ", 400 of them held by global.open"
        );
        assert_eq!(holder(&[way(600, "", &of_handle)], &classes, None), ", held by 300 Peer");
        assert_eq!(
            holder(&[way(600, "", &[("", "Blob")])], &[], Some("URL.createObjectURL")),
            ", registered by URL.createObjectURL"
        );
        assert_eq!(holder(&[way(600, "", &[("", "Blob")])], &[], None), "");
    }
}
