//! Functions of WebAssembly that run.
//!
//! ```text
//!   fp - 8    twice the type of the frame
//!   fp - 16   instance --> module --> Managed --> NativeModule
//!   NativeModule   owned_code_, a tree by first instruction --> WasmCode: module, first instruction, places, size, ... number of the function
//!                  new_owned_code_, a list of those that are not in the tree yet
//!                  wire_bytes_ --> the bytes of the module, which may end with names of functions
//! ```
//!
//! A `NativeModule` is no object of the heap, and no symbol says where its parts are. Tree and list are known by what they lead to: pieces of
//! code that refer back to it and to their instructions. A frame in code that neither of them has is one of a function that is not known.

use crate::layout::WasmFrameLayout;
use crate::layout::native::{frame, wasm_code};
use crate::objects::place::FieldValue;
use crate::objects::source_position::{RawPosition, position_at};
use crate::view::View;
use crate::{Result, Tagged};

/// No tree is deeper, and no list longer.
const DEEPEST: usize = 128;
const MOST_CODE: u64 = 1 << 20;
/// Longer modules are not read, in bytes.
const LONGEST_MODULE: u64 = 1 << 30;
/// What every module begins with.
const MAGIC: &[u8] = b"\0asm\x01\0\0\0";

/// What the names begin with that V8 gives to modules.
const OWN_URL: &str = "wasm://wasm/";
/// What V8 calls something without a name.
const ANONYMOUS: &str = "<anonymous>";

/// A function of WebAssembly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WasmFunction {
    /// The instance, a `WasmInstanceObject`.
    pub instance: Tagged,
    /// What V8 calls the module: `wasm://wasm/d8a9f2c6`.
    pub module: Option<String>,
    /// Its number in the module; nothing if its code was not found.
    pub index: Option<u32>,
    /// The name that the module gives it.
    pub name: Option<String>,
    /// Where it is in the module, in bytes from its start.
    pub offset: Option<u32>,
    /// Optimised code has it merged into its caller.
    pub is_inlined: bool,
}

impl std::fmt::Display for WasmFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let module = self.module.as_deref().unwrap_or("<WebAssembly>");
        let place = match self.index {
            Some(index) => {
                let offset = self.offset.map_or_else(String::new, |offset| format!(":0x{offset:x}"));
                format!("{module}:wasm-function[{index}]{offset}")
            }
            None => format!("{module}:wasm-function[unknown]"),
        };
        match &self.name {
            Some(name) => write!(f, "{name} ({place})"),
            None => write!(f, "{place}"),
        }
    }
}

