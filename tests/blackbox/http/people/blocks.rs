//! Blocks: they work, and the blocked user does not notice.

use ferry_client::Paging;
use ferry_protocol::{Allow, ErrorCode, FriendState, NoticeEvent, PutMember, Role, RoomKind, UpdateSettings};
use serde_json::json;

use super::{code, create, notice, text};
use crate::{
    harness::{Backend, Online, Person, World, nsq, until},
    http::ask::{ask, token},
    on_both,
};
use FriendState::{Friends, Incoming, Outgoing};

/// Two users with a device each, and a phone of the first, which gets the notices of what her
/// other device does.
struct Pair {
    alice: Person,
    bob: Person,
    alices: Online,
    phone: Online,
    bobs: Online,
}

impl Pair {
    async fn of(world: &World) -> Self {
        let relay = world.relay();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (alices, phone, bobs) = (alice.online(relay).await, alice.online(relay).await, bob.online(relay).await);
        Self { alice, bob, alices, phone, bobs }
    }
}

on_both!(a_blocked_user_is_not_heard_and_not_told, |world| async move {
    let Pair { alice, bob, mut alices, mut phone, mut bobs } = Pair::of(&world).await;
    let mut laptop = bob.online(world.relay()).await;
    let (direct, group) = (bobs.direct(alice.id).await, alices.group(&[bob.id]).await);
    assert_eq!(bobs.send(direct, "before").await.unreachable, []);
    for device in [&mut alices, &mut phone, &mut laptop] {
        assert_eq!(text(device).await, "before");
    }

    let block = alices.session.block(bob.id).await.unwrap();
    assert_eq!((block.user, block.username.as_str()), (bob.id, bob.name.as_str()));
    assert_eq!(notice(&mut phone).await, NoticeEvent::BlockChanged { user: bob.id, blocked: true });
    assert_eq!(alices.session.block(bob.id).await.unwrap(), block, "again, and no news");
    assert_eq!(alices.session.all_blocks().await.unwrap(), [block]);
    assert_eq!(bobs.session.all_blocks().await.unwrap(), []);

    // As with a user without devices: the message is accepted, and the sender's other device has
    // it.
    let sent = bobs.send(direct, "hello?").await;
    assert_eq!((sent.recipients, sent.unreachable), (0, vec![alice.id]));
    assert_eq!(text(&mut laptop).await, "hello?");
    // Groups with both of them go on, and so do her own messages.
    assert_eq!(bobs.send(group, "to the group").await.unreachable, []);
    for device in [&mut alices, &mut phone] {
        assert_eq!(text(device).await, "to the group", "and nothing before it");
    }
    assert_eq!(alices.send(direct, "from Alice").await.unreachable, []);
    assert_eq!(text(&mut phone).await, "from Alice");
    assert_eq!(text(&mut bobs).await, "from Alice", "and no notice before it");

    alices.session.unblock(bob.id).await.unwrap();
    assert_eq!(notice(&mut phone).await, NoticeEvent::BlockChanged { user: bob.id, blocked: false });
    assert_eq!(code(alices.session.unblock(bob.id)).await, Err(ErrorCode::NotFound));
    assert_eq!(bobs.send(direct, "and now?").await.unreachable, []);
    assert_eq!(text(&mut alices).await, "and now?");
});

