//! `::auxv`: print what the kernel told the program at its start.
//!
//! The auxiliary vector: page size, where the program and the dynamic linker were loaded, what the processor can do.

use std::io::Write;

use core_reader::{Address, Memory};
use serde_json::json;

use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::{escape, hex};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::auxv",
    r#"
AT_SYSINFO_EHDR   7ff64c376000
AT_MINSIGSTKSZ    d30
AT_HWCAP          178bfbff
AT_PAGESZ         1000
AT_CLKTCK         64
...
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "auxv",
    aliases: &[],
    summary: "print what the kernel told the program at its start",
    family: Family::Process,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::JSON],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("auxv.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        Ok(for_each(move |context, _, out| {
            let entries = context.target()?.core().auxv().entries();
            if entries.is_empty() {
                return Err(DcmdError::failed("the core has no auxiliary vector"));
            }
            for (kind, value) in entries {
                let known = NAMES.iter().find(|(number, ..)| number == kind);
                let name = known.map_or_else(|| kind.to_string(), |(_, name, _)| (*name).to_owned());
                let text = text_at(context, *value).filter(|_| known.is_some_and(|(.., text)| *text));
                if as_json {
                    let line = json!({ "type": kind, "name": name, "value": hex(*value), "text": text });
                    out.json(&line)?;
                    continue;
                }
                write!(out.text(), "{name:<17} {value:x}")?;
                if let Some(text) = text {
                    write!(out.text(), "  \"{}\"", escape(&text))?;
                }
                writeln!(out.text())?;
            }
            Ok(())
        }))
    },
};

/// `AT_*` (`include/uapi/linux/auxvec.h`, `arch/x86/include/uapi/asm/auxvec.h`), and whether the value points to text.
const NAMES: [(u64, &str, bool); 29] = [
    (1, "AT_IGNORE", false),
    (2, "AT_EXECFD", false),
    (3, "AT_PHDR", false),
    (4, "AT_PHENT", false),
    (5, "AT_PHNUM", false),
    (6, "AT_PAGESZ", false),
    (7, "AT_BASE", false),
    (8, "AT_FLAGS", false),
    (9, "AT_ENTRY", false),
    (10, "AT_NOTELF", false),
    (11, "AT_UID", false),
    (12, "AT_EUID", false),
    (13, "AT_GID", false),
    (14, "AT_EGID", false),
    (15, "AT_PLATFORM", true),
    (16, "AT_HWCAP", false),
    (17, "AT_CLKTCK", false),
    (23, "AT_SECURE", false),
    (24, "AT_BASE_PLATFORM", true),
    (25, "AT_RANDOM", false),
    (26, "AT_HWCAP2", false),
    (27, "AT_RSEQ_FEATURE_SIZE", false),
    (28, "AT_RSEQ_ALIGN", false),
    (29, "AT_HWCAP3", false),
    (30, "AT_HWCAP4", false),
    (31, "AT_EXECFN", true),
    (32, "AT_SYSINFO", false),
    (33, "AT_SYSINFO_EHDR", false),
    (51, "AT_MINSIGSTKSZ", false),
];

/// The C string at `address`, at most a path's length.
pub(super) fn text_at(context: &Context, address: u64) -> Option<String> {
    const LONGEST: usize = 4096;
    let bytes = context.memory().ok()?.bytes_from(Address(address)).ok()?;
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let end = memchr::memchr(0, bytes)?;
    Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
}
