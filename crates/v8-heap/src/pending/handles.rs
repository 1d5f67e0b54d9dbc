//! Handles and requests of libuv, with their objects in the heap.
//!
//! ```text
//!   HandleWrap   first word: its class   persistent: its object   state, place in the queue, uv_handle_t
//!   ReqWrap      first word: its class   persistent: its object   place in the queue, uv_req_t
//! ```
//!
//! (Node.js: `src/base_object.h`, `src/handle_wrap.h`, `src/req_wrap.h`.) The object of a handle has the `Socket`, `Server` or other
//! object of the program under the symbol `owner_symbol`.

use core_reader::{Address, Symbols, demangle};

use crate::heap::Heap;
use crate::layout::native::{handle_wrap, req_wrap, uv_handle, uv_handles, uv_request};
use crate::node_runtime::HANDLE_TYPES;
use crate::objects::value::Value;
use crate::{Error, Monitor, Result, Tagged};

use super::environments::{Environment, Environments, Places};
use super::{js_object, object_property};

/// Owners of owners that are followed.
const MOST_OWNERS: usize = 16;
/// Objects point behind offset and type at the head of a table of virtual functions (Itanium C++ ABI, 2.5.2).
pub(super) const VIRTUAL_FUNCTIONS: u64 = 2 * size_of::<u64>() as u64;
/// Longer paths are cut, in bytes.
pub(super) const LONGEST_PATH: usize = 1024;

/// `uv_fs_type`, from `UV_FS_CUSTOM` on.
const FS_TYPES: [&str; 38] = [
    "custom",
    "open",
    "close",
    "read",
    "write",
    "sendfile",
    "stat",
    "lstat",
    "fstat",
    "ftruncate",
    "utime",
    "futime",
    "access",
    "chmod",
    "fchmod",
    "fsync",
    "fdatasync",
    "unlink",
    "rmdir",
    "mkdir",
    "mkdtemp",
    "rename",
    "scandir",
    "link",
    "symlink",
    "readlink",
    "chown",
    "fchown",
    "realpath",
    "copyfile",
    "lchown",
    "opendir",
    "readdir",
    "closedir",
    "statfs",
    "mkstemp",
    "lutime",
    "other",
];

/// A handle: something that is open, and may keep the event loop alive.
#[derive(Clone, Debug)]
pub struct Handle {
    /// As `process.getActiveResourcesInfo()` calls it: `TCPSocketWrap`; `?` if the executable has no symbol for its class.
    pub kind: String,
    /// Its own object: `TCP`.
    pub object: Option<Tagged>,
    /// The object that the program knows: a `Socket`; the handle's own if there is no other.
    pub owner: Option<Tagged>,
    /// Address of the `uv_handle_t`.
    pub address: u64,
    /// `uv_handle_type`, as `tcp`.
    pub uv_type: Option<&'static str>,
    /// libuv waits for something on it.
    pub is_active: bool,
    /// It keeps the event loop alive while it is active; `process._getActiveHandles()` lists those for which this is true.
    pub is_referenced: bool,
    /// Its descriptor, if it has one.
    pub descriptor: Option<i32>,
    /// Bytes that wait to be written.
    pub queued: Option<u64>,
    /// The process that it watches.
    pub process: Option<i32>,
    /// The signal that it waits for.
    pub signal: Option<i32>,
    /// The path that it watches.
    pub path: Option<String>,
    /// The V8 `Heap` of its thread.
    pub heap: u64,
}

/// A request that is under way.
#[derive(Clone, Debug)]
pub struct Request {
    /// As `process.getActiveResourcesInfo()` calls it: `FSReqCallback`.
    pub kind: String,
    /// Its object: an `FSReqCallback`.
    pub object: Option<Tagged>,
    /// What it does with a file: `stat`.
    pub operation: Option<&'static str>,
    /// The path that it works on.
    pub path: Option<String>,
    /// The descriptor that it works on.
    pub descriptor: Option<i32>,
    /// The V8 `Heap` of its thread.
    pub heap: u64,
}

/// What a request for a file is about.
#[derive(Debug, Default)]
pub(super) struct FileRequest {
    pub operation: Option<&'static str>,
    pub path: Option<String>,
    pub descriptor: Option<i32>,
}

/// A class without a symbol: that of an addon, or of an executable without symbols.
fn unknown() -> String {
    "?".to_owned()
}

