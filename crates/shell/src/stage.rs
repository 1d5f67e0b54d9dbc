//! A dcmd at work in a pipeline, and where its results go.
//!
//! Stages push small batches of items to one another; a stage that has enough says so, and everything before it stops. Text
//! appears only at the end, or is read back as expressions where a stage is piped as text.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use serde_json::Value;

use crate::context::Context;
use crate::error::DcmdError;
use crate::output::{Text, TextSink, json};
use crate::print::format_number;
use crate::value::{Item, Kind};

/// Items pushed at a time. The first go alone, then two, then four: who wants only a few, as `::head` does, gets them before much is
/// done for those behind.
pub const BATCH: usize = 1024;

/// Values read back from text that are kept until all of it has been read: if a line of it is no value, none is used.
const MOST_HELD: usize = 1 << 16;

/// More text than this is not read back in one piece.
pub const MOST_TEXT: usize = 1 << 28;

/// Whether a stage wants more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Nothing that comes now matters.
    Enough,
}

/// A dcmd at work in one pipeline.
pub trait Stage {
    /// Works without an address and without input: `::dcmd` at the start of a line. Never called on a dcmd whose address is
    /// required.
    ///
    /// # Errors
    /// As [`Stage::push`].
    fn run(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError>;

    /// Works on items from the pipe, or on the one address in front.
    ///
    /// # Errors
    /// [`DcmdError::Failed`] gives up the batch, and the pipe goes on; all others end the pipeline. A failure of one item is
    /// better told to [`Out::fault`].
    fn push(&mut self, context: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError>;

    /// Takes the count in front of the dcmd (`addr,count::dcmd`) for itself, and is then run once. By default it does not, and
    /// is run so many times.
    fn takes_count(&mut self, _count: u64) -> bool {
        false
    }

    /// All input has been seen, or enough of it.
    ///
    /// # Errors
    /// As [`Stage::push`].
    fn finish(&mut self, _context: &Context, _out: &mut Out<'_>) -> Result<(), DcmdError> {
        Ok(())
    }
}

/// Where a stage's results go: to the next stage, or to the text at the end.
pub struct Out<'a> {
    context: &'a Context,
    text: Text,
    pending: Vec<Item>,
    /// Items pushed at a time now, and at most.
    batch: usize,
    most: usize,
    next: Option<Box<Next<'a>>>,
    enough: bool,
    /// Text of the stage that is to be read back.
    captured: Option<Captured>,
    /// A count in front makes the stage run again where it ended.
    counted: bool,
    /// Something has been handed on.
    emitted: bool,
    /// It has been said that numbers are left out.
    told_of_numbers: bool,
}

/// Text on its way back.
#[derive(Clone, Default)]
struct Captured(Rc<RefCell<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = self.0.borrow_mut();
        if text.len() + bytes.len() > MOST_TEXT {
            return Err(io::Error::other("too much text to read values from"));
        }
        text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The stage behind another one.
struct Next<'a> {
    call: &'a dyn Called,
    stage: Box<dyn Stage>,
    out: Out<'a>,
}

/// How a stage was called; so it can be said what is wrong with that.
pub trait Called {
    /// Prints what is wrong with the call, and how it is made right.
    fn report_usage(&self, context: &Context, reason: &str);

    /// Whether its text is read back where something follows.
    fn is_read_back(&self) -> bool;

    /// Whether it takes items of a kind that only turns up while others flow.
    fn takes(&self, kind: Kind) -> bool;

    /// Its name with the sign in front.
    fn shown(&self) -> String;
}

impl std::fmt::Debug for Out<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Out")
            .field("piped", &self.is_pipe())
            .field("enough", &self.enough)
            .finish_non_exhaustive()
    }
}

impl<'a> Out<'a> {
    /// What the first stage of a chain prints and emits. `behind` are the stages that follow it, each with how it was called.
    pub fn of_chain(
        context: &'a Context,
        first: &dyn Called,
        behind: Vec<(&'a dyn Called, Box<dyn Stage>)>,
        text: &Text,
    ) -> Out<'a> {
        let mut next = None;
        for (call, stage) in behind.into_iter().rev() {
            let out = Out::of(context, call, next.take(), text);
            next = Some(Box::new(Next { call, stage, out }));
        }
        Out::of(context, first, next, text)
    }

