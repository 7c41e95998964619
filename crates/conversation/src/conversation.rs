//! The current state of what was said in a room: messages with their edits, deletions and
//! reactions. Pure.
//!
//! A relay stores no messages, so it cannot know who wrote an older one. Each receiver must make
//! sure that users edit and delete only what they may. It decides by the stamp of the relay
//! (`from`), and never by what a body claims.
//!
//! Messages come in any order, some come twice, and an edit may come before the message that it
//! edits. The result does not depend on this. The same messages make the same conversation on
//! every device, as long as no limit makes a device forget something.

mod entry;
mod latest;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use ferry_protocol::{DeviceId, KnownBody, Message, MessageId, Role, RoomId, RoomKind, Target};

pub use entry::Entry;
use entry::Slot;

/// The limits of a [`Conversation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// The number of messages. One more, and the oldest is forgotten with everything that was done
    /// to it.
    pub messages: usize,
    /// The number of messages that have not come, while an action on them has. One more, and the
    /// one that has waited longest is forgotten; those with reactions only go first. If it still
    /// comes later, it appears as it was sent.
    pub waiting: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { messages: 1_000, waiting: 256 }
    }
}

/// The effect of a message on a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The message is not an action, and the conversation holds it now. Actions on it that came
    /// earlier are applied.
    Added(Target),
    /// The message is not an action. It is older than all messages that are held, and there is no
    /// room for more.
    TooOld(Target),
    /// This message has a new text. It may not have come yet; this is also true for the next two.
    Edited(Target),
    /// This message is deleted.
    Deleted(Target),
    /// The reactions of a user to this message changed.
    Reacted(Target),
    /// The message changed nothing: it was known or superseded already, or it is about a deleted
    /// message.
    Nothing,
    /// The message does not count.
    Ignored(Ignored),
}

/// The reason why a message does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ignored {
    /// It belongs to another room.
    OtherRoom,
    /// Its body does not have the form of its kind. A relay rejects such messages.
    Malformed,
    /// It edits a message of another user.
    NotAuthor,
    /// It deletes a message of another user, and its sender was not a moderator of the room.
    NotAllowed,
}

/// The position of a message. Messages are ordered by the relay's clock. Those of the same moment
/// and device are ordered as they were sent.
type Place = (i64, DeviceId, i64, u64, Target);

/// The messages of one room. See the module's description.
///
/// Apply the user's own messages too, with the stamp that other devices get. The sending device
/// gets no copy, only the answer.
///
/// `Debug` shows only the number of messages.
pub struct Conversation {
    room: RoomId,
    kind: RoomKind,
    capacity: Capacity,
    slots: HashMap<Target, Slot>,
    // The targets whose message has come, the oldest message first.
    order: BTreeSet<Place>,
    // The other targets, the one that has waited longest first.
    waiting: BTreeMap<u64, Target>,
    next_waiting: u64,
}

impl Conversation {
    /// Creates the conversation of a room without messages. The kind of the room decides who may
    /// delete: in a direct room only the author.
    #[must_use]
    pub fn new(room: RoomId, kind: RoomKind, capacity: Capacity) -> Self {
        let (slots, order, waiting) = (HashMap::new(), BTreeSet::new(), BTreeMap::new());
        Self { room, kind, capacity, slots, order, waiting, next_waiting: 0 }
    }

