//! The stamps `epoch` and `seq`, by which receivers order one device's messages and name a gap, and
//! the recognition of retries. Pure: the caller passes the time.

mod beside;
mod recent;

use std::{collections::HashMap, sync::Arc};

use ferry_protocol::{RoomId, Send, Stream, UserId};

pub use beside::SendsOverHttp;
pub use recent::Recent;

/// Rooms that a connection numbers at the same time. One more begins a new epoch with fresh
/// numbers, so that a device cannot make the map grow.
const ROOMS: usize = 512;
/// Rooms whose numbers a connection keeps while it sends nothing. With more, its next send begins a
/// new epoch, so that an idle device does not pay for a busy day.
const IDLE_ROOMS: usize = 16;

/// The place of a message among those of its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// See [`ferry_protocol::Message::stream`].
    pub stream: Stream,
    /// See [`ferry_protocol::Message::epoch`].
    pub epoch: i64,
    /// See [`ferry_protocol::Message::seq`].
    pub seq: u64,
    /// See [`ferry_protocol::Message::sent_at`]. A retry has the time of the first try.
    pub sent_at: i64,
}

/// A send that was tried before, with the same content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// Its stamp. A retry has the same one.
    pub stamp: Stamp,
    /// The users whose publish is not confirmed. Empty if all are, `None` if that is not known.
    pub outstanding: Option<Arc<[UserId]>>,
    /// The recipients of the first try.
    pub recipients: u32,
}

impl Earlier {
    /// Returns whether every recipient has the message.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.outstanding.as_ref().is_some_and(|outstanding| outstanding.is_empty())
    }
}

/// The history of a send's id in this connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Known {
    /// Not used in this connection, or too long ago.
    New,
    /// The same message. Publish it to those who are outstanding, with the same stamp.
    Again(Earlier),
    /// Another message has this id.
    Reused,
}

/// The stamps of one connection.
#[derive(Debug)]
pub struct Stamps {
    epoch: i64,
    next: HashMap<RoomId, u64>,
    /// Whether the numbers were forgotten, so that the next send needs a new epoch.
    worn: bool,
    /// The sends of this connection.
    pub recent: Recent,
}

impl Stamps {
    /// Creates the stamps of a connection with this epoch.
    #[must_use]
    pub fn new(epoch: i64) -> Self {
        Self { epoch, next: HashMap::new(), worn: false, recent: Recent::default() }
    }

    /// Returns the epoch in force.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Returns whether a send to this room needs a new epoch. SQL gives it, so that the epochs of a
    /// device grow whatever the clocks of the relays say.
    #[must_use]
    pub fn needs_epoch(&self, room: RoomId) -> bool {
        self.worn || self.next.len() >= ROOMS && !self.next.contains_key(&room)
    }

    /// Begins a greater epoch, in which every room counts from 1 again. Retries keep the stamps
    /// they had.
    pub fn begin(&mut self, epoch: i64) {
        self.epoch = epoch;
        self.next = HashMap::new();
        self.worn = false;
    }

    /// Stamps a send that may go out. Call this only for a send that is [`Known::New`], and only
    /// once nothing but the broker can fail. Receivers wait for every number that was given.
    pub fn stamp(&mut self, send: &Send, now: i64) -> Stamp {
        let seq = self.next.entry(send.room).or_insert(0);
        *seq += 1;
        let stamp = Stamp { stream: Stream::Socket, epoch: self.epoch, seq: *seq, sent_at: now };
        self.recent.note(send, stamp);
        stamp
    }

    /// Frees what an idle connection does not need.
    pub fn tidy(&mut self, now: i64) {
        self.recent.forget_old(now);
        if self.recent.is_empty() && self.next.len() > IDLE_ROOMS {
            self.next = HashMap::new();
            self.worn = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use ferry_protocol::{Body, KIND_TEXT, MessageId};

    use super::*;

    fn send(room: RoomId) -> Send {
        Send {
            id: MessageId::new(),
            room,
            kind: KIND_TEXT.into(),
            body: Body::text("x"),
            reply_to: None,
            mentions: Vec::new(),
            content_type: None,
            after: None,
        }
    }

    #[test]
    fn every_room_counts_from_one() {
        let (mut stamps, room, other) = (Stamps::new(7), RoomId::new(), RoomId::new());
        let seqs: Vec<_> = [room, room, other, room].map(|room| stamps.stamp(&send(room), 8)).map(|s| s.seq).into();
        assert_eq!(seqs, [1, 2, 1, 3]);
    }

    #[test]
    fn more_rooms_than_the_bound_need_a_new_epoch() {
        let (mut stamps, first) = (Stamps::new(7), RoomId::new());
        stamps.stamp(&send(first), 3);
        for _ in 1..ROOMS {
            assert_eq!(stamps.stamp(&send(RoomId::new()), 3).epoch, 7);
        }
        assert!(stamps.needs_epoch(RoomId::new()) && !stamps.needs_epoch(first));
        stamps.begin(9);
        assert!(!stamps.needs_epoch(first));
        assert_eq!(stamps.stamp(&send(first), 3), Stamp { stream: Stream::Socket, epoch: 9, seq: 1, sent_at: 3 });
    }

    #[test]
    fn an_idle_connection_forgets_the_numbers_of_a_busy_day() {
        let mut stamps = Stamps::new(7);
        for _ in 0..=IDLE_ROOMS {
            stamps.stamp(&send(RoomId::new()), 0);
        }
        stamps.tidy(1);
        assert!(!stamps.needs_epoch(RoomId::new()), "it has sent a moment ago");
        stamps.tidy(i64::MAX);
        assert!(stamps.needs_epoch(RoomId::new()));
        assert_eq!(stamps.next.capacity(), 0);
    }
}
