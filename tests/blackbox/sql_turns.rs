//! How often the relay asks the database and waits for the answer, counted by a proxy between them.
//! A database that is some milliseconds away makes each turn cost as much.

use std::fmt::Write as _;

use ferry_protocol::{CreateRoom, ErrorCode, RoomId, RoomKind, UserId};
use ferry_testkit::Proxy;

use crate::harness::{Database, Nsqd, Online, World, until};

/// Returns a relay that reaches its database through a proxy.
async fn behind_a_proxy() -> (World, Proxy) {
    ferry::name_tls_provider();
    let mut database = Database::postgres();
    let mut url: url::Url = database.url.parse().unwrap();
    let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let proxy = Proxy::before(&server).await.unwrap();
    let port = proxy.address().rsplit_once(':').unwrap().1.parse().unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(port)).unwrap();
    database.url = url.into();
    let world = World::over_database(database, vec![Nsqd::start().await.unwrap()], &[]).await;
    (world, proxy)
}

/// Waits until the relay asks SQL nothing but what it asks each second in any case.
async fn until_quiet(proxy: &Proxy) {
    until("the relay has nothing more to ask", || async {
        let before = proxy.turns();
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        (proxy.turns() - before < 5).then_some(())
    })
    .await;
}

/// Returns how many turns a call takes, with what follows beside its answer.
async fn turns<T>(proxy: &Proxy, call: impl Future<Output = T>) -> (T, u64) {
    until_quiet(proxy).await;
    let before = proxy.turns();
    let answer = call.await;
    until_quiet(proxy).await;
    (answer, proxy.turns() - before)
}

/// Makes this many users in SQL, without devices.
async fn users(world: &World, count: usize) -> Vec<UserId> {
    let users: Vec<UserId> = (0..count).map(|_| UserId::new()).collect();
    let mut sql =
        String::from("INSERT INTO users (id, username, password_hash, created_at, password_changed_at) VALUES ");
    for (index, user) in users.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(sql, "{comma}('{user}', 'member-{index}', 'none', 1, 1)").unwrap();
    }
    world.database.execute(&sql).await;
    users
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_to_nobody_do_not_ask_each_time() {
    const SENDS: u64 = 200;
    let (world, proxy) = behind_a_proxy().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let phone = alice.online(world.relay()).await;
    let room = phone.direct(bob.id).await;
    let (_, asked) = turns(&proxy, async {
        for _ in 0..SENDS {
            assert_eq!(phone.send(room, "is anybody there?").await.unreachable, [bob.id]);
        }
    })
    .await;
    assert!(asked < SENDS / 2, "{asked} turns for {SENDS} sends to a user without devices");
    let nowhere = RoomId::new();
    let (_, asked) = turns(&proxy, async {
        for _ in 0..SENDS {
            let refused = phone.try_send(nowhere, "is anything there?").await.unwrap_err();
            assert!(matches!(refused, ferry_client::SendError::Refused(error) if error.code == ErrorCode::NotFound));
        }
    })
    .await;
    assert!(asked < SENDS / 2, "{asked} turns for {SENDS} sends to a room that does not exist");
    // After the login the relay knows of the device.
    let mut bobs = bob.online(world.relay()).await;
    assert_eq!(phone.send(room, "there you are").await.recipients, 1);
    assert_eq!(bobs.text().await, "there you are");
}

/// As SQL has it for the direct room of two users.
fn direct_key(one: UserId, other: UserId) -> String {
    format!("{}:{}", one.min(other), one.max(other))
}

/// An account in 1,000 rooms, most of them with an heir to the room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_in_a_thousand_rooms_is_deleted_in_few() {
    let (world, proxy) = behind_a_proxy().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (phone, mut bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let others = users(&world, 200).await;
    let (mut made, mut joined) = (String::new(), String::new());
    let mut told = 0;
    for index in 0..1_000 {
        let (room, comma) = (RoomId::new(), if index == 0 { "" } else { ", " });
        let other = match index % 10 {
            // The user is alone there.
            0 => None,
            1 | 2 => Some(others[index / 5]),
            _ => Some(bob.id),
        };
        if index % 10 == 1 {
            let key = direct_key(alice.id, others[index / 5]);
            write!(made, "{comma}('{room}', 'direct', NULL, '', '{key}', 1)").unwrap();
        } else {
            write!(made, "{comma}('{room}', 'group', 'a group', 'a group', NULL, 1)").unwrap();
        }
        write!(joined, "{comma}('{room}', '{}', 'owner', 1)", alice.id).unwrap();
        if let Some(other) = other {
            write!(joined, ", ('{room}', '{other}', 'member', 2)").unwrap();
        }
        told += usize::from(other == Some(bob.id));
    }
    let sql = format!(
        "INSERT INTO rooms (id, kind, name, name_folded, direct_key, created_at) VALUES {made}; \
         INSERT INTO memberships (room_id, user_id, role, joined_at) VALUES {joined};"
    );
    world.database.execute(&sql).await;
    let deleting = async {
        phone.session.delete_me(&alice.password).await.unwrap();
        // Each room tells of the user who is gone, and of the heir.
        for _ in 0..2 * told {
            bobs.notice().await;
        }
    };
    let ((), asked) = turns(&proxy, deleting).await;
    // Among them is what the relay asks each second in any case, while the notices go out.
    assert!(asked < 500, "{asked} turns for 1,000 rooms");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_of_a_thousand_is_made_and_deleted_in_few() {
    let (world, proxy) = behind_a_proxy().await;
    let alice = world.person("alice").await;
    let phone: Online = alice.online(world.relay()).await;
    let members = users(&world, 999).await;
    let create = CreateRoom { kind: RoomKind::Group, name: Some("large".into()), members };
    let (room, asked) = turns(&proxy, phone.session.create_room(&create)).await;
    assert!(asked < 100, "{asked} turns to make it");
    let room = room.unwrap();
    assert_eq!(room.member_count, 1_000);
    let (deleted, asked) = turns(&proxy, phone.session.delete_room(room.id)).await;
    deleted.unwrap();
    assert!(asked < 100, "{asked} turns to delete it");
}
