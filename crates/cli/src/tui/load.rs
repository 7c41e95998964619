//! What is read from the history, in a form that can be drawn: no text in it steers a terminal.

use ferry_client::protocol::{KIND_TEXT, KnownBody, Message, now_ms};
use ferry_client::{DeviceId, MessageId, RoomId, Target, UserId};
use ferry_history::{History, HistoryError, Record, Result, Shown};

use super::say::Quoted;
use crate::recall::{Names, hole_line, said};
use crate::show;
use crate::tail::messages::excerpt;

/// How many messages are read at once.
pub const PAGE: usize = 60;
/// The most messages of the open room in memory. Past it those at the other end are dropped, and
/// read again when the user scrolls back to them.
pub const WINDOW: usize = 400;
/// The most holes of a room that are shown, the newest ones.
const HOLES: usize = 100;
/// The most characters of a message that are shown.
const SHOWN: usize = 4_000;
/// The most messages that a search shows.
const HITS: usize = 100;

/// A room of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomRow {
    pub id: RoomId,
    pub name: String,
    /// The other user of a direct room.
    pub peer: Option<UserId>,
    pub unread: u64,
}

/// A message as it is drawn. `Debug` shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    pub place: i64,
    pub id: MessageId,
    pub author: UserId,
    pub device: DeviceId,
    pub at: i64,
    pub who: String,
    pub is_mine: bool,
    pub is_deleted: bool,
    pub is_edited: bool,
    pub is_unread: bool,
    /// The message that it answers, in words.
    pub answers: Option<String>,
    pub text: Vec<String>,
    /// The text that the user can edit, as it was typed.
    pub source: Option<String>,
    pub reactions: Vec<Reaction>,
}

impl Entry {
    pub fn target(&self) -> Target {
        Target { message: self.id, from: self.author }
    }

    /// Returns the message as it is named above an answer.
    pub fn quoted(&self) -> Quoted {
        let line = format!("{}: “{}”", self.who, excerpt(&self.text.join(" ")));
        Quoted { target: self.target(), line: show::line(&line) }
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("place", &self.place).field("id", &self.id).finish_non_exhaustive()
    }
}

/// An emoji under a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Reaction {
    /// As it was sent: to be drawn only in [`Self::words`].
    pub emoji: String,
    pub users: usize,
    pub is_mine: bool,
}

impl Reaction {
    /// Returns `👍 2`, with `*` if the user is one of the two.
    pub fn words(&self) -> String {
        format!("{} {}{}", show::line(&self.emoji), self.users, if self.is_mine { "*" } else { "" })
    }
}

/// A message that no relay has confirmed. `Debug` shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct Unsent {
    pub id: MessageId,
    /// The message that it changes.
    pub target: Option<Target>,
    /// What it does to that, in words. Empty for a message of its own.
    pub what: String,
    /// The message that it answers, in words.
    pub answers: Option<String>,
    pub text: Vec<String>,
    /// The new text of an edit, as it was typed.
    pub source: Option<String>,
}

impl std::fmt::Debug for Unsent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unsent").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A time for which messages may be missing, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoleMark {
    pub since: i64,
    pub until: i64,
    pub words: String,
}

/// A part of a room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    pub entries: Vec<Entry>,
    /// Where the older ones begin. `None` if there are none.
    pub before: Option<i64>,
    /// Where the newer ones begin. `None` if there are none.
    pub after: Option<i64>,
    pub holes: Vec<HoleMark>,
    pub unsent: Vec<Unsent>,
    /// The first unread message, if the user comes back to a room with unread ones.
    pub first_unread: Option<i64>,
}

/// Which part of a room to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// From the first unread message on, or the end.
    Open,
    /// The first messages.
    Beginning,
    /// The last messages.
    End(usize),
    /// What is before a place.
    Older(i64),
    /// What is after a place.
    Newer(i64),
    /// A message with what is before and after it.
    Around(i64),
    /// So many messages from a place on: what is shown already, as it is now.
    Again(i64, usize),
}

/// A message that a search has found. `Debug` shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct Found {
    pub room: RoomId,
    pub place: i64,
    pub line: String,
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found").field("room", &self.room).field("place", &self.place).finish_non_exhaustive()
    }
}

