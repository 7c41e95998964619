//! The clock of the database, by which relays agree on times.

use diesel_async::AsyncPgConnection;

use super::pool::SqliteConn;

/// The database's clock.
pub(super) trait SqlClock {
    /// Returns the SQL expression of the current time, in milliseconds since the Unix epoch.
    fn now(&self) -> &'static str;
}

impl SqlClock for AsyncPgConnection {
    fn now(&self) -> &'static str {
        "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
    }
}

impl SqlClock for SqliteConn {
    fn now(&self) -> &'static str {
        "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
    }
}
