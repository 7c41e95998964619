//! Bans and hidden rooms through HTTP: who stays out, what one need not see, and who hears of it.

use ferry_client::{ClientError, Paging};
use ferry_protocol::{CreateRoom, ErrorCode, FOREVER, NoticeEvent, PutBan, PutMember, RoomKind, UserId, now_ms};
use serde_json::json;

use super::ask::{ask, token};
use crate::{
    harness::{Backend, World},
    on_both,
};

fn channel(members: &[UserId]) -> CreateRoom {
    CreateRoom { kind: RoomKind::Channel, name: Some("news".into()), members: members.to_vec() }
}

async fn code<T>(call: impl Future<Output = Result<T, ClientError>>) -> Result<T, ErrorCode> {
    call.await.map_err(|error| error.code().unwrap_or_else(|| panic!("{error}")))
}

on_both!(a_banned_user_stays_out_and_gets_nothing_more, |world| async move {
    let relay = world.relay();
    let (alice, bob, eve) = (world.person("alice").await, world.person("bob").await, world.person("eve").await);
    let (mut alices, mut bobs, mut eves) =
        (alice.online(relay).await, bob.online(relay).await, eve.online(relay).await);
    let room = alices.session.create_room(&channel(&[bob.id, eve.id])).await.unwrap().id;
    let phone = alice.log_in(relay).await;
    eves.session.invite(room, world.person("carol").await.id).await.unwrap();

    let put = PutBan { until: None, reason: Some("spam".into()) };
    let ban = phone.ban(room, eve.id, &put).await.unwrap();
    assert_eq!((ban.user, ban.by, ban.until, ban.reason.as_deref()), (eve.id, Some(alice.id), FOREVER, Some("spam")));
    let removed = NoticeEvent::MemberRemoved { room, user: eve.id, by: alice.id };
    for device in [&mut alices, &mut bobs, &mut eves] {
        while device.notice().await != removed {}
    }
    assert_eq!(alices.send(room, "without eve").await.recipients, 1);
    assert_eq!(bobs.text().await, "without eve");

    assert_eq!(code(eves.session.join(room)).await.map(drop), Err(ErrorCode::Banned));
    assert_eq!(code(bobs.session.invite(room, eve.id)).await.map(drop), Err(ErrorCode::Banned));
    assert_eq!(code(phone.put_member(room, eve.id, &PutMember::default())).await.map(drop), Err(ErrorCode::Banned));
    assert_eq!(phone.bans(room, &Paging::default()).await.unwrap().items, [ban]);
    assert!(phone.invitations_to(room, &Paging::default()).await.unwrap().items.is_empty(), "hers ended with her");

    phone.lift_ban(room, eve.id).await.unwrap();
    assert_eq!(code(phone.lift_ban(room, eve.id)).await, Err(ErrorCode::NotFound));
    eves.session.join(room).await.unwrap();
    assert_eq!(alices.send(room, "with eve").await.recipients, 2);
    assert_eq!(eves.text().await, "with eve");
});

on_both!(a_ban_with_an_end_says_when_to_come_again, |world| async move {
    let relay = world.relay();
    let (alice, eve) = (world.person("alice").await, world.person("eve").await);
    let (alices, eves) = (alice.log_in(relay).await, eve.log_in(relay).await);
    let room = alices.create_room(&channel(&[])).await.unwrap().id;
    let until = now_ms() + 3_600_000;
    alices.ban(room, eve.id, &PutBan { until: Some(until), reason: None }).await.unwrap();
    let join = ask(relay, "POST", &format!("/v1/rooms/{room}/join")).bearer(&token(&eves)).json(&json!({})).send();
    let problem = join.await.problem(403, "banned");
    let seconds = problem["retry_after"].as_u64().unwrap();
    assert!((3_500..=3_600).contains(&seconds), "{seconds}");
    // Changed to one that never ends.
    let put = ask(relay, "PUT", &format!("/v1/rooms/{room}/bans/{}", eve.id)).bearer(&token(&alices));
    put.json(&json!({})).send().await.ok(200);
    let join = ask(relay, "POST", &format!("/v1/rooms/{room}/join")).bearer(&token(&eves)).json(&json!({})).send();
    assert_eq!(join.await.problem(403, "banned").get("retry_after"), None);
});

#[tokio::test]
async fn bans_that_make_no_sense_are_refused() {
    let world = World::start(Backend::Embedded).await;
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(relay).await;
    let (direct, room) =
        (alices.direct(bob.id).await, alices.session.create_room(&channel(&[bob.id])).await.unwrap().id);
    let session = &alices.session;
    let put = async |room, user: UserId, body: serde_json::Value| {
        ask(relay, "PUT", &format!("/v1/rooms/{room}/bans/{user}")).bearer(&token(session)).json(&body).send().await
    };
    put(direct, bob.id, json!({})).await.problem(403, "forbidden");
    put(room, alice.id, json!({})).await.invalid("user");
    put(room, UserId::new(), json!({})).await.problem(404, "not_found");
    for until in [0, 1, now_ms() - 1, -1] {
        put(room, bob.id, json!({ "until": until })).await.invalid("until");
    }
    for reason in ["", "a\nb", &"x".repeat(201)] {
        put(room, bob.id, json!({ "reason": reason })).await.invalid("reason");
    }
    assert!(session.bans(room, &Paging::default()).await.unwrap().items.is_empty());
    assert_eq!(session.room(room).await.unwrap().member_count, 2, "nobody was removed");
}

on_both!(a_hidden_room_is_in_nobodys_way, |world| async move {
    let relay = world.relay();
    let (alice, eve) = (world.person("alice").await, world.person("eve").await);
    let (mut alices, mut eves) = (alice.online(relay).await, eve.online(relay).await);
    let phone = alice.log_in(relay).await;
    let room = eves.direct(alice.id).await;
    let listed = async || phone.all_rooms().await.unwrap().into_iter().map(|room| room.id).collect::<Vec<_>>();
    let hidden = async || phone.hidden_rooms(&Paging::default()).await.unwrap().items.into_iter().map(|room| room.id);
    assert_eq!(listed().await, [room]);

    phone.hide_room(room).await.unwrap();
    phone.hide_room(room).await.unwrap();
    assert!(listed().await.is_empty());
    assert_eq!(hidden().await.collect::<Vec<_>>(), [room]);
    let changed = NoticeEvent::RoomChanged { room, by: alice.id };
    while alices.notice().await != changed {}
    assert_eq!(eves.session.all_rooms().await.unwrap().len(), 1, "the other user sees nothing of it");
    // It is still a room of the two.
    assert_eq!(phone.room(room).await.unwrap().id, room);
    eves.send(room, "hello").await;
    assert_eq!(alices.text().await, "hello");

    phone.unhide_room(room).await.unwrap();
    assert_eq!(listed().await, [room]);
    assert_eq!(alices.notice().await, changed, "the second call to hide it told nobody");
    // A user who asks for the room wants to see it.
    phone.hide_room(room).await.unwrap();
    let direct = CreateRoom { kind: RoomKind::Direct, name: None, members: vec![eve.id] };
    assert_eq!(phone.create_room(&direct).await.unwrap().id, room);
    assert_eq!(listed().await, [room]);
    let other = world.person("other").await.log_in(relay).await;
    assert_eq!(code(other.hide_room(room)).await, Err(ErrorCode::NotFound));
    while let Some(notice) = eves.notices.pop_front() {
        assert_ne!(notice.event, changed);
    }
});
