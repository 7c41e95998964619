//! Presence and typing: told live to users who may know, and to nobody else.

use ferry_client::{Event, Paging};
use ferry_protocol::{CreateRoom, DeviceStatus, PresenceStatus, PutMember, RoomId, RoomKind, UpdateSettings, UserId};
use serde_json::{Value, json};

use crate::{
    bare::Bare,
    harness::{Person, World, moved_to, until},
    on_both,
};

const FOREVER: i64 = ferry_protocol::FOREVER;

/// Makes a user with a device online.
pub async fn online(world: &World, relay: usize, name: &str) -> (Person, Bare) {
    let person = world.person(name).await;
    let bare = Bare::online(&person, &world.relays[relay]).await;
    (person, bare)
}

/// Makes a group of the first user with the others.
pub async fn group(of: &Bare, members: &[&Person]) -> RoomId {
    let create = CreateRoom {
        kind: RoomKind::Group,
        name: Some("a group".into()),
        members: members.iter().map(|person| person.id).collect(),
    };
    of.session.create_room(&create).await.unwrap().id
}

pub async fn watch(device: &mut Bare, users: &[UserId]) {
    device.socket.send(&json!({ "type": "watch", "users": users })).await;
}

/// Waits until the device is told that the user has this status.
pub async fn sees(device: &mut Bare, user: UserId, status: &str) -> Value {
    loop {
        let frame = device.socket.frame_of("presence").await;
        if frame["user"] == json!(user) && frame["status"] == status {
            return frame;
        }
    }
}

/// Checks that the next frame tells that the user has this status.
pub async fn hears(device: &mut Bare, user: UserId, status: &str) -> Value {
    let frame = device.socket.frame().await.unwrap();
    assert_eq!(
        (&frame["type"], &frame["user"], &frame["status"]),
        (&json!("presence"), &json!(user), &json!(status)),
        "{frame}"
    );
    frame
}

/// Checks that nothing waits for the device: the answer to a ping comes next.
pub async fn hears_nothing(device: &mut Bare) {
    device.socket.send(&json!({ "type": "ping" })).await;
    assert_eq!(device.socket.frame().await.unwrap(), json!({ "type": "pong" }));
}

pub async fn set(device: &mut Bare, status: &str) {
    device.socket.send(&json!({ "type": "presence", "status": status })).await;
}

async fn typing(device: &mut Bare, room: impl serde::Serialize, active: bool) {
    device.socket.send(&json!({ "type": "typing", "room": room, "active": active })).await;
}

