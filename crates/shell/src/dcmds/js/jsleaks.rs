//! `::jsleaks`: point out where many objects of a kind have gathered.
//!
//! A leak in JavaScript is nearly always a collection that only grows: a Map of sessions, a list of listeners, a cache without an
//! end. This finds them: objects below which many others of one constructor hang that would be garbage without it. For each
//! suspect: how many there are, what would be freed with them, what part of the living heap that is; the largest of them, and
//! what would go with that, classes of the program first; and the way to what they have gathered in (see `::jspath`). The largest
//! comes first.
//!
//! `added to at` is the first line in the sources of the classes and functions on the way that adds something to a collection of that
//! name; it is not said where there is none.
//!
//! Links of a list, and nodes of a tree, count where the first of them hangs. What several hold has gathered below what these have in
//! common; where they have nothing in common, in one that holds many, `and held by others too`. Sockets, watchers and the like that
//! nobody has closed are `held one by one by a global handle`: a handle of Node.js or of an addon.
//!
//! `each held by several objects` are instances of a class that have no holder in common, such as requests that nobody answers: the ways
//! to all of them, those that read alike once. Few objects are suspects, too, if each retains much that is in no other JavaScript object, but in strings,
//! in elements or outside of the heap.
//!
//! Where members retain more than they show, it is said why. Short slices can keep long strings, and small views large ArrayBuffers,
//! though nothing else refers to these: how many of each, how long, and how much of the wholes is shown by none. And values of a WeakMap
//! live as long as their keys: how many of them these keep, in which WeakMap, and the way to that.
//!
//! One leak is one suspect: what has gathered below members of a suspect is not told again. The last line says how much of the heap is
//! in no suspect. Where the largest suspect is below 1 MB and 10 % of the heap, it says so: that is too little to be what fills it. Few
//! objects that retain so little are none, nor are fewer than a hundred of which no one object holds most itself: libraries build such
//! when they are loaded.
//!
//! Gathering is not leaking: whether a cache should be as large as it is, only its owner knows. Where the objects say themselves that they
//! may be meant, that stands in brackets: each member names another source file, or is part of an object that does (modules of a bundler,
//! trees of a compiler), no file twice; what they are in has a property such as `max` or `limit` that allows as many; they are timers
//! that run once, within five minutes; or it is the memory of WebAssembly. What Node.js has gathered for itself,
//! such as its builtin modules, is marked `(Node.js's own)`, and comes behind all else unless it is much: all that says whose it is, on
//! the way to it and below it, is code of Node.js. The modules that a program has loaded are its own.
//!
//! Objects that own much native memory, such as streams that compress, or blobs, are suspects as well: `own some ... bytes of native
//! memory`. How much is estimated: each block is of the owner that is nearest to it (see `::malloc -o`). Where JavaScript shows only a
//! handle, `in C++` says which C++ objects of other classes lead to them, and, where that is what a function of Node.js registers, which
//! lines of the program call that. Where objects of the program's classes hold a few of them each, it is said how many of which.
//!
//! Of what has gathered in the JavaScript heap it is said how much native memory would be freed with it, where that is not little beside
//! what it retains there: `some ... bytes of native memory go with them`.
//!
//! Ten or more threads that `Worker` objects have started are one suspect: what their heaps have, and the ways to these objects. A smaller number
//! is a pool as every program may have one.
//!
//! The last line of each suspect is what to type next: the largest object, and all of them. For the way to one of them ask `::jspath`.
//!
//! Of a heap snapshot neither native memory nor the line that adds can be told, nor always what Node.js has gathered for itself. Where a
//! limit is a number that the snapshot does not tell, that there is one counts: `perhaps no more than its max allows`.
//!
//! In a pipe it hands on the largest object of each suspect.

use std::io::Write;

use serde_json::json;
use v8_heap::graph::{Gatherer, Suspect};
use v8_heap::index::{ObjectId, ObjectTable};
use v8_heap::questions::{ClassHolders, Makeup, Parts};
use v8_heap::{Heap, NameId};

