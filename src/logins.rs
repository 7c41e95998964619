//! Logins and logouts: the one place that changes SQL, the broker and open connections together.
//!
//! The order makes a logout final. SQL comes first: from then on nobody authenticates as the
//! device, and a pump that takes the channel back finds out and deletes it again. Then comes the
//! connection, then the channel. A deletion at which the broker fails is noted in SQL, and
//! `upkeep` does it when the node is back.

mod opening;
mod waiting;

use std::{sync::Arc, time::Duration};

use ferry_broker::{Broker, BrokerError, NsqBroker};
use ferry_protocol::{CloseCode, DeviceId, UserId};
use ferry_store::{PendingClose, Store, StoreError};
use tokio_util::task::TaskTracker;

use crate::{changes::Changes, config::Current, receipts::Receipts, refusal::Refusal, relay::Dispatcher};

pub use opening::FirstToken;

/// How long a logout waits until the device's connection has ended. A connection that takes longer
/// loses its channel anyway, because that is deleted next.
const SOCKET_PATIENCE: Duration = Duration::from_secs(2);

/// The pause before the first retry of a deletion. It doubles with each.
const REMOVAL_RETRY: Duration = Duration::from_secs(1);
/// The longest such pause: a channel goes this long after its node is back, at most.
const REMOVAL_RETRY_MOST: Duration = Duration::from_secs(10);

/// See the module's description.
#[derive(Debug, Clone)]
pub struct Logins {
    /// SQL.
    pub store: Store,
    /// The queues.
    pub broker: Broker,
    /// Caches, connections and the other relays.
    pub changes: Arc<Changes>,
    /// The dispatcher, for notices to the user's other devices.
    pub dispatcher: Arc<Dispatcher>,
    /// The receipts, for authors of messages that a device never got.
    pub receipts: Arc<Receipts>,
    /// The limit of devices for each user.
    pub config: Current,
    /// Tasks that run beside an answer. The relay waits for them when it ends.
    pub tasks: TaskTracker,
}

/// Why devices were deleted, which decides who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoutReason {
    /// Devices were logged out. The user's other devices are told.
    Logout {
        /// The device that did it. A device that logs itself out is its own `by`.
        by: DeviceId,
    },
    /// A login was taken back before anybody heard of it.
    Abandoned,
    /// The account was deleted.
    AccountDeleted,
}

impl LogoutReason {
    fn close_code(self) -> CloseCode {
        match self {
            Self::Logout { .. } | Self::Abandoned => CloseCode::LoggedOut,
            Self::AccountDeleted => CloseCode::AccountGone,
        }
    }
}

/// What became of a deletion.
enum Removed {
    /// The channel is gone, and the topic if it has to.
    Everywhere,
    /// These nodes have not done it, with commas between them. `None` if all may be left.
    NotAt(Option<String>),
}

impl Logins {
    /// Logs a device out, with the device `by`. Returns false if the user has no such device.
    ///
    /// After this no frame reaches the device. Its channel is gone; if a node does not answer, it
    /// goes when that node is back.
    ///
    /// # Errors
    /// Fails as SQL does. Nothing has happened then.
    pub async fn close(&self, user: UserId, device: DeviceId, by: DeviceId) -> Result<bool, StoreError> {
        if !self.store.revoke_device(user, device).await? {
            return Ok(false);
        }
        self.finish(user, &[device], LogoutReason::Logout { by }).await;
        Ok(true)
    }

    /// Does what follows once SQL no longer has the devices. Closes their connections here and
    /// elsewhere, and deletes their channels, and the topic after the last one. Tells the user's
    /// other devices.
    pub async fn finish(&self, user: UserId, devices: &[DeviceId], why: LogoutReason) {
        for device in devices {
            self.changes.forget_device(user, *device);
        }
        let each = devices.iter().map(|device| async move {
            let elsewhere = self.changes.announce_gone(user, *device, why == LogoutReason::AccountDeleted);
            let here = self.changes.hub().close_and_wait(*device, why.close_code(), SOCKET_PATIENCE);
            tokio::join!(elsewhere, here);
            let waiting = match why {
                LogoutReason::Abandoned => Vec::new(),
                LogoutReason::Logout { .. } | LogoutReason::AccountDeleted => self.take_what_waits(user, *device).await,
            };
            self.remove_channel(user, *device).await;
            if !waiting.is_empty() {
                // The logout does not wait until others have heard of it.
                let (receipts, device) = (Arc::clone(&self.receipts), *device);
                self.tasks.spawn(async move { receipts.tell_of_expiry(user, device, waiting).await });
            }
        });
        futures_util::future::join_all(each).await;
        if let LogoutReason::Logout { by } = why {
            self.tell_of_logouts(user, devices, by).await;
        }
    }

