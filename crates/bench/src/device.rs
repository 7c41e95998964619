//! A device of a relay: a socket that acks what it gets.

use std::{pin::Pin, sync::Arc};

use anyhow::bail;
use bytes::{Buf, BytesMut};
use ferry_client::{Backoff, ConnectOptions};
use ferry_protocol::RoomId;
use tokio::sync::oneshot;

use crate::{
    frames::{self, Acks, Incoming},
    line::{self, Line},
    load::{Load, Port},
    stamp::Stamp,
    websocket,
};

/// The number of times that a failed connect is tried again. With the client library's backoff
/// these take minutes. After the last one the device gives up.
const TRIES: usize = 20;

/// The address and the identity of a device.
#[derive(Clone)]
pub struct Login {
    /// The relay's `host:port`.
    pub address: Arc<str>,
    /// The device's access token.
    pub token: Arc<str>,
    /// The rooms by number.
    pub rooms: Arc<[RoomId]>,
}

struct Sender {
    line: Arc<Line>,
    rooms: Arc<[RoomId]>,
    size: usize,
}

impl Port for Sender {
    fn post(&self, stamp: &Stamp) {
        let Some(&room) = self.rooms.get(stamp.room as usize) else { return };
        self.line.write(|out| {
            websocket::write(out, websocket::TEXT, |out| frames::write_send(stamp, room, self.size, out));
        });
    }
}

/// Connects, reports by `drained` that everything that waited has come, and acks what comes.
/// Returns the reason when the connection ends.
///
/// Until `drained` it tries again if the relay rejects it, after the same pauses as the client
/// library. A relay in a storm may have no room for a moment.
pub async fn run(login: Login, load: Arc<Load>, device: usize, drained: oneshot::Sender<()>) -> anyhow::Result<()> {
    let options = ConnectOptions::default();
    let mut backoff = Backoff::new(options.backoff_base, options.backoff_max);
    let mut drained = Some(drained);
    for _ in 0..TRIES {
        let ended = connect(&login, &load, device, &mut drained).await;
        if drained.is_none() {
            return ended;
        }
        load.retried();
        tokio::time::sleep(backoff.next(rand::random())).await;
    }
    connect(&login, &load, device, &mut drained).await
}

/// Runs a connection from its beginning to its end. Its state is in a box of its own, which is
/// freed at the end.
fn connect<'a>(
    login: &'a Login,
    load: &'a Arc<Load>,
    device: usize,
    drained: &'a mut Option<oneshot::Sender<()>>,
) -> Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send + 'a>> {
    Box::pin(async move {
        let (line, buffer) = upgrade(login).await?;
        let line = Arc::new(line);
        let (rooms, size) = (Arc::clone(&login.rooms), load.size);
        load.set_port(device, Arc::new(Sender { line: Arc::clone(&line), rooms, size }));
        let mut reader = Reader { line, buffer, load: Arc::clone(load), device, acks: Acks::default(), drained };
        loop {
            reader.handle()?;
            if reader.drained.is_none() {
                reader.load.may_read(device).await;
            }
            reader.line.read(&mut reader.buffer).await?;
        }
    })
}

struct Reader<'a> {
    line: Arc<Line>,
    buffer: BytesMut,
    load: Arc<Load>,
    device: usize,
    acks: Acks,
    drained: &'a mut Option<oneshot::Sender<()>>,
}

impl Reader<'_> {
    /// Handles all frames that have come, and acks their deliveries with one frame.
    fn handle(&mut self) -> anyhow::Result<()> {
        let now = self.load.now();
        let mut at = 0;
        while let Some(frame) = websocket::first(&self.buffer[at..]) {
            at += frame.length;
            match frame.opcode {
                websocket::TEXT => match frames::read(frame.payload) {
                    Incoming::Message { delivery, redelivered, stamp } => {
                        self.acks.add(delivery);
                        self.load.received(self.device, &stamp, now, redelivered);
                    }
                    Incoming::Notice { delivery } => self.acks.add(delivery),
                    Incoming::Sent(stamp) => self.load.confirmed(&stamp),
                    Incoming::Refused(stamp, _) => self.load.refused(&stamp),
                    Incoming::Drained => {
                        if let Some(drained) = self.drained.take() {
                            let _ = drained.send(());
                        }
                    }
                    Incoming::Other => {}
                    Incoming::Bad(reason) => bail!("the relay said: {reason}"),
                },
                websocket::PING => self.line.write(|out| {
                    websocket::write(out, websocket::PONG, |out| out.extend_from_slice(frame.payload));
                }),
                websocket::CLOSE => bail!("{}", websocket::close_reason(frame.payload)),
                _ => {}
            }
        }
        self.buffer.advance(at);
        line::tidy(&mut self.buffer);
        if let Some(ack) = self.acks.take() {
            self.line.write(|out| websocket::write(out, websocket::TEXT, |out| out.extend_from_slice(&ack)));
        }
        Ok(())
    }
}

/// Connects and upgrades. Returns the bytes that came after the answer in the buffer.
async fn upgrade(login: &Login) -> anyhow::Result<(Line, BytesMut)> {
    let Login { address, token, .. } = login;
    let line = Line::connect(&**address).await?;
    let request = format!(
        "GET /v1/socket HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\nSec-WebSocket-Protocol: {}\r\n\
         Authorization: Bearer {token}\r\n\r\n",
        websocket::KEY,
        ferry_protocol::SUBPROTOCOL,
    );
    line.write(|out| out.extend_from_slice(request.as_bytes()));
    let buffer = websocket_answer(&line).await?;
    Ok((line, buffer))
}

/// Reads the answer to the upgrade request.
pub async fn websocket_answer(line: &Line) -> anyhow::Result<BytesMut> {
    let mut buffer = BytesMut::new();
    let end = loop {
        line.read(&mut buffer).await?;
        if let Some(end) = memchr::memmem::find(&buffer, b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    if !head.starts_with("HTTP/1.1 101 ") || !head.contains(websocket::ACCEPT) {
        bail!("no upgrade: {}", head.lines().next().unwrap_or_default());
    }
    buffer.advance(end);
    Ok(buffer)
}
