//! Expressions over JavaScript values, for `::where`, `::group` and their kin: `statusCode == 400 && !finished`.
//!
//! The expressions are JavaScript's, on the values of a core or a heap snapshot: nothing of the program runs, so there are no calls, and a
//! property with a getter is undefined. [`parse`](mod@parse) reads the text, [`evaluate`](mod@evaluate) gives it a value for one object
//! after the other, [`path`] finds properties and remembers for each shape of objects where they are, [`regexp`] turns regular expressions
//! into those of the `regex` crate, [`value`] has JavaScript's comparisons. Where the values are, [`values`] asks: [`of_heap`] has those of a
//! core.

mod evaluate;
mod of_heap;
mod parse;
mod path;
mod regexp;
mod value;
mod values;

use regex::Regex;

use path::Path;

pub use of_heap::OfHeap;
pub use path::{Step, StepKind};
pub use value::{JsValue, Key};
pub use values::Values;

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
    pub fn value(&self, values: &dyn Values, this: u64) -> v8_heap::Result<JsValue> {
        evaluate::value(&self.root, values, this)
    }

    /// Whether it is true of `this`.
    ///
    /// # Errors
    /// As [`JsExpr::value`].
    pub fn holds(&self, values: &dyn Values, this: u64) -> v8_heap::Result<bool> {
        let value = self.value(values, this)?;
        value.is_true(values)
    }

    /// What to tell a user who asked for a property that no value had: probably it is misspelt.
    pub fn complaint(&self, values: &dyn Values) -> Option<String> {
        let mut complaint = None;
        self.root.for_each_path(&mut |path| {
            if complaint.is_none() {
                complaint = path.complaint(values);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::v8_heap::{Dump, HeapBuilder, Release, Space};

    use v8_heap::{Heap, Tagged, Unattended};

    use super::*;

    /// `{ id: 7, name: 'größe', big: 1.5, next: { id: 8, name: 'b' }, gone: undefined, list: [1, 'x'] }`, and its address.
    fn object(release: Release) -> (Dump, Tagged) {
        let mut builder = HeapBuilder::new(release);
        let young = builder.page(Space::New);
        let smi = HeapBuilder::smi;
        let inner = builder.class("Inner", &["id", "name"]);
        let outer = builder.class("Outer", &["id", "name", "big", "next", "gone", "list"]);
        let units: Vec<u16> = "gr\u{f6}\u{df}e".encode_utf16().collect();
        let (b, name) = (builder.string(young, "b"), builder.two_byte_string(young, &units));
        let x = builder.string(young, "x");
        let big = builder.heap_number(young, 1.5);
        let next = builder.instance(young, &inner, &[smi(8), b]);
        let map = builder.array_map();
        let list = builder.array(young, map, &[smi(1), x]);
        let undefined = builder.roots().undefined;
        let object = builder.instance(young, &outer, &[smi(7), name, big, next, undefined, list]);
        (builder.build(), Tagged(object))
    }

    /// What Node.js answers for the same object, `undefined` where the property is not its own.
    const ANSWERS: &[(&str, &str)] = &[
        ("id == 7 && id === 7 && id != 8 && id !== '7' && id == '7'", "true"),
        ("big * 2 + id % 4 - 1", "5"),
        ("id / 2", "3.5"),
        ("-id + +'0x10' - true", "8"),
        ("name == 'gr\\u00f6\\xdfe' && name.length == 5", "true"),
        ("name < 'h' && name > 'gr' && 'B' < 'a'", "true"),
        ("next.id + ':' + next.name", "8:b"),
        ("next.name =~ /^B$/i && next.name !~ /^B$/", "true"),
        ("list[0] + list.length", "3"),
        ("list[1] == 'x' && list[2] == undefined && list['1'] === 'x'", "true"),
        ("nosuch == null && nosuch === undefined && !(nosuch < 1) && !(nosuch >= 1)", "true"),
        ("nosuch.deep.down === undefined", "true"),
        ("gone == undefined && has(gone) && !has(nosuch) && has('next') && !has(next.nosuch)", "true"),
        (
            "typeof id + typeof name + typeof next + typeof gone + typeof null",
            "numberstringobjectundefinedobject",
        ),
        ("constructor + '/' + next.constructor + '/' + name.constructor", "Outer/Inner/String"),
        ("id in [1, 7, 9] && !(id in []) && !(id in ['7'])", "true"),
        ("next == next && next != this && this === this", "true"),
        ("id || name", "7"),
        ("gone || next.id", "8"),
        ("id && 0", "0"),
        ("0 == '' && null == undefined && null != 0 && null >= 0 && NaN != NaN", "true"),
        ("10n == 10 && 10n > 9.5 && 10n < '11' && 10n === 10n && -10n < 0", "true"),
        ("1e3 === 1000 && 0b101 == 5 && 0o17 == 15 && .5 == 0.5", "true"),
        ("Infinity > 1e308 && -Infinity < 0 && 1 / 0 == Infinity", "true"),
        ("!'' && !0 && !null && !NaN && !!'0' && !!next", "true"),
        ("1 < 2 == true", "true"),
        ("2 - 1 - 1 == 0 && 12 / 3 / 2 == 2 && 1 + 2 * 3 == 7", "true"),
    ];

    #[test]
    fn expressions_have_the_values_of_javascript() {
        for release in Release::ALL {
            let (dump, this) = object(release);
            let heap = Heap::open(&dump, &dump, &[]).unwrap();
            let values = OfHeap::new(&heap, Box::new(Unattended));
            for (text, expected) in ANSWERS {
                let expression = JsExpr::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
                let value = expression.value(&values, this.0).unwrap();
                let shown = value.to_text(&values).unwrap().unwrap_or_else(|| "an object".into());
                assert_eq!(&*shown, *expected, "{release:?}: {text}");
            }
        }
    }

    #[test]
    fn a_name_that_nobody_has_is_complained_about_once_it_was_asked_for() {
        let (dump, this) = object(Release::Node24);
        let heap = Heap::open(&dump, &dump, &[]).unwrap();
        let values = OfHeap::new(&heap, Box::new(Unattended));
        let complaint = |text: &str| {
            let expression = JsExpr::parse(text).unwrap();
            let before = expression.complaint(&values);
            expression.value(&values, this.0).unwrap();
            (before, expression.complaint(&values))
        };
        assert_eq!(
            complaint("next.naem == 1"),
            (None, Some("no value has a property 'naem' (did you mean 'name'?)".to_owned()))
        );
        assert_eq!(complaint("zzzzzz == 1"), (None, Some("no value has a property 'zzzzzz'".to_owned())));
        assert_eq!(complaint("id == 1 && zzzzzz == 1"), (None, None), "never asked");
        assert_eq!(complaint("has(zzzzzz)"), (None, None));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever the heap holds: a value or an error.
        #[test]
        fn damaged_heaps_give_values_or_errors(
            release in prop::sample::select(Release::ALL.to_vec()),
            changes in prop::collection::vec((any::<usize>(), any::<u64>(), 0..64_u32), 1..10),
        ) {
            use core_reader::{Contents, Memory};
            let (mut dump, this) = object(release);
            let mut addresses = Vec::new();
            for range in dump.ranges().iter().filter(|range| range.contents == Contents::Dumped) {
                let words = dump.bytes_from(range.start).unwrap().chunks_exact(8).enumerate();
                let some = words.filter(|(_, word)| *word != [0; 8]);
                addresses.extend(some.map(|(index, _)| range.start.0 + 8 * index as u64).take(4_000));
            }
            for (place, value, bit) in changes {
                let address = addresses[place % addresses.len()];
                let word = if value & 1 == 0 { value } else { dump.word(address) ^ 1 << bit };
                dump.set_word(address, word);
            }
            let Ok(heap) = Heap::open(&dump, &dump, &[]) else { return Ok(()) };
            let values = OfHeap::new(&heap, Box::new(Unattended));
            for (text, _) in ANSWERS {
                let expression = JsExpr::parse(text).unwrap();
                for this in [this, Tagged(this.0 + 16), Tagged(0), Tagged(7)] {
                    if let Ok(value) = expression.value(&values, this.0) {
                        let _ = (value.is_true(&values), value.key(&values), value.number(&values));
                    }
                }
                let _ = expression.complaint(&values);
            }
        }
    }
}