async fn get(device: &Bare, world: &World, relay: usize, path: &str) -> (u16, Value) {
    let token = device.session.token().await.unwrap();
    let request = reqwest::Client::new().get(world.relays[relay].url(path)).bearer_auth(token.expose());
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

on_both!(online_away_and_offline_are_seen, ["--presence-grace", "1"], |world| async move {
    let (alice, mut alices) = online(&world, 0, "alice").await;
    let bob = world.person("bob").await;
    group(&alices, &[&bob]).await;
    watch(&mut alices, &[bob.id]).await;
    let told = hears(&mut alices, bob.id, "offline").await;
    assert!(told.get("last_seen").is_none(), "he never was: {told}");
    let (mut phone, mut laptop) = (Bare::online(&bob, world.relay()).await, Bare::online(&bob, world.relay()).await);
    hears(&mut alices, bob.id, "online").await;
    // He is away only if all of his devices are.
    set(&mut phone, "away").await;
    set(&mut laptop, "away").await;
    hears(&mut alices, bob.id, "away").await;
    set(&mut phone, "online").await;
    hears(&mut alices, bob.id, "online").await;
    assert_eq!(world.relay().metric("ferry_online_users").await, 2.0);
    drop(phone);
    hears(&mut alices, bob.id, "away").await;
    drop(laptop);
    let told = hears(&mut alices, bob.id, "offline").await;
    assert_eq!(told["last_seen"].as_i64().unwrap() % 60_000, 0, "{told}");
    // A device is not told about a user whom it no longer watches.
    watch(&mut alices, &[]).await;
    let mut back = Bare::online(&bob, world.relay()).await;
    watch(&mut back, &[alice.id]).await;
    hears(&mut back, alice.id, "online").await;
    hears_nothing(&mut alices).await;
});

on_both!(a_storm_of_reconnects_is_no_news, |world| async move {
    let (_, mut alices) = online(&world, 0, "alice").await;
    let (bob, mut bobs) = online(&world, 0, "bob").await;
    let carol = world.person("carol").await;
    group(&alices, &[&bob, &carol]).await;
    watch(&mut alices, &[bob.id, carol.id]).await;
    sees(&mut alices, bob.id, "online").await;
    for _ in 0..20 {
        bobs = bobs.reopen(world.relay()).await;
    }
    // Carol comes after all of that. A frame about bob would come before hers, or before she
    // counts as gone.
    let _carols = Bare::online(&carol, world.relay()).await;
    loop {
        let frame = alices.socket.frame_of("presence").await;
        assert_eq!(frame["user"], json!(carol.id), "{frame}");
        if frame["status"] == "online" {
            break;
        }
    }
    hears_nothing(&mut alices).await;
});

on_both!(who_has_nothing_in_common_sees_nothing, |world| async move {
    let ((alice, mut alices), (bob, bobs)) = (online(&world, 0, "alice").await, online(&world, 0, "bob").await);
    let nobody = UserId::new();
    watch(&mut alices, &[bob.id]).await;
    let told = hears(&mut alices, bob.id, "offline").await;
    assert!(told.get("last_seen").is_none(), "{told}");
    watch(&mut alices, &[bob.id, alice.id]).await;
    sees(&mut alices, alice.id, "online").await;
    let path = format!("/v1/presence?users={},{nobody},{}", bob.id, alice.id);
    let (status, answer) = get(&alices, &world, 0, &path).await;
    let offline = |user| json!({ "user": user, "status": "offline" });
    let wanted = json!([offline(bob.id), offline(nobody), { "user": alice.id, "status": "online" }]);
    assert_eq!((status, &answer["presences"]), (200, &wanted), "a stranger looks like nobody; oneself one sees");
    // A common room changes that at once, and so does its end.
    let room = group(&bobs, &[]).await;
    bobs.session.put_member(room, alice.id, &PutMember::default()).await.unwrap();
    sees(&mut alices, bob.id, "online").await;
    assert_eq!(get(&alices, &world, 0, &path).await.1["presences"][0]["status"], "online");
    bobs.session.remove_member(room, alice.id).await.unwrap();
    let told = hears(&mut alices, bob.id, "offline").await;
    assert!(told.get("last_seen").is_none(), "{told}");
});

on_both!(who_is_in_a_room_now, |world| async move {
    let ((alice, alices), (bob, _bobs)) = (online(&world, 0, "alice").await, online(&world, 0, "bob").await);
    let (carol, (_, stranger)) = (world.person("carol").await, online(&world, 0, "eve").await);
    let room = group(&alices, &[&bob, &carol]).await;
    let path = format!("/v1/rooms/{room}/presence");
    let mut both = [alice.id, bob.id];
    both.sort_unstable();
    until("both are there", || async {
        let (status, answer) = get(&alices, &world, 0, &path).await;
        assert_eq!(status, 200);
        let items = answer["items"].as_array().unwrap();
        let users: Vec<&Value> = items.iter().map(|item| &item["user"]).collect();
        (users == [&json!(both[0]), &json!(both[1])] && answer.get("next_cursor").is_none()).then_some(())
    })
    .await;
    // Now page by page.
    let (_, first) = get(&alices, &world, 0, &format!("{path}?limit=1")).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, second) = get(&alices, &world, 0, &format!("{path}?limit=1&cursor={cursor}")).await;
    assert_eq!((&first["items"][0]["user"], &second["items"][0]["user"]), (&json!(both[0]), &json!(both[1])));
    assert!(second.get("next_cursor").is_none());

    assert_eq!(get(&stranger, &world, 0, &path).await.0, 404);
    for (wrong, status) in [
        (format!("/v1/rooms/{}/presence", RoomId::new()), 404),
        ("/v1/rooms/nonsense/presence".to_owned(), 404),
        (format!("{path}?cursor=nonsense"), 422),
        (format!("{path}?limit=0"), 422),
        ("/v1/presence".to_owned(), 422),
        ("/v1/presence?users=nonsense".to_owned(), 422),
        (format!("/v1/presence?users={},", alice.id), 422),
        (format!("/v1/presence?users={}", vec![alice.id.to_string(); 257].join(",")), 422),
    ] {
        let (answered, answer) = get(&alices, &world, 0, &wrong).await;
        assert_eq!(answered, status, "{wrong}: {answer}");
    }
});

