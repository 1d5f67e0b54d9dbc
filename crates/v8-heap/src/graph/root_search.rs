//! Finds all roots of a process.

use super::cpp_objects::CppObjects;
use super::root_finder::Finder;
use super::roots::{Root, RootKind, Roots, merged};
use crate::index::ObjectTable;
use crate::view::View;
use crate::{Error, Monitor, Result};

impl Roots {
    /// Finds all roots.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub(crate) fn find(view: &View<'_>, table: &ObjectTable, monitor: &dyn Monitor) -> Result<Roots> {
        let mut finder = Finder::new(view, table);
        let cpp_objects = CppObjects::find(view, table);
        finder.with_cpp_heap = cpp_objects.isolates().collect();
        monitor.begin("finding roots", view.spaces().isolates().len() as u64);
        for isolate in view.spaces().isolates() {
            if monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            finder.isolate(isolate);
            monitor.advance(1);
        }
        if view.spaces().isolates().is_empty() {
            finder.found.missing.push("no isolate".to_owned());
        }
        for (at, target) in cpp_objects.roots(view.memory()) {
            finder.found.roots.push(Root { target, kind: RootKind::TracedHandle, at });
        }
        finder.microtasks();
        // The kernel's own workers hold nothing of the view.
        let mut threads = view.threads().iter().filter(|thread| thread.has_user_stack()).peekable();
        if threads.peek().is_none() {
            finder.found.missing.push("the stacks of threads".to_owned());
        }
        for thread in threads {
            finder.thread(thread);
        }
        let mut roots = finder.found;
        roots.memory = merged(roots.memory);
        roots.missing.dedup();
        for list in [&mut roots.roots, &mut roots.leftovers] {
            list.sort_unstable();
            list.dedup_by_key(|root| (root.target, root.kind, root.at));
        }
        Ok(roots)
    }
}
