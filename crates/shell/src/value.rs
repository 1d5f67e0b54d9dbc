//! What flows through a pipe: small values of a few kinds.

use std::fmt;

use v8_heap::questions::Lives;

/// What the word of an [`Item`] means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A number: typed by the user, read from a file, or computed. Stands for whatever the next stage takes.
    Number,
    /// An address in the dumped process.
    Address,
    /// A tagged JavaScript value: a small integer, or the address of a heap object plus one.
    Value,
    /// A tagged JavaScript value that stands for the objects of its kind: all, the living, or the garbage.
    Group(Lives),
    /// The id of a thread.
    Thread,
    /// A number of JavaScript that is no tagged value: the bits of a double. Walks of values meet them.
    Double,
}

impl Kind {
    /// Its name for users, in the plural.
    pub fn plural(self) -> &'static str {
        match self {
            Kind::Number => "numbers",
            Kind::Address => "addresses",
            Kind::Value => "JavaScript values",
            Kind::Group(_) => "kinds of JavaScript objects",
            Kind::Thread => "threads",
            Kind::Double => "unboxed numbers",
        }
    }

    /// Whether an item of this kind may flow into a stage that takes `taken`. A number stands for anything; anything may
    /// serve as a number; a JavaScript value is an
    /// address too, and so is one that stands for others.
    pub fn fits(self, taken: Kind) -> bool {
        self == taken
            || self == Kind::Number
            || taken == Kind::Number
            || (self == Kind::Value && taken == Kind::Address)
            || (matches!(self, Kind::Group(_)) && matches!(taken, Kind::Value | Kind::Address))
    }
}

/// One value in a pipe: 16 bytes, copied freely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// What the word means.
    pub kind: Kind,
    /// The value.
    pub word: u64,
}

impl Item {
    /// A number.
    pub fn number(word: u64) -> Item {
        Item { kind: Kind::Number, word }
    }

    /// An address.
    pub fn address(word: u64) -> Item {
        Item { kind: Kind::Address, word }
    }

    /// A tagged JavaScript value.
    pub fn value(word: u64) -> Item {
        Item { kind: Kind::Value, word }
    }

    /// A tagged JavaScript value that stands for the objects of its kind.
    pub fn group(word: u64, lives: Lives) -> Item {
        Item { kind: Kind::Group(lives), word }
    }

    /// A number of JavaScript that is no tagged value.
    pub fn double(number: f64) -> Item {
        Item { kind: Kind::Double, word: number.to_bits() }
    }

    /// The id of a thread.
    pub fn thread(id: u32) -> Item {
        Item { kind: Kind::Thread, word: u64::from(id) }
    }
}

impl fmt::Display for Item {
    /// The bare hexadecimal word.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.word, f)
    }
}

const _: () = assert!(size_of::<Item>() == 16);
