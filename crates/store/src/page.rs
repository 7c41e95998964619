//! Pages of lists. A cursor is the sort key of the last item of a page, so a list may change between two pages and still show everything that
//! stays in it exactly once.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ferry_protocol::Page;

use super::error::{Result, StoreError};

/// No key of Ferry's is longer; longer cursors are not even decoded.
const LONGEST: usize = 2048;

/// Makes a page of at most `limit` items out of `rows`, of which one more was asked for to see whether there is a next page.
pub(super) fn page<T>(mut rows: Vec<T>, limit: usize, key: impl Fn(&T) -> String) -> Page<T> {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    Page { next_cursor: last.map(|item| BASE64_URL_SAFE_NO_PAD.encode(key(item))), items: rows }
}

/// How many rows to ask for.
pub(super) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

/// The sort key that the cursor stands for, read by `parse`.
pub(super) fn after<K>(cursor: Option<&str>, parse: impl Fn(&str) -> Option<K>) -> Result<Option<K>> {
    let Some(cursor) = cursor else {
        return Ok(None);
    };
    if cursor.len() > LONGEST {
        return Err(StoreError::BadCursor);
    }
    let key = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok();
    let key = key.and_then(|key| String::from_utf8(key).ok());
    // PostgreSQL refuses text with a NUL in it.
    let key = key.filter(|key| !key.contains('\0'));
    let key = key.and_then(|key| parse(&key));
    key.map(Some).ok_or(StoreError::BadCursor)
}
