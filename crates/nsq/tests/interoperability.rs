//! Tests with two different clients at the two ends of a queue: this crate, and the independent
//! tokio-nsq.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

use ferry_nsq::Options;
use ferry_testkit::{
    Nsqd,
    nsq::{body, channel, receive, topic, until_channel},
    within,
};
use tokio_nsq::{
    NSQChannel, NSQConsumerConfig, NSQConsumerConfigSources, NSQEvent, NSQProducerConfig, NSQRequeueDelay, NSQTopic,
};

#[tokio::test]
async fn tokio_nsq_reads_what_ferry_publishes() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    let mut consumer = NSQConsumerConfig::new(NSQTopic::new("user.a").unwrap(), NSQChannel::new("device.1").unwrap())
        .set_max_in_flight(10)
        .set_sources(NSQConsumerConfigSources::Daemons(vec![nsqd.address()]))
        .build();
    let publisher = nsqd.publisher(Options::default()).await;
    let mut bodies = vec![vec![0_u8, 10, 13, 255], vec![b'x'; Options::default().max_body_size]];
    bodies.extend((0..100).map(|number| format!("message {number}").into_bytes()));
    for body in &bodies {
        within(publisher.publish(&topic, body.clone().into())).await.unwrap();
    }
    let mut received = Vec::new();
    for _ in &bodies {
        let message = within(consumer.consume_filtered()).await.unwrap();
        received.push(message.body.clone());
        message.finish().await;
    }
    received.sort();
    bodies.sort();
    assert!(received == bodies, "the bodies differ");
    until_channel(&nsqd.admin(), &topic, &channel, "all is finished", |stats| {
        (stats.depth, stats.in_flight, stats.requeue_count) == (0, 0, 0)
    })
    .await;
}

#[tokio::test]
async fn ferry_reads_what_tokio_nsq_publishes() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    let mut device = nsqd.subscribe(&topic, &channel, &Options::default(), 10).await;
    let their_topic = NSQTopic::new("user.a").unwrap();
    let mut producer = NSQProducerConfig::new(nsqd.address()).build();
    assert!(matches!(within(producer.consume()).await, Some(NSQEvent::Healthy())));

    producer.publish(&their_topic, b"one".to_vec()).await.unwrap();
    producer.publish_multiple(&their_topic, vec![b"two".to_vec(), b"three".to_vec()]).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(within(producer.consume()).await, Some(NSQEvent::Ok())));
    }
    let mut received = Vec::new();
    for _ in 0..3 {
        let (message, text) = receive(&mut device).await;
        device.finish(message.id);
        received.push(text);
    }
    received.sort();
    assert_eq!(received, ["one", "three", "two"]);
    within(device.close()).await.unwrap();
}

#[tokio::test]
async fn what_one_client_hands_back_the_other_gets() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    let mut device = nsqd.subscribe(&topic, &channel, &Options::default(), 10).await;
    nsqd.publisher(Options::default()).await.publish(&topic, body("hello")).await.unwrap();
    receive(&mut device).await;
    within(device.close()).await.unwrap();

    let mut consumer = NSQConsumerConfig::new(NSQTopic::new("user.a").unwrap(), NSQChannel::new("device.1").unwrap())
        .set_sources(NSQConsumerConfigSources::Daemons(vec![nsqd.address()]))
        .build();
    let message = within(consumer.consume_filtered()).await.unwrap();
    assert_eq!((message.body.as_slice(), message.attempt), (&b"hello"[..], 2));
    message.requeue(NSQRequeueDelay::NoDelay).await;
    // There is no other consumer, so it comes back here.
    let message = within(consumer.consume_filtered()).await.unwrap();
    assert_eq!(message.attempt, 3);
    message.finish().await;
    until_channel(&nsqd.admin(), &topic, &channel, "it is finished", |stats| (stats.depth, stats.in_flight) == (0, 0))
        .await;
}
