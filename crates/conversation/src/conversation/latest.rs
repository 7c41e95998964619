//! The latest statement of a user whose devices say different things, in whatever order the
//! statements come. Pure.

use ferry_protocol::{DeviceId, Message, Stream};

/// The number of speakers of one user that are told apart. One more, and the statement of the least
/// recent one is forgotten. A user has 16 devices at a time, and most use their socket only.
const SPEAKERS_MAX: usize = 32;

/// A device, and the way in which it sends. Stamps order the messages of one speaker.
pub(super) type Speaker = (DeviceId, Stream);

/// The position of a message among those of its speaker. A retry may have another stamp, and the
/// greatest one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    epoch: i64,
    seq: u64,
    pub(super) sent_at: i64,
}

impl From<&Message> for Stamp {
    fn from(message: &Message) -> Self {
        Self { epoch: message.epoch, seq: message.seq, sent_at: message.sent_at }
    }
}

/// The latest statement of each speaker of one user.
///
/// There is no single order of everything that a user says. The relay's stamps order the messages
/// of one speaker. Only the relays' clocks order the messages of two speakers, and these clocks may
/// differ or be set. So the latest statement of each speaker is stored, and the clock decides
/// between these. The result does not depend on the order of arrival.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Latest<T>(Vec<(Speaker, Stamp, T)>);

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Latest<T> {
    /// Takes in a statement of a speaker. Returns true if the latest statement of all speakers is
    /// another one now: this one, or one before it if the speaker's own clock was set back.
    pub(super) fn put(&mut self, speaker: Speaker, stamp: Stamp, said: T) -> bool {
        let before = self.last().map(|(who, stamp, _)| (*who, *stamp));
        let at = match self.0.binary_search_by_key(&speaker, |(speaker, ..)| *speaker) {
            Ok(at) if self.0.get(at).is_some_and(|(_, newest, _)| *newest >= stamp) => return false,
            Ok(at) => {
                self.0.remove(at);
                at
            }
            Err(at) => at,
        };
        self.0.insert(at, (speaker, stamp, said));
        if self.0.len() > SPEAKERS_MAX
            && let Some((at, _)) =
                self.0.iter().enumerate().min_by_key(|(_, (speaker, stamp, _))| (stamp.sent_at, *speaker))
        {
            self.0.remove(at);
        }
        self.last().map(|(who, stamp, _)| (*who, *stamp)) != before
    }

    /// Returns the latest statement of all speakers, and when it was sent.
    pub(super) fn get(&self) -> Option<(i64, &T)> {
        self.last().map(|(_, stamp, said)| (stamp.sent_at, said))
    }

    fn last(&self) -> Option<&(Speaker, Stamp, T)> {
        self.0.iter().max_by_key(|(speaker, stamp, _)| (stamp.sent_at, *speaker))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cases;

    #[test]
    fn latest_statements_are_those_of_the_vectors() {
        for case in cases::cases("latest.json") {
            let mut latest = Latest::<String>::default();
            case.run(|step| match step.call.as_str() {
                "put" => {
                    let stamp = at(step.get("epoch"), step.get("seq"), step.get("sent_at"));
                    json!(latest.put((step.get("device"), step.get("stream")), stamp, step.get("said")))
                }
                _ => step.unknown(),
            });
            let (sent_at, said) = latest.get().unzip();
            let found = json!({ "said": said, "sent_at": sent_at, "speakers": latest.0.len() });
            assert_eq!(found, case.then, "{}", case.name);
        }
    }

    fn at(epoch: i64, seq: u64, sent_at: i64) -> Stamp {
        Stamp { epoch, seq, sent_at }
    }

    #[test]
    fn stamps_order_one_speaker_and_the_clock_orders_two() {
        let device = DeviceId::new();
        let (phone, laptop) = ((device, Stream::Socket), (device, Stream::Http));
        // The clock was set back between the phone's two messages.
        let said = [
            (phone, at(1, 1, 100), "first"),
            (phone, at(1, 2, 80), "second"),
            (laptop, at(5, 1, 90), "third"),
            (phone, at(1, 1, 110), "first"),
        ];
        for turn in 0..said.len() {
            let mut latest = Latest::default();
            for (speaker, stamp, word) in said.iter().cycle().skip(turn).take(said.len()) {
                latest.put(*speaker, *stamp, *word);
            }
            assert_eq!(latest.get(), Some((90, &"third")));
        }
    }

    #[test]
    fn a_statement_that_makes_way_for_another_one_is_a_change() {
        let (phone, laptop) = ((DeviceId::new(), Stream::Socket), (DeviceId::new(), Stream::Socket));
        let mut latest = Latest::default();
        assert!(latest.put(phone, at(1, 1, 100), "first"));
        assert!(!latest.put(laptop, at(5, 1, 90), "third"));
        // The phone's clock was set back, so what the laptop said is the latest now.
        assert!(latest.put(phone, at(1, 2, 80), "second"));
        assert_eq!(latest.get(), Some((90, &"third")));
        assert!(!latest.put(phone, at(1, 2, 80), "second"));
    }

    #[test]
    fn speakers_have_a_bound() {
        let mut latest = Latest::default();
        for sent_at in 0..100 {
            latest.put((DeviceId::new(), Stream::Socket), at(1, 1, sent_at), sent_at);
        }
        assert_eq!((latest.0.len(), latest.get()), (SPEAKERS_MAX, Some((99, &99))));
    }
}
