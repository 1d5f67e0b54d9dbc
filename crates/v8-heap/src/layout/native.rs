//! Objects outside the heap, of V8's and Node.js's C++ code, of ICU's and libuv's: offsets in bytes, the same in every supported
//! version. (Those that differ are in [`super::AccountingLayout`].)

/// V8: `src/objects/backing-store.h`.
pub(crate) mod backing_store {
    /// `BackingStore::buffer_start_`
    pub const START: u64 = 0;
    /// `BackingStore::byte_length_`
    pub const LENGTH: u64 = 8;
    /// Bytes of an `ArrayBufferExtension` and of a `BackingStore` that are read.
    pub const SIZE: u64 = 0x50;
}

/// V8: `GlobalHandles::Node` of `src/handles/global-handles.cc`, in blocks.
pub(crate) mod global_handles {
    /// Nodes of a block.
    pub const NODES: u64 = 256;
    /// Bytes of a node.
    pub const SIZE: u64 = 32;
    /// Its number in the block, u8.
    pub const INDEX: u64 = 10;
    /// Its flags, u8.
    pub const FLAGS: u64 = 11;
    /// Bits of the flags.
    pub const STATE: u8 = 3;
    /// Of the state; from the next one on a node is weak.
    pub const STRONG: u8 = 1;
    /// What the owner of a weak one is called with (`data_`).
    pub const PARAMETER: u64 = 16;
}

/// Node.js: `MemoryRetainer` of `src/memory_tracker.h`: what its classes say of themselves. Places in its table of virtual functions, behind
/// the two destructors, in bytes.
pub(crate) mod memory_retainer {
    /// `MemoryInfo`, which tells a tracker what the object consists of.
    pub const PARTS: u64 = 16;
    /// `MemoryInfoName`, which returns a text.
    pub const NAME: u64 = 24;
    /// `SelfSize`
    pub const SIZE: u64 = 32;
    /// Those whose objects say that they are not initialised when heap snapshots are made (`AsyncWrap::IsDoneInitializing`): they have no
    /// node.
    pub const WITHOUT_NODE: &[&str] = &["Parser"];
    /// No class is larger, in bytes.
    pub const LARGEST: u64 = 1 << 20;
    /// No name is longer, in bytes.
    pub const LONGEST_NAME: usize = 128;
}

/// V8: `src/execution/microtask-queue.h`; a virtual table is before these.
pub(crate) mod microtask_queue {
    pub const SIZE: u64 = 8;
    pub const CAPACITY: u64 = 16;
    pub const START: u64 = 24;
    pub const RING: u64 = 32;
}

/// V8: `src/objects/managed.h`.
pub(crate) mod managed {
    /// `ManagedPtrDestructor::shared_ptr_ptr_`
    pub const SHARED_POINTER: u64 = 24;
    /// No native value that is read is longer, in bytes.
    pub const LONGEST_VALUE: u64 = 96;
}

/// Node.js: `ExternString::data_` of `src/string_bytes.cc`, published as `nodedbg_offset_ExternalString__data`.
pub(crate) const STRING_RESOURCE_DATA: u64 = 8;

/// The values of `Temporal` objects: `third_party/rust`, `temporal_rs`.
pub(crate) mod temporal {
    /// `IsoDate`, behind the calendar.
    pub mod date {
        pub const CALENDAR: u64 = 0;
        pub const YEAR: u64 = 8;
        pub const MONTH_DAY: u64 = 12;
    }
    /// `IsoDateTime`: the time behind the date.
    pub const TIME_OF_DATE_TIME: u64 = 16;
    /// `IsoTime`
    pub mod time {
        pub const MILLISECOND: u64 = 0;
        pub const MICROSECOND: u64 = 2;
        pub const NANOSECOND: u64 = 4;
        pub const HOUR_MINUTE_SECOND: u64 = 6;
    }
    /// `Duration`
    pub mod duration {
        pub const MICROSECONDS: u64 = 0;
        pub const NANOSECONDS: u64 = 16;
        pub const DAYS: u64 = 32;
        pub const HOURS: u64 = 40;
        pub const MINUTES: u64 = 48;
        pub const SECONDS: u64 = 56;
        pub const MILLISECONDS: u64 = 64;
        pub const YEARS: u64 = 72;
        pub const MONTHS: u64 = 76;
        pub const WEEKS: u64 = 80;
        pub const SIGN: u64 = 84;
    }
    /// `ZonedDateTime`: nanoseconds since 1970, then these.
    pub mod zoned {
        pub const IS_OFFSET: u64 = 16;
        pub const OFFSET: u64 = 48;
    }
}

