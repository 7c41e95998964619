//! WebSocket frames of a server (RFC 6455 §5): written unmasked, read masked. Pure.
//!
//! The library's own types keep a buffer for each direction for as long as a connection lives. Here
//! an idle connection has none, and a delivery is written without a copy of its own.

use std::io::Cursor;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_tungstenite::tungstenite::{
    Utf8Bytes,
    protocol::frame::{
        FrameHeader,
        coding::{CloseCode, Control, Data, OpCode},
    },
};

/// The longest payload of a control frame (RFC 6455 §5.5).
const CONTROL_MAX: usize = 125;

/// Something whole that came in.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message: a frame of a link.
    Binary(Bytes),
    /// A ping, with what the pong has to repeat.
    Ping(Bytes),
    /// A pong.
    Pong,
    /// A close frame, with its code.
    Close(Option<u16>),
}

/// What the other side must not send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// A frame that breaks the protocol.
    Protocol,
    /// Text that is not UTF-8.
    NotUtf8,
    /// A message above the limit.
    TooLong,
}

impl Violation {
    /// Returns the close code (RFC 6455 §7.4.1).
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::NotUtf8 => 1007,
            Self::TooLong => 1009,
        }
    }
}

/// Reads frames from bytes, and puts fragments together.
#[derive(Debug)]
pub struct Decoder {
    /// The bytes that are not read yet. Bounded by a frame and a read.
    pub input: BytesMut,
    /// The message whose end has not come. Boxed, because most messages are one frame.
    fragments: Option<Box<(Data, BytesMut)>>,
    max: usize,
}

impl Decoder {
    /// Creates a decoder of messages of at most `max` bytes. `input` has come already.
    pub fn new(input: BytesMut, max: usize) -> Self {
        Self { input, fragments: None, max }
    }

    /// Returns the next message or control frame, or `None` if it has not come whole.
    ///
    /// # Errors
    /// Fails if the other side breaks a rule. Nothing that follows can be read then.
    pub fn next(&mut self) -> Result<Option<Received>, Violation> {
        loop {
            let Some((header, payload)) = self.frame()? else { return Ok(None) };
            match header.opcode {
                OpCode::Control(control) => return control_frame(control, payload).map(Some),
                OpCode::Data(data) => {
                    if let Some(message) = self.data_frame(data, header.is_final, payload)? {
                        return Ok(Some(message));
                    }
                }
            }
        }
    }

    /// Takes a whole frame off the input, with its payload unmasked.
    fn frame(&mut self) -> Result<Option<(FrameHeader, BytesMut)>, Violation> {
        let mut cursor = Cursor::new(&self.input[..]);
        let parsed = FrameHeader::parse(&mut cursor).map_err(|_| Violation::Protocol)?;
        let Some((header, length)) = parsed else { return Ok(None) };
        let head = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(Violation::Protocol);
        }
        // A client masks every frame (RFC 6455 §5.1).
        let Some(mask) = header.mask else { return Err(Violation::Protocol) };
        let length = usize::try_from(length).ok().filter(|length| *length <= self.max).ok_or(Violation::TooLong)?;
        match header.opcode {
            OpCode::Control(Control::Reserved(_)) | OpCode::Data(Data::Reserved(_)) => return Err(Violation::Protocol),
            OpCode::Control(_) if length > CONTROL_MAX || !header.is_final => return Err(Violation::Protocol),
            _ => {}
        }
        if self.input.len() < head + length {
            self.input.reserve(head + length - self.input.len());
            return Ok(None);
        }
        self.input.advance(head);
        let mut payload = self.input.split_to(length);
        for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= key;
        }
        Ok(Some((header, payload)))
    }

    fn data_frame(&mut self, data: Data, is_final: bool, payload: BytesMut) -> Result<Option<Received>, Violation> {
        let (data, whole) = match (data, self.fragments.take()) {
            (Data::Continue, Some(mut fragments)) => {
                if fragments.1.len() + payload.len() > self.max {
                    return Err(Violation::TooLong);
                }
                fragments.1.extend_from_slice(&payload);
                *fragments
            }
            (Data::Continue, None) | (_, Some(_)) => return Err(Violation::Protocol),
            (data, None) => (data, payload),
        };
        if !is_final {
            self.fragments = Some(Box::new((data, whole)));
            return Ok(None);
        }
        match data {
            Data::Text => Utf8Bytes::try_from(whole.freeze()).map(Received::Text).map_err(|_| Violation::NotUtf8),
            _ => Ok(Received::Binary(whole.freeze())),
        }
        .map(Some)
    }
}