    /// Tells the devices that are left. Holds the user's lock: a publish beside the logout of the
    /// last device would make the topic again.
    async fn tell_of_logouts(&self, user: UserId, gone: &[DeviceId], by: DeviceId) {
        let store = &self.store;
        // Checked without the lock first, which spares the last logout the lock.
        if gone.is_empty() || !matches!(store.has_devices(user).await, Ok(true)) {
            return;
        }
        let lock = match store.lock_user(user).await {
            Ok(lock) => lock,
            Err(error) => {
                tracing::warn!(%user, %error, "the devices that are left are not told of a logout");
                return;
            }
        };
        if matches!(store.has_devices(user).await, Ok(true)) {
            for device in gone {
                self.dispatcher.tell_of_logout(user, *device, by).await;
            }
        }
        lock.release().await;
    }

    /// Deletes the channel again if SQL no longer has the device, and returns whether it has none.
    /// Call this after a subscription whose outcome is unknown or came too late. If SQL does not
    /// answer, `upkeep` finds the orphan.
    pub async fn remove_if_gone(&self, user: UserId, device: DeviceId) -> bool {
        let gone = matches!(self.store.device(device).await, Ok(None));
        if gone {
            self.remove_channel(user, device).await;
        }
        gone
    }

    /// Deletes the channel of a device that SQL no longer has, and the topic if no device is left.
    /// A failure is noted in SQL, and `upkeep` tries again.
    pub async fn remove_channel(&self, user: UserId, device: DeviceId) {
        let outcome = match self.try_remove_channel(user, device, None).await {
            Removed::Everywhere => self.store.close_done(device).await,
            Removed::NotAt(nodes) => self.note_removal(user, device, nodes, REMOVAL_RETRY).await,
        };
        if let Err(error) = outcome {
            tracing::warn!(%user, %device, %error, "a removal cannot be noted: upkeep will find the channel");
        }
    }

    /// Tries a deletion again, at the nodes that are left. The pause before the next try grows.
    pub async fn remove_channel_again(&self, taken: PendingClose) {
        let PendingClose { user, device, tries, .. } = taken;
        let nodes: Option<Vec<String>> =
            taken.nodes.as_ref().map(|nodes| nodes.split(',').map(str::to_owned).collect());
        let removed = match &nodes {
            // Without a lock, and without a call that would take its whole time.
            Some(nodes) if !self.broker.may_answer(nodes) => Removed::NotAt(taken.nodes.clone()),
            nodes => self.try_remove_channel(user, device, nodes.as_deref()).await,
        };
        let outcome = match removed {
            Removed::Everywhere => self.store.taken_close_done(&taken).await,
            Removed::NotAt(nodes) => {
                let doublings = u32::try_from(tries).unwrap_or(1).saturating_sub(1).min(8);
                let wait = (REMOVAL_RETRY * 2_u32.pow(doublings)).min(REMOVAL_RETRY_MOST);
                let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
                self.store.postpone_close(&taken, nodes, wait).await
            }
        };
        if let Err(error) = outcome {
            tracing::warn!(%user, %device, %error, "a removal cannot be noted: it is tried again");
        }
    }

