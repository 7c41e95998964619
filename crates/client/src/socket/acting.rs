//! Sends of the known kinds.

use ferry_protocol::{Message, MessageId, RoomId, Sent, Target};

use crate::{Connection, Draft, SendError};

/// What is done to messages is sent like a message, and fails like one. Nothing comes back to the device that sends it but the answer.
impl Connection {
    /// Plain words in answer to a message.
    ///
    /// # Errors
    /// As for [`Self::send`].
    pub async fn reply(&self, room: RoomId, to: MessageId, text: &str) -> Result<Sent, SendError> {
        self.send_draft(room, Draft::reply(to, text)).await
    }

    /// Says something else than in an earlier message. Receivers ignore it where the message is not the user's own.
    ///
    /// # Errors
    /// As for [`Self::send`].
    pub async fn edit(&self, room: RoomId, target: Target, text: &str) -> Result<Sent, SendError> {
        self.send_draft(room, Draft::edit(target, text)).await
    }

    /// Takes a message back. Receivers ignore it where the message is neither the user's own nor, in a group or channel, a moderator sends this.
    ///
    /// # Errors
    /// As for [`Self::send`].
    pub async fn delete(&self, room: RoomId, target: Target) -> Result<Sent, SendError> {
        self.send_draft(room, Draft::delete(target)).await
    }

    /// Puts an emoji to a message.
    ///
    /// # Errors
    /// As for [`Self::send`]; `invalid` for what is no emoji.
    pub async fn react(&self, room: RoomId, target: Target, emoji: &str) -> Result<Sent, SendError> {
        self.send_draft(room, Draft::react(target, emoji)).await
    }

    /// Takes an emoji away again.
    ///
    /// # Errors
    /// As for [`Self::react`].
    pub async fn unreact(&self, room: RoomId, target: Target, emoji: &str) -> Result<Sent, SendError> {
        self.send_draft(room, Draft::unreact(target, emoji)).await
    }

    /// Passes a message on to a room. None where it is an action, and so nothing to pass on.
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
