//! Tests of publishing and receiving through a real nsqd, without faults.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

use std::collections::HashSet;

use ferry_nsq::Options;
use ferry_testkit::{
    Nsqd,
    nsq::{body, channel, receive, topic, until_channel},
    within,
};

#[tokio::test]
async fn every_channel_gets_what_was_published_until_it_finishes_it() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channels) = (topic("user.a"), [channel("device.1"), channel("device.2")]);
    let mut devices = Vec::new();
    for channel in &channels {
        devices.push(nsqd.subscribe(&topic, channel, &Options::default(), 10).await);
    }
    let publisher = nsqd.publisher(Options::default()).await;
    publisher.publish(&topic, body("hello")).await.unwrap();

    for device in &mut devices {
        let (message, text) = receive(device).await;
        assert_eq!((text.as_str(), message.attempts), ("hello", 1));
        assert_eq!(device.in_flight(), 1);
        device.finish(message.id);
        within(device.flush()).await.unwrap();
        assert_eq!(device.in_flight(), 0);
    }
    for channel in &channels {
        until_channel(&nsqd.admin(), &topic, channel, "queue is empty", |stats| {
            (stats.depth, stats.in_flight, stats.clients) == (0, 0, 1)
        })
        .await;
    }
}

#[tokio::test]
async fn a_thousand_concurrent_publishes_are_each_answered_and_each_arrive() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.b"), channel("device.1"));
    let mut device = nsqd.subscribe(&topic, &channel, &Options::default(), 64).await;
    let publisher = nsqd.publisher(Options::default()).await;

    let mut publishes = tokio::task::JoinSet::new();
    for number in 0..1000 {
        let (publisher, topic) = (publisher.clone(), topic.clone());
        publishes.spawn(async move { publisher.publish(&topic, body(&number.to_string())).await });
    }
    let mut missing: HashSet<String> = (0..1000).map(|number| number.to_string()).collect();
    while !missing.is_empty() {
        let (message, text) = receive(&mut device).await;
        device.finish(message.id);
        assert!(missing.remove(&text), "{text} came twice");
        while let Some(message) = device.try_next() {
            device.finish(message.id);
            missing.remove(std::str::from_utf8(&message.body).unwrap());
        }
    }
    within(async {
        while let Some(answer) = publishes.join_next().await {
            answer.unwrap().unwrap();
        }
    })
    .await;
}
