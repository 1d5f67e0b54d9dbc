//! The sections of the answer: constructors, shapes, texts, owners, buffers, mappings.

use std::collections::HashSet;
use std::io::Write;

use serde_json::{Map, Value, json};
use v8_heap::compare::{
    Alike, Change, Collections, Counted, Fingerprints, Inventory, OwnedClass, ShapeName, Sum, Texts,
    Turnover, Unnamed, changes, collections, growth, turnover, unnamed,
};
use v8_heap::index::ObjectId;
use v8_heap::{Heap, Tagged};

use super::Comparison;
use super::mappings::mappings;
use super::path_text::{path_text, pattern_text, quoted};
use super::rows::{Figure, Order, Row, Shown, heading_of, print_heading, print_json, print_row, select};
use crate::answers::native_owners::Name as NativeName;
use crate::answers::native_suspects::shown;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::{self, Column, Table, escape};
use crate::stage::Out;

/// A part of the answer.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// The option that asks for it.
    pub letter: char,
    /// What programs call it.
    name: &'static str,
    heading: &'static str,
    figures: &'static [Figure],
    find: for<'a> fn(&'a Comparison<'a>, Shown) -> Result<Found<'a>, DcmdError>,
}

/// Everything that has changed, with what it takes to show some of it.
struct Found<'a> {
    sums: Vec<Vec<Sum>>,
    order: Order,
    describe: Box<dyn Fn(usize) -> Result<Row, DcmdError> + 'a>,
    /// What the figures leave out.
    notes: Vec<String>,
    /// Something has grown that no row may tell of.
    is_more: bool,
}

/// The letter of the section about native memory.
pub const NATIVE_MEMORY: char = 'e';

/// All sections, in the order in which they are shown.
pub static SECTIONS: [Section; 7] = [
    Section {
        letter: 'k',
        name: "constructor",
        heading: "CONSTRUCTOR",
        figures: &[Figure::Bytes, Figure::Retained],
        find: constructors,
    },
    Section {
        letter: 's',
        name: "shape",
        heading: "SHAPE",
        figures: &[Figure::Bytes, Figure::Retained],
        find: shapes,
    },
    Section {
        letter: 't',
        name: "string",
        heading: "TEXT",
        figures: &[Figure::Bytes, Figure::Object],
        find: texts,
    },
    Section {
        letter: 'o',
        name: "owner",
        heading: "OWNER",
        figures: &[Figure::Turnover, Figure::Retained, Figure::Object],
        find: owners,
    },
    Section { letter: 'b', name: "buffer", heading: "BUFFERS", figures: &[Figure::Bytes], find: buffers },
    Section {
        letter: NATIVE_MEMORY,
        name: "native",
        heading: "NATIVE MEMORY, ESTIMATED, BY OWNER",
        figures: &[Figure::Bytes],
        find: native_memory,
    },
    Section { letter: 'm', name: "mapping", heading: "MAPPINGS", figures: &[Figure::Bytes], find: native },
];

impl Section {
    /// Prints the section.
    ///
    /// # Errors
    /// A heap cannot be read, the user has stopped it, or output has nowhere to go.
    pub fn print(
        &self,
        context: &Context,
        comparison: &Comparison<'_>,
        shown: Shown,
        out: &Out<'_>,
    ) -> Result<(), DcmdError> {
        let found = (self.find)(comparison, shown)?;
        let rows = select(&found.sums, found.order, shown);
        let is_known = |figure: &Figure| *figure != Figure::Retained || comparison.counted == Counted::Live;
        let figures: Vec<Figure> = self.figures.iter().copied().filter(is_known).collect();
        if !shown.as_json {
            print_heading(context, comparison.len(), &figures, self.heading, out)?;
        }
        for &index in &rows {
            context.check_interrupt()?;
            let (sums, row) = (&found.sums[index], (found.describe)(index)?);
            match shown.as_json {
                true => print_json(self.name, sums, &row, &figures, out)?,
                false => print_row(sums, &row, &figures, out)?,
            }
        }
        if rows.is_empty() && !shown.as_json {
            writeln!(
                out.text(),
                "  nothing {}has grown{}",
                if found.is_more { "that has a path of names or an owner in common " } else { "" },
                if comparison.len() > 2 { " and stayed" } else { "" }
            )?;
        }
        for note in &found.notes {
            match shown.as_json {
                true => context.warn(note),
                false => writeln!(out.text(), "  {note}")?,
            }
        }
        Ok(())
    }
}

