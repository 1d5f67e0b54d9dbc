//! Every format character on bytes whose decoding `od`, `printf` and `date` gave.

use shell::format::letters::{Action, LETTERS};
use shell::lang::Environment;

use crate::session::{BYTES, DATA, Session};

/// The bytes that most of these read, at [`BYTES`]:
///
/// ```text
///  0  f0 de bc 9a 78 56 34 92  41 0a 22 5c c3 bc 00 7a
/// 10  1a 54 a5 4f 00 00 00 00  00 00 00 00 00 00 29 c0
/// 20  cd cc cc 3d f9 02 15 50
/// ```
fn values(session: &Session, at: u64, format: &str) -> String {
    let printed = session.results(&format!("{at:x}/{format}"));
    let label = format!("{at:#x}:");
    let fields = printed.strip_prefix(&label).unwrap_or_else(|| panic!("{format}: {printed:?}"));
    fields.trim().to_owned()
}

#[test]
fn every_character_prints_what_other_programs_print() {
    let session = Session::on_core();
    for (offset, format, expected) in [
        (0, "b", "0360"),
        (0, "B", "f0"),
        (0, "v", "-16"),
        (0, "V", "240"),
        (0, "d", "-8464"),
        (0, "D", "-1698898192"),
        (0, "e", "-7911603569390985488"),
        (0, "E", "10535140504318566128"),
        (0, "g", "-0667135230354520620420"),
        (0, "G", "01110642547423257157360"),
        (0, "h", "f0de"),
        (0, "H", "f0debc9a"),
        (0, "J", "923456789abcdef0"),
        (0, "K", "923456789abcdef0"),
        (0, "Z", "923456789abcdef0"),
        (0, "o", "0157360"),
        (0, "O", "023257157360"),
        (0, "q", "-020420"),
        (0, "Q", "-014520620420"),
        (0, "R", "1001001000110100010101100111100010011010101111001101111011110000"),
        (0, "u", "57072"),
        (0, "U", "2596069104"),
        (0, "w", "def0"),
        (0, "W", "9abcdef0"),
        (0, "x", "def0"),
        (0, "X", "9abcdef0"),
        (0, "p", "0x923456789abcdef0"),
        (0, "P", "0x923456789abcdef0"),
        (8, "c", "A"),
        (8, "C", "A"),
        (8, "3c", "A\\n\""),
        (8, "4C", "A\\n\\\"\\\\"),
        (0xc, "2C", "\\303\\274"),
        (8, "s", "A\\n\"\\\u{fc}"),
        (8, "S", "A\\n\\\"\\\\\\303\\274"),
        (0x10, "Y", "2012 May  5 16:23:54"),
        (0x10, "y", "2012 May  5 16:23:54"),
        (0x18, "F", "-1.250000000000000e+01"),
        (0x20, "f", "1.000000e-01"),
        (0x20, "2f", "1.000000e-01 1.000000e+10"),
        (0, "4x", "def0    9abc    5678    9234"),
        (0, "2X", "9abcdef0        92345678"),
        (0, "XX", "9abcdef0        92345678"),
        (0, "8+X", "5c220a41"),
        (8, "8-X", "9abcdef0"),
        (0, "X^x", "9abcdef0        def0"),
        (0, "$[1+1]x", "def0    9abc"),
        (0, "\"a = \"x", "a = def0"),
        (0, "x4rx", "def0        9abc"),
        (0, "x20tx", "def0                    9abc"),
        (0, "x 20T x", "def0                    9abc"),
    ] {
        assert_eq!(values(&session, BYTES + offset, format), expected, "{offset:x}/{format}");
    }
}

#[test]
fn every_character_has_been_printed_here() {
    let tested = include_str!("formats.rs");
    for letter in LETTERS.iter().filter(|letter| !matches!(letter.action, Action::Instruction(_))) {
        let character = letter.character;
        let alone = [format!("\"{character}\","), format!("/{character}"), format!("={character}")];
        let inside = matches!(character, '+' | '-' | '^' | 'r' | 't' | 'T' | 'a' | 'n' | 'N');
        assert!(inside || alone.iter().any(|form| tested.contains(form)), "{character}");
    }
}

#[test]
fn dot_moves_by_what_is_printed() {
    let session = Session::on_core();
    for letter in LETTERS {
        let Some(size) = letter.size() else { continue };
        if matches!(letter.action, Action::Search(_)) {
            continue;
        }
        session.results(&format!("{BYTES:x}/3{}", letter.character));
        let moved = if size == 0 { 0 } else { 3 * size as u64 };
        let places = (session.context.dot(), session.context.increment());
        assert_eq!(places, (BYTES, moved), "{}", letter.character);
    }
    session.results(&format!("{:x}/s", BYTES + 8));
    assert_eq!(session.results("+=J").trim(), format!("{:x}", BYTES + 8 + 7), "a string and its NUL");
}

