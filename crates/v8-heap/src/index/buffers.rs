//! All backing stores of the heap: the memory behind ArrayBuffers, who owns it and who looks at it.
//!
//! ```text
//!  JSTypedArray, JSDataView          JSArrayBuffer              ArrayBufferExtension       BackingStore
//!  +--------------------+            +---------------+          +---------------+          +------------------+
//!  | buffer ------------+----------> | backing_store-+--> bytes | backing_store-+--------> | start, length    |
//!  | offset, length     |            | extension ----+--------> | next ...      |          | capacity, flags  |
//!  +--------------------+            +---------------+          +---------------+          +------------------+
//! ```
//!
//! (V8: `src/objects/js-array-buffer.h`, `backing-store.h`.) Shared memory has an ArrayBuffer in each isolate that sees it, and
//! all of them lead to bytes at one address: by that address a store is told. Small typed arrays keep their bytes in the heap,
//! and have an ArrayBuffer without any until a program asks for it; each of them is a store of its own.

use std::collections::BTreeMap;

use crate::index::parallel::in_turns;
use crate::index::{MapSet, ObjectTable};
use crate::layout::Kind;
pub use crate::objects::array_buffer::StoreKind;
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Monitor, NameId, Result, Tagged};

/// Views of one constructor on a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Views {
    /// Constructor of the views.
    pub constructor: NameId,
    /// How many there are.
    pub count: u64,
    /// Bytes that they look at, each for itself.
    pub bytes: u64,
}

/// The memory behind one ArrayBuffer, or several that share it.
#[derive(Clone, Debug)]
pub struct BackingStore {
    /// Address of the first byte; 0 if it has none.
    pub address: u64,
    /// In bytes.
    pub byte_length: u64,
    /// How long it may become, in bytes; the length if it cannot grow.
    pub max_byte_length: u64,
    /// What it is.
    pub kind: StoreKind,
    /// Node's pool of small Buffers, or other memory that must not be handed to another thread
    /// (`markAsUntransferable`).
    pub is_untransferable: bool,
    /// The `Heap`s that count it as external memory, once for each ArrayBuffer of theirs.
    pub counted_by: Vec<u64>,
    /// The ArrayBuffers that own it, in the order of addresses.
    pub buffers: Vec<Tagged>,
    /// What looks at it, by constructor.
    pub views: Vec<Views>,
}

impl BackingStore {
    /// Number of views.
    pub fn view_count(&self) -> u64 {
        self.views.iter().map(|views| views.count).sum()
    }

    /// Bytes that views look at, each for itself.
    pub fn viewed_bytes(&self) -> u64 {
        self.views.iter().fold(0, |sum, views| sum.saturating_add(views.bytes))
    }
}

/// All backing stores.
#[derive(Clone, Debug, Default)]
pub struct Buffers {
    /// Stores with bytes, the largest last.
    pub stores: Vec<BackingStore>,
    /// ArrayBuffers without any bytes, detached ones aside.
    pub empty: u64,
    /// ArrayBuffers whose bytes were handed to somebody else.
    pub detached: u64,
    /// Views on detached buffers.
    pub views_of_detached: u64,
    /// Buffers and views that could not be read.
    pub unreadable: u64,
}

/// A buffer met by the walk.
struct Owner {
    buffer: Tagged,
    heap: u64,
    address: u64,
    byte_length: u64,
    max_byte_length: u64,
    kind: StoreKind,
    is_external: bool,
    is_untransferable: bool,
}

/// A view met by the walk.
struct Viewer {
    buffer: Tagged,
    /// Address of the first byte, if it is in the heap.
    in_heap: Option<u64>,
    bytes: u64,
    constructor: NameId,
}

#[derive(Default)]
struct Met {
    owners: Vec<Owner>,
    viewers: Vec<Viewer>,
    detached: Vec<Tagged>,
    empty: Vec<Tagged>,
    unreadable: u64,
}

/// Name of the private symbol that `markAsUntransferable` leaves (Node.js: `src/env_properties.h`).
const UNTRANSFERABLE: &str = "node:untransferableObject";

impl Buffers {
    pub(crate) fn build(view: &View<'_>, table: &ObjectTable, monitor: &dyn Monitor) -> Result<Buffers> {
        monitor.begin("looking for buffers", table.len() as u64);
        let wanted = MapSet::of(view, |map| {
            matches!(map.kind, Kind::JsArrayBuffer | Kind::JsTypedArray | Kind::JsDataView)
        });
        let workers = in_turns(table.page_count(), monitor, Met::default, |met, page| {
            for (_, object) in wanted.on_page(view, table, page) {
                if view.meet(object, met).is_err() {
                    met.unreadable += 1;
                }
            }
            table.page_maps(page).1.len() as u64
        })?;
        Ok(Buffers::of(view, workers))
    }

