//! Invitations through HTTP: inviting users to a room, and what becomes of the invitation.

use ferry_client::{ClientError, Paging};
use ferry_protocol::{CreateRoom, ErrorCode, NoticeEvent, PutMember, Role, RoomId, RoomKind, UserId};
use serde_json::json;

use super::ask::{ask, token};
use crate::{
    harness::{Backend, World, moved_to},
    on_both,
};

fn create(kind: RoomKind, name: &str, members: &[UserId]) -> CreateRoom {
    CreateRoom { kind, name: Some(name.to_owned()), members: members.to_vec() }
}

async fn code<T>(call: impl Future<Output = Result<T, ClientError>>) -> Result<T, ErrorCode> {
    call.await.map_err(|error| error.code().unwrap_or_else(|| panic!("{error}")))
}

on_both!(an_invitation_is_accepted_declined_and_withdrawn, |world| async move {
    let relay = world.relay();
    let (alice, bob, eve) = (world.person("alice").await, world.person("bob").await, world.person("eve").await);
    let (mut alices, mut bobs, mut eves) =
        (alice.online(relay).await, bob.online(relay).await, eve.online(relay).await);
    let room = alices.session.create_room(&create(RoomKind::Group, "club", &[])).await.unwrap().id;
    let ended = |by| NoticeEvent::InvitationEnded { room, user: bob.id, by };
    let open = async || bobs.session.invitations(&Paging::default()).await.unwrap().items;

    let invitation = alices.session.invite(room, bob.id).await.unwrap();
    assert_eq!((invitation.room, invitation.kind, invitation.name.as_deref()), (room, RoomKind::Group, Some("club")));
    assert_eq!((invitation.user, invitation.by), (bob.id, alice.id));
    assert_eq!(open().await, std::slice::from_ref(&invitation));
    // A second invitation changes nothing.
    assert_eq!(alices.session.invite(room, bob.id).await.unwrap(), invitation);
    // An invitation alone does not let a user see or join the room.
    assert_eq!(code(bobs.session.room(room)).await, Err(ErrorCode::NotFound));
    assert_eq!(code(bobs.session.join(room)).await, Err(ErrorCode::NotFound));

    bobs.session.decline_invitation(room).await.unwrap();
    assert_eq!(code(bobs.session.decline_invitation(room)).await, Err(ErrorCode::NotFound));
    assert_eq!(code(bobs.session.accept_invitation(room)).await, Err(ErrorCode::NotFound));
    assert_eq!(open().await, []);
    alices.session.invite(room, bob.id).await.unwrap();
    alices.session.withdraw_invitation(room, bob.id).await.unwrap();
    assert_eq!(code(alices.session.withdraw_invitation(room, bob.id)).await, Err(ErrorCode::NotFound));
    assert_eq!(code(bobs.session.accept_invitation(room)).await, Err(ErrorCode::NotFound));

    alices.session.invite(room, bob.id).await.unwrap();
    // Only bob can accept it.
    assert_eq!(code(eves.session.accept_invitation(room)).await, Err(ErrorCode::NotFound));
    let joined = bobs.session.accept_invitation(room).await.unwrap();
    assert_eq!((joined.id, joined.role, joined.member_count), (room, Some(Role::Member), 2));
    assert_eq!(open().await, []);
    assert_eq!(code(bobs.session.accept_invitation(room)).await, Err(ErrorCode::AlreadyMember));
    assert_eq!(code(alices.session.invite(room, bob.id)).await, Err(ErrorCode::AlreadyMember));

    // Each of the two is told what the other did, and nobody else is told.
    let invited = NoticeEvent::Invited { room, by: alice.id };
    for event in [&invited, &invited, &ended(alice.id), &invited] {
        assert_eq!(bobs.notice().await, *event);
    }
    let joined = NoticeEvent::MemberAdded { room, user: bob.id, role: Role::Member, by: bob.id };
    for event in [ended(bob.id), joined, ended(bob.id)] {
        assert_eq!(alices.notice().await, event);
    }
    let direct = alices.direct(eve.id).await;
    assert!(matches!(eves.notice().await, NoticeEvent::MemberAdded { room, .. } if room == direct));
    alices.send(room, "welcome").await;
    assert_eq!(bobs.text().await, "welcome");
    assert!(bobs.notices.is_empty(), "{:?}", bobs.notices);
});

