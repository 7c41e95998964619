//! Where a user's payloads go.

use ferry_nsq::TopicName;
use ferry_protocol::UserId;

/// A user's home and topic. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Destination {
    pub(crate) user: UserId,
    /// The index of the home among the nodes, and the topic. `None` for the broker in this process.
    pub(crate) home: Option<(usize, TopicName)>,
}

impl Destination {
    /// Returns a destination in this process.
    pub(crate) fn of(user: UserId) -> Self {
        Self { user, home: None }
    }

    /// Returns the user.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.user
    }
}
