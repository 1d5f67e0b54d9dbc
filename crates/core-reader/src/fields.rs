//! Checked reads of little-endian fields at fixed offsets: how every note and header in this crate is decoded.

/// A structure as bytes. A field that the bytes do not reach is `None`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    pub fn bytes(self, at: usize, len: usize) -> Option<&'a [u8]> {
        self.0.get(at..at.checked_add(len)?)
    }

    pub fn u16(self, at: usize) -> Option<u16> {
        Some(u16::from_le_bytes(self.bytes(at, 2)?.try_into().ok()?))
    }

    pub fn u32(self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes(at, 4)?.try_into().ok()?))
    }

    pub fn i32(self, at: usize) -> Option<i32> {
        self.u32(at).map(u32::cast_signed)
    }

    pub fn u64(self, at: usize) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes(at, 8)?.try_into().ok()?))
    }

    /// The C string at `at`, at most to the end of the bytes; invalid UTF-8 is replaced.
    pub fn c_string(self, at: usize) -> Option<String> {
        let rest = self.0.get(at..)?;
        let end = memchr::memchr(0, rest).unwrap_or(rest.len());
        Some(String::from_utf8_lossy(&rest[..end]).into_owned())
    }
}
