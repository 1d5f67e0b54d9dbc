//! Expressions over JavaScript values, for `::where`, `::group` and their kin: `statusCode == 400 && !finished`.
//!
//! The expressions are JavaScript's, on the values of a core: nothing of the program runs, so there are no calls, and a property
//! with a getter is undefined. [`parse`](mod@parse) reads the text, [`evaluate`](mod@evaluate) gives it a value for one object
//! after the other, [`path`] finds properties and remembers for each map where they are, [`regexp`] turns regular expressions
//! into those of the `regex` crate, [`value`] has JavaScript's comparisons.

mod evaluate;
mod parse;
mod path;
mod regexp;
mod value;

use regex::Regex;
use v8_heap::{Heap, Tagged};

use path::Path;

pub use value::{JsValue, Key};

/// An expression that was read.
#[derive(Debug)]
pub struct JsExpr {
    root: Node,
    text: String,
}

#[derive(Debug)]
enum Node {
    Constant(JsValue),
    /// A property, or the value itself.
    Path(Path),
    /// `constructor`: its name.
    Constructor(Path),
    /// `has(path)`
    Has(Path),
    TypeOf(Box<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    ToNumber(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    Arithmetic(Arithmetic, Box<Node>, Box<Node>),
    In(Box<Node>, Vec<Node>),
    Matches(Box<Node>, Regex),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    StrictlyEqual,
    StrictlyNotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl JsExpr {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong and where.
    pub fn parse(text: &str) -> Result<JsExpr, String> {
        let root = parse::parse(text)?;
        Ok(JsExpr { root, text: text.to_owned() })
    }

    /// The text it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its value for `this`.
    ///
    /// # Errors
    /// Something that it asks for cannot be read.
    pub fn value(&self, heap: &Heap<'_>, this: Tagged) -> v8_heap::Result<JsValue> {
        evaluate::value(&self.root, heap, this)
    }

    /// Whether it is true of `this`.
    ///
    /// # Errors
    /// As [`JsExpr::value`].
    pub fn holds(&self, heap: &Heap<'_>, this: Tagged) -> v8_heap::Result<bool> {
        let value = self.value(heap, this)?;
        value.is_true(heap)
    }

    /// What to tell a user who asked for a property that no value had: probably it is misspelt.
    pub fn complaint(&self, heap: &Heap<'_>) -> Option<String> {
        let mut complaint = None;
        self.root.for_each_path(&mut |path| {
            if complaint.is_none() {
                complaint = path.complaint(heap);
            }
        });
        complaint
    }
}

impl Node {
    /// Calls `visit` with every path whose absence would be strange: those behind `has` are asked about on purpose.
    fn for_each_path<'n>(&'n self, visit: &mut dyn FnMut(&'n Path)) {
        match self {
            Node::Constant(_) | Node::Has(_) => {}
            Node::Path(path) | Node::Constructor(path) => visit(path),
            Node::TypeOf(node)
            | Node::Not(node)
            | Node::Negate(node)
            | Node::ToNumber(node)
            | Node::Matches(node, _) => node.for_each_path(visit),
            Node::And(left, right)
            | Node::Or(left, right)
            | Node::Compare(_, left, right)
            | Node::Arithmetic(_, left, right) => {
                left.for_each_path(visit);
                right.for_each_path(visit);
            }
            Node::In(node, list) => {
                node.for_each_path(visit);
                list.iter().for_each(|node| node.for_each_path(visit));
            }
        }
    }
}
