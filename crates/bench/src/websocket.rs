//! WebSocket frames (RFC 6455 §5) as a client writes and reads them, with as little copying as
//! possible.

/// The opcode of a text frame.
pub const TEXT: u8 = 1;
/// The opcode of a close frame.
pub const CLOSE: u8 = 8;
/// The opcode of a ping.
pub const PING: u8 = 9;
/// The opcode of a pong.
pub const PONG: u8 = 10;

/// The masking key. Masking only protects against broken proxies, so one key is enough for a load
/// generator.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The key of the request, from RFC 6455 §1.3. [`ACCEPT`] is the answer to it.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// See [`KEY`].
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Appends a frame whose payload `build` appends. It must be shorter than 64 KiB.
pub fn write(out: &mut Vec<u8>, opcode: u8, build: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    // The longer form of the length is not allowed if the shorter one is possible. So the payload
    // of a short frame moves by two bytes.
    out.extend_from_slice(&[0x80 | opcode, 0x80 | 126, 0, 0]);
    out.extend_from_slice(&MASK);
    let payload = out.len();
    build(out);
    for (byte, mask) in out[payload..].iter_mut().zip(MASK.iter().cycle()) {
        *byte ^= mask;
    }
    let length = out.len() - payload;
    if length < 126 {
        out[start + 1] = 0x80 | length as u8;
        out.drain(start + 2..start + 4);
    } else {
        out[start + 2..start + 4].copy_from_slice(&(length as u16).to_be_bytes());
    }
}

/// A frame in its buffer.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The opcode.
    pub opcode: u8,
    /// The payload.
    pub payload: &'a [u8],
    /// The length of the complete frame, in bytes.
    pub length: usize,
}

/// Returns the first frame in a buffer, if it is complete. Frames of a server are not masked, and
/// the measured systems send no fragments.
pub fn first(buffer: &[u8]) -> Option<Frame<'_>> {
    let (&first, &second) = (buffer.first()?, buffer.get(1)?);
    let (header, length): (usize, usize) = match second & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes(buffer.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(buffer.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, usize::from(short)),
    };
    let payload = buffer.get(header..header.checked_add(length)?)?;
    Some(Frame { opcode: first & 0x0f, payload, length: header + length })
}

/// Returns the code and the reason in a close frame.
pub fn close_reason(payload: &[u8]) -> String {
    match payload {
        [high, low, reason @ ..] => {
            format!("closed with {} {}", u16::from_be_bytes([*high, *low]), String::from_utf8_lossy(reason))
        }
        _ => "closed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_masked_and_has_its_length() {
        for length in [0, 1, 125, 126, 1000, 65_535] {
            let mut out = vec![9];
            write(&mut out, TEXT, |out| out.resize(out.len() + length, b'a'));
            let header = if length < 126 { 2 } else { 4 };
            assert_eq!((out[1], out.len()), (0x81, 1 + header + 4 + length));
            // Unmasked, and read as a server's frame.
            let payload: Vec<u8> =
                out[1 + header + 4..].iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
            let mut frame = out[1..=header].to_vec();
            frame[1] &= 0x7f;
            frame.extend_from_slice(&payload);
            assert_eq!(first(&frame[..frame.len() - 1]), None);
            frame.push(0x81);
            let got = first(&frame).unwrap();
            assert_eq!((got.opcode, got.payload.len(), got.length), (TEXT, length, frame.len() - 1));
            assert!(got.payload.iter().all(|&byte| byte == b'a'));
        }
    }
}
