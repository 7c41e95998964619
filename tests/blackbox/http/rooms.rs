//! Rooms through HTTP: making and finding them, and who may do what in them.

use std::collections::HashSet;

use ferry_client::{Draft, Paging};
use ferry_protocol::{
    CreateRoom, ErrorCode, MessageId, PostMessage, PutMember, Role, Room, RoomId, RoomKind, Sent, UpdateRoom, UserId,
};
use serde_json::json;

use super::ask::{ask, token};
use crate::{
    harness::{Backend, Online, World, nsq, within},
    on_both,
};

const FOREVER: i64 = ferry_protocol::FOREVER;

fn create(kind: RoomKind, name: Option<&str>, members: &[UserId]) -> CreateRoom {
    CreateRoom { kind, name: name.map(str::to_owned), members: members.to_vec() }
}

fn role(role: Role) -> PutMember {
    PutMember { role: Some(role), muted_until: None }
}

fn muted(until: i64) -> PutMember {
    PutMember { role: None, muted_until: Some(until) }
}

fn hello(text: &str) -> PostMessage {
    PostMessage { id: None, ..Draft::text(text).into_post(MessageId::new()) }
}

/// Sends through the library. Returns what it answered, or the code of its error.
async fn code<T>(call: impl Future<Output = Result<T, ferry_client::ClientError>>) -> Result<T, ErrorCode> {
    call.await.map_err(|error| error.code().unwrap_or_else(|| panic!("{error}")))
}

async fn post(online: &Online, room: RoomId, text: &str) -> Result<Sent, ErrorCode> {
    code(online.session.post_message(room, &hello(text))).await
}

on_both!(rooms_of_each_kind_are_made_changed_and_deleted, |world| async move {
    let relay = world.relay();
    let (alice, bob, eve) = (world.person("alice").await, world.person("bob").await, world.person("eve").await);
    let (alices, bobs, eves) = (alice.log_in(relay).await, bob.log_in(relay).await, eve.log_in(relay).await);

    let group =
        alices.create_room(&create(RoomKind::Group, Some(" Friends "), &[bob.id, bob.id, alice.id])).await.unwrap();
    assert_eq!((group.kind, group.name.as_deref()), (RoomKind::Group, Some("Friends")));
    assert_eq!((group.member_count, group.role, group.peer), (2, Some(Role::Owner), None));
    assert_eq!(bobs.room(group.id).await.unwrap().role, Some(Role::Member));

    let direct = alices.create_room(&create(RoomKind::Direct, None, &[bob.id])).await.unwrap();
    assert_eq!((direct.name.as_deref(), direct.member_count, direct.peer), (None, 2, Some(bob.id)));
    assert_eq!(bobs.room(direct.id).await.unwrap().peer, Some(alice.id));
    let again = bobs.create_room(&create(RoomKind::Direct, None, &[alice.id])).await.unwrap();
    assert_eq!(again.id, direct.id);
    let with_name = create(RoomKind::Direct, Some("us"), &[bob.id]);
    assert_eq!(code(alices.create_room(&with_name)).await, Err(ErrorCode::Invalid));
    for members in [&[][..], &[alice.id], &[bob.id, eve.id], &[UserId::new()]] {
        let refused = code(alices.create_room(&create(RoomKind::Direct, None, members))).await;
        assert_eq!(refused, Err(ErrorCode::Invalid), "{members:?}");
    }
    // A direct room has exactly its two members, as long as both accounts exist.
    assert_eq!(code(alices.leave(direct.id)).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(alices.remove_member(direct.id, bob.id)).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(alices.put_member(direct.id, eve.id, &PutMember::default())).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(alices.put_member(direct.id, bob.id, &muted(FOREVER))).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(alices.delete_room(direct.id)).await, Err(ErrorCode::Forbidden));
    let rename = UpdateRoom { name: Some("Old friends".into()), description: None };
    assert!(code(alices.update_room(direct.id, &rename)).await.is_err());

    assert_eq!(code(bobs.update_room(group.id, &rename)).await, Err(ErrorCode::Forbidden));
    assert_eq!(alices.update_room(group.id, &rename).await.unwrap().name.as_deref(), Some("Old friends"));
    assert_eq!(code(bobs.delete_room(group.id)).await, Err(ErrorCode::Forbidden));
    alices.delete_room(group.id).await.unwrap();
    assert_eq!(code(bobs.room(group.id)).await, Err(ErrorCode::NotFound));
    assert_eq!(code(alices.delete_room(group.id)).await, Err(ErrorCode::NotFound));

    // Anybody may know that a channel exists, but only its members see who is in it.
    let channel = alices.create_room(&create(RoomKind::Channel, Some("News"), &[])).await.unwrap();
    assert_eq!(eves.room(channel.id).await.unwrap().role, None);
    assert_eq!(code(eves.members(channel.id, &Paging::default())).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(eves.update_room(channel.id, &rename)).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(eves.post_message(channel.id, &hello("spam"))).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(eves.put_member(channel.id, eve.id, &PutMember::default())).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(eves.remove_member(channel.id, alice.id)).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(eves.delete_room(channel.id)).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(eves.leave(channel.id)).await, Err(ErrorCode::Forbidden));
    assert_eq!(eves.join(channel.id).await.unwrap().role, Some(Role::Member));
    assert_eq!(code(eves.join(channel.id)).await, Err(ErrorCode::AlreadyMember));
    assert_eq!(eves.all_members(channel.id).await.unwrap().len(), 2);
    eves.post_message(channel.id, &hello("no spam")).await.unwrap();
    eves.leave(channel.id).await.unwrap();
    assert_eq!(code(eves.post_message(channel.id, &hello("spam"))).await, Err(ErrorCode::Forbidden));
    assert_eq!(eves.all_rooms().await.unwrap(), vec![]);
});

