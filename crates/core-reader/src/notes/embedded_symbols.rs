//! Symbols carried inside a core, so that it can be read without the binaries it came from.
//!
//! Our own note: owner `v8mdb`, type 1, written by [`crate::CoreWriter`]. Little-endian throughout:
//!
//! ```text
//! u32 version = 1
//! u32 number of symbols           u32 number of thread-local symbols
//! per symbol:        u64 address  u64 size        u16 length of name  name (UTF-8)
//! per thread-local:  u64 address  u32 thread id   u16 length of name  name (UTF-8)
//! ```
//!
//! Addresses are those of the process. A thread-local variable has one entry for every thread that has it, because
//! finding it takes the executable's TLS segment, which is what is missing.

use crate::fields::Fields;
use crate::symbols::symbol_name;
use crate::{Address, Symbol};

const VERSION: u32 = 1;
const HEADER: usize = 12;
/// Bytes of an entry besides its name, the smaller of the two kinds.
const SMALLEST_ENTRY: usize = 14;

/// A thread-local variable of one thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadLocalSymbol {
    /// Its name as the symbol table spelled it.
    pub name: String,
    /// [`crate::Thread::id`]
    pub thread: u32,
    /// Where this thread's copy is.
    pub address: Address,
}

/// The symbols to carry in a core, or those that were found in one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmbeddedSymbols {
    /// Symbols with one address.
    pub symbols: Vec<Symbol>,
    /// Thread-local symbols.
    pub thread_locals: Vec<ThreadLocalSymbol>,
}

impl EmbeddedSymbols {
    /// The contents of the note. Names are cut at 65,535 bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&(self.symbols.len() as u32).to_le_bytes());
        out.extend_from_slice(&(self.thread_locals.len() as u32).to_le_bytes());
        let name = |out: &mut Vec<u8>, name: &str| {
            let mut len = name.len().min(usize::from(u16::MAX));
            while !name.is_char_boundary(len) {
                len -= 1;
            }
            out.extend_from_slice(&(len as u16).to_le_bytes());
            out.extend_from_slice(&name.as_bytes()[..len]);
        };
        for symbol in &self.symbols {
            out.extend_from_slice(&symbol.address.0.to_le_bytes());
            out.extend_from_slice(&symbol.size.to_le_bytes());
            name(&mut out, &symbol.name);
        }
        for local in &self.thread_locals {
            out.extend_from_slice(&local.address.0.to_le_bytes());
            out.extend_from_slice(&local.thread.to_le_bytes());
            name(&mut out, &local.name);
        }
        out
    }

    /// Decodes the note, or says what is wrong with it.
    pub(crate) fn decode(data: &[u8]) -> Result<EmbeddedSymbols, String> {
        let header = Fields(data);
        let (Some(version), Some(symbols), Some(thread_locals)) =
            (header.u32(0), header.u32(4), header.u32(8))
        else {
            return Err(format!("embedded symbols: {} bytes are too few for their header", data.len()));
        };
        if version != VERSION {
            return Err(format!("embedded symbols: version {version}, this program reads version {VERSION}"));
        }
        let (symbols, thread_locals) = (symbols as usize, thread_locals as usize);
        let most = (data.len() - HEADER) / SMALLEST_ENTRY;
        if symbols.saturating_add(thread_locals) > most {
            return Err(format!(
                "embedded symbols: {} bytes cannot hold {symbols} symbols and {thread_locals} thread-local ones",
                data.len()
            ));
        }
        let mut result = EmbeddedSymbols {
            symbols: Vec::with_capacity(symbols),
            thread_locals: Vec::with_capacity(thread_locals),
        };
        let mut at = HEADER;
        let name = |at: &mut usize| {
            let len = usize::from(header.u16(*at)?);
            let text = symbol_name(header.bytes(*at + 2, len)?);
            *at += 2 + len;
            Some(text.into_owned())
        };
        for index in 0..symbols {
            let entry = (|| {
                let (address, size) = (Address(header.u64(at)?), header.u64(at + 8)?);
                at += 16;
                Some(Symbol { name: name(&mut at)?, address, size })
            })();
            result.symbols.push(entry.ok_or_else(|| format!("embedded symbols: symbol {index} is cut off"))?);
        }
        for index in 0..thread_locals {
            let entry = (|| {
                let (address, thread) = (Address(header.u64(at)?), header.u32(at + 8)?);
                at += 12;
                Some(ThreadLocalSymbol { name: name(&mut at)?, thread, address })
            })();
            let entry = entry.ok_or_else(|| format!("embedded symbols: thread-local {index} is cut off"))?;
            result.thread_locals.push(entry);
        }
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_as_documented() {
        let mut bytes = vec![1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]; // version 1, one symbol, one thread-local
        bytes.extend_from_slice(&[0x34, 0x12, 0, 0, 0, 0, 0, 0]); // address
        bytes.extend_from_slice(&[4, 0, 0, 0, 0, 0, 0, 0]); // size
        bytes.extend_from_slice(b"\x03\0abc");
        bytes.extend_from_slice(&[0x78, 0x56, 0, 0, 0, 0, 0, 0]); // address
        bytes.extend_from_slice(&[42, 0, 0, 0]); // thread
        bytes.extend_from_slice(b"\x01\0t");
        let decoded = EmbeddedSymbols::decode(&bytes).unwrap();
        assert_eq!(decoded.symbols, [Symbol { name: "abc".into(), address: Address(0x1234), size: 4 }]);
        assert_eq!(
            decoded.thread_locals,
            [ThreadLocalSymbol { name: "t".into(), thread: 42, address: Address(0x5678) }]
        );
        assert_eq!(decoded.encode(), bytes);
        for len in 0..bytes.len() {
            assert!(EmbeddedSymbols::decode(&bytes[..len]).is_err(), "{len} bytes");
        }
    }
}
