//! What is told live: who is writing, and who is there. Nothing of it waits for a connection but what stands: whether somebody is at the device,
//! and whom it watches.

use ferry_protocol::{DeviceFrame, DeviceStatus, RoomId, SetPresence, Typing, UserId, Watch};
use tokio::sync::oneshot;

use super::{Command, Connection};

/// Something that stands until it is said anew.
pub(super) enum Stand {
    Status(DeviceStatus),
    Watch(Vec<UserId>),
}

/// What the relay has to hear again on each new connection.
#[derive(Debug, Default)]
pub(super) struct Standing {
    away: bool,
    watched: Vec<UserId>,
}

impl Standing {
    /// Remembers what stands, and gives the frame for a connection that is open.
    pub(super) fn take(&mut self, stand: Stand) -> String {
        match stand {
            Stand::Status(status) => {
                self.away = status == DeviceStatus::Away;
                DeviceFrame::Presence(SetPresence { status }).to_json()
            }
            Stand::Watch(users) => {
                self.watched.clone_from(&users);
                DeviceFrame::Watch(Watch { users }).to_json()
            }
        }
    }

    /// The frames for a relay that may have heard something else before.
    pub(super) fn all_frames(&self) -> impl Iterator<Item = String> {
        let status = if self.away { DeviceStatus::Away } else { DeviceStatus::Online };
        let watch = DeviceFrame::Watch(Watch { users: self.watched.clone() });
        [DeviceFrame::Presence(SetPresence { status }), watch].into_iter().map(|frame| frame.to_json())
    }

    /// The frames for a connection that has just opened.
    pub(super) fn frames(&self) -> impl Iterator<Item = String> {
        let away = self.away.then(|| DeviceFrame::Presence(SetPresence { status: DeviceStatus::Away }).to_json());
        let watch = || DeviceFrame::Watch(Watch { users: self.watched.clone() }).to_json();
        away.into_iter().chain((!self.watched.is_empty()).then(watch))
    }
}

impl Connection {
    /// Tells the others in the room that the user is writing, or (`active` false) no longer. It expires by itself after 6 s: say it again every few
    /// seconds. Where there is no connection now it is not told.
    pub async fn typing(&self, room: RoomId, active: bool) {
        // What somebody writes now is old later.
        let _ = self.frame(&DeviceFrame::Typing(Typing { room, active })).await;
    }

    /// Whether somebody is at this device. It stands until it is set again, over reconnects too; at first somebody is.
    pub async fn set_status(&self, status: DeviceStatus) {
        self.stand(Stand::Status(status)).await;
    }

    /// Whose presence to hear, in the place of those before: at most 256. Each of them comes as [`Event::Presence`](super::Event::Presence) soon, and
    /// again with every change and every new connection.
    pub async fn watch(&self, users: Vec<UserId>) {
        self.stand(Stand::Watch(users)).await;
    }

    async fn stand(&self, stand: Stand) {
        let (taken, answer) = oneshot::channel();
        if self.commands.send(Command::Stand(stand, taken)).is_ok() {
            // An error says that the connection has ended.
            let _ = answer.await;
        }
    }
}
