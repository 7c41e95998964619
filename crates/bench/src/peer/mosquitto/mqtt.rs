//! The part of MQTT 3.1.1 that a device needs.

/// A packet from the server.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// CONNACK, accepted.
    Connected,
    /// SUBACK, granted.
    Subscribed,
    /// PUBLISH with QoS 1. `again` is true if it may have been delivered before.
    Publish { id: u16, again: bool, payload: &'a [u8] },
    /// PUBACK.
    Acked(u16),
    /// Any other packet.
    Other,
}

fn write_packet(kind: u8, body: usize, out: &mut Vec<u8>) {
    out.push(kind);
    // §2.2.3: seven bits in each byte, the least significant ones first.
    let mut left = body;
    loop {
        let (low, more) = (left as u8 & 0x7f, left >> 7);
        out.push(if more > 0 { low | 0x80 } else { low });
        left = more;
        if left == 0 {
            return;
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Appends CONNECT with a persistent session and without keep-alive.
pub fn write_connect(client: &str, out: &mut Vec<u8>) {
    write_packet(0x10, 12 + client.len(), out);
    write_text("MQTT", out);
    // Level 4; no clean session, no will, no user.
    out.extend_from_slice(&[4, 0, 0, 0]);
    write_text(client, out);
}

/// Appends SUBSCRIBE with QoS 1.
pub fn write_subscribe(topic: &str, out: &mut Vec<u8>) {
    write_packet(0x82, 5 + topic.len(), out);
    out.extend_from_slice(&1_u16.to_be_bytes());
    write_text(topic, out);
    out.push(1);
}

/// Appends PUBLISH with QoS 1. `write_payload` appends `size` bytes.
pub fn write_publish(topic: &str, id: u16, size: usize, write_payload: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
    write_packet(0x32, 4 + topic.len() + size, out);
    write_text(topic, out);
    out.extend_from_slice(&id.to_be_bytes());
    write_payload(out);
}

/// Appends PUBACK.
pub fn write_ack(id: u16, out: &mut Vec<u8>) {
    write_packet(0x40, 2, out);
    out.extend_from_slice(&id.to_be_bytes());
}

/// Returns the first packet in a buffer and its length, if it is complete.
///
/// # Errors
/// Fails if the server rejects something, or if the bytes are not a packet.
pub fn first(buffer: &[u8]) -> anyhow::Result<Option<(Packet<'_>, usize)>> {
    let Some(&kind) = buffer.first() else { return Ok(None) };
    let (mut length, mut at) = (0_usize, 1);
    loop {
        let Some(&byte) = buffer.get(at) else { return Ok(None) };
        anyhow::ensure!(at <= 4, "a length that is none");
        length |= usize::from(byte & 0x7f) << (7 * (at - 1));
        at += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let Some(body) = buffer.get(at..at + length) else { return Ok(None) };
    let packet = match kind >> 4 {
        2 => {
            anyhow::ensure!(body.get(1) == Some(&0), "the connection is refused: {body:?}");
            Packet::Connected
        }
        9 => {
            anyhow::ensure!(body.get(2) == Some(&1), "the subscription is refused: {body:?}");
            Packet::Subscribed
        }
        3 => publish(kind, body).ok_or_else(|| anyhow::anyhow!("a PUBLISH that is none"))?,
        4 => Packet::Acked(number(body, 0).ok_or_else(|| anyhow::anyhow!("a PUBACK that is none"))?),
        _ => Packet::Other,
    };
    Ok(Some((packet, at + length)))
}

fn publish(kind: u8, body: &[u8]) -> Option<Packet<'_>> {
    let topic = usize::from(number(body, 0)?);
    let id = number(body, 2 + topic)?;
    Some(Packet::Publish { id, again: kind & 0x08 != 0, payload: body.get(4 + topic..)? })
}

fn number(body: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(body.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_is_read_as_it_was_written() {
        for size in [0, 100, 127, 128, 20_000] {
            let mut out = Vec::new();
            write_publish("room/1", 513, size, |out| out.resize(out.len() + size, 7), &mut out);
            assert_eq!(first(&out[..out.len() - 1]).unwrap(), None);
            out.push(0);
            let (packet, length) = first(&out).unwrap().unwrap();
            assert_eq!(length, out.len() - 1);
            assert_eq!(packet, Packet::Publish { id: 513, again: false, payload: &vec![7; size] });
        }
    }

    #[test]
    fn answers_are_told_apart() {
        assert_eq!(first(&[0x20, 2, 1, 0]).unwrap(), Some((Packet::Connected, 4)));
        assert!(first(&[0x20, 2, 0, 5]).is_err());
        assert_eq!(first(&[0x90, 3, 0, 1, 1]).unwrap(), Some((Packet::Subscribed, 5)));
        assert_eq!(first(&[0x40, 2, 2, 1]).unwrap(), Some((Packet::Acked(513), 4)));
    }
}
