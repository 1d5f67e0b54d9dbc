//! Requests of HTTP that have no whole answer yet, of servers and of clients.
//!
//! Node.js keeps no list of them. One of HTTP/1 has an object of a class that extends `OutgoingMessage`, known by what its constructor
//! sets (`lib/_http_outgoing.js`): a server's `ServerResponse` has the request that it answers in `req`, a client's `ClientRequest` has
//! its `agent`, and the answer in `res`. An exchange is over when either is destroyed or closed.
//!
//! One of HTTP/2 is an `Http2Stream` (`lib/internal/http2/core.js`), whose `Symbol(state)` has flags, and which has no session any more
//! when it is over. What a server was asked for is kept only for those who use requests and responses as of HTTP/1, in
//! `Symbol(request)`; what a client has sent in `Symbol(sent-headers)`.

use crate::heap::Heap;
use crate::index::GroupId;
use crate::objects::value::HeapObject;
use crate::questions::Lives;
use crate::{Monitor, Result, Tagged};

use super::{boolean_property, heap_of, object_property};

/// Own properties that every `OutgoingMessage` has.
const OUTGOING: [&str; 5] = ["outputData", "_header", "_headerSent", "finished", "_closed"];
/// Names under which messages have their connection, by the age of Node.js.
const SOCKET: [&str; 2] = ["Symbol(kSocket)", "socket"];
/// Own properties that every `Http2Stream` has.
const STREAM: [&str; 3] = [SESSION, STATE, "Symbol(proxySocket)"];
const SESSION: &str = "Symbol(kSession)";
const STATE: &str = "Symbol(state)";
/// What only a server's stream has from its beginning.
const AUTHORITY: &str = "Symbol(authority)";
/// Flags of a stream (Node.js: `STREAM_FLAGS_CLOSED`, `STREAM_FLAGS_HEADERS_SENT`).
const CLOSED: u32 = 0x2;
const HEADERS_SENT: u32 = 0x4;
/// Names under which a client's request has what it asks for.
const TARGET: [&str; 2] = ["Symbol(kPath)", "path"];
/// Longer texts are cut, in code units.
const LONGEST: usize = 1 << 12;

/// How far an exchange has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HttpState {
    /// Server: nothing of an answer has been given.
    Unanswered,
    /// Server: headers have been sent, and the end has not been said.
    Answering,
    /// Server: all has been said, and waits to be written.
    Answered,
    /// Client: it has no connection yet.
    Queued,
    /// Client: the end of the request has not been said.
    Asking,
    /// Client: nothing of an answer has come.
    Asked,
    /// Client: the answer has begun, and has not been read to its end.
    Reading,
    /// Client, of HTTP/2: there is no whole answer; whether it has begun is not told.
    Incomplete,
}

impl HttpState {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            HttpState::Unanswered => "unanswered",
            HttpState::Answering => "answer begun",
            HttpState::Answered => "answer not written",
            HttpState::Queued => "waits for a connection",
            HttpState::Asking => "request not ended",
            HttpState::Asked => "waits for an answer",
            HttpState::Reading => "answer not read",
            HttpState::Incomplete => "no whole answer",
        }
    }

    /// Whether this process is the one that answers.
    pub const fn is_of_server(self) -> bool {
        matches!(self, HttpState::Unanswered | HttpState::Answering | HttpState::Answered)
    }
}

/// A request that has no whole answer.
#[derive(Clone, Debug)]
pub struct HttpExchange {
    /// A `ServerResponse`, a `ClientRequest`, or an `Http2Stream`.
    pub object: Tagged,
    /// The major version of HTTP.
    pub version: u8,
    /// How far it has come.
    pub state: HttpState,
    /// `GET`
    pub method: Option<String>,
    /// What is asked for, as it is in the first line: `/users/1`.
    pub target: Option<String>,
    /// The host that a client asks.
    pub host: Option<String>,
    /// What came in: a server's request, a client's answer, an `IncomingMessage` or `Http2ServerRequest`.
    pub incoming: Option<Tagged>,
    /// The session of HTTP/2.
    pub session: Option<Tagged>,
    /// The connection.
    pub socket: Option<Tagged>,
    /// The V8 `Heap` of its thread.
    pub heap: u64,
}

