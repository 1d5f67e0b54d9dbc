//! Functions of WebAssembly that run.
//!
//! ```text
//!   fp - 8    twice the type of the frame
//!   fp - 16   instance --> module --> Managed --> NativeModule
//!   NativeModule   owned_code_, a tree by first instruction --> WasmCode: module, first instruction, ... size, ... number of the function
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
    /// Optimised code has it merged into its caller.
    pub is_inlined: bool,
}

impl std::fmt::Display for WasmFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let module = self.module.as_deref().unwrap_or("<WebAssembly>");
        let place = match self.index {
            Some(index) => format!("{module}:wasm-function[{index}]"),
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
        let indices = native.and_then(|native| self.wasm_function_indices(native, instruction));
        let module = url.and_then(|url| Some(self.string(url, 1 << 12).ok()?.to_text()));
        let bytes = native.and_then(|native| self.wire_bytes(native));
        let function = |index: Option<u32>, is_inlined| WasmFunction {
            instance: object.value(),
            module: module.clone(),
            index,
            name: index.zip(bytes).and_then(|(index, bytes)| function_name(bytes, index)),
            is_inlined,
        };
        Some(match indices {
            None => vec![function(None, false)],
            Some(indices) => {
                let last = indices.len() - 1;
                let numbered = indices.into_iter().enumerate();
                numbered.map(|(at, index)| function(Some(index), at < last)).collect()
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

    /// The numbers of the functions that an instruction is in, innermost first: never none.
    fn wasm_function_indices(&self, native: u64, instruction: u64) -> Option<Vec<u32>> {
        let mut words = self.module_words(native);
        words.find_map(|(at, word)| {
            let in_tree = || self.in_tree(native, at, word, instruction);
            in_tree().or_else(|| self.in_list(native, at, word, instruction))
        })
    }

    /// The numbers of the functions, if this is the code that an instruction is in.
    fn indices_of_code(&self, native: u64, code: u64, instruction: u64) -> Option<Vec<u32>> {
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
        if !layout.merges_calls {
            return Some(vec![own]);
        }
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
        let mut functions = merged(position_at(positions, at, two_flags), inlining)?;
        functions.push(own);
        Some(functions)
    }

    /// Looks an instruction up in a tree whose root a word of the module is.
    fn in_tree(&self, native: u64, at: u64, root: u64, instruction: u64) -> Option<Vec<u32>> {
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
        self.indices_of_code(native, nearest?, instruction)
    }

    /// Looks an instruction up in a list that begins where a word of the module says.
    fn in_list(&self, native: u64, at: u64, begin: u64, instruction: u64) -> Option<Vec<u32>> {
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
        (0..bytes / 8).map_while(code).find_map(|code| self.indices_of_code(native, code, instruction))
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

/// The functions that were merged where a position is, innermost first; nothing if that leads nowhere.
fn merged(mut position: Option<RawPosition>, inlining: &[u8]) -> Option<Vec<u32>> {
    let mut functions = Vec::new();
    // A call lies in an earlier one.
    let mut last = usize::MAX;
    while let Some(number) = position.and_then(RawPosition::inlining) {
        let entry = inlining.chunks_exact(WasmFrameLayout::INLINING_POSITION).nth(number)?;
        if number >= last {
            return None;
        }
        last = number;
        functions.push(u32::from_le_bytes(*entry.first_chunk()?));
        let (_, caller) = entry.split_at_checked(WasmFrameLayout::CALLER_POSITION)?;
        position = Some(RawPosition(i64::from_le_bytes(*caller.first_chunk()?)));
    }
    Some(functions)
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

/// The name of a function by the section `name` of a module (WebAssembly: appendix, custom sections): sections, in it parts, and in the part
/// of functions numbers with names.
fn function_name(module: &[u8], wanted: u32) -> Option<String> {
    const CUSTOM: u8 = 0;
    const FUNCTION_NAMES: u8 = 1;
    let mut rest = module.get(MAGIC.len()..)?;
    while let Some((id, behind)) = rest.split_first() {
        let (section, next) = piece(behind)?;
        rest = next;
        if *id != CUSTOM {
            continue;
        }
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
    fn merged_calls_lead_from_the_innermost_outwards() {
        // Function 7 was merged into function 5, and that into the code's own.
        let mut inlining = Vec::new();
        for (function, caller) in [(5_u32, 101_i64 << 1), (7, 1 << 31 | 103 << 1)] {
            inlining.extend(function.to_le_bytes());
            inlining.push(0);
            inlining.extend(caller.to_le_bytes());
        }
        let at = |number: i64| Some(RawPosition(number << 31 | 1 << 1));
        assert_eq!(merged(at(2), &inlining), Some(vec![7, 5]));
        assert_eq!(merged(at(1), &inlining), Some(vec![5]));
        assert_eq!(merged(at(0), &inlining), Some(Vec::new()));
        assert_eq!(merged(at(3), &inlining), None, "there are two");
        assert_eq!(merged(at(1), &inlining[13..]), None, "it leads to itself");
        assert_eq!(merged(None, &inlining), Some(Vec::new()));
    }

    #[test]
    fn a_function_is_written_as_v8_does() {
        let function = |index, name: Option<&str>| WasmFunction {
            instance: Tagged::default(),
            module: Some("wasm://wasm/0b71b4da".to_owned()),
            index,
            name: name.map(str::to_owned),
            is_inlined: false,
        };
        assert_eq!(function(Some(2), None).to_string(), "wasm://wasm/0b71b4da:wasm-function[2]");
        assert_eq!(function(Some(2), Some("run")).to_string(), "run (wasm://wasm/0b71b4da:wasm-function[2])");
        assert_eq!(function(None, None).to_string(), "wasm://wasm/0b71b4da:wasm-function[unknown]");
    }
}
