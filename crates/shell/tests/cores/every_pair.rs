//! Every source of a pipe with every sink: the pair works, or it is refused with a line to try, and that line works.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;

use shell::arguments::{Args, Word};
use shell::context::Context;
use shell::dcmd::{AddressUse, Dcmd, Takes};
use shell::dcmds::ALL;
use shell::interpreter::{self, Source};
use shell::interrupt::Interrupt;
use shell::opened::Opened;
use shell::output::Terminal;
use shell::pipeline::{Call, Plan, PlanError};
use shell::value::Kind;
use shell::walkers::WALKERS;
use test_support::scenarios::shipped::ShippedCore;
use test_support::scenarios::testdata;

/// What lines are tried on.
struct Ground {
    /// An object, as it is typed.
    object: &'static str,
    /// Other sorts of objects, for dcmds that want them.
    special: &'static [(&'static str, &'static str)],
}

/// A core: the object is an `UpstreamConnection`, which has a function, an array and a number.
const CORE: Ground = Ground { object: "12fd195c4fb9", special: &SPECIAL };
/// A heap snapshot: the object is a `Session`.
const SNAPSHOT: Ground = Ground { object: "@70897", special: &SPECIAL_NODES };

const SPECIAL_NODES: [(&str, &str); 5] = [
    ("jsarray", "@70903"),
    ("jsmap", "@104455"),
    ("jsclosure", "@70907"),
    ("jselement", "@70903"),
    ("jsmapentry", "@104455"),
];
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
fn address(ground: &Ground, name: &str, takes: Takes) -> &'static str {
    if let Takes::Only([Kind::Thread]) = takes {
        return "3007";
    }
    ground.special.iter().find(|(special, _)| *special == name).map_or(ground.object, |(_, address)| address)
}

/// A function of the ground.
fn function(ground: &Ground) -> &'static str {
    address(ground, "jsclosure", Takes::Anything)
}

/// Sources: every dcmd and every walker, with an address where it takes one.
fn sources(ground: &Ground) -> Vec<(String, Call, bool)> {
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
                let front = if has_address { address(ground, dcmd.name, dcmd.takes) } else { "" };
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
            name if name.contains("closure") || name.contains("context") => function(ground),
            name => address(ground, name, walker.takes),
        };
        sources.push((format!("{front}{typed}"), call, has_address));
    }
    sources
}

/// A session on a file that keeps its messages.
fn session(core: PathBuf) -> (Context, Said) {
    let options = core_reader::OpenOptions { core, ..Default::default() };
    let opened = Opened::open(&options, &Interrupt::default()).unwrap();
    let said = Said::default();
    let terminal = Terminal::new(Box::new(io::sink()), Box::new(said.clone()));
    (Context::on(Some(opened), terminal, Interrupt::default(), false), said)
}

/// Runs a line; gives its messages, and whether something is wrong with the line itself. That a command finds nothing, or does not like
/// an object, is no such thing.
fn run(context: &Context, said: &Said, line: &str) -> (String, bool) {
    said.0.borrow_mut().clear();
    let ran = interpreter::run_guarded(context, line, Source::Prompt, &context.text);
    context.text.flush().unwrap();
    let messages = String::from_utf8_lossy(&said.0.borrow()).into_owned();
    let is_wrong = ["cannot pipe", "Usage:", "syntax error", "internal error", "unknown dcmd"]
        .iter()
        .any(|reason| messages.contains(reason));
    (messages, is_wrong || ran.is_err())
}

fn wrong_with(context: &Context, said: &Said, line: &str) -> Option<String> {
    let (messages, is_wrong) = run(context, said, line);
    is_wrong.then(|| format!("{line}: {messages}"))
}

/// All pairs.
struct Pairs {
    context: Context,
    said: Said,
    /// What is wrong.
    wrong: Vec<String>,
    tried: HashSet<String>,
    working: usize,
    refused: usize,
}

impl Pairs {
    /// Tries all; `runs` tries one that was planned.
    fn try_all(&mut self, ground: &Ground, runs: fn(&mut Pairs, &str)) {
        let sinks: Vec<_> = ALL
            .iter()
            .filter(|dcmd| !NOT_RUN.contains(&dcmd.name))
            .map(|dcmd| call(dcmd, operands(dcmd), dcmd.address != AddressUse::Refused))
            .collect();
        let sources = sources(ground);
        assert!(sources.len() > 120 && sinks.len() > 100, "{} and {}", sources.len(), sinks.len());
        for (source, source_call, has_address) in &sources {
            for (sink, sink_call) in &sinks {
                match Plan::new(vec![source_call.clone(), sink_call.clone()], *has_address) {
                    Ok(_) => {
                        self.working += 1;
                        let is_heavy =
                            [source_call, sink_call].iter().any(|call| HEAVY.contains(&call.dcmd.name));
                        if !is_heavy || self.tried.insert(sink.clone()) {
                            runs(self, &format!("{source} | ::head -2 | {sink}"));
                        }
                    }
                    Err(PlanError::Mismatch { message, .. }) => {
                        self.refused += 1;
                        let Some((_, instead)) = message.split_once(" (try '") else {
                            self.wrong.push(format!("no way out: {message}"));
                            continue;
                        };
                        let instead = instead.strip_suffix("')").unwrap();
                        // Dot is the address that stood in front.
                        let line = match *has_address {
                            true if instead.starts_with('.') => {
                                let is_front = |c: &char| c.is_ascii_hexdigit() || *c == '@';
                                let front: String = source.chars().take_while(is_front).collect();
                                format!("{front}{}", &instead[1..])
                            }
                            _ => instead.to_owned(),
                        };
                        if self.tried.insert(line.clone()) {
                            runs(self, &line);
                        }
                    }
                    Err(PlanError::Usage { stage }) => {
                        self.wrong.push(format!("{source} | {sink}: usage of {stage}"));
                    }
                }
            }
        }
    }

