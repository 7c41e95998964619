//! What the window and the rest tell each other.

use std::time::Duration;

use ferry_client::protocol::{Device, PresenceStatus};
use ferry_client::{DeviceId, MessageId, RoomId, UserId};
use ferry_history::backup::Progress;
use ratatui::crossterm::event::{KeyEvent, MouseEvent};

use super::health::Health;
use super::jobs::Work;
use super::load::{Found, Load, RoomRow, Window};
use super::overlay::Saving;
use super::say::{Quoted, Say};
use crate::failure::Failure;

/// What happens to the window.
#[derive(Debug)]
pub enum Input {
    Key(KeyEvent),
    Mouse(MouseEvent),
    Paste(String),
    Resize,
    Tick,
    News(News),
}

/// What has to be done outside of the window. `Debug` is left out, because a text may be in it.
#[derive(Clone, PartialEq, Eq)]
pub enum Task {
    Rooms,
    Load {
        room: RoomId,
        load: Load,
        turn: u64,
    },
    Search(String),
    Send {
        room: RoomId,
        say: Say,
    },
    /// To ask the relay whether the user may delete another user's message.
    MayDelete {
        room: RoomId,
        of: Quoted,
    },
    Read {
        room: RoomId,
        up_to: MessageId,
        sent_at: i64,
    },
    Printed {
        messages: Vec<(DeviceId, MessageId)>,
        notices: Vec<MessageId>,
    },
    Status,
    Devices,
    /// To sync with the user's other devices now.
    AskOthers,
    /// To find out whether a backup can be written, and where the last one is.
    CanSave,
    /// To write a backup into a directory.
    Backup(String),
    /// To end what runs.
    Stop(Work),
    /// To show a code to another device, and to show it no more.
    Pair,
    EndPairing,
}

/// What came of a task, or from the relay. `Debug` is left out of it where a text may be in it.
pub enum News {
    Rooms(Vec<RoomRow>),
    Loaded {
        room: RoomId,
        load: Load,
        turn: u64,
        window: Window,
    },
    Found {
        words: String,
        found: Result<Vec<Found>, String>,
    },
    /// A message is in the outbox.
    Sending(MessageId),
    /// A message is sent, or not. `Err` says why, and what to give back to the user.
    Sent {
        room: RoomId,
        id: MessageId,
        outcome: Result<(), (String, Option<Say>)>,
    },
    /// The user may delete this message of another user.
    MayDelete {
        room: RoomId,
        of: Quoted,
    },
    Status(Health),
    /// A code to show: a picture of it, and what to do.
    Code(Vec<String>),
    /// What came of a sync, and whether that is news for who has not asked for it.
    Synced {
        text: String,
        is_news: bool,
    },
    Devices(Result<Vec<Device>, String>),
    /// How far something is that takes long, and how long it has taken.
    Progress {
        work: Work,
        at: Progress,
        took: Duration,
    },
    /// Something that takes long has ended, in words.
    JobEnded {
        work: Work,
        text: String,
    },
    CanSave(Saving),
    /// Something of the history has changed: in these rooms, or `None` if anywhere.
    Changed(Option<Vec<RoomId>>),
    Relay(Relay),
    Presence(UserId, PresenceStatus),
    Note {
        text: String,
        notice: Option<MessageId>,
    },
    /// A task failed, and is not done.
    Failed {
        text: String,
        task: Task,
    },
    /// The command cannot go on.
    Ended(Failure),
}

impl std::fmt::Debug for News {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("News")
    }
}

/// How the connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relay {
    Connecting,
    Online,
    Offline(String),
    /// Another process collects, so this one only reads.
    ReadOnly(String),
}
