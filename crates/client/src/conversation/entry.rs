//! One message of a conversation, with all that was done to it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use ferry_protocol::{Body, KIND_TEXT, Message, Target, UserId};

use super::latest::{Latest, Stamp};

/// How many emojis of one person are remembered for a message, those taken away again among them; past it the least recent is forgotten.
const EMOJIS_MAX: usize = 16;
/// How many reactions in all, likewise: everybody in a room of a thousand may put four.
const REACTIONS_MAX: usize = 4_096;

/// A message and what became of it, as a [`Conversation`](super::Conversation) holds it. `Debug` shows neither what it says nor the reactions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    message: &'a Message,
    slot: &'a Slot,
}

impl<'a> Entry<'a> {
    /// The message as it was sent: what it says now is [`Self::text`]. Once it is deleted its body is `null`, and what it answered and whom it
    /// called upon is gone.
    #[must_use]
    pub fn message(&self) -> &'a Message {
        self.message
    }

    /// Its name.
    #[must_use]
    pub fn target(&self) -> Target {
        Target::from(self.message)
    }

    /// What it says now: of a `text`, with the last edit applied. None for other kinds, and where it is deleted.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'a, str>> {
        match self.edit() {
            Some((_, text)) => Some(Cow::Borrowed(text)),
            None if self.message.kind == KIND_TEXT => self.message.body.as_text().map(Cow::Owned),
            None => None,
        }
    }

    /// When it was edited last, milliseconds since the Unix epoch.
    #[must_use]
    pub fn edited_at(&self) -> Option<i64> {
        self.edit().map(|(sent_at, _)| sent_at)
    }

    /// By whom it was deleted, where it was.
    #[must_use]
    pub fn deleted_by(&self) -> Option<UserId> {
        self.slot.deleted.map(|(_, user)| user)
    }

    /// The emojis that were put to it and not taken away, with those who did; in a fixed order.
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

    /// Only a `text` can be edited.
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

/// What has come of a message: itself, and what was done to it.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Slot {
    message: Option<Message>,
    edits: Latest<String>,
    /// When and by whom: the earliest.
    deleted: Option<(i64, UserId)>,
    reactions: BTreeMap<(UserId, String), Latest<bool>>,
    /// Its place among the slots whose message has not come.
    pub(super) waits: Option<u64>,
}

impl Slot {
    pub(super) fn message(&self) -> Option<&Message> {
        self.message.as_ref()
    }

    /// None where the message has not come.
    pub(super) fn entry(&self) -> Option<Entry<'_>> {
        self.message.as_ref().map(|message| Entry { message, slot: self })
    }

    /// Takes a copy of the message in. Of several the earliest counts: who uses an id again does not change what they said. True where this one
    /// counts.
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

    /// True where it says something else now.
    pub(super) fn edit(&mut self, by: &Message, text: String) -> bool {
        if self.deleted.is_some() {
            return false;
        }
        let stamp = Stamp::from(by);
        self.edits.put(by.from.device, stamp, text)
    }

    /// For good: nothing that it said is kept, and nothing that comes later counts. True where it was not deleted before.
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

    /// True where the emoji is there now and was not, or the other way round.
    pub(super) fn react(&mut self, by: &Message, emoji: String, remove: bool) -> bool {
        if self.deleted.is_some() {
            return false;
        }
        let user = by.from.user;
        let key = (user, emoji);
        let was_there = self.has(&key);
        self.reactions.entry(key.clone()).or_default().put(by.from.device, Stamp::from(by), !remove);
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

    /// Whether nothing but reactions has come.
    pub(super) fn is_slight(&self) -> bool {
        self.message.is_none() && self.deleted.is_none() && self.edits.get().is_none()
    }
}

fn empty(message: &mut Message) {
    message.body = Body::json(&serde_json::Value::Null);
    (message.reply_to, message.content_type) = (None, None);
    message.mentions.clear();
}

/// The less of two copies is the one that counts. A relay stamps what it takes twice differently, or it is the same.
fn precedence(message: &Message) -> impl Ord {
    (message.sent_at, message.epoch, message.seq, message.from.device)
}
