//! Who is told of what happens to rooms and devices.
//!
//! Every change is told after it is in SQL, and before the call that made it is answered: who hears the answer and then writes to the room is
//! not ahead of the news. As with messages, the device that did it gets no copy; it has the answer.

use ferry_protocol::{DeviceId, Envelope, Notice, NoticeEvent, Role, RoomId, UserId, now_ms};
use futures_util::StreamExt;

use super::{Dispatcher, FAN_OUT};
use crate::{identity::Authenticated, refusal::Refusal};

/// Who did something, and with which device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub user: UserId,
    /// It gets no notice of what it did.
    pub device: DeviceId,
}

impl From<Authenticated> for Actor {
    fn from(who: Authenticated) -> Self {
        Self { user: who.user, device: who.device }
    }
}

impl Dispatcher {
    /// Tells everybody who is in a room now, and `others`, of something that `by` did. Best effort, as [`Self::notify`].
    pub async fn tell_room(&self, by: impl Into<Actor>, room: RoomId, others: &[UserId], event: NoticeEvent) {
        let mut users = others.to_vec();
        match self.directory.audience(room).await {
            Ok(Some(audience)) => users.extend(audience.members().iter().map(|member| member.user)),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%room, %error, "who is in a room is not known: they are not told what happened")
            }
        }
        self.tell(by, users, event).await;
    }

    /// Tells these users of something that `by` did. Naming somebody twice does no harm. Best effort, as [`Self::notify`].
    pub async fn tell(&self, by: impl Into<Actor>, mut users: Vec<UserId>, event: NoticeEvent) {
        let by = by.into();
        users.sort_unstable();
        users.dedup();
        let notice = Notice::new(event, now_ms());
        let outcome = async {
            let targets = self.reachable(by, &users).await?;
            let payload = Envelope::encode_notice(&notice, by.device).map_err(|_| Refusal::internal())?;
            self.publish_to_all(targets, &payload, notice.id).await
        };
        if let Err(refusal) = outcome.await {
            tracing::warn!(id = %notice.id, reason = %refusal.detail, "a notice did not reach everybody");
        }
    }

    /// Tells each of those who are in a new room that they are, and nobody of the others: they are in the list of members, and to tell
    /// everybody of everybody would be a million deliveries for a room of a thousand.
    pub async fn tell_of_new_room(&self, by: impl Into<Actor>, room: RoomId, members: Vec<(UserId, Role)>) {
        let by = by.into();
        let users: Vec<UserId> = members.iter().map(|(user, _)| *user).collect();
        let targets = match self.reachable(by, &users).await {
            Ok(targets) => targets,
            Err(refusal) => {
                tracing::warn!(%room, reason = %refusal.detail, "nobody was told of a new room");
                return;
            }
        };
        let reached: Vec<_> = members.into_iter().filter(|(user, _)| targets.binary_search(user).is_ok()).collect();
        let tell = |(user, role)| async move {
            let event = NoticeEvent::MemberAdded { room, user, role, by: by.user };
            let notice = Notice::new(event, now_ms());
            let Ok(payload) = Envelope::encode_notice(&notice, by.device) else { return };
            if let Err(refusal) = self.publish_to_all(vec![user], &payload, notice.id).await {
                tracing::warn!(id = %notice.id, %user, reason = %refusal.detail, "a notice did not reach a user");
            }
        };
        futures_util::stream::iter(reached).for_each_concurrent(FAN_OUT, tell).await;
    }

    /// Those of the users who have a device, and not only the one that did it; sorted.
    async fn reachable(&self, by: Actor, users: &[UserId]) -> Result<Vec<UserId>, Refusal> {
        let devices = self.directory.device_counts(users.iter().copied()).await?;
        let has_another = |(user, count): &(UserId, u32)| *user != by.user || *count > 1;
        let mut targets: Vec<UserId> = devices.into_iter().filter(has_another).map(|(user, _)| user).collect();
        targets.sort_unstable();
        Ok(targets)
    }
}

/// A user's own devices.
impl Dispatcher {
    /// Tells the user's other devices of a new one.
    pub async fn tell_of_login(&self, user: UserId, device: DeviceId, name: String, ip: Option<String>) {
        self.tell(Actor { user, device }, vec![user], NoticeEvent::DeviceAdded { device, name, ip }).await;
    }

    /// Tells the user's devices that one of them is logged out; it is already. `by` is the device that did it.
    pub async fn tell_of_logout(&self, user: UserId, device: DeviceId, by: DeviceId) {
        let event = NoticeEvent::DeviceRemoved { device };
        if by == device {
            self.notify(&[user], &Notice::new(event, now_ms())).await;
        } else {
            self.tell(Actor { user, device: by }, vec![user], event).await;
        }
    }
}
