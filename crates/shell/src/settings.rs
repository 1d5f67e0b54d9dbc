//! What the user can set: radix, page width, prompt, and the options of `::set -o`.

use std::cell::{Cell, RefCell};

use jiff::tz::TimeZone;

use crate::error::DcmdError;
use crate::opening::is_of_opening;

/// The settings of a session.
#[derive(Debug)]
pub struct Settings {
    /// The radix of numbers without prefix, 2 to 16.
    pub radix: Cell<u32>,
    /// Columns of a page, as `$w` sets it.
    pub width: Cell<Option<u64>>,
    /// How far past a symbol's start an address still belongs to it; 0: as far as the symbol reaches.
    pub symbol_distance: Cell<u64>,
    /// Addresses are shown as symbol and offset where there is a symbol; the variable `_` switches it.
    pub symbolic: Cell<bool>,
    /// `$G`: C++ symbols are shown as in the source.
    pub demangle: Cell<bool>,
    /// Where local time is shown.
    pub time_zone: RefCell<TimeZone>,
    /// The prompt.
    pub prompt: RefCell<String>,
    /// Directories where `$<` looks for macro files.
    pub macro_path: RefCell<Vec<String>>,
    /// `-o cache`: what is computed of the heap is kept beside the core, and read from there (`kept_index`).
    pub cache: Cell<bool>,
    /// `-o pager`: long output goes through a pager.
    pub pager: Cell<bool>,
    /// `-o repeatlast`: an empty line repeats the last command.
    pub repeat_last: Cell<bool>,
    /// `-o restricted`: no commands of the shell are run, and no files but the target's are read or written.
    pub restricted: Cell<bool>,
    /// `-o ignoreeof`: Ctrl-D does not quit.
    pub ignore_eof: Cell<bool>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            radix: Cell::new(16),
            width: Cell::new(None),
            symbol_distance: Cell::new(0),
            symbolic: Cell::new(true),
            demangle: Cell::new(true),
            time_zone: RefCell::new(TimeZone::system()),
            prompt: RefCell::new("> ".to_owned()),
            macro_path: RefCell::default(),
            cache: Cell::new(false),
            pager: Cell::new(true),
            repeat_last: Cell::new(false),
            restricted: Cell::new(false),
            ignore_eof: Cell::new(false),
        }
    }
}

/// Columns of a page whose width was not set.
pub const DEFAULT_WIDTH: u64 = 80;

/// The options of `::set -o` that change something.
pub const OPTIONS: [&str; 5] = ["cache", "ignoreeof", "pager", "repeatlast", "restricted"];

/// The longest prompt.
const LONGEST_PROMPT: usize = 64;

impl Settings {
    /// Columns of a page: as set, else as MDB assumes.
    pub fn page_width(&self) -> u64 {
        self.width.get().unwrap_or(DEFAULT_WIDTH)
    }

    /// Whether commands of the shell may be run, and files read and written.
    ///
    /// # Errors
    /// They may not.
    pub fn check_restriction(&self) -> Result<(), DcmdError> {
        match self.restricted.get() {
            false => Ok(()),
            true => Err(DcmdError::abort(
                "the session is restricted: no shell commands, and no files but the target's",
            )),
        }
    }

    /// Changes the prompt.
    ///
    /// # Errors
    /// It is too long.
    pub fn set_prompt(&self, prompt: &str) -> Result<(), String> {
        if prompt.chars().count() > LONGEST_PROMPT {
            return Err(format!("prompt may not exceed {LONGEST_PROMPT} characters"));
        }
        *self.prompt.borrow_mut() = crate::output::escape(prompt).into_owned();
        Ok(())
    }

    /// Sets where macro files are looked for: directories between colons.
    pub fn set_macro_path(&self, path: &str) {
        let directories = path.split(':').filter(|directory| !directory.is_empty());
        *self.macro_path.borrow_mut() = directories.map(str::to_owned).collect();
    }

    /// The options that are on, by name.
    pub fn options(&self) -> Vec<&'static str> {
        [
            ("cache", &self.cache),
            ("ignoreeof", &self.ignore_eof),
            ("pager", &self.pager),
            ("repeatlast", &self.repeat_last),
            ("restricted", &self.restricted),
        ]
        .iter()
        .filter(|(_, on)| on.get())
        .map(|(name, _)| *name)
        .collect()
    }

    /// Sets or clears an option of `-o`.
    ///
    /// # Errors
    /// There is no such option.
    pub fn set_option(&self, name: &str, on: bool) -> Result<(), String> {
        let (word, value) = match name.split_once('=') {
            Some((word, value)) => (word, Some(value)),
            None => (name, None),
        };
        let shown = crate::output::escape(word);
        let option = match word {
            "cache" => &self.cache,
            "pager" => &self.pager,
            "repeatlast" => &self.repeat_last,
            "ignoreeof" => &self.ignore_eof,
            "restricted" if self.restricted.get() && !on => {
                return Err("a restricted session stays restricted".to_owned());
            }
            "restricted" => &self.restricted,
            _ if is_of_opening(name) => {
                return Err(format!(
                    "{shown} says how a core is opened: give it on the command line, with -o"
                ));
            }
            // Options of MDB that change nothing here; these have a value.
            "array_mem_limit" | "array_str_limit" | "follow_exec_mode" | "follow_fork_mode" | "term" => {
                return match value {
                    Some(_) => Ok(()),
                    None => Err(format!("option requires an argument -- {shown}")),
                };
            }
            "nomods" | "noctf" | "lmraw" | "showlmid" | "nostop" | "stop_on_bpt_nosym" | "write_readback"
            | "allow_io_access" => {
                return match value {
                    None => Ok(()),
                    Some(_) => Err(format!("option does not accept an argument -- {shown}")),
                };
            }
            _ => return Err(format!("invalid debugger option -- {shown}")),
        };
        if value.is_some() {
            return Err(format!("option does not accept an argument -- {shown}"));
        }
        option.set(on);
        Ok(())
    }
}
