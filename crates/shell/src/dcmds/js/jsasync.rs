//! `::jsasync`: list what async functions wait for: await chains, counted.
//!
//! An async function that awaits a promise is suspended, and whoever awaits it is suspended as well. One line for each chain of them
//! from the inside out: the function that awaits a promise which nothing has settled, `<-` what waits for that function's own promise, and
//! so on, each with the line and column where it is suspended. Chains through the same places are one line; COUNT says how many there
//! are, most in front. Where two wait for one promise, there is a chain for each. Only what lives is counted.
//!
//! `Promise.all` and its kin stand between who waits for them and each promise that they still wait for; `then`, `catch` and `finally` with the
//! function they were given and the place where that is defined.
//!
//! SETTLED BY says what can settle the promise at the inner end:
//!
//! - `timer`: a timer that has still to run (`::jstimers`).
//! - The constructor of a request or another native object, or `native code` (`::jsrequests`, `::jshandles`).
//! - `Pool.waiting`, `variable queue`: the functions that settle it are kept by the program, here in property `waiting` of a `Pool`, or in
//!   a variable, themselves or in a collection.
//! - `nothing`: an orphan. No function that settles it is left: the chain waits for ever, and what it holds is leaked.
//! - `itself`: the chain waits for its own end, a deadlock.
//! - `its turn`: what it awaited is settled, and it goes on when its microtask runs; or it has only just begun to wait.
//! - `a running call`: an async function that is on the stack.
//!
//! `-n` chooses chains with a function that has this in its name, `-p` those with a function of the program, `-w` by what settles
//! them: `timer`, `native`, `held`, `orphan`, `cycle`, `ready`, `running`. In a pipe it hands on the innermost suspended call of each
//! chain: `::jsasync -w orphan | ::jsclosure`. `::jsprint` prints such a call with its parameters and variables, and what waits for its promise.
//!
//! # Limits
//!
//! What can settle a promise is told by who holds the functions for it, some 500 objects far; a program that keeps them and never calls
//! them looks like one that will. A variable that many functions share is named, and not followed to them. `Promise.race` of which one
//! promise is left looks like `then(resolve)`. Where the core lacks what tells the living from garbage, all is counted, and SETTLED BY is `?`.

use std::io::Write;

use serde_json::json;
use v8_heap::objects::promise::Waits;
use v8_heap::pending::{Chain, Link, Settler, SettlerKind};
use v8_heap::{Heap, Tagged};

use crate::answers::callback::NODE;
use crate::context::Context;
use crate::dcmd::{
    AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each,
};
use crate::error::DcmdError;
use crate::output::{self, escape};
use crate::print::function::{definition_name, file_name, script_name};
use crate::stage::{Flow, Out};
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "pending-24",
        "::jsasync -p",
        r#"
            CALL    COUNT SETTLED BY           CHAIN
    1e88c436a099       11 Pool.waiting         getUser (pending.js:89:22) <- handler (pending.js:94:16)
    1e88c4369f91        3 variable answers     asker (pending.js:177:3)
    1e88c436a511        2 Pool.waiting         part (pending.js:124:3) <- Promise.all <- viaAll (pending.js:128:3)
    1e88c436a5c1        2 Pool.waiting         part (pending.js:124:3) <- Promise.race <- viaRace (pending.js:132:3)
    1e88c435fa19        1 its turn             viaThenable (pending.js:163:3)
    1e88c436a461        1 Pool.waiting         inner (pending.js:99:3) <- middle (pending.js:103:3) <- load (pending.js:110:5)
    1e88c436a4b9        1 Pool.waiting         #fetch (pending.js:114:5) <- run (pending.js:119:5)
    1e88c436a671        1 Pool.waiting         part (pending.js:124:3) <- Promise.any <- viaAny (pending.js:136:3)
    1e88c436a6c9        1 Pool.waiting         part (pending.js:124:3) <- Promise.allSettled <- viaAllSettled (pending.js:140:3)
    1e88c436a721        1 Pool.waiting         part (pending.js:124:3) <- then onValue (pending.js:143:1) <- catch onReason (pending.js:144:1) <- finally onEnd (pending.js:145:1) <- viaThen (pending.js:148:3)
    1e88c436a779        1 Pool.waiting         part (pending.js:124:3) <- rows (pending.js:152:3) <- viaForAwait (pending.js:157:20)
    1e88c4370119        1 timer                sleeper (pending.js:167:3)
    1e88c43701d1        1 timer                napper (pending.js:171:3)
    1e88c4370389        1 itself               left (pending.js:218:3) <- promise resolved with it
    1e88c43703e1        1 variable keep        promise resolved with it <- callsAdopter (pending.js:185:3)
    1e88c4371241        1 nothing              lost (pending.js:197:3) <- callsLost (pending.js:201:3)
    1e88c4375461        1 variable keep        first (pending.js:207:3)
    1e88c4377289        1 variable keep        second (pending.js:211:3)
    3a79ced123e9        1 FSReqPromise         catch handleErrorFromBinding (node:internal/fs/promises) <- open (node:internal/fs/promises) <- readFile (node:internal/fs/promises) <- reader (pending.js:189:3)
