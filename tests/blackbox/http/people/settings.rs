//! Settings: they are stored, told to the user's other devices, and applied.

use ferry_protocol::{Allow, ErrorCode, NoticeEvent, PutMember, Role, RoomKind, UpdateSettings, UserSettings};
use serde_json::json;

use super::{code, create, notice, text};
use crate::{
    http::ask::{ask, token},
    on_both,
};

const NOTHING: UpdateSettings =
    UpdateSettings { direct: None, add: None, receipts: None, presence: None, findable: None };

on_both!(settings_are_kept_and_ones_own_devices_told, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mut alices, mut bobs) = (alice.online(relay).await, bob.online(relay).await);
    let phone = alice.log_in(relay).await;
    let defaults =
        UserSettings { direct: Allow::Anybody, add: Allow::Anybody, receipts: true, presence: true, findable: true };
    assert_eq!(phone.settings().await.unwrap(), defaults);
    let mut wanted = defaults;
    for update in [
        UpdateSettings { direct: Some(Allow::Friends), ..NOTHING },
        UpdateSettings { add: Some(Allow::Friends), receipts: Some(false), ..NOTHING },
        UpdateSettings { presence: Some(false), direct: Some(Allow::Anybody), ..NOTHING },
        UpdateSettings { presence: Some(true), ..NOTHING },
        UpdateSettings { findable: Some(false), ..NOTHING },
    ] {
        wanted = wanted.updated(update);
        assert_eq!(phone.update_settings(&update).await.unwrap(), wanted);
        assert_eq!(alices.session.settings().await.unwrap(), wanted);
        assert_eq!(notice(&mut alices).await, NoticeEvent::SettingsChanged);
        // A change to the present value sends no notice.
        assert_eq!(phone.update_settings(&update).await.unwrap(), wanted);
        assert_eq!(phone.update_settings(&NOTHING).await.unwrap(), wanted);
    }
    assert_eq!(bobs.session.settings().await.unwrap(), defaults, "hers are not his");
    let direct = alices.direct(bob.id).await;
    bobs.send(direct, "hello").await;
    assert_eq!(text(&mut alices).await, "hello");
    alices.send(direct, "hello").await;
    assert_eq!(text(&mut bobs).await, "hello", "he heard nothing of it");
});

on_both!(friends_only_means_friends_only, |world| async move {
    let relay = world.relay();
    let (alice, bob, eve) = (world.person("alice").await, world.person("bob").await, world.person("eve").await);
    let (alices, bobs, eves) = (alice.log_in(relay).await, bob.log_in(relay).await, eve.log_in(relay).await);
    bobs.befriend(alice.id).await.unwrap();
    alices.befriend(bob.id).await.unwrap();
    // A request alone makes no friend.
    eves.befriend(alice.id).await.unwrap();
    let room = eves.create_room(&create(RoomKind::Group, &[])).await.unwrap().id;
    let add = PutMember::default();

    alices.update_settings(&UpdateSettings { direct: Some(Allow::Friends), ..NOTHING }).await.unwrap();
    let refused = code(eves.create_room(&create(RoomKind::Direct, &[alice.id]))).await;
    assert_eq!(refused.map(|room| room.id), Err(ErrorCode::NotAllowed));
    bobs.create_room(&create(RoomKind::Direct, &[alice.id])).await.unwrap();
    // One setting does not affect the other.
    eves.put_member(room, alice.id, &add).await.unwrap();
    eves.remove_member(room, alice.id).await.unwrap();

    let friends_only = UpdateSettings { direct: Some(Allow::Anybody), add: Some(Allow::Friends), ..NOTHING };
    alices.update_settings(&friends_only).await.unwrap();
    assert_eq!(code(eves.put_member(room, alice.id, &add)).await, Err(ErrorCode::NotAllowed));
    for kind in [RoomKind::Group, RoomKind::Channel] {
        let refused = code(eves.create_room(&create(kind, &[bob.id, alice.id]))).await;
        assert_eq!(refused.map(|room| room.id), Err(ErrorCode::NotAllowed), "{kind}");
        bobs.create_room(&create(kind, &[eve.id, alice.id])).await.unwrap();
    }
    let told = eves.put_member(room, alice.id, &add).await.unwrap_err().to_string();
    assert!(told.contains("invite them instead"), "{told}");
    eves.invite(room, alice.id).await.unwrap();
    assert_eq!(alices.accept_invitation(room).await.unwrap().id, room);
    alices.leave(room).await.unwrap();
    // A new role, and joining without being added, do not count as being added.
    let channel = eves.create_room(&create(RoomKind::Channel, &[])).await.unwrap().id;
    alices.join(channel).await.unwrap();
    let moderator = PutMember { role: Some(Role::Moderator), muted_until: None };
    eves.put_member(channel, alice.id, &moderator).await.unwrap();

    // The settings are about making a room. A room that exists stays, whatever they say later.
    let direct = eves.create_room(&create(RoomKind::Direct, &[alice.id])).await.unwrap().id;
    alices.update_settings(&UpdateSettings { direct: Some(Allow::Friends), ..NOTHING }).await.unwrap();
    assert_eq!(eves.create_room(&create(RoomKind::Direct, &[alice.id])).await.unwrap().id, direct);
    // Once they are friends, eve may add alice.
    alices.befriend(eve.id).await.unwrap();
    eves.put_member(room, alice.id, &add).await.unwrap();
});

on_both!(settings_take_what_they_know_and_nothing_else, |world| async move {
    let relay = world.relay();
    let access = token(&world.person("alice").await.log_in(relay).await);
    let path = "/v1/me/settings";
    for body in [json!({ "direct": "nobody" }), json!({ "add": true }), json!({ "receipts": "on" }), json!({ "x": 1 })]
    {
        let answer = ask(relay, "PATCH", path).bearer(&access).json(&body).send().await;
        answer.problem(400, "malformed");
    }
    let defaults =
        json!({ "direct": "anybody", "add": "anybody", "receipts": true, "presence": true, "findable": true });
    assert_eq!(ask(relay, "GET", path).bearer(&access).send().await.ok(200), defaults);
    assert_eq!(ask(relay, "PATCH", path).bearer(&access).json(&json!({})).send().await.ok(200), defaults);
    ask(relay, "GET", path).send().await.problem(401, "unauthorized");
    ask(relay, "PATCH", path).json(&json!({})).send().await.problem(401, "unauthorized");
});
