//! `ferry show` and `ferry search`: what this device has stored. They need no relay.

use std::collections::HashMap;

use clap::Args;
use ferry_client::protocol::KnownBody;
use ferry_client::{MessageId, RoomId, UserId};
use ferry_history::{History, HistoryError, Hole, PersonNow, RoomNow, Shown};
use serde_json::json;

use super::Global;
use super::failure::Failure;
use super::keep::Keeper;
use super::show;

/// How many messages the commands print if nothing else is said.
const DEFAULT: u32 = 50;

#[derive(Debug, Args)]
#[command(after_help = "\
Prints the last messages of a room, the oldest first, as they read now. It needs no connection.
A line with ~ says that messages may be missing there.

Examples:
  ferry show general
  ferry show @bob -n 200
  ferry show general --before 2026-01-15")]
pub struct Show {
    /// The room: an id, the name of a room, or @username
    room: String,
    /// Print what was before this message (its ID) or this day (2026-01-15, 2026-01 or 2026)
    #[arg(long, value_name = "ID|DATE")]
    before: Option<String>,
    /// Print at most this many messages
    #[arg(short, value_name = "N", default_value_t = DEFAULT)]
    n: u32,
    /// Print each message's id as USER/ID
    #[arg(long)]
    ids: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Finds messages that have all the words, the newest first. It needs no connection.
  \"at noon\"       words that follow each other
  lun*            what begins with lun
  from:bob        what bob wrote; from:me is you
  in:general      in a room; in:@bob is your direct room
  after:2026-01   from that day, month or year on
  before:2026-02  before it begins

Examples:
  ferry search lunch
  ferry search 'lunch from:bob after:2026-01'")]
pub struct Search {
    /// The words
    #[arg(required = true)]
    words: Vec<String>,
    /// Print at most this many messages
    #[arg(short, value_name = "N", default_value_t = DEFAULT)]
    n: u32,
    /// Print each message's id as USER/ID
    #[arg(long)]
    ids: bool,
}

pub async fn show(args: Show, global: &Global) -> Result<(), Failure> {
    show_of(&Keeper::open_offline(global).await?, args, global.json).await
}

/// Prints the last messages of a room of this history.
pub async fn show_of(keeper: &Keeper, args: Show, json: bool) -> Result<(), Failure> {
    let ids = args.ids;
    let lines = keeper.run(move |history| {
        let names = Names::of(history)?;
        let room = names.room_named(&args.room)?;
        let before = match &args.before {
            Some(text) => Some(place(history, room, text)?),
            None => None,
        };
        let page = history.page(room, before, args.n as usize)?;
        let mut holes = history.holes(ferry_client::protocol::now_ms())?;
        holes.retain(|hole| hole.room.is_none_or(|its| its == room));
        // With --before the page has an end, and what is missing after it belongs to another page.
        let end = page.messages.last().map_or(i64::MIN, |shown| shown.record.message.sent_at);
        holes.retain(|hole| before.is_none() || hole.since <= end);
        Ok(lines(&names, &page.messages, holes, json, ids))
    });
    lines.await?.iter().try_for_each(|line| show::print(line))
}

pub async fn search(args: Search, global: &Global) -> Result<(), Failure> {
    search_of(&Keeper::open_offline(global).await?, args, global.json).await
}

/// Prints what a search finds in this history.
pub async fn search_of(keeper: &Keeper, args: Search, json: bool) -> Result<(), Failure> {
    let ids = args.ids;
    let lines = keeper.run(move |history| {
        let names = Names::of(history)?;
        let query = history.query(&args.words.join(" "))?;
        let hits = history.search(&query, None, args.n as usize)?;
        let line = |shown: &Shown| match json {
            true => as_json(shown),
            false => {
                let room = names.room(shown.record.message.room);
                format!("{} {} {}", time(shown), show::line(&room), text(&names, shown, ids))
            }
        };
        Ok(hits.iter().map(|hit| line(&hit.shown)).collect::<Vec<_>>())
    });
    lines.await?.iter().try_for_each(|line| show::print(line))
}

/// Returns the place that `--before` means.
fn place(history: &History, room: RoomId, text: &str) -> Result<i64, HistoryError> {
    let id = text.rsplit_once('/').map_or(text, |(_, id)| id);
    if let Ok(id) = id.parse::<MessageId>() {
        let there = history.place_of(room, id)?;
        return there.ok_or_else(|| HistoryError::BadQuery("the message is not stored in this room".to_owned()));
    }
    let start = history.query(&format!("before:\"{text}\""))?.before();
    Ok(history.place_at(start.unwrap_or(i64::MAX)))
}

/// Returns the lines of a page, with the holes between the messages.
fn lines(names: &Names, page: &[Shown], mut holes: Vec<Hole>, json: bool, ids: bool) -> Vec<String> {
    let mut lines = Vec::new();
    // A long hole must not hold up the short ones that end before it.
    holes.sort_by_key(|hole| (hole.until, hole.since));
    let mut holes = holes.iter().peekable();
    let begin = page.first().map_or(i64::MIN, |shown| shown.record.message.sent_at);
    let mut is_read = true;
    for shown in page {
        while let Some(hole) = holes.next_if(|hole| hole.until <= shown.record.message.sent_at) {
            if hole.until >= begin {
                lines.push(if json { hole_json(hole) } else { hole_line(hole) });
            }
        }
        if is_read && shown.is_unread && !json {
            lines.push("-- unread --".to_owned());
            is_read = false;
        }
        lines.push(match json {
            true => as_json(shown),
            false => format!("{} {}", time(shown), text(names, shown, ids)),
        });
    }
    lines.extend(holes.map(|hole| if json { hole_json(hole) } else { hole_line(hole) }));
    lines
}

/// Returns a hole in words, on one line.
pub fn hole_line(hole: &Hole) -> String {
    let (since, until) = (show::time(hole.since, "%F %T"), show::time(hole.until, "%F %T"));
    let what = hole.messages.map_or_else(|| "messages".to_owned(), |count| show::count(count, "message"));
    format!("~ {what} may be missing from {since} to {until}: {}", hole.reason.words())
}

pub fn hole_json(hole: &Hole) -> String {
    show::json_line(&json!({ "hole": {
        "reason": hole.reason.words(), "since": hole.since, "until": hole.until,
        "sender": hole.sender, "room": hole.room, "messages": hole.messages,
    } }))
}

pub fn as_json(shown: &Shown) -> String {
    let message: serde_json::Value = serde_json::from_str(&shown.record.to_json()).unwrap_or_default();
    show::json_line(&json!({
        "message": message, "text": shown.text, "edited_at": shown.edited_at, "deleted_by": shown.deleted_by,
        "reactions": shown.reactions, "unread": shown.is_unread,
    }))
}

fn time(shown: &Shown) -> String {
    show::time(shown.record.message.sent_at, "%F %T")
}

/// Returns `bob (edited): hello  👍 2`.
fn text(names: &Names, shown: &Shown, ids: bool) -> String {
    let message = &shown.record.message;
    let mut who = show::line(&names.person(message.from.user));
    if ids {
        who = format!("{who}/{}", message.id);
    }
    if let Some(by) = shown.deleted_by {
        let by = if by == message.from.user { String::new() } else { format!(" by {}", names.person(by)) };
        return format!("{who}: [deleted{}]", show::line(&by));
    }
    let mark = if shown.edited_at.is_some() { " (edited)" } else { "" };
    let said = said(names, shown).unwrap_or_default();
    let reactions: Vec<String> =
        shown.reactions.iter().map(|(emoji, users)| format!("{} {}", show::line(emoji), users.len())).collect();
    let reactions = if reactions.is_empty() { String::new() } else { format!("  [{}]", reactions.join(", ")) };
    format!("{who}{mark}: {}{reactions}", show::block(&said))
}

/// Returns what a message says now, in words. `None` if it is deleted.
pub fn said(names: &Names, shown: &Shown) -> Option<String> {
    let message = &shown.record.message;
    if shown.deleted_by.is_some() {
        return None;
    }
    Some(match (&shown.text, KnownBody::parse(&message.kind, &message.body)) {
        (Some(text), _) => text.clone(),
        (None, Ok(Some(KnownBody::Forward(forward)))) => {
            let body = forward.body.as_text().unwrap_or_else(|| show::other_kind(&forward.kind, &forward.body));
            let time = show::time(forward.origin.sent_at, "%F %T");
            format!("[forwards, as from {} at {time}] {body}", names.person(forward.origin.from))
        }
        _ => show::other_kind(&message.kind, &message.body),
    })
}

/// The names that the history knows.
pub struct Names {
    me: UserId,
    people: HashMap<UserId, PersonNow>,
    rooms: HashMap<RoomId, RoomNow>,
}

impl Names {
    pub fn of(history: &History) -> Result<Self, HistoryError> {
        Ok(Self {
            me: history.owner().user,
            people: history.known_people()?.into_iter().collect(),
            rooms: history.known_rooms()?.into_iter().collect(),
        })
    }

