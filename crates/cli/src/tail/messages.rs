//! Messages, in words: what each of them does to what was said before.

use std::collections::HashMap;
use std::time::Duration;

use ferry_client::protocol::{KnownBody, Message, RoomKind};
use ferry_client::{Capacity, Change, Conversation, Ignored, RoomId, Session, Target, UserId};

use super::names::Names;
use crate::show;

/// How many rooms are followed at a time; past it what was said in all of them is forgotten, and edits are shown without what they edit.
const ROOMS_MAX: usize = 64;
/// How much of each is remembered. Only of what came since this began, in memory alone.
const CAPACITY: Capacity = Capacity { messages: 500, waiting: 64 };
/// A look-up that takes longer is given up.
const LOOK_UP_WAIT: Duration = Duration::from_secs(5);
/// How many characters of a message are quoted.
const EXCERPT_MAX: usize = 40;

/// What is being said, room by room.
pub struct Conversations {
    session: Session,
    me: UserId,
    ids: bool,
    rooms: HashMap<RoomId, Conversation>,
}

impl Conversations {
    /// With `ids` every message is shown with its own.
    pub fn new(session: Session, ids: bool) -> Self {
        let me = session.credentials().user.id;
        Self { session, me, ids, rooms: HashMap::new() }
    }

    /// One message as people read it: who, with what they do in brackets, and the words of it.
    pub async fn tell(&mut self, message: &Message, names: &mut Names) -> (String, String) {
        let (me, ids) = (self.me, self.ids);
        let conversation = self.room(message.room).await;
        let name = names.user(message.from.user).await;
        let with = |what: &[String]| match what {
            [] => name.clone(),
            what => format!("{name} ({})", what.join("; ")),
        };
        let known = KnownBody::parse(&message.kind, &message.body).ok().flatten();
        // What it said before, but for what is to be seen no more.
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
                let does = if remove { "takes back a reaction to" } else { "reacts to" };
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

    async fn room(&mut self, id: RoomId) -> &mut Conversation {
        if !self.rooms.contains_key(&id) && self.rooms.len() >= ROOMS_MAX {
            self.rooms.clear();
        }
        match self.rooms.entry(id) {
            std::collections::hash_map::Entry::Occupied(there) => there.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                let found = tokio::time::timeout(LOOK_UP_WAIT, self.session.room(id)).await;
                // Where it is not to be had, the kind that lets nobody do anything to the messages of others.
                let kind = found.ok().and_then(Result::ok).map_or(RoomKind::Direct, |room| room.kind);
                place.insert(Conversation::new(id, kind, CAPACITY))
            }
        }
    }
}

/// What is to be said of a message that stands by itself, and its words.
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
        // Of several nobody can say which is meant.
        let answered = if let (Some(target), None) = (named.next(), named.next()) {
            describe(conversation, target, names).await
        } else {
            "a message that is not here".to_owned()
        };
        what.push(format!("answers {answered}"));
    }
    if message.calls_upon(me) {
        what.push("mentions you".to_owned());
    }
    let entry = conversation.get(&Target::from(message));
    let text = match known {
        _ if entry.is_some_and(|entry| entry.deleted_by().is_some()) => "[deleted already]".to_owned(),
        // With an edit that came before it.
        Some(KnownBody::Text(text)) => entry.and_then(|entry| entry.text()).map_or(text, |newest| newest.into_owned()),
        Some(KnownBody::Forward(forward)) => {
            let author = names.user(forward.origin.from).await;
            let time = show::time(forward.origin.sent_at, "%F %T");
            what.push(format!("forwards, as from {author} at {time}"));
            forward.body.as_text().unwrap_or_else(|| other(&forward.kind, forward.body.get()))
        }
        _ => other(&message.kind, message.body.get()),
    };
    (what, text)
}

fn other(kind: &str, json: &str) -> String {
    format!("[{kind}] {json}")
}

fn reason(why: Ignored) -> &'static str {
    match why {
        Ignored::NotAuthor => "the message is somebody else's",
        Ignored::NotAllowed => "the message is somebody else's, and this is no moderator",
        Ignored::Malformed => "it is not of the form of its kind",
        _ => "it does not belong here",
    }
}

/// `bob: “hello”`, or what can be said of it.
async fn describe(conversation: &Conversation, target: Target, names: &mut Names) -> String {
    let author = names.user(target.from).await;
    let Some(entry) = conversation.get(&target) else { return format!("a message of {author} that is not here") };
    let sent = show::time(entry.message().sent_at, "%T");
    match entry.text() {
        Some(text) => format!("{author}: “{}”", excerpt(&text)),
        None => format!("what {author} wrote at {sent}"),
    }
}

/// The beginning of a message, without what would end the quotation and the brackets around it: what follows those is another's words.
fn excerpt(text: &str) -> String {
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
