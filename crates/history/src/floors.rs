//! What a device has forgotten. Pure.

use std::collections::HashMap;

use ferry_protocol::RoomId;
use serde::{Deserialize, Serialize};

/// Until when a device has forgotten what was said: everywhere, or in a room.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Floors {
    #[serde(default)]
    pub(crate) everywhere: i64,
    #[serde(default, skip_serializing_if = "HashMap::is_empty")]
    pub(crate) rooms: HashMap<RoomId, i64>,
}

/// The most rooms in which another device may have forgotten something.
const ROOMS: usize = 100_000;

impl Floors {
    /// Returns true for a message that is forgotten.
    pub(crate) fn covers(&self, room: RoomId, sent_at: i64) -> bool {
        self.covers_time(sent_at) || self.rooms.get(&room).is_some_and(|before| sent_at < *before)
    }

    /// Returns true for a notice or an outcome that is forgotten.
    pub(crate) fn covers_time(&self, at: i64) -> bool {
        // Where nothing is forgotten, a message from before 1970 is not.
        self.everywhere > 0 && at < self.everywhere
    }

    /// Returns the latest time at which anything is forgotten, or `None` if nothing is.
    pub(crate) fn latest(&self) -> Option<i64> {
        self.rooms.values().copied().chain([self.everywhere]).max().filter(|before| *before > 0)
    }

    /// Returns the same, but nothing after a time.
    pub(crate) fn until(&self, latest: i64) -> Self {
        let rooms = self.rooms.iter().take(ROOMS).map(|(room, before)| (*room, (*before).min(latest)));
        Self { everywhere: self.everywhere.min(latest), rooms: rooms.collect() }
    }

    /// Returns what these have more than others: the room, or `None` for all of them, and until
    /// when.
    pub(crate) fn beyond(&self, other: &Self) -> Vec<(Option<RoomId>, i64)> {
        let everywhere = other.everywhere.max(0);
        let all = (self.everywhere > everywhere).then_some((None, self.everywhere));
        let rooms = self.rooms.iter().filter(|(room, before)| {
            **before > everywhere.max(self.everywhere) && other.rooms.get(room).is_none_or(|held| *before > held)
        });
        all.into_iter().chain(rooms.map(|(room, before)| (Some(*room), *before))).collect()
    }

    /// Returns what either device has forgotten.
    pub(crate) fn with(mut self, other: &Self) -> Self {
        self.everywhere = self.everywhere.max(other.everywhere);
        for (room, before) in other.rooms.iter().take(ROOMS) {
            let held = self.rooms.entry(*room).or_insert(*before);
            *held = (*held).max(*before);
        }
        self
    }
}
