//! `::findjsobjects`: list every kind of JavaScript object, its instances, and who refers to them.
//!
//! Without an address: one line for each kind. On a terminal those that take most come first, as many as the screen has room for, and
//! `BYTES` are what all objects of a kind take, with what they own outside of the heap (the bytes of buffers). In pipes and files,
//! and with `-w`, all kinds are listed in the order of MDB, those with most objects and properties at the end.
//!
//! Two objects are of one kind if they have the same constructor and the same named properties in the same order; arrays also the
//! same length. The address is that of a representative; `#PROPS` is the number of named properties, or the length of
//! arrays. Indexed elements of other objects do not count.
//!
//! Counted are the living: what the roots reach (see `::jspath` for what these are), as in V8's own heap snapshots. What the
//! program has dropped and V8 has not collected yet is not; `-a` counts all objects, `-d` only the garbage, which says what
//! the program was doing just before it stopped. What only a stray word of native memory leads to is garbage, too. If the core
//! lacks what tells the two apart, as one that was cut off may, that is said once, and all objects are counted.
//!
//! The constructor is what V8's own heap snapshots say: the class that made the object, derived classes included; all
//! functions under `Function`, all regular expressions under `RegExp`, suspended async functions under `Generator`; which function each
//! of these is, `::jsprint` says.
//!
//! With an address: all objects of the same kind as the one there, of those that are counted: as many as the row says.
//!
//! In a pipe it hands on the representatives; a further `::findjsobjects` expands them to all instances, so that
//! `::findjsobjects -c Session | ::findjsobjects | ::jsprint user` prints a property of every `Session`.
//!
//! `-r` says which JavaScript objects refer to an object: through properties and elements, variables captured by closures, Map and
//! Set entries, bound functions, promises, proxies and suspended generators, and through what V8 keeps inside them, by V8's names
//! of the fields: `reactions_or_result.fulfill_handler`. "Not referred to by a known object" means just that: the stack, native
//! code and V8 itself may still hold the object; `::jsfindrefs` looks there too. Many objects are searched for in one go: put
//! them in a pipe, or mark them with `-m` and say `::findjsobjects -r` once.
//!
//! `-a`, `-d` and nothing mean the same for the instances of a kind as for the table, and go along in a pipe: behind
//! `::findjsobjects -d -c Session |` come only sessions that are garbage. A referrer that `-r` finds and that is garbage itself is
//! marked `(garbage)`. `-L` is what is done anyway.
//!
//! `-R` adds a column with what all instances of a kind retain: the bytes of the heap that would be freed with them. What an
//! instance retains below another of its kind counts once; between kinds it counts for each, so that the column has
//! no sum. With `-N` there are two columns more: what of it is outside of the heap, as bytes of buffers are, and how much native memory
//! would go with them, which is an estimate (see `::malloc -o`); sorted is by all of it.
//!
//! Of a heap snapshot the kinds are constructors: which properties have small integers is not in the file. Nothing in it is
//! garbage. `-p` lists constructors some of whose objects have the property.
//!
//! `-j` prints one JSON object a line and kind, for programs. Its fields are `object` (the representative's address), `count`,
//! `props`, `size` (bytes of all instances together, without what they refer to), `constructor`, and `properties` (the
//! names of the named properties).

use std::collections::HashMap;
use std::io::Write;
use std::time::Instant;

use serde_json::json;
use v8_heap::graph::RetainedBytes;
use v8_heap::index::{Group, GroupId, Kinds, ObjectTable};
use v8_heap::questions::{Census, Lives};
use v8_heap::{Heap, Tagged};

