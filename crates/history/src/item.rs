//! A record of any kind, as it leaves the history: a line of a backup, and of what devices
//! exchange.

use std::borrow::Cow;

use ferry_protocol::{DeviceId, MessageId, Notice, RoomId, Target, UserId};
use rusqlite::Row;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    BadRecord, Record, Result,
    cells::{CURSOR, PERSON, ROOM, is_valid},
    digest::{cell_id, expired_id, message_id, month_name, notice_id},
    ids::uuid,
    outcome::{DELIVERED, EXPIRED, UNREACHABLE},
    record::SCRUBBED,
    tally::Tally,
    view::{COLUMNS, stored},
};

/// The field of a deleted message.
const DELETED: &str = "ferry.deleted";

/// A file of the archive that has lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Messages,
    Notices,
    Outcomes,
    Cells,
}

impl Section {
    /// Returns what is in a file of this name, or `None` for another file.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "rooms.jsonl" | "people.jsonl" | "cells.jsonl" => Some(Self::Cells),
            _ => {
                let (directory, file) = name.split_once('/')?;
                let month = file.strip_suffix(".jsonl")?;
                match directory {
                    "outcomes" if is_shape(month, "0000") => Some(Self::Outcomes),
                    "notices" if is_shape(month, "0000-00") => Some(Self::Notices),
                    "messages" if is_shape(month, "0000-00.0000") => Some(Self::Messages),
                    _ => None,
                }
            }
        }
    }

    /// Returns the file of a cell's kind.
    pub(crate) fn file_of_cells(kind: i64) -> &'static str {
        match kind {
            ROOM => "rooms.jsonl",
            PERSON => "people.jsonl",
            _ => "cells.jsonl",
        }
    }
}

/// Returns the file of a month's messages.
pub(crate) fn messages_file(month: i64, part: u32) -> String {
    format!("messages/{}.{part:04}.jsonl", month_name(month))
}

/// Returns the file of a month's notices.
pub(crate) fn notices_file(month: i64) -> String {
    format!("notices/{}.jsonl", month_name(month))
}

/// Returns the file of a part of the outcomes.
pub(crate) fn outcomes_file(part: u32) -> String {
    format!("outcomes/{part:04}.jsonl")
}

/// Compares with a pattern in which `0` stands for a digit. The last number may have more digits.
fn is_shape(text: &str, pattern: &str) -> bool {
    let digits: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    digits.strip_prefix(pattern).is_some_and(|more| more.len() < 6 && more.bytes().all(|digit| digit == b'0'))
}

/// A record of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// A message. `deleted` has its target if the content is removed.
    Message { record: Box<Record>, deleted: Option<Option<Target>> },
    /// A notice, with its JSON.
    Notice { notice: Notice, json: String },
    /// What became of a message.
    Outcome(Outcome),
    /// A cell.
    Cell(Cell),
}

/// What became of a message of the user at a device, or at no device of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) message: MessageId,
    pub(crate) user: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<DeviceId>,
    pub(crate) what: Cow<'static, str>,
    pub(crate) at: i64,
}

impl Outcome {
    const NAMES: [(i64, &'static str); 3] =
        [(DELIVERED, "delivered"), (EXPIRED, "expired"), (UNREACHABLE, "unreachable")];

    pub(crate) fn name(code: i64) -> Option<&'static str> {
        Self::NAMES.into_iter().find(|(known, _)| *known == code).map(|(_, name)| name)
    }

    /// Returns how the store has it, or `None` for one that only a later version knows.
    pub(crate) fn code(&self) -> Option<i64> {
        Self::NAMES.into_iter().find(|(_, name)| *name == self.what).map(|(code, _)| code)
    }
}

/// What has one current value.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Cell {
    pub(crate) kind: Cow<'static, str>,
    pub(crate) key: Uuid,
    pub(crate) stamp: i64,
    pub(crate) value: Box<RawValue>,
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        (&self.kind, self.key, self.stamp, self.value.get()) == (&other.kind, other.key, other.stamp, other.value.get())
    }
}

