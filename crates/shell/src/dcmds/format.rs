//! `=`: print the value of an expression in a format.
//!
//! The value stands in front, the format behind: characters that each print the value once more, with a decimal repeat count
//! if wanted, and quoted text. Without a value dot is printed; with a count, the whole format is repeated.
//!
//! ```text
//! > 10=D
//!                 16
//! > 0t100=XD
//!                 64              100
//! ```
//!
//! # Format characters
//!
//! ```text
//! X  hexadecimal, 4 bytes        J  hexadecimal, 8 bytes
//! x  hexadecimal, 2 bytes        B  hexadecimal, 1 byte
//! D  signed decimal, 4 bytes     E  unsigned decimal, 8 bytes
//! d  signed decimal, 2 bytes     e  signed decimal, 8 bytes
//! U  unsigned decimal, 4 bytes   u  unsigned decimal, 2 bytes
//! O  octal, 4 bytes              o  octal, 2 bytes
//! K  hexadecimal, 8 bytes        n  new line
//! ```

use std::io::Write;

use crate::context::Context;
use crate::dcmd::{AddressUse, Args, Dcmd, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{escape, escape_char};
use crate::pipeline::Out;

/// Blanks in front of the first field of a line.
const INDENT: usize = 16;

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "=",
    aliases: &[],
    summary: "print the value of an expression in a format",
    address: AddressUse::Optional,
    takes: Takes::Anything,
    yields: Yields::Text,
    options: &[],
    operands: Operands::any("format"),
    needs: &[],
    manual: include_str!("format.rs"),
    start: |_, args| {
        let fields = fields(args)?;
        let width = |context: &Context| usize::try_from(context.settings.page_width()).unwrap_or(usize::MAX);
        let mut line = Line::default();
        Ok(for_each(move |context, item, out| {
            let value = item.map_or(context.dot(), |item| item.word);
            context.set_increment(0);
            for field in &fields {
                for _ in 0..field.repeat {
                    context.check_interrupt()?;
                    line.print(&field.what, value, width(context), out)?;
                }
            }
            Ok(())
        }))
    },
};

struct Field {
    repeat: u64,
    what: What,
}

enum What {
    Text(String),
    NewLine,
    Value(Style),
}

#[derive(Clone, Copy)]
enum Radix {
    Signed,
    Unsigned,
    Octal,
    Hexadecimal,
}

#[derive(Clone, Copy)]
struct Style {
    radix: Radix,
    /// Bytes of the value that are shown.
    size: usize,
    /// Columns of the field.
    width: usize,
}

/// How a format character shows a value.
fn style(character: char) -> Option<Style> {
    use Radix::{Hexadecimal, Octal, Signed, Unsigned};
    let (radix, size, width) = match character {
        'b' => (Octal, 1, 8),
        'B' => (Hexadecimal, 1, 8),
        'd' => (Signed, 2, 8),
        'D' => (Signed, 4, 16),
        'e' => (Signed, 8, 16),
        'E' => (Unsigned, 8, 16),
        'J' | 'K' | 'Z' => (Hexadecimal, 8, 16),
        'o' => (Octal, 2, 8),
        'O' => (Octal, 4, 16),
        'u' => (Unsigned, 2, 8),
        'U' => (Unsigned, 4, 16),
        'v' => (Signed, 1, 8),
        'V' => (Unsigned, 1, 8),
        'x' => (Hexadecimal, 2, 8),
        'X' => (Hexadecimal, 4, 16),
        _ => return None,
    };
    Some(Style { radix, size, width })
}

fn fields(args: &Args) -> Result<Vec<Field>, DcmdError> {
    if args.operands().is_empty() {
        return Err(DcmdError::abort("expected one or more format characters following '='"));
    }
    args.operands().iter().map(|word| field(word.text().unwrap_or(""))).collect()
}

/// A word of the format: `"text`, or a character with its count.
fn field(word: &str) -> Result<Field, DcmdError> {
    if let Some(text) = word.strip_prefix('"') {
        return Ok(Field { repeat: 1, what: What::Text(text.to_owned()) });
    }
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let repeat = if digits == 0 { Ok(1) } else { word[..digits].parse() };
    let repeat = repeat.map_err(|_| DcmdError::abort("repeat count does not fit in 64 bits"))?;
    let character = word[digits..].chars().next().unwrap_or(' ');
    let what = match (character, style(character)) {
        ('n' | 'N', _) => What::NewLine,
        (_, Some(style)) => What::Value(style),
        (character, None) => {
            let shown = escape_char(character);
            return Err(DcmdError::abort(format!("invalid format character -- '{shown}'")));
        }
    };
    Ok(Field { repeat, what })
}

/// How far the present line is printed.
#[derive(Default)]
struct Line {
    /// Where the last text ends.
    end: usize,
    /// Where the next field starts.
    next: usize,
}

impl Line {
    fn print(&mut self, what: &What, value: u64, page: usize, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let (text, width) = match what {
            What::NewLine => {
                *self = Line::default();
                return Ok(writeln!(out.text())?);
            }
            What::Text(text) => (escape(text).into_owned(), 0),
            What::Value(style) => (shown(*style, value), style.width),
        };
        let length = text.chars().count();
        if self.next > INDENT && self.next.saturating_add(length) > page {
            *self = Line::default();
            writeln!(out.text())?;
        }
        let start = self.next.max(INDENT);
        write!(out.text(), "{:1$}{text}", "", start - self.end)?;
        self.end = start + length;
        self.next = start + length.max(width);
        Ok(())
    }
}

/// The value in its field, without padding.
fn shown(style: Style, value: u64) -> String {
    let unused = 64 - 8 * u32::try_from(style.size).unwrap_or(8);
    let unsigned = value << unused >> unused;
    match style.radix {
        Radix::Signed => (value << unused).cast_signed().wrapping_shr(unused).to_string(),
        Radix::Unsigned => unsigned.to_string(),
        Radix::Octal if unsigned == 0 => "0".to_owned(),
        Radix::Octal => format!("0{unsigned:o}"),
        Radix::Hexadecimal => format!("{unsigned:x}"),
    }
}
