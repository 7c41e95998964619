//! A message of a conversation, with everything that was done to it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use ferry_protocol::{Body, KIND_TEXT, Message, Target, UserId};

use super::latest::{Latest, Stamp};

/// The number of emojis of one user that are remembered for a message, including removed ones. One
/// more, and the least recent is forgotten.
const EMOJIS_MAX: usize = 16;
/// The number of reactions to a message in all. One more, and the least recent is forgotten. It is
/// enough for four from everybody in a room of 1,000.
const REACTIONS_MAX: usize = 4_096;

/// A message and what became of it, as a [`Conversation`](super::Conversation) holds it. `Debug`
/// shows neither its text nor the reactions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    message: &'a Message,
    slot: &'a Slot,
}

impl<'a> Entry<'a> {
    /// Returns the message as it was sent; [`Self::text`] is its current text. After a deletion
    /// the body is `null`, and `reply_to`, the mentions and the content type are gone.
    #[must_use]
    pub fn message(&self) -> &'a Message {
        self.message
    }

    /// Returns the target that names the message.
    #[must_use]
    pub fn target(&self) -> Target {
        Target::from(self.message)
    }

    /// Returns the current text of a `text`, with the latest edit. Returns `None` for other kinds,
    /// and for a deleted message.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'a, str>> {
        match self.edit() {
            Some((_, text)) => Some(Cow::Borrowed(text)),
            None if self.message.kind == KIND_TEXT => self.message.body.as_text().map(Cow::Owned),
            None => None,
        }
    }

    /// Returns the time of the latest edit, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn edited_at(&self) -> Option<i64> {
        self.edit().map(|(sent_at, _)| sent_at)
    }

    /// Returns the user who deleted the message, if it is deleted.
    #[must_use]
    pub fn deleted_by(&self) -> Option<UserId> {
        self.slot.deleted.map(|(_, user)| user)
    }

    /// Returns the emojis that were added and not removed, each with its users, in a fixed order.
    #[must_use]
    pub fn reactions(&self) -> BTreeMap<&'a str, Vec<UserId>> {
        let mut reactions: BTreeMap<&str, Vec<UserId>> = BTreeMap::new();
        for ((user, emoji), latest) in &self.slot.reactions {
            if latest.get().is_some_and(|(_, is_there)| *is_there) {
                reactions.entry(emoji).or_default().push(*user);
            }
        }
        reactions
    }

    /// Returns the latest edit. Only a `text` can be edited.
    fn edit(&self) -> Option<(i64, &'a String)> {
        if self.message.kind == KIND_TEXT { self.slot.edits.get() } else { None }
    }
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("message", self.message)
            .field("edited_at", &self.edited_at())
            .field("deleted_by", &self.deleted_by())
            .field("reactions", &self.slot.reactions.len())
            .finish()
    }
}

/// The message and the actions on it, as far as they have come.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Slot {
    message: Option<Message>,
    edits: Latest<String>,
    /// The time and the user of the earliest deletion.
    deleted: Option<(i64, UserId)>,
    reactions: BTreeMap<(UserId, String), Latest<bool>>,
    /// The position among the slots whose message has not come.
    pub(super) waits: Option<u64>,
}

impl Slot {
    pub(super) fn message(&self) -> Option<&Message> {
        self.message.as_ref()
    }

    /// Returns the entry, or `None` if the message has not come.
    pub(super) fn entry(&self) -> Option<Entry<'_>> {
        self.message.as_ref().map(|message| Entry { message, slot: self })
    }

    /// Takes in a message. Of several with the same id and author the earliest counts, so a user
    /// who uses an id again does not change what they said. Returns true if this one counts.
    pub(super) fn put(&mut self, message: &Message) -> bool {
        if self.message.as_ref().is_some_and(|held| precedence(held) <= precedence(message)) {
            return false;
        }
        let mut message = message.clone();
        if self.deleted.is_some() {
            empty(&mut message);
        }
        self.message = Some(message);
        true
    }

    /// Applies an edit. Returns true if the text changed.
    pub(super) fn edit(&mut self, by: &Message, text: String) -> bool {
        if self.deleted.is_some() {
            return false;
        }
        let stamp = Stamp::from(by);
        self.edits.put((by.from.device, by.stream), stamp, text)
    }

    /// Deletes the message for good: removes its content, and ignores everything that comes later.
    /// Returns true if it was not deleted before.
    pub(super) fn delete(&mut self, by: &Message) -> bool {
        let deletion = (by.sent_at, by.from.user);
        if let Some(earlier) = &mut self.deleted {
            *earlier = deletion.min(*earlier);
            return false;
        }
        self.deleted = Some(deletion);
        self.edits = Latest::default();
        self.reactions = BTreeMap::new();
        if let Some(message) = &mut self.message {
            empty(message);
        }
        true
    }

    /// Applies a reaction. Returns true if it added or removed the emoji.
    pub(super) fn react(&mut self, by: &Message, emoji: String, remove: bool) -> bool {
        if self.deleted.is_some() {
            return false;
        }
        let user = by.from.user;
        let key = (user, emoji);
        let was_there = self.has(&key);
        self.reactions.entry(key.clone()).or_default().put((by.from.device, by.stream), Stamp::from(by), !remove);
        if self.reactions.keys().filter(|(who, _)| *who == user).count() > EMOJIS_MAX {
            self.forget_reaction(|who| who == user);
        } else if self.reactions.len() > REACTIONS_MAX {
            self.forget_reaction(|_| true);
        }
        self.has(&key) != was_there
    }

    fn has(&self, key: &(UserId, String)) -> bool {
        self.reactions.get(key).and_then(Latest::get).is_some_and(|(_, is_there)| *is_there)
    }

    fn forget_reaction(&mut self, among: impl Fn(UserId) -> bool) {
        let least = self.reactions.iter().filter(|((user, _), _)| among(*user));
        let least = least.min_by_key(|(key, latest)| (latest.get().map(|(sent_at, _)| sent_at), *key));
        if let Some(key) = least.map(|(key, _)| key.clone()) {
            self.reactions.remove(&key);
        }
    }

    /// Returns true if only reactions have come.
    pub(super) fn is_slight(&self) -> bool {
        self.message.is_none() && self.deleted.is_none() && self.edits.get().is_none()
    }
}

fn empty(message: &mut Message) {
    message.body = Body::json(&serde_json::Value::Null);
    (message.reply_to, message.content_type) = (None, None);
    message.mentions.clear();
}

/// Returns the sort key of a copy of the message; the least copy counts. Two copies with the same
/// key are the same copy.
fn precedence(message: &Message) -> impl Ord {
    (message.sent_at, message.epoch, message.seq, message.from.device)
}