/// Node.js: slots of `process[exit_info_private_symbol]`, an `Int32Array` (`src/env.h`, `ExitInfoField`), in bytes.
pub(crate) mod exit_info {
    pub const EXITING: u64 = 0;
    pub const EXIT_CODE: u64 = 4;
    pub const HAS_EXIT_CODE: u64 = 8;
}

/// Offsets in `uv_loop_t`.
pub(crate) mod uv_loop {
    use core_reader::Architecture;

    use crate::layout::ProcessorLayout;

    /// `active_handles`, u32
    pub const ACTIVE_HANDLES: u64 = 8;
    /// `handle_queue`
    pub const HANDLE_QUEUE: u64 = 16;
    /// `active_reqs.count`, u32
    pub const ACTIVE_REQUESTS: u64 = 32;
    /// `stop_flag`, u32
    pub const STOP: u64 = 48;
    /// `pending_queue`
    pub const PENDING_QUEUE: u64 = 72;
    /// `nfds`, u32
    pub const DESCRIPTORS: u64 = 116;
    /// `wq`: work that the pool has done
    pub const DONE_QUEUE: u64 = 120;
    /// Offsets that `wq_mutex` is in front of.
    #[derive(Clone, Copy, Debug)]
    pub struct BehindMutex {
        /// `closing_handles`
        pub closing: u64,
        /// `timer_heap.min`
        pub timer_heap: u64,
        /// `timer_heap.nelts`, u32
        pub timer_count: u64,
        /// `time`, milliseconds of the monotonic clock
        pub time: u64,
    }

    impl BehindMutex {
        /// On a processor.
        pub fn of(architecture: &Architecture) -> BehindMutex {
            let growth = ProcessorLayout::of(architecture).mutex_growth;
            BehindMutex {
                closing: 360 + growth,
                timer_heap: 520 + growth,
                timer_count: 528 + growth,
                time: 544 + growth,
            }
        }
    }
}

/// Offsets in `uv_handle_t`, and its flags (libuv: `src/uv-common.h`).
pub(crate) mod uv_handle {
    pub const DATA: u64 = 0;
    pub const LOOP: u64 = 8;
    pub const TYPE: u64 = 16;
    pub const HANDLE_QUEUE: u64 = 32;
    /// `next_closing`
    pub const NEXT_CLOSING: u64 = 80;
    pub const FLAGS: u64 = 88;
    pub const SIZE: u64 = 96;
    pub const CLOSING: u32 = 1;
    pub const CLOSED: u32 = 2;
    pub const ACTIVE: u32 = 4;
    pub const REFERENCED: u32 = 8;
}

/// What threads keep under keys, `pthread_setspecific` (glibc: `struct pthread` of `nptl/descr.h`).
pub(crate) mod thread_specific {
    use core_reader::Architecture;

    use crate::layout::ProcessorLayout;

    /// Keys whose values are in it.
    const KEYS: u32 = 32;
    /// Bytes of an entry.
    const ENTRY: u64 = 16;
    /// Its value.
    const VALUE: u64 = 8;

    /// Where a thread has the value of a key, if that is in the thread itself.
    pub fn place(architecture: &Architecture, thread: u64, key: u32) -> Option<u64> {
        let at = ProcessorLayout::of(architecture).thread_specific? + ENTRY * u64::from(key) + VALUE;
        (thread != 0 && key < KEYS).then(|| thread.checked_add(at))?
    }
}

