//! Variables: `value>name` assigns, `<name` reads.

use std::collections::BTreeMap;

use core_reader::{AuxiliaryVector, Core};

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
