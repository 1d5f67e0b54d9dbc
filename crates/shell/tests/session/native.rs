//! Memory, symbols, registers, threads and native stacks.

use test_support::elf_core::{ElfBinary, ElfCore, words};

use crate::session::Session;

/// The executable: a page of headers, one of code, one of data.
const BASE: u64 = 0x40_0000;
const CODE: u64 = BASE + 0x1000;
const DATA: u64 = BASE + 0x2000;
const STACK: u64 = 0x7000_0000;

/// `parse`, then `_ZN4node5StartEiPPc`.
const TEXT: [u8; 45] = [
    0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10, 0xe8, 0xf3, 0x0f, 0, 0, 0x85, 0xc0, 0x48, 0x8b, 0x05,
    0x10, 0x10, 0, 0, 0x42, 0x8b, 0x04, 0x82, 0xeb, 0xe4, 0xf3, 0x0f, 0x10, 0x45, 0xf8, 0x64, 0x48, 0x8b,
    0x04, 0x25, 0x28, 0, 0, 0, 0xc9, 0xc3, 0x06,
];

fn session() -> Session {
    let mut data = b"node\0/usr/local\0".to_vec();
    data.extend_from_slice(&[0; 8]);
    data.extend(words(&[0x0010_2fe1, 0x1234, 0x1235, 0x1_0000_1234]));
    data.extend("größe".encode_utf16().flat_map(u16::to_le_bytes));
    data.resize(0x1000, 0);
    let symbols = [("parse", CODE, 28), ("_ZN4node5StartEiPPc", CODE + 28, 17), ("table", DATA, 64)];
    let binary = ElfBinary::new(BASE, &[7; 20], &TEXT, &data, &symbols);
    let mut registers = [0; 27];
    registers[4] = STACK + 0x820; // rbp
    registers[10] = DATA; // rax
    registers[16] = CODE + 13; // rip
    registers[18] = 0x246; // rflags
    registers[19] = STACK + 0x800; // rsp
    let mut other = registers;
    other[16] = 0x10;
    other[19] = STACK + 0x900;
    other[4] = 0;
    let mut stack = vec![0; 0x1000];
    let mut put = |at: usize, value: u64| stack[at..at + 8].copy_from_slice(&value.to_le_bytes());
    put(0x808, CODE + 13); // behind a call, and within the frame
    put(0x820, STACK + 0x880); // the caller's frame pointer
    put(0x828, CODE + 13);
    put(0x880, 0);
    put(0x888, CODE + 1); // code, but behind no call
    put(0x900, CODE + 13); // on top of the other thread's stack
    let mut signal = vec![0; 128];
    signal[0] = 11; // si_signo: SIGSEGV
    signal[8] = 1; // si_code: SEGV_MAPERR
    signal[16] = 0x10; // si_addr
    let core = ElfCore::new()
        .process(0x101f, 1000, "node", "node server.js")
        .thread(0x101f, 11, registers)
        .note("CORE", 0x5349_4749, &signal)
        .thread(0x1020, 0, other)
        .auxv(&[(3, BASE + 64), (6, 0x1000), (9, CODE)])
        .file(BASE, BASE + 0x1000, 0, "/opt/node/bin/node")
        .file(CODE, CODE + 0x1000, 0x1000, "/opt/node/bin/node")
        .file(DATA, DATA + 0x1000, 0x2000, "/opt/node/bin/node")
        .dumped("header", BASE, "r--", binary.page(0))
        .not_dumped("code", CODE, "r-x", 0x1000)
        .dumped("data", DATA, "rw-", binary.page(2))
        .dumped("stack", STACK, "rw-", &stack)
        .build();
    Session::on_files(&core.bytes, Some(&binary.bytes))
}

