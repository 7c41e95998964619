//! Tests of a publisher with a real nsqd and faults: errors, a crash, a frozen server, limits,
//! abandoned publishes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

use std::{
    pin::Pin,
    task::{Context, Waker},
    time::Duration,
};

use bytes::Bytes;
use ferry_nsq::{Options, PublishError, Publisher, TopicName};
use ferry_testkit::{
    Nsqd,
    nsq::{body, channel, connected, receive, topic},
    until, within,
};

type Publish<'a> = Pin<Box<dyn Future<Output = Result<(), PublishError>> + 'a>>;

/// Begins a publish. It is on its way when this returns.
fn begin<'a>(publisher: &'a Publisher, topic: &'a TopicName, body: Bytes) -> Publish<'a> {
    let mut publish: Publish<'a> = Box::pin(publisher.publish(topic, body));
    let polled = publish.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "{polled:?}");
    publish
}

/// Returns options with which a frozen server is noticed soon.
fn impatient() -> Options {
    Options {
        response_timeout: Duration::from_millis(300),
        connect_timeout: Duration::from_millis(300),
        ..Options::default()
    }
}

#[tokio::test]
async fn what_cannot_be_published_is_refused_here_and_the_others_go_on() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    let mut device = nsqd.subscribe(&topic, &channel, &Options::default(), 10).await;
    let publisher = nsqd.publisher(Options::default()).await;
    let max = Options::default().max_body_size;

    let first = publisher.publish(&topic, body("first"));
    let empty = publisher.publish(&topic, Bytes::new());
    let oversize = publisher.publish(&topic, vec![0; max + 1].into());
    let largest = publisher.publish(&topic, vec![b'x'; max].into());
    let last = publisher.publish(&topic, body("last"));
    let (first, empty, oversize, largest, last) =
        within(async { tokio::join!(first, empty, oversize, largest, last) }).await;
    assert_eq!((first, largest, last), (Ok(()), Ok(()), Ok(())));
    assert_eq!(empty, Err(PublishError::EmptyBody));
    assert_eq!(oversize, Err(PublishError::TooLarge { size: max + 1, max }));

    let mut lengths = Vec::new();
    for _ in 0..3 {
        let (message, _) = receive(&mut device).await;
        device.finish(message.id);
        lengths.push(message.body.len());
    }
    lengths.sort_unstable();
    assert_eq!(lengths, [4, 5, max]);
}

/// Every error of PUB is fatal to the connection in nsqd 1.3.0: nsqd does not process what follows
/// it.
#[tokio::test]
async fn a_refusal_by_nsqd_reaches_the_publish_it_is_about() {
    let nsqd = Nsqd::start().await.unwrap();
    let topic = topic("user.a");
    // With these options the client sends more than nsq.conf allows.
    let publisher = nsqd.publisher(Options { max_body_size: 1 << 20, ..Options::default() }).await;
    let publishes =
        [body("before"), vec![0; 200 * 1024].into(), body("after")].map(|body| begin(&publisher, &topic, body));
    let mut answers = Vec::new();
    for publish in publishes {
        answers.push(within(publish).await);
    }
    assert_eq!(answers[0], Ok(()));
    let Err(PublishError::Refused(refusal)) = &answers[1] else { panic!("{answers:?}") };
    assert_eq!(refusal.code, "E_BAD_MESSAGE");
    assert_eq!(answers[2], Err(PublishError::ConnectionLost));
    connected(&publisher).await;
    within(publisher.publish(&topic, body("later"))).await.unwrap();
}

#[tokio::test]
async fn publishes_outstanding_when_nsqd_is_killed_fail_and_later_ones_succeed() {
    let mut nsqd = Nsqd::start().await.unwrap();
    let topic = topic("user.a");
    let publisher = nsqd.publisher(Options::default()).await;
    // Frozen first, so that the publishes are certainly outstanding.
    nsqd.freeze();
    let outstanding: Vec<_> = (0..100).map(|_| begin(&publisher, &topic, body("x"))).collect();
    nsqd.kill();
    for publish in outstanding {
        let error = within(publish).await.unwrap_err();
        // Some requests of the queue may not have been looked at before the connection was gone.
        assert!(matches!(error, PublishError::ConnectionLost | PublishError::NotConnected), "{error:?}");
    }
    assert_eq!(publisher.publish(&topic, body("x")).await, Err(PublishError::NotConnected));
    nsqd.restart().await;
    connected(&publisher).await;
    within(publisher.publish(&topic, body("x"))).await.unwrap();
}

#[tokio::test]
async fn a_frozen_nsqd_makes_publishes_time_out_and_recovers() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    nsqd.admin().create_channel(&topic, &channel).await.unwrap();
    let publisher = nsqd.publisher(impatient()).await;
    nsqd.freeze();
    let outstanding: Vec<_> = (0..10).map(|_| begin(&publisher, &topic, body("unsure"))).collect();
    for publish in outstanding {
        let error = within(publish).await.unwrap_err();
        assert!(error.outcome_unknown(), "{error:?}");
    }
    // Nobody waits for a server that is known to be down.
    assert_eq!(publisher.publish(&topic, body("x")).await, Err(PublishError::NotConnected));
    nsqd.thaw();
    connected(&publisher).await;
    within(publisher.publish(&topic, body("sure"))).await.unwrap();

    // The answers that it gave late belong to no publish.
    let mut device = nsqd.subscribe(&topic, &channel, &Options::default(), 64).await;
    loop {
        let (message, text) = receive(&mut device).await;
        device.finish(message.id);
        if text == "sure" {
            break;
        }
    }
}

