//! Tests of a subscription with a real nsqd and faults: late commands, deletion, a second
//! consumer, a crash, closing.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

use std::{collections::HashSet, time::Duration};

use ferry_nsq::{MessageId, Options, SubscribeError, Subscription};
use ferry_testkit::{
    DEADLINE, Nsqd,
    nsq::{body, channel, receive, topic, until_channel},
    within,
};

/// Returns options with the shortest message timeout that nsqd grants.
fn short_timeout() -> Options {
    Options { msg_timeout: Some(Duration::from_secs(1)), ..Options::default() }
}

/// Writes the commands, and waits until nsqd has answered so many of them as late. Nothing else may
/// come meanwhile.
async fn until_late(device: &mut Subscription, commands: u64) {
    within(async {
        while device.late_commands() < commands {
            // The answer is no message, so `next` does not return for it.
            let _ = tokio::time::timeout(Duration::from_millis(5), device.next()).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_late_fin_leaves_the_subscription_alive_and_the_message_comes_back() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    let mut device = nsqd.subscribe(&topic, &channel, &short_timeout(), 1).await;
    let publisher = nsqd.publisher(Options::default()).await;
    publisher.publish(&topic, body("slow")).await.unwrap();

    let (message, _) = receive(&mut device).await;
    // Not ready for more. Otherwise the redelivery would come here at once, and the FIN would not
    // be late.
    device.ready(0);
    within(device.flush()).await.unwrap();
    until_channel(&nsqd.admin(), &topic, &channel, "the message times out", |stats| stats.timeout_count == 1).await;
    device.finish(message.id);
    device.touch(message.id);
    device.requeue(message.id, Duration::ZERO);
    device.ready(1);

    let (again, text) = receive(&mut device).await;
    assert_eq!((text.as_str(), again.id, again.attempts), ("slow", message.id, 2));
    assert_eq!(device.late_commands(), 3);
    device.finish(again.id);
    publisher.publish(&topic, body("next")).await.unwrap();
    assert_eq!(receive(&mut device).await.1, "next");
}

#[tokio::test]
async fn a_fin_of_an_unknown_id_leaves_the_subscription_alive() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    let mut device = nsqd.subscribe(&topic, &channel, &Options::default(), 1).await;
    let unknown: MessageId = "0123456789abcdef".parse().unwrap();
    device.finish(unknown);
    until_late(&mut device, 1).await;
    nsqd.publisher(Options::default()).await.publish(&topic, body("hello")).await.unwrap();
    let (message, text) = receive(&mut device).await;
    assert_eq!((text.as_str(), device.late_commands()), ("hello", 1));

    // To finish twice is no error either.
    device.finish(message.id);
    device.finish(message.id);
    until_late(&mut device, 2).await;
    nsqd.publisher(Options::default()).await.publish(&topic, body("more")).await.unwrap();
    assert_eq!(receive(&mut device).await.1, "more");
    assert_eq!(device.late_commands(), 2);
}

#[tokio::test]
async fn touch_keeps_a_message_from_coming_back() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    let mut device = nsqd.subscribe(&topic, &channel, &short_timeout(), 1).await;
    nsqd.publisher(Options::default()).await.publish(&topic, body("hello")).await.unwrap();
    let (message, _) = receive(&mut device).await;
    // Three times the message timeout.
    for _ in 0..10 {
        device.touch(message.id);
        within(device.flush()).await.unwrap();
        let other = tokio::time::timeout(Duration::from_millis(300), device.next()).await;
        assert!(other.is_err(), "nothing comes: {other:?}");
    }
    let stats = nsqd.admin().channel_stats(&topic, &channel).await.unwrap().unwrap();
    assert_eq!((stats.timeout_count, stats.in_flight), (0, 1));
}

#[tokio::test]
async fn requeue_brings_a_message_back_after_its_delay() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    let mut device = nsqd.subscribe(&topic, &channel, &Options::default(), 1).await;
    nsqd.publisher(Options::default()).await.publish(&topic, body("hello")).await.unwrap();
    for (attempt, delay) in [(1, Duration::ZERO), (2, Duration::from_millis(150)), (3, Duration::MAX)] {
        let (message, _) = receive(&mut device).await;
        assert_eq!(message.attempts, attempt);
        device.requeue(message.id, delay);
        assert_eq!(device.in_flight(), 0);
    }
    // nsqd limits the longest delay; this is no error.
    within(device.flush()).await.unwrap();
    until_channel(&nsqd.admin(), &topic, &channel, "the message is deferred", |stats| stats.deferred == 1).await;
    assert_eq!(device.late_commands(), 0);
}

