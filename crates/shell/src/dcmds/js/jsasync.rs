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
//! `-b` adds how many bytes, in the heap and outside of it, would be freed if these calls were gone: their parameters and variables, what
//! those alone hold, and what waits for them. It puts those that retain most in front. Where so many lines have several calls that this
//! would take too long, the rest have a `>`: they retain at least what the largest of their calls does.
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
use v8_heap::pending::{Chain, ChainBytes, Settler, SettlerKind};
use v8_heap::{Heap, Tagged};

use crate::answers::await_place::AwaitPlace;
use crate::answers::retention::open;
use crate::answers::unanswered::unanswered_requests;
use crate::context::Context;
use crate::dcmd::{
    AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each,
};
use crate::error::DcmdError;
use crate::output::{self, escape};
use crate::print::function::definition_name;
use crate::stage::{Flow, Out};
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "pending-24",
        "::jsasync -p",
        r#"
            CALL    COUNT SETTLED BY           CHAIN
    3de05add7181       11 Pool.waiting         getUser (pending.js:97:22) <- handler (pending.js:102:16)
    3de05adc00c1        3 Pool.waiting         hoarder (pending.js:227:3)
    3de05add7079        3 variable answers     asker (pending.js:185:3)
    3de05add75f9        2 Pool.waiting         part (pending.js:132:3) <- Promise.all <- viaAll (pending.js:136:3)
    3de05add76a9        2 Pool.waiting         part (pending.js:132:3) <- Promise.race <- viaRace (pending.js:140:3)
    1c4bca6149a9        1 itself               left (pending.js:240:3) <- promise resolved with it
    3de05add0881        1 timer                sleeper (pending.js:175:3)
    3de05add09d9        1 timer                napper (pending.js:179:3)
    3de05add2d31        1 its turn             viaThenable (pending.js:171:3)
    3de05add5b09        1 nothing              lost (pending.js:205:3) <- callsLost (pending.js:209:3)
    3de05add5b61        1 variable keep        promise resolved with it <- callsAdopter (pending.js:193:3)
    3de05add7549        1 Pool.waiting         inner (pending.js:107:3) <- middle (pending.js:111:3) <- load (pending.js:118:5)
    3de05add75a1        1 Pool.waiting         #fetch (pending.js:122:5) <- run (pending.js:127:5)
    3de05add7759        1 Pool.waiting         part (pending.js:132:3) <- Promise.any <- viaAny (pending.js:144:3)
    3de05add77b1        1 Pool.waiting         part (pending.js:132:3) <- Promise.allSettled <- viaAllSettled (pending.js:148:3)
    3de05add7809        1 Pool.waiting         part (pending.js:132:3) <- then onValue (pending.js:151:1) <- catch onReason (pending.js:152:1) <- finally onEnd (pending.js:153:1) <- viaThen (pending.js:156:3)
    3de05add7861        1 Pool.waiting         part (pending.js:132:3) <- rows (pending.js:160:3) <- viaForAwait (pending.js:165:20)
    3de05addc911        1 variable keep        first (pending.js:215:3)
    3de05adde839        1 variable keep        second (pending.js:219:3)
    3de05adfa2b1        1 FSReqPromise         catch handleErrorFromBinding (node:internal/fs/promises) <- open (node:internal/fs/promises) <- readFile (node:internal/fs/promises) <- reader (pending.js:197:3)
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
        "::jsasync -p -b",
        r#"
            CALL    COUNT        BYTES SETTLED BY           CHAIN
    3de05adc00c1        3      1600648 Pool.waiting         hoarder (pending.js:227:3)
    3de05add7181       11         6072 Pool.waiting         getUser (pending.js:97:22) <- handler (pending.js:102:16)
    3de05adfa2b1        1         1328 FSReqPromise         catch handleErrorFromBinding (node:internal/fs/promises) <- open (node:internal/fs/promises) <- readFile (node:internal/fs/promises) <- reader (pending.js:197:3)
    3de05add7861        1         1176 Pool.waiting         part (pending.js:132:3) <- rows (pending.js:160:3) <- viaForAwait (pending.js:165:20)
    3de05add76a9        2         1136 Pool.waiting         part (pending.js:132:3) <- Promise.race <- viaRace (pending.js:140:3)
    3de05add75a1        1         1032 Pool.waiting         #fetch (pending.js:122:5) <- run (pending.js:127:5)
    3de05add7809        1          992 Pool.waiting         part (pending.js:132:3) <- then onValue (pending.js:151:1) <- catch onReason (pending.js:152:1) <- finally onEnd (pending.js:153:1) <- viaThen (pending.js:156:3)
    3de05add7549        1          904 Pool.waiting         inner (pending.js:107:3) <- middle (pending.js:111:3) <- load (pending.js:118:5)
    3de05add7079        3          576 variable answers     asker (pending.js:185:3)
    3de05add75f9        2          576 Pool.waiting         part (pending.js:132:3) <- Promise.all <- viaAll (pending.js:136:3)
    3de05add5b09        1          520 nothing              lost (pending.js:205:3) <- callsLost (pending.js:209:3)
    3de05add77b1        1          344 Pool.waiting         part (pending.js:132:3) <- Promise.allSettled <- viaAllSettled (pending.js:148:3)
    3de05add7759        1          336 Pool.waiting         part (pending.js:132:3) <- Promise.any <- viaAny (pending.js:144:3)
    3de05add0881        1          144 timer                sleeper (pending.js:175:3)
    3de05add5b61        1          144 variable keep        promise resolved with it <- callsAdopter (pending.js:193:3)
    1c4bca6149a9        1          136 itself               left (pending.js:240:3) <- promise resolved with it
    3de05add09d9        1          136 timer                napper (pending.js:179:3)
    3de05add2d31        1          136 its turn             viaThenable (pending.js:171:3)
    3de05addc911        1          136 variable keep        first (pending.js:215:3)
    3de05adde839        1          136 variable keep        second (pending.js:219:3)
