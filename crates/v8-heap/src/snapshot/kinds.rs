//! The kinds of nodes and edges that a snapshot has, written or read.

/// What a node stands for, numbered as `node_types` of the file has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs)] // V8's own words
pub enum NodeKind {
    Hidden,
    Array,
    String,
    Object,
    Code,
    Closure,
    RegExp,
    Number,
    Native,
    Synthetic,
    ConsString,
    SlicedString,
    Symbol,
    BigInt,
    ObjectShape,
    /// A word of a file that is not known here: never written.
    Other,
}

impl NodeKind {
    /// All that V8 writes, by number.
    pub const ALL: [NodeKind; 15] = [
        NodeKind::Hidden,
        NodeKind::Array,
        NodeKind::String,
        NodeKind::Object,
        NodeKind::Code,
        NodeKind::Closure,
        NodeKind::RegExp,
        NodeKind::Number,
        NodeKind::Native,
        NodeKind::Synthetic,
        NodeKind::ConsString,
        NodeKind::SlicedString,
        NodeKind::Symbol,
        NodeKind::BigInt,
        NodeKind::ObjectShape,
    ];

    /// V8's word for it.
    pub fn name(self) -> &'static str {
        match self {
            NodeKind::Hidden => "hidden",
            NodeKind::Array => "array",
            NodeKind::String => "string",
            NodeKind::Object => "object",
            NodeKind::Code => "code",
            NodeKind::Closure => "closure",
            NodeKind::RegExp => "regexp",
            NodeKind::Number => "number",
            NodeKind::Native => "native",
            NodeKind::Synthetic => "synthetic",
            NodeKind::ConsString => "concatenated string",
            NodeKind::SlicedString => "sliced string",
            NodeKind::Symbol => "symbol",
            NodeKind::BigInt => "bigint",
            NodeKind::ObjectShape => "object shape",
            NodeKind::Other => "other",
        }
    }

    /// What V8's word `name` stands for.
    pub fn of(name: &str) -> NodeKind {
        NodeKind::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or(NodeKind::Other)
    }

    /// Whether it is a string of any representation.
    pub fn is_string(self) -> bool {
        matches!(self, NodeKind::String | NodeKind::ConsString | NodeKind::SlicedString)
    }
}

/// How a node refers to another, numbered as `edge_types` of the file has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum EdgeKind {
    /// A variable of a context.
    Context,
    /// An element, by its index.
    Element,
    /// A property.
    Property,
    /// A field of V8's own, by its name.
    Internal,
    /// A word of V8's own, by a number.
    Hidden,
    /// What is told beside the words that hold it; from the root, that a node is a global object.
    Shortcut,
    /// A reference that keeps nothing alive.
    Weak,
    /// A word of a file that is not known here: never written.
    Other,
}

impl EdgeKind {
    /// All that V8 writes, by number.
    pub const ALL: [EdgeKind; 7] = [
        EdgeKind::Context,
        EdgeKind::Element,
        EdgeKind::Property,
        EdgeKind::Internal,
        EdgeKind::Hidden,
        EdgeKind::Shortcut,
        EdgeKind::Weak,
    ];

    /// V8's word for it.
    pub fn name(self) -> &'static str {
        match self {
            EdgeKind::Context => "context",
            EdgeKind::Element => "element",
            EdgeKind::Property => "property",
            EdgeKind::Internal => "internal",
            EdgeKind::Hidden => "hidden",
            EdgeKind::Shortcut => "shortcut",
            EdgeKind::Weak => "weak",
            EdgeKind::Other => "other",
        }
    }

    /// What V8's word `name` stands for.
    pub fn of(name: &str) -> EdgeKind {
        EdgeKind::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or(EdgeKind::Other)
    }

    /// Whether it has a number and no name.
    pub fn is_numbered(self) -> bool {
        matches!(self, EdgeKind::Element | EdgeKind::Hidden)
    }
}
