//! Nobody but the two devices has what goes over a link: neither the relay nor another login.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use ferry_client::{Bytes, Link, LinkId};
use ferry_history::{
    History, HistoryError, Owner,
    sync::noise::{PublicKey, Trust, lead},
};
use ferry_protocol::Secret;
use tokio::runtime::Handle;

use super::super::Shell;
use crate::{
    harness::{Backend, Person, World, until, within},
    on_both,
};

/// A proxy before the relay that records all bytes, those of devices unmasked.
#[derive(Default, Clone)]
struct Recorder(Arc<Mutex<Vec<Vec<u8>>>>);

impl Recorder {
    /// Starts, and returns the address. Its threads end with their connections.
    fn before(relay: &str) -> (Self, String) {
        let (recorder, listener) = (Self::default(), TcpListener::bind("127.0.0.1:0").unwrap());
        let (address, relay) = (listener.local_addr().unwrap(), relay.to_owned());
        let accepting = recorder.clone();
        std::thread::spawn(move || {
            while let Ok((near, _)) = listener.accept() {
                let Ok(far) = TcpStream::connect(&relay) else { continue };
                accepting.forward(near.try_clone().unwrap(), far.try_clone().unwrap());
                accepting.forward(far, near);
            }
        });
        (recorder, format!("http://{address}"))
    }

    fn forward(&self, mut from: TcpStream, mut to: TcpStream) {
        let recorded = Arc::clone(&self.0);
        std::thread::spawn(move || {
            let place = {
                let mut all = recorded.lock().unwrap();
                all.push(Vec::new());
                all.len() - 1
            };
            let mut buffer = vec![0; 64 << 10];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                recorded.lock().unwrap()[place].extend_from_slice(&buffer[..length]);
                if to.write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(std::net::Shutdown::Write);
        });
    }

    /// Returns everything that went through.
    fn all(&self) -> Vec<u8> {
        self.0.lock().unwrap().iter().flat_map(|bytes| unmasked(bytes)).collect()
    }
}

/// Returns what went in one direction: the payloads of frames if it became a WebSocket, in which a
/// device masks them.
fn unmasked(bytes: &[u8]) -> Vec<u8> {
    let is_socket = bytes.starts_with(b"GET /v1/socket") || bytes.starts_with(b"HTTP/1.1 101");
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").filter(|_| is_socket);
    let Some(mut at) = head.map(|head| head + 4) else { return bytes.to_vec() };
    let mut all = bytes[..at].to_vec();
    while let Some([_, second]) = bytes.get(at..at + 2) {
        let (wide, length) = match second & 0x7f {
            126 => (2, None),
            127 => (8, None),
            short => (0, Some(usize::from(short))),
        };
        let Some(number) = bytes.get(at + 2..at + 2 + wide) else { break };
        let length = length.unwrap_or_else(|| number.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)));
        at += 2 + wide;
        let is_masked = second & 0x80 != 0;
        let Some(mask) = bytes.get(at..at + if is_masked { 4 } else { 0 }) else { break };
        at += mask.len();
        let Some(payload) = bytes.get(at..at + length) else { break };
        match is_masked {
            true => all.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask)),
            false => all.extend_from_slice(payload),
        }
        at += length;
    }
    all
}

fn count(bytes: &[u8], words: &str) -> usize {
    bytes.windows(words.len()).filter(|window| *window == words.as_bytes()).count()
}

on_both!(a_relay_sees_nothing_of_what_two_devices_tell_each_other, |world| async move {
    const TEXTS: usize = 300;
    let (recorder, server) = Recorder::before(&world.relay().address);
    let mut shell = Shell::at(&world);
    shell.server = server;
    shell.alice_and_bob();
    shell.ok("--profile second login bob --device-name second");
    shell.ok("--profile alice send @bob over-the-relay");
    let letters = || std::iter::repeat_with(|| rand::random_range('a'..='z')).take(500).collect::<String>();
    shell.only_here("bob", (0..TEXTS).map(|_| format!("only-between-them {}", letters())));
    let synced = shell.pair("bob", "second");
    assert_eq!((&synced["new_messages"], &synced["equal"]), (&TEXTS.into(), &true.into()), "{synced}");
    assert_eq!(shell.ok("--profile second search only-between-them -n 1000").lines().count(), TEXTS);

    let all = recorder.all();
    assert!(count(&all, "over-the-relay") > 0, "what goes to the relay is recorded");
    assert!(count(&all, "\"link_accept\"") > 0, "what devices send is unmasked");
    // Each letter has less than 5 bits.
    assert!(all.len() > TEXTS * 500 / 2, "the texts went through: {} bytes", all.len());
    for words in ["only-between-them", "filled", "\"kind\":\"text\",\"body\":\"only"] {
        assert_eq!(count(&all, words), 0, "{words}");
    }
});

/// A link, for what reads and writes.
struct OverLink(Link, Bytes, Handle);

impl Read for OverLink {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.1.is_empty() {
            self.1 = self.2.block_on(within(self.0.receive())).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        }
        let length = self.1.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.1.split_to(length));
        Ok(length)
    }
}

impl Write for OverLink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.2.block_on(within(self.0.send_some(bytes))).map_err(io::Error::other)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whoever has the password has a login, and still no history.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_no_device_knows_gets_nothing() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile second login bob --device-name second");
    shell.pair("bob", "second");
    // It even knows the key of the device that it asks.
    let known = shell.json("--profile second sync --devices")["key"].as_str().unwrap().to_owned();
    let known: PublicKey = data_encoding::HEXLOWER_PERMISSIVE.decode(known.as_bytes()).unwrap().try_into().unwrap();
    let bobs = shell.json("--profile bob whoami");
    let (id, device) = (bobs["user"]["id"].as_str().unwrap(), bobs["device"].as_str().unwrap());
    let bob = Person { id: id.parse().unwrap(), name: "bob".into(), password: Secret::new("correct horse") };
    let stranger = bob.online(world.relay()).await;
    let owner = Owner { server: world.relay().url(""), user: bob.id };
    let mut history = History::open(&shell.home.path().join("stranger"), &owner).unwrap();
    let key = history.link_key(1).unwrap();

    let _tail = shell.begin("--profile bob tail");
    until("both are connected", || async {
        (world.relay().metric("ferry_connected_devices").await == 2.0).then_some(())
    })
    .await;
    let link = within(stranger.connection.offer_link(LinkId::new(), Some(device.parse().unwrap()))).await.unwrap();
    let over = OverLink(link, Bytes::new(), Handle::current());
    let refused =
        tokio::task::spawn_blocking(move || lead(over, &Trust { key: &key, code: None, known: &[known] }).map(drop));
    let error = refused.await.unwrap().unwrap_err();
    assert!(matches!(error, HistoryError::WrongKey(words) if words.contains("does not know this device")), "{error}");
    // Nobody is known who was not before.
    assert_eq!(shell.ok("--profile bob sync --devices").lines().count(), 1);
}
