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
}

impl WordModel {
    /// 64 bits, without pointer compression: official builds of Node.js.
    pub const FULL: WordModel = WordModel { tagged: 8, pointer: 8, smi_shift: 32 };

    /// Where in a word with a small integer the bytes of its number begin.
    pub(super) fn smi_number(self) -> u64 {
        u64::from(self.smi_shift / 8)
    }
}
