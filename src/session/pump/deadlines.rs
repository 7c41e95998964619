//! The rules of a connection that depend on time. One alarm serves them all.

use std::time::{Duration, Instant};

use ferry_protocol::{CloseCode, now_ms};

use super::{Pump, ending::End};
use crate::session::backlog::Backlog;

/// How long the socket may have taken no bytes without a doubt about the subscription, which was
/// not read meanwhile.
const UNREAD: Duration = Duration::from_secs(5);

impl Pump {
    /// Returns when to look at the clock next. One timer serves every rule; most devices need it
    /// once in a ping interval.
    pub(super) fn deadline(&self) -> Instant {
        let times = self.app.config.times();
        // A device cannot show that it lives while its socket takes no bytes, or is not read.
        let listening = !self.socket.is_blocked() && self.sending.has_room();
        let silence = if self.pinged { times.ping * 2 } else { times.ping };
        let alive = listening.then(|| self.heard_at + silence);
        let touch = (!self.window.is_empty()).then(|| self.touched_at + times.msg_timeout / 2);
        let expiry = self.renewal.is_nothing().then_some(self.expires_at);
        let lost = (!self.socket.is_blocked()).then(|| self.subscription.lost_at()).flatten();
        [alive, touch, expiry, lost, self.recount_at(), self.window.slow_at(times.slow), self.blocked_until()]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or_else(|| Instant::now() + times.ping)
    }

    /// Returns when the socket will have taken no bytes for too long. `None` if it takes bytes.
    fn blocked_until(&self) -> Option<Instant> {
        let slow = self.app.config.times().slow;
        let patience = self.subscription.read_within().map_or(slow, |unread| unread.min(slow));
        self.socket.blocked_since().map(|since| since + patience)
    }

    /// Makes sure of the subscription after the socket has taken no bytes for a while.
    pub(super) fn take_up_again(&mut self) {
        if self.socket.was_blocked_for() >= UNREAD {
            self.subscription.probe();
        }
    }

    pub(super) fn tick(&mut self) -> Result<(), End> {
        let (now, times) = (Instant::now(), self.app.config.times());
        let due = |at: Option<Instant>| at.is_some_and(|at| now >= at);
        if due(self.window.slow_at(times.slow)) || due(self.blocked_until()) {
            return Err(CloseCode::Slow.into());
        }
        if now >= self.expires_at && self.renewal.is_nothing() {
            return Err(CloseCode::TokenExpired.into());
        }
        if !self.socket.is_blocked() && due(self.subscription.lost_at()) {
            // The connection is open and nothing comes over it, not even heartbeats: nsqd is
            // frozen, or the network has dropped the flow.
            tracing::warn!(device = %self.identity.device, "a subscription is silent for too long");
            return Err(CloseCode::BrokerUnavailable.into());
        }
        if !self.socket.is_blocked() && self.sending.has_room() {
            if now >= self.heard_at + times.ping * 2 {
                return Err(CloseCode::NoPong.into());
            }
            if now >= self.heard_at + times.ping && !self.pinged {
                self.pinged = true;
                self.socket.ping();
            }
        }
        if now >= self.touched_at + times.msg_timeout / 2 {
            self.touched_at = now;
            for id in self.window.held() {
                self.subscription.touch(id);
            }
        }
        if due(self.recount_at()) {
            self.count_backlog();
        }
        self.sending.tidy();
        Ok(())
    }

    /// Returns when to count the backlog again. `None` while a count is under way, or while the
    /// device holds a full window, because nothing can come then.
    fn recount_at(&self) -> Option<Instant> {
        let possible = self.counting.is_nothing() && !self.window.is_full();
        self.backlog.as_ref().filter(|_| possible).map(Backlog::recount_at)
    }
}

/// Converts a time of the wall clock to the clock that timers use.
pub(super) fn instant_of(at_ms: i64) -> Instant {
    Instant::now() + Duration::from_millis(u64::try_from(at_ms - now_ms()).unwrap_or(0))
}
