//! Every source of a pipe with every sink: the pair works, or it is refused with a line to try, and that line works.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{self, Write};
use std::rc::Rc;

use shell::arguments::{Args, Word};
use shell::context::Context;
use shell::dcmd::{AddressUse, Dcmd, Takes};
use shell::dcmds::ALL;
use shell::interpreter::{self, Source};
use shell::interrupt::Interrupt;
use shell::output::Terminal;
use shell::pipeline::{Call, Plan, PlanError};
use shell::target::Target;
use shell::value::Kind;
use shell::walkers::WALKERS;
use test_support::scenarios::shipped::ShippedCore;

/// An object of the core: an `UpstreamConnection`, which has a function, an array and a number.
const OBJECT: &str = "12fd195c4fb9";
/// Other sorts of objects, for dcmds that want them.
const SPECIAL: [(&str, &str); 14] = [
    ("jsarray", "12fd195c8d49"),
    ("v8array", "12fd195d1f49"),
    ("jsmap", "15cb447412d9"),
    ("jsclosure", "15cb4477d409"),
    ("jsfunction", "15cb4477d409"),
    ("jssource", "15cb4477d409"),
    ("v8function", "15cb4477d409"),
    ("v8code", "1950f7e25d01"),
    ("v8context", "10c0d74c1ff1"),
    ("v8scopeinfo", "1950f7e19fb1"),
    ("v8str", "12fd195c8c99"),
    ("nodebuffer", "12fd195d47b9"),
    ("jselement", "12fd195c8d49"),
    ("jsmapentry", "15cb447412d9"),
];
/// What dcmds are called with that cannot do without. Files are none that are there.
const OPERANDS: [(&str, &[&str]); 27] = [
    ("tls", &["errno"]),
    ("v8internal", &["0"]),
    ("v8field", &["JSArray", "length"]),
    ("grep", &[".==."]),
    ("sum", &["load"]),
    ("group", &["load"]),
    ("where", &["true"]),
    ("map", &["."]),
    ("walk", &["jsprop"]),
    ("cat", &["/nonexistent/file"]),
    ("which", &["head"]),
    ("$P", &["> "]),
    ("load", &["v8"]),
    ("dem", &["_Z1fv"]),
    ("savecore", &["/nonexistent/core"]),
    ("nmadd", &["name"]),
    ("nmdel", &["name"]),
    ("findsym", &["epoll_wait"]),
    ("typeset", &["variable"]),
    (">", &["variable"]),
    ("eval", &[".=J"]),
    ("unset", &["variable"]),
    ("heapsnapshot", &["/nonexistent/snapshot"]),
    ("snapshotnode", &["6087"]),
    ("/", &["J"]),
    ("=", &["J"]),
    ("$<", &["/nonexistent/macro"]),
];
/// What is not run: it ends the session, asks the terminal, or wants another core.
const NOT_RUN: [&str; 3] = ["quit", "log", "diff"];
/// What looks at all of memory, or at all references: once is enough.
const HEAVY: [&str; 6] = ["ugrep", "jsfindrefs", "jsdominators", "strings", "heapsnapshot", "v8map"];

#[derive(Clone, Default)]
struct Said(Rc<RefCell<Vec<u8>>>);

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn sign(name: &str) -> &'static str {
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { "::" } else { "" }
}

/// A call of a dcmd: as it is typed, and planned.
fn call(dcmd: &'static Dcmd, words: &[&str], has_address: bool) -> (String, Call) {
    let typed = words.iter().map(|word| format!(" '{word}'")).collect::<String>();
    let typed = match dcmd.name {
        // The letters follow at once.
        "/" | "=" | ">" | "$<" => format!("{}{}", dcmd.name, words.concat()),
        name => format!("{}{name}{typed}", sign(name)),
    };
    let words: Vec<Word> = words.iter().map(|word| Word::Text((*word).to_owned())).collect();
    let args = Args::parse(dcmd, dcmd.name, has_address, &words, 16)
        .unwrap_or_else(|error| panic!("{}: {error}", dcmd.name));
    (typed, Call { dcmd, name: dcmd.name.to_owned(), args })
}

