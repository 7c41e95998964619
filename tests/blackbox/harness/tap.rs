//! A tap between the client library and a relay. It forwards connections, and checks every answer
//! and frame on them against the documents of the interface.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::interface::{Direction, Exchange, faults_of_frame};

/// A running tap. Dropping it ends it, with all of its connections.
pub struct Tap {
    pub address: String,
    faults: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Tap {
    pub fn on(relay: &str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let faults = Arc::new(Mutex::new(Vec::new()));
        let task =
            tokio::spawn(accept(TcpListener::from_std(listener).unwrap(), relay.to_owned(), Arc::clone(&faults)));
        Self { address, faults, task }
    }

    /// Everything that differed from the documents.
    pub fn faults(&self) -> Vec<String> {
        self.faults.lock().map(|faults| faults.clone()).unwrap_or_default()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, relay: String, faults: Arc<Mutex<Vec<String>>>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((near, _)) = listener.accept().await else { return };
        let (relay, faults) = (relay.clone(), Arc::clone(&faults));
        connections.spawn(async move {
            // A relay that refuses the connection counts as one that closes it.
            let Ok(far) = TcpStream::connect(relay).await else { return };
            let _ = (near.set_nodelay(true), far.set_nodelay(true));
            let listener = Mutex::new(Listener { faults, ..Listener::default() });
            let ((from_device, to_device), (from_relay, to_relay)) = (near.into_split(), far.into_split());
            // A close of either end is passed on. The other direction goes on until its own close.
            let _ = tokio::join!(
                forward(from_device, to_relay, Direction::FromDevice, &listener),
                forward(from_relay, to_device, Direction::FromRelay, &listener),
            );
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn forward(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    direction: Direction,
    listener: &Mutex<Listener>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let length = from.read(&mut buffer).await.unwrap_or(0);
        if length == 0 {
            return to.shutdown().await;
        }
        listener.lock().unwrap().hear(direction, &buffer[..length]);
        to.write_all(&buffer[..length]).await?;
    }
}

/// The bytes of one connection that are not parsed yet.
#[derive(Default)]
struct Listener {
    from_device: Vec<u8>,
    from_relay: Vec<u8>,
    /// The method and target of requests that have no answer yet.
    asked: VecDeque<(String, String)>,
    is_socket: bool,
    faults: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    fn hear(&mut self, direction: Direction, bytes: &[u8]) {
        match direction {
            Direction::FromDevice => self.from_device.extend_from_slice(bytes),
            Direction::FromRelay => self.from_relay.extend_from_slice(bytes),
        }
        let mut faults = Vec::new();
        while let Some(found) = self.next(direction) {
            faults.extend(found);
        }
        self.faults.lock().unwrap().extend(faults);
    }

    /// Returns the faults of the next request, answer or frame, or `None` if it has not come in
    /// full.
    fn next(&mut self, direction: Direction) -> Option<Vec<String>> {
        if self.is_socket {
            let bytes = if direction == Direction::FromDevice { &mut self.from_device } else { &mut self.from_relay };
            let text = take_frame(bytes)?;
            return Some(text.map_or_else(Vec::new, |text| match serde_json::from_slice::<Value>(&text) {
                Ok(frame) => faults_of_frame(direction, &frame),
                Err(error) => vec![format!("{direction:?}: no JSON: {error}")],
            }));
        }
        match direction {
            Direction::FromDevice => {
                let (head, _) = take_message(&mut self.from_device)?;
                let mut words = head.split(' ').map(str::to_owned);
                self.asked.push_back((words.next()?, words.next()?));
                Some(Vec::new())
            }
            Direction::FromRelay => {
                let (head, body) = take_message(&mut self.from_relay)?;
                let (method, target) = self.asked.pop_front()?;
                let status = head.split(' ').nth(1)?.parse().ok()?;
                self.is_socket = status == 101;
                let body = String::from_utf8_lossy(&body);
                let (media_type, allow) = (header(&head, "content-type"), header(&head, "allow"));
                let (method, target, body) = (method.as_str(), target.as_str(), body.as_ref());
                Some(Exchange { method, target, status, media_type, allow, body }.faults())
            }
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Returns the whole of a chunked body, and how many bytes it took. Returns `None` if it has not
/// come in full.
pub fn unchunked(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let line = bytes.get(at..)?.windows(2).position(|window| window == b"\r\n")? + at;
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[at..line]).ok()?, 16).ok()?;
        let end = line + 2 + size;
        body.extend_from_slice(bytes.get(line + 2..end)?);
        bytes.get(end..end + 2)?;
        at = end + 2;
        if size == 0 {
            return Some((body, at));
        }
    }
}

/// A request or an answer with a `Content-Length`, or a chunked answer. All requests of the client
/// library have a length.
fn take_message(bytes: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    if header(&head, "transfer-encoding") == Some("chunked") {
        let (body, length) = unchunked(&bytes[end..])?;
        bytes.drain(..end + length);
        return Some((head, body));
    }
    let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    if bytes.len() < end + length {
        return None;
    }
    let body = bytes[end..end + length].to_vec();
    bytes.drain(..end + length);
    Some((head, body))
}

/// A WebSocket frame that is not fragmented, with its payload if it is text.
fn take_frame(bytes: &mut Vec<u8>) -> Option<Option<Vec<u8>>> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let number = |range: std::ops::Range<usize>| {
        Some(bytes.get(range)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    };
    let (length, mut at) = match second & 0x7f {
        126 => (number(2..4)?, 4),
        127 => (number(2..10)?, 10),
        short => (usize::from(short), 2),
    };
    let mask = if second & 0x80 == 0 { [0; 4] } else { bytes.get(at..at + 4)?.try_into().unwrap() };
    at += if second & 0x80 == 0 { 0 } else { 4 };
    let payload = bytes.get(at..at + length)?;
    let text = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    let is_text = first & 0x0f == 1;
    assert!(!is_text || first & 0x80 != 0, "a text frame in several pieces");
    bytes.drain(..at + length);
    Some(is_text.then_some(text))
}
