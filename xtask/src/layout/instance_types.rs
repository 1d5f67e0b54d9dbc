//! The numbers of instance types by Torque's rule, for binaries that publish none.
//!
//! Torque numbers the classes that V8's sources declare (`src/torque/instance-type-generator.cc`): a class in front of those that extend
//! it, what has a fixed number (`@apiExposedInstanceTypeValue`) at it, and in front of that as much as there is room for; of the rest
//! those with the most classes below them first, and in the order of the alphabet where they have as many. Annotations put one first or
//! last among its neighbours.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result};
use regex::Regex;

use super::torque::Sources;

/// The class that all others extend.
const ROOT: &str = "HeapObject";

/// What a class says of its number.
#[derive(Debug, Default, Clone)]
struct Declared {
    parent: String,
    /// It has a number of its own.
    is_numbered: bool,
    /// That number.
    fixed: Option<u32>,
    /// Bits of numbers that are given out by hand.
    bits: Option<u32>,
    is_first: bool,
    is_last: bool,
}

/// A class and those below it, with the numbers they ask for.
#[derive(Debug)]
struct Node<'d> {
    name: &'d str,
    declared: &'d Declared,
    children: Vec<Node<'d>>,
    /// The lowest number that one of them has to have.
    lowest: Option<u32>,
    own: u32,
    /// Numbers in all.
    all: u32,
}

/// The classes of V8's sources by their numbers; of one that has several each is listed.
pub fn of(sources: &Sources) -> Result<BTreeMap<u32, String>> {
    let classes = declared(sources)?;
    let mut children: HashMap<&str, Vec<&str>> = HashMap::new();
    for (name, class) in &classes {
        children.entry(&class.parent).or_default().push(name);
    }
    let root = tree(ROOT, &classes, &children, 0).context("the sources declare no HeapObject")?;
    let mut numbers = BTreeMap::new();
    number(root, 0, &mut numbers);
    Ok(numbers)
}

fn declared(sources: &Sources) -> Result<BTreeMap<String, Declared>> {
    let head = Regex::new(
        r"((?:@\w+(?:\([^)]*\))?\s+)*)((?:transient\s+|extern\s+|export\s+)*)(class|shape)\s+(\w+)\s+extends\s+(\w+)",
    )?;
    let annotation = Regex::new(r"@(\w+)(?:\(([^)]*)\))?")?;
    let mut classes = BTreeMap::new();
    for found in sources.texts().iter().flat_map(|text| head.captures_iter(text)) {
        let mut class = Declared {
            parent: found[5].to_owned(),
            is_numbered: &found[3] == "class",
            ..Declared::default()
        };
        let mut is_left_out = false;
        for annotation in annotation.captures_iter(&found[1]) {
            let argument = annotation.get(2).map_or("", |argument| argument.as_str().trim());
            match &annotation[1] {
                "if" => is_left_out |= !super::torque::is_set(argument),
                "ifnot" => is_left_out |= super::torque::is_set(argument),
                "abstract" | "hasSameInstanceTypeAsParent" => class.is_numbered = false,
                "apiExposedInstanceTypeValue" => class.fixed = number_of(argument),
                "reserveBitsInInstanceType" => class.bits = number_of(argument),
                "lowestInstanceTypeWithinParentClassRange" => class.is_first = true,
                "highestInstanceTypeWithinParentClassRange" => class.is_last = true,
                _ => {}
            }
        }
        if !is_left_out {
            classes.insert(found[4].to_owned(), class);
        }
    }
    Ok(classes)
}

/// `1057` or `0x421`
fn number_of(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// No class has so many above it.
const MOST_ANCESTORS: u32 = 32;

fn tree<'d>(
    name: &'d str,
    classes: &'d BTreeMap<String, Declared>,
    children: &HashMap<&'d str, Vec<&'d str>>,
    depth: u32,
) -> Option<Node<'d>> {
    let declared = classes.get(name)?;
    if let Some(bits) = declared.bits {
        // Those below it share its numbers.
        let all = 1 << bits.min(16);
        return Some(Node { name, declared, children: Vec::new(), lowest: Some(0), own: all, all });
    }
    let below = children.get(name).map_or(&[][..], Vec::as_slice).iter().filter(|_| depth < MOST_ANCESTORS);
    let children: Vec<Node<'d>> =
        below.filter_map(|child| tree(child, classes, children, depth + 1)).collect();
    let own = u32::from(declared.is_numbered);
    let all = own + children.iter().map(|child| child.all).sum::<u32>();
    let lowest = children.iter().filter_map(|child| child.lowest).chain(declared.fixed).min();
    Some(Node { name, declared, children, lowest, own, all })
}