on_both!(a_pair_that_asks_at_once_gets_one_room, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (alices, bobs) = (alice.log_in(relay).await, bob.log_in(relay).await);
    let made = (0..12).map(|n| {
        let (session, other) = if n % 2 == 0 { (&alices, bob.id) } else { (&bobs, alice.id) };
        async move { session.create_room(&create(RoomKind::Direct, None, &[other])).await.unwrap().id }
    });
    let rooms: HashSet<RoomId> = futures_util::future::join_all(made).await.into_iter().collect();
    assert_eq!(rooms.len(), 1);
    assert_eq!(alices.all_rooms().await.unwrap().len(), 1);
    assert_eq!(bobs.all_rooms().await.unwrap().len(), 1);
});

on_both!(lists_show_everything_exactly_once, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (alices, bobs) = (alice.log_in(relay).await, bob.log_in(relay).await);
    let mut made = HashSet::new();
    for n in 0..7 {
        let kind = if n % 2 == 0 { RoomKind::Group } else { RoomKind::Channel };
        // Two rooms of each name: a page may end between two that sort alike.
        let room = alices.create_room(&create(kind, Some(&format!("Plenty {}", n / 4)), &[])).await.unwrap();
        made.insert(room.id);
    }
    bobs.create_room(&create(RoomKind::Group, Some("not Alice’s"), &[])).await.unwrap();

    let walk = async |public: bool, limit: u32| {
        let (mut all, mut paging): (Vec<Room>, _) = (vec![], Paging { limit: Some(limit), cursor: None });
        loop {
            let page =
                if public { alices.find_rooms("plenty", &paging).await } else { alices.rooms(&paging).await }.unwrap();
            assert!(page.items.len() <= limit as usize);
            all.extend(page.items);
            paging.cursor = page.next_cursor;
            if paging.cursor.is_none() {
                return all;
            }
        }
    };
    for limit in [1, 2, 3, 7, 200] {
        let own = walk(false, limit).await;
        assert_eq!(own.len(), 7, "limit {limit}");
        assert_eq!(own.iter().map(|room| room.id).collect::<HashSet<_>>(), made);
        let public = walk(true, limit).await;
        assert_eq!(public.len(), 3, "limit {limit}");
        assert!(public.iter().all(|room| room.kind == RoomKind::Channel));
        assert_eq!(public.iter().map(|room| room.id).collect::<HashSet<_>>().len(), 3);
    }

    // Anybody finds channels by any part of their name. Nobody finds groups.
    let find = async |query: &str| bobs.find_rooms(query, &Paging::default()).await.unwrap().items.len();
    assert_eq!((find("PLENTY").await, find("lenty 0").await, find("").await), (3, 2, 3));
    assert_eq!((find("%").await, find("plenty_").await, find("not Alice").await), (0, 0, 0));

    let members: Vec<UserId> = futures_util::future::join_all((0..5).map(|_| world.person("member")))
        .await
        .iter()
        .map(|person| person.id)
        .collect();
    let room = alices.create_room(&create(RoomKind::Group, Some("many"), &members)).await.unwrap();
    let (mut seen, mut paging) = (vec![], Paging { limit: Some(2), cursor: None });
    loop {
        let page = alices.members(room.id, &paging).await.unwrap();
        seen.extend(page.items.into_iter().map(|member| member.user));
        paging.cursor = page.next_cursor;
        if paging.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 6);
    assert_eq!(seen.into_iter().collect::<HashSet<_>>(), members.into_iter().chain([alice.id]).collect());
});

