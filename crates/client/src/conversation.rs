//! What was said in a room, as it stands now: messages with their edits, deletions and reactions. Pure.
//!
//! A relay keeps nothing, so it cannot know who wrote an older message: whoever receives has to see to it that nobody edits or deletes what
//! is not theirs. What decides is what the relay stamped (`from`), never what a body claims.
//!
//! Messages come in whatever order, some of them twice, and an edit may be there before what it edits. The state is the same for all that: the
//! same messages make the same conversation on every device, as long as no bound makes one of them forget something.

mod entry;
mod latest;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use ferry_protocol::{DeviceId, KnownBody, Message, MessageId, Role, RoomId, RoomKind, Target};

pub use entry::Entry;
use entry::Slot;

/// How much a [`Conversation`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Messages. One more, and the oldest is forgotten with all that was done to it.
    pub messages: usize,
    /// Messages that have not come, while something that is done to them has. One more, and the one that has waited longest is forgotten, of those
    /// with reactions only where there are any: should it come after all, it comes as it was sent.
    pub waiting: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { messages: 1_000, waiting: 256 }
    }
}

/// What a message did to a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// It is one that stands by itself, and is held now; what was done to it before it came counts already.
    Added(Target),
    /// It stands by itself, and is older than all that are held, of which there is no room for more.
    TooOld(Target),
    /// This one says something else now. It may not have come yet, here as below.
    Edited(Target),
    /// This one is deleted.
    Deleted(Target),
    /// Somebody's reactions to this one are others now.
    Reacted(Target),
    /// What it says was known, or superseded already, or it is about a message that is deleted.
    Nothing,
    /// It does not count.
    Ignored(Ignored),
}

/// Why a message does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ignored {
    /// It is of another room.
    OtherRoom,
    /// It is not of the form of its kind. A relay refuses such.
    Malformed,
    /// It edits a message of somebody else's.
    NotAuthor,
    /// It deletes a message of somebody else's, and its sender was no moderator of the room.
    NotAllowed,
}

/// Where a message stands: by the relay's clock, and those of one moment and device in the order in which they were sent.
type Place = (i64, DeviceId, i64, u64, Target);

/// The messages of one room. See the module's description.
///
/// One's own messages belong in it as well, with the stamps that other devices get; the device that sends one gets no copy, and only the answer.
///
/// `Debug` shows how many there are.
pub struct Conversation {
    room: RoomId,
    kind: RoomKind,
    capacity: Capacity,
    slots: HashMap<Target, Slot>,
    // The slots with a message, the oldest first.
    order: BTreeSet<Place>,
    // The others, the one that has waited longest first.
    waiting: BTreeMap<u64, Target>,
    next_waiting: u64,
}

impl Conversation {
    /// Of a room in which nothing was said yet. Its kind decides who may delete: in a direct room, nobody but the author.
    #[must_use]
    pub fn new(room: RoomId, kind: RoomKind, capacity: Capacity) -> Self {
        let (slots, order, waiting) = (HashMap::new(), BTreeSet::new(), BTreeMap::new());
        Self { room, kind, capacity, slots, order, waiting, next_waiting: 0 }
    }

    /// Takes a message in, as a relay delivered it.
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

    /// One message; none where it is not held.
    #[must_use]
    pub fn get(&self, target: &Target) -> Option<Entry<'_>> {
        self.slots.get(target).and_then(Slot::entry)
    }

    /// The messages of an id, such as that of `reply_to`, which names no author: mostly one, and more where people send under one another's ids.
    pub fn of_id(&self, id: MessageId) -> impl Iterator<Item = Entry<'_>> {
        self.iter().filter(move |entry| entry.message().id == id)
    }

    /// The messages in the order of `sent_at`, deleted ones among them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Entry<'_>> {
        self.order.iter().filter_map(|(.., target)| self.get(target))
    }

    /// How many messages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// True where there is none.
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
