//! `jsfunction`, `jsclosure`, `jscontext` and `jsscript`: functions, what they capture, and the scripts they come from.

use v8_heap::Tagged;
use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::context::VariableValue;

use super::objects::walk_kind;
use crate::answers::closure_context::closure_context;
use crate::dcmd::{AddressUse, Capability, Takes};
use crate::of_snapshot;
use crate::stage::Flow;
use crate::value::{Item, Kind};
use crate::walker::Walker;

/// `jsfunction`: every function, bound ones included, in the order of addresses.
pub(crate) static JSFUNCTION: Walker = Walker {
    name: "jsfunction",
    summary: "walk all functions",
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Kind::Value,
    needs: &[Capability::Graph],
    walk: |context, _, visit| match context.snapshot() {
        Some(_) => of_snapshot::all(context, of_snapshot::Sort::Functions, visit),
        None => {
            walk_kind(context, |kind| matches!(kind, HeapKind::JsFunction | HeapKind::JsBoundFunction), visit)
        }
    },
};

/// `jsscript`: every script, in the order of addresses.
pub(crate) static JSSCRIPT: Walker = Walker {
    name: "jsscript",
    summary: "walk all scripts",
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Kind::Value,
    needs: &[Capability::V8Heap],
    walk: |context, _, visit| walk_kind(context, |kind| kind == HeapKind::Script, visit),
};

/// `jsclosure`: the values of the variables that a function has captured, of its own scope only.
pub(crate) static JSCLOSURE: Walker = Walker {
    name: "jsclosure",
    summary: "walk the values that a function has captured",
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Kind::Value,
    needs: &[Capability::Graph],
    walk: |context, item, visit| {
        if context.snapshot().is_some() {
            return of_snapshot::held(context, item, of_snapshot::Held::Variables, visit);
        }
        let heap = context.heap()?;
        let innermost = closure_context(heap, Tagged(item.map_or(0, |item| item.word)))?;
        for variable in heap.scope(innermost)?.variables {
            match variable.value {
                VariableValue::Tagged(value) => {
                    if visit(Item::value(value.0))? == Flow::Enough {
                        return Ok(());
                    }
                }
                VariableValue::Number(number) => {
                    if visit(Item::double(number))? == Flow::Enough {
                        return Ok(());
                    }
                }
                VariableValue::Uninitialized | VariableValue::Property(_) => {}
            }
        }
        Ok(())
    },
};

/// `jscontext`: the contexts of a function, from the inside out.
pub(crate) static JSCONTEXT: Walker = Walker {
    name: "jscontext",
    summary: "walk the contexts of a function, from the inside out",
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Kind::Value,
    needs: &[Capability::Graph],
    walk: |context, item, visit| {
        if context.snapshot().is_some() {
            return of_snapshot::held(context, item, of_snapshot::Held::Contexts, visit);
        }
        let heap = context.heap()?;
        let innermost = closure_context(heap, Tagged(item.map_or(0, |item| item.word)))?;
        for context in heap.context_chain(innermost) {
            if visit(Item::value(context.value().0))? == Flow::Enough {
                break;
            }
        }
        Ok(())
    },
};
