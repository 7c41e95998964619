//! The open room: a window of its messages, and how far it is scrolled.

use std::collections::HashSet;

use ferry_client::{DeviceId, MessageId, RoomId};

use super::compose::Composer;
use super::load::{Entry, Load, PAGE, WINDOW, Window};
use super::prompt::Prompt;
use super::rows::{self, Row};

/// How near to the edge of what is loaded, in rows, the next part is loaded.
const NEAR: usize = 20;
/// How many rows stay visible above a message to which the user jumps.
const ABOVE: usize = 5;
/// The most messages that are remembered as seen. Past it all are noted once more.
const SEEN_MAX: usize = 10_000;

/// How far a room is scrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scroll {
    /// At the end, and stays there when messages come.
    End,
    /// The last visible row is this one of a message's.
    At { place: i64, row: usize },
    /// A message shall be visible, near the top.
    Show(i64),
}

#[derive(Debug)]
pub struct OpenRoom {
    pub id: RoomId,
    pub turn: u64,
    pub window: Window,
    pub scroll: Scroll,
    pub composer: Composer,
    /// The place of the message that the user has selected.
    pub picked: Option<i64>,
    pub prompt: Option<Prompt>,
    /// The message that a search has found.
    pub highlight: Option<i64>,
    /// The first message that was unread when the room was opened.
    pub divider: Option<i64>,
    pub is_busy: bool,
    pub is_stale: bool,
    pub is_loaded: bool,
    rows: Vec<Row>,
    // For what the rows were made.
    made_for: Option<(usize, Vec<MessageId>)>,
    height: usize,
    seen: HashSet<(DeviceId, MessageId)>,
    // The last message up to which the room was marked as read.
    read: Option<i64>,
}

impl OpenRoom {
    pub fn new(id: RoomId, turn: u64, highlight: Option<i64>, composer: Composer) -> Self {
        Self {
            id,
            turn,
            window: Window::default(),
            scroll: Scroll::End,
            composer,
            picked: None,
            prompt: None,
            highlight,
            divider: None,
            is_busy: false,
            is_stale: false,
            is_loaded: false,
            rows: Vec::new(),
            made_for: None,
            height: 0,
            seen: HashSet::new(),
            read: None,
        }
    }

    /// Takes in a part that was read.
    pub fn take(&mut self, load: Load, part: Window) {
        let is_first = !self.is_loaded;
        (self.is_busy, self.is_loaded, self.made_for) = (false, true, None);
        (self.window.holes, self.window.unsent) = (part.holes, part.unsent);
        match load {
            Load::Older(_) => {
                let mut entries = part.entries;
                entries.append(&mut self.window.entries);
                (self.window.entries, self.window.before) = (entries, part.before);
                if self.window.entries.len() > WINDOW {
                    self.window.entries.truncate(WINDOW);
                    self.window.after = self.window.entries.iter().map(|entry| entry.place).max();
                }
            }
            Load::Newer(_) => {
                self.window.entries.extend(part.entries);
                self.window.after = part.after;
                let surplus = self.window.entries.len().saturating_sub(WINDOW);
                if surplus > 0 {
                    self.window.entries.drain(..surplus);
                    self.window.before = self.window.entries.iter().map(|entry| entry.place).min();
                }
            }
            Load::Open | Load::Beginning | Load::End(_) | Load::Around(_) | Load::Again(..) => {
                let before = if matches!(load, Load::Again(..)) { self.window.before } else { part.before };
                (self.window.entries, self.window.before, self.window.after) = (part.entries, before, part.after);
            }
        }
        match load {
            Load::Open => {
                self.divider = part.first_unread;
                self.scroll = self.divider.map_or(Scroll::End, Scroll::Show);
            }
            Load::Around(place) if is_first => self.scroll = Scroll::Show(place),
            Load::Beginning => self.scroll = Scroll::Show(i64::MIN),
            _ => {}
        }
        if self.picked().is_none() {
            self.picked = None;
        }
    }

    /// Returns the message that the user has selected.
    pub fn picked(&self) -> Option<&Entry> {
        self.window.entries.iter().find(|entry| Some(entry.place) == self.picked)
    }

    /// Selects the message that is so many further on, or back if the number is negative. The first
    /// time it is the last one that is visible. After the last one, none is selected.
    pub fn pick_by(&mut self, by: isize) {
        let entries = &self.window.entries;
        let Some(last) = entries.len().checked_sub(1) else { return };
        let now = entries.iter().position(|entry| Some(entry.place) == self.picked);
        let bottom = self.bottom();
        let next = match now {
            Some(now) => now.saturating_add_signed(by),
            None if by > 0 => return,
            None => {
                let visible = &self.rows[bottom.saturating_sub(self.height)..bottom];
                let Some(row) = visible.iter().rev().find(|row| row.is_said) else { return };
                entries.iter().position(|entry| entry.place == row.place).unwrap_or(last)
            }
        };
        if now == Some(last) && next > last && self.window.after.is_none() {
            self.picked = None;
            return;
        }
        self.picked = entries.get(next.min(last)).map(|entry| entry.place);
        self.reveal();
    }

    /// Selects the message of a visible row, or none.
    pub fn pick_row(&mut self, row: usize) {
        let top = self.bottom().saturating_sub(self.height);
        self.picked = self.rows.get(top + row).filter(|row| row.is_said).map(|row| row.place);
        if self.picked().is_none() {
            self.picked = None;
        }
    }

