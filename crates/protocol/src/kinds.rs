//! The kinds of messages that Ferry knows, and how their bodies are read and written. All other
//! kinds belong to their senders.
//!
//! A relay checks only the form of these bodies. It stores no messages, so it cannot know whether
//! a target exists or who wrote it. Each receiver decides which edits and deletions count, from
//! the stamp of the relay.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::{Body, KIND_TEXT, Message, MessageId, NotAnId, RoomId, UserId, is_valid_kind};

/// The kind of a message that replaces the text of an earlier message of the same author.
pub const KIND_EDIT: &str = "edit";
/// The kind of a message that takes another message back, for everybody.
pub const KIND_DELETE: &str = "delete";
/// The kind of a message that adds an emoji to another message, or removes it.
pub const KIND_REACTION: &str = "reaction";
/// The kind of a message that passes on what a user said elsewhere.
pub const KIND_FORWARD: &str = "forward";

/// The longest emoji of a reaction, in bytes. A longer one is `invalid`.
pub const EMOJI_MAX: usize = 64;

/// The latest `sent_at` that an origin may claim. It is the largest integer that every JSON parser
/// reads exactly.
const TIME_MAX: i64 = (1 << 53) - 1;

/// A message, named by its id and its author. Senders choose the ids, so a message that another
/// user sends under the same id is a different message.
///
/// Its text form is `user/message`, which [`FromStr`] reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The message's id.
    pub message: MessageId,
    /// The message's author.
    pub from: UserId,
}

impl From<&Message> for Target {
    fn from(message: &Message) -> Self {
        Self { message: message.id, from: message.from.user }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.from, self.message)
    }
}

impl FromStr for Target {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let (from, message) = text.split_once('/').ok_or(NotAnId)?;
        Ok(Self { message: message.parse()?, from: from.parse()? })
    }
}

/// The origin of a forwarded message. It is a claim of the forwarder, and nobody has checked it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardOrigin {
    /// The author of the original message.
    pub from: UserId,
    /// The time when it was sent, in milliseconds since the Unix epoch.
    pub sent_at: i64,
    /// The room of the original message, if the forwarder names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
    /// The id of the original message, if the forwarder names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
}

/// The body of a [`KIND_FORWARD`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forward {
    /// The origin of the forwarded message.
    pub origin: ForwardOrigin,
    /// The kind of the forwarded message. It is not an action (edit, delete, reaction) and not
    /// `forward`.
    pub kind: String,
    /// The body of the forwarded message.
    pub body: Body,
}

impl Forward {
    /// Creates the forward of a message. A message that was forwarded before keeps its first
    /// origin. The room and the id are left out, because the receivers may have no business with
    /// them.
    ///
    /// Returns `None` if there is nothing to forward: the message is an action, or its body does
    /// not have the form of its kind.
    #[must_use]
    pub fn of(message: &Message) -> Option<Self> {
        match KnownBody::parse(&message.kind, &message.body).ok()? {
            Some(KnownBody::Forward(earlier)) => Some(earlier),
            Some(KnownBody::Text(_)) | None => {
                let origin =
                    ForwardOrigin { from: message.from.user, sent_at: message.sent_at, room: None, message: None };
                Some(Self { origin, kind: message.kind.clone(), body: message.body.clone() })
            }
            Some(_) => None,
        }
    }
}

/// The body of a message of a known kind. `Debug` shows the kind and the ids, and nothing that a
/// user wrote.
#[derive(Clone, PartialEq, Eq)]
pub enum KnownBody {
    /// The body of a [`KIND_TEXT`].
    Text(String),
    /// The body of a [`KIND_EDIT`].
    Edit {
        /// The message whose text changes.
        target: Target,
        /// The new text.
        body: String,
    },
    /// The body of a [`KIND_DELETE`].
    Delete {
        /// The message that is taken back.
        target: Target,
    },
    /// The body of a [`KIND_REACTION`].
    Reaction {
        /// The message that gets the reaction.
        target: Target,
        /// The emoji: 1 to [`EMOJI_MAX`] bytes, without control characters and blanks.
        emoji: String,
        /// Whether the reaction is removed.
        remove: bool,
    },
    /// The body of a [`KIND_FORWARD`].
    Forward(Forward),
}

