//! Sends of the known kinds.

use ferry_protocol::{Message, MessageId, RoomId, Sent, Target};

use crate::{Connection, Draft, SendError};

/// Actions on messages are sent like messages, and fail like them. The sending device gets only
/// the answer.
impl Connection {
    /// Sends a plain text message that answers another message.
    ///
    /// # Errors
    /// As for [`Self::send`].
    pub async fn reply(&self, room: RoomId, to: MessageId, text: &str) -> Result<Sent, SendError> {
        self.send_draft(room, Draft::reply(to, text)).await
    }

    /// Changes the text of an earlier message. Receivers ignore it if the message is not the
    /// user's own.
    ///
    /// # Errors
    /// As for [`Self::send`].
    pub async fn edit(&self, room: RoomId, target: Target, text: &str) -> Result<Sent, SendError> {
        self.send_draft(room, Draft::edit(target, text)).await
    }

    /// Takes a message back. Receivers ignore it if the message is not the user's own, unless the
    /// user is a moderator of the group or channel.
    ///
    /// # Errors
    /// As for [`Self::send`].
    pub async fn delete(&self, room: RoomId, target: Target) -> Result<Sent, SendError> {
        self.send_draft(room, Draft::delete(target)).await
    }

    /// Adds an emoji to a message.
    ///
    /// # Errors
    /// As for [`Self::send`]; `invalid` if it is not a valid emoji.
    pub async fn react(&self, room: RoomId, target: Target, emoji: &str) -> Result<Sent, SendError> {
        self.send_draft(room, Draft::react(target, emoji)).await
    }

    /// Removes an emoji of the user.
    ///
    /// # Errors
    /// As for [`Self::react`].
    pub async fn unreact(&self, room: RoomId, target: Target, emoji: &str) -> Result<Sent, SendError> {
        self.send_draft(room, Draft::unreact(target, emoji)).await
    }

    /// Forwards a message to a room. Returns `None` for an action, which cannot be forwarded.
    ///
    /// # Errors
    /// As for [`Self::send`].
    pub async fn forward(&self, room: RoomId, message: &Message) -> Result<Option<Sent>, SendError> {
        match Draft::forward(message) {
            Some(draft) => self.send_draft(room, draft).await.map(Some),
            None => Ok(None),
        }
    }
}
