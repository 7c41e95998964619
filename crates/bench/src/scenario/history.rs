//! The history of one device: how fast it takes in what comes, how much room it needs, and how fast
//! it finds something. Nothing else runs.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use anyhow::Context;
use ferry_history::{
    History, Origin, Owner, Record,
    backup::{Backup, Key, Lock, Plan, RecoveryKey},
    sync::{
        Side,
        noise::{self, Code, Trust},
        sync,
    },
};
use ferry_protocol::{Body, DeviceId, KIND_DELETE, Message, MessageId, Role, RoomId, Sender, Stream, Target, UserId};
use ferry_testkit::Scratch;
use hdrhistogram::Histogram;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    options::Options,
    report::{Report, Row},
};

/// How many records a restore stores in one transaction.
const RESTORED: usize = 2_000;
/// The windows of a relay whose deliveries are stored in one transaction each, and how many of
/// them there are at most: each kind is a quarter of a small history.
const WINDOWS: [(usize, usize); 2] = [(64, 200), (1_024, 40)];
/// How often each question is asked.
const QUESTIONS: usize = 200;
/// How many hits and messages are on a screen.
const SCREEN: usize = 50;
/// Words that people use. The first ones are used most.
const VOCABULARY: usize = 20_000;
const ROOMS: usize = 100;
const PEOPLE: usize = 50;
/// The time between two messages, in milliseconds: a million of them are about two years.
const APART: i64 = 60_000;

/// Fills a history and asks it.
///
/// # Errors
/// Fails if the disk does.
pub async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let messages = options.history_messages();
    let case = format!("{messages} messages");
    eprintln!("history: {case}");
    let row = Row::of("history", &case, "ferry history");
    let measured = tokio::task::spawn_blocking(move || measure(messages, row)).await?;
    report.rows.push(measured?);
    Ok(())
}

fn measure(messages: usize, mut row: Row) -> anyhow::Result<Row> {
    // On a disk, because each transaction waits for it.
    let scratch = Scratch::on_disk()?;
    let path = scratch.path("bench.history");
    let owner = Owner { server: "http://127.0.0.1:8080".to_owned(), user: UserId::new() };
    let mut history = History::open(&path, &owner)?;
    let mut writer = Writer::new();
    let windows = WINDOWS.map(|(window, most)| (window, (messages / 4 / window).clamp(1, most)));
    let live: usize = windows.iter().map(|(window, batches)| window * batches).sum();

    let begin = Instant::now();
    let mut left = messages.saturating_sub(live);
    while left > 0 {
        let batch = writer.batch(left.min(RESTORED));
        left -= batch.len();
        take_in(&mut history, &batch, Origin::Restored)?;
    }
    row.figure("bulk/s", messages.saturating_sub(live) as f64 / begin.elapsed().as_secs_f64());
    for (window, batches) in windows {
        // The writer's own work does not count.
        let batches: Vec<Vec<Record>> = (0..batches).map(|_| writer.batch(window)).collect();
        let begin = Instant::now();
        for batch in &batches {
            take_in(&mut history, batch, Origin::Live)?;
        }
        let rate = (window * batches.len()) as f64 / begin.elapsed().as_secs_f64();
        row.figure(format!("live/s, {window} each"), rate);
    }
    let status = history.status()?;
    row.figure("bytes/message", status.bytes as f64 / status.messages as f64);
    row.figure("JSON bytes", writer.bytes as f64 / status.messages as f64);
    drop(history);

    let begin = Instant::now();
    let mut history = History::open(&path, &owner)?;
    let rooms = history.rooms()?;
    row.figure("start ms", milliseconds(begin.elapsed()));
    let words: Vec<String> = (0..QUESTIONS).map(|_| writer.word()).collect();
    let search = times(&words, |word| {
        let query = history.query(word)?;
        history.search(&query, None, SCREEN).map(|hits| hits.len())
    })?;
    row.figure("search p50 ms", percentile(&search, 50.0));
    row.figure("search p95 ms", percentile(&search, 95.0));
    let count = times(&words, |word| {
        let query = history.query(word)?;
        history.count(&query)
    })?;
    row.figure("count p95 ms", percentile(&count, 95.0));
    let page = times(&rooms, |room| history.page(room.room, None, SCREEN).map(|page| page.messages.len()))?;
    row.figure("page p95 ms", percentile(&page, 95.0));
    deletion(&mut history, &mut writer, &mut row)?;
    let begin = Instant::now();
    history.check()?;
    row.figure("check s", begin.elapsed().as_secs_f64());
    row.figure("peak MB", peak()?);
    back_up(history, &owner, &scratch, &mut row)?;
    Ok(row)
}

