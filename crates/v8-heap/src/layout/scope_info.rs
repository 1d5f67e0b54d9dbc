//! `ScopeInfo`: what a scope declares: the names behind the slots of its contexts, the name of its function, its range
//! in the source.
//!
//! A sequence of words whose presence the flags announce (V8: `src/objects/scope-info.tq`):
//!
//! ```text
//!   +8   flags                        Smi; from V8 13 on a raw u32
//!        parameter count, local count
//!        [13+: start, end]
//!        [12+, modules: number of module variables]
//!        names of context locals      or one NameToIndexHashTable from 75 names on
//!        infos of context locals
//!        [saved class variable] [until 9: slot of the receiver] [function name, slot] [inferred name]
//!        [until 12: start, end] [outer ScopeInfo] [until 12: block list]
//!        [modules: info, (11: count), three words a variable]
//!        [13+: dependent code] [14+, functions: unused parameters]
//! ```

use super::Layout;
use super::class;
use super::versions::Version;
use crate::Tagged;

/// Up to this many names are stored in the scope info itself (`kScopeInfoMaxInlinedLocalNamesSize`).
const MOST_INLINE_NAMES: u64 = 75;

/// `VariableAllocationInfo::CONTEXT`
const FUNCTION_VARIABLE_IN_CONTEXT: u64 = 2;

/// `VariableAllocationInfo::STACK` and `CONTEXT`
const RECEIVER_PLACES: [u64; 2] = [1, 2];

/// Slots of every context: scope info and enclosing context; where they are fixed, extension and native context too
/// (`Context::MIN_CONTEXT_SLOTS`).
const LEAST_SLOTS: u64 = 2;
const FIXED_SLOTS: u64 = 4;

/// No scope has more (a guard against reading damage as counts).
const MOST_WORDS: u64 = 1 << 20;

/// Which words a `ScopeInfo` has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScopeInfoLayout {
    /// Where the receiver is, if that is in a context or on the stack; no positions of classes, all names in place.
    V9,
    /// Positions near the end, number of module variables behind the module info.
    V11,
    /// Number of module variables before the names.
    V12,
    /// Positions after the counts, scope types renumbered, flags a raw u32.
    V12_9,
    /// Code that depends on what sloppy `eval` may declare.
    V13,
    /// Unused parameters at the end of functions' scope infos.
    V14,
}

/// What opens a scope (V8: `ScopeType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeKind {
    /// A class: its private names, its name inside itself.
    Class,
    /// Code that `eval` runs.
    Eval,
    /// A function.
    Function,
    /// A module.
    Module,
    /// A script: its `let`, `const` and `class`.
    Script,
    /// `catch (problem)`
    Catch,
    /// A block, or a turn of a loop.
    Block,
    /// `with (object)`
    With,
    /// The outermost scope of a `ShadowRealm`.
    ShadowRealm,
}

/// The kinds of scopes by V8's numbers for them.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScopeKinds([Option<ScopeKind>; 16]);

impl ScopeKinds {
    pub(super) fn of(version: Version) -> ScopeKinds {
        let kind = |number: usize| {
            let name = class::value_name("ScopeFlags", "scope_type", number as u64, version)?;
            ScopeKind::of_name(name)
        };
        ScopeKinds(std::array::from_fn(kind))
    }
}

impl ScopeKind {
    /// The kind that V8 calls so.
    fn of_name(name: &str) -> Option<ScopeKind> {
        Some(match name {
            "CLASS_SCOPE" => ScopeKind::Class,
            "EVAL_SCOPE" => ScopeKind::Eval,
            "FUNCTION_SCOPE" => ScopeKind::Function,
            "MODULE_SCOPE" => ScopeKind::Module,
            // The other is of scripts whose `let` may be declared again.
            "SCRIPT_SCOPE" | "REPL_MODE_SCOPE" => ScopeKind::Script,
            "CATCH_SCOPE" => ScopeKind::Catch,
            "BLOCK_SCOPE" => ScopeKind::Block,
            "WITH_SCOPE" => ScopeKind::With,
            "SHADOW_REALM_SCOPE" => ScopeKind::ShadowRealm,
            _ => return None,
        })
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            ScopeKind::Class => "class",
            ScopeKind::Eval => "eval",
            ScopeKind::Function => "function",
            ScopeKind::Module => "module",
            ScopeKind::Script => "script",
            ScopeKind::Catch => "catch",
            ScopeKind::Block => "block",
            ScopeKind::With => "with",
            ScopeKind::ShadowRealm => "shadow realm",
        }
    }
}