/// Distances below the frame pointer in V8's frames, in bytes, the same on x86-64 and arm64, and their types (V8:
/// `src/execution/frame-constants.h`, `frames.h`).
pub(crate) mod frame {
    /// `WasmFrameConstants::kWasmInstanceOffset`, `kWasmInstanceDataOffset`: below the frame pointer.
    pub const WASM_INSTANCE: u64 = 16;
    /// `TypedFrameConstants::kFrameTypeOffset`: twice the type, where it is no context.
    pub const MARKER: u64 = 8;
    /// `StandardFrameConstants::kContextOffset`
    pub const CONTEXT: u64 = 8;
    /// `StandardFrameConstants::kFunctionOffset`
    pub const FUNCTION: u64 = 16;
    /// `StandardFrameConstants::kArgCOffset`: how many arguments were passed, from V8 10 on with the receiver, as it is. Where there are
    /// frames of adaptors it is there in these, as a small integer (`ArgumentsAdaptorFrameConstants::kLengthOffset`), and in those of
    /// builtins that take any number of arguments (`OptimizedBuiltinFrameConstants::kArgCOffset`).
    pub const ARGUMENTS: u64 = 24;
    /// Bytes of a word.
    pub const SLOT: u64 = 8;
    /// `StandardFrameConstants::kCallerSPOffset`, at which the receiver is: above the frame pointer.
    pub const RECEIVER_ABOVE: u64 = 16;
    /// `ExitFrameConstants::kSPOffset`
    pub const EXIT_STACK_POINTER: u64 = 16;
    /// `StackFrame::ENTRY`, the first in `STACK_FRAME_TYPE_LIST`.
    pub const ENTRY: u64 = 1;
    /// `StackFrame::CONSTRUCT_ENTRY`, the second.
    pub const CONSTRUCT_ENTRY: u64 = 2;
    /// There are some 30.
    pub const MOST_TYPES: u64 = 64;
}

/// WebAssembly code as V8 keeps it outside of the heap (V8: `src/wasm/wasm-code-manager.h`), and a tree of libstdc++
/// (`bits/stl_tree.h`, `_Rb_tree_node_base`). Where in a `NativeModule` its parts are differs from release to release: they are found by what
/// they refer to.
pub(crate) mod wasm_code {
    /// `WasmCode::native_module_`
    pub const NATIVE_MODULE: u64 = 0;
    /// `WasmCode::instructions_`
    pub const INSTRUCTIONS: u64 = 8;
    /// Bytes of a `NativeModule` that are looked through.
    pub const MODULE_SIZE: u64 = 0x800;
    /// `_M_parent`: of the header the root, of the root the header.
    pub const PARENT: u64 = 8;
    /// `_M_left`
    pub const LEFT: u64 = 16;
    /// `_M_right`
    pub const RIGHT: u64 = 24;
    /// The key of a node of `owned_code_`: the first instruction.
    pub const KEY: u64 = 32;
    /// Its value: the `WasmCode`.
    pub const VALUE: u64 = 40;
    /// `std::vector`: end behind begin.
    pub const VECTOR_END: u64 = 8;
    /// `base::OwnedVector<const uint8_t>`: length behind the pointer.
    pub const BYTES_LENGTH: u64 = 8;
}

/// What Node.js publishes for debuggers, each a word in the executable's data that is set when the process starts (Node.js:
/// `src/node_postmortem_metadata.cc`).
pub(crate) mod node_metadata {
    /// Slot of the `Environment` in the embedder's data of a context, i32.
    pub const ENVIRONMENT_SLOT: &str = "nodedbg_const_ContextEmbedderIndex__kEnvironment__int";
    pub const PERSISTENT: &str = "nodedbg_offset_BaseObject__persistent_handle___v8_Persistent_v8_Object";
    pub const HANDLE_QUEUE: &str =
        "nodedbg_offset_Environment__handle_wrap_queue___Environment_HandleWrapQueue";
    pub const REQUEST_QUEUE: &str = "nodedbg_offset_Environment__req_wrap_queue___Environment_ReqWrapQueue";
    pub const HANDLE_NODE: &str = "nodedbg_offset_HandleWrap__handle_wrap_queue___ListNode_HandleWrap";
    pub const REQUEST_NODE: &str = "nodedbg_offset_ReqWrap__req_wrap_queue___ListNode_ReqWrapQueue";
    /// All of them.
    pub const ALL: [&str; 6] =
        [ENVIRONMENT_SLOT, PERSISTENT, HANDLE_QUEUE, REQUEST_QUEUE, HANDLE_NODE, REQUEST_NODE];
    /// No slot or offset is larger.
    pub const LARGEST: u64 = 1 << 14;
}

