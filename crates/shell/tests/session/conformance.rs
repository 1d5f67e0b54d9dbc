//! The language as MDB has it, line by line.

use crate::fuzz;
use crate::session::{DATA, Session};

#[test]
fn lines_print_what_mdb_prints() {
    let session = Session::on_core();
    let field = |text: &str| format!("                {text}\n");
    for (line, expected) in [
        ("10=D", field("16")),
        ("0t10=X", field("a")),
        ("'ab'=X", field("6162")),
        ("1+2*3=D", field("7")),
        ("7%2=D", field("3")),
        ("5#4=D", field("8")),
        ("#0=D", field("1")),
        ("1<<3|1=X", field("9")),
        ("1|2=X", field("3")),
        ("-1=D", field("-1")),
        ("-1=J", field("ffffffffffffffff")),
        ("*50000000=J", field("1234")),
        ("*/c/50000000=X", field("34")),
        ("50000000>p", String::new()),
        ("<p=J", field("50000000")),
        ("*<p=J", field("1234")),
        ("<rax=J", field("1122334455667788")),
        ("<eax=J", field("55667788")),
        ("<ah=J", field("77")),
        ("<thread=J", field("101f")),
        ("0t100=XDO", field("64              100             0144")),
        ("1,3=D", field("1               1               1")),
        ("5=\"x = \"D", field("x = 5")),
        ("5=DnD", field("5") + &field("5")),
        ("5=2D", field("5               5")),
        ("5=$[1+1]D", field("5               5")),
        ("::echo a 'b c' $[1+1]", "a b c 2 \n".into()),
        ("::echo x // comment", "x \n".into()),
        ("::echo a; ::echo b", "a \nb \n".into()),
        ("// nothing", String::new()),
        ("", String::new()),
        ("5,0::echo hi", String::new()),
        (",3::echo hi", "hi \nhi \nhi \n".into()),
        ("::echo -n --", "-n -- \n".into()),
        ("::mdb`echo hi", "hi \n".into()),
        ("::echo 10 | ::map .+8", "18\n".into()),
        ("::echo 20 | ::grep \".==20\"", "20\n".into()),
        ("::echo 10 | ::grep \".==20\"", String::new()),
        ("10::map .+8", "18\n".into()),
        ("::walk thread", "0x101f\n0x1020\n0x1021\n".into()),
        ("::walk thread | ::head -2", "101f\n1020\n".into()),
        ("::walk thread | ::head -n 1", "101f\n".into()),
        ("::walk thread|::count", "3\n".into()),
        ("::head", String::new()),
        ("::walk thread | >last", String::new()),
        ("<last=J", field("1021")),
        ("10$d", "radix = 16 base ten\n".into()),
        ("0t10$d", "radix = 10 base ten\n".into()),
        ("10=X", field("a")),
        ("0t20::map .+1", "21\n".into()),
        ("::echo $[0x10]", "16 \n".into()),
        ("0x10$d", "radix = 16 base ten\n".into()),
        ("$w", "output page width = 80\n".into()),
        ("$s", "symbol matching distance = 0 (smart mode)\n".into()),
        ("1234>/c/low; <low=X", field("34")),
        ("::unset low", String::new()),
        ("::vars -np", "0x34>0\n0x1021>last\n0x50000000>p\n".into()),
    ] {
        assert_eq!(session.results(line), expected, "{line}");
    }
    // Registers are variables, too.
    let (all, some) = (session.results("::vars"), session.results("$v"));
    for name in ["rax", "rip", "rflags", "gsbase"] {
        assert!(all.lines().any(|line| line.starts_with(&format!("{name} = "))), "{name}: {all}");
    }
    assert!(all.contains("rax = 1122334455667788\n") && some.contains("rax = 1122334455667788\n"), "{some}");
    assert!(
        all.lines().any(|line| line.ends_with(" = 0")) && !some.lines().any(|line| line.ends_with(" = 0"))
    );
    let status = session.results("$?");
    assert!(status.starts_with("no process\n") && status.contains("%rax = 0x1122334455667788"), "{status}");
}

