//! How a walker is declared: something that `::walk` enumerates.

use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Takes};
use crate::error::DcmdError;
use crate::stage::Flow;
use crate::value::{Item, Kind};

/// Takes one item of a walk; says whether more are wanted.
pub type Visit<'a> = dyn FnMut(Item) -> Result<Flow, DcmdError> + 'a;

/// The declaration of a walker.
#[derive(Debug)]
pub struct Walker {
    /// The name behind `::walk`.
    pub name: &'static str,
    /// What it enumerates, in one line, lower case, no full stop.
    pub summary: &'static str,
    /// Whether it starts from an address.
    pub address: AddressUse,
    /// What it may start from.
    pub takes: Takes,
    /// The kind of items it enumerates.
    pub yields: Kind,
    /// What the target must have.
    pub needs: &'static [Capability],
    /// Walks, and stops once a visit has enough.
    pub walk: fn(&Context, Option<Item>, &mut Visit<'_>) -> Result<(), DcmdError>,
}