/// The error for a body that does not have the form of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct BadBody {
    /// The field that is wrong, as a path from the message.
    pub field: &'static str,
    /// The description of what is expected there.
    pub detail: &'static str,
}

fn bad<T>(field: &'static str, detail: &'static str) -> Result<T, BadBody> {
    Err(BadBody { field, detail })
}

impl KnownBody {
    /// Reads a body. Returns `None` if the kind is not a known one. Ignores unknown fields.
    ///
    /// # Errors
    /// Fails if the body does not have the form of its kind. The error tells nothing of what is in
    /// it.
    pub fn parse(kind: &str, body: &Body) -> Result<Option<Self>, BadBody> {
        let known = match kind {
            KIND_TEXT => match body.as_text() {
                Some(text) => Self::Text(text),
                None => return bad("body", "must be a string for the kind `text`"),
            },
            KIND_EDIT => {
                let fields = Fields::of(body)?;
                Self::Edit { target: fields.target()?, body: string(fields.body, "body.body", "must be a string")? }
            }
            KIND_DELETE => Self::Delete { target: Fields::of(body)?.target()? },
            KIND_REACTION => {
                let fields = Fields::of(body)?;
                Self::Reaction { target: fields.target()?, emoji: fields.emoji()?, remove: fields.remove()? }
            }
            KIND_FORWARD => Self::Forward(Fields::of(body)?.forward()?),
            _ => return Ok(None),
        };
        Ok(Some(known))
    }

    /// Checks that a body has the form of its kind. Every body of an unknown kind passes.
    ///
    /// # Errors
    /// Fails as [`Self::parse`] does.
    pub fn check(kind: &str, body: &Body) -> Result<(), BadBody> {
        // Texts are by far the most frequent. A text without escapes is valid if its first
        // character is a quote. Only an escape can be half a character, and needs the full check.
        if kind == KIND_TEXT && body.is_text() && !body.get().contains("\\u") {
            return Ok(());
        }
        Self::parse(kind, body).map(drop)
    }

    /// Returns the kind of the message.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => KIND_TEXT,
            Self::Edit { .. } => KIND_EDIT,
            Self::Delete { .. } => KIND_DELETE,
            Self::Reaction { .. } => KIND_REACTION,
            Self::Forward(_) => KIND_FORWARD,
        }
    }

    /// Returns the message that this one acts on, or `None` if it acts on none.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        match self {
            Self::Edit { target, .. } | Self::Delete { target } | Self::Reaction { target, .. } => Some(*target),
            Self::Text(_) | Self::Forward(_) => None,
        }
    }

    /// Returns the body as it goes into a message.
    #[must_use]
    pub fn to_body(&self) -> Body {
        #[derive(Serialize)]
        struct Written<'a> {
            target: &'a Target,
            #[serde(skip_serializing_if = "Option::is_none")]
            body: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            emoji: Option<&'a str>,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            remove: bool,
        }
        let bare = |target| Written { target, body: None, emoji: None, remove: false };
        match self {
            Self::Text(text) => Body::text(text),
            Self::Edit { target, body } => Body::of(&Written { body: Some(body), ..bare(target) }),
            Self::Delete { target } => Body::of(&bare(target)),
            Self::Reaction { target, emoji, remove } => {
                Body::of(&Written { emoji: Some(emoji), remove: *remove, ..bare(target) })
            }
            Self::Forward(forward) => Body::of(forward),
        }
    }
}

impl fmt::Debug for KnownBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.target()) {
            (Self::Forward(forward), _) => forward.fmt(f),
            (_, Some(target)) => write!(f, "{} of {target}", self.kind()),
            (_, None) => f.write_str(self.kind()),
        }
    }
}

/// The fields of all known kinds. Each is read on its own, so that an error can name the wrong
/// field.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    target: Option<&'a RawValue>,
    // `null` is a body too.
    #[serde(borrow, default, deserialize_with = "present")]
    body: Option<&'a RawValue>,
    #[serde(borrow)]
    emoji: Option<&'a RawValue>,
    #[serde(borrow)]
    remove: Option<&'a RawValue>,
    #[serde(borrow)]
    origin: Option<&'a RawValue>,
    #[serde(borrow)]
    kind: Option<&'a RawValue>,
}

