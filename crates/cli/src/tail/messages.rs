//! Messages in words: what each of them does to the messages before it.

use std::collections::HashMap;
use std::time::Duration;

use ferry_client::protocol::{KnownBody, Message, RoomKind};
use ferry_client::{Capacity, Change, Conversation, Ignored, RoomId, Session, Target, UserId};

use super::names::Names;
use crate::keep::Keeper;
use crate::show;

/// The most rooms to follow. Past it all of them are dropped, and edits are shown without what they
/// edit.
const ROOMS_MAX: usize = 64;
/// How much to remember of each room. It covers only what came since the command began, and stays
/// in memory.
const CAPACITY: Capacity = Capacity { messages: 500, waiting: 64 };
/// How long a look-up may take. Past it the room counts as a direct room.
const LOOK_UP_WAIT: Duration = Duration::from_secs(5);
/// How many characters of a message are quoted.
const EXCERPT_MAX: usize = 40;

/// The messages of each room so far.
pub struct Conversations {
    session: Session,
    keeper: Option<Keeper>,
    me: UserId,
    ids: bool,
    rooms: HashMap<RoomId, Conversation>,
}

impl Conversations {
    /// Creates an empty one. With `ids` every message is shown with its id.
    pub fn new(session: Session, keeper: Option<Keeper>, ids: bool) -> Self {
        let me = session.credentials().user.id;
        Self { session, keeper, me, ids, rooms: HashMap::new() }
    }

    /// Returns one message in words: the author, with what the message does in brackets, and its
    /// text.
    pub async fn tell(&mut self, message: &Message, names: &mut Names) -> (String, String) {
        let (me, ids) = (self.me, self.ids);
        self.recall(message).await;
        let conversation = self.room(message.room).await;
        let name = names.user(message.from.user).await;
        let with = |what: &[String]| match what {
            [] => name.clone(),
            what => format!("{name} ({})", what.join("; ")),
        };
        let known = KnownBody::parse(&message.kind, &message.body).ok().flatten();
        // The target's text is taken before the change, except for a deletion, whose text must not
        // be shown again.
        let mut about = match &known {
            Some(KnownBody::Edit { target, .. } | KnownBody::Reaction { target, .. }) => {
                describe(conversation, *target, names).await
            }
            _ => String::new(),
        };
        let change = conversation.apply(message);
        if let Change::Deleted(target) = change {
            about = describe(conversation, target, names).await;
        }
        match (change, known) {
            (Change::Ignored(why), _) => (name, format!("[{}: ignored, {}]", message.kind, reason(why))),
            (Change::Edited(_), Some(KnownBody::Edit { body, .. })) => (with(&[format!("edits {about}")]), body),
            (Change::Deleted(_), _) => (with(&["deletes".to_owned()]), about),
            (Change::Reacted(_), Some(KnownBody::Reaction { emoji, remove, .. })) => {
                let does = if remove { "removes a reaction from" } else { "reacts to" };
                (with(&[format!("{does} {about}")]), emoji)
            }
            (Change::Nothing, _) | (_, Some(KnownBody::Edit { .. } | KnownBody::Reaction { .. })) => {
                (name, format!("[{}: changes nothing]", message.kind))
            }
            (_, known) => {
                let (what, text) = by_itself(conversation, message, known, me, names).await;
                let who = with(&what);
                (if ids { who.replacen(&name, &format!("{name}/{}", message.id), 1) } else { who }, text)
            }
        }
    }

    /// Fetches what a message is about from the history, if it did not come in this run.
    async fn recall(&mut self, message: &Message) {
        let Some(keeper) = self.keeper.clone() else { return };
        let known = KnownBody::parse(&message.kind, &message.body).ok().flatten();
        let about = match known.and_then(|known| known.target()) {
            Some(target) => Some((target.message, Some(target.from))),
            None => message.reply_to.map(|id| (id, None)),
        };
        let Some((id, from)) = about else { return };
        let room = message.room;
        let conversation = self.room(room).await;
        if conversation.of_id(id).next().is_some() {
            return;
        }
        let found = keeper.run(move |history| history.messages_of_id(room, id, from)).await.unwrap_or_default();
        for shown in found {
            let stored = &shown.record.message;
            // What is deleted by now has no content; it is told of as long as its place is known.
            match shown.deleted_by {
                None => conversation.apply(stored),
                Some(_) => conversation.apply_emptied(stored),
            };
        }
    }