on_both!(roles_say_who_may_do_what, |world| async move {
    let relay = world.relay();
    let (owner, admin, member) =
        (world.person("owner").await, world.person("admin").await, world.person("member").await);
    let guest = world.person("guest").await;
    let (owners, admins, members) = (owner.log_in(relay).await, admin.log_in(relay).await, member.log_in(relay).await);
    let room = owners.create_room(&create(RoomKind::Group, Some("room"), &[admin.id, member.id])).await.unwrap().id;

    assert_eq!(code(members.put_member(room, guest.id, &PutMember::default())).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(members.put_member(room, member.id, &role(Role::Admin))).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(members.remove_member(room, admin.id)).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(members.put_member(room, admin.id, &muted(FOREVER))).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(owners.put_member(room, member.id, &muted(-1))).await, Err(ErrorCode::Invalid));
    // Only a caller who may add a user learns whether the user exists.
    let nobody = UserId::new();
    assert_eq!(code(members.put_member(room, nobody, &PutMember::default())).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(owners.put_member(room, nobody, &PutMember::default())).await, Err(ErrorCode::NotFound));

    assert_eq!(owners.put_member(room, admin.id, &role(Role::Admin)).await.unwrap().role, Role::Admin);
    let added = admins.put_member(room, guest.id, &role(Role::Moderator)).await.unwrap();
    assert_eq!((added.user, added.role, added.username), (guest.id, Role::Moderator, guest.name.clone()));
    assert_eq!(code(admins.put_member(room, guest.id, &role(Role::Admin))).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(admins.put_member(room, owner.id, &role(Role::Member))).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(admins.remove_member(room, owner.id)).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(admins.put_member(room, owner.id, &muted(FOREVER))).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(admins.delete_room(room)).await, Err(ErrorCode::Forbidden));
    admins.remove_member(room, guest.id).await.unwrap();
    assert_eq!(code(admins.remove_member(room, guest.id)).await, Err(ErrorCode::NotFound));
    // Added with a role and muted, in one call.
    let both = PutMember { role: Some(Role::Moderator), muted_until: Some(FOREVER) };
    let added = admins.put_member(room, guest.id, &both).await.unwrap();
    assert_eq!((added.role, added.muted_until), (Role::Moderator, FOREVER));
    admins.remove_member(room, guest.id).await.unwrap();

    // A room keeps an owner.
    assert_eq!(code(owners.leave(room)).await, Err(ErrorCode::LastOwner));
    assert_eq!(code(owners.remove_member(room, owner.id)).await, Err(ErrorCode::LastOwner));
    assert_eq!(code(owners.put_member(room, owner.id, &role(Role::Member))).await, Err(ErrorCode::LastOwner));
    owners.put_member(room, admin.id, &role(Role::Owner)).await.unwrap();
    owners.leave(room).await.unwrap();
    assert_eq!(code(owners.room(room)).await, Err(ErrorCode::NotFound));
    assert_eq!(admins.room(room).await.unwrap().role, Some(Role::Owner));
    // The room goes with its last member.
    members.leave(room).await.unwrap();
    admins.leave(room).await.unwrap();
    assert_eq!(code(admins.room(room)).await, Err(ErrorCode::NotFound));
});

on_both!(a_removed_member_neither_sends_nor_receives, |world| async move {
    let relay = world.relay();
    let (alice, bob, eve) = (world.person("alice").await, world.person("bob").await, world.person("eve").await);
    let (alices, mut bobs, mut eves) = (alice.online(relay).await, bob.online(relay).await, eve.online(relay).await);
    let room = alices.group(&[bob.id, eve.id]).await;
    alices.send(room, "to all").await;
    assert_eq!((bobs.text().await, eves.text().await), ("to all".to_owned(), "to all".to_owned()));

    alices.session.remove_member(room, eve.id).await.unwrap();
    assert_eq!(post(&eves, room, "let me in").await, Err(ErrorCode::NotFound));
    assert!(eves.try_send(room, "let me in").await.is_err());
    assert_eq!(code(eves.session.members(room, &Paging::default())).await, Err(ErrorCode::NotFound));
    assert_eq!(alices.send(room, "without Eve").await.recipients, 1);
    assert_eq!(bobs.text().await, "without Eve");
    // The next message that she gets is the next one sent to her, so nothing came between.
    let direct = alices.direct(eve.id).await;
    alices.send(direct, "to Eve").await;
    assert_eq!(eves.text().await, "to Eve");

    alices.session.put_member(room, eve.id, &PutMember::default()).await.unwrap();
    alices.send(room, "welcome back").await;
    assert_eq!(eves.text().await, "welcome back");
});

