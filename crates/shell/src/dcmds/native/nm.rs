//! `::nm`: list symbols.
//!
//! Of all objects, or of the one that is named; with an address in front, the symbol it belongs to. Values are addresses in
//! the process. Undefined symbols, which another object defines, are left out unless `-u` asks for them alone.
//!
//! # Columns of -f
//!
//! ```text
//! ndx    number in the table       bind   GLOB, LOCL, WEAK, UNIQ
//! val    value                     oth    visibility
//! sz     size in bytes             shndx  section, or UNDEF, ABS, COMMON
//! type   as for -t                 name   name, as in the source unless $G says otherwise
//! ctype  accepted; always empty    obj    the object
//! ```

use std::fmt::Write as _;
use std::io::Write;

use core_reader::{Address, SymbolEntry, TableKind};
use serde_json::json;

use crate::context::Context;
use crate::dcmd::{
    AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each,
};
use crate::error::DcmdError;
use crate::output::{escape, hex};
use crate::stage::Out;
use crate::value::Kind;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::nm",
    r#"
Value             |Size              |Type |Bind |Other|Shndx   |Name
0x0000000000000000|0x0000000000000000|FILE |LOCL |0x0  |ABS     |abi-note.c
0x00007ff64be1e394|0x0000000000000020|OBJT |LOCL |0x0  |3       |__abi_tag
0x0000000000000000|0x0000000000000000|FILE |LOCL |0x0  |ABS     |init-first.c
...
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "nm",
    aliases: &[],
    summary: "list symbols",
    family: Family::Memory,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Address]),
    yields: Yields::Text,
    options: &[
        Opt::flag('D', "the dynamic symbol table"),
        Opt::flag('P', "the private symbol table, of ::nmadd"),
        Opt::flag('d', "numbers in decimal"),
        Opt::flag('g', "only global symbols"),
        Opt::flag('h', "no heading"),
        Opt::flag('n', "sort by name"),
        Opt::flag('o', "numbers in octal"),
        Opt::flag('p', "as ::nmadd commands"),
        Opt::flag('u', "only undefined symbols"),
        Opt::flag('v', "sort by value"),
        Opt::flag('x', "numbers in hexadecimal"),
        Opt::text('f', "format", "columns, separated by commas"),
        Opt::text('t', "types", "only symbols of these types: noty, objt, func, sect, file, comm, tls, regi")
            .filter(),
        Opt::JSON,
    ],
    operands: Operands::optional("[object]").filter(),
    needs: &[Capability::Core],
    manual: include_str!("nm.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let list = List::new(args)?;
        Ok(for_each(move |context, item, out| {
            let mut rows = match item {
                Some(item) => vec![list.at(context, item.word)?],
                None => list.rows(context)?,
            };
            match list.sort {
                Sort::Table => {}
                Sort::Name => rows.sort_by(|a, b| a.shown.cmp(&b.shown)),
                Sort::Value => rows.sort_by_key(|row| row.value),
            }
            list.print(context, &rows, out)
        }))
    },
};

#[derive(Clone, Copy)]
enum Sort {
    Table,
    Name,
    Value,
}

#[derive(Clone, Copy)]
enum Column {
    Number,
    Value,
    Size,
    Type,
    Binding,
    Other,
    Section,
    Name,
    CType,
    Object,
}

/// Names for -f, headings, widths.
const COLUMNS: [(&str, &str, usize, Column); 10] = [
    ("ndx", "Index", 7, Column::Number),
    ("val", "Value", 18, Column::Value),
    ("sz", "Size", 18, Column::Size),
    ("type", "Type", 5, Column::Type),
    ("bind", "Bind", 5, Column::Binding),
    ("oth", "Other", 5, Column::Other),
    ("shndx", "Shndx", 8, Column::Section),
    ("name", "Name", 0, Column::Name),
    ("ctype", "C Type", 6, Column::CType),
    ("obj", "Object", 20, Column::Object),
];

/// `STT_*` by number, as -t and the column have them.
const TYPES: [(u8, &str, &str); 8] = [
    (0, "noty", "NOTY"),
    (1, "objt", "OBJT"),
    (2, "func", "FUNC"),
    (3, "sect", "SECT"),
    (4, "file", "FILE"),
    (5, "comm", "COMM"),
    (6, "tls", "TLS"),
    (13, "regi", "REGI"),
];

/// `STT_GNU_IFUNC`: a function that chooses the function to be called.
const INDIRECT_FUNCTION: u8 = 10;

