//! Walkers over the blocks of the C library's allocator.

use crate::answers::native_memory::malloc;
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Takes};
use crate::error::DcmdError;
use crate::stage::Flow;
use crate::value::{Item, Kind};
use crate::walker::{Visit, Walker};

/// `malloc`: the blocks that the program has.
pub(crate) static MALLOC: Walker = Walker {
    name: "malloc",
    summary: "walk the blocks of malloc that are in use",
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Kind::Address,
    needs: &[Capability::Core],
    walk: |context, _, visit| blocks(context, true, visit),
};

/// `freed`: the blocks that can be given out.
pub(crate) static FREED: Walker = Walker {
    name: "freed",
    summary: "walk the blocks of malloc that are free",
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Kind::Address,
    needs: &[Capability::Core],
    walk: |context, _, visit| blocks(context, false, visit),
};

fn blocks(context: &Context, used: bool, visit: &mut Visit<'_>) -> Result<(), DcmdError> {
    for block in malloc(context)?.blocks().iter().filter(|block| block.state.is_used() == used) {
        context.check_interrupt()?;
        if visit(Item::address(block.start.0))? == Flow::Enough {
            break;
        }
    }
    Ok(())
}