    /// The output of the stage behind this one.
    pub fn behind(&self) -> Option<&Out<'a>> {
        self.next.as_ref().map(|next| &next.out)
    }

    /// What a stage prints and emits: its items go to `next`, or its text to `text`.
    fn of(context: &'a Context, call: &dyn Called, next: Option<Box<Next<'a>>>, text: &Text) -> Out<'a> {
        let reads_back = next.is_some() && call.is_read_back();
        let captured = reads_back.then(Captured::default);
        let text = match &captured {
            Some(captured) => Text::new(TextSink::new(Box::new(captured.clone()), false)),
            None => text.clone(),
        };
        let (batch, most) = if reads_back { (MOST_HELD, MOST_HELD) } else { (1, BATCH) };
        Out {
            context,
            text,
            pending: Vec::new(),
            batch,
            most,
            next,
            enough: false,
            captured,
            counted: false,
            emitted: false,
            told_of_numbers: false,
        }
    }
}

impl Out<'_> {
    /// Whether items flow on to another stage. If not, the stage may print what it likes.
    #[inline]
    pub fn is_pipe(&self) -> bool {
        self.next.is_some()
    }

    /// Whether the next stage has all it wants.
    #[inline]
    pub fn has_enough(&self) -> bool {
        self.enough
    }

    /// Hands on one item; at the end of the pipe it is printed in bare hexadecimal.
    ///
    /// # Errors
    /// What the following stages end with, or that output has nowhere to go.
    #[inline]
    pub fn emit(&mut self, item: Item) -> Result<Flow, DcmdError> {
        self.emitted = true;
        if self.next.is_none() {
            self.context.check_interrupt()?;
            match item.kind {
                Kind::Double => writeln!(self.text.borrow(), "{}", format_number(f64::from_bits(item.word)))?,
                _ if self.context.snapshot().is_some() => {
                    writeln!(self.text.borrow(), "{}", self.context.word_text(item.word))?;
                }
                _ => self.text.borrow().hex_line(item.word)?,
            }
            return Ok(Flow::Continue);
        }
        if item.kind == Kind::Double && !self.takes_numbers() {
            return Ok(self.flow());
        }
        self.pending.push(item);
        if self.pending.len() >= self.batch { self.pass_on() } else { Ok(self.flow()) }
    }

    /// Hands on many items, as [`Out::emit`] one by one.
    ///
    /// # Errors
    /// As [`Out::emit`].
    pub fn emit_all(&mut self, items: impl IntoIterator<Item = Item>) -> Result<Flow, DcmdError> {
        for item in items {
            if self.emit(item)? == Flow::Enough {
                return Ok(Flow::Enough);
            }
        }
        Ok(Flow::Continue)
    }

    /// The text at the end of the pipe. Hold it for one statement only.
    #[inline]
    pub fn text(&self) -> std::cell::RefMut<'_, TextSink> {
        self.text.borrow()
    }

    /// Prints one line of JSON.
    ///
    /// # Errors
    /// As the text's.
    pub fn json(&self, line: &Value) -> Result<(), DcmdError> {
        Ok(writeln!(self.text(), "{}", json(line))?)
    }

    /// A handle on the same text, for commands that run commands.
    pub fn shared_text(&self) -> Text {
        self.text.clone()
    }

    /// Reports that one item failed, and why. The pipe goes on; the exit status remembers.
    pub fn fault(&mut self, reason: &dyn std::fmt::Display) {
        self.context.error(reason);
    }

    /// Whether something has been handed on, or the stage behind has all it wants.
    pub fn has_emitted(&self) -> bool {
        self.emitted || self.enough
    }

    /// Says that a count in front makes the stage run again where it ended.
    pub fn set_counted(&mut self, counted: bool) {
        self.counted = counted;
    }

    /// Whether a count in front makes the stage run more than once, with dot moved on by the increment each time.
    pub fn is_counted(&self) -> bool {
        self.counted
    }

    /// Holds the first items back: what comes behind them may show that none is to be used.
    pub fn hold_back(&mut self) {
        self.batch = self.most;
    }

    /// Makes every item flow through all stages before the next one is taken.
    pub fn one_by_one(&mut self) {
        (self.batch, self.most) = (1, 1);
        if let Some(next) = &mut self.next {
            next.out.one_by_one();
        }
    }

    /// Whether the next stage takes numbers that are no tagged values; says so if not, once.
    fn takes_numbers(&mut self) -> bool {
        let Some(next) = &self.next else { return true };
        if next.call.takes(Kind::Double) {
            return true;
        }
        if !std::mem::replace(&mut self.told_of_numbers, true) {
            self.context.warn(&format_args!(
                "numbers that V8 keeps unboxed are left out: {} takes values; ::jsprint and ::json take numbers, too",
                next.call.shown()
            ));
        }
        false
    }

    fn flow(&self) -> Flow {
        if self.enough { Flow::Enough } else { Flow::Continue }
    }

    /// Pushes what is pending through the next stage.
    fn pass_on(&mut self) -> Result<Flow, DcmdError> {
        let Some(next) = &mut self.next else { return Ok(Flow::Continue) };
        if !self.enough && !self.pending.is_empty() {
            self.context.check_interrupt()?;
            let pushed = next.stage.push(self.context, &self.pending, &mut next.out);
            next.out.read_back()?;
            if settle(self.context, next.call, pushed)? == Some(Flow::Enough) {
                self.enough = true;
            }
        }
        self.pending.clear();
        self.batch = self.batch.saturating_mul(2).min(self.most);
        Ok(self.flow())
    }

    /// Ends the pipe behind this output.
    ///
    /// # Errors
    /// What the stages there end with.
    pub fn close(&mut self) -> Result<(), DcmdError> {
        self.read_back()?;
        self.pass_on()?;
        if let Some(next) = &mut self.next {
            let finished = next.stage.finish(self.context, &mut next.out);
            settle(self.context, next.call, finished)?;
            next.out.close()?;
        }
        Ok(())
    }

    /// Emits the values of the text that the stage has printed since the last time.
    ///
    /// # Errors
    /// A line is no expression.
    pub fn read_back(&mut self) -> Result<(), DcmdError> {
        let Some(captured) = self.captured.clone() else { return Ok(()) };
        self.text.borrow().to_column_zero()?;
        self.text.flush()?;
        let bytes = std::mem::take(&mut *captured.0.borrow_mut());
        for_each_value(self.context, &bytes, |value| Ok(self.emit(Item::number(value))? == Flow::Continue))?;
        Ok(())
    }
}

/// Reads each line of `text`, and each part of one between `;`, as an expression. Stops once `take` says so.
///
/// # Errors
/// A line is no expression, or has no value: the pipeline is aborted.
pub fn for_each_value(
    context: &Context,
    text: &[u8],
    mut take: impl FnMut(u64) -> Result<bool, DcmdError>,
) -> Result<(), DcmdError> {
    for line in text.split(|&byte| byte == b'\n' || byte == b';') {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        context.check_interrupt()?;
        let value = context.evaluate(String::from_utf8_lossy(line).trim()).map_err(DcmdError::abort)?;
        if !take(value)? {
            break;
        }
    }
    Ok(())
}

/// Reports what concerns one stage only; gives on what ends the pipeline.
///
/// # Errors
/// What ends the pipeline.
pub fn settle<T>(
    context: &Context,
    call: &dyn Called,
    result: Result<T, DcmdError>,
) -> Result<Option<T>, DcmdError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(DcmdError::Failed(reason)) => {
            context.error(&reason);
            Ok(None)
        }
        Err(DcmdError::Usage(reason)) => {
            call.report_usage(context, &reason);
            Err(DcmdError::Reported)
        }
        Err(error) => Err(error),
    }
}