    fn new(core: PathBuf) -> Pairs {
        let (context, said) = session(core);
        let (wrong, tried) = (Vec::new(), HashSet::new());
        Pairs { context, said, wrong, tried, working: 0, refused: 0 }
    }

    fn conclude(&self) {
        let (wrong, tried) = (&self.wrong, &self.tried);
        assert!(wrong.is_empty(), "{} of {}: {:#?}", wrong.len(), tried.len(), &wrong[..wrong.len().min(30)]);
        let (working, refused) = (self.working, self.refused);
        assert!(working > 3000 && refused > 3000, "{working} work, {refused} are refused");
    }
}

#[test]
fn every_pair_works_or_is_refused_with_a_line_that_works() {
    let mut pairs = Pairs::new(ShippedCore { scenario: "leak", line: 24 }.path());
    pairs.try_all(&CORE, |pairs, line| {
        let wrong = wrong_with(&pairs.context, &pairs.said, line);
        pairs.wrong.extend(wrong);
    });
    pairs.conclude();
}

/// What a heap snapshot has nothing of says so.
const NOT_THERE: &str = "no process in it";

/// The line that a message proposes.
fn proposed(messages: &str) -> Option<String> {
    let (_, instead) = messages.split_once(" (try '")?;
    Some(instead.split_once("')")?.0.to_owned())
}

#[test]
fn every_pair_on_a_snapshot_works_or_is_refused_with_a_line_that_works() {
    let mut pairs = Pairs::new(testdata().join("snapshots/sessions-24.heapsnapshot.zst"));
    pairs.try_all(&SNAPSHOT, |pairs, line| {
        let (messages, is_wrong) = run(&pairs.context, &pairs.said, line);
        if is_wrong {
            pairs.wrong.push(format!("{line}: {messages}"));
        }
        if !messages.contains(NOT_THERE) {
            return;
        }
        let Some(instead) = proposed(&messages) else {
            pairs.wrong.push(format!("{line}: no way out: {messages}"));
            return;
        };
        if pairs.tried.insert(instead.clone()) {
            let (messages, is_wrong) = run(&pairs.context, &pairs.said, &instead);
            if is_wrong || messages.contains(NOT_THERE) {
                pairs.wrong.push(format!("{line}: {instead}: {messages}"));
            }
        }
    });
    pairs.conclude();
}

/// Commands that ask objects, and what holds them, answer of a snapshot; all that needs a process is refused.
#[test]
fn the_graph_is_all_that_a_snapshot_has() {
    let (context, said) = session(testdata().join("snapshots/sessions-24.heapsnapshot.zst"));
    let answers = |dcmd: &&&'static Dcmd| {
        !dcmd.needs.is_empty() && dcmd.needs.iter().all(|need| context.lacks(*need).is_none())
    };
    let names: Vec<&str> = ALL.iter().filter(answers).map(|dcmd| dcmd.name).collect();
    assert_eq!(names, ANSWERED);
    let walkers =
        WALKERS.iter().filter(|walker| walker.needs.iter().all(|need| context.lacks(*need).is_none()));
    let names: Vec<&str> = walkers.map(|walker| walker.name).collect();
    assert_eq!(names, WALKED);
    // What they are called with works, and nobody says that there is no process.
    for (source, call, _) in sources(&SNAPSHOT) {
        let is_answered = ANSWERED.contains(&call.dcmd.name)
            || call.dcmd.name == "walk"
                && call.args.operand(0).is_some_and(|walker| WALKED.contains(&walker));
        let (messages, is_wrong) = run(&context, &said, &source);
        assert!(!is_wrong, "{source}: {messages}");
        assert!(!(is_answered && messages.contains(NOT_THERE)), "{source}: {messages}");
    }
}

/// Dcmds that work on a heap snapshot, besides those that need nothing.
const ANSWERED: [&str; 20] = [
    "diff",
    "findjsobjects",
    "group",
    "jsarray",
    "jsclosure",
    "jsconstructor",
    "jsdominators",
    "jsfindrefs",
    "jsleaks",
    "jsmap",
    "jsoddities",
    "jspath",
    "jsprint",
    "jsretained",
    "jsstrings",
    "report",
    "snapshotnode",
    "status",
    "sum",
    "where",
];
const WALKED: [&str; 9] = [
    "jsclosure",
    "jscontext",
    "jselement",
    "jsfunction",
    "jsglobal",
    "jsmapentry",
    "jsobject",
    "jsprop",
    "jsstring",
];

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
