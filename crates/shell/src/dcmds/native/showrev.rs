//! `::showrev`: say what the process ran on, as far as the core tells.
//!
//! A core records neither the name of the host nor the release of its kernel.

use core_reader::{Address, Memory};

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::output::{Facts, escape};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "::showrev",
    r#"
Architecture: x86-64
Operating system: Linux
Node.js: 24.21.0
V8: 13.6.233.17-node.53
C library: GNU C Library (Debian GLIBC 2.36-9+deb12u14) stable release version 2.36
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "showrev",
    aliases: &[],
    summary: "say what the process ran on, as far as the core tells",
    family: Family::Process,
    address: AddressUse::Refused,
    takes: Takes::Nothing,
    yields: Yields::Text,
    options: &[Opt::JSON],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("showrev.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        Ok(for_each(move |context, _, out| {
            let target = context.target()?;
            let mut facts = Facts::new();
            let architecture = target.core().architecture().name;
            facts.tell("architecture", architecture, format!("Architecture: {architecture}"));
            facts.tell("system", "Linux", "Operating system: Linux");
            if let Ok(heap) = context.heap() {
                if let Some(version) = heap.node_version() {
                    facts.tell("node", version, format!("Node.js: {}", escape(version)));
                }
                let version = heap.version().to_string();
                facts.tell("v8", version.as_str(), format!("V8: {}", escape(&version)));
            }
            // The banner that glibc prints when it is run as a program.
            const BANNER: &[u8] = b"GNU C Library ";
            let library = target.core().modules().iter().find(|module| module.is_called("libc"));
            let ranges = target.memory().ranges().iter().filter(|range| {
                library.is_some_and(|library| library.contains(range.start)) && !range.permissions.write
            });
            for range in ranges {
                let Ok(bytes) = target.memory().bytes_from(Address(range.start.0)) else { continue };
                let bytes = &bytes[..bytes.len().min((range.end.0 - range.start.0) as usize)];
                let Some(place) = memchr::memmem::find(bytes, BANNER) else { continue };
                let line = bytes[place..].split(|byte| *byte == b'\n').next().unwrap_or_default();
                let line = String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned();
                let line = line.trim_end_matches('.');
                facts.tell("library", line, format!("C library: {}", escape(line)));
                break;
            }
            Ok(facts.print(as_json, &mut out.text())?)
        }))
    },
};
