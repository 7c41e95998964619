//! A send whose publish fails for some of the recipients.

use ferry_client::{ClientError, Event, SendError};
use ferry_protocol::{Body, KIND_TEXT, MessageId, UserId};
use serde_json::json;

use super::nsqd_cluster::two_and_one;
use crate::{
    bare::{Bare, send_frame, text},
    harness::{Online, World, assert_unavailable, post, post_until_accepted, until, within},
};

/// Waits until the relay has answered so many sends with `unavailable`.
async fn refused_times(world: &World, times: f64) {
    until("a send was tried again", || async {
        let name = "ferry_errors_total{code=\"unavailable\"}";
        let text = world.relay().metrics().await;
        let count = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        (count.unwrap_or(0.0) >= times).then_some(())
    })
    .await;
}

/// The library retries by itself. Those who have the message get no more copies, later messages do
/// not wait, and the rest get it with its first stamp.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goes_again_to_those_alone_who_do_not_have_it() {
    let mut world = World::start_over(2, &[]).await;
    let ([(_, mut ann), (ben, bens)], (cleo, mut cleos)) = two_and_one(&world).await;
    let room = ann.group(&[ben.id, cleo.id]).await;
    bens.connection.close().await;
    let mut bens = Bare::open(bens.session.clone(), world.relay()).await;
    world.nsqds[1].kill();
    cleos.disconnected().await;

    let id = MessageId::new();
    let connection = ann.connection.clone();
    let sending =
        tokio::spawn(async move { connection.send_with_id(id, room, KIND_TEXT, Body::text("for both"), None).await });
    let told: (MessageId, Vec<UserId>) = ann
        .find("outstanding", |event| match event {
            Event::Outstanding { id, users } => Some((id, users)),
            _ => None,
        })
        .await;
    assert_eq!(told, (id, vec![cleo.id]));
    let first = bens.message().await;
    assert_eq!(text(&first), "for both");
    bens.ack_for_sure(&first).await;
    refused_times(&world, 3.0).await;
    // Nothing came in between, and the connection still carries messages to users of other homes.
    let direct = ann.direct(ben.id).await;
    ann.send(direct, "meanwhile").await;
    let next = bens.message().await;
    assert_eq!(text(&next), "meanwhile");
    bens.ack_for_sure(&next).await;

    world.nsqds[1].restart().await;
    let sent = within(sending).await.unwrap().unwrap();
    assert_eq!((sent.id, sent.recipients, sent.unreachable), (id, 2, vec![]));
    let late = cleos.message().await;
    let stamp = (late.message.epoch, late.message.seq, late.message.sent_at);
    assert_eq!(stamp, (sent.epoch, sent.seq, sent.sent_at));
    assert_eq!(json!([stamp.0, stamp.1, stamp.2]), {
        let message = &first["message"];
        json!([message["epoch"], message["seq"], message["sent_at"]])
    });
    late.ack();
    ann.send(direct, "last").await;
    assert_eq!(text(&bens.message().await), "last", "no copy came after the node was back");
}

/// The pause before a retry grows, and the answer says for whom the send is outstanding.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_to_be_tried_again_later_and_later() {
    let mut world = World::start_over(2, &[]).await;
    let ([(ann, _online), (ben, mut bens)], (cleo, mut cleos)) = two_and_one(&world).await;
    let mut anns = Bare::online(&ann, world.relay()).await;
    let room = bens.group(&[ann.id, cleo.id]).await;
    world.nsqds[1].kill();
    cleos.disconnected().await;
    let frame = send_frame(MessageId::new(), room, "to both");
    let mut pauses = Vec::new();
    for _ in 0..4 {
        let error = anns.refused(&frame).await;
        assert_eq!((&error["code"], &error["outstanding"]), (&json!("unavailable"), &json!([cleo.id])));
        pauses.push(error["retry_after_ms"].as_u64().unwrap());
    }
    assert!(pauses.is_sorted() && pauses[3] >= 2 * pauses[0], "{pauses:?}");

    // Over HTTP it is the same.
    let id = MessageId::new();
    for _ in 0..2 {
        let error = post(&anns.session, room, id, "over HTTP").await.unwrap_err();
        assert_unavailable(&error);
        let ClientError::Problem(problem) = error else { panic!("{error}") };
        assert_eq!(problem.outstanding, [cleo.id]);
    }
    assert_eq!([bens.text().await, bens.text().await], ["to both", "over HTTP"]);
    world.nsqds[1].restart().await;
    cleos.connected().await;
    assert_eq!(post_until_accepted(&anns.session, room, id, "over HTTP").await.recipients, 2);
    assert_eq!(cleos.text().await, "over HTTP");
    let other = post(&anns.session, room, id, "another text").await;
    assert!(other.is_err_and(|error| error.code() == Some(ferry_protocol::ErrorCode::IdReused)));
    bens.send(room, "next").await;
    let _ = (ben, bens);
}

/// A send for which nobody waits any more is not tried for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ends_with_its_connection() {
    let mut world = World::start_over(2, &[]).await;
    let ([(_, ann), (ben, _bens)], (cleo, mut cleos)) = two_and_one(&world).await;
    let room = ann.group(&[ben.id, cleo.id]).await;
    world.nsqds[1].kill();
    cleos.disconnected().await;
    let connection = ann.connection.clone();
    let sending = tokio::spawn(async move { connection.send(room, KIND_TEXT, Body::text("x"), None).await });
    refused_times(&world, 1.0).await;
    let Online { connection, .. } = ann;
    connection.close().await;
    assert!(matches!(within(sending).await.unwrap(), Err(SendError::Closed(_))));
}
