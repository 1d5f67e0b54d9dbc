//! Whether the class descriptions fit the heap at hand, word by word.
//!
//! Each word that is said to be tagged must be a small integer or the address of an object, and each word that is the
//! address of an object, with a tag, must be said to be tagged. So a field that is missing, or one word off, shows.
//!
//! Two things are no mistakes of a description: garbage may refer to an object whose memory has been freed since (pages are swept one
//! after the other), and eight raw bytes may happen to be an address. The first is told apart where the core holds all roots.

use std::collections::BTreeMap;

use crate::heap::Heap;
use crate::index::ObjectTable;
use crate::index::parallel::in_turns;
use crate::layout::Kind;
use crate::objects::value::HeapObject;
use crate::shape::body::Word;
use crate::{Monitor, Result, Tagged};

/// What the check found.
#[derive(Clone, Debug, Default)]
pub struct ClassCheck {
    /// Objects looked at.
    pub objects: u64,
    /// Their words.
    pub words: u64,
    /// Of these, words described as tagged.
    pub tagged: u64,
    /// Addresses of objects in fields that V8 leaves unwritten.
    pub unwritten: u64,
    /// Words of garbage that refer to objects which are gone.
    pub dangling: u64,
    /// Objects by instance type.
    pub types: BTreeMap<u16, u64>,
    /// Where the heap contradicts a description: the class, the offset of the word, what is wrong; how often, and the first
    /// such object.
    pub contradictions: BTreeMap<(u16, u64, Contradiction), (u64, Tagged)>,
}

/// How the heap can contradict a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contradiction {
    /// The type has no description.
    NoClass,
    /// The size of the object is not known, or reaches over the next object.
    NoSize,
    /// A word said to be tagged is neither a small integer nor the address of an object.
    NotTagged,
    /// A weak pointer where only strong ones are said to be.
    NotStrong,
    /// A word said to be a small integer is none.
    NotSmi,
    /// The address of an object where no tagged word is said to be.
    NotDescribed,
}

/// Offsets in tails count up to this one, in bytes: what is behind it is told as this.
const MOST_OFFSET: u64 = 256;

impl ClassCheck {
    fn add(&mut self, other: ClassCheck) {
        self.objects += other.objects;
        self.words += other.words;
        self.tagged += other.tagged;
        self.unwritten += other.unwritten;
        self.dangling += other.dangling;
        for (number, count) in other.types {
            *self.types.entry(number).or_default() += count;
        }
        for (place, (count, example)) in other.contradictions {
            self.contradictions.entry(place).or_insert((0, example)).0 += count;
        }
    }

    fn note(&mut self, object: HeapObject<'_>, offset: u64, what: Contradiction) {
        let place = (object.map.instance_type, offset.min(MOST_OFFSET), what);
        self.contradictions.entry(place).or_insert((0, object.value())).0 += 1;
    }

    fn look_at(
        &mut self,
        heap: &Heap<'_>,
        table: &ObjectTable,
        object: HeapObject<'_>,
        next: Option<u64>,
        is_garbage: bool,
    ) {
        self.objects += 1;
        *self.types.entry(object.map.instance_type).or_default() += 1;
        if heap.layout().type_info(object.map.instance_type).is_none_or(|info| info.class.is_none()) {
            self.note(object, 0, Contradiction::NoClass);
        }
        let (Ok(words), Ok(size)) = (heap.object_words(object), heap.object_size(object)) else {
            self.note(object, 0, Contradiction::NoSize);
            return;
        };
        if next.is_some_and(|next| object.address + size > next) {
            self.note(object, size, Contradiction::NoSize);
        }
        let is_object = |value: Tagged| {
            value.object().is_some_and(|address| table.id_at(heap.spaces(), address).is_some())
        };
        let model = heap.fields().words;
        for (index, (word, value)) in words.iter().enumerate() {
            self.words += 1;
            let offset = model.tagged * index as u64;
            if word.is_tagged() {
                self.tagged += 1;
                let weak = value.0 & 3 == 3;
                if word == Word::Smi {
                    if value.smi().is_none() {
                        self.note(object, offset, Contradiction::NotSmi);
                    }
                } else if weak && word != Word::Weak {
                    self.note(object, offset, Contradiction::NotStrong);
                } else if value.smi().is_none() && !is_object(value) && !(weak && value.object().is_none()) {
                    if is_garbage {
                        self.dangling += 1;
                    } else {
                        self.note(object, offset, Contradiction::NotTagged);
                    }
                }
            } else if word != Word::Embedder
                && word != Word::Unknown
                && model.has_telling_pointers()
                && is_object(value)
            {
                if is_left_unwritten(heap, object, offset, size) {
                    self.unwritten += 1;
                } else {
                    self.note(object, offset, Contradiction::NotDescribed);
                }
            }
        }
    }
}

/// Raw fields that V8 writes only if the buffer is resizable, and reads only then: what was in the memory before stays
/// there.
const LEFT_UNWRITTEN: [(&str, &str); 3] = [
    ("JSArrayBuffer", "raw_max_byte_length"),
    ("JSTypedArray", "raw_length"),
    // Its four bytes are written, the four behind them are not.
    ("JSArrayBufferView", "bit_field"),
];

/// Whether something of a word is no part of its object: it belongs to one of those fields, or to the last characters of a string, behind which
/// V8 clears the memory only from 11 on.
fn is_left_unwritten(heap: &Heap<'_>, object: HeapObject<'_>, offset: u64, size: u64) -> bool {
    let class = heap.layout().type_info(object.map.instance_type).and_then(|info| info.class);
    class.is_some_and(|class| {
        let tail = heap.classes().class(class).tail.as_ref();
        if object.kind() == Kind::String && tail.is_some() && offset + heap.fields().words.tagged == size {
            return true;
        }
        let fields = heap.classes().all_fields(class);
        fields.iter().any(|(class, field)| {
            field.offset == offset && LEFT_UNWRITTEN.contains(&(class.name, field.name))
        })
    })
}

impl Heap<'_> {
    /// Holds every word of every object against the description of its class.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so; those of [`Heap::graph`].
    pub fn check_classes(&self, monitor: &dyn Monitor) -> Result<ClassCheck> {
        let table = self.objects(monitor)?;
        let reached = match self.roots(monitor)?.are_complete() {
            true => Some(self.reached(monitor)?),
            false => None,
        };
        monitor.begin("checking the class descriptions", table.page_count() as u64);
        let work = |check: &mut ClassCheck, page: usize| {
            let (first, _) = table.page_maps(page);
            let mut objects = (first.0..).zip(table.page_objects(page)).peekable();
            while let Some((id, (address, map_id))) = objects.next() {
                let object = HeapObject { address, map_id, map: self.map(map_id) };
                let is_garbage = reached.is_some_and(|reached| !reached.contains(id));
                check.look_at(self, table, object, objects.peek().map(|(_, (next, _))| *next), is_garbage);
            }
            1
        };
        let mut all = ClassCheck::default();
        for check in in_turns(table.page_count(), monitor, ClassCheck::default, work)? {
            all.add(check);
        }
        Ok(all)
    }
}