#[test]
fn memory_is_dumped_as_mdb_dumps_it() {
    let session = session();
    let heading = "         \\/ 1 2 3  4 5 6 7  8 9 a b  c d e f  v123456789abcdef\n";
    let first = "402000:  6e6f6465 002f7573 722f6c6f 63616c00  node./usr/local.\n";
    let second = "402010:  00000000 00000000 e12f1000 00000000  ........./......\n";
    for (line, expected) in [
        ("402000::dump", format!("{heading}{first}")),
        ("402000,20::dump", format!("{heading}{first}{second}")),
        ("402000,11::dump", format!("{heading}{first}{second}")),
        ("402000::dump -l 0t17", format!("{heading}{first}{second}")),
        (
            "402005,4::dump -t",
            "          0 1 2 3  4\\/ 6 7  8 9 a b  c d e f  01234v6789abcdef\n\
             402000:             2f7573 72                      /usr       \n"
                .to_owned(),
        ),
        (
            "402005::dump -r -q",
            "    \\/ 1 2 3  4 5 6 7  8 9 a b  c d e f\n0:  2f757372 2f6c6f63 616c0000 00000000\n".to_owned(),
        ),
        (
            "402018::dump -u -e -g 8",
            "          f e d c b a 9\\/  7 6 5 4 3 2 1 0  v9abcdef01234567\n\
             402018:  0000000000102fe1 0000000000001234  ./......4.......\n"
                .to_owned(),
        ),
    ] {
        assert_eq!(session.results(line), expected, "{line}");
    }
    assert!(session.results("402000,20::dump -v").ends_with(&format!("0000000000{second}")));
    session.results("402000,20::dump");
    assert!(session.results("::dump").contains("402020:  34120000 00000000"));
    let zeros = |at: &str| format!("{at}:  00000000 00000000 00000000 00000000  ................\n");
    let squeezed = session.results("402100,60::dump -s");
    assert!(squeezed.ends_with(&format!("{}*\n{}", zeros("402100"), zeros("402150"))), "{squeezed}");
    let (results, message) = session.line("10::dump");
    assert!(results.lines().count() == 1, "{results}");
    assert_eq!(message, "v8mdb: failed to read data at 0x10: no mapping for address\n");
    assert!(session.line("402000::dump -g 3").1.contains("the size of a group"));
    assert_eq!(session.results("ffffffffffffffff,0::dump"), "");
    assert!(session.line("ffffffffffffffff::dump").1.contains("no mapping"));
}

#[test]
fn values_are_found_wherever_they_are() {
    let session = session();
    for (line, expected) in [
        ("1234::ugrep", "402020\n"),
        ("1234::ugrep -d 1", "402020\n402028\n"),
        ("1234::ugrep -m 0xffffffff", "402020\n402030\n"),
        ("1234::ugrep -M ffffffff00000000", "402020\n402030\n"),
        ("1234::ugrep -s 4", "402020\n402030\n"),
        ("1234::ugrep -s 2 -A 402028", "402020\n"),
        ("1234::ugrep -a 402028", ""),
        ("11234::ugrep -s 2", ""),
        ("1234::ugrep -d 1 | ::map .+1", "402021\n402029\n"),
        ("1234::ugrep -d 1 | ::head -1", "402020\n"),
        ("::strings -p usr", "402006  \"/usr/local\"\n"),
        ("::strings -p usr | ::map .", "402006\n"),
        ("::strings -r \"[a-z]+/l\"", "402006  \"/usr/local\"\n"),
        ("::strings -n 0t10 -a 402000 -A 403000", "402005  \"/usr/local\"\n"),
        ("::strings -u -p größe", "402038  \"größe\"\n"),
    ] {
        assert_eq!(session.results(line), expected, "{line}");
    }
    assert!(session.complaint("1234::ugrep -s 3").contains("must be 1, 2, 4 or 8"));
    assert!(session.complaint("::strings -r \"(\"").contains("-r:"));
    assert!(session.complaint("::strings -r \"x*\"").contains("no characters at all"));
}

/// The text is that of objdump and gdb.
#[test]
fn machine_code_is_disassembled() {
    let session = session();
    let parse = "\
parse:                          push   %rbp
parse+0x1:                      mov    %rsp,%rbp
parse+0x4:                      sub    $0x10,%rsp
parse+0x8:                      call   0x402000 <table>
parse+0xd:                      test   %eax,%eax
parse+0xf:                      mov    0x1010(%rip),%rax        # 0x402026 <table+0x26>
parse+0x16:                     mov    (%rdx,%r8,4),%eax
parse+0x1a:                     jmp    0x401000 <parse>
";
    assert_eq!(session.results("parse::dis"), parse);
    assert_eq!(session.results("401000::dis"), parse);
    assert_eq!(session.results("::dis parse"), parse);
    let start = "\
node::Start(int, char**):       movss  -0x8(%rbp),%xmm0
node::Start(int, char**)+0x5:   mov    %fs:0x28,%rax
node::Start(int, char**)+0xe:   leave
node::Start(int, char**)+0xf:   ret
node::Start(int, char**)+0x10:  (bad)
";
    assert_eq!(session.results("::dis node::Start"), start);
    assert_eq!(session.results("::dis _ZN4node5StartEiPPc"), start);
    assert_eq!(
        session.results("parse+8::dis -n 1 -a"),
        "401004:                         sub    $0x10,%rsp\n\
         401008:                         call   0x402000 <table>\n\
         40100d:                         test   %eax,%eax\n"
    );
    assert_eq!(
        session.results("parse::dis -n 1 -b"),
        "401000 parse:                   push   %rbp\n401001 parse+0x1:               mov    %rsp,%rbp\n"
    );
    assert_eq!(session.results("parse::dis -w -n 0"), "parse:                          push   %rbp\n");
    session.results("parse::dis -n 1");
    assert_eq!(session.results("::dis -n 0"), "parse+0x4:                      sub    $0x10,%rsp\n");
    assert!(session.line("10::dis").1.contains("no mapping for address"));
    assert!(session.complaint("::dis nosuch").contains("unknown symbol name"));
}

