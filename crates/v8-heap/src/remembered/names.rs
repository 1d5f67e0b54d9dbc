//! Names of constructors, each with a number, and what has been learnt of prototypes on the way.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A name that has been given a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameId(pub u32);

/// How the constructor's name follows from a map.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Naming {
    /// All objects of the map have this one.
    ByMap(NameId),
    /// Each object can have its own.
    ByObject,
}

/// Names of constructors and what is needed to find them.
#[derive(Debug, Default)]
pub(crate) struct Constructors {
    names: boxcar::Vec<Box<str>>,
    ids: Mutex<HashMap<Box<str>, NameId>>,
    /// What prototypes say, by address.
    prototypes: Mutex<HashMap<u64, Option<NameId>>>,
}

impl Constructors {
    /// Text of a name.
    ///
    /// # Panics
    /// If the number was not given out here.
    pub fn text(&self, id: NameId) -> &str {
        self.names.get(id.0 as usize).expect("name numbers are given out by this table")
    }

    /// Number of a name, if it has one.
    pub fn find(&self, name: &str) -> Option<NameId> {
        locked(&self.ids).get(name).copied()
    }

    /// Number of a name, which it gets if it has none.
    pub fn intern(&self, name: &str) -> NameId {
        let mut ids = locked(&self.ids);
        if let Some(&id) = ids.get(name) {
            return id;
        }
        let id = NameId(self.names.push(name.into()) as u32);
        ids.insert(name.into(), id);
        id
    }

    /// What the prototype at an address is known to say: a name, or that it gives none.
    pub fn known_prototype(&self, address: u64) -> Option<Option<NameId>> {
        locked(&self.prototypes).get(&address).copied()
    }

    /// Remembers what prototypes say.
    pub fn remember_prototypes(&self, addresses: Vec<u64>, name: Option<NameId>) {
        locked(&self.prototypes).extend(addresses.into_iter().map(|address| (address, name)));
    }
}

/// Nothing that is held can be left half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
