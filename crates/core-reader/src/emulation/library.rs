//! Functions of the C and C++ libraries that programs call: done instead of followed. They are known by their names, at the words through
//! which modules call them and where they are, so that the libraries themselves need not be at hand.

use std::collections::HashMap;

use super::{Emulator, Reply, nowhere, text};
use crate::Address;
use crate::architecture::Halt;
use crate::symbols::Symbols;

/// No text is longer, in bytes.
const LONGEST_TEXT: u64 = 1 << 24;
/// No row of bytes is longer that is copied, filled or compared in one call.
const MOST_BYTES: u64 = 1 << 26;
/// Bytes that one instruction's worth of time goes through.
const BYTES_A_STEP: u64 = 16;

/// What such a function does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Allocate,
    AllocateZeros,
    AllocateAligned,
    AllocateAgain,
    Free,
    Copy,
    Fill,
    Compare,
    FindByte,
    TextLength,
    CompareTexts,
    CompareTextsUpTo,
    /// Nothing; returns 0.
    Nothing,
    /// Ends the program.
    End,
    /// Whether a variable of a function is yet to be made.
    GuardAcquire,
    GuardRelease,
    /// How many buckets a hash table needs with more elements.
    NeedRehash,
    NextBuckets,
}

/// Those of the C library, those of C++ by their mangled names (Itanium C++ ABI; libstdc++'s `hashtable_c++0x.cc`).
static FUNCTIONS: &[(Function, &[&str])] = &[
    (Function::Allocate, &["malloc", "_Znwm", "_Znam", "_ZnwmRKSt9nothrow_t", "_ZnamRKSt9nothrow_t"]),
    (Function::AllocateZeros, &["calloc"]),
    (Function::AllocateAligned, &["_ZnwmSt11align_val_t", "_ZnamSt11align_val_t"]),
    (Function::AllocateAgain, &["realloc"]),
    (
        Function::Free,
        &[
            "free",
            "_ZdlPv",
            "_ZdlPvm",
            "_ZdaPv",
            "_ZdaPvm",
            "_ZdlPvSt11align_val_t",
            "_ZdlPvmSt11align_val_t",
        ],
    ),
    (Function::Copy, &["memcpy", "memmove", "__memcpy_chk", "__memmove_chk"]),
    (Function::Fill, &["memset", "__memset_chk"]),
    (Function::Compare, &["memcmp", "bcmp"]),
    (Function::FindByte, &["memchr"]),
    (Function::TextLength, &["strlen"]),
    (Function::CompareTexts, &["strcmp"]),
    (Function::CompareTextsUpTo, &["strncmp"]),
    (
        Function::Nothing,
        &[
            "pthread_mutex_lock",
            "pthread_mutex_trylock",
            "pthread_mutex_unlock",
            "pthread_mutex_init",
            "pthread_mutex_destroy",
            "pthread_rwlock_rdlock",
            "pthread_rwlock_wrlock",
            "pthread_rwlock_unlock",
            "__cxa_atexit",
        ],
    ),
    (
        Function::End,
        &[
            "abort",
            "exit",
            "_exit",
            "__stack_chk_fail",
            "__assert_fail",
            "__cxa_throw",
            "__cxa_rethrow",
            "__cxa_pure_virtual",
            "_ZSt9terminatev",
            "_ZSt17__throw_bad_allocv",
            "_ZSt28__throw_bad_array_new_lengthv",
            "_ZSt20__throw_length_errorPKc",
            "_ZSt19__throw_logic_errorPKc",
            "_ZSt20__throw_out_of_rangePKc",
            "_ZSt24__throw_out_of_range_fmtPKcz",
            "_ZSt25__throw_bad_function_callv",
        ],
    ),
    (Function::GuardAcquire, &["__cxa_guard_acquire"]),
    (Function::GuardRelease, &["__cxa_guard_release"]),
    (Function::NeedRehash, &["_ZNKSt8__detail20_Prime_rehash_policy14_M_need_rehashEmmm"]),
    (Function::NextBuckets, &["_ZNKSt8__detail20_Prime_rehash_policy11_M_next_bktEm"]),
];

