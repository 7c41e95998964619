//! What a set of records adds up to.

use std::collections::{BTreeMap, HashSet};

use ferry_protocol::{DeviceId, MessageId, UserId};
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

use crate::{
    Digest, Result,
    cells::OWN,
    digest::{Month, RecordId, cell_id, expired_id, message_id_of, month_of, notice_id},
    ids::uuid,
    outcome::EXPIRED,
    record::{EPOCH, IS_RECORD},
};

/// How many records there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Messages: also edits, deletions and reactions.
    #[serde(default)]
    pub messages: u64,
    /// Notices.
    #[serde(default)]
    pub notices: u64,
    /// What became of the user's own messages.
    #[serde(default)]
    pub outcomes: u64,
    /// Cursors, and what is known of rooms and people.
    #[serde(default)]
    pub cells: u64,
}

impl Counts {
    /// Returns how many records there are in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        let others = self.notices.saturating_add(self.outcomes).saturating_add(self.cells);
        self.messages.saturating_add(others)
    }
}

/// The counts and the months of records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) counts: Counts,
    pub(crate) from: Option<i64>,
    pub(crate) to: Option<i64>,
    pub(crate) months: BTreeMap<i64, Month>,
}

impl Tally {
    /// Counts a record that belongs to a month.
    pub(crate) fn add(&mut self, at: i64, id: &RecordId) {
        self.months.entry(month_of(at)).or_default().add(id);
    }

    /// Counts a message.
    pub(crate) fn message(&mut self, sent_at: i64, id: &RecordId) {
        self.counts.messages += 1;
        self.from = Some(self.from.map_or(sent_at, |from| from.min(sent_at)));
        self.to = Some(self.to.map_or(sent_at, |to| to.max(sent_at)));
        self.add(sent_at, id);
    }

    /// Returns the months.
    pub(crate) fn digest(self) -> Digest {
        Digest(self.months)
    }
}

/// Records that cannot be read, because a bit of the file is another one. They are left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// The numbers of messages.
    pub(crate) messages: HashSet<i64>,
    /// The ids of notices.
    pub(crate) notices: HashSet<uuid::Uuid>,
    /// The kinds and keys of cells.
    pub(crate) cells: HashSet<(i64, Vec<u8>)>,
}

impl Unreadable {
    pub(crate) fn len(&self) -> usize {
        self.messages.len() + self.notices.len() + self.cells.len()
    }
}

/// Adds up the records that came after a generation, without those that are unreadable. Cells are
/// in every backup: they are few, and only their newest value is kept.
pub(crate) fn survey(conn: &Connection, after: i64, without: &Unreadable) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut messages = conn.prepare(&format!(
        "SELECT a.user, a.device, m.id, m.sent_at, {EPOCH}, m.seq, m.n FROM message m \
         CROSS JOIN actor a ON a.n = m.actor WHERE m.generation > ?1 AND {IS_RECORD}"
    ))?;
    let mut rows = messages.query([after])?;
    while let Some(row) = rows.next()? {
        if without.messages.contains(&row.get(6)?) {
            continue;
        }
        let (sent_at, seq): (i64, i64) = (row.get(3)?, row.get(5)?);
        let id =
            message_id_of([bytes(row, 0)?, bytes(row, 1)?, bytes(row, 2)?], sent_at, row.get(4)?, seq.unsigned_abs());
        tally.message(sent_at, &id);
    }
    let mut notices = conn.prepare("SELECT id, at FROM notice WHERE generation > ?1")?;
    let mut rows = notices.query([after])?;
    while let Some(row) = rows.next()? {
        if without.notices.contains(&uuid(bytes(row, 0)?)) {
            continue;
        }
        tally.counts.notices += 1;
        tally.add(row.get(1)?, &notice_id(MessageId(uuid(bytes(row, 0)?)), row.get(1)?));
    }
    let mut outcomes = conn.prepare(OUTCOMES)?;
    let mut rows = outcomes.query([after])?;
    while let Some(row) = rows.next()? {
        tally.counts.outcomes += 1;
        if row.get::<_, i64>(3)? == EXPIRED {
            let [message, user, device] = [bytes(row, 0)?, bytes(row, 1)?, bytes(row, 2)?].map(uuid);
            tally.add(row.get(4)?, &expired_id(MessageId(message), UserId(user), DeviceId(device)));
        }
    }
    let mut cells = conn.prepare(CELLS)?;
    let mut rows = cells.query([OWN])?;
    while let Some(row) = rows.next()? {
        if without.cells.contains(&(row.get(0)?, bytes(row, 1)?.to_vec())) {
            continue;
        }
        tally.counts.cells += 1;
        let (kind, stamp, value): (i64, i64, String) = (row.get(0)?, row.get(2)?, row.get(3)?);
        tally.add(stamp, &cell_id(kind, bytes(row, 1)?, stamp, &value));
    }
    Ok(tally)
}

pub(crate) const OUTCOMES: &str = "SELECT o.message, a.user, a.device, o.what, o.at FROM outcome o CROSS JOIN actor a ON a.n = o.actor \
     WHERE o.generation > ?1 AND o.what BETWEEN 1 AND 3 ORDER BY o.message, o.actor, o.what";
pub(crate) const CELLS: &str = "SELECT kind, key, stamp, value FROM cell WHERE kind < ?1 ORDER BY kind, key";

pub(crate) fn bytes<'a>(row: &'a Row<'_>, at: usize) -> Result<&'a [u8]> {
    Ok(row.get_ref(at)?.as_blob().unwrap_or_default())
}