/// Returns the rooms with messages, the newest first, and then those of `joined` without any.
pub fn rooms(history: &History, joined: &[RoomId]) -> Result<Vec<RoomRow>> {
    let names = Names::of(history)?;
    let row = |id, unread| RoomRow { id, name: show::line(&names.room(id)), peer: names.peer(id), unread };
    let mut rows: Vec<RoomRow> = history.rooms()?.into_iter().map(|room| row(room.room, room.unread)).collect();
    let empty: Vec<RoomId> = joined.iter().copied().filter(|id| rows.iter().all(|row| row.id != *id)).collect();
    rows.extend(empty.into_iter().map(|id| row(id, 0)));
    Ok(rows)
}

/// Reads a part of a room.
pub fn window(history: &History, room: RoomId, load: Load) -> Result<Window> {
    let mut window = match load {
        Load::Open => open(history, room)?,
        Load::End(count) => before(history, room, None, count)?,
        Load::Beginning => Window { before: None, ..after(history, room, i64::MIN, PAGE)? },
        Load::Older(place) => before(history, room, Some(place), PAGE)?,
        Load::Newer(place) => after(history, room, place, PAGE)?,
        Load::Around(place) => around(history, room, place)?,
        Load::Again(place, count) => after(history, room, place, count)?,
    };
    let mut holes = history.holes(now_ms())?;
    holes.retain(|hole| hole.room.is_none_or(|its| its == room));
    // A long hole must not hold up the short ones that end before it.
    holes.sort_by_key(|hole| (hole.until, hole.since));
    let left_out = holes.len().saturating_sub(HOLES);
    let mark = |hole: &ferry_history::Hole| HoleMark {
        since: hole.since,
        until: hole.until,
        words: show::line(&hole_line(hole)),
    };
    window.holes = holes[left_out..].iter().map(mark).collect();
    window.unsent = unsent(history, room)?;
    Ok(window)
}

fn open(history: &History, room: RoomId) -> Result<Window> {
    let Some(read) = history.read_until(room)? else {
        // Without a cursor everything is unread: the end is a better place to begin than the
        // beginning of all time.
        let mut window = before(history, room, None, PAGE)?;
        window.first_unread = window.first_unread.filter(|_| window.before.is_none());
        return Ok(window);
    };
    let cursor = history.place_at(read.saturating_add(1));
    let mut window = after(history, room, cursor.saturating_sub(1), PAGE)?;
    let first = window.entries.iter().find(|entry| entry.is_unread).map(|entry| entry.place);
    if first.is_none() && window.after.is_none() {
        return before(history, room, None, PAGE);
    }
    let older = before(history, room, Some(cursor), PAGE / 2)?;
    window.entries.splice(..0, older.entries);
    (window.before, window.first_unread) = (older.before, first);
    Ok(window)
}

fn around(history: &History, room: RoomId, place: i64) -> Result<Window> {
    let older = before(history, room, Some(place), PAGE / 2)?;
    let mut window = after(history, room, place.saturating_sub(1), PAGE)?;
    window.entries.splice(..0, older.entries);
    window.before = older.before;
    Ok(window)
}

fn before(history: &History, room: RoomId, place: Option<i64>, count: usize) -> Result<Window> {
    let page = history.page(room, place, count)?;
    let first_unread = page.messages.iter().find(|shown| shown.is_unread).map(|shown| shown.place);
    let entries = entries(history, room, &page.messages)?;
    Ok(Window { entries, before: page.before, first_unread, ..Window::default() })
}

fn after(history: &History, room: RoomId, place: i64, count: usize) -> Result<Window> {
    let following = history.page_after(room, place, count)?;
    let entries = entries(history, room, &following.messages)?;
    let after = match following.last {
        Some(last) if history.page_after(room, last, 1)?.last.is_some() => Some(last),
        _ => None,
    };
    // Something is before it if the caller says so: the place is where its own part ended.
    Ok(Window { entries, after, before: Some(place.saturating_add(1)), ..Window::default() })
}

fn entries(history: &History, room: RoomId, page: &[Shown]) -> Result<Vec<Entry>> {
    let names = Names::of(history)?;
    page.iter().map(|shown| entry(history, room, &names, shown)).collect()
}

