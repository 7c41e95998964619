//! How a device is logged in, and how a login is taken back that nobody can use.

use ferry_protocol::{DeviceId, UserId};
use ferry_store::{Created, Device, NewDevice, StoreError};

use super::{Logins, LogoutReason, REMOVAL_RETRY};
use crate::refusal::Refusal;

/// The first refresh token of a device, as SQL stores it.
#[derive(Clone, Copy)]
pub struct FirstToken {
    /// The hash of the token.
    pub hash: [u8; 32],
    /// Until when the token is valid, in milliseconds since the Unix epoch.
    pub expires_at: i64,
}

impl Logins {
    /// Logs a device in: makes a row in SQL, a channel and the first refresh token, or none of
    /// them. If the same login came before, with the same key, this is the device of that login,
    /// with its old tokens revoked.
    ///
    /// A user's first device begins with a fresh topic, because a late send may have left messages
    /// on an old one. The user's lock keeps a simultaneous first login or last logout, on whatever
    /// relay, from deleting the topic under the new channel. It also lets a login end before its
    /// repetition begins.
    ///
    /// # Errors
    /// - `device_limit` if the user has too many devices.
    /// - `not_found` if the account is gone.
    /// - `unauthorized` if the password is no longer in force.
    /// - `invalid` if another login had the key.
    /// - `unavailable` if SQL or the user's home does not answer.
    pub async fn open(&self, new: NewDevice, token: FirstToken) -> Result<Device, Refusal> {
        let store = &self.store;
        let (user, now) = (new.user, new.now);
        let max_devices = self.config.now().limits.devices;
        let lock = store.lock_user(user).await?;
        let created = match store.create_device(new, max_devices).await {
            Ok(created) => created,
            Err(error) => {
                lock.release().await;
                return Err(error.into());
            }
        };
        let id = created.device.id;
        if created.is_repeated {
            // Before anything can fail: in SQL its tokens are revoked already.
            self.changes.tokens_revoked(user, id, 0).await;
        }
        if let Err(error) = self.open_channel(&created).await {
            // What waits for a device that was there before must not be lost.
            if created.is_repeated {
                lock.release().await;
                return Err(error);
            }
            // The channel may exist all the same. Its removal is noted in SQL like any other, even
            // if the device has been logged out meanwhile.
            match store.revoke_device(user, id).await {
                Ok(true) => {}
                Ok(false) => {
                    if let Err(error) = self.note_removal(user, id, None, REMOVAL_RETRY).await {
                        tracing::warn!(%user, device = %id, %error, "upkeep will find a channel without a device");
                    }
                }
                Err(error) => tracing::error!(%user, device = %id, %error, "a device without a channel stays in SQL"),
            }
            return Err(error);
        }
        let generation = created.device.token_generation;
        if let Err(error) = store.insert_refresh(id, generation, token.hash, now, token.expires_at).await {
            if created.is_repeated {
                lock.release().await;
                return Err(error.into());
            }
            // Under the lock: a repetition that waits for it makes a device of its own.
            let revoked = store.revoke_device(user, id).await;
            lock.release().await;
            Box::pin(self.abandon(user, id, revoked)).await;
            return Err(error.into());
        }
        lock.release().await;
        self.changes.devices_changed(user).await;
        Ok(created.device)
    }

    async fn open_channel(&self, created: &Created) -> Result<(), Refusal> {
        let Device { id, user_id, .. } = created.device;
        if created.first {
            self.broker.delete_topic_at_home(user_id).await?;
        }
        Ok(self.broker.open_device(user_id, id).await?)
    }

    /// Logs a device in in the place of another one of its user: it gets the other's id and all
    /// that waits for it. Connections of the other end, and its tokens are revoked. Returns `None`
    /// if the user has no such device.
    ///
    /// # Errors
    /// Fails as [`Self::open`] does. If the user's home does not answer, the device may
    /// be without a channel until it connects.
    pub async fn replace(&self, new: NewDevice, other: DeviceId) -> Result<Option<Device>, Refusal> {
        let user = new.user;
        let Some(device) = self.store.replace_device(new, other).await? else { return Ok(None) };
        self.changes.tokens_revoked(user, other, 0).await;
        self.broker.open_device(user, other).await?;
        Ok(Some(device))
    }

    /// Tells the user's other devices of a new one. Call this once its tokens are stored.
    pub async fn tell_of_login(&self, device: &Device) {
        let (name, ip) = (device.name.clone(), device.ip.clone());
        self.dispatcher.tell_of_login(device.user_id, device.id, name, ip).await;
    }

    /// Takes back a login whose tokens nobody gets. `revoked` says whether SQL still had it.
    ///
    /// The device may have been logged out while its channel was being made, for example by a new
    /// password. That logout found no channel to delete, or not yet this one. So the channel is
    /// deleted here, although the row is gone.
    pub(super) async fn abandon(&self, user: UserId, device: DeviceId, revoked: Result<bool, StoreError>) {
        // If SQL does not answer, the device stays in the list of devices.
        match revoked {
            Ok(true) => self.finish(user, &[device], LogoutReason::Abandoned).await,
            Ok(false) | Err(_) => {
                self.remove_if_gone(user, device).await;
            }
        }
    }
}
