//! Opening, migrating, and databases that do not answer.

use std::time::Duration;

use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use ferry_testkit::Postgres;

use super::{
    database::{Database, user},
    on_both,
};
use crate::{ProfileChange, Store, StoreError, StoreOptions};

fn removed() -> ProfileChange {
    ProfileChange { display_name: Some(None), ..ProfileChange::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_postgres_is_unavailable_and_comes_back() {
    let server = Postgres::start().unwrap();
    let options = StoreOptions { acquire_timeout: Duration::from_millis(500), ..StoreOptions::default() };
    let store = Store::open(&server.url, options.clone()).await.unwrap();
    let ann = user(&store, "ann").await;
    let lock = store.lock_user(ann.id).await.unwrap();
    server.stop();
    for _ in 0..3 {
        let read = store.user(ann.id).await;
        assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
        let write = store.update_user(ann.id, removed()).await;
        assert!(matches!(write, Err(StoreError::Unavailable(_))), "{write:?}");
    }
    let locked = store.lock_user(ferry_protocol::UserId::new()).await;
    assert!(matches!(locked, Err(StoreError::Unavailable(_))), "{locked:?}");
    let opened = Store::open(&server.url, options).await;
    assert!(matches!(opened, Err(StoreError::Unavailable(_))), "{opened:?}");
    lock.release().await;

    server.start_again();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    let back = loop {
        match store.user(ann.id).await {
            Err(StoreError::Unavailable(_)) if tokio::time::Instant::now() < deadline => {}
            outcome => break outcome.unwrap(),
        }
    };
    assert_eq!(back, Some(ann.clone()));
    store.lock_user(ann.id).await.unwrap().release().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_that_somebody_else_keeps_busy_is_unavailable() {
    let database = Database::sqlite().await;
    let path = database.url.strip_prefix("sqlite://").unwrap().to_owned();
    let mut other = SqliteConnection::establish(&path).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let write = database.store.create_user(super::database::new_user("ann")).await;
    assert!(matches!(write, Err(StoreError::Unavailable(_))), "{write:?}");
    assert_eq!(database.store.credentials_by_name("ann").await.unwrap(), None);
    other.batch_execute("ROLLBACK").unwrap();
    user(&database.store, "ann").await;
    drop(other);
    database.remove().await;
}

async fn opened_by_many_at_once(url: &str) {
    let opens = (0..8).map(|_| Store::open(url, StoreOptions::default()));
    for store in futures_util::future::join_all(opens).await {
        store.unwrap().ping().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_a_new_sqlite_file_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new.db");
    opened_by_many_at_once(&format!("sqlite://{}", path.display())).await;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "others may read it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_a_new_postgres_database_at_once() {
    let database = Database::postgres().await;
    let mut conn = AsyncPgConnection::establish(&database.url).await.unwrap();
    conn.batch_execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await.unwrap();
    drop(conn);
    opened_by_many_at_once(&database.url).await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_lock_over_two_relays() {
    let database = Database::postgres().await;
    let options = StoreOptions::default();
    let other = Store::open(&database.url, options).await.unwrap();
    let ann = ferry_protocol::UserId::new();
    let lock = database.store.lock_user(ann).await.unwrap();
    let mut waiting = Box::pin(other.lock_user(ann));
    // Once PostgreSQL lists the other call as waiting, it does not have the lock.
    let mut conn = AsyncPgConnection::establish(&database.url).await.unwrap();
    let blocked = async {
        let query = "DO $$ BEGIN WHILE NOT EXISTS (SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
            WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted) \
            LOOP PERFORM pg_sleep(0.01); END LOOP; END $$";
        conn.batch_execute(query).await.unwrap();
    };
    tokio::select! {
        early = &mut waiting => panic!("both have the lock: {early:?}"),
        () = blocked => {}
    }
    lock.release().await;
    waiting.await.unwrap().release().await;
    // If a relay dies while it holds the lock, the next one gets it.
    drop(other.lock_user(ann).await.unwrap());
    database.store.lock_user(ann).await.unwrap().release().await;
    drop((conn, other));
    database.remove().await;
}

async fn opened_again(database: &Database) {
    user(&database.store, "ann").await;
    let again = Store::open(&database.url, StoreOptions::default()).await;
    let found = again.unwrap().credentials_by_name("ann").await.unwrap();
    assert!(found.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_database_of_another_encoding_is_refused() {
    let database = Database::postgres().await;
    let mut conn = AsyncPgConnection::establish(&database.url).await.unwrap();
    let name = format!("latin_{}", uuid::Uuid::new_v4().simple());
    let create = format!("CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    conn.batch_execute(&create).await.unwrap();
    let (server, own) = database.url.rsplit_once('/').unwrap();
    let parameters = own.split_once('?').map(|(_, parameters)| format!("?{parameters}")).unwrap_or_default();
    let opened = Store::open(&format!("{server}/{name}{parameters}"), StoreOptions::default()).await;
    assert!(matches!(&opened, Err(StoreError::NotUtf8 { encoding }) if encoding == "LATIN1"), "{opened:?}");
    conn.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
    drop(conn);
    database.remove().await;
}

/// A probe finds a database that only takes reads, as a standby does, and leaves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_finds_a_read_only_postgres() {
    let database = Database::postgres().await;
    let run = crate::RunId(uuid::Uuid::new_v4());
    database.store.probe(run).await.unwrap();
    database.store.probe(run).await.unwrap();
    let mut conn = AsyncPgConnection::establish(&database.url).await.unwrap();
    let nothing = "DO $$ BEGIN IF EXISTS (SELECT FROM leases) THEN RAISE 'a row is left'; END IF; END $$";
    conn.batch_execute(nothing).await.unwrap();
    let read_only = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', \
        current_database()); END $$";
    conn.batch_execute(read_only).await.unwrap();
    let store = Store::open(&database.url, StoreOptions::default()).await;
    // It cannot even note which migrations it has.
    assert!(store.is_err_and(|error| error.to_string().contains("read-only")));
    let ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    conn.batch_execute(ended).await.unwrap();
    let error = loop {
        match database.store.probe(run).await {
            Err(error) if error.in_words() == "it does not answer" => {}
            outcome => break outcome.unwrap_err(),
        }
    };
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert_eq!(error.in_words(), "it is read-only");
    drop(conn);
    database.remove().await;
}

/// Runs a statement beside the store, as an operator or a newer relay would.
pub(super) async fn beside(database: &Database, statement: &str) {
    match database.url.strip_prefix("sqlite://") {
        Some(path) => SqliteConnection::establish(path).unwrap().batch_execute(statement).unwrap(),
        None => AsyncPgConnection::establish(&database.url).await.unwrap().batch_execute(statement).await.unwrap(),
    }
}

async fn is_migrated_once_and_never_back(database: &Database) {
    opened_again(database).await;
    beside(database, "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')").await;
    let newer = Store::open(&database.url, StoreOptions::default()).await;
    assert!(matches!(&newer, Err(StoreError::TooNew { migration }) if migration == "9999"), "{newer:?}");
    // The newer relay has said that relays of this version can go on.
    beside(database, "INSERT INTO applied_migrations (version, checksum, needs) VALUES ('9999', 'new', '0005')").await;
    Store::open(&database.url, StoreOptions::default()).await.unwrap();
}

async fn is_refused_if_a_migration_was_edited(database: &Database) {
    beside(database, "UPDATE applied_migrations SET checksum = 'another' WHERE version = '0003'").await;
    let opened = Store::open(&database.url, StoreOptions::default()).await;
    assert!(matches!(&opened, Err(StoreError::OtherMigration { migration }) if migration == "0003"), "{opened:?}");
}

/// Before the first release, migrations were edited. A database from then has their versions, and
/// neither our columns nor a record of what ran.
async fn is_refused_if_the_tables_are_others(database: &Database) {
    beside(database, "DELETE FROM applied_migrations; ALTER TABLE users DROP COLUMN presence").await;
    let opened = Store::open(&database.url, StoreOptions::default()).await;
    let Err(error @ StoreError::OtherSchema(_)) = opened else { panic!("{opened:?}") };
    assert!(error.to_string().contains("presence"), "{error}");
}

on_both!(database:
    is_migrated_once_and_never_back,
    is_refused_if_a_migration_was_edited,
    is_refused_if_the_tables_are_others,
);

#[tokio::test]
async fn a_url_of_another_kind_is_refused() {
    for url in ["", "ferry.db", "sqlite://", "sqlite:ferry.db", "mysql://localhost/x"] {
        let opened = Store::open(url, StoreOptions::default()).await;
        assert!(matches!(opened, Err(StoreError::BadUrl)), "{url}");
    }
    let missing = Store::open("sqlite:///nonexistent/ferry.db", StoreOptions::default()).await;
    assert!(matches!(missing, Err(StoreError::Unavailable(_))), "{missing:?}");
}

/// A relay that exits does not wait for calls whose callers are gone. The process must end without
/// a panic, and the file must be whole.
#[test]
fn a_runtime_may_end_with_calls_under_way() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/ferry.db", directory.path().display());
    let mut single = tokio::runtime::Builder::new_current_thread();
    let mut several = tokio::runtime::Builder::new_multi_thread();
    several.worker_threads(2);
    for (n, builder) in [&mut single, &mut several].into_iter().enumerate() {
        for round in 0..10 {
            let runtime = builder.enable_all().build().unwrap();
            runtime.block_on(async {
                let store = Store::open(&url, StoreOptions::default()).await.unwrap();
                for call in 0..8 {
                    let name = format!("user-{n}-{round}-{call}");
                    let create = Box::pin(store.create_user(super::database::new_user(&name)));
                    let _answer_nobody_waits_for = futures_util::FutureExt::now_or_never(create);
                }
                tokio::task::yield_now().await;
            });
            drop(runtime);
        }
    }
}
