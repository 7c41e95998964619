//! G5, nothing is kept. A thousand messages are sent, acked, left queued or rejected. Afterwards
//! none of them is in SQL, in a log at trace level, in `/metrics` or in an error's text. Nor is a
//! password or a token.

mod kinds;
mod links;
mod refused;
mod scanner;

use std::path::Path;

use diesel_async::{AsyncConnection, AsyncPgConnection};
use ferry_client::{InMemory, Session};
use ferry_protocol::{MessageId, PutMember, RoomId, Secret};

use crate::harness::{Backend, Online, Postgres, RawSocket, Relay, World, log_level, post, repository};
use scanner::Scanner;

/// Messages over the socket, and then over HTTP. The rest of the thousand is rejected.
const OVER_SOCKET: usize = 700;
const OVER_HTTP: usize = 200;
const REFUSED: usize = 100;

/// Unique texts with one beginning, by which the scan finds each of them.
pub struct Canaries {
    marker: String,
    next: std::cell::Cell<usize>,
}

impl Canaries {
    fn new() -> Self {
        Self { marker: format!("kanarie{}", uuid::Uuid::new_v4().simple()), next: std::cell::Cell::new(0) }
    }

    /// Returns one more.
    pub fn next(&self) -> String {
        self.next.set(self.next.get() + 1);
        format!("{}-{}", self.marker, self.next.get())
    }
}

