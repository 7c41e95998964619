//! Friend requests: asking, accepting and ending.

use ferry_client::{Paging, Session};
use ferry_protocol::{ErrorCode, FriendState, NoticeEvent, UserId};
use serde_json::json;

use super::{code, notice, text};
use crate::{
    harness::{Backend, World},
    http::ask::{ask, token},
    on_both,
};
use FriendState::{Friends, Incoming, Outgoing};

/// Returns the users in the list.
async fn listed(session: &Session, state: FriendState) -> Vec<UserId> {
    session.all_friends(state).await.unwrap().into_iter().map(|friend| friend.user).collect()
}

on_both!(a_friendship_begins_and_ends, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mut alices, mut bobs) = (alice.online(relay).await, bob.online(relay).await);
    // Another device of hers: all of them get the notices.
    let mut phone = alice.online(relay).await;

    let asked = alices.session.befriend(bob.id).await.unwrap();
    assert_eq!((asked.user, asked.username.as_str(), asked.state), (bob.id, bob.name.as_str(), Outgoing));
    let requested = NoticeEvent::FriendRequested { user: bob.id, by: alice.id };
    for device in [&mut phone, &mut bobs] {
        assert_eq!(notice(device).await, requested);
    }
    assert_eq!(listed(&alices.session, Outgoing).await, [bob.id]);
    assert_eq!(listed(&bobs.session, Incoming).await, [alice.id]);
    assert_eq!(listed(&bobs.session, Friends).await, []);
    // Asking again changes nothing and sends no notice.
    assert_eq!(alices.session.befriend(bob.id).await.unwrap(), asked);

    let accepted = bobs.session.befriend(alice.id).await.unwrap();
    assert_eq!((accepted.user, accepted.state), (alice.id, Friends));
    for device in [&mut alices, &mut phone] {
        assert_eq!(notice(device).await, NoticeEvent::FriendAccepted { user: alice.id, by: bob.id });
    }
    assert_eq!(bobs.session.befriend(alice.id).await.unwrap(), accepted);
    let hers = alices.session.all_friends(Friends).await.unwrap();
    assert_eq!((hers.len(), hers[0].user, hers[0].since), (1, bob.id, accepted.since));
    assert_eq!((listed(&alices.session, Outgoing).await, listed(&bobs.session, Incoming).await), (vec![], vec![]));

    // A friendship is ended, then a request is withdrawn, then another is rejected. Only the user
    // who rejects is told of that.
    alices.session.unfriend(bob.id).await.unwrap();
    let ended = NoticeEvent::FriendRemoved { user: bob.id, by: alice.id };
    for device in [&mut phone, &mut bobs] {
        assert_eq!(notice(device).await, ended);
    }
    assert_eq!(code(alices.session.unfriend(bob.id)).await, Err(ErrorCode::NotFound));
    let mut laptop = bob.online(relay).await;
    for (by, other) in [(&alices, bob.id), (&bobs, alice.id)] {
        alices.session.befriend(bob.id).await.unwrap();
        by.session.unfriend(other).await.unwrap();
        assert_eq!(code(by.session.unfriend(other)).await, Err(ErrorCode::NotFound));
        assert_eq!((listed(&alices.session, Outgoing).await, listed(&bobs.session, Incoming).await), (vec![], vec![]));
    }
    for event in [&requested, &ended, &requested] {
        for device in [&mut phone, &mut bobs, &mut laptop] {
            assert_eq!(notice(device).await, *event);
        }
    }
    assert_eq!(notice(&mut laptop).await, NoticeEvent::FriendRemoved { user: alice.id, by: bob.id });
    let direct = bobs.direct(alice.id).await;
    bobs.send(direct, "a fence").await;
    for device in [&mut alices, &mut phone] {
        assert_eq!(text(device).await, "a fence", "and no notice before it");
    }
    // A withdrawn request cannot be accepted: the attempt becomes a new request.
    assert_eq!(bobs.session.befriend(alice.id).await.unwrap().state, Outgoing);
});

on_both!(two_who_ask_at_once_are_friends, |world| async move {
    let relay = world.relay();
    for _ in 0..5 {
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (alices, bobs) = (alice.log_in(relay).await, bob.log_in(relay).await);
        let asks = (0..8).map(|n| if n % 2 == 0 { alices.befriend(bob.id) } else { bobs.befriend(alice.id) });
        let answers = futures_util::future::join_all(asks.map(Box::pin)).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        for (session, other) in [(&alices, bob.id), (&bobs, alice.id)] {
            assert_eq!(listed(session, Friends).await, [other]);
            assert_eq!((listed(session, Incoming).await, listed(session, Outgoing).await), (vec![], vec![]));
        }
    }
});

/// Two relays agree on one friendship, whichever of them is asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_on_two_relays_who_ask_at_once_are_friends() {
    let mut world = World::start(Backend::Cluster).await;
    let other = world.add_relay().await;
    for _ in 0..5 {
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (mut alices, mut bobs) = (alice.online(world.relay()).await, bob.online(&world.relays[other]).await);
        let asked = tokio::join!(alices.session.befriend(bob.id), bobs.session.befriend(alice.id));
        let states = [asked.0.unwrap().state, asked.1.unwrap().state];
        assert!(states == [Outgoing, Friends] || states == [Friends, Outgoing], "{states:?}");
        let (first, second, heard) = if states[0] == Outgoing {
            (alice.id, bob.id, [&mut bobs, &mut alices])
        } else {
            (bob.id, alice.id, [&mut alices, &mut bobs])
        };
        let [of_request, of_answer] = heard;
        assert_eq!(notice(of_request).await, NoticeEvent::FriendRequested { user: second, by: first });
        assert_eq!(notice(of_answer).await, NoticeEvent::FriendAccepted { user: first, by: second });
        assert_eq!(listed(&alices.session, Friends).await, [bob.id]);
        assert_eq!(listed(&bobs.session, Friends).await, [alice.id]);
    }
}

