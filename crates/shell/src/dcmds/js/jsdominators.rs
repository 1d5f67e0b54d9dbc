//! `::jsdominators`: show what the memory of the heap hangs on: the tree of dominators, by constructor.
//!
//! An object hangs below another if it would be garbage without that one. Objects with the same constructor that hang below the
//! same objects share a line: how many they are, what would be freed with them (`RETAINED`), what of that lies outside of the
//! heap (`OUTSIDE`), how much of all that lives that is (`%`), the address of the largest, how the object above holds it, and their
//! constructor. At the top is what nothing else in the heap dominates. V8's own objects are left out; what they retain counts for
//! the object they belong to.
//!
//! The heaviest branch is followed further down, as long as one line has half of what the line above has. Objects that hold one another
//! in the same way, as the links of a list do, share a line: `.next x 998`.
//!
//! With an address, what hangs below that object is shown. `-d` says how many levels are shown, `-n` how many lines for each
//! object of the line above.
//!
//! `-o` writes the tree to a file, some thousand nodes of it, by the end of the name: `.svg` is a picture, `.json` is for speedscope, `.pb` for pprof,
//! `.folded` for `flamegraph.pl` and its kin. A path of owners is the stack there, and the bytes that are in none of the nodes below the weight.
//!
//! In a pipe it hands on the largest object of each line.

use std::io::Write;

use serde_json::json;
use v8_heap::graph::{Life, Rows};
use v8_heap::questions::OwnedGroup;