fn operands(dcmd: &Dcmd) -> &'static [&'static str] {
    OPERANDS.iter().find(|(name, _)| *name == dcmd.name).map_or(&[], |(_, words)| words)
}

/// The address in front of a source: a thread for what takes only that.
fn address(name: &str, takes: Takes) -> &'static str {
    if let Takes::Only([Kind::Thread]) = takes {
        return "3007";
    }
    SPECIAL.iter().find(|(special, _)| *special == name).map_or(OBJECT, |(_, address)| address)
}

/// Sources: every dcmd and every walker, with an address where it takes one.
fn sources() -> Vec<(String, Call, bool)> {
    let mut sources = Vec::new();
    for dcmd in ALL.iter().filter(|dcmd| !NOT_RUN.contains(&dcmd.name)) {
        let words = operands(dcmd);
        for has_address in [false, true] {
            let allowed = match dcmd.address {
                AddressUse::Required => has_address,
                AddressUse::Optional => true,
                AddressUse::Refused => !has_address,
            };
            if allowed && dcmd.name != "walk" {
                let (typed, call) = call(dcmd, words, has_address);
                let front = if has_address { address(dcmd.name, dcmd.takes) } else { "" };
                sources.push((format!("{front}{typed}"), call, has_address));
            }
        }
    }
    let walk = shell::dcmds::find("walk").unwrap();
    for walker in WALKERS {
        let has_address = walker.address == AddressUse::Required;
        let (typed, call) = call(walk, &[walker.name], has_address);
        let front = match walker.name {
            _ if !has_address => "",
            name if name.contains("closure") || name.contains("context") => "15cb4477d409",
            name => address(name, walker.takes),
        };
        sources.push((format!("{front}{typed}"), call, has_address));
    }
    sources
}

/// A session that keeps its messages.
fn session() -> (Context, Said) {
    let options = core_reader::OpenOptions {
        core: ShippedCore { scenario: "leak", line: 24 }.path(),
        ..Default::default()
    };
    let target = Target::open(&options, &Interrupt::default()).unwrap();
    let said = Said::default();
    let terminal = Terminal::new(Box::new(io::sink()), Box::new(said.clone()));
    (Context::new(Some(target), terminal, Interrupt::default(), false), said)
}

/// Runs a line; gives what is wrong with the line itself. That a command finds nothing, or does not like an object, is no such
/// thing.
fn wrong_with(context: &Context, said: &Said, line: &str) -> Option<String> {
    said.0.borrow_mut().clear();
    let ran = interpreter::run_guarded(context, line, Source::Prompt, &context.text);
    context.text.flush().unwrap();
    let messages = String::from_utf8_lossy(&said.0.borrow()).into_owned();
    let is_wrong = ["cannot pipe", "Usage:", "syntax error", "internal error", "unknown dcmd"]
        .iter()
        .any(|reason| messages.contains(reason));
    (is_wrong || ran.is_err()).then(|| format!("{line}: {messages}"))
}

