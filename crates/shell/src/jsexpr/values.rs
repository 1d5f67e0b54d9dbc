//! Where the values of an expression are: the heap in a core, or a heap snapshot. An expression asks one of these for all that is not its
//! own.

use std::rc::Rc;

use super::path::Step;
use super::value::JsValue;

/// Where values are. Objects, strings and symbols go by the words that stand for them in a pipe.
pub trait Values {
    /// The value that a word stands for.
    ///
    /// # Errors
    /// It cannot be read.
    fn value(&self, word: u64) -> v8_heap::Result<JsValue>;

    /// Where a step of a path leads from a value; nothing if there is nothing.
    ///
    /// # Errors
    /// It cannot be read.
    fn step(&self, step: &Step, from: u64) -> v8_heap::Result<Option<JsValue>>;

    /// The name of the constructor of an object; nothing if it has none.
    ///
    /// # Errors
    /// It cannot be read.
    fn constructor(&self, object: u64) -> v8_heap::Result<Option<Rc<str>>>;

    /// Whether an object is a function.
    fn is_callable(&self, object: u64) -> bool;

    /// The milliseconds of an object that is a Date; NaN of any other, and where they are not known.
    ///
    /// # Errors
    /// They cannot be read.
    fn date(&self, object: u64) -> v8_heap::Result<f64>;

    /// What a string says.
    ///
    /// # Errors
    /// It cannot be read.
    fn text(&self, string: u64) -> v8_heap::Result<Rc<str>>;

    /// Whether a string is empty.
    ///
    /// # Errors
    /// It cannot be read.
    fn is_empty(&self, string: u64) -> v8_heap::Result<bool>;

    /// Whether a string says `wanted`.
    ///
    /// # Errors
    /// It cannot be read.
    fn says(&self, string: u64, wanted: &str) -> v8_heap::Result<bool> {
        Ok(*self.text(string)? == *wanted)
    }

    /// What a symbol is called.
    fn symbol_text(&self, symbol: u64) -> Option<String>;

    /// What an object is called, and where it is. Escaped.
    fn label(&self, object: u64) -> String;

    /// Where an object is, as JSON has it.
    fn json(&self, object: u64) -> String;

    /// Bytes of an object or a string itself.
    fn own_size(&self, object: u64) -> u64;

    /// Bytes that would be freed with an object, in the heap and outside.
    ///
    /// # Errors
    /// It is no object, or the user has stopped it.
    fn retained_size(&self, object: u64) -> v8_heap::Result<u64>;

    /// Names of properties that objects have of which a step was asked in vain.
    fn names_beside(&self, step: &Step) -> Vec<String>;

    /// What properties may be there and are not told, for somebody who asked for one in vain; nothing if all are told.
    fn untold(&self) -> Option<&'static str>;
}
