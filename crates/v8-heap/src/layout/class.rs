//! Class descriptions: for every class of heap objects its parent, its fields, and what is at each of them.
//!
//! The facts are in `tables/classes.txt`, which says how to read it; one table serves all versions, as most of it never
//! moved. Offsets are not in it: V8 places the fields of a class behind those of its parent, in the order of their
//! declaration, each aligned to its own size but to no more than a word, and so does [`Classes::of`]. Where a binary publishes the offset of a
//! field (`v8dbg_class_*`), that one counts, and the fields behind it follow.
//!
//! ```text
//!   HeapObject     +0 map
//!     JSReceiver   +8 properties_or_hash
//!       JSObject  +16 elements
//!         JSArray +24 length
//! ```

use std::collections::HashMap;

use super::versions::{Version, split_versions};
use super::word_model::WordModel;

/// What the binary publishes of offsets of fields, by class and field.
#[derive(Clone, Debug, Default)]
pub(super) struct PublishedFields {
    /// Offsets, by class and field.
    pub places: HashMap<(Box<str>, Box<str>), u64>,
    /// What an embedder has changed, by the names that the table has for it.
    pub changes: Vec<&'static str>,
}

/// What embedders and releases change in their V8, and a function that only that V8 has (name as the binary has it).
pub(super) const CHANGES: &[(&str, &str)] = &[
    // Node.js 16 up to the release that took V8's guard against speculation out: what an index into the memory of WebAssembly is masked by.
    ("[mask]", "_ZN2v88internal21RegisterConfiguration9PoisoningEv"),
    // workerd: in whose context a promise was made.
    (
        "[promise-context]",
        "_ZN2v87Isolate30SetPromiseCrossContextCallbackEPFNS_10MaybeLocalINS_7PromiseEEENS_5LocalINS_7ContextEEENS4_IS2_EENS4_INS_6ObjectEEEE",
    ),
];

/// Number of a class in [`Classes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClassId(u16);

/// All classes of one version of V8.
#[derive(Debug, Default)]
pub struct Classes {
    classes: Vec<Class>,
    by_name: HashMap<&'static str, ClassId>,
    published: usize,
    contradictions: Vec<Contradiction>,
}

/// A class of heap objects.
#[derive(Debug)]
pub struct Class {
    /// V8's name for it.
    pub name: &'static str,
    /// The class it extends; none for `HeapObject`.
    pub parent: Option<ClassId>,
    /// Its own fields, in the order of their offsets; those of the parent come before them.
    pub fields: Vec<Field>,
    /// Where its fields end, those of its parents included: offset of the first byte behind them.
    pub size: u64,
    /// What fills the object behind the fields; inherited if the class says nothing of it.
    pub tail: Option<Tail>,
}

/// A field.
#[derive(Debug)]
pub struct Field {
    /// V8's name for it.
    pub name: &'static str,
    /// In bytes from the untagged start of the object.
    pub offset: u64,
    /// In bytes.
    pub size: u64,
    /// What is there.
    pub kind: FieldKind,
    /// What its bits mean, if they mean something.
    pub flags: Option<&'static str>,
}

/// What is at a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// A tagged word that keeps its object alive.
    Tagged,
    /// A tagged word that is always a small integer.
    Smi,
    /// A tagged word that may be a weak pointer, or one whose object is gone.
    Weak,
    /// A tagged word that looks strong but does not keep its object alive (V8: custom weak).
    Held,
    /// What an embedder has put there: a tagged word, or an aligned native pointer.
    Embedder,
    /// A native pointer.
    Pointer,
    /// An address of machine code.
    Code,
    /// Unsigned, of so many bytes.
    Unsigned(u8),
    /// A tagged word that keeps its object alive, counted from the cage of machine code (V8: `ExternalCodeCompressionScheme`).
    InCodeCage,
    /// Signed, of so many bytes.
    Signed(u8),
    /// A double.
    Double,
    /// In a sandbox, the handle of an address outside (V8: `ExternalPointerHandle`).
    External,
    /// The same, in the table that all isolates share.
    ExternalShared,
    /// In a sandbox, the handle of a trusted object that it keeps alive (V8: `IndirectPointerHandle`).
    Trusted,
    /// In a sandbox, a tagged word that keeps its object alive, counted from the cage of trusted objects (V8:
    /// `TrustedSpaceCompressionScheme`).
    Protected,
    /// The same, which may be weak.
    ProtectedWeak,
    /// In a sandbox, an address in it, counted from its start (V8: `SandboxedPointer_t`).
    Sandboxed,
    /// In a sandbox, a length or distance in it (V8: `BoundedSize`).
    Bounded,
}

