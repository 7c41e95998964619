//! What gets the keys, and what lies over the rooms.

use ferry_client::protocol::Device;

use super::health::Health;
use super::load::Found;
use super::text::Editor;

/// What gets the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    List,
    Room,
}

/// What lies over the rooms. `Debug` is left out, because a code for another device may be in it.
pub enum Overlay {
    Help,
    /// How the history is, once it is read.
    Status(Option<Health>),
    Devices(Option<Result<Vec<Device>, String>>),
    /// A code for another device.
    Pair(Vec<String>),
    Search(Search),
    /// What takes long.
    Jobs,
    /// Where to write a backup, once it is known whether one can be written.
    Backup(Option<Saving>),
}

/// A backup that can be begun.
#[derive(Debug, Clone)]
pub enum Saving {
    /// The directory to write to.
    To(Editor),
    /// There is no key for it yet.
    NoKey,
}

/// The search. It goes on while the user types.
#[derive(Debug)]
pub struct Search {
    pub words: Editor,
    pub found: Result<Vec<Found>, String>,
    pub selected: usize,
    pub is_running: bool,
    pub from: Focus,
}

impl Search {
    /// Creates an empty one, opened from a part of the window.
    pub fn new(from: Focus) -> Self {
        Self { words: Editor::default(), found: Ok(Vec::new()), selected: 0, is_running: false, from }
    }
}
