//! WebAssembly objects that programs hold.
//!
//! ```text
//!   WasmMemoryObject   +24 ArrayBuffer  [26: +32 backing store]  maximum pages, Smi
//!   WasmTableObject    [until 22: +24 instance]  entries: FixedArray, current length, maximum length
//!   WasmGlobalObject   +32 ArrayBuffer or undefined  +40 FixedArray or undefined  +48 offset, Smi  +56 type  +64 mutable
//!   WasmModuleObject   +32 Script
//! ```
//!
//! (V8: `src/wasm/wasm-objects.tq`, `src/wasm/value-type.h`.)

use crate::layout::Kind;
use crate::layout::native::{backing_store, managed};
use crate::objects::temporal;
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Result, Tagged};

/// `wasm::kWasmPageSize`
const PAGE: u64 = 1 << 16;

/// A memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WasmMemory {
    /// Pages of 64 KiB it has now, if that is known.
    pub pages: Option<u64>,
    /// Pages it may have at most, if the module says.
    pub maximum: Option<u64>,
    /// The ArrayBuffer on it, if the program has asked for one.
    pub buffer: Option<Tagged>,
}

/// A table.
#[derive(Clone, Debug)]
pub struct WasmTable {
    /// How many entries it has.
    pub length: u64,
    /// The entries as V8 keeps them: functions that have not been asked for are objects of its own.
    pub entries: Vec<Tagged>,
    /// How many it may have at most, a number; undefined if the module does not say.
    pub maximum: Tagged,
}

/// The value of a global.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WasmValue {
    /// `i32`
    I32(i32),
    /// `i64`
    I64(i64),
    /// `f32`
    F32(f32),
    /// `f64`
    F64(f64),
    /// A reference.
    Reference(Tagged),
    /// Of a type that is not known here.
    Unknown,
}

/// A global variable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WasmGlobal {
    /// Its value.
    pub value: WasmValue,
    /// It can be assigned.
    pub is_mutable: bool,
}