"#,
    ),
    Example::on(
        "pending-24",
        "::jsasync -n getUser | ::count",
        r#"
11
"#,
    ),
    Example::on(
        "pending-24",
        "::jsasync -w orphan",
        r#"
            CALL    COUNT SETTLED BY           CHAIN
    1e88c4371241        1 nothing              lost (pending.js:197:3) <- callsLost (pending.js:201:3)
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsasync",
    aliases: &[],
    summary: "list what async functions wait for: await chains, counted",
    family: Family::JavaScript,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Depends(|args| if args.has('j') { Yields::Text } else { Yields::Items(Kind::Value) }),
    options: &[
        Opt::flag('p', "only chains with a function of the program").filter(),
        Opt::flag('j', "print one line of JSON for each, as docs/json.md describes it"),
        Opt::text('n', "name", "only chains with a function that has this in its name").filter(),
        Opt::text('w', "settler", "only chains that this settles: timer, native, held, orphan, cycle, ...")
            .filter(),
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jsasync.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let wanted = Wanted::of(args)?;
        Ok(for_each(move |context, _, out| wanted.answer(context, out)))
    },
};

struct Wanted {
    own: bool,
    json: bool,
    name: Option<String>,
    settler: Option<SettlerKind>,
}

/// The kinds of settlers, as options and JSON call them.
const SETTLERS: [(&str, SettlerKind); 8] = [
    ("orphan", SettlerKind::Orphan),
    ("cycle", SettlerKind::Cycle),
    ("timer", SettlerKind::Timer),
    ("native", SettlerKind::Native),
    ("held", SettlerKind::Held),
    ("running", SettlerKind::Running),
    ("ready", SettlerKind::Ready),
    ("unknown", SettlerKind::Unknown),
];

impl Wanted {
    fn of(args: &Args) -> Result<Wanted, DcmdError> {
        let settler = match args.text('w') {
            None => None,
            Some(name) => match SETTLERS.iter().find(|(own, _)| *own == name) {
                Some((_, kind)) => Some(*kind),
                None => {
                    let names: Vec<&str> = SETTLERS.iter().map(|(name, _)| *name).collect();
                    return Err(DcmdError::usage(format!("-w takes one of {}", names.join(", "))));
                }
            },
        };
        Ok(Wanted {
            own: args.has('p'),
            json: args.has('j'),
            name: args.text('n').map(str::to_owned),
            settler,
        })
    }

    fn answer(&self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let heap = context.heap()?;
        let monitor = context.progress();
        let chains = heap.await_chains(&monitor)?;
        drop(monitor);
        if chains.is_cut {
            context.warn(
                &"warning: some chains fork so often, or are so long, that not all of them are counted",
            );
        }
        if chains.list.is_empty() && !out.is_pipe() && !self.json {
            context.tell_of_nothing(&"nothing waits for a promise");
        }
        let mut has_heading = self.json || out.is_pipe();
        for chain in &chains.list {
            context.check_interrupt()?;
            if self.settler.is_some_and(|kind| kind != chain.settler.kind) {
                continue;
            }
            let places: Vec<Place> = chain.links.iter().map(|link| Place::of(heap, link)).collect();
            let has_name = |name: &String| places.iter().any(|place| place.name.contains(name.as_str()));
            if !self.name.as_ref().is_none_or(has_name) || (self.own && !places.iter().any(Place::is_own)) {
                continue;
            }
            if out.is_pipe() {
                let members = chain.members.iter().map(|member| Item::value(member.0));
                if out.emit_all(members)? == Flow::Enough {
                    break;
                }
                continue;
            }
            if self.json {
                writeln!(out.text(), "{}", json_line(heap, chain, &places))?;
                continue;
            }
            if !std::mem::replace(&mut has_heading, true) {
                let heading = format!("{:>16} {:>8} {:<20} CHAIN", "CALL", "COUNT", "SETTLED BY");
                out.text().heading(context.colours.underline(heading))?;
            }
            let mut links: Vec<String> = places.iter().map(Place::text).collect();
            if chain.is_cut {
                links.push("...".to_owned());
            }
            let member = chain.members.first().copied().unwrap_or_default();
            let settler = settler_text(heap, &chain.settler);
            writeln!(
                out.text(),
                "{:>16x} {:>8} {:<20} {}",
                member.0,
                chain.members.len(),
                escape(&settler),
                escape(&links.join(" <- "))
            )?;
        }
        Ok(())
    }
}

/// A link in words.
struct Place {
    waits: &'static str,
    /// What waits, for people.
    shown: String,
    /// The name of its function.
    name: String,
    file: Option<String>,
    script: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
}