impl Heap<'_> {
    /// Requests of HTTP that are under way and alive, those to be answered first, by state and address; where the core does not tell
    /// what is alive, all.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] if the monitor says so; what fails when the heap is indexed or its references are read.
    pub fn http_exchanges(&self, monitor: &dyn Monitor) -> Result<Vec<HttpExchange>> {
        let kinds = self.kinds(monitor)?;
        let table = self.objects(monitor)?;
        let mut groups = Vec::new();
        for (index, group) in kinds.groups().iter().enumerate() {
            let names = self.group_property_names(table, group);
            let has = |wanted: &[&str]| wanted.iter().all(|wanted| names.iter().any(|name| name == wanted));
            if has(&OUTGOING) || has(&STREAM) {
                groups.push(GroupId(index));
            }
        }
        let mut exchanges = Vec::new();
        if groups.is_empty() {
            return Ok(exchanges);
        }
        let lives = if self.lacks_for_census(monitor)?.is_empty() { Lives::Living } else { Lives::All };
        let census = self.census(lives, monitor)?;
        for group in groups {
            self.for_each_counted(&census, group, monitor, |object| {
                exchanges.extend(match object_property(self, object, STATE) {
                    Some(state) => self.http2_exchange(object, state),
                    None => self.http_exchange(object),
                });
                true
            })?;
        }
        exchanges.sort_by_key(|exchange| (exchange.state, exchange.object.0));
        Ok(exchanges)
    }

    /// What an `OutgoingMessage` is about; nothing if that is over.
    fn http_exchange(&self, message: HeapObject<'_>) -> Option<HttpExchange> {
        let is = |name: &str| boolean_property(self, message, name) == Some(true);
        if is("destroyed") || is("_closed") {
            return None;
        }
        let text = |object: HeapObject<'_>, name: &str| self.http_text(object, name);
        let socket = SOCKET.iter().find_map(|name| object_property(self, message, name));
        let has_header =
            || self.data_property(message, "_header").is_some_and(|header| self.is_string(header));
        let exchange = |state, method, target, host, incoming: Option<HeapObject<'_>>| HttpExchange {
            object: message.value(),
            version: 1,
            state,
            method,
            target,
            host,
            incoming: incoming.map(|incoming| incoming.value()),
            session: None,
            socket: socket.map(|socket| socket.value()),
            heap: heap_of(self, message),
        };
        if let Some(request) = object_property(self, message, "req") {
            let state = match (is("finished"), has_header()) {
                (true, _) => HttpState::Answered,
                (false, true) => HttpState::Answering,
                (false, false) => HttpState::Unanswered,
            };
            // Frameworks make `url` relative to where a router is mounted, and keep the whole.
            let target = text(request, "originalUrl").or_else(|| text(request, "url"));
            return Some(exchange(state, text(request, "method"), target, None, Some(request)));
        }
        // Made to be sent, and by nobody else.
        let method = text(message, "method")?;
        self.data_property(message, "agent")?;
        let answer = object_property(self, message, "res");
        let state = match (answer, socket) {
            (Some(_), _) => HttpState::Reading,
            (None, None) => HttpState::Queued,
            (None, Some(_)) if !is("finished") => HttpState::Asking,
            (None, Some(_)) => HttpState::Asked,
        };
        let target = TARGET.iter().find_map(|name| text(message, name));
        Some(exchange(state, Some(method), target, text(message, "host"), answer))
    }

    /// What an `Http2Stream` is about; nothing if that is over.
    fn http2_exchange(&self, stream: HeapObject<'_>, state: HeapObject<'_>) -> Option<HttpExchange> {
        let session = object_property(self, stream, SESSION)?;
        let flags = self.number(self.data_property(state, "flags")?)? as u32;
        if flags & CLOSED != 0 {
            return None;
        }
        let has_ended = boolean_property(self, state, "shutdownWritableCalled") == Some(true);
        let is_of_server = self.data_property(stream, AUTHORITY).is_some();
        let state = match (is_of_server, has_ended) {
            (true, _) if flags & HEADERS_SENT == 0 => HttpState::Unanswered,
            (true, false) => HttpState::Answering,
            (true, true) => HttpState::Answered,
            (false, _) if self.data_property(stream, "Symbol(id)").is_none() => HttpState::Queued,
            (false, false) => HttpState::Asking,
            (false, true) => HttpState::Incomplete,
        };
        let incoming = object_property(self, stream, "Symbol(request)").filter(|_| is_of_server);
        let headers = match is_of_server {
            true => incoming.and_then(|incoming| object_property(self, incoming, "Symbol(headers)")),
            false => object_property(self, stream, "Symbol(sent-headers)"),
        };
        let text = |name: &str| self.http_text(headers?, name);
        Some(HttpExchange {
            object: stream.value(),
            version: 2,
            state,
            method: text(":method"),
            target: incoming
                .and_then(|incoming| self.http_text(incoming, "originalUrl"))
                .or_else(|| text(":path")),
            host: text(":authority").filter(|_| !is_of_server),
            incoming: incoming.map(|incoming| incoming.value()),
            session: Some(session.value()),
            socket: object_property(self, session, "Symbol(socket)").map(|socket| socket.value()),
            heap: heap_of(self, stream),
        })
    }

    fn http_text(&self, object: HeapObject<'_>, name: &str) -> Option<String> {
        let text = self.string(self.data_property(object, name)?, LONGEST).ok()?;
        Some(text.to_text())
    }
}
