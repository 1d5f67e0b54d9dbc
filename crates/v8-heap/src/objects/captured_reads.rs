//! Which captured variables a function reads.
//!
//! Bytecode names a captured variable by the register of a context, how many contexts further out the variable's own is, and its
//! slot there. Which context a register holds follows from where scopes are entered and left. What the functions inside of a
//! function read counts as read by it, since it can make them when it is called.
//!
//! A function that has no bytecode, since it has not been called yet or not for a while, reads at most variables whose names are
//! words of its source. Direct `eval` can read whatever is around it; a name that `with` or sloppy `eval` may have caught is
//! looked up in every scope. To set a `let` is to look first whether it has been declared, which counts as reading it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::layout::{ContextBytecode, ContextBytecodes};
use crate::objects::bytecode::handlers;
use crate::objects::shared_function_info::FunctionCode;
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Result, Tagged};

/// Functions inside one another, beyond which anything counts as read.
const MOST_NESTED: usize = 200;
/// Constants of a function, beyond which a table is damaged.
const MOST_CONSTANTS: u64 = 1 << 20;

/// A slot of a context that a function reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SlotRead {
    /// How far out: of the contexts around the function, 0 for the innermost; of its own, 0 for the first that it makes.
    pub distance: u32,
    /// Slot of the context.
    pub slot: u32,
}

/// What a function may read of the contexts around it and of its own.
#[derive(Clone, Debug, Default)]
pub struct CapturedReads {
    /// Slots of the contexts around it, sorted.
    pub around: Vec<SlotRead>,
    /// Slots of contexts that a call of it makes, sorted.
    pub own: Vec<SlotRead>,
    /// Names of variables that it may read, in whatever context they are.
    pub names: Vec<Arc<HashSet<String>>>,
    /// It may read any variable.
    pub any: bool,
}

impl CapturedReads {
    fn anything() -> CapturedReads {
        CapturedReads { any: true, ..CapturedReads::default() }
    }

    /// Adds what a function inside reads, which is made `level` contexts inside of where the outer one begins.
    fn add_inner(&mut self, inner: &CapturedReads, level: u32) {
        for read in &inner.around {
            self.add(read.distance, read.slot, level);
        }
        for names in &inner.names {
            if !self.names.iter().any(|known| Arc::ptr_eq(known, names)) {
                self.names.push(names.clone());
            }
        }
        self.any |= inner.any;
    }

    /// Adds a slot, seen from `level` contexts inside of where the function begins.
    fn add(&mut self, distance: u32, slot: u32, level: u32) {
        if distance < level {
            self.own.push(SlotRead { distance: level - distance - 1, slot });
        } else {
            self.around.push(SlotRead { distance: distance - level, slot });
        }
    }
}

/// What functions read, by `SharedFunctionInfo`, as far as it has been found out.
#[derive(Debug, Default)]
pub struct KnownReads {
    by_shared: HashMap<u64, Arc<CapturedReads>>,
    /// Functions that are being looked at.
    open: HashSet<u64>,
}

impl KnownReads {
    /// What the function of a `SharedFunctionInfo` reads.
    pub fn of(&mut self, view: &View<'_>, shared: Tagged) -> Arc<CapturedReads> {
        if let Some(known) = self.by_shared.get(&shared.0) {
            return known.clone();
        }
        if self.open.len() >= MOST_NESTED || !self.open.insert(shared.0) {
            return Arc::new(CapturedReads::anything());
        }
        let mut reads = view.find_captured_reads(shared, self).unwrap_or_else(|_| CapturedReads::anything());
        for slots in [&mut reads.around, &mut reads.own] {
            slots.sort_unstable();
            slots.dedup();
        }
        self.open.remove(&shared.0);
        let reads = Arc::new(reads);
        self.by_shared.insert(shared.0, reads.clone());
        reads
    }
}

