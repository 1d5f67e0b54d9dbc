//! The first inputs of the targets. They are made here, not in `fuzz/`: what is built there for coverage links only with the fuzzer.

use std::fs;

use anyhow::Result;
use test_support::elf_core::{ElfBinary, ElfCore, words};

fn core() -> ElfCore {
    let mut registers = [0; 27];
    registers[16] = 0x40_1004; // rip
    registers[19] = 0x5000_0010; // rsp
    ElfCore::new()
        .dumped("text", 0x40_0000, "r-x", &[0xcc; 0x100])
        .dumped("data", 0x5000_0000, "rw-", &words(&[0x40_1000, 0x5000_0010, 3, 4]))
        .not_dumped("hole", 0x6000_0000, "rw-", 0x2000)
        .process(0x101f, 1000, "node", "node server.js")
        .thread(0x101f, 11, registers)
        .thread(0x1020, 0, [0; 27])
        .file(0x40_0000, 0x40_1000, 0, "/opt/node/bin/node")
}

/// The program with `.eh_frame_hdr` and `.eh_frame` (Linux Standard Base, section 10.6) in its data, which describe its code.
fn unwindable(binary: &ElfBinary) -> Vec<u8> {
    const TEXT: i64 = 0x40_1000;
    const HEADER: i64 = 0x40_2000;
    const CIE: i64 = HEADER + 20;
    const FDE: i64 = CIE + 24;
    let relative = |to: i64, from: i64| ((to - from) as i32).to_le_bytes();
    // Version, encodings (relative to here; plain; relative to the table), `.eh_frame`, one entry: code and its description.
    let header = [
        &[1, 0x1b, 0x03, 0x3b][..],
        &relative(CIE, HEADER + 4),
        &1_u32.to_le_bytes(),
        &relative(TEXT, HEADER),
        &relative(FDE, HEADER),
    ];
    // The caller's stack begins 8 bytes above rsp (register 7), and below it is the return address (16).
    let cie = [
        &20_u32.to_le_bytes()[..],
        &[0, 0, 0, 0, 1, b'z', b'R', 0, 1, 0x78, 16, 1, 0x1b],
        &[0x0c, 7, 8, 0x90, 1, 0, 0],
    ];
    // Behind the first byte `push %rbp` has run.
    let fde = [
        &20_u32.to_le_bytes()[..],
        &28_u32.to_le_bytes(),
        &relative(TEXT, FDE + 8),
        &64_u32.to_le_bytes(),
        &[0, 0x41, 0x0e, 16, 0x86, 2, 0, 0],
        &[0; 4],
    ];
    let tables = [header.concat(), cie.concat(), fde.concat()].concat();
    let mut bytes = binary.bytes.clone();
    bytes[0x2000..0x2000 + tables.len()].copy_from_slice(&tables);
    // The note's program header becomes PT_GNU_EH_FRAME.
    let mut program_header = [0x6474_e550_u32, 4].map(u32::to_le_bytes).concat();
    program_header.extend(words(&[0x2000, HEADER as u64, 0, 20, 20, 4]));
    bytes[64 + 3 * 56..][..56].copy_from_slice(&program_header);
    bytes
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
    let built = core().build();
    let binary = ElfBinary::new(
        0x40_0000,
        &[0xab; 20],
        &[0x55; 64],
        &[0; 64],
        &[("main", 0x40_1000, 16), ("_ZN4node5StartEiPPc", 0x40_1010, 16)],
    );
    match target {
        "core" => vec![built.bytes, core().build().bytes[..512].to_vec()],
        "notes" => {
            let notes = |core: ElfCore| {
                let built = core.build();
                built.bytes[built.places["notes"].clone()].to_vec()
            };
            // Symbols that the core carries, one of them of a thread: see `embedded_symbols` of the reader.
            let header = [1_u32, 1, 1].map(u32::to_le_bytes).concat();
            let symbol = [&words(&[0x40_1000, 16])[..], &[4, 0], b"main"].concat();
            let thread_local =
                [&words(&[0x5000_0008])[..], &0x101f_u32.to_le_bytes(), &[5, 0], b"entry"].concat();
            let symbols = [header, symbol, thread_local].concat();
            vec![notes(core()), notes(core().note("v8mdb", 1, &symbols))]
        }
        "container" => {
            let packed = zstd::encode_all(&built.bytes[..], 3).unwrap_or_default();
            let behind = packed.get(4..).unwrap_or(&[]);
            vec![[&[0], behind].concat(), [&[1], &built.bytes[..]].concat()]
        }
        "program" => vec![unwindable(&binary), binary.bytes],
        "heap" | "store" => (0..4)
            .flat_map(|release| {
                (0..8_u8).map(move |how| vec![release, how % 4, how * 31, how, 0, 1, 2, 3, 4, how])
            })
            .collect(),
        // Of each core, objects here and there; of each dcmd, one. Far or near.
        "objects" | "pages" => (0..4_u8)
            .flat_map(|core| {
                (0..24_u8).map(move |dcmd| {
                    let object = (u32::from(dcmd) * 4 + u32::from(core)).wrapping_mul(2_654_435_761);
                    [&[core], &object.to_le_bytes()[..], &[dcmd, dcmd % 9, dcmd, 1, core]].concat()
                })
            })
            .collect(),
        "snapshot_file" => texts(&[
            r#"{"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count","detachedness"],"node_types":[["hidden","array","string","object","code","closure","native","synthetic"],"string"],"edge_fields":["type","name_or_index","to_node"],"edge_types":[["context","element","property","internal","hidden","shortcut","weak"],"string_or_number","node"]},"node_count":4,"edge_count":5},"nodes":[7,0,1,0,2,0,3,1,3,24,2,0,3,2,5,16,1,0,2,3,7,8,0,0],"edges":[5,1,6,1,1,12,2,2,12,1,0,18,3,4,18],"strings":["","global","Thing","text","0 / part of key (A @5) -> value (B @7) pair in WeakMap (table @3)"]}"#,
            r#"{"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count"],"node_types":[["concatenated string","synthetic"],"string"],"edge_fields":["type","name_or_index","to_node"],"edge_types":[["internal","weak"],"string_or_number","node"]}},"nodes":[1,0,1,0,1,0,0,3,16,2],"edges":[0,1,5,0,1,5,0,2,5],"strings":["","first","second"]}"#,
        ]),
        "source_map" => texts(&[
            r#"{"version":3,"sourceRoot":"src","sources":["a.js",null],"names":["total"],"sourcesContent":["let total",null],"mappings":"AAAA,IAAIA,MCEA;EDAA"}"#,
            r#"{"version":3,"sections":[{"offset":{"line":1,"column":2},"map":{"version":3,"sources":["a"],"names":[],"mappings":"AAAA"}}]}"#,
            "application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbXSwibWFwcGluZ3MiOiJBQUFBIn0=",
            "application/json,%7B%22version%22%3A3%2C%22sources%22%3A%5B%5D%2C%22mappings%22%3A%22%22%7D",
        ]),
        "lines" | "session" => texts(&[
            "::status",
            "50000000/X",
            "50000000,4/nap",
            "1+2*(3%4)=X",
            "::walk thread | ::head -1 | ::findstack",
            "*50000000::whatis",
            "::echo 'a\"b' ! cat",
            "50000000::dump -l 8",
            "::help echo; $C",
            "x>y\n<y=J",
            "::mappings | ::count",
            "#50000000",
            "50000000\\s",
            "::strings -n 4",
            "::ugrep 1234",
            "::set -o pager",
            "'abc'=K",
            "::eval \"::echo x\"",
        ]),
        "expressions" => texts(&[
            "statusCode == 404",
            "a.b[3].c && !d || e > 1.5e3",
            "/ab+c/i.test(name)",
            "typeof x === 'string'",
            "length > 0x10n",
            "[[Prototype]].x",
            "a['b c']",
            "(1 + 2) * -3 % 4",
            "x instanceof Y",
            "name.startsWith('a')",
        ]),
        "demangle" => texts(&[
            "N4node5StartEiPPc",
            "NSt3__112basic_stringIcNS_11char_traitsIcEENS_9allocatorIcEEEC2ERKS5_",
            "N2v88internal4HeapD1Ev",
            "ZN3foo3barEvENKUlvE_clEv",
            "St4moveIRiEONSt16remove_referenceIT_E4typeEOS2_",
            "TV4Node",
            "plN1AES_",
            "1fIXadL_Z1gvEEEvv",
        ]),
        _ => Vec::new(),
    }
}

/// Writes those of a target where it finds them.
pub fn write(target: &str) -> Result<()> {
    let to = super::directory("seeds", target)?;
    for (number, seed) in seeds(target).into_iter().enumerate() {
        fs::write(to.join(format!("seed-{number}")), seed)?;
    }
    Ok(())
}
