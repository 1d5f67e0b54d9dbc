//! What roots are called.

use v8_heap::graph::{Root, RootKind};

/// What a root is.
pub fn root_text(root: Option<&Root>) -> String {
    let Some(root) = root else { return "global object".to_owned() };
    let name = root_name(root.kind);
    match root.kind {
        RootKind::Register(_) => name,
        RootKind::NativeFrame(_) if root.at == 0 => format!("{name}, in a register (perhaps left over)"),
        RootKind::NativeFrame(_) => format!("{name} at {:x} (perhaps left over)", root.at),
        RootKind::Isolate => format!("isolate, field at {:x}", root.at),
        RootKind::NativeMemory => format!("{name} at {:x} (perhaps left over)", root.at),
        RootKind::HandleScope | RootKind::Microtask => format!("{name}, at {:x}", root.at),
        _ => format!("{name} at {:x}", root.at),
    }
}

/// What a root of some kind is.
pub fn root_name(kind: RootKind) -> String {
    match kind {
        RootKind::Stack(thread) => return format!("stack of thread {thread}"),
        RootKind::Register(thread) => return format!("register of thread {thread}"),
        RootKind::NativeFrame(thread) => return format!("native function of thread {thread}"),
        RootKind::RootsTable => "V8's table of roots",
        RootKind::Isolate => "isolate",
        RootKind::HandleScope => "handle of native code that is running",
        RootKind::GlobalHandle => "global handle",
        RootKind::EternalHandle => "eternal handle",
        RootKind::TracedHandle => "handle of a C++ object",
        RootKind::Microtask => "microtask that waits",
        RootKind::ObjectCache => "cache of the startup snapshot",
        RootKind::CompilationCache => "compilation cache",
        RootKind::StrongRoots => "list of V8's own roots",
        RootKind::Job => "handle of a compiler's job",
        RootKind::NativeMemory => "native memory",
    }
    .to_owned()
}
