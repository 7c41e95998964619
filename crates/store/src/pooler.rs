//! Finds a pooler in transaction mode, such as PgBouncer's, before PostgreSQL. A session there is
//! of nobody: what one transaction sets is gone in the next, or is another client's. The timeouts
//! and the lock of the migration need a session.

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};

use super::{
    error::{Result, StoreError},
    server::Server,
};

/// What the probe calls its setting. PostgreSQL lets everybody make settings with a point.
const SETTING: &str = "ferry.session";
/// What the check says, in the error that it raises.
const ANOTHER: &str = "ferry has another session";

/// Fails with [`StoreError::Pooler`] if a pooler takes the session away between transactions.
///
/// While a second connection holds the session in which the first has set something, the first gets
/// another one. Only the simple protocol is used: older poolers know no prepared statements.
pub(super) async fn refuse(server: &Server) -> Result<()> {
    let mut first = connect(server).await?;
    let mut second = connect(server).await?;
    first.batch_execute(&format!("SET {SETTING} = 'mine'")).await?;
    second.batch_execute("BEGIN").await?;
    let check = format!(
        "DO $$ BEGIN IF current_setting('{SETTING}', true) IS DISTINCT FROM 'mine' THEN \
         RAISE EXCEPTION '{ANOTHER}'; END IF; END $$"
    );
    let checked = first.batch_execute(&check).await;
    second.batch_execute("ROLLBACK").await?;
    match checked {
        Err(diesel::result::Error::DatabaseError(_, information)) if information.message() == ANOTHER => {
            Err(StoreError::Pooler)
        }
        checked => Ok(checked?),
    }
}

async fn connect(server: &Server) -> Result<AsyncPgConnection> {
    let connected = tokio::time::timeout(super::migrate::CONNECT_PATIENCE, server.connect()).await;
    connected.map_err(|_| StoreError::unavailable("no answer in time"))?.map_err(StoreError::unavailable)
}
