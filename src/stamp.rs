//! The stamps `epoch` and `seq`, by which receivers order one device's messages and name a gap.
//! Pure.

use std::collections::{HashMap, VecDeque};

use ferry_protocol::{MessageId, RoomId, Send, Sent};
use sha2::{Digest, Sha256};

/// Rooms that a connection numbers at the same time. One more begins a new epoch with fresh
/// numbers, so that a device cannot make the map grow.
const ROOMS: usize = 512;

/// Sends of a connection for which a retry is recognised. An older id counts as a new message: it
/// gets a new stamp, and receivers drop it by its id.
const RECENT: usize = 256;

/// The place of a message among those of its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// See [`ferry_protocol::Message::epoch`].
    pub epoch: i64,
    /// See [`ferry_protocol::Message::seq`].
    pub seq: u64,
}

/// The history of a send's id in this connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Known {
    /// Not used in this connection, or too long ago.
    New,
    /// The same message, not confirmed yet. Publish it again with the same stamp.
    Retry(Stamp),
    /// The same message, confirmed. Give the same answer again.
    Confirmed(Sent),
    /// Another message has this id.
    Reused,
}

#[derive(Debug)]
struct Recent {
    digest: [u8; 32],
    stamp: Stamp,
    sent: Option<Sent>,
}

/// The stamps of one connection.
#[derive(Debug)]
pub struct Stamps {
    epoch: i64,
    next: HashMap<RoomId, u64>,
    recent: HashMap<MessageId, Recent>,
    /// The keys of `recent`, oldest first.
    order: VecDeque<MessageId>,
}

impl Stamps {
    /// Creates the stamps of a connection that opened at `epoch`.
    #[must_use]
    pub fn new(epoch: i64) -> Self {
        Self { epoch, next: HashMap::new(), recent: HashMap::new(), order: VecDeque::new() }
    }

    /// Returns the epoch in force.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Begins a greater epoch, in which every room counts from 1 again. Retries keep the stamps
    /// they had.
    pub fn begin(&mut self, epoch: i64) {
        self.epoch = epoch.max(self.epoch + 1);
        self.next = HashMap::new();
    }

    /// Returns what is known of a send's id.
    #[must_use]
    pub fn look_up(&self, send: &Send) -> Known {
        let Some(recent) = self.recent.get(&send.id) else { return Known::New };
        if recent.digest != digest(send) {
            return Known::Reused;
        }
        recent.sent.clone().map_or(Known::Retry(recent.stamp), Known::Confirmed)
    }

    /// Stamps a send that may go out. Call this only for a send that is [`Known::New`], and only
    /// once nothing but the broker can fail. Receivers wait for every number that was given.
    pub fn stamp(&mut self, send: &Send, now: i64) -> Stamp {
        if self.next.len() >= ROOMS && !self.next.contains_key(&send.room) {
            self.begin(now);
        }
        let seq = self.next.entry(send.room).or_insert(0);
        *seq += 1;
        let stamp = Stamp { epoch: self.epoch, seq: *seq };
        if self.order.len() >= RECENT
            && let Some(oldest) = self.order.pop_front()
        {
            self.recent.remove(&oldest);
        }
        self.order.push_back(send.id);
        self.recent.insert(send.id, Recent { digest: digest(send), stamp, sent: None });
        stamp
    }

    /// Notes that every publish of the send was confirmed.
    pub fn confirm(&mut self, sent: &Sent) {
        if let Some(recent) = self.recent.get_mut(&sent.id) {
            recent.sent = Some(sent.clone());
        }
    }
}

/// Returns a hash of the message's content, so that no body is kept to compare with.
fn digest(send: &Send) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(send.room.0.as_bytes());
    hasher.update(send.reply_to.map_or(uuid::Uuid::nil(), |id| id.0).as_bytes());
    hasher.update(send.kind.as_bytes());
    hasher.update([0]);
    // The number of mentions goes first, and a zero ends each text, which contains no zero. So
    // different sends never give the hash the same bytes.
    hasher.update(send.mentions.len().to_le_bytes());
    for user in &send.mentions {
        hasher.update(user.0.as_bytes());
    }
    hasher.update(send.content_type.as_deref().unwrap_or_default().as_bytes());
    hasher.update([0]);
    hasher.update(send.body.get().as_bytes());
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use ferry_protocol::{Body, KIND_TEXT, UserId};

    use super::*;

    fn send(room: RoomId, text: &str) -> Send {
        Send {
            id: MessageId::new(),
            room,
            kind: KIND_TEXT.into(),
            body: Body::text(text),
            reply_to: None,
            mentions: Vec::new(),
            content_type: None,
        }
    }

    #[test]
    fn every_room_counts_from_one() {
        let (mut stamps, room, other) = (Stamps::new(7), RoomId::new(), RoomId::new());
        let seqs: Vec<_> =
            [room, room, other, room].map(|room| stamps.stamp(&send(room, "x"), 8)).map(|s| s.seq).into();
        assert_eq!(seqs, [1, 2, 1, 3]);
    }

    #[test]
    fn a_retry_keeps_its_stamp_and_a_confirmed_one_its_answer() {
        let (mut stamps, first) = (Stamps::new(7), send(RoomId::new(), "x"));
        assert_eq!(stamps.look_up(&first), Known::New);
        let stamp = stamps.stamp(&first, 8);
        assert_eq!(stamps.look_up(&first), Known::Retry(stamp));
        let sent = Sent { id: first.id, sent_at: 9, recipients: 1, unreachable: vec![], epoch: 1, seq: 1 };
        stamps.confirm(&sent);
        assert_eq!(stamps.look_up(&first), Known::Confirmed(sent));
        for other in [
            Send { body: Body::text("y"), ..first.clone() },
            Send { mentions: vec![UserId::new()], ..first.clone() },
            Send { content_type: Some("text/plain".into()), ..first },
        ] {
            assert_eq!(stamps.look_up(&other), Known::Reused);
        }
    }

    #[test]
    fn more_rooms_than_the_bound_begin_a_new_epoch() {
        let mut stamps = Stamps::new(7);
        for _ in 0..ROOMS {
            assert_eq!(stamps.stamp(&send(RoomId::new(), "x"), 3).epoch, 7);
        }
        assert_eq!(stamps.stamp(&send(RoomId::new(), "x"), 3), Stamp { epoch: 8, seq: 1 });
    }
}