on_both!(a_block_ends_a_friendship_and_hides_requests, |world| async move {
    let Pair { alice, bob, alices, mut phone, mut bobs } = Pair::of(&world).await;
    let mut laptop = bob.online(world.relay()).await;
    let direct = alices.direct(bob.id).await;
    let requested = NoticeEvent::FriendRequested { user: alice.id, by: bob.id };
    let removed = NoticeEvent::FriendRemoved { user: bob.id, by: alice.id };
    bobs.session.befriend(alice.id).await.unwrap();
    alices.session.befriend(bob.id).await.unwrap();
    for device in [&mut phone, &mut laptop] {
        assert_eq!(notice(device).await, requested);
        assert_eq!(notice(device).await, NoticeEvent::FriendAccepted { user: bob.id, by: alice.id });
    }
    assert_eq!(notice(&mut bobs).await, NoticeEvent::FriendAccepted { user: bob.id, by: alice.id });
    alices.session.block(bob.id).await.unwrap();
    assert_eq!(notice(&mut phone).await, NoticeEvent::BlockChanged { user: bob.id, blocked: true });
    // He is told as if she had ended the friendship.
    for device in [&mut bobs, &mut laptop] {
        assert_eq!(notice(device).await, removed);
    }
    for session in [&alices.session, &bobs.session] {
        assert_eq!(session.all_friends(Friends).await.unwrap(), []);
    }

    // He sees his request like any other, on all his devices. She sees none.
    let asked = bobs.session.befriend(alice.id).await.unwrap();
    assert_eq!(asked.state, Outgoing);
    assert_eq!(notice(&mut laptop).await, requested);
    assert_eq!(bobs.session.all_friends(Outgoing).await.unwrap(), std::slice::from_ref(&asked));
    assert_eq!(bobs.session.befriend(alice.id).await.unwrap(), asked);
    assert_eq!(alices.session.all_friends(Incoming).await.unwrap(), []);
    assert_eq!(code(alices.session.unfriend(bob.id)).await, Err(ErrorCode::NotFound));
    assert_eq!(code(alices.session.befriend(bob.id)).await, Err(ErrorCode::Blocked));
    bobs.session.unfriend(alice.id).await.unwrap();
    assert_eq!(notice(&mut laptop).await, NoticeEvent::FriendRemoved { user: alice.id, by: bob.id });
    bobs.session.befriend(alice.id).await.unwrap();
    assert_eq!(notice(&mut laptop).await, requested);

    // She got no notice of all that. His open request shows once she lifts the block.
    alices.session.unblock(bob.id).await.unwrap();
    assert_eq!(notice(&mut phone).await, NoticeEvent::BlockChanged { user: bob.id, blocked: false });
    assert_eq!(alices.session.all_friends(Incoming).await.unwrap().len(), 1);

    // His request from before the block stays visible to him. Her own request is withdrawn.
    alices.session.block(bob.id).await.unwrap();
    assert_eq!(bobs.session.all_friends(Outgoing).await.unwrap().len(), 1);
    assert_eq!(alices.session.all_friends(Incoming).await.unwrap(), []);
    bobs.session.unfriend(alice.id).await.unwrap();
    alices.session.unblock(bob.id).await.unwrap();
    alices.session.befriend(bob.id).await.unwrap();
    alices.session.block(bob.id).await.unwrap();
    assert_eq!(bobs.session.all_friends(Incoming).await.unwrap(), []);
    assert_eq!(notice(&mut laptop).await, NoticeEvent::FriendRemoved { user: alice.id, by: bob.id });
    for device in [&mut laptop, &mut bobs] {
        assert_eq!(notice(device).await, NoticeEvent::FriendRequested { user: bob.id, by: alice.id });
        assert_eq!(notice(device).await, removed, "as if withdrawn");
    }
    // He accepts the withdrawn request, which makes a new request of his. When he blocks her in
    // turn, she gets no notice that it ends, because she never saw it.
    assert_eq!(bobs.session.befriend(alice.id).await.unwrap().state, Outgoing);
    bobs.session.block(alice.id).await.unwrap();
    assert_eq!(alices.send(direct, "both").await.unreachable, [bob.id]);
    for (blocked, user) in [(true, bob.id), (false, bob.id), (true, bob.id)] {
        // The notices of what she did herself: blocked, lifted, asked, blocked again.
        assert_eq!(notice(&mut phone).await, NoticeEvent::BlockChanged { user, blocked });
        if !blocked {
            assert_eq!(notice(&mut phone).await, NoticeEvent::FriendRequested { user, by: alice.id });
        }
    }
    assert_eq!(text(&mut phone).await, "both", "and no notice of his before it");
});