on_both!(an_invitation_ends_with_its_room_and_where_one_comes_in_otherwise, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (alices, mut bobs) = (alice.online(relay).await, bob.online(relay).await);
    let session = bobs.session.clone();
    let open = async || session.invitations(&Paging::default()).await.unwrap().items.len();
    let (group, channel) = (create(RoomKind::Group, "a", &[]), create(RoomKind::Channel, "b", &[]));
    let group = alices.session.create_room(&group).await.unwrap().id;
    let channel = alices.session.create_room(&channel).await.unwrap().id;
    alices.session.invite(group, bob.id).await.unwrap();
    alices.session.invite(channel, bob.id).await.unwrap();
    assert_eq!(open().await, 2);
    bobs.session.join(channel).await.unwrap();
    assert_eq!(open().await, 1);
    alices.session.delete_room(group).await.unwrap();
    assert_eq!(open().await, 0);
    assert_eq!(code(bobs.session.accept_invitation(group)).await, Err(ErrorCode::NotFound));
    for room in [group, channel] {
        assert_eq!(bobs.notice().await, NoticeEvent::Invited { room, by: alice.id });
    }
    assert_eq!(bobs.notice().await, NoticeEvent::InvitationEnded { room: group, user: bob.id, by: alice.id });
});

on_both!(who_may_invite_and_whom, |world| async move {
    let relay = world.relay();
    let (owner, member) = (world.person("owner").await, world.person("member").await);
    let (guest, eve) = (world.person("guest").await, world.person("eve").await);
    let (owners, members, eves) = (owner.log_in(relay).await, member.log_in(relay).await, eve.log_in(relay).await);
    let group = owners.create_room(&create(RoomKind::Group, "group", &[member.id])).await.unwrap().id;
    let channel = owners.create_room(&create(RoomKind::Channel, "channel", &[member.id])).await.unwrap().id;
    let direct = CreateRoom { kind: RoomKind::Direct, name: None, members: vec![member.id] };
    let direct = owners.create_room(&direct).await.unwrap().id;

    assert_eq!(code(members.invite(group, guest.id)).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(eves.invite(group, guest.id)).await, Err(ErrorCode::NotFound));
    assert_eq!(code(eves.invite(channel, guest.id)).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(owners.invite(direct, guest.id)).await, Err(ErrorCode::Forbidden));
    assert_eq!(code(eves.invite(direct, guest.id)).await, Err(ErrorCode::NotFound));
    assert_eq!(code(owners.invite(RoomId::new(), guest.id)).await, Err(ErrorCode::NotFound));
    // The caller, and a user who does not exist. Only a caller who may invite learns whether a
    // user exists.
    assert_eq!(code(owners.invite(group, owner.id)).await, Err(ErrorCode::AlreadyMember));
    assert_eq!(code(owners.invite(group, UserId::new())).await, Err(ErrorCode::NotFound));
    assert_eq!(code(members.invite(group, UserId::new())).await, Err(ErrorCode::Forbidden));

    // Every member may invite to a channel, and withdraw their own invitations. An admin may
    // withdraw anybody's.
    members.invite(channel, guest.id).await.unwrap();
    assert_eq!(code(eves.withdraw_invitation(channel, guest.id)).await, Err(ErrorCode::Forbidden));
    members.withdraw_invitation(channel, guest.id).await.unwrap();
    owners.invite(channel, guest.id).await.unwrap();
    assert_eq!(code(members.withdraw_invitation(channel, guest.id)).await, Err(ErrorCode::Forbidden));
    members.invite(channel, eve.id).await.unwrap();
    owners.withdraw_invitation(channel, eve.id).await.unwrap();
    assert_eq!(code(eves.withdraw_invitation(group, guest.id)).await, Err(ErrorCode::NotFound));
    // An invitation ends when the user who made it leaves.
    members.invite(channel, eve.id).await.unwrap();
    members.leave(channel).await.unwrap();
    assert_eq!(code(eves.accept_invitation(channel)).await, Err(ErrorCode::NotFound));
    owners.invite(channel, eve.id).await.unwrap();
    assert_eq!(eves.accept_invitation(channel).await.unwrap().role, Some(Role::Member));

    // Paths without a valid id, and bodies that are not valid.
    let path = format!("/v1/rooms/{group}/invitations");
    let access = token(&owners);
    for body in [json!({}), json!({ "user": "x" }), json!({ "user": guest.id, "role": "admin" })] {
        ask(relay, "POST", &path).bearer(&access).json(&body).send().await.problem(400, "malformed");
    }
    ask(relay, "POST", &path).json(&json!({ "user": guest.id })).send().await.problem(401, "unauthorized");
    for path in ["/v1/invitations/x/accept", "/v1/invitations/x/decline"] {
        ask(relay, "POST", path).bearer(&access).send().await.problem(404, "not_found");
    }
    ask(relay, "DELETE", &format!("{path}/x")).bearer(&access).send().await.problem(404, "not_found");
    ask(relay, "GET", "/v1/invitations?limit=0").bearer(&access).send().await.invalid("limit");
    ask(relay, "GET", "/v1/invitations?cursor=x").bearer(&access).send().await.invalid("cursor");
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invitations_are_listed_and_bounded() {
    let world = World::start(Backend::Embedded).await;
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (alices, bobs) = (alice.log_in(relay).await, bob.log_in(relay).await);
    let mut rooms = Vec::new();
    for number in 0..=100 {
        let room = alices.create_room(&create(RoomKind::Group, &format!("room {number}"), &[])).await.unwrap().id;
        rooms.push(room);
    }
    for room in &rooms[..100] {
        alices.invite(*room, bob.id).await.unwrap();
    }
    assert_eq!(code(alices.invite(rooms[100], bob.id)).await, Err(ErrorCode::TooManyInvitations));
    // Repeating an open invitation adds none.
    alices.invite(rooms[0], bob.id).await.unwrap();
    let (mut seen, mut paging) = (Vec::new(), Paging { limit: Some(7), cursor: None });
    loop {
        let page = bobs.invitations(&paging).await.unwrap();
        seen.extend(page.items.into_iter().map(|invitation| invitation.room));
        paging.cursor = page.next_cursor;
        if paging.cursor.is_none() {
            break;
        }
    }
    // Invitations of the same millisecond are in the order of their rooms, which is the order in
    // which those were made.
    assert_eq!(seen, rooms[..100]);
    bobs.decline_invitation(rooms[3]).await.unwrap();
    alices.invite(rooms[100], bob.id).await.unwrap();
}

on_both!(a_full_room_is_not_entered_by_invitation, ["--members", "2"], |world| async move {
    let relay = world.relay();
    let (alice, bob, eve) = (world.person("alice").await, world.person("bob").await, world.person("eve").await);
    let (alices, bobs, eves) = (alice.log_in(relay).await, bob.log_in(relay).await, eve.log_in(relay).await);
    let room = alices.create_room(&create(RoomKind::Group, "small", &[])).await.unwrap().id;
    alices.invite(room, bob.id).await.unwrap();
    alices.invite(room, eve.id).await.unwrap();
    let both = tokio::join!(code(bobs.accept_invitation(room)), code(eves.accept_invitation(room)));
    let bob_is_in = both.0.is_ok();
    let (late, full) = if bob_is_in { (&eves, both.1) } else { (&bobs, both.0) };
    assert_eq!(full.map(drop), Err(ErrorCode::RoomFull));
    // The invitation stays until there is a place.
    let other = if bob_is_in { bob.id } else { eve.id };
    alices.remove_member(room, other).await.unwrap();
    late.accept_invitation(room).await.unwrap();
});

on_both!(a_user_chooses_so_many_rooms_and_no_more, ["--rooms-per-user", "2"], |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (alices, bobs) = (alice.log_in(relay).await, bob.log_in(relay).await);
    let one = create(RoomKind::Channel, "one", &[]);
    let channel = alices.create_room(&one).await.unwrap().id;
    alices.create_room(&create(RoomKind::Group, "two", &[])).await.unwrap();
    let full = Err(ErrorCode::TooManyRooms);
    assert_eq!(code(alices.create_room(&one)).await.map(drop), full);

    // However many calls there are at once.
    let more = create(RoomKind::Group, "more", &[]);
    let made = futures_util::future::join_all((0..6).map(|_| code(bobs.create_room(&more)))).await;
    let made: Vec<RoomId> = made.into_iter().filter_map(|made| Some(made.ok()?.id)).collect();
    assert_eq!(made.len(), 2);
    assert_eq!(code(bobs.join(channel)).await.map(drop), full);
    alices.invite(channel, bob.id).await.unwrap();
    assert_eq!(code(bobs.accept_invitation(channel)).await.map(drop), full);
    // A user who has left a room has a place again.
    bobs.leave(made[0]).await.unwrap();
    bobs.accept_invitation(channel).await.unwrap();
});

on_both!(strangers_cannot_use_up_what_a_user_may_have, ["--rooms-per-user", "2"], |world| async move {
    let relay = world.relay();
    let (alice, eve, friend) = (world.person("alice").await, world.person("eve").await, world.person("friend").await);
    let (alices, eves, friends) = (alice.log_in(relay).await, eve.log_in(relay).await, friend.log_in(relay).await);
    let trap = eves.create_room(&create(RoomKind::Group, "trap", &[alice.id])).await.unwrap().id;
    let more = eves.create_room(&create(RoomKind::Channel, "more", &[])).await.unwrap().id;
    eves.put_member(more, alice.id, &PutMember::default()).await.unwrap();
    assert_eq!(alices.all_rooms().await.unwrap().len(), 2);

    // She still has her own two rooms, and direct rooms with whomever she likes.
    for name in ["mine", "mine too"] {
        alices.create_room(&create(RoomKind::Group, name, &[])).await.unwrap();
    }
    assert_eq!(
        code(alices.create_room(&create(RoomKind::Group, "x", &[]))).await.map(drop),
        Err(ErrorCode::TooManyRooms)
    );
    let direct = CreateRoom { kind: RoomKind::Direct, name: None, members: vec![alice.id] };
    friends.create_room(&direct).await.unwrap();
    alices.leave(trap).await.unwrap();
});

on_both!(only_friends_add_a_new_user_to_rooms, ["--default-add", "friends"], |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (alices, bobs) = (alice.log_in(relay).await, bob.log_in(relay).await);
    let with_bob = create(RoomKind::Group, "with him", &[bob.id]);
    assert_eq!(code(alices.create_room(&with_bob)).await.map(drop), Err(ErrorCode::NotAllowed));
    let room = alices.create_room(&create(RoomKind::Group, "alone", &[])).await.unwrap().id;
    let add = PutMember::default();
    assert_eq!(code(alices.put_member(room, bob.id, &add)).await.map(drop), Err(ErrorCode::NotAllowed));
    alices.invite(room, bob.id).await.unwrap();
    bobs.accept_invitation(room).await.unwrap();
    alices.befriend(bob.id).await.unwrap();
    bobs.befriend(alice.id).await.unwrap();
    alices.create_room(&with_bob).await.unwrap();
});

