//! Live events in both directions: typing and presence. The relay answers only frames that are
//! malformed, and `watch` frames that it rejects.

use std::time::Instant;

use ferry_protocol::{DeviceStatus, RelayFrame, SetPresence, Typing, Watch};

use super::{Pump, ending::End, say};
use crate::refusal::Refusal;

impl Pump {
    /// Tells the room that the user is writing, or has stopped. Beyond the rate limit it drops the
    /// frame without an answer.
    pub(super) fn typing(&mut self, typing: Typing) -> Result<(), End> {
        if self.app.limits.typing.take(&self.identity.device).is_ok() {
            self.app.presence.typing(typing.room, self.identity.user, typing.active);
        }
        self.count_idle_frame()
    }

    pub(super) fn set_presence(&mut self, presence: SetPresence) -> Result<(), End> {
        self.present.set_away(presence.status == DeviceStatus::Away);
        self.count_idle_frame()
    }

    pub(super) fn watch(&mut self, watch: Watch) -> Result<(), End> {
        let most = self.app.config.now().limits.watched;
        let mut users = watch.users;
        users.sort_unstable();
        users.dedup();
        if users.len() > most {
            return self.refuse(None, &Refusal::invalid("users", format!("must be {most} at most")));
        }
        if let Err(wait) = self.app.limits.watches.take(&self.identity.device) {
            return self.refuse(None, &Refusal::rate_limited(wait));
        }
        self.app.presence.watch(&self.registration.line, &users);
        Ok(())
    }

    /// Writes the live frames that wait, while the socket takes bytes.
    pub(super) fn tell_live(&mut self) {
        let now = Instant::now();
        if let Some((expires_at, is_told)) = self.registration.line.live.take_expiry() {
            self.expire_at(expires_at);
            if is_told {
                say(&self.app, &mut self.socket, &RelayFrame::Renewed { token_expires_at: expires_at });
            }
        }
        while self.registration.line.close_reason().is_none()
            && self.socket.has_room()
            && let Some(frame) = self.registration.line.live.next(now)
        {
            if let RelayFrame::LinkOffer(with) = frame {
                self.link_offered(with);
            }
            say(&self.app, &mut self.socket, &frame);
        }
    }
}
