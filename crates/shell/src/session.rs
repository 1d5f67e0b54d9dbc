//! What a session is: its target, its settings, the names that the user gave, and what has been said.
//!
//! Where the prompt stands is no part of it (`prompt`): who takes a `Session` answers alike, whatever was typed before.

use std::cell::{Cell, RefCell};
use std::ops::Deref;

use core_reader::{Address, AddressSpace, Memory};

use crate::bases::Bases;
use crate::damage::Damage;
use crate::error::{DcmdError, unreadable};
use crate::host_files::Folders;
use crate::interrupt::Interrupt;
use crate::kept_index::KeptIndex;
use crate::lang::Space;
use crate::opened::{OpenSnapshot, Opened};
use crate::output::{Colours, Terminal, TextSink};
use crate::private_symbols::PrivateSymbols;
use crate::said::Said;
use crate::settings::Settings;
use crate::target::{Capability, Target};
use crate::variables::Variables;

/// A session.
#[derive(Debug)]
pub struct Session {
    opened: Option<Opened>,
    /// Older cores beside the target.
    pub bases: Bases,
    /// Below which directories files may be read that the core names.
    pub folders: Folders,
    /// Options and the like.
    pub settings: Settings,
    /// Variables that the user assigned.
    pub variables: RefCell<Variables>,
    /// Symbols that the user added.
    pub private_symbols: RefCell<PrivateSymbols>,
    /// The id of the thread that the user has chosen.
    pub current_thread: Cell<Option<u32>>,
    /// The flag that Ctrl-C sets.
    pub interrupt: Interrupt,
    /// Results and messages.
    pub said: Said,
    /// Whether to style text.
    pub colours: Colours,
    /// What earlier sessions have computed of the heap.
    pub kept_index: KeptIndex,
    /// Files that have lost bytes.
    pub damage: Damage,
}

/// What is said is said by the session.
impl Deref for Session {
    type Target = Said;

    fn deref(&self) -> &Said {
        &self.said
    }
}

impl Session {
    /// A session on what is `opened` that writes to `terminal`; `watched` if somebody looks at it.
    pub fn new(opened: Option<Opened>, terminal: Terminal, interrupt: Interrupt, watched: bool) -> Session {
        let mut variables = Variables::default();
        if let Some(Opened::Core(target)) = &opened {
            variables.describe(target.core());
        }
        Session {
            opened,
            bases: Bases::default(),
            folders: Folders::default(),
            settings: Settings::default(),
            variables: RefCell::new(variables),
            private_symbols: RefCell::default(),
            current_thread: Cell::new(None),
            interrupt,
            said: Said::new(terminal, watched),
            colours: Colours::Never,
            kept_index: KeptIndex::default(),
            damage: Damage::default(),
        }
    }

    /// What is open.
    ///
    /// # Errors
    /// Nothing is.
    pub fn opened(&self) -> Result<&Opened, DcmdError> {
        self.opened.as_ref().ok_or_else(|| DcmdError::abort("no target is open"))
    }

    /// The core.
    ///
    /// # Errors
    /// There is none.
    pub fn target(&self) -> Result<&Target, DcmdError> {
        self.opened()?.core().map_err(DcmdError::Abort)
    }

    /// The heap snapshot, if one is open.
    pub fn snapshot(&self) -> Option<&OpenSnapshot> {
        self.opened.as_ref()?.snapshot()
    }

    /// An address or the like as it is typed: of a core in hexadecimal, of a snapshot the id of a node.
    pub fn word_text(&self, word: u64) -> String {
        if self.snapshot().is_some() { format!("@{word}") } else { format!("{word:x}") }
    }

    /// The memory of the target.
    ///
    /// # Errors
    /// There is no target.
    pub fn memory(&self) -> Result<&'static AddressSpace, DcmdError> {
        Ok(self.target()?.memory())
    }

    /// The V8 heap of the target.
    ///
    /// # Errors
    /// There is no target, or no heap that can be read in it.
    pub fn heap(&self) -> Result<&v8_heap::Heap<'static>, DcmdError> {
        let target = self.target()?;
        let heap = target.heap().map_err(DcmdError::Abort)?;
        if self.settings.cache.get() && !self.settings.restricted.get() {
            self.kept_index.attach(target, heap);
        }
        Ok(heap)
    }

    /// The heap whose index is to be kept, if the user wants that.
    pub fn heap_to_keep(&self) -> Option<&v8_heap::Heap<'static>> {
        if !self.settings.cache.get() || self.settings.restricted.get() {
            return None;
        }
        let target = self.opened.as_ref()?.core().ok()?;
        let heap = target.known_heap()?;
        self.kept_index.attach(target, heap);
        Some(heap)
    }

    /// Why the target does not have `capability`; nothing if it does.
    pub fn lacks(&self, capability: Capability) -> Option<String> {
        match &self.opened {
            None => Some("no target is open".to_owned()),
            Some(opened) => opened.lacks(capability),
        }
    }

    /// Ends a command that the user cancelled.
    ///
    /// # Errors
    /// [`DcmdError::Interrupted`] if so.
    #[inline]
    pub fn check_interrupt(&self) -> Result<(), DcmdError> {
        if self.interrupt.is_set() { Err(DcmdError::Interrupted) } else { Ok(()) }
    }

    /// Cells to which the rows of a table are cut: as `$w` says, else those of the terminal on which `text` is read. Nothing is cut
    /// where a program reads it or a file keeps it.
    pub fn row_width(&self, text: &TextSink) -> Option<usize> {
        self.settings.width.get().and_then(|width| usize::try_from(width).ok()).or_else(|| text.width())
    }

    /// A number of `size` bytes in memory or in the file that was mapped there.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn number_at(&self, space: Space, address: u64, size: usize) -> Result<u64, String> {
        let target = self.opened.as_ref().ok_or("no target is open")?.core()?;
        let mut bytes = [0; 8];
        let into = bytes.get_mut(..size).unwrap_or(&mut []);
        match space {
            Space::Memory => {
                target.memory().read_into(Address(address), into).map_err(|error| unreadable(&error))?;
            }
            Space::Object => target.read_file(address, into)?,
        }
        Ok(u64::from_le_bytes(bytes))
    }

    /// `value` in the default radix, without prefix.
    pub fn in_radix(&self, value: u64) -> String {
        crate::lang::number::in_radix(value, self.settings.radix.get())
    }
}