/// Deletes one message, as its author does, twice: the first time the file is as it was filled.
fn deletion(history: &mut History, writer: &mut Writer, row: &mut Row) -> anyhow::Result<()> {
    for name in ["first deletion ms", "deletion ms"] {
        let said = writer.batch(1);
        take_in(history, &said, Origin::Live)?;
        let deletes = writer.deletes(&said[0]);
        let begin = Instant::now();
        take_in(history, &[deletes], Origin::Live)?;
        history.tidy()?;
        row.figure(name, milliseconds(begin.elapsed()));
    }
    Ok(())
}

/// Writes a backup, verifies it and restores it into an empty history.
fn back_up(mut history: History, owner: &Owner, scratch: &Scratch, row: &mut Row) -> anyhow::Result<()> {
    let (key, path) = (RecoveryKey::generate(), scratch.path("bench.age"));
    let lock = Lock::recipients([key.recipient().as_str()])?;
    let plan = Plan { lock: &lock, is_increment: false, app: "ferry-bench", now: ferry_protocol::now_ms() };
    let digest = history.digest()?;
    forget_peak()?;
    let begin = Instant::now();
    let created = history.create_backup(&path, &plan, &mut |_| true)?;
    row.figure("backup s", begin.elapsed().as_secs_f64());
    row.figure("backup MB", peak()?);
    row.figure("backup bytes/message", created.bytes as f64 / created.manifest.counts.messages as f64);
    drop(history);

    let mut backup = Backup::open(&path, Key::Recovery(vec![key]))?;
    forget_peak()?;
    let begin = Instant::now();
    backup.verify(None, 0, &mut |_| true)?;
    row.figure("verify s", begin.elapsed().as_secs_f64());
    row.figure("verify MB", peak()?);
    let mut restored = History::open(&scratch.path("restored.history"), owner)?;
    forget_peak()?;
    let begin = Instant::now();
    backup.restore(&mut restored, false, 0, &mut |_| true)?;
    row.figure("restore s", begin.elapsed().as_secs_f64());
    row.figure("restore MB", peak()?);
    anyhow::ensure!(restored.digest()? == digest, "the restored history has other records");
    let mut empty = History::open(&scratch.path("empty.history"), owner)?;
    synchronise(&mut restored, &mut empty, row)?;
    anyhow::ensure!(empty.digest()? == digest, "the synced history has other records");
    Ok(())
}

/// Syncs an empty device with a full one over an encrypted connection, and then once more.
fn synchronise(full: &mut History, empty: &mut History, row: &mut Row) -> anyhow::Result<()> {
    for name in ["sync", "equal sync"] {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let near = Counting { stream: TcpStream::connect(listener.local_addr()?)?, bytes: 0 };
        let (far, _) = listener.accept()?;
        far.set_nodelay(true)?;
        near.stream.set_nodelay(true)?;
        let (code, keys) = (Code::generate(), (full.link_key(0)?, empty.link_key(0)?));
        forget_peak()?;
        let begin = Instant::now();
        let (bytes, first) = std::thread::scope(|scope| {
            let (code, full) = (&code, &mut *full);
            let answers = scope.spawn(move || -> anyhow::Result<()> {
                let (mut pipe, _) = noise::answer(far, &Trust { key: &keys.0, code: Some(code), known: &[] })?;
                sync(full, &mut pipe, Side::Answers, "", 0, &mut |_| true)?;
                Ok(())
            });
            let (mut pipe, _) = noise::lead(near, &Trust { key: &keys.1, code: Some(code), known: &[] })?;
            let mut screen = None;
            let synced = sync(empty, &mut pipe, Side::Leads, "", 0, &mut |progress| {
                if progress.done >= SCREEN as u64 {
                    screen.get_or_insert(begin.elapsed());
                }
                true
            })?;
            anyhow::ensure!(synced.is_equal, "the two are not equal");
            answers.join().map_err(|_| anyhow::anyhow!("the other side failed"))??;
            let stream = pipe.into_inner();
            Ok::<_, anyhow::Error>((stream.bytes, screen))
        })?;
        row.figure(format!("{name} s"), begin.elapsed().as_secs_f64());
        if let Some(first) = first {
            row.figure(format!("{name} first s"), first.as_secs_f64());
        }
        row.figure(format!("{name} kB"), bytes as f64 / 1e3);
        row.figure(format!("{name} MB memory"), peak()?);
    }
    Ok(())
}