#[test]
fn mistakes_are_named() {
    let session = Session::on_core();
    for (line, expected) in [
        ("<nosuch=J", "v8mdb: variable 'nosuch' is not defined"),
        ("1%0=X", "v8mdb: attempted to divide by zero"),
        ("nosuch=J", "v8mdb: failed to dereference symbol: unknown symbol name: nosuch"),
        ("*10=J", "v8mdb: failed to read from address 10: no mapping for address"),
        ("::nosuchthing", "v8mdb: invalid command '::nosuchthing': unknown dcmd name"),
        ("::staus", "v8mdb: invalid command '::staus': unknown dcmd name (did you mean '::status'?)"),
        ("::other`echo", "v8mdb: invalid command '::other`echo': specified module is not loaded"),
        ("$z", "v8mdb: invalid command '$z': unknown dcmd name"),
        ("::bp main", "v8mdb: command is not supported by current target: a core does not run"),
        (":c", "v8mdb: command is not supported by current target: a core does not run"),
        ("::echo hi | 10::echo", "v8mdb: syntax error near \"10\""),
        ("::echo 10 20 | ::grep \".==20\"", "v8mdb: syntax error near \"20\""),
        ("::obey", "v8mdb: No Language H here"),
        ("$a", "v8mdb: No adb here"),
        ("::status foo", "Usage: status [-j]"),
        ("10::status", "Usage: status [-j]"),
        ("::vars -z", "v8mdb: illegal option -- z"),
        ("::count", "Usage: address::count "),
        ("::walk", "Usage: [address]::walk name [variable]"),
        ("::walk nosuch", "v8mdb: failed to perform walk: unknown walk name"),
        ("10::walk thread", "v8mdb: failed to perform walk: walker does not accept starting address"),
        ("::help nosuch", "v8mdb: unknown command: nosuch"),
        ("::load kernel", "v8mdb: failed to load module kernel: no such module"),
        ("::cat /nonexistent", "v8mdb: failed to open /nonexistent: No such file or directory"),
        ("$</nonexistent", "v8mdb: failed to open /nonexistent: No such file or directory (see ::help '$<')"),
        ("$<", "v8mdb: input stack is empty"),
        ("11$d", "v8mdb: expected radix from 2 to 16"),
        ("1>rax", "v8mdb: cannot modify read-only variable 'rax'"),
        ("::unset 9", "v8mdb: cannot remove persistent variable '9'"),
        ("1,=", "v8mdb: syntax error near \"=\""),
        ("1=", "v8mdb: expected one or more format characters following '='"),
        ("1=A", "v8mdb: invalid format character -- 'A'"),
        ("::set -o nosuch", "v8mdb: invalid debugger option -- nosuch"),
        (
            "::set -P 0123456789012345678901234567890123456789012345678901234567890123456789",
            "v8mdb: prompt may not exceed 64 characters",
        ),
        ("::which nosuch", "v8mdb: nosuch not found"),
        ("10::mappings", "v8mdb: failed to obtain mapping: no mapping for address"),
    ] {
        assert_eq!(session.complaint(line), expected, "{line}");
    }
    assert!(session.context.has_failed());
}

#[test]
fn a_mistake_shows_its_place_and_drops_the_rest_of_the_line() {
    let session = Session::on_core();
    let (results, messages) = session.line("::echo a; ::nosuchthing; ::echo b");
    assert_eq!(results, "a \n");
    assert_eq!(
        messages,
        "v8mdb: invalid command '::nosuchthing': unknown dcmd name\n  \
         ::echo a; ::nosuchthing; ::echo b\n            ^^^^^^^^^^^^^\n"
    );
}

#[test]
fn stages_that_do_not_fit_are_refused_before_anything_runs() {
    let session = Session::on_core();
    for (line, expected) in [
        (
            "::walk thread | ::echo x",
            "cannot pipe '::walk' into '::echo': ::walk yields threads, ::echo takes no input (try '::echo x')",
        ),
        (
            "::status | ::head",
            "cannot pipe '::status' into '::head': ::status yields only text, ::head takes values (try '::status ! head')",
        ),
        (
            "::walk thread | ::mappings",
            "cannot pipe '::walk' into '::mappings': ::walk yields threads, ::mappings takes addresses \
             (try '<rsp::mappings')",
        ),
        (
            "::echo 1 | ::count | ::head",
            "cannot pipe '::count' into '::head': ::count yields only text, ::head takes values \
             (try '::echo 1 | ::count ! head')",
        ),
    ] {
        assert_eq!(session.complaint(line), format!("v8mdb: {expected}"), "{line}");
    }
}

#[test]
fn a_bare_expression_runs_the_last_line_again() {
    let session = Session::on_core();
    assert_eq!(session.results("5"), "", "nothing to repeat yet");
    assert_eq!(session.results("10::map .+1"), "11\n");
    assert_eq!(session.results("20"), "21\n");
    assert_eq!(session.results("30,2"), "31\n31\n");
    assert_eq!(session.results("40 ! tr 4 5 > /dev/null"), "");
    assert_eq!(session.results("::echo 8 | ::map .*2"), "10\n");
    assert_eq!(session.results("50"), "", "the last line takes no address");
    assert_eq!(session.results("7::map .; ::eval \"8\"; .=X"), "7\n                8\n");
}

