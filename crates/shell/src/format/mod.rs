//! Formats: what stands behind `/`, `\`, `?`, `@` and `=`.
//!
//! [`letters`] is the table of characters, [`value`] turns bytes into text, [`layout`] puts the text into columns. Here a
//! format is read from its words and run, item by item.

pub mod layout;
pub mod letters;
pub mod value;

use core_reader::{Address, Memory};

use crate::context::Context;
use crate::dcmd::{Args, Word};
use crate::disassembly;
use crate::error::DcmdError;
use crate::lang::{Environment, Space};
use crate::output::{escape, escape_char};
use crate::stage::Out;

use layout::{Line, page_width};
use letters::{Action, Letter};

/// A string longer than this is cut.
const LONGEST_STRING: usize = 1 << 20;

/// Where the bytes of a format come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From dot on, in memory or in the files that were mapped.
    Target(Space),
    /// Dot itself is the value.
    Dot,
}

#[derive(Debug)]
enum Item {
    Text(String),
    Letter { letter: &'static Letter, repeat: u64 },
}

/// A format that can be run.
#[derive(Debug)]
pub struct Format {
    items: Vec<Item>,
}

/// A search: `l`, `L` or `M` with its value and mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// Bytes of a word.
    pub size: usize,
    /// What is searched for.
    pub value: u64,
    /// The bits that count.
    pub mask: u64,
}

/// How a pass over a format ended.
#[derive(Debug)]
pub struct Pass {
    /// Where dot would be behind the last item.
    pub end: u64,
    /// What could not be read.
    pub failure: Option<String>,
}

/// What comes behind the address in front of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heading {
    /// Blanks up to the next column.
    Column,
    /// A line of its own: `ai`.
    Line,
    /// The first instruction, at once: `ia`.
    Close,
}

/// The words of a format as the interpreter hands them to a dcmd.
pub mod words {
    /// Quoted text.
    pub const TEXT: char = '"';
    /// Behind a letter that has operands of its own.
    pub const OPERANDS: char = ':';
}

impl Format {
    /// The format that these arguments say.
    ///
    /// # Errors
    /// A character that means nothing.
    pub fn parse(args: &Args) -> Result<Format, DcmdError> {
        let items = args.operands().iter().map(|word| item(word.text().unwrap_or("")));
        Ok(Format { items: items.collect::<Result<_, _>>()? })
    }

    /// What `/` prints where nothing else is wanted: `X^"= "i`, the word there and the instruction.
    pub fn default_of_memory() -> Format {
        let letter = |character| letters::find(character).map(|letter| Item::Letter { letter, repeat: 1 });
        let text = Some(Item::Text("= ".to_owned()));
        Format { items: [letter('X'), letter('^'), text, letter('i')].into_iter().flatten().collect() }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// What comes behind the address in front of all: as in adb, that depends on whether instructions are to be listed.
    pub fn heading(&self) -> Heading {
        let action = |index: usize| match self.items.get(index) {
            Some(Item::Letter { letter, .. }) => Some(letter.action),
            _ => None,
        };
        match (action(0), action(1)) {
            (Some(Action::Dot), Some(Action::Instruction(_))) => Heading::Line,
            (Some(Action::Instruction(_)), Some(Action::Dot)) => Heading::Close,
            _ => Heading::Column,
        }
    }

    /// Runs the format once from dot on; what it prints goes behind what `line` has already.
    ///
    /// # Errors
    /// Those of the output, an interrupt, or a character that cannot be used here. What cannot be read is told by
    /// [`Pass::failure`].
    pub fn pass(
        &self,
        context: &Context,
        source: Source,
        line: &mut Line,
        out: &mut Out<'_>,
    ) -> Result<Pass, DcmdError> {
        let mut run = Run {
            context,
            source,
            page: page_width(context, out),
            dot: context.dot(),
            printed: context.increment(),
        };
        for item in &self.items {
            match item {
                Item::Text(text) => line.text(&escape(text), run.page, out)?,
                Item::Letter { letter, repeat } => {
                    if let Err(failure) = run.letter(letter, *repeat, line, out)? {
                        return Ok(Pass { end: run.dot, failure: Some(failure) });
                    }
                }
            }
        }
        Ok(Pass { end: run.dot, failure: None })
    }
}

/// A word of a format: `"text`, or a character with its count.
fn item(word: &str) -> Result<Item, DcmdError> {
    if let Some(text) = word.strip_prefix(words::TEXT) {
        return Ok(Item::Text(text.to_owned()));
    }
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let repeat = if digits == 0 { Ok(1) } else { word[..digits].parse() };
    let repeat = repeat.map_err(|_| DcmdError::abort("repeat count does not fit in 64 bits"))?;
    let character = word[digits..].chars().next().unwrap_or(' ');
    match letters::find(character) {
        Some(letter) if matches!(letter.action, Action::Search(_)) => Err(DcmdError::Abort(format!(
            "'{character}' searches memory: it stands alone behind '/', with a value"
        ))),
        Some(letter) => Ok(Item::Letter { letter, repeat }),
        None => Err(DcmdError::Abort(format!("invalid format character -- '{}'", escape_char(character)))),
    }
}

/// The search that these arguments say, if they say one.
///
/// # Errors
/// No value, or too many; a value that has none.
pub fn search(context: &Context, args: &Args) -> Result<Option<Search>, DcmdError> {
    let Some((letter, operands)) = with_operands(args) else { return Ok(None) };
    let Some(Action::Search(size)) = letters::find(letter).map(|letter| letter.action) else {
        return Ok(None);
    };
    let value = |word: &Word| match word {
        Word::Number(value) => Ok(*value),
        Word::Text(text) => context.evaluate(text).map_err(DcmdError::abort),
    };
    let mask = if size == 8 { u64::MAX } else { (1 << (8 * size)) - 1 };
    match operands {
        [] => Err(DcmdError::Abort(format!("expected value following {letter}"))),
        [wanted] => Ok(Some(Search { size, value: value(wanted)?, mask })),
        [wanted, bits] => Ok(Some(Search { size, value: value(wanted)?, mask: mask & value(bits)? })),
        _ => Err(DcmdError::Abort(format!("only value and mask may follow {letter}"))),
    }
}

/// The letter and the words behind it, where a letter has some: `M 1234`, `W 5`.
pub fn with_operands(args: &Args) -> Option<(char, &[Word])> {
    let (first, operands) = args.operands().split_first()?;
    let letter = first.text()?.strip_suffix(words::OPERANDS)?;
    Some((letter.chars().next()?, operands))
}

/// A pass at work.
struct Run<'a> {
    context: &'a Context,
    source: Source,
    page: usize,
    dot: u64,
    /// Bytes that the last item took.
    printed: u64,
}