fn control_frame(control: Control, payload: BytesMut) -> Result<Received, Violation> {
    match control {
        Control::Ping => Ok(Received::Ping(payload.freeze())),
        Control::Pong => Ok(Received::Pong),
        _ => match payload.len() {
            0 => Ok(Received::Close(None)),
            1 => Err(Violation::Protocol),
            _ => {
                let code = u16::from_be_bytes([payload[0], payload[1]]);
                if !CloseCode::from(code).is_allowed() {
                    return Err(Violation::Protocol);
                }
                std::str::from_utf8(&payload[2..]).map_err(|_| Violation::NotUtf8)?;
                Ok(Received::Close(Some(code)))
            }
        },
    }
}

/// Appends a text frame whose text consists of these parts.
pub fn put_text(out: &mut BytesMut, parts: &[&str]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.reserve(10 + length);
    put_header(out, OpCode::Data(Data::Text), length);
    for part in parts {
        out.put_slice(part.as_bytes());
    }
}

/// Appends a binary frame.
pub fn put_binary(out: &mut BytesMut, payload: &[u8]) {
    out.reserve(10 + payload.len());
    put_header(out, OpCode::Data(Data::Binary), payload.len());
    out.put_slice(payload);
}

/// Appends a ping.
pub fn put_ping(out: &mut BytesMut) {
    put_header(out, OpCode::Control(Control::Ping), 0);
}

/// Appends a pong with this payload, which is that of the ping.
pub fn put_pong(out: &mut BytesMut, payload: &[u8]) {
    put_header(out, OpCode::Control(Control::Pong), payload.len());
    out.put_slice(payload);
}

/// Appends a close frame. Without a code it is empty. A reason that is too long is left out.
pub fn put_close(out: &mut BytesMut, code: Option<u16>, reason: &str) {
    let reason = if 2 + reason.len() <= CONTROL_MAX { reason } else { "" };
    let length = if code.is_some() { 2 + reason.len() } else { 0 };
    put_header(out, OpCode::Control(Control::Close), length);
    if let Some(code) = code {
        out.put_u16(code);
        out.put_slice(reason.as_bytes());
    }
}

