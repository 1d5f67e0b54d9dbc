//! The `process` object of Node.js: what a process says of itself. There is one for the main thread and one for each worker.

use crate::index::{Kinds, ObjectTable};
use crate::layout::Kind;
use crate::layout::native::exit_info;
use crate::objects::context::VariableValue;
use crate::objects::properties::PropertyValue;
use crate::objects::value::{HeapObject, Value};
use crate::view::View;
use crate::{Monitor, Result, Tagged};

/// The private symbol under which `process` has an `Int32Array` about its end.
const EXIT_INFO: &str = "node:exit_info_private_symbol";
/// The one of late releases of Node.js 18, which has a `Uint32Array` of one number: whether it exits.
const EXITING: &str = "node:exiting_aliased_Uint32Array";
/// Longer texts are cut, in UTF-16 code units.
const LONGEST_TEXT: usize = 128 << 10;
/// All texts of one list together are cut here, in bytes: the kernel allows a process a few megabytes of arguments.
const MOST_TEXT: usize = 8 << 20;
/// No more components have a version, and no more threads a `process`.
const MOST_VERSIONS: usize = 256;
const MOST_PROCESSES: usize = 4096;
/// Scopes around `process.cwd` that are looked through.
const MOST_SCOPES: usize = 4;

/// What one `process` object says. What cannot be read is left out.
#[derive(Clone, Debug)]
pub struct NodeProcess {
    /// The object.
    pub object: Tagged,
    /// The `Heap` that it is in.
    pub heap: u64,
    /// `process.versions`, in its order.
    pub versions: Vec<(String, String)>,
    /// `process.release.lts`
    pub long_term_support: Option<String>,
    /// `process.arch`
    pub architecture: Option<String>,
    /// `process.execPath`
    pub executable: Option<String>,
    /// `process.argv`
    pub arguments: Vec<String>,
    /// `process.execArgv`
    pub exec_arguments: Vec<String>,
    /// `process.pid`
    pub id: Option<u32>,
    /// What `process.cwd()` last returned, which Node.js keeps until the directory changes.
    pub directory: Option<String>,
    /// `process.exitCode`, if the program has set it.
    pub exit_code: Option<i32>,
    /// The process was on its way out (`process._exiting`).
    pub is_exiting: bool,
}

impl NodeProcess {
    /// The `process` objects of all contexts that have one.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so.
    pub(crate) fn all(
        view: &View<'_>,
        table: &ObjectTable,
        kinds: &Kinds,
        monitor: &dyn Monitor,
    ) -> Result<Vec<NodeProcess>> {
        let Some(name) = view.name_id("process") else { return Ok(Vec::new()) };
        let mut objects = Vec::new();
        for group in kinds.groups().iter().filter(|group| group.constructor == name) {
            let example = view.object_by_id(table, group.representative);
            let Some(group) = example.and_then(|object| kinds.group_of(view, object)) else { continue };
            view.for_each_member_of(
                table,
                kinds.group(group),
                |_| true,
                monitor,
                |object| {
                    objects.push(object.address);
                    objects.len() < MOST_PROCESSES
                },
            )?;
        }
        objects.sort_unstable();
        let objects = objects.into_iter().filter_map(|address| view.object(Tagged::pointer(address)).ok());
        Ok(objects.filter_map(|object| view.node_process(object)).collect())
    }
}

