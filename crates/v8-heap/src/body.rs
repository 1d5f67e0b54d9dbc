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

use crate::heap::Heap;
use crate::layout::{FieldKind, ObjectBytes, TailLayout};
use crate::map::Map;
use crate::objects::value::HeapObject;
use crate::{Error, Result, Tagged};

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

    fn of_field(kind: FieldKind) -> Word {
        match kind {
            FieldKind::Tagged => Word::Tagged,
            FieldKind::Smi => Word::Smi,
            FieldKind::Weak => Word::Weak,
            FieldKind::Held => Word::Held,
            FieldKind::Embedder => Word::Embedder,
            FieldKind::Pointer | FieldKind::Code => Word::Pointer,
            FieldKind::Unsigned(_) | FieldKind::Signed(_) | FieldKind::Double => Word::Raw,
        }
    }
}

/// What the words of all objects of a map are.
#[derive(Debug)]
pub struct Body {
    /// The words that all of them have.
    words: Box<[Word]>,
    tail: Tail,
}

/// What follows the words that all have.
#[derive(Debug)]
enum Tail {
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
    /// The body of the instances of a map; nothing but raw words behind the map word if the class is not known.
    fn of(heap: &Heap<'_>, map: &Map) -> Body {
        let classes = heap.classes();
        let Some(class) = heap.layout().type_info(map.instance_type).and_then(|info| info.class) else {
            return Body {
                words: vec![Word::Tagged].into(),
                tail: Tail::Repeated(vec![Word::Unknown].into()),
            };
        };
        // How much of the fields an instance has: some are optional.
        let fixed = match (map.size, map.instance_size_words) {
            (Some(size), words) if words > 0 && size.mask == 0 => u64::from(size.base),
            _ => u64::MAX,
        };
        // A proxy has no properties inside, and says that they start at 0.
        let header = match map.inobject_start_words {
            start if start > 0 && map.kind.is_js_object() => fixed.min(8 * u64::from(start)),
            _ => fixed,
        };
        let mut words = Vec::new();
        for (_, field) in classes.all_fields(class) {
            if field.offset < header {
                set(&mut words, field.offset, Word::of_field(field.kind));
            }
        }
        let class = classes.class(class);
        if map.kind.is_js_object() && fixed != u64::MAX {
            words.truncate((header / 8) as usize);
            words.resize((header / 8) as usize, Word::Embedder);
            words.resize((fixed / 8) as usize, Word::Tagged);
            return Body { words: words.into(), tail: Tail::Repeated(Box::default()) };
        }
        let (start, tail) = match &class.tail {
            Some(tail) => (tail.offset, Tail::of(&tail.layout)),
            None => (class.size, Tail::Repeated(Box::default())),
        };
        words.resize((start.min(fixed).div_ceil(8)) as usize, Word::Raw);
        Body { words: words.into(), tail }
    }

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

