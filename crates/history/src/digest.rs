//! What two devices compare: for each month, how many records there are and the sum of their ids.

use std::collections::BTreeMap;

use ferry_protocol::{DeviceId, Message, MessageId, UserId};
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest as _, Sha256};

use crate::{History, Result, numbers::TIME_MAX, record::seq};

/// The id of a record, which follows from what it is and when it was stamped, never from what it
/// says.
pub(crate) type RecordId = [u8; 32];

/// The records of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Month {
    /// How many records there are.
    pub count: u64,
    /// The sum of their ids modulo 2^256, least byte first.
    pub sum: [u8; 32],
}

/// All months with records, each as `year * 12 + month - 1` (UTC). Two histories with equal digests
/// have the same records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Digest(pub BTreeMap<i64, Month>);

impl Month {
    pub(crate) fn add(&mut self, id: &RecordId) {
        self.count += 1;
        self.sum = combine(&self.sum, id, false);
    }

    pub(crate) fn remove(&mut self, id: &RecordId) {
        self.count = self.count.wrapping_sub(1);
        self.sum = combine(&self.sum, id, true);
    }
}

/// Adds or subtracts modulo 2^256.
fn combine(sum: &[u8; 32], id: &RecordId, subtract: bool) -> [u8; 32] {
    let mut out = [0; 32];
    // Subtracting is adding the complement and one.
    let mut carry = u16::from(subtract);
    for ((out, sum), id) in out.iter_mut().zip(sum).zip(id) {
        let id = if subtract { !id } else { *id };
        let byte = u16::from(*sum) + u16::from(id) + carry;
        *out = byte.to_le_bytes()[0];
        carry = byte >> 8;
    }
    out
}

fn hash(kind: u8, parts: &[&[u8]]) -> RecordId {
    let mut hash = Sha256::new();
    hash.update([kind]);
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

pub(crate) fn message_id(message: &Message) -> RecordId {
    let Message { id, from, sent_at, epoch, .. } = message;
    let identity = [from.user.0, from.device.0, id.0].map(uuid::Uuid::into_bytes);
    // The number as it is stored, so that a stored message has the same id.
    let seq = seq(message).unsigned_abs();
    message_id_of([&identity[0], &identity[1], &identity[2]], *sent_at, *epoch, seq)
}

/// Returns the id of a message by its identity (user, device, id) and its stamp.
pub(crate) fn message_id_of(identity: [&[u8]; 3], sent_at: i64, epoch: i64, seq: u64) -> RecordId {
    let [user, device, id] = identity;
    hash(b'm', &[user, device, id, &sent_at.to_be_bytes(), &epoch.to_be_bytes(), &seq.to_be_bytes()])
}

pub(crate) fn notice_id(id: MessageId, at: i64) -> RecordId {
    hash(b'n', &[id.0.as_bytes(), &at.to_be_bytes()])
}

pub(crate) fn expired_id(message: MessageId, user: UserId, device: DeviceId) -> RecordId {
    hash(b'x', &[message.0.as_bytes(), user.0.as_bytes(), device.0.as_bytes()])
}

pub(crate) fn cell_id(kind: i64, key: &[u8], stamp: i64, value: &str) -> RecordId {
    hash(b'c', &[&kind.to_be_bytes(), key, &stamp.to_be_bytes(), value.as_bytes()])
}

/// Returns the month of a time, as `year * 12 + month - 1` in UTC.
pub(crate) fn month_of(at: i64) -> i64 {
    let time = jiff::Timestamp::from_millisecond(at.clamp(0, TIME_MAX)).unwrap_or_default();
    let date = time.to_zoned(jiff::tz::TimeZone::UTC);
    i64::from(date.year()) * 12 + i64::from(date.month()) - 1
}

/// Returns a month as `2026-11`.
pub(crate) fn month_name(month: i64) -> String {
    format!("{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1)
}

/// Changes to months that a batch collects.
#[derive(Debug, Default)]
pub(crate) struct MonthChanges(BTreeMap<i64, Vec<(RecordId, bool)>>);

impl MonthChanges {
    pub(crate) fn add(&mut self, at: i64, id: RecordId) {
        self.0.entry(month_of(at)).or_default().push((id, true));
    }

    pub(crate) fn remove(&mut self, at: i64, id: RecordId) {
        self.0.entry(month_of(at)).or_default().push((id, false));
    }

    pub(crate) fn write(&mut self, conn: &Connection) -> Result<()> {
        for (number, changes) in std::mem::take(&mut self.0) {
            let mut month = read_month(conn, number)?.unwrap_or_default();
            for (id, is_new) in changes {
                if is_new { month.add(&id) } else { month.remove(&id) }
            }
            let count = i64::try_from(month.count).unwrap_or(i64::MAX);
            conn.prepare_cached("INSERT OR REPLACE INTO month (m, count, sum) VALUES (?1, ?2, ?3)")?
                .execute(params![number, count, month.sum])?;
        }
        Ok(())
    }
}

fn read_month(conn: &Connection, number: i64) -> Result<Option<Month>> {
    let mut month = conn.prepare_cached("SELECT count, sum FROM month WHERE m = ?1")?;
    Ok(month
        .query_row([number], |row| Ok(Month { count: row.get::<_, i64>(0)?.unsigned_abs(), sum: row.get(1)? }))
        .optional()?)
}

impl History {
    /// Returns the digest of all records.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn digest(&self) -> Result<Digest> {
        let mut months = self.conn.prepare_cached("SELECT m, count, sum FROM month WHERE count > 0")?;
        let months = months.query_map([], |row| {
            Ok((row.get(0)?, Month { count: row.get::<_, i64>(1)?.unsigned_abs(), sum: row.get(2)? }))
        })?;
        Ok(Digest(months.collect::<rusqlite::Result<_>>()?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn months_are_those_of_the_calendar() {
        assert_eq!(month_of(0), 1970 * 12);
        assert_eq!(month_of(1_764_547_199_999), 2025 * 12 + 10);
        assert_eq!(month_of(1_764_547_200_000), 2025 * 12 + 11);
        assert_eq!(month_of(i64::MIN), 1970 * 12);
        assert_eq!(month_of(i64::MAX), month_of(TIME_MAX));
    }

    proptest! {
        #[test]
        fn a_sum_does_not_depend_on_the_order(ids in proptest::collection::vec(any::<[u8; 32]>(), 0..20)) {
            let (mut one, mut other) = (Month::default(), Month::default());
            ids.iter().for_each(|id| one.add(id));
            ids.iter().rev().for_each(|id| other.add(id));
            prop_assert_eq!(one, other);
            ids.iter().for_each(|id| one.remove(id));
            prop_assert_eq!(one, Month::default());
        }
    }
}
