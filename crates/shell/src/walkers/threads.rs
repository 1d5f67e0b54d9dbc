//! Walkers over the threads.

use crate::dcmd::{AddressUse, Takes};
use crate::stage::Flow;
use crate::value::{Item, Kind};
use crate::walker::Walker;

/// `thread`: the ids of the threads.
pub(crate) static THREAD: Walker = Walker {
    name: "thread",
    summary: "walk the ids of the threads",
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Kind::Thread,
    needs: &[crate::dcmd::Capability::Core],
    walk: |context, _, visit| {
        for thread in context.target()?.threads() {
            if visit(Item::thread(thread.id))? == Flow::Enough {
                break;
            }
        }
        Ok(())
    },
};
