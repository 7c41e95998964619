//! NATS with JetStream. Its streams are in memory. Each device has a durable push consumer, which
//! acks one message at a time and has 64 outstanding. A message leaves its stream when all
//! consumers of its room have acked it (retention by interest).

mod wire;

use std::{process::Command, sync::Arc, time::Duration};

use anyhow::Context;
use bytes::{Buf, BytesMut};
use ferry_testkit::{Process, Scratch, free_port, repository};
use futures_util::{StreamExt, TryStreamExt};
use serde_json::json;
use tokio::sync::oneshot;
use wire::Incoming;

use crate::{
    crowd::Crowd,
    line::{self, Line},
    load::{Load, Port},
    programs::build,
    sample::Group,
    stamp::Stamp,
    system::{Attached, Doing, System},
};

/// The number of consumers that are created at a time.
const AT_ONCE: usize = 16;
/// The number of streams over which rooms are spread. With hundreds of consumers on one stream
/// JetStream is five times slower. On two cores 800 devices got 6,000 deliveries a second from one
/// stream, and 30,000 from 16 or more.
const STREAMS: usize = 64;

/// See the module's description.
pub struct Nats {
    attached: Attached,
    process: Process,
    address: Arc<str>,
    _scratch: Scratch,
}

impl Nats {
    /// Starts the peer, and builds it first if it is missing.
    ///
    /// # Errors
    /// It cannot be built, or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        build(repository().join("tools/nats/build"), &[]).context("nats-server cannot be built")?;
        let scratch = Scratch::in_memory()?;
        let (port, monitoring) = (free_port()?, free_port()?);
        let mut command = Command::new(repository().join("target/nats/nats-server"));
        command.args(["--addr", "127.0.0.1", "--port", &port.to_string(), "--http_port", &monitoring.to_string()]);
        command.arg("--jetstream").arg("--store_dir").arg(scratch.directory("nats")?);
        let mut process = Process::spawn("server", &mut command, &scratch.path("nats.log"))?;
        let monitoring = format!("127.0.0.1:{monitoring}");
        process.until_ok(&monitoring, "/healthz").await?;
        let nats = Self {
            attached: Attached::default(),
            process,
            address: format!("127.0.0.1:{port}").into(),
            _scratch: scratch,
        };
        let mut caller = Caller::connect(&nats.address, 0).await?;
        for number in 0..STREAMS {
            let name = stream(number);
            let subjects = format!("room.{number}.>");
            let stream = json!({
                "name": name,
                "subjects": [subjects],
                "retention": "interest",
                "storage": "memory",
                "num_replicas": 1,
            });
            caller.call(&format!("STREAM.CREATE.{name}"), &stream).await?;
        }
        Ok(nats)
    }
}

/// Returns the stream of a room.
fn stream(room: usize) -> String {
    format!("rooms-{}", room % STREAMS)
}

fn subject(crowd: &Crowd, room: usize) -> String {
    format!("room.{}.{}.{room}", room % STREAMS, crowd.room_size)
}

/// Returns the name of a device's consumer. A consumer filters for one room, so each room size has
/// consumers of its own.
fn consumer(crowd: &Crowd, device: usize) -> String {
    format!("device-{device}-{}", crowd.room_size)
}

/// Connects. Returns the bytes that came after the server's greeting in the buffer.
async fn connect(address: &str) -> anyhow::Result<(Line, BytesMut)> {
    let (line, mut buffer) = (Line::connect(address).await?, BytesMut::new());
    line.write(|out| out.extend_from_slice(wire::CONNECT));
    await_pong(&line, &mut buffer).await?;
    Ok((line, buffer))
}

/// Waits until the server has done everything that was asked before a PING.
async fn await_pong(line: &Line, buffer: &mut BytesMut) -> anyhow::Result<()> {
    loop {
        match wire::first(buffer)? {
            Some((Incoming::Pong, length)) => {
                buffer.advance(length);
                return Ok(());
            }
            Some((_, length)) => buffer.advance(length),
            None => line.read(buffer).await?,
        }
    }
}

/// A connection for calls to JetStream's interface, with one call at a time.
struct Caller {
    line: Line,
    buffer: BytesMut,
    /// The subject of the answers to this connection only.
    answers: String,
}

impl Caller {
    async fn connect(address: &str, number: usize) -> anyhow::Result<Self> {
        let (line, buffer) = connect(address).await?;
        let answers = format!("answers.{number}");
        line.write(|out| out.extend_from_slice(format!("SUB {answers} 1\r\n").as_bytes()));
        Ok(Self { line, buffer, answers })
    }

    async fn call(&mut self, name: &str, request: &serde_json::Value) -> anyhow::Result<()> {
        let request = request.to_string();
        let subject = format!("$JS.API.{name}");
        self.line.write(|out| wire::write_publish(&subject, Some(&self.answers), request.as_bytes(), out));
        loop {
            match wire::first(&self.buffer)? {
                Some((Incoming::Message { payload, .. }, length)) => {
                    let answer: serde_json::Value = serde_json::from_slice(payload)?;
                    self.buffer.advance(length);
                    anyhow::ensure!(answer.get("error").is_none(), "{name}: {}", answer["error"]);
                    return Ok(());
                }
                Some((_, length)) => self.buffer.advance(length),
                None => self.line.read(&mut self.buffer).await?,
            }
        }
    }
}