    fn of(view: &View<'_>, workers: Vec<Met>) -> Buffers {
        let mut all = Met::default();
        for met in workers {
            all.owners.extend(met.owners);
            all.viewers.extend(met.viewers);
            all.detached.extend(met.detached);
            all.empty.extend(met.empty);
            all.unreadable += met.unreadable;
        }
        all.detached.sort_unstable();
        all.owners.sort_unstable_by_key(|owner| owner.buffer);
        let mut stores: Vec<BackingStore> = Vec::new();
        let mut by_address: BTreeMap<u64, usize> = BTreeMap::new();
        let mut of_buffer: BTreeMap<Tagged, usize> = BTreeMap::new();
        for owner in all.owners {
            let known = by_address.get(&owner.address).copied().filter(|_| owner.address != 0);
            let index = known.unwrap_or_else(|| {
                stores.push(BackingStore {
                    address: owner.address,
                    byte_length: owner.byte_length,
                    max_byte_length: owner.max_byte_length,
                    kind: owner.kind,
                    is_untransferable: false,
                    counted_by: Vec::new(),
                    buffers: Vec::new(),
                    views: Vec::new(),
                });
                if owner.address != 0 {
                    by_address.insert(owner.address, stores.len() - 1);
                }
                stores.len() - 1
            });
            let store = &mut stores[index];
            store.byte_length = store.byte_length.max(owner.byte_length);
            store.max_byte_length = store.max_byte_length.max(owner.max_byte_length);
            if owner.is_external {
                store.counted_by.push(owner.heap);
            }
            store.is_untransferable |= owner.is_untransferable;
            store.buffers.push(owner.buffer);
            of_buffer.insert(owner.buffer, index);
        }
        let mut views_of_detached = 0;
        let mut of_store: BTreeMap<(usize, NameId), (u64, u64)> = BTreeMap::new();
        all.empty.sort_unstable();
        let mut empty = all.empty.len() as u64;
        for viewer in all.viewers {
            if let Some(address) = viewer.in_heap {
                // Its ArrayBuffer has nothing, and only it.
                empty = empty.saturating_sub(u64::from(all.empty.binary_search(&viewer.buffer).is_ok()));
                stores.push(BackingStore {
                    address,
                    byte_length: viewer.bytes,
                    max_byte_length: viewer.bytes,
                    kind: StoreKind::InHeap,
                    is_untransferable: false,
                    counted_by: Vec::new(),
                    buffers: vec![viewer.buffer],
                    views: vec![Views { constructor: viewer.constructor, count: 1, bytes: viewer.bytes }],
                });
                continue;
            }
            let Some(&index) = of_buffer.get(&viewer.buffer) else {
                views_of_detached += u64::from(all.detached.binary_search(&viewer.buffer).is_ok());
                continue;
            };
            let views = of_store.entry((index, viewer.constructor)).or_default();
            views.0 += 1;
            views.1 = views.1.saturating_add(viewer.bytes);
        }
        for ((index, constructor), (count, bytes)) in of_store {
            stores[index].views.push(Views { constructor, count, bytes });
        }
        for store in &mut stores {
            // Numbers of names depend on who met them first.
            let name = |views: &Views| view.name(views.constructor);
            store.views.sort_unstable_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| name(a).cmp(name(b))));
        }
        stores.sort_by_key(|store| (store.byte_length, store.address));
        Buffers {
            stores,
            empty,
            detached: all.detached.len() as u64,
            views_of_detached,
            unreadable: all.unreadable,
        }
    }
}

impl View<'_> {
    /// Notes a buffer or a view.
    fn meet(&self, object: HeapObject<'_>, met: &mut Met) -> Result<()> {
        if object.kind() != Kind::JsArrayBuffer {
            let view = self.view(object)?;
            let is_in_heap = view.byte_length > 0 && self.spaces().page_of(view.address).is_some();
            met.viewers.push(Viewer {
                buffer: self.viewed_buffer(object)?,
                in_heap: is_in_heap.then_some(view.address),
                bytes: view.byte_length,
                constructor: self.constructor_name(object),
            });
            return Ok(());
        }
        let buffer = self.array_buffer(object)?;
        if buffer.is_detached {
            met.detached.push(object.value());
            return Ok(());
        }
        if buffer.byte_length == 0 && buffer.max_byte_length == 0 {
            met.empty.push(object.value());
            return Ok(());
        }
        let is_untransferable = !self.shape(object.map).properties.is_empty()
            && self.own_property(object, UNTRANSFERABLE)?.is_some();
        met.owners.push(Owner {
            buffer: object.value(),
            heap: self.spaces().page_of(object.address).map_or(0, |page| page.heap),
            address: buffer.address,
            byte_length: buffer.byte_length,
            max_byte_length: buffer.max_byte_length,
            kind: buffer.kind,
            is_external: buffer.is_external,
            is_untransferable,
        });
        Ok(())
    }
}
