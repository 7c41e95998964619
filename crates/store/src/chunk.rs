//! How long a list of ids in one query may be.

/// The most ids in one query; the callers split a longer list. SQLite takes 32,766 parameters, and a query that long is no longer quick to
/// parse.
pub(super) const CHUNK: usize = 1000;
