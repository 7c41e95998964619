//! Pages of lists. A cursor is the sort key of a page's last item. So a list may change between two
//! pages, and every item that stays is still shown exactly once.

use std::str::FromStr;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ferry_protocol::Page;

use super::error::{Result, StoreError};

/// The longest cursor, in bytes. A longer one is rejected before it is decoded, because no key is
/// that long.
const LONGEST: usize = 2048;

/// Returns a page of at most `limit` items. `rows` has one row more if there is a next page: see
/// [`one_more`].
pub(super) fn page<T>(mut rows: Vec<T>, limit: usize, key: impl Fn(&T) -> String) -> Page<T> {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    Page { next_cursor: last.map(|item| BASE64_URL_SAFE_NO_PAD.encode(key(item))), items: rows }
}

/// Returns how many rows to ask for: one more than the page holds, to see whether there is a next
/// page.
pub(super) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

/// Returns the sort key of a list that is sorted by a time and an id, `time:id`. Without a cursor,
/// that is a time before every item, with the id `nil`.
pub(super) fn after_time<I: FromStr>(cursor: Option<&str>, nil: I) -> Result<(i64, I)> {
    let key = after(cursor, |key| {
        let (time, id) = key.split_once(':')?;
        Some((time.parse().ok()?, id.parse().ok()?))
    })?;
    Ok(key.unwrap_or((i64::MIN, nil)))
}

/// Returns the sort key of a cursor. Fails with `BadCursor` if `parse` rejects it.
pub(super) fn after<K>(cursor: Option<&str>, parse: impl Fn(&str) -> Option<K>) -> Result<Option<K>> {
    let Some(cursor) = cursor else {
        return Ok(None);
    };
    if cursor.len() > LONGEST {
        return Err(StoreError::BadCursor);
    }
    let key = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok();
    let key = key.and_then(|key| String::from_utf8(key).ok());
    // PostgreSQL rejects text with a NUL.
    let key = key.filter(|key| !key.contains('\0'));
    let key = key.and_then(|key| parse(&key));
    key.map(Some).ok_or(StoreError::BadCursor)
}