"#,
    ),
    Example::on(
        "pending-24",
        "::jsasync -w orphan",
        r#"
            CALL    COUNT SETTLED BY           CHAIN
    3de05add5b09        1 nothing              lost (pending.js:205:3) <- callsLost (pending.js:209:3)
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
        Opt::flag('b', "how many bytes they retain, those that retain most first"),
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
    bytes: bool,
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
            bytes: args.has('b'),
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
            let others = unanswered_requests(heap, &context.progress())?;
            context.tell_of_nothing(&format!("nothing waits for a promise{others}"));
        }
        let mut has_heading = self.json || out.is_pipe();
        let mut chains: Vec<(Chain, Option<ChainBytes>)> =
            chains.list.into_iter().map(|chain| (chain, None)).collect();
        chains.retain(|(chain, _)| self.settler.is_none_or(|kind| kind == chain.settler.kind));
        if self.bytes {
            let monitor = context.progress();
            open(context, &monitor)?;
            let members: Vec<&[Tagged]> = chains.iter().map(|(chain, _)| &*chain.members).collect();
            let bytes = heap.retained_by_chains(&members, &monitor)?;
            drop(monitor);
            chains.iter_mut().zip(bytes).for_each(|((_, own), bytes)| *own = Some(bytes));
            chains.sort_by_key(|(_, bytes)| std::cmp::Reverse(bytes.map_or(0, |bytes| bytes.retained)));
        }
        let mut first = None;
        for (chain, bytes) in &chains {
            context.check_interrupt()?;
            let places: Vec<AwaitPlace> = chain.links.iter().map(|link| AwaitPlace::of(heap, link)).collect();
            let has_name = |name: &String| places.iter().any(|place| place.name.contains(name.as_str()));
            if !self.name.as_ref().is_none_or(has_name)
                || (self.own && !places.iter().any(AwaitPlace::is_own))
            {
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
                writeln!(out.text(), "{}", json_line(heap, chain, *bytes, &places))?;
                continue;
            }
            if !std::mem::replace(&mut has_heading, true) {
                let bytes = if self.bytes { format!(" {:>12}", "BYTES") } else { String::new() };
                let heading = format!("{:>16} {:>8}{bytes} {:<20} CHAIN", "CALL", "COUNT", "SETTLED BY");
                out.text().heading(context.colours.underline(heading))?;
            }
            let mut links: Vec<String> = places.iter().map(AwaitPlace::text).collect();
            if chain.is_cut {
                links.push("...".to_owned());
            }
            let member = chain.members.first().copied().unwrap_or_default();
            first.get_or_insert((member, chain.settled_by));
            let settler = settler_text(heap, &chain.settler);
            let retained = bytes.map_or_else(String::new, |bytes| {
                let mark = if bytes.is_least { ">" } else { "" };
                format!(" {:>12}", format!("{mark}{}", bytes.retained))
            });
            writeln!(
                out.text(),
                "{:>16x} {:>8}{retained} {:<20} {}",
                member.0,
                chain.members.len(),
                escape(&settler),
                escape(&links.join(" <- "))
            )?;
        }
        let watched = out.text().is_watched();
        if let Some((call, settled_by)) = first.filter(|_| watched) {
            let settler = settled_by
                .map_or_else(String::new, |object| format!("   {object}::jsprint (what settles it)"));
            writeln!(out.text(), "next: {call}::jsprint (the first call){settler}")?;
        }
        Ok(())
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

fn json_line(heap: &Heap<'_>, chain: &Chain, bytes: Option<ChainBytes>, places: &[AwaitPlace]) -> String {
    let address = |value: Tagged| format!("{:#x}", value.0);
    let links: Vec<_> = places.iter().zip(&chain.links).map(|(place, link)| place.json(link)).collect();
    let settler = &chain.settler;
    output::json(&json!({
        "count": chain.members.len(),
        "retained": bytes.map(|bytes| bytes.retained),
        "retainedIsLeast": bytes.map(|bytes| bytes.is_least),
        "call": chain.members.first().copied().map(address),
        "settler": settler_name(settler.kind),
        "settledBy": settler_text(heap, settler),
        "settledByObject": chain.settled_by.map(address),
        "links": links,
        "cut": chain.is_cut,
    }))
}