use crate::answers::adding_place::adding_place;
use crate::answers::excerpt::Excerpt;
use crate::answers::explained::{self, is_little};
use crate::answers::kept_threads::{KeptThreads, kept_threads};
use crate::answers::meant::{meant_json, meant_text};
use crate::answers::merged_ways::{MergedWay, merged_ways};
use crate::answers::native_sums::NativeSums;
use crate::answers::native_suspects::{self, NativeSuspect, Registered, native_suspects};
use crate::answers::retention::{address, label, open, path_json, print_path, root_of};
use crate::answers::roots::root_name;
use crate::answers::share::{is_percent, percent};
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::of_snapshot;
use crate::output::{self, Progress, escape};
use crate::stage::{Flow, Out};
use crate::value::{Item, Kind};

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "::jsleaks -n 1",
        r#"
suspect 1: 800 UpstreamConnection in one Map retain 1247880 bytes, 17 % of the heap
  the largest is 12fd195c4fb9 UpstreamConnection, which retains 1560 bytes: 3 Chunk, 1 IncomingRequest, 1 Array, 3 Buffer, ...
  way to 15cb447412d9 Map: global object
    22f3cb382b39 global
    .gateway = 1950f7e24af9 Gateway
    .bySession = 15cb447412d9 Map
  added to at leak.js:53: this.bySession.set('session-' + id, connection);
  next: 12fd195c4fb9::jsprint     all: ::findjsobjects -c UpstreamConnection | ::findjsobjects
6089290 bytes, 82 % of the heap, are in none of these (::jsdominators shows where all of it is)
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        "::jsleaks -n 1",
        r#"
suspect 1: 300 Session in one Map retain 537600 bytes, 8 % of the heap
  the largest is @107587 Session, which retains 1800 bytes: 1 Uint8Array, 1 Array, 1 Object, 1 Function
  way to @104455 Map: global object
    @7067 global
    .service = @7183 Service
    .sessions = @104455 Map
  next: @107587::jsprint     all: ::findjsobjects -c Session | ::findjsobjects
5943658 bytes, 91 % of the heap, are in none of these (::jsdominators shows where all of it is)
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsleaks",
    aliases: &[],
    summary: "point out where many objects of a kind have gathered",
    family: Family::JavaScript,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Items(Kind::Value),
    options: &[
        Opt::number('n', "suspects", "show so many; 5 if not said"),
        Opt::flag('j', "print one line of JSON for each suspect, as docs/json.md describes it"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::Graph],
    manual: include_str!("jsleaks.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        let most = usize::try_from(args.number('n').unwrap_or(5)).unwrap_or(usize::MAX);
        let as_json = args.has('j');
        if context.snapshot().is_some() {
            return Ok(for_each(move |context, _, out| of_snapshot::leaks(context, most, as_json, out)));
        }
        Ok(for_each(move |context, _, out| {
            let monitor = context.progress();
            let (heap, table) = open(context, &monitor)?;
            let suspects = heap.leak_suspects(most, &monitor)?;
            let dominators = heap.dominators(&monitor)?;
            let total = dominators.all_bytes();
            let natives = native_suspects(context, heap, table, total, &monitor)?;
            let threads = kept_threads(context, heap, table, &monitor)?;
            let with: Vec<u64> = suspects
                .iter()
                .map(|suspect| native_with(heap, natives.sums.as_ref(), suspect, &monitor))
                .collect::<Result<_, _>>()?;
            let makeup = match out.is_pipe() {
                true => vec![Makeup::default(); suspects.len()],
                false => heap.makeup_of(&suspects, &monitor)?,
            };
            drop(monitor);
            let parts = suspects.iter().zip(&makeup).zip(with);
            let mut told: Vec<Told<'_>> = parts
                .map(|((suspect, makeup), native)| Told::Heap(Gathered { suspect, makeup, native }))
                .collect();
            for native in &natives.suspects {
                let before = told.iter().position(|other| other.bytes() < native.bytes);
                told.insert(before.unwrap_or(told.len()), Told::Native(native));
            }
            if let Some(threads) = &threads {
                let before = told.iter().position(|other| other.bytes() < threads.bytes);
                told.insert(before.unwrap_or(told.len()), Told::Threads(threads));
            }
            told.truncate(most);
            let mut explained = 0;
            for (index, suspect) in told.iter().enumerate() {
                context.check_interrupt()?;
                if out.is_pipe() {
                    let largest = match suspect {
                        Told::Heap(gathered) => address(table, ObjectId(gathered.suspect.largest)),
                        Told::Native(suspect) => suspect.largest,
                        Told::Threads(threads) => threads.largest,
                    };
                    if out.emit(Item::value(largest.0))? == Flow::Enough {
                        return Ok(());
                    }
                    continue;
                }
                match (suspect, as_json) {
                    (Told::Heap(gathered), false) => {
                        explained = gathered.suspect.size().saturating_add(explained);
                        print(context, heap, table, index + 1, gathered, total, out)?;
                    }
                    (Told::Heap(gathered), true) => {
                        print_json(context, heap, table, index + 1, gathered, total, out)?;
                    }
                    (Told::Native(suspect), false) => print_native(heap, index + 1, suspect, out)?,
                    (Told::Native(suspect), true) => print_native_json(heap, index + 1, suspect, out)?,
                    (Told::Threads(threads), false) => print_threads(heap, index + 1, threads, out)?,
                    (Told::Threads(threads), true) => print_threads_json(heap, index + 1, threads, out)?,
                }
            }
            if !suspects.is_empty() && !as_json && !out.is_pipe() {
                let largest = told.iter().map(Told::bytes).max().unwrap_or(0);
                writeln!(out.text(), "{}", explained::explained(explained, largest, total))?;
            }
            if told.is_empty() && most > 0 && !as_json && !out.is_pipe() {
                writeln!(out.text(), "nothing has gathered anywhere")?;
            }
            Ok(())
        }))
    },
};