use crate::answers::kinds::{incompleteness, kind_of, not_valid};
use crate::answers::lives::{self, Remarks};
use crate::answers::native_owners::native_owners;
use crate::answers::native_sums::NativeSums;
use crate::answers::reference::{describe, describe_how};
use crate::answers::retention::open;
use crate::context::Context;
use crate::dcmd::{AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields};
use crate::error::DcmdError;
use crate::of_snapshot;
use crate::output::{self, Progress, cells, cut, escape, number_of, screen_height};
use crate::said::Once;
use crate::stage::{Flow, Out, Stage};
use crate::value::{Item, Kind as ItemKind};

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "::findjsobjects -c Chunk | ::findjsobjects -j",
        r#"
{"object":"0x8ba823af631","count":2400,"props":3,"size":115200,"constructor":"Chunk","properties":["sequence","bytes","flushed"]}
"#,
    ),
    Example::on(
        "leak-24",
        "::findjsobjects -c UpstreamConnection",
        r#"
8ba8239fd91
"#,
    ),
    Example::on(
        "leak-24",
        "8ba8239fd91::findjsobjects | ::head -3 | ::jsprint request.url",
        r#"
"/v1/images/996?size=64"
"/v1/images/1080?size=64"
"/v1/images/1077?size=192"
"#,
    ),
    Example::on(
        "leak-24",
        "12fd195c4fb9::findjsobjects -r",
        r#"
12fd195c4fb9 referred to by 15cb447412d9 map value of key "session-12"
12fd195c4fb9 referred to by 1950f7e1b411 closure variable "this" of <anonymous> (as UpstreamConnection.resume)
"#,
    ),
    Example::on(
        "retained-24",
        "::findjsobjects -R ! tail -3 | cut -c 1-79",
        r#"
    2245fa352431        1        8       426160 Retained: list, left, right, ke
     ad0ae902b39        1      139       440144 global: Object, Function, Array
      4d7e5c62b1     2444        3       745576 Function: length, name, prototy
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        "::findjsobjects -c Session",
        r#"
@70897
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        "@70897::findjsobjects -r",
        r#"
@70897 referred to by @70913 (Context) variable "this"
@70897 referred to by @104463 (array) [1151]
@70897 referred to by @104525 (array) weak 611
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "findjsobjects",
    aliases: &[],
    summary: "list kinds of JavaScript objects, their instances, and who refers to them",
    family: Family::JavaScript,
    address: AddressUse::Optional,
    takes: Takes::Only(&[ItemKind::Value]),
    yields: Yields::Depends(|args| {
        if args.has('m') || args.has('j') { Yields::Text } else { Yields::Items(ItemKind::Value) }
    }),
    options: &[
        Opt::flag('v', "print statistics first"),
        Opt::flag('s', "add a column with the bytes that all instances take, and sort by it"),
        Opt::flag('w', "the whole table in the order of MDB, as in files and pipes"),
        Opt::flag('l', "list addresses: of representatives, or of all instances of the kind of the address"),
        Opt::text('c', "constructor", "only kinds with this constructor").filter(),
        Opt::text('p', "property", "only kinds that have a property of this name").filter(),
        Opt::text(
            'k',
            "storage",
            "only kinds whose properties are stored so: dict, inobject, props, numeric",
        )
        .filter(),
        Opt::flag('r', "who refers to the object; with -l to any of its kind; without address to all marked"),
        Opt::flag('m', "mark the object for a later -r; with -l all of its kind"),
        Opt::flag('j', "print one JSON object for each kind"),
        Opt::flag('R', "add a column with the bytes that all instances retain, and sort by it"),
        Opt::flag('N', "with -R: also what is outside of the heap, and native memory, estimated"),
        Opt::flag('a', "count all objects, garbage included"),
        Opt::flag('d', "count only garbage"),
        Opt::flag('L', "count only what is alive (as if nothing is said)"),
        Opt::flag('b', "include the brk heap (accepted for compatibility; V8 allocates nothing there)"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::Graph],
    manual: include_str!("findjsobjects.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        let asked = FindJsObjects::new(args)?;
        match context.snapshot() {
            Some(_) => Ok(Box::new(of_snapshot::Kinds::new(asked.of_snapshot()?))),
            None => Ok(Box::new(asked)),
        }
    },
};

/// How properties can be stored, for `-k`.
const STORAGE: [&str; 4] = ["dict", "inobject", "props", "numeric"];

/// What the options ask for.
#[derive(Debug)]
enum Task {
    /// Table, addresses or JSON of kinds; with an address, instances of one kind.
    Kinds,
    /// Mark objects.
    Mark,
    /// Find references.
    References,
}

#[derive(Debug)]
struct FindJsObjects {
    task: Task,
    filter: Filter,
    statistics: bool,
    by_size: bool,
    by_retained: bool,
    /// What is retained outside of the heap, too.
    with_native: bool,
    whole: bool,
    /// Which objects are counted, if the user has said.
    asked: Option<Lives>,
    list: bool,
    json: bool,
    /// Objects whose referrers are sought, in the order they came.
    targets: Vec<Tagged>,
}

/// Which kinds are wanted.
#[derive(Debug)]
enum Filter {
    All,
    Constructor(String),
    Property(String),
    Storage(String),
}

impl FindJsObjects {
    fn new(args: &Args) -> Result<FindJsObjects, DcmdError> {
        let (constructor, property, storage) = (args.text('c'), args.text('p'), args.text('k'));
        let filter = match (constructor, property, storage) {
            (None, None, None) => Filter::All,
            (Some(name), None, None) => Filter::Constructor(name.to_owned()),
            (None, Some(name), None) => Filter::Property(name.to_owned()),
            (None, None, Some(kind)) => {
                if !STORAGE.iter().any(|known| kind.contains(known)) {
                    let known = STORAGE.join(", ");
                    return Err(DcmdError::abort(format!(
                        "invalid option for -k: \"{}\" (known are {known})",
                        escape(kind)
                    )));
                }
                Filter::Storage(kind.to_owned())
            }
            (_, Some(_), Some(_)) => {
                return Err(DcmdError::abort("cannot specify both a property name and a property kind"));
            }
            (Some(_), Some(_), None) => {
                return Err(DcmdError::abort("cannot specify both a property name and a constructor"));
            }
            (Some(_), None, Some(_)) => {
                return Err(DcmdError::abort("cannot specify both a constructor and a property kind"));
            }
        };
        if args.has('N') && !args.has('R') {
            return Err(DcmdError::abort("-N adds to what -R shows: -R -N"));
        }
        let list = args.has('l');
        let task = match (args.has('r'), args.has('m')) {
            (true, true) => {
                return Err(DcmdError::abort("can't both mark an object and find its references"));
            }
            (true, false) => Task::References,
            (false, true) => Task::Mark,
            (false, false) => Task::Kinds,
        };
        let asked = match (args.has('a'), args.has('L'), args.has('d')) {
            (false, false, false) => None,
            (true, false, false) => Some(Lives::All),
            (false, true, false) => Some(Lives::Living),
            (false, false, true) => Some(Lives::Garbage),
            _ => return Err(DcmdError::abort("-a, -d and -L exclude one another")),
        };
        Ok(FindJsObjects {
            task,
            filter,
            statistics: args.has('v'),
            by_size: args.has('s'),
            by_retained: args.has('R'),
            with_native: args.has('N'),
            whole: args.has('w'),
            asked,
            list,
            json: args.has('j'),
            targets: Vec::new(),
        })
    }

    /// The same question to a heap snapshot.
    ///
    /// # Errors
    /// It cannot answer that.
    fn of_snapshot(self) -> Result<of_snapshot::Asked, DcmdError> {
        if self.with_native {
            return Err(DcmdError::abort("a heap snapshot does not tell what C++ objects own: -R alone"));
        }
        if self.asked == Some(Lives::Garbage) {
            return Err(DcmdError::abort(
                "a heap snapshot has no garbage: V8 collects it before it writes one",
            ));
        }
        let (constructor, property) = match self.filter {
            Filter::All => (None, None),
            Filter::Constructor(name) => (Some(name), None),
            Filter::Property(name) => (None, Some(name)),
            Filter::Storage(_) => {
                return Err(DcmdError::abort("a heap snapshot does not say how properties are stored"));
            }
        };
        Ok(of_snapshot::Asked {
            constructor,
            property,
            list: self.list,
            json: self.json,
            by_size: self.by_size,
            by_retained: self.by_retained,
            whole: self.whole,
            statistics: self.statistics,
            references: matches!(self.task, Task::References),
            marks: matches!(self.task, Task::Mark),
        })
    }

    /// Says once in a session what of the heap the counts leave out, or may.
    fn warn_of_missing(context: &Context, table: &ObjectTable) -> Result<(), DcmdError> {
        if let Some(reason) = incompleteness(context.memory()?, table)
            && context.first(Once::Missing)
        {
            context.warn(&format_args!("warning: {reason} (see ::status)"));
        }
        Ok(())
    }

    /// All kinds that pass the filter.
    fn all_kinds(&self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let heap = context.heap()?;
        let started = Instant::now();
        let monitor = context.progress();
        let kinds = heap.kinds(&monitor)?;
        let table = heap.objects(&monitor)?;
        let census = heap.census(lives::counted(context, self.asked, &monitor)?, &monitor)?;
        // The living are all there, or they would not be told apart.
        if self.asked.is_some() || census.lives == Lives::All {
            Self::warn_of_missing(context, table)?;
        }
        let counted = census.groups();
        let retained: Vec<RetainedBytes> = match self.by_retained {
            true => {
                open(context, &monitor)?;
                self.retained(context, heap, kinds, &monitor)?
            }
            false => Vec::new(),
        };
        drop(monitor);
        if self.statistics && !out.is_pipe() {
            print_statistics(table, kinds, &census, started, out)?;
        }
        if out.is_pipe() || self.list || (!self.json && !matches!(self.filter, Filter::All)) {
            let mut any = false;
            for (_, group) in counted.iter().filter(|(_, group)| self.filter.passes(heap, table, group)) {
                any = true;
                if out.emit(item_of(table, group, census.lives))? == Flow::Enough {
                    break;
                }
            }
            if !any && self.asked.is_none() {
                let dead = kinds.groups().iter().filter(|group| self.filter.passes(heap, table, group));
                tell_of_garbage(context, dead.map(|group| group.count).sum());
            }
            return Ok(());
        }
        let retained_by = |id: GroupId| retained.get(id.0).copied().unwrap_or_default();
        let mut groups: Vec<_> = counted.iter().collect();
        let watched = out.text().is_watched();
        // Somebody who watches wants what takes most, and no more than can be seen.
        let screenful = watched && !self.whole && !self.json && !self.by_retained && !self.by_size;
        let outside = match screenful {
            true => heap.outside_by_kind(&census, &context.progress())?,
            false => HashMap::new(),
        };
        let bytes_of =
            |id: GroupId, group: &Group| group.bytes.saturating_add(outside.get(&id).copied().unwrap_or(0));
        if screenful {
            groups.sort_by_key(|(id, group)| std::cmp::Reverse(bytes_of(*id, group)));
        } else if self.by_retained {
            groups.sort_by_key(|(id, _)| {
                let RetainedBytes { inside, outside, more } = retained_by(*id);
                inside.saturating_add(outside).saturating_add(more)
            });
        } else if self.by_size {
            groups.sort_by_key(|(_, group)| group.bytes);
        }
        let shown = if screenful { rows_of_screen() } else { usize::MAX };
        // Where nobody watches nothing is cut, unless the page width was set.
        let width = context.row_width(&out.text());
        if !self.json {
            let bytes = if self.by_size || screenful { "        BYTES" } else { "" };
            let retained = match (self.by_retained, self.with_native) {
                (true, true) => "     RETAINED      OUTSIDE       NATIVE",
                (true, false) => "     RETAINED",
                (false, _) => "",
            };
            let heading = format!("          OBJECT #OBJECTS   #PROPS{bytes}{retained} CONSTRUCTOR: PROPS");
            out.text().heading(context.colours.underline(heading))?;
        }
        let mut line = String::new();
        for (id, group) in groups.iter().take(shown) {
            context.check_interrupt()?;
            if !self.filter.passes(heap, table, group) {
                continue;
            }
            line.clear();
            if self.json {
                let retained = self.by_retained.then(|| (retained_by(*id), self.with_native));
                json_line(heap, table, group, retained, &mut line);
            } else {
                let bytes = (self.by_size || screenful).then(|| bytes_of(*id, group));
                let RetainedBytes { inside, outside, more } = retained_by(*id);
                let columns = [
                    bytes,
                    self.by_retained.then_some(inside),
                    self.with_native.then_some(outside),
                    self.with_native.then_some(more),
                ];
                table_line(heap, table, group, &columns, width, &mut line);
            }
            line.push('\n');
            out.text().write_all(line.as_bytes())?;
        }
        if let Some(more) = groups.len().checked_sub(shown).filter(|more| *more > 0) {
            writeln!(out.text(), "... {more} more (-w lists all)")?;
        }
        let (count, bytes) = census.left_out();
        let is_much = count.saturating_mul(100) >= kinds.statistics.javascript_objects;
        if is_much && watched && self.asked.is_none() && !self.json {
            writeln!(
                out.text(),
                "garbage is left out: {}, {bytes} bytes (-d lists it)",
                number_of(count, "object")
            )?;
        }
        Ok(())
    }

    /// What the objects of each kind retain, by number of the kind.
    fn retained(
        &self,
        context: &Context,
        heap: &Heap<'_>,
        kinds: &Kinds,
        monitor: &Progress,
    ) -> Result<Vec<RetainedBytes>, DcmdError> {
        if !self.with_native {
            let inside = heap.retained_by_kind(kinds, monitor)?.into_iter();
            return Ok(inside.map(|inside| RetainedBytes { inside, ..RetainedBytes::default() }).collect());
        }
        let native = NativeSums::of(heap, heap.objects(monitor)?, &native_owners(context)?, monitor)?;
        let each: Vec<u32> = (0..kinds.groups().len() as u32).collect();
        Ok(heap.retained_by_classes(kinds, &each, each.len(), &native.sums, monitor)?)
    }

    /// The census for an item: as the user says, or as the item was counted.
    fn census<'c>(
        &self,
        context: &'c Context,
        item: Item,
        monitor: &Progress,
    ) -> Result<Census<'c>, DcmdError> {
        let along = match item.kind {
            ItemKind::Group(lives) => Some(lives),
            _ => None,
        };
        let lives = lives::counted(context, self.asked.or(along), monitor)?;
        Ok(context.heap()?.census(lives, monitor)?)
    }

    /// The kind of one object.
    fn one_kind(
        &self,
        context: &Context,
        item: Item,
        monitor: &Progress,
        out: &mut Out<'_>,
    ) -> Result<Flow, DcmdError> {
        let heap = context.heap()?;
        let table = heap.objects(monitor)?;
        let id = kind_of(heap, table, heap.kinds(monitor)?, Tagged(item.word))?;
        let census = self.census(context, item, monitor)?;
        let Some(group) = census.group(id) else {
            if self.asked.is_none() {
                tell_of_garbage(context, heap.kinds(monitor)?.group(id).count);
            }
            return Ok(Flow::Continue);
        };
        if !self.filter.passes(heap, table, &group) {
            return Ok(Flow::Continue);
        }
        if self.json {
            let mut line = String::new();
            json_line(heap, table, &group, None, &mut line);
            writeln!(out.text(), "{line}")?;
            return Ok(Flow::Continue);
        }
        if !matches!(self.filter, Filter::All) {
            return out.emit(item_of(table, &group, census.lives));
        }
        let mut flow = Ok(Flow::Continue);
        heap.for_each_counted(&census, id, monitor, |object| {
            flow = out.emit(Item::value(object.value().0));
            matches!(flow, Ok(Flow::Continue))
        })?;
        flow
    }

    /// The object at an address, or all of its kind.
    fn chosen(&self, context: &Context, item: Item, monitor: &Progress) -> Result<Vec<Tagged>, DcmdError> {
        let heap = context.heap()?;
        let table = heap.objects(monitor)?;
        let address = Tagged(item.word);
        if !self.list {
            let known = address.strong().and_then(|address| table.id_at(heap.spaces(), address));
            return match known {
                Some(_) => Ok(vec![address]),
                None => Err(not_valid(heap, table, address)),
            };
        }
        let group = kind_of(heap, table, heap.kinds(monitor)?, address)?;
        let census = self.census(context, item, monitor)?;
        let mut members = Vec::new();
        heap.for_each_counted(&census, group, monitor, |object| {
            members.push(object.value());
            true
        })?;
        Ok(members)
    }

    fn mark(
        &self,
        context: &Context,
        item: Item,
        monitor: &Progress,
        out: &mut Out<'_>,
    ) -> Result<(), DcmdError> {
        for object in self.chosen(context, item, monitor)? {
            if context.marked.borrow().contains(&object) {
                context.warn(&format_args!("{:x} is already marked; ignoring", object.0));
            } else {
                context.marked.borrow_mut().insert(object);
                writeln!(out.text(), "findjsobjects: marked {:x}", object.0)?;
            }
        }
        Ok(())
    }
}

