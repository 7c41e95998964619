//! The latest sends of a connection, by which a retry is recognised. Pure.

use std::{collections::VecDeque, sync::Arc};

use ferry_protocol::{MessageId, Send, UserId};
use sha2::{Digest, Sha256};

use super::{Earlier, Known, Stamp};

/// Sends that are remembered. An older id counts as a new message: it gets a new stamp, and
/// receivers drop it by its id.
const MOST: usize = 256;
/// How long a confirmed send is remembered, milliseconds. Only an answer that was lost on its way
/// makes a device send it again.
const CONFIRMED: i64 = 60_000;
/// How long a send is remembered that is outstanding for somebody, milliseconds.
const OUTSTANDING: i64 = 600_000;
/// Outstanding users that are remembered in all, 64 KiB of them. A send beyond this limit goes to
/// everybody again, and receivers drop it by its id.
const USERS: usize = 4_096;

/// A send. 96 bytes, because a busy device pays for [`MOST`] of them.
#[derive(Debug)]
struct Record {
    id: MessageId,
    digest: [u8; 16],
    stamp: Stamp,
    recipients: u32,
    tries: u8,
    outstanding: Option<Arc<[UserId]>>,
}

/// See the module's description. Takes no memory once all are forgotten.
#[derive(Debug, Default)]
pub struct Recent {
    /// The oldest first.
    sends: VecDeque<Record>,
    /// Outstanding users in all records.
    users: usize,
}

impl Recent {
    /// Returns what is known of a send's id.
    #[must_use]
    pub fn look_up(&self, send: &Send) -> Known {
        // The newest first, because a retry follows soon.
        let Some(record) = self.sends.iter().rev().find(|record| record.id == send.id) else { return Known::New };
        if record.digest != digest(send) {
            return Known::Reused;
        }
        let Record { stamp, ref outstanding, recipients, .. } = *record;
        Known::Again(Earlier { stamp, outstanding: outstanding.clone(), recipients })
    }

    /// Remembers a send whose outcome is not known yet.
    pub fn note(&mut self, send: &Send, stamp: Stamp) {
        if self.sends.len() >= MOST
            && let Some(oldest) = self.sends.pop_front()
        {
            self.users -= count(&oldest);
        }
        let (id, digest) = (send.id, digest(send));
        self.sends.push_back(Record { id, digest, stamp, recipients: 0, tries: 0, outstanding: None });
    }

    /// Notes that every recipient has the message. Returns their number, which is that of the first
    /// try.
    pub fn confirm(&mut self, id: MessageId, recipients: u32) -> u32 {
        self.update(id, recipients, Some([].into())).map_or(recipients, |record| record.recipients)
    }

    /// Notes for whom a send is outstanding. Returns how often it was tried.
    pub fn note_outstanding(&mut self, id: MessageId, recipients: u32, users: &[UserId]) -> u32 {
        let has_room = self.users + users.len() <= USERS;
        let record = self.update(id, recipients, has_room.then(|| users.into()));
        record.map_or(1, |record| u32::from(record.tries))
    }

    fn update(&mut self, id: MessageId, recipients: u32, outstanding: Option<Arc<[UserId]>>) -> Option<&Record> {
        let record = self.sends.iter_mut().rev().find(|record| record.id == id)?;
        self.users -= count(record);
        record.outstanding = outstanding;
        self.users += count(record);
        record.recipients = record.recipients.max(recipients);
        record.tries = record.tries.saturating_add(1);
        Some(record)
    }

    /// Forgets the sends that are too old to come again.
    pub fn forget_old(&mut self, now: i64) {
        self.sends.retain(|record| {
            let is_confirmed = record.outstanding.as_ref().is_some_and(|users| users.is_empty());
            let keep = if is_confirmed { CONFIRMED } else { OUTSTANDING };
            now.saturating_sub(record.stamp.sent_at) < keep
        });
        self.users = self.sends.iter().map(count).sum();
        if self.sends.is_empty() {
            self.sends = VecDeque::new();
        }
    }

    /// Returns whether no send is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sends.is_empty()
    }
}

fn count(record: &Record) -> usize {
    record.outstanding.as_ref().map_or(0, |users| users.len())
}

/// Returns a hash of the message's content, so that no body is kept to compare with.
fn digest(send: &Send) -> [u8; 16] {
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
    let mut digest = [0; 16];
    digest.copy_from_slice(&hasher.finalize()[..16]);
    digest
}

#[cfg(test)]
mod tests {
    use ferry_protocol::{Body, KIND_TEXT, RoomId, Stream};

    use super::*;

    fn send(text: &str) -> Send {
        Send {
            id: MessageId::new(),
            room: RoomId::new(),
            kind: KIND_TEXT.into(),
            body: Body::text(text),
            reply_to: None,
            mentions: Vec::new(),
            content_type: None,
            after: None,
        }
    }

    fn stamp(sent_at: i64) -> Stamp {
        Stamp { stream: Stream::Socket, epoch: 1, seq: 1, sent_at }
    }

    #[test]
    fn a_retry_goes_to_those_who_are_outstanding_with_the_same_stamp() {
        let (mut recent, send, users) = (Recent::default(), send("x"), [UserId::new(), UserId::new()]);
        assert_eq!(recent.look_up(&send), Known::New);
        recent.note(&send, stamp(5));
        let earlier = |outstanding, recipients| Known::Again(Earlier { stamp: stamp(5), outstanding, recipients });
        assert_eq!(recent.look_up(&send), earlier(None, 0), "everybody, because nothing is known");
        assert_eq!(recent.note_outstanding(send.id, 3, &users), 1);
        assert_eq!(recent.look_up(&send), earlier(Some(users.into()), 3));
        assert_eq!(recent.note_outstanding(send.id, 0, &users[1..]), 2);
        recent.confirm(send.id, 0);
        assert_eq!(recent.look_up(&send), earlier(Some([].into()), 3));
    }

    #[test]
    fn another_message_with_the_same_id_is_no_retry() {
        let (mut recent, send) = (Recent::default(), send("x"));
        recent.note(&send, stamp(5));
        for other in [
            Send { body: Body::text("y"), ..send.clone() },
            Send { mentions: vec![UserId::new()], ..send.clone() },
            Send { content_type: Some("text/plain".into()), ..send },
        ] {
            assert_eq!(recent.look_up(&other), Known::Reused);
        }
    }

    #[test]
    fn what_is_remembered_is_bounded_and_expires() {
        let mut recent = Recent::default();
        let many: Vec<UserId> = (0..USERS - 1).map(|_| UserId::new()).collect();
        let (early, late) = (send("x"), send("y"));
        recent.note(&early, stamp(0));
        recent.note_outstanding(early.id, 1, &many);
        recent.note(&late, stamp(0));
        recent.note_outstanding(late.id, 1, &many);
        assert!(matches!(recent.look_up(&late), Known::Again(Earlier { outstanding: None, .. })));
        recent.confirm(late.id, 1);
        recent.forget_old(CONFIRMED);
        assert_eq!(recent.look_up(&late), Known::New);
        assert_ne!(recent.look_up(&early), Known::New);
        for _ in 0..MOST {
            recent.note(&send("z"), stamp(1));
        }
        assert_eq!((recent.look_up(&early), recent.sends.len(), recent.users), (Known::New, MOST, 0));
        recent.forget_old(i64::MAX);
        assert!(recent.is_empty());
        assert!(size_of::<Record>() <= 96, "{}", size_of::<Record>());
    }
}