fn put_header(out: &mut BytesMut, opcode: OpCode, length: usize) {
    const FINAL: u8 = 0x80;
    out.put_u8(FINAL | u8::from(opcode));
    match length {
        0..126 => out.put_u8(length as u8),
        126..=0xffff => {
            out.put_u8(126);
            out.put_u16(length as u16);
        }
        _ => {
            out.put_u8(127);
            out.put_u64(length as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameSocket};

    use super::*;

    const MASK: [u8; 4] = [1, 2, 3, 4];

    /// Returns a frame as a client writes it: the library's own writer is the reference.
    fn masked(opcode: OpCode, is_final: bool, payload: &[u8]) -> Vec<u8> {
        let header = FrameHeader { is_final, opcode, mask: Some(MASK), ..FrameHeader::default() };
        let mut socket = FrameSocket::new(Cursor::new(Vec::new()));
        socket.send(Frame::from_payload(header, Bytes::copy_from_slice(payload))).unwrap();
        socket.into_inner().0.into_inner()
    }

    fn decoder(bytes: &[u8]) -> Decoder {
        Decoder::new(BytesMut::from(bytes), 1 << 16)
    }

    fn text(text: &str) -> Received {
        Received::Text(text.into())
    }

    const TEXT: OpCode = OpCode::Data(Data::Text);
    const MORE: OpCode = OpCode::Data(Data::Continue);
    const PING: OpCode = OpCode::Control(Control::Ping);
    const CLOSE: OpCode = OpCode::Control(Control::Close);

    proptest! {
        #[test]
        fn a_message_comes_out_as_it_went_in_however_the_bytes_arrive(
            words in proptest::collection::vec(".{0,300}", 1..5),
            cut in 1_usize..40,
        ) {
            let bytes: Vec<u8> = words.iter().flat_map(|word| masked(TEXT, true, word.as_bytes())).collect();
            let (mut decoder, mut got) = (decoder(&[]), Vec::new());
            for some in bytes.chunks(cut) {
                decoder.input.extend_from_slice(some);
                while let Some(received) = decoder.next().unwrap() {
                    got.push(received);
                }
            }
            prop_assert_eq!(got, words.iter().map(|word| text(word)).collect::<Vec<_>>());
            prop_assert!(decoder.input.is_empty());
        }

        #[test]
        fn garbage_does_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut decoder = decoder(&bytes);
            while let Ok(Some(_)) = decoder.next() {}
        }

        /// The library reads what is written here.
        #[test]
        fn a_client_reads_what_is_written(parts in proptest::collection::vec(".{0,300}", 1..3)) {
            let mut out = BytesMut::new();
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            put_text(&mut out, &parts);
            put_binary(&mut out, b"\0\xff");
            put_ping(&mut out);
            put_pong(&mut out, b"as it came");
            put_close(&mut out, Some(4001), "slow");
            let mut client = FrameSocket::new(Cursor::new(out.to_vec()));
            let frame = client.read(None).unwrap().unwrap();
            let text = parts.concat();
            prop_assert_eq!((frame.header().opcode, frame.payload()), (TEXT, text.as_bytes()));
            prop_assert!(frame.header().mask.is_none());
            let binary = client.read(None).unwrap().unwrap();
            prop_assert_eq!((binary.header().opcode, binary.payload()), (OpCode::Data(Data::Binary), &b"\0\xff"[..]));
            prop_assert_eq!(client.read(None).unwrap().unwrap().header().opcode, PING);
            let pong = client.read(None).unwrap().unwrap();
            prop_assert_eq!(pong.payload(), b"as it came");
            let close = client.read(None).unwrap().unwrap();
            prop_assert_eq!(close.payload(), [&4001_u16.to_be_bytes()[..], b"slow"].concat());
        }
    }

    #[test]
    fn fragments_are_put_together_with_control_frames_in_between() {
        let bytes = [
            masked(TEXT, false, "hé".as_bytes()),
            masked(PING, true, b"?"),
            // A character may be cut in two.
            masked(MORE, false, &"llö".as_bytes()[..3]),
            masked(MORE, true, &"llö".as_bytes()[3..]),
        ];
        let mut decoder = decoder(&bytes.concat());
        assert_eq!(decoder.next(), Ok(Some(Received::Ping(Bytes::from_static(b"?")))));
        assert_eq!(decoder.next(), Ok(Some(text("héllö"))));
        assert_eq!(decoder.next(), Ok(None));
    }

    #[test]
    fn what_breaks_a_rule_is_named_by_its_code() {
        let binary = OpCode::Data(Data::Binary);
        let unmasked = vec![0x81, 0];
        let reserved_bit = vec![0xc1, 0x80, 1, 2, 3, 4];
        for (bytes, violation) in [
            (unmasked, Violation::Protocol),
            (reserved_bit, Violation::Protocol),
            (masked(OpCode::Data(Data::Reserved(3)), true, b""), Violation::Protocol),
            (masked(MORE, true, b"of nothing"), Violation::Protocol),
            ([masked(TEXT, false, b"a"), masked(TEXT, true, b"b")].concat(), Violation::Protocol),
            (masked(PING, false, b""), Violation::Protocol),
            (masked(PING, true, &[0; 126]), Violation::Protocol),
            (masked(CLOSE, true, &[3]), Violation::Protocol),
            (masked(CLOSE, true, &999_u16.to_be_bytes()), Violation::Protocol),
            (masked(CLOSE, true, &[3, 232, 0xff]), Violation::NotUtf8),
            (masked(TEXT, true, &[0xff]), Violation::NotUtf8),
            (masked(TEXT, true, &[b'x'; (1 << 16) + 1]), Violation::TooLong),
            ([masked(binary, false, &[0; 1 << 16]), masked(MORE, true, b"x")].concat(), Violation::TooLong),
        ] {
            let mut decoder = decoder(&bytes);
            let outcome = loop {
                match decoder.next() {
                    Ok(Some(_)) => {}
                    other => break other,
                }
            };
            assert_eq!(outcome, Err(violation), "{:?}", &bytes[..bytes.len().min(12)]);
        }
    }

    #[test]
    fn a_frame_of_each_length_is_read() {
        for length in [0, 125, 126, 0xffff, 0x1_0000] {
            let (text, mut out) = ("x".repeat(length), BytesMut::new());
            put_text(&mut out, &[&text]);
            let frame = FrameSocket::new(Cursor::new(out.to_vec())).read(None).unwrap().unwrap();
            assert_eq!(frame.payload(), text.as_bytes(), "{length}");
            let received = decoder(&masked(TEXT, true, text.as_bytes())).next();
            assert_eq!(received, Ok(Some(Received::Text(text.as_str().into()))), "{length}");
        }
    }

    #[test]
    fn a_long_frame_is_refused_before_it_comes() {
        let long = masked(TEXT, true, &[b'x'; (1 << 16) + 1]);
        assert_eq!(decoder(&long[..14]).next(), Err(Violation::TooLong));
    }

    #[test]
    fn a_close_frame_may_have_a_code_or_none() {
        assert_eq!(decoder(&masked(CLOSE, true, b"")).next(), Ok(Some(Received::Close(None))));
        let with_code = [&1000_u16.to_be_bytes()[..], b"bye"].concat();
        assert_eq!(decoder(&masked(CLOSE, true, &with_code)).next(), Ok(Some(Received::Close(Some(1000)))));
        let mut out = BytesMut::new();
        put_close(&mut out, None, "");
        assert_eq!(out[..], [0x88, 0]);
    }
}
