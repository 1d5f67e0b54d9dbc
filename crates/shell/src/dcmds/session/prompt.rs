//! `$P`: change the prompt.
//!
//! ```text
//! > $P "core 7> "
//! core 7> $q
//! ```

use crate::dcmd::{AddressUse, Dcmd, Family, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "$P",
    aliases: &[],
    summary: "change the prompt",
    family: Family::Session,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[],
    operands: Operands::one("text"),
    needs: &[],
    manual: include_str!("prompt.rs"),
    start: |_, args| {
        let prompt = args.operand(0).unwrap_or("> ").to_owned();
        Ok(for_each(move |context, _, _| context.settings.set_prompt(&prompt).map_err(DcmdError::Failed)))
    },
};