    /// Applies a message, as a relay delivered it.
    pub fn apply(&mut self, message: &Message) -> Change {
        if message.room != self.room {
            return Change::Ignored(Ignored::OtherRoom);
        }
        match KnownBody::parse(&message.kind, &message.body) {
            Err(_) => Change::Ignored(Ignored::Malformed),
            Ok(Some(KnownBody::Edit { target, body })) => {
                if target.from != message.from.user {
                    return Change::Ignored(Ignored::NotAuthor);
                }
                self.act(target, Change::Edited(target), |slot| slot.edit(message, body))
            }
            Ok(Some(KnownBody::Delete { target })) => {
                if target.from != message.from.user && !self.moderates(message.from.role) {
                    return Change::Ignored(Ignored::NotAllowed);
                }
                self.act(target, Change::Deleted(target), |slot| slot.delete(message))
            }
            Ok(Some(KnownBody::Reaction { target, emoji, remove })) => {
                self.act(target, Change::Reacted(target), |slot| slot.react(message, emoji, remove))
            }
            Ok(Some(KnownBody::Text(_) | KnownBody::Forward(_)) | None) => self.add(message),
        }
    }

    /// Applies a message whose content was removed from a store, because the message is deleted.
    /// Its body has no form any more. Apply the deletion too: it says who deleted it.
    pub fn apply_emptied(&mut self, message: &Message) -> Change {
        if message.room == self.room { self.add(message) } else { Change::Ignored(Ignored::OtherRoom) }
    }

    /// Returns a message, or `None` if the conversation does not hold it.
    #[must_use]
    pub fn get(&self, target: &Target) -> Option<Entry<'_>> {
        self.slots.get(target).and_then(Slot::entry)
    }

    /// Returns the messages with this id, for example the id in `reply_to`, which names no author.
    /// Mostly there is one. There are more if users send under each other's ids.
    pub fn of_id(&self, id: MessageId) -> impl Iterator<Item = Entry<'_>> {
        self.iter().filter(move |entry| entry.message().id == id)
    }

    /// Returns the messages in the order of `sent_at`, including deleted ones.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Entry<'_>> {
        self.order.iter().filter_map(|(.., target)| self.get(target))
    }

    /// Returns the number of messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Returns true if there is no message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    fn moderates(&self, role: Role) -> bool {
        self.kind != RoomKind::Direct && role >= Role::Moderator
    }

    fn act(&mut self, target: Target, change: Change, action: impl FnOnce(&mut Slot) -> bool) -> Change {
        let slot = self.slots.entry(target).or_default();
        if slot.message().is_none() && slot.waits.is_none() {
            slot.waits = Some(self.next_waiting);
            self.waiting.insert(self.next_waiting, target);
            self.next_waiting += 1;
        }
        let is_news = action(slot);
        self.forget_waiting();
        if is_news { change } else { Change::Nothing }
    }

    fn add(&mut self, message: &Message) -> Change {
        let target = Target::from(message);
        let slot = self.slots.entry(target).or_default();
        let before = slot.message().map(place);
        if !slot.put(message) {
            return Change::Nothing;
        }
        if let Some(place) = before {
            self.order.remove(&place);
        }
        if let Some(turn) = slot.waits.take() {
            self.waiting.remove(&turn);
        }
        self.order.insert(place(message));
        while self.order.len() > self.capacity.messages
            && let Some((.., oldest)) = self.order.pop_first()
        {
            self.slots.remove(&oldest);
        }
        match (before, self.slots.contains_key(&target)) {
            (_, false) => Change::TooOld(target),
            (None, true) => Change::Added(target),
            (Some(_), true) => Change::Nothing,
        }
    }

    fn forget_waiting(&mut self) {
        while self.waiting.len() > self.capacity.waiting {
            let is_slight = |target: &Target| self.slots.get(target).is_some_and(Slot::is_slight);
            let slight = self.waiting.iter().find(|(_, target)| is_slight(target));
            let Some((turn, target)) = slight.or(self.waiting.first_key_value()).map(|(turn, target)| (*turn, *target))
            else {
                return;
            };
            self.waiting.remove(&turn);
            self.slots.remove(&target);
        }
    }
}

fn place(message: &Message) -> Place {
    (message.sent_at, message.from.device, message.epoch, message.seq, Target::from(message))
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation")
            .field("room", &self.room)
            .field("kind", &self.kind)
            .field("messages", &self.order.len())
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}
