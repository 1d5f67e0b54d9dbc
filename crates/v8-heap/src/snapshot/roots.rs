//! The nodes at the top, which stand for no object: what keeps objects alive, by kind.
//!
//! ```text
//!   ""  --shortcut--> global objects                 where the distances that readers show start
//!       --element---> what Node.js calls a root
//!       --element---> (GC roots) --element--> (Global handles) --internal--> objects
//!                                             (Stack roots)    ...
//! ```

use std::borrow::Cow;

use crate::graph::{Root, RootKind};
use crate::index::ObjectId;
use crate::layout::Kind;
use crate::{Monitor, Result};

use super::kinds::EdgeKind;
use super::reference::{Label, Name};
use super::{Extent, Subject};

/// A node that stands for no object.
#[derive(Debug)]
pub(super) struct Synthetic {
    pub name: Name,
    pub edges: Vec<(EdgeKind, Label, Ending)>,
}

/// What a reference of such a node leads to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    /// One of these nodes, by number.
    Synthetic(u32),
    Object(u32),
    /// A C++ object, by its place in [`super::natives::Natives`].
    Native(u32),
}

/// Kinds of roots, by the names that V8's snapshots have for them.
static GROUPS: &[&str] = &[
    "(Strong root list)",
    "(Isolate)",
    "(Handle scope)",
    "(Global handles)",
    "(Eternal handles)",
    "(Traced handles)",
    "(Micro tasks)",
    "(Startup object cache)",
    "(Compilation cache)",
    "(Strong roots)",
    "(Stack roots)",
    "(Native memory)",
    "(Read-only roots)",
    "(Garbage)",
];
const READ_ONLY: usize = 12;
const GARBAGE: usize = 13;

fn group_of(kind: RootKind) -> usize {
    match kind {
        RootKind::RootsTable => 0,
        RootKind::Isolate => 1,
        RootKind::HandleScope | RootKind::Job => 2,
        RootKind::GlobalHandle => 3,
        RootKind::EternalHandle => 4,
        RootKind::TracedHandle => 5,
        RootKind::Microtask => 6,
        RootKind::ObjectCache => 7,
        RootKind::CompilationCache => 8,
        RootKind::StrongRoots => 9,
        RootKind::Stack(_) | RootKind::Register(_) | RootKind::NativeFrame(_) => 10,
        RootKind::NativeMemory => 11,
    }
}

/// The nodes at the top, for what a snapshot is of. `natives` are the places of C++ objects that are alive by themselves.
///
/// # Errors
/// Those of the graph.
pub(super) fn synthetic(
    subject: &Subject<'_, '_>,
    extent: Extent,
    natives: &[u32],
    monitor: &dyn Monitor,
) -> Result<Vec<Synthetic>> {
    let named = |name| Synthetic { name: Name::Static(name), edges: Vec::new() };
    let mut nodes = vec![named(""), named("(GC roots)")];
    nodes[0].edges.push((EdgeKind::Element, Label::Index(1), Ending::Synthetic(1)));
    if let Extent::Retained(ObjectId(id)) = extent {
        nodes[0].edges.push((EdgeKind::Shortcut, Label::Name(Name::Number(1)), Ending::Object(id)));
        return Ok(nodes);
    }
    let first_group = nodes.len();
    nodes.extend(GROUPS.iter().map(|name| named(name)));
    let roots: Cow<'_, [Root]> = match extent {
        Extent::All => subject.heap.all_roots(monitor)?.into(),
        _ => subject.heap.roots(monitor)?.all().into(),
    };
    let mut add = |group: usize, id: u32| {
        let edges = &mut nodes[first_group + group].edges;
        let number = edges.len() as u32 + 1;
        edges.push((EdgeKind::Internal, Label::Name(Name::Number(number)), Ending::Object(id)));
    };
    for root in roots.iter().filter(|root| subject.included.contains(root.target)) {
        add(group_of(root.kind), root.target);
    }
    let mut globals = Vec::new();
    for page in 0..subject.table.page_count() {
        let is_read_only = subject.heap.spaces().pages()[page].is_read_only();
        let (ObjectId(first), maps) = subject.table.page_maps(page);
        for (id, map) in (first..).zip(maps).filter(|(id, _)| subject.included.contains(*id)) {
            if is_read_only {
                add(READ_ONLY, id);
            } else if extent == Extent::All && !subject.liveness.is_held(id) {
                add(GARBAGE, id);
            }
            if subject.heap.map(*map).kind == Kind::JsGlobalObject {
                globals.push(id);
            }
        }
    }
    for (number, id) in (1..).zip(globals) {
        nodes[0].edges.push((EdgeKind::Shortcut, Label::Name(Name::Number(number)), Ending::Object(id)));
    }
    for group in first_group..nodes.len() {
        let number = (group - first_group) as u32 + 1;
        nodes[1].edges.push((EdgeKind::Element, Label::Index(number), Ending::Synthetic(group as u32)));
    }
    // As elements of the node itself, in all versions that Node.js has.
    for (number, native) in (nodes[0].edges.len() as u32 + 1..).zip(natives) {
        nodes[0].edges.push((EdgeKind::Element, Label::Index(number), Ending::Native(*native)));
    }
    Ok(nodes)
}