on_both!(typing_is_told_to_the_others_in_the_room, |world| async move {
    let ((alice, mut alices), (bob, mut bobs)) = (online(&world, 0, "alice").await, online(&world, 0, "bob").await);
    let (eve, mut stranger) = online(&world, 0, "eve").await;
    let room = group(&alices, &[&bob]).await;
    typing(&mut alices, room, true).await;
    let told = bobs.socket.frame().await.unwrap();
    let expires = told["expires_in_ms"].as_u64().unwrap();
    assert!(expires > 0 && expires <= 6_000);
    let wanted = json!({ "type": "typing", "room": room, "user": alice.id, "active": true, "expires_in_ms": expires });
    assert_eq!(told, wanted);
    typing(&mut alices, room, false).await;
    let told = bobs.socket.frame().await.unwrap();
    assert_eq!((&told["active"], &told["expires_in_ms"]), (&json!(false), &json!(0)));

    // A user who may not write gets no answer, and nobody is told. The next typing that arrives is
    // from a room where they may write.
    let put = PutMember { role: None, muted_until: Some(FOREVER) };
    alices.session.put_member(room, bob.id, &put).await.unwrap();
    let elsewhere = json!(RoomId::new());
    for (person, silent) in [(&eve, &json!(room)), (&eve, &elsewhere), (&bob, &json!(room))] {
        let device = if person.id == eve.id { &mut stranger } else { &mut bobs };
        let open = group(&alices, &[person]).await;
        typing(device, silent, true).await;
        hears_nothing(device).await;
        typing(device, open, true).await;
        let told = alices.socket.frame_of("typing").await;
        assert_eq!(told["room"], json!(open), "{told}");
        typing(device, open, false).await;
        assert_eq!(alices.socket.frame_of("typing").await["room"], json!(open));
    }
    let error = bobs.refused(&json!({ "type": "typing", "room": "nonsense" })).await;
    assert_eq!(error["code"], "malformed");

    // No typing waits for a device that is not connected.
    let away = bobs.session.clone();
    drop(bobs);
    typing(&mut alices, room, true).await;
    alices.is_alive().await;
    alices.send(room, "a message").await;
    let mut back = Bare::open(away, world.relay()).await;
    let waited = back.until_drained().await;
    assert_eq!(waited.len(), 1, "{waited:?}");
});

on_both!(what_cannot_be_watched_is_refused, ["--watched", "2"], |world| async move {
    let (alice, mut alices) = online(&world, 0, "alice").await;
    let three: Vec<UserId> = (0..3).map(|_| UserId::new()).collect();
    for (code, frame) in [
        ("invalid", json!({ "type": "watch", "users": three })),
        ("malformed", json!({ "type": "watch", "users": ["nonsense"] })),
        ("malformed", json!({ "type": "watch" })),
        ("malformed", json!({ "type": "presence", "status": "offline" })),
        ("malformed", json!({ "type": "presence" })),
        ("malformed", json!({ "type": "typing" })),
    ] {
        let error = alices.refused(&frame).await;
        assert_eq!(error["code"], code, "{frame}: {error}");
    }
    // The same user three times counts once, and a user may watch themselves.
    watch(&mut alices, &[alice.id, alice.id, alice.id]).await;
    sees(&mut alices, alice.id, "online").await;
});