/// A suspect of either sort.
enum Told<'a> {
    Heap(Gathered<'a>),
    Native(&'a NativeSuspect),
    Threads(&'a KeptThreads),
}

/// What has gathered.
struct Gathered<'a> {
    suspect: &'a Suspect,
    makeup: &'a Makeup,
    /// Bytes of native memory that go with it, estimated.
    native: u64,
}

/// How much native memory goes with the members of a suspect.
fn native_with(
    heap: &Heap<'_>,
    sums: Option<&NativeSums>,
    suspect: &Suspect,
    monitor: &Progress,
) -> Result<u64, DcmdError> {
    let Some(sums) = sums.filter(|sums| !sums.sums.is_empty()) else { return Ok(0) };
    let members = heap.members_of(suspect, monitor)?;
    Ok(members.iter().map(|id| sums.with(id.0)).fold(0, u64::saturating_add))
}

impl Told<'_> {
    fn bytes(&self) -> u64 {
        match self {
            Told::Heap(gathered) => gathered.suspect.size(),
            Told::Native(suspect) => suspect.bytes,
            Told::Threads(threads) => threads.bytes,
        }
    }
}

/// Ways to objects that own native memory, or that have no holder in common, that are shown,
const WAYS: usize = 2;
/// and the least part of the objects, in per cent, for a further way, or for those that keep them in C++.
const WORTH_A_WORD: u64 = 10;
/// Fewer bytes of native memory that go with a suspect are not worth a word.
const LEAST_NATIVE: u64 = 1 << 14;

fn print_native(
    heap: &Heap<'_>,
    number: usize,
    suspect: &NativeSuspect,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let NativeSuspect { count, bytes, percent, largest, .. } = suspect;
    writeln!(
        out.text(),
        "suspect {number}: {count} {} own some {bytes} bytes of native memory, {percent} % of what is in use",
        native_suspects::shown(&suspect.name),
    )?;
    writeln!(
        out.text(),
        "  the largest is {largest} {}, which owns some {} bytes",
        suspect.name.0,
        suspect.largest_bytes
    )?;
    print_ways(&suspect.ways, *count, out)?;
    let is_worth = |objects: u64| is_percent(objects, WORTH_A_WORD, *count);
    // Where JavaScript holds them, pointers of others say little.
    let is_bare = suspect.ways.first().is_none_or(|way| way.steps.len() <= 1);
    let keepers = suspect.keepers.iter().filter(|(_, objects)| is_bare && is_worth(*objects));
    for (keeper, objects) in keepers {
        writeln!(out.text(), "  in C++, {} leads to {objects} of them", native_suspects::keeper(keeper))?;
    }
    print_holders(heap, &suspect.holders, *count, out)?;
    if let Some(Registered { by, calls }) = &suspect.registered {
        for call in calls {
            writeln!(out.text(), "  {by} is called at {}", call.text)?;
        }
    }
    writeln!(out.text(), "  next: {largest}::jsprint     all: ::malloc -o")?;
    Ok(())
}

