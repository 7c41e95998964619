//! Devices come and go: the one place where SQL, the broker and open sockets are changed together.
//!
//! The order is what makes a logout final. SQL first: from then on nobody authenticates as the device, and a pump that takes the channel
//! back finds out and deletes it again. Then the socket, then the channel. What the broker could not delete stays noted in SQL, and
//! `upkeep` does it when the nsqd is back.

mod waiting;

use std::{sync::Arc, time::Duration};

use ferry_broker::{Broker, BrokerError};
use ferry_protocol::{CloseCode, DeviceId, UserId};
use ferry_store::{Device, NewDevice, Store, StoreError};
use tokio_util::task::TaskTracker;

use crate::{changes::Changes, receipts::Receipts, refusal::Refusal, relay::Dispatcher};

/// How long a logout waits for the device's socket to end. A socket that takes longer is past its channel anyway, which is deleted next.
const SOCKET_PATIENCE: Duration = Duration::from_secs(2);

/// See the module's description.
#[derive(Debug, Clone)]
pub struct Logins {
    /// SQL.
    pub store: Store,
    /// The queues.
    pub broker: Broker,
    /// Caches, connections and the other relays.
    pub changes: Arc<Changes>,
    /// Tells the user's other devices.
    pub dispatcher: Arc<Dispatcher>,
    /// Tells the authors of messages that a device never got.
    pub receipts: Arc<Receipts>,
    /// The limit of devices for each user.
    pub max_devices: usize,
    /// Tasks beside an answer. The relay waits for them at its end.
    pub tasks: TaskTracker,
}

/// What was deleted and whom it concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoutReason {
    /// Devices were logged out, which those that are left are told.
    Logout {
        /// With which device; for one that did it itself, itself.
        by: DeviceId,
    },
    /// A login was taken back of which nobody ever heard.
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

impl Logins {
    /// Logs a device in: a row in SQL and a channel, or neither.
    ///
    /// A user's first device begins with a fresh topic: what a late send may have left on an old one is not for it. The user's lock keeps
    /// a simultaneous first login or last logout, on whatever relay, from deleting the topic under the new channel.
    ///
    /// # Errors
    /// `device_limit`; `unavailable` where SQL or the user's home does not answer.
    pub async fn open(&self, new: NewDevice) -> Result<Device, Refusal> {
        let (store, broker) = (&self.store, &self.broker);
        let (user, id) = (new.user, new.id);
        let lock = store.lock_user(user).await?;
        let created = match store.create_device(new, self.max_devices).await {
            Ok(created) => created,
            Err(error) => {
                lock.release().await;
                return Err(error.into());
            }
        };
        let opened = async {
            if created.first {
                broker.delete_topic_at_home(user).await?;
            }
            broker.open_device(user, id).await
        }
        .await;
        if let Err(error) = opened {
            // The channel may be there all the same: the removal is noted in SQL like any other, also where somebody else has logged the
            // device out meanwhile.
            match store.revoke_device(user, id).await {
                Ok(true) => {}
                Ok(false) => self.note_removal(user, id).await,
                Err(error) => tracing::error!(%user, device = %id, %error, "a device without a channel stays in SQL"),
            }
            return Err(error.into());
        }
        lock.release().await;
        self.changes.devices_changed(user).await;
        Ok(created.device)
    }

    /// Tells the user's other devices of a new one. Call this once its tokens are stored.
    pub async fn tell_of_login(&self, device: &Device) {
        let (name, ip) = (device.name.clone(), device.ip.clone());
        self.dispatcher.tell_of_login(device.user_id, device.id, name, ip).await;
    }

    /// Takes back a login of which nobody gets the tokens.
    ///
    /// It may be that somebody logged the device out while its channel was being made, by a new password for example: they found no channel
    /// to delete then, or not yet this one. So it is deleted here, although the row is gone.
    pub async fn abandon(&self, user: UserId, device: DeviceId) {
        // Where SQL does not answer, the device waits in the list of devices.
        match self.store.revoke_device(user, device).await {
            Ok(true) => self.finish(user, &[device], LogoutReason::Abandoned).await,
            Ok(false) | Err(_) => {
                self.remove_if_gone(user, device).await;
            }
        }
    }

    /// Logs a device out, with the device `by`. False where it is not one of this user's.
    ///
    /// After this no frame reaches the device. Its channel is gone, or, where an nsqd does not answer, will be when that is back.
    ///
    /// # Errors
    /// Those of SQL; nothing has happened then.
    pub async fn close(&self, user: UserId, device: DeviceId, by: DeviceId) -> Result<bool, StoreError> {
        if !self.store.revoke_device(user, device).await? {
            return Ok(false);
        }
        self.finish(user, &[device], LogoutReason::Logout { by }).await;
        Ok(true)
    }

