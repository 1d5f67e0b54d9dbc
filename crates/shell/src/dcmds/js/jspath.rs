//! `::jspath`: say why an object is alive: the ways from the roots to it.
//!
//! A way starts with what certainly is alive, and each line says through what the object of the line before holds the next one.
//! The shortest comes first; no two lead through the same object last. V8's storage (property arrays, hash tables, contexts)
//! is left out; `-v` shows every step and every field in V8's terms, and then takes ways through V8's own objects
//! (maps, code, feedback) as well.
//!
//! In terms of V8, `+0x48` is a property that is stored in the object itself, at that offset.
//!
//! What can hold an object from outside of the heap: the global object, handles of Node.js and addons, the stack of a thread,
//! a microtask that waits, V8's own tables and caches. Stacks are read word by word: a word that is the address of an object
//! holds it, even if no function will look at it again. Ways from a stack are taken only if there are no others; the
//! last to be tried is native memory, where such a word may be left over.
//!
//! A garbage object has no way; the dcmd says so.
//!
//! `-m` merges the ways of all objects that come through the pipe: those that read alike are one, with the number of objects that
//! hang on it, the most frequent first; `-n` says how many are shown (5 if not said). What `::findjsobjects` hands on stands for all
//! objects of its kind. Of a collection that holds many of them it does
//! not count which entry it is: `[*]`, `.*`, `map value`; and along a list not how far: `.next x *`.
//!
//! In a heap snapshot handles, stacks and V8's tables are told by their lists: `(Global handles)`, `(Stack roots)`.
//!
//! In a pipe it hands on the objects of the way, from the root to the end.

use std::io::Write;

use serde_json::json;
use v8_heap::Tagged;
use v8_heap::graph::Life;
use v8_heap::index::ObjectId;

use crate::answers::kinds::set_of;
use crate::answers::merged_ways::merged_ways;
use crate::answers::retention::{
    address, alive, for_each_step, object_at, open, path_json, print_path, root_of,
};
use crate::answers::share::percent;
use crate::context::Context;
use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::of_snapshot;
use crate::output;
use crate::stage::{Flow, Out, Stage};
use crate::value::{Item, Kind};

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "retained-24",
        "::findjsobjects -c Listener | ::jspath",
        r#"
way 1: global object
  ad0ae902b39 global
  .retained = 2245fa352431 Retained
  .emitter = 38312b1d5439 EventEmitter
  ._events = 38312b1d5519 Object
  .tick = 38312b1d59f1 Array
  [0] = 38312b1d5901 function heard
  closure variable "listener" of heard = 38312b1d5871 Listener