/// Where modules call these functions, and where they are.
pub(super) fn places(symbols: &dyn Symbols) -> HashMap<u64, Function> {
    let by_name: HashMap<&str, Function> =
        FUNCTIONS.iter().flat_map(|(function, names)| names.iter().map(|name| (*name, *function))).collect();
    let mut places = HashMap::new();
    let mut called: Vec<&str> = Vec::new();
    for (slot, name) in symbols.imports() {
        if let Some((name, function)) = by_name.get_key_value(&*name) {
            places.insert(slot.0, *function);
            called.push(name);
        }
    }
    // Nothing is imported where everything is in one file.
    for (name, function) in by_name.iter().filter(|_| called.is_empty()) {
        if let Some(symbol) = symbols.find(name) {
            places.insert(symbol.address.0, *function);
        }
    }
    places
}

impl Function {
    /// Does what it does.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn call(self, emulator: &mut Emulator<'_>, at: u64) -> Result<Reply, Halt> {
        let [one, other, third] = [0, 1, 2].map(|number| emulator.argument(number));
        let value = match self {
            Function::Allocate => emulator.allocator.allocate(&mut emulator.memory, one, 1)?,
            Function::AllocateZeros => emulator.allocate(one.checked_mul(other).ok_or(Halt::Room)?)?,
            Function::AllocateAligned => {
                let alignment = Some(other).filter(|other| other.is_power_of_two() && *other <= 1 << 12);
                emulator.allocator.allocate(&mut emulator.memory, one, alignment.ok_or(Halt::Room)?)?
            }
            Function::AllocateAgain => {
                let block = emulator.allocate(other)?;
                if one != 0 {
                    let own = emulator.allocator.size(&mut emulator.memory, one)?;
                    // How long a block of the process is nobody knows.
                    let count = own.ok_or(Halt::Missing(Address(at)))?.min(other);
                    emulator.goes_through(count)?;
                    text::copy(&mut emulator.memory, block, one, count)?;
                    emulator.allocator.free(&mut emulator.memory, one)?;
                }
                block
            }
            Function::Free => {
                emulator.allocator.free(&mut emulator.memory, one)?;
                0
            }
            Function::Copy => {
                emulator.goes_through(third)?;
                text::copy(&mut emulator.memory, one, other, third)?;
                one
            }
            Function::Fill => {
                emulator.goes_through(third)?;
                text::fill(&mut emulator.memory, one, other as u8, third)?;
                one
            }
            Function::Compare => {
                emulator.goes_through(third)?;
                text::compare(&mut emulator.memory, one, other, third, false)? as u64
            }
            Function::FindByte => {
                emulator.goes_through(third)?;
                text::find(&mut emulator.memory, one, other as u8, third)?.unwrap_or(0)
            }
            Function::TextLength => {
                let length = text::length(&mut emulator.memory, one, LONGEST_TEXT)?;
                emulator.goes_through(length)?;
                length
            }
            Function::CompareTexts | Function::CompareTextsUpTo => {
                let most = if self == Function::CompareTexts { LONGEST_TEXT } else { third };
                let length = text::length(&mut emulator.memory, one, most.min(LONGEST_TEXT))?;
                emulator.goes_through(length)?;
                text::compare(&mut emulator.memory, one, other, most.min(length + 1), true)? as u64
            }
            Function::Nothing => 0,
            Function::End => return Err(Halt::Trap(emulator.instruction())),
            Function::GuardAcquire => u64::from(emulator.memory.number(one, 1)? == 0),
            Function::GuardRelease => {
                emulator.memory.set_number(one, 1, 1)?;
                0
            }
            Function::NextBuckets => {
                let count = other.max(2).checked_next_power_of_two().ok_or(Halt::Room)? - 1;
                emulator.set_word(one.checked_add(8).ok_or(nowhere(one))?, count)?;
                count
            }
            Function::NeedRehash => {
                // this { float, when to grow next }, buckets, elements, further elements
                let next = one.checked_add(8).ok_or(nowhere(one))?;
                let needed = third.saturating_add(emulator.argument(3));
                if needed <= emulator.word(next)? {
                    return Ok(Reply::Pair(0, 0));
                }
                let buckets = needed.max(other).max(8).checked_mul(2).ok_or(Halt::Room)? | 1;
                emulator.set_word(next, buckets)?;
                return Ok(Reply::Pair(1, buckets));
            }
        };
        Ok(Reply::Value(value))
    }
}

impl Emulator<'_> {
    /// Such a call costs steps as well.
    fn goes_through(&mut self, bytes: u64) -> Result<(), Halt> {
        if bytes > MOST_BYTES {
            return Err(Halt::Room);
        }
        self.steps = self.steps.checked_sub(bytes / BYTES_A_STEP).ok_or(Halt::Steps)?;
        Ok(())
    }
}