on_both!(a_muted_member_reads_and_does_not_write, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mut alices, mut bobs) = (alice.online(relay).await, bob.online(relay).await);
    let room = alices.group(&[bob.id]).await;
    bobs.send(room, "before").await;
    assert_eq!(alices.text().await, "before");

    let member = alices.session.put_member(room, bob.id, &muted(FOREVER)).await.unwrap();
    assert_eq!(member.muted_until, FOREVER);
    assert_eq!(post(&bobs, room, "hello?").await, Err(ErrorCode::Muted));
    assert!(bobs.try_send(room, "hello?").await.is_err());
    let answer = ask(relay, "POST", &format!("/v1/rooms/{room}/messages")).bearer(&token(&bobs.session));
    answer.json(&json!({ "body": "hello?" })).send().await.problem(403, "muted");
    // A muted user cannot lift the mute.
    assert_eq!(code(bobs.session.put_member(room, bob.id, &muted(0))).await, Err(ErrorCode::Forbidden));
    alices.send(room, "listen").await;
    assert_eq!(bobs.text().await, "listen");

    // A time in the past mutes nobody.
    for until in [1, 0] {
        alices.session.put_member(room, bob.id, &muted(until)).await.unwrap();
        bobs.send(room, "at last").await;
        assert_eq!(alices.text().await, "at last");
    }
});

/// Relays read a room anew whenever one of them announces a change. A call that changes nothing
/// must not make them do so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_for_what_is_so_is_no_news() {
    // Without heartbeats, so that the bus is quiet.
    let flags = ["--presence-heartbeat", "3600", "--presence-forget", "7200"].map(String::from);
    let world = World::start_with(Backend::Cluster, &flags).await;
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (alices, bobs) = (alice.log_in(relay).await, bob.log_in(relay).await);
    let room = alices.create_room(&create(RoomKind::Group, Some("quiet"), &[bob.id])).await.unwrap().id;
    let channel = ferry_nsq::ChannelName::new("test#ephemeral").unwrap();
    let topic = nsq::topic("ferry.changes#ephemeral");
    let mut bus = world.nsqds[0].subscribe(&topic, &channel, &ferry_nsq::Options::default(), 64).await;
    for whom in [bob.id, alice.id] {
        let path = format!("/v1/rooms/{room}/members/{whom}");
        let answer = ask(relay, "PUT", &path).bearer(&token(&bobs)).json(&json!({})).send().await.ok(200);
        assert_eq!(answer["member"]["user"], json!(whom));
    }
    assert_eq!(bobs.put_member(room, bob.id, &role(Role::Member)).await.unwrap().role, Role::Member);
    alices.put_member(room, bob.id, &muted(0)).await.unwrap();
    // This one is news, and the deletion of another room says where it ends.
    alices.put_member(room, bob.id, &muted(FOREVER)).await.unwrap();
    let other = alices.create_room(&create(RoomKind::Group, Some("other"), &[bob.id])).await.unwrap().id;
    alices.delete_room(other).await.unwrap();
    let mut rooms = Vec::new();
    while !rooms.contains(&json!(other)) {
        let message = within(bus.next()).await.unwrap();
        bus.finish(message.id);
        let announcement: serde_json::Value = serde_json::from_slice(&message.body).unwrap();
        let events = announcement["events"].as_array().cloned().unwrap_or_default();
        rooms.extend(events.iter().map(|event| event["room"].clone()));
    }
    rooms.retain(|changed| *changed == json!(room));
    assert_eq!(rooms.len(), 1);
}

