//! A device's connection as the rest of the relay sees it: asked to close, waited for, told live
//! news.

mod live_queue;

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use ferry_protocol::{CloseCode, DeviceId, UserId};
use tokio::sync::SetOnce;
use uuid::Uuid;

pub use live_queue::LiveQueue;

/// See the module's description.
#[derive(Debug)]
pub struct Line {
    /// Tells two connections of one device apart.
    pub id: Uuid,
    /// The device's user.
    pub user: UserId,
    /// The device.
    pub device: DeviceId,
    close: SetOnce<CloseCode>,
    ended: SetOnce<()>,
    /// Whether the connection has the device's channel.
    holds: AtomicBool,
    /// The newest epoch that the device got beside this connection, by sending over HTTP.
    epoch: AtomicI64,
    /// The live frames that wait for this connection.
    pub live: LiveQueue,
}

impl Line {
    /// Creates the line of a new connection.
    #[must_use]
    pub fn new(user: UserId, device: DeviceId) -> Self {
        Self {
            id: Uuid::now_v7(),
            user,
            device,
            close: SetOnce::new(),
            ended: SetOnce::new(),
            holds: AtomicBool::new(false),
            epoch: AtomicI64::new(0),
            live: LiveQueue::default(),
        }
    }

    /// Asks the connection to end. Only the first reason counts.
    pub fn close(&self, code: CloseCode) {
        // An error means that it was asked before.
        let _ = self.close.set(code);
    }

    /// Waits until the connection is asked to end. Cancel-safe.
    pub async fn closing(&self) -> CloseCode {
        *self.close.wait().await
    }

    /// Returns why the connection was asked to end, if it was.
    #[must_use]
    pub fn close_reason(&self) -> Option<CloseCode> {
        self.close.get().copied()
    }

    /// Notes that the connection has the device's channel now.
    pub fn took_channel(&self) {
        self.holds.store(true, Ordering::Release);
    }

    /// Returns whether the connection has the device's channel.
    #[must_use]
    pub fn holds_channel(&self) -> bool {
        self.holds.load(Ordering::Acquire)
    }

    /// Returns the newest epoch that the device got beside this connection; 0 if there was none.
    #[must_use]
    pub fn newest_epoch(&self) -> i64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Notes an epoch that the device got beside this connection.
    pub fn overtaken(&self, epoch: i64) {
        self.epoch.fetch_max(epoch, Ordering::AcqRel);
    }

    /// Waits until the connection has ended: its channel is free and no frame follows. Cancel-safe.
    pub async fn ended(&self) {
        self.ended.wait().await;
    }

    /// Wakes everybody who waits for the end.
    pub fn set_ended(&self) {
        let _ = self.ended.set(());
    }
}