    /// Returns whether somebody is the user.
    pub fn is_me(&self, id: UserId) -> bool {
        id == self.me
    }

    /// Returns the username, or the id of somebody who is not known.
    pub fn person(&self, id: UserId) -> String {
        self.people.get(&id).map_or_else(|| id.to_string(), |person| person.username.clone())
    }

    /// Returns `#name` or `@peer`, or the id of a room that is not known.
    pub fn room(&self, id: RoomId) -> String {
        match self.rooms.get(&id) {
            Some(RoomNow { name: Some(name), .. }) => format!("#{name}"),
            Some(RoomNow { peer: Some(peer), .. }) => format!("@{}", self.person(*peer)),
            _ => id.to_string(),
        }
    }

    /// Returns the other user of a direct room.
    pub fn peer(&self, id: RoomId) -> Option<UserId> {
        self.rooms.get(&id)?.peer
    }

    pub fn room_named(&self, text: &str) -> Result<RoomId, HistoryError> {
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        let wanted =
            if text.starts_with(['#', '@']) { text.to_lowercase() } else { format!("#{}", text.to_lowercase()) };
        let found: Vec<RoomId> =
            self.rooms.keys().copied().filter(|id| self.room(*id).to_lowercase() == wanted).collect();
        match found[..] {
            [id] => Ok(id),
            [] => Err(HistoryError::BadQuery(format!("nothing is stored of a room {text}"))),
            _ => {
                let ids: Vec<String> = found.iter().map(RoomId::to_string).collect();
                Err(HistoryError::BadQuery(format!("several rooms are named {text}: {}", ids.join(", "))))
            }
        }
    }
}