    /// Does what follows when SQL no longer has the devices: sockets here and elsewhere, channels, the topic after the last one, and notices
    /// to those that are left.
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
                // Not the logout's business how long others take to hear of it.
                let (receipts, device) = (Arc::clone(&self.receipts), *device);
                self.tasks.spawn(async move { receipts.tell_of_expiry(user, device, waiting).await });
            }
        });
        futures_util::future::join_all(each).await;
        if let LogoutReason::Logout { by } = why {
            self.tell_of_logouts(user, devices, by).await;
        }
    }

    /// Tells the devices that are left. Under the user's lock: a publish beside the logout of the last of them would make their topic again.
    async fn tell_of_logouts(&self, user: UserId, gone: &[DeviceId], by: DeviceId) {
        let store = &self.store;
        // A look without the lock spares the last logout the lock.
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

    /// After a subscription whose outcome is unknown or came too late: deletes the channel again if SQL no longer has the device. Where SQL
    /// does not say, the reconciler finds the orphan. Whether it is gone.
    pub async fn remove_if_gone(&self, user: UserId, device: DeviceId) -> bool {
        let gone = matches!(self.store.device(device).await, Ok(None));
        if gone {
            self.remove_channel(user, device).await;
        }
        gone
    }

    /// Deletes the channel of a device that SQL no longer has, and the topic where no device is left. What fails is noted in SQL, and
    /// `upkeep` does it again.
    pub async fn remove_channel(&self, user: UserId, device: DeviceId) {
        let Err(refusal) = self.try_remove_channel(user, device).await else { return };
        tracing::warn!(%user, %device, reason = %refusal.detail, "a channel cannot be deleted yet");
        self.note_removal(user, device).await;
    }

    async fn note_removal(&self, user: UserId, device: DeviceId) {
        if let Err(error) = self.store.note_close(user, device).await {
            tracing::warn!(%user, %device, %error, "a removal cannot be noted: the reconciler will find the channel");
        }
    }

    async fn try_remove_channel(&self, user: UserId, device: DeviceId) -> Result<(), Refusal> {
        let (store, broker) = (&self.store, &self.broker);
        let closed = broker.close_device(user, device).await;
        // Also where one node did not answer: on the others the last channel may have gone.
        self.remove_topic_if_unused(user).await?;
        closed?;
        store.close_done(device).await?;
        Ok(())
    }

    /// Deletes the topic of a user without devices. True where there was none to keep it for.
    ///
    /// # Errors
    /// `unavailable`: do it again later.
    pub async fn remove_topic_if_unused(&self, user: UserId) -> Result<bool, Refusal> {
        let (store, broker) = (&self.store, &self.broker);
        // A look without the lock spares most logouts the lock.
        if store.has_devices(user).await? {
            return Ok(false);
        }
        let lock = store.lock_user(user).await?;
        let unused = !store.has_devices(user).await?;
        let deleted: Result<(), BrokerError> = if unused { broker.delete_topic(user).await } else { Ok(()) };
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
    use ferry_store::{NewUser, StoreOptions};

    use crate::{bus::Bus, config::Config, directory::Directory, hub::Hub, limits::RateLimits, metrics::Metrics};

    fn new_device(user: UserId, proven: i64) -> NewDevice {
        let now = now_ms();
        NewDevice { id: DeviceId::new(), user, name: "phone".into(), ip: None, user_agent: None, now, proven }
    }

    /// A login whose row came before a new password, and whose channel came after everything that this deleted.
    #[tokio::test]
    async fn a_login_that_a_new_password_overtook_leaves_no_channel() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/ferry.db", directory.path().display());
        let store = Store::open(&url, StoreOptions::default()).await.unwrap();
        let queues =
            Arc::new(MemoryBroker::new(MemoryLimits::default(), prometheus::IntCounter::new("dropped", "-").unwrap()));
        let broker = Broker::Memory(Arc::clone(&queues));
        let members = Arc::new(Directory::new(store.clone()));
        let metrics = Arc::new(Metrics::new().unwrap());
        let dispatcher = Arc::new(Dispatcher::new(broker.clone(), Arc::clone(&members), metrics));
        let changes = Changes::new(Bus::new(broker.clone()), Arc::new(Hub::default()), members);
        let limits = Arc::new(RateLimits::new(&Config::defaults().unwrap().limits));
        let logins = Logins {
            store: store.clone(),
            broker: broker.clone(),
            changes: Arc::new(changes),
            receipts: Arc::new(Receipts::new(limits, Arc::clone(&dispatcher), 32)),
            dispatcher,
            max_devices: 16,
            tasks: TaskTracker::new(),
        };
        let new = NewUser {
            id: UserId::new(),
            username: "ann".into(),
            display_name: None,
            password_hash: "$old".into(),
            now: now_ms(),
        };
        let ann = store.create_user(new).await.unwrap();
        let since = store.credentials(ann.id).await.unwrap().unwrap().password_changed_at;
        let phone = logins.open(new_device(ann.id, since)).await.unwrap();

        let overtaken = store.create_device(new_device(ann.id, since), 16).await.unwrap().device;
        let gone = store.change_password(ann.id, since, "$new", phone.id, now_ms()).await.unwrap();
        assert_eq!(gone, [overtaken.id]);
        logins.finish(ann.id, &gone, LogoutReason::Abandoned).await;
        broker.open_device(ann.id, overtaken.id).await.unwrap();
        let tokens = store.insert_refresh(overtaken.id, [1; 32], 1, i64::MAX).await;
        assert!(matches!(tokens, Err(StoreError::NotFound)), "by this the login learns of it");
        logins.abandon(ann.id, overtaken.id).await;

        broker.publish(ann.id, bytes::Bytes::from_static(b"to the phone alone")).await.unwrap();
        assert_eq!(queues.queued(), 1);
        assert!(store.pending_closes(i64::MAX, 10).await.unwrap().is_empty());
    }
}