/// Gives a class and those below it their numbers, from `next` on; returns the one behind them.
fn number(node: Node<'_>, mut next: u32, numbers: &mut BTreeMap<u32, String>) -> u32 {
    let Node { name, declared, children, own, .. } = node;
    let (mut first, mut last, mut fixed, mut free) = (None, None, Vec::new(), Vec::new());
    for child in children {
        match child.lowest {
            _ if child.declared.is_last => last = Some(child),
            _ if child.declared.is_first => first = Some(child),
            Some(lowest) => fixed.push((lowest, child)),
            None => free.push(child),
        }
    }
    fixed.sort_by_key(|(lowest, _)| *lowest);
    free.sort_by_key(|child| (std::cmp::Reverse(child.all), child.name));
    let mut waits = own > 0;
    let take_own = |next: u32, numbers: &mut BTreeMap<u32, String>| {
        let start = declared.fixed.unwrap_or(next);
        numbers.extend((start..start + own).map(|number| (number, name.to_owned())));
        start + own
    };
    if let Some(first) = first {
        next = number(first, next, numbers);
    }
    for (lowest, child) in fixed {
        if waits && declared.fixed.map_or(next + own <= lowest, |own| own < lowest) {
            next = take_own(next, numbers);
            waits = false;
        }
        let mut rest = Vec::new();
        for other in free {
            match next + other.all <= lowest {
                true => next = number(other, next, numbers),
                false => rest.push(other),
            }
        }
        free = rest;
        next = number(child, next, numbers);
    }
    if waits {
        next = take_own(next, numbers);
    }
    for child in free.into_iter().chain(last) {
        next = number(child, next, numbers);
    }
    next
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The numbers are those that V8's own table gives these classes: a class in front of its heirs, strings at 0, what embedders know at
    /// its number.
    #[test]
    fn classes_are_numbered_as_torque_does_it() {
        let directory = tempfile::tempdir().unwrap();
        let text = "@abstract extern class HeapObject extends StrongTagged {}\n\
                    @abstract extern class Name extends HeapObject {}\n\
                    @reserveBitsInInstanceType(7) extern class String extends Name {}\n\
                    extern class Symbol extends Name {}\n\
                    extern class ConsString extends String {}\n\
                    extern class Zebra extends HeapObject {}\n\
                    extern class Ant extends HeapObject {}\n\
                    extern class FixedArray extends HeapObject {}\n\
                    extern class HashTable extends FixedArray {}\n\
                    @if(TAGGED_SIZE_8_BYTES) extern class Kept extends HashTable {}\n\
                    @ifnot(TAGGED_SIZE_8_BYTES) extern class Dropped extends HashTable {}\n\
                    extern shape Shape extends HashTable {}\n\
                    @abstract @highestInstanceTypeWithinParentClassRange extern class JSReceiver extends HeapObject {}\n\
                    @apiExposedInstanceTypeValue(0x421) extern class JSObject extends JSReceiver {}\n\
                    @lowestInstanceTypeWithinParentClassRange extern class JSProxy extends JSReceiver {}\n\
                    extern class JSMap extends JSObject {}\n";
        fs::write(directory.path().join("a.tq"), text).unwrap();
        let numbers = of(&Sources::read(directory.path()).unwrap()).unwrap();
        let named: Vec<_> = numbers
            .iter()
            .filter(|(number, _)| **number >= 128)
            .map(|(n, name)| (*n, name.as_str()))
            .collect();
        assert_eq!(
            named,
            [
                (128, "Symbol"),
                (129, "FixedArray"),
                (130, "HashTable"),
                (131, "Kept"),
                (132, "Ant"),
                (133, "Zebra"),
                (134, "JSProxy"),
                (1057, "JSObject"),
                (1058, "JSMap"),
            ]
        );
        assert_eq!(numbers[&0], "String");
    }
}
