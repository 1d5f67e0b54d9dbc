//! Bodies: which words of an object are tagged, and which are not.
//!
//! What V8 keeps as a body descriptor for each type (`src/objects/objects-body-descriptors-inl.h`) follows here from the
//! description of the class ([`crate::layout::Class`]) and from the map, and is kept with the map:
//!
//! ```text
//!   fields of the class | embedder fields | in-object properties       a JavaScript object
//!   fields of the class | tail: the same words again and again         all else
//! ```
//!
//! The tail goes on to the end of the object, as far as its size says.

use crate::layout::{FieldKind, TailLayout};

/// What a word of an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// Tagged: keeps its object alive.
    Tagged,
    /// Tagged: always a small integer.
    Smi,
    /// Tagged: may be weak, or cleared.
    Weak,
    /// Tagged, looks strong, and does not keep its object alive.
    Held,
    /// The key of an ephemeron: does not keep its object alive.
    EphemeronKey,
    /// The value of an ephemeron: keeps its object alive as long as the key lives.
    EphemeronValue,
    /// An embedder's: tagged, or an aligned native pointer, which looks like no tagged pointer.
    Embedder,
    /// A native pointer.
    Pointer,
    /// Numbers, characters, padding.
    Raw,
    /// Not known: what it is depends on something outside the object, such as the instructions around it.
    Unknown,
}

impl Word {
    /// Whether it can hold the address of a heap object, or a small integer, and nothing else.
    pub fn is_tagged(self) -> bool {
        !matches!(self, Word::Embedder | Word::Pointer | Word::Raw | Word::Unknown)
    }

    pub(crate) fn of_field(kind: FieldKind) -> Word {
        match kind {
            FieldKind::Tagged => Word::Tagged,
            FieldKind::Smi => Word::Smi,
            FieldKind::Weak => Word::Weak,
            FieldKind::Held => Word::Held,
            FieldKind::Embedder => Word::Embedder,
            FieldKind::Pointer | FieldKind::Code => Word::Pointer,
            // What it leads to is told apart from the words.
            FieldKind::InCodeCage
            | FieldKind::External
            | FieldKind::ExternalShared
            | FieldKind::Trusted
            | FieldKind::Protected
            | FieldKind::ProtectedWeak
            | FieldKind::Sandboxed
            | FieldKind::Bounded => Word::Raw,
            FieldKind::Unsigned(_) | FieldKind::Signed(_) | FieldKind::Double => Word::Raw,
        }
    }
}

/// What the words of all objects of a map are.
#[derive(Debug)]
pub struct Body {
    /// The words that all of them have.
    pub(crate) words: Box<[Word]>,
    pub(crate) tail: Tail,
}

/// What follows the words that all have.
#[derive(Debug)]
pub(crate) enum Tail {
    /// The same words again and again; none if there are none.
    Repeated(Box<[Word]>),
    Preparse,
    NativeContext,
    Ephemeron,
    Small,
    Swiss,
}

/// Words of an ephemeron table before its entries: elements, deleted elements, capacity (`HashTable`).
pub(crate) const EPHEMERON_COUNTS: u64 = 3;

impl Body {
    /// Whether all instances have the same words, and no tail.
    pub fn is_fixed(&self) -> bool {
        matches!(&self.tail, Tail::Repeated(words) if words.is_empty())
    }

    /// What the words are that all of the map's instances have.
    pub(crate) fn fixed(&self) -> &[Word] {
        &self.words
    }

    /// What the words behind the fixed ones are, again and again; `None` if that is not how they are laid out.
    pub(crate) fn repeated(&self) -> Option<&[Word]> {
        match &self.tail {
            Tail::Repeated(words) => Some(words),
            _ => None,
        }
    }

    /// Whether the words behind the fixed ones are counts, then keys and values of ephemerons.
    pub(crate) fn is_ephemeron_table(&self) -> bool {
        matches!(self.tail, Tail::Ephemeron)
    }

    /// What the word at `index` is in an object of `size` words; `count` is how many tagged words its tail has, where it has others too.
    pub(crate) fn word(&self, index: u64, size: u64, count: u64) -> Word {
        if let Some(word) = self.words.get(index as usize) {
            return *word;
        }
        let behind = index - self.words.len() as u64;
        match &self.tail {
            Tail::Repeated(words) => match words.len() as u64 {
                0 => Word::Raw,
                length => words[(behind % length) as usize],
            },
            Tail::Preparse if index >= size.saturating_sub(count) => Word::Tagged,
            Tail::Small | Tail::Swiss if behind < count => Word::Tagged,
            Tail::Preparse | Tail::Small | Tail::Swiss => Word::Raw,
            Tail::NativeContext if index + 1 == size => Word::Pointer,
            Tail::NativeContext if index + 2 == size => Word::Held,
            Tail::NativeContext => Word::Tagged,
            Tail::Ephemeron if behind < EPHEMERON_COUNTS => Word::Smi,
            Tail::Ephemeron if (behind - EPHEMERON_COUNTS).is_multiple_of(2) => Word::EphemeronKey,
            Tail::Ephemeron => Word::EphemeronValue,
        }
    }
}

impl Tail {
    /// The tail of a class, in words of so many bytes.
    pub fn of(layout: &TailLayout, word: u64) -> Tail {
        match layout {
            TailLayout::Entries(parts) => {
                let mut words = Vec::new();
                let size = layout.entry_size();
                if size.is_multiple_of(word) {
                    for part in parts {
                        set(&mut words, part.offset / word, Word::of_field(part.kind));
                    }
                    words.resize((size / word) as usize, Word::Raw);
                }
                Tail::Repeated(words.into())
            }
            TailLayout::Preparse => Tail::Preparse,
            TailLayout::Machine | TailLayout::Wasm => Tail::Repeated(vec![Word::Unknown].into()),
            TailLayout::Scope => Tail::Repeated(vec![Word::Tagged].into()),
            TailLayout::NativeContext => Tail::NativeContext,
            TailLayout::Ephemeron => Tail::Ephemeron,
            TailLayout::Small => Tail::Small,
            TailLayout::Swiss => Tail::Swiss,
        }
    }
}

/// Says what the word with this number is; several small fields may share it.
pub(crate) fn set(words: &mut Vec<Word>, index: u64, word: Word) {
    let index = index as usize;
    if index >= words.len() {
        words.resize(index + 1, Word::Raw);
    }
    words[index] = word;
}
