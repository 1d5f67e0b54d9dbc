//! `::diff` of a heap snapshot and an older one.
//!
//! Ids stay the same from snapshot to snapshot of one process, so objects are known again, and new ones are known exactly.

use std::collections::HashMap;
use std::path::Path;

use core_reader::OpenOptions;
use serde_json::json;
use v8_heap::Monitor;
use v8_heap::graph::NO_OBJECT;

use super::SnapshotSource;
use crate::context::Context;
use crate::error::DcmdError;
use crate::opened::OpenSnapshot;
use crate::output::{Column, Progress, Table, escape};
use crate::stage::Out;
use crate::value::Item;

/// Of objects with the same id in both snapshots, so many in a hundred have the same constructor if they are of one process.
const OF_ONE_PROCESS: u64 = 90;

static CLASSES: Table = Table::new(&[
    Column::right("OLD", 9),
    Column::right("NEW", 9),
    Column::right("GROWTH", 9),
    Column::right("ADDED", 9),
    Column::right("GONE", 9),
    Column::right("BYTES", 12),
    Column::left("CONSTRUCTOR", 0),
]);

static OWNERS: Table = Table::new(&[
    Column::right("OLD", 9),
    Column::right("NEW", 9),
    Column::right("GROWTH", 9),
    Column::right("RETAINED", 12),
    Column::right("OBJECT", 16),
    Column::left("OWNER", 0),
]);

/// What was asked for.
pub(crate) struct GrowthQuestion<'q> {
    /// The older snapshots, the oldest first.
    pub older: Vec<&'q Path>,
    /// The new objects of this constructor.
    pub constructor: Option<&'q str>,
    /// By constructor, by owner.
    pub classes: bool,
    pub owners: bool,
    /// Also what shrank, and all rows.
    pub all: bool,
    pub most: usize,
    pub json: bool,
}

/// One constructor in all of them.
#[derive(Default)]
struct Row {
    counts: Vec<u64>,
    bytes: Vec<u64>,
    /// What would be freed with them, in the heap and outside.
    retained: Vec<u64>,
    /// The first of them in the newest snapshot, by its id.
    example: Option<u64>,
    added: u64,
    gone: u64,
}

/// Says what has grown.
pub(crate) fn growth(
    context: &Context,
    question: &GrowthQuestion<'_>,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let monitor = context.progress();
    let newest = SnapshotSource::open(context, &monitor)?;
    let mut all = Vec::new();
    for path in &question.older {
        let options = OpenOptions { core: path.to_path_buf(), ..OpenOptions::default() };
        let opened = OpenSnapshot::open(&options, &context.interrupt).map_err(DcmdError::Abort)?;
        let opened = opened.ok_or_else(|| {
            DcmdError::abort(format!(
                "{} is no heap snapshot, and what is open is one: both must be of one sort",
                escape(&path.to_string_lossy())
            ))
        })?;
        all.push(SnapshotSource::of(opened.file, &monitor)?);
    }
    all.push(newest);
    let oldest = all[0];
    let is_one_process = are_of_one_process(&oldest, &newest);
    if !is_one_process {
        context.warn(
            &"the snapshots are not of one process: ids mean nothing between them, and only what is counted by constructor is told",
        );
    }
    if let Some(wanted) = question.constructor {
        if !is_one_process {
            return Err(DcmdError::failed("which objects are new can only be told of one process"));
        }
        let middle = &all[1..all.len() - 1];
        for node in objects(&newest) {
            context.check_interrupt()?;
            let id = newest.nodes.id(node);
            let name = newest.nodes.constructor(node).map(|name| newest.nodes.constructor_text(name));
            let is_new = name.as_deref() == Some(wanted)
                && oldest.nodes.with_id(id).is_none()
                && middle.iter().all(|middle| middle.nodes.with_id(id).is_some());
            if !is_new {
                continue;
            }
            if question.json {
                out.json(&json!({ "section": "object", "object": newest.id(node), "name": wanted }))?;
            } else if out.emit(Item::value(id))? == crate::stage::Flow::Enough {
                break;
            }
        }
        return Ok(());
    }
    if question.json && question.classes {
        for (source, path) in all.iter().zip(question.older.iter().copied().chain(newest_path(context))) {
            totals(source, path, &monitor, out)?;
        }
    }
    if question.classes {
        let rows = by_constructor(&all, is_one_process, &monitor)?;
        print_classes(context, question, rows, is_one_process, out)?;
    }
    if question.owners && is_one_process {
        print_owners(context, question, &oldest, &newest, &monitor, out)?;
    }
    Ok(())
}