impl View<'_> {
    /// The functions of WebAssembly in the frame with this frame pointer, if it is one, innermost first; `instruction` is the one to which a
    /// call returns.
    pub(super) fn wasm_functions(&self, pointer: u64, instruction: u64) -> Option<Vec<WasmFunction>> {
        let word = self.words().tagged(pointer.checked_sub(frame::WASM_INSTANCE)?, "instance").ok()?;
        let mut object = self.object(word).ok()?;
        if self.class_name(object.value()) == "WasmTrustedInstanceData" {
            let FieldValue::Tagged(instance) = self.named_field(object, "instance_object").ok()? else {
                return None;
            };
            object = self.object(instance).ok()?;
        }
        let (module, _) = self.wasm_instance(object).ok()??;
        let module = self.object(module).ok()?;
        let url = self.wasm_module_url(module);
        let native = match self.named_field(module, "managed_native_module") {
            Ok(FieldValue::Tagged(managed)) => self.managed(managed),
            _ => None,
        };
        let places = native.and_then(|native| self.wasm_places(native, instruction));
        let module = url.and_then(|url| Some(self.string(url, 1 << 12).ok()?.to_text()));
        let facts = &self.layout().facts;
        let module = module.map(|url| match facts.wasm_modules_are_anonymous && url.starts_with(OWN_URL) {
            true => ANONYMOUS.to_owned(),
            false => url,
        });
        let name = |bytes, function| {
            let named = function_name(bytes, function);
            named.or_else(|| facts.wasm_functions_go_by_exports.then(|| exported_as(bytes, function))?)
        };
        let bytes = native.and_then(|native| self.wire_bytes(native));
        let function = |place: Option<WasmPlace>, is_inlined| WasmFunction {
            instance: object.value(),
            module: module.clone(),
            index: place.map(|place| place.function),
            name: place.zip(bytes).and_then(|(place, bytes)| name(bytes, place.function)),
            offset: place.zip(bytes).and_then(|(place, bytes)| {
                function_start(bytes, place.function)?.checked_add(place.in_function?)
            }),
            is_inlined,
        };
        Some(match places {
            None => vec![function(None, false)],
            Some(places) => {
                let last = places.len() - 1;
                let numbered = places.into_iter().enumerate();
                numbered.map(|(at, place)| function(Some(place), at < last)).collect()
            }
        })
    }

    fn native_word(&self, at: u64) -> Option<u64> {
        self.words().word(at, "WebAssembly module").ok()
    }

    /// Words of a `NativeModule`, each with its address.
    fn module_words(&self, native: u64) -> impl Iterator<Item = (u64, u64)> {
        let places =
            (0..wasm_code::MODULE_SIZE).step_by(8).filter_map(move |offset| native.checked_add(offset));
        places.map_while(move |at| Some((at, self.native_word(at)?)))
    }

    /// The functions that an instruction is in, innermost first: never none.
    fn wasm_places(&self, native: u64, instruction: u64) -> Option<Vec<WasmPlace>> {
        let mut words = self.module_words(native);
        words.find_map(|(at, word)| {
            let in_tree = || self.in_tree(native, at, word, instruction);
            in_tree().or_else(|| self.in_list(native, at, word, instruction))
        })
    }

    /// The functions, if this is the code that an instruction is in.
    fn places_in_code(&self, native: u64, code: u64, instruction: u64) -> Option<Vec<WasmPlace>> {
        let layout = self.layout().frames.wasm;
        let number = |offset: u64| self.words().word32(code.checked_add(offset)?, "WasmCode").ok();
        if self.native_word(code.checked_add(wasm_code::NATIVE_MODULE)?)? != native {
            return None;
        }
        let start = self.native_word(code.checked_add(wasm_code::INSTRUCTIONS)?)?;
        let behind = instruction.checked_sub(start)?;
        if behind > u64::from(number(layout.code_size)?) {
            return None;
        }
        // What V8 has made for itself is no function.
        let own = number(layout.code_index).filter(|index| i32::try_from(*index).is_ok())?;
        let [relocations, positions, inlining] = WasmFrameLayout::SIZES_BEHIND;
        let size = |behind: u64| number(layout.code_size + behind);
        let protected = number(layout.code_index - WasmFrameLayout::PROTECTED_BEFORE)?;
        let before = u64::from(protected) + u64::from(size(relocations)?);
        let (positions, inlining) = (size(positions)? as usize, size(inlining)? as usize);
        let data =
            self.native_word(code.checked_add(layout.code_size - WasmFrameLayout::META_DATA_BEFORE)?)?;
        let table = self.words().slice(data.checked_add(before)?, positions + inlining, "WasmCode").ok()?;
        let (positions, inlining) = table.split_at_checked(positions)?;
        let two_flags = self.layout().facts.source_positions_have_two_flags;
        // A call returns behind it.
        let at = u32::try_from(behind).ok()?.saturating_sub(1);
        let position = position_at(positions, at, two_flags);
        if layout.merges_calls {
            merged(position, own, inlining)
        } else {
            let in_function = position.and_then(RawPosition::script_offset);
            Some(vec![WasmPlace { function: own, in_function }])
        }
    }

    /// Looks an instruction up in a tree whose root a word of the module is.
    fn in_tree(&self, native: u64, at: u64, root: u64, instruction: u64) -> Option<Vec<WasmPlace>> {
        // The root refers back to the header, whose second word it is.
        if self.native_word(root.checked_add(wasm_code::PARENT)?)? != at.checked_sub(wasm_code::PARENT)? {
            return None;
        }
        let (mut node, mut nearest) = (root, None);
        for _ in 0..DEEPEST {
            if node == 0 {
                break;
            }
            let field = |offset: u64| self.native_word(node.checked_add(offset)?);
            let is_before = field(wasm_code::KEY)? <= instruction;
            if is_before {
                nearest = field(wasm_code::VALUE);
            }
            node = field(if is_before { wasm_code::RIGHT } else { wasm_code::LEFT })?;
        }
        self.places_in_code(native, nearest?, instruction)
    }

    /// Looks an instruction up in a list that begins where a word of the module says.
    fn in_list(&self, native: u64, at: u64, begin: u64, instruction: u64) -> Option<Vec<WasmPlace>> {
        let end = self.native_word(at.checked_add(wasm_code::VECTOR_END)?)?;
        let bytes = end.checked_sub(begin)?;
        if bytes == 0 || !bytes.is_multiple_of(8) || bytes / 8 > MOST_CODE {
            return None;
        }
        let code = |index: u64| self.native_word(begin.checked_add(8 * index)?);
        // Other lists are of something else.
        let first = code(0)?;
        if self.native_word(first)? != native {
            return None;
        }
        (0..bytes / 8).map_while(code).find_map(|code| self.places_in_code(native, code, instruction))
    }

    /// The bytes that a module was made of.
    fn wire_bytes(&self, native: u64) -> Option<&[u8]> {
        self.module_words(native).find_map(|(_, vector)| {
            let start = self.native_word(vector)?;
            let length = self.native_word(vector.checked_add(wasm_code::BYTES_LENGTH)?)?;
            if !(MAGIC.len() as u64..LONGEST_MODULE).contains(&length) {
                return None;
            }
            let bytes: Result<&[u8]> = self.words().slice(start, length as usize, "WebAssembly module");
            bytes.ok().filter(|bytes| bytes.starts_with(MAGIC))
        })
    }
}