fn print_threads(
    heap: &Heap<'_>,
    number: usize,
    threads: &KeptThreads,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let KeptThreads { count, bytes, percent, stacks, largest, largest_bytes, .. } = threads;
    writeln!(
        out.text(),
        "suspect {number}: {count} Worker run threads, whose heaps have {bytes} bytes, {percent} % of all heaps"
    )?;
    writeln!(out.text(), "  their stacks use {stacks} bytes; what else they have is in ::malloc -p")?;
    writeln!(out.text(), "  the largest is {largest} Worker, whose heap has {largest_bytes} bytes")?;
    print_ways(&threads.ways, *count, out)?;
    print_holders(heap, &threads.holders, *count, out)?;
    writeln!(out.text(), "  next: {largest}::jsprint     all: ::jsworkers")?;
    Ok(())
}

fn print_threads_json(
    heap: &Heap<'_>,
    number: usize,
    threads: &KeptThreads,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    out.json(&json!({
        "suspect": number,
        "count": threads.count,
        "constructor": "Worker",
        "heaps": threads.bytes,
        "percentOfHeaps": threads.percent,
        "stacks": threads.stacks,
        "largest": format!("0x{:x}", threads.largest.0),
        "largestHeap": threads.largest_bytes,
        "ways": ways_json(&threads.ways),
        "holders": holders_json(heap, &threads.holders),
    }))
}

/// The objects of the program's classes that hold many of so many objects.
fn print_holders(
    heap: &Heap<'_>,
    holders: &[ClassHolders],
    count: u64,
    out: &Out<'_>,
) -> Result<(), DcmdError> {
    let are_many = |class: &&ClassHolders| is_percent(class.held, WORTH_A_WORD, count);
    for ClassHolders { constructor, holders, held } in holders.iter().filter(are_many) {
        let constructor = escape(heap.name(*constructor));
        writeln!(out.text(), "  {holders} {constructor} hold {held} of them")?;
    }
    Ok(())
}

fn holders_json(heap: &Heap<'_>, holders: &[ClassHolders]) -> Vec<serde_json::Value> {
    let class = |class: &ClassHolders| json!({ "constructor": heap.name(class.constructor), "holders": class.holders, "count": class.held });
    holders.iter().map(class).collect()
}

/// The ways to most of so many objects.
fn print_ways(ways: &[MergedWay], count: u64, out: &Out<'_>) -> Result<(), DcmdError> {
    let mut text = out.text();
    for (index, way) in ways.iter().take(WAYS).enumerate() {
        if index > 0 && !is_percent(way.count, WORTH_A_WORD, count) {
            break;
        }
        writeln!(text, "  way to {} of them: {}", way.count, way.root)?;
        for (how, name) in &way.steps {
            let equals = if how.is_empty() { "" } else { " = " };
            writeln!(text, "    {how}{equals}{name}")?;
        }
    }
    Ok(())
}

fn ways_json(ways: &[MergedWay]) -> Vec<serde_json::Value> {
    let way = |way: &MergedWay| {
        let steps: Vec<_> = way
            .steps
            .iter()
            .map(|(how, name)| json!({ "how": Some(how).filter(|how| !how.is_empty()), "name": name }))
            .collect();
        json!({ "count": way.count, "example": format!("0x{:x}", way.example.0), "root": way.root, "steps": steps })
    };
    ways.iter().map(way).collect()
}

/// Whether the way to a suspect ends where something is added, and not at one of what has been.
fn is_in_place(suspect: &Suspect) -> bool {
    suspect.count == 1 || matches!(suspect.gatherer, Gatherer::Owner(_) | Gatherer::Holder(_))
}

/// More objects that have no holder in common are not asked for their ways.
const MOST_ASKED: u64 = 1 << 16;