type Readable<T> = Result<T, String>;

impl Run<'_> {
    fn letter(
        &mut self,
        letter: &Letter,
        repeat: u64,
        line: &mut Line,
        out: &mut Out<'_>,
    ) -> Result<Readable<()>, DcmdError> {
        let before = self.dot;
        match letter.action {
            Action::Forward => self.dot = self.dot.wrapping_add(repeat),
            Action::Back => self.dot = self.dot.wrapping_sub(repeat),
            Action::Again => self.dot = self.dot.wrapping_sub(self.printed.wrapping_mul(repeat)),
            Action::Blanks => line.blanks(repeat),
            Action::Tab => line.tab(repeat),
            _ => {
                for round in 0..repeat {
                    self.context.check_interrupt()?;
                    if let Err(reason) = self.once(letter, round, line, out)? {
                        return Ok(Err(reason));
                    }
                }
            }
        }
        self.printed = self.dot.wrapping_sub(before);
        Ok(Ok(()))
    }

    /// Prints one item, and moves dot behind it.
    fn once(
        &mut self,
        letter: &Letter,
        round: u64,
        line: &mut Line,
        out: &mut Out<'_>,
    ) -> Result<Readable<()>, DcmdError> {
        let text = match letter.action {
            Action::NewLine => {
                line.new_line(out)?;
                return Ok(Ok(()));
            }
            Action::Dot => {
                let shown = if out.is_pipe() {
                    format!("{:x}", self.dot)
                } else {
                    self.context.show_address(self.dot)
                };
                line.label(&shown, out)?;
                return Ok(Ok(()));
            }
            Action::Instruction(with_bytes) => return self.instruction(with_bytes, line, out),
            Action::Search(_) => return Err(DcmdError::abort("a search cannot stand inside a format")),
            Action::String(escapes) => match self.string() {
                Ok(bytes) => {
                    if self.source != Source::Dot {
                        self.dot = self.dot.wrapping_add(bytes.len() as u64 + 1);
                    }
                    if round > 0 {
                        line.text("\\0", self.page, out)?;
                    }
                    if escapes { value::escaped(&bytes) } else { value::raw(&bytes) }
                }
                Err(reason) => return Ok(Err(reason)),
            },
            action => {
                let size = letter.size().unwrap_or(8);
                let word = match self.number(size) {
                    Ok(word) => word,
                    Err(reason) => return Ok(Err(reason)),
                };
                if self.source != Source::Dot {
                    self.dot = self.dot.wrapping_add(size as u64);
                }
                // `<0` is the last value printed.
                self.context.variables.borrow_mut().set("0", word);
                self.shown(action, word, out)
            }
        };
        let width = if matches!(letter.action, Action::String(_)) { 1 } else { letter.width };
        line.field(&text, width, self.page, out)?;
        Ok(Ok(()))
    }

    fn shown(&self, action: Action, word: u64, out: &Out<'_>) -> String {
        let low = |size: usize| if size == 4 { i64::from(word as u32 as i32) } else { word.cast_signed() };
        match action {
            Action::Number(radix, size) => {
                value::number(radix, word, size, self.context.settings.radix.get())
            }
            Action::Character(true) => value::escaped(&[word as u8]),
            Action::Character(false) => value::raw(&[word as u8]),
            Action::Float(size) => value::float(word, size),
            Action::Time(size) => value::time(low(size), &self.context.settings.time_zone.borrow()),
            // A name may belong to several symbols; an address is itself.
            Action::Pointer if out.is_pipe() => format!("{word:x}"),
            Action::Pointer => self.context.show_address(word),
            _ => String::new(),
        }
    }

    /// The instruction at dot, and a new line.
    fn instruction(
        &mut self,
        with_bytes: bool,
        line: &mut Line,
        out: &mut Out<'_>,
    ) -> Result<Readable<()>, DcmdError> {
        if self.source == Source::Dot {
            return Err(DcmdError::abort("a value is no place to read an instruction from: use '/' or '?'"));
        }
        let found = match disassembly::instruction(self.context, self.dot) {
            Ok(found) => found,
            Err(DcmdError::Failed(reason)) => return Ok(Err(reason)),
            Err(error) => return Err(error),
        };
        let text = if with_bytes {
            match self.number(4.min(found.length)) {
                Ok(bytes) => format!("{:x} {bytes:x}: {}", self.dot, found.text),
                Err(reason) => return Ok(Err(reason)),
            }
        } else {
            found.text
        };
        self.dot = self.dot.wrapping_add(found.length as u64);
        line.text(&escape(&text), self.page, out)?;
        line.new_line(out)?;
        Ok(Ok(()))
    }

    /// The little-endian number at dot, or dot itself.
    fn number(&self, size: usize) -> Readable<u64> {
        match self.source {
            Source::Dot => Ok(self.dot),
            Source::Target(space) => {
                self.context.read(space, self.dot, size).map_err(|reason| unreadable(&reason))
            }
        }
    }

    /// The bytes at dot in front of a NUL; of dot itself, its own.
    fn string(&self) -> Readable<Vec<u8>> {
        match self.source {
            Source::Dot => {
                let bytes = self.dot.to_le_bytes();
                let length = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
                Ok(bytes[..length].to_vec())
            }
            Source::Target(_) => self.context.string_at(self.dot).map_err(|reason| unreadable(&reason)),
        }
    }
}

