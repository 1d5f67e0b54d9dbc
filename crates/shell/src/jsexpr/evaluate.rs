//! The value of an expression for one object.

use std::cmp::Ordering;

use super::value::JsValue;
use super::values::Values;
use super::{Arithmetic, Comparison, Node};

pub(super) fn value(node: &Node, values: &dyn Values, this: u64) -> v8_heap::Result<JsValue> {
    let truth = |node: &Node| value(node, values, this).and_then(|value| value.is_true(values));
    Ok(match node {
        Node::Constant(constant) => constant.clone(),
        Node::Path(path) => path.find(values, this)?.unwrap_or(JsValue::Undefined),
        Node::Constructor(path) => match path.find(values, this)? {
            Some(JsValue::Object(object)) => {
                values.constructor(object)?.map_or(JsValue::Undefined, JsValue::Text)
            }
            Some(JsValue::String(_)) => JsValue::Text("String".into()),
            Some(JsValue::Number(_)) => JsValue::Text("Number".into()),
            Some(JsValue::Boolean(_)) => JsValue::Text("Boolean".into()),
            Some(JsValue::BigInt(_)) => JsValue::Text("BigInt".into()),
            Some(JsValue::Symbol(_)) => JsValue::Text("Symbol".into()),
            _ => JsValue::Undefined,
        },
        Node::Has(path) => JsValue::Boolean(path.find(values, this)?.is_some()),
        Node::TypeOf(node) => JsValue::Text(value(node, values, this)?.type_name(values).into()),
        Node::Not(node) => JsValue::Boolean(!truth(node)?),
        Node::Negate(node) => match value(node, values, this)? {
            JsValue::BigInt(digits) => JsValue::BigInt(match digits.strip_prefix('-') {
                Some(positive) => positive.into(),
                None if &*digits == "0" => digits,
                None => format!("-{digits}").into(),
            }),
            other => JsValue::Number(-other.number(values)?),
        },
        Node::ToNumber(node) => JsValue::Number(value(node, values, this)?.number(values)?),
        Node::And(left, right) => {
            let left = value(left, values, this)?;
            if left.is_true(values)? { value(right, values, this)? } else { left }
        }
        Node::Or(left, right) => {
            let left = value(left, values, this)?;
            if left.is_true(values)? { left } else { value(right, values, this)? }
        }
        Node::Compare(comparison, left, right) => {
            let (left, right) = (value(left, values, this)?, value(right, values, this)?);
            JsValue::Boolean(compare(*comparison, &left, &right, values)?)
        }
        Node::Arithmetic(operation, left, right) => {
            let (left, right) = (value(left, values, this)?, value(right, values, this)?);
            arithmetic(*operation, &left, &right, values)?
        }
        Node::In(node, list) => {
            let wanted = value(node, values, this)?;
            for one in list {
                if value(one, values, this)?.strictly_equals(&wanted, values)? {
                    return Ok(JsValue::Boolean(true));
                }
            }
            JsValue::Boolean(false)
        }
        Node::Matches(node, regex) => match value(node, values, this)?.text(values)? {
            Some(text) => JsValue::Boolean(regex.is_match(&text)),
            None => JsValue::Boolean(false),
        },
    })
}

fn compare(
    comparison: Comparison,
    left: &JsValue,
    right: &JsValue,
    values: &dyn Values,
) -> v8_heap::Result<bool> {
    Ok(match comparison {
        Comparison::Equal => left.equals(right, values)?,
        Comparison::NotEqual => !left.equals(right, values)?,
        Comparison::StrictlyEqual => left.strictly_equals(right, values)?,
        Comparison::StrictlyNotEqual => !left.strictly_equals(right, values)?,
        Comparison::Less => left.compare(right, values)? == Some(Ordering::Less),
        Comparison::LessOrEqual => left.compare(right, values)?.is_some_and(Ordering::is_le),
        Comparison::Greater => left.compare(right, values)? == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => left.compare(right, values)?.is_some_and(Ordering::is_ge),
    })
}

/// On numbers, and `+` on strings. What would run code, or mix numbers with big integers, gives NaN.
fn arithmetic(
    operation: Arithmetic,
    left: &JsValue,
    right: &JsValue,
    values: &dyn Values,
) -> v8_heap::Result<JsValue> {
    if operation == Arithmetic::Add && (left.is_string() || right.is_string()) {
        return Ok(match (left.to_text(values)?, right.to_text(values)?) {
            (Some(left), Some(right)) => JsValue::Text(format!("{left}{right}").into()),
            _ => JsValue::Undefined,
        });
    }
    if matches!(left, JsValue::BigInt(_)) || matches!(right, JsValue::BigInt(_)) {
        return Ok(JsValue::Number(f64::NAN));
    }
    let (left, right) = (left.number(values)?, right.number(values)?);
    Ok(JsValue::Number(match operation {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => left / right,
        Arithmetic::Remainder => left % right,
    }))
}