/// Over two relays that share SQL, because an attacker has the choice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_adds_and_invites_so_many_people_a_day() {
    let flags = ["--rate-limits", "--added-per-day", "3", "--invited-per-day", "2", "--login-burst", "100"];
    let world = World::two_relays(&flags).await;
    let mut people = Vec::new();
    for name in ["eve", "a", "b", "c", "d", "e"] {
        people.push(world.person(name).await);
    }
    let ids: Vec<UserId> = people.iter().map(|person| person.id).collect();
    let here = people[0].log_in(world.relay()).await;
    let there = moved_to(&here, &world.relays[1]);
    let group = here.create_room(&create(RoomKind::Group, "a group", &ids[1..3])).await.unwrap().id;
    let add = PutMember::default();
    there.put_member(group, ids[3], &add).await.unwrap();
    for session in [&here, &there] {
        let error = session.put_member(group, ids[4], &add).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::RateLimited));
        let ClientError::Problem(problem) = error else { panic!("{error}") };
        assert!(problem.retry_after.is_some_and(|wait| wait <= 86_400), "{problem:?}");
    }
    let pair = create(RoomKind::Group, "another", &ids[4..5]);
    assert_eq!(code(there.create_room(&pair)).await.map(drop), Err(ErrorCode::RateLimited));
    here.invite(group, ids[4]).await.unwrap();
    there.invite(group, ids[5]).await.unwrap();
    let third = here.create_room(&create(RoomKind::Channel, "a channel", &[])).await.unwrap().id;
    assert_eq!(code(here.invite(third, ids[1])).await.map(drop), Err(ErrorCode::RateLimited));
    // The next day.
    world.database.execute("UPDATE daily_counts SET day = day - 1").await;
    there.put_member(group, ids[4], &add).await.unwrap();
}

