//! A database between two versions: a newer schema, an upgrade that breaks off, two at once.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use super::preparing::ferry;
use crate::{
    harness::{Database, Online, World, repository, until},
    on_both,
};

/// What a version after this one may do to the schema, so that relays of this one go on.
const NEWER: &str = "CREATE TABLE shoes (user_id TEXT NOT NULL, size INTEGER NOT NULL);
    ALTER TABLE users ADD COLUMN shoe_size INTEGER;
    ALTER TABLE devices ADD COLUMN pair INTEGER NOT NULL DEFAULT 1;
    INSERT INTO __diesel_schema_migrations (version) VALUES ('9999');
    INSERT INTO applied_migrations (version, checksum, needs) VALUES ('9999', 'newer', '0005');";

on_both!(a_relay_works_and_starts_again_on_a_newer_schema_that_lets_it, |world| async move {
    let mut world = world;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let mut bobs = bob.online(world.relay()).await;
    let alices = alice.online(world.relay()).await;
    let room = alices.direct(bob.id).await;
    // The newer relay migrates while this one runs.
    world.database.execute(NEWER).await;
    alices.send(room, "on the new schema").await;
    assert_eq!(bobs.text().await, "on the new schema");
    drop((alices, bobs));
    world.relay().ask_to_stop();
    assert!(world.relay_mut().ended().await.success());
    world.relay_mut().restart().await;
    let carol = world.person("carol").await;
    let alices = Online::connect(alice.log_in(world.relay()).await).await;
    let mut bobs = bob.online(world.relay()).await;
    alices.group(&[bob.id, carol.id]).await;
    alices.send(room, "started again").await;
    assert_eq!(bobs.text().await, "started again");
});

/// The schema of a version before this one, with a user.
fn earlier(database: &str) -> String {
    let read = |name: &str| fs::read_to_string(repository().join("migrations").join(database).join(name)).unwrap();
    let names = ["0001_accounts_rooms_keys", "0002_relays", "0003_logins", "0004_quotas"];
    let mut sql = names.map(|name| read(&format!("{name}/up.sql"))).join("\n");
    sql += "CREATE TABLE __diesel_schema_migrations \
        (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);";
    for name in names {
        sql += &format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{}');", &name[..4]);
    }
    sql + "INSERT INTO users (id, username, display_name, display_name_folded, password_hash, created_at, \
        password_changed_at) VALUES ('00000000-0000-7000-8000-000000000001', 'ann', 'Ann', 'ann', 'x', 1, 1);"
}

/// Runs a migration beside the test. Killed when dropped.
struct Upgrade(Child);

impl Upgrade {
    fn begin(database: &Database) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
        command.env_clear().args(["migrate", "--database", &database.url]).stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }

    async fn succeeds(mut self) {
        let status = until("the upgrade ends", || {
            let status = self.0.try_wait().unwrap();
            async move { status }
        });
        assert!(status.await.success());
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Upgrade {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Checks that the database is the newest, and has what it had.
async fn is_whole(database: &Database) {
    let done = ferry(&["migrate", "--check", "--database", &database.url]);
    assert!(done.code == 0 && done.out.contains("up to date"), "{done:?}");
    assert_eq!(database.find("SELECT username AS found FROM users").await, "ann");
    let rows = "SELECT CAST(count(*) AS TEXT) AS found FROM";
    assert_eq!(
        database.find(&format!("{rows} applied_migrations")).await,
        database.find(&format!("{rows} __diesel_schema_migrations")).await
    );
}

async fn two_upgrades_at_once(database: Database, kind: &str) {
    database.execute(&earlier(kind)).await;
    let upgrades = [(); 3].map(|()| Upgrade::begin(&database));
    for upgrade in upgrades {
        upgrade.succeeds().await;
    }
    is_whole(&database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_may_be_upgraded_by_several_at_once() {
    let directory = tempfile::tempdir().unwrap();
    two_upgrades_at_once(Database::sqlite(directory.path()), "sqlite").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_may_be_upgraded_by_several_at_once() {
    two_upgrades_at_once(Database::postgres(), "postgres").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_of_a_server_that_is_killed_goes_on_from_where_it_was() {
    let database = Database::postgres();
    database.execute(&earlier("postgres")).await;
    // Some migrations run, and one that changes rooms waits for this reader.
    let reader = database.hold("LOCK TABLE rooms IN ACCESS SHARE MODE").await;
    let upgrade = Upgrade::begin(&database);
    reader.until_waited_for(1).await;
    let newest = "SELECT max(version) AS found FROM __diesel_schema_migrations";
    let reached = database.find(newest).await;
    assert!(reached.as_str() > "0004", "{reached}");
    upgrade.kill();
    reader.release().await;
    ferry(&["migrate", "--check", "--database", &database.url]);
    Upgrade::begin(&database).succeeds().await;
    assert!(database.find(newest).await > reached);
    is_whole(&database).await;
}

/// The disk fails at one write after another, as if the machine had failed there.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_of_a_file_that_breaks_off_has_done_nothing() {
    use crate::command_line::disk::{EIO, ENOSPC, OnDisk};

    let directory = tempfile::tempdir().unwrap();
    // The name by which the disk that fails knows its files.
    let database = Database::at(format!("sqlite://{}", directory.path().join("relay.history").display()));
    database.execute(&earlier("sqlite")).await;
    for (number, after) in [0, 1, 2, 3, 5, 8, 13, 21].into_iter().enumerate() {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
        command.args(["migrate", "--database", &database.url]);
        let error = if number % 2 == 0 { EIO } else { ENOSPC };
        let ran = command.that_fails(error, after).output().unwrap();
        let said = String::from_utf8(ran.stderr).unwrap();
        assert!(!ran.status.success() && said.starts_with("ferry: the database cannot be opened"), "{after}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        let pending = ferry(&["migrate", "--check", "--database", &database.url]);
        assert!(pending.code == 10 && pending.out.starts_with("would run 0005_"), "after {after}: {pending:?}");
    }
    Upgrade::begin(&database).succeeds().await;
    is_whole(&database).await;
}

/// A disk that is full says so in `/readyz`, and nothing that was accepted is lost.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_whose_disk_is_full_says_so_and_goes_on_when_there_is_room() {
    use crate::{
        command_line::disk::shim,
        harness::{Backend, assert_unavailable, variable},
    };

    let directory = tempfile::tempdir().unwrap();
    let (full, file) = (directory.path().join("full"), directory.path().join("relay.history"));
    let flags =
        [variable("LD_PRELOAD", shim().to_str().unwrap()), variable("FERRY_DISK_FULL_WHILE", full.to_str().unwrap())];
    let url = format!("sqlite://{}", file.display());
    let world = World::over(Backend::Embedded, Database::at(url), Vec::new(), &flags).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(world.relay()).await;
    let mut bobs = bob.online(world.relay()).await;
    let room = alices.direct(bob.id).await;

    fs::write(&full, "").unwrap();
    let told = until("the relay notices", || async {
        let (status, answer) = world.relay().readiness().await;
        (status == 503).then_some(answer)
    });
    assert_eq!(told.await["database_fault"], "there is no room on its disk");
    let refused = world.relay().client().login(&bob.name, &bob.password, "another").await;
    assert_unavailable(&refused.unwrap_err());
    // Messages need no room in SQL.
    alices.send(room, "while it is full").await;
    assert_eq!(bobs.text().await, "while it is full");
    fs::remove_file(&full).unwrap();
    world.relay().wait_until_ready().await;
    bob.log_in(world.relay()).await;
    alices.send(room, "and after").await;
    assert_eq!(bobs.text().await, "and after");
}
