//! What memory is for.

use crate::answers::native_library::{ICU, NODE, OPENSSL, V8};
use crate::answers::native_parts::Part;

/// What memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Use {
    Living,
    Garbage,
    FreeInPages,
    Buffers,
    WebAssembly,
    OfObjects,
    OfStrings,
    OfV8,
    OfNode,
    OfIcu,
    OfOpenSsl,
    OfLibraries,
    Blocks,
    Leaked,
    FreeBlocks,
    OfMalloc,
    Stacks,
    Code,
    Anonymous,
    FileData,
    Files,
    Kernel,
}

impl Use {
    pub(crate) const ALL: [Use; 22] = [
        Use::Living,
        Use::Garbage,
        Use::FreeInPages,
        Use::Buffers,
        Use::WebAssembly,
        Use::OfObjects,
        Use::OfStrings,
        Use::OfV8,
        Use::OfNode,
        Use::OfIcu,
        Use::OfOpenSsl,
        Use::OfLibraries,
        Use::Blocks,
        Use::Leaked,
        Use::FreeBlocks,
        Use::OfMalloc,
        Use::Stacks,
        Use::Code,
        Use::Anonymous,
        Use::FileData,
        Use::Files,
        Use::Kernel,
    ];

    /// Blocks of malloc that the program has, but for buffers and for what is leaked, by whose they are.
    pub(crate) const NATIVE: [Use; 8] = [
        Use::OfObjects,
        Use::OfStrings,
        Use::OfV8,
        Use::OfNode,
        Use::OfIcu,
        Use::OfOpenSsl,
        Use::OfLibraries,
        Use::Blocks,
    ];

    /// What blocks of a part of the process are for.
    pub(super) fn of_part(part: &Part) -> Use {
        match part {
            Part::Objects => Use::OfObjects,
            Part::Strings => Use::OfStrings,
            Part::Library(V8) => Use::OfV8,
            Part::Library(NODE) => Use::OfNode,
            Part::Library(ICU) => Use::OfIcu,
            Part::Library(OPENSSL) => Use::OfOpenSsl,
            Part::Library(_) | Part::File(_) => Use::OfLibraries,
            Part::Elsewhere | Part::Unknown => Use::Blocks,
        }
    }

    /// For users.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Use::Living => "JavaScript heap: living objects",
            Use::Garbage => "JavaScript heap: garbage",
            Use::FreeInPages => "JavaScript heap: not used in its pages",
            Use::Buffers => "buffers of JavaScript",
            Use::WebAssembly => "memory of WebAssembly",
            Use::OfObjects => "native memory (malloc): of objects of JavaScript",
            Use::OfStrings => "native memory: strings of JavaScript",
            Use::OfV8 => "native memory: V8",
            Use::OfNode => "native memory: Node.js",
            Use::OfIcu => "native memory: ICU",
            Use::OfOpenSsl => "native memory: OpenSSL",
            Use::OfLibraries => "native memory: other libraries, add-ons",
            Use::Blocks => "native memory: not known whose",
            Use::Leaked => "native memory that is leaked",
            Use::FreeBlocks => "native memory that is free (malloc keeps it)",
            Use::OfMalloc => "malloc's own",
            Use::Stacks => "stacks of threads",
            Use::Code => "machine code made at run time",
            Use::Anonymous => "other memory of the process",
            Use::FileData => "data of the executable and libraries",
            Use::Files => "code and constants of files",
            Use::Kernel => "pages of the kernel",
        }
    }

    /// For programs.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Use::Living => "javascriptLiving",
            Use::Garbage => "javascriptGarbage",
            Use::FreeInPages => "javascriptUnused",
            Use::Buffers => "buffers",
            Use::WebAssembly => "webAssembly",
            Use::OfObjects => "nativeOfObjects",
            Use::OfStrings => "nativeOfStrings",
            Use::OfV8 => "nativeOfV8",
            Use::OfNode => "nativeOfNode",
            Use::OfIcu => "nativeOfIcu",
            Use::OfOpenSsl => "nativeOfOpenssl",
            Use::OfLibraries => "nativeOfLibraries",
            Use::Blocks => "nativeUnknown",
            Use::Leaked => "mallocLeaked",
            Use::FreeBlocks => "mallocFree",
            Use::OfMalloc => "mallocOwn",
            Use::Stacks => "stacks",
            Use::Code => "code",
            Use::Anonymous => "other",
            Use::FileData => "fileData",
            Use::Files => "files",
            Use::Kernel => "kernel",
        }
    }
}