on_both!(a_blocked_user_is_refused_as_anybody_whom_settings_refuse, |world| async move {
    let Pair { alice, bob, alices, mut phone, bobs } = Pair::of(&world).await;
    let room = bobs.group(&[]).await;
    alices.session.block(bob.id).await.unwrap();
    for kind in [RoomKind::Direct, RoomKind::Group, RoomKind::Channel] {
        let refused = code(bobs.session.create_room(&create(kind, &[alice.id]))).await;
        assert_eq!(refused.map(|room| room.id), Err(ErrorCode::NotAllowed), "{kind}");
    }
    let refused = code(bobs.session.put_member(room, alice.id, &PutMember::default())).await;
    assert_eq!(refused, Err(ErrorCode::NotAllowed));
    // His invitation looks to him like any other, even when he withdraws it. She sees nothing of
    // it and gets no notice.
    let invitation = bobs.session.invite(room, alice.id).await.unwrap();
    assert_eq!((invitation.user, invitation.by), (alice.id, bob.id));
    bobs.session.withdraw_invitation(room, alice.id).await.unwrap();
    bobs.session.invite(room, alice.id).await.unwrap();
    assert_eq!(alices.session.invitations(&Paging::default()).await.unwrap().items, []);
    assert_eq!(bobs.session.all_rooms().await.unwrap().len(), 1, "nothing is left of what was refused");
    assert_eq!(alices.session.all_rooms().await.unwrap(), []);
    // His invitation, which she does not see, does not prevent one by another user.
    let dave = world.person("dave").await;
    bobs.session
        .put_member(room, dave.id, &PutMember { role: Some(Role::Admin), ..PutMember::default() })
        .await
        .unwrap();
    dave.log_in(world.relay()).await.invite(room, alice.id).await.unwrap();
    let seen = alices.session.invitations(&Paging::default()).await.unwrap().items;
    assert_eq!(seen.iter().map(|seen| (seen.room, seen.by)).collect::<Vec<_>>(), [(room, dave.id)]);
    assert_eq!(notice(&mut phone).await, NoticeEvent::BlockChanged { user: bob.id, blocked: true });
    // She may make a direct room, and an existing room stays.
    let direct = alices.direct(bob.id).await;
    assert_eq!(bobs.direct(alice.id).await, direct);
    assert_eq!(bobs.send(direct, "hello?").await.unreachable, [alice.id]);
    // Only he is rejected.
    let carol = world.person("carol").await.online(world.relay()).await;
    let group = carol.group(&[alice.id, bob.id]).await;
    carol.send(group, "hello").await;
    assert_eq!(text(&mut phone).await, "hello", "and nothing of what he tried");
    // The answers are the same, to the byte, as those to a user rejected by her settings.
    let refusals = async |session: &ferry_client::Session| {
        let direct = json!({ "kind": "direct", "members": [alice.id] });
        let with_her = json!({ "kind": "group", "name": "a room", "members": [alice.id] });
        let own = session.create_room(&create(RoomKind::Group, &[])).await.unwrap().id;
        let mut answers = Vec::new();
        for (method, path, body) in [
            ("POST", "/v1/rooms".to_owned(), direct),
            ("POST", "/v1/rooms".to_owned(), with_her),
            ("PUT", format!("/v1/rooms/{own}/members/{}", alice.id), json!({})),
        ] {
            let answer = ask(world.relay(), method, &path).bearer(&token(session)).json(&body).send().await;
            answers.push(answer.problem(403, "not_allowed"));
        }
        answers
    };
    let other = world.person("bob").await.log_in(world.relay()).await;
    alices.session.block(other.credentials().user.id).await.unwrap();
    let friends = Some(Allow::Friends);
    let update = UpdateSettings { direct: friends, add: friends, ..UpdateSettings::default() };
    let blocked = refusals(&other).await;
    alices.session.unblock(other.credentials().user.id).await.unwrap();
    alices.session.update_settings(&update).await.unwrap();
    assert_eq!(refusals(&other).await, blocked);
});

on_both!(blocks_are_listed_by_name_in_pages, |world| async move {
    let relay = world.relay();
    let alices = world.person("alice").await.log_in(relay).await;
    let mut names = Vec::new();
    for _ in 0..5 {
        let other = world.person("other").await;
        alices.block(other.id).await.unwrap();
        names.push(other.name);
    }
    names.sort();
    let (mut seen, mut paging) = (Vec::new(), Paging { limit: Some(2), cursor: None });
    loop {
        let page = alices.blocks(&paging).await.unwrap();
        seen.extend(page.items.into_iter().map(|block| block.username));
        paging.cursor = page.next_cursor;
        if paging.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, names);
});

/// A relay drops what it cached of a direct room when another relay handles the block.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_relay_hears_of_a_block() {
    let mut world = World::start(Backend::Cluster).await;
    let other = world.add_relay().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let mut alices = alice.online(world.relay()).await;
    let bobs = bob.online(&world.relays[other]).await;
    let direct = bobs.direct(alice.id).await;
    bobs.send(direct, "kept from here on").await;
    assert_eq!(alices.text().await, "kept from here on");

    let announced = async || {
        let changes = world.nsqds[0].admin().topic_stats(&nsq::topic("ferry.changes#ephemeral")).await.unwrap();
        changes.map_or(0, |topic| topic.message_count)
    };
    for blocked in [true, false] {
        let before = announced().await;
        match blocked {
            true => drop(alices.session.block(bob.id).await.unwrap()),
            false => alices.session.unblock(bob.id).await.unwrap(),
        }
        // A relay also says every second that it is there.
        assert!(announced().await > before);
        until("the other relay knows", || async {
            let sent = bobs.send(direct, "hello?").await;
            (sent.unreachable == if blocked { vec![alice.id] } else { vec![] }).then_some(())
        })
        .await;
    }
}