impl View<'_> {
    fn find_captured_reads(&self, shared: Tagged, known: &mut KnownReads) -> Result<CapturedReads> {
        let shared = self.object(shared)?;
        let function = self.shared_function(shared)?;
        let scope = self.scope_info_of(shared)?.and_then(|scope| self.scope_info(scope));
        if scope.is_some_and(|scope| scope.calls_sloppy_eval) {
            return Ok(CapturedReads::anything());
        }
        let bytecode = match function.code {
            // These read none of the program's variables.
            FunctionCode::Builtin(_) | FunctionCode::Native(_) => return Ok(CapturedReads::default()),
            FunctionCode::Bytecode(_) | FunctionCode::Baseline(_) => self.bytecode_array(shared)?,
            FunctionCode::Uncompiled(_) | FunctionCode::Other(_) => None,
        };
        match bytecode {
            Some(bytecode) => self.reads_of_bytecode(bytecode, known),
            None => self.reads_of_source(shared),
        }
    }

    /// The words of a function's source.
    fn reads_of_source(&self, shared: HeapObject<'_>) -> Result<CapturedReads> {
        let function = self.shared_function(shared)?;
        let (Some(script), Some(range)) = (function.script, self.shared_range(&function)?) else {
            return Ok(CapturedReads::anything());
        };
        let script = self.script(script)?;
        let text = self.script_text(&script, range.definition, range.end)?;
        if text.len() < (range.end - range.definition) as usize {
            return Ok(CapturedReads::anything());
        }
        Ok(match words_of(&text) {
            Some(words) => CapturedReads { names: vec![Arc::new(words)], ..CapturedReads::default() },
            None => CapturedReads::anything(),
        })
    }

    fn reads_of_bytecode(&self, bytecode: HeapObject<'_>, known: &mut KnownReads) -> Result<CapturedReads> {
        let (Some(sizes), Some(meanings)) = (&self.layout().bytecodes, &self.layout().context_bytecodes)
        else {
            return Ok(CapturedReads::anything());
        };
        let (start, end) = self.bytecode_range(bytecode)?;
        let bytes = self.words().slice(start, (end - start) as usize, "bytecodes")?;
        let constants = self.constants(bytecode)?;
        let constant = |index: Option<u32>| constants.get(index? as usize).copied();
        let mut reads = CapturedReads::default();
        let mut levels = Levels::new(self.handlers_of(bytecode)?);
        let mut looks_up = false;
        let mut at = 0;
        while at < bytes.len() {
            let Some(one) = sizes.instruction(&bytes[at..]) else { return Ok(CapturedReads::anything()) };
            let Some(level) = levels.enter(at) else { return Ok(CapturedReads::anything()) };
            let offset = at + one.prefix;
            let forward = |distance: Option<u32>| offset.checked_add(distance? as usize);
            let forward_constant = |index| forward(u32::try_from(constant(index)?.smi()?).ok());
            let meaning = meanings.meaning(one.number);
            let is_known = match meaning {
                ContextBytecode::Other => true,
                ContextBytecode::LoadCurrent => {
                    one.unsigned(0).map(|slot| reads.add(0, slot, level)).is_some()
                }
                ContextBytecode::Load => {
                    let from = one.register(0).and_then(|register| levels.of(register));
                    match (from, one.unsigned(1), one.unsigned(2)) {
                        (Some(from), Some(slot), Some(distance)) => {
                            reads.add(distance, slot, from);
                            true
                        }
                        _ => false,
                    }
                }
                ContextBytecode::Move => {
                    if one.register(0) == Some(ContextBytecodes::CURRENT) {
                        one.register(1).is_some_and(|to| levels.save(to))
                    } else {
                        // Contexts are kept in registers that nothing else is copied to, but for other contexts.
                        true
                    }
                }
                ContextBytecode::Push => one.register(0).is_some_and(|register| levels.push(register)),
                ContextBytecode::Pop => one.register(0).is_some_and(|register| levels.pop(register)),
                ContextBytecode::Lookup => {
                    looks_up = true;
                    true
                }
                ContextBytecode::Closure => match constant(one.unsigned(0)) {
                    Some(shared) => {
                        reads.add_inner(&known.of(self, shared), level);
                        true
                    }
                    None => false,
                },
                ContextBytecode::Branch | ContextBytecode::Jump => levels.jump(forward(one.unsigned(0))),
                ContextBytecode::BranchConstant | ContextBytecode::JumpConstant => {
                    levels.jump(forward_constant(one.unsigned(0)))
                }
                ContextBytecode::Switch => match (one.unsigned(0), one.unsigned(1)) {
                    (Some(first), Some(count)) => {
                        let last = first.saturating_add(count).min(constants.len() as u32);
                        // Places that were optimised away are holes.
                        (first..last).for_each(|index| {
                            levels.jump(forward_constant(Some(index)));
                        });
                        true
                    }
                    _ => false,
                },
                ContextBytecode::End => true,
                ContextBytecode::Debug => false,
            };
            if !is_known {
                return Ok(CapturedReads::anything());
            }
            at += one.length;
            let ends = matches!(
                meaning,
                ContextBytecode::Jump | ContextBytecode::JumpConstant | ContextBytecode::End
            );
            levels.leave(ends);
        }
        self.add_dynamic(&constants, looks_up, &mut reads);
        Ok(reads)
    }

    /// Adds what is read by name. Direct `eval` is a call of what the name `eval` means.
    fn add_dynamic(&self, constants: &[Tagged], looks_up: bool, reads: &mut CapturedReads) {
        let mut names = HashSet::new();
        for constant in constants {
            if self.is_text(*constant, EVAL) {
                reads.any = true;
                return;
            }
            if looks_up && let Some(name) = self.name_text(*constant) {
                names.insert(name);
            }
        }
        if looks_up {
            reads.names.push(Arc::new(names));
        }
    }

    fn constants(&self, bytecode: HeapObject<'_>) -> Result<Vec<Tagged>> {
        let at = bytecode.address + self.fields().bytecode_constants;
        let array = self.object(self.words().protected(at, "constants of a BytecodeArray")?)?;
        if !matches!(self.layout().type_name(array.map.instance_type), "FixedArray" | "TrustedFixedArray") {
            return Err(self.wrong_type(array.value(), "FixedArray"));
        }
        let length = self.fixed_array_length(array.address)?.min(MOST_CONSTANTS);
        let element = |index| self.words().tagged(self.fields().element(array.address, index), "constant");
        (0..length).map(element).collect()
    }

    /// Where what is thrown is caught: of each handler, its place and where the bytecodes begin that it is for.
    fn handlers_of(&self, bytecode: HeapObject<'_>) -> Result<Vec<(usize, usize)>> {
        let at = bytecode.address + self.fields().bytecode_handlers;
        let Ok(table) = self.object(self.words().protected(at, "handlers of a BytecodeArray")?) else {
            return Ok(Vec::new());
        };
        let Some(bytes) = self.bytes_of_array(table)? else { return Ok(Vec::new()) };
        let entries = handlers(bytes, self.layout().facts.handler_offset_shift);
        let places = entries.iter().map(|entry| (entry.handler as usize, entry.start as usize));
        let mut handlers: Vec<(usize, usize)> = places.collect();
        handlers.sort_unstable();
        Ok(handlers)
    }
}