static TOTALS: Table = Table::new(&[
    Column::left("CORE", 6),
    Column::right("OBJECTS", 12),
    Column::right("IN HEAP", 14),
    Column::right("OUTSIDE", 14),
    Column::left("FILE", 0),
]);

/// Prints how large each heap is.
///
/// # Errors
/// As [`Section::print`].
pub fn totals(
    context: &Context,
    comparison: &Comparison<'_>,
    shown: Shown,
    out: &Out<'_>,
) -> Result<(), DcmdError> {
    if !shown.as_json {
        TOTALS.heading(context.colours, &mut out.text())?;
    }
    for (index, inventory) in comparison.inventories()?.iter().enumerate() {
        let total = inventory.total;
        let outside = total.retained.saturating_sub(total.bytes);
        if shown.as_json {
            let line = json!({
                "section": "core",
                "core": comparison.files()[index],
                "objects": total.count,
                "bytes": total.bytes,
                "outside": outside,
            });
            writeln!(out.text(), "{}", output::json(&line))?;
            continue;
        }
        let name = heading_of(index, comparison.len());
        let file = escape(&comparison.files()[index]).into_owned();
        TOTALS.row(&[&name, &total.count, &total.bytes, &outside, &file], &mut out.text())?;
    }
    Ok(())
}

fn fields<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn found<'a, K: 'a>(
    comparison: &'a Comparison<'a>,
    changes: Vec<Change<K>>,
    describe: impl Fn(&K) -> Row + 'a,
) -> Found<'a> {
    let (groups, sums): (Vec<K>, Vec<Vec<Sum>>) =
        changes.into_iter().map(|change| (change.group, change.sums)).unzip();
    Found {
        sums,
        order: comparison.order(),
        describe: Box::new(move |index| Ok(describe(&groups[index]))),
        notes: Vec::new(),
        is_more: false,
    }
}

fn constructors<'a>(comparison: &'a Comparison<'a>, _: Shown) -> Result<Found<'a>, DcmdError> {
    let of = |inventory: &Inventory| inventory.constructors.clone();
    let changes = changes(comparison.inventories()?.iter().map(of).collect());
    Ok(found(comparison, changes, |name: &String| Row {
        text: if name.is_empty() { "(no name)".to_owned() } else { escape(name).into_owned() },
        fields: fields([("name", json!(name))]),
        ..Row::default()
    }))
}

fn shapes<'a>(comparison: &'a Comparison<'a>, _: Shown) -> Result<Found<'a>, DcmdError> {
    let counted = comparison.counted;
    let changes = changes(comparison.ask_all(|heap, monitor| heap.shapes(counted, monitor))?);
    Ok(found(comparison, changes, |shape: &ShapeName| {
        let names: Vec<_> = shape.properties.iter().map(|name| escape(name)).collect();
        let more = if shape.count > shape.properties.len() { ", ..." } else { "" };
        let colon = if names.is_empty() { "" } else { ": " };
        Row {
            text: format!("{}{colon}{}{more}", escape(&shape.constructor), names.join(", ")),
            fields: fields([
                ("name", json!(shape.constructor)),
                ("properties", json!(shape.properties)),
                ("props", json!(shape.count)),
            ]),
            ..Row::default()
        }
    }))
}

fn texts<'a>(comparison: &'a Comparison<'a>, _: Shown) -> Result<Found<'a>, DcmdError> {
    let (fingerprints, counted) = (Fingerprints::default(), comparison.counted);
    let texts = comparison.ask_all(|heap, monitor| heap.string_texts(counted, &fingerprints, monitor))?;
    let unread: u64 = texts.iter().map(|texts| texts.unread).sum();
    let last = comparison.len() - 1;
    let mut found = found(comparison, Texts::changes(&texts), move |content| {
        let text = text_of(comparison.heap_of(content.heap), content.example);
        Row {
            text: format!("{} ({})", quoted(&text), content.length),
            object: (content.heap == last).then_some(content.example.0),
            fields: fields([("text", json!(text)), ("length", json!(content.length))]),
            ..Row::default()
        }
    });
    found.order = |sum| sum.bytes;
    if unread > 0 {
        found
            .notes
            .push(format!("the text of {unread} strings could not be read, or is too long: not compared"));
    }
    Ok(found)
}

