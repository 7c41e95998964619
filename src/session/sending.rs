//! The sends of one connection: one at a time, in the order in which they came.
//!
//! One at a time, because a `seq` must go out before its successor; the fan-out of each is concurrent by itself.

use std::{collections::VecDeque, future::Future, pin::Pin, sync::Arc};

use ferry_protocol::{ErrorCode, MessageId, Send, Sent};

use super::{Known, Stamps};
use crate::{app::App, clock, hub::Connection, refusal::Refusal};

/// Sends that may wait for their turn. At the bound the socket is not read until one is done, and TCP holds the device back.
pub const QUEUE: usize = 64;

/// What became of a send.
pub type Outcome = (MessageId, Result<Sent, Refusal>);

type InProgress = Pin<Box<dyn Future<Output = (Box<Stamps>, Outcome)> + std::marker::Send>>;

/// See the module's description. Costs next to nothing while nothing is sent.
pub struct Sending {
    app: Arc<App>,
    line: Arc<Connection>,
    /// With the send in progress while there is one.
    stamps: Option<Box<Stamps>>,
    waiting: VecDeque<Send>,
    in_progress: Option<InProgress>,
}

impl Sending {
    /// Of a connection that opened at `epoch`.
    pub fn new(app: Arc<App>, line: Arc<Connection>, epoch: i64) -> Self {
        let stamps = Some(Box::new(Stamps::new(epoch)));
        Self { app, line, stamps, waiting: VecDeque::new(), in_progress: None }
    }

    /// Whether another send can be taken.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < QUEUE
    }

    /// Whether one is in progress.
    pub fn is_busy(&self) -> bool {
        self.in_progress.is_some()
    }

    /// Takes a send; its outcome comes from [`Self::next`].
    pub fn push(&mut self, send: Send) {
        self.waiting.push_back(send);
        self.start();
    }

    fn start(&mut self) {
        if self.in_progress.is_some() {
            return;
        }
        if let Some(send) = self.waiting.pop_front()
            && let Some(stamps) = self.stamps.take()
        {
            let (app, line) = (Arc::clone(&self.app), Arc::clone(&self.line));
            self.in_progress = Some(Box::pin(process(app, line, stamps, send)));
        } else {
            self.waiting = VecDeque::new();
        }
    }

    /// Waits for the send in progress, for ever where there is none. Cancel-safe: what is in progress stays so.
    pub async fn next(&mut self) -> Outcome {
        let Some(in_progress) = &mut self.in_progress else { return std::future::pending().await };
        let (stamps, outcome) = in_progress.await;
        self.in_progress = None;
        self.stamps = Some(stamps);
        self.start();
        outcome
    }

    /// Drops what has not begun; the device sends it again when it is back.
    pub fn stop(&mut self) {
        self.waiting.clear();
    }
}

async fn process(app: Arc<App>, line: Arc<Connection>, mut stamps: Box<Stamps>, send: Send) -> (Box<Stamps>, Outcome) {
    let id = send.id;
    let result = async {
        let stamped = match stamps.look_up(&send) {
            Known::Confirmed(sent) => return Ok(sent),
            Known::Reused => return Err(Refusal::new(ErrorCode::IdReused, "this id was used for another message")),
            Known::Retry(stamp) => Some(stamp),
            Known::New => None,
        };
        let admitted = app.relay.admit(line.user, line.device, &send).await?;
        if stamped.is_none() && line.newest_epoch() > stamps.epoch() {
            // The device has sent over HTTP meanwhile, in an epoch of its own: what follows must sort behind that.
            let epoch = app.store.open_connection(line.device, clock::now_ms()).await?;
            stamps.begin(epoch.ok_or_else(Refusal::unauthorized)?);
        }
        let stamp = stamped.unwrap_or_else(|| stamps.stamp(&send, clock::now_ms()));
        let sent = app.relay.send(&admitted, stamp, send).await?;
        stamps.confirm(&sent);
        Ok(sent)
    }
    .await;
    (stamps, (id, result))
}
