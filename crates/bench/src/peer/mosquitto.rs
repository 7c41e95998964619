//! Mosquitto: MQTT with persistent sessions and QoS 1. Of the systems that people run, this is
//! most like a queue for each device.

mod mqtt;

use std::{
    collections::VecDeque,
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use bytes::{Buf, BytesMut};
use ferry_testkit::{Process, Scratch, free_port};
use futures_util::{StreamExt, TryStreamExt};
use mqtt::{Packet, write_connect, write_publish, write_subscribe};
use tokio::{net::TcpStream, sync::oneshot};

use crate::{
    crowd::Crowd,
    line::{self, Line},
    load::{Load, Port},
    programs::find_program,
    sample::Group,
    stamp::Stamp,
    system::{Attached, Doing, System},
};

/// The number of sessions that are created at a time.
const AT_ONCE: usize = 64;

/// See the module's description.
pub struct Mosquitto {
    attached: Attached,
    process: Process,
    address: Arc<str>,
    _scratch: Scratch,
}

/// Returns a configuration that is as fast as possible. Its limits are those of Ferry: 64
/// deliveries without an ack, and queues in memory without a limit of their own.
fn configuration(port: u16) -> String {
    format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_inflight_messages 64\n\
         max_queued_messages 0\nset_tcp_nodelay true\nsys_interval 0\nlog_dest stderr\nlog_type error\n"
    )
}

impl Mosquitto {
    /// Starts the peer.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        let program = find_program("mosquitto").context("mosquitto is not installed (package: mosquitto)")?;
        let scratch = Scratch::in_memory()?;
        let port = free_port()?;
        std::fs::write(scratch.path("mosquitto.conf"), configuration(port))?;
        let mut command = Command::new(program);
        command.arg("-c").arg(scratch.path("mosquitto.conf"));
        let mut process = Process::spawn("server", &mut command, &scratch.path("mosquitto.log"))?;
        let address = format!("127.0.0.1:{port}");
        process.until(|| async { TcpStream::connect(&address).await.ok() }).await?;
        Ok(Self { attached: Attached::default(), process, address: address.into(), _scratch: scratch })
    }
}

fn topic(crowd: &Crowd, room: usize) -> String {
    format!("room/{}/{room}", crowd.room_size)
}

/// Connects with the device's persistent session. Returns the bytes that came after the answer in
/// the buffer.
async fn connect(address: &str, device: usize) -> anyhow::Result<(Line, BytesMut)> {
    let (line, mut buffer) = (Line::connect(address).await?, BytesMut::new());
    line.write(|out| write_connect(&format!("device.{device}"), out));
    loop {
        match mqtt::first(&buffer)? {
            Some((Packet::Connected, length)) => {
                buffer.advance(length);
                return Ok((line, buffer));
            }
            Some((packet, _)) => anyhow::bail!("{packet:?} instead of a CONNACK"),
            None => line.read(&mut buffer).await?,
        }
    }
}

/// Subscribes the device's session to its room, for ever.
async fn subscribe(address: &str, crowd: &Crowd, device: usize) -> anyhow::Result<()> {
    let (line, mut buffer) = connect(address, device).await?;
    let room = crowd.user_of(device) / crowd.room_size;
    line.write(|out| write_subscribe(&topic(crowd, room), out));
    loop {
        match mqtt::first(&buffer)? {
            Some((Packet::Subscribed, _)) => return Ok(()),
            Some((_, length)) => buffer.advance(length),
            None => line.read(&mut buffer).await?,
        }
    }
}

struct Sender {
    line: Arc<Line>,
    crowd: Crowd,
    size: usize,
    under_way: Mutex<UnderWay>,
}

/// The publishes without an answer, oldest first, by the id of their packet.
#[derive(Default)]
struct UnderWay {
    last: u16,
    stamps: VecDeque<(u16, Stamp)>,
}

impl Sender {
    fn answered(&self, id: u16) -> Option<Stamp> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let place = under_way.stamps.iter().position(|(of, _)| *of == id)?;
        under_way.stamps.remove(place).map(|(_, stamp)| stamp)
    }
}

impl Port for Sender {
    fn post(&self, stamp: &Stamp) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        // 0 is not a valid id.
        under_way.last = under_way.last.checked_add(1).unwrap_or(1);
        let id = under_way.last;
        under_way.stamps.push_back((id, *stamp));
        let topic = topic(&self.crowd, stamp.room as usize);
        self.line.write(|out| write_publish(&topic, id, self.size, |out| stamp.write_body(self.size, out), out));
    }
}

async fn run(address: Arc<str>, load: Arc<Load>, device: usize, ready: oneshot::Sender<()>) -> anyhow::Result<()> {
    let (line, mut buffer) = connect(&address, device).await?;
    let line = Arc::new(line);
    let (crowd, size) = (load.crowd, load.size);
    let sender = Arc::new(Sender { line: Arc::clone(&line), crowd, size, under_way: Mutex::default() });
    load.set_port(device, Arc::clone(&sender) as Arc<dyn Port>);
    let _ = ready.send(());
    let mut acks = Vec::new();
    loop {
        let (now, mut at) = (load.now(), 0);
        while let Some((packet, length)) = mqtt::first(&buffer[at..])? {
            at += length;
            match packet {
                Packet::Publish { id, again, payload } => {
                    mqtt::write_ack(id, &mut acks);
                    if let Some(stamp) = Stamp::read_body(payload) {
                        load.received(device, &stamp, now, again);
                    }
                }
                Packet::Acked(id) => _ = sender.answered(id).map(|stamp| load.confirmed(&stamp)),
                Packet::Connected | Packet::Subscribed | Packet::Other => {}
            }
        }
        buffer.advance(at);
        line::tidy(&mut buffer);
        if !acks.is_empty() {
            line.write(|out| out.append(&mut acks));
            acks = Vec::new();
        }
        line.read(&mut buffer).await?;
    }
}

impl System for Mosquitto {
    fn processes(&self) -> Vec<Group> {
        vec![Group { name: self.process.name(), ids: vec![self.process.id()] }]
    }

    fn prepare<'a>(&'a mut self, crowd: &'a Crowd) -> Doing<'a, ()> {
        Box::pin(async move {
            let sessions = (0..crowd.devices()).map(|device| subscribe(&self.address, crowd, device));
            futures_util::stream::iter(sessions).buffer_unordered(AT_ONCE).try_collect().await
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
