//! The reasons why Ferry does not use tokio-nsq 0.14: situations in which it breaks Ferry's
//! guarantees. `docs/decisions/0001-nsq-client.md` refers to these tests. If one of them fails
//! after an update, look at the decision again. `subscription_faults.rs` has the same situations
//! with Ferry's own client.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

use std::panic::AssertUnwindSafe;

use ferry_nsq::Options;
use ferry_testkit::{
    DEADLINE, Nsqd,
    nsq::{body, channel, topic, until_channel},
    within,
};
use tokio_nsq::{NSQChannel, NSQConsumer, NSQConsumerConfig, NSQConsumerConfigSources, NSQEvent, NSQTopic};

fn consumer(nsqd: &Nsqd, max_in_flight: u32) -> NSQConsumer {
    NSQConsumerConfig::new(NSQTopic::new("user.a").unwrap(), NSQChannel::new("device.1").unwrap())
        .set_max_in_flight(max_in_flight)
        .set_sources(NSQConsumerConfigSources::Daemons(vec![nsqd.address()]))
        .build()
}

/// nsqd answers a late FIN with `E_FIN_FAILED FIN <id> failed …` and goes on. tokio-nsq compares
/// with `E_FIN_FAILED` alone and takes the error for fatal. Its supervisor then returns and does
/// not reconnect.
#[tokio::test]
async fn a_late_ack_ends_its_consumer_for_good() {
    // tokio-nsq cannot ask for a message timeout of its own.
    let nsqd = Nsqd::start_with(&["-msg-timeout=1s".to_owned()]).await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    let mut consumer = consumer(&nsqd, 1);
    let publisher = nsqd.publisher(Options::default()).await;
    publisher.publish(&topic, body("slow")).await.unwrap();
    // The application is slow: the message times out, comes again, and both copies are acked. The
    // second ack is late.
    let first = within(consumer.consume_filtered()).await.unwrap();
    let second = within(consumer.consume_filtered()).await.unwrap();
    assert_eq!((first.id, second.attempt), (second.id, 2));
    first.finish().await;
    second.finish().await;

    until_channel(&nsqd.admin(), &topic, &channel, "the consumer is gone", |stats| stats.clients == 0).await;
    publisher.publish(&topic, body("never read")).await.unwrap();
    // Its stream has ended without an error that says why, and it does not connect again.
    assert!(within(consumer.consume_filtered()).await.is_none());
    let stats = nsqd.admin().channel_stats(&topic, &channel).await.unwrap().unwrap();
    assert_eq!((stats.clients, stats.depth), (0, 1));
}

/// It reconnects by itself, and a SUB creates what is missing. So a logged-out device gets its
/// queue back.
#[tokio::test]
async fn a_deleted_channel_is_brought_back_by_its_reconnect() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    let _consumer = consumer(&nsqd, 1);
    until_channel(&nsqd.admin(), &topic, &channel, "it has subscribed", |stats| stats.clients == 1).await;
    assert!(nsqd.admin().delete_channel(&topic, &channel).await.unwrap());
    assert_eq!(nsqd.admin().channel_stats(&topic, &channel).await.unwrap(), None);
    until_channel(&nsqd.admin(), &topic, &channel, "the channel is back", |stats| stats.clients == 1).await;
}

/// Its documentation promises a requeue. But `Drop` only creates the future that would send it,
/// and drops that future.
#[tokio::test]
async fn a_dropped_message_is_not_requeued() {
    let nsqd = Nsqd::start().await.unwrap();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    let mut consumer = consumer(&nsqd, 2);
    let publisher = nsqd.publisher(Options::default()).await;
    for text in ["dropped", "finished"] {
        publisher.publish(&topic, body(text)).await.unwrap();
    }
    drop(within(consumer.consume_filtered()).await.unwrap());
    within(consumer.consume_filtered()).await.unwrap().finish().await;
    // The FIN would have come after the REQ, on the same connection.
    until_channel(&nsqd.admin(), &topic, &channel, "one is finished", |stats| stats.in_flight == 1).await;
    let stats = nsqd.admin().channel_stats(&topic, &channel).await.unwrap().unwrap();
    assert_eq!((stats.requeue_count, stats.deferred, stats.in_flight), (0, 0, 1));
}

/// A program that shuts a runtime down before it drops its consumers panics.
#[test]
fn dropping_a_consumer_after_its_runtime_panics() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let consumer = runtime.block_on(async {
        let nsqd = Nsqd::start().await.unwrap();
        let mut consumer = consumer(&nsqd, 1);
        let event = tokio::time::timeout(DEADLINE, consumer.consume()).await.unwrap();
        assert!(matches!(event, Some(NSQEvent::Healthy())));
        consumer
    });
    drop(runtime);
    assert!(std::panic::catch_unwind(AssertUnwindSafe(|| drop(consumer))).is_err());
}