/// Logs in a user whose password is a canary. The tokens become secrets to look for.
async fn log_in(relay: &Relay, name: &str, canaries: &Canaries, scanner: &mut Scanner) -> (Session, Secret) {
    let name = format!("{name}-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
    let password = Secret::new(canaries.next());
    relay.client().register(&name, &password, None).await.unwrap();
    let session = another_login(relay, &name, &password, scanner).await;
    (session, password)
}

async fn another_login(relay: &Relay, name: &str, password: &Secret, scanner: &mut Scanner) -> Session {
    let credentials = relay.client().login(name, password, "test").await.unwrap();
    remember_tokens(&credentials.access_token, &credentials.refresh_token, scanner);
    Session::new(relay.client(), credentials, InMemory::shared())
}

fn remember_tokens(access: &Secret, refresh: &Secret, scanner: &mut Scanner) {
    // The signature makes it a token; its other parts are no secret.
    scanner.add(access.expose().rsplit_once('.').unwrap().1);
    scanner.add(refresh.expose());
}

/// Runs a conversation with everything in it that could leave a trace. Returns the text of every
/// error.
async fn live_through(world: &mut World, canaries: &Canaries, linked: &Canaries, scanner: &mut Scanner) -> Vec<String> {
    let relay = world.relay();
    let (alice, password) = log_in(relay, "alice", canaries, scanner).await;
    let (bob, bobs_password) = log_in(relay, "bob", canaries, scanner).await;
    let (mallory, _) = log_in(relay, "mallory", canaries, scanner).await;
    let (stranger, _) = log_in(relay, "stranger", canaries, scanner).await;
    // Bob's second device stays away, so everything stays queued for it. Mallory's device reads
    // and never acks.
    let bobs_name = bob.credentials().user.username.clone();
    let _away = another_login(relay, &bobs_name, &bobs_password, scanner).await;
    let phone = Online::connect(alice.clone()).await;
    let mut bobs = Online::connect(bob.clone()).await;
    let room = phone.group(&[bob.credentials().user.id, mallory.credentials().user.id]).await;
    let mut holds = RawSocket::open(relay, mallory.token().await.unwrap().expose()).await;
    holds.frame_of("welcome").await;

    for number in 0..OVER_SOCKET + OVER_HTTP {
        let text = canaries.next();
        if number < OVER_SOCKET {
            phone.send(room, &text).await;
        } else {
            post(&alice, room, MessageId::new(), &text).await.unwrap();
        }
        assert_eq!(bobs.text().await, text);
    }
    kinds::live_through(&phone, &mut bobs, room, canaries).await;
    let alices_name = alice.credentials().user.username.clone();
    let mut tablet = Online::connect(another_login(relay, &alices_name, &password, scanner).await).await;
    links::live_through(&phone, &mut tablet, linked).await;
    bobs.connection.flush().await.unwrap();
    holds.frame_of("message").await;

    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    let mute = PutMember { role: None, muted_until: Some(now + 3_600_000) };
    alice.put_member(room, mallory.credentials().user.id, &mute).await.unwrap();
    let mut errors = Vec::new();
    for round in 0..REFUSED / 2 {
        for session in [&mallory, &stranger] {
            let refused = post(session, room, MessageId::new(), &canaries.next()).await;
            errors.push(format!("{:?}", refused.expect_err(&format!("round {round}"))));
        }
    }
    errors.extend(refused::over_the_socket(relay, &alice, room, canaries).await);
    errors.extend(refused::over_http(relay, &alice, room, canaries).await);

    let refreshed = relay.client().refresh(&alice.credentials().refresh_token).await.unwrap();
    remember_tokens(&refreshed.access_token, &refreshed.refresh_token, scanner);
    let new_password = Secret::new(canaries.next());
    bob.change_password(&bobs_password, &new_password).await.unwrap();
    let wrong = bob.change_password(&Secret::new(canaries.next()), &password).await;
    errors.push(format!("{:?}", wrong.unwrap_err()));
    errors.extend(fail_for_want_of_nsqd(world, &alice, room, canaries).await);
    errors
}

async fn fail_for_want_of_nsqd(world: &mut World, session: &Session, room: RoomId, canaries: &Canaries) -> Vec<String> {
    let mut errors = Vec::new();
    if let Some(nsqd) = world.nsqds.first_mut() {
        nsqd.kill();
        for _ in 0..10 {
            errors.push(format!("{:?}", post(session, room, MessageId::new(), &canaries.next()).await.unwrap_err()));
        }
        nsqd.restart().await;
    }
    errors
}

/// Writes the metrics and the errors as files beside the log and the embedded relay's SQL.
async fn leave_evidence(world: &World, errors: &[String]) {
    assert!(errors.len() > REFUSED && errors.iter().all(|error| !error.is_empty()));
    let metrics = world.relay().metrics().await;
    assert!(metrics.contains("ferry_acks_total"));
    std::fs::write(world.directory.path().join("metrics"), metrics).unwrap();
    std::fs::write(world.directory.path().join("errors"), errors.join("\n")).unwrap();
}

/// Checks that the scan would have found something: it finds a canary appended to each of these
/// files, and only there.
fn assert_planted_is_found(scanner: &Scanner, canaries: &Canaries, directory: &Path, names: &[&str]) {
    for name in names {
        let file = directory.join(name);
        let before = std::fs::read(&file).unwrap();
        std::fs::write(&file, [&before[..], format!("{{\"planted\":\"{}\"}}\n", canaries.next()).as_bytes()].concat())
            .unwrap();
        assert_eq!(scanner.scan(&[directory]), [file.clone()].into(), "{name}");
        std::fs::write(&file, before).unwrap();
    }
    scanner.assert_clean(&[directory]);
}

/// What waits for a device may be in a file of nsqd, which is in memory. Of a link that has ended
/// nothing is, and nsqd logs nothing of anybody.
async fn nothing_of_links_is_in_nsqd(world: &mut World, linked: &Canaries, scanner: &Scanner) {
    let nsqd = &mut world.nsqds[0];
    nsqd.stop().await;
    let directory = nsqd.directory().to_owned();
    assert!(directory.join("data/nsqd.dat").is_file());
    let mut links = Scanner::default();
    links.add(&linked.marker);
    links.assert_clean(&[&directory]);
    scanner.assert_clean(&[&directory.join("nsqd.log")]);
    assert_planted_is_found(&links, linked, &directory, &["nsqd.log", "data/nsqd.dat"]);
}

const TEXTS: [&str; 3] = ["relay-0.log", "metrics", "errors"];

mod g5_nothing_is_kept {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn embedded() {
        let mut world = World::start_with(Backend::Embedded, &[log_level("trace")]).await;
        let (canaries, linked, mut scanner) = (Canaries::new(), Canaries::new(), Scanner::default());
        scanner.add(&canaries.marker);
        scanner.add(&linked.marker);
        let errors = live_through(&mut world, &canaries, &linked, &mut scanner).await;
        leave_evidence(&world, &errors).await;
        let directory = world.directory.path().to_owned();
        for file in ["ferry.db", "ferry.db-wal", "ferry.db-shm"] {
            assert!(directory.join(file).is_file(), "{file} is to be looked at");
        }
        // Killed, not stopped, so that the WAL stays as it is.
        world.relay_mut().kill();
        assert!(world.relay().log().contains("\"level\":\"DEBUG\""), "the log tells more than it has to");
        scanner.assert_clean(&[&directory]);

        assert_planted_is_found(&scanner, &canaries, &directory, &TEXTS);
        let mut sqlite: diesel::SqliteConnection =
            diesel::Connection::establish(directory.join("ferry.db").to_str().unwrap()).unwrap();
        for statement in planted(&canaries) {
            diesel::RunQueryDsl::execute(diesel::sql_query(statement), &mut sqlite).unwrap();
        }
        assert!(!scanner.scan(&[&directory]).is_empty(), "a row in SQLite is found");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn cluster() {
        let cluster = Postgres::start().unwrap();
        let mut world = World::start_in(&cluster, &[log_level("trace")]).await;
        let (canaries, linked, mut scanner) = (Canaries::new(), Canaries::new(), Scanner::default());
        scanner.add(&canaries.marker);
        scanner.add(&linked.marker);
        let errors = live_through(&mut world, &canaries, &linked, &mut scanner).await;
        leave_evidence(&world, &errors).await;
        // Stopped while the relay runs, so that the scan also covers what the relay logs about it.
        // Stopping writes a checkpoint.
        cluster.stop();
        world.relay_mut().kill();
        let directory = world.directory.path().to_owned();
        assert!(cluster.directory().join("data/pg_wal").is_dir());
        scanner.assert_clean(&[&directory, cluster.directory()]);
        nothing_of_links_is_in_nsqd(&mut world, &linked, &scanner).await;

        assert_planted_is_found(&scanner, &canaries, &directory, &TEXTS);
        cluster.start_again();
        let mut sql = AsyncPgConnection::establish(&world.database.url).await.unwrap();
        for statement in planted(&canaries) {
            diesel_async::RunQueryDsl::execute(diesel::sql_query(statement), &mut sql).await.unwrap();
        }
        drop(sql);
        cluster.stop();
        let found = scanner.scan(&[cluster.directory()]);
        let is_in = |part: &str| found.iter().any(|file| file.to_str().unwrap().contains(part));
        assert!(
            is_in("/pg_wal/") && is_in("/base/"),
            "a row in PostgreSQL is found in its table and in the WAL: {found:?}"
        );
        // The harness needs it to drop the database.
        cluster.start_again();
    }

    fn planted(canaries: &Canaries) -> [String; 2] {
        let insert = format!("INSERT INTO planted VALUES ('{}')", canaries.next());
        ["CREATE TABLE planted (body TEXT)".to_owned(), insert]
    }
}

/// nsqd writes what exceeds its memory to a file. On tmpfs that is no disk.
#[test]
fn nsqd_keeps_its_overflow_in_memory() {
    let conf = std::fs::read_to_string(repository().join("nsq.conf")).unwrap();
    let paths: Vec<_> = conf.lines().filter_map(|line| line.strip_prefix("data_path")).collect();
    assert!(matches!(paths[..], [path] if path.trim_start_matches([' ', '=']).starts_with("\"/dev/shm/")), "{paths:?}");
}
