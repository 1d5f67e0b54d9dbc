//! The cores that are open, each in a process of its own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::page::Results;
use super::session::{Question, Reply};

/// Cores that are open at once, at most.
const MOST_OPEN: usize = 8;
/// Bytes of an answer that are kept, of which pages are shown.
const MOST_KEPT: usize = 4 << 20;
/// A page.
pub(super) const PAGE: usize = 16 << 10;
pub(super) const LARGEST_PAGE: usize = 64 << 10;
/// How long an answer may take.
pub(super) const SECONDS: u64 = 60;
pub(super) const MOST_SECONDS: u64 = 600;
/// How much longer a process has that was told to stop, until it is ended.
const GRACE: Duration = Duration::from_secs(10);
/// Bytes of what is said when a core is opened.
const TRIAGE: usize = 4 << 10;
/// Bytes of what a process says of its failure.
const MOST_SAID: u64 = 4 << 10;

/// All sessions.
#[derive(Debug)]
pub(super) struct Sessions {
    open: Mutex<BTreeMap<String, Arc<Mutex<Session>>>>,
    /// Names and cores of those that nobody asked any more.
    released: Mutex<BTreeMap<String, String>>,
    next: Mutex<u64>,
    /// Seconds without a question after which a session ends.
    idle: Duration,
}

#[derive(Debug)]
struct Session {
    core: String,
    process: Process,
    last: Option<Results>,
    questions: u64,
    used: Instant,
}

#[derive(Debug)]
struct Process {
    child: Child,
    input: ChildStdin,
    replies: Receiver<String>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It is ours, and has nothing to save.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sessions {
    pub(super) fn new(idle: Duration) -> Sessions {
        Sessions { open: Mutex::default(), released: Mutex::default(), next: Mutex::new(1), idle }
    }

    /// Opens a core, beside an older one if that is named: gives the name of the session, and what is wrong with the process.
    ///
    /// # Errors
    /// It cannot be opened, and why.
    pub(super) fn open(&self, core: &str, base: Option<&str>, values: bool) -> Result<Value, String> {
        self.release_idle();
        if [Some(core), base].contains(&Some("-")) {
            return Err("standard input is no core here: name a file".to_owned());
        }
        if locked(&self.open).len() >= MOST_OPEN {
            return Err(format!("{MOST_OPEN} cores are open: close one first. {}", self.listed()));
        }
        let mut process = Process::start(Path::new(core), base.map(Path::new))?;
        let line = if values { "::report -v" } else { "::report" };
        let question =
            Question { line: line.to_owned(), bytes: MOST_KEPT, seconds: MOST_SECONDS, as_rows: false };
        let reply = process.ask(&question)?;
        if reply.text.is_empty() {
            return Err(format!("no report could be made: {}", reply.messages.join("; ")));
        }
        let name = {
            let mut next = locked(&self.next);
            let name = format!("s{next}");
            *next += 1;
            name
        };
        let session =
            Session { core: core.to_owned(), process, last: None, questions: 0, used: Instant::now() };
        locked(&self.open).insert(name.clone(), Arc::new(Mutex::new(session)));
        let (shown, left) = first_lines(&reply.text, TRIAGE - 700);
        let mut answer = json!({ "session": name, "triage": shown });
        if left > 0 {
            answer["leftOut"] = json!(format!("{left} lines: run ::report shows all"));
        }
        Ok(answer)
    }

    /// Runs a line, or shows the next page of what the last one has printed.
    ///
    /// # Errors
    /// There is no such session, the line failed, or it printed nothing.
    pub(super) fn run(&self, name: &str, run: &Run<'_>) -> Result<Value, String> {
        self.release_idle();
        let session = locked(&self.open).get(name).cloned();
        let Some(session) = session else {
            return Err(match locked(&self.released).get(name) {
                Some(core) => {
                    format!("session {name} was released as nobody asked it anything: open {core} again")
                }
                None => format!("there is no session {name}. {}", self.listed()),
            });
        };
        let mut session = locked(&session);
        session.used = Instant::now();
        let answered = session.run(run);
        session.used = Instant::now();
        if matches!(answered, Err(Failure::Gone(_))) {
            locked(&self.open).remove(name);
        }
        answered.map_err(|failure| match failure {
            Failure::Said(reason) | Failure::Gone(reason) => reason,
        })
    }

    /// Closes a session.
    ///
    /// # Errors
    /// There is none of that name.
    pub(super) fn close(&self, name: &str) -> Result<Value, String> {
        match locked(&self.open).remove(name) {
            Some(session) => Ok(json!({ "closed": name, "core": locked(&session).core })),
            None => Err(format!("there is no session {name}. {}", self.listed())),
        }
    }

    /// Ends the sessions that nobody has asked anything for long.
    pub(super) fn release_idle(&self) {
        let mut open = locked(&self.open);
        let is_idle = |session: &Arc<Mutex<Session>>| {
            // One that is at work is in use.
            session.try_lock().is_ok_and(|session| session.used.elapsed() >= self.idle)
        };
        let idle: Vec<String> =
            open.iter().filter(|(_, session)| is_idle(session)).map(|(name, _)| name.clone()).collect();
        for name in idle {
            if let Some(session) = open.remove(&name) {
                let core = locked(&session).core.clone();
                locked(&self.released).insert(name, core);
            }
        }
    }

    fn listed(&self) -> String {
        let open = locked(&self.open);
        match open.is_empty() {
            true => "No core is open: call open".to_owned(),
            false => format!("Open are: {}", open.keys().cloned().collect::<Vec<_>>().join(", ")),
        }
    }
}

/// What `run` is asked for.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) line: &'a str,
    pub(super) cursor: Option<&'a str>,
    pub(super) bytes: usize,
    pub(super) seconds: u64,
}

