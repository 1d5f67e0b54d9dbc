//! What a report rests on: the rows of the commands, each asked once.

use serde_json::{Map, Value, json};

use super::{Claim, Values};
use crate::error::DcmdError;

/// What a line of commands has printed.
#[derive(Debug)]
pub(crate) struct Rows {
    /// Its lines of JSON.
    pub(crate) rows: Vec<Value>,
    /// Why it failed.
    pub(crate) failure: Option<String>,
    /// Errors and warnings.
    pub(crate) messages: Vec<String>,
    /// There was more than is kept.
    pub(crate) is_cut: bool,
}

/// Asks a line of commands.
type Ask<'a> = dyn Fn(&str) -> Result<Rows, DcmdError> + 'a;

/// The facts, as `docs/json.md` describes the rows of each command.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) values: Values,
    /// `::status -j`
    pub(crate) process: Value,
    /// `::nodeinfo -j`
    pub(crate) node: Value,
    /// `::jscrash -j`
    pub(crate) ending: Value,
    /// `::ledger -j`
    pub(crate) memory: Value,
    /// `::jsleaks -j`
    pub(crate) suspects: Vec<Value>,
    /// `::diff -j`; nothing if there is no older core.
    pub(crate) growth: Option<Vec<Value>>,
    /// `::jsstacks -j`
    pub(crate) stacks: Vec<Value>,
    /// `::jsasync -j`
    pub(crate) chains: Vec<Value>,
    /// `::jstimers -j`, counted by what they call.
    pub(crate) timers: Vec<Value>,
    /// `::jshttp -g -j`, by who has them in hand.
    pub requests: Vec<Value>,
    /// `::jsals -j`
    pub(crate) stores: Vec<Value>,
    /// `::jshandles -j`, counted by kind.
    pub(crate) handles: Vec<Value>,
    /// `::findjsobjects -j`, by constructor.
    pub(crate) histogram: Vec<Value>,
    /// `::jsoddities -j`
    pub(crate) oddities: Vec<Value>,
    /// The tree of dominators.
    pub(crate) tree: Value,
    /// What could not be told, and why.
    pub(crate) not_told: Vec<Claim>,
}

/// Suspects, chains and so on that are kept.
const MOST: usize = 20;
/// Constructors that are kept.
const MOST_CONSTRUCTORS: usize = 1000;
/// Bytes of one answer.
const MOST_BYTES: usize = 64 << 20;

/// Why a command, by its name, cannot answer at all; nothing if it can.
type Lacks<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Asks, and keeps why there is no answer.
struct Questions<'a> {
    ask: &'a Ask<'a>,
    lacks: &'a Lacks<'a>,
    values: Values,
    not_told: Vec<Claim>,
    /// What there is nothing of, each with the commands that would tell it.
    lacking: Vec<(String, Vec<String>)>,
}

impl Questions<'_> {
    fn rows(&mut self, line: &str) -> Result<Vec<Value>, DcmdError> {
        let command = line.split(' ').next().unwrap_or(line);
        if let Some(reason) = (self.lacks)(command.trim_start_matches("::")) {
            match self.lacking.iter_mut().find(|(own, _)| *own == reason) {
                Some((_, commands)) => commands.push(command.to_owned()),
                None => self.lacking.push((reason, vec![command.to_owned()])),
            }
            return Ok(Vec::new());
        }
        let answer = (self.ask)(line)?;
        let shown = line.replace(" -j", "");
        if let Some(reason) = answer.failure {
            self.not_told.push(Claim::new(reason, shown.clone()));
        } else {
            let warnings = answer.messages.iter().filter(|message| message.starts_with("warning: "));
            self.not_told.extend(warnings.map(|warning| Claim::new(warning.clone(), shown.clone())));
        }
        if answer.is_cut {
            self.not_told.push(Claim::new("there is more than is kept here", shown));
        }
        let mut rows = answer.rows;
        rows.iter_mut().for_each(|row| self.values.of_row(row));
        Ok(rows)
    }

    fn row(&mut self, line: &str) -> Result<Value, DcmdError> {
        Ok(self.rows(line)?.into_iter().next().unwrap_or_default())
    }
}

/// What the facts are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    /// What strings say.
    pub(crate) values: Values,
    /// There are objects of JavaScript.
    pub(crate) has_heap: bool,
    /// There is an older core, or snapshot.
    pub(crate) has_base: bool,
}