impl Eq for Cell {}

impl Cell {
    const NAMES: [(i64, &'static str); 3] = [(CURSOR, "cursor"), (ROOM, "room"), (PERSON, "person")];

    pub(crate) fn name(code: i64) -> Option<&'static str> {
        Self::NAMES.into_iter().find(|(known, _)| *known == code).map(|(_, name)| name)
    }

    /// Returns how the store has it, or `None` for a kind that only a later version knows.
    pub(crate) fn code(&self) -> Option<i64> {
        Self::NAMES.into_iter().find(|(_, name)| *name == self.kind).map(|(code, _)| code)
    }

    /// Returns the room of a cell that is about one.
    pub(crate) fn room(&self) -> RoomId {
        RoomId(self.key)
    }
}

/// The columns of [`Item::of_row`].
pub(crate) fn item_columns() -> String {
    format!("{COLUMNS}, m.target_user, m.target_id")
}

impl Item {
    /// Returns the message of a row of [`item_columns`].
    pub(crate) fn of_row(row: &Row<'_>) -> Result<Self> {
        let held = stored(row)??;
        let (from, id): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(14)?, row.get(15)?);
        let target = from.zip(id);
        let target = target.map(|(from, id)| Target { message: MessageId(uuid(&id)), from: UserId(uuid(&from)) });
        let deleted = (held.state & SCRUBBED != 0).then_some(target);
        Ok(Self::Message { record: Box::new(held.record), deleted })
    }

    /// Returns what kind of record it is.
    pub(crate) fn section(&self) -> Section {
        match self {
            Self::Message { .. } => Section::Messages,
            Self::Notice { .. } => Section::Notices,
            Self::Outcome(_) => Section::Outcomes,
            Self::Cell(_) => Section::Cells,
        }
    }

    /// Returns the line, without its end.
    pub(crate) fn to_line(&self) -> String {
        // Ferry's types have text keys only, so writing them cannot fail.
        let json = |value: serde_json::Result<String>| value.unwrap_or_default();
        match self {
            Self::Message { record, deleted } => {
                let mut line = record.to_json();
                if let Some(target) = deleted {
                    line.pop();
                    let target = target.as_ref().map(|target| json(serde_json::to_string(target)));
                    let target = target.map(|target| format!("\"target\":{target}")).unwrap_or_default();
                    line.push_str(&format!(",\"{DELETED}\":{{{target}}}}}"));
                }
                line
            }
            Self::Notice { json, .. } => json.replace(['\n', '\r'], " "),
            Self::Outcome(outcome) => json(serde_json::to_string(outcome)),
            Self::Cell(cell) => json(serde_json::to_string(cell)),
        }
    }

    /// Reads a line. The error repeats nothing of it.
    pub(crate) fn from_line(section: Section, line: &str) -> std::result::Result<Self, BadRecord> {
        let bad = |error: serde_json::Error| BadRecord::new(&ferry_protocol::describe(&error));
        Ok(match section {
            Section::Messages => {
                let mut record = Record::from_line(line)?;
                let deleted = record.take_unknown(DELETED).map(|json| target_of(&json)).transpose()?;
                Self::Message { record: Box::new(record), deleted }
            }
            Section::Notices => {
                Self::Notice { notice: serde_json::from_str(line).map_err(bad)?, json: line.to_owned() }
            }
            Section::Outcomes => Self::Outcome(serde_json::from_str(line).map_err(bad)?),
            Section::Cells => {
                let cell: Cell = serde_json::from_str(line).map_err(bad)?;
                if cell.code().is_some_and(|code| !is_valid(code, cell.value.get())) {
                    return Err(BadRecord::new("the value of a cell does not have the form of its kind"));
                }
                Self::Cell(cell)
            }
        })
    }

