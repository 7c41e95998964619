//! The export of an account: everything that SQL holds about a user, and nothing about others that
//! they may not see.

use std::collections::BTreeSet;

use ferry_client::{InMemory, Session};
use ferry_protocol::{
    Allow, CreateRoom, Export, PutMember, Role, RoomId, RoomKind, UpdateMe, UpdateSettings, UserId, now_ms,
};
use ferry_testkit::tables;
use serde_json::Value;

use super::ask::{ask, log_in, refresh, text, token};
use crate::{
    harness::{Backend, World},
    on_both,
};

/// The tables and columns that the export shows, with the place of each in the document.
const EXPORTED: &[(&str, &[(&str, &str)])] = &[
    (
        "users",
        &[
            ("id", "/account/id"),
            ("username", "/account/username"),
            ("display_name", "/account/display_name"),
            ("about", "/account/about"),
            ("avatar", "/account/avatar"),
            ("email", "/account/email"),
            ("created_at", "/account/created_at"),
            ("password_changed_at", "/account/password_changed_at"),
            ("direct_from", "/account/settings/direct"),
            ("add_from", "/account/settings/add"),
            ("receipts", "/account/settings/receipts"),
            ("presence", "/account/settings/presence"),
            ("findable", "/account/settings/findable"),
        ],
    ),
    (
        "devices",
        &[
            ("id", "/devices/0/id"),
            ("user_id", "/account/id"),
            ("name", "/devices/0/name"),
            ("ip", "/devices/0/ip"),
            ("user_agent", "/devices/0/user_agent"),
            ("created_at", "/devices/0/created_at"),
            ("last_seen_at", "/devices/0/last_seen_at"),
            ("last_epoch", "/devices/0/last_epoch"),
            ("http_epoch", "/devices/0/http_epoch"),
            ("token_generation", "/devices/0/token_generation"),
            ("proven_at", "/devices/0/proven_at"),
        ],
    ),
    (
        "refresh_tokens",
        &[
            ("device_id", "/devices/0/id"),
            ("created_at", "/devices/0/refresh_tokens/0/created_at"),
            ("expires_at", "/devices/0/refresh_tokens/0/expires_at"),
            ("used_at", "/devices/0/refresh_tokens/0/used_at"),
        ],
    ),
    (
        "daily_counts",
        &[
            ("user_id", "/account/id"),
            ("day", "/daily_count/day"),
            ("added", "/daily_count/added"),
            ("invited", "/daily_count/invited"),
        ],
    ),
    // A row is there for milliseconds, unless an nsqd is down: the contract of the store shows it.
    (
        "closing_channels",
        &[("device_id", "/closing_queues"), ("user_id", "/account/id"), ("created_at", "/closing_queues")],
    ),
    (
        "idempotency_keys",
        &[
            ("user_id", "/account/id"),
            ("made", "/idempotency_keys/0/made"),
            ("is_new", "/idempotency_keys/0/is_new"),
            ("created_at", "/idempotency_keys/0/created_at"),
        ],
    ),
    ("known_devices", &[("user_id", "/account/id"), ("used_at", "/known_devices/0/used_at")]),
    (
        "rooms",
        &[
            ("id", "/memberships/0/room"),
            ("kind", "/memberships/0/kind"),
            ("name", "/memberships/0/name"),
            ("description", "/memberships/0/description"),
            ("created_at", "/rooms_created/0/created_at"),
            ("created_by", "/rooms_created/0/room"),
        ],
    ),
    (
        "memberships",
        &[
            ("room_id", "/memberships/0/room"),
            ("user_id", "/account/id"),
            ("role", "/memberships/0/role"),
            ("muted_until", "/memberships/0/muted_until"),
            ("joined_at", "/memberships/0/joined_at"),
            ("chosen", "/memberships/0/chosen"),
            ("hidden", "/memberships/0/hidden"),
        ],
    ),
    ("room_mutes", &[("room_id", "/mutes/0/room"), ("user_id", "/account/id"), ("until", "/mutes/0/until")]),
    (
        "invitations",
        &[
            ("room_id", "/invitations/0/room"),
            ("user_id", "/invitations_made/0/user"),
            ("invited_by", "/invitations/0/by"),
            ("created_at", "/invitations_made/0/created_at"),
        ],
    ),
    (
        "friendships",
        &[
            ("lesser", "/friends/0/user"),
            ("greater", "/requests_received/0/user"),
            ("asked_by", "/requests_made/0/state"),
            ("since", "/friends/0/since"),
        ],
    ),
    ("blocks", &[("blocked", "/blocks/0/user"), ("since", "/blocks/0/since")]),
];

