//! `::jsretained`: say how much would be freed with an object, and who holds it.
//!
//! `SHALLOW` is the size of the object itself, `RETAINED` that of all objects that would be garbage without it, its own included;
//! `OUTSIDE` is what of these lies outside of the JavaScript heap: bytes of buffers, characters of external strings. All
//! are in bytes. `DOMINATOR` is the nearest object without which this one would be garbage; it is `-` if the object is held
//! from several sides that have nothing in common but the roots.
//!
//! Several objects in a pipe get a line each, and at the end one for all together: what would be freed if all of them were
//! gone, which is more than the sum if they share something, and less if some hold others. `-g` prints only that, and takes what
//! `::findjsobjects` hands on for all objects of its kind.
//!
//! The value of an entry of a WeakMap lives as long as its key and the map: it counts for the key. Bytes that several buffers
//! share count for one of them.
//!
//! With `-b` a column more, `NATIVE`, says how much native memory would be freed as well: what the C++ objects own that go with the
//! object, sockets, streams of zlib, Blobs. That is an estimate, as `::malloc -o` gives it. The last line says of which classes they are.
//!
//! In a pipe it hands on the dominators.

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::io::Write;

use serde_json::json;

use v8_heap::graph::Life;

use crate::answers::native_owners::{Name, native_owners};
use crate::answers::native_sums::NativeSums;
use crate::answers::sources::source;
use crate::context::Context;
use crate::dcmd::{AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields};
use crate::error::DcmdError;
use crate::output::{self, Column, Progress, Table};
use crate::stage::{Flow, Out, Stage};
use crate::value::{Item, Kind};

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "retained-24",
        "::findjsobjects -c Shared | ::jsretained",
        r#"
          OBJECT   SHALLOW   RETAINED    OUTSIDE       DOMINATOR NAME
    38312b1d2ed1        32        184          0    2245fa352431 Shared