impl FieldKind {
    /// Bytes.
    pub fn size(self, words: WordModel) -> u64 {
        match self {
            FieldKind::Unsigned(bytes) | FieldKind::Signed(bytes) => u64::from(bytes),
            FieldKind::Double => 8,
            FieldKind::Pointer | FieldKind::Code | FieldKind::Embedder => words.pointer,
            FieldKind::Tagged
            | FieldKind::Smi
            | FieldKind::Weak
            | FieldKind::Held
            | FieldKind::InCodeCage => words.tagged,
            FieldKind::External | FieldKind::ExternalShared | FieldKind::Trusted => 4,
            FieldKind::Protected | FieldKind::ProtectedWeak => words.tagged,
            FieldKind::Sandboxed | FieldKind::Bounded => 8,
        }
    }

    /// Whether it leads to an object by other ways than tagged words do.
    pub(crate) const fn leads_apart(self) -> bool {
        matches!(self, FieldKind::InCodeCage | FieldKind::Trusted | FieldKind::Protected)
    }

    fn parse(word: &str, words: WordModel) -> Option<FieldKind> {
        let or = |sandboxed, otherwise| if words.sandboxed { sandboxed } else { otherwise };
        Some(match word {
            "external" => or(FieldKind::External, FieldKind::Pointer),
            "external-shared" => or(FieldKind::ExternalShared, FieldKind::Pointer),
            "trusted" => or(FieldKind::Trusted, FieldKind::Tagged),
            "protected" => or(FieldKind::Protected, FieldKind::Tagged),
            "protected-weak" => or(FieldKind::ProtectedWeak, FieldKind::Weak),
            "data" => or(FieldKind::Sandboxed, FieldKind::Pointer),
            "size" => or(FieldKind::Bounded, FieldKind::Unsigned(8)),
            "tagged" => FieldKind::Tagged,
            "smi" => FieldKind::Smi,
            "weak" => FieldKind::Weak,
            "held" => FieldKind::Held,
            "embedder" => FieldKind::Embedder,
            "pointer" => FieldKind::Pointer,
            "code" => FieldKind::Code,
            "u8" => FieldKind::Unsigned(1),
            "u16" => FieldKind::Unsigned(2),
            "u32" => FieldKind::Unsigned(4),
            "u64" => FieldKind::Unsigned(8),
            "i8" => FieldKind::Signed(1),
            "i16" => FieldKind::Signed(2),
            "i32" => FieldKind::Signed(4),
            "i64" => FieldKind::Signed(8),
            "f64" => FieldKind::Double,
            _ => return None,
        })
    }
}

/// What fills an object behind its fields.
#[derive(Clone, Debug)]
pub struct Tail {
    /// V8's name for it.
    pub name: &'static str,
    /// In bytes from the untagged start of the object.
    pub offset: u64,
    /// How it is laid out.
    pub layout: TailLayout,
}

/// How the part of an object behind its fields is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TailLayout {
    /// The same again and again: one part, or several in turn.
    Entries(Vec<Part>),
    /// `PreparseData`: bytes, then tagged pointers to the data of inner functions.
    Preparse,
    /// `InstructionStream`: machine code with its metadata. Pointers in instructions are no words.
    Machine,
    /// `ScopeInfo`: tagged words, whose presence the flags announce.
    Scope,
    /// `NativeContext`: tagged slots, the last of them held, then a native pointer.
    NativeContext,
    /// `EphemeronHashTable`: counts, then a key that is held and a value that lives as long as it, in turn.
    Ephemeron,
    /// `SmallOrderedHashTable`: tagged words, then bytes.
    Small,
    /// `SwissNameDictionary`: tagged words, then bytes.
    Swiss,
    /// `WasmStruct`, `WasmArray`: what their WebAssembly type says, which the heap does not hold.
    Wasm,
}

