//! Words without `::`, and lines of other debuggers.

use shell::bare_words;

use crate::session::Session;

#[test]
fn help_and_quit_need_no_signs() {
    for word in ["help", "?", "h"] {
        let session = Session::on_core();
        assert!(session.results(word).contains("Why is it so large?"), "{word}");
    }
    assert!(Session::on_core().results("help head").contains("keep the first values of a pipe"));
    for word in ["quit", "exit", "q", ":q", "exit; ::echo more"] {
        let session = Session::on_core();
        assert_eq!(session.results(word), "", "{word}");
        assert!(session.context.prompt.is_quitting(), "{word}");
        assert!(!session.context.has_failed(), "{word}");
    }
}

#[test]
fn no_word_is_met_with_silence() {
    for word in bare_words::all() {
        for statement in [word.to_owned(), format!("{word} 50000000"), format!("{word} NAME")] {
            let session = Session::on_core();
            let (results, messages) = session.line(&statement);
            let says_something =
                !results.is_empty() || !messages.is_empty() || session.context.prompt.is_quitting();
            assert!(says_something, "{statement}");
        }
    }
}

#[test]
fn what_a_line_became_is_said_and_the_rest_of_it_follows() {
    let session = Session::on_core();
    let (results, messages) = session.line("info threads | ::count; ::echo next");
    assert!(results.ends_with("next \n"), "{results}");
    assert!(messages.starts_with("v8mdb: this is '::threads' here"), "{messages}");
    let (results, messages) = session.line("hexdump 50000000 ! head -1");
    assert!(messages.contains("'50000000::dump'"), "{messages}{results}");
}

#[test]
fn a_word_without_its_address_says_where_that_goes() {
    let session = Session::on_core();
    for word in ["inspect", "print this.x", "jspath", "whatis"] {
        let complaint = session.complaint(word);
        assert!(complaint.contains("goes in front: 'ADDRESS::"), "{word}: {complaint}");
        assert!(session.context.has_failed());
    }
}

#[test]
fn names_of_ones_own_win() {
    let session = Session::on_core();
    session.line("50000000::nmadd bt");
    session.line("1=J");
    session.results("bt");
    assert_eq!(session.results(".=J").trim(), "50000000");
}

#[test]
fn a_dcmd_without_its_sign_is_run_at_the_prompt() {
    let session = Session::on_core();
    let (results, messages) = session.line("status");
    assert!(results.contains("debugging core file of node"), "{results}");
    assert!(messages.contains("this is '::status' here"), "{messages}");
}

#[test]
fn usage_errors_show_the_line_put_right() {
    let session = Session::on_core();
    for (line, expected) in [
        ("::dump 50000000", "v8mdb: there are too many words: ::dump"),
        ("50000000::status", "v8mdb: it takes no address: ::status"),
        ("::vars -z", "v8mdb: there is no option -z: ::vars"),
        ("::jsprint 50000001", "v8mdb: the address goes in front: 50000001::jsprint"),
        ("::findjsobjects Session", "v8mdb: a constructor stands behind -c: ::findjsobjects -c Session"),
    ] {
        let (results, messages) = session.line(line);
        assert_eq!(results, "", "{line}");
        assert!(messages.lines().any(|line| line == expected), "{line}: {messages}");
        assert!(messages.contains("Usage: "), "{line}: {messages}");
    }
}
