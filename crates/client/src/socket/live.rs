//! Live frames: typing and presence. Without a connection they are dropped, except the device's
//! status and the list of watched users.

use ferry_protocol::{DeviceFrame, DeviceStatus, RoomId, SetPresence, Typing, UserId, Watch};
use tokio::sync::oneshot;

use super::{Command, Connection};

/// A live statement of the device.
pub(super) enum Live {
    Typing(Typing),
    Status(DeviceStatus),
    Watch(Vec<UserId>),
}

impl Live {
    /// Returns true if the statement is of no interest later.
    pub(super) fn is_momentary(&self) -> bool {
        matches!(self, Self::Typing(_))
    }
}

/// The statements that the relay must hear again on each new connection.
#[derive(Debug, Default)]
pub(super) struct Standing {
    away: bool,
    watched: Vec<UserId>,
}

impl Standing {
    /// Remembers a lasting statement, and returns the frame for an open connection.
    pub(super) fn take(&mut self, live: Live) -> String {
        match live {
            Live::Typing(typing) => DeviceFrame::Typing(typing).to_json(),
            Live::Status(status) => {
                self.away = status == DeviceStatus::Away;
                DeviceFrame::Presence(SetPresence { status }).to_json()
            }
            Live::Watch(users) => {
                self.watched.clone_from(&users);
                DeviceFrame::Watch(Watch { users }).to_json()
            }
        }
    }

    /// Returns the frames for a relay that may have heard older statements.
    pub(super) fn all_frames(&self) -> impl Iterator<Item = String> {
        let status = if self.away { DeviceStatus::Away } else { DeviceStatus::Online };
        let watch = DeviceFrame::Watch(Watch { users: self.watched.clone() });
        [DeviceFrame::Presence(SetPresence { status }), watch].into_iter().map(|frame| frame.to_json())
    }

    /// Returns the frames for a connection that has just opened.
    pub(super) fn frames(&self) -> impl Iterator<Item = String> {
        let away = self.away.then(|| DeviceFrame::Presence(SetPresence { status: DeviceStatus::Away }).to_json());
        let watch = || DeviceFrame::Watch(Watch { users: self.watched.clone() }).to_json();
        away.into_iter().chain((!self.watched.is_empty()).then(watch))
    }
}

impl Connection {
    /// Tells the other members of the room that the user is writing or, with `active` false, has
    /// stopped. It expires after 6 s, so repeat it every few seconds. Without a connection nobody
    /// is told.
    pub async fn typing(&self, room: RoomId, active: bool) {
        self.live(Live::Typing(Typing { room, active })).await;
    }

    /// Sets whether the user is at this device. The status stays until it is set again, also over
    /// reconnects. It begins as online.
    pub async fn set_status(&self, status: DeviceStatus) {
        self.live(Live::Status(status)).await;
    }

    /// Sets the users whose presence to hear, at most 256, and replaces the list before. Each of
    /// them soon comes as [`Event::Presence`](super::Event::Presence), and again with every change
    /// and every new connection.
    pub async fn watch(&self, users: Vec<UserId>) {
        self.live(Live::Watch(users)).await;
    }

    async fn live(&self, live: Live) {
        let (taken, answer) = oneshot::channel();
        if self.commands.send(Command::Live(live, taken)).is_ok() {
            // Fails only if the connection has ended.
            let _ = answer.await;
        }
    }
}
