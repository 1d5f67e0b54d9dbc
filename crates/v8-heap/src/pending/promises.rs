//! Single promises: what has become of them, what waits for them, and what made them, as far as the heap tells.
//!
//! V8 does not keep where a promise was made. What made it can be told of the promise of an async function that is suspended, of
//! one that settles when another does (`then`, `Promise.all` and their kin), and of one that a function which nobody has called yet
//! settles: that function is held by somebody.

use crate::address_map::AddressMap;
use crate::heap::Heap;
use crate::layout::Kind;
use crate::objects::generator::GeneratorState;
use crate::objects::promise::{Promise, Waits};
use crate::objects::value::HeapObject;
use crate::{Monitor, Result, Tagged};

use super::chains::Link;

/// One promise.
#[derive(Clone, Debug)]
pub struct PromiseState {
    /// The promise.
    pub object: Tagged,
    /// What has become of it.
    pub state: Promise,
    /// Something has been attached to it that would see its rejection.
    pub is_handled: bool,
    /// How many wait for it; none wait for one that is settled.
    pub waiters: usize,
    /// The first that waits for it.
    pub first: Option<Link>,
    /// Who made it: the suspended call whose promise it is, or what settles it when another promise is settled.
    pub maker: Option<Link>,
}

/// What made promises, by their addresses.
#[derive(Debug, Default)]
pub struct PromiseMakers {
    of: AddressMap<Link>,
    /// Whether what is garbage could be left out.
    pub tells_lives: bool,
}

impl Heap<'_> {
    /// What made each promise, as far as that can be told.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so; what fails when the heap is indexed or its references are read.
    pub fn promise_makers(&self, monitor: &dyn Monitor) -> Result<PromiseMakers> {
        let mut makers = PromiseMakers {
            of: AddressMap::default(),
            tells_lives: self.lacks_for_census(monitor)?.is_empty(),
        };
        let of_reactions = |promise: HeapObject<'_>| {
            if !matches!(self.promise(promise), Ok(Promise::Pending)) {
                return None;
            }
            let reactions = self.promise_reactions(promise).unwrap_or_default();
            // What an async function is resolved with does not make its promise.
            let makes = |waits: Waits| !matches!(waits, Waits::Follows | Waits::Resolves | Waits::Internal);
            let made: Vec<(u64, Link)> = reactions
                .iter()
                .filter(|reaction| makes(reaction.waits))
                .filter_map(|reaction| {
                    Some((reaction.promise.and_then(Tagged::strong)?, self.link_of_reaction(reaction)))
                })
                .collect();
            Some(made).filter(|made| !made.is_empty())
        };
        let of_call = |call: HeapObject<'_>| {
            let is_suspended =
                matches!(self.generator(call), Ok(generator) if generator.state == GeneratorState::Suspended);
            let promise = self.async_function_promise(call).and_then(Tagged::strong);
            Some((promise.filter(|_| is_suspended)?, self.link_of_call(call.value(), Waits::Await)))
        };
        self.for_each_made_of(Kind::JsPromise, monitor, of_reactions, |made| {
            makers.of.extend(made);
            true
        })?;
        self.for_each_made_of(Kind::JsGenerator, monitor, of_call, |made| {
            makers.of.extend([made]);
            true
        })?;
        Ok(makers)
    }

    /// Visits all promises that are alive, in the order of their addresses, until `visit` says `false`; where the core does not tell what
    /// is alive, all.
    ///
    /// # Errors
    /// As [`Heap::promise_makers`].
    pub fn for_each_promise(
        &self,
        makers: &PromiseMakers,
        monitor: &dyn Monitor,
        visit: impl FnMut(PromiseState) -> bool,
    ) -> Result<()> {
        let table = self.objects(monitor)?;
        let reached = if makers.tells_lives { Some(&**self.reached(monitor)?) } else { None };
        let state = |promise: HeapObject<'_>| {
            let id = table.id_at(self.spaces(), promise.address);
            let lives = reached.is_none_or(|reached| id.is_some_and(|id| reached.contains(id.0)));
            if lives { self.promise_state(promise, makers) } else { None }
        };
        self.for_each_made_of(Kind::JsPromise, monitor, state, visit)
    }

    fn promise_state(&self, promise: HeapObject<'_>, makers: &PromiseMakers) -> Option<PromiseState> {
        let state = self.promise(promise).ok()?;
        let reactions = self.promise_reactions(promise).unwrap_or_default();
        Some(PromiseState {
            object: promise.value(),
            state,
            is_handled: self.promise_is_handled(promise).unwrap_or(false),
            waiters: reactions.len(),
            first: reactions.first().map(|reaction| self.link_of_reaction(reaction)),
            maker: makers.of.get(&promise.address).copied(),
        })
    }
}
