//! Messages that are about to be sent.

use ferry_protocol::{
    Body, Forward, KIND_TEXT, KnownBody, Message, MessageId, PostMessage, RoomId, Send, Target, UserId,
};

/// A message that has no id and no room yet. Convert it with [`Self::into_send`] for a socket, or
/// with [`Self::into_post`] for HTTP.
///
/// Nothing here checks whether the user may edit or delete the target. The receiving devices check
/// it, and ignore the message if not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The kind, which says how to read the body.
    pub kind: String,
    /// The content of the message.
    pub body: Body,
    /// The message that this one answers.
    pub reply_to: Option<MessageId>,
    /// The users in the room whom the message mentions.
    pub mentions: Vec<UserId>,
    /// The media type of the body.
    pub content_type: Option<String>,
    /// The last message of this device in the room that a relay has confirmed.
    pub after: Option<MessageId>,
}

impl Draft {
    /// Creates a message of any kind.
    #[must_use]
    pub fn new(kind: impl Into<String>, body: Body) -> Self {
        Self { kind: kind.into(), body, reply_to: None, mentions: Vec::new(), content_type: None, after: None }
    }

    fn of(known: &KnownBody) -> Self {
        Self::new(known.kind(), known.to_body())
    }

    /// Creates a plain text message.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::new(KIND_TEXT, Body::text(text))
    }

    /// Creates a plain text message that answers another message.
    #[must_use]
    pub fn reply(to: MessageId, text: &str) -> Self {
        Self { reply_to: Some(to), ..Self::text(text) }
    }

    /// Creates a new text for an earlier `text` of the same user.
    #[must_use]
    pub fn edit(target: Target, text: &str) -> Self {
        Self::of(&KnownBody::Edit { target, body: text.to_owned() })
    }

    /// Creates a deletion for everybody. It counts for the user's own messages and, from a
    /// moderator of a group or channel, for all messages.
    #[must_use]
    pub fn delete(target: Target) -> Self {
        Self::of(&KnownBody::Delete { target })
    }

    /// Creates a reaction with an emoji: at most [`EMOJI_MAX`](ferry_protocol::EMOJI_MAX) bytes,
    /// without blanks.
    #[must_use]
    pub fn react(target: Target, emoji: &str) -> Self {
        Self::of(&KnownBody::Reaction { target, emoji: emoji.to_owned(), remove: false })
    }

    /// Creates the removal of an earlier reaction of the same user.
    #[must_use]
    pub fn unreact(target: Target, emoji: &str) -> Self {
        Self::of(&KnownBody::Reaction { target, emoji: emoji.to_owned(), remove: true })
    }

    /// Creates a forward of a message, as [`Forward::of`] says. Returns `None` for an action,
    /// which cannot be forwarded.
    #[must_use]
    pub fn forward(message: &Message) -> Option<Self> {
        let forward = Forward::of(message)?;
        let content_type = message.content_type.clone();
        Some(Self { content_type, ..Self::of(&KnownBody::Forward(forward)) })
    }

    /// Mentions a member of the room.
    #[must_use]
    pub fn mention(mut self, user: UserId) -> Self {
        self.mentions.push(user);
        self
    }

    /// Converts the draft into an HTTP request with this id.
    #[must_use]
    pub fn into_post(self, id: MessageId) -> PostMessage {
        let Self { kind, body, reply_to, mentions, content_type, after } = self;
        PostMessage { id: Some(id), kind, body, reply_to, mentions, content_type, after }
    }

    /// Converts the draft into a frame for the socket with this id.
    #[must_use]
    pub fn into_send(self, id: MessageId, room: RoomId) -> Send {
        let Self { kind, body, reply_to, mentions, content_type, after } = self;
        Send { id, room, kind, body, reply_to, mentions, content_type, after }
    }
}