/// A part of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// V8's name for it; empty if an entry has no other part.
    pub name: &'static str,
    /// In bytes from the start of the entry.
    pub offset: u64,
    /// In bytes.
    pub size: u64,
    /// What is there.
    pub kind: FieldKind,
}

impl TailLayout {
    /// Bytes of an entry; 0 if the layout has no entries.
    pub fn entry_size(&self) -> u64 {
        match self {
            TailLayout::Entries(parts) => parts.last().map_or(0, |part| part.offset + part.size),
            _ => 0,
        }
    }

    fn special(word: &str) -> Option<TailLayout> {
        Some(match word {
            "preparse" => TailLayout::Preparse,
            "machine" => TailLayout::Machine,
            "scope" => TailLayout::Scope,
            "native" => TailLayout::NativeContext,
            "ephemeron" => TailLayout::Ephemeron,
            "small" => TailLayout::Small,
            "swiss" => TailLayout::Swiss,
            "wasm" => TailLayout::Wasm,
            _ => return None,
        })
    }
}

/// Some bits of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// V8's name for them.
    pub name: &'static str,
    /// The lowest.
    pub shift: u32,
    /// How many.
    pub width: u32,
}

impl Flag {
    /// Its value in the bits of a field.
    pub fn of(&self, bits: u64) -> u64 {
        bits >> self.shift & ((1 << self.width) - 1)
    }
}

/// The table, as described in its head.
static TABLE: &str = include_str!("tables/classes.txt");

/// The kind of a field that fills a tagged word up, where words are larger than what is before it.
const PADDING: &str = "pad";
/// The kind of a field of four bytes that is there only where tagged words have eight.
const PADDING_OF_WIDE_WORDS: &str = "pad32";
/// The kind of a field that is a native pointer, or, where pointers are compressed, the number of one in a table (V8:
/// `ExternalPointerHandle`, `CppHeapPointerHandle`).
const HANDLE: &str = "handle";
/// The kind of a field that is there only in a sandbox: the handle of the object itself.
const SELF: &str = "self";
/// The kind of a field that is an address of machine code, and is not there in a sandbox, where a table has it.
const ENTRY: &str = "entry";
/// The kind of a field that is a tagged word, counted from the cage of machine code where pointers are compressed.
const STREAM: &str = "stream";

/// Classes have fewer ancestors (`JSAsyncGeneratorObject` has five).
const MOST_ANCESTORS: usize = 16;

/// What a binary publishes of the place of a field, beside what the table makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// V8's name for the class.
    pub class: &'static str,
    /// V8's name for the field, or for the tail.
    pub field: &'static str,
    /// Offset by the table, from the untagged start of the object.
    pub table: u64,
    /// Offset that the binary publishes.
    pub published: u64,
}

/// Where the places of fields come from, as they are being laid out.
struct Placing<'p> {
    declared: Vec<Declaration>,
    names: HashMap<&'static str, usize>,
    aliases: Vec<Alias>,
    published: &'p PublishedFields,
    words: WordModel,
}

impl Classes {
    /// The classes of a version of V8, in words of that size. An offset that the binary publishes counts, and the fields
    /// behind it follow; where it is not that of the table, this is noted.
    pub(super) fn of(version: Version, words: WordModel, published: &PublishedFields) -> Classes {
        let declared = Declaration::all(TABLE, version, words, &published.changes)
            .expect("the table is well-formed: a test reads it");
        let names = declared.iter().enumerate().map(|(index, class)| (class.name, index)).collect();
        let placing = Placing { declared, names, aliases: aliases(), published, words };
        let mut classes = Classes::default();
        for class in &placing.declared {
            classes.place(class, &placing, 0);
        }
        classes
    }

