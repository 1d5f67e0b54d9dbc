//! A way from a root to an object, and what such ways pass over.

use super::roots::Root;
use crate::layout::Kind;
use crate::shape::map::MapId;
use crate::view::View;

/// A way from a root to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetainingPath {
    /// What holds the first object; `None` if that is a global object, which every program has.
    pub root: Option<Root>,
    /// From the object that the root holds to the one asked about.
    pub objects: Vec<u32>,
}

/// For each map, whether its objects are V8's own affair.
pub(crate) fn internal_maps(view: &View<'_>) -> Vec<bool> {
    (0..view.map_count() as u32).map(|id| is_internal(view, MapId(id))).collect()
}

/// Whether objects of a map are V8's own affair: shapes, code, and what it has learnt of the program.
fn is_internal(view: &View<'_>, map: MapId) -> bool {
    let map = view.map(map);
    match map.kind {
        Kind::Map
        | Kind::DescriptorArray
        | Kind::NativeContext
        | Kind::ScopeInfo
        | Kind::SharedFunctionInfo
        | Kind::Script
        | Kind::AccessorInfo
        | Kind::FunctionTemplateInfo
        | Kind::UncompiledData => true,
        Kind::Other => matches!(
            view.layout().type_name(map.instance_type),
            "AllocationSite"
                | "BytecodeArray"
                | "BytecodeWrapper"
                | "ClosureFeedbackCellArray"
                | "Code"
                | "CodeWrapper"
                | "DebugInfo"
                | "EnumCache"
                | "FeedbackCell"
                | "FeedbackVector"
                | "FunctionTemplateRareData"
                | "InstructionStream"
                | "InterpreterData"
                | "LoadHandler"
                | "ObjectTemplateInfo"
                | "PrototypeInfo"
                | "StoreHandler"
                | "TransitionArray"
                | "TrustedWeakFixedArray"
                | "WeakArrayList"
                | "WeakFixedArray"
        ),
        _ => false,
    }
}