impl Stage for FindJsObjects {
    fn run(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        match self.task {
            Task::Kinds => self.all_kinds(context, out),
            Task::Mark => Err(DcmdError::abort("must specify an object to mark")),
            Task::References => {
                self.targets = context.marked.take().into_iter().collect();
                if self.targets.is_empty() {
                    return Err(DcmdError::abort("must specify or mark an object to find references"));
                }
                Ok(())
            }
        }
    }

    fn push(&mut self, context: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        let monitor = context.progress();
        for item in batch {
            context.check_interrupt()?;
            context.set_dot(item.word);
            let done = match self.task {
                Task::Kinds => self.one_kind(context, *item, &monitor, out),
                Task::Mark => self.mark(context, *item, &monitor, out).map(|()| Flow::Continue),
                Task::References => self.chosen(context, *item, &monitor).map(|objects| {
                    self.targets.extend(objects);
                    Flow::Continue
                }),
            };
            match done {
                Ok(Flow::Continue) => {}
                Ok(Flow::Enough) => return Ok(Flow::Enough),
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
        let heap = context.heap()?;
        let monitor = context.progress();
        let references = heap.references_to(&self.targets, &monitor)?;
        let remarks = match references.is_empty() {
            true => None,
            false => Some(Remarks::new(context, &monitor)?),
        };
        drop(monitor);
        if out.is_pipe() {
            let mut given = std::collections::HashSet::new();
            for reference in references.iter().filter(|reference| given.insert(reference.holder)) {
                if out.emit(Item::value(reference.holder.0))? == Flow::Enough {
                    break;
                }
            }
            return Ok(());
        }
        let mut rest = references.as_slice();
        let mut told = std::collections::HashSet::new();
        for target in std::mem::take(&mut self.targets) {
            context.check_interrupt()?;
            if !told.insert(target) {
                continue;
            }
            let own = rest.iter().take_while(|reference| reference.target == target).count();
            if own == 0 && !self.json {
                writeln!(out.text(), "{:x} is not referred to by a known object.", target.0)?;
            }
            for reference in &rest[..own] {
                // Only objects are asked for here, nothing outside the heap.
                let described = describe(heap, reference, &|_| String::new());
                if self.json {
                    let line = json!({
                        "object": format!("0x{:x}", target.0),
                        "holder": format!("0x{:x}", reference.holder.0),
                        "how": describe_how(heap, reference, &|_| String::new()).trim_start(),
                        "garbage": remarks.as_ref().is_some_and(|remarks| remarks.is_garbage(reference.holder)),
                    });
                    writeln!(out.text(), "{}", output::json(&line))?;
                    continue;
                }
                let garbage = remarks.as_ref().map_or("", |remarks| remarks.of(reference.holder));
                writeln!(out.text(), "{:x} referred to by {described}{garbage}", target.0)?;
            }
            rest = &rest[own..];
        }
        Ok(())
    }
}

impl Filter {
    fn passes(&self, heap: &Heap<'_>, table: &ObjectTable, group: &Group) -> bool {
        match self {
            Filter::All => true,
            Filter::Constructor(name) => heap.name(group.constructor) == name,
            Filter::Property(name) => heap.group_property_names(table, group).iter().any(|own| own == name),
            Filter::Storage(kind) => {
                let Some(object) = heap.object_by_id(table, group.representative) else { return false };
                let named = heap.own_property_count(object).unwrap_or(0) as u64;
                let inobject = object.map.inobject_properties();
                let numeric = || heap.elements(object).is_ok_and(|elements| elements.capacity > 0);
                let fast = !object.map.is_dictionary;
                (kind.contains("dict") && object.map.is_dictionary)
                    || (kind.contains("inobject") && fast && named > 0 && inobject > 0)
                    || (kind.contains("props") && fast && named > inobject)
                    || (kind.contains("numeric") && numeric())
            }
        }
    }
}

fn item_of(table: &ObjectTable, group: &Group, lives: Lives) -> Item {
    Item::group(word_of(table, group), lives)
}

/// The representative of a kind.
fn word_of(table: &ObjectTable, group: &Group) -> u64 {
    table.address_of(group.representative).map_or(0, |address| Tagged::pointer(address).0)
}

/// Says why nothing is listed, if that is so because `count` objects are garbage.
fn tell_of_garbage(context: &Context, count: u64) {
    if count > 0 {
        context.tell_of_nothing(&format_args!(
            "nothing of it is alive: {} garbage (-d lists them)",
            if count == 1 { "1 object is".to_owned() } else { format!("{count} objects are") }
        ));
    }
}

fn print_statistics(
    table: &ObjectTable,
    kinds: &Kinds,
    census: &Census<'_>,
    started: Instant,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let met = &kinds.statistics;
    let mut text = out.text();
    let elapsed = format!("{:.1}", started.elapsed().as_secs_f64());
    let indexing = format!("{:.3}", table.summary.elapsed.as_secs_f64());
    let left_out = census.left_out().0;
    let unique = census.groups().len();
    let figures: [(&str, &dyn std::fmt::Display); 12] = [
        ("elapsed time (seconds)", &elapsed),
        ("of it indexing (seconds)", &indexing),
        ("heap objects", &table.summary.objects),
        ("heap bytes", &table.summary.object_bytes),
        ("JavaScript objects", &met.javascript_objects),
        ("JavaScript bytes", &met.bytes),
        ("of them not counted", &left_out),
        ("processed objects", &met.objects),
        ("processed arrays", &met.arrays),
        ("possible garbage", &met.damaged),
        ("unique objects", &unique),
        ("functions found", &met.functions),
    ];
    for (label, figure) in figures {
        writeln!(text, "findjsobjects: {label:>30} => {figure}")?;
    }
    Ok(())
}

/// Cells that the name of a constructor has at least, however narrow the terminal is.
const LEAST_NAME: usize = 12;

/// Kinds that are shown to somebody who watches: as many as fit the screen with what stands around them, within reason.
fn rows_of_screen() -> usize {
    const AROUND: usize = 5;
    screen_height().map_or(25, |height| usize::from(height).saturating_sub(AROUND).clamp(10, 25))
}

/// One row of the table; the names are cut where a terminal of `width` columns ends.
fn table_line(
    heap: &Heap<'_>,
    table: &ObjectTable,
    group: &Group,
    more: &[Option<u64>],
    width: Option<usize>,
    line: &mut String,
) {
    use std::fmt::Write;
    let fits = |line: &str, name: &str| width.is_none_or(|width| cells(line) + cells(name) + 5 <= width);
    let written = write!(line, "{:>16x} {:>8} {:>8} ", word_of(table, group), group.count, group.properties);
    debug_assert!(written.is_ok(), "a String takes all text");
    for number in more.iter().flatten() {
        let written = write!(line, "{number:>12} ");
        debug_assert!(written.is_ok(), "a String takes all text");
    }
    let constructor = escape(heap.name(group.constructor));
    match width.and_then(|width| width.checked_sub(cells(line))).filter(|room| *room >= LEAST_NAME) {
        Some(room) => line.push_str(&cut(&constructor, room)),
        None => line.push_str(&constructor),
    }
    let names = heap.group_property_names(table, group);
    if !names.is_empty() && !heap.name(group.constructor).is_empty() {
        if width.is_some_and(|width| cells(line) + 2 > width) {
            return;
        }
        line.push_str(": ");
    }
    for (index, name) in names.iter().enumerate() {
        let name = escape(name);
        if index > 0 {
            line.push_str(", ");
        }
        // Room is kept for the mark that names are missing.
        if !fits(line, &name) {
            // Nor does that itself stick out.
            if width.is_none_or(|width| cells(line) + 3 <= width) {
                line.push_str("...");
            }
            break;
        }
        line.push_str(&name);
    }
}

fn json_line(
    heap: &Heap<'_>,
    table: &ObjectTable,
    group: &Group,
    retained: Option<(RetainedBytes, bool)>,
    line: &mut String,
) {
    let mut kind = serde_json::json!({
        "object": format!("{:#x}", word_of(table, group)),
        "count": group.count,
        "props": group.properties,
        "size": group.bytes,
        "constructor": heap.name(group.constructor),
        "properties": heap.group_property_names(table, group),
    });
    if let Some((retained, with_native)) = retained {
        kind["retained"] = retained.inside.into();
        if with_native {
            kind["outside"] = retained.outside.into();
            kind["native"] = retained.more.into();
        }
    }
    line.push_str(&output::json(&kind));
}