/// A function of a module, and a place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WasmPlace {
    /// Its number.
    function: u32,
    /// Bytes from the start of its body, if its code says.
    in_function: Option<u32>,
}

/// The functions of a code's own and those that were merged into it where a position is, innermost first; nothing if that leads nowhere.
fn merged(mut position: Option<RawPosition>, own: u32, inlining: &[u8]) -> Option<Vec<WasmPlace>> {
    let mut places = Vec::new();
    let place = |function, position: Option<RawPosition>| WasmPlace {
        function,
        in_function: position.and_then(RawPosition::script_offset),
    };
    // A call lies in an earlier one.
    let mut last = usize::MAX;
    while let Some(number) = position.and_then(RawPosition::inlining) {
        let entry = inlining.chunks_exact(WasmFrameLayout::INLINING_POSITION).nth(number)?;
        if number >= last {
            return None;
        }
        last = number;
        places.push(place(u32::from_le_bytes(*entry.first_chunk()?), position));
        let (_, caller) = entry.split_at_checked(WasmFrameLayout::CALLER_POSITION)?;
        position = Some(RawPosition(i64::from_le_bytes(*caller.first_chunk()?)));
    }
    places.push(place(own, position));
    Some(places)
}

/// A number in groups of seven bits, and what is behind it.
fn leb(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()?, &bytes[index + 1..]));
        }
    }
    None
}

/// A piece whose length stands in front of it, and what is behind it.
fn piece(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = leb(bytes)?;
    rest.split_at_checked(length as usize)
}

/// The sections of a module with their numbers, as far as they are whole.
fn sections(module: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = module.get(MAGIC.len()..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (id, behind) = rest.split_first()?;
        let (section, next) = piece(behind)?;
        rest = next;
        Some((*id, section))
    })
}

/// Where the body of a function begins, behind its length, in bytes from the start of its module (WebAssembly: binary format, modules): those
/// that are imported come first, then those of the section of code. An imported one has none.
fn function_start(module: &[u8], wanted: u32) -> Option<u32> {
    const IMPORTS: u8 = 2;
    const CODE: u8 = 10;
    let (mut imported, mut code) = (0, None);
    for (id, section) in sections(module) {
        match id {
            IMPORTS => imported = imported_functions(section)?,
            CODE => code = Some(section),
            _ => {}
        }
    }
    let (count, mut bodies) = leb(code?)?;
    let number = wanted.checked_sub(imported).filter(|number| *number < count)?;
    for _ in 0..number {
        (_, bodies) = piece(bodies)?;
    }
    let (length, body) = leb(bodies)?;
    body.get(..length as usize)?;
    u32::try_from(body.as_ptr().addr().checked_sub(module.as_ptr().addr())?).ok()
}

