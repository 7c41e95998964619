//! WebSocket frames built by hand, for what no library would write.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::harness::{Relay, interface::assert_frame_of_relay, within};

pub const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// A connection after its upgrade.
pub struct Wire {
    pub stream: TcpStream,
}

impl Wire {
    /// Opens a socket with a bearer token.
    pub async fn open(relay: &Relay, token: &str) -> Self {
        Self::open_with(relay, token, None).await
    }

    /// Opens a socket with a receive buffer of this many bytes, so that the kernel accepts little
    /// for a device that reads nothing.
    pub async fn open_with(relay: &Relay, token: &str, buffer: Option<u32>) -> Self {
        let headers = format!("Authorization: Bearer {token}\r\n");
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        Self::upgrade(socket, relay, &headers).await
    }

    /// Opens a socket with these header lines.
    pub async fn open_with_headers(relay: &Relay, headers: &str) -> Self {
        Self::upgrade(TcpSocket::new_v4().unwrap(), relay, headers).await
    }

    /// Asks for a socket, and does not wait for the answer.
    pub async fn ask(relay: &Relay, token: &str) -> Self {
        Self::request(TcpSocket::new_v4().unwrap(), relay, &format!("Authorization: Bearer {token}\r\n")).await
    }

    async fn request(socket: TcpSocket, relay: &Relay, headers: &str) -> Self {
        let address: SocketAddr = relay.address.parse().unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        let request = format!(
            "GET /v1/socket HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             {headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        Self { stream }
    }

    async fn upgrade(socket: TcpSocket, relay: &Relay, headers: &str) -> Self {
        let Self { mut stream } = Self::request(socket, relay, headers).await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(within(stream.read_u8()).await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        // The answer to this key, from RFC 6455 §1.3.
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        Self { stream }
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        // The relay may have closed already. Tests check what it sent.
        let _ = self.stream.write_all(bytes).await;
    }

    pub async fn text(&mut self, text: &str) {
        self.write(&frame(true, TEXT, text.as_bytes())).await;
    }

    /// Returns the opcode and payload of the next frame, or `None` at the end.
    pub async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        within(async {
            let head = self.stream.read_u16().await.ok()?;
            assert_eq!(head & 0x80, 0, "a relay's frames are not masked");
            let length = match head & 0x7f {
                126 => u64::from(self.stream.read_u16().await.ok()?),
                127 => self.stream.read_u64().await.ok()?,
                short => u64::from(short),
            };
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.stream.read_exact(&mut payload).await.ok()?;
            let opcode = (head >> 8) as u8 & 0x0f;
            if opcode == TEXT {
                assert_frame_of_relay(&serde_json::from_slice(&payload).unwrap());
            }
            Some((opcode, payload))
        })
        .await
    }

    /// Returns the next frame of this opcode, and skips others.
    pub async fn frame_of(&mut self, opcode: u8) -> Vec<u8> {
        loop {
            let (got, payload) = self.frame().await.unwrap_or_else(|| panic!("the end before a frame {opcode}"));
            if got == opcode {
                return payload;
            }
        }
    }

    /// Waits for a text frame that contains this.
    pub async fn text_with(&mut self, part: &str) -> String {
        loop {
            let text = String::from_utf8(self.frame_of(TEXT).await).unwrap();
            if text.contains(part) {
                return text;
            }
        }
    }

    /// Returns the code of the next close frame.
    pub async fn close_code(&mut self) -> u16 {
        let payload = self.frame_of(CLOSE).await;
        u16::from_be_bytes([payload[0], payload[1]])
    }
}

/// Builds a masked frame, as a client has to send it.
pub fn frame(last: bool, opcode: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [1, 2, 3, 4];
    let mut bytes = vec![opcode | if last { 0x80 } else { 0 }];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | short as u8),
        middle @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend((middle as u16).to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}
