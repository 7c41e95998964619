//! The NSQ protocol, version 2, as bytes: writes commands and reads frames. No I/O, no clock.
//!
//! See <https://nsq.io/clients/tcp_protocol_spec.html> and, for what it leaves out, nsqd 1.3.0
//! `nsqd/protocol_v2.go`.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};

pub use crate::error::CodecError;
use crate::{
    error::ServerError,
    message::{Message, MessageId},
    name::{ChannelName, TopicName},
};

/// The first bytes of a connection. They ask for version 2 of the protocol.
pub const MAGIC: &[u8; 4] = b"  V2";

/// The bytes of a frame's size (4) and type (4). The size counts the type but not itself.
const HEADER: usize = 8;
/// The bytes before a message's body: timestamp (8), attempts (2) and id.
const MESSAGE_HEADER: usize = 8 + 2 + MessageId::LENGTH;

const RESPONSE: i32 = 0;
const ERROR: i32 = 1;
const MESSAGE: i32 = 2;

const HEARTBEAT: &[u8] = b"_heartbeat_";

/// A frame from nsqd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The frame `_heartbeat_`. Answer it with NOP, or nsqd closes the connection after two
    /// intervals.
    Heartbeat,
    /// The answer to a command: `OK`, `CLOSE_WAIT`, or the JSON that answers IDENTIFY.
    Response(Bytes),
    /// The error of a command.
    Error(ServerError),
    /// A delivery.
    Message(Message),
}

/// Takes the first complete frame out of `buffer`. Returns `None` if more bytes are needed.
///
/// `max_frame_size` limits the size field (type included). If a frame is incomplete, this reserves
/// room for the rest of it, so that the next read can take all of it. The limit is checked first
/// for this reason.
pub fn decode(buffer: &mut BytesMut, max_frame_size: usize) -> Result<Option<Frame>, CodecError> {
    let Some(header) = buffer.first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let mut header = &header[..];
    let size = usize::try_from(header.get_u32()).unwrap_or(usize::MAX);
    let frame_type = header.get_i32();
    if size > max_frame_size {
        return Err(CodecError::Oversize { size, max: max_frame_size });
    }
    if size < 4 {
        return Err(CodecError::Undersize(size));
    }
    if !matches!(frame_type, RESPONSE | ERROR | MESSAGE) {
        return Err(CodecError::UnknownType(frame_type));
    }
    let total = size + 4;
    if buffer.len() < total {
        buffer.reserve(total - buffer.len());
        return Ok(None);
    }

    let data = &buffer[HEADER..total];
    // Copied, not split off: a body that shared the read buffer would keep all of the buffer alive
    // for as long as one device lags.
    let frame = match frame_type {
        RESPONSE if data == HEARTBEAT => Frame::Heartbeat,
        RESPONSE => Frame::Response(Bytes::copy_from_slice(data)),
        ERROR => Frame::Error(ServerError::parse(data)),
        _ => Frame::Message(decode_message(data)?),
    };
    buffer.advance(total);
    Ok(Some(frame))
}

fn decode_message(mut data: &[u8]) -> Result<Message, CodecError> {
    if data.len() < MESSAGE_HEADER {
        return Err(CodecError::Undersize(data.len()));
    }
    let timestamp = data.get_i64();
    let attempts = data.get_u16();
    let mut id = [0; MessageId::LENGTH];
    data.copy_to_slice(&mut id);
    let id = MessageId::from_wire(id).map_err(|_| CodecError::BadMessageId)?;
    Ok(Message { id, attempts, timestamp, body: Bytes::copy_from_slice(data) })
}

/// Appends `IDENTIFY` with its JSON body.
pub fn identify(out: &mut BytesMut, json: &[u8]) {
    out.put_slice(b"IDENTIFY\n");
    put_sized(out, json);
}

/// Appends `PUB`. nsqd rejects an empty body.
pub fn publish(out: &mut BytesMut, topic: &TopicName, body: &[u8]) {
    put_line(out, &[b"PUB ", topic.as_str().as_bytes()]);
    put_sized(out, body);
}

/// Appends `MPUB`. nsqd queues all of `bodies` or none, and gives one answer.
pub fn publish_many(out: &mut BytesMut, topic: &TopicName, bodies: &[Bytes]) {
    put_line(out, &[b"MPUB ", topic.as_str().as_bytes()]);
    let size: usize = 4 + bodies.iter().map(|body| 4 + body.len()).sum::<usize>();
    out.reserve(4 + size);
    put_size(out, size);
    put_size(out, bodies.len());
    for body in bodies {
        put_sized(out, body);
    }
}

/// Appends `SUB`.
pub fn subscribe(out: &mut BytesMut, topic: &TopicName, channel: &ChannelName) {
    put_line(out, &[b"SUB ", topic.as_str().as_bytes(), b" ", channel.as_str().as_bytes()]);
}

/// Appends `RDY`, which sets how many messages may be in flight.
pub fn ready(out: &mut BytesMut, count: u32) {
    put_line(out, &[b"RDY ", count.to_string().as_bytes()]);
}

/// Appends `FIN`.
pub fn finish(out: &mut BytesMut, id: MessageId) {
    put_line(out, &[b"FIN ", id.as_bytes()]);
}

/// Appends `REQ`, which puts the message back into the queue after `delay`, rounded down to
/// milliseconds.
pub fn requeue(out: &mut BytesMut, id: MessageId, delay: Duration) {
    // nsqd reads the number as an i64 and limits it to its max_req_timeout.
    let millis = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX).min(MAX_REQUEUE_MILLIS);
    put_line(out, &[b"REQ ", id.as_bytes(), b" ", millis.to_string().as_bytes()]);
}

/// The longest delay in milliseconds, ten years. nsqd converts it to nanoseconds in an i64; a
/// larger number would overflow to a negative delay.
const MAX_REQUEUE_MILLIS: i64 = 10 * 366 * 24 * 3600 * 1000;

/// Appends `TOUCH`, which starts the message timeout again.
pub fn touch(out: &mut BytesMut, id: MessageId) {
    put_line(out, &[b"TOUCH ", id.as_bytes()]);
}

/// Appends `CLS`, which asks for no more messages. The answer is `CLOSE_WAIT`.
pub fn close(out: &mut BytesMut) {
    put_line(out, &[b"CLS"]);
}

/// Appends `NOP`, the answer to a heartbeat.
pub fn nop(out: &mut BytesMut) {
    put_line(out, &[b"NOP"]);
}

fn put_line(out: &mut BytesMut, parts: &[&[u8]]) {
    for part in parts {
        out.put_slice(part);
    }
    out.put_u8(b'\n');
}

fn put_sized(out: &mut BytesMut, body: &[u8]) {
    out.reserve(4 + body.len());
    put_size(out, body.len());
    out.put_slice(body);
}

fn put_size(out: &mut BytesMut, size: usize) {
    // Senders limit bodies far below 4 GiB. If a longer one came here, nsqd would reject the size,
    // because it is negative as an i32.
    out.put_u32(u32::try_from(size).unwrap_or(u32::MAX));
}
