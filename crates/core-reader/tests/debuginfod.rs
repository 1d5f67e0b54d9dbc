//! Binaries that servers have: servers made here, on the loopback interface.
#![allow(clippy::unwrap_used)] // a test may panic

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use core_reader::{Core, Debuginfod, Error, OpenOptions, Step, Symbols, Warning};
use tempfile::TempDir;
use test_support::elf_core::{ElfBinary, ElfCore};

const PROGRAM: u64 = 0x40_0000;
const ID: [u8; 20] = [0xab; 20];

fn program(id: &[u8]) -> ElfBinary {
    ElfBinary::new(PROGRAM, id, &[0xcc; 16], &[], &[("entry_point", PROGRAM + 0x1000, 16)])
}

/// A core of [`program`] whose executable is nowhere.
fn core(directory: &TempDir) -> PathBuf {
    let binary = program(&ID);
    let core = ElfCore::new()
        .thread(1, 0, [0; 27])
        .file(PROGRAM, PROGRAM + 0x1000, 0, "/nowhere/program")
        .file(PROGRAM + 0x1000, PROGRAM + 0x2000, 0x1000, "/nowhere/program")
        .dumped("header", PROGRAM, "r--", binary.page(0))
        .build();
    let path = directory.path().join("core");
    std::fs::write(&path, core.bytes).unwrap();
    path
}

/// What a server does with a request for a path.
type Answer = dyn Fn(&str, &mut TcpStream) + Send + Sync;

/// Starts a server; gives its URL and the paths that it has been asked for.
fn server(answer: Box<Answer>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let answer: Arc<Answer> = Arc::from(answer);
    // Ends with the process.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let request = lines.next().unwrap().unwrap();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                let path = request.split(' ').nth(1).unwrap().to_owned();
                seen.lock().unwrap().push(path.clone());
                answer(&path, &mut stream);
            });
        }
    });
    (url, asked)
}

fn send(stream: &mut TcpStream, status: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
}

fn options(core: &Path, servers: &[&str], cache: &Path) -> OpenOptions {
    OpenOptions {
        core: core.to_owned(),
        debuginfod: Some(Debuginfod {
            servers: servers.iter().map(|&server| server.to_owned()).collect(),
            cache: cache.to_owned(),
        }),
        ..OpenOptions::default()
    }
}

#[test]
fn a_binary_is_fetched_once_and_kept_where_clients_keep_it() {
    let directory = tempfile::tempdir().unwrap();
    let core = core(&directory);
    let cache = directory.path().join("cache");
    let (empty, asked_first) = server(Box::new(|_, stream| send(stream, "404 Not Found", b"no")));
    let (full, asked) = server(Box::new(|_, stream| send(stream, "200 OK", &program(&ID).bytes)));
    let id = "ab".repeat(20);
    let full = format!("{full}/");
    for _ in 0..2 {
        let opened = Core::open(&options(&core, &[&empty, &full], &cache)).unwrap();
        let found = opened.modules()[0].file.as_ref().unwrap();
        assert_eq!(found.path, cache.join(&id).join("executable"));
        assert!(opened.symbols().find("entry_point").is_some());
        assert_eq!(opened.warnings(), []);
    }
    let path = format!("/buildid/{id}/executable");
    assert_eq!(asked.lock().unwrap().as_slice(), std::slice::from_ref(&path));
    assert_eq!(*asked_first.lock().unwrap(), [path]);
}

#[test]
fn what_is_not_there_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let core = core(&directory);
    let cache = directory.path().join("cache");
    let (empty, _) = server(Box::new(|_, stream| send(stream, "404 Not Found", b"")));
    let opened = Core::open(&options(&core, &[&empty], &cache)).unwrap();
    assert!(opened.modules()[0].file.is_err());
    assert!(matches!(opened.warnings(), [Warning::MissingExecutable { .. }]), "{:?}", opened.warnings());
    assert!(!cache.exists());
}

#[test]
fn what_servers_do_wrong_is_said_and_the_core_opens() {
    let directory = tempfile::tempdir().unwrap();
    let core = core(&directory);
    let cache = directory.path().join("cache");
    let other = program(&[0xcd; 20]).bytes;
    let answers: [(Box<Answer>, &str); 5] = [
        (Box::new(move |_, stream| send(stream, "200 OK", &other)), "another file"),
        (Box::new(|_, stream| send(stream, "200 OK", b"#!/bin/sh\n")), "another file"),
        (Box::new(|_, stream| send(stream, "500 Internal Server Error", b"")), "500"),
        (
            Box::new(|_, stream| {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nELF").unwrap()
            }),
            "",
        ),
        (
            Box::new(|_, stream| {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n").unwrap();
            }),
            "larger than",
        ),
    ];
    let check = |url: &str, part: &str| {
        let opened = Core::open(&options(&core, &[url], &cache)).unwrap();
        assert!(opened.modules()[0].file.is_err());
        let texts: Vec<String> = opened.warnings().iter().map(ToString::to_string).collect();
        assert!(texts.iter().any(|text| text.contains(url) && text.contains(part)), "{part}: {texts:?}");
        let left = std::fs::read_dir(&cache).map_or(0, |entries| entries.count());
        assert_eq!(left, 0, "{part}");
    };
    for (answer, part) in answers {
        let (url, _) = server(answer);
        check(&url, part);
    }
    // Nobody listens.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    check(&format!("http://127.0.0.1:{port}"), "");
    check("https://debuginfod.example", "debuginfod-find");
    check("file:///etc", "only http://");
}

#[test]
fn a_slow_server_can_be_left() {
    let directory = tempfile::tempdir().unwrap();
    let core = core(&directory);
    let cache = directory.path().join("cache");
    let (url, _) = server(Box::new(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").unwrap();
        // A byte now and then.
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }));
    let mut fetched = 0;
    let stopped = Core::open_with_progress(&options(&core, &[&url], &cache), &mut |progress| {
        assert_eq!(progress.step, Step::Fetching);
        fetched = progress.done;
        if fetched > 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(stopped, Err(Error::Stopped { .. })), "{stopped:?}");
    assert!(fetched < 1000);
}
