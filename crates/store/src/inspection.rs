//! What an operator wants to know of a database. Looks, and changes nothing: no migration runs.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection,
    sql_types::{BigInt, Bool, Integer, Text},
};
use diesel_async::{AsyncPgConnection, async_connection_wrapper::AsyncConnectionWrapper};

use super::{
    error::{Result, StoreError},
    migrate::{CONNECT_PATIENCE, blocking},
    pooler,
    server::Server,
};

/// What is in the tables of relays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterState {
    /// The runs of relays that said within the last 10 s that they are there, with the milliseconds
    /// since each last said so.
    pub relays: Vec<(String, i64)>,
    /// The lists of nodes that relays have.
    pub lists: Vec<String>,
    /// Accounts.
    pub users: i64,
    /// Devices that are logged in.
    pub devices: i64,
    /// Channels that are still to be deleted.
    pub pending_closes: i64,
}

/// What PostgreSQL tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerState {
    /// `server_version_num`: 150004 is 15.4.
    pub version: i32,
    /// Whether it takes no writes.
    pub read_only: bool,
    /// Its clock, milliseconds since 1970, and how long the question took.
    pub now: i64,
    /// The time of the question and the answer.
    pub took: Duration,
    /// `synchronous_commit`.
    pub synchronous_commit: String,
    /// `fsync`.
    pub fsync: bool,
    /// `synchronous_standby_names`: empty without synchronous standbys.
    pub synchronous_standbys: String,
    /// Standbys that are connected.
    pub standbys: i64,
    /// `max_connections`.
    pub max_connections: i32,
    /// Whether the connection has TLS.
    pub tls: bool,
    /// Whether the URL names this machine alone.
    pub is_local: bool,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// What the server tells of itself. `None` for SQLite.
    pub server: Option<ServerState>,
    /// What is in the tables. `None` if no relay has made them yet.
    pub cluster: Option<ClusterState>,
}

/// How long a relay counts as running after its last word, milliseconds.
const RUNNING: i64 = 10_000;

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Bool)]
    read_only: bool,
    #[diesel(sql_type = BigInt)]
    now: i64,
    #[diesel(sql_type = Text)]
    synchronous_commit: String,
    #[diesel(sql_type = Bool)]
    fsync: bool,
    #[diesel(sql_type = Text)]
    synchronous_standbys: String,
    #[diesel(sql_type = BigInt)]
    standbys: i64,
    #[diesel(sql_type = Integer)]
    max_connections: i32,
    #[diesel(sql_type = Bool)]
    tls: bool,
}

#[derive(QueryableByName)]
struct Said {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

const SERVER: &str = "SELECT current_setting('server_version_num')::int AS version, \
    current_setting('transaction_read_only')::bool AS read_only, \
    (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now, \
    current_setting('synchronous_commit') AS synchronous_commit, current_setting('fsync')::bool AS fsync, \
    current_setting('synchronous_standby_names') AS synchronous_standbys, \
    (SELECT count(*) FROM pg_stat_replication) AS standbys, \
    current_setting('max_connections')::int AS max_connections, \
    coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS tls";

/// Returns how many rows a table has. A macro, because a query of diesel is of one database.
macro_rules! number {
    ($conn:expr, $table:literal) => {{
        let query = concat!("SELECT '' AS name, count(*) AS number FROM ", $table);
        diesel::sql_query(query).get_result::<Said>($conn)?.number
    }};
}

/// Looks at the database that a URL names, with these roots for TLS.
///
/// # Errors
/// Fails with [`StoreError::Unavailable`] if it does not answer, and as
/// [`Store::open`](super::Store::open) for a URL that cannot be used or a pooler in between.
pub async fn inspect(url: &str, roots: Option<&Path>) -> Result<Inspection> {
    if let Some(path) = url.strip_prefix("sqlite://") {
        let path = path.to_owned();
        return blocking(move || sqlite(&path)).await;
    }
    let server = Server::parse(url, roots, CONNECT_PATIENCE)?;
    pooler::refuse(&server).await?;
    let connect = tokio::time::timeout(CONNECT_PATIENCE, server.connect()).await;
    let conn = connect.map_err(|_| StoreError::unavailable("no answer in time"))?.map_err(StoreError::unavailable)?;
    let is_local = server.is_local();
    blocking(move || postgres(conn, is_local)).await
}

fn sqlite(path: &str) -> Result<Inspection> {
    if !Path::new(path).exists() {
        return Ok(Inspection { server: None, cluster: None });
    }
    let mut conn = SqliteConnection::establish(path).map_err(StoreError::unavailable)?;
    let there = "SELECT name, 0 AS number FROM sqlite_master WHERE name = 'applied_migrations'";
    let there: Vec<Said> = diesel::sql_query(there).load(&mut conn)?;
    let cluster = match there.is_empty() {
        true => None,
        false => Some(ClusterState {
            relays: Vec::new(),
            lists: Vec::new(),
            users: number!(&mut conn, "users"),
            devices: number!(&mut conn, "devices"),
            pending_closes: 0,
        }),
    };
    Ok(Inspection { server: None, cluster })
}

fn postgres(conn: AsyncPgConnection, is_local: bool) -> Result<Inspection> {
    let mut conn: AsyncConnectionWrapper<AsyncPgConnection> = conn.into();
    let asked = Instant::now();
    let found: Told = diesel::sql_query(SERVER).get_result(&mut conn)?;
    let took = asked.elapsed();
    let server = ServerState {
        version: found.version,
        read_only: found.read_only,
        now: found.now,
        took,
        synchronous_commit: found.synchronous_commit,
        fsync: found.fsync,
        synchronous_standbys: found.synchronous_standbys,
        standbys: found.standbys,
        max_connections: found.max_connections,
        tls: found.tls,
        is_local,
    };
    let there = "SELECT tablename::text AS name, 0::bigint AS number FROM pg_tables \
        WHERE tablename = 'applied_migrations' AND schemaname = ANY (current_schemas(false))";
    let there: Vec<Said> = diesel::sql_query(there).load(&mut conn)?;
    let cluster = if there.is_empty() { None } else { Some(cluster(&mut conn)?) };
    Ok(Inspection { server: Some(server), cluster })
}

fn cluster(conn: &mut AsyncConnectionWrapper<AsyncPgConnection>) -> Result<ClusterState> {
    let now = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let relays = format!(
        "SELECT run::text AS name, {now} - seen_at AS number FROM relays WHERE seen_at > {now} - {RUNNING} ORDER BY run"
    );
    let relays: Vec<Said> = diesel::sql_query(relays).load(conn)?;
    let lists = format!(
        "SELECT substr(task, 7) AS name, 0::bigint AS number FROM leases \
         WHERE task LIKE 'nodes %' AND expires_at > {now} ORDER BY task"
    );
    let lists: Vec<Said> = diesel::sql_query(lists).load(conn)?;
    Ok(ClusterState {
        relays: relays.into_iter().map(|row| (row.name, row.number)).collect(),
        lists: lists.into_iter().map(|row| row.name).collect(),
        users: number!(conn, "users"),
        devices: number!(conn, "devices"),
        pending_closes: number!(conn, "closing_channels"),
    })
}
