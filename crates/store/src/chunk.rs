//! The limit on the ids in one query.

/// The most ids in one query; a longer list takes several queries. SQLite allows 32,766 parameters,
/// but parsing a query that long is slow.
pub(super) const CHUNK: usize = 1000;