#[test]
fn dot_follows_the_values() {
    let session = Session::on_core();
    assert_eq!(session.results("::walk thread | ::map .; .=X"), "101f\n1020\n1021\n                1021\n");
    assert_eq!(session.results("77::map 5; &=X"), "5\n                77\n");
}

#[test]
fn a_walk_names_its_value_in_every_later_stage() {
    let session = Session::on_core();
    let expected = "                101f\n                1020\n                1021\n";
    assert_eq!(session.results("::walk thread t | ::map .+8 | ::eval \"<t=X\""), expected);
    assert_eq!(
        session.results("::walk thread t | ::map .+8 | ::grep .==1028 | ::eval \"<t=X\""),
        "                1020\n"
    );
}

#[test]
fn an_error_in_evaluated_commands_ends_the_pipe() {
    let session = Session::on_core();
    let (results, messages) = session.line("::walk thread | ::eval \"<nosuch=X\"");
    assert_eq!(results, "");
    assert_eq!(messages, "v8mdb: variable 'nosuch' is not defined\n");
}

#[test]
fn commands_that_run_themselves_come_to_an_end() {
    let session = Session::on_core();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("loop");
    std::fs::write(&path, format!("$<{}\n", path.display())).unwrap();
    assert_eq!(session.complaint(&format!("$<{}", path.display())), "v8mdb: commands are nested too deeply");
}

#[test]
fn files_of_values_start_pipes() {
    let session = Session::on_core();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("values");
    std::fs::write(&path, "10\n\n0t20\n<rsp\n").unwrap();
    let cat = format!("::cat {} | ::map .+1", path.display());
    assert_eq!(session.results(&cat), format!("11\n15\n{:x}\n", DATA + 0x801));
    std::fs::write(&path, "10\nnot a value\n20\n").unwrap();
    assert_eq!(session.complaint(&cat), "v8mdb: syntax error near \"a\"");
}

#[test]
fn scripts_go_on_behind_an_error() {
    let session = Session::on_core();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("script");
    std::fs::write(&path, "::echo a\n::nosuchthing; ::echo b\n\n1+)\n<x=X\n::echo c\n").unwrap();
    let (results, messages) = session.line(&format!("$<{}", path.display()));
    let name = path.display();
    assert_eq!(results, "a \nb \nc \n");
    assert_eq!(
        messages,
        format!(
            "v8mdb: invalid command '::nosuchthing': unknown dcmd name on line 2 of {name}\n\
             v8mdb: syntax error on line 4 of {name} near \")\"\nv8mdb: variable 'x' is not defined\n"
        )
    );
}

#[test]
fn the_target_describes_itself() {
    let session = Session::on_core();
    let status = session.results("::status");
    // Two of the three have neither instruction nor stack pointer.
    let threads = "threads: 1, and 2 of the kernel";
    for line in ["debugging core file of node (64-bit)", "initial argv: node server.js", threads] {
        assert!(status.lines().any(|found| found == line), "{status}");
    }
    assert!(status.contains("status: process terminated by SIGABRT"), "{status}");
    assert!(status.contains(", pid=4127 uid=1000\n"), "{status}");
    let heading = "            BASE            LIMIT             SIZE PERM CONTENTS  NAME\n";
    assert_eq!(
        session.results("50000008::mappings"),
        format!("{heading}        50000000         50001000             1000 rw-  core      [ stack ]\n")
    );
    assert_eq!(session.results("::mappings"), session.results("$m"));
    assert!(
        session.results("::mappings libsample").ends_with("r-x  core      /opt/node/lib/libsample.so.1\n")
    );
    assert!(session.results("::mappings").contains("            2000 rw-  absent    [ anon ]\n"));
}

#[test]
fn a_log_keeps_input_and_output() {
    let session = Session::on_core();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let (_, messages) = session.line("::log; $>");
    assert_eq!(messages, "v8mdb: no log is active\nv8mdb: logging is already disabled\n");
    let (_, messages) = session.line(&format!("::log {}; 5=D; 1%0=D", path.display()));
    assert!(messages.starts_with("v8mdb: logging to \""), "{messages}");
    session.line("$>");
    session.line("6=D");
    let log = std::fs::read_to_string(&path).unwrap();
    assert!(log.contains("                5\nv8mdb: attempted to divide by zero\n"), "{log}");
    assert!(!log.contains("                6"), "{log}");
}