on_both!(the_client_library_tells_it, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mut alices, bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let direct = CreateRoom { kind: RoomKind::Direct, name: None, members: vec![bob.id] };
    let room = alices.session.create_room(&direct).await.unwrap().id;
    alices.connection.watch(vec![bob.id]).await;
    for (said, status) in [(DeviceStatus::Away, PresenceStatus::Away), (DeviceStatus::Online, PresenceStatus::Online)] {
        bobs.connection.set_status(said).await;
        alices.find("his presence", |event| is_presence(event, bob.id, status)).await;
    }
    bobs.connection.typing(room, true).await;
    let is_typing = |event| match event {
        Event::Typing { room, user, active } => Some((room, user, active)),
        Event::Message(_) => panic!("a message before it is told that he no longer writes"),
        _ => None,
    };
    assert_eq!(alices.find("typing", is_typing).await, (room, bob.id, true));
    bobs.send(room, "there it is").await;
    assert_eq!(alices.find("no longer typing", is_typing).await, (room, bob.id, false));
    assert_eq!(alices.text().await, "there it is");
    // Typing also ends without a message and without a frame.
    bobs.connection.typing(room, true).await;
    assert_eq!(alices.find("typing", is_typing).await, (room, bob.id, true));
    assert_eq!(alices.find("no longer typing", is_typing).await, (room, bob.id, false));
    // The watched users and the away status survive a reconnect.
    bobs.connection.set_status(DeviceStatus::Away).await;
    alices.find("away", |event| is_presence(event, bob.id, PresenceStatus::Away)).await;
    let mut world = world;
    let (client, id) = (alices.session.clone(), bob.id);
    assert_eq!(client.room_presence(room, &Paging::default()).await.unwrap().items.len(), 2);
    world.relay_mut().kill();
    alices.disconnected().await;
    world.relay_mut().restart().await;
    alices.find("away again", |event| is_presence(event, id, PresenceStatus::Away)).await;
    assert_eq!(client.presence(&[id]).await.unwrap()[0].status, PresenceStatus::Away);
});