impl Facts {
    /// Asks for all of them that can be answered. `tree` makes the tree of dominators.
    ///
    /// # Errors
    /// The user has stopped it.
    pub(crate) fn collect(
        ask: &Ask<'_>,
        lacks: &Lacks<'_>,
        scope: Scope,
        tree: &dyn Fn() -> Result<Value, DcmdError>,
    ) -> Result<Facts, DcmdError> {
        let mut ask =
            Questions { ask, lacks, values: scope.values, not_told: Vec::new(), lacking: Vec::new() };
        let values = scope.values;
        let mut facts = Facts {
            values,
            process: ask.row("::status -j")?,
            node: Value::Null,
            ending: Value::Null,
            memory: Value::Null,
            suspects: Vec::new(),
            growth: None,
            stacks: Vec::new(),
            chains: Vec::new(),
            timers: Vec::new(),
            requests: Vec::new(),
            stores: Vec::new(),
            handles: Vec::new(),
            histogram: Vec::new(),
            oddities: Vec::new(),
            tree: Value::Null,
            not_told: Vec::new(),
        };
        facts.memory = ask.row("::ledger -j")?;
        facts.stacks = ask.rows("::jsstacks -j")?;
        if scope.has_heap {
            facts.node = ask.row("::nodeinfo -j")?;
            facts.ending = ask.row("::jscrash -j")?;
            facts.suspects = ask.rows(&format!("::jsleaks -j -n 0t{MOST}"))?;
            facts.chains = ask.rows("::jsasync -j")?;
            facts.chains.sort_by_key(|chain| std::cmp::Reverse(number(chain, "count")));
            facts.timers = counted(&ask.rows("::jstimers -j")?, timer_name);
            facts.requests = ask.rows("::jshttp -g -j")?;
            facts.stores = ask.rows("::jsals -j")?;
            facts.handles = counted(&ask.rows("::jshandles -j")?, |row| text(row, "kind").to_owned());
            facts.histogram = by_constructor(&ask.rows("::findjsobjects -j")?);
            facts.oddities = ask.rows("::jsoddities -j")?;
            match tree() {
                Ok(tree) => facts.tree = tree,
                Err(DcmdError::Interrupted) => return Err(DcmdError::Interrupted),
                Err(error) => ask.not_told.push(Claim::new(error.to_string(), "::jsdominators")),
            }
            values.of_row(&mut facts.tree);
            if scope.has_base {
                let outside = if facts.has_process() { " -b -e" } else { "" };
                facts.growth = Some(ask.rows(&format!("::diff -j -k -o{outside} -n 0t{MOST}"))?);
            }
        } else if let Some(reason) = facts.process["noHeap"].as_str() {
            ask.not_told.push(Claim::new(format!("no JavaScript heap can be read: {reason}"), "::status"));
        }
        for untold in facts.memory["notTold"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            ask.not_told.push(Claim::new(untold, "::ledger"));
        }
        for untold in facts.process["untold"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            ask.not_told.push(Claim::new(untold, "::status"));
        }
        for (reason, commands) in std::mem::take(&mut ask.lacking) {
            ask.not_told.push(Claim::new(reason, commands.join(", ")));
        }
        facts.not_told = ask.not_told;
        facts.redact();
        Ok(facts)
    }

    /// Takes out what is no row of its own: messages, command lines, environments.
    fn redact(&mut self) {
        let values = self.values;
        if values == Values::Shown {
            return;
        }
        let words: Vec<String> = match self.node["arguments"].as_array() {
            Some(words) => words.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            None => text(&self.process, "arguments").split(' ').map(str::to_owned).collect(),
        };
        let line = values.of_command_line(&words);
        for field in ["arguments", "exec_arguments", "node_options", "title", "directory", "versions"] {
            if let Some(node) = self.node.as_object_mut() {
                node.remove(field);
            }
        }
        if let Some(process) = self.process.as_object_mut() {
            process.insert("arguments".to_owned(), json!(line));
        }
        if !self.ending["exception"].is_null() {
            let shown = values.of_exception(text(&self.ending, "text"));
            self.ending["text"] = json!(shown);
        }
        if self.process["endedOn"]["kind"] == "exception" {
            self.process["endedOn"]["text"] = self.ending["text"].clone();
        }
    }

