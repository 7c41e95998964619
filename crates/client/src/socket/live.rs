//! Live statements: who is writing, and who is online. Only lasting statements wait for a
//! connection: whether a user is at the device, and which users it watches.

use ferry_protocol::{DeviceFrame, DeviceStatus, RoomId, SetPresence, Typing, UserId, Watch};
use tokio::sync::oneshot;

use super::Connection;
use super::command::{Command, Lasting};

/// The statements that the relay must hear again on each new connection.
#[derive(Debug, Default)]
pub(super) struct LastingState {
    away: bool,
    watched: Vec<UserId>,
    has_watched: bool,
}

impl LastingState {
    /// Remembers a statement and returns its frame for an open connection.
    pub(super) fn take(&mut self, lasting: Lasting) -> String {
        match lasting {
            Lasting::Status(status) => {
                self.away = status == DeviceStatus::Away;
                DeviceFrame::Presence(SetPresence { status }).to_json()
            }
            Lasting::Watch(users) => {
                (self.watched, self.has_watched) = (users, true);
                self.watch_frame()
            }
        }
    }

    /// Returns whether the list of watched users was ever said.
    pub(super) fn has_watched(&self) -> bool {
        self.has_watched
    }

    /// Returns the frame with the latest list of watched users.
    pub(super) fn watch_frame(&self) -> String {
        DeviceFrame::Watch(Watch { users: self.watched.clone() }).to_json()
    }

    /// Returns the frames for a relay that may have heard older statements.
    pub(super) fn all_frames(&self) -> impl Iterator<Item = String> {
        let status = if self.away { DeviceStatus::Away } else { DeviceStatus::Online };
        [DeviceFrame::Presence(SetPresence { status }).to_json(), self.watch_frame()].into_iter()
    }

    /// Returns the frames for a connection that has just opened.
    pub(super) fn frames(&self) -> impl Iterator<Item = String> {
        let away = self.away.then(|| DeviceFrame::Presence(SetPresence { status: DeviceStatus::Away }).to_json());
        away.into_iter().chain((!self.watched.is_empty()).then(|| self.watch_frame()))
    }
}

impl Connection {
    /// Tells the other members of the room that the user is writing or, with `active` false, has
    /// stopped. It expires after 6 s, so repeat it every few seconds. Without a connection nobody
    /// is told.
    pub async fn typing(&self, room: RoomId, active: bool) {
        // Without a connection it is lost: typing is old when the next one opens.
        let _ = self.frame(&DeviceFrame::Typing(Typing { room, active })).await;
    }

    /// Sets whether the user is at this device. The status stays until it is set again, also over
    /// reconnects. It begins as online.
    pub async fn set_status(&self, status: DeviceStatus) {
        self.say_lasting(Lasting::Status(status)).await;
    }

    /// Sets the users whose presence to hear, at most 256, and replaces the list before. Each of
    /// them soon comes as [`Event::Presence`](super::Event::Presence), and again with every change
    /// and every new connection. If the relay takes no more lists for now, it hears the latest one
    /// when it does.
    pub async fn watch(&self, users: Vec<UserId>) {
        self.say_lasting(Lasting::Watch(users)).await;
    }

    async fn say_lasting(&self, lasting: Lasting) {
        let (taken, answer) = oneshot::channel();
        if self.commands.send(Command::Lasting(lasting, taken)).is_ok() {
            // An error says that the connection has ended.
            let _ = answer.await;
        }
    }
}