    async fn note_removal(
        &self,
        user: UserId,
        device: DeviceId,
        nodes: Option<String>,
        wait: Duration,
    ) -> Result<(), StoreError> {
        self.store.note_close(user, device, nodes, i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)).await
    }

    async fn try_remove_channel(&self, user: UserId, device: DeviceId, nodes: Option<&[String]>) -> Removed {
        let left = self.broker.close_device(user, device, nodes).await.unwrap_or_default();
        // Even if one node did not answer: on the others the last channel may be gone.
        let topic = self.delete_unused_topic(user, nodes).await;
        if left.is_empty() && topic.is_ok() {
            return Removed::Everywhere;
        }
        let reason = topic.err().map(|refusal| refusal.detail);
        tracing::warn!(%user, %device, nodes = ?left, ?reason, "a channel cannot be deleted yet");
        // If only the topic is left, the same nodes are asked again.
        let left = if left.is_empty() { nodes.map(<[String]>::to_vec) } else { Some(left) };
        Removed::NotAt(left.map(|left| left.join(",")))
    }

    /// Deletes the topic of a user without devices. Returns whether the user has none.
    ///
    /// # Errors
    /// Fails with `unavailable`. Try again later.
    pub async fn remove_topic_if_unused(&self, user: UserId) -> Result<bool, Refusal> {
        self.delete_unused_topic(user, None).await
    }

    async fn delete_unused_topic(&self, user: UserId, nodes: Option<&[String]>) -> Result<bool, Refusal> {
        let (store, broker) = (&self.store, &self.broker);
        // Checked without the lock first, which spares most logouts the lock.
        if store.has_devices(user).await? {
            return Ok(false);
        }
        let lock = store.lock_user(user).await?;
        let unused = !store.has_devices(user).await?;
        let deleted: Result<(), BrokerError> = if unused { broker.delete_topic(user, nodes).await } else { Ok(()) };
        lock.release().await;
        deleted?;
        Ok(unused)
    }

    /// Deletes the topic of a user without devices on one node. Returns whether the user has none.
    ///
    /// # Errors
    /// Fails with `unavailable`. Try again later.
    pub async fn remove_topic_at(&self, broker: &NsqBroker, node: usize, user: UserId) -> Result<bool, Refusal> {
        let lock = self.store.lock_user(user).await?;
        let unused = matches!(self.store.has_devices(user).await, Ok(false));
        let deleted = if unused { broker.delete_topic_at(node, user).await } else { Ok(()) };
        lock.release().await;
        deleted?;
        Ok(unused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_broker::{MemoryBroker, MemoryLimits};
    use ferry_protocol::now_ms;
    use ferry_store::{NewDevice, NewUser, StoreOptions};

    use crate::{
        bus::Bus, config::Config, directory::Directory, hub::Hub, limits::RateLimits, metrics::Metrics, trust::Trust,
    };

    fn new_device(user: UserId, proven: i64) -> NewDevice {
        let now = now_ms();
        NewDevice {
            id: DeviceId::new(),
            user,
            name: "phone".into(),
            ip: None,
            user_agent: None,
            now,
            proven,
            code: None,
            key: None,
            known: None,
        }
    }

    /// The row of this login came before a new password, and its channel after everything that the
    /// new password deleted.
    #[tokio::test]
    async fn a_login_that_a_new_password_overtook_leaves_no_channel() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/ferry.db", directory.path().display());
        let store = Store::open(&url, StoreOptions::default()).await.unwrap();
        let queues =
            Arc::new(MemoryBroker::new(MemoryLimits::default(), prometheus::IntCounter::new("dropped", "-").unwrap()));
        let broker = Broker::Memory(Arc::clone(&queues));
        let trust = Arc::new(Trust::always());
        let tasks = TaskTracker::new();
        let members = Directory::new(store.clone(), broker.clone(), Arc::clone(&trust), tasks.clone());
        let metrics = Arc::new(Metrics::new().unwrap());
        let dispatcher = Arc::new(Dispatcher::new(broker.clone(), members.clone(), metrics));
        let changes = Changes::new(Bus::new(broker.clone(), trust), Arc::new(Hub::default()), members);
        let config = Current::new(Config::defaults().unwrap());
        let limits = Arc::new(RateLimits::new(&config.now().limits));
        let logins = Logins {
            store: store.clone(),
            broker: broker.clone(),
            changes: Arc::new(changes),
            receipts: Arc::new(Receipts::new(config.clone(), limits, Arc::clone(&dispatcher))),
            dispatcher,
            config,
            tasks,
        };
        let new = NewUser {
            id: UserId::new(),
            username: "ann".into(),
            display_name: None,
            password_hash: "$old".into(),
            add: ferry_protocol::Allow::Friends,
            now: now_ms(),
        };
        let ann = store.create_user(new).await.unwrap();
        let since = store.credentials(ann.id).await.unwrap().unwrap().password_changed_at;
        let token = FirstToken { hash: [7; 32], expires_at: i64::MAX };
        let phone = logins.open(new_device(ann.id, since), token).await.unwrap();

        let overtaken = store.create_device(new_device(ann.id, since), 16).await.unwrap().device;
        let gone = store.change_password(ann.id, since, "$new", phone.id, now_ms()).await.unwrap();
        assert_eq!(gone, [overtaken.id]);
        logins.finish(ann.id, &gone, LogoutReason::Abandoned).await;
        broker.open_device(ann.id, overtaken.id).await.unwrap();
        let tokens = store.insert_refresh(overtaken.id, 0, [1; 32], 1, i64::MAX).await;
        assert!(matches!(tokens, Err(StoreError::NotFound)), "by this the login learns of it");
        let revoked = store.revoke_device(ann.id, overtaken.id).await;
        logins.abandon(ann.id, overtaken.id, revoked).await;

        broker.publish(ann.id, bytes::Bytes::from_static(b"to the phone alone")).await.unwrap();
        assert_eq!(queues.queued(), 1);
        assert!(store.pending_closes(10).await.unwrap().is_empty());
    }
}