on_both!(a_description_is_of_some_lines, |world| async move {
    let relay = world.relay();
    let (alice, eve) = (world.person("alice").await, world.person("eve").await);
    let (alices, eves) = (alice.log_in(relay).await, eve.log_in(relay).await);
    let room = alices.create_room(&create(RoomKind::Channel, "news", &[])).await.unwrap();
    assert_eq!(room.description, None);
    let path = format!("/v1/rooms/{}", room.id);
    let access = token(&alices);
    let describe = async |text: &str| {
        ask(relay, "PATCH", &path).bearer(&access).json(&json!({ "description": text })).send().await
    };
    let answer = describe(" What is new,\r\nevery day \n").await.ok(200);
    assert_eq!(answer["room"]["description"], "What is new,\nevery day");
    assert_eq!(answer["room"]["name"], "news", "the name stays");
    // A user who finds the channel can read what it is about.
    let found = eves.find_rooms("news", &Paging::default()).await.unwrap().items;
    assert_eq!(found[0].description.as_deref(), Some("What is new,\nevery day"));
    for wrong in ["x".repeat(513).as_str(), "a\u{202e}b", "a\tb", " \n "] {
        describe(wrong).await.invalid("description");
    }
    assert_eq!(describe(&"é".repeat(512)).await.ok(200)["room"]["description"], "é".repeat(512));
    assert_eq!(describe("").await.ok(200)["room"].get("description"), None);
    let theirs = ask(relay, "PATCH", &path).bearer(&token(&eves)).json(&json!({ "description": "mine" })).send().await;
    theirs.problem(403, "forbidden");
});

