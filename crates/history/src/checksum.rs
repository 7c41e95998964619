//! A check sum of what a row says. `SQLite` notices a page that is torn, but not one bit of a text
//! that has become another one.

use ferry_protocol::{Message, Target};
use rusqlite::{Row, types::ValueRef};

use crate::{Result, ids::blob, record::seq};

/// The columns that count, in the order of [`item_columns`](crate::item::item_columns). The place
/// is not there, nor the state, which says what this device has done with the message.
const COLUMNS: [usize; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15];
/// 24 bits of a CRC-32: one more byte a row would find no more errors that anybody meets.
const BITS: u32 = 0x00ff_ffff;

/// Returns the check sum of the values of these columns.
fn of_values(values: [ValueRef<'_>; COLUMNS.len()]) -> i64 {
    let mut sum = crc32fast::Hasher::new();
    for value in values {
        let number;
        let (kind, bytes): (u8, &[u8]) = match value {
            ValueRef::Null => (0, &[]),
            ValueRef::Integer(integer) => {
                number = integer.to_be_bytes();
                (1, &number)
            }
            ValueRef::Real(_) => (2, &[]),
            ValueRef::Text(text) => (3, text),
            ValueRef::Blob(blob) => (4, blob),
        };
        // With its length, so that no byte can go from one value to the next.
        sum.update(&[kind]);
        sum.update(&bytes.len().to_be_bytes());
        sum.update(bytes);
    }
    i64::from(sum.finalize() & BITS)
}

/// Returns the check sum of a message that is about to be stored with its content.
pub(crate) fn of_message(message: &Message, extra: Option<&str>, acts_on: Option<&Target>) -> i64 {
    let integer = ValueRef::Integer;
    fn id(id: &uuid::Uuid) -> ValueRef<'_> {
        ValueRef::Blob(blob(id))
    }
    of_values([
        id(&message.from.user.0),
        id(&message.from.device.0),
        id(&message.id.0),
        integer(message.sent_at),
        integer(message.epoch),
        integer(seq(message)),
        integer(message.from.role as i64),
        ValueRef::Text(message.kind.as_bytes()),
        ValueRef::Text(message.body.get().as_bytes()),
        extra.map_or(ValueRef::Null, |extra| ValueRef::Text(extra.as_bytes())),
        message.after.as_ref().map_or(ValueRef::Null, |after| id(&after.0)),
        id(&message.room.0),
        acts_on.map_or(ValueRef::Null, |target| id(&target.from.0)),
        acts_on.map_or(ValueRef::Null, |target| id(&target.message.0)),
    ])
}

/// Returns the check sum of a row of [`item_columns`](crate::item::item_columns).
pub(crate) fn of_row(row: &Row<'_>) -> Result<i64> {
    let mut values = [ValueRef::Null; COLUMNS.len()];
    for (value, column) in values.iter_mut().zip(COLUMNS) {
        *value = row.get_ref(column)?;
    }
    Ok(of_values(values))
}