/// The beginning of a string.
fn text_of(heap: &Heap<'_>, string: Tagged) -> String {
    /// In UTF-16 code units.
    const LONGEST: usize = 256;
    heap.string(string, LONGEST).map(|text| text.to_text()).unwrap_or_default()
}

fn owners<'a>(comparison: &'a Comparison<'a>, shown: Shown) -> Result<Found<'a>, DcmdError> {
    let mut found = comparison.ask_together(|sides| collections(sides, comparison.counted, shown.all))?;
    let fingerprints = Fingerprints::default();
    if shown.all {
        // As many entries as before may be others.
        found.changes = comparison.ask_together(|sides| {
            let mut changed = Vec::new();
            for change in std::mem::take(&mut found.changes) {
                let is_still = change.sums.windows(2).all(|pair| pair[0].count == pair[1].count);
                if !is_still
                    || turnover(sides, &change.group, &fingerprints)?
                        .is_some_and(|turnover| turnover.added + turnover.gone > 0)
                {
                    changed.push(change);
                }
            }
            Ok(changed)
        })?;
    }
    let rest = match comparison.counted {
        Counted::Live => grown_elsewhere(comparison, &found, shown)?,
        Counted::All => Unnamed::default(),
    };
    let mut notes = Vec::new();
    if found.unnamed > 0 {
        let how = match comparison.counted {
            Counted::Live => "they count by constructors",
            Counted::All => "not compared",
        };
        notes.push(format!("{} collections have no path of names: {how}", found.unnamed));
    }
    if found.left_out > 0 {
        notes.push(format!("{} collections retain less than these: not compared", found.left_out));
    }
    let more = growth(rest.totals.iter().map(|sum| sum.count));
    if more > 0 {
        notes.push(format!(
            "{more} more objects than before are in no collection above that has a path of names"
        ));
    }
    let last = comparison.len() - 1;
    let alike = match shown.all {
        true => Vec::new(),
        false => comparison.ask_together(|sides| found.alike(sides))?,
    };
    let together: HashSet<usize> = alike.iter().flat_map(|alike| alike.members.iter().copied()).collect();
    let single: Vec<usize> = (0..found.changes.len()).filter(|place| !together.contains(place)).collect();
    let sums = single.iter().map(|place| found.changes[*place].sums.clone());
    let sums = sums.chain(alike.iter().map(|alike| sums_of(&found, alike)));
    let sums = sums.chain(rest.changes.iter().map(|change| change.sums.clone())).collect();
    let describe = move |index: usize| {
        let behind = index.saturating_sub(single.len());
        match (single.get(index), alike.get(behind)) {
            (Some(place), _) => describe_owner(comparison, &found, *place, &fingerprints, last),
            (None, Some(alike)) => describe_alike(comparison, &found, alike, &fingerprints, last),
            (None, None) => describe_class(comparison, &rest, behind - alike.len(), last),
        }
    };
    let order: Order = match comparison.counted {
        Counted::Live => |sum| sum.retained,
        Counted::All => |sum| sum.count,
    };
    Ok(Found { sums, order, describe: Box::new(describe), notes, is_more: more > 0 })
}

/// What is in no collection that has a row of its own, by the constructors of owner and object: from so many more on.
const FEWEST_MORE: i128 = 16;

fn grown_elsewhere(
    comparison: &Comparison<'_>,
    found: &Collections,
    shown: Shown,
) -> Result<Unnamed, DcmdError> {
    let mut told: Vec<HashSet<u32>> = vec![HashSet::new(); comparison.len()];
    for change in found.changes.iter().filter(|change| shown.all || change.growth(|sum| sum.count) > 0) {
        for (told, object) in told.iter_mut().zip(&change.group.objects) {
            told.extend(object);
        }
    }
    let mut rest = comparison.ask_together(|sides| unnamed(sides, &told))?;
    if !shown.all {
        rest.changes.retain(|change| change.growth(|sum| sum.count) >= FEWEST_MORE);
    }
    Ok(rest)
}