async fn make_consumers(address: &str, crowd: &Crowd, first: usize, step: usize) -> anyhow::Result<()> {
    let mut caller = Caller::connect(address, first).await?;
    for device in (first..crowd.devices()).step_by(step) {
        let name = consumer(crowd, device);
        let room = crowd.user_of(device) / crowd.room_size;
        let config = json!({
            "durable_name": name,
            "deliver_subject": format!("to.{name}"),
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "max_ack_pending": 64,
            "filter_subject": subject(crowd, room),
            "replay_policy": "instant",
        });
        let stream = stream(room);
        let request = json!({"stream_name": stream, "config": config});
        caller.call(&format!("CONSUMER.DURABLE.CREATE.{stream}.{name}"), &request).await?;
    }
    Ok(())
}

struct Sender {
    line: Arc<Line>,
    crowd: Crowd,
    device: usize,
    size: usize,
}

impl Port for Sender {
    fn post(&self, stamp: &Stamp) {
        let subject = subject(&self.crowd, stamp.room as usize);
        let answer = format!("sent.{}.{:x}", self.device, stamp.key());
        let mut body = Vec::new();
        stamp.write_body(self.size, &mut body);
        self.line.write(|out| wire::write_publish(&subject, Some(&answer), &body, out));
    }
}

async fn run(address: Arc<str>, load: Arc<Load>, device: usize, ready: oneshot::Sender<()>) -> anyhow::Result<()> {
    let (line, mut buffer) = connect(&address).await?;
    let line = Arc::new(line);
    let (crowd, size) = (load.crowd, load.size);
    load.set_port(device, Arc::new(Sender { line: Arc::clone(&line), crowd, device, size }));
    let name = consumer(&crowd, device);
    let asked = format!("SUB to.{name} 1\r\nSUB sent.{device}.* 2\r\nPING\r\n");
    line.write(|out| out.extend_from_slice(asked.as_bytes()));
    drop((address, name, asked));
    let mut ready = Some(ready);
    let mut answers = Vec::new();
    loop {
        let (now, mut at) = (load.now(), 0);
        while let Some((incoming, length)) = wire::first(&buffer[at..])? {
            at += length;
            match incoming {
                Incoming::Message { reply: Some(reply), payload, .. } => {
                    wire::write_publish(reply, None, b"+ACK", &mut answers);
                    if let Some(stamp) = Stamp::read_body(payload) {
                        load.received(device, &stamp, now, wire::is_redelivered(reply));
                    }
                }
                Incoming::Message { subject, reply: None, payload } => sent(&load, subject, payload),
                Incoming::Ping => answers.extend_from_slice(b"PONG\r\n"),
                Incoming::Pong => _ = ready.take().map(|ready| ready.send(())),
                Incoming::Other => {}
            }
        }
        buffer.advance(at);
        line::tidy(&mut buffer);
        if !answers.is_empty() {
            line.write(|out| out.append(&mut answers));
            answers = Vec::new();
        }
        line.read(&mut buffer).await?;
    }
}

/// Handles JetStream's answer to a publish.
fn sent(load: &Arc<Load>, subject: &str, payload: &[u8]) {
    let key = subject.rsplit('.').next().and_then(|key| u64::from_str_radix(key, 16).ok());
    if let Some(stamp) = key.map(Stamp::of_key) {
        let refused = memchr::memmem::find(payload, br#""error""#).is_some();
        if refused { load.refused(&stamp) } else { load.confirmed(&stamp) }
    }
}

impl System for Nats {
    fn processes(&self) -> Vec<Group> {
        vec![Group { name: self.process.name(), ids: vec![self.process.id()] }]
    }

    fn prepare<'a>(&'a mut self, crowd: &'a Crowd) -> Doing<'a, ()> {
        Box::pin(async move {
            let parts = (0..AT_ONCE).map(|first| make_consumers(&self.address, crowd, first, AT_ONCE));
            futures_util::stream::iter(parts).buffer_unordered(AT_ONCE).try_collect().await
        })
    }

    fn attach<'a>(&'a mut self, load: &'a Arc<Load>, devices: &'a [usize], at_once: usize) -> Doing<'a, Vec<Duration>> {
        Box::pin(async move {
            let run = |device, ready| run(Arc::clone(&self.address), Arc::clone(load), device, ready);
            self.attached.attach(load, devices, at_once, run).await
        })
    }

    fn detach<'a>(&'a mut self, load: &'a Arc<Load>) -> Doing<'a, ()> {
        Box::pin(async move {
            load.forget_ports();
            self.attached.detach().await;
            Ok(())
        })
    }
}
