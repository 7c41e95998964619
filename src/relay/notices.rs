//! Notices: who is told of changes to rooms and devices.
//!
//! A notice goes out after the change is in SQL, and before the call that made the change is
//! answered. So a user who gets the answer and then writes to the room is not ahead of the news.
//! As with messages, the device that made the change gets no copy, because it has the answer.

use ferry_broker::Destination;
use ferry_protocol::{DeviceId, Envelope, Notice, NoticeEvent, Role, RoomId, UserId, now_ms};

use super::Dispatcher;
use crate::{directory::Reach, identity::Authenticated, refusal::Refusal};

/// The user who made a change, and the device they used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// The user.
    pub user: UserId,
    /// The device. It gets no notice of what it did.
    pub device: DeviceId,
}

impl From<Authenticated> for Actor {
    fn from(who: Authenticated) -> Self {
        Self { user: who.user, device: who.device }
    }
}

impl Dispatcher {
    /// Tells every present member of a room, and `others`, of something that `by` did. Best
    /// effort, as [`Self::notify`].
    pub async fn tell_room(&self, by: impl Into<Actor>, room: RoomId, others: &[UserId], event: NoticeEvent) {
        let mut users = others.to_vec();
        match self.directory.audience(room).await {
            Ok(Some(audience)) => users.extend(audience.members().iter().map(|member| member.user)),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%room, %error, "the members of a room are unknown, and are not told what happened")
            }
        }
        self.tell(by, users, event).await;
    }

    /// Tells these users of something that `by` did. A user may be named twice. Best effort, as
    /// [`Self::notify`].
    pub async fn tell(&self, by: impl Into<Actor>, mut users: Vec<UserId>, event: NoticeEvent) {
        let by = by.into();
        users.sort_unstable();
        users.dedup();
        let notice = Notice::new(event, now_ms());
        let outcome = async {
            let targets = self.reachable(by, &users).await?;
            let payload = Envelope::encode_notice(&notice, by.device).map_err(|_| Refusal::internal())?;
            self.publish_to_all(targets, &payload, notice.id).await.map_err(|(refusal, _)| refusal)
        };
        if let Err(refusal) = outcome.await {
            tracing::warn!(id = %notice.id, reason = %refusal.detail, "a notice did not reach everybody");
        }
    }

    /// Tells each member of a new room that they are in it, but not about the others. The list of
    /// members names those. To tell everybody about everybody would take a million deliveries in a
    /// room of a thousand.
    pub async fn tell_of_new_room(&self, by: impl Into<Actor>, room: RoomId, members: Vec<(UserId, Role)>) {
        let by = by.into();
        let users: Vec<UserId> = members.iter().map(|(user, _)| *user).collect();
        let mut targets = match self.reachable(by, &users).await {
            Ok(targets) => targets,
            Err(refusal) => {
                tracing::warn!(%room, reason = %refusal.detail, "nobody was told of a new room");
                return;
            }
        };
        targets.sort_unstable_by_key(Destination::user);
        let payloads = members.into_iter().filter_map(|(user, role)| {
            let index = targets.binary_search_by_key(&user, Destination::user).ok()?;
            let event = NoticeEvent::MemberAdded { room, user, role, by: by.user };
            let payload = Envelope::encode_notice(&Notice::new(event, now_ms()), by.device).ok()?;
            Some((targets[index].clone(), payload))
        });
        self.publish_each(payloads).await;
    }

    /// Returns where those of the users are reached who have a device besides the one that made the
    /// change.
    async fn reachable(&self, by: Actor, users: &[UserId]) -> Result<Vec<Destination>, Refusal> {
        let reach = self.directory.reach(users.iter().copied()).await?;
        let has_another = |reach: &Reach| reach.destination.user() != by.user || reach.devices > 1;
        Ok(reach.into_iter().flatten().filter(has_another).map(|reach| reach.destination).collect())
    }
}

/// Notices about a user's own devices.
impl Dispatcher {
    /// Tells the user's other devices of a new one.
    pub async fn tell_of_login(&self, user: UserId, device: DeviceId, name: String, ip: Option<String>) {
        self.tell(Actor { user, device }, vec![user], NoticeEvent::DeviceAdded { device, name, ip }).await;
    }

    /// Tells the user's devices that one of them has been logged out. `by` is the device that did
    /// it.
    pub async fn tell_of_logout(&self, user: UserId, device: DeviceId, by: DeviceId) {
        let event = NoticeEvent::DeviceRemoved { device };
        if by == device {
            self.notify(&[user], &Notice::new(event, now_ms())).await;
        } else {
            self.tell(Actor { user, device: by }, vec![user], event).await;
        }
    }
}