/// `node::ListNode` (Node.js: `src/util.h`).
pub(crate) mod list_node {
    pub const PREVIOUS: u64 = 0;
    pub const NEXT: u64 = 8;
}

/// `node::HandleWrap`, around its place in the queue (Node.js: `src/handle_wrap.h`). Which of the two it is is told by the handle, whose
/// data is the wrap.
pub(crate) mod handle_wrap {
    /// How far its `uv_handle_t` is behind that place, and its state from it on: in front of it,
    /// or in early releases of Node.js 16 behind it.
    pub const PLACES: [(u64, i64); 2] = [(16, -8), (24, 16)];
    /// `kClosed`, the last state.
    pub const CLOSED: u32 = 2;
}

/// `node::ReqWrap<T>`: the request of libuv is behind the place in the queue, and its `data` is the wrap (Node.js:
/// `src/req_wrap-inl.h`, `ReqWrap::Dispatched`).
pub(crate) mod req_wrap {
    /// How far behind it is looked for, in bytes.
    pub const FURTHEST: u64 = 128;
}

/// Offsets in what derives from `uv_handle_t` (libuv: `include/uv.h`, `include/uv/unix.h`, `include/uv/linux.h`).
pub(crate) mod uv_handles {
    /// `uv_stream_t::write_queue_size` and `uv_udp_t::send_queue_size`
    pub const QUEUED: u64 = 96;
    /// `uv_stream_t::io_watcher.fd`
    pub const STREAM_DESCRIPTOR: u64 = 184;
    /// `uv_udp_t::io_watcher.fd`
    pub const UDP_DESCRIPTOR: u64 = 176;
    /// `uv_poll_t::io_watcher.fd`
    pub const POLL_DESCRIPTOR: u64 = 152;
    /// `uv_fs_event_t::path`
    pub const WATCHED: u64 = 96;
    /// `uv_process_t::pid`, i32
    pub const PROCESS_ID: u64 = 104;
    /// `uv_signal_t::signum`, i32
    pub const SIGNAL: u64 = 104;
}

/// Offsets in `uv_req_t` and `uv_fs_t` (libuv: `include/uv.h`, `include/uv/unix.h`).
pub(crate) mod uv_request {
    pub const DATA: u64 = 0;
    pub const TYPE: u64 = 8;
    /// `UV_FS` of `uv_req_type`.
    pub const FS: u32 = 6;
    /// The largest of `uv_req_type`.
    pub const LAST_TYPE: u32 = 11;
    /// `uv_fs_t::fs_type`, u32
    pub const FS_TYPE: u64 = 64;
    /// `uv_fs_t::path`
    pub const FS_PATH: u64 = 104;
    /// `uv_fs_t::file`, i32
    pub const FS_FILE: u64 = 280;
}

/// A queue of libuv, `struct uv__queue` (libuv: `src/queue.h`).
pub(crate) mod uv_queue {
    pub const NEXT: u64 = 0;
    pub const PREVIOUS: u64 = 8;
}

/// `uv_timer_t` (libuv: `include/uv.h`, `include/uv/unix.h`).
pub(crate) mod uv_timer {
    /// From `node.heap` to `timeout`
    pub const TIMEOUT_BEHIND_NODE: u64 = 24;
}

