//! Conversations of a small world, in which everything happens that can.

use ferry_protocol::{Body, DeviceId, Message, MessageId, Role, RoomId, Sender, Stream, Target, UserId};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use crate::Draft;

/// An action of a user, as numbers that become users, devices and messages of a small world.
pub(super) type Deed = (u8, bool, u8, u8, bool, i64);

fn number(of: impl Into<u128>) -> Uuid {
    Uuid::from_u128(of.into())
}

/// Returns the messages that a relay makes of all actions. Two of the three users have a second
/// device, and one is a moderator. Clocks go back and forth, ids collide, and some messages are
/// sent twice with another stamp.
pub(super) fn messages(room: RoomId, deeds: &[Deed]) -> Vec<Message> {
    let mut all: Vec<Message> = Vec::new();
    for (index, (who, second, what, about, own, clock)) in deeds.iter().enumerate() {
        let user = UserId(number(who % 3));
        let author = if *own { user } else { UserId(number(about % 3)) };
        let target = Target { message: MessageId(number(about % 4)), from: author };
        let emoji = ["👍", "🎉"][usize::from(about / 4 % 2)];
        let draft = match what % 8 {
            0 | 1 => Draft::edit(target, &format!("edit {index}")),
            2 => Draft::react(target, emoji),
            3 => Draft::unreact(target, emoji),
            4 if index % 3 == 0 => Draft::delete(target),
            5 => Draft::new("poll", Body::json(&json!(index))),
            _ => Draft::text(&format!("text {index}")),
        };
        let stands_alone = draft.kind == "text" || draft.kind == "poll";
        let id = if stands_alone { MessageId(number(about % 4)) } else { MessageId(number(0x1000 + index as u128)) };
        let role = if *who % 3 == 2 { Role::Moderator } else { Role::Member };
        let device = DeviceId(number(10 + who % 3 + if *second { 3 } else { 0 }));
        let Draft { kind, body, .. } = draft;
        let (epoch, seq) = (index as i64 / 4, index as u64);
        let from = Sender { user, device, role };
        let (reply_to, mentions, content_type) = (None, Vec::new(), None);
        let message = Message {
            id,
            room,
            from,
            kind,
            body,
            reply_to,
            mentions,
            content_type,
            stream: Stream::Socket,
            after: None,
            epoch,
            seq,
            sent_at: 100 + clock,
        };
        if what % 16 >= 12 {
            all.push(Message { seq: seq + 1_000, sent_at: message.sent_at + 1, ..message.clone() });
        }
        all.push(message);
    }
    all
}

pub(super) fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = (any::<u8>(), any::<bool>(), any::<u8>(), any::<u8>(), any::<bool>(), -5..5i64);
    proptest::collection::vec(deed, 1..40)
}
