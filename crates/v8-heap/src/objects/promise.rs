//! Promises, and what waits for them.
//!
//! ```text
//!   JSPromise   +24 reactions or result   +32 flags, Smi: bits 0-1 state, bit 2 has handler
//!   PromiseReaction   next, reject handler, fulfill handler, promise or capability, one behind the other
//!   PromiseCapability +8 promise
//! ```
//!
//! A pending promise holds a list of reactions, the latest first: one for each `then`, and one for each function that awaits
//! it. The handlers of an awaiting function are V8's own, and their context holds the function's suspended call. Those of
//! `Promise.all` and its kin, and the functions that settle a promise which adopts another, have the promise in theirs (V8:
//! `src/objects/js-promise.tq`, `promise.tq`, `src/builtins/builtins-async-gen.cc`, `promise-all-element-closure.tq`).

use crate::layout::Kind;
use crate::objects::value::{HeapObject, Value};
use crate::view::View;
use crate::{Error, Result, Tagged};

/// Slots of the context of one of V8's own closures that can tell whom it is for.
const CLOSURE_SLOTS: std::ops::Range<u64> = 2..6;

/// What has become of a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Nothing yet.
    Pending,
    /// It has this value.
    Fulfilled(Tagged),
    /// It failed for this reason.
    Rejected(Tagged),
}

/// How something waits for a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Waits {
    /// A suspended call: `await`, or what `for await` and `yield*` do.
    Await,
    /// `Promise.all`
    All,
    /// `Promise.allSettled`
    AllSettled,
    /// `Promise.any`
    Any,
    /// Another promise that becomes what this one does: it was resolved with this one.
    Follows,
    /// Another promise that becomes what this one does by the functions that settle it: as in `Promise.race`, or in
    /// `then(resolve, reject)`.
    Resolves,
    /// `then` with a function for the value.
    Then,
    /// `catch`, or `then` with a function for the reason only.
    Catch,
    /// `finally`
    Finally,
    /// V8 itself.
    Internal,
}

/// Something that waits for a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// How it waits.
    pub waits: Waits,
    /// The function that is called with the value, or if there is none with the reason; of `finally` that which it was given.
    pub handler: Option<Tagged>,
    /// The suspended call of an async function or generator that awaits the promise.
    pub awaiting: Option<Tagged>,
    /// What `then` was given to call with the value, if it is the program's.
    pub on_fulfilled: Option<Tagged>,
    /// What `then` was given to call with the reason, if it is the program's.
    pub on_rejected: Option<Tagged>,
    /// The promise that is settled then: that which `then` returned, or which waits for this one.
    pub promise: Option<Tagged>,
}

/// What a handler of a promise is.
#[derive(Clone, Copy, Debug)]
enum Closure {
    /// There is none.
    None,
    /// A function of the program, or one that V8 has for programs.
    Programs,
    /// V8's own, of a suspended call.
    Call(Tagged),
    /// V8's own, for one of the promises that a capability's promise is for.
    Element(Tagged),
    /// V8's own, which settles a promise or capability.
    Settles(Tagged),
    /// V8's own, which calls a function: that of `finally`.
    Calls(Tagged),
    /// Another one of V8's own.
    Other,
}

