//! The server for assistants, spoken to as the protocol has it: one message of JSON-RPC a line.
#![cfg(feature = "mcp")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

struct Server {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    next: u64,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends with its input.
        self.input = None;
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(options: &[&str]) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_v8mdb"))
            .arg("mcp")
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut server = Server { child, input, output, next: 0 };
        let hello = server.ask(
            "initialize",
            json!({
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": { "name": "test", "version": "0" },
            }),
        );
        assert_eq!(hello["serverInfo"]["name"], "v8mdb");
        server.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        server
    }

    fn send(&mut self, message: &Value) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{message}").unwrap();
        input.flush().unwrap();
    }

    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": parameters }));
        let mut line = String::new();
        assert!(self.output.read_line(&mut line).unwrap() > 0, "the server is gone");
        let mut reply: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(reply["id"], id, "{line}");
        reply["result"].take()
    }

    /// The answer of a tool, or the text of its refusal.
    fn call(&mut self, tool: &str, arguments: Value) -> Result<Value, String> {
        let result = self.ask("tools/call", json!({ "name": tool, "arguments": arguments }));
        let text = result["content"][0]["text"].as_str().unwrap_or_default().to_owned();
        assert!(!text.is_empty(), "nothing is ever an empty answer: {result}");
        match result["isError"] == true {
            true => Err(text),
            false => Ok(serde_json::from_str(&text).unwrap()),
        }
    }

    fn open(&mut self, core: &str, base: Option<&str>) -> Value {
        let file = |name| format!("{}/../../testdata/cores/{name}.core.zst", env!("CARGO_MANIFEST_DIR"));
        let mut arguments = json!({ "core": file(core) });
        if let Some(base) = base {
            arguments["base"] = json!(file(base));
        }
        self.call("open", arguments).unwrap()
    }
}

#[test]
fn an_assistant_finds_the_leak() {
    let mut server = Server::start(&[]);
    let tools = server.ask("tools/list", json!({}));
    let names: Vec<&str> =
        tools["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["open", "run", "help", "close"]);

    let opened = server.open("leak-24", None);
    assert!(opened.to_string().len() <= 4096, "{} bytes", opened.to_string().len());
    let triage = opened["triage"].as_str().unwrap();
    assert!(
        triage.starts_with("verdict: leak of 800 UpstreamConnection held by Gateway.bySession"),
        "{triage}"
    );
    let session = opened["session"].as_str().unwrap().to_owned();

    // Rows are JSON where the command has such.
    let leaks = server.call("run", json!({ "session": session, "line": "::jsleaks -n 1" })).unwrap();
    assert_eq!(leaks["rows"][0]["count"], 800, "{leaks}");
    // Others are lines.
    let line = format!("{}::jspath", leaks["rows"][0]["largest"].as_str().unwrap());
    let path = server.call("run", json!({ "session": session, "line": line })).unwrap();
    assert!(path.to_string().contains("bySession"), "{path}");

    // All rows come, page by page, and each page says what it leaves out.
    let all = server
        .call("run", json!({ "session": session, "line": "::findjsobjects -c Chunk | ::findjsobjects | ::jsprint sequence", "bytes": 2048 }))
        .unwrap();
    let mut seen = all["rows"].as_array().unwrap().len() as u64;
    let total = seen + all["leftOut"].as_u64().unwrap();
    assert_eq!(total, 2400, "as many as testdata/scenarios/leak.js makes");
    let next =
        server.call("run", json!({ "session": session, "cursor": all["cursor"], "bytes": 65536 })).unwrap();
    seen += next["rows"].as_array().unwrap().len() as u64;
    assert_eq!(seen + next["leftOut"].as_u64().unwrap_or(0), total);

    server.call("close", json!({ "session": session })).unwrap();
    let gone = server.call("run", json!({ "session": session, "line": "::jsleaks" })).unwrap_err();
    assert!(gone.contains("there is no session"), "{gone}");
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_an_empty_success() {
    let mut server = Server::start(&[]);
    let refused = server.call("open", json!({ "core": "/nonexistent/core" })).unwrap_err();
    assert!(refused.contains("No such file"), "{refused}");
    assert!(server.call("open", json!({})).unwrap_err().contains("core"));
    let session = server.open("leak-24", None)["session"].as_str().unwrap().to_owned();
    let mut run = |line: &str| server.call("run", json!({ "session": session, "line": line }));
    // A class that is not there: the one that was meant is named.
    let wrong = run("::findjsobjects -c UpstreamConection").unwrap_err();
    assert!(wrong.contains("UpstreamConnection"), "{wrong}");
    let wrong = run("::jsleeks").unwrap_err();
    assert!(wrong.contains("jsleaks"), "{wrong}");
    assert!(run("").unwrap_err().contains("no line"));
    // Nothing is written, read or started.
    for line in
        ["::heapsnapshot /tmp/x.heapsnapshot", "::jsleaks ! cat", "::report -o /tmp/x.html", "$< /etc/passwd"]
    {
        let refused = run(line).unwrap_err();
        assert!(refused.contains("restricted"), "{line}: {refused}");
    }
    let help = server.call("help", json!({})).unwrap();
    assert!(help["commands"]["::jsleaks"].is_string());
    let manual = server.call("help", json!({ "topic": "jsleaks" })).unwrap();
    assert!(manual["manual"].as_str().unwrap().contains("suspect"), "{manual}");
    assert!(server.call("help", json!({ "topic": "jsleeks" })).unwrap_err().contains("jsleaks"));
}

#[test]
fn a_heap_snapshot_opens_as_a_core_does() {
    let mut server = Server::start(&[]);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/snapshots/sessions-24.heapsnapshot.zst");
    let opened = server.call("open", json!({ "core": file })).unwrap();
    let triage = opened["triage"].as_str().unwrap();
    assert!(triage.starts_with("verdict: ") && triage.contains("no process in it"), "{triage}");
    let line = "::findjsobjects -c Session | ::where 'client.name == client.name' | ::head -2 | ::jsprint client.name";
    let session = opened["session"].as_str().unwrap().to_owned();
    let mut run = |line: &str| server.call("run", json!({ "session": session, "line": line }));
    assert_eq!(run(line).unwrap()["rows"].as_array().unwrap().len(), 2);
    let refused = run("::jsstack").unwrap_err();
    assert!(refused.contains("(try '::status')"), "{refused}");
    // 300, as testdata/snapshots/sessions.js makes.
    assert_eq!(run("::findjsobjects -c Session -j").unwrap()["rows"][0]["count"], 300);
}

#[test]
fn several_cores_are_open_at_once_and_idle_ones_are_released() {
    let mut server = Server::start(&["--idle", "1"]);
    let grown = server.open("growth-24", Some("growth-24.stage1"));
    assert!(grown["triage"].as_str().unwrap().contains("global.broker.archives"), "{grown}");
    let first = grown["session"].as_str().unwrap().to_owned();
    std::thread::sleep(std::time::Duration::from_millis(1200));
    let second = server.open("uncaught-24", None)["session"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    let released = server.call("run", json!({ "session": first, "line": "::jsleaks" })).unwrap_err();
    assert!(released.contains("released") && released.contains("growth-24"), "{released}");
}