fn describe_class(
    comparison: &Comparison<'_>,
    rest: &Unnamed,
    index: usize,
    last: usize,
) -> Result<Row, DcmdError> {
    let class = &rest.changes[index].group;
    let largest = rest.largest.get(class).copied();
    let path = match (largest, &class.owner) {
        (Some(id), Some(_)) => {
            let paths = comparison.ask(last, |heap, monitor| heap.paths(&[id], monitor))?;
            paths.of(id).map(|steps| path_text(&steps))
        }
        _ => None,
    };
    let OwnedClass { owner, member } = class;
    let text = match (&path, owner) {
        (Some(path), Some(owner)) => format!("{path} ({} of {})", escape(owner), escape(member)),
        (None, Some(owner)) => format!("(no path of names) {} of {}", escape(owner), escape(member)),
        (_, None) => format!("(no single owner) {}", escape(member)),
    };
    Ok(Row {
        text,
        object: largest.map(|id| comparison.address(last, id)).transpose()?,
        turnover: None,
        fields: fields([("path", json!(path)), ("name", json!(owner)), ("of", json!(member))]),
    })
}

fn describe_owner(
    comparison: &Comparison<'_>,
    found: &Collections,
    index: usize,
    fingerprints: &Fingerprints,
    last: usize,
) -> Result<Row, DcmdError> {
    let collection = &found.changes[index].group;
    let home = collection.home;
    let id = collection.objects[home].unwrap_or_default();
    let heap = comparison.heap_of(home);
    let steps = found.paths[home].as_ref().and_then(|paths| paths.of(id)).unwrap_or_default();
    let path = path_text(&steps);
    let (turnover, of) = comparison.ask_together(|sides| {
        Ok((turnover(sides, collection, fingerprints)?, sides[home].commonest_entry(id)?))
    })?;
    let table = comparison.ask(home, |heap, monitor| heap.objects(monitor))?;
    let constructor = heap
        .object_by_id(table, ObjectId(id))
        .map_or_else(String::new, |object| heap.name(heap.constructor_name(object)).to_owned());
    let entries = of.as_deref().map_or_else(String::new, |of| format!(" of {}", escape(of)));
    Ok(Row {
        text: format!("{path} ({}{entries})", escape(&constructor)),
        object: collection.objects[last].map(|id| comparison.address(last, id)).transpose()?,
        turnover,
        fields: fields([("path", json!(path)), ("name", json!(constructor)), ("of", json!(of))]),
    })
}

/// The figures of several collections together.
fn sums_of(found: &Collections, alike: &Alike) -> Vec<Sum> {
    let mut all: Vec<Sum> = Vec::new();
    for member in &alike.members {
        let sums = &found.changes[*member].sums;
        all.resize(sums.len(), Sum::default());
        for (all, sum) in all.iter_mut().zip(sums) {
            all.add(*sum);
        }
    }
    all
}

fn describe_alike(
    comparison: &Comparison<'_>,
    found: &Collections,
    alike: &Alike,
    fingerprints: &Fingerprints,
    last: usize,
) -> Result<Row, DcmdError> {
    // What they are, one of them says: that which has grown most.
    let growth_of = |member: &usize| found.changes[*member].growth(|sum| sum.retained);
    let Some(example) = alike.members.iter().copied().max_by_key(growth_of) else {
        return Ok(Row::default());
    };
    let mut row = describe_owner(comparison, found, example, fingerprints, last)?;
    row.turnover = comparison.ask_together(|sides| {
        let mut all = Turnover::default();
        for member in &alike.members {
            let Some(own) = turnover(sides, &found.changes[*member].group, fingerprints)? else {
                return Ok(None);
            };
            all.added += own.added;
            all.gone += own.gone;
            all.stayed += own.stayed;
        }
        Ok(Some(all))
    })?;
    let id = found.changes[example].group.objects[last].unwrap_or_default();
    let steps = found.paths[last].as_ref().and_then(|paths| paths.of(id)).unwrap_or_default();
    let path = pattern_text(&steps, alike.steps);
    let count = alike.members.len();
    let name = |field: &str| row.fields.get(field).and_then(Value::as_str).unwrap_or_default();
    let of = match name("of") {
        "" => String::new(),
        of => format!(" of {}", escape(of)),
    };
    row.text = format!("{path} ({count} {}{of})", escape(name("name")));
    row.object = Some(comparison.address(last, alike.holder)?);
    row.fields.insert("path".to_owned(), json!(path));
    row.fields.insert("collections".to_owned(), json!(count));
    Ok(row)
}

