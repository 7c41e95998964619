//! WebSocket frames (RFC 6455 §5), as a client writes and reads them, with nothing copied that need not be.

/// Opcode of a text frame.
pub const TEXT: u8 = 1;
/// Opcode of a close frame.
pub const CLOSE: u8 = 8;
/// Opcode of a ping.
pub const PING: u8 = 9;
/// Opcode of a pong.
pub const PONG: u8 = 10;

/// Masking hides frames from broken proxies, and nobody else: one key does for a generator.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The key of the request, and the answer to it, from RFC 6455 §1.3.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// See [`KEY`].
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Appends a frame whose payload `build` appends. It has to be shorter than 64 KiB.
pub fn write(out: &mut Vec<u8>, opcode: u8, build: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    // The longer form of the length is allowed to nobody who could use the shorter one, so short frames move by two bytes.
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

/// A frame, where it lies.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it is.
    pub opcode: u8,
    /// What it holds.
    pub payload: &'a [u8],
    /// Its bytes in all.
    pub length: usize,
}

/// The first frame in a buffer, where it is there as a whole. A server's frames are not masked, and those that are measured here send none
/// in parts.
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

/// What a close frame says: its code and reason.
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
            // Unmasked again and read as a server's.
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