#[test]
fn nothing_typed_or_read_steers_the_terminal() {
    let session = Session::on_core();
    assert_eq!(session.results("::echo a\x1b[2Jb"), "a\\x1b[2Jb \n");
    assert!(!session.complaint("::cat a\x1b[2Jb").contains('\x1b'));
    let (_, messages) = session.line(")\x1b[2J");
    assert!(!messages.contains('\x1b'));
}

#[test]
fn the_prompt_and_empty_lines_are_as_set() {
    let session = Session::on_core();
    session.results("$P \"core> \"");
    assert_eq!(*session.context.settings.prompt.borrow(), "core> ");
    assert!(session.results("::set").contains("prompt: \"core> \"\n"));
    session.results("::set -o repeatlast +o pager");
    assert!(session.results("::set").ends_with("options: repeatlast\n"));
    assert_eq!(session.results("::pager"), "pager is off\n");
}

/// Lines of everything that the language has, right and wrong. Each runs to its end, or to the end of its time.
#[test]
fn any_line_gives_an_answer_or_an_error() {
    let lines = if cfg!(debug_assertions) { 4_000 } else { 40_000 };
    fuzz::run(20_240_501, lines);
}

#[test]
fn shell_commands_stand_anywhere_in_a_pipe() {
    let session = Session::on_core();
    for (line, expected) in [
        ("::walk thread ! 'grep -v 1020' | ::map .+1", "1020\n1022\n"),
        ("! 'echo 10; echo 20' | ::map .+1", "11\n21\n"),
        ("! 'seq 3' | ::map .*2 ! 'tail -1' | ::map .+1", "7\n"),
        ("::walk thread ! 'cat > /dev/null' | ::map .+1", ""),
        ("::echo 5 !< sed 's/5/10=X/'", "                10\n"),
        ("!< echo '10=X'", "                10\n"),
        ("::echo 3 | ::map .+1 ! 'cat' | ::eval '.=D'", "                4\n"),
    ] {
        assert_eq!(session.results(line), expected, "{line}");
    }
    let (results, messages) = session.line("! 'echo 10; echo 1 2' | ::map .+1");
    assert_eq!(
        (results.as_str(), messages.as_str()),
        ("", "v8mdb: syntax error near \"2\"\n"),
        "none is used"
    );
    assert_eq!(
        session.complaint("! 'echo 10' | ::status"),
        "Usage: status [-j]",
        "what takes no address takes none from the shell"
    );
}

#[test]
fn text_of_commands_and_formats_flows_on_as_values() {
    let session = Session::on_core();
    for (line, expected) in [
        ("::walk thread t | ::eval '<t=X' | ::map .+1", "1020\n1021\n1022\n"),
        (
            "::walk thread t | ::eval '<t=X' | ::eval '<t=D'",
            "                4127\n                4128\n                4129\n",
        ),
        ("::walk thread | ::eval '.=X; .+1=X' | ::count", "6\n"),
        ("::walk thread | =X | ::tail -1", "1021\n"),
        ("::walk thread t | ::map .+100 | ::grep .==1120 | ::map <t", "1020\n"),
        ("10,3=p8+ | ::map .", "10\n18\n20\n"),
        ("::walk thread | ::tail -2", "1020\n1021\n"),
        ("::walk thread | ::sort -r", "1021\n1020\n101f\n"),
        ("::walk thread | ::map .&10 | ::uniq", "10\n0\n"),
    ] {
        assert_eq!(session.results(line), expected, "{line}");
    }
    let (results, messages) = session.line("::walk thread | ::eval '::status' | ::count");
    assert_eq!(results, "");
    assert!(messages.starts_with("v8mdb: syntax error near "), "{messages}");
    assert_eq!(
        session.complaint("::walk thread | ::eval '1%0=X' | ::count"),
        "v8mdb: attempted to divide by zero"
    );
}

#[test]
fn macro_files_call_one_another_and_end_early() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    file("outer", "::echo outer $[<9]\n$<<inner\n::echo back\n");
    file("inner", "::echo inner\n$<\n::echo not reached\n");
    file("chain", "::echo chain\n$<inner\n::echo not reached\n");
    let session = Session::on_core();
    session.results(&format!("::set -I {}", directory.path().display()));
    assert_eq!(session.results("10,3$<outer"), "outer 3 \ninner \nback \n");
    assert_eq!(session.results("$<chain; ::echo after"), "chain \ninner \nafter \n");
    assert_eq!(session.results("10,0$<outer"), "");
    assert_eq!(session.results("::eval '$<outer'"), "outer 1 \ninner \nback \n");
    assert_eq!(
        session.complaint("$<nosuch"),
        "v8mdb: failed to open nosuch: No such file or directory (see ::help '$<')"
    );
    assert!(session.complaint("$<outer | ::map .").contains("'$<'"));
}