struct List {
    table: TableKind,
    private: bool,
    global: bool,
    undefined: bool,
    commands: bool,
    json: bool,
    heading: bool,
    radix: u32,
    sort: Sort,
    columns: Vec<(&'static str, usize, Column)>,
    types: Option<Vec<u8>>,
    object: Option<String>,
}

struct Row {
    number: u32,
    value: u64,
    size: u64,
    kind: u8,
    binding: u8,
    other: u8,
    section: u16,
    /// As the table has it.
    name: String,
    /// As it is shown.
    shown: String,
    object: String,
}

impl List {
    fn new(args: &Args) -> Result<List, DcmdError> {
        let columns = args.text('f').unwrap_or("val,sz,type,bind,oth,shndx,name").split(',').map(|name| {
            let known = COLUMNS.iter().find(|(column, ..)| *column == name.trim());
            let known = known.map(|(_, heading, width, column)| (*heading, *width, *column));
            known.ok_or_else(|| DcmdError::usage(format!("unknown column -- {}", escape(name))))
        });
        let types = args.text('t').map(|types| {
            let number = |name: &str| {
                let known = TYPES.iter().find(|(_, type_name, _)| *type_name == name.trim());
                known
                    .map(|(number, ..)| *number)
                    .ok_or_else(|| DcmdError::usage(format!("unknown type -- {}", escape(name))))
            };
            types.split(',').map(number).collect::<Result<Vec<u8>, _>>()
        });
        Ok(List {
            table: if args.has('D') { TableKind::Dynamic } else { TableKind::Static },
            private: args.has('P'),
            global: args.has('g'),
            undefined: args.has('u'),
            commands: args.has('p'),
            json: args.has('j'),
            heading: !args.has('h') && !args.has('p') && !args.has('j'),
            radix: if args.has('d') {
                10
            } else if args.has('o') {
                8
            } else {
                16
            },
            sort: if args.has('n') {
                Sort::Name
            } else if args.has('v') {
                Sort::Value
            } else {
                Sort::Table
            },
            columns: columns.collect::<Result<_, _>>()?,
            types: types.transpose()?,
            object: args.operand(0).map(str::to_owned),
        })
    }

    fn wants(&self, entry: &SymbolEntry<'_>) -> bool {
        /// `STB_LOCAL`
        const LOCAL: u8 = 0;
        let kind = if entry.kind == INDIRECT_FUNCTION { 2 } else { entry.kind };
        entry.is_undefined() == self.undefined
            && (!self.global || entry.binding != LOCAL)
            && self.types.as_ref().is_none_or(|types| types.contains(&kind))
    }

    fn rows(&self, context: &Context) -> Result<Vec<Row>, DcmdError> {
        if self.private {
            return Ok(private_rows(context));
        }
        let target = context.target()?;
        let modules = target.core().modules();
        let mut rows = Vec::new();
        let mut any = false;
        for (index, module) in modules.iter().enumerate() {
            if self.object.as_deref().is_some_and(|object| !module.is_called(object)) {
                continue;
            }
            any = true;
            // A stripped object has the dynamic table alone.
            let mut table = self.table;
            if target.symbols().entries(index, table).next().is_none() {
                table = TableKind::Dynamic;
            }
            for entry in target.symbols().entries(index, table).filter(|entry| self.wants(entry)) {
                if rows.len() % 4096 == 0 {
                    context.check_interrupt()?;
                }
                rows.push(Row {
                    number: entry.number,
                    value: entry.value,
                    size: entry.size,
                    kind: entry.kind,
                    binding: entry.binding,
                    other: entry.other,
                    section: entry.section,
                    shown: context.symbol_name(&entry.name),
                    name: entry.name.into_owned(),
                    object: module.name().to_owned(),
                });
            }
        }
        match (&self.object, any) {
            (Some(object), false) => {
                Err(DcmdError::failed(format!("{}: unknown object file name", escape(object))))
            }
            _ => Ok(rows),
        }
    }

