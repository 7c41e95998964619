//! A backup of SQL lets nobody in, and brings everything else back.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use ferry_client::Event;

use super::preparing::ferry;
use crate::{
    harness::{Backend, Database, Online, World, moved_to},
    on_both,
};

on_both!(all_but_the_logins_comes_back_from_a_backup, |world| async move {
    let mut world = world;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(world.relay()).await;
    let room = alices.group(&[bob.id]).await;
    let session = bob.log_in(world.relay()).await;
    let signing = world.database.find("SELECT kid AS found FROM signing_keys").await;

    let file = world.directory.path().join("backup");
    let backup = || ferry_with_path(&["sql-backup", file.to_str().unwrap(), "--database", &world.database.url]);
    // While the relay runs.
    assert_eq!(backup(), (0, String::new()));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, said) = backup();
    assert!(code == 1 && said.contains("backup"), "a file that is there is not overwritten: {said}");
    assert!(!contains(&file, signing.as_bytes()), "the backup has a key");

    // After the backup, and so gone.
    alices.group(&[bob.id]).await;
    let restored = match world.backend {
        Backend::Embedded => Database::at(format!("sqlite://{}", file.display())),
        Backend::Cluster => {
            let database = Database::postgres();
            let mut restore = Command::new("pg_restore");
            restore.args(["--no-owner", "--exit-on-error", "--dbname", &database.url]).arg(&file);
            assert!(restore.status().unwrap().success());
            database
        }
    };
    for table in ["refresh_tokens", "signing_keys", "known_devices"] {
        let rows = restored.find(&format!("SELECT CAST(count(*) AS TEXT) AS found FROM {table}")).await;
        assert_eq!(rows, "0", "{table}");
    }
    drop(alices);
    world.relay().ask_to_stop();
    assert!(world.relay_mut().ended().await.success());
    let again = World::over(world.backend, restored, std::mem::take(&mut world.nsqds), &[]).await;

    // The old login is over, however fresh its tokens are.
    let old = moved_to(&session, again.relay());
    assert!(old.all_rooms().await.is_err(), "a token from before the backup counts");
    let (_connection, mut events) = old.connect(crate::harness::impatient());
    let ended = async {
        while let Some(event) = events.next().await {
            if let Event::Closed(reason) = event {
                return reason;
            }
        }
        panic!("no reason")
    };
    let reason = crate::harness::within(ended).await;
    assert!(matches!(reason, ferry_client::ClosedReason::LoggedOut), "{reason:?}");

    // The password lets them in, and everything else is there.
    let mut bobs = bob.online(again.relay()).await;
    let alices = Online::connect(alice.log_in(again.relay()).await).await;
    let rooms = alices.session.all_rooms().await.unwrap();
    assert_eq!(rooms.iter().map(|room| room.id).collect::<Vec<_>>(), [room]);
    alices.send(room, "as before").await;
    assert_eq!(bobs.text().await, "as before");
});

/// Runs `ferry` where it finds `pg_dump`.
fn ferry_with_path(arguments: &[&str]) -> (i32, String) {
    let ran = Command::new(env!("CARGO_BIN_EXE_ferry"))
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .args(arguments)
        .output()
        .unwrap();
    (ran.status.code().unwrap(), String::from_utf8(ran.stderr).unwrap())
}

fn contains(file: &std::path::Path, part: &[u8]) -> bool {
    fs::read(file).unwrap().windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn a_backup_of_nothing_is_an_error_in_a_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("backup");
    let missing = format!("sqlite://{}", directory.path().join("missing.db").display());
    let failed = ferry(&["sql-backup", file.to_str().unwrap(), "--database", &missing]);
    assert!(failed.code == 1 && failed.err.lines().count() == 1, "{failed:?}");
    assert!(!file.exists(), "half a backup looks like one");
    let no_tool = ferry(&["sql-backup", file.to_str().unwrap(), "--database", "postgres://127.0.0.1:1/x"]);
    assert!(no_tool.code == 1 && no_tool.err.contains("pg_dump"), "{no_tool:?}");
    assert!(!file.exists());
}