use crate::answers::dominator_tree::{DominatorTree, Extent, edge};
use crate::answers::source::Source;
use crate::answers::sources::source;
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{self, Column, Progress, Table, cut, escape};
use crate::profile::{self, Format};
use crate::stage::Flow;
use crate::value::{Item, Kind};

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "retained-24",
        "::findjsobjects -c Retained | ::jsdominators -n 3",
        r#"
 #OBJECTS   RETAINED    OUTSIDE     %         LARGEST CONSTRUCTOR
        1     320176          0   5.0    38312b1d2eb1 .list: Link
        1     319968          0   4.9    38312b1d2e91   .next x 9999: Link
        1      93912          0   1.5    38312b1d5439 .emitter: EventEmitter
        1      93288          0   1.4    38312b1d5519   ._events: Object
        1      93104          0   1.4    38312b1d59f1     .tick: Array
        2       7696      81920   1.4    38312b1d2fe1 Array
       20       2720      81920   1.3    38312b1d47e9   Upload
       20       1920      81920   1.3    38312b1d4811     ArrayBuffer
       50       3200          0   0.0    38312b1d3021   Key
       50       1600          0   0.0    38312b1d3071     Secret
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        "@7183::jsdominators",
        r#"
 #OBJECTS   RETAINED    OUTSIDE     %         LARGEST CONSTRUCTOR
        1     254912     307200   8.7         @104455 .sessions: Map
      300     230400     307200   8.3          @70897   Session
      300      60000     307200   5.7          @70905     Uint8Array
      300      28800     307200   5.2          @71105       ArrayBuffer
      300      84000          0   1.3          @65985     Array
      300      38400          0   0.6          @71003     Object
      300      28800          0   0.4          @70907     Function
        1       8264          0   0.1         @104459 .secrets: WeakMap
        3       2688          0   0.0         @104441 Object
        1       1984          0   0.0           @7181   Function
        1         64          0   0.0         @114853     .feedback_cell.value[27] (hidden).transition_info: Array
        1         40          0   0.0         @114851     .feedback_cell.value[25] (hidden).transition_info: Object
       30       2632          0   0.0          @70901 Client
        3       2528          0   0.0          @79429 Function
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsdominators",
    aliases: &[],
    summary: "show what the memory of the heap hangs on: the tree of dominators, by constructor",
    family: Family::JavaScript,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Items(Kind::Value),
    options: &[
        Opt::number('d', "depth", "show so many levels; 3, and the heaviest branch, if not said"),
        Opt::flag('j', "print one line of JSON for each line, as docs/json.md describes it"),
        Opt::number('n', "lines", "show at most so many lines below each; 5 if not said"),
        Opt::text('o', "file", "write the tree to this file: .svg, .json, .pb or .folded"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::Graph],
    manual: include_str!("jsdominators.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let depth = args.number('d').map(|depth| usize::try_from(depth).unwrap_or(usize::MAX).min(DEEPEST));
        let most = usize::try_from(args.number('n').unwrap_or(5)).unwrap_or(usize::MAX);
        let as_json = args.has('j');
        let file = args.text('o').map(str::to_owned);
        let format = file.as_deref().map(Format::of).transpose().map_err(DcmdError::usage)?;
        Ok(for_each(move |context, item, out| {
            let monitor = context.progress();
            let source = &*source(context, &monitor)?;
            let mut owners = Vec::new();
            if let Some(item) = item {
                let id = source.find(item.word)?;
                source.must_live(id, Life::Live, &monitor)?;
                owners.push(id);
            }
            if let (Some(file), Some(format)) = (&file, format) {
                let profile = DominatorTree::of(source, &owners, WRITTEN, &monitor)?.profile();
                drop(monitor);
                profile::save(context, file, format, &profile)?;
                return Ok(writeln!(out.text(), "wrote {}: {} nodes", escape(file), profile.stacks.len())?);
            }
            let dominators = source.dominators(&monitor)?;
            let total = dominators
                .tops()
                .fold(0u64, |sum, id| sum.saturating_add(dominators.retained(id) + dominators.outside(id)));
            let below = dominators.below();
            if !as_json && !out.is_pipe() {
                TABLE.heading(context.colours, &mut out.text())?;
            }
            let mut tree =
                Tree { source, below: &below, depth, most, monitor: &monitor, waiting: Vec::new() };
            tree.add(&owners, 0, true, 0)?;
            while let Some(row) = tree.waiting.pop() {
                context.check_interrupt()?;
                let (row, times) = tree.folded(context, row)?;
                if out.is_pipe() {
                    if let Some(id) = row.shown
                        && out.emit(Item::value(source.word(id)))? == Flow::Enough
                    {
                        return Ok(());
                    }
                    let bytes = row.group.retained.saturating_add(row.group.outside);
                    tree.add(&row.group.members, row.level + 1, row.is_heaviest, bytes)?;
                    continue;
                }
                let bytes = row.group.retained.saturating_add(row.group.outside);
                let share = 100.0 * bytes as f64 / total.max(1) as f64;
                if as_json {
                    let line = json!({
                        "level": row.level,
                        "objects": row.group.members.len(),
                        "retained": row.group.retained,
                        "outside": row.group.outside,
                        "percent": (share * 10.0).round() / 10.0,
                        "largest": row.shown.map(|id| source.json(id)),
                        "edge": row.edge,
                        "times": times,
                        "constructor": source.name(row.group.constructor),
                    });
                    writeln!(out.text(), "{}", output::json(&line))?;
                    tree.add(&row.group.members, row.level + 1, row.is_heaviest, bytes)?;
                    continue;
                }
                let edge = match (&row.edge, times) {
                    (None, _) => String::new(),
                    (Some(edge), 1) => format!("{edge}: "),
                    (Some(edge), times) => format!("{edge} x {times}: "),
                };
                let constructor = source.name(row.group.constructor);
                let constructor = escape(&constructor);
                let indent = 2 * row.level;
                let name = format!("{:indent$}{edge}{constructor}", "");
                let room = context
                    .row_width(&out.text())
                    .map_or(usize::MAX, |width| width.saturating_sub(BEFORE_NAME).max(LEAST_NAME));
                let percent = format!("{share:.1}");
                TABLE.row(
                    &[
                        &row.group.members.len(),
                        &row.group.retained,
                        &row.group.outside,
                        &percent,
                        &row.shown.map_or_else(|| "-".to_owned(), |id| source.shown(id)),
                        &cut(&name, room),
                    ],
                    &mut out.text(),
                )?;
                tree.add(&row.group.members, row.level + 1, row.is_heaviest, bytes)?;
            }
            Ok(())
        }))
    },
};

