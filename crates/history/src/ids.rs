//! Ids as SQLite stores them: 16 bytes.

use uuid::Uuid;

/// Returns an id as SQLite stores it.
pub(crate) fn blob(id: &Uuid) -> &[u8] {
    id.as_bytes().as_slice()
}

/// Returns the id in a column. A column of another length belongs to a damaged file; it becomes the
/// id of nobody.
pub(crate) fn uuid(bytes: &[u8]) -> Uuid {
    Uuid::from_slice(bytes).unwrap_or_default()
}