/// How many functions the section of imports has; nothing if it has something unknown.
fn imported_functions(section: &[u8]) -> Option<u32> {
    let (count, mut rest) = leb(section)?;
    let mut functions = 0;
    for _ in 0..count {
        let (_, behind) = piece(rest)?;
        let (_, behind) = piece(behind)?;
        let (kind, behind) = behind.split_first()?;
        rest = match kind {
            0 => {
                functions += 1;
                number(behind)?
            }
            1 => limits(value_type(behind)?)?,
            2 => limits(behind)?,
            3 => value_type(behind)?.get(1..)?,
            4 => number(behind.get(1..)?)?,
            _ => return None,
        };
    }
    Some(functions)
}

/// What is behind a number, whose value does not matter.
fn number(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)?;
    bytes.get(end + 1..)
}

/// What is behind the type of a value: a byte, or one that says that a heap type follows.
fn value_type(bytes: &[u8]) -> Option<&[u8]> {
    const REFERENCE_TO: u8 = 0x63;
    const NON_NULL_REFERENCE_TO: u8 = 0x64;
    let (first, behind) = bytes.split_first()?;
    match *first {
        REFERENCE_TO | NON_NULL_REFERENCE_TO => number(behind),
        _ => Some(behind),
    }
}

/// What is behind limits: flags, the least, and maybe the most and the size of a page.
fn limits(bytes: &[u8]) -> Option<&[u8]> {
    const HAS_MOST: u8 = 1;
    const HAS_PAGE_SIZE: u8 = 8;
    let (flags, behind) = bytes.split_first()?;
    let mut rest = number(behind)?;
    for has in [HAS_MOST, HAS_PAGE_SIZE] {
        if flags & has != 0 {
            rest = number(rest)?;
        }
    }
    Some(rest)
}

/// The name of a function by the section `name` of a module (WebAssembly: appendix, custom sections): in it parts, and in the part of functions
/// numbers with names.
fn function_name(module: &[u8], wanted: u32) -> Option<String> {
    const CUSTOM: u8 = 0;
    const FUNCTION_NAMES: u8 = 1;
    for (_, section) in sections(module).filter(|(id, _)| *id == CUSTOM) {
        let (name, mut parts) = piece(section)?;
        if name != b"name" {
            continue;
        }
        while let Some((id, behind)) = parts.split_first() {
            let (part, next) = piece(behind)?;
            parts = next;
            if *id != FUNCTION_NAMES {
                continue;
            }
            let (count, mut names) = leb(part)?;
            for _ in 0..count {
                let (index, behind) = leb(names)?;
                let (name, next) = piece(behind)?;
                names = next;
                if index == wanted {
                    return Some(String::from_utf8_lossy(name).into_owned()).filter(|name| !name.is_empty());
                }
            }
        }
    }
    None
}

