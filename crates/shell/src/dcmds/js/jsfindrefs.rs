//! `::jsfindrefs`: find everything that refers to a value.
//!
//! The value may be any: an object, a string, a number that is no small integer, an object of V8's own. All of memory is
//! searched. What only stores what belongs to another object (arrays of elements and properties, contexts, hash tables,
//! cells, promise reactions) is followed to that object, which is told once, with how it refers to the value.
//!
//! What the language has no word for is told by V8's names of the fields on the way, with the class of the holder. `weak` says
//! that the reference does not keep the value alive. Words outside the heap are told by their address and by what they are: on
//! stacks, in handles of native code (local, global, eternal, traced), in isolates and V8's lists of roots. `-a` adds words of other native memory, of which it is not known what they are, nor whether
//! they are still in use. In a pipe the holders in the heap are handed on, and many values from a pipe are searched for in one
//! go. A holder that is garbage itself, which V8 has not collected yet, is marked `(garbage)`.
//!
//! `-l` says how many steps to follow through storage, 5 if not said. `-d` tells for each step how many objects hold what is
//! looked for, and how many of these are storage.
//!
//! In a heap snapshot only the nodes of it are searched; storage is not followed, and is told as such.
//!
//! Objects of a map refer to it, and nearly everything refers to `undefined`: to ask for these floods the screen. No more than
//! four million references are told.

use std::collections::HashSet;
use std::io::Write;

use core_reader::Address;
use serde_json::json;
use v8_heap::Tagged;
use v8_heap::questions::{How, Reference, Scope};

use crate::answers::elsewhere::elsewhere;
use crate::answers::lives::Remarks;
use crate::answers::reference::describe_how;
use crate::context::Context;
use crate::dcmd::{AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields};
use crate::error::DcmdError;
use crate::of_snapshot;
use crate::output::{self, escape};
use crate::stage::{Flow, Out, Stage};
use crate::value::{Item, Kind};

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "8ba8239fd91::jsfindrefs",
        r#"
