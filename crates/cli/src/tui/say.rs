//! What the user says: a message, or something that is done to one.

use ferry_client::{Draft, Target};

/// A message to which something is done, and its beginning in words. `Debug` shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct Quoted {
    pub target: Target,
    /// `bob: “hello”`, with nothing in it that steers a terminal.
    pub line: String,
}

impl std::fmt::Debug for Quoted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Quoted").field("target", &self.target).finish_non_exhaustive()
    }
}

/// What a text is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum About {
    /// A message of its own.
    #[default]
    New,
    /// An answer to a message.
    Reply(Quoted),
    /// The new text of a message.
    Edit(Quoted),
}

/// `Debug` is left out, because a text may be in it.
#[derive(Clone, PartialEq, Eq)]
pub enum Say {
    Text { about: About, text: String },
    Delete(Quoted),
    React { to: Quoted, emoji: String, remove: bool },
}

impl Say {
    /// Returns the message that says it.
    pub fn draft(&self) -> Draft {
        match self {
            Self::Text { about: About::New, text } => Draft::text(text),
            Self::Text { about: About::Reply(to), text } => Draft::reply(to.target.message, text),
            Self::Text { about: About::Edit(of), text } => Draft::edit(of.target, text),
            Self::Delete(of) => Draft::delete(of.target),
            Self::React { to, emoji, remove: false } => Draft::react(to.target, emoji),
            Self::React { to, emoji, remove: true } => Draft::unreact(to.target, emoji),
        }
    }
}