enum Failure {
    /// Why; the session goes on.
    Said(String),
    /// Why; the session is gone.
    Gone(String),
}

impl Session {
    fn run(&mut self, run: &Run<'_>) -> Result<Value, Failure> {
        let bytes = run.bytes.clamp(1 << 10, LARGEST_PAGE);
        if let Some(cursor) = run.cursor {
            let parsed = cursor
                .split_once(':')
                .and_then(|(number, from)| Some((number.parse::<u64>().ok()?, from.parse::<usize>().ok()?)));
            return match (parsed, &self.last) {
                (Some((number, from)), Some(last)) if last.number == number => Ok(last.page(from, bytes)),
                _ => Err(Failure::Said(
                    "this cursor is of results that are gone: only the last question has one. Run it again"
                        .to_owned(),
                )),
            };
        }
        if run.line.trim().is_empty() {
            return Err(Failure::Said("there is no line to run; help lists the commands".to_owned()));
        }
        let seconds = run.seconds.clamp(1, MOST_SECONDS);
        let question = Question { line: run.line.to_owned(), bytes: MOST_KEPT, seconds, as_rows: true };
        let reply = self.process.ask(&question).map_err(Failure::Gone)?;
        if reply.stopped {
            return Err(Failure::Said(format!(
                "{} took longer than {seconds} s and was stopped; more seconds can be given, up to {MOST_SECONDS}",
                reply.line
            )));
        }
        let (well, messages) = (reply.well, reply.messages.join("; "));
        self.questions += 1;
        let results = Results::of(self.questions, reply);
        if results.is_empty() {
            return Err(Failure::Said(match messages.is_empty() {
                true => format!("{} printed nothing: there is nothing of what it asks for", run.line),
                false => messages,
            }));
        }
        let mut page = results.page(0, bytes);
        if !well {
            page["failed"] = json!(true);
        }
        self.last = Some(results);
        Ok(page)
    }
}

impl Process {
    fn start(core: &Path, base: Option<&Path>) -> Result<Process, String> {
        let own = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
        let mut command = Command::new(own);
        command.arg(super::server::SESSION);
        if let Some(base) = base {
            command.arg("--base").arg(base);
        }
        // Behind `--`: no name is taken for an option.
        command.arg("--").arg(core);
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|error| format!("cannot start a session: {error}"))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("cannot talk to a session".to_owned());
        };
        let (sender, replies) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Process { child, input, replies })
    }

    /// Asks the process.
    ///
    /// # Errors
    /// It is gone, or had to be ended.
    fn ask(&mut self, question: &Question) -> Result<Reply, String> {
        let line = serde_json::to_string(question).map_err(|error| error.to_string())?;
        let written = writeln!(self.input, "{line}").and_then(|()| self.input.flush());
        if written.is_err() {
            return Err(self.last_words());
        }
        match self.replies.recv_timeout(Duration::from_secs(question.seconds) + GRACE) {
            Ok(reply) => serde_json::from_str(&reply).map_err(|error| format!("no answer: {error}")),
            Err(RecvTimeoutError::Disconnected) => Err(self.last_words()),
            Err(RecvTimeoutError::Timeout) => {
                let _ = self.child.kill();
                Err(format!("{} did not stop, and the session was ended: open the core again", question.line))
            }
        }
    }

    /// What a process said before it ended.
    fn last_words(&mut self) -> String {
        let mut said = String::new();
        let _ = self.child.kill();
        if let Some(output) = self.child.stderr.take() {
            let mut bytes = Vec::new();
            let _ = output.take(MOST_SAID).read_to_end(&mut bytes);
            said = String::from_utf8_lossy(&bytes).trim().to_owned();
        }
        if said.is_empty() { "the session has ended, and did not say why".to_owned() } else { said }
    }
}

/// The first lines of a text, up to so many bytes, and how many lines are left out.
fn first_lines(text: &str, bytes: usize) -> (String, usize) {
    let mut shown = String::new();
    let mut lines = text.lines();
    for line in lines.by_ref() {
        if shown.len() + line.len() + 1 > bytes {
            return (shown, lines.count() + 1);
        }
        shown.push_str(line);
        shown.push('\n');
    }
    (shown, 0)
}