/// How many contexts of its own a function has entered, from one bytecode to the next.
struct Levels {
    /// Of the bytecode at hand; `None` if nothing leads there.
    now: Option<u32>,
    /// By register: of the context that it keeps.
    saved: HashMap<i64, u32>,
    /// By offset: of places that are jumped to.
    targets: HashMap<usize, u32>,
    handlers: Vec<(usize, usize)>,
    /// By offset: of places where the handlers' bytecodes begin.
    starts: HashMap<usize, Option<u32>>,
}

impl Levels {
    fn new(handlers: Vec<(usize, usize)>) -> Levels {
        let starts = handlers.iter().map(|(_, start)| (*start, None)).collect();
        Levels { now: Some(0), saved: HashMap::new(), targets: HashMap::new(), handlers, starts }
    }

    /// The level at an offset.
    fn enter(&mut self, at: usize) -> Option<u32> {
        if let Some(level) = self.targets.get(&at) {
            self.now = Some(*level);
        } else if self.now.is_none() {
            // A handler goes on with the context with which its bytecodes began.
            let handler = self.handlers.partition_point(|(handler, _)| *handler < at);
            let found = self.handlers.get(handler).filter(|(handler, _)| *handler == at);
            self.now = found.and_then(|(_, start)| *self.starts.get(start)?);
        }
        if let Some(start) = self.starts.get_mut(&at) {
            *start = self.now;
        }
        self.now
    }