fn newest_path(context: &Context) -> Option<&Path> {
    context.snapshot().map(|snapshot| snapshot.path.as_path())
}

/// How much there is in all of a snapshot.
fn totals(
    source: &SnapshotSource,
    path: &Path,
    monitor: &dyn Monitor,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let dominators = source.file.dominators(monitor)?;
    let sum = |of: &dyn Fn(u32) -> u64| dominators.tops().map(of).fold(0u64, u64::saturating_add);
    out.json(&json!({
        "section": "core",
        "core": path.to_string_lossy(),
        "objects": source.nodes.len(),
        "bytes": sum(&|node| dominators.retained(node)),
        "outside": sum(&|node| dominators.outside(node)),
    }))
}

fn objects(source: &SnapshotSource) -> impl Iterator<Item = u32> + '_ {
    (0..source.nodes.len() as u32).filter(|node| source.nodes.constructor(*node).is_some())
}

/// Whether ids mean the same in both: those that both have are of objects with the same constructor.
fn are_of_one_process(old: &SnapshotSource, new: &SnapshotSource) -> bool {
    const SAMPLE: usize = 2000;
    let count = objects(old).count();
    let (mut same, mut both) = (0u64, 0u64);
    for node in objects(old).step_by((count / SAMPLE).max(1)) {
        let Some(other) = new.nodes.with_id(old.nodes.id(node)) else { continue };
        both += 1;
        let name = |source: &SnapshotSource, node: u32| {
            source.nodes.constructor(node).map(|name| source.nodes.constructor_text(name))
        };
        same += u64::from(name(old, node) == name(new, other) && old.label_of(node) == new.label_of(other));
    }
    both > 0 && same * 100 >= both * OF_ONE_PROCESS
}

fn by_constructor(
    all: &[SnapshotSource],
    is_one_process: bool,
    monitor: &Progress,
) -> Result<Vec<(String, Row)>, DcmdError> {
    let mut rows: HashMap<String, Row> = HashMap::new();
    for (index, source) in all.iter().enumerate() {
        for class in source.file.classes(true, monitor)? {
            let row = rows.entry(source.nodes.constructor_text(class.name)).or_default();
            row.counts.resize(all.len(), 0);
            row.bytes.resize(all.len(), 0);
            row.retained.resize(all.len(), 0);
            row.counts[index] += class.count;
            let (inside, outside) = class.retained.unwrap_or_default();
            row.retained[index] = row.retained[index].saturating_add(inside).saturating_add(outside);
            if index + 1 == all.len() {
                row.example.get_or_insert(source.nodes.id(class.first));
            }
            row.bytes[index] = row.bytes[index].saturating_add(class.bytes);
        }
    }
    if let (true, [oldest, .., newest]) = (is_one_process, all) {
        for (one, other, is_added) in [(newest, oldest, true), (oldest, newest, false)] {
            for node in objects(one) {
                if other.nodes.with_id(one.nodes.id(node)).is_some() {
                    continue;
                }
                let Some(name) = one.nodes.constructor(node) else { continue };
                if let Some(row) = rows.get_mut(&one.nodes.constructor_text(name)) {
                    *(if is_added { &mut row.added } else { &mut row.gone }) += 1;
                }
            }
        }
    }
    let mut rows: Vec<(String, Row)> = rows.into_iter().collect();
    rows.sort_by(|(a, one), (b, other)| growth_of(&other.bytes).cmp(&growth_of(&one.bytes)).then(a.cmp(b)));
    Ok(rows)
}

fn growth_of(counts: &[u64]) -> i64 {
    match (counts.first(), counts.last()) {
        (Some(old), Some(new)) => (i128::from(*new) - i128::from(*old)) as i64,
        _ => 0,
    }
}