impl View<'_> {
    /// A WebAssembly memory; `None` if the object is none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn wasm_memory(&self, object: HeapObject<'_>) -> Result<Option<WasmMemory>> {
        if self.class_name(object.value()) != "WasmMemoryObject" {
            return Ok(None);
        }
        let fields = self.fields();
        let field = |at: u64| self.words().tagged(object.address + at, "WasmMemoryObject");
        let maximum = field(fields.wasm_memory_maximum)?.smi().and_then(|pages| u64::try_from(pages).ok());
        let buffer = field(fields.wasm_memory_buffer)?;
        let is_buffer = self.object(buffer).is_ok_and(|buffer| buffer.kind() == Kind::JsArrayBuffer);
        let bytes = if is_buffer {
            Some(self.view(self.object(buffer)?)?.byte_length)
        } else {
            match fields.wasm_memory_backing_store {
                Some(at) => self
                    .managed(field(at)?)
                    .and_then(|store| self.words().word(store + backing_store::LENGTH, "store").ok()),
                None => None,
            }
        };
        Ok(Some(WasmMemory {
            pages: bytes.map(|bytes| bytes / PAGE),
            maximum,
            buffer: is_buffer.then_some(buffer),
        }))
    }

    /// The native object behind a `Managed`, a `Foreign` with the address of what keeps a shared pointer alive (V8:
    /// `src/objects/managed.h`, `ManagedPtrDestructor::shared_ptr_ptr_`).
    pub(crate) fn managed(&self, foreign: Tagged) -> Option<u64> {
        self.managed_chain(foreign).map(|[_, _, object]| object)
    }

    /// Addresses of the destructor, the shared pointer, and the object.
    fn managed_chain(&self, foreign: Tagged) -> Option<[u64; 3]> {
        let foreign = self.object(foreign).ok()?;
        if self.layout().type_name(foreign.map.instance_type) != "Foreign" {
            return None;
        }
        let words = self.words();
        let plausible = |address: &u64| *address != 0 && *address < crate::tagged::ADDRESS_LIMIT;
        let destructor = words
            .external(foreign.address + self.fields().foreign_address, "Foreign")
            .ok()
            .filter(plausible)?;
        let shared = words.word(destructor + managed::SHARED_POINTER, "Managed").ok().filter(plausible)?;
        let object = words.word(shared, "shared pointer").ok().filter(plausible)?;
        Some([destructor, shared, object])
    }

    /// The memory that [`View::managed`] reads, and the start of the object, as `[start, end)`.
    pub(crate) fn managed_records(&self, foreign: Tagged) -> Vec<(u64, u64)> {
        const LENGTHS: [u64; 3] = [managed::SHARED_POINTER + 8, 8, managed::LONGEST_VALUE];
        let chain = self.managed_chain(foreign).into_iter().flatten().zip(LENGTHS);
        chain.map(|(start, length)| (start, start.saturating_add(length))).collect()
    }

    /// The `Managed` in which an object has a native value that this program reads.
    pub(crate) fn native_value(&self, object: HeapObject<'_>) -> Option<Tagged> {
        let class = self.class_name(object.value());
        let fields = self.fields();
        let at = match class.strip_prefix("JSTemporal") {
            None if class == "WasmMemoryObject" => fields.wasm_memory_backing_store?,
            None => return None,
            Some(class) => temporal::native_field(fields, class)?,
        };
        self.words().tagged(object.address + at, "native value").ok()
    }

    /// A WebAssembly table; `None` if the object is none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn wasm_table(&self, object: HeapObject<'_>) -> Result<Option<WasmTable>> {
        if self.class_name(object.value()) != "WasmTableObject" {
            return Ok(None);
        }
        let fields = self.fields();
        let field = |at: u64| self.words().tagged(object.address + at, "WasmTableObject");
        let mut entries = self.array_words(self.object(field(fields.wasm_table_entries)?)?)?;
        let length = match fields.wasm_table_length {
            Some(at) => field(at)?.smi().and_then(|length| u64::try_from(length).ok()).unwrap_or(0),
            None => entries.len() as u64,
        };
        // The array has room to grow.
        entries.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(Some(WasmTable { length, entries, maximum: field(fields.wasm_table_maximum)? }))
    }

    /// A WebAssembly global; `None` if the object is none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn wasm_global(&self, object: HeapObject<'_>) -> Result<Option<WasmGlobal>> {
        if self.class_name(object.value()) != "WasmGlobalObject" {
            return Ok(None);
        }
        let (words, fields, facts) = (self.words(), self.fields(), &self.layout().facts);
        let field = |at: u64| words.tagged(object.address + at, "WasmGlobalObject");
        let number = |at: u64| -> Result<u64> {
            Ok(field(at)?.smi().and_then(|number| u64::try_from(number).ok()).unwrap_or(0))
        };
        let number_at = |at: Option<u64>| at.map_or(Ok(0), &number);
        // Type and mutability are numbers of their own, or bits of one.
        let flags = number_at(fields.wasm_global_flags)?;
        let is_mutable =
            self.bits().wasm_global_mutable.of(flags) != 0 || number_at(fields.wasm_global_mutable)? != 0;
        let offset_in = number(fields.wasm_global_offset)?;
        let buffer = self.object(field(fields.wasm_global_buffer)?)?;
        if buffer.kind() != Kind::JsArrayBuffer {
            let array = self.object(field(fields.wasm_global_tagged)?)?;
            let value = self.array_words(array)?.get(offset_in as usize).copied();
            let value = value.map_or(WasmValue::Unknown, WasmValue::Reference);
            return Ok(Some(WasmGlobal { value, is_mutable }));
        }
        let view = self.view(buffer)?;
        let value_type = self.bits().wasm_global_type.of(flags) | number_at(fields.wasm_global_type)?;
        let kind = (value_type >> facts.wasm_value_kind_shift) as u32 & 0x1f;
        let kind = kind.checked_sub(facts.wasm_first_value_kind);
        let size = if matches!(kind, Some(0 | 2)) { 4 } else { 8 };
        if offset_in.checked_add(size).is_none_or(|end| end > view.byte_length) {
            return Ok(Some(WasmGlobal { value: WasmValue::Unknown, is_mutable }));
        }
        let at = view.address.wrapping_add(offset_in);
        let value = match kind {
            Some(0) => WasmValue::I32(words.word32(at, "global")? as i32),
            Some(1) => WasmValue::I64(words.word(at, "global")? as i64),
            Some(2) => WasmValue::F32(f32::from_bits(words.word32(at, "global")?)),
            Some(3) => WasmValue::F64(f64::from_bits(words.word(at, "global")?)),
            _ => WasmValue::Unknown,
        };
        Ok(Some(WasmGlobal { value, is_mutable }))
    }

    /// Module and exports of a WebAssembly instance; `None` if the object is none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn wasm_instance(&self, object: HeapObject<'_>) -> Result<Option<(Tagged, Tagged)>> {
        if self.class_name(object.value()) != "WasmInstanceObject" {
            return Ok(None);
        }
        let fields = self.fields();
        let field = |at: u64| self.words().tagged(object.address + at, "WasmInstanceObject");
        Ok(Some((field(fields.wasm_instance_module)?, field(fields.wasm_instance_exports)?)))
    }

    /// The name that V8 gives a WebAssembly module, a string: `wasm://wasm/d8a9f2c6`.
    pub fn wasm_module_url(&self, object: HeapObject<'_>) -> Option<Tagged> {
        if self.class_name(object.value()) != "WasmModuleObject" {
            return None;
        }
        let script = self
            .words()
            .tagged(object.address + self.fields().wasm_module_script, "WasmModuleObject")
            .ok()?;
        self.script_name(&self.script(script).ok()?)
    }
}