/// A connection that counts what goes both ways.
struct Counting {
    stream: TcpStream,
    bytes: usize,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.bytes += read;
        Ok(read)
    }
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.stream.write(bytes)?;
        self.bytes += written;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

/// Lets [`peak`] begin anew (`clear_refs` of proc(5)).
fn forget_peak() -> anyhow::Result<()> {
    Ok(std::fs::write("/proc/self/clear_refs", "5")?)
}

fn take_in(history: &mut History, batch: &[Record], origin: Origin) -> anyhow::Result<()> {
    let mut open = history.begin()?;
    for record in batch {
        open.message(record, origin, ferry_protocol::now_ms())?;
    }
    Ok(open.commit()?)
}

/// Returns how long each answer takes.
fn times<T, A>(questions: &[T], mut ask: impl FnMut(&T) -> ferry_history::Result<A>) -> anyhow::Result<Histogram<u64>> {
    let mut times = Histogram::new(3)?;
    for question in questions {
        let begin = Instant::now();
        std::hint::black_box(ask(question)?);
        times.record(u64::try_from(begin.elapsed().as_micros())?)?;
    }
    Ok(times)
}

fn percentile(times: &Histogram<u64>, percentile: f64) -> f64 {
    times.value_at_percentile(percentile) as f64 / 1_000.0
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Returns the most memory that this process has used, in MB (`VmHWM` of proc_pid_status(5)).
fn peak() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes / 1_000.0)
}

/// People who write in rooms, always the same ones.
struct Writer {
    random: StdRng,
    words: Vec<String>,
    rooms: Vec<RoomId>,
    people: Vec<Sender>,
    /// The last message of each person in each room.
    last: HashMap<(usize, RoomId), MessageId>,
    sent_at: i64,
    bytes: usize,
}

impl Writer {
    fn new() -> Self {
        let mut random = StdRng::seed_from_u64(7);
        let letters = |random: &mut StdRng| -> String {
            (0..random.random_range(2..10)).map(|_| char::from(random.random_range(b'a'..=b'z'))).collect()
        };
        let words = (0..VOCABULARY).map(|_| letters(&mut random)).collect();
        let sender = || Sender { user: UserId::new(), device: DeviceId::new(), role: Role::Member };
        let (rooms, people) = ((0..ROOMS).map(|_| RoomId::new()), (0..PEOPLE).map(|_| sender()));
        let (rooms, people, last) = (rooms.collect(), people.collect(), HashMap::new());
        Self { random, words, rooms, people, last, sent_at: 1_600_000_000_000, bytes: 0 }
    }

    /// Returns a word as often as people use it: the square of a random number prefers the first.
    fn word(&mut self) -> String {
        let place: f64 = self.random.random();
        let index = (place * place * VOCABULARY as f64) as usize;
        self.words.get(index).cloned().unwrap_or_default()
    }

    /// Returns the deletion of a message by its author.
    fn deletes(&mut self, said: &Record) -> Record {
        let mut deletes = self.message().message;
        (deletes.room, deletes.from) = (said.message.room, said.message.from);
        KIND_DELETE.clone_into(&mut deletes.kind);
        let target = Target { message: said.message.id, from: said.message.from.user };
        deletes.body = Body::json(&serde_json::json!({ "target": target }));
        Record::from(deletes)
    }

    fn batch(&mut self, length: usize) -> Vec<Record> {
        (0..length).map(|_| self.message()).collect()
    }

    fn message(&mut self) -> Record {
        let words = self.random.random_range(3..18);
        let text: Vec<String> = (0..words).map(|_| self.word()).collect();
        let person = self.random.random_range(0..PEOPLE);
        // Each of them writes in two rooms only.
        let room = self.rooms[(person * 2 + self.random.random_range(0..2)) % ROOMS];
        self.sent_at += self.random.random_range(1..APART * 2);
        let id = MessageId::new();
        let record = Record::from(Message {
            id,
            room,
            from: self.people[person],
            kind: "text".to_owned(),
            body: Body::text(&text.join(" ")),
            reply_to: None,
            mentions: Vec::new(),
            content_type: None,
            stream: Stream::Http,
            after: self.last.insert((person, room), id),
            epoch: self.sent_at,
            seq: 1,
            sent_at: self.sent_at,
        });
        self.bytes += record.to_json().len();
        record
    }
}