    /// Adds the record to a tally.
    pub(crate) fn tally(&self, tally: &mut Tally) {
        match self {
            Self::Message { record, .. } => tally.message(record.message.sent_at, &message_id(&record.message)),
            Self::Notice { notice, .. } => {
                tally.counts.notices += 1;
                tally.add(notice.at, &notice_id(notice.id, notice.at));
            }
            Self::Outcome(outcome) => {
                tally.counts.outcomes += 1;
                if outcome.code() == Some(EXPIRED) {
                    let device = outcome.device.unwrap_or(DeviceId(Uuid::nil()));
                    tally.add(outcome.at, &expired_id(outcome.message, outcome.user, device));
                }
            }
            Self::Cell(cell) => {
                tally.counts.cells += 1;
                if let Some(code) = cell.code() {
                    tally.add(cell.stamp, &cell_id(code, cell.key.as_bytes(), cell.stamp, cell.value.get()));
                }
            }
        }
    }
}

fn target_of(json: &str) -> std::result::Result<Option<Target>, BadRecord> {
    #[derive(Deserialize)]
    struct Deleted {
        #[serde(default)]
        target: Option<Target>,
    }
    let deleted: Deleted =
        serde_json::from_str(json).map_err(|error| BadRecord::new(&ferry_protocol::describe(&error)))?;
    Ok(deleted.target)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{backup, cases};

    #[test]
    fn records_are_those_of_the_vectors() {
        for case in cases::cases("records.json") {
            let mut tally = Tally::default();
            case.run(|step| match step.call.as_str() {
                "line" => {
                    let item = Item::from_line(section(&step.get::<String>("section")), &step.get::<String>("line"));
                    json!(item.ok().map(|item| {
                        item.tally(&mut tally);
                        item.to_line()
                    }))
                }
                "frame" => json!(Record::from_json(&step.get::<String>("json")).ok().map(|record| record.to_json())),
                _ => step.unknown(),
            });
            let months = backup::months(&tally);
            assert_eq!(json!({ "months": months, "digest": backup::digest(&months) }), case.then, "{}", case.name);
        }
    }

    fn section(name: &str) -> Section {
        match name {
            "messages" => Section::Messages,
            "notices" => Section::Notices,
            "outcomes" => Section::Outcomes,
            "cells" => Section::Cells,
            _ => panic!("no section {name}"),
        }
    }

    #[test]
    fn files_are_known_by_their_names() {
        for (name, section) in [
            ("rooms.jsonl", Some(Section::Cells)),
            ("notices/2026-11.jsonl", Some(Section::Notices)),
            ("messages/2026-11.0001.jsonl", Some(Section::Messages)),
            ("messages/2026-11.10000.jsonl", Some(Section::Messages)),
            ("messages/2026-11.jsonl", None),
            ("messages/2026-11.000x.jsonl", None),
            ("messages/../2026-11.0001.jsonl", None),
            ("notices/2026-1.jsonl", None),
            ("outcomes/0001.jsonl", Some(Section::Outcomes)),
            ("outcomes/1.jsonl", None),
            ("later.jsonl", None),
        ] {
            assert_eq!(Section::of(name), section, "{name}");
        }
        assert_eq!(Section::of(&messages_file(2026 * 12 + 10, 3)), Some(Section::Messages));
        assert_eq!(Section::of(&notices_file(1970 * 12)), Some(Section::Notices));
    }

    #[test]
    fn a_cell_that_would_break_the_store_is_refused() {
        let key = Uuid::nil();
        let line = |value: &str| format!(r#"{{"kind":"room","key":"{key}","stamp":1,"value":{value}}}"#);
        let good = line(r#"{"kind":"group","name":"office","later":1}"#);
        assert_eq!(Item::from_line(Section::Cells, &good).unwrap().to_line(), good, "unknown fields are kept");
        let error = Item::from_line(Section::Cells, &line("\"canary\"")).unwrap_err();
        assert!(!error.to_string().contains("canary"));
        let later = line("1").replace("room", "mood");
        assert!(matches!(Item::from_line(Section::Cells, &later), Ok(Item::Cell(cell)) if cell.code().is_none()));
    }
}