    /// Scrolls as little as makes the selected message visible.
    fn reveal(&mut self) {
        let is_its = |row: &Row| row.is_said && Some(row.place) == self.picked;
        let (first, last) = (self.rows.iter().position(is_its), self.rows.iter().rposition(is_its));
        let (Some(first), Some(last), bottom) = (first, last, self.bottom()) else { return };
        if first < bottom.saturating_sub(self.height) {
            self.scroll_to(first + self.height);
        } else if last >= bottom {
            self.scroll_to((last + 1).min(first + self.height));
        }
    }

    /// Returns how to read again what is shown.
    pub fn again(&self) -> Load {
        let entries = &self.window.entries;
        let count = (entries.len() + PAGE / 2).clamp(PAGE, WINDOW);
        match entries.iter().map(|entry| entry.place).min() {
            _ if !self.is_loaded => self.highlight.map_or(Load::Open, Load::Around),
            Some(first) if self.scroll != Scroll::End => Load::Again(first.saturating_sub(1), count),
            _ => Load::End(count),
        }
    }

    /// Makes the rows for a width and height, and returns those that are visible.
    pub fn visible(&mut self, width: usize, height: usize, sending: &HashSet<MessageId>) -> &[Row] {
        let going: Vec<MessageId> =
            self.window.unsent.iter().map(|unsent| unsent.id).filter(|id| sending.contains(id)).collect();
        let made_for = (width, going);
        if self.made_for.as_ref() != Some(&made_for) {
            self.rows = rows::rows(&self.window, width, self.divider, self.highlight, &made_for.1);
            self.made_for = Some(made_for);
        }
        self.height = height;
        if let Scroll::Show(place) = self.scroll {
            let top = self.rows.iter().position(|row| row.place >= place).unwrap_or(self.rows.len());
            self.scroll_to(top.saturating_sub(ABOVE.min(height / 3)) + height);
        }
        let bottom = self.bottom();
        &self.rows[bottom.saturating_sub(height)..bottom]
    }

    /// Returns the row after the last visible one.
    fn bottom(&self) -> usize {
        let bottom = match self.scroll {
            Scroll::At { place, row } => {
                self.rows.iter().position(|row| row.place >= place).map_or(self.rows.len(), |first| first + row + 1)
            }
            _ => self.rows.len(),
        };
        bottom.max(self.height).min(self.rows.len())
    }

    /// Scrolls so that `bottom` is the row after the last visible one.
    fn scroll_to(&mut self, bottom: usize) {
        let bottom = bottom.max(self.height).min(self.rows.len());
        if bottom >= self.rows.len() && self.window.after.is_none() {
            self.scroll = Scroll::End;
            return;
        }
        let Some(place) = bottom.checked_sub(1).and_then(|last| self.rows.get(last)).map(|row| row.place) else {
            return;
        };
        let first = self.rows.iter().position(|row| row.place >= place).unwrap_or_default();
        self.scroll = Scroll::At { place, row: bottom - 1 - first };
    }

    /// Scrolls by rows: up if the number is negative.
    pub fn scroll_by(&mut self, by: isize) {
        self.scroll_to(self.bottom().saturating_add_signed(by));
    }

    /// Scrolls by what is visible, without one row.
    pub fn scroll_pages(&mut self, by: isize) {
        let page = isize::try_from(self.height.saturating_sub(1).max(1)).unwrap_or(1);
        self.scroll_by(page.saturating_mul(by));
    }

    /// Scrolls to the beginning of what is loaded.
    pub fn scroll_home(&mut self) {
        self.scroll_to(0);
    }

    /// Returns whether the end is visible.
    pub fn is_at_end(&self) -> bool {
        self.scroll == Scroll::End && self.window.after.is_none()
    }

    /// Returns whether there are rows to speak of.
    pub fn is_drawn(&self) -> bool {
        self.is_loaded && self.made_for.is_some() && self.height > 0
    }

    /// Returns the visible messages that were not visible before.
    pub fn newly_seen(&mut self) -> Vec<(DeviceId, MessageId)> {
        let bottom = self.bottom();
        let places: HashSet<i64> =
            self.rows[bottom.saturating_sub(self.height)..bottom].iter().map(|row| row.place).collect();
        if self.seen.len() > SEEN_MAX {
            self.seen.clear();
        }
        let visible = self.window.entries.iter().filter(|entry| places.contains(&entry.place));
        visible.map(|entry| (entry.device, entry.id)).filter(|name| self.seen.insert(*name)).collect()
    }

    /// Returns the last message and when it was sent, if the room is now seen to its end and has to
    /// be marked as read.
    pub fn reads(&mut self) -> Option<(MessageId, i64)> {
        let last = self.window.entries.iter().max_by_key(|entry| entry.place)?;
        let is_unread = self.window.entries.iter().any(|entry| entry.is_unread);
        if !self.is_at_end() || !is_unread || self.read == Some(last.place) {
            return None;
        }
        self.read = Some(last.place);
        Some((last.id, last.at))
    }

    /// Returns what has to be loaded, because the edge is near.
    pub fn edge(&self) -> Option<Load> {
        let bottom = self.bottom();
        match (self.window.before, self.window.after) {
            (Some(before), _) if bottom.saturating_sub(self.height) < NEAR => Some(Load::Older(before)),
            (_, Some(after)) if self.rows.len() - bottom < NEAR => Some(Load::Newer(after)),
            _ => None,
        }
    }
}
