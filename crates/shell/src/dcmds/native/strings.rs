//! `::strings`: find text in memory.
//!
//! Whatever holds it: the C and C++ of Node.js, buffers, and strings of JavaScript. Without options every run of at least eight
//! printable characters, where it begins. With `-p` every place that holds a text, with `-r` every place at which a regular
//! expression matches; these are shown with what is printable around them. `-u` reads memory as UTF-16 instead of as bytes. In
//! a pipe the places flow on.
//!
//! A regular expression matches within a line and no more than 4096 bytes. `-n` is in the default radix, as all numbers.
//!
//! # Limits
//!
//! Without `-p` and `-r` only ASCII counts as printable. A string of JavaScript with a character beyond U+00FF is in memory as
//! UTF-16: `-u` finds it. One that was put together of parts has its parts in several places. Characters from U+0080 to
//! U+00FF take one byte in a string of JavaScript and two in a buffer; `-p` finds both.

use std::io::Write;

use core_reader::{Address, Chunk, Memory};
use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};
use serde_json::json;

use crate::answers::search::search;
use crate::context::Context;
use crate::dcmd::{
    AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each,
};
use crate::error::DcmdError;
use crate::output::{escape, hex};
use crate::stage::Flow;
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    r#"::strings -p "session-12" ! head -3"#,
    r#"
15cb44741ee8  "session-12"
15cb44742368  "session-120"
15cb44742388  "session-123"
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "strings",
    aliases: &[],
    summary: "find text in memory",
    family: Family::Memory,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Items(Kind::Address),
    options: &[
        Opt::flag('u', "read memory as UTF-16"),
        Opt::text('p', "text", "places that hold this text").filter(),
        Opt::text('r', "regex", "places at which this regular expression matches").filter(),
        Opt::number('n', "characters", "fewest characters of a run, 8 if not said otherwise"),
        Opt::number('a', "address", "search from here"),
        Opt::number('A', "address", "search to here"),
        Opt::JSON,
    ],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("strings.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let range = (args.number('a').unwrap_or(0), args.number('A').unwrap_or(u64::MAX));
        let (wide, as_json) = (args.has('u'), args.has('j'));
        let wanted = wanted(args, wide)?;
        Ok(for_each(move |context, _, out| {
            let find = |chunk: Chunk<'_>, found: &mut Vec<Place>| wanted.find(chunk, wide, found);
            let mut behind = 0;
            search(context, range, OVERLAP, &find, &mut |(place, end)| {
                // What began in one chunk and reaches into the next is found there once more, in part.
                if place < behind {
                    return Ok(Flow::Continue);
                }
                behind = end;
                if out.is_pipe() {
                    return out.emit(Item::address(place));
                }
                let text = text_around(context, place, &wanted, wide)?;
                if as_json {
                    out.json(&json!({ "address": hex(place), "text": text }))?;
                } else {
                    writeln!(out.text(), "{place:x}  \"{}\"", escape(&text))?;
                }
                Ok(Flow::Continue)
            })
        }))
    },
};

/// Bytes of a match at most, so that it can be found across two chunks.
const OVERLAP: usize = 4096;
/// Characters shown before and after a match.
const BEFORE: usize = 32;
const AFTER: usize = 160;
/// A compiled regular expression may take so much memory, in bytes.
const REGEX_LIMIT: usize = 4 << 20;

/// Where something begins and ends.
type Place = (u64, u64);