fn print_classes(
    context: &Context,
    question: &GrowthQuestion<'_>,
    rows: Vec<(String, Row)>,
    is_one_process: bool,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    if !question.json {
        CLASSES.heading(context.colours, &mut out.text())?;
    }
    let grows = |row: &Row| {
        let stays = row.counts.windows(2).all(|pair| pair[0] < pair[1]);
        growth_of(&row.counts) > 0 && stays
    };
    let shown = rows.into_iter().filter(|(_, row)| question.all || grows(row)).take(question.most);
    for (name, row) in shown {
        context.check_interrupt()?;
        let growth = growth_of(&row.counts);
        if question.json {
            out.json(&json!({
                "section": "constructor",
                "name": name,
                "count": row.counts,
                "bytes": row.bytes,
                "retained": row.retained,
                "object": row.example.map(|id| format!("@{id}")),
                "growth": growth,
                "added": is_one_process.then_some(row.added),
                "gone": is_one_process.then_some(row.gone),
            }))?;
            continue;
        }
        let (old, new) = (row.counts.first().copied().unwrap_or(0), row.counts.last().copied().unwrap_or(0));
        let known = |count: u64| if is_one_process { count.to_string() } else { "-".to_owned() };
        CLASSES.row(
            &[
                &old,
                &new,
                &format!("{growth:+}"),
                &known(row.added),
                &known(row.gone),
                &format!("{:+}", growth_of(&row.bytes)),
                &escape(&name),
            ],
            &mut out.text(),
        )?;
    }
    Ok(())
}

/// How many objects there are and what they retain, by the id of the owner and the constructor.
type Owned = HashMap<(u64, u32), (u64, u64)>;

/// How many objects of each constructor each object owns: the nearest that dominates them.
fn owned(source: &SnapshotSource, monitor: &dyn Monitor) -> Result<Owned, DcmdError> {
    let dominators = source.file.dominators(monitor)?;
    let mut owner = vec![NO_OBJECT; source.nodes.len()];
    let mut counts = Owned::new();
    for &node in dominators.order() {
        let Some(above) = dominators.above(node) else { continue };
        let own = match source.nodes.constructor(above) {
            Some(_) => above,
            None => owner[above as usize],
        };
        owner[node as usize] = own;
        if let (Some(name), true) = (source.nodes.constructor(node), own != NO_OBJECT) {
            let count = counts.entry((source.nodes.id(own), name.0)).or_default();
            *count = (count.0 + 1, count.1.saturating_add(dominators.total(node)));
        }
    }
    Ok(counts)
}

fn print_owners(
    context: &Context,
    question: &GrowthQuestion<'_>,
    oldest: &SnapshotSource,
    newest: &SnapshotSource,
    monitor: &Progress,
    out: &mut Out<'_>,
) -> Result<(), DcmdError> {
    let named = |source: &SnapshotSource, counts: HashMap<(u64, u32), (u64, u64)>| {
        let name = |name: u32| source.nodes.constructor_text(v8_heap::NameId(name));
        let mut names: HashMap<u32, String> = HashMap::new();
        let counts = counts.into_iter().filter(|(_, (count, _))| *count > 1);
        let counts: HashMap<(u64, String), (u64, u64)> = counts
            .map(|((id, constructor), count)| {
                ((id, names.entry(constructor).or_insert_with(|| name(constructor)).clone()), count)
            })
            .collect();
        counts
    };
    let old = named(oldest, owned(oldest, monitor)?);
    let new = named(newest, owned(newest, monitor)?);
    // How many, and what they retain: before, and now.
    type Grown = ((u64, u64), (u64, u64), u64, String);
    let mut rows: Vec<Grown> = new
        .into_iter()
        .map(|((id, name), now)| (old.get(&(id, name.clone())).copied().unwrap_or_default(), now, id, name))
        .filter(|(before, now, ..)| question.all || now.0 > before.0)
        .collect();
    rows.sort_by_key(|(before, now, id, _)| (std::cmp::Reverse(now.1.saturating_sub(before.1)), *id));
    if !question.json {
        OWNERS.heading(context.colours, &mut out.text())?;
    }
    for ((before, bytes_before), (count, bytes), id, name) in rows.into_iter().take(question.most) {
        context.check_interrupt()?;
        let node = newest.node(id)?;
        let path = newest.way_text(node, monitor)?;
        let owner = format!("{path} ({} of {})", newest.label_of(node), escape(&name));
        let growth = count as i64 - before as i64;
        if question.json {
            out.json(&json!({
                "section": "owner",
                "object": newest.id(node),
                "path": path,
                "name": newest.label_of(node),
                "of": name,
                "count": [before, count],
                "growth": growth,
                "retained": [bytes_before, bytes],
            }))?;
            continue;
        }
        OWNERS.row(
            &[
                &before,
                &count,
                &format!("{growth:+}"),
                &format!("{:+}", bytes as i64 - bytes_before as i64),
                &format!("@{id}"),
                &owner.trim_start(),
            ],
            &mut out.text(),
        )?;
    }
    Ok(())
}
