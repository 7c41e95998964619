//! Centrifugo, if its binary is on the PATH. It keeps no queue for a device: messages that are
//! sent while a device is away never reach it, and nothing is acked. So it does less than the
//! others, and shows how fast a system is that does less.

use std::{
    collections::HashMap,
    process::Command,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use bytes::Buf;
use ferry_testkit::{Process, Scratch, free_port};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use crate::{
    crowd::Crowd,
    device::websocket_answer,
    line::{self, Line},
    load::{Load, Port},
    programs::find_program,
    sample::Group,
    stamp::Stamp,
    system::{Attached, Doing, System},
    websocket,
};

/// See the module's description.
pub struct Centrifugo {
    attached: Attached,
    process: Process,
    address: Arc<str>,
    _scratch: Scratch,
}

impl Centrifugo {
    /// Starts the peer.
    ///
    /// # Errors
    /// The binary is not on the PATH, or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        let program = find_program("centrifugo").context("centrifugo is not on the PATH")?;
        let scratch = Scratch::in_memory()?;
        let port = free_port()?;
        let configuration = serde_json::json!({
            "http_server": {"address": "127.0.0.1", "port": port},
            // Every client may subscribe and publish: tokens are not measured.
            "client": {"insecure": true, "allowed_origins": ["*"]},
            "health": {"enabled": true},
            "log": {"level": "error"},
            // Nothing is reported to anybody else.
            "usage_stats": {"enabled": false},
        });
        std::fs::write(scratch.path("centrifugo.json"), configuration.to_string())?;
        let mut command = Command::new(program);
        command.arg("--config").arg(scratch.path("centrifugo.json"));
        let mut process = Process::spawn("server", &mut command, &scratch.path("centrifugo.log"))?;
        let address = format!("127.0.0.1:{port}");
        process.until_ok(&address, "/health").await?;
        Ok(Self { attached: Attached::default(), process, address: address.into(), _scratch: scratch })
    }
}

fn channel(crowd: &Crowd, room: usize) -> String {
    format!("room{}-{room}", crowd.room_size)
}

/// The numbers of the two commands before any publish.
const CONNECT: u32 = 1;
const SUBSCRIBE: u32 = 2;

struct Sender {
    line: Arc<Line>,
    crowd: Crowd,
    size: usize,
    last: AtomicU32,
    under_way: Mutex<HashMap<u32, Stamp>>,
}

impl Port for Sender {
    fn post(&self, stamp: &Stamp) {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(id, *stamp);
        let channel = channel(&self.crowd, stamp.room as usize);
        let head = format!(r#"{{"id":{id},"publish":{{"channel":"{channel}","data":""#);
        self.line.write(|out| {
            websocket::write(out, websocket::TEXT, |out| {
                out.extend_from_slice(head.as_bytes());
                stamp.write_body(self.size, out);
                out.extend_from_slice(br#""}}"#);
            });
        });
    }
}

/// A reply or a push. An empty one is a ping.
#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(default)]
    id: u32,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    push: Option<Push<'a>>,
}

#[derive(Deserialize)]
struct Push<'a> {
    #[serde(borrow, rename = "pub")]
    publication: Option<Publication<'a>>,
}

#[derive(Deserialize)]
struct Publication<'a> {
    data: &'a str,
}

struct Device {
    load: Arc<Load>,
    number: usize,
    sender: Arc<Sender>,
    ready: Option<oneshot::Sender<()>>,
}

impl Device {
    /// Handles a frame, which has a line for each reply or push.
    fn frame(&mut self, payload: &[u8], now: u64) -> anyhow::Result<()> {
        for line in payload.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let Incoming { id, error, push } = serde_json::from_slice(line).context("not Centrifugo's JSON")?;
            let error = error.map(RawValue::get);
            match (id, push) {
                (_, Some(push)) => {
                    let stamp = push.publication.and_then(|publication| Stamp::read_body(publication.data.as_bytes()));
                    if let Some(stamp) = stamp {
                        self.load.received(self.number, &stamp, now, false);
                    }
                }
                (0, None) => self.sender.line.write(|out| {
                    websocket::write(out, websocket::TEXT, |out| out.extend_from_slice(b"{}"));
                }),
                (CONNECT | SUBSCRIBE, None) => {
                    anyhow::ensure!(error.is_none(), "refused: {}", error.unwrap_or_default());
                    if id == SUBSCRIBE {
                        _ = self.ready.take().map(|ready| ready.send(()));
                    }
                }
                (id, None) => {
                    let sent = self.sender.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
                    if let Some(stamp) = sent {
                        if error.is_some() { self.load.refused(&stamp) } else { self.load.confirmed(&stamp) }
                    }
                }
            }
        }
        Ok(())
    }
}

async fn run(address: Arc<str>, load: Arc<Load>, device: usize, ready: oneshot::Sender<()>) -> anyhow::Result<()> {
    let line = Arc::new(Line::connect(&*address).await?);
    let request = format!(
        "GET /connection/websocket HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\r\n",
        websocket::KEY
    );
    line.write(|out| out.extend_from_slice(request.as_bytes()));
    let mut buffer = websocket_answer(&line).await?;
    let (crowd, size) = (load.crowd, load.size);
    let room = channel(&crowd, crowd.user_of(device) / crowd.room_size);
    let asked = format!(
        "{{\"id\":{CONNECT},\"connect\":{{}}}}\n{{\"id\":{SUBSCRIBE},\"subscribe\":{{\"channel\":\"{room}\"}}}}"
    );
    line.write(|out| websocket::write(out, websocket::TEXT, |out| out.extend_from_slice(asked.as_bytes())));
    drop((address, request, room, asked));
    let (last, under_way) = (AtomicU32::new(SUBSCRIBE), Mutex::default());
    let sender = Arc::new(Sender { line: Arc::clone(&line), crowd, size, last, under_way });
    load.set_port(device, Arc::clone(&sender) as Arc<dyn Port>);
    let mut device = Device { load, number: device, sender, ready: Some(ready) };
    loop {
        let (now, mut at) = (device.load.now(), 0);
        while let Some(frame) = websocket::first(&buffer[at..]) {
            at += frame.length;
            match frame.opcode {
                websocket::TEXT => device.frame(frame.payload, now)?,
                websocket::PING => line.write(|out| {
                    websocket::write(out, websocket::PONG, |out| out.extend_from_slice(frame.payload));
                }),
                websocket::CLOSE => anyhow::bail!("{}", websocket::close_reason(frame.payload)),
                _ => {}
            }
        }
        buffer.advance(at);
        line::tidy(&mut buffer);
        line.read(&mut buffer).await?;
    }
}

impl System for Centrifugo {
    fn processes(&self) -> Vec<Group> {
        vec![Group { name: self.process.name(), ids: vec![self.process.id()] }]
    }

    fn prepare<'a>(&'a mut self, _crowd: &'a Crowd) -> Doing<'a, ()> {
        // Centrifugo stores nothing, so there is nothing to prepare.
        Box::pin(async { Ok(()) })
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
