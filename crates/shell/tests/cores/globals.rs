//! Global objects: what every context has by the language.

use serde_json::Value;
use test_support::scenarios::shipped;

use crate::answers;

/// ECMA-262, 19.1 and 19.3: value properties aside, a sample of each letter that occurs.
const STANDARD: &[&str] = &[
    "AggregateError",
    "Array",
    "ArrayBuffer",
    "Atomics",
    "BigInt",
    "BigInt64Array",
    "BigUint64Array",
    "Boolean",
    "DataView",
    "Date",
    "Error",
    "EvalError",
    "FinalizationRegistry",
    "Float32Array",
    "Float64Array",
    "Function",
    "Int16Array",
    "Int32Array",
    "Int8Array",
    "JSON",
    "Map",
    "Math",
    "Number",
    "Object",
    "Promise",
    "Proxy",
    "RangeError",
    "ReferenceError",
    "Reflect",
    "RegExp",
    "Set",
    "String",
    "Symbol",
    "SyntaxError",
    "TypeError",
    "URIError",
    "Uint16Array",
    "Uint32Array",
    "Uint8Array",
    "Uint8ClampedArray",
    "WeakMap",
    "WeakRef",
    "WeakSet",
    "decodeURI",
    "encodeURI",
    "eval",
    "globalThis",
    "isFinite",
    "isNaN",
    "parseFloat",
    "parseInt",
];

#[test]
fn every_global_object_has_what_the_language_gives_it() {
    for core in shipped::all() {
        let [globals] = answers(core, ["::walk jsglobal | ::jsprint -j -d 1"]);
        assert!(globals.lines().count() > 0, "{core}");
        for line in globals.lines() {
            let global: Value = serde_json::from_str(line).unwrap();
            let properties = global["properties"].as_object().unwrap();
            let missing: Vec<_> = STANDARD.iter().filter(|name| !properties.contains_key(**name)).collect();
            assert!(missing.is_empty(), "{core}: {} lacks {missing:?}", global["address"]);
        }
    }
}