    async fn room(&mut self, id: RoomId) -> &mut Conversation {
        if !self.rooms.contains_key(&id) && self.rooms.len() >= ROOMS_MAX {
            self.rooms.clear();
        }
        match self.rooms.entry(id) {
            std::collections::hash_map::Entry::Occupied(there) => there.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                let found = tokio::time::timeout(LOOK_UP_WAIT, self.session.room(id)).await;
                // If the room cannot be loaded, it counts as a direct room, where users can change
                // only their own messages.
                let kind = found.ok().and_then(Result::ok).map_or(RoomKind::Direct, |room| room.kind);
                place.insert(Conversation::new(id, kind, CAPACITY))
            }
        }
    }
}

/// Returns what a message that changes no other one does besides (it replies, mentions or
/// forwards), and its text.
async fn by_itself(
    conversation: &Conversation,
    message: &Message,
    known: Option<KnownBody>,
    me: UserId,
    names: &mut Names,
) -> (Vec<String>, String) {
    let mut what = Vec::new();
    if let Some(reply_to) = message.reply_to {
        let mut named = conversation.of_id(reply_to).map(|entry| entry.target());
        // If several messages have the id, nobody can say which is meant.
        let answered = if let (Some(target), None) = (named.next(), named.next()) {
            describe(conversation, target, names).await
        } else {
            "a message that is not here".to_owned()
        };
        what.push(format!("replies to {answered}"));
    }
    if message.calls_upon(me) {
        what.push("mentions you".to_owned());
    }
    let entry = conversation.get(&Target::from(message));
    let text = match known {
        _ if entry.is_some_and(|entry| entry.deleted_by().is_some()) => "[deleted already]".to_owned(),
        // An edit may have come before its message.
        Some(KnownBody::Text(text)) => entry.and_then(|entry| entry.text()).map_or(text, |newest| newest.into_owned()),
        Some(KnownBody::Forward(forward)) => {
            let author = names.user(forward.origin.from).await;
            let time = show::time(forward.origin.sent_at, "%F %T");
            what.push(format!("forwards, as from {author} at {time}"));
            forward.body.as_text().unwrap_or_else(|| show::other_kind(&forward.kind, &forward.body))
        }
        _ => show::other_kind(&message.kind, &message.body),
    };
    (what, text)
}

fn reason(why: Ignored) -> &'static str {
    match why {
        Ignored::NotAuthor => "the sender is not the author",
        Ignored::NotAllowed => "the sender is neither the author nor a moderator",
        Ignored::Malformed => "it does not have the form of its kind",
        _ => "it does not belong to this room",
    }
}

/// Returns `bob: “hello”`, or as much of it as is known.
async fn describe(conversation: &Conversation, target: Target, names: &mut Names) -> String {
    let author = names.user(target.from).await;
    let Some(entry) = conversation.get(&target) else { return format!("a message from {author} that is not here") };
    let sent = show::time(entry.message().sent_at, "%T");
    match entry.text() {
        Some(text) => format!("{author}: “{}”", excerpt(&text)),
        None => format!("what {author} wrote at {sent}"),
    }
}

/// Returns the beginning of a message, without characters that would end the quotation or the
/// brackets around it. Otherwise a message could pretend that the text after them is someone
/// else's.
pub fn excerpt(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let short: String = line.chars().take(EXCERPT_MAX).filter(|c| !matches!(c, '”' | ')')).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_of_one_line() {
        assert_eq!(excerpt("hello"), "hello");
        assert_eq!(excerpt("hello\nthere"), "hello…");
        assert_eq!(excerpt(&"ä".repeat(50)), format!("{}…", "ä".repeat(40)));
        assert_eq!(excerpt(""), "");
        assert_eq!(excerpt("hi”): I agree"), "hi: I agree…");
    }
}
