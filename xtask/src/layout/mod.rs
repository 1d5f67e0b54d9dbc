//! `cargo xtask layout`: what a release says of its own layout beside a table of ours, and what of it is in neither: a draft of the
//! rows for a version of V8 that has none.
//!
//! Three sources are compared with the table: the instance types and the places of fields that the binary publishes (`v8dbg_*`), and, if
//! V8's sources are at hand (`--sources`, the directory of V8), the classes that these declare. What agrees is not shown. What no source
//! tells is for the procedure of `docs/adding-a-v8-version.md`. For a binary that publishes no types their numbers follow from the sources
//! as well.
//!
//! The memory of a process is read, as binaries publish some of their integers in data: the core of a run of `census`, or `--core FILE`.

mod instance_types;
mod torque;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result};
use core_reader::{Address, Core, Memory, OpenOptions, Symbols};
use v8_heap::V8Version;
use v8_heap::layout::{Class, Classes, FieldKind, Layout, METADATA_PREFIX, TailLayout, WordModel};

use crate::scenario::Scenario;
use crate::take_core::{self, Request, Start, Writer};

/// What runs.
const SCENARIO: &str = "census";

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (mut node, mut core, mut sources, mut like) = (None, None, None, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("node") => node = Some(arguments.value()?.string()?),
            Long("core") => core = Some(PathBuf::from(arguments.value()?)),
            Long("sources") => sources = Some(PathBuf::from(arguments.value()?)),
            Long("like") => like = Some(arguments.value()?.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let core = match core {
        Some(core) => core,
        None => take(&node.context("which release? --node VERSION or --core FILE")?)?,
    };
    let core = Core::open(&OpenOptions { core, ..OpenOptions::default() })?;
    let (memory, symbols) = (core.memory(), core.symbols());
    let version =
        V8Version::of_executable(memory, symbols).context("the binary does not say which V8 it has")?;
    let read_int = |at: u64| memory.read_u32(Address(at)).ok().map(|word| word as i32);
    let like = match like {
        Some(like) => V8Version::parse(&format!("{like}.0.0")).context("--like takes a version, as 11.3")?,
        None => version.clone(),
    };
    let layout = Layout::candidates(&like, WordModel::FULL, core.architecture(), symbols, &read_int)?
        .into_iter()
        .next()
        .context("there is no table to compare with: give one with --like")?;
    println!("V8 {version}, beside the table of {like}");
    types(&published_types(symbols, &read_int), &layout);
    fields(&layout);
    if let Some(directory) = sources {
        let sources = torque::Sources::read(&directory)?;
        numbered(&instance_types::of(&sources)?, &layout);
        declared(&sources.classes()?, &layout.classes_of_table_alone());
        flags(&sources.flags()?, &layout);
    }
    Ok(())
}

fn take(node: &str) -> Result<PathBuf> {
    let directory = take_core::directory_of(SCENARIO, node);
    take_core::take_once(&Request {
        node: node.to_owned(),
        scenario: Scenario::find(SCENARIO)?,
        directory: directory.clone(),
        writer: Writer::Gdb,
        snapshot: true,
        arguments: Vec::new(),
        start: Start::default(),
        stage: None,
    })?;
    Ok(directory.join("core"))
}

/// The instance types that a binary publishes, by number.
fn published_types(
    symbols: &dyn Symbols,
    read_int: &dyn Fn(u64) -> Option<i32>,
) -> BTreeMap<u16, BTreeSet<String>> {
    let prefix = format!("{METADATA_PREFIX}type_");
    let mut types: BTreeMap<u16, BTreeSet<String>> = BTreeMap::new();
    for symbol in symbols.with_prefix(&prefix) {
        let name = symbol.name[prefix.len()..].split("__").next().unwrap_or_default().to_owned();
        let number = read_int(symbol.address.0).and_then(|number| u16::try_from(number).ok());
        if let Some(number) = number {
            types.entry(number).or_default().insert(name);
        }
    }
    types
}

/// All types in the order of their numbers, as far as the binary publishes them, each with what the table calls this number.
fn types(published: &BTreeMap<u16, BTreeSet<String>>, layout: &Layout) {
    println!("\n# instance types: number, published name, name in the table");
    let mut expected = None;
    for (number, names) in published {
        if expected.is_some_and(|next| next < *number) {
            println!("  {} unpublished", number - expected.unwrap_or_default());
        }
        let table = layout.type_name(*number);
        let names = names.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        println!("{number:5} {names}{}", if table == names { String::new() } else { format!("  ({table})") });
        expected = Some(number + 1);
    }
}

/// The types that Torque numbers otherwise than the table does.
fn numbered(sources: &BTreeMap<u32, String>, layout: &Layout) {
    println!("\n# instance types by the sources where the table has another name: number, source, table");
    for (number, name) in sources {
        let table = u16::try_from(*number).map_or("", |number| layout.type_name(number));
        if table != name {
            println!("{number:5} {name}  ({table})");
        }
    }
}

/// The places of fields that the binary publishes and that are others than the table's.
fn fields(layout: &Layout) {
    println!("\n# fields that the binary has elsewhere: class, field, table, binary");
    for found in layout.classes().contradictions() {
        println!("{} {} {} {}", found.class, found.field, found.table, found.published);
    }
}

/// The classes that are declared otherwise than the table has them, as rows of the table.
fn declared(sources: &BTreeMap<String, torque::Class>, table: &Classes) {
    println!("\n# classes that the sources declare otherwise (`<` sources, `>` table)");
    for (name, class) in sources {
        let known = table.find(name).map(|id| table.class(id));
        let ours = known.map(|known| rows_of_table(name, known, table)).unwrap_or_default();
        let theirs = rows_of_sources(name, class);
        if sizes(&ours) == sizes(&theirs) {
            continue;
        }
        for row in
            theirs.iter().map(|row| format!("< {row}")).chain(ours.iter().map(|row| format!("> {row}")))
        {
            println!("{row}");
        }
    }
    println!("\n# classes of the table that the sources do not declare in Torque");
    let missing = table.iter().filter(|class| !sources.contains_key(class.name));
    println!("{}", missing.map(|class| class.name).collect::<Vec<_>>().join(" "));
}

/// The flags whose bits the sources declare otherwise than the table has them.
fn flags(sources: &BTreeMap<String, torque::Flags>, layout: &Layout) {
    println!("\n# flags that the sources declare otherwise (`<` sources, `>` table)");
    let fields = layout.classes().iter().flat_map(|class| &class.fields);
    let known: BTreeSet<&str> = fields.filter_map(|field| field.flags).collect();
    for name in known {
        let Some(theirs) = sources.get(name) else { continue };
        let ours = layout.flags(name);
        let ours: Vec<_> =
            ours.iter().map(|flag| (flag.name.to_owned(), flag.shift, flag.shift + flag.width - 1)).collect();
        if ours != *theirs {
            println!("flags {name}\n<   {}\n>   {}", bits(theirs), bits(&ours));
        }
    }
}

fn bits(bits: &[(String, u32, u32)]) -> String {
    let row = |(name, first, last): &(String, u32, u32)| match first == last {
        true => format!("{name} {first}"),
        false => format!("{name} {first}-{last}"),
    };
    bits.iter().map(row).collect::<Vec<_>>().join(", ")
}

/// What counts of rows: names, and how many bytes there are, not what is known of the words.
fn sizes(rows: &[String]) -> Vec<String> {
    let plain = |row: &String| {
        let row = row.replace(" smi", " tagged").replace(" weak", " tagged").replace(" held", " tagged");
        row.replace(" embedder", " tagged").replace(" code", " pointer").replace("optional_", "")
    };
    rows.iter().map(plain).collect()
}

fn rows_of_sources(name: &str, class: &torque::Class) -> Vec<String> {
    let mut rows = vec![format!("class {name} : {}", class.parent)];
    for field in &class.fields {
        let brackets = if field.repeated { "[]" } else { "" };
        rows.push(format!("  {}{brackets} {}", field.name, field.kind));
    }
    rows
}

fn rows_of_table(name: &str, class: &Class, table: &Classes) -> Vec<String> {
    let parent = class.parent.map_or("", |parent| table.class(parent).name);
    let mut rows = vec![format!("class {name} : {parent}")];
    rows.extend(class.fields.iter().map(|field| format!("  {} {}", field.name, kind(field.kind))));
    let inherited = class.parent.and_then(|parent| table.class(parent).tail.as_ref());
    if let Some(tail) = class.tail.as_ref().filter(|tail| inherited.is_none_or(|own| own.name != tail.name)) {
        let layout = match &tail.layout {
            TailLayout::Entries(parts) => parts.iter().map(|part| kind(part.kind)).collect(),
            _ => vec!["its own".to_owned()],
        };
        rows.push(format!("  {}[] {}", tail.name, layout.join(" ")));
    }
    rows
}

fn kind(kind: FieldKind) -> String {
    match kind {
        FieldKind::Tagged => "tagged".to_owned(),
        FieldKind::Smi => "smi".to_owned(),
        FieldKind::Weak => "weak".to_owned(),
        FieldKind::Held => "held".to_owned(),
        FieldKind::Embedder => "embedder".to_owned(),
        FieldKind::Pointer => "pointer".to_owned(),
        FieldKind::Code => "code".to_owned(),
        FieldKind::Unsigned(bytes) => format!("u{}", bytes * 8),
        FieldKind::Signed(bytes) => format!("i{}", bytes * 8),
        FieldKind::Double => "f64".to_owned(),
        FieldKind::InCodeCage => "stream".to_owned(),
        FieldKind::External => "external".to_owned(),
        FieldKind::ExternalShared => "external-shared".to_owned(),
        FieldKind::Trusted => "trusted".to_owned(),
        FieldKind::Protected => "protected".to_owned(),
        FieldKind::ProtectedWeak => "protected-weak".to_owned(),
        FieldKind::Sandboxed => "data".to_owned(),
        FieldKind::Bounded => "size".to_owned(),
    }
}