    /// Lays out a class behind its parent.
    fn place(&mut self, declared: &Declaration, placing: &Placing<'_>, depth: usize) -> ClassId {
        if let Some(&placed) = self.by_name.get(declared.name) {
            return placed;
        }
        let parent = declared
            .parent
            .and_then(|parent| placing.declared.get(*placing.names.get(parent)?))
            .filter(|_| depth < MOST_ANCESTORS)
            .map(|parent| self.place(parent, placing, depth + 1));
        let mut end = parent.map_or(0, |parent| self.class(parent).size);
        let mut fields = Vec::with_capacity(declared.fields.len());
        for &(name, kind, flags) in &declared.fields {
            let Some(kind) = kind else {
                end = end.next_multiple_of(placing.words.tagged);
                continue;
            };
            let size = kind.size(placing.words);
            // What is larger than a word need not be aligned to more than that.
            let alignment = size.min(placing.words.tagged);
            let offset = self.checked(declared.name, name, end.next_multiple_of(alignment), placing);
            end = offset + size;
            fields.push(Field { name, offset, size, kind, flags });
        }
        let tail = match &declared.tail {
            Some((name, layout)) => {
                let start = tail_start(end, layout, placing.words);
                let offset = self.checked(declared.name, name, start, placing);
                Some(Tail { name, offset, layout: layout.clone() })
            }
            None => parent.and_then(|parent| self.class(parent).tail.clone()),
        };
        let id = ClassId(self.classes.len() as u16);
        self.classes.push(Class { name: declared.name, parent, fields, size: end, tail });
        self.by_name.insert(declared.name, id);
        id
    }

    /// Where a field is: where the binary says, else where the table has it.
    fn checked(
        &mut self,
        class: &'static str,
        field: &'static str,
        table: u64,
        placing: &Placing<'_>,
    ) -> u64 {
        let names = std::iter::once((class, field)).chain(
            placing.aliases.iter().filter(|alias| alias.means == (class, field)).map(|alias| alias.published),
        );
        let mut told =
            names.filter_map(|(class, field)| placing.published.places.get(&(class.into(), field.into())));
        let Some(&published) = told.next() else { return table };
        self.published += 1;
        if published != table {
            self.contradictions.push(Contradiction { class, field, table, published });
        }
        published
    }

    /// How many places of fields the binary publishes.
    pub fn published(&self) -> usize {
        self.published
    }

    /// Those of them that are not where the table has them.
    pub fn contradictions(&self) -> &[Contradiction] {
        &self.contradictions
    }

    /// The offset of a field of a class or of a parent of it, of its tail, which is named `name[]`, or of what is behind its
    /// fields, `end()`; of a part of an entry of the tail, `name[].part`, counted from the entry; `None` if this version has no such field.
    pub fn offset(&self, class: &str, field: &str) -> Option<u64> {
        let id = self.find(class)?;
        if let Some((tail, part)) = field.split_once("[].") {
            let tail = self.class(id).tail.as_ref().filter(|known| known.name == tail)?;
            let TailLayout::Entries(parts) = &tail.layout else { return None };
            return match part {
                "end()" => Some(tail.layout.entry_size()),
                _ => parts.iter().find(|known| known.name == part).map(|part| part.offset),
            };
        }
        if let Some(tail) = field.strip_suffix("[]") {
            return self.class(id).tail.as_ref().filter(|known| known.name == tail).map(|tail| tail.offset);
        }
        if field == "end()" {
            return Some(self.class(id).size);
        }
        self.lineage(id)
            .find_map(|class| class.fields.iter().find(|known| known.name == field))
            .map(|field| field.offset)
    }

    /// What is at a field of a class or of a parent of it; `None` if this version has no such field.
    pub(super) fn kind(&self, class: &str, field: &str) -> Option<FieldKind> {
        let mut fields = self.lineage(self.find(class)?).flat_map(|class| &class.fields);
        fields.find(|known| known.name == field).map(|field| field.kind)
    }

    /// A class by its number.
    pub fn class(&self, id: ClassId) -> &Class {
        &self.classes[usize::from(id.0)]
    }

    /// A class by V8's name for it.
    pub fn find(&self, name: &str) -> Option<ClassId> {
        self.by_name.get(name).copied()
    }

    /// All classes, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = &Class> {
        self.classes.iter()
    }

    /// A class, its parent, and so on up to `HeapObject`.
    pub fn lineage(&self, id: ClassId) -> impl Iterator<Item = &Class> {
        std::iter::successors(Some(self.class(id)), |class| class.parent.map(|parent| self.class(parent)))
    }

    /// All fields of a class, those of its parents first.
    pub fn all_fields(&self, id: ClassId) -> Vec<(&Class, &Field)> {
        let mut lineage: Vec<&Class> = self.lineage(id).collect();
        lineage.reverse();
        lineage.into_iter().flat_map(|class| class.fields.iter().map(move |field| (class, field))).collect()
    }
}