/// The ways to objects that have no holder in common, those that read alike once; none to others.
fn ways_of(
    context: &Context,
    heap: &Heap<'_>,
    table: &ObjectTable,
    suspect: &Suspect,
) -> Result<Vec<MergedWay>, DcmdError> {
    if suspect.gatherer != Gatherer::Several || !(2..=MOST_ASKED).contains(&suspect.count) {
        return Ok(Vec::new());
    }
    let monitor = context.progress();
    let members = heap.members_of(suspect, &monitor)?;
    Ok(merged_ways(context, heap, table, &members, &monitor)?.0)
}

fn print_native_json(
    heap: &Heap<'_>,
    number: usize,
    suspect: &NativeSuspect,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let keepers: Vec<_> = suspect
        .keepers
        .iter()
        .map(|((constructor, class), count)| {
            json!({ "constructor": constructor, "class": class, "count": count })
        })
        .collect();
    let registered = suspect.registered.as_ref();
    let call = registered.and_then(|registered| registered.calls.first());
    out.json(&json!({
        "suspect": number,
        "count": suspect.count,
        "constructor": suspect.name.0,
        "class": suspect.name.1,
        "native": suspect.bytes,
        "blocks": suspect.blocks,
        "percentOfNative": suspect.percent,
        "largest": format!("0x{:x}", suspect.largest.0),
        "largestNative": suspect.largest_bytes,
        "ways": ways_json(&suspect.ways),
        "keepers": keepers,
        "holders": holders_json(heap, &suspect.holders),
        "registeredBy": registered.map(|registered| registered.by),
        "addedAt": call.map(|call| call.text.as_str()),
        "source": call.and_then(|call| call.excerpt.as_ref()).map(Excerpt::json),
    }))
}

/// Objects below the largest that are looked at.
const BELOW: usize = 10_000;

fn print(
    context: &Context,
    heap: &Heap<'_>,
    table: &ObjectTable,
    number: usize,
    &Gathered { suspect, makeup, native }: &Gathered<'_>,
    total: u64,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let name = |id: u32| heap.object_by_id(table, ObjectId(id)).map(|object| label(heap, object));
    let place = match suspect.gatherer {
        Gatherer::Owner(id) => format!("in one {}", name(id).unwrap_or_default()),
        Gatherer::Holder(id) => format!("in one {}, and held by others too,", name(id).unwrap_or_default()),
        Gatherer::Root(kind) => format!("held one by one by a {}", root_name(kind)),
        Gatherer::Several if suspect.count == 1 => "held by several objects".to_owned(),
        Gatherer::Several => "each held by several objects".to_owned(),
    };
    let bytes = suspect.size();
    let monitor = context.progress();
    let nodes = match heap.meant(suspect, &monitor)? {
        _ if suspect.is_nodes => " (Node.js's own)".to_owned(),
        Some(meant) => format!(" ({})", meant_text(&meant)),
        None => String::new(),
    };
    drop(monitor);
    writeln!(
        out.text(),
        "suspect {number}: {} {} {place} retain {bytes} bytes, {} % of the heap{nodes}",
        suspect.count,
        escape(heap.name(suspect.constructor)),
        percent(bytes, total),
    )?;
    if native >= LEAST_NATIVE && is_percent(native, WORTH_A_WORD, bytes) {
        writeln!(out.text(), "  some {native} bytes of native memory go with them")?;
    }
    let monitor = context.progress();
    let dominators = heap.dominators(&monitor)?;
    let average = bytes / suspect.count.max(1);
    let mut members = vec![("the largest", suspect.largest)];
    // What an odd one retains says nothing about the others.
    if dominators.total(suspect.largest) > 2 * average && suspect.typical != suspect.largest {
        members.push(("a usual one", suspect.typical));
    }
    for (which, id) in members {
        let retained = dominators.total(id);
        let below = heap.below_by_constructor(ObjectId(id), BELOW, &monitor)?;
        let strings = heap.strings_below(ObjectId(id), BELOW, &monitor)?;
        let with = what_hangs_below(heap, &below, strings, retained);
        let shown = address(table, ObjectId(id));
        let label = name(id).unwrap_or_default();
        writeln!(out.text(), "  {which} is {shown} {label}, which retains {retained} bytes{with}")?;
    }
    drop(monitor);
    print_makeup(context, heap, table, suspect, makeup, out)?;
    let shown = address(table, ObjectId(suspect.largest));
    let ways = ways_of(context, heap, table, suspect)?;
    print_ways(&ways, suspect.count, out)?;
    if ways.is_empty()
        && let Some(path) = &suspect.path
        && let Some(&end) = path.objects.last()
    {
        let root = root_of(context, path, table);
        let end_of_way = address(table, ObjectId(end));
        writeln!(out.text(), "  way to {end_of_way} {}: {root}", name(end).unwrap_or_default())?;
        print_path(context, path, false, 4, out)?;
        if is_in_place(suspect)
            && let Some(place) = adding_place(context, heap, table, path)
        {
            writeln!(out.text(), "  added to at {}", place.text)?;
        }
    }
    let constructor = heap.name(suspect.constructor);
    let is_word =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'));
    let all = match is_word(constructor) {
        true => format!("     all: ::findjsobjects -c {constructor} | ::findjsobjects"),
        false => String::new(),
    };
    writeln!(out.text(), "  next: {shown}::jsprint{all}")?;
    Ok(())
}