/// What names a message in them: a target, or an origin.
#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    from: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    sent_at: Option<&'a RawValue>,
    #[serde(borrow)]
    room: Option<&'a RawValue>,
}

impl<'a> Fields<'a> {
    fn of(body: &'a Body) -> Result<Self, BadBody> {
        object(body.get(), "body")
    }

    fn target(&self) -> Result<Target, BadBody> {
        let Some(target) = self.target else { return bad("body.target", "is needed") };
        let parts: Parts<'_> = object(target.get(), "body.target")?;
        let message: MessageId = id(parts.message, "body.target.message")?;
        Ok(Target { message, from: id(parts.from, "body.target.from")? })
    }

    fn emoji(&self) -> Result<String, BadBody> {
        const WANTED: &str = "must be a string of 1 to 64 bytes without blanks and control characters";
        let emoji = string(self.emoji, "body.emoji", WANTED)?;
        let is_one =
            (1..=EMOJI_MAX).contains(&emoji.len()) && !emoji.chars().any(|c| c.is_control() || c.is_whitespace());
        if is_one { Ok(emoji) } else { bad("body.emoji", WANTED) }
    }

    fn remove(&self) -> Result<bool, BadBody> {
        match self.remove.map(RawValue::get) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => bad("body.remove", "must be true or false"),
        }
    }

    fn forward(&self) -> Result<Forward, BadBody> {
        let origin = self.origin()?;
        let kind = string(self.kind, "body.kind", "must be a string")?;
        if !is_valid_kind(&kind) {
            return bad("body.kind", "must be a kind of message");
        }
        if kind == KIND_FORWARD {
            return bad("body.kind", "what is forwarded again keeps its first origin, and its own kind and body");
        }
        if matches!(kind.as_str(), KIND_EDIT | KIND_DELETE | KIND_REACTION) {
            return bad("body.kind", "an edit, a deletion or a reaction cannot be forwarded");
        }
        let Some(body) = self.body else { return bad("body.body", "is needed") };
        let body = Body::of(&body);
        if kind == KIND_TEXT && body.as_text().is_none() {
            return bad("body.body", "must be a string for the kind `text`");
        }
        Ok(Forward { origin, kind, body })
    }

    fn origin(&self) -> Result<ForwardOrigin, BadBody> {
        let Some(origin) = self.origin else { return bad("body.origin", "is needed") };
        let parts: Parts<'_> = object(origin.get(), "body.origin")?;
        let sent_at = parts.sent_at.and_then(|number| serde_json::from_str(number.get()).ok());
        let Some(sent_at) = sent_at.filter(|at| (0..=TIME_MAX).contains(at)) else {
            return bad("body.origin.sent_at", "must be milliseconds since the Unix epoch");
        };
        Ok(ForwardOrigin {
            from: id(parts.from, "body.origin.from")?,
            sent_at,
            room: parts.room.map(|room| id(Some(room), "body.origin.room")).transpose()?,
            message: parts.message.map(|message| id(Some(message), "body.origin.message")).transpose()?,
        })
    }
}

fn present<'de: 'a, 'a, D: Deserializer<'de>>(json: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(json).map(Some)
}

/// Reads an object. Rejects a list, which serde would also accept for a struct.
fn object<'a, T: Deserialize<'a>>(json: &'a str, field: &'static str) -> Result<T, BadBody> {
    const WANTED: &str = "must be an object without a field twice";
    if !json.starts_with('{') {
        return bad(field, WANTED);
    }
    serde_json::from_str(json).or(bad(field, WANTED))
}

fn string(value: Option<&RawValue>, field: &'static str, wanted: &'static str) -> Result<String, BadBody> {
    value.and_then(|value| serde_json::from_str(value.get()).ok()).ok_or(BadBody { field, detail: wanted })
}

/// Reads an id in the one spelling that Ferry writes. The relay passes a body on unchanged, and
/// receivers may compare the texts.
fn id<T: FromStr + ToString>(value: Option<&RawValue>, field: &'static str) -> Result<T, BadBody> {
    const WANTED: &str = "must be a UUID, in small letters and with hyphens";
    let text = string(value, field, WANTED)?;
    match text.parse::<T>() {
        Ok(id) if id.to_string() == text => Ok(id),
        _ => bad(field, WANTED),
    }
}

#[cfg(test)]
mod tests;