    /// What the word at `index` is in an object of `size` words; `count` is what [`Body::count`] says of the object.
    fn word(&self, index: u64, size: u64, count: u64) -> Word {
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

    /// How many tagged words the tail of an object has, where it has others too.
    fn count(&self, heap: &Heap<'_>, object: HeapObject<'_>) -> Result<u64> {
        let (words, fields) = (heap.words(), &heap.layout().fields);
        match self.tail {
            Tail::Preparse => words
                .word32(object.address + fields.preparse_children, "children of PreparseData")
                .map(u64::from),
            Tail::Swiss => words
                .word32(object.address + fields.swiss_capacity, "capacity of a SwissNameDictionary")
                .map(|capacity| 2 * u64::from(capacity)),
            Tail::Small => {
                // Two elements a bucket; a set has one word each, a map two, a name dictionary three.
                let (at, each) = match heap.class_name(object.value()) {
                    "SmallOrderedHashSet" => (fields.small_set_buckets, 1),
                    "SmallOrderedHashMap" => (fields.small_map_buckets, 2),
                    _ => (fields.small_dictionary_buckets, 3),
                };
                let [buckets] = words.bytes::<1>(object.address + at, "buckets of a small table")?;
                Ok(2 * u64::from(buckets) * each)
            }
            _ => Ok(0),
        }
    }
}

impl Tail {
    fn of(layout: &TailLayout) -> Tail {
        match layout {
            TailLayout::Entries(parts) => {
                let mut words = Vec::new();
                let size = layout.entry_size();
                if size.is_multiple_of(8) {
                    for part in parts {
                        set(&mut words, part.offset, Word::of_field(part.kind));
                    }
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

/// Says what the word with the byte at `offset` is; several small fields may share it.
fn set(words: &mut Vec<Word>, offset: u64, word: Word) {
    let index = (offset / 8) as usize;
    if index >= words.len() {
        words.resize(index + 1, Word::Raw);
    }
    words[index] = word;
}

/// The words of one object, as far as the core holds them.
#[derive(Debug)]
pub struct ObjectWords<'h> {
    body: &'h Body,
    bytes: &'h [u8],
    /// Words of the whole object.
    size: u64,
    count: u64,
}

impl ObjectWords<'_> {
    /// What each word is, and its value, from the map on.
    pub fn iter(&self) -> impl Iterator<Item = (Word, Tagged)> + '_ {
        self.bytes.chunks_exact(8).enumerate().map(|(index, bytes)| {
            let value = u64::from_le_bytes(bytes.try_into().expect("chunks of eight"));
            (self.body.word(index as u64, self.size, self.count), Tagged(value))
        })
    }

    /// Bytes of the whole object, whether the core holds them or not.
    pub fn size(&self) -> u64 {
        8 * self.size
    }

    /// What the word with the byte at `offset` is.
    pub fn at(&self, offset: u64) -> Word {
        self.body.word(offset / 8, self.size, self.count)
    }
}

impl Heap<'_> {
    /// What the words of the instances of a map are.
    pub fn body<'m>(&self, map: &'m Map) -> &'m Body {
        map.body.get_or_init(|| Body::of(self, map))
    }

    /// The words of an object; less than all of them if the core lacks the rest.
    ///
    /// # Errors
    /// If its size is not known or its first word cannot be read.
    pub fn object_words<'h>(&'h self, object: HeapObject<'h>) -> Result<ObjectWords<'h>> {
        let size = self.object_size(object)?;
        let body = self.body(object.map);
        let count = body.count(self, object)?;
        let bytes = self.words().present(object.address, size);
        Ok(ObjectWords { body, bytes, size: size / 8, count })
    }

    /// Bytes that an object takes.
    ///
    /// # Errors
    /// If its type has no rule for that, or what tells the size cannot be read.
    pub fn object_size(&self, object: HeapObject<'_>) -> Result<u64> {
        let words = self.words();
        let Some(formula) = object.map.size else {
            return Err(Error::Implausible {
                what: "size",
                object: object.value(),
                found: format!("no rule for a {}", self.class_name(object.value())),
            });
        };
        let address = object.address;
        match formula.special {
            None if formula.mask == 0 => Ok(u64::from(formula.base)),
            None => {
                words.word32(address + u64::from(formula.offset), "size").map(|count| formula.apply(count))
            }
            Some(special) => {
                let mut bytes = CoreObject { heap: self, address };
                self.layout().special_size(special, &mut bytes)?.ok_or_else(|| Error::Implausible {
                    what: "size",
                    object: object.value(),
                    found: "counts that do not fit".to_owned(),
                })
            }
        }
    }
}

/// An object as the core holds it.
struct CoreObject<'o, 't> {
    heap: &'o Heap<'t>,
    address: u64,
}

impl ObjectBytes for CoreObject<'_, '_> {
    type Error = Error;

    fn word32(&mut self, offset: u64, what: &'static str) -> Result<u32> {
        self.heap.words().word32(self.address + offset, what)
    }

    fn word(&mut self, offset: u64, what: &'static str) -> Result<u64> {
        self.heap.words().word(self.address + offset, what)
    }

    fn room(&self) -> (u64, u64) {
        let page = self.heap.spaces().page_of(self.address);
        (self.address, page.map_or(0, |page| page.area_end.saturating_sub(self.address)))
    }

    fn is_map_of_gap(&mut self, word: u64) -> bool {
        let id = self.heap.maps.intern(&self.heap.words(), self.heap.layout(), word);
        id.is_some_and(|id| self.heap.maps.get(id).kind.is_gap())
    }
}
