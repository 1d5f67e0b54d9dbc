//! The value of an expression for one object.

use std::cmp::Ordering;

use v8_heap::objects::value::Value;
use v8_heap::{Heap, Tagged};

use super::value::JsValue;
use super::{Arithmetic, Comparison, Node};

pub(super) fn value(node: &Node, heap: &Heap<'_>, this: Tagged) -> v8_heap::Result<JsValue> {
    let truth = |node: &Node| value(node, heap, this).and_then(|value| value.is_true(heap));
    Ok(match node {
        Node::Constant(constant) => constant.clone(),
        Node::Path(path) => path.find(heap, this)?.unwrap_or(JsValue::Undefined),
        Node::Constructor(path) => match path.find(heap, this)? {
            Some(JsValue::Object(object)) => match heap.value(object)? {
                Value::Object(object) => JsValue::Text(heap.name(heap.constructor_name(object)).into()),
                _ => JsValue::Undefined,
            },
            Some(JsValue::String(_)) => JsValue::Text("String".into()),
            Some(JsValue::Number(_)) => JsValue::Text("Number".into()),
            Some(JsValue::Boolean(_)) => JsValue::Text("Boolean".into()),
            Some(JsValue::BigInt(_)) => JsValue::Text("BigInt".into()),
            Some(JsValue::Symbol(_)) => JsValue::Text("Symbol".into()),
            _ => JsValue::Undefined,
        },
        Node::Has(path) => JsValue::Boolean(path.find(heap, this)?.is_some()),
        Node::TypeOf(node) => JsValue::Text(value(node, heap, this)?.type_name(heap).into()),
        Node::Not(node) => JsValue::Boolean(!truth(node)?),
        Node::Negate(node) => match value(node, heap, this)? {
            JsValue::BigInt(digits) => JsValue::BigInt(match digits.strip_prefix('-') {
                Some(positive) => positive.into(),
                None if &*digits == "0" => digits,
                None => format!("-{digits}").into(),
            }),
            other => JsValue::Number(-other.number(heap)?),
        },
        Node::ToNumber(node) => JsValue::Number(value(node, heap, this)?.number(heap)?),
        Node::And(left, right) => {
            let left = value(left, heap, this)?;
            if left.is_true(heap)? { value(right, heap, this)? } else { left }
        }
        Node::Or(left, right) => {
            let left = value(left, heap, this)?;
            if left.is_true(heap)? { left } else { value(right, heap, this)? }
        }
        Node::Compare(comparison, left, right) => {
            let (left, right) = (value(left, heap, this)?, value(right, heap, this)?);
            JsValue::Boolean(compare(*comparison, &left, &right, heap)?)
        }
        Node::Arithmetic(operation, left, right) => {
            let (left, right) = (value(left, heap, this)?, value(right, heap, this)?);
            arithmetic(*operation, &left, &right, heap)?
        }
        Node::In(node, list) => {
            let wanted = value(node, heap, this)?;
            for one in list {
                if value(one, heap, this)?.strictly_equals(&wanted, heap)? {
                    return Ok(JsValue::Boolean(true));
                }
            }
            JsValue::Boolean(false)
        }
        Node::Matches(node, regex) => match value(node, heap, this)?.text(heap)? {
            Some(text) => JsValue::Boolean(regex.is_match(&text)),
            None => JsValue::Boolean(false),
        },
    })
}

fn compare(
    comparison: Comparison,
    left: &JsValue,
    right: &JsValue,
    heap: &Heap<'_>,
) -> v8_heap::Result<bool> {
    Ok(match comparison {
        Comparison::Equal => left.equals(right, heap)?,
        Comparison::NotEqual => !left.equals(right, heap)?,
        Comparison::StrictlyEqual => left.strictly_equals(right, heap)?,
        Comparison::StrictlyNotEqual => !left.strictly_equals(right, heap)?,
        Comparison::Less => left.compare(right, heap)? == Some(Ordering::Less),
        Comparison::LessOrEqual => left.compare(right, heap)?.is_some_and(Ordering::is_le),
        Comparison::Greater => left.compare(right, heap)? == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => left.compare(right, heap)?.is_some_and(Ordering::is_ge),
    })
}

/// On numbers, and `+` on strings. What would run code, or mix numbers with big integers, gives NaN.
fn arithmetic(
    operation: Arithmetic,
    left: &JsValue,
    right: &JsValue,
    heap: &Heap<'_>,
) -> v8_heap::Result<JsValue> {
    if operation == Arithmetic::Add && (left.is_string() || right.is_string()) {
        return Ok(match (left.to_text(heap)?, right.to_text(heap)?) {
            (Some(left), Some(right)) => JsValue::Text(format!("{left}{right}").into()),
            _ => JsValue::Undefined,
        });
    }
    if matches!(left, JsValue::BigInt(_)) || matches!(right, JsValue::BigInt(_)) {
        return Ok(JsValue::Number(f64::NAN));
    }
    let (left, right) = (left.number(heap)?, right.number(heap)?);
    Ok(JsValue::Number(match operation {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => left / right,
        Arithmetic::Remainder => left % right,
    }))
}
