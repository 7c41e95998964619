//! Statements that come fast: the relay hears the latest one, and not too often.

use std::collections::HashSet;

use ferry_client::protocol::{DeviceFrame, ErrorCode, ErrorFrame, ReadCursor, RelayFrame};
use ferry_client::{MessageId, RoomId, UserId};
use ferry_testkit::soon;

use crate::fake::{Relay, message, welcome};
use crate::{connect, next_message};

#[tokio::test]
async fn marks_that_come_fast_are_few_frames_and_the_close_waits_for_the_last() {
    let mut relay = Relay::start().await;
    let (connection, _events) = connect(&relay);
    let peer = relay.welcomed().await;
    let rooms = [RoomId::new(), RoomId::new()];
    let authors: Vec<UserId> = (0..50).map(|_| UserId::new()).collect();
    let marking = async {
        for sent_at in 1..=1_000 {
            let author = authors[sent_at as usize % 50];
            let cursor = ReadCursor { up_to: MessageId::new(), sent_at, authors: vec![author] };
            connection.mark_read(rooms[sent_at as usize / 2 % 2], cursor).await.unwrap();
        }
        connection.close().await;
    };
    let (frames, ()) = soon("the marks", async { tokio::join!(peer.until_closed(), marking) }).await;
    assert!(frames.len() < 60, "{} frames", frames.len());
    for (room, last) in [(rooms[0], 1_000), (rooms[1], 999)] {
        let cursors: Vec<&ReadCursor> = frames
            .iter()
            .filter_map(|frame| match frame {
                DeviceFrame::Read(read) if read.room == room => Some(&read.cursor),
                _ => None,
            })
            .collect();
        assert_eq!(cursors.last().unwrap().sent_at, last);
        let told: HashSet<UserId> = cursors.iter().flat_map(|cursor| cursor.authors.clone()).collect();
        assert!(told.len() >= 25, "{} authors are told", told.len());
    }
}

#[tokio::test]
async fn a_mark_without_a_connection_goes_out_with_the_next() {
    let mut relay = Relay::start().await;
    let (connection, _events) = connect(&relay);
    // The socket is open, but the relay has not welcomed the device.
    let mut peer = relay.peer().await;
    let (room, cursor) = (RoomId::new(), ReadCursor { up_to: MessageId::new(), sent_at: 7, authors: Vec::new() });
    connection.mark_read(room, cursor.clone()).await.unwrap();
    peer.send(&RelayFrame::Welcome(welcome(i64::MAX / 2))).await;
    match peer.frame().await {
        DeviceFrame::Read(read) => assert_eq!((read.room, read.cursor), (room, cursor)),
        other => panic!("no mark: {other:?}"),
    }
}

#[tokio::test]
async fn a_rejected_list_of_watched_users_is_said_again_as_it_is_then() {
    let mut relay = Relay::start().await;
    let (connection, mut events) = connect(&relay);
    let mut peer = relay.welcomed().await;
    let users = [UserId::new(), UserId::new(), UserId::new()];
    connection.watch(vec![users[0]]).await;
    let watched = |frame: DeviceFrame| match frame {
        DeviceFrame::Watch(watch) => watch.users,
        other => panic!("no list: {other:?}"),
    };
    assert_eq!(watched(peer.frame().await), [users[0]]);
    peer.send(&RelayFrame::Error(ErrorFrame {
        code: ErrorCode::RateLimited,
        message: "no".into(),
        temporary: true,
        retry_after_ms: Some(100),
        id: None,
        field: None,
        outstanding: Vec::new(),
    }))
    .await;
    // What comes after the error shows that it was heard.
    peer.deliver("1", &message("hello")).await;
    next_message(&mut events).await;
    connection.watch(vec![users[1]]).await;
    connection.watch(vec![users[2]]).await;
    assert_eq!(watched(peer.frame().await), [users[2]], "only the latest");
    connection.watch(vec![users[0]]).await;
    assert_eq!(watched(peer.frame().await), [users[0]], "the relay takes lists again");
}