/// Words begin where words begin; characters and other small parts follow the fields at once.
fn tail_start(end: u64, layout: &TailLayout, words: WordModel) -> u64 {
    match layout {
        TailLayout::Entries(parts) => {
            let largest = parts.iter().map(|part| part.size).max().unwrap_or(words.tagged);
            end.next_multiple_of(largest.min(words.tagged))
        }
        TailLayout::Preparse => end,
        _ => end.next_multiple_of(words.tagged),
    }
}

/// The flags called `name` in a version of V8.
pub(super) fn flags(name: &str, version: Version) -> Vec<Flag> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in TABLE.lines().map_while(|line| (!line.starts_with("class ")).then_some(line)) {
        if line.starts_with("values ") {
            break;
        } else if let Some(head) = line.strip_prefix("flags ") {
            let (head, versions) = split_versions(head);
            inside = head == name && versions.contains(version);
        } else if inside {
            found.extend(line.split(',').filter_map(parse_flag));
        }
    }
    found
}

/// What a value of some bits is called.
pub(super) fn value_name(flags: &str, flag: &str, value: u64, version: Version) -> Option<&'static str> {
    let mut inside = false;
    let mut first = 0;
    for line in TABLE.lines().map_while(|line| (!line.starts_with("class ")).then_some(line)) {
        if let Some(head) = line.strip_prefix("values ") {
            let (head, versions) = split_versions(head);
            inside = head.split_once('.') == Some((flags, flag)) && versions.contains(version);
        } else if inside {
            let names = line.split(',').map(str::trim);
            if let Some(name) = names.clone().nth(usize::try_from(value).ok()?.checked_sub(first)?) {
                return Some(name);
            }
            first += names.count();
        }
    }
    None
}

/// `name 3` or `name 3-7`
fn parse_flag(text: &'static str) -> Option<Flag> {
    let (name, bits) = text.trim().split_once(' ')?;
    let (first, last) = bits.split_once('-').unwrap_or((bits, bits));
    let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
    (first <= last && last < 32).then(|| Flag { name, shift: first, width: last - first + 1 })
}

/// Another name under which binaries publish the place of a field.
#[derive(Clone, Copy, Debug)]
struct Alias {
    /// Class and field in the name of the symbol.
    published: (&'static str, &'static str),
    /// Class and field of the table; of a tail its name.
    means: (&'static str, &'static str),
}

/// `published CLASS.FIELD as CLASS.FIELD`
fn aliases() -> Vec<Alias> {
    TABLE.lines().filter_map(|line| line.strip_prefix("published ")).filter_map(parse_alias).collect()
}

fn parse_alias(text: &'static str) -> Option<Alias> {
    let (published, means) = text.split_once(" as ")?;
    Some(Alias { published: published.split_once('.')?, means: means.split_once('.')? })
}

