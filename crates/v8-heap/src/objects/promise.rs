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
use crate::objects::shared_function_info::FunctionCode;
use crate::objects::value::{HeapObject, Value};
use crate::view::View;
use crate::{Error, Result, Tagged};

/// Slots of the context of one of V8's own closures that can tell whom it is for.
const CLOSURE_SLOTS: std::ops::Range<u64> = 2..6;
/// Nobody looks at more that wait for one promise.
const MOST_REACTIONS: usize = 1 << 16;

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

/// Something that waits for a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// The suspended call of an async function or generator that awaits the promise.
    pub awaiting: Option<Tagged>,
    /// What `then` was given to call with the value, if it is the program's.
    pub on_fulfilled: Option<Tagged>,
    /// What `then` was given to call with the reason, if it is the program's.
    pub on_rejected: Option<Tagged>,
    /// The promise that is settled then: that which `then` returned, or which waits for this one.
    pub promise: Option<Tagged>,
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
        while next.smi().is_none() {
            let reaction = self.object(next)?;
            if self.layout().type_name(reaction.map.instance_type) != "PromiseReaction" {
                return Err(self.wrong_type(next, "PromiseReaction"));
            }
            if reactions.len() == MOST_REACTIONS {
                return Err(Error::Implausible {
                    what: "list of reactions",
                    object: promise.value(),
                    found: "it does not end".to_owned(),
                });
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

    fn reaction(&self, on_fulfilled: Tagged, on_rejected: Tagged, promise: Tagged) -> Reaction {
        let is_there = |word: &Tagged| matches!(self.value(*word), Ok(Value::Object(_)));
        let mut reaction = Reaction {
            awaiting: None,
            on_fulfilled: Some(on_fulfilled).filter(is_there),
            on_rejected: Some(on_rejected).filter(is_there),
            promise: self.promise_of(promise),
        };
        let own = |handler: Option<Tagged>| handler.is_none_or(|handler| self.is_closure_of_v8(handler));
        if reaction.promise.is_none() && own(reaction.on_fulfilled) && own(reaction.on_rejected) {
            let of = [reaction.on_fulfilled, reaction.on_rejected].into_iter().flatten();
            for word in of.filter_map(|handler| self.closure_subject(handler)) {
                match self.object(word).map(|object| object.kind()) {
                    Ok(Kind::JsGenerator) => reaction.awaiting = Some(word),
                    _ => reaction.promise = self.promise_of(word),
                }
            }
            if reaction.awaiting.is_some() {
                (reaction.on_fulfilled, reaction.on_rejected) = (None, None);
            }
        }
        reaction
    }

    /// A promise, or that of a `PromiseCapability`.
    fn promise_of(&self, word: Tagged) -> Option<Tagged> {
        let object = self.object(word).ok()?;
        if object.kind().is_js_object() {
            return Some(word);
        }
        if self.layout().type_name(object.map.instance_type) != "PromiseCapability" {
            return None;
        }
        let promise = self
            .words()
            .tagged(object.address + self.fields().capability_promise, "PromiseCapability")
            .ok()?;
        matches!(self.value(promise), Ok(Value::Object(_))).then_some(promise)
    }

    /// Whether a function is one that V8 made for itself.
    fn is_closure_of_v8(&self, function: Tagged) -> bool {
        let shared = self
            .object(function)
            .ok()
            .filter(|function| function.kind() == Kind::JsFunction)
            .and_then(|function| self.shared_function(self.shared_function_info(function).ok()?).ok());
        shared
            .is_some_and(|shared| shared.script.is_none() && matches!(shared.code, FunctionCode::Builtin(_)))
    }

    /// Whom one of V8's own closures is for: the generator, promise or capability in its context.
    fn closure_subject(&self, function: Tagged) -> Option<Tagged> {
        let context = self.function_context(self.object(function).ok()?).ok()?;
        let context = self.object(context).ok().filter(|context| context.kind() == Kind::Context)?;
        let length = self.fixed_array_length(context.address).ok()?;
        CLOSURE_SLOTS.take_while(|slot| *slot < length).find_map(|slot| {
            let at = self.fields().context_slot(context.address, slot);
            let word = self.words().tagged(at, "slot of a closure").ok()?;
            let object = self.object(word).ok()?;
            let fits = matches!(object.kind(), Kind::JsGenerator | Kind::JsPromise)
                || self.layout().type_name(object.map.instance_type) == "PromiseCapability";
            fits.then_some(word)
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
