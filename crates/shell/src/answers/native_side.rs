//! The C++ object behind an object of the heap: what it is, and what it owns.

use std::cell::OnceCell;
use std::collections::HashMap;

use v8_heap::Tagged;
use v8_heap::objects::value::HeapObject;

use crate::answers::native_memory::class_at;
use crate::answers::native_owners::native_owners;
use crate::context::Context;
use crate::error::DcmdError;
use crate::output::escape;
use crate::print::{NativeSide, NativeSides};

/// Tells it of the objects of what is open.
pub(crate) struct OfProcess<'c> {
    context: &'c Context,
    /// Whether to find out what they own, which takes a walk over all of the allocator's blocks.
    with_blocks: bool,
    /// What is found out is left there for the next time.
    known: &'c KnownSides,
}

/// C++ objects by the objects that they are behind.
#[derive(Default)]
pub(crate) struct KnownSides {
    /// Those that are told of the death of an object: their addresses.
    told_of_death: OnceCell<HashMap<u64, u64>>,
    /// What they own: blocks and bytes.
    owned: OnceCell<HashMap<u64, (u64, u64)>>,
    /// How large they are with all their parts, as Node.js counts: bytes.
    counted: OnceCell<HashMap<Tagged, u64>>,
}

impl<'c> OfProcess<'c> {
    pub(crate) fn new(context: &'c Context, with_blocks: bool, known: &'c KnownSides) -> OfProcess<'c> {
        OfProcess { context, with_blocks, known }
    }

    fn owned(&self) -> Result<&HashMap<u64, (u64, u64)>, DcmdError> {
        if let Some(known) = self.known.owned.get() {
            return Ok(known);
        }
        let owned = match native_owners(self.context) {
            Ok(all) => {
                let mut blocks: HashMap<u32, u64> = HashMap::new();
                for (_, owner) in &all.of_blocks {
                    *blocks.entry(*owner).or_default() += 1;
                }
                let owners = all.owners.iter().enumerate();
                let sum = |number: usize| blocks.get(&(number as u32)).copied().unwrap_or(0);
                owners.map(|(number, owner)| (owner.object.0, (sum(number), owner.bytes))).collect()
            }
            Err(DcmdError::Interrupted) => return Err(DcmdError::Interrupted),
            // Another allocator: it is only not told.
            Err(_) => HashMap::new(),
        };
        Ok(self.known.owned.get_or_init(|| owned))
    }
}

impl OfProcess<'_> {
    fn counted(&self, object: Tagged) -> Result<Option<u64>, DcmdError> {
        if let Some(known) = self.known.counted.get() {
            return Ok(known.get(&object).copied());
        }
        let monitor = self.context.progress();
        let graph = self.context.heap()?.embedder_graph(self.context.target()?.symbols(), &monitor)?;
        Ok(self.known.counted.get_or_init(|| graph.bytes_behind()).get(&object).copied())
    }
}

impl NativeSides for OfProcess<'_> {
    fn of(&self, object: HeapObject<'_>) -> Result<Option<NativeSide>, DcmdError> {
        let heap = self.context.heap()?;
        let told_of_death = || {
            let told =
                || heap.natives_told_of_death().into_iter().map(|it| (it.object.0, it.address)).collect();
            self.known.told_of_death.get_or_init(told).get(&object.value().0).copied()
        };
        let Some(address) = heap.native_side_of(object).or_else(told_of_death) else { return Ok(None) };
        let class = class_at(self.context.target()?, address)
            .or_else(|| heap.retainer(address).map(|own| escape(&own.name).into_owned()));
        let owns = match self.with_blocks {
            true => self.owned()?.get(&object.value().0).copied(),
            false => None,
        };
        let counted = match self.with_blocks {
            true => self.counted(object.value())?,
            false => None,
        };
        Ok(Some(NativeSide { address, class, owns, counted }))
    }
}