/// The parts of a `ScopeInfo`, as indices of words counted from its first field (at +8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScopeInfoParts {
    /// What opens the scope, if its number is known.
    pub kind: Option<ScopeKind>,
    /// Number of context locals.
    pub locals: u64,
    /// First name, or the hash table.
    pub names: u64,
    /// The names are in a hash table.
    pub names_are_hashed: bool,
    /// Name of the function, if it is kept here.
    pub function_name: Option<u64>,
    /// The function's own name is a variable in a context; its slot follows the name.
    pub function_name_is_in_context: bool,
    /// First of the variables that are in the module instead of its context: name, cell index, properties.
    pub module_variables: u64,
    /// Number of these.
    pub module_variable_count: u64,
    /// Name that the parser inferred.
    pub inferred_name: Option<u64>,
    /// Start position; the end follows it.
    pub positions: Option<u64>,
    /// The enclosing scope.
    pub outer: Option<u64>,
    /// Contexts of this scope have an extension slot before their locals.
    pub has_extension_slot: bool,
    /// Slot of the first local in them.
    pub first_local: u64,
    /// Its code calls `eval` so that this can declare variables in it.
    pub calls_sloppy_eval: bool,
    /// Number of words.
    pub words: u64,
}

impl Layout {
    /// Whether the flags of a `ScopeInfo` are 32 bits, and no small integer (V8 12.9).
    pub(crate) fn scope_info_flags_are_bits(&self) -> bool {
        self.facts.scope_info >= ScopeInfoLayout::V12_9
    }
}

impl ScopeInfoParts {
    /// Takes a scope info apart. `word(i)` reads its i-th field; `None` if that cannot be read. `flags` are what the first begins with,
    /// where that is no number ([`Layout::scope_info_flags_are_bits`]).
    pub fn parse(
        layout: &Layout,
        flags: Option<u32>,
        word: impl Fn(u64) -> Option<Tagged>,
    ) -> Option<ScopeInfoParts> {
        let count = |index: u64| {
            let value = word(index)?.smi()?;
            u64::try_from(value).ok().filter(|count| *count < MOST_WORDS)
        };
        let bits = &layout.bits;
        let kinds = &layout.scope_kinds;
        let has_fixed_slots = layout.facts.contexts_have_fixed_slots;
        let layout = layout.facts.scope_info;
        let modern = layout >= ScopeInfoLayout::V12_9;
        let flags = match flags {
            Some(flags) => flags,
            None => word(0)?.smi()? as u32,
        };
        let kind = kinds.0[bits.scope_type.of(flags.into()) as usize & 15];
        let is_module = kind == Some(ScopeKind::Module);
        let is_function = kind == Some(ScopeKind::Function);

        let locals = count(2)?;
        let mut next = 3;
        let mut take = |words: u64| {
            let start = next;
            next += words;
            start
        };
        let mut positions = None;
        if modern {
            positions = Some(take(2));
        }
        let (mut module_variables, mut module_variable_count) = (0, 0);
        if is_module && layout >= ScopeInfoLayout::V12 {
            module_variable_count = count(take(1))?;
        }
        let early = layout < ScopeInfoLayout::V11;
        let names_are_hashed = !early && locals >= MOST_INLINE_NAMES;
        let names = take(if names_are_hashed { 1 } else { locals });
        take(locals);
        if bits.scope_class_variable.is_set(flags) {
            take(1);
        }
        if early && RECEIVER_PLACES.contains(&bits.scope_receiver.of(flags.into())) {
            take(1);
        }
        let function_name = bits.scope_function_variable.is_set(flags).then(|| take(2));
        let inferred_name = bits.scope_inferred_name.is_set(flags).then(|| take(1));
        if !modern {
            let has_positions = match kind {
                Some(ScopeKind::Class) => !early && !bits.scope_empty.is_set(flags),
                Some(
                    ScopeKind::Eval
                    | ScopeKind::Function
                    | ScopeKind::Module
                    | ScopeKind::Script
                    | ScopeKind::ShadowRealm,
                ) => true,
                _ => false,
            };
            if has_positions {
                positions = Some(take(2));
            }
        }
        let outer = bits.scope_outer.is_set(flags).then(|| take(1));
        if bits.scope_block_list.is_set(flags) {
            take(1);
        }
        if is_module {
            take(1);
            if layout < ScopeInfoLayout::V12 {
                module_variable_count = count(take(1))?;
            }
            module_variables = take(3 * module_variable_count);
        }
        if layout >= ScopeInfoLayout::V13 && bits.scope_sloppy_eval.is_set(flags) {
            take(1);
        }
        if layout >= ScopeInfoLayout::V14 && is_function {
            take(1);
        }
        let (has_extension_slot, first_local) = match has_fixed_slots {
            true => (true, FIXED_SLOTS),
            false => {
                let has_extension_slot = bits.scope_extension_slot.is_set(flags);
                (has_extension_slot, LEAST_SLOTS + u64::from(has_extension_slot))
            }
        };
        Some(ScopeInfoParts {
            kind,
            locals,
            names,
            names_are_hashed,
            function_name,
            function_name_is_in_context: bits.scope_function_variable.of(flags.into())
                == FUNCTION_VARIABLE_IN_CONTEXT,
            module_variables,
            module_variable_count,
            inferred_name,
            positions,
            outer,
            has_extension_slot,
            first_local,
            calls_sloppy_eval: bits.scope_sloppy_eval.is_set(flags),
            words: next,
        })
    }
}
