//! Properties of the codec. Any bytes, in any pieces, are decoded to what was sent or rejected.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use ferry_nsq::{
    ChannelName, Message, MessageId, ServerError, TopicName,
    codec::{self, CodecError, Frame, decode},
};
use proptest::{collection::vec, prelude::*};

const MAX: usize = 4096;

fn put_frame(out: &mut BytesMut, frame: &Frame) {
    let mut data = BytesMut::new();
    let frame_type = match frame {
        Frame::Heartbeat => {
            data.put_slice(b"_heartbeat_");
            0
        }
        Frame::Response(answer) => {
            data.put_slice(answer);
            0
        }
        Frame::Error(error) => {
            data.put_slice(error.to_string().as_bytes());
            1
        }
        Frame::Message(message) => {
            data.put_i64(message.timestamp);
            data.put_u16(message.attempts);
            data.put_slice(message.id.as_bytes());
            data.put_slice(&message.body);
            2
        }
    };
    out.put_u32(data.len() as u32 + 4);
    out.put_i32(frame_type);
    out.put_slice(&data);
}

fn frames() -> impl Strategy<Value = Vec<Frame>> {
    let message = (any::<i64>(), any::<u16>(), "[0-9a-f]{16}", vec(any::<u8>(), 0..600)).prop_map(
        |(timestamp, attempts, id, body)| {
            let id: MessageId = id.parse().unwrap();
            Frame::Message(Message { id, attempts, timestamp, body: Bytes::from(body) })
        },
    );
    let error = ("E_[A-HJ-Z]{1,20}", "[ -~]{0,100}")
        .prop_map(|(code, description)| Frame::Error(ServerError { code, description }));
    let response = vec(any::<u8>(), 0..50)
        .prop_filter("that is a heartbeat", |answer| answer != b"_heartbeat_")
        .prop_map(|answer| Frame::Response(answer.into()));
    vec(prop_oneof![Just(Frame::Heartbeat), response, error, message], 0..20)
}

/// Decodes `stream` in pieces, as reads from a socket would.
fn decode_in_pieces(stream: &[u8], cuts: &[usize]) -> Result<Vec<Frame>, CodecError> {
    let mut buffer = BytesMut::new();
    let mut decoded = Vec::new();
    let mut cuts = cuts.iter().cycle();
    let mut rest = stream;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
        buffer.put_slice(piece);
        rest = after;
        while let Some(frame) = decode(&mut buffer, MAX)? {
            decoded.push(frame);
        }
    }
    Ok(decoded)
}

proptest! {
    #[test]
    fn frames_survive_however_the_stream_is_cut(sent in frames(), cuts in vec(1_usize..700, 1..20)) {
        let mut stream = BytesMut::new();
        for frame in &sent {
            put_frame(&mut stream, frame);
        }
        prop_assert_eq!(decode_in_pieces(&stream, &cuts), Ok(sent));
    }

    #[test]
    fn garbage_is_an_error_or_more_is_awaited_but_never_a_panic(
        garbage in vec(any::<u8>(), 0..2000),
        cuts in vec(1_usize..100, 1..10),
    ) {
        let _ = decode_in_pieces(&garbage, &cuts);
    }

    /// Random bytes hardly ever get past the size, so this garbage has a valid one.
    #[test]
    fn garbage_with_a_plausible_header_is_no_panic_either(
        size in 0_u32..200,
        frame_type in -1_i32..4,
        garbage in vec(any::<u8>(), 0..400),
    ) {
        let mut stream = BytesMut::new();
        stream.put_u32(size);
        stream.put_i32(frame_type);
        stream.put_slice(&garbage);
        let _ = decode_in_pieces(&stream, &[1, 50]);
    }

    #[test]
    fn an_oversize_frame_is_refused_on_its_header_before_memory_is_set_aside(
        size in MAX as u32 + 1..,
        frame_type in any::<i32>(),
    ) {
        let mut buffer = BytesMut::with_capacity(64);
        buffer.put_u32(size);
        buffer.put_i32(frame_type);
        prop_assert_eq!(decode(&mut buffer, MAX), Err(CodecError::Oversize { size: size as usize, max: MAX }));
        prop_assert!(buffer.capacity() <= 64);
    }

    #[test]
    fn a_published_body_is_framed_by_its_length_whatever_it_contains(
        name in "[.a-zA-Z0-9_-]{1,64}",
        body in vec(any::<u8>(), 1..500),
    ) {
        let mut out = BytesMut::new();
        codec::publish(&mut out, &TopicName::new(&name).unwrap(), &body);
        let mut expected = format!("PUB {name}\n").into_bytes();
        expected.put_u32(body.len() as u32);
        expected.put_slice(&body);
        prop_assert_eq!(&out[..], &expected[..]);
    }

    /// In `E_FIN_FAILED FIN … failed` nsqd quotes what it received. The stored text is bounded,
    /// and any bytes are accepted.
    #[test]
    fn an_error_frame_of_any_bytes_is_an_error_frame(data in vec(any::<u8>(), 0..1000)) {
        let mut stream = BytesMut::new();
        stream.put_u32(data.len() as u32 + 4);
        stream.put_i32(1);
        stream.put_slice(&data);
        let Ok(Some(Frame::Error(error))) = decode(&mut stream, MAX) else { panic!("no error frame") };
        prop_assert!(error.to_string().len() <= 3 * 256 + 1);
    }
}

#[test]
fn commands_are_the_bytes_of_the_specification() {
    let (topic, channel) = (TopicName::new("t").unwrap(), ChannelName::new("c#ephemeral").unwrap());
    let id: MessageId = "0123456789abcdef".parse().unwrap();
    let mut out = BytesMut::new();
    codec::identify(&mut out, b"{}");
    codec::subscribe(&mut out, &topic, &channel);
    codec::ready(&mut out, 64);
    codec::finish(&mut out, id);
    codec::requeue(&mut out, id, Duration::from_micros(1_999_999));
    codec::touch(&mut out, id);
    codec::publish_many(&mut out, &topic, &[Bytes::from_static(b"ab"), Bytes::from_static(b"c")]);
    codec::close(&mut out);
    codec::nop(&mut out);
    assert_eq!(
        &out[..],
        b"IDENTIFY\n\0\0\0\x02{}SUB t c#ephemeral\nRDY 64\nFIN 0123456789abcdef\n\
          REQ 0123456789abcdef 1999\nTOUCH 0123456789abcdef\n\
          MPUB t\n\0\0\0\x0f\0\0\0\x02\0\0\0\x02ab\0\0\0\x01cCLS\nNOP\n"
    );
}

#[test]
fn a_message_with_an_id_that_could_become_a_command_is_refused() {
    let mut stream = BytesMut::new();
    stream.put_u32(4 + 8 + 2 + 16);
    stream.put_i32(2);
    stream.put_bytes(0, 10);
    stream.put_slice(b"0123456789abcd\nX");
    assert_eq!(decode(&mut stream, MAX), Err(CodecError::BadMessageId));
}

#[test]
fn what_nsqd_quotes_of_an_invalid_command_is_not_repeated() {
    let mut stream = BytesMut::new();
    let text = b"E_INVALID invalid command canary";
    stream.put_u32(text.len() as u32 + 4);
    stream.put_i32(1);
    stream.put_slice(text);
    let Ok(Some(Frame::Error(error))) = decode(&mut stream, MAX) else { panic!("no error frame") };
    assert_eq!(error.code, "E_INVALID");
    assert!(!error.to_string().contains("canary"));
}
