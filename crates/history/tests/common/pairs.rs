//! Two devices of one user, and the connection between them.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use ferry_history::{
    History, HistoryError, Record,
    backup::{Progress, Watch},
    sync::{
        Side, Synced,
        noise::{self, Code, Trust},
        sync,
    },
};

use super::{Home, Writer, take_all};

/// The longest that one side waits for the other. Past it the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// After all that the tests write.
pub const NOW: i64 = 1_900_000_000_000;

/// Two devices of one user.
pub fn two() -> (Home, Home) {
    let one = Home::new();
    let other = Home { directory: tempfile::tempdir().unwrap(), owner: one.owner.clone() };
    (one, other)
}

/// Returns the two ends of a connection.
pub fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (other, _) = listener.accept().unwrap();
    for end in [&one, &other] {
        end.set_read_timeout(Some(PATIENCE)).unwrap();
        end.set_nodelay(true).unwrap();
    }
    (one, other)
}

/// A stream that breaks after some bytes were written or read.
pub struct Fragile {
    pub stream: TcpStream,
    pub left: usize,
}

impl Fragile {
    fn spend(&mut self, bytes: usize) -> io::Result<()> {
        self.left = self.left.saturating_sub(bytes);
        match self.left {
            0 => {
                let _ = self.stream.shutdown(std::net::Shutdown::Both);
                Err(io::ErrorKind::ConnectionReset.into())
            }
            _ => Ok(()),
        }
    }
}

impl Read for Fragile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.spend(read).map(|()| read)
    }
}

impl Write for Fragile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.spend(bytes.len())?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Makes two histories equal over an encrypted connection, which breaks after `left` bytes.
pub fn synced(
    one: &mut History,
    other: &mut History,
    left: usize,
) -> (Result<Synced, HistoryError>, Result<Synced, HistoryError>) {
    watched(one, other, left, &mut |_| true, &mut |_| true)
}

/// As [`synced`], and tells how far both are.
pub fn watched(
    one: &mut History,
    other: &mut History,
    left: usize,
    leads: &mut Watch<'_>,
    answered: &mut (impl FnMut(Progress) -> bool + Send),
) -> (Result<Synced, HistoryError>, Result<Synced, HistoryError>) {
    let (near, far) = connection();
    let code = Code::generate();
    let keys = (one.link_key(1).unwrap(), other.link_key(1).unwrap());
    std::thread::scope(|scope| {
        let code = &code;
        let answers = scope.spawn(move || {
            let trust = Trust { key: &keys.1, code: Some(code), known: &[] };
            let (mut pipe, _) = noise::answer(far, &trust)?;
            sync(other, &mut pipe, Side::Answers, "answers", NOW, answered)
        });
        let trust = Trust { key: &keys.0, code: Some(code), known: &[] };
        let led = noise::lead(Fragile { stream: near, left }, &trust)
            .and_then(|(mut pipe, _)| sync(one, &mut pipe, Side::Leads, "leads", NOW, leads));
        (led, answers.join().unwrap())
    })
}

pub fn sync_whole(one: &mut History, other: &mut History) -> (Synced, Synced) {
    let (led, answered) = synced(one, other, usize::MAX);
    let (led, answered) = (led.unwrap(), answered.unwrap());
    assert!(led.is_equal);
    assert_eq!(one.digest().unwrap(), other.digest().unwrap());
    (led, answered)
}

pub fn fill(history: &mut History, writer: &mut Writer, count: usize) -> Vec<Record> {
    let records: Vec<Record> = (0..count).map(|n| writer.says(&format!("message {n}"))).collect();
    take_all(history, &records.iter().collect::<Vec<_>>());
    records
}