fn buffers<'a>(comparison: &'a Comparison<'a>, _: Shown) -> Result<Found<'a>, DcmdError> {
    let counted = comparison.counted;
    let stores = comparison.ask_all(|heap, monitor| heap.stores(counted, monitor))?;
    Ok(found(comparison, changes(stores), |class| {
        let views =
            if class.views.is_empty() { String::new() } else { format!(" as {}", escape(&class.views)) };
        Row {
            text: format!("{}{views}, {}", class.kind.name(), size_class(class.least)),
            fields: fields([
                ("kind", json!(class.kind.name())),
                ("views", json!(class.views)),
                ("least", json!(class.least)),
            ]),
            ..Row::default()
        }
    }))
}

/// Native memory by owner, of one process.
type Owned = Vec<(NativeName, Sum)>;

/// Native memory by owner, of each process; and of which it is not known, and why.
fn owned(comparison: &Comparison<'_>) -> Result<(Vec<Owned>, Vec<String>), DcmdError> {
    let (mut lists, mut notes) = (Vec::new(), Vec::new());
    for owners in comparison.native_owners()? {
        match owners {
            Ok(owners) => lists.push(
                owners
                    .classes
                    .into_iter()
                    .map(|(name, class)| {
                        (name, Sum { count: class.objects, bytes: class.bytes, retained: 0 })
                    })
                    .collect(),
            ),
            Err(reason) => {
                lists.push(Vec::new());
                notes.push(reason);
            }
        }
    }
    Ok((lists, notes))
}

fn native_memory<'a>(comparison: &'a Comparison<'a>, _: Shown) -> Result<Found<'a>, DcmdError> {
    let (lists, notes) = owned(comparison)?;
    // What is not known of one cannot be compared.
    let lists = if notes.is_empty() { lists } else { vec![Vec::new(); comparison.len()] };
    let mut found = found(comparison, changes(lists), |name: &NativeName| Row {
        text: shown(name),
        fields: fields([("constructor", json!(name.0)), ("class", json!(name.1))]),
        ..Row::default()
    });
    found.order = |sum| sum.bytes;
    found.is_more = !notes.is_empty();
    found.notes = notes;
    Ok(found)
}

/// Whether the native memory of some class of owners has grown so much that it must be told.
///
/// # Errors
/// The user has stopped it.
pub fn has_native_growth(comparison: &Comparison<'_>) -> Result<bool, DcmdError> {
    /// Less is noise.
    const MUCH: u64 = 1 << 20;
    let (lists, notes) = owned(comparison)?;
    let grown = |change: &Change<NativeName>| {
        let bytes = |sum: Option<&Sum>| sum.map_or(0, |sum| sum.bytes);
        bytes(change.sums.last()).saturating_sub(bytes(change.sums.first())) >= MUCH
    };
    Ok(notes.is_empty() && changes(lists).iter().any(grown))
}

fn native<'a>(comparison: &'a Comparison<'a>, _: Shown) -> Result<Found<'a>, DcmdError> {
    let lists = (0..comparison.len()).map(|index| mappings(comparison.core(index))).collect();
    let mut found = found(comparison, changes(lists), |(name, permissions): &(String, String)| Row {
        text: format!("{permissions} {name}"),
        fields: fields([("name", json!(name)), ("permissions", json!(permissions))]),
        ..Row::default()
    });
    found.order = |sum| sum.bytes;
    Ok(found)
}

/// Sizes from a power of two on, below the next: `64 KiB..128 KiB`.
pub fn size_class(least: u64) -> String {
    let text = |bytes: u64| match bytes {
        0..1024 => format!("{bytes} B"),
        1024..0x10_0000 => format!("{} KiB", bytes >> 10),
        0x10_0000..0x4000_0000 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    };
    match least {
        0 => "empty".to_owned(),
        least => format!("{}..{}", text(least), text(least.saturating_mul(2))),
    }
}

#[cfg(test)]
mod tests {
    use super::size_class;

    #[test]
    fn sizes_are_told_by_powers_of_two() {
        assert_eq!(size_class(0), "empty");
        assert_eq!(size_class(1), "1 B..2 B");
        assert_eq!(size_class(512), "512 B..1 KiB");
        assert_eq!(size_class(1 << 16), "64 KiB..128 KiB");
        assert_eq!(size_class(1 << 26), "64 MiB..128 MiB");
        assert_eq!(size_class(1 << 63), "8589934592 GiB..17179869183 GiB");
    }
}
