//! Fetches binaries by their build-ids from debuginfod servers, for who names some.
//!
//! Source: debuginfod(8), "WEBAPI": `GET /buildid/BUILDID/executable` gives the file, or 404. What comes is kept where the
//! clients of elfutils keep it, as `BUILDID/executable` (debuginfod_find_executable(3), "CACHE"), so that what one of them has
//! fetched is found without asking again. Only plain HTTP is spoken; `debuginfod-find executable BUILDID` fetches from other
//! servers.
//!
//! A server that does not answer is not asked again. What it sends must be the binary that was asked for: its build-id is
//! compared before it gets its name.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use tempfile::{Builder, NamedTempFile};

use crate::binary::Binary;
use crate::build_id::BuildId;
use crate::container::{OnProgress, Progress, Step};

/// How long a server may take to accept a connection, and between any two parts of its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take in all.
const LONGEST: Duration = Duration::from_secs(600);
/// No binary is larger. Node.js takes some 120 MB.
const LARGEST: u64 = 2 << 30;
/// How often is looked whether to stop.
const LOOK: Duration = Duration::from_millis(50);

/// Where to ask for binaries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debuginfod {
    /// The servers, as `DEBUGINFOD_URLS` names them, in the order in which they are asked.
    pub servers: Vec<String>,
    /// The directory that keeps what was fetched.
    pub cache: PathBuf,
}

impl Debuginfod {
    /// The servers that `urls` (`DEBUGINFOD_URLS`) names between spaces, if there are any, and the cache that clients use for
    /// the user whose variables `variable` gives: `DEBUGINFOD_CACHE_PATH`, or below `XDG_CACHE_HOME` or `HOME`.
    pub fn of_environment(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Option<Debuginfod> {
        let urls = variable("DEBUGINFOD_URLS")?;
        let servers: Vec<String> = urls.to_string_lossy().split_whitespace().map(str::to_owned).collect();
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let cache = set("DEBUGINFOD_CACHE_PATH").or_else(|| {
            let base = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
            Some(base.join("debuginfod_client"))
        })?;
        (!servers.is_empty()).then_some(Debuginfod { servers, cache })
    }
}

/// The user asked to stop.
#[derive(Debug)]
pub(crate) struct Stopped;

/// The servers during one opening of a core.
#[derive(Debug)]
pub(crate) struct Client<'o> {
    options: &'o Debuginfod,
    /// What went wrong with a server, which is not asked again.
    pub problems: Vec<(String, String)>,
}

impl<'o> Client<'o> {
    pub fn new(options: &'o Debuginfod) -> Client<'o> {
        Client { options, problems: Vec::new() }
    }

    /// The binary with this build-id, as a file, if the cache or a server has it.
    pub fn executable(
        &mut self,
        id: &BuildId,
        on_progress: OnProgress<'_>,
    ) -> Result<Option<Binary>, Stopped> {
        let directory = self.options.cache.join(id.to_string());
        let kept = directory.join("executable");
        let right =
            |path: &Path| Binary::open(path).ok().filter(|binary| binary.build_id.as_ref() == Some(id));
        if let Some(binary) = right(&kept) {
            return Ok(Some(binary));
        }
        for server in &self.options.servers {
            if self.problems.iter().any(|(failed, _)| failed == server) {
                continue;
            }
            let fetched = fetch(server, id, &directory, on_progress).and_then(|temporary| {
                if let Some(temporary) = &temporary
                    && right(temporary.path()).is_none()
                {
                    return Err(Failure::Server(format!("what it sent for {id} is another file")));
                }
                Ok(temporary)
            });
            match fetched {
                Ok(None) => {}
                Ok(Some(temporary)) => match temporary.persist(&kept) {
                    Ok(_) => return Ok(right(&kept)),
                    Err(error) => {
                        self.problems.push((server.clone(), format!("{}: {error}", kept.display())))
                    }
                },
                Err(Failure::Stopped) => return Err(Stopped),
                Err(Failure::Server(problem)) => self.problems.push((server.clone(), problem)),
            }
        }
        // If nothing came, nothing is left.
        let _ = fs::remove_dir(&directory);
        Ok(None)
    }
}

enum Failure {
    Server(String),
    Stopped,
}

/// Downloads from one server into a file in `directory`; `None` if it does not have it.
fn fetch(
    server: &str,
    id: &BuildId,
    directory: &Path,
    on_progress: OnProgress<'_>,
) -> Result<Option<NamedTempFile>, Failure> {
    if !server.starts_with("http://") {
        return Err(Failure::Server(format!(
            "only http:// is spoken here; `debuginfod-find executable {id}` fetches the file to where it is found"
        )));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let (done, total) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (sender, receiver) = channel();
    // On a thread of its own, as nothing else ends a wait for a server. It ends by itself, in time, and takes its file along.
    let work = {
        let url = format!("{}/buildid/{id}/executable", server.trim_end_matches('/'));
        let directory = directory.to_owned();
        let (stop, done, total) = (Arc::clone(&stop), Arc::clone(&done), Arc::clone(&total));
        move || {
            let _ = sender.send(download(&url, &directory, &stop, &done, &total));
        }
    };
    std::thread::Builder::new().spawn(work).map_err(|error| Failure::Server(error.to_string()))?;
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(result) => return result.map_err(Failure::Server),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::Server("the download failed".to_owned()));
            }
            Err(RecvTimeoutError::Timeout) => {
                let (done, total) = (done.load(Ordering::Relaxed), total.load(Ordering::Relaxed));
                if on_progress(Progress { step: Step::Fetching, done, total }).is_break() {
                    stop.store(true, Ordering::Relaxed);
                    return Err(Failure::Stopped);
                }
            }
        }
    }
}

fn download(
    url: &str,
    directory: &Path,
    stop: &AtomicBool,
    done: &AtomicU64,
    total: &AtomicU64,
) -> Result<Option<NamedTempFile>, String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(LONGEST))
        .timeout_resolve(Some(PATIENCE))
        .timeout_connect(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .timeout_per_write(Some(PATIENCE))
        .user_agent("v8mdb")
        .build()
        .into();
    let response = match agent.get(url).call() {
        Ok(response) => response,
        Err(ureq::Error::StatusCode(404)) => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let too_large = || format!("the file is larger than {LARGEST} bytes");
    let mut body = response.into_body();
    if let Some(length) = body.content_length() {
        if length > LARGEST {
            return Err(too_large());
        }
        total.store(length, Ordering::Relaxed);
    }
    let local = |error: std::io::Error| format!("{}: {error}", directory.display());
    fs::create_dir_all(directory).map_err(local)?;
    let mut file = Builder::new().prefix(".v8mdb-").tempfile_in(directory).map_err(local)?;
    let mut reader = body.as_reader();
    let mut buffer = vec![0; 1 << 16];
    let mut received = 0;
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err("stopped".to_owned());
        }
        let count = reader.read(&mut buffer).map_err(|error| error.to_string())?;
        if count == 0 {
            return Ok(Some(file));
        }
        received += count as u64;
        if received > LARGEST {
            return Err(too_large());
        }
        file.write_all(&buffer[..count]).map_err(local)?;
        done.store(received, Ordering::Relaxed);
    }
}
