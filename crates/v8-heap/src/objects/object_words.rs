//! The words of one object, and what each of them is.

use crate::layout::ObjectBytes;
use crate::shape::body::{Body, Tail, Word, set};
use crate::shape::heap_object::HeapObject;
use crate::shape::map::Map;
use crate::tagged::Encoding;
use crate::view::View;
use crate::{Error, Result, Tagged};

/// The words of one object, as far as the core holds them.
#[derive(Debug)]
pub struct ObjectWords<'h> {
    body: &'h Body,
    bytes: &'h [u8],
    encoding: Encoding,
    /// Words of the whole object.
    size: u64,
    count: u64,
}

impl ObjectWords<'_> {
    /// What each word is, and its value, from the map on.
    pub fn iter(&self) -> impl Iterator<Item = (Word, Tagged)> + '_ {
        let words = self.encoding.each(self.bytes).enumerate();
        words.map(|(index, value)| (self.body.word(index as u64, self.size, self.count), value))
    }

    /// Bytes of the whole object, whether the core holds them or not.
    pub fn size(&self) -> u64 {
        self.encoding.size() * self.size
    }

    /// What the word with the byte at `offset` is.
    pub fn at(&self, offset: u64) -> Word {
        self.body.word(offset / self.encoding.size(), self.size, self.count)
    }
}

impl View<'_> {
    /// What the words of the instances of a map are.
    pub fn body<'m>(&self, map: &'m Map) -> &'m Body {
        map.body.get_or_init(|| body_of(self, map))
    }

    /// The words of an object; less than all of them if the core lacks the rest.
    ///
    /// # Errors
    /// If its size is not known or its first word cannot be read.
    pub fn object_words<'h>(&'h self, object: HeapObject<'h>) -> Result<ObjectWords<'h>> {
        let size = self.object_size(object)?;
        let body = self.body(object.map);
        let count = count(self, body, object)?;
        let bytes = self.words().present(object.address, size);
        let encoding = self.spaces().encoding_at(object.address);
        Ok(ObjectWords { body, bytes, encoding, size: size / encoding.size(), count })
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
                let count = words.word32(address + u64::from(formula.offset), "size")?;
                Ok(formula.apply(count, self.fields().words.tagged))
            }
            Some(special) => {
                let mut bytes = CoreObject { view: self, address };
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
    view: &'o View<'t>,
    address: u64,
}

impl ObjectBytes for CoreObject<'_, '_> {
    type Error = Error;

    fn word32(&mut self, offset: u64, what: &'static str) -> Result<u32> {
        self.view.words().word32(self.address + offset, what)
    }

    fn tagged(&mut self, offset: u64, what: &'static str) -> Result<Tagged> {
        self.view.words().tagged(self.address + offset, what)
    }

    fn room(&self) -> (u64, u64) {
        let page = self.view.spaces().page_of(self.address);
        (self.address, page.map_or(0, |page| page.area_end.saturating_sub(self.address)))
    }

    fn is_map_of_gap(&mut self, word: Tagged) -> bool {
        let id = self.view.maps.intern(&self.view.words(), self.view.layout(), word);
        id.is_some_and(|id| self.view.maps.get(id).kind.is_gap())
    }
}

/// The body of the instances of a map; nothing but raw words behind the map word if the class is not known.
fn body_of(view: &View<'_>, map: &Map) -> Body {
    let classes = view.classes();
    let size = view.fields().words.tagged;
    let Some(class) = view.layout().type_info(map.instance_type).and_then(|info| info.class) else {
        return Body { words: vec![Word::Tagged].into(), tail: Tail::Repeated(vec![Word::Unknown].into()) };
    };
    // How much of the fields an instance has: some are optional.
    let fixed = match (map.size, map.instance_size_words) {
        (Some(size), words) if words > 0 && size.mask == 0 => u64::from(size.base),
        _ => u64::MAX,
    };
    // A proxy has no properties inside, and says that they start at 0.
    let header = match map.inobject_start_words {
        start if start > 0 && map.kind.is_js_object() => fixed.min(size * u64::from(start)),
        _ => fixed,
    };
    let mut words = Vec::new();
    for (_, field) in classes.all_fields(class) {
        if field.offset < header {
            set(&mut words, field.offset / size, Word::of_field(field.kind));
        }
    }
    let class = classes.class(class);
    if map.kind.is_js_object() && fixed != u64::MAX {
        words.truncate((header / size) as usize);
        // A pointer of an embedder is as large as two words where these are compressed: what it points to is in the first.
        let first_embedder = words.len() as u64;
        let per_slot = view.fields().words.pointer / size;
        for index in first_embedder..header / size {
            let is_first = (index - first_embedder).is_multiple_of(per_slot);
            words.push(if is_first { Word::Embedder } else { Word::Raw });
        }
        words.resize((fixed / size) as usize, Word::Tagged);
        return Body { words: words.into(), tail: Tail::Repeated(Box::default()) };
    }
    let (start, tail) = match &class.tail {
        Some(tail) => (tail.offset, Tail::of(&tail.layout, size)),
        None => (class.size, Tail::Repeated(Box::default())),
    };
    words.resize((start.min(fixed).div_ceil(size)) as usize, Word::Raw);
    Body { words: words.into(), tail }
}

/// How many tagged words the tail of an object has, where it has others too.
fn count(view: &View<'_>, body: &Body, object: HeapObject<'_>) -> Result<u64> {
    let (words, fields) = (view.words(), view.fields());
    match body.tail {
        Tail::Preparse => {
            words.word32(object.address + fields.preparse_children, "children of PreparseData").map(u64::from)
        }
        Tail::Swiss => words
            .word32(object.address + fields.swiss_capacity, "capacity of a SwissNameDictionary")
            .map(|capacity| 2 * u64::from(capacity)),
        Tail::Small => {
            // Two elements a bucket; a set has one word each, a map two, a name dictionary three.
            let (at, each) = match view.class_name(object.value()) {
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