fn is_presence(event: Event, user: UserId, status: PresenceStatus) -> Option<()> {
    matches!(event, Event::Presence(presence) if (presence.user, presence.status) == (user, status)).then_some(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_relay_tells_the_same() {
    let world = World::two_relays(&["--presence-grace", "1"]).await;
    let ((alice, mut alices), (bob, mut bobs)) = (online(&world, 0, "alice").await, online(&world, 1, "bob").await);
    let room = group(&alices, &[&bob]).await;
    watch(&mut alices, &[bob.id]).await;
    sees(&mut alices, bob.id, "online").await;
    set(&mut bobs, "away").await;
    hears(&mut alices, bob.id, "away").await;
    typing(&mut bobs, room, true).await;
    let told = alices.socket.frame_of("typing").await;
    assert_eq!((&told["user"], &told["room"]), (&json!(bob.id), &json!(room)));
    let (_, there) = get(&bobs, &world, 1, &format!("/v1/presence?users={}", alice.id)).await;
    assert_eq!(there["presences"][0]["status"], "online");
    // A relay that starts later learns who is there already.
    let mut world = world;
    let third = world.add_relay().await;
    until("the third relay knows alice", || async {
        let (_, there) = get(&bobs, &world, third, &format!("/v1/presence?users={}", alice.id)).await;
        (there["presences"][0]["status"] == "online").then_some(())
    })
    .await;
    drop(bobs);
    hears(&mut alices, bob.id, "offline").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_users_of_a_killed_relay_are_gone_and_back_with_another() {
    let flags = ["--presence-grace", "1", "--presence-heartbeat", "1", "--presence-forget", "2"];
    let mut world = World::two_relays(&[&flags[..], &["--msg-timeout", "2"]].concat()).await;
    let ((_, mut alices), (bob, bobs)) = (online(&world, 0, "alice").await, online(&world, 1, "bob").await);
    group(&alices, &[&bob]).await;
    watch(&mut alices, &[bob.id]).await;
    sees(&mut alices, bob.id, "online").await;
    world.relays[1].kill();
    sees(&mut alices, bob.id, "offline").await;
    let moved = moved_to(&bobs.session, &world.relays[0]);
    let _bobs = Bare::open(moved, &world.relays[0]).await;
    sees(&mut alices, bob.id, "online").await;
}

on_both!(friends_are_seen_and_who_hides_or_blocks_is_not, ["--presence-grace", "1"], |world| async move {
    let (alice, mut alices) = online(&world, 0, "alice").await;
    let (bob, bobs) = online(&world, 0, "bob").await;
    watch(&mut alices, &[bob.id]).await;
    // A stranger looks like a user who is not there.
    let told = hears(&mut alices, bob.id, "offline").await;
    assert!(told.get("last_seen").is_none(), "{told}");
    alices.session.befriend(bob.id).await.unwrap();
    bobs.session.befriend(alice.id).await.unwrap();
    sees(&mut alices, bob.id, "online").await;
    let friends = alices.session.friends_presence(&Paging::default()).await.unwrap().items;
    assert_eq!(
        friends.iter().map(|seen| (seen.user, seen.status)).collect::<Vec<_>>(),
        [(bob.id, PresenceStatus::Online)]
    );

    let show = |presence| UpdateSettings { presence: Some(presence), ..UpdateSettings::default() };
    bobs.session.update_settings(&show(false)).await.unwrap();
    let told = sees(&mut alices, bob.id, "offline").await;
    assert!(told.get("last_seen").is_none(), "{told}");
    assert_eq!(alices.session.presence(&[bob.id]).await.unwrap()[0].status, PresenceStatus::Offline);
    bobs.session.update_settings(&show(true)).await.unwrap();
    sees(&mut alices, bob.id, "online").await;

    // A blocked user sees what a stranger would see, even with a common room, and the same holds
    // for him.
    let room = group(&bobs, &[&alice]).await;
    bobs.session.block(alice.id).await.unwrap();
    sees(&mut alices, bob.id, "offline").await;
    // The end of a page does not reveal him either.
    let paging = Paging { limit: Some(1), cursor: None };
    let there = alices.session.room_presence(room, &paging).await.unwrap();
    assert_eq!(there.items.iter().map(|seen| seen.user).collect::<Vec<_>>(), [alice.id]);
    assert_eq!(there.next_cursor, None);
    assert_eq!(bobs.session.presence(&[alice.id]).await.unwrap()[0].status, PresenceStatus::Offline);
    bobs.session.unblock(alice.id).await.unwrap();
    sees(&mut alices, bob.id, "online").await;
    let offline = alices.session.friends_presence(&Paging::default()).await.unwrap().items;
    assert_eq!(offline, [], "the block has ended the friendship");
});

on_both!(nobody_who_is_blocked_is_seen_writing, |world| async move {
    let (alice, mut alices) = online(&world, 0, "alice").await;
    let (bob, mut bobs) = online(&world, 0, "bob").await;
    let direct = CreateRoom { kind: RoomKind::Direct, name: None, members: vec![bob.id] };
    let room = alices.session.create_room(&direct).await.unwrap().id;
    let group = group(&alices, &[&bob]).await;
    typing(&mut alices, room, true).await;
    assert_eq!(bobs.socket.frame_of("typing").await["active"], json!(true));
    bobs.session.block(alice.id).await.unwrap();
    typing(&mut alices, room, false).await;
    hears_nothing(&mut alices).await;
    typing(&mut alices, group, true).await;
    assert_eq!(bobs.socket.frame_of("typing").await["room"], json!(group), "and nothing of the room of the two");
});
