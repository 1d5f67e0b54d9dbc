//! `::jsals`: list the stores of `AsyncLocalStorage`, what holds them, and what they hold.
//!
//! An `AsyncLocalStorage` hands its store on to all asynchronous work that is begun while it is set: each timer, promise and
//! socket remembers the context in which it was made, and with that the stores. One timer that is never stopped keeps the store of
//! the request that set it.
//!
//! For each storage that is alive: its address, its name (which programs may give it from Node.js 24 on), and the variable or property
//! that holds it; how many stores there are in how many contexts, and what would be freed if all of them went; what holds the
//! contexts: constructors of the objects that do, or kinds of roots; the store of the code that ran, if any did; then the stores that
//! retain most. A store that is `undefined` is none.
//!
//! With the address of a storage: all its stores, a line for each, those that retain most first. CONTEXTS is how many contexts have the store;
//! a context is an `AsyncContextFrame` or, where Node.js keeps stores by `async_hooks` (until 22, and on request), the resource:
//! a timer, a promise, a socket. RETAINED is what would be freed with the store.
//!
//! In a pipe it hands on the storages, and with an address the stores, as far as they are objects:
//! `::jsals | ::jsals | ::jsprint url`.
//!
//! # Limits
//!
//! Only contexts that are alive count. Where `async_hooks` keep stores, the code that runs has the store of the last resource that Node.js
//! has entered; outside of callbacks it shows none.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::json;
use v8_heap::index::{ObjectId, ObjectTable};
use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::context::VariableValue;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::pending::{AsyncContext, AsyncStorage, AsyncStore, ContextHolder};
use v8_heap::{Heap, Tagged};

use crate::answers::callback::Callback;
use crate::answers::retention::{label, manner_of, open};
use crate::answers::roots::root_name;
use crate::context::Context;
use crate::dcmd::{
    AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each,
};
use crate::error::DcmdError;
use crate::output::{self, Column, Hex, Progress, Table, escape, number_of};
use crate::print::{format_number, function};
use crate::stage::{Flow, Out};
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "pending-24",
    "::jsals",
    r#"
a977783e561 AsyncLocalStorage
  1 store in 1 context together retain 152 bytes of the heap and 0 outside
  the contexts are held by 11 Promise, 4 microtask that waits, 2 Timeout
           STORE CONTEXTS   RETAINED    OUTSIDE NAME                 CONTEXTS HELD BY
    3de05adc0299        1        152          0 Object               11 Promise, 4 microtask that waits, 2 Timeout
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsals",
    aliases: &[],
    summary: "list the stores of AsyncLocalStorage, what holds them, and what they hold",
    family: Family::JavaScript,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Depends(|args| if args.has('j') { Yields::Text } else { Yields::Items(Kind::Value) }),
    options: &[
        Opt::number(
            'n',
            "stores",
            "show so many stores; 5 of each storage if not said, and all with an address",
        ),
        Opt::flag('j', "print one line of JSON for each, as docs/json.md describes it"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("jsals.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let wanted = Wanted::of(args);
        Ok(for_each(move |context, item, out| wanted.answer(context, item, out)))
    },
};

static STORES: Table<'_> = Table::new(&[
    Column::right("STORE", 16),
    Column::right("CONTEXTS", 8),
    Column::right("RETAINED", 10),
    Column::right("OUTSIDE", 10),
    Column::left("NAME", 20),
    Column::left("CONTEXTS HELD BY", 0),
]);

/// Kinds of holders that are named.
const HOLDERS: usize = 5;

struct Wanted {
    most: Option<usize>,
    json: bool,
}

/// What the answers are made from.
struct Found<'c> {
    context: &'c Context,
    heap: &'c Heap<'static>,
    table: &'c ObjectTable,
}

impl Wanted {
    fn of(args: &Args) -> Wanted {
        let most = args.number('n').map(|most| usize::try_from(most).unwrap_or(usize::MAX));
        Wanted { most, json: args.has('j') }
    }

