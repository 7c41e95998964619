//! The part of NATS's client protocol that a device needs.

use std::io::Write;

/// The greeting, and a PING whose answer shows that the server has heard it.
pub const CONNECT: &[u8] =
    b"CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"rust\",\"version\":\"0\",\"protocol\":1}\r\nPING\r\n";

/// A line from the server.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// MSG.
    Message { subject: &'a str, reply: Option<&'a str>, payload: &'a [u8] },
    /// PING, which needs an answer.
    Ping,
    /// PONG.
    Pong,
    /// INFO or +OK.
    Other,
}

/// Appends PUB.
pub fn write_publish(subject: &str, reply: Option<&str>, payload: &[u8], out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = match reply {
        Some(reply) => write!(out, "PUB {subject} {reply} {}\r\n", payload.len()),
        None => write!(out, "PUB {subject} {}\r\n", payload.len()),
    };
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
}

/// Returns the first line in a buffer and its length, if it is complete.
///
/// # Errors
/// Fails on `-ERR`, and on a line that is not one of NATS's.
pub fn first(buffer: &[u8]) -> anyhow::Result<Option<(Incoming<'_>, usize)>> {
    let Some(end) = memchr::memchr(b'\n', buffer) else { return Ok(None) };
    let line = std::str::from_utf8(&buffer[..end])?.trim_end();
    let after = end + 1;
    let mut words = line.split(' ');
    let incoming = match words.next() {
        Some("MSG") => {
            let rest: Vec<&str> = words.collect();
            let (subject, reply, size) = match rest[..] {
                [subject, _, size] => (subject, None, size),
                [subject, _, reply, size] => (subject, Some(reply), size),
                _ => anyhow::bail!("a MSG that is none"),
            };
            let size: usize = size.parse()?;
            let Some(payload) = buffer.get(after..after + size) else { return Ok(None) };
            let length = after + size + 2;
            return Ok((buffer.len() >= length).then_some((Incoming::Message { subject, reply, payload }, length)));
        }
        Some("PING") => Incoming::Ping,
        Some("PONG") => Incoming::Pong,
        Some("INFO" | "+OK") => Incoming::Other,
        _ => anyhow::bail!("the server said: {line}"),
    };
    Ok(Some((incoming, after)))
}

/// Returns whether the ack subject of a delivery says that it is not the first one. The form is
/// `$JS.ACK.<stream>.<consumer>.<deliveries>.…`; newer servers have a domain and an account before
/// the stream.
pub fn is_redelivered(ack: &str) -> bool {
    let words = ack.split('.').count();
    let place = if words >= 11 { 6 } else { 4 };
    ack.split('.').nth(place).is_some_and(|deliveries| deliveries != "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart_and_waited_for() {
        let text = b"MSG a.b 1 $JS.ACK.s.c.2.3.4.5.6 5\r\nhello\r\nPING\r\n";
        assert_eq!(first(&text[..text.len() - 8]).unwrap(), None);
        let (incoming, length) = first(text).unwrap().unwrap();
        let Incoming::Message { subject: "a.b", reply: Some(reply), payload: b"hello" } = incoming else {
            panic!("{incoming:?}")
        };
        assert!(is_redelivered(reply) && !is_redelivered("$JS.ACK.s.c.1.3.4.5.6"));
        assert!(is_redelivered("$JS.ACK._.hash.s.c.2.3.4.5.6.token"));
        assert_eq!(first(&text[length..]).unwrap(), Some((Incoming::Ping, 6)));
        assert!(first(b"-ERR 'no'\r\n").is_err());
    }

    #[test]
    fn a_publish_has_its_length() {
        let mut out = Vec::new();
        write_publish("a", Some("b"), b"xyz", &mut out);
        write_publish("a", None, b"", &mut out);
        assert_eq!(out, b"PUB a b 3\r\nxyz\r\nPUB a 0\r\n\r\n");
    }
}