#[test]
fn symbols_are_found_by_name_and_by_address() {
    let session = session();
    for (line, expected) in [
        ("a.out`parse=J", "                401000\n"),
        ("node`table+8=J", "                402008\n"),
        ("parse+4::nm -h", "0x0000000000401000|0x000000000000001c|FUNC |GLOB |0x0  |1       |parse\n"),
        (
            "::nm -h -v -f name,val",
            "parse|0x0000000000401000\nnode::Start(int, char**)|0x000000000040101c\ntable|0x0000000000402000\n",
        ),
        ("parse::nm -p", "0x401000::nmadd -f -s 0x1c parse\n"),
        ("parse::nm -h -d -f sz,name", "00000000000000000028|parse\n"),
        ("::findsym Start", "0x40101c node::Start(int, char**)\n"),
        ("::findsym -r ^pa", "0x401000 parse\n"),
        ("::findsym -i PARSE | ::map .+1", "401001\n"),
        (
            "401004::whatis",
            "401004 is parse+0x4, in /opt/node/bin/node [401000,402000), offset 0x1004 of the file\n",
        ),
        ("10::whatis", "10 is unknown\n"),
        ("70000808::whatis", "70000808 is on the stack of thread 101f, in the frame of parse+0xd\n"),
        ("700007f0::whatis", "700007f0 is on the stack of thread 101f, 0x10 below the part in use\n"),
        ("402800::whatis", "402800 is in /opt/node/bin/node [402000,403000), offset 0x2800 of the file\n"),
    ] {
        assert_eq!(session.results(line), expected, "{line}");
    }
    assert!(session.complaint("nosuch`parse=J").contains("unknown object file name"));
    assert!(session.complaint("::findsym nosuch").contains("nothing matches 'nosuch'"));
    assert!(session.complaint("::nm nosuch").contains("unknown object file name"));
    assert!(
        session
            .results("::objects")
            .contains("          400000           403000             3000 /opt/node/bin/node\n")
    );
    assert!(session.results("::objects -v").contains("same build-id"));
    assert!(
        session
            .results("401000::files")
            .contains("          401000           402000             1000 /opt/node/bin/node\n")
    );
}

#[test]
fn registers_are_those_of_the_current_thread() {
    let session = session();
    let registers = session.results("::regs");
    for part in [
        "%rax = 0x0000000000402000 table ",
        "\n%rip = 0x000000000040100d parse+0xd\n",
        "\n%rflags = 0x00000246\n",
        "status=<of,df,IF,tf,sf,ZF,af,PF,cf>\n",
    ] {
        assert!(registers.contains(part), "{part} in {registers}");
    }
    assert_eq!(session.results("$l"), "101f\n");
    assert_eq!(session.results("$L"), "lwpids 4127 and 4128 are in core of process 4127.\n");
    assert!(session.results("1020::regs").contains("%rip = 0x0000000000000010\n"));
    assert_eq!(session.results("1020::context; <rip=J; $l"), "                10\n1020\n");
    assert_eq!(session.results("::context; $l"), "101f\n");
    assert_eq!(session.complaint("5::regs"), "v8mdb: invalid thread identifier: 5; ::threads lists them");
    assert!(session.complaint("$x").contains("no floating point registers available for thread 101f"));
    let threads = session.results("::threads");
    assert!(threads.contains("*     101f     4127 SIGSEGV"), "{threads}");
    assert_eq!(session.results("::threads | ::map ."), "101f\n1020\n");
    assert_eq!(
        session.results("::signal"),
        "signal: SIGSEGV (11), access to memory that is not mapped or not allowed\n\
         code: SEGV_MAPERR (1), nothing is mapped at the address\naddress: 10\nthread: 101f, in parse+0xd\n"
    );
    assert!(session.results("::psinfo").contains("pid: 4127\n"));
    assert!(session.results("::auxv").contains("AT_PAGESZ         1000\n"));
    assert!(session.results("::xdata").contains("CORE              1 prstatus           336"));
}

/// The executable has no unwind tables.
#[test]
fn frames_are_found_by_frame_pointers_and_guesses_say_so() {
    let session = session();
    assert_eq!(
        session.results("$C"),
        "0000000070000820 parse+0xd()\n0000000070000880 parse+0xd()\n?                parse+0x1()\n"
    );
    assert_eq!(session.line("1020::stack 2").0, "0x10()\nparse+0xd() [from the top of the stack]\n");
    assert_eq!(session.line("70000820::stack 1").0, "parse+0xd()\n");
    assert_eq!(session.line("$c 1").0, "parse+0xd()\n");
    assert_eq!(
        session.line("101f::findstack 1").0,
        "stack pointer for thread 101f: 70000800\n  parse+0xd()\n"
    );
    assert!(session.complaint("70000810::stack").contains("no caller found"));
    assert!(session.complaint("10::stack").contains("no mapping for address"));
}
