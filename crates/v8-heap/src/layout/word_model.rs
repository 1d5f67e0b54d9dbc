//! How large words are: what the places of fields follow from, beside the classes.

/// The words of a build of V8, sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WordModel {
    /// A tagged word.
    pub tagged: u64,
    /// A native pointer.
    pub pointer: u64,
    /// Lowest bit of the number in a small integer.
    pub smi_shift: u32,
    /// What addresses what from inside the heap goes through tables outside of it (V8: `V8_ENABLE_SANDBOX`).
    pub sandboxed: bool,
}

impl WordModel {
    /// 64 bits, without pointer compression: official builds of Node.js.
    pub const FULL: WordModel = WordModel { tagged: 8, pointer: 8, smi_shift: 32, sandboxed: false };

    /// 64 bits, with compressed pointers (V8: `V8_COMPRESS_POINTERS`): workerd.
    pub const COMPRESSED: WordModel = WordModel { tagged: 4, pointer: 8, smi_shift: 1, sandboxed: false };

    /// The same in a sandbox (V8: `V8_ENABLE_SANDBOX`): Chromium and what is built as it is.
    pub const SANDBOXED: WordModel = WordModel { sandboxed: true, ..WordModel::COMPRESSED };

    /// Whether what looks like a pointer to an object is next to always one. (A number of four bytes may well be one.)
    pub const fn has_telling_pointers(self) -> bool {
        self.tagged >= self.pointer
    }

    /// Whether addresses outside of the heap are in tables, and objects have their numbers (V8: `ExternalPointerTable`,
    /// `CppHeapPointerTable`).
    pub const fn has_handles(self) -> bool {
        self.tagged < self.pointer
    }

    /// Logarithm of the bytes of a tagged word, which is what objects are aligned to.
    pub const fn granule(self) -> u32 {
        self.tagged.trailing_zeros()
    }

    /// By how many bits the number in a small integer is shifted, of the 32 that begin at [`WordModel::smi_number`].
    pub(super) fn smi_bits(self) -> u32 {
        self.smi_shift % 8
    }

    /// Where in a word with a small integer the bytes of its number begin.
    pub(super) fn smi_number(self) -> u64 {
        u64::from(self.smi_shift / 8)
    }
}