impl Place {
    fn of(heap: &Heap<'_>, link: &Link) -> Place {
        let (waits, shown) = match link.waits {
            Waits::Await => ("await", ""),
            Waits::All => ("all", "Promise.all"),
            Waits::AllSettled => ("allSettled", "Promise.allSettled"),
            Waits::Any => ("any", "Promise.any"),
            Waits::Resolves if link.is_race => ("race", "Promise.race"),
            Waits::Resolves => ("resolve", "Promise.race or then(resolve)"),
            Waits::Follows => ("follows", "promise resolved with it"),
            Waits::Then => ("then", "then"),
            Waits::Catch => ("catch", "catch"),
            Waits::Finally => ("finally", "finally"),
            Waits::Internal => ("internal", "V8"),
        };
        let mut place = Place {
            waits,
            shown: shown.to_owned(),
            name: String::new(),
            file: None,
            script: None,
            line: None,
            column: None,
        };
        let shared =
            link.function.and_then(|function| heap.shared_function(heap.object(function).ok()?).ok());
        let Some(shared) = shared else { return place };
        place.name = definition_name(heap, &shared);
        if let Some(location) = heap.function_location(shared.object) {
            let script = script_name(heap, &location.script);
            let is_node = script.starts_with(NODE);
            place.file = Some(if is_node { script.clone() } else { file_name(heap, &location.script) });
            place.script = Some(script);
            let position = match link.offset {
                Some(offset) => heap.suspended_position(shared.object.value(), offset),
                None => Some(location.position),
            };
            let found = position.and_then(|position| heap.script_location(&location.script, position));
            place.line = found.map(|place| place.line);
            place.column = found.map(|place| place.column);
        }
        place
    }

    fn is_own(&self) -> bool {
        self.script.as_ref().is_some_and(|script| !script.starts_with(NODE))
    }

    fn text(&self) -> String {
        let mut text = self.shown.clone();
        if !self.name.is_empty() {
            if !text.is_empty() {
                text.push(' ');
            }
            text += &self.name;
        }
        match (&self.file, self.line, self.column) {
            (Some(file), Some(line), Some(column)) => text += &format!(" ({file}:{line}:{column})"),
            (Some(file), ..) => text += &format!(" ({file})"),
            (None, ..) => {}
        }
        text
    }
}

fn settler_name(kind: SettlerKind) -> &'static str {
    SETTLERS.iter().find(|(_, own)| *own == kind).map_or("unknown", |(name, _)| name)
}

fn settler_text(heap: &Heap<'_>, settler: &Settler) -> String {
    match settler.kind {
        SettlerKind::Orphan => "nothing".to_owned(),
        SettlerKind::Cycle => "itself".to_owned(),
        SettlerKind::Timer => "timer".to_owned(),
        SettlerKind::Running => "a running call".to_owned(),
        SettlerKind::Ready => "its turn".to_owned(),
        SettlerKind::Unknown => "?".to_owned(),
        SettlerKind::Native => match settler.constructor {
            Some(constructor) => heap.name(constructor).to_owned(),
            None => "native code".to_owned(),
        },
        SettlerKind::Held => {
            let property = settler.property.and_then(|name| heap.name_text(name));
            match (settler.constructor, property, settler.function) {
                (Some(constructor), Some(property), _) => format!("{}.{property}", heap.name(constructor)),
                (Some(constructor), None, _) => heap.name(constructor).to_owned(),
                (None, ..) if settler.variable.is_some() => {
                    let variable = settler.variable.and_then(|name| heap.name_text(name));
                    format!("variable {}", variable.unwrap_or_default())
                }
                (None, _, Some(function)) => match function_name(heap, function) {
                    Some(name) => format!("function {name}"),
                    None => "function".to_owned(),
                },
                (None, _, None) => "an object".to_owned(),
            }
        }
    }
}

fn function_name(heap: &Heap<'_>, shared: Tagged) -> Option<String> {
    Some(definition_name(heap, &heap.shared_function(heap.object(shared).ok()?).ok()?))
}

fn json_line(heap: &Heap<'_>, chain: &Chain, places: &[Place]) -> String {
    let address = |value: Tagged| format!("{:#x}", value.0);
    let links: Vec<_> = places
        .iter()
        .zip(&chain.links)
        .map(|(place, link)| {
            json!({
                "waits": place.waits,
                "name": (!place.name.is_empty()).then_some(&place.name),
                "file": place.script,
                "line": place.line,
                "column": place.column,
                "shared": link.function.map(address),
            })
        })
        .collect();
    let settler = &chain.settler;
    output::json(&json!({
        "count": chain.members.len(),
        "call": chain.members.first().copied().map(address),
        "settler": settler_name(settler.kind),
        "settledBy": settler_text(heap, settler),
        "settledByObject": chain.settled_by.map(address),
        "links": links,
        "cut": chain.is_cut,
    }))
}
