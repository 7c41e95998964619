//! The union of a history with records from elsewhere.

use ferry_protocol::{MessageId, RoomKind, Target};
use rusqlite::params;
use uuid::Uuid;

use crate::{
    Batch, HistoryError, Origin, Record, Result, RoomNow,
    cells::{CURSOR, ROOM},
    ids::blob,
    item::{Cell, Item, item_columns},
    record::{SCRUBBED, stamp},
    view::{BY_ID, tables},
};

/// What became of a record that was united with a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum United {
    /// It is a message that the history did not have.
    New,
    /// The history has it now.
    Held,
    /// This version does not know its kind.
    Skipped,
    /// This device has forgotten its time.
    Forgotten,
}

impl Batch<'_> {
    /// Takes in a record of a backup or of another device of the user. It removes nothing, and a
    /// second time changes nothing.
    ///
    /// # Errors
    /// Fails if the file cannot be read or written. Then drop the batch.
    pub(crate) fn unite(&mut self, item: Item, now: i64) -> Result<United> {
        if self.has_forgotten(&item)? {
            return Ok(United::Forgotten);
        }
        match item {
            Item::Message { record, deleted: None } => {
                return Ok(match self.message(&record, Origin::Restored, now)?.is_new {
                    true => United::New,
                    false => United::Held,
                });
            }
            Item::Message { record, deleted: Some(target) } => return self.restore_deleted(&record, target),
            Item::Notice { notice, json } => self.notice(&notice, &json, Origin::Restored).map(drop)?,
            Item::Outcome(outcome) => {
                let Some(code) = outcome.code() else { return Ok(United::Skipped) };
                let device = outcome.device.map_or(Uuid::nil(), |device| device.0);
                self.restore_outcome(outcome.message, outcome.user, device, code, outcome.at)?;
            }
            Item::Cell(cell) => return self.restore_cell(&cell),
        }
        Ok(United::Held)
    }

    fn has_forgotten(&self, item: &Item) -> Result<bool> {
        let floors = self.floors()?;
        Ok(match item {
            Item::Message { record, .. } => floors.covers(record.message.room, record.message.sent_at),
            Item::Notice { notice, .. } => floors.covers_time(notice.at),
            Item::Outcome(outcome) => floors.covers_time(outcome.at),
            // Names, cursors and the like never are.
            Item::Cell(_) => false,
        })
    }

    /// Stores a message whose content is removed. One that is here with its content keeps it: only
    /// the record of a deletion removes it.
    fn restore_deleted(&mut self, record: &Record, target: Option<Target>) -> Result<United> {
        let message = &record.message;
        let (actor, room) = (self.actor(message.from.user, message.from.device.0)?, self.room(message.room)?);
        let held = self.held(message, actor)?;
        match &held {
            None => drop(self.insert(record, actor, room, SCRUBBED, target)?),
            // It was opened elsewhere, and deleted there.
            Some(held) if held.is_unopened() => {
                self.remove(held, message)?;
                self.insert(record, actor, room, SCRUBBED, target)?;
            }
            Some(held) if stamp(message) < held.stamp => self.restamp(held, message, actor)?,
            Some(_) => {}
        }
        self.fill_holes(message, actor, room)?;
        Ok(if held.is_none() { United::New } else { United::Held })
    }

    /// Returns a stored message, and what it acts on.
    pub(crate) fn stored_record(&self, id: MessageId, actor: i64) -> Result<(Record, Option<Target>)> {
        let sql = format!("SELECT {} {} WHERE m.id = ?1 AND m.actor = ?2", item_columns(), tables(BY_ID));
        let item = self.tx.prepare_cached(&sql)?.query_row(params![blob(&id.0), actor], |row| Ok(Item::of_row(row)))?;
        match item? {
            // A deleted one has no body that says it.
            Item::Message { record, deleted: Some(target) } => Ok((*record, target)),
            Item::Message { record, deleted: None } => {
                let target = record.acts_on();
                Ok((*record, target))
            }
            _ => Err(HistoryError::Damaged("a message is no message".to_owned())),
        }
    }

    fn restore_cell(&mut self, cell: &Cell) -> Result<United> {
        let Some(code) = cell.code() else { return Ok(United::Skipped) };
        let value = cell.value.get();
        match code {
            CURSOR => self.read_late(cell.room(), cell.stamp)?,
            ROOM => {
                let is: Option<RoomNow> = serde_json::from_str(value).ok();
                let number = self.room(cell.room())?;
                self.set_room_kind(number, is.map_or(RoomKind::Direct, |is| is.kind))?;
            }
            _ => {}
        }
        // The value as it is, with the fields that this version does not know.
        self.cell(code, cell.key.as_bytes(), cell.stamp, &cell.value)?;
        Ok(United::Held)
    }
}