#[test]
fn lines_are_laid_out_as_in_mdb() {
    let session = Session::on_core();
    let label = |address: u64| format!("{:<16}", format!("{address:#x}:"));
    let at = DATA;
    for (line, expected) in [
        (format!("{at:x},3/J"), format!("{}1234            2               3\n", label(at))),
        (
            format!("{at:x},3/naJ"),
            format!("{at:#x}:\n{}1234\n{}2\n{}3\n", label(at), label(at + 8), label(at + 16)),
        ),
        (format!("{at:x},2/nap"), format!("{at:#x}:\n{}0x1234\n{}0x2\n", label(at), label(at + 8))),
        // objdump on the bytes 34 12 and cc.
        (format!("{at:x}/"), format!("{}1234            = xor    $0x12,%al\n", label(at))),
        (format!("{at:x}/i"), format!("{}xor    $0x12,%al\n", label(at))),
        (format!("{at:x}/I"), format!("{}{at:x} 1234: xor    $0x12,%al\n", label(at))),
        ("40000000,2/ai".to_owned(), "0x40000000:\n0x40000000:     int3\n0x40000001:     int3\n".to_owned()),
        (format!("{at:x}\\J"), format!("{}1234\n", label(at))),
        (format!("{at:x}@J"), format!("{}1234\n", label(at))),
        ("+/J".to_owned(), format!("{}2\n", label(at + 8))),
        (",2/J".to_owned(), format!("{}2               3\n", label(at + 8))),
        (format!("{at:x},0/J"), String::new()),
        (format!("{at:x}/JnJ"), format!("{}1234\n                2\n", label(at))),
        (format!("{at:x}/JNJ"), format!("{}1234\n                2\n", label(at))),
        (format!("{at:x},2/D2n"), format!("{}4660\n\n                0\n\n", label(at))),
        ("0t100=XDO".to_owned(), "                64              100             0144\n".to_owned()),
        ("-1=2J".to_owned(), "                ffffffffffffffff ffffffffffffffff\n".to_owned()),
        ("5=a".to_owned(), "0x5:\n".to_owned()),
        ("61=c".to_owned(), "                a\n".to_owned()),
        ("6162=s".to_owned(), "                ba\n".to_owned()),
        ("4fa5541a=Y".to_owned(), "                2012 May  5 16:23:54\n".to_owned()),
        ("0t12.5=F".to_owned(), "                1.250000000000000e+01\n".to_owned()),
    ] {
        assert_eq!(session.results(&line), expected, "{line}");
    }
}

#[test]
fn a_symbol_stands_in_front_of_what_it_names() {
    let session = Session::on_core();
    let added = session.line(&format!("{DATA:x}::nmadd -s 20 table")).1;
    assert_eq!(added, format!("v8mdb: added table, value={DATA:x} size=20\n"));
    let line = format!("{DATA:x}/J");
    assert_eq!(session.results(&line), "table:\ntable:          1234\n");
    assert_eq!(session.results(&format!("{:x}/J", DATA + 8)), "table+0x8:      2\n");
    assert_eq!(session.results("table+8=p"), "                table+0x8\n");
    session.results("0>_");
    assert_eq!(session.results("table+8=p"), format!("                {:#x}\n", DATA + 8));
}

#[test]
fn what_cannot_be_read_ends_the_passes_once() {
    let session = Session::on_core();
    let end = DATA + 0x1000;
    let (results, messages) = session.line(&format!("{:x},5/J", end - 8));
    assert_eq!(results, format!("{:#x}:     0\n", end - 8));
    assert_eq!(messages, "v8mdb: failed to read data from target: no mapping for address\n");
    let (results, messages) = session.line(&format!("{:x}/2J", end - 8));
    assert_eq!(results, format!("{:#x}:     0\n", end - 8));
    assert_eq!(messages.lines().count(), 1);
    assert_eq!(session.results("+=J").trim(), format!("{end:x}"), "what was consumed");
}

#[test]
fn values_of_formats_flow_on() {
    let session = Session::on_core();
    assert_eq!(session.results(&format!("{DATA:x},3/J | ::map .+1")), "1235\n3\n4\n");
    assert_eq!(session.results(&format!("{DATA:x}/3J | ::map .+1")), "1235\n3\n4\n");
    assert_eq!(session.results(&format!("{DATA:x}/p | ::map .+1")), "1235\n");
    assert_eq!(session.results("7000,4=p8+n | ::map ."), "7000\n7008\n7010\n7018\n");
    assert_eq!(
        session.results(&format!("{DATA:x},2=p8+ | /J")),
        format!("{DATA:#x}:     1234            2\n")
    );
}

#[test]
fn searches_stop_at_the_first_match() {
    let session = Session::on_core();
    let at = |address: u64| format!("{address:#x}\n");
    for (line, expected) in [
        (format!("{DATA:x}/M 3"), at(DATA + 16)),
        (format!("{DATA:x}/2M 3"), at(DATA + 16)),
        (format!("{DATA:x}/L 2"), at(DATA + 8)),
        (format!("{DATA:x}/l $[1+1]"), at(DATA + 8)),
        (format!("{DATA:x}/M 0 fffffffffffff000"), at(DATA + 8)),
        (format!("{DATA:x}/M 30 f0"), at(DATA)),
        (format!("{DATA:x}/M 2; .+8/M 3"), at(DATA + 8) + &at(DATA + 16)),
        (".=J".to_owned(), format!("                {:x}\n", DATA + 16)),
        (format!("{DATA:x}/M 2 | ::map .+1"), format!("{:x}\n", DATA + 9)),
    ] {
        assert_eq!(session.results(&line), expected, "{line}");
    }
    // Nothing matches: silently at the end of what can be read.
    assert_eq!(session.results(&format!("{DATA:x}/M deadbeef")), "");
    assert_eq!(session.results(".=J").trim(), format!("{:x}", DATA + 0x1000));
    for (line, expected) in [
        ("/M", "v8mdb: expected value following M"),
        ("/L 1 2 3", "v8mdb: only value and mask may follow L"),
        ("5000/W 5", "v8mdb: failed to write 5 at address 0x5000: target is not open for writing"),
    ] {
        assert_eq!(session.complaint(line), expected, "{line}");
    }
}

#[test]
fn the_characters_are_listed_with_their_sizes() {
    let session = Session::on_core();
    let list = session.results("::formats");
    for line in ["X - hexadecimal (4 bytes)", "b - octal byte (1 byte)", "s - string (variable size)"] {
        assert!(list.lines().any(|listed| listed == line), "{line}: {list}");
    }
    assert_eq!(list.lines().count(), LETTERS.len());
}
