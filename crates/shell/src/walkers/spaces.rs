//! `isolate` and `page`: what the heap is made of.

use crate::dcmd::{AddressUse, Capability, Takes};
use crate::stage::Flow;
use crate::value::{Item, Kind};
use crate::walker::Walker;

/// `isolate`: the isolates, the largest first.
pub(crate) static ISOLATE: Walker = Walker {
    name: "isolate",
    summary: "walk the isolates: one for the main thread and one for each worker",
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Kind::Address,
    needs: &[Capability::V8Heap],
    walk: |context, _, visit| {
        for isolate in context.heap()?.spaces().isolates() {
            if visit(Item::address(isolate.address))? == Flow::Enough {
                break;
            }
        }
        Ok(())
    },
};

/// `page`: the pages of all heaps, in the order of addresses.
pub(crate) static PAGE: Walker = Walker {
    name: "page",
    summary: "walk the pages of the V8 heap",
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Kind::Address,
    needs: &[Capability::V8Heap],
    walk: |context, _, visit| {
        for page in context.heap()?.spaces().pages() {
            if visit(Item::address(page.base))? == Flow::Enough {
                break;
            }
        }
        Ok(())
    },
};