/// The first name under which a module exports a function (WebAssembly: binary format, modules).
fn exported_as(module: &[u8], wanted: u32) -> Option<String> {
    const EXPORTS: u8 = 7;
    const FUNCTION: u8 = 0;
    let (_, section) = sections(module).find(|(id, _)| *id == EXPORTS)?;
    let (count, mut rest) = leb(section)?;
    for _ in 0..count {
        let (name, behind) = piece(rest)?;
        let (kind, behind) = behind.split_first()?;
        let (index, behind) = leb(behind)?;
        rest = behind;
        if *kind == FUNCTION && index == wanted {
            return Some(String::from_utf8_lossy(name).into_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_a_section_of_their_own() {
        let mut module = MAGIC.to_vec();
        module.extend([1, 2, 9, 9]); // a section of types
        module.extend([0, 5, 4, b'm', b'e', b't', b'a']); // one of somebody else
        let parts = [0, 2, 1, b'm', 1, 10, 2, 1, 3, b'a', b'd', b'd', 7, 2, b'g', b'o'];
        module.extend([0, 5 + parts.len() as u8, 4, b'n', b'a', b'm', b'e']);
        module.extend(parts);
        assert_eq!(function_name(&module, 1).as_deref(), Some("add"));
        assert_eq!(function_name(&module, 7).as_deref(), Some("go"));
        assert_eq!(function_name(&module, 2), None);
        for length in 0..module.len() {
            let _ = function_name(&module[..length], 7);
        }
    }

    #[test]
    fn exports_have_names_too() {
        let mut module = MAGIC.to_vec();
        // A memory `m`, and function 4 as `go` and as `run`.
        module.extend([7, 16, 3, 1, b'm', 2, 4, 2, b'g', b'o', 0, 4, 3, b'r', b'u', b'n', 0, 4]);
        assert_eq!(exported_as(&module, 4).as_deref(), Some("go"));
        assert_eq!(exported_as(&module, 2), None);
        for length in 0..module.len() {
            let _ = exported_as(&module[..length], 4);
        }
    }

    #[test]
    fn merged_calls_lead_from_the_innermost_outwards() {
        // Function 7 was merged into function 5, and that into the code's own.
        let mut inlining = Vec::new();
        for (function, caller) in [(5_u32, 101_i64 << 1), (7, 1 << 31 | 103 << 1)] {
            inlining.extend(function.to_le_bytes());
            inlining.push(0);
            inlining.extend(caller.to_le_bytes());
        }
        let at = |number: i64| Some(RawPosition(number << 31 | 10 << 1));
        let place = |function, in_function| WasmPlace { function, in_function: Some(in_function) };
        let own = 3;
        assert_eq!(merged(at(2), own, &inlining), Some(vec![place(7, 9), place(5, 102), place(3, 100)]));
        assert_eq!(merged(at(1), own, &inlining), Some(vec![place(5, 9), place(3, 100)]));
        assert_eq!(merged(at(0), own, &inlining), Some(vec![place(3, 9)]));
        assert_eq!(merged(at(3), own, &inlining), None, "there are two");
        assert_eq!(merged(at(1), own, &inlining[13..]), None, "it leads to itself");
        assert_eq!(merged(None, own, &inlining), Some(vec![WasmPlace { function: 3, in_function: None }]));
    }

    #[test]
    fn the_body_of_a_function_is_found_behind_what_is_imported() {
        let mut module = MAGIC.to_vec();
        let mut imports = vec![6];
        let rest: [&[u8]; 6] = [
            &[0, 0x80, 1],          // a function of a type
            &[1, 0x70, 1, 1, 5],    // a table with a most
            &[2, 0, 1],             // a memory
            &[3, 0x63, 0x80, 1, 1], // a global that refers to a type
            &[4, 0, 2],             // a tag
            &[0, 3],                // a function
        ];
        for behind in rest {
            imports.extend([1, b'm', 2, b'a', b'b']);
            imports.extend(behind);
        }
        module.extend([2, imports.len() as u8]);
        module.extend(&imports);
        let code = [2, 2, 0, 0x0b, 0x84, 0, 0, 1, 1, 0x0b];
        module.extend([10, code.len() as u8]);
        module.extend(code);
        let place = |offset: usize| Some((module.len() - code.len() + offset) as u32);
        assert_eq!(function_start(&module, 2), place(2));
        assert_eq!(function_start(&module, 3), place(6));
        for other in [0, 1, 4, u32::MAX] {
            assert_eq!(function_start(&module, other), None);
        }
        for length in 0..module.len() {
            assert_eq!(function_start(&module[..length], 3), None);
        }
    }

    #[test]
    fn a_function_is_written_as_v8_does() {
        let function = |index, name: Option<&str>, offset| WasmFunction {
            instance: Tagged::default(),
            module: Some("wasm://wasm/0b71b4da".to_owned()),
            index,
            name: name.map(str::to_owned),
            offset,
            is_inlined: false,
        };
        assert_eq!(function(Some(2), None, None).to_string(), "wasm://wasm/0b71b4da:wasm-function[2]");
        assert_eq!(
            function(Some(2), Some("run"), Some(77)).to_string(),
            "run (wasm://wasm/0b71b4da:wasm-function[2]:0x4d)"
        );
        assert_eq!(function(None, None, None).to_string(), "wasm://wasm/0b71b4da:wasm-function[unknown]");
    }
}