    /// The symbol that an address belongs to.
    fn at(&self, context: &Context, address: u64) -> Result<Row, DcmdError> {
        let target = context.target()?;
        let distance = context.settings.symbol_distance.get();
        let missing = || DcmdError::failed(format!("no symbol at {address:x}"));
        let found = target.symbols().nearest(Address(address), distance).ok_or_else(missing)?;
        let module = found.module.ok_or_else(missing)?;
        let symbol = found.symbol;
        let entry = [TableKind::Static, TableKind::Dynamic].into_iter().find_map(|table| {
            target.symbols().entries(module, table).find(|entry| {
                entry.value == symbol.address.0
                    && entry.size == symbol.size
                    && entry
                        .name
                        .strip_prefix(symbol.name.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('@'))
            })
        });
        let entry = entry.ok_or_else(missing)?;
        Ok(Row {
            number: entry.number,
            value: entry.value,
            size: entry.size,
            kind: entry.kind,
            binding: entry.binding,
            other: entry.other,
            section: entry.section,
            shown: context.symbol_name(&entry.name),
            name: entry.name.into_owned(),
            object: target.core().modules()[module].name().to_owned(),
        })
    }

    fn print(&self, context: &Context, rows: &[Row], out: &mut Out<'_>) -> Result<(), DcmdError> {
        if self.heading {
            let last = self.columns.len().saturating_sub(1);
            let mut text = out.text();
            for (index, (heading, width, _)) in self.columns.iter().enumerate() {
                let width = if index == last { 0 } else { *width };
                let bar = if index == 0 { "" } else { "|" };
                write!(text, "{bar}{heading:<width$}")?;
            }
            writeln!(text)?;
        }
        for row in rows {
            context.check_interrupt()?;
            if self.json {
                out.json(&json!({
                    "number": row.number,
                    "value": hex(row.value),
                    "size": row.size,
                    "type": self.cell(row, Column::Type),
                    "binding": self.cell(row, Column::Binding),
                    "other": row.other,
                    "section": self.cell(row, Column::Section),
                    "name": row.shown,
                    "object": row.object,
                }))?;
                continue;
            }
            if self.commands {
                if row.size == 0 {
                    writeln!(out.text(), "{:#x}::nmadd -f {}", row.value, escape(&row.name))?;
                } else {
                    writeln!(
                        out.text(),
                        "{:#x}::nmadd -f -s {:#x} {}",
                        row.value,
                        row.size,
                        escape(&row.name)
                    )?;
                }
                continue;
            }
            let last = self.columns.len().saturating_sub(1);
            let mut line = String::new();
            for (index, (_, width, column)) in self.columns.iter().enumerate() {
                let width = if index == last { 0 } else { *width };
                let bar = if index == 0 { "" } else { "|" };
                let _ = write!(line, "{bar}{:<width$}", self.cell(row, *column));
            }
            writeln!(out.text(), "{line}")?;
        }
        Ok(())
    }

    fn cell(&self, row: &Row, column: Column) -> String {
        let number = |value: u64| match self.radix {
            10 => format!("{value:020}"),
            8 => format!("{value:#024o}"),
            _ => format!("{value:#018x}"),
        };
        match column {
            Column::Number => row.number.to_string(),
            Column::Value => number(row.value),
            Column::Size => number(row.size),
            Column::Type => {
                let known = TYPES.iter().find(|(kind, ..)| *kind == row.kind);
                match (known, row.kind) {
                    (Some((.., name)), _) => (*name).to_owned(),
                    (None, INDIRECT_FUNCTION) => "IFNC".to_owned(),
                    (None, kind) => kind.to_string(),
                }
            }
            Column::Binding => match row.binding {
                0 => "LOCL".to_owned(),
                1 => "GLOB".to_owned(),
                2 => "WEAK".to_owned(),
                10 => "UNIQ".to_owned(),
                binding => binding.to_string(),
            },
            Column::Other => format!("{:#x}", row.other),
            Column::Section => match row.section {
                0 => "UNDEF".to_owned(),
                0xfff1 => "ABS".to_owned(),
                0xfff2 => "COMMON".to_owned(),
                section => section.to_string(),
            },
            Column::Name => escape(&row.shown).into_owned(),
            Column::CType => String::new(),
            Column::Object => escape(&row.object).into_owned(),
        }
    }
}

fn private_rows(context: &Context) -> Vec<Row> {
    let symbols = context.private_symbols.borrow();
    let rows = symbols.iter().zip(1..).map(|((name, symbol), number)| Row {
        number,
        value: symbol.value,
        size: symbol.size,
        kind: if symbol.function { 2 } else { 1 },
        binding: 1,
        other: 0,
        section: 0xfff1,
        name: name.to_owned(),
        shown: name.to_owned(),
        object: "private".to_owned(),
    });
    rows.collect()
}