enum Wanted {
    /// Runs of at least so many printable characters.
    Runs(usize),
    /// Any of these texts, as bytes.
    Texts(Vec<Finder<'static>>),
    Regex(Box<Regex>),
}

fn wanted(args: &Args, wide: bool) -> Result<Wanted, DcmdError> {
    match (args.text('p'), args.text('r')) {
        (Some(_), Some(_)) => Err(DcmdError::usage("only one of -p and -r can be used")),
        (Some(text), None) => {
            let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let latin: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
            let mut texts = if wide { vec![units] } else { vec![text.as_bytes().to_vec()] };
            texts.extend(latin.filter(|latin| !wide && latin != text.as_bytes()));
            if text.is_empty() || texts.iter().any(|text| text.len() > OVERLAP) {
                return Err(DcmdError::usage("the text must have 1 to 4096 bytes"));
            }
            Ok(Wanted::Texts(texts.iter().map(|text| Finder::new(text).into_owned()).collect()))
        }
        (None, Some(_)) if wide => Err(DcmdError::usage("-r searches bytes; -u cannot be used with it")),
        (None, Some(text)) => {
            let regex = RegexBuilder::new(text).size_limit(REGEX_LIMIT).dfa_size_limit(REGEX_LIMIT).build();
            let regex =
                regex.map_err(|error| DcmdError::abort(format!("-r: {}", error.to_string().trim())))?;
            if regex.is_match(b"") {
                return Err(DcmdError::usage("the regular expression matches no characters at all"));
            }
            Ok(Wanted::Regex(Box::new(regex)))
        }
        (None, None) => {
            let fewest = args.number('n').unwrap_or(8).max(1);
            match usize::try_from(fewest) {
                Ok(fewest) if fewest <= OVERLAP / 2 => Ok(Wanted::Runs(fewest)),
                _ => Err(DcmdError::usage("a run of more than 2048 characters cannot be asked for")),
            }
        }
    }
}

impl Wanted {
    /// Where in a chunk it begins.
    fn find(&self, chunk: Chunk<'_>, wide: bool, found: &mut Vec<Place>) {
        let start = chunk.start.0;
        match self {
            Wanted::Texts(finders) => {
                for finder in finders {
                    let places = finder.find_iter(chunk.bytes).take_while(|place| *place < chunk.own);
                    let length = finder.needle().len() as u64;
                    found.extend(places.map(|place| (start + place as u64, start + place as u64 + length)));
                }
                found.sort_unstable();
            }
            Wanted::Regex(regex) => {
                let mut from = 0;
                while from < chunk.own
                    && let Some(place) = regex.find_at(chunk.bytes, from)
                {
                    if place.start() >= chunk.own {
                        break;
                    }
                    if place.len() <= OVERLAP {
                        found.push((start + place.start() as u64, start + place.end() as u64));
                    }
                    from = place.end().max(place.start() + 1);
                }
            }
            Wanted::Runs(fewest) if wide => wide_runs(chunk, *fewest, found),
            Wanted::Runs(fewest) => {
                let mut at = 0;
                let mut previous = chunk.before.is_some_and(is_printable);
                while at < chunk.own {
                    if !is_printable(chunk.bytes[at]) {
                        previous = false;
                        at += 1;
                        continue;
                    }
                    let length = chunk.bytes[at..].iter().take_while(|byte| is_printable(**byte)).count();
                    // The rest of a run that began in the chunk before was found there.
                    if length >= *fewest && !previous {
                        found.push((start + at as u64, start + (at + length) as u64));
                    }
                    previous = false;
                    at += length;
                }
            }
        }
    }
}

/// Runs of ASCII characters of two bytes each, at even addresses.
fn wide_runs(chunk: Chunk<'_>, fewest: usize, found: &mut Vec<Place>) {
    let skip = (chunk.start.0 & 1) as usize;
    let units: Vec<&[u8]> = chunk.bytes.get(skip..).unwrap_or_default().chunks_exact(2).collect();
    let place = |unit: usize| chunk.start.0 + (skip + 2 * unit) as u64;
    let mut at = 0;
    while at < units.len() && skip + 2 * at < chunk.own {
        let length = units[at..].iter().take_while(|unit| is_printable(unit[0]) && unit[1] == 0).count();
        if length >= fewest {
            found.push((place(at), place(at + length)));
        }
        at += length.max(1);
    }
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t')
}

/// The text at a place, with what is printable around it.
fn text_around(context: &Context, place: u64, wanted: &Wanted, wide: bool) -> Result<String, DcmdError> {
    let memory = context.memory()?;
    context.check_interrupt()?;
    let unit = if wide { 2 } else { 1 };
    let read = |from: u64, length: usize| -> Vec<u8> {
        let piece = memory.bytes_from(Address(from)).unwrap_or_default();
        piece[..piece.len().min(length)].to_vec()
    };
    let is_text = |bytes: &[u8]| match bytes {
        [byte] => is_printable(*byte) || *byte >= 0x80,
        [low, high] => {
            matches!(u16::from_le_bytes([*low, *high]), 0x20..=0x7e | 0xa0..=0xd7ff | 0xe000..=0xfffd)
        }
        _ => false,
    };
    let before = match wanted {
        Wanted::Runs(_) => Vec::new(),
        _ => {
            let start = memory.range_at(Address(place)).map_or(place, |range| range.start.0);
            let reach = (place - start).min((BEFORE * unit) as u64);
            let bytes = read(place - reach, reach as usize);
            let bytes = if bytes.len() as u64 == reach { bytes } else { Vec::new() };
            let count = bytes.rchunks_exact(unit).take_while(|bytes| is_text(bytes)).count();
            bytes[bytes.len() - count * unit..].to_vec()
        }
    };
    let after = read(place, AFTER * unit);
    let count = after.chunks_exact(unit).take_while(|bytes| is_text(bytes)).count().max(1);
    let text = [before, after[..after.len().min(count * unit)].to_vec()].concat();
    Ok(if wide {
        let units = text.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    } else {
        match String::from_utf8(text) {
            Ok(text) => text,
            // Strings of JavaScript are Latin-1.
            Err(error) => error.into_bytes().iter().map(|byte| char::from(*byte)).collect(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(wanted: &Wanted, memory: &[u8], wide: bool, cut: usize) -> Vec<u64> {
        let mut behind = 0;
        let mut found = Vec::new();
        let cut = cut.min(memory.len());
        for (from, to) in [(0, cut), (cut, memory.len())] {
            let end = memory.len().min(to + OVERLAP);
            let chunk = Chunk {
                start: Address(from as u64),
                bytes: &memory[from..end],
                own: to - from,
                before: from.checked_sub(1).map(|before| memory[before]),
            };
            wanted.find(chunk, wide, &mut found);
        }
        found.retain(|(place, end)| {
            let new = *place >= behind;
            behind = if new { *end } else { behind };
            new
        });
        found.into_iter().map(|(place, _)| place).collect()
    }

    #[test]
    fn a_run_is_found_once_wherever_memory_is_cut() {
        let memory = b"\0\0hello\0abc\0a longer one\x01x";
        let regex = Wanted::Regex(Box::new(Regex::new("l+").unwrap()));
        for cut in 0..memory.len() {
            assert_eq!(places(&Wanted::Runs(5), memory, false, cut), [2, 12], "{cut}");
            let text = Wanted::Texts(vec![Finder::new(b"longer").into_owned()]);
            assert_eq!(places(&text, memory, false, cut), [14], "{cut}");
            assert_eq!(places(&regex, memory, false, cut), [4, 14], "{cut}");
        }
        let wide: Vec<u8> = "\0abcdef\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for cut in 0..wide.len() {
            assert_eq!(places(&Wanted::Runs(5), &wide, true, cut), [2], "{cut}");
        }
    }
}
