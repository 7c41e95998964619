//! What is to be sent.

use ferry_protocol::{
    Body, Forward, KIND_TEXT, KnownBody, Message, MessageId, PostMessage, RoomId, Send, Target, UserId,
};

/// A message that has no id and no room yet. [`Connection::send_draft`](crate::Connection::send_draft) sends it, and
/// [`Session::post_message`](crate::Session::post_message) what [`Self::into_post`] makes of it.
///
/// Nothing here checks whether one may edit or delete the target: the devices that receive it do, and ignore it where not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What the body is.
    pub kind: String,
    /// What is said.
    pub body: Body,
    /// The message that this one answers.
    pub reply_to: Option<MessageId>,
    /// Who in the room is called upon by it.
    pub mentions: Vec<UserId>,
    /// The media type of the body.
    pub content_type: Option<String>,
}

impl Draft {
    /// Of any kind.
    #[must_use]
    pub fn new(kind: impl Into<String>, body: Body) -> Self {
        Self { kind: kind.into(), body, reply_to: None, mentions: Vec::new(), content_type: None }
    }

    fn of(known: &KnownBody) -> Self {
        Self::new(known.kind(), known.to_body())
    }

    /// Plain words.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::new(KIND_TEXT, Body::text(text))
    }

    /// Plain words, in answer to a message.
    #[must_use]
    pub fn reply(to: MessageId, text: &str) -> Self {
        Self { reply_to: Some(to), ..Self::text(text) }
    }

    /// Other words for an earlier `text` of the same user.
    #[must_use]
    pub fn edit(target: Target, text: &str) -> Self {
        Self::of(&KnownBody::Edit { target, body: text.to_owned() })
    }

    /// Takes a message back for all: one's own, or in a group or channel anybody's as its moderator.
    #[must_use]
    pub fn delete(target: Target) -> Self {
        Self::of(&KnownBody::Delete { target })
    }

    /// Puts an emoji to a message; at most [`EMOJI_MAX`](ferry_protocol::EMOJI_MAX) bytes, without blanks.
    #[must_use]
    pub fn react(target: Target, emoji: &str) -> Self {
        Self::of(&KnownBody::Reaction { target, emoji: emoji.to_owned(), remove: false })
    }

    /// Takes an emoji away again that the same user had put.
    #[must_use]
    pub fn unreact(target: Target, emoji: &str) -> Self {
        Self::of(&KnownBody::Reaction { target, emoji: emoji.to_owned(), remove: true })
    }

    /// Passes a message on, as [`Forward::of`] says. None where it is an action, and so nothing to pass on.
    #[must_use]
    pub fn forward(message: &Message) -> Option<Self> {
        let forward = Forward::of(message)?;
        let content_type = message.content_type.clone();
        Some(Self { content_type, ..Self::of(&KnownBody::Forward(forward)) })
    }

    /// Calls upon a member of the room.
    #[must_use]
    pub fn mention(mut self, user: UserId) -> Self {
        self.mentions.push(user);
        self
    }

    /// For HTTP, under this id.
    #[must_use]
    pub fn into_post(self, id: MessageId) -> PostMessage {
        let Self { kind, body, reply_to, mentions, content_type } = self;
        PostMessage { id: Some(id), kind, body, reply_to, mentions, content_type }
    }

    /// For the socket, under this id.
    pub(crate) fn into_send(self, id: MessageId, room: RoomId) -> Send {
        let Self { kind, body, reply_to, mentions, content_type } = self;
        Send { id, room, kind, body, reply_to, mentions, content_type }
    }
}
