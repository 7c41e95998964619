//! Tests with a server that breaks the protocol: the client returns an error and never panics, and
//! a publisher recovers.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

use std::time::Duration;

use ferry_nsq::{ConnectError, Options, PublishError, Publisher, SubscribeError, Subscription, SubscriptionError};
use ferry_testkit::{
    Nsqd, free_port,
    nsq::{body, channel, connected, topic},
    within,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const OK: &[u8] = b"\0\0\0\x06\0\0\0\0OK";

/// Accepts a client, reads its magic and IDENTIFY, and answers `{}`.
async fn accept(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut start = [0; 4 + 9 + 4];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start[..13], b"  V2IDENTIFY\n");
    let size = u32::from_be_bytes(start[13..].try_into().unwrap());
    let mut json = vec![0; size as usize];
    stream.read_exact(&mut json).await.unwrap();
    stream.write_all(b"\0\0\0\x06\0\0\0\0{}").await.unwrap();
    stream
}

async fn read_line(stream: &mut TcpStream) -> String {
    let mut line = String::new();
    loop {
        match stream.read_u8().await.unwrap() {
            b'\n' => return line,
            byte => line.push(byte.into()),
        }
    }
}

/// Returns a subscription whose server then sends `bytes`.
async fn subscription_receiving(bytes: &'static [u8]) -> (Subscription, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move {
        let mut stream = accept(&listener).await;
        assert_eq!(read_line(&mut stream).await, "SUB t c");
        stream.write_all(OK).await.unwrap();
        assert_eq!(read_line(&mut stream).await, "RDY 1");
        stream.write_all(bytes).await.unwrap();
        // The server keeps the connection open until the client gives up, so that the error is the
        // client's own finding.
        let _ = stream.read(&mut [0]).await;
    });
    let options = Options::default();
    let subscription = within(Subscription::connect(&address, &topic("t"), &channel("c"), &options, 1)).await;
    (subscription.unwrap(), server)
}

#[tokio::test]
async fn broken_frames_end_a_subscription_with_an_error() {
    let broken: [&'static [u8]; 5] = [
        b"\x7f\xff\xff\xff\0\0\0\x02",                                  // 2 GiB
        b"HTTP/1.1 400 Bad Request\r\n\r\n",                            // another protocol
        b"\0\0\0\x01\0\0\0\0",                                          // too small for its type
        b"\0\0\0\x06\0\0\0\x09OK",                                      // unknown type
        b"\0\0\0\x1e\0\0\0\x02\0\0\0\0\0\0\0\0\0\x010123456789abcd\nX", // an id with a newline
    ];
    for bytes in broken {
        let (mut subscription, server) = subscription_receiving(bytes).await;
        let error = within(subscription.next()).await.unwrap_err();
        assert!(matches!(error, SubscriptionError::Codec(_)), "{bytes:?}: {error:?}");
        assert!(subscription.try_next().is_none());
        assert!(within(subscription.next()).await.is_err(), "it stays ended");
        drop(subscription);
        within(server).await.unwrap();
    }
}

#[tokio::test]
async fn a_message_before_a_broken_frame_is_still_delivered() {
    let (mut subscription, _server) = subscription_receiving(
        b"\0\0\0\x20\0\0\0\x02\0\0\0\0\0\0\0\0\0\x010123456789abcdefhi\xff\xff\xff\xff\0\0\0\x02",
    )
    .await;
    let message = within(subscription.next()).await.unwrap();
    assert_eq!(&message.body[..], b"hi");
    assert!(matches!(within(subscription.next()).await, Err(SubscriptionError::Codec(_))));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let options = Options { connect_timeout: Duration::from_millis(50), ..Options::default() };
    let result = within(Subscription::connect(&address, &topic("t"), &channel("c"), &options, 1)).await;
    assert!(matches!(result, Err(SubscribeError::Connect(ConnectError::Timeout(_)))), "{result:?}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_an_error() {
    let address = format!("127.0.0.1:{}", free_port().unwrap());
    let result = within(Subscription::connect(&address, &topic("t"), &channel("c"), &Options::default(), 1)).await;
    assert!(matches!(result, Err(SubscribeError::Connect(ConnectError::Io(_)))), "{result:?}");
}

#[tokio::test]
async fn a_publisher_drops_a_server_that_breaks_the_protocol_and_connects_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let publisher = Publisher::connect(address, Options::default());

    // First garbage in place of an answer, then an answer that nobody asked for.
    for bytes in [&b"\xff\xff\xff\xff\0\0\0\0"[..], b"\0\0\0\x06\0\0\0\0OK\0\0\0\x06\0\0\0\0OK"] {
        let mut stream = within(accept(&listener)).await;
        connected(&publisher).await;
        let publishing = tokio::spawn({
            let publisher = publisher.clone();
            async move { publisher.publish(&topic("t"), body("x")).await }
        });
        assert_eq!(within(read_line(&mut stream)).await, "PUB t");
        stream.write_all(bytes).await.unwrap();
        let answer = within(publishing).await.unwrap();
        if bytes.starts_with(b"\xff") {
            assert_eq!(answer, Err(PublishError::ConnectionLost));
        } else {
            assert_eq!(answer, Ok(()));
        }
        // The client closes the connection.
        within(async { while stream.read_u8().await.is_ok() {} }).await;
    }
    let _stream = within(accept(&listener)).await;
    connected(&publisher).await;
}

#[tokio::test]
async fn a_failing_hook_keeps_the_connection_from_publishers() {
    let nsqd = Nsqd::start().await.unwrap();
    let attempts = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let publisher = Publisher::connect_with(nsqd.address(), Options::default(), {
        let attempts = attempts.clone();
        move || {
            let attempt = attempts.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async move { if attempt < 2 { Err("not yet".into()) } else { Ok(()) } }
        }
    });
    assert_eq!(publisher.publish(&topic("t"), body("x")).await, Err(PublishError::NotConnected));
    connected(&publisher).await;
    assert_eq!(attempts.load(std::sync::atomic::Ordering::SeqCst), 3);
    within(publisher.publish(&topic("t"), body("x"))).await.unwrap();
}