    fn answer(&self, context: &Context, item: Option<Item>, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let monitor = context.progress();
        let (heap, table) = open(context, &monitor)?;
        let storages = heap.async_storages(&monitor)?;
        let found = Found { context, heap, table };
        let Some(item) = item else {
            if storages.is_empty() && !self.json && !out.is_pipe() {
                context.tell_of_nothing(&"no AsyncLocalStorage is alive");
            }
            for storage in &storages {
                context.check_interrupt()?;
                if out.is_pipe() {
                    if out.emit(Item::value(storage.object.0))? == Flow::Enough {
                        break;
                    }
                } else if self.json {
                    writeln!(out.text(), "{}", found.json(storage, &monitor)?)?;
                } else {
                    found.print(storage, self.most.unwrap_or(5), &monitor, out)?;
                }
            }
            return Ok(());
        };
        let Some(storage) = storages.iter().find(|storage| storage.object == Tagged(item.word)) else {
            return Err(DcmdError::failed(format!(
                "{} is no AsyncLocalStorage that is alive (::jsals lists those)",
                Tagged(item.word)
            )));
        };
        if storage.stores.is_empty() && !self.json && !out.is_pipe() {
            context.tell_of_nothing(&"no living context has a store of it");
        }
        let most = self.most.unwrap_or(usize::MAX);
        if out.is_pipe() {
            for store in found.sorted(storage, &monitor)?.iter().take(most) {
                if matches!(heap.value(store.value), Ok(Value::Object(_) | Value::String(_)))
                    && out.emit(Item::value(store.value.0))? == Flow::Enough
                {
                    break;
                }
            }
            return Ok(());
        }
        if self.json {
            for store in found.sorted(storage, &monitor)?.iter().take(most) {
                context.check_interrupt()?;
                writeln!(out.text(), "{}", found.store_json(storage, store, &monitor)?)?;
            }
            return Ok(());
        }
        found.table(storage, most, &monitor, out)
    }
}

