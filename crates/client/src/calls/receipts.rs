//! Calls about what the user has read.

use ferry_protocol::{MessageId, NoticesRead, ReadCursor, RoomId};
use reqwest::Method;

use crate::http::Call;
use crate::{ClientError, Session};

impl Session {
    /// Tells the user's other devices, and the named authors, how far a room is read. For programs
    /// without a socket; see [`Connection::mark_read`](crate::Connection::mark_read).
    ///
    /// # Errors
    /// 404 `not_found` for a room that the user is not in, 422 `invalid` for too many authors, 429
    /// `rate_limited`.
    pub async fn mark_read(&self, room: RoomId, cursor: &ReadCursor) -> Result<(), ClientError> {
        self.call_empty(Call::new(Method::POST, format!("rooms/{room}/read")).json(cursor)?).await
    }

    /// Tells the user's other devices that notices are read.
    ///
    /// # Errors
    /// 422 `invalid` for no notice or too many, 429 `rate_limited`.
    pub async fn mark_notices_read(&self, notices: Vec<MessageId>) -> Result<(), ClientError> {
        self.call_empty(Call::new(Method::POST, "notices/read").json(&NoticesRead { notices })?).await
    }
}