"#,
    ),
    Example::on(
        "retained-24",
        "::findjsobjects -c Upload | ::jsretained -g",
        r#"
      20 objects, 800 bytes, together retain 3048 bytes of the heap and 81920 outside
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        "@104455::jsretained",
        r#"
          OBJECT   SHALLOW   RETAINED    OUTSIDE       DOMINATOR NAME
         @104455        32     254912     307200           @7183 Map
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsretained",
    aliases: &[],
    summary: "say how much would be freed with an object, and who holds it",
    family: Family::JavaScript,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Depends(|args| {
        if args.has('j') || args.has('g') || args.has('s') {
            Yields::Text
        } else {
            Yields::Items(Kind::Value)
        }
    }),
    options: &[
        Opt::flag('g', "only what all objects retain together"),
        Opt::flag('s', "the same: what would be freed if all of the set went"),
        Opt::flag('b', "native memory of C++ objects too, estimated"),
        Opt::flag('j', "print one line of JSON for each, as docs/json.md describes it"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::Graph],
    manual: include_str!("jsretained.rs"),
    examples: EXAMPLES,
    start: |_, args: &Args| {
        Ok(Box::new(JsRetained {
            only_together: args.has('g') || args.has('s'),
            as_json: args.has('j'),
            with_native: args.has('b'),
            native: OnceCell::new(),
            group: Vec::new(),
            has_heading: false,
            given: HashSet::new(),
        }))
    },
};

/// Classes of C++ objects that are named.
const MOST_CLASSES: usize = 4;

static TABLE: Table = Table::new(&[
    Column::right("OBJECT", 16),
    Column::right("SHALLOW", 9),
    Column::right("RETAINED", 10),
    Column::right("OUTSIDE", 10),
    Column::right("DOMINATOR", 15),
    Column::left("NAME", 0),
]);

static WITH_NATIVE: Table = Table::new(&[
    Column::right("OBJECT", 16),
    Column::right("SHALLOW", 9),
    Column::right("RETAINED", 10),
    Column::right("OUTSIDE", 10),
    Column::right("NATIVE", 10),
    Column::right("DOMINATOR", 15),
    Column::left("NAME", 0),
]);

struct JsRetained {
    only_together: bool,
    as_json: bool,
    with_native: bool,
    /// Found out once it was asked for.
    native: OnceCell<NativeSums>,
    group: Vec<u32>,
    has_heading: bool,
    /// Dominators that have been handed on.
    given: HashSet<u32>,
}

impl JsRetained {
    /// Adds what an item stands for to the set.
    fn add(&mut self, context: &Context, item: Item) -> Result<(), DcmdError> {
        let monitor = context.progress();
        let source = source(context, &monitor)?;
        let set = source.set(item, &monitor)?;
        let mut left_out: Option<(u64, DcmdError)> = None;
        for id in &set {
            match source.must_live(*id, Life::Live, &monitor) {
                Ok(()) => self.group.push(*id),
                Err(reason @ DcmdError::Failed(_)) => left_out.get_or_insert((0, reason)).0 += 1,
                Err(error) => return Err(error),
            }
        }
        match left_out {
            None => Ok(()),
            Some((_, reason)) if set.len() == 1 => Err(reason),
            Some((count, reason)) => {
                Err(DcmdError::failed(format!("{count} of {} are left out: {reason}", set.len())))
            }
        }
    }

    /// What C++ objects own, if that was asked for.
    fn native(&self, context: &Context) -> Result<Option<&NativeSums>, DcmdError> {
        if !self.with_native || self.native.get().is_some() {
            return Ok(self.native.get());
        }
        if context.snapshot().is_some() {
            return Err(DcmdError::failed("a heap snapshot does not tell what C++ objects own"));
        }
        let all = native_owners(context)?;
        let monitor = context.progress();
        let heap = context.heap()?;
        let sums = NativeSums::of(heap, heap.objects(&monitor)?, &all, &monitor)?;
        Ok(Some(self.native.get_or_init(|| sums)))
    }

    fn one(&mut self, context: &Context, word: u64, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let monitor = context.progress();
        let source = source(context, &monitor)?;
        let id = source.find(word)?;
        source.must_live(id, Life::Live, &monitor)?;
        self.group.push(id);
        let graph = source.graph(&monitor)?;
        let dominators = source.dominators(&monitor)?;
        drop(monitor);
        let above = dominators.above(id);
        if !out.is_pipe() {
            self.native(context)?;
        }
        let native = self.native.get().map(|native| native.with(id));
        if out.is_pipe() {
            if let Some(above) = above.filter(|above| self.given.insert(*above)) {
                out.emit(Item::value(source.word(above)))?;
            }
            return Ok(());
        }
        if self.as_json {
            let mut line = json!({
                "object": source.json(id),
                "shallow": graph.size(id),
                "retained": dominators.retained(id),
                "outside": dominators.outside(id),
                "dominator": above.map(|above| source.json(above)),
                "name": source.label(id),
            });
            if let Some(native) = native {
                line["native"] = json!(native);
            }
            return Ok(writeln!(out.text(), "{}", output::json(&line))?);
        }
        let mut text = out.text();
        if !std::mem::replace(&mut self.has_heading, true) {
            let table = if self.with_native { &WITH_NATIVE } else { &TABLE };
            table.heading(context.colours, &mut text)?;
        }
        let above = above.map_or_else(|| "-".to_owned(), |above| source.shown(above));
        let (shown, shallow, label) = (source.shown(id), graph.size(id), source.label(id));
        let (retained, outside) = (dominators.retained(id), dominators.outside(id));
        match native {
            Some(native) => WITH_NATIVE
                .row(&[&shown, &shallow, &retained, &outside, &native, &above, &label], &mut text)?,
            None => TABLE.row(&[&shown, &shallow, &retained, &outside, &above, &label], &mut text)?,
        }
        Ok(())
    }

    fn together(&self, context: &Context, monitor: &Progress, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let source = source(context, monitor)?;
        let graph = source.graph(monitor)?;
        let dominators = source.dominators(monitor)?;
        let seeds = source.seeds(monitor)?;
        let kept = dominators.kept_without(graph, seeds, &self.group, monitor)?;
        let (retained, outside) = dominators.lost(graph, &kept);
        let mut own = self.group.clone();
        own.sort_unstable();
        own.dedup();
        let shallow: u64 = own.iter().map(|id| graph.size(*id)).sum();
        // Of native memory what goes with them, by what it is called, most first.
        let mut classes: BTreeMap<&Name, (u64, u64)> = BTreeMap::new();
        let native = self.native(context)?;
        for (id, bytes, name) in native.map_or(&[][..], |native| &native.owners) {
            if dominators.is_reached(*id) && !kept.contains(*id) {
                let sum = classes.entry(name).or_default();
                *sum = (sum.0 + 1, sum.1.saturating_add(*bytes));
            }
        }
        let mut classes: Vec<(&Name, (u64, u64))> = classes.into_iter().collect();
        classes.sort_by_key(|(_, (_, bytes))| Reverse(*bytes));
        let of_native: u64 = classes.iter().map(|(_, (_, bytes))| *bytes).fold(0, u64::saturating_add);
        if self.as_json {
            let mut line = json!({
                "objects": own.len(),
                "shallow": shallow,
                "retained": retained,
                "outside": outside,
            });
            if native.is_some() {
                let of = |((constructor, class), (objects, bytes)): &(&Name, (u64, u64))| json!({ "constructor": constructor, "class": class, "objects": objects, "bytes": bytes });
                line["native"] = json!(of_native);
                line["nativeOf"] = classes.iter().map(of).collect();
            }
            return Ok(writeln!(out.text(), "{}", output::json(&line))?);
        }
        writeln!(
            out.text(),
            "{:>8} object{}, {shallow} bytes, together retain {retained} bytes of the heap and {outside} outside",
            own.len(),
            if own.len() == 1 { "" } else { "s" }
        )?;
        if native.is_some() {
            let of = |((constructor, class), (objects, bytes)): &(&Name, (u64, u64))| {
                let name = class.as_deref().unwrap_or(constructor);
                format!("{objects} {name} {bytes}")
            };
            let most: Vec<String> = classes.iter().take(MOST_CLASSES).map(of).collect();
            let (colon, list) = (if most.is_empty() { "" } else { ": " }, most.join(", "));
            writeln!(out.text(), "{:>8} of native memory, estimated{colon}{list}", of_native)?;
        }
        Ok(())
    }
}

impl Stage for JsRetained {
    fn run(&mut self, _: &Context, _: &mut Out<'_>) -> Result<(), DcmdError> {
        Err(DcmdError::usage(""))
    }

    fn push(&mut self, context: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        for item in batch {
            context.check_interrupt()?;
            context.set_dot(item.word);
            let done = match self.only_together {
                true => self.add(context, *item),
                false => self.one(context, item.word, out),
            };
            match done {
                Ok(()) => {}
                Err(DcmdError::Failed(reason)) => out.fault(&reason),
                Err(error) => return Err(error),
            }
            if out.has_enough() {
                return Ok(Flow::Enough);
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let tells_more = self.only_together || self.with_native;
        if out.is_pipe() || self.group.is_empty() || (self.group.len() == 1 && !tells_more) {
            return Ok(());
        }
        self.together(context, &context.progress(), out)
    }
}