#[tokio::test]
async fn a_deleted_channel_ends_the_subscription_and_stays_deleted() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    let mut device = nsqd.subscribe(&topic, &channel, &Options::default(), 1).await;
    assert!(nsqd.admin().delete_channel(&topic, &channel).await.unwrap());
    assert!(within(device.next()).await.is_err());
    assert!(within(device.next()).await.is_err(), "an ended subscription stays ended");
    assert!(within(device.close()).await.is_err());
    assert_eq!(nsqd.admin().channel_stats(&topic, &channel).await.unwrap(), None);
}

#[tokio::test]
async fn a_second_subscription_of_a_channel_is_refused_as_such() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    let mut first = nsqd.subscribe(&topic, &channel, &Options::default(), 1).await;
    let second = Subscription::connect(&nsqd.address(), &topic, &channel, &Options::default(), 1).await;
    assert!(matches!(second, Err(SubscribeError::TooManyConsumers)), "{second:?}");
    nsqd.publisher(Options::default()).await.publish(&topic, body("hello")).await.unwrap();
    assert_eq!(receive(&mut first).await.1, "hello");
}

#[tokio::test]
async fn close_hands_in_flight_messages_to_the_next_subscriber_at_once() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    let mut device = nsqd.subscribe(&topic, &channel, &Options::default(), 10).await;
    let publisher = nsqd.publisher(Options::default()).await;
    for number in 0..5 {
        publisher.publish(&topic, body(&number.to_string())).await.unwrap();
    }
    // Two are taken, and one of them is finished. The others are on their way, or in buffers.
    let (finished, _) = receive(&mut device).await;
    receive(&mut device).await;
    device.finish(finished.id);
    within(device.close()).await.unwrap();

    // The message timeout is 60 s, beyond every deadline here, so the message came back because of
    // the close. And the consumer is gone: this SUB succeeds.
    let mut next = nsqd.subscribe(&topic, &channel, &Options::default(), 10).await;
    let mut received = Vec::new();
    for _ in 0..4 {
        let (message, text) = receive(&mut next).await;
        next.finish(message.id);
        received.push((text, message.attempts));
    }
    assert!(received.contains(&("1".to_owned(), 2)), "{received:?}");
    assert!(!received.iter().any(|(text, _)| text == "0"), "{received:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_again_and_again_under_traffic_neither_loses_nor_delays_a_message() {
    const MESSAGES: usize = 5000;
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    nsqd.admin().create_channel(&topic, &channel).await.unwrap();
    let publisher = nsqd.publisher(Options::default()).await;
    let publishing = tokio::spawn({
        let topic = topic.clone();
        async move {
            for number in 0..MESSAGES {
                publisher.publish(&topic, body(&number.to_string())).await.unwrap();
            }
        }
    });
    let mut missing: HashSet<String> = (0..MESSAGES).map(|number| number.to_string()).collect();
    let receiving = async {
        while !missing.is_empty() {
            let mut device = nsqd.subscribe(&topic, &channel, &Options::default(), 8).await;
            // Half of what comes is finished, then the device goes away and gives the rest back.
            for turn in 0..200 {
                if missing.is_empty() {
                    break;
                }
                let message = device.next().await.unwrap();
                if turn % 2 == 0 {
                    device.finish(message.id);
                    missing.remove(std::str::from_utf8(&message.body).unwrap());
                } else {
                    device.requeue(message.id, Duration::ZERO);
                }
            }
            device.close().await.unwrap();
        }
    };
    // Below the message timeout of 60 s, so this fails if a message waited for it.
    tokio::time::timeout(DEADLINE * 2, receiving).await.expect("a message is late");
    publishing.await.unwrap();
    until_channel(&nsqd.admin(), &topic, &channel, "everything is finished", |stats| {
        (stats.depth, stats.in_flight) == (0, 0)
    })
    .await;
    let stats = nsqd.admin().channel_stats(&topic, &channel).await.unwrap().unwrap();
    assert_eq!(stats.timeout_count, 0);
}