    fn leave(&mut self, ends: bool) {
        if ends {
            self.now = None;
        }
    }

    fn of(&self, register: i64) -> Option<u32> {
        if register == ContextBytecodes::CURRENT { self.now } else { self.saved.get(&register).copied() }
    }

    fn save(&mut self, register: i64) -> bool {
        self.now.map(|now| self.saved.insert(register, now)).is_some()
    }

    fn push(&mut self, register: i64) -> bool {
        let is_saved = self.save(register);
        self.now = self.now.map(|now| now + 1);
        is_saved
    }

    fn pop(&mut self, register: i64) -> bool {
        self.now = self.saved.get(&register).copied();
        self.now.is_some()
    }

    fn jump(&mut self, to: Option<usize>) -> bool {
        match (to, self.now) {
            (Some(to), Some(now)) => {
                self.targets.entry(to).or_insert(now);
                true
            }
            _ => false,
        }
    }
}

/// What makes a call a direct one of `eval`, if it is called so.
const EVAL: &str = "eval";

/// The words of a source that can be names; `None` if it may have names that are written in another way, or calls `eval`.
fn words_of(text: &[u16]) -> Option<HashSet<String>> {
    let is_of_word = |unit: u16| match u8::try_from(unit) {
        Ok(byte) => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'#') || byte >= 0x80,
        Err(_) => true,
    };
    let escape = [u16::from(b'\\'), u16::from(b'u')];
    if text.windows(2).any(|pair| pair == escape) {
        return None;
    }
    let words = text.split(|unit| !is_of_word(*unit)).filter(|word| !word.is_empty());
    let mut words: HashSet<String> = words.map(String::from_utf16_lossy).collect();
    if words.contains(EVAL) {
        return None;
    }
    // What `super` means is found by `this`.
    if words.contains("super") {
        words.insert("this".to_owned());
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Option<HashSet<String>> {
        words_of(&text.encode_utf16().collect::<Vec<_>>())
    }

    #[test]
    fn the_words_of_a_source_are_what_can_be_names() {
        let found = words("(a, $b) => { return this.#c + größe['d-e'] / super.f }").unwrap();
        for name in ["a", "$b", "return", "this", "#c", "größe", "d", "e", "super", "f"] {
            assert!(found.contains(name), "{name}");
        }
        assert!(!found.contains("b") && !found.contains("c") && !found.contains(""));
        assert!(words("() => super.x").unwrap().contains("this"));
        assert_eq!(words("() => eval(x)"), None);
        assert_eq!(words(r"() => \u0061"), None);
    }

    #[test]
    fn what_an_inner_function_reads_is_its_own_or_around() {
        let mut reads = CapturedReads::default();
        let slot = |distance, slot| SlotRead { distance, slot };
        let inner =
            CapturedReads { around: vec![slot(0, 7), slot(1, 8), slot(2, 9)], ..CapturedReads::default() };
        reads.add_inner(&inner, 2);
        assert_eq!(reads.own, [slot(1, 7), slot(0, 8)]);
        assert_eq!(reads.around, [slot(0, 9)]);
    }

    #[test]
    fn the_level_follows_scopes_jumps_and_handlers() {
        // The bytecodes from 2 on are guarded; what they throw is caught at 20.
        let mut levels = Levels::new(vec![(20, 2)]);
        assert_eq!(levels.enter(0), Some(0));
        assert!(levels.push(-7));
        assert_eq!(levels.enter(2), Some(1));
        assert!(levels.push(-8));
        assert!(levels.jump(Some(30)));
        assert_eq!(
            (levels.of(ContextBytecodes::CURRENT), levels.of(-8), levels.of(-7)),
            (Some(2), Some(1), Some(0))
        );
        assert_eq!(levels.of(-9), None);
        assert!(levels.pop(-7));
        levels.leave(true);
        // Nothing leads to 10; to 20 what is thrown.
        assert_eq!(levels.enter(10), None);
        assert_eq!(levels.enter(20), Some(1));
        levels.leave(true);
        assert_eq!(levels.enter(30), Some(2));
        assert!(!levels.pop(-9));
    }
}