/// The tables without a word about users.
const OF_NO_USER: [&str; 5] = ["signing_keys", "relays", "leases", "applied_migrations", "registration_tokens"];

/// A new table or column fails this test until the export shows it, or says why it does not.
#[test]
fn every_column_is_exported_or_left_out_with_a_reason() {
    let mut named: BTreeSet<(String, String)> = BTreeSet::new();
    for (table, columns) in EXPORTED {
        named.extend(columns.iter().map(|(column, _)| ((*table).to_owned(), (*column).to_owned())));
    }
    for (table, columns, why) in ferry_store::LEFT_OUT {
        assert!(why.len() > 20, "{table}: {why}");
        named.extend(columns.iter().map(|column| (table.to_owned(), (*column).to_owned())));
    }
    for database in ["postgres", "sqlite"] {
        let all = tables(database).into_iter().filter(|(table, _)| !OF_NO_USER.contains(&table.as_str()));
        let all: BTreeSet<(String, String)> =
            all.flat_map(|(table, columns)| columns.into_iter().map(move |column| (table.clone(), column))).collect();
        let unknown: Vec<_> = named.difference(&all).collect();
        assert!(unknown.is_empty(), "{database} does not have {unknown:?}");
        let forgotten: Vec<_> = all.difference(&named).collect();
        assert!(forgotten.is_empty(), "the export does not name {forgotten:?}");
    }
    let told = ferry_store::LEFT_OUT.map(|(table, ..)| table).join(", ");
    assert!(OF_NO_USER.iter().all(|table| told.contains(table)), "{told}");
}

async fn exported(session: &Session) -> Value {
    let mut document = Vec::new();
    let mut take = |part: &[u8]| {
        document.extend_from_slice(part);
        Ok(())
    };
    session.export_account(&mut take).await.unwrap();
    let value: Value = serde_json::from_slice(&document).unwrap();
    // The type in the library reads all of it.
    let whole: Export = serde_json::from_slice(&document).unwrap();
    assert_eq!(whole.account.user.id, session.credentials().user.id);
    value
}

async fn room(session: &Session, kind: RoomKind, members: &[UserId]) -> RoomId {
    let name = (kind != RoomKind::Direct).then(|| "a room".to_owned());
    session.create_room(&CreateRoom { kind, name, members: members.to_vec() }).await.unwrap().id
}

