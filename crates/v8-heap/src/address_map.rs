//! Hash maps by address.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A hash map with addresses as keys, which need no protection against chosen keys to be found fast: a collision costs
/// time only.
pub(crate) type AddressMap<V> = HashMap<u64, V, BuildHasherDefault<AddressHasher>>;

/// The same by the number of an object.
pub(crate) type NumberMap<V> = HashMap<u32, V, BuildHasherDefault<AddressHasher>>;

/// Spreads addresses by one multiplication.
#[derive(Debug, Default)]
pub(crate) struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}