#[test]
fn every_pair_works_or_is_refused_with_a_line_that_works() {
    let sinks: Vec<_> = ALL
        .iter()
        .filter(|dcmd| !NOT_RUN.contains(&dcmd.name))
        .map(|dcmd| call(dcmd, operands(dcmd), dcmd.address != AddressUse::Refused))
        .collect();
    let sources = sources();
    assert!(sources.len() > 120 && sinks.len() > 100, "{} and {}", sources.len(), sinks.len());
    let (context, said) = session();
    let (mut wrong, mut tried) = (Vec::new(), HashSet::new());
    let (mut working, mut refused) = (0, 0);
    for (source, source_call, has_address) in &sources {
        for (sink, sink_call) in &sinks {
            match Plan::new(vec![source_call.clone(), sink_call.clone()], *has_address) {
                Ok(_) => {
                    working += 1;
                    let is_heavy =
                        [source_call, sink_call].iter().any(|call| HEAVY.contains(&call.dcmd.name));
                    if !is_heavy || tried.insert(sink.clone()) {
                        wrong.extend(wrong_with(&context, &said, &format!("{source} | ::head -2 | {sink}")));
                    }
                }
                Err(PlanError::Mismatch { message, .. }) => {
                    refused += 1;
                    let Some((_, instead)) = message.split_once(" (try '") else {
                        wrong.push(format!("no way out: {message}"));
                        continue;
                    };
                    let instead = instead.strip_suffix("')").unwrap();
                    // Dot is the address that stood in front.
                    let line = match *has_address {
                        true if instead.starts_with('.') => {
                            let front: String = source.chars().take_while(char::is_ascii_hexdigit).collect();
                            format!("{front}{}", &instead[1..])
                        }
                        _ => instead.to_owned(),
                    };
                    if tried.insert(line.clone()) {
                        wrong.extend(wrong_with(&context, &said, &line));
                    }
                }
                Err(PlanError::Usage { stage }) => wrong.push(format!("{source} | {sink}: usage of {stage}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}: {:#?}", wrong.len(), tried.len(), &wrong[..wrong.len().min(30)]);
    assert!(working > 3000 && refused > 3000, "{working} work, {refused} are refused");
}

#[test]
fn what_names_objects_hands_them_on() {
    let core = ShippedCore { scenario: "leak", line: 24 };
    let lines = [
        // The url of request 12: 12 % 7 * 32.
        "12fd195c4fb9::jsprint request | ::jsprint url",
        "12fd195c4fb9::map request.url | ::jsprint",
        "12fd195c4fb9::jsprint pending[1].sequence load | ::jsprint",
        "12fd195c4fb9::walk jsprop | ::json ! tail -2 | head -1",
        "::jsleaks -n 1 | ::jsprint request.id",
        "::jsleaks -n 1 | ::jspath | ::jsconstructor ! cat",
        "::jsleaks -n 1 | ::jspath | ::tail -1 | ::jsprint request.id",
        "12fd195c4fb9::findjsobjects -r | ::count",
        "12fd195c4fb9::jsretained | ::jsprint size",
        "12fd195c4fb9::jsconstructor | ::jssource -n 0",
        "::findjsobjects -c Gateway | ::jsdominators | ::head -1 | ::jsprint bySession.size",
        "12fd195c4fb9::v8map | ::v8map ! head -1 | cut -d, -f2",
        "12fd195c4fb9::jsprint request id | ::count",
    ];
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let answers = crate::all_answers(core, &lines);
    let expected = [
        "\"/v1/images/12?size=160\"\n",
        "\"/v1/images/12?size=160\"\n",
        "1\n2.25\n",
        "2.25\n",
        "12\n",
        "",
        "12\n",
        "2\n",
        "",
        "",
        "",
        " of JSObject (0x421)\n",
        "1\n",
    ];
    for ((line, answer), expected) in lines.iter().zip(&answers).zip(expected) {
        assert!(expected.is_empty() && !answer.is_empty() || answer == expected, "{line}: {answer}");
    }
    assert!(answers[9].contains("class UpstreamConnection"), "{}", answers[9]);
}

#[test]
fn many_values_are_one_search() {
    let core = ShippedCore { scenario: "leak", line: 24 };
    let all = "::findjsobjects -c UpstreamConnection | ::findjsobjects";
    let [each, together, sorted] = crate::answers(
        core,
        [
            "8ba8239fd91::ugrep; 8ba823be489::ugrep",
            &format!("{all} | ::head -2 | ::ugrep"),
            &format!("{all} | ::ugrep | ::count"),
        ],
    );
    let places = |text: &str| {
        let mut places: Vec<u64> =
            text.lines().map(|line| u64::from_str_radix(line.trim(), 16).unwrap()).collect();
        let is_sorted = places.is_sorted();
        places.sort_unstable();
        (places, is_sorted)
    };
    assert_eq!(places(&each).0, places(&together).0);
    assert!(places(&together).1, "in the order of addresses");
    // Each is in the Map and in the context of its `resume`.
    assert!(sorted.trim().parse::<u64>().unwrap() >= 1600, "{sorted}");
}