on_both!(leaving_and_coming_back_lifts_no_mute, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mut alices, bobs) = (alice.online(relay).await, bob.online(relay).await);
    let channel = create(RoomKind::Channel, Some("News"), &[]);
    let room = alices.session.create_room(&channel).await.unwrap().id;
    bobs.session.join(room).await.unwrap();
    alices.session.put_member(room, bob.id, &muted(FOREVER)).await.unwrap();

    bobs.session.leave(room).await.unwrap();
    bobs.session.join(room).await.unwrap();
    assert_eq!(post(&bobs, room, "hello?").await, Err(ErrorCode::Muted));
    // Being removed and added again does not lift it either.
    alices.session.remove_member(room, bob.id).await.unwrap();
    let member = alices.session.put_member(room, bob.id, &PutMember::default()).await.unwrap();
    assert_eq!(member.muted_until, FOREVER);
    assert!(bobs.try_send(room, "hello?").await.is_err());

    // A moderator lifts it like any other mute, and then it stays lifted.
    alices.session.put_member(room, bob.id, &muted(0)).await.unwrap();
    bobs.send(room, "at last").await;
    assert_eq!(alices.text().await, "at last");
    bobs.session.leave(room).await.unwrap();
    bobs.session.join(room).await.unwrap();
    bobs.send(room, "and again").await;
    assert_eq!(alices.text().await, "and again");
});

on_both!(a_message_by_http_is_a_message, |world| async move {
    let relay = world.relay();
    let (alice, bob, eve) = (world.person("alice").await, world.person("bob").await, world.person("eve").await);
    let (mut alices, mut bobs) = (alice.online(relay).await, bob.online(relay).await);
    let room = alices.group(&[bob.id, eve.id]).await;
    let path = format!("/v1/rooms/{room}/messages");
    // From a script: a device without a socket.
    let script = alice.log_in(relay).await;
    let answer =
        ask(relay, "POST", &path).bearer(&token(&script)).json(&json!({ "body": "from a script" })).send().await;
    let sent: Sent = serde_json::from_value(answer.ok(202)).unwrap();
    assert_eq!((sent.recipients, sent.unreachable), (1, vec![eve.id]), "Eve has no device");
    let incoming = bobs.message().await;
    assert_eq!((incoming.message.id, incoming.message.sent_at), (sent.id, sent.sent_at));
    assert_eq!((incoming.message.from.user, incoming.message.from.device), (alice.id, script.credentials().device));
    assert_eq!((incoming.message.from.role, incoming.message.seq), (Role::Owner, 1));
    incoming.ack();
    assert_eq!(alices.text().await, "from a script", "her other device gets it too");

    // A retry is the same message. The client gets the answer each time, and nobody sees the
    // message twice.
    let retried = PostMessage { id: Some(MessageId::new()), ..hello("once") };
    for _ in 0..3 {
        assert_eq!(script.post_message(room, &retried).await.unwrap().id, retried.id.unwrap());
    }
    script.post_message(room, &hello("after it")).await.unwrap();
    for device in [&mut bobs, &mut alices] {
        assert_eq!(device.text().await, "once");
        assert_eq!(device.text().await, "after it");
    }
    let nothing = ask(relay, "POST", &path).bearer(&token(&script)).json(&json!({ "kind": "text" })).send().await;
    nothing.problem(400, "malformed");
});

#[tokio::test]
async fn a_room_has_a_limit_of_members() {
    let flags = ["--members".to_owned(), "3".to_owned()];
    let world = World::start_with(Backend::Embedded, &flags).await;
    let relay = world.relay();
    let people = futures_util::future::join_all((0..6).map(|_| world.person("person"))).await;
    let owner = people[0].log_in(relay).await;
    let ids: Vec<UserId> = people[1..].iter().map(|person| person.id).collect();
    let too_many = create(RoomKind::Group, Some("full"), &ids[..3]);
    assert_eq!(code(owner.create_room(&too_many)).await, Err(ErrorCode::RoomFull));
    let group = owner.create_room(&create(RoomKind::Group, Some("full"), &ids[..2])).await.unwrap();
    assert_eq!(code(owner.put_member(group.id, ids[2], &PutMember::default())).await, Err(ErrorCode::RoomFull));
    owner.put_member(group.id, ids[1], &role(Role::Admin)).await.unwrap();

    // However many users join at once, no more get in than there are places.
    let channel = owner.create_room(&create(RoomKind::Channel, Some("channel"), &[])).await.unwrap().id;
    let sessions = futures_util::future::join_all(people[1..].iter().map(|person| person.log_in(relay))).await;
    let joins = futures_util::future::join_all(sessions.iter().map(|session| code(session.join(channel)))).await;
    assert_eq!(joins.iter().filter(|join| join.is_ok()).count(), 2);
    assert!(joins.iter().all(|join| join.is_ok() || *join == Err(ErrorCode::RoomFull)));
    assert_eq!(owner.room(channel).await.unwrap().member_count, 3);
}