"#,
    ),
    Example::on(
        "retained-24",
        "::findjsobjects -c Shared | ::jspath -n 2",
        r#"
way 1: global object
  ad0ae902b39 global
  .retained = 2245fa352431 Retained
  .left = 38312b1d2f41 Left
  .shared = 38312b1d2ed1 Shared
way 2: global object
  ad0ae902b39 global
  .retained = 2245fa352431 Retained
  .right = 38312b1d2f91 Right
  .shared = 38312b1d2ed1 Shared
"#,
    ),
    Example::on(
        "retained-24",
        "38312b1d2ed1::jspath -v",
        r#"
way 1: isolate, field at 27b15150
  1c2e2b940109 (NativeContext)
  .elements[2] = ad0ae902b39 global
  .properties_or_hash = ad0ae902b61 (GlobalDictionary)
  .objects[26] = 2aa3936c1e11 (PropertyCell)
  .value = 2245fa352431 Retained
...
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        "@70897::jspath",
        r#"
way 1: global object
  @7067 global
  .service = @7183 Service
  .sessions = @104455 Map
  .table[1151] = @70897 Session
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jspath",
    aliases: &[],
    summary: "say why an object is alive: the ways from the roots to it",
    family: Family::JavaScript,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Depends(|args| if args.has('m') { Yields::Text } else { Yields::Items(Kind::Value) }),
    options: &[
        Opt::flag('v', "every step, V8's own objects included"),
        Opt::number('n', "ways", "at most so many ways; 1 if not said"),
        Opt::flag('m', "the ways of all objects, merged and counted"),
        Opt::flag('j', "print one line of JSON for each way, as docs/json.md describes it"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::Graph],
    manual: include_str!("jspath.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        let (verbose, as_json) = (args.has('v'), args.has('j'));
        if args.has('m') {
            let most = usize::try_from(args.number('n').unwrap_or(5)).unwrap_or(usize::MAX);
            if context.snapshot().is_some() {
                return Ok(of_snapshot::merged(most, as_json));
            }
            return Ok(Box::new(Merged { targets: Vec::new(), most, as_json }));
        }
        let most = usize::try_from(args.number('n').unwrap_or(1)).unwrap_or(usize::MAX);
        if context.snapshot().is_some() {
            return Ok(for_each_item(move |context, item, out| {
                of_snapshot::ways(context, item, most, verbose, as_json, out)
            }));
        }
        Ok(for_each_item(move |context, item, out| {
            let monitor = context.progress();
            let (heap, table) = open(context, &monitor)?;
            let id = object_at(heap, table, Tagged(item.word))?;
            alive(heap, table, id, Life::Unsure, &monitor)?;
            let paths = heap.retaining_paths(id, most, verbose, &monitor)?;
            drop(monitor);
            for (index, path) in paths.iter().enumerate() {
                if out.is_pipe() {
                    let mut ended = Flow::Continue;
                    for_each_step(context, path, verbose, &mut |step| {
                        if ended == Flow::Continue {
                            ended = out.emit(Item::value(step.object.0))?;
                        }
                        Ok(())
                    })?;
                    if ended == Flow::Enough {
                        return Ok(());
                    }
                    continue;
                }
                if as_json {
                    let line = json!({
                        "object": format!("0x{:x}", address(table, id).0),
                        "way": index + 1,
                        "root": root_of(context, path, table),
                        "steps": path_json(context, path, verbose)?,
                    });
                    writeln!(out.text(), "{}", output::json(&line))?;
                    continue;
                }
                writeln!(out.text(), "way {}: {}", index + 1, root_of(context, path, table))?;
                print_path(context, path, verbose, 2, out)?;
            }
            if paths.is_empty() && most > 0 && as_json {
                let object = format!("0x{:x}", address(table, id).0);
                let line = json!({ "object": object, "way": null, "root": null, "steps": [] });
                writeln!(out.text(), "{}", output::json(&line))?;
            } else if paths.is_empty() && most > 0 && !out.is_pipe() {
                writeln!(out.text(), "no way to {} was found", address(table, id))?;
            }
            Ok(())
        }))
    },
};

/// The ways of a whole set.
struct Merged {
    targets: Vec<ObjectId>,
    most: usize,
    as_json: bool,
}

impl Stage for Merged {
    fn run(&mut self, _: &Context, _: &mut Out<'_>) -> Result<(), DcmdError> {
        Err(DcmdError::usage(""))
    }

    fn push(&mut self, context: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        let monitor = context.progress();
        for item in batch {
            context.check_interrupt()?;
            context.set_dot(item.word);
            match set_of(context, *item, &monitor) {
                Ok(objects) => self.targets.extend(objects),
                Err(DcmdError::Failed(reason)) => out.fault(&reason),
                Err(error) => return Err(error),
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        if self.targets.is_empty() {
            return Ok(());
        }
        self.targets.sort_unstable();
        self.targets.dedup();
        let monitor = context.progress();
        let (heap, table) = open(context, &monitor)?;
        let (ways, without) = merged_ways(context, heap, table, &self.targets, &monitor)?;
        drop(monitor);
        let all = self.targets.len() as u64;
        let percent = |count: u64| percent(count, all);
        for way in ways.iter().take(self.most) {
            if self.as_json {
                let steps: Vec<_> = way
                    .steps
                    .iter()
                    .map(
                        |(how, name)| json!({ "how": Some(how).filter(|how| !how.is_empty()), "name": name }),
                    )
                    .collect();
                let line = json!({
                    "count": way.count,
                    "percent": percent(way.count),
                    "example": format!("0x{:x}", way.example.0),
                    "root": way.root,
                    "steps": steps,
                });
                writeln!(out.text(), "{}", output::json(&line))?;
                continue;
            }
            let mut text = out.text();
            writeln!(
                text,
                "{} of {all} ({} %): {}, as to {}",
                way.count,
                percent(way.count),
                way.root,
                way.example
            )?;
            for (how, name) in &way.steps {
                let equals = if how.is_empty() { "" } else { " = " };
                writeln!(text, "  {how}{equals}{name}")?;
            }
        }
        if self.as_json {
            return Ok(());
        }
        if let Some(rest) = ways.get(self.most..).filter(|rest| !rest.is_empty()) {
            let count: u64 = rest.iter().map(|way| way.count).sum();
            writeln!(out.text(), "{count} more have {} other ways (-n shows more)", rest.len())?;
        }
        if without > 0 {
            writeln!(out.text(), "{without} are garbage: nothing keeps them alive")?;
        }
        Ok(())
    }
}