fn unreadable(reason: &str) -> String {
    format!("failed to read data from target: {reason}")
}

impl Context {
    /// The bytes at `address` in front of the next NUL, of which there are not too many.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn string_at(&self, address: u64) -> Result<Vec<u8>, String> {
        let memory = self.memory().map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        loop {
            let at = address.checked_add(bytes.len() as u64).ok_or("no mapping for address")?;
            let piece = memory.bytes_from(Address(at)).map_err(|error| crate::error::unreadable(&error))?;
            let room = LONGEST_STRING - bytes.len();
            let piece = &piece[..piece.len().min(room)];
            if let Some(length) = piece.iter().position(|&byte| byte == 0) {
                bytes.extend_from_slice(&piece[..length]);
                return Ok(bytes);
            }
            bytes.extend_from_slice(piece);
            if bytes.len() >= LONGEST_STRING {
                return Ok(bytes);
            }
        }
    }

    /// Searches upward from `start` in steps of the word's size. Gives the address of the word that matches, or else the first
    /// address that cannot be read.
    ///
    /// # Errors
    /// The user stopped it, or there is no target.
    pub fn search(&self, start: u64, search: Search) -> Result<Result<u64, u64>, DcmdError> {
        let memory = self.memory()?;
        let step = search.size as u64;
        let mut at = start;
        loop {
            self.check_interrupt()?;
            let Ok(piece) = memory.bytes_from(Address(at)) else { return Ok(Err(at)) };
            // So much at a time that a key is answered at once.
            let piece = &piece[..piece.len().min(1 << 20)];
            for word in piece.chunks_exact(search.size) {
                let value = word.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
                if value & search.mask == search.value {
                    return Ok(Ok(at));
                }
                at = match at.checked_add(step) {
                    Some(next) => next,
                    None => return Ok(Err(at)),
                };
            }
            if piece.len() < search.size {
                // A word across the end of a piece.
                match self.read(Space::Memory, at, search.size) {
                    Ok(value) if value & search.mask == search.value => return Ok(Ok(at)),
                    Ok(_) => match at.checked_add(step) {
                        Some(next) => at = next,
                        None => return Ok(Err(at)),
                    },
                    Err(_) => return Ok(Err(at)),
                }
            }
        }
    }
}