/// A class as the table declares it for one version.
#[derive(Debug)]
struct Declaration {
    name: &'static str,
    parent: Option<&'static str>,
    /// Name, kind, flags; padding up to a word has no kind.
    fields: Vec<(&'static str, Option<FieldKind>, Option<&'static str>)>,
    tail: Option<(&'static str, TailLayout)>,
}

impl Declaration {
    /// All classes of a table, in order.
    ///
    /// # Errors
    /// The line that cannot be read.
    fn all(
        table: &'static str,
        version: Version,
        words: WordModel,
        changes: &[&str],
    ) -> Result<Vec<Declaration>, String> {
        let mut classes: Vec<Declaration> = Vec::new();
        let (mut in_flags, mut in_values) = (false, false);
        for line in table.lines() {
            let wrong = || format!("cannot be read: {line}");
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(head) = line.strip_prefix("class ") {
                (in_flags, in_values) = (false, false);
                let (name, parents) = head.split_once(" : ").unwrap_or((head, ""));
                let parent = parents
                    .split(", ")
                    .map(split_versions)
                    .find(|(parent, versions)| !parent.is_empty() && versions.contains(version))
                    .or_else(|| {
                        parents.split(", ").map(split_versions).find(|(parent, _)| !parent.is_empty())
                    })
                    .map(|(parent, _)| parent);
                classes.push(Declaration { name, parent, fields: Vec::new(), tail: None });
            } else if let Some(alias) = line.strip_prefix("published ") {
                parse_alias(alias).ok_or_else(wrong)?;
            } else if line.starts_with("flags ") || line.starts_with("values ") {
                in_flags = line.starts_with("flags ");
                in_values = !in_flags;
            } else if in_flags {
                if line.split(',').any(|flag| !flag.trim().is_empty() && parse_flag(flag).is_none()) {
                    return Err(wrong());
                }
            } else if !in_values {
                let class = classes.last_mut().ok_or_else(wrong)?;
                let (line, versions) = split_versions(line.strip_prefix("  ").ok_or_else(wrong)?);
                let (line, change) = match line.rsplit_once(' ') {
                    Some((rest, change)) if change.starts_with('[') => (rest, Some(change)),
                    _ => (line, None),
                };
                if change.is_some_and(|change| CHANGES.iter().all(|(known, _)| *known != change)) {
                    return Err(wrong());
                }
                let (name, kind) = line.split_once(' ').ok_or_else(wrong)?;
                let tail = name.strip_suffix("[]");
                if !versions.contains(version) || change.is_some_and(|change| !changes.contains(&change)) {
                    // Checked by the version that has it.
                } else if let Some(name) = tail {
                    class.tail = Some((name, parse_tail(kind, words).ok_or_else(wrong)?));
                } else {
                    let (kind, flags) = kind.split_once(' ').map_or((kind, None), |(k, f)| (k, Some(f)));
                    let kind = match kind {
                        PADDING => None,
                        PADDING_OF_WIDE_WORDS if words.tagged < 8 => continue,
                        PADDING_OF_WIDE_WORDS => Some(FieldKind::Unsigned(4)),
                        HANDLE if words.tagged < 8 => Some(FieldKind::Unsigned(4)),
                        HANDLE => Some(FieldKind::Pointer),
                        STREAM if words.tagged < 8 => Some(FieldKind::InCodeCage),
                        STREAM => Some(FieldKind::Tagged),
                        SELF if words.sandboxed => Some(FieldKind::Unsigned(4)),
                        SELF => continue,
                        ENTRY if words.sandboxed => continue,
                        ENTRY => Some(FieldKind::Code),
                        kind => Some(FieldKind::parse(kind, words).ok_or_else(wrong)?),
                    };
                    class.fields.push((name, kind, flags));
                }
            }
        }
        Ok(classes)
    }
}

fn parse_tail(text: &'static str, words: WordModel) -> Option<TailLayout> {
    if let Some(special) = TailLayout::special(text) {
        return Some(special);
    }
    let mut parts = Vec::new();
    let mut end = 0u64;
    for part in text.split(' ') {
        let (name, kind) = part.split_once(':').unwrap_or(("", part));
        let kind = FieldKind::parse(kind, words)?;
        let size = kind.size(words);
        let offset = end.next_multiple_of(size);
        end = offset + size;
        parts.push(Part { name, offset, size, kind });
    }
    Some(TailLayout::Entries(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What official binaries publish (`v8dbg_class_*`) of fields that have moved: Node.js 20.20.2, 21.7.3, 22.23.3, 23.11.1, 24.21.0,
    /// 25.9.0 and 26.10.0.
    #[test]
    fn fields_are_where_official_binaries_publish_them() {
        let versions = [(11, 3), (11, 8), (12, 4), (12, 9), (13, 6), (14, 1), (14, 6)];
        let published: [(&str, &str, [Option<u64>; 7]); 12] = [
            ("JSFunction", "shared_function_info", [24, 32, 32, 32, 32, 32, 32].map(Some)),
            ("JSFunction", "context", [32, 40, 40, 40, 40, 40, 40].map(Some)),
            ("SharedFunctionInfo", "flags", [48, 48, 48, 56, 56, 56, 56].map(Some)),
            (
                "SharedFunctionInfo",
                "script",
                [None, Some(32), Some(32), Some(40), Some(40), Some(40), Some(40)],
            ),
            ("BytecodeArray", "bytes[]", [54, 52, 64, 64, 64, 64, 64].map(Some)),
            ("DescriptorArray", "descriptors[]", [24, 24, 24, 24, 24, 32, 32].map(Some)),
            ("JSArrayBuffer", "backing_store", [48, 48, 48, 56, 56, 56, 56].map(Some)),
            ("JSArrayBufferView", "raw_byte_offset", [32, 32, 32, 48, 48, 48, 48].map(Some)),
            ("JSTypedArray", "base_pointer", [72, 72, 72, 80, 80, 80, 80].map(Some)),
            ("InstructionStream", "instructions[]", [16, 32, 32, 32, 32, 32, 32].map(Some)),
            ("Code", "deoptimization_data_or_interpreter_data", [16, 8, 8, 8, 8, 8, 8].map(Some)),
            ("UncompiledData", "start_position", [16; 7].map(Some)),
        ];
        for (index, version) in versions.into_iter().enumerate() {
            let classes = Classes::of(version, WordModel::FULL, &PublishedFields::default());
            for (class, field, offsets) in &published {
                assert_eq!(classes.offset(class, field), offsets[index], "V8 {version:?}: {class}::{field}");
            }
            assert!(classes.contradictions().is_empty());
        }
    }

    /// By value of a core of Chromium 141: where the bytes of an `ArrayBuffer` of 5000 bytes are, and the sizes that maps give their objects.
    #[test]
    fn fields_of_a_sandbox_are_handles_and_distances() {
        let classes = Classes::of((14, 1), WordModel::SANDBOXED, &PublishedFields::default());
        for (class, field, offset, kind) in [
            ("JSArrayBuffer", "cpp_heap_wrappable", 12, FieldKind::Unsigned(4)),
            ("JSArrayBuffer", "raw_byte_length", 20, FieldKind::Bounded),
            ("JSArrayBuffer", "backing_store", 36, FieldKind::Sandboxed),
            ("JSArrayBuffer", "extension", 44, FieldKind::External),
            ("JSArrayBuffer", "bit_field", 48, FieldKind::Unsigned(4)),
            ("ExternalString", "resource", 12, FieldKind::ExternalShared),
            ("ExternalString", "resource_data", 16, FieldKind::ExternalShared),
            ("SharedFunctionInfo", "trusted_function_data", 4, FieldKind::Trusted),
            ("BytecodeArray", "self_indirect_pointer", 4, FieldKind::Unsigned(4)),
            ("BytecodeArray", "constant_pool", 24, FieldKind::Protected),
        ] {
            assert_eq!(classes.offset(class, field), Some(offset), "{class}::{field}");
            assert_eq!(classes.kind(class, field), Some(kind), "{class}::{field}");
        }
        assert_eq!(classes.offset("Code", "instruction_start"), None, "a table has it");
        let without = Classes::of((14, 1), WordModel::COMPRESSED, &PublishedFields::default());
        assert_eq!(without.offset("BytecodeArray", "self_indirect_pointer"), None);
        assert_eq!(without.kind("ExternalString", "resource"), Some(FieldKind::Pointer));
        assert_eq!(without.kind("BytecodeArray", "constant_pool"), Some(FieldKind::Tagged));
    }

    #[test]
    fn what_an_embedder_has_changed_is_there_in_its_classes_only() {
        let of = |changes| {
            Classes::of((15, 0), WordModel::COMPRESSED, &PublishedFields { changes, ..Default::default() })
        };
        assert_eq!(of(vec![]).offset("JSPromise", "flags"), Some(16));
        let workerd = of(vec!["[promise-context]"]);
        assert_eq!(workerd.offset("JSPromise", "context_tag"), Some(16));
        assert_eq!(workerd.offset("JSPromise", "flags"), Some(20));
    }

    #[test]
    fn what_a_binary_publishes_counts_and_is_told_where_it_differs() {
        let places = HashMap::from([
            (("JSFunction".into(), "shared".into()), 48),
            (("JSFunction".into(), "context".into()), 56),
            (("JSArray".into(), "length".into()), 24),
            (("Nothing".into(), "here".into()), 8),
        ]);
        let published = PublishedFields { places, ..PublishedFields::default() };
        let classes = Classes::of((14, 6), WordModel::FULL, &published);
        assert_eq!(classes.offset("JSFunction", "shared_function_info"), Some(48), "under its other name");
        assert_eq!(classes.offset("JSFunction", "feedback_cell"), Some(64), "what is behind it follows");
        let told =
            Contradiction { class: "JSFunction", field: "shared_function_info", table: 32, published: 48 };
        assert_eq!(classes.contradictions(), [told]);
        assert_eq!(classes.published(), 3);
    }

    /// Sizes of instances, as their maps give them among the roots of V8 15.0: by value of a core of Deno 2.9.6, and in words of four
    /// bytes of a core of workerd 1.20260620.1, whose pointers are compressed.
    const SIZES_15_0: &[(&str, u64, u64)] = &[
        ("AccessCheckInfo", 40, 20),
        ("AccessorInfo", 48, 32),
        ("AllocationSite", 48, 28),
        ("AsmWasmData", 24, 16),
        ("AsyncGeneratorRequest", 40, 20),
        ("AsyncResumeTask", 40, 20),
        ("AtomRegExpData", 64, 36),
        ("CallSiteInfo", 48, 24),
        ("Cell", 16, 8),
        ("ContextCell", 40, 24),
        ("DebugInfo", 64, 32),
        ("FeedbackCell", 24, 16),
        ("FunctionTemplateInfo", 120, 68),
        ("FunctionTemplateRareData", 80, 40),
        ("HeapNumber", 16, 12),
        ("InterceptorInfo", 88, 76),
        ("InterpreterData", 24, 12),
        ("IrRegExpData", 136, 72),
        ("JSAtomicsCondition", 40, 24),
        ("JSAtomicsMutex", 48, 28),
        ("JSMessageObject", 96, 48),
        ("MegaDomHandler", 24, 12),
        ("ModuleRequest", 32, 16),
        ("Oddball", 48, 28),
        ("OnHeapBasicBlockProfilerData", 64, 32),
        ("PromiseReaction", 48, 24),
        ("PropertyCell", 40, 20),
        ("RegExpData", 56, 32),
        ("Script", 160, 80),
        ("SharedFunctionInfo", 72, 48),
        ("SortState", 112, 56),
        ("SourceTextModule", 152, 76),
        ("SyntheticModule", 88, 44),
        ("TurboshaftFloat64RangeType", 32, 28),
        ("UncompiledDataWithPreparseDataAndJob", 40, 28),
        ("WasmCapiFunctionData", 48, 24),
        ("WasmExportedFunctionData", 80, 40),
        ("WasmImportData", 64, 36),
        ("WasmInternalFunction", 48, 28),
        ("WasmStackObject", 16, 12),
        ("WasmSuspenderObject", 48, 28),
        ("WeakCell", 72, 36),
    ];

    #[test]
    fn classes_are_as_large_as_heaps_have_them() {
        let compressed = WordModel::COMPRESSED;
        for words in [WordModel::FULL, compressed] {
            let classes = Classes::of((15, 0), words, &PublishedFields::default());
            for (name, full, small) in SIZES_15_0 {
                let size = classes.class(classes.find(name).unwrap()).size.next_multiple_of(words.tagged);
                assert_eq!(
                    size,
                    if words == WordModel::FULL { *full } else { *small },
                    "{name} in {words:?}"
                );
            }
        }
    }

    /// With pointer compression, words have four bytes; nothing else of the description changes.
    #[test]
    fn places_follow_from_the_size_of_words() {
        let words = WordModel::COMPRESSED;
        let classes = Classes::of((14, 6), words, &PublishedFields::default());
        let offset = |class, field| classes.offset(class, field).unwrap();
        assert_eq!(offset("JSObject", "elements"), 8);
        assert_eq!(offset("String", "length"), 8);
        assert_eq!(offset("SeqOneByteString", "chars[]"), 12);
        assert_eq!(offset("FixedArray", "objects[]"), 8);
        assert_eq!(offset("Map", "instance_type"), 8);
        assert_eq!(offset("Map", "prototype"), 16);
    }

    #[test]
    fn a_field_may_be_called_end() {
        for version in [(11, 3), (12, 4), (13, 6), (14, 6)] {
            let classes = Classes::of(version, WordModel::FULL, &PublishedFields::default());
            assert_eq!(classes.offset("ClassPositions", "end"), Some(16));
            assert_eq!(classes.offset("ClassPositions", "end()"), Some(24));
        }
    }
}