impl Heap<'_> {
    /// All handles of all threads, in the order in which they were made.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn handles(
        &self,
        environments: &Environments,
        symbols: &dyn Symbols,
        monitor: &dyn Monitor,
    ) -> Result<Vec<Handle>> {
        let mut handles = Vec::new();
        let Some(places) = &environments.places else { return Ok(handles) };
        for environment in &environments.list {
            for node in self.queue(environment.address, places.handle_queue).unwrap_or_default() {
                if monitor.cancelled() {
                    return Err(Error::Interrupted);
                }
                handles.extend(self.handle(environment, node, places, symbols));
            }
        }
        Ok(handles)
    }

    fn handle(
        &self,
        environment: &Environment,
        node: u64,
        places: &Places,
        symbols: &dyn Symbols,
    ) -> Option<Handle> {
        let wrap = node.checked_sub(places.handle_node)?;
        let (address, state) = self.handle_of_node(node, places)?;
        let state = self.libuv_u32(state, 0)?;
        let flags = self.libuv_u32(address, uv_handle::FLAGS)?;
        let number = self.libuv_u32(address, uv_handle::TYPE)?.checked_sub(1);
        let uv_type = number.and_then(|number| HANDLE_TYPES.get(number as usize).copied());
        let object = self.native_object(wrap, places);
        let signed = |offset: u64| self.libuv_u32(address, offset).map(|value| value as i32);
        let descriptor = match uv_type {
            Some("tcp" | "pipe" | "tty" | "stream") => signed(uv_handles::STREAM_DESCRIPTOR),
            Some("udp") => signed(uv_handles::UDP_DESCRIPTOR),
            Some("poll") => signed(uv_handles::POLL_DESCRIPTOR),
            _ => None,
        };
        let queued = match uv_type {
            Some("tcp" | "pipe" | "tty" | "stream" | "udp") => self.libuv_word(address, uv_handles::QUEUED),
            _ => None,
        };
        let is = |wanted: &str| uv_type == Some(wanted);
        Some(Handle {
            kind: self.handle_kind(&self.class_of_native(wrap, symbols).unwrap_or_else(unknown), object),
            object,
            owner: object.map(|object| self.owner_of(object)),
            address,
            uv_type,
            is_active: flags & uv_handle::ACTIVE != 0,
            is_referenced: state != handle_wrap::CLOSED && flags & uv_handle::REFERENCED != 0,
            descriptor: descriptor.filter(|descriptor| *descriptor >= 0),
            queued,
            process: signed(uv_handles::PROCESS_ID).filter(|_| is("process")),
            signal: signed(uv_handles::SIGNAL).filter(|_| is("signal")),
            path: self.libuv_text(address, uv_handles::WATCHED).filter(|_| is("fs_event")),
            heap: environment.heap,
        })
    }

    /// All requests of all threads that are under way, in the order in which they were made.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn requests(
        &self,
        environments: &Environments,
        symbols: &dyn Symbols,
        monitor: &dyn Monitor,
    ) -> Result<Vec<Request>> {
        let mut requests = Vec::new();
        let Some(places) = &environments.places else { return Ok(requests) };
        for environment in &environments.list {
            for node in self.queue(environment.address, places.request_queue).unwrap_or_default() {
                if monitor.cancelled() {
                    return Err(Error::Interrupted);
                }
                let Some(wrap) = node.checked_sub(places.request_node) else { continue };
                let object = self.native_object(wrap, places);
                // An executable without symbols has still the class that JavaScript knows.
                let of_javascript = || {
                    let object = self.object(object?).ok()?;
                    Some(self.name(self.constructor_name(object)).to_owned())
                };
                let kind = self.class_of_native(wrap, symbols).or_else(of_javascript).unwrap_or_else(unknown);
                let file = self
                    .request_of_libuv(wrap, node)
                    .filter(|request| self.is_for_file(*request))
                    .map(|request| self.file_request(request))
                    .unwrap_or_default();
                requests.push(Request {
                    kind,
                    object,
                    operation: file.operation,
                    descriptor: file.descriptor,
                    path: file.path,
                    heap: environment.heap,
                });
            }
        }
        Ok(requests)
    }

    /// What a `uv_fs_t` is about.
    pub(super) fn file_request(&self, request: u64) -> FileRequest {
        let operation = self.libuv_u32(request, uv_request::FS_TYPE);
        let path = self.libuv_text(request, uv_request::FS_PATH);
        let descriptor = self.libuv_u32(request, uv_request::FS_FILE).map(|descriptor| descriptor as i32);
        FileRequest {
            operation: operation.and_then(|operation| FS_TYPES.get(operation as usize).copied()),
            descriptor: descriptor.filter(|descriptor| *descriptor > 0 && path.is_none()),
            path,
        }
    }

    /// The `uv_fs_t` of all threads that are under way.
    pub(super) fn file_requests(&self, environments: &Environments) -> Vec<u64> {
        let requests = self.requests_of_libuv(environments).into_iter();
        requests.filter(|request| self.is_for_file(*request)).collect()
    }

    /// Where the paths of requests are.
    pub(super) fn request_texts(&self, environments: &Environments) -> Vec<(u64, u64)> {
        let requests = self.requests_of_libuv(environments).into_iter();
        requests
            .filter_map(|request| {
                self.text_range(request.checked_add(uv_request::FS_PATH), self.is_for_file(request))
            })
            .collect()
    }

    /// The `uv_req_t` of all threads that are under way.
    fn requests_of_libuv(&self, environments: &Environments) -> Vec<u64> {
        let Some(places) = &environments.places else { return Vec::new() };
        let nodes = environments.list.iter().flat_map(|environment| {
            self.queue(environment.address, places.request_queue).unwrap_or_default()
        });
        nodes.filter_map(|node| self.request_of_libuv(node.checked_sub(places.request_node)?, node)).collect()
    }

    fn is_for_file(&self, request: u64) -> bool {
        self.libuv_u32(request, uv_request::TYPE) == Some(uv_request::FS)
    }

    /// The object that a program knows a handle by.
    pub fn owner_of(&self, object: Tagged) -> Tagged {
        let mut owner = object;
        for _ in 0..MOST_OWNERS {
            let next = js_object(self, owner)
                .and_then(|object| object_property(self, object, "Symbol(owner_symbol)"));
            match next {
                Some(next) if next.value() != owner => owner = next.value(),
                _ => break,
            }
        }
        owner
    }

    /// Servers and sockets are of one class.
    fn handle_kind(&self, class: &str, object: Option<Tagged>) -> String {
        if class != "TCPWrap" {
            return class.to_owned();
        }
        let object = object.and_then(|object| js_object(self, object));
        let is_server = object.is_some_and(|object| object_property(self, object, "onconnection").is_some());
        if is_server { "TCPServerWrap" } else { "TCPSocketWrap" }.to_owned()
    }

    /// The request of libuv inside of a `ReqWrap`: it names the wrap.
    fn request_of_libuv(&self, wrap: u64, node: u64) -> Option<u64> {
        let step = size_of::<u64>();
        (0..req_wrap::FURTHEST).step_by(step).find_map(|offset| {
            let request = node.checked_add(offset)?;
            let is_it = self.libuv_word(request, uv_request::DATA)? == wrap
                && (1..=uv_request::LAST_TYPE).contains(&self.libuv_u32(request, uv_request::TYPE)?);
            is_it.then_some(request)
        })
    }

    /// The name of the class of a C++ object, without namespaces and parameters; `None` if it has none.
    pub(super) fn class_of_native(&self, object: u64, symbols: &dyn Symbols) -> Option<String> {
        let name = self.whole_class_of_native(object, symbols)?;
        Some(name.split('<').next()?.rsplit("::").next()?.to_owned())
    }

    /// The same with namespaces and parameters.
    pub(super) fn whole_class_of_native(&self, object: u64, symbols: &dyn Symbols) -> Option<String> {
        let table = self.libuv_word(object, 0)?.checked_sub(VIRTUAL_FUNCTIONS)?;
        let symbol = symbols.at(Address(table)).filter(|symbol| symbol.address.0 == table)?;
        let name = demangle(&symbol.name)?;
        Some(name.strip_prefix("{vtable(")?.strip_suffix(")}")?.to_owned())
    }

    /// The object in the heap that a `BaseObject` stands for.
    pub(super) fn native_object(&self, wrap: u64, places: &Places) -> Option<Tagged> {
        let slot = self.libuv_word(wrap, places.persistent).filter(|slot| *slot != 0)?;
        let value = Tagged(self.libuv_word(slot, 0)?);
        matches!(self.value(value), Ok(Value::Object(_))).then_some(value)
    }

    fn libuv_word(&self, at: u64, offset: u64) -> Option<u64> {
        self.memory().read_u64(Address(at.checked_add(offset)?)).ok()
    }

    fn libuv_u32(&self, at: u64, offset: u64) -> Option<u32> {
        self.memory().read_u32(Address(at.checked_add(offset)?)).ok()
    }

    /// The C string that a word points to.
    pub(super) fn libuv_text(&self, at: u64, offset: u64) -> Option<String> {
        let start = self.libuv_word(at, offset).filter(|start| *start != 0)?;
        let mut bytes = Vec::new();
        while bytes.len() < LONGEST_PATH {
            let mut byte = [0];
            let at = start.checked_add(bytes.len() as u64)?;
            self.memory().read_into(Address(at), &mut byte).ok()?;
            if byte[0] == 0 {
                break;
            }
            bytes.push(byte[0]);
        }
        (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned())
    }
}