impl Found<'_> {
    /// The number of a value, if it is an object of the heap.
    fn id_of(&self, value: Tagged) -> Option<ObjectId> {
        self.table.id_at(self.heap.spaces(), value.object()?)
    }

    fn retained(&self, value: Tagged, monitor: &Progress) -> Result<(u64, u64), DcmdError> {
        let dominators = self.heap.dominators(monitor)?;
        Ok(self.id_of(value).map_or((0, 0), |id| (dominators.retained(id.0), dominators.outside(id.0))))
    }

    /// The stores, those that retain most first.
    fn sorted<'s>(
        &self,
        storage: &'s AsyncStorage,
        monitor: &Progress,
    ) -> Result<Vec<&'s AsyncStore>, DcmdError> {
        let mut sorted = Vec::new();
        for store in &storage.stores {
            let (inside, outside) = self.retained(store.value, monitor)?;
            sorted.push((std::cmp::Reverse(inside + outside), store));
        }
        sorted.sort_by_key(|(size, _)| *size);
        Ok(sorted.into_iter().map(|(_, store)| store).collect())
    }

    /// What would be freed if all stores went.
    fn together(&self, storage: &AsyncStorage, monitor: &Progress) -> Result<(u64, u64), DcmdError> {
        let ids: Vec<u32> =
            storage.stores.iter().filter_map(|store| Some(self.id_of(store.value)?.0)).collect();
        let (graph, roots) = (self.heap.graph(monitor)?, self.heap.roots(monitor)?.all());
        Ok(self.heap.dominators(monitor)?.retained_together(
            graph,
            roots.iter().map(|root| root.target).collect(),
            &ids,
            monitor,
        )?)
    }

    fn print(
        &self,
        storage: &AsyncStorage,
        most: usize,
        monitor: &Progress,
        out: &mut Out<'_>,
    ) -> Result<(), DcmdError> {
        let constructor = self.heap.object(storage.object).map(|object| label(self.heap, object));
        let mut line = format!("{} {}", storage.object, constructor.unwrap_or_default());
        if let Some(name) = storage.name {
            line += &format!(" \"{}\"", escape(&function::text(self.heap, name)));
        }
        if let Some(place) = self.place(storage, monitor)? {
            line += &format!(": {}", escape(&place));
        }
        writeln!(out.text(), "{line}")?;
        let contexts = contexts_of(storage);
        if storage.stores.is_empty() {
            writeln!(out.text(), "  no living context has a store of it")?;
            return Ok(());
        }
        let (inside, outside) = self.together(storage, monitor)?;
        writeln!(
            out.text(),
            "  {} in {} together retain {inside} bytes of the heap and {outside} outside",
            number_of(storage.stores.len() as u64, "store"),
            number_of(contexts.len() as u64, "context"),
        )?;
        let holders = self.holders(&contexts, monitor)?;
        if !holders.is_empty() {
            writeln!(out.text(), "  the contexts are held by {holders}")?;
        }
        if let Some(current) = storage.current {
            writeln!(out.text(), "  the code that ran had {}", self.name(current))?;
        }
        self.table(storage, most, monitor, out)?;
        if storage.stores.len() > most {
            writeln!(out.text(), "  all of them: {}::jsals", storage.object)?;
        }
        Ok(())
    }

    fn table(
        &self,
        storage: &AsyncStorage,
        most: usize,
        monitor: &Progress,
        out: &mut Out<'_>,
    ) -> Result<(), DcmdError> {
        let mut has_heading = false;
        for store in self.sorted(storage, monitor)?.into_iter().take(most) {
            self.context.check_interrupt()?;
            if !std::mem::replace(&mut has_heading, true) {
                STORES.heading(self.context.colours, &mut out.text())?;
            }
            let (inside, outside) = self.retained(store.value, monitor)?;
            let holders = self.holders(&store.contexts, monitor)?;
            let name = self.name(store.value);
            STORES.row(
                &[&Hex(store.value.0), &store.contexts.len(), &inside, &outside, &name, &holders],
                &mut out.text(),
            )?;
        }
        Ok(())
    }

    /// `400 Timeout, 12 Promise`
    fn holders(&self, contexts: &[AsyncContext], monitor: &Progress) -> Result<String, DcmdError> {
        let holders = self.heap.holders_of_contexts(contexts, monitor)?;
        let named = holders.iter().take(HOLDERS);
        let mut texts: Vec<String> =
            named.map(|(holder, count)| format!("{count} {}", escape(&self.holder_name(*holder)))).collect();
        if holders.len() > HOLDERS {
            texts.push("...".to_owned());
        }
        Ok(texts.join(", "))
    }

    fn holder_name(&self, holder: ContextHolder) -> String {
        match holder {
            ContextHolder::Constructor(name) => self.heap.name(name).to_owned(),
            ContextHolder::Root(kind) => root_name(kind),
        }
    }

    fn name(&self, value: Tagged) -> String {
        match self.heap.value(value) {
            Ok(Value::Smi(number)) => number.to_string(),
            Ok(Value::Double(number)) => format_number(number),
            Ok(Value::Null) => "null".to_owned(),
            Ok(Value::Boolean(value)) => value.to_string(),
            _ => {
                self.heap.object(value).map_or_else(|_| value.to_string(), |object| label(self.heap, object))
            }
        }
    }

    /// What holds a storage, in terms of the language: a variable or a property, of the program rather than of Node.js.
    fn place(&self, storage: &AsyncStorage, monitor: &Progress) -> Result<Option<String>, DcmdError> {
        /// More holders are not looked at: every frame is one.
        const MOST: usize = 1 << 12;
        let Some(id) = self.id_of(storage.object) else { return Ok(None) };
        let mut best: Option<(u8, String)> = None;
        for &holder in self.heap.held_by(monitor)?.of(id.0).iter().take(MOST) {
            let Some(object) = self.heap.object_by_id(self.table, ObjectId(holder)) else { continue };
            let found = match object.kind() {
                HeapKind::Context => self.variable(object, storage.object, monitor)?,
                HeapKind::JsMap => None,
                kind if kind.is_js_object() => {
                    let stopped = || self.context.interrupt.is_set();
                    let manner = manner_of(self.heap, object, storage.object, &stopped);
                    let rank = |manner: &str| if manner.starts_with('.') { 1 } else { 3 };
                    manner.map(|manner| (rank(&manner), format!("{manner} of {}", label(self.heap, object))))
                }
                _ => None,
            };
            if let Some(found) = found
                && best.as_ref().is_none_or(|best| found.0 < best.0)
            {
                best = Some(found);
            }
        }
        Ok(best.map(|(_, text)| text))
    }

    /// `variable "storage" of withStore (app.js:14)`, and whether it is one of the program's.
    fn variable(
        &self,
        context: HeapObject<'_>,
        value: Tagged,
        monitor: &Progress,
    ) -> Result<Option<(u8, String)>, DcmdError> {
        let heap = self.heap;
        let variables = heap.context_variables(context).unwrap_or_default();
        let is_it = |found: VariableValue| matches!(found, VariableValue::Tagged(found) if found == value);
        let Some(variable) = variables.iter().find(|variable| is_it(variable.value)) else { return Ok(None) };
        let mut text = format!("variable \"{}\"", heap.name_text(variable.name).unwrap_or_default());
        let Some(id) = self.id_of(context.value()) else { return Ok(Some((2, text))) };
        let functions = heap.held_by(monitor)?.of(id.0).iter().filter_map(|holder| {
            heap.object_by_id(self.table, ObjectId(*holder)).filter(|it| it.kind() == HeapKind::JsFunction)
        });
        let Some(function) = functions.take(1).next() else { return Ok(Some((2, text))) };
        let callback = Callback::of(heap, function.value());
        text += &format!(" of {}", callback.text());
        Ok(Some((if callback.is_foreign() { 2 } else { 0 }, text)))
    }

    fn json(&self, storage: &AsyncStorage, monitor: &Progress) -> Result<String, DcmdError> {
        let (inside, outside) = self.together(storage, monitor)?;
        let contexts = contexts_of(storage);
        let hexadecimal = |value: Tagged| format!("{:#x}", value.0);
        Ok(output::json(&json!({
            "storage": hexadecimal(storage.object),
            "name": storage.name.map(|name| function::text(self.heap, name)),
            "heldAs": self.place(storage, monitor)?,
            "stores": storage.stores.len(),
            "of": self.commonest(storage),
            "contexts": contexts.len(),
            "retained": inside,
            "outside": outside,
            "current": storage.current.map(hexadecimal),
            "holders": self.holders_json(&contexts, monitor)?,
        })))
    }

    fn store_json(
        &self,
        storage: &AsyncStorage,
        store: &AsyncStore,
        monitor: &Progress,
    ) -> Result<String, DcmdError> {
        let (inside, outside) = self.retained(store.value, monitor)?;
        Ok(output::json(&json!({
            "storage": format!("{:#x}", storage.object.0),
            "store": format!("{:#x}", store.value.0),
            "name": self.name(store.value),
            "contexts": store.contexts.len(),
            "retained": inside,
            "outside": outside,
            "holders": self.holders_json(&store.contexts, monitor)?,
        })))
    }

    /// What most stores are.
    fn commonest(&self, storage: &AsyncStorage) -> Option<serde_json::Value> {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for store in &storage.stores {
            let name = match self.heap.value(store.value) {
                Ok(Value::Object(object)) => self.heap.name(self.heap.constructor_name(object)),
                Ok(Value::String(_)) => "string",
                Ok(Value::Smi(_) | Value::Double(_)) => "number",
                _ => "other values",
            };
            *counts.entry(name.to_owned()).or_default() += 1;
        }
        let (name, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        Some(json!({ "name": name, "count": count }))
    }

    fn holders_json(
        &self,
        contexts: &[AsyncContext],
        monitor: &Progress,
    ) -> Result<Vec<serde_json::Value>, DcmdError> {
        let holders = self.heap.holders_of_contexts(contexts, monitor)?;
        let line = |(holder, count): &(ContextHolder, u64)| json!({ "name": self.holder_name(*holder), "count": count });
        Ok(holders.iter().map(line).collect())
    }
}

/// All contexts that have a store of a storage.
fn contexts_of(storage: &AsyncStorage) -> Vec<AsyncContext> {
    let mut contexts: Vec<AsyncContext> =
        storage.stores.iter().flat_map(|store| store.contexts.iter().copied()).collect();
    contexts.sort_unstable();
    contexts.dedup();
    contexts
}
