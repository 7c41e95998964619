//! Sends over HTTP that did not reach everybody, so that a retry goes to the rest alone.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ferry_protocol::{DeviceId, Send, UserId};

use super::{Known, Recent, Stamp};

/// Devices with such sends. Beyond this limit a send is not remembered: a retry goes to everybody,
/// and receivers drop it by its id.
const DEVICES: usize = 1_000;

/// See the module's description. Empty while every publish is confirmed.
#[derive(Debug, Default)]
pub struct SendsOverHttp {
    devices: Mutex<HashMap<DeviceId, Recent>>,
}

impl SendsOverHttp {
    fn devices(&self) -> MutexGuard<'_, HashMap<DeviceId, Recent>> {
        // Held for a few map operations, never over an await. A panic leaves nothing half-done.
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what is known of a device's send.
    #[must_use]
    pub fn look_up(&self, device: DeviceId, send: &Send) -> Known {
        self.devices().get(&device).map_or(Known::New, |recent| recent.look_up(send))
    }

    /// Notes that a send is outstanding for these users. Returns how often it was tried.
    pub fn note_outstanding(
        &self,
        device: DeviceId,
        send: &Send,
        stamp: Stamp,
        recipients: u32,
        users: &[UserId],
    ) -> u32 {
        let mut devices = self.devices();
        if devices.len() >= DEVICES && !devices.contains_key(&device) {
            return 1;
        }
        let recent = devices.entry(device).or_default();
        if recent.look_up(send) == Known::New {
            recent.note(send, stamp);
        }
        recent.note_outstanding(send.id, recipients, users)
    }

    /// Notes that every recipient has the message.
    pub fn confirm(&self, device: DeviceId, send: &Send, recipients: u32) {
        if let Some(recent) = self.devices().get_mut(&device) {
            recent.confirm(send.id, recipients);
        }
    }

    /// Forgets the sends that are too old to come again.
    pub fn tidy(&self, now: i64) {
        self.devices().retain(|_, recent| {
            recent.forget_old(now);
            !recent.is_empty()
        });
    }
}