on_both!(an_export_shows_all_that_sql_holds, |world| async move {
    let relay = world.relay();
    let alice = world.person("alice").await;
    let mut others = Vec::new();
    for name in ["bob", "carol", "dave", "erin"] {
        let person = world.person(name).await;
        others.push((person.id, person.log_in(relay).await));
    }
    let [(bob, bobs), (carol, carols), (dave, daves), (erin, erins)] = others.try_into().ok().unwrap();
    let hers = alice.log_in(relay).await;
    // A used refresh token.
    hers.token_other_than(&hers.credentials().access_token).await.unwrap();
    let profile = UpdateMe {
        display_name: Some("Alice".into()),
        about: Some("I row.".into()),
        avatar: Some("sha256:00".into()),
        email: Some("alice@example.org".into()),
    };
    hers.update_me(&profile).await.unwrap();
    hers.update_settings(&UpdateSettings { direct: Some(Allow::Friends), ..UpdateSettings::default() }).await.unwrap();

    let group = room(&hers, RoomKind::Group, &[bob]).await;
    let update = ferry_protocol::UpdateRoom { name: None, description: Some("about rowing".into()) };
    hers.update_room(group, &update).await.unwrap();
    hers.invite(group, carol).await.unwrap();
    let direct = room(&hers, RoomKind::Direct, &[bob]).await;
    // A room that she made and left.
    let handed_on = room(&hers, RoomKind::Group, &[bob]).await;
    hers.transfer_room(handed_on, bob).await.unwrap();
    hers.leave(handed_on).await.unwrap();
    // A room that she left while muted.
    let muted = room(&bobs, RoomKind::Group, &[alice.id]).await;
    bobs.put_member(muted, alice.id, &PutMember { role: None, muted_until: Some(now_ms() + 3_600_000) }).await.unwrap();
    hers.leave(muted).await.unwrap();
    let invited = room(&bobs, RoomKind::Group, &[]).await;
    bobs.invite(invited, alice.id).await.unwrap();

    hers.befriend(bob).await.unwrap();
    bobs.befriend(alice.id).await.unwrap();
    hers.befriend(carol).await.unwrap();
    daves.befriend(alice.id).await.unwrap();
    hers.block(erin).await.unwrap();

    let document = exported(&hers).await;
    for (table, columns) in EXPORTED {
        for (column, pointer) in *columns {
            assert!(document.pointer(pointer).is_some_and(|value| !value.is_null()), "{table}.{column}: {document:#}");
        }
    }
    let ids = |list: &str, field: &str| -> BTreeSet<String> {
        document[list].as_array().unwrap().iter().map(|item| text(&item[field])).collect()
    };
    let set = |ids: &[&dyn ToString]| -> BTreeSet<String> { ids.iter().map(|id| id.to_string()).collect() };
    assert_eq!(ids("memberships", "room"), set(&[&group, &direct]));
    assert_eq!(ids("rooms_created", "room"), set(&[&group, &direct, &handed_on]));
    assert_eq!(ids("mutes", "room"), set(&[&muted]));
    assert_eq!(ids("invitations", "room"), set(&[&invited]));
    assert_eq!((ids("invitations_made", "room"), ids("invitations_made", "user")), (set(&[&group]), set(&[&carol])));
    assert_eq!(ids("friends", "user"), set(&[&bob]));
    assert_eq!(ids("requests_made", "user"), set(&[&carol]));
    assert_eq!(ids("requests_received", "user"), set(&[&dave]));
    assert_eq!(ids("blocks", "user"), set(&[&erin]));
    let membership = document["memberships"].as_array().unwrap().iter().find(|item| item["room"] == group.to_string());
    assert_eq!(membership.unwrap()["role"], Role::Owner.as_str());

    // No secret: neither a hash nor a token.
    let shown = document.to_string();
    for secret in ["argon2", hers.credentials().refresh_token.expose(), hers.credentials().access_token.expose()] {
        assert!(!shown.contains(secret), "{secret}");
    }
    // Carol has nothing of this but the request and the invitation.
    let theirs = exported(&carols).await.to_string();
    assert!(!theirs.contains("alice@example.org") && !theirs.contains(&direct.to_string()));
    // Erin does not see that she is blocked, and her request looks like any other.
    let before = exported(&erins).await;
    erins.befriend(alice.id).await.unwrap();
    let after = exported(&erins).await;
    assert_eq!((&before["blocks"], &after["requests_made"][0]["state"]), (&after["blocks"], &"outgoing".into()));
    assert!(!before.to_string().contains(&alice.id.to_string()));
    assert!(
        exported(&hers).await["requests_received"].as_array().unwrap().len() == 1,
        "a blocked user's request shows"
    );
});

on_both!(a_long_list_comes_in_full, |world| async move {
    let relay = world.relay();
    let hers = world.person("alice").await.log_in(relay).await;
    let mut rooms = BTreeSet::new();
    // More than the relay reads at a time.
    for _ in 0..41 {
        let made = (0..5).map(|_| room(&hers, RoomKind::Group, &[]));
        rooms.extend(futures_util::future::join_all(made).await);
    }
    let document = exported(&hers).await;
    let shown: BTreeSet<RoomId> =
        document["memberships"].as_array().unwrap().iter().map(|item| text(&item["room"]).parse().unwrap()).collect();
    assert_eq!((shown.len(), shown), (205, rooms));
    assert_eq!(document["rooms_created"].as_array().unwrap().len(), 205);
    // The library gives each room a key, and the relay remembers some of them.
    assert_eq!(document["idempotency_keys"].as_array().unwrap().len(), 206);
});

#[tokio::test]
async fn an_export_is_for_its_user_and_not_for_every_minute() {
    let world = World::start_with(Backend::Embedded, &["--rate-limits".to_owned()]).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    ask(relay, "GET", "/v1/me/export").send().await.problem(401, "unauthorized");
    let login = log_in(relay, &alice).await;
    let answer = ask(relay, "GET", "/v1/me/export").bearer(&login.access).send().await;
    assert_eq!(text(&answer.ok(200)["account"]["username"]), alice.name);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.header("content-disposition").unwrap().starts_with("attachment"));
    // All devices of a user count together.
    let access = text(&refresh(relay, &login.refresh).await.ok(200)["access_token"]);
    let other = token(&Session::new(
        relay.client(),
        relay.client().login(&alice.name, &alice.password, "other").await.unwrap(),
        InMemory::shared(),
    ));
    for access in [&access, &other, &access, &other] {
        ask(relay, "GET", "/v1/me/export").bearer(access).send().await.ok(200);
    }
    let limited = ask(relay, "GET", "/v1/me/export").bearer(&other).send().await;
    limited.problem(429, "rate_limited");
    assert!(limited.header("retry-after").unwrap().parse::<u64>().unwrap() > 60);
}