/// How much of the tree is written to a file.
const WRITTEN: Extent = Extent { nodes: 5000, children: 50, depth: 48 };
/// Levels shown at most.
const DEEPEST: usize = 64;
/// Levels shown if nobody says how many.
const USUAL: usize = 3;
/// Links of a list that share a line, at most.
const MOST_LINKS: u64 = 1 << 20;
/// Cells in front of the last column.
const BEFORE_NAME: usize = 9 + 1 + 10 + 1 + 10 + 1 + 5 + 1 + 15 + 1;
/// Cells that a name has at least.
const LEAST_NAME: usize = 20;

static TABLE: Table = Table::new(&[
    Column::right("#OBJECTS", 9),
    Column::right("RETAINED", 10),
    Column::right("OUTSIDE", 10),
    Column::right("%", 5),
    Column::right("LARGEST", 15),
    Column::left("CONSTRUCTOR", 0),
]);

/// A line that is still to be printed.
struct Row {
    level: usize,
    group: OwnedGroup,
    /// The largest of the group; of objects that share a line, the first.
    shown: Option<u32>,
    /// How the object above holds it, if it is one object.
    edge: Option<String>,
    /// It is on the heaviest branch.
    is_heaviest: bool,
}

/// The tree as it is walked, the next line last.
struct Tree<'a> {
    source: &'a dyn Source,
    below: &'a Rows,
    depth: Option<usize>,
    most: usize,
    monitor: &'a Progress,
    waiting: Vec<Row>,
}

impl Tree<'_> {
    /// Adds what hangs below `owners`, which have `bytes` and are on the heaviest branch or not.
    fn add(&mut self, owners: &[u32], level: usize, is_heaviest: bool, bytes: u64) -> Result<(), DcmdError> {
        let is_deep = level >= self.depth.unwrap_or(USUAL);
        if level >= DEEPEST || is_deep && (!is_heaviest || self.depth.is_some()) {
            return Ok(());
        }
        let groups = self.source.owned_by(owners, self.below, self.monitor)?;
        let mut rows = Vec::new();
        for (index, group) in groups.into_iter().take(self.most).enumerate() {
            let own = group.retained.saturating_add(group.outside);
            let is_heaviest = is_heaviest && index == 0 && own.saturating_mul(2) >= bytes;
            if is_deep && !is_heaviest {
                break;
            }
            let edge = self.edge(owners, &group);
            let shown = group.members.first().copied();
            rows.push(Row { level, group, shown, edge, is_heaviest });
        }
        self.waiting.extend(rows.into_iter().rev());
        Ok(())
    }

    fn edge(&self, owners: &[u32], group: &OwnedGroup) -> Option<String> {
        edge(self.source, owners, group, self.monitor)
    }

    /// The last of the objects that hold one another in the same way from `row` on, and how many they are.
    fn folded(&self, context: &Context, mut row: Row) -> Result<(Row, u64), DcmdError> {
        let mut times = 1;
        if row.edge.is_none() {
            return Ok((row, times));
        }
        // Largest first: what the first retains is what they all do.
        let (retained, outside) = (row.group.retained, row.group.outside);
        while times < MOST_LINKS {
            context.check_interrupt()?;
            let mut groups = self.source.owned_by(&row.group.members, self.below, self.monitor)?;
            if groups.len() != 1 {
                break;
            }
            let Some(next) = groups.pop() else { break };
            let is_same =
                next.constructor == row.group.constructor && self.edge(&row.group.members, &next) == row.edge;
            if !is_same {
                break;
            }
            row.group.members = next.members;
            times += 1;
        }
        (row.group.retained, row.group.outside) = (retained, outside);
        Ok((row, times))
    }
}
