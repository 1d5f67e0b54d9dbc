//! Who the dumped process was.
//!
//! `NT_PRPSINFO` has the ids and 79 bytes of the command line. The rest is on the stack of the main thread, where
//! `create_elf_tables` (`fs/binfmt_elf.c`) put it, from low to high addresses:
//!
//! ```text
//! argc | argv[0] ... NULL | environment ... NULL | auxiliary vector | ... | 16 random bytes | ... | the strings
//! ```
//!
//! `AT_RANDOM` points to the random bytes, so the vector is found just below, recognised by its own contents. What the
//! pointers lead to is what the program has left there: Node overwrites it when `process.title` is set.

use crate::address_space::AddressSpace;
use crate::notes::auxv::AuxiliaryVector;
use crate::notes::prpsinfo::ProcessInfo;
use crate::{Address, Memory};

/// The auxiliary vector is searched this far below the random bytes.
const SEARCH: u64 = 1 << 13;
/// No more arguments and variables are read than this, and no more bytes of each.
const COUNT_LIMIT: usize = 1 << 16;
const STRING_LIMIT: usize = 128 << 10;
/// Together they are cut here: the kernel allows a quarter of the stack limit, usually 2 MiB.
const TOTAL_LIMIT: usize = 8 << 20;

/// The dumped process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Process id.
    pub id: u32,
    /// Process id of the parent.
    pub parent_id: u32,
    /// Real user id.
    pub user_id: u32,
    /// Real group id.
    pub group_id: u32,
    /// Name of the main thread (`comm`), at most 15 bytes.
    pub name: String,
    /// The command line as `ps` shows it, arguments separated by spaces, cut at 79 bytes.
    pub command_line: String,
    /// All arguments in full, or empty if the stack is not in the core.
    pub arguments: Vec<String>,
    /// The environment as `NAME=value`, or empty if the stack is not in the core.
    pub environment: Vec<String>,
    /// The path that was executed (`AT_EXECFN`), as it was given to the kernel.
    pub executed_path: Option<String>,
}

impl Process {
    pub(crate) fn new(info: ProcessInfo, memory: &AddressSpace, auxv: &AuxiliaryVector) -> Process {
        let executed_path =
            auxv.address(AuxiliaryVector::EXECUTED_PATH).and_then(|at| memory.c_string(at, STRING_LIMIT));
        let (arguments, environment) = strings_on_stack(memory, auxv).unwrap_or_default();
        Process {
            id: info.id,
            parent_id: info.parent_id,
            user_id: info.user_id,
            group_id: info.group_id,
            name: info.name,
            command_line: info.arguments,
            arguments,
            environment,
            executed_path,
        }
    }
}

/// Arguments and environment.
fn strings_on_stack(memory: &AddressSpace, auxv: &AuxiliaryVector) -> Option<(Vec<String>, Vec<String>)> {
    let vector = find_vector(memory, auxv)?;
    let word = |below: usize| memory.read_u64(Address(vector.checked_sub(8 * below as u64)?)).ok();
    // Downwards from the vector: NULL, environment, NULL, arguments, argc.
    let mut below = 1;
    word(below).filter(|word| *word == 0)?;
    let mut pointers = |ends: &dyn Fn(u64, usize) -> bool| {
        let mut found = Vec::new();
        loop {
            below += 1;
            let value = word(below)?;
            if ends(value, found.len()) {
                found.reverse();
                return Some(found);
            }
            if found.len() == COUNT_LIMIT {
                return None;
            }
            found.push(value);
        }
    };
    let environment = pointers(&|value, _| value == 0)?;
    let arguments = pointers(&|value, count| value == count as u64)?;
    let mut room = TOTAL_LIMIT;
    let mut strings = |pointers: Vec<u64>| -> Vec<String> {
        pointers
            .into_iter()
            .map_while(|at| {
                let text = memory.c_string(Address(at), STRING_LIMIT.min(room))?;
                room -= text.len().min(room);
                (room > 0).then_some(text)
            })
            .collect()
    };
    Some((strings(arguments), strings(environment)))
}

/// The address of the auxiliary vector on the stack.
fn find_vector(memory: &AddressSpace, auxv: &AuxiliaryVector) -> Option<u64> {
    let first: Vec<u8> = auxv
        .entries()
        .iter()
        .take(4)
        .flat_map(|(kind, value)| [kind.to_le_bytes(), value.to_le_bytes()])
        .flatten()
        .collect();
    if first.is_empty() {
        return None;
    }
    let random = auxv.address(AuxiliaryVector::RANDOM)?.0;
    // A trimmed core may not reach down that far.
    let piece = memory.range_at(Address(random))?.start.0;
    let start = (random.checked_sub(SEARCH)? & !7).max(piece);
    let stack = memory.slice(Address(start), (random - start) as usize)?;
    let at = memchr::memmem::rfind(stack, &first)?;
    (at % 8 == 0).then_some(start + at as u64)
}