#[test]
fn variables_are_declared_and_addresses_named() {
    let session = Session::on_core();
    for (line, expected) in [
        ("::typeset fresh; <fresh=D", "                0\n"),
        ("77::typeset -t fresh; ::vars -t", "fresh = 77\n"),
        ("::typeset +t fresh; ::vars -t", ""),
        ("<_=D", "                1\n"),
        ("0>_; <_=D; 1>_", "                0\n"),
        ("0t12.5=J", "                4029000000000000\n"),
        ("0x7fff_ffff_e000=J", "                7fffffffe000\n"),
        ("1234>/1/low; <low=X", "                34\n"),
        ("::typeset x_1 y; ::unset x_1 y", ""),
        ("::dem _ZN4node5StartEiPPc main", "_ZN4node5StartEiPPc == node::Start(int, char**)\nmain == main\n"),
        ("::dmods", "v8\nv8mdb\n"),
        ("::which typeset", "typeset is a built-in dcmd\n"),
    ] {
        assert_eq!(session.results(line), expected, "{line}");
    }
    let (_, messages) =
        session.line("50000000::nmadd -e 50000010 -o words; 50000008=p; ::nmdel words; ::nmdel words");
    assert_eq!(
        messages,
        "v8mdb: added words, value=50000000 size=10\nv8mdb: deleted words, value=50000000 size=10\n\
         v8mdb: symbol 'words' not found in private symbol table\n"
    );
    for (line, expected) in [
        ("<suspct=J", "v8mdb: variable 'suspct' is not defined (did you mean 'suspect'?)"),
        ("1>rip", "v8mdb: cannot modify read-only variable 'rip'"),
        ("::typeset a-b", "v8mdb: '-' may not be used in a variable name"),
        ("nosuch`malloc=J", "v8mdb: failed to dereference symbol: unknown object file name: nosuch`malloc"),
        ("::set -o term", "v8mdb: option requires an argument -- term"),
        ("::set -o pager=1", "v8mdb: option does not accept an argument -- pager"),
        (
            "::print x",
            "v8mdb: no symbolic debug information available for module: Node.js is built without C types (for JavaScript values there is ::jsprint)",
        ),
        ("::help step", "v8mdb: command is not supported by current target: a core does not run"),
        ("::unload v8", "v8mdb: failed to unload module: cannot unload built-in module"),
    ] {
        session.results("1>suspect");
        assert_eq!(session.complaint(line), expected, "{line}");
    }
    let (_, messages) = session.line("$G; $G");
    assert_eq!(messages, "v8mdb: C++ symbol demangling disabled\nv8mdb: C++ symbol demangling enabled\n");
}

#[test]
fn a_restricted_session_reaches_no_shell_and_no_files() {
    let session = Session::on_core();
    session.results("::set -o restricted");
    for line in [
        "!echo hi",
        "::echo x ! cat",
        "! 'echo 1' | ::map .",
        "::cat /etc/passwd",
        "$</etc/passwd",
        "::log /tmp/x",
    ] {
        let complaint = session.complaint(line);
        assert!(complaint.starts_with("v8mdb: the session is restricted"), "{line}: {complaint}");
    }
    assert_eq!(session.complaint("::set +o restricted"), "v8mdb: a restricted session stays restricted");
}

#[test]
fn values_print_as_lines_of_json() {
    let session = Session::on_core();
    assert_eq!(session.results("::echo 10 | ::json"), "{\"type\":\"number\",\"value\":\"0x10\"}\n");
    let threads = session.results("::walk thread | ::json");
    assert_eq!(threads.lines().next(), Some("{\"type\":\"thread\",\"id\":4127,\"address\":\"0x40000010\"}"));
}

/// Whatever gives a value to a variable asks for the same of its name.
#[test]
fn names_of_variables_have_letters_digits_and_underscores() {
    let session = Session::on_core();
    for line in ["5>a\u{1}b", "5::typeset a\u{1}b", "::walk thread a\u{1}b", "::walk thread ::x"] {
        let (results, messages) = session.line(line);
        assert!(messages.contains("may not be used in a variable name"), "{line}: {messages}");
        assert!(!messages.contains('\u{1}') && results.is_empty(), "{line}: {messages:?}");
    }
}