impl View<'_> {
    /// `None` for what only looks like a `process`, such as its prototype.
    fn node_process(&self, object: HeapObject<'_>) -> Option<NodeProcess> {
        let versions = self.js_object(self.data_property(object, "versions")?)?;
        let versions = self
            .own_properties(versions)
            .ok()?
            .into_iter()
            .take(MOST_VERSIONS)
            .filter_map(|property| match property.value {
                PropertyValue::Data(value) => Some((self.name_text(property.name)?, self.text(value)?)),
                _ => None,
            })
            .collect();
        let release = self.data_property(object, "release").and_then(|release| self.js_object(release));
        let texts = |name| self.data_property(object, name).map_or_else(Vec::new, |array| self.texts(array));
        let text = |name| self.data_property(object, name).and_then(|value| self.text(value));
        let (exit_code, is_exiting) = self.exit_info(object).unwrap_or_else(|| self.exit_properties(object));
        Some(NodeProcess {
            object: object.value(),
            heap: self.spaces().page_of(object.address).map_or(0, |page| page.heap),
            versions,
            long_term_support: release
                .and_then(|release| self.data_property(release, "lts"))
                .and_then(|lts| self.text(lts)),
            architecture: text("arch"),
            executable: text("execPath"),
            arguments: texts("argv"),
            exec_arguments: texts("execArgv"),
            id: self
                .data_property(object, "pid")
                .and_then(|id| self.number(id))
                .filter(|id| *id >= 0.0 && *id <= f64::from(u32::MAX))
                .map(|id| id as u32),
            directory: self.cached_directory(object),
            exit_code,
            is_exiting,
        })
    }

    fn exit_info(&self, process: HeapObject<'_>) -> Option<(Option<i32>, bool)> {
        let field = |at: u64| self.number_of_exit(process, EXIT_INFO, at);
        let code = field(exit_info::EXIT_CODE)? as i32;
        let exit_code = (field(exit_info::HAS_EXIT_CODE)? != 0).then_some(code);
        Some((exit_code, field(exit_info::EXITING)? != 0))
    }

    /// The number at a distance in the typed array that `process` has under a private symbol.
    fn number_of_exit(&self, process: HeapObject<'_>, symbol: &str, at: u64) -> Option<u32> {
        let array = self.js_object(self.data_property(process, symbol)?)?;
        let view = self.view(array).ok()?;
        let end = at.checked_add(size_of::<u32>() as u64)?;
        if view.byte_length < end {
            return None;
        }
        self.words().word32(view.address.checked_add(at)?, "exit info").ok()
    }

    /// Up to Node.js 19 the two are properties of `process` (Node.js: `lib/internal/bootstrap/node.js`).
    fn exit_properties(&self, process: HeapObject<'_>) -> (Option<i32>, bool) {
        let code = self.data_property(process, "exitCode").and_then(|code| self.number(code));
        let is_exiting = match self.number_of_exit(process, EXITING, 0) {
            Some(number) => number != 0,
            None => {
                let property = self.data_property(process, "_exiting").map(|value| self.value(value));
                matches!(property, Some(Ok(Value::Boolean(true))))
            }
        };
        (code.map(|code| code as i32), is_exiting)
    }

    /// `process.cwd` is `wrappedCwd`, a closure over `cachedCwd` (Node.js:
    /// `lib/internal/bootstrap/switches/does_own_process_state.js`; workers have their own).
    fn cached_directory(&self, process: HeapObject<'_>) -> Option<String> {
        let function = self.js_object(self.data_property(process, "cwd")?)?;
        if function.kind() != Kind::JsFunction {
            return None;
        }
        let mut context = self.object(self.function_context(function).ok()?).ok()?;
        for _ in 0..MOST_SCOPES {
            for variable in self.context_variables(context).ok()? {
                if let VariableValue::Tagged(value) = variable.value
                    && self.name_text(variable.name).is_some_and(|name| name == "cachedCwd")
                {
                    return self.text(value).filter(|directory| !directory.is_empty());
                }
            }
            context = self.previous_context(context).ok()??;
        }
        None
    }

    fn js_object(&self, value: Tagged) -> Option<HeapObject<'_>> {
        match self.value(value).ok()? {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    fn text(&self, value: Tagged) -> Option<String> {
        Some(self.string(value, LONGEST_TEXT).ok()?.to_text())
    }

    /// The strings of an array.
    fn texts(&self, array: Tagged) -> Vec<String> {
        let mut texts = Vec::new();
        let mut room = MOST_TEXT;
        let elements = self.js_object(array).and_then(|array| self.elements(array).ok());
        if let Some(elements) = elements {
            // What could be read before an error is kept.
            let _ = self.for_each_element(&elements, |_, value| {
                if let PropertyValue::Data(value) = value
                    && let Some(text) = self.text(value)
                {
                    // An empty text takes room as well.
                    room = room.saturating_sub(text.len() + size_of::<String>());
                    texts.push(text);
                }
                room > 0
            });
        }
        texts
    }
}