impl View<'_> {
    /// Whether anything has ever been attached to a promise that would see its rejection.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn promise_is_handled(&self, promise: HeapObject<'_>) -> Result<bool> {
        let flags =
            self.words().tagged(promise.address + self.fields().promise_flags, "flags of a JSPromise")?;
        Ok(flags.smi().is_some_and(|flags| self.bits().promise_has_handler.is_set(flags as u32)))
    }

    /// What waits for a pending promise, in the order in which it will be told; empty for one that is settled.
    ///
    /// # Errors
    /// If a reaction cannot be read.
    pub fn promise_reactions(&self, promise: HeapObject<'_>) -> Result<Vec<Reaction>> {
        if self.promise(promise)? != Promise::Pending {
            return Ok(Vec::new());
        }
        let (words, fields) = (self.words(), self.fields());
        let mut next = words.tagged(promise.address + fields.promise_result, "reactions of a JSPromise")?;
        let mut reactions = Vec::new();
        // A list that goes round comes by a reaction that is remembered for twice as many steps each time.
        let (mut remembered, mut steps, mut most) = (Tagged::default(), 0u64, 1u64);
        while next.smi().is_none() {
            let reaction = self.object(next)?;
            if self.layout().type_name(reaction.map.instance_type) != "PromiseReaction" {
                return Err(self.wrong_type(next, "PromiseReaction"));
            }
            if next == remembered {
                return Err(Error::Implausible {
                    what: "list of reactions",
                    object: promise.value(),
                    found: "it goes round".to_owned(),
                });
            }
            steps += 1;
            if steps == most {
                (remembered, steps, most) = (next, 0, 2 * most);
            }
            let field = |at: u64| words.tagged(reaction.address + at, "PromiseReaction");
            reactions.push(self.reaction(
                field(fields.reaction_fulfill_handler)?,
                field(fields.reaction_reject_handler)?,
                field(fields.reaction_promise_or_capability)?,
            ));
            next = field(fields.reaction_next)?;
        }
        reactions.reverse();
        Ok(reactions)
    }

    /// What a microtask does that tells a handler of a promise which is settled. What waits by `Promise.all` and
    /// `Promise.allSettled` for a value, and by `Promise.any` and `Promise.allSettled` for a reason, looks alike: the first is given.
    pub(crate) fn reaction_of_job(&self, is_fulfilled: bool, handler: Tagged, promise: Tagged) -> Reaction {
        let none = Tagged::default();
        if is_fulfilled {
            self.reaction(handler, none, promise)
        } else {
            self.reaction(none, handler, promise)
        }
    }

    fn reaction(&self, on_fulfilled: Tagged, on_rejected: Tagged, promise: Tagged) -> Reaction {
        let is_there = |word: &Tagged| matches!(self.value(*word), Ok(Value::Object(_)));
        let fulfilled = Some(on_fulfilled).filter(is_there);
        let first = fulfilled.map_or(Closure::None, |handler| self.closure_of_v8(handler));
        if let Closure::Call(call) = first {
            // The most common by far: there is no need to look at the other.
            return Reaction {
                waits: Waits::Await,
                handler: fulfilled,
                awaiting: Some(call),
                on_fulfilled: None,
                on_rejected: None,
                promise: None,
            };
        }
        let rejected = Some(on_rejected).filter(is_there);
        let mut reaction = Reaction {
            waits: Waits::Internal,
            handler: fulfilled.or(rejected),
            awaiting: None,
            on_fulfilled: fulfilled,
            on_rejected: rejected,
            promise: self.promise_of(promise),
        };
        let closures = [first, rejected.map_or(Closure::None, |handler| self.closure_of_v8(handler))];
        let programs = |closure: &Closure| matches!(closure, Closure::Programs);
        reaction.waits = match closures {
            [Closure::Call(call), _] | [_, Closure::Call(call)] => {
                // With hooks for promises there is a promise as well, which nobody has.
                (reaction.awaiting, reaction.promise) = (Some(call), None);
                (reaction.on_fulfilled, reaction.on_rejected) = (None, None);
                Waits::Await
            }
            [Closure::Element(all), Closure::Element(_)] => {
                reaction.promise = self.promise_of(all);
                Waits::AllSettled
            }
            [Closure::Element(all), _] => {
                reaction.promise = self.promise_of(all);
                Waits::All
            }
            [_, Closure::Element(any)] => {
                reaction.promise = self.promise_of(any);
                Waits::Any
            }
            [Closure::Settles(promise), _] | [Closure::None, Closure::Settles(promise)] => {
                reaction.promise = self.promise_of(promise);
                Waits::Resolves
            }
            [Closure::None, Closure::None] => Waits::Follows,
            [Closure::Calls(function), _] | [_, Closure::Calls(function)] => {
                reaction.handler = Some(function);
                Waits::Finally
            }
            [fulfilled, _] if programs(&fulfilled) => Waits::Then,
            [_, rejected] if programs(&rejected) => Waits::Catch,
            _ => Waits::Internal,
        };
        reaction
    }

    /// A promise, or that of a `PromiseCapability`.
    fn promise_of(&self, word: Tagged) -> Option<Tagged> {
        let object = self.object(word).ok()?;
        if object.kind().is_js_object() {
            return Some(word);
        }
        if !self.is_promise_capability(object) {
            return None;
        }
        let promise = self
            .words()
            .tagged(object.address + self.fields().capability_promise, "PromiseCapability")
            .ok()?;
        matches!(self.value(promise), Ok(Value::Object(_))).then_some(promise)
    }

    /// The promise that a function which V8 has made settles when it is called: what an executor is given.
    pub fn settled_by(&self, function: Tagged) -> Option<Tagged> {
        let subject = self.is_closure_of_v8(function).then(|| self.closure_subject(function)).flatten()?;
        self.promise_of(subject)
            .filter(|promise| self.object(*promise).is_ok_and(|promise| promise.kind() == Kind::JsPromise))
    }

    /// Whether a function is one that V8 made for itself.
    fn is_closure_of_v8(&self, function: Tagged) -> bool {
        let shared = self
            .object(function)
            .ok()
            .filter(|function| function.kind() == Kind::JsFunction)
            .and_then(|function| self.shared_function_info(function).ok());
        shared.is_some_and(|shared| self.is_builtin_without_script(shared))
    }

    /// What a handler is.
    fn closure_of_v8(&self, function: Tagged) -> Closure {
        if !self.is_closure_of_v8(function) {
            return Closure::Programs;
        }
        let mut slots = self.closure_slots(function);
        let Some(first) = slots.next() else {
            // One for programs, such as `JSON.parse`.
            return Closure::Programs;
        };
        match self.object(first).map(|object| object.kind()) {
            Ok(Kind::JsGenerator) => return Closure::Call(first),
            Ok(Kind::JsPromise) => return Closure::Settles(first),
            Ok(Kind::JsFunction) => return Closure::Calls(first),
            Ok(_) => {}
            Err(_) => {
                let second = slots.next().and_then(|word| self.object(word).ok());
                if let Some(capability) = second.filter(|object| self.is_promise_capability(*object)) {
                    return Closure::Element(capability.value());
                }
            }
        }
        self.closure_subject(function).map_or(Closure::Other, Closure::Settles)
    }

    fn is_promise_capability(&self, object: HeapObject<'_>) -> bool {
        self.layout().type_name(object.map.instance_type) == "PromiseCapability"
    }

    /// The slots of the context of one of V8's own closures that tell whom it is for.
    fn closure_slots(&self, function: Tagged) -> impl Iterator<Item = Tagged> {
        let context = self
            .object(function)
            .and_then(|function| self.object(self.function_context(function)?))
            .ok()
            .filter(|context| context.kind() == Kind::Context);
        let context =
            context.and_then(|context| Some((context.address, self.context_length(context.address).ok()?)));
        CLOSURE_SLOTS.map_while(move |slot| {
            let (address, _) = context.filter(|(_, length)| slot < *length)?;
            self.words().tagged(self.fields().context_slot(address, slot), "slot of a closure").ok()
        })
    }

    /// Whom one of V8's own closures is for: the generator, promise or capability in its context.
    fn closure_subject(&self, function: Tagged) -> Option<Tagged> {
        self.closure_slots(function).find(|word| {
            self.object(*word).is_ok_and(|object| {
                matches!(object.kind(), Kind::JsGenerator | Kind::JsPromise)
                    || self.is_promise_capability(object)
            })
        })
    }

    /// The state of a promise.
    ///
    /// # Errors
    /// If it is none, or cannot be read.
    pub fn promise(&self, object: HeapObject<'_>) -> Result<Promise> {
        if object.kind() != Kind::JsPromise {
            return Err(self.wrong_type(object.value(), "JSPromise"));
        }
        let flags =
            self.words().tagged(object.address + self.fields().promise_flags, "flags of a JSPromise")?;
        let result =
            self.words().tagged(object.address + self.fields().promise_result, "result of a JSPromise")?;
        match flags.smi().map(|flags| self.bits().promise_status.of(flags as u32 as u64)) {
            Some(0) => Ok(Promise::Pending),
            Some(1) => Ok(Promise::Fulfilled(result)),
            Some(2) => Ok(Promise::Rejected(result)),
            _ => Err(Error::Implausible { what: "state", object: object.value(), found: flags.to_string() }),
        }
    }
}
