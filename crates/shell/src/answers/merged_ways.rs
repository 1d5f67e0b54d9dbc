//! The ways to many objects, those that read alike merged and counted.

use std::collections::{HashMap, HashSet};

use v8_heap::graph::RetainingPath;
use v8_heap::index::{ObjectId, ObjectTable};
use v8_heap::layout::Kind;
use v8_heap::objects::value::HeapObject;
use v8_heap::questions::Hold;
use v8_heap::{Heap, Monitor, Tagged};

use crate::answers::retention::{address, hold_text, label, manner_of};
use crate::answers::roots::root_name;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::escape;

/// Ways that read alike.
#[derive(Debug)]
pub struct MergedWay {
    /// What holds the first object.
    pub root: String,
    /// How each object is held by the one before, nothing for the first; and what it is called.
    pub steps: Vec<(String, String)>,
    /// How many of the objects have such a way.
    pub count: u64,
    /// One of them.
    pub example: Tagged,
}

/// Behind a step that is the same again and again.
const AGAIN: &str = " x *";

/// What holds the first object, and the steps behind it.
type Reading = (String, Vec<(String, String)>);

/// An object from which ways lead on to more than so many others is a collection: which of its entries it is does not count.
const FEW: usize = 8;

/// The ways to objects, merged, the most frequent first; and how many of the objects have none.
///
/// # Errors
/// Those of the graph.
pub fn merged_ways(
    context: &Context,
    heap: &Heap<'_>,
    table: &ObjectTable,
    targets: &[ObjectId],
    monitor: &dyn Monitor,
) -> Result<(Vec<MergedWay>, u64), DcmdError> {
    let paths = heap.retaining_paths_of(targets, monitor)?;
    let is_js =
        |id: u32| heap.object_by_id(table, ObjectId(id)).is_some_and(|object| object.kind().is_js_object());
    // The JavaScript objects of each way; the last is the target, whatever it is.
    let ways: Vec<Option<Vec<u32>>> = paths
        .iter()
        .map(|path| {
            let objects = &path.as_ref()?.objects;
            let (last, before) = objects.split_last()?;
            Some(before.iter().copied().filter(|id| is_js(*id)).chain([*last]).collect())
        })
        .collect();
    let mut followers: HashMap<u32, HashSet<u32>> = HashMap::new();
    for pair in ways.iter().flatten().flat_map(|way| way.windows(2)) {
        let followers = followers.entry(pair[0]).or_default();
        if followers.len() <= FEW {
            followers.insert(pair[1]);
        }
    }
    let is_collection = |id: u32| followers.get(&id).is_some_and(|followers| followers.len() > FEW);
    let mut manners: HashMap<(u32, u32), String> = HashMap::new();
    let mut labels: HashMap<u32, String> = HashMap::new();
    let mut merged: HashMap<Reading, (u64, u32)> = HashMap::new();
    let mut without = 0;
    for ((target, path), way) in targets.iter().zip(&paths).zip(&ways) {
        context.check_interrupt()?;
        let (Some(path), Some(way)) = (path, way) else {
            without += 1;
            continue;
        };
        let mut steps: Vec<(String, String)> = Vec::new();
        let mut before = None;
        for &id in way {
            let Some(object) = heap.object_by_id(table, ObjectId(id)) else { break };
            let manner = match before {
                None => String::new(),
                Some((holder_id, holder)) => {
                    let key = (holder_id, if is_collection(holder_id) { u32::MAX } else { id });
                    let collection = is_collection(holder_id);
                    manners
                        .entry(key)
                        .or_insert_with(|| manner(context, heap, holder, object, collection))
                        .clone()
                }
            };
            let is_one_of_many = before.is_some_and(|(holder, _)| is_collection(holder)) || id == target.0;
            let name = match is_one_of_many {
                true => class(heap, object),
                false => labels.entry(id).or_insert_with(|| label(heap, object)).clone(),
            };
            // Along a list it does not count how far.
            match steps.last_mut() {
                Some((last, label)) if *label == name && last.strip_suffix(AGAIN) == Some(&*manner) => {}
                Some((last, label)) if *label == name && *last == manner => last.push_str(AGAIN),
                _ => steps.push((manner, name)),
            }
            before = Some((id, object));
        }
        let root = root(path);
        merged.entry((root, steps)).or_insert((0, target.0)).0 += 1;
    }
    let mut merged: Vec<MergedWay> = merged
        .into_iter()
        .map(|((root, steps), (count, example))| MergedWay {
            root,
            steps,
            count,
            example: address(table, ObjectId(example)),
        })
        .collect();
    merged.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.example.0.cmp(&b.example.0)));
    Ok((merged, without))
}

fn root(path: &RetainingPath) -> String {
    path.root.as_ref().map_or_else(|| "global object".to_owned(), |root| root_name(root.kind))
}

/// What an object is, and not which.
fn class(heap: &Heap<'_>, object: HeapObject<'_>) -> String {
    match object.kind() {
        Kind::String => "string".to_owned(),
        kind if kind.is_js_object() => escape(heap.name(heap.constructor_name(object))).into_owned(),
        _ => format!("({})", heap.class_name(object.value())),
    }
}

/// How one holds the other; of a collection, how it holds all of them.
fn manner(
    context: &Context,
    heap: &Heap<'_>,
    holder: HeapObject<'_>,
    object: HeapObject<'_>,
    is_collection: bool,
) -> String {
    let manner = manner_of(heap, holder, object.value(), &|| context.interrupt.is_set());
    let manner = manner.unwrap_or_else(|| {
        // Of what holds it by way of others, these are left out.
        match heap.hold(holder, object.value()) {
            Hold::WeakValue => hold_text(&Hold::WeakValue),
            storage if !is_collection && storage != Hold::Unknown => hold_text(&storage),
            _ => "(by way of V8's own objects)".to_owned(),
        }
    });
    if !is_collection {
        return manner;
    }
    // `[17]`, `.key`, `map value of key "k"`: which one is left out.
    if manner.starts_with('[') {
        "[*]".to_owned()
    } else if manner.starts_with('.') {
        ".*".to_owned()
    } else if let Some((what, _)) = manner.split_once(" of key ") {
        what.to_owned()
    } else {
        manner
    }
}