15cb447412d9 map value of key "session-996"
15cb4477d409 closure variable "this" of <anonymous> (as UpstreamConnection.resume)
"#,
    ),
    Example::on(
        "leak-24",
        "8ba8239fd91::jsfindrefs -v",
        r#"
15cb447412d9 map value of key "session-996" (type: JSMap)
15cb4477d409 closure variable "this" of <anonymous> (as UpstreamConnection.resume) (type: JSFunction)
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        "@70897::jsfindrefs",
        r#"
@70913 (Context) variable "this"
@104463 (array) [1151]
@104525 (array) weak 611
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsfindrefs",
    aliases: &[],
    summary: "find everything that refers to a value",
    family: Family::JavaScript,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Items(Kind::Value),
    options: &[
        Opt::flag('v', "print the type of each holder"),
        Opt::number('l', "maxdepth", "steps to follow through storage; 5 if not said"),
        Opt::flag('d', "tell what each step finds"),
        Opt::flag('a', "add words of native memory that may be anything"),
        Opt::flag('j', "print one line of JSON for each holder, as docs/json.md describes it"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::Graph],
    manual: include_str!("jsfindrefs.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        let asked = JsFindRefs::new(args)?;
        match context.snapshot() {
            Some(_) => Ok(Box::new(of_snapshot::References {
                targets: Vec::new(),
                only_objects: false,
                types: asked.types,
                json: asked.json,
            })),
            None => Ok(Box::new(asked)),
        }
    },
};

/// More steps make no sense, and each costs a search of the heap.
const MOST_STEPS: u64 = 64;

#[derive(Debug)]
struct JsFindRefs {
    types: bool,
    json: bool,
    trace: bool,
    anything: bool,
    steps: usize,
    /// Values whose holders are sought, in the order they came.
    targets: Vec<Tagged>,
}

impl JsFindRefs {
    fn new(args: &Args) -> Result<JsFindRefs, DcmdError> {
        let steps = args.number('l').unwrap_or(5);
        if steps == 0 || steps > MOST_STEPS {
            return Err(DcmdError::usage(format!("-l takes a number from 1 to {MOST_STEPS:#x}")));
        }
        Ok(JsFindRefs {
            types: args.has('v'),
            json: args.has('j'),
            trace: args.has('d'),
            anything: args.has('a'),
            steps: steps as usize,
            targets: Vec::new(),
        })
    }

    /// The references to one value, a line for each holder; whether there are any.
    fn tell(
        &self,
        context: &Context,
        references: &[Reference],
        remarks: &Remarks<'_>,
        prefix: &str,
        out: &mut Out<'_>,
    ) -> Result<bool, DcmdError> {
        let heap = context.heap()?;
        let mut any = false;
        let place = |address: u64| elsewhere(context, address).unwrap_or_default();
        for held in references.chunk_by(|a, b| a.holder == b.holder) {
            context.check_interrupt()?;
            let holder = held[0].holder;
            if held[0].how == How::Outside && !self.anything && !is_on_stack(context, holder.0)? {
                continue;
            }
            let mut ways: Vec<String> = Vec::new();
            for reference in held {
                let way = describe_how(heap, reference, &place);
                if !ways.contains(&way) {
                    ways.push(way);
                }
            }
            if self.json {
                let is_object = is_in_heap(&held[0]);
                let ways: Vec<&str> = ways.iter().map(|way| way.trim_start()).collect();
                let line = json!({
                    "object": format!("0x{:x}", held[0].target.0),
                    "holder": format!("0x{:x}", holder.0),
                    "how": ways,
                    "class": Some(holder).filter(|_| is_object).map(|holder| heap.class_name(holder)),
                    "garbage": remarks.is_garbage(holder),
                });
                writeln!(out.text(), "{}", output::json(&line))?;
                any = true;
                continue;
            }
            let class = match (self.types, heap.object(holder)) {
                (true, Ok(_)) if is_in_heap(&held[0]) => {
                    format!(" (type: {})", escape(heap.class_name(holder)))
                }
                _ => String::new(),
            };
            let ways = ways.join(",");
            let garbage = remarks.of(holder);
            writeln!(out.text(), "{prefix}{holder}{ways}{class}{garbage}")?;
            any = true;
        }
        Ok(any)
    }
}

/// Whether an address is in the part of a stack that is in use: below the stack pointer is what functions left behind.
fn is_on_stack(context: &Context, address: u64) -> Result<bool, DcmdError> {
    let Some(range) = context.memory()?.range_at(Address(address)) else { return Ok(false) };
    let mut stacks = context.target()?.core().threads_with_stack_in(range.start, range.end);
    Ok(range.file.is_none() && stacks.any(|thread| thread.stack_pointer().0 <= address))
}

fn is_in_heap(reference: &Reference) -> bool {
    matches!(reference.how, How::Known(_) | How::Fields(_))
}

impl Stage for JsFindRefs {
    fn run(&mut self, _: &Context, _: &mut Out<'_>) -> Result<(), DcmdError> {
        Err(DcmdError::usage("must specify address for ::jsfindrefs"))
    }

    fn push(&mut self, context: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        let heap = context.heap()?;
        for item in batch {
            context.check_interrupt()?;
            context.set_dot(item.word);
            let value = Tagged(item.word);
            if let Some(number) = value.smi() {
                out.fault(&format!(
                    "{value}: {number} is a small integer, which is in every word that holds it"
                ));
            } else if let Err(error) = heap.object(value) {
                out.fault(&format!("{value}: {}", crate::error::reasons(&error)));
            } else {
                self.targets.push(Tagged::pointer(value.object().unwrap_or_default()));
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        if self.targets.is_empty() {
            return Ok(());
        }
        let heap = context.heap()?;
        let monitor = context.progress();
        let (references, rounds) =
            heap.find_references(&self.targets, Scope::Everything, self.steps, &monitor)?;
        let remarks = if out.is_pipe() { None } else { Some(Remarks::new(context, &monitor)?) };
        drop(monitor);
        if self.trace && !out.is_pipe() && !self.json {
            let mut text = out.text();
            for (index, (sought, holders, storage)) in rounds.rounds.iter().enumerate() {
                writeln!(
                    text,
                    "depth {}: {sought} sought, {holders} objects hold one, {storage} of them storage to follow",
                    index + 1
                )?;
            }
        }
        let mut told = HashSet::new();
        let Some(remarks) = remarks else {
            for reference in references.iter().filter(|reference| is_in_heap(reference)) {
                if told.insert(reference.holder) && out.emit(Item::value(reference.holder.0))? == Flow::Enough
                {
                    break;
                }
            }
            return Ok(());
        };
        let mut rest = references.as_slice();
        let several = self.targets.len() > 1;
        for target in std::mem::take(&mut self.targets) {
            if !told.insert(target) {
                continue;
            }
            let own = rest.iter().take_while(|reference| reference.target == target).count();
            let prefix = if several { format!("{target} referred to by ") } else { String::new() };
            if !self.tell(context, &rest[..own], &remarks, &prefix, out)? && !self.json {
                writeln!(out.text(), "{target} is not referred to by anything that is known.")?;
            }
            rest = &rest[own..];
        }
        Ok(())
    }
}