#[tokio::test]
async fn more_than_the_bounds_fails_at_once() {
    let nsqd = Nsqd::start().await.unwrap();
    let topic = topic("user.a");
    let options = Options { max_outstanding: 3, max_outstanding_bytes: 100, ..Options::default() };
    let publisher = nsqd.publisher(options).await;
    nsqd.freeze();
    let large = begin(&publisher, &topic, vec![0; 90].into());
    assert_eq!(publisher.publish(&topic, vec![0; 11].into()).await, Err(PublishError::QueueFull));
    let small = [begin(&publisher, &topic, body("x")), begin(&publisher, &topic, body("x"))];
    assert_eq!(publisher.publish(&topic, body("x")).await, Err(PublishError::QueueFull));
    nsqd.thaw();
    within(large).await.unwrap();
    for publish in small {
        within(publish).await.unwrap();
    }
    within(publisher.publish(&topic, vec![0; 100].into())).await.unwrap();
}

#[tokio::test]
async fn an_abandoned_publish_does_not_shift_the_answers_of_others() {
    let nsqd = Nsqd::start().await.unwrap();
    let topic = topic("user.a");
    let publisher = nsqd.publisher(Options { max_body_size: 1 << 20, ..Options::default() }).await;
    nsqd.freeze();
    let abandoned = begin(&publisher, &topic, body("abandoned"));
    let good = begin(&publisher, &topic, body("good"));
    let bad = begin(&publisher, &topic, vec![0; 200 * 1024].into());
    drop(abandoned);
    nsqd.thaw();
    assert_eq!(within(good).await, Ok(()));
    let answer = within(bad).await;
    assert!(matches!(answer, Err(PublishError::Refused(_))), "{answer:?}");
}

#[tokio::test]
async fn the_connection_ends_with_the_last_handle() {
    let nsqd = Nsqd::start().await.unwrap();
    let publisher = nsqd.publisher(Options::default()).await;
    let mut connection = publisher.connected();
    let clone = publisher.clone();
    drop(publisher);
    within(clone.publish(&topic("user.a"), body("x"))).await.unwrap();
    drop(clone);
    // The task drops the sending side of the watch.
    within(async { while connection.changed().await.is_ok() {} }).await;
}

/// Two calls with more than may be under way at once. Each gets its turn whole, and in order.
#[tokio::test]
async fn calls_get_their_turn_in_order() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    let mut device = nsqd.subscribe(&topic, &channel, &Options::default(), 200).await;
    let publisher = nsqd.publisher(Options { max_outstanding: 8, ..Options::default() }).await;
    let call = |name: &'static str| {
        let messages = (0..50).map(|number| (topic.clone(), body(&format!("{name}{number}")))).collect();
        publisher.publish_all(messages, Duration::from_secs(20))
    };
    let (first, second) = within(async { tokio::join!(call("a"), call("b")) }).await;
    assert!(first.is_empty() && second.is_empty());
    let mut got = Vec::new();
    for _ in 0..100 {
        let (message, text) = receive(&mut device).await;
        device.finish(message.id);
        got.push(text);
    }
    let wanted: Vec<String> = ["a", "b"].iter().flat_map(|name| (0..50).map(move |n| format!("{name}{n}"))).collect();
    assert_eq!(got, wanted);
}

/// What cannot be published says which of the messages it was, and gives it back.
#[tokio::test]
async fn failures_of_a_call_are_named() {
    let mut nsqd = Nsqd::start().await.unwrap();
    let topic = topic("user.a");
    let publisher = nsqd.publisher(Options { max_outstanding: 2, ..Options::default() }).await;
    let all = |bodies: [&'static str; 3]| bodies.map(|text| (topic.clone(), body(text))).to_vec();
    let failures = within(publisher.publish_all(all(["one", "", "three"]), Duration::from_secs(5))).await;
    assert_eq!(failures.len(), 1);
    assert_eq!((failures[0].index, &failures[0].error), (1, &PublishError::EmptyBody));
    assert!(!format!("{failures:?}").contains("three"));

    nsqd.kill();
    until("the loss is noticed", || async { (!publisher.is_connected()).then_some(()) }).await;
    let failures = within(publisher.publish_all(all(["one", "two", "three"]), Duration::from_secs(5))).await;
    assert_eq!(failures.iter().map(|failure| failure.index).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(failures.iter().all(|failure| failure.error == PublishError::NotConnected));
}

/// A call that waits for its turn does not wait for ever.
#[tokio::test]
async fn a_call_waits_for_its_turn_only_so_long() {
    let nsqd = Nsqd::start().await.unwrap();
    let topic = topic("user.a");
    let publisher = nsqd.publisher(Options { max_outstanding: 1, ..Options::default() }).await;
    nsqd.freeze();
    let first = begin(&publisher, &topic, body("first"));
    let failures =
        within(publisher.publish_all(vec![(topic.clone(), body("second"))], Duration::from_millis(50))).await;
    assert_eq!(failures[0].error, PublishError::QueueFull);
    nsqd.thaw();
    assert_eq!(within(first).await, Ok(()));
}
