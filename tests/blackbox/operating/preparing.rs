//! What an operator runs before and beside a relay: checks, migrations, health, manuals.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use crate::harness::{Backend, Database, World};

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs `ferry` with these arguments and nothing of the machine's own settings.
pub fn ferry(arguments: &[&str]) -> Ran {
    let ferry = Command::new(env!("CARGO_BIN_EXE_ferry")).env_clear().args(arguments).output();
    let Output { status, stdout, stderr } = ferry.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
}

#[tokio::test]
async fn a_check_says_every_fault_in_a_line_and_makes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ferry.toml");
    let database = format!("sqlite://{}", directory.path().join("ferry.db").display());
    let check = |more: &[&str]| {
        let file = file.to_str().unwrap();
        ferry(&[&["serve", "--check", "--config", file, "--database", &database], more].concat())
    };
    fs::write(&file, "window = 0\nsend-rate = 0\norigin = [\"nowhere\"]\nlog = \"ferry=loud\"").unwrap();
    let found = check(&[]);
    let lines: Vec<&str> = found.out.lines().collect();
    assert_eq!((found.code, lines.len()), (1, 4), "{found:?}");
    for name in ["window: ", "send-rate: ", "origin: ", "log: "] {
        assert!(lines.iter().any(|line| line.starts_with(name)), "{name}: {found:?}");
    }
    fs::write(&file, "widnow = 1").unwrap();
    let found = check(&[]);
    assert!(found.code == 1 && found.out.contains("ferry.toml, line 1: ") && found.out.contains("widnow"), "{found:?}");

    fs::write(&file, "window = 1\nargon2-memory = 64").unwrap();
    let found = check(&["--listen", "no.such.host.invalid:80"]);
    assert!(found.code == 1 && found.out.contains("listen: no.such.host.invalid:80"), "{found:?}");
    let found = check(&[]);
    assert!(found.code == 0 && found.out.contains("; a start runs 0001_"), "{found:?}");
    assert!(found.out.contains("warning: password hashes are weaker"), "{found:?}");
    assert!(!directory.path().join("ferry.db").exists(), "a check makes nothing");
    let nowhere = ferry(&["serve", "--check", "--database", "sqlite:///nonexistent/ferry.db"]);
    assert!(nowhere.code == 1 && nowhere.out.contains("directory does not exist"), "{nowhere:?}");
    let nobody = ferry(&["serve", "--check", "--database", "postgres://u:canary@127.0.0.1:1/x"]);
    assert!(nobody.code == 1 && nobody.out.starts_with("database: ") && !nobody.out.contains("canary"), "{nobody:?}");
    assert_eq!(nobody.out.lines().count(), 1, "{nobody:?}");
}

async fn is_migrated_without_a_relay(database: &Database) {
    let migrate = |more: &[&str]| ferry(&[&["migrate", "--database", database.url.as_str()], more].concat());
    let check = || ferry(&["serve", "--check", "--database", &database.url]);
    let pending = migrate(&["--check"]);
    assert!(pending.code == 10 && pending.out.starts_with("would run 0001_"), "{pending:?}");
    assert_eq!(migrate(&["--check"]).code, 10, "looking changes nothing");
    let ran = migrate(&[]);
    assert!(ran.code == 0 && ran.out.starts_with("ran 0001_"), "{ran:?}");
    for done in [migrate(&["--check"]), migrate(&[])] {
        assert!(done.code == 0 && done.out.contains("up to date: nothing to do"), "{done:?}");
    }
    assert!(check().code == 0 && check().out.contains("up to date"), "{:?}", check());

    // A newer version was here, and says that this one can work with what it did.
    database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')").await;
    database.execute("INSERT INTO applied_migrations (version, checksum, needs) VALUES ('9999', 'new', '0005')").await;
    let newer = migrate(&["--check"]);
    assert!(newer.code == 0 && newer.out.contains("of a newer version with which this one works"), "{newer:?}");
    database.execute("UPDATE applied_migrations SET needs = '9999' WHERE version = '9999'").await;
    for refused in [migrate(&["--check"]), migrate(&[])] {
        assert!(refused.code == 1 && refused.err.contains("used by a newer version"), "{refused:?}");
    }
    assert!(check().code == 1 && check().out.contains("database: "), "{:?}", check());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_migrated_without_a_relay() {
    let directory = tempfile::tempdir().unwrap();
    is_migrated_without_a_relay(&Database::sqlite(directory.path())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_migrated_without_a_relay() {
    is_migrated_without_a_relay(&Database::postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_learns_whether_its_relay_is_ready() {
    let mut world = World::start(Backend::Cluster).await;
    let address = world.relay().address.clone();
    let asked = |more: &[&str]| ferry(&[&["healthcheck"], more].concat());
    let ready = asked(&["--listen", &address]);
    assert_eq!((ready.code, ready.out.as_str()), (0, "ready\n"), "{ready:?}");
    assert_eq!(asked(&["--server", &world.relay().url("")]).code, 0);
    world.nsqds[0].kill();
    let unwell = crate::harness::until("the relay notices", || async {
        let ran = asked(&["--listen", &address]);
        (ran.code == 1).then_some(ran)
    })
    .await;
    assert!(unwell.err.contains("is not ready"), "{unwell:?}");
    assert_eq!(unwell.err.lines().count(), 1);
    world.relay().freeze();
    let hangs = asked(&["--listen", &address, "--timeout", "1"]);
    assert!(hangs.code == 1 && hangs.err.contains("does not answer within 1s"), "{hangs:?}");
    world.relay_mut().kill();
    let gone = asked(&["--listen", &address]);
    assert!(gone.code == 1 && gone.err.contains("nobody listens on"), "{gone:?}");
    let secure = asked(&["--server", "https://relay.example"]);
    assert!(secure.code == 1 && secure.err.contains("over http://"), "{secure:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_comes_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let (secret, database) = (directory.path().join("secret"), directory.path().join("ferry.db"));
    fs::write(&secret, format!("sqlite://{}\n", database.display())).unwrap();
    let by_file = |more: &[&str]| ferry(&[&["migrate", "--database-file", secret.to_str().unwrap()], more].concat());
    assert_eq!(by_file(&[]).code, 0);
    assert!(database.exists());
    let twice = by_file(&["--database", "sqlite://other.db"]);
    assert!(twice.code == 1 && twice.err.contains("database: is given twice"), "{twice:?}");
    fs::remove_file(&secret).unwrap();
    let lost = by_file(&[]);
    assert!(lost.code == 1 && lost.err.contains("database-file: cannot read "), "{lost:?}");
}

#[test]
fn shells_and_manuals_know_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = ferry(&["completions", shell]);
        assert!(script.code == 0 && script.out.contains("healthcheck") && script.out.contains("send"), "{shell}");
    }
    let directory = tempfile::tempdir().unwrap();
    let written = ferry(&["man", directory.path().to_str().unwrap()]);
    assert_eq!((written.code, written.out.as_str()), (0, ""), "{written:?}");
    let page = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
    assert!(page("ferry.1").contains("serve") && page("ferry-serve.1").contains("FERRY_DATABASE"));
    let nowhere = ferry(&["man", Path::new("/nonexistent").to_str().unwrap()]);
    assert!(nowhere.code == 1 && nowhere.err.contains("cannot be written"), "{nowhere:?}");
}
