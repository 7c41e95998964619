//! Inboxes of links: what one device of a user has for another one, for a moment.

use ferry_protocol::{DeviceId, LinkId, UserId};
use sha2::{Digest, Sha256};

/// The beginning of the names of inboxes.
pub(crate) const PREFIX: &str = "link.";

/// What a look for inboxes without a reader has found.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// How many were removed.
    pub removed: usize,
    /// How many are not removed yet. Their readers may be about to come.
    pub left: usize,
}

/// The inbox of one side of a link. It is there only while somebody reads it: see
/// [`Broker::open_inbox`](crate::Broker::open_inbox).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbox {
    /// It lies on the user's home.
    pub(crate) user: UserId,
    pub(crate) name: String,
}

impl Inbox {
    /// Returns the inbox of the device that offers a link.
    #[must_use]
    pub fn of_offerer(user: UserId, link: LinkId) -> Self {
        Self { user, name: format!("{PREFIX}{}.0#ephemeral", hex(&[user.0.as_bytes(), link.0.as_bytes()], 16)) }
    }

    /// Returns the inbox of a device that accepts it. Several may try, and only one succeeds.
    #[must_use]
    pub fn of_acceptor(user: UserId, link: LinkId, device: DeviceId) -> Self {
        let parts = [user.0.as_bytes(), link.0.as_bytes(), device.0.as_bytes()];
        let (link, device) = (hex(&parts[..2], 16), hex(&parts, 4));
        Self { user, name: format!("{PREFIX}{link}.1.{device}#ephemeral") }
    }
}

/// Returns the first bytes of a hash. The user is part of it, so that nobody who knows the id of a
/// link of another user can read or write there.
fn hex(parts: &[&[u8; 16]], bytes: usize) -> String {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inboxes_differ_and_their_names_fit_into_what_nsqd_takes() {
        let (user, link, device) = (UserId::new(), LinkId::new(), DeviceId::new());
        let inboxes = [
            Inbox::of_offerer(user, link),
            Inbox::of_offerer(UserId::new(), link),
            Inbox::of_offerer(user, LinkId::new()),
            Inbox::of_acceptor(user, link, device),
            Inbox::of_acceptor(user, link, DeviceId::new()),
        ];
        for (index, inbox) in inboxes.iter().enumerate() {
            assert!(ferry_nsq::TopicName::new(&inbox.name).is_ok(), "{}", inbox.name);
            assert!(!inboxes[..index].contains(inbox));
        }
        assert_eq!(inboxes[0], Inbox::of_offerer(user, link));
    }
}
