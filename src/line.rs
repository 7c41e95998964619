//! A device's connection as the rest of the relay sees it: asked to close, waited for, told live
//! news.

mod live_queue;

use std::sync::atomic::{AtomicI64, Ordering};

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
    /// The connection's epoch from SQL. Of two connections of a device, the one with the greater
    /// epoch is the newer. 0 until SQL has given it.
    epoch: AtomicI64,
    /// The greatest epoch that another connection of the device is known to have.
    rival: AtomicI64,
    /// The generation of the tokens that the connection has proved.
    generation: AtomicI64,
    /// Tokens of an older generation than this are known to be revoked.
    revoked_below: AtomicI64,
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
            epoch: AtomicI64::new(0),
            rival: AtomicI64::new(0),
            generation: AtomicI64::new(0),
            revoked_below: AtomicI64::new(0),
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

    /// Returns the connection's epoch; 0 until it has one.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Notes the epoch that SQL gave the connection. Asks the connection to end if a newer one is
    /// known already.
    pub fn set_epoch(&self, epoch: i64) {
        self.epoch.store(epoch, Ordering::SeqCst);
        self.yield_to_newer();
    }

    /// Notes that another connection of the device has this epoch. Asks the connection to end if
    /// that one is newer.
    pub fn met(&self, epoch: i64) {
        self.rival.fetch_max(epoch, Ordering::SeqCst);
        self.yield_to_newer();
    }

    fn yield_to_newer(&self) {
        // Both sides store first and then look, so that one of them sees the other's number.
        let (epoch, rival) = (self.epoch(), self.rival.load(Ordering::SeqCst));
        // A connection without an epoch gets one that is greater than all that were given.
        if epoch != 0 && epoch < rival {
            self.close(CloseCode::Replaced);
        }
    }

    /// Returns the generation of the tokens that the connection has proved.
    #[must_use]
    pub fn generation(&self) -> i64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Notes that the connection has proved a token of this generation. Returns false if such
    /// tokens are revoked.
    pub fn prove(&self, generation: i64) -> bool {
        self.generation.store(generation, Ordering::SeqCst);
        generation >= self.revoked_below.load(Ordering::SeqCst)
    }

    /// Notes that the tokens that the connection has proved are revoked. It may prove another one
    /// until then, in milliseconds since the Unix epoch.
    pub fn revoke(&self, until: i64) {
        self.revoked_below.store(self.generation() + 1, Ordering::SeqCst);
        self.live.revoked(until);
    }

    /// Notes that the device got an access token of this generation. It counts for the connection
    /// only if that has proved tokens of the same generation, and they are not revoked.
    pub fn renew(&self, generation: i64, expires_at: i64) {
        if generation == self.generation() && generation >= self.revoked_below.load(Ordering::SeqCst) {
            self.live.renewed(expires_at);
        }
    }

    /// Waits until the connection has ended: its channel is free and no frame follows.
    /// Cancel-safe.
    pub async fn ended(&self) {
        self.ended.wait().await;
    }

    /// Wakes everybody who waits for the end.
    pub fn set_ended(&self) {
        let _ = self.ended.set(());
    }
}
