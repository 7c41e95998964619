//! A message is accepted once, whatever happens on the way.

use ferry_client::protocol::{ErrorCode, ErrorFrame, RelayFrame, Sent};
use ferry_client::{Body, ClosedReason, ConnectOptions, Connection, MessageId, RoomId, SendError};
use ferry_testkit::soon;
use tokio::task::JoinHandle;

use crate::fake::{Relay, sent};
use crate::{connect, quick};

fn send(connection: &Connection, text: &str) -> JoinHandle<Result<Sent, SendError>> {
    let (connection, body) = (connection.clone(), Body::text(text));
    tokio::spawn(async move { connection.send(RoomId::new(), "text", body, None).await })
}

async fn answer(sending: JoinHandle<Result<Sent, SendError>>) -> Result<Sent, SendError> {
    soon("an answer", sending).await.unwrap()
}

fn error(id: MessageId, code: ErrorCode, retry_after_ms: Option<u64>) -> RelayFrame {
    let temporary = code.is_temporary();
    RelayFrame::Error(ErrorFrame {
        code,
        message: "no".into(),
        temporary,
        retry_after_ms,
        id: Some(id),
        field: None,
        outstanding: Vec::new(),
    })
}

#[tokio::test]
async fn what_was_not_answered_goes_again_with_the_same_id_and_in_order() {
    let mut relay = Relay::start().await;
    let (connection, _events) = connect(&relay);
    let mut peer = relay.welcomed().await;
    let first = send(&connection, "first");
    let first_id = peer.sending().await.id;
    let second = send(&connection, "second");
    let second_id = peer.sending().await.id;
    drop(peer);
    let mut peer = relay.welcomed().await;
    assert_eq!(peer.sending().await.id, first_id);
    assert_eq!(peer.sending().await.id, second_id);
    peer.send(&sent(second_id)).await;
    peer.send(&sent(first_id)).await;
    assert_eq!(answer(first).await.unwrap().id, first_id);
    assert_eq!(answer(second).await.unwrap().id, second_id);
    assert!(first_id.is_v7());
}

#[tokio::test]
async fn a_temporary_refusal_is_tried_again_and_a_permanent_one_is_told() {
    let mut relay = Relay::start().await;
    let (connection, _events) = connect(&relay);
    let mut peer = relay.welcomed().await;
    let patient = send(&connection, "again");
    let id = peer.sending().await.id;
    peer.send(&error(id, ErrorCode::RateLimited, Some(10))).await;
    assert_eq!(peer.sending().await.id, id);
    peer.send(&error(id, ErrorCode::Unavailable, None)).await;
    assert_eq!(peer.sending().await.id, id);
    peer.send(&sent(id)).await;
    assert_eq!(answer(patient).await.unwrap().id, id);
    let refused = send(&connection, "never");
    let id = peer.sending().await.id;
    peer.send(&error(id, ErrorCode::Muted, None)).await;
    match answer(refused).await {
        Err(SendError::Refused(error)) => assert_eq!(error.code, ErrorCode::Muted),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_message_past_the_relays_limit_is_refused_here() {
    let mut relay = Relay::start().await;
    let (connection, _events) = connect(&relay);
    let mut peer = relay.welcomed().await;
    let long = send(&connection, &"x".repeat(70_000));
    assert!(matches!(answer(long).await, Err(SendError::TooLarge { limit: 65_536, .. })));
    let short = send(&connection, "short");
    let id = peer.sending().await.id;
    peer.send(&sent(id)).await;
    assert!(answer(short).await.is_ok());
}

#[tokio::test]
async fn a_message_sent_before_the_socket_is_open_goes_when_it_is() {
    let mut relay = Relay::start().await;
    let (connection, _events) = connect(&relay);
    let early = send(&connection, "early");
    let mut peer = relay.welcomed().await;
    let id = peer.sending().await.id;
    peer.send(&sent(id)).await;
    assert!(answer(early).await.is_ok());
}

#[tokio::test]
async fn sends_end_with_the_reason_of_the_connection() {
    let mut relay = Relay::start().await;
    let (connection, _events) = connect(&relay);
    let mut peer = relay.welcomed().await;
    let waiting = send(&connection, "x");
    peer.sending().await;
    peer.close(4502).await;
    assert_eq!(answer(waiting).await, Err(SendError::Closed(ClosedReason::Replaced)));
    assert_eq!(answer(send(&connection, "y")).await, Err(SendError::Closed(ClosedReason::Replaced)));
}

#[tokio::test]
async fn more_sends_than_the_outbox_holds_wait_and_arrive_in_order() {
    let mut relay = Relay::start().await;
    let (connection, _events) = relay.session().connect(ConnectOptions { outbox: 40, ..quick() });
    let mut peer = relay.welcomed().await;
    let all = tokio::spawn(async move {
        let sends = (0..100).map(|number| {
            let body = Body::json(&serde_json::json!(number));
            connection.send(RoomId::new(), "number", body, None)
        });
        futures_util::future::join_all(sends).await
    });
    for number in 0..100 {
        let send = peer.sending().await;
        assert_eq!(send.body.get(), number.to_string());
        peer.send(&sent(send.id)).await;
    }
    assert!(soon("all answers", all).await.unwrap().into_iter().all(|answer| answer.is_ok()));
}