    /// The rows, by the names that `docs/json.md` has for them.
    pub(crate) fn json(&self) -> Map<String, Value> {
        let not_told: Vec<Value> = self.not_told.iter().map(Claim::json).collect();
        let all = json!({
            "values": self.values == Values::Shown,
            "process": self.process,
            "node": self.node,
            "ending": self.ending,
            "memory": self.memory,
            "suspects": self.suspects,
            "growth": self.growth,
            "stacks": self.stacks,
            "chains": self.chains.iter().take(10 * MOST).collect::<Vec<_>>(),
            "timers": self.timers,
            "stores": self.stores,
            "handles": self.handles,
            "histogram": self.histogram,
            "oddities": self.oddities,
            "dominators": self.tree,
            "notTold": not_told,
        });
        match all {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    /// Whether there is a process, or but a graph of its objects.
    pub(crate) fn has_process(&self) -> bool {
        self.process["snapshot"].is_null()
    }

    /// What all rests on, in words.
    pub(crate) fn source(&self) -> &'static str {
        if self.has_process() { "core" } else { "snapshot" }
    }

    /// The signal that ended the process.
    pub(crate) fn signal(&self) -> Option<&str> {
        self.process["signal"]["name"].as_str()
    }

    /// The command line, as far as it is shown.
    pub(crate) fn command_line(&self) -> String {
        text(&self.process, "arguments").to_owned()
    }

    /// The stack of the main thread.
    pub(crate) fn main_stack(&self) -> Option<&Value> {
        let pid = &self.process["pid"];
        let is_main =
            |stack: &&Value| stack["threads"].as_array().is_some_and(|threads| threads.contains(pid));
        self.stacks.iter().find(is_main)
    }

    /// The innermost function of the program that the main thread is in, and whether there is one of JavaScript at all.
    pub(crate) fn running(&self) -> Option<Option<&Value>> {
        let calls = self.main_stack()?["calls"].as_array()?;
        let mut own = calls.iter().filter(|call| call["javascript"] == true).peekable();
        own.peek()?;
        Some(own.find(|call| call["file"].as_str().is_some_and(|file| !file.starts_with("node:"))))
    }
}

/// A field that is a text, or nothing.
pub(crate) fn text<'v>(row: &'v Value, field: &str) -> &'v str {
    row[field].as_str().unwrap_or_default()
}

/// A field that is a number, or 0.
pub(crate) fn number(row: &Value, field: &str) -> u64 {
    row[field].as_u64().unwrap_or(0)
}

fn timer_name(row: &Value) -> String {
    let callback = &row["callback"];
    let name = match text(callback, "name") {
        "" => "(a function without a name)",
        name => name,
    };
    let file = text(callback, "file").rsplit('/').next().unwrap_or_default();
    let place = match (file, callback["line"].as_u64()) {
        // A function without a name is called by its place.
        _ if name.starts_with('(') && name.contains(file) => String::new(),
        ("", _) => String::new(),
        (file, Some(line)) => format!(" ({file}:{line})"),
        (file, None) => format!(" ({file})"),
    };
    format!("{} {name}{place}", text(row, "kind"))
}

/// How many rows have the same name, the most first.
fn counted(rows: &[Value], name: impl Fn(&Value) -> String) -> Vec<Value> {
    let mut counts: std::collections::BTreeMap<String, u64> = Default::default();
    for row in rows {
        *counts.entry(name(row)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.into_iter().take(MOST).map(|(name, count)| json!({ "name": name, "count": count })).collect()
}

/// Kinds with the same constructor together, those that take most first.
fn by_constructor(kinds: &[Value]) -> Vec<Value> {
    let mut sums: std::collections::BTreeMap<&str, (u64, u64, u64)> = Default::default();
    for kind in kinds {
        let sum = sums.entry(text(kind, "constructor")).or_default();
        sum.0 += number(kind, "count");
        sum.1 += number(kind, "size");
        sum.2 += 1;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, (_, bytes, _))| std::cmp::Reverse(*bytes));
    sums.into_iter()
        .take(MOST_CONSTRUCTORS)
        .map(|(name, (count, bytes, kinds))| {
            json!({ "constructor": name, "count": count, "bytes": bytes, "kinds": kinds })
        })
        .collect()
}

/// Bytes that one answer may have.
pub(crate) const fn most_bytes() -> usize {
    MOST_BYTES
}