/// Of what a gathering retains, the least part in per cent that is worth a word on why.
const WORTH_A_WHY: u64 = 10;
/// WeakMaps that are named.
const WEAK_MAPS: usize = 2;

/// Why members retain more than they show.
fn print_makeup(
    context: &Context,
    heap: &Heap<'_>,
    table: &ObjectTable,
    suspect: &Suspect,
    makeup: &Makeup,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let is_much = |bytes: u64| is_percent(bytes, WORTH_A_WHY, suspect.size());
    let many = |count: u64, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let shown = |parts: &Parts, of: &str, unit: &str, whole: &str, command: &str| {
        let (least, most) = parts.lengths;
        let lengths = if least == most { least.to_string() } else { format!("{least} to {most}") };
        let Parts { bytes, wasted, .. } = parts;
        format!(
            "  {} of {lengths} {unit} keep{} {} of {bytes} bytes, {wasted} of which none of them shows ({command})",
            many(parts.parts, of),
            if parts.parts == 1 { "s" } else { "" },
            many(parts.wholes, whole),
        )
    };
    if let Some(slices) = makeup.slices.as_ref().filter(|slices| is_much(slices.wasted)) {
        writeln!(out.text(), "{}", shown(slices, "slice", "characters", "string", "::jsstrings -w"))?;
    }
    if let Some(views) = makeup.views.as_ref().filter(|views| is_much(views.wasted)) {
        let view = views.constructor.map_or_else(|| "view".into(), |name| escape(heap.name(name)));
        writeln!(out.text(), "{}", shown(views, &view, "bytes", "ArrayBuffer", "::jsbuffers"))?;
    }
    for values in makeup.weak_values.iter().filter(|values| is_much(values.bytes)).take(WEAK_MAPS) {
        let monitor = context.progress();
        let way = heap.retaining_paths(ObjectId(values.map), 1, false, &monitor)?.pop();
        drop(monitor);
        let map = address(table, ObjectId(values.map));
        let shown = many(values.count, "value");
        writeln!(
            out.text(),
            "  {shown} of {} bytes in WeakMap {map} live as long as these, their keys",
            values.bytes
        )?;
        if let Some(way) = &way {
            writeln!(out.text(), "  way to {map} WeakMap: {}", root_of(context, way, table))?;
            print_path(context, way, false, 4, out)?;
        }
    }
    Ok(())
}

/// Why members retain more than they show, as JSON: slices, views, WeakMaps.
fn makeup_json(heap: &Heap<'_>, table: &ObjectTable, makeup: &Makeup) -> [serde_json::Value; 3] {
    let parts = |parts: &Option<Parts>| match parts {
        None => serde_json::Value::Null,
        Some(parts) => json!({
            "parts": parts.parts,
            "shortest": parts.lengths.0,
            "longest": parts.lengths.1,
            "constructor": parts.constructor.map(|name| heap.name(name)),
            "wholes": parts.wholes,
            "bytes": parts.bytes,
            "wasted": parts.wasted,
            "largest": format!("0x{:x}", parts.largest.0),
        }),
    };
    let values = makeup.weak_values.iter().map(|values| {
        let map = address(table, ObjectId(values.map));
        json!({ "map": format!("0x{:x}", map.0), "count": values.count, "bytes": values.bytes })
    });
    [parts(&makeup.slices), parts(&makeup.views), values.collect()]
}

