//! ArrayBuffers and the views on them (V8: `src/objects/js-array-buffer.tq`).

use crate::layout::native::backing_store;
use crate::layout::{Kind, TypedElement};
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Error, Result, Tagged};

/// What the memory behind an ArrayBuffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoreKind {
    /// Of Node's allocator, for one ArrayBuffer.
    ArrayBuffer,
    /// Of Node's allocator, for SharedArrayBuffers.
    SharedArrayBuffer,
    /// Reserved up to its greatest length, and used as far as its present one.
    Resizable,
    /// Reserved as above, for growable SharedArrayBuffers.
    Growable,
    /// Of a WebAssembly memory.
    WebAssembly,
    /// Given by native code, which has it freed by a function of its own.
    Native,
    /// Given by native code, which keeps it.
    Borrowed,
    /// The elements of a typed array in the heap.
    InHeap,
    /// The extension or the `BackingStore` cannot be read.
    Unknown,
}

impl StoreKind {
    /// For users.
    pub fn name(self) -> &'static str {
        match self {
            StoreKind::ArrayBuffer => "ArrayBuffer",
            StoreKind::SharedArrayBuffer => "SharedArrayBuffer",
            StoreKind::Resizable => "resizable ArrayBuffer",
            StoreKind::Growable => "growable SharedArrayBuffer",
            StoreKind::WebAssembly => "WebAssembly memory",
            StoreKind::Native => "native memory",
            StoreKind::Borrowed => "borrowed memory",
            StoreKind::InHeap => "heap",
            StoreKind::Unknown => "unknown",
        }
    }

    /// Whether Node's allocator counts it: `process.memoryUsage().arrayBuffers`.
    pub fn is_allocated(self) -> bool {
        matches!(self, StoreKind::ArrayBuffer | StoreKind::SharedArrayBuffer)
    }
}

/// Bytes of a buffer or view: where they are, how many, and what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferView {
    /// Address of the first byte.
    pub address: u64,
    /// In bytes.
    pub byte_length: u64,
    /// Distance from the start of the buffer, in bytes.
    pub byte_offset: u64,
    /// Type of the elements of a typed array; `None` for buffers and data views.
    pub element: Option<TypedElement>,
}

/// An ArrayBuffer or SharedArrayBuffer, and the memory behind it.
#[derive(Clone, Copy, Debug)]
pub struct ArrayBuffer {
    /// Address of the first byte.
    pub address: u64,
    /// In bytes: of a growable SharedArrayBuffer what its store has become.
    pub byte_length: u64,
    /// How long it may become, in bytes; the length if it cannot grow.
    pub max_byte_length: u64,
    /// What the memory is.
    pub kind: StoreKind,
    /// V8 counts it as external memory of the isolate.
    pub is_external: bool,
    /// Its bytes have been given away.
    pub is_detached: bool,
    /// It is a `SharedArrayBuffer`.
    pub is_shared: bool,
    /// The program can make it longer and shorter.
    pub is_resizable: bool,
}

/// What a program can do with a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferState {
    /// Its bytes have been given away.
    pub is_detached: bool,
    /// It is a `SharedArrayBuffer`.
    pub is_shared: bool,
    /// It cannot be changed.
    pub is_immutable: bool,
    /// The length that it can be resized to, in bytes, if it can be.
    pub max_byte_length: Option<u64>,
}

/// How a view stands to its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewState {
    /// The buffer has been detached.
    pub is_detached: bool,
    /// It is as long as its buffer is.
    pub tracks_length: bool,
    /// The buffer has become too small for it.
    pub is_out_of_bounds: bool,
}

impl TypedElement {
    /// Name of the constructor of such arrays.
    pub fn array_name(self) -> &'static str {
        match self {
            TypedElement::Uint8 => "Uint8Array",
            TypedElement::Int8 => "Int8Array",
            TypedElement::Uint16 => "Uint16Array",
            TypedElement::Int16 => "Int16Array",
            TypedElement::Uint32 => "Uint32Array",
            TypedElement::Int32 => "Int32Array",
            TypedElement::BigUint64 => "BigUint64Array",
            TypedElement::BigInt64 => "BigInt64Array",
            TypedElement::Uint8Clamped => "Uint8ClampedArray",
            TypedElement::Float16 => "Float16Array",
            TypedElement::Float32 => "Float32Array",
            TypedElement::Float64 => "Float64Array",
        }
    }

    /// Size of an element in bytes.
    pub fn size(self) -> u64 {
        match self {
            TypedElement::Uint8 | TypedElement::Int8 | TypedElement::Uint8Clamped => 1,
            TypedElement::Uint16 | TypedElement::Int16 | TypedElement::Float16 => 2,
            TypedElement::Uint32 | TypedElement::Int32 | TypedElement::Float32 => 4,
            TypedElement::Float64 | TypedElement::BigUint64 | TypedElement::BigInt64 => 8,
        }
    }
}

