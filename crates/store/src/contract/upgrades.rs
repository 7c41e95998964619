//! A database that an earlier version made, with what is in it.

use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use ferry_protocol::UserId;

use crate::{Store, StoreOptions};

/// The migrations of the last version without [`super::faults`]' record of them.
const EARLIER: [&str; 4] = ["0001_accounts_rooms_keys", "0002_relays", "0003_logins", "0004_quotas"];

const ANN: &str = "00000000-0000-7000-8000-000000000001";
const BEN: &str = "00000000-0000-7000-8000-000000000002";

/// Returns the statements that make the tables, and fill them as the earlier version did.
fn earlier(database: &str) -> String {
    let directory = format!("{}/../../migrations/{database}", env!("CARGO_MANIFEST_DIR"));
    let read = |name: &&str| std::fs::read_to_string(format!("{directory}/{name}/up.sql")).unwrap();
    let mut sql = EARLIER.iter().map(read).collect::<Vec<_>>().join("\n");
    sql += "CREATE TABLE __diesel_schema_migrations \
        (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);";
    for name in EARLIER {
        sql += &format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{}');", &name[..4]);
    }
    for (id, username, display, folded) in [(ANN, "ann", "ΟΔΥΣΣΕΥΣ", "οδυσσευς"), (BEN, "ben", "Straße", "straße")]
    {
        sql += &format!(
            "INSERT INTO users (id, username, display_name, display_name_folded, password_hash, created_at, \
                password_changed_at) VALUES ('{id}', '{username}', '{display}', '{folded}', 'x', 1, 1);"
        );
    }
    sql += &format!(
        "INSERT INTO rooms (id, kind, name, name_folded, created_at, created_by) \
            VALUES ('{ANN}', 'channel', 'ΣΟΦΟΣ', 'σοφος', 1, '{ANN}');"
    );
    for (user, role) in [(ANN, "owner"), (BEN, "member")] {
        sql += &format!(
            "INSERT INTO memberships (room_id, user_id, role, joined_at) VALUES ('{ANN}', '{user}', '{role}', 1);"
        );
    }
    sql
}

async fn is_brought_up_to_date(url: &str) {
    let before = Store::schema(url, None).await.unwrap();
    assert_eq!((before.newest.as_deref(), before.pending[0].as_str()), (Some("0004"), "0005_upgrades"));
    let store = Store::open(url, StoreOptions::default()).await.unwrap();
    assert!(Store::schema(url, None).await.unwrap().pending.is_empty());
    let (ann, ben): (UserId, UserId) = (ANN.parse().unwrap(), BEN.parse().unwrap());
    for (query, user) in [("οδυσ", ann), ("STRASSE", ben)] {
        let found = store.search_users(query, 10, None).await.unwrap().items;
        assert_eq!(found.iter().map(|user| user.id).collect::<Vec<_>>(), [user], "{query}");
    }
    let rooms = store.public_rooms(ben, "οσ", 10, None).await.unwrap().items;
    assert_eq!(rooms.iter().map(|view| view.room.member_count).collect::<Vec<_>>(), [2]);
    // The count is kept, whoever changes the memberships.
    store.delete_user(ann).await.unwrap();
    assert_eq!(store.room(rooms[0].room.id).await.unwrap().unwrap().member_count, 1);
    assert!(store.settings(ben).await.unwrap().findable);
    Store::open(url, StoreOptions::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_earlier_sqlite_is_brought_up_to_date() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ferry.db").display().to_string();
    SqliteConnection::establish(&path).unwrap().batch_execute(&earlier("sqlite")).unwrap();
    is_brought_up_to_date(&format!("sqlite://{path}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_earlier_postgres_is_brought_up_to_date() {
    let database = ferry_testkit::Database::create().unwrap();
    let mut conn = AsyncPgConnection::establish(&database.url).await.unwrap();
    conn.batch_execute(&earlier("postgres")).await.unwrap();
    is_brought_up_to_date(&database.url).await;
}