#[tokio::test]
async fn a_killed_nsqd_ends_the_subscription_and_a_new_one_goes_on() {
    let mut nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    let mut device = nsqd.subscribe(&topic, &channel, &Options::default(), 1).await;
    nsqd.remembers(&topic, &channel).await;
    nsqd.kill();
    assert!(within(device.next()).await.is_err());
    nsqd.restart().await;
    assert!(nsqd.admin().channel_stats(&topic, &channel).await.unwrap().is_some(), "nsqd remembers the channel");
    let mut device = nsqd.subscribe(&topic, &channel, &Options::default(), 1).await;
    nsqd.publisher(Options::default()).await.publish(&topic, body("hello")).await.unwrap();
    assert_eq!(receive(&mut device).await.1, "hello");
}

#[tokio::test]
async fn heartbeats_are_answered_while_nothing_else_happens() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    let options = Options { heartbeat_interval: Duration::from_secs(1), ..Options::default() };
    let mut device = nsqd.subscribe(&topic, &channel, &options, 1).await;
    let publisher = nsqd.publisher(options).await;
    let mut connection_changes = publisher.connected();
    connection_changes.mark_unchanged();
    // nsqd drops a client that was silent for two intervals. Here more than four pass.
    let mut heartbeats = HashSet::new();
    while heartbeats.len() < 5 {
        let step = tokio::time::timeout(Duration::from_millis(50), device.next()).await;
        assert!(step.is_err(), "{step:?}");
        heartbeats.insert(device.last_heard());
    }
    assert!(!connection_changes.has_changed().unwrap(), "the publisher kept its connection");
    within(publisher.publish(&topic, body("hello"))).await.unwrap();
    assert_eq!(receive(&mut device).await.1, "hello");
}

#[tokio::test]
async fn a_dropped_next_takes_no_message() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    let mut device = nsqd.subscribe(&topic, &channel, &Options::default(), 64).await;
    let publisher = nsqd.publisher(Options::default()).await;
    let publishing = async {
        for number in 0..500 {
            publisher.publish(&topic, body(&number.to_string())).await.unwrap();
        }
    };
    let receiving = async {
        let mut received = HashSet::new();
        while received.len() < 500 {
            // Polled once and dropped, over and over.
            if let Ok(message) = tokio::time::timeout(Duration::ZERO, device.next()).await {
                let message = message.unwrap();
                assert_eq!(message.attempts, 1);
                device.finish(message.id);
                received.insert(message.id);
            }
            tokio::task::yield_now().await;
        }
    };
    within(async { tokio::join!(publishing, receiving) }).await;
}

/// nsqd's pump for a consumer ends if a write blocks for a heartbeat interval. nsqd then sends
/// nothing more, and keeps the connection and the place in the channel until it has to write.
#[tokio::test]
async fn a_probe_ends_a_subscription_that_nsqd_has_given_up() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    // The shortest heartbeat interval that nsqd grants.
    let heartbeat_interval = Duration::from_secs(1);
    let options = Options { heartbeat_interval, ..Options::default() };
    let mut device = nsqd.subscribe(&topic, &channel, &options, 500).await;
    // More than the kernel buffers for a connection that is not read.
    let publisher = nsqd.publisher(Options::default()).await;
    for _ in 0..200 {
        publisher.publish(&topic, vec![b'x'; 60_000].into()).await.unwrap();
    }
    nsqd.until_log("messagePump error").await;

    let read = async {
        let mut messages = 0;
        loop {
            match device.next().await {
                Ok(message) => {
                    device.finish(message.id);
                    messages += 1;
                }
                Err(_) => return messages,
            }
            if messages == 1 {
                device.probe();
            }
        }
    };
    let messages = within(read).await;
    assert!(messages < 200, "{messages}");
    // The rest is still there for the next connection.
    let admin = nsqd.admin();
    until_channel(&admin, &topic, &channel, "the place is free", |stats| stats.clients == 0).await;
}

#[tokio::test]
async fn a_probe_does_not_disturb_a_subscription() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    let mut device = nsqd.subscribe(&topic, &channel, &Options::default(), 1).await;
    device.probe();
    until_late(&mut device, 1).await;
    nsqd.publisher(Options::default()).await.publish(&topic, body("hello")).await.unwrap();
    assert_eq!(receive(&mut device).await.1, "hello");
    assert_eq!(device.late_commands(), 1);
}