/// `struct uv__work` (libuv: `include/uv/threadpool.h`), and where it is in requests (`include/uv.h`, `include/uv/unix.h`).
pub(crate) mod uv_work {
    /// `work`
    pub const FUNCTION: u64 = 0;
    /// `done`
    pub const DONE: u64 = 8;
    /// `loop`
    pub const LOOP: u64 = 16;
    /// `wq`
    pub const NODE: u64 = 24;
    /// `uv_fs_t::work_req`
    pub const IN_FS: u64 = 336;
    /// `uv_getaddrinfo_t::work_req` and `uv_getnameinfo_t::work_req`
    pub const IN_NAME: u64 = 72;
    /// `uv_getaddrinfo_t::hostname`
    pub const HOST_OF_NAME: u64 = 128;
    /// `uv_work_t::work_req`
    pub const IN_WORK: u64 = 88;
    /// `uv_work_t::work_cb`
    pub const CALLBACK_OF_WORK: u64 = 72;
    /// `node::ThreadPoolWork::work_req_`, behind its virtual table and `env_` (Node.js: `src/node_internals.h`).
    pub const IN_NODE: u64 = 16;
    /// `node::ThreadPoolWork::type_`, from `work_req_` on.
    pub const KIND_OF_NODE: u64 = 128;
    /// No request goes on further around its `uv__work`.
    pub const AROUND: u64 = 448;
}

/// The static data of libuv's pool of threads (libuv: `src/threadpool.c`).
pub(crate) mod thread_pool {
    /// Bytes of a `uv_thread_t`.
    pub const THREAD: u64 = 8;
}

/// `node::worker::Worker` (Node.js: `src/node_worker.h`).
pub(crate) mod worker {
    /// Its isolate and thread are within so many bytes.
    pub const SIZE: u64 = 512;
}

/// V8: `EmbedderGraph` and `EmbedderGraph::Node` of `include/v8-profiler.h`, which is part of the interface of add-ons. Places in their tables of
/// virtual functions, in bytes.
pub(crate) mod embedder_graph {
    /// Functions of a graph, more than there are: which is which is told by what they are called with.
    pub const FUNCTIONS: u64 = 16;
    /// Of a node, behind the two destructors: `Name`, which returns a text.
    pub const NAME: u64 = 16;
    /// `SizeInBytes`
    pub const SIZE: u64 = 24;
    /// `WrapperNode`: the node of the value that stands for the object, which V8 takes for the same node; or null.
    pub const WRAPPER: u64 = 32;
    /// `IsRootNode`, u8
    pub const IS_ROOT: u64 = 40;
    /// `NamePrefix`, a text or null
    pub const PREFIX: u64 = 56;
    /// Node.js gives V8 its part of the graph by this function (`src/env.cc`): of an isolate, a graph and an `Environment`.
    pub const BUILDER: &str =
        "_ZN4node11Environment18BuildEmbedderGraphEPN2v87IsolateEPNS1_13EmbedderGraphEPv";
    /// V8 adds the C++ objects that it collects itself (`CppGraphBuilder::Run` in `src/heap/cppgc-js/cpp-snapshot.cc`): of an isolate, a graph
    /// and a `CppHeap`, and from V8 14 on of a `std::unordered_set` of objects that Node.js has none of.
    pub const CPP_BUILDERS: [&str; 2] = [
        "_ZN2v88internal15CppGraphBuilder3RunEPNS_7IsolateEPNS_13EmbedderGraphEPv",
        "_ZN2v88internal15CppGraphBuilder3RunEPNS_7IsolateEPNS_13EmbedderGraphEPvOSt13unordered_setINS0_6TaggedINS0_21CppHeapExternalObjectEEENS0_6Object6HasherENSB_12KeyEqualSafeESaISA_EE",
    ];
    /// The functions of a `CppHeap`, which begins with the address of them.
    pub const CPP_HEAP: &str = "_ZTVN2v88internal7CppHeapE";
    /// Where they begin in their table, in bytes.
    pub const CPP_HEAP_FUNCTIONS: u64 = 16;
    /// What goes through the stack for what it may hold of such objects: the stack of a process that writes a snapshot is another.
    pub const STACK: &str = "_ZNK4heap4base5Stack26IteratePointersUntilMarkerEPNS0_12StackVisitorE";
    /// An empty `std::unordered_set` (libstdc++: `_Hashtable`): it has one bucket, which is in it.
    pub mod empty_set {
        pub const SIZE: u64 = 56;
        /// `_M_buckets`
        pub const BUCKETS: u64 = 0;
        /// `_M_bucket_count`
        pub const COUNT: u64 = 8;
        /// `_M_rehash_policy._M_max_load_factor`, a float
        pub const LOAD: u64 = 32;
        /// `_M_single_bucket`
        pub const BUCKET: u64 = 48;
    }
}