/// A length or distance that a buffer or view can have.
fn plausible(what: &'static str, length: u64, object: HeapObject<'_>) -> Result<u64> {
    /// V8: `JSArrayBuffer::kMaxByteLength`.
    const MOST: u64 = (1 << 53) - 1;
    match length {
        0..=MOST => Ok(length),
        _ => Err(Error::Implausible { what, object: object.value(), found: length.to_string() }),
    }
}

/// `JSArrayBuffer::extension_`
const EXTENSION: &str = "extension of a JSArrayBuffer";

impl View<'_> {
    /// Element type of a typed array.
    pub fn typed_element(&self, array: HeapObject<'_>) -> Option<TypedElement> {
        let facts = &self.layout().facts;
        let kinds = facts.typed_elements;
        let index = usize::from(array.map.elements_kind).checked_sub(facts.elements_kinds.len())?;
        (index < 2 * kinds.len()).then(|| kinds[index % kinds.len()])
    }

    /// The bytes of an ArrayBuffer, typed array or DataView.
    ///
    /// # Errors
    /// If the object cannot be read.
    pub fn view(&self, object: HeapObject<'_>) -> Result<BufferView> {
        let words = self.words();
        let fields = self.fields();
        let address = |at: u64| words.sandboxed_address(object.address + at, "array buffer");
        if object.kind() == Kind::JsArrayBuffer {
            return Ok(BufferView {
                address: address(fields.array_buffer_backing_store)?,
                byte_length: self.buffer_length(object)?,
                byte_offset: 0,
                element: None,
            });
        }
        let element = self.typed_element(object);
        let length = |at: u64, what| self.bytes_at(object.address + at, what, object);
        let byte_offset = length(fields.view_byte_offset, "offset of a view")?;
        let own = length(fields.view_byte_length, "length of a view")?;
        let byte_length = self.view_length(object, byte_offset, own, element)?;
        if object.kind() == Kind::JsDataView {
            let address = address(fields.data_view_pointer)?;
            return Ok(BufferView { address, byte_length, byte_offset, element: None });
        }
        let external = address(fields.typed_array_external_pointer)?;
        // On-heap arrays: base is the elements object, external the distance to its first byte.
        let base = words.tagged(object.address + fields.typed_array_base_pointer, "typed array")?;
        let in_cage = base.0.wrapping_sub(self.spaces().encoding_at(object.address).base());
        let address = if base.strong().is_some() { external.wrapping_add(in_cage) } else { external };
        Ok(BufferView { address, byte_length, byte_offset, element })
    }

    /// How long a view is for the program: what its buffer has become counts.
    fn view_length(
        &self,
        view: HeapObject<'_>,
        byte_offset: u64,
        byte_length: u64,
        element: Option<TypedElement>,
    ) -> Result<u64> {
        let buffer = self.object(self.viewed_buffer(view)?)?;
        if buffer.kind() != Kind::JsArrayBuffer {
            return Err(self.wrong_type(buffer.value(), "JSArrayBuffer"));
        }
        let (bits, buffer_flags) = (self.bits(), self.buffer_flags(buffer)?);
        if bits.array_buffer_detached.is_set(buffer_flags) {
            return Ok(0);
        }
        if !bits.array_buffer_resizable.is_set(buffer_flags) {
            return Ok(byte_length);
        }
        let whole = self.buffer_length(buffer)?;
        if self.tracks_length(view)? {
            let size = element.map_or(1, TypedElement::size);
            return Ok(whole.saturating_sub(byte_offset) / size * size);
        }
        // A view that its buffer has become too small for is empty.
        let end = byte_offset.checked_add(byte_length);
        Ok(if end.is_some_and(|end| end <= whole) { byte_length } else { 0 })
    }

    /// An ArrayBuffer with what its `BackingStore` says of the memory.
    ///
    /// # Errors
    /// If the object cannot be read. If only its `BackingStore` cannot, the kind of memory is unknown.
    pub fn array_buffer(&self, buffer: HeapObject<'_>) -> Result<ArrayBuffer> {
        if buffer.kind() != Kind::JsArrayBuffer {
            return Err(self.wrong_type(buffer.value(), "JSArrayBuffer"));
        }
        let words = self.words();
        let fields = self.fields();
        let layout = &self.layout().accounting.backing_store;
        let at = buffer.address + fields.array_buffer_backing_store;
        let address = words.sandboxed_address(at, "backing store of a JSArrayBuffer")?;
        let length = |at: u64, what| self.bytes_at(buffer.address + at, what, buffer);
        let byte_length = length(fields.array_buffer_byte_length, "length of a JSArrayBuffer")?;
        let most = match fields.array_buffer_max_byte_length {
            Some(at) => length(at, "greatest length of a JSArrayBuffer")?,
            None => byte_length,
        };
        let extension = match fields.array_buffer_extension {
            Some(at) => self.external_address(buffer.address + at, EXTENSION)?,
            None => None,
        };
        let (bits, flags) = (self.bits(), self.buffer_flags(buffer)?);
        let resizable = bits.array_buffer_resizable.is_set(flags);
        let mut found = ArrayBuffer {
            address,
            byte_length,
            max_byte_length: if resizable { most.max(byte_length) } else { byte_length },
            kind: StoreKind::Unknown,
            is_external: false,
            is_detached: bits.array_buffer_detached.is_set(flags),
            is_shared: bits.array_buffer_shared.is_set(flags),
            is_resizable: resizable,
        };
        let Some(extension) = extension else { return Ok(found) };
        let outside = |at: Option<u64>| words.word(at?, "BackingStore").ok();
        let store = outside(extension.checked_add(layout.in_extension)).filter(|store| *store != 0);
        let of_store = |offset: u64| outside(store.and_then(|store| store.checked_add(offset)));
        let (Some(start), Some(length), Some(store_flags)) =
            (of_store(backing_store::START), of_store(backing_store::LENGTH), of_store(layout.flags))
        else {
            return Ok(found);
        };
        // Not its store after all.
        if start != address && byte_length != 0 {
            return Ok(found);
        }
        let is = |bit: u32| store_flags as u32 & bit != 0;
        let shared = is(layout.shared);
        if shared && resizable {
            // Another thread may have made it longer; the store knows.
            found.byte_length = length.min(found.max_byte_length);
        }
        found.kind = match () {
            () if is(layout.wasm) => StoreKind::WebAssembly,
            () if is(layout.resizable) && shared => StoreKind::Growable,
            () if is(layout.resizable) => StoreKind::Resizable,
            () if is(layout.empty_deleter) => StoreKind::Borrowed,
            () if is(layout.custom_deleter) => StoreKind::Native,
            () if shared => StoreKind::SharedArrayBuffer,
            () => StoreKind::ArrayBuffer,
        };
        let counts_elsewhere = is(layout.wasm) && layout.wasm_counts_elsewhere;
        found.is_external = !(shared || counts_elsewhere || is(layout.empty_deleter));
        Ok(found)
    }

    /// Memory outside the heap that says what is behind an ArrayBuffer, as `[start, end)`.
    pub(crate) fn backing_store_memory(&self, buffer: HeapObject<'_>) -> Vec<(u64, u64)> {
        let words = self.words();
        let Some(field) = self.fields().array_buffer_extension else { return Vec::new() };
        let extension = self.external_address(buffer.address + field, EXTENSION);
        let Ok(Some(extension)) = extension else { return Vec::new() };
        let mut ranges = vec![(extension, extension.saturating_add(backing_store::SIZE))];
        let at = extension.saturating_add(self.layout().accounting.backing_store.in_extension);
        if let Ok(store) = words.word(at, "BackingStore") {
            ranges.push((store, store.saturating_add(backing_store::SIZE)));
        }
        ranges
    }

    /// How many bytes a buffer has. The length of one that is shared and can grow is kept with its bytes.
    fn buffer_length(&self, buffer: HeapObject<'_>) -> Result<u64> {
        let fields = self.fields();
        let flags = self.buffer_flags(buffer)?;
        let bits = self.bits();
        if !(bits.array_buffer_shared.is_set(flags) && bits.array_buffer_resizable.is_set(flags)) {
            return self.bytes_at(
                buffer.address + fields.array_buffer_byte_length,
                "length of a JSArrayBuffer",
                buffer,
            );
        }
        let (_, store) = self.growable_store(buffer)?;
        let length = store.wrapping_add(backing_store::LENGTH);
        let length = self.words().word(length, "length in the backing store of a SharedArrayBuffer")?;
        plausible("length in the backing store of a SharedArrayBuffer", length, buffer)
    }

    /// A length or distance in bytes, of a buffer or view, that is kept at an address.
    fn bytes_at(&self, address: u64, what: &'static str, object: HeapObject<'_>) -> Result<u64> {
        plausible(what, self.words().sandboxed_length(address, what)?, object)
    }

    /// Addresses of a buffer's `ArrayBufferExtension` and of the `BackingStore` it leads to.
    fn growable_store(&self, buffer: HeapObject<'_>) -> Result<(u64, u64)> {
        let words = self.words();
        let fields = self.fields();
        let extension = match fields.array_buffer_extension {
            Some(at) => self.external_address(buffer.address + at, EXTENSION)?,
            None => None,
        };
        let extension = extension.ok_or_else(|| Error::Implausible {
            what: "extension",
            object: buffer.value(),
            found: "none that can be read".to_owned(),
        })?;
        let at = extension.wrapping_add(self.layout().accounting.backing_store.in_extension);
        Ok((extension, words.word(at, "backing store of a SharedArrayBuffer")?))
    }

    /// The memory in which the length of a shared buffer that can grow is found, as `[start, end)`; none for other buffers.
    pub(crate) fn growable_records(&self, buffer: HeapObject<'_>) -> Vec<(u64, u64)> {
        let is_growable =
            self.buffer_state(buffer).is_ok_and(|state| state.is_shared && state.max_byte_length.is_some());
        let found = is_growable.then(|| self.growable_store(buffer).ok()).flatten();
        let Some((extension, store)) = found else { return Vec::new() };
        let behind = |start: u64, length: u64| (start, start.saturating_add(length));
        vec![
            behind(extension, self.layout().accounting.backing_store.in_extension + 8),
            behind(store, backing_store::LENGTH + 8),
        ]
    }

    fn buffer_flags(&self, buffer: HeapObject<'_>) -> Result<u32> {
        let at = buffer.address + self.fields().array_buffer_flags;
        self.words().word32(at, "flags of a JSArrayBuffer")
    }

    /// What a program can do with an ArrayBuffer.
    ///
    /// # Errors
    /// If it is none, or cannot be read.
    pub fn buffer_state(&self, buffer: HeapObject<'_>) -> Result<BufferState> {
        if buffer.kind() != Kind::JsArrayBuffer {
            return Err(self.wrong_type(buffer.value(), "JSArrayBuffer"));
        }
        let (bits, flags) = (self.bits(), self.buffer_flags(buffer)?);
        let longest = match self.fields().array_buffer_max_byte_length {
            Some(at) => {
                self.words().sandboxed_length(buffer.address + at, "greatest length of a JSArrayBuffer")?
            }
            None => 0,
        };
        Ok(BufferState {
            is_detached: bits.array_buffer_detached.is_set(flags),
            is_shared: bits.array_buffer_shared.is_set(flags),
            is_immutable: bits.array_buffer_immutable.is_set(flags),
            max_byte_length: bits.array_buffer_resizable.is_set(flags).then_some(longest),
        })
    }

    /// How a typed array or DataView stands to its buffer.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn view_state(&self, view: HeapObject<'_>) -> Result<ViewState> {
        let words = self.words();
        let fields = self.fields();
        let buffer = self.object(self.viewed_buffer(view)?)?;
        let state = self.buffer_state(buffer)?;
        let tracks_length = self.tracks_length(view)?;
        let start = words.sandboxed_length(view.address + fields.view_byte_offset, "offset of a view")?;
        let length = words.sandboxed_length(view.address + fields.view_byte_length, "length of a view")?;
        let end = if tracks_length { Some(start) } else { start.checked_add(length) };
        let whole = if state.is_detached { 0 } else { self.buffer_length(buffer)? };
        Ok(ViewState {
            is_detached: state.is_detached,
            tracks_length,
            is_out_of_bounds: state.max_byte_length.is_some()
                && !state.is_detached
                && end.is_none_or(|end| end > whole),
        })
    }

    /// Whether a typed array or DataView is as long as its buffer, whatever that is.
    fn tracks_length(&self, view: HeapObject<'_>) -> Result<bool> {
        let fields = self.fields();
        let of_typed_array = fields.typed_array_flags.filter(|_| view.kind() == Kind::JsTypedArray);
        // Up to V8 9 no DataView is.
        let Some(at) = fields.view_flags.or(of_typed_array) else { return Ok(false) };
        let flags = self.words().word32(view.address + at, "flags of a JSArrayBufferView")?;
        Ok(self.bits().view_tracks_length.is_set(flags))
    }

    /// The buffer that a typed array or DataView looks at.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn viewed_buffer(&self, view: HeapObject<'_>) -> Result<Tagged> {
        self.words().tagged(view.address + self.fields().view_buffer, "buffer of a view")
    }

    /// `len` bytes of memory outside (or inside) the heap.
    ///
    /// # Errors
    /// If they are not all in the core.
    pub fn raw_bytes(&self, address: u64, len: usize) -> Result<&[u8]> {
        self.words().slice(address, len, "bytes of a buffer")
    }
}
