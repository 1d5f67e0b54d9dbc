//! Variables: `value>name` assigns, `<name` reads.

use std::collections::BTreeMap;

use core_reader::{AuxiliaryVector, Core, Registers};

/// Names that exist from the start and cannot be removed, with what MDB keeps in them.
const PERSISTENT: [&str; 16] =
    ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "b", "d", "e", "hits", "m", "t"];

/// The first four bytes of an ELF file, as a little-endian word.
const ELF_MAGIC: u64 = 0x464c_457f;

/// The variable that says whether addresses are shown as symbols. It is kept with the settings.
pub const SYMBOLIC: &str = "_";

/// The variables of a session.
#[derive(Debug)]
pub struct Variables {
    values: BTreeMap<String, Variable>,
}

/// A variable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Variable {
    /// Its value.
    pub value: u64,
    /// `::typeset -t` marked it.
    pub tagged: bool,
}

impl Default for Variables {
    fn default() -> Variables {
        Variables {
            values: PERSISTENT.iter().map(|name| ((*name).to_owned(), Variable::default())).collect(),
        }
    }
}

impl Variables {
    /// Sets what MDB sets when a target is opened: where the data of the executable begins (`b`) and how much it is (`d`), the
    /// entry point (`e`), the magic number of the file (`m`) and how much code there is (`t`).
    pub fn describe(&mut self, core: &Core) {
        self.set("e", core.auxv().get(AuxiliaryVector::ENTRY).unwrap_or(0));
        let Some(executable) = core.modules().iter().find(|module| module.executable) else { return };
        let (start, size) = executable.data().map_or((0, 0), |(start, size)| (start.0, size));
        for (name, value) in [("b", start), ("d", size), ("m", ELF_MAGIC), ("t", executable.text_size())] {
            self.set(name, value);
        }
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<u64> {
        self.values.get(name).map(|variable| variable.value)
    }

    /// Sets `name`, which comes into being if it was not there.
    pub fn set(&mut self, name: &str, value: u64) {
        match self.values.get_mut(name) {
            Some(old) => old.value = value,
            None => {
                self.values.insert(name.to_owned(), Variable { value, tagged: false });
            }
        }
    }

    /// Marks `name`, or takes the mark away.
    pub fn set_tag(&mut self, name: &str, tagged: bool) {
        if let Some(variable) = self.values.get_mut(name) {
            variable.tagged = tagged;
        }
    }

    /// Removes `name`.
    ///
    /// # Errors
    /// There is none of that name, or it may not be removed.
    pub fn remove(&mut self, name: &str) -> Result<(), String> {
        if PERSISTENT.contains(&name) {
            return Err(format!("cannot remove persistent variable '{name}'"));
        }
        match self.values.remove(name) {
            Some(_) => Ok(()),
            None => Err(format!("variable '{}' is not defined", crate::output::escape(name))),
        }
    }

    /// All variables by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Variable)> {
        self.values.iter().map(|(name, variable)| (name.as_str(), *variable))
    }
}

/// Why `name` cannot be that of a variable.
///
/// # Errors
/// The reason.
pub fn check_name(name: &str) -> Result<(), String> {
    if let Some(bad) = name.chars().find(|&c| !(c.is_ascii_alphanumeric() || c == '_')) {
        let shown = crate::output::escape_char(bad);
        return Err(format!("'{shown}' may not be used in a variable name"));
    }
    if name.len() > 31 {
        return Err("variable names may not exceed 31 characters".to_owned());
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) && name.len() > 1 {
        return Err("a variable name may not start with a digit".to_owned());
    }
    if name.is_empty() { Err("a variable needs a name".to_owned()) } else { Ok(()) }
}

/// Whole registers.
pub const REGISTERS: [&str; 26] = [
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
    "r15", "rip", "rflags", "cs", "ss", "ds", "es", "fs", "gs", "fsbase", "gsbase",
];

/// The register called `name`, whole or in part (`rax`, `eax`, `ax`, `al`, `ah`), of a thread.
pub fn register(registers: &Registers, name: &str) -> Option<u64> {
    let r = registers;
    let whole = match name {
        "rax" => r.rax,
        "rbx" => r.rbx,
        "rcx" => r.rcx,
        "rdx" => r.rdx,
        "rsi" => r.rsi,
        "rdi" => r.rdi,
        "rbp" => r.rbp,
        "rsp" => r.rsp,
        "r8" => r.r8,
        "r9" => r.r9,
        "r10" => r.r10,
        "r11" => r.r11,
        "r12" => r.r12,
        "r13" => r.r13,
        "r14" => r.r14,
        "r15" => r.r15,
        "rip" => r.rip,
        "rflags" => r.rflags,
        "cs" => r.cs,
        "ss" => r.ss,
        "ds" => r.ds,
        "es" => r.es,
        "fs" => r.fs,
        "gs" => r.gs,
        "fsbase" => r.fs_base,
        "gsbase" => r.gs_base,
        _ => return part_of_register(r, name),
    };
    Some(whole)
}

fn part_of_register(r: &Registers, name: &str) -> Option<u64> {
    if let Some(rest) = name.strip_prefix('e') {
        return register(r, &format!("r{rest}")).map(|value| value & 0xffff_ffff);
    }
    let letter = |suffix| name.strip_suffix(suffix).filter(|rest| matches!(*rest, "a" | "b" | "c" | "d"));
    let whole = |letter: &str| register(r, &format!("r{letter}x"));
    if let Some(letter) = letter('x') {
        return whole(letter).map(|value| value & 0xffff);
    }
    if let Some(letter) = letter('l') {
        return whole(letter).map(|value| value & 0xff);
    }
    if let Some(letter) = letter('h') {
        return whole(letter).map(|value| value >> 8 & 0xff);
    }
    let mask = match name.strip_prefix('r')?.strip_suffix(['d', 'w', 'b']) {
        Some(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => match name.as_bytes().last() {
            Some(b'd') => 0xffff_ffff,
            Some(b'w') => 0xffff,
            _ => 0xff,
        },
        _ => return None,
    };
    register(r, &name[..name.len() - 1]).map(|value| value & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_registers_are_their_low_bits() {
        let registers = Registers { rax: 0x1122_3344_5566_7788, r9: 0x99, ..Registers::default() };
        for (name, value) in [
            ("rax", 0x1122_3344_5566_7788),
            ("eax", 0x5566_7788),
            ("ax", 0x7788),
            ("al", 0x88),
            ("ah", 0x77),
            ("r9d", 0x99),
        ] {
            assert_eq!(register(&registers, name), Some(value), "{name}");
        }
        for name in ["", "r", "e", "eeax", "x", "l", "rx", "r16", "rd", "ex"] {
            assert_eq!(register(&registers, name), None, "{name}");
        }
    }
}
