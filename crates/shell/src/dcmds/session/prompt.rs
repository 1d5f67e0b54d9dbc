//! `$P`: change the prompt.

use crate::dcmd::{AddressUse, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on("leak-24", r#"$P "core 7> ""#, "")];

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
    examples: EXAMPLES,
    start: |_, args| {
        let prompt = args.operand(0).unwrap_or("> ").to_owned();
        Ok(for_each(move |context, _, _| context.settings.set_prompt(&prompt).map_err(DcmdError::Failed)))
    },
};