/// `: 1 Session, 2 Buffer, ..., 12 strings of 4096 bytes`
fn what_hangs_below(
    heap: &Heap<'_>,
    below: &[(NameId, u64)],
    (strings, bytes_of_strings): (u64, u64),
    retained: u64,
) -> String {
    /// Constructors that are named.
    const NAMES: usize = 4;
    let named = below.iter().take(NAMES);
    let mut with: Vec<String> =
        named.map(|(name, count)| format!("{count} {}", escape(heap.name(*name)))).collect();
    if below.len() > NAMES {
        with.push("...".to_owned());
    }
    // More than so many objects are not looked at.
    let is_all = (strings as usize) < BELOW / 2;
    if 4 * bytes_of_strings > retained || !is_all {
        let more = if is_all { "" } else { " and more" };
        let noun = if strings == 1 { "string" } else { "strings" };
        with.push(format!("{strings}{more} {noun} of {bytes_of_strings} bytes"));
    }
    if with.is_empty() { String::new() } else { format!(": {}", with.join(", ")) }
}

/// A suspect as one line.
fn print_json(
    context: &Context,
    heap: &Heap<'_>,
    table: &ObjectTable,
    number: usize,
    &Gathered { suspect, makeup, native }: &Gathered<'_>,
    total: u64,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let monitor = context.progress();
    let dominators = heap.dominators(&monitor)?;
    let below = heap.below_by_constructor(ObjectId(suspect.largest), BELOW, &monitor)?;
    let meant = heap.meant(suspect, &monitor)?;
    drop(monitor);
    let name = |id: u32| heap.object_by_id(table, ObjectId(id)).map(|object| label(heap, object));
    let hexadecimal = |id: u32| format!("0x{:x}", address(table, ObjectId(id)).0);
    let (gatherer, root) = match suspect.gatherer {
        Gatherer::Owner(id) | Gatherer::Holder(id) => (Some(id), None),
        Gatherer::Root(kind) => (None, Some(root_name(kind))),
        Gatherer::Several => (None, None),
    };
    let bytes = suspect.size();
    let below: Vec<_> = below
        .iter()
        .map(|(name, count)| json!({ "constructor": heap.name(*name), "count": count }))
        .collect();
    let path = suspect.path.as_ref();
    let place = path.filter(|_| is_in_place(suspect));
    let place = place.and_then(|path| adding_place(context, heap, table, path));
    let [slices, views, weak_values] = makeup_json(heap, table, makeup);
    let line = json!({
        "suspect": number,
        "count": suspect.count,
        "constructor": heap.name(suspect.constructor),
        "retained": suspect.retained,
        "outside": suspect.outside,
        "nativeWithThem": native,
        "percent": percent(bytes, total),
        "little": is_little(bytes, total),
        "own": suspect.is_nodes,
        "meant": meant.as_ref().map(meant_json),
        "gatherer": gatherer.map(hexadecimal),
        "gathererName": gatherer.and_then(name),
        "heldByRoot": root,
        "shared": matches!(suspect.gatherer, Gatherer::Holder(_) | Gatherer::Several),
        "largest": hexadecimal(suspect.largest),
        "largestRetained": dominators.total(suspect.largest),
        "below": below,
        "slices": slices,
        "views": views,
        "weakValues": weak_values,
        "root": path.map(|path| root_of(context, path, table)),
        "steps": path.map(|path| path_json(context, path, false)).transpose()?,
        "ways": ways_json(&ways_of(context, heap, table, suspect)?),
        "addedAt": place.as_ref().map(|place| place.text.as_str()),
        "source": place.as_ref().and_then(|place| place.excerpt.as_ref()).map(Excerpt::json),
    });
    Ok(writeln!(out.text(), "{}", output::json(&line))?)
}