on_both!(lists_of_friends_are_paged_by_name, |world| async move {
    let relay = world.relay();
    let alice = world.person("alice").await;
    let alices = alice.log_in(relay).await;
    let mut names = Vec::new();
    // Users with greater and with lesser ids than hers.
    for _ in 0..3 {
        let other = world.person("friend").await;
        alices.befriend(other.id).await.unwrap();
        other.log_in(relay).await.befriend(alice.id).await.unwrap();
        names.push(other.name);
    }
    let last = world.person("friend").await;
    let lasts = last.log_in(relay).await;
    for name in &names {
        let user = lasts.find_users(name, &Paging::default()).await.unwrap().items[0].id;
        lasts.befriend(user).await.unwrap();
    }
    names.sort();
    for state in [Friends, Outgoing] {
        let session = if state == Friends { &alices } else { &lasts };
        let (mut seen, mut paging) = (Vec::new(), Paging { limit: Some(2), cursor: None });
        loop {
            let page = session.friends(state, &paging).await.unwrap();
            assert!(page.items.len() <= 2);
            seen.extend(page.items.into_iter().map(|friend| friend.username));
            paging.cursor = page.next_cursor;
            if paging.cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, names, "{state}");
    }
    assert_eq!(lasts.all_friends(Friends).await.unwrap(), []);
});

on_both!(friends_of_a_deleted_account_are_gone, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (alices, bobs) = (alice.log_in(relay).await, bob.log_in(relay).await);
    alices.befriend(bob.id).await.unwrap();
    bobs.befriend(alice.id).await.unwrap();
    bobs.delete_me(&bob.password).await.unwrap();
    assert_eq!(listed(&alices, Friends).await, []);
    assert_eq!(code(alices.unfriend(bob.id)).await, Err(ErrorCode::NotFound));
    assert_eq!(code(alices.befriend(bob.id)).await, Err(ErrorCode::NotFound));
});

on_both!(who_is_nobody_or_oneself_cannot_be_befriended_nor_blocked, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let access = token(&alice.log_in(relay).await);
    let call = async |method: &str, path: String| ask(relay, method, &path).bearer(&access).send().await;
    for list in ["friends", "blocks"] {
        for method in ["PUT", "DELETE"] {
            call(method, format!("/v1/{list}/{}", alice.id)).await.invalid("user");
            for nobody in [UserId::new().to_string(), "bob".to_owned(), bob.id.0.simple().to_string()] {
                call(method, format!("/v1/{list}/{nobody}")).await.problem(404, "not_found");
            }
            ask(relay, method, &format!("/v1/{list}/{}", bob.id)).send().await.problem(401, "unauthorized");
        }
        call("DELETE", format!("/v1/{list}/{}", bob.id)).await.problem(404, "not_found");
        call("GET", format!("/v1/{list}?cursor=%00")).await.invalid("cursor");
        call("GET", format!("/v1/{list}?limit=0")).await.invalid("limit");
        ask(relay, "GET", &format!("/v1/{list}")).send().await.problem(401, "unauthorized");
    }
    call("GET", "/v1/friends?state=enemies".to_owned()).await.invalid("state");
    assert_eq!(call("GET", "/v1/friends".to_owned()).await.ok(200), json!({ "items": [] }));
    let asked = call("PUT", format!("/v1/friends/{}", bob.id)).await.ok(201);
    assert_eq!((&asked["friend"]["user"], &asked["friend"]["state"]), (&json!(bob.id), &json!("outgoing")));
    call("PUT", format!("/v1/friends/{}", bob.id)).await.ok(200);
    call("DELETE", format!("/v1/friends/{}", bob.id)).await.ok(204);
    let blocked = call("PUT", format!("/v1/blocks/{}", bob.id)).await.ok(201);
    assert_eq!(blocked["block"]["username"], json!(bob.name));
    call("PUT", format!("/v1/blocks/{}", bob.id)).await.ok(200);
    call("DELETE", format!("/v1/blocks/{}", bob.id)).await.ok(204);
});

on_both!(requests_are_limited_and_answers_are_not, ["--rate-limits", "--friend-requests", "2"], |world| async move {
    let relay = world.relay();
    let mut people = Vec::new();
    for name in ["alice", "a", "b", "c", "d"] {
        people.push(world.person(name).await);
    }
    let alices = people[0].log_in(relay).await;
    people[4].log_in(relay).await.befriend(people[0].id).await.unwrap();
    for other in &people[1..3] {
        alices.befriend(other.id).await.unwrap();
        // An open request is not sent again.
        alices.befriend(other.id).await.unwrap();
    }
    assert_eq!(code(alices.befriend(people[3].id)).await, Err(ErrorCode::RateLimited));
    // Not from another device either, and nobody got a notice of it.
    let phone = people[0].log_in(relay).await;
    assert_eq!(code(phone.befriend(people[3].id)).await, Err(ErrorCode::RateLimited));
    assert_eq!(listed(&people[3].log_in(relay).await, Incoming).await, []);
    assert_eq!(alices.befriend(people[4].id).await.unwrap().state, Friends);
});