on_both!(a_room_is_handed_on, |world| async move {
    let relay = world.relay();
    let (alice, bob, eve) = (world.person("alice").await, world.person("bob").await, world.person("eve").await);
    let (alices, bobs) = (alice.log_in(relay).await, bob.log_in(relay).await);
    let room = alices.create_room(&create(RoomKind::Group, "club", &[bob.id])).await.unwrap().id;
    let muted = PutMember { role: None, muted_until: Some(ferry_protocol::FOREVER) };
    alices.put_member(room, bob.id, &muted).await.unwrap();
    assert_eq!(code(bobs.transfer_room(room, alice.id)).await.map(drop), Err(ErrorCode::Forbidden));
    assert_eq!(code(alices.transfer_room(room, alice.id)).await.map(drop), Err(ErrorCode::Invalid));
    for nobody in [eve.id, UserId::new()] {
        assert_eq!(code(alices.transfer_room(room, nobody)).await.map(drop), Err(ErrorCode::NotFound));
    }
    assert_eq!(code(alices.transfer_room(RoomId::new(), bob.id)).await.map(drop), Err(ErrorCode::NotFound));

    assert_eq!(alices.transfer_room(room, bob.id).await.unwrap().role, Some(Role::Admin));
    let members = bobs.all_members(room).await.unwrap();
    let bobs_own = members.iter().find(|member| member.user == bob.id).unwrap();
    assert_eq!((bobs_own.role, bobs_own.muted_until), (Role::Owner, 0), "a mute ends: nobody else could lift it");
    assert_eq!(code(alices.transfer_room(room, bob.id)).await.map(drop), Err(ErrorCode::Forbidden));
    alices.leave(room).await.unwrap();
});
