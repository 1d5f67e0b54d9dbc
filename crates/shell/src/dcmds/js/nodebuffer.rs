//! `::nodebuffer`: say where the bytes of a Buffer are.
//!
//! The address of the first byte, in hexadecimal, of a Buffer, any other typed array, a DataView, an ArrayBuffer or a
//! SharedArrayBuffer. Views begin where they look. `-l` adds the length in bytes.
//!
//! `-x` prints the bytes in hexadecimal, `-t` as text: UTF-8, with what is none as `\xNN`, and what could steer a terminal escaped.
//!
//! In a pipe it hands on the addresses. A detached buffer has no bytes: its address is 0. `-f` is accepted for compatibility;
//! what has bytes needs no forcing.

use std::io::Write;

use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::array_buffer::BufferView;
use v8_heap::objects::value::Value;
use v8_heap::{Heap, Tagged};

use crate::context::Context;
use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::output::escape;
use crate::stage::Out;
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "12fd195d47b9::nodebuffer -l",
        r#"
12fd195d4830 16
"#,
    ),
    Example::on(
        "leak-24",
        "12fd195d47b9::nodebuffer -x",
        r#"
    12fd195d4830: 0c0c 0c0c 0c0c 0c0c 0c0c 0c0c 0c0c 0c0c  ................
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "nodebuffer",
    aliases: &[],
    summary: "say where the bytes of a Buffer are, or print them",
    family: Family::JavaScript,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Depends(|args| {
        if ['l', 'x', 't'].iter().any(|option| args.has(*option)) {
            Yields::Text
        } else {
            Yields::Items(Kind::Address)
        }
    }),
    options: &[
        Opt::flag('f', "accept any object with bytes (always done)"),
        Opt::flag('l', "add the length"),
        Opt::flag('x', "print the bytes in hexadecimal"),
        Opt::flag('t', "print the bytes as text"),
    ],
    operands: Operands::NONE,
    needs: &[Capability::V8Heap],
    manual: include_str!("nodebuffer.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let (length, dump, as_text) = (args.has('l'), args.has('x'), args.has('t'));
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            let view = bytes_of(heap, Tagged(item.word))?;
            if !length && !dump && !as_text {
                out.emit(Item::address(view.address))?;
                return Ok(());
            }
            if length {
                writeln!(out.text(), "{:x} {}", view.address, view.byte_length)?;
            }
            let bytes = match view.byte_length {
                0 => &[],
                length => heap.raw_bytes(view.address, usize::try_from(length).unwrap_or(usize::MAX))?,
            };
            if dump {
                hexadecimal(context, view.address, bytes, out)?;
            }
            if as_text { text(context, bytes, out) } else { Ok(()) }
        }))
    },
};

fn bytes_of(heap: &Heap<'_>, value: Tagged) -> Result<BufferView, DcmdError> {
    match heap.value(value) {
        Ok(Value::Object(object))
            if matches!(
                object.kind(),
                HeapKind::JsArrayBuffer | HeapKind::JsTypedArray | HeapKind::JsDataView
            ) =>
        {
            Ok(heap.view(object)?)
        }
        _ => Err(DcmdError::failed(format!("{value} does not appear to be a buffer"))),
    }
}

/// Bytes on a line.
const PER_LINE: usize = 16;

fn hexadecimal(context: &Context, address: u64, bytes: &[u8], out: &mut Out<'_>) -> Result<(), DcmdError> {
    for (index, line) in bytes.chunks(PER_LINE).enumerate() {
        context.check_interrupt()?;
        let mut digits = String::new();
        let mut shown = String::new();
        for (at, byte) in line.iter().enumerate() {
            if at > 0 && at % 2 == 0 {
                digits.push(' ');
            }
            digits += &format!("{byte:02x}");
            shown.push(if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' });
        }
        let at = address.wrapping_add((index * PER_LINE) as u64);
        writeln!(out.text(), "{at:>16x}: {digits:<39}  {shown}")?;
    }
    Ok(())
}

fn text(context: &Context, bytes: &[u8], out: &mut Out<'_>) -> Result<(), DcmdError> {
    let mut ends_in_newline = bytes.is_empty();
    for chunk in bytes.utf8_chunks() {
        context.check_interrupt()?;
        let mut text = out.text();
        for line in chunk.valid().split_inclusive('\n') {
            ends_in_newline = line.ends_with('\n');
            write!(text, "{}", escape(line.trim_end_matches('\n')))?;
            if ends_in_newline {
                writeln!(text)?;
            }
        }
        for byte in chunk.invalid() {
            ends_in_newline = false;
            write!(text, "\\x{byte:02x}")?;
        }
    }
    if !ends_in_newline {
        writeln!(out.text())?;
    }
    Ok(())
}