fn entry(history: &History, room: RoomId, names: &Names, shown: &Shown) -> Result<Entry> {
    let message = &shown.record.message;
    let answers = match message.reply_to {
        Some(id) if shown.deleted_by.is_none() => Some(show::line(&answered(history, room, names, id)?)),
        _ => None,
    };
    let text = match shown.deleted_by {
        Some(by) if by == message.from.user => vec!["[deleted]".to_owned()],
        Some(by) => vec![format!("[deleted by {}]", show::line(&names.person(by)))],
        None => text(&said(names, shown).unwrap_or_default()),
    };
    let reaction = |(emoji, users): (&String, &Vec<UserId>)| Reaction {
        emoji: emoji.clone(),
        users: users.len(),
        is_mine: users.iter().any(|user| names.is_me(*user)),
    };
    let is_mine = names.is_me(message.from.user);
    Ok(Entry {
        place: shown.place,
        id: message.id,
        author: message.from.user,
        device: message.from.device,
        at: message.sent_at,
        who: show::line(&names.person(message.from.user)),
        is_mine,
        is_deleted: shown.deleted_by.is_some(),
        is_edited: shown.edited_at.is_some() && shown.deleted_by.is_none(),
        is_unread: shown.is_unread,
        answers,
        text,
        source: shown.text.clone().filter(|_| is_mine && message.kind == KIND_TEXT),
        reactions: shown.reactions.iter().map(reaction).collect(),
    })
}

/// Returns `bob: “hello”`, or as much of it as is known.
fn answered(history: &History, room: RoomId, names: &Names, id: MessageId) -> Result<String> {
    let found = history.messages_of_id(room, id, None)?;
    // If several messages have the id, nobody can say which is meant.
    let [shown] = &found[..] else { return Ok("a message that is not here".to_owned()) };
    let who = names.person(shown.record.message.from.user);
    Ok(match said(names, shown) {
        Some(text) => format!("{who}: “{}”", excerpt(&text)),
        None => format!("{who}: [deleted]"),
    })
}

/// Returns the lines of a text, without the end of one that is very long.
fn text(said: &str) -> Vec<String> {
    let mut lines = match said.char_indices().nth(SHOWN) {
        None => return show::lines(said),
        Some((end, _)) => show::lines(&said[..end]),
    };
    let more = said.chars().count().saturating_sub(SHOWN);
    lines.push(format!("[{more} more characters: ferry show]"));
    lines
}

fn unsent(history: &History, room: RoomId) -> Result<Vec<Unsent>> {
    let records = history.unsent()?.into_iter().filter(|record| record.message.room == room);
    let names = Names::of(history)?;
    let of = |record: Record| {
        let answers = record.message.reply_to.map(|id| answered(history, room, &names, id)).transpose()?;
        Ok(Unsent { answers: answers.map(|line| show::line(&line)), ..unsent_one(&record) })
    };
    records.map(of).collect()
}

fn unsent_one(record: &Record) -> Unsent {
    let message: &Message = &record.message;
    let unsent = |target: Option<Target>, what: &str, text: Vec<String>| Unsent {
        id: message.id,
        target,
        what: what.to_owned(),
        answers: None,
        text,
        source: None,
    };
    match KnownBody::parse(&message.kind, &message.body) {
        Ok(Some(KnownBody::Edit { target, body })) => {
            Unsent { source: Some(body.clone()), ..unsent(Some(target), "the edit", text(&body)) }
        }
        Ok(Some(KnownBody::Delete { target })) => unsent(Some(target), "the deletion", Vec::new()),
        Ok(Some(KnownBody::Reaction { target, emoji, remove })) => {
            let what = if remove { "the removal of" } else { "the reaction" };
            unsent(Some(target), &format!("{what} {}", show::line(&emoji)), Vec::new())
        }
        _ => match message.body.as_text() {
            Some(said) if message.kind == KIND_TEXT => unsent(None, "", text(&said)),
            _ => unsent(None, "", vec![format!("[{}]", show::line(&message.kind))]),
        },
    }
}

/// Returns what a search finds, the newest first, or what is wrong with it.
pub fn search(history: &History, words: &str) -> Result<std::result::Result<Vec<Found>, String>> {
    let query = match history.query(words) {
        Ok(query) => query,
        Err(HistoryError::BadQuery(wrong)) => return Ok(Err(show::line(&wrong))),
        Err(error) => return Err(error),
    };
    let names = Names::of(history)?;
    let hits = history.search(&query, None, HITS)?;
    let found = hits.iter().map(|hit| {
        let message = &hit.shown.record.message;
        let (room, who) = (names.room(message.room), names.person(message.from.user));
        let said = said(&names, &hit.shown).unwrap_or_default().replace('\n', " ");
        let said: String = said.chars().take(400).collect();
        let line = format!("{} {room} {who}: {said}", show::time(message.sent_at, "%F %R"));
        Found { room: message.room, place: hit.shown.place, line: show::line(&line) }
    });
    Ok(Ok(found.collect()))
}
