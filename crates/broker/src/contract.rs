//! The contract in the crate's documentation, as one suite. `contract!` makes two tests of each
//! case: one over the broker in this process, one over a real nsqd.

mod inboxes;

use std::{collections::HashSet, sync::Arc, time::Duration};

use bytes::Bytes;
use ferry_protocol::{DeviceId, Envelope, Receipt, ReceiptEvent, UserId, now_ms};
use ferry_testkit::{Nsqd, nsq::topic, until, within};
use futures_util::future::{BoxFuture, FutureExt};

use self::inboxes::{
    an_inbox_hands_out_in_order_and_goes_with_its_reader, what_is_posted_to_nobody_is_lost_and_leaves_nothing,
};
use super::{Broker, Delivery, Inventory, MemoryBroker, MemoryLimits, NsqBroker, SubscribeError, Subscription};
use crate::{BrokerConfig, NsqdAddress};

/// A broker, and the means to look behind it.
struct Subject {
    broker: Broker,
    nsqd: Option<Nsqd>,
}

/// Nobody had a channel before the test.
struct NoDevices;

impl Inventory for NoDevices {
    fn devices_after(&self, _: Option<DeviceId>) -> BoxFuture<'_, Result<Vec<(UserId, DeviceId)>, String>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn takes_over<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool, String>> {
        async { Ok(true) }.boxed()
    }

    fn gives_up<'a>(&'a self, _: &'a str) -> BoxFuture<'a, ()> {
        async {}.boxed()
    }

    fn logged_in(&self, _: Vec<DeviceId>) -> BoxFuture<'_, Result<HashSet<DeviceId>, String>> {
        async { Ok(HashSet::new()) }.boxed()
    }
}

fn publishes() -> prometheus::IntCounterVec {
    prometheus::IntCounterVec::new(prometheus::Opts::new("publishes", "publishes"), &["node", "outcome"]).unwrap()
}

impl Subject {
    fn memory() -> Self {
        let dropped = prometheus::IntCounter::new("dropped", "dropped").unwrap();
        Self { broker: Broker::Memory(Arc::new(MemoryBroker::new(MemoryLimits::default(), dropped))), nsqd: None }
    }

    async fn nsq() -> Self {
        // The NSQ client can speak TLS in a workspace build, and wants to know with which
        // cryptography.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let nsqd = Nsqd::start().await.unwrap();
        let address: NsqdAddress = nsqd.for_relay().parse().unwrap();
        let config = BrokerConfig {
            nsqd: vec![address],
            nsqlookupd: Vec::new(),
            msg_timeout: Duration::from_secs(60),
            heartbeat: Duration::from_secs(30),
            frame: 64 << 10,
            window: 64,
            allow_debug: false,
        };
        let broker = Broker::Nsq(Arc::new(NsqBroker::new(&config, Arc::new(NoDevices), &publishes()).unwrap()));
        until("the broker is connected", || async { broker.health()[0].ready.then_some(()) }).await;
        Self { broker, nsqd: Some(nsqd) }
    }

    async fn has_topic(&self, user: UserId) -> bool {
        match (&self.broker, &self.nsqd) {
            (Broker::Memory(broker), _) => broker.has_topic(user),
            (_, Some(nsqd)) => nsqd.admin().topic_stats(&topic(&format!("user.{user}"))).await.unwrap().is_some(),
            _ => unreachable!("an nsq broker has an nsqd"),
        }
    }

    async fn open(&self, user: UserId) -> DeviceId {
        let device = DeviceId::new();
        self.broker.open_device(user, device).await.unwrap();
        device
    }

    async fn publish(&self, user: UserId, text: &'static str) {
        self.broker.publish(user, Bytes::from_static(text.as_bytes())).await.unwrap();
    }

    async fn subscribe(&self, user: UserId, device: DeviceId) -> Subscription {
        let mut subscription = self.broker.subscribe(user, device, 64).await.unwrap();
        subscription.start();
        subscription
    }
}

async fn next(subscription: &mut Subscription) -> Delivery {
    within(subscription.next()).await.unwrap()
}

/// Returns the next delivery, finished.
async fn take(subscription: &mut Subscription) -> Bytes {
    let delivery = next(subscription).await;
    subscription.finish(delivery.id);
    subscription.flush().await.unwrap();
    delivery.payload
}

macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod in_process {
            $(#[tokio::test] async fn $name() { super::$name(super::Subject::memory()).await; })*
        }
        mod over_nsqd {
            $(#[tokio::test] async fn $name() { super::$name(super::Subject::nsq().await).await; })*
        }
    };
}

contract!(
    a_publish_reaches_every_open_channel_and_no_later_one,
    a_channel_keeps_what_waits_when_it_is_opened_again,
    what_is_unfinished_comes_back_at_once_after_a_close,
    what_is_finished_does_not_come_back,
    a_channel_has_one_subscription_at_a_time,
    no_more_is_handed_out_than_the_window_holds,
    a_deleted_channel_ends_its_subscription_and_stays_deleted,
    a_deleted_topic_leaves_nothing_for_the_next_device,
    a_channel_nobody_reads_changes_nothing_for_its_sibling,
    a_wait_that_is_given_up_loses_nothing,
    the_backlog_is_what_waits_and_what_is_unfinished,
    nothing_is_handed_out_before_the_start,
    an_inbox_hands_out_in_order_and_goes_with_its_reader,
    what_is_posted_to_nobody_is_lost_and_leaves_nothing,
);

async fn a_publish_reaches_every_open_channel_and_no_later_one(subject: Subject) {
    let user = UserId::new();
    let (first, second) = (subject.open(user).await, subject.open(user).await);
    subject.publish(user, "one").await;
    let third = subject.open(user).await;
    subject.publish(user, "two").await;
    for device in [first, second] {
        let mut subscription = subject.subscribe(user, device).await;
        let got = HashSet::from([take(&mut subscription).await, take(&mut subscription).await]);
        assert_eq!(got, HashSet::from(["one".into(), "two".into()]));
    }
    assert_eq!(take(&mut subject.subscribe(user, third).await).await, "two");
}

async fn a_channel_keeps_what_waits_when_it_is_opened_again(subject: Subject) {
    let user = UserId::new();
    let device = subject.open(user).await;
    subject.publish(user, "one").await;
    subject.broker.open_device(user, device).await.unwrap();
    assert_eq!(take(&mut subject.subscribe(user, device).await).await, "one");
}

async fn what_is_unfinished_comes_back_at_once_after_a_close(subject: Subject) {
    let user = UserId::new();
    let device = subject.open(user).await;
    subject.publish(user, "one").await;
    let mut subscription = subject.subscribe(user, device).await;
    assert_eq!(next(&mut subscription).await.attempts, 1);
    subscription.close().await;
    // This comes well before the message timeout of a minute, or `next` would give up.
    let again = next(&mut subject.subscribe(user, device).await).await;
    assert_eq!((again.payload, again.attempts), ("one".into(), 2));
}

async fn what_is_finished_does_not_come_back(subject: Subject) {
    let user = UserId::new();
    let device = subject.open(user).await;
    subject.publish(user, "one").await;
    let mut subscription = subject.subscribe(user, device).await;
    let delivery = next(&mut subscription).await;
    subscription.finish(delivery.id);
    // Finishing it again, or finishing an unknown id, changes nothing.
    subscription.finish(delivery.id);
    subscription.finish("00000000000000ff".parse().unwrap());
    subscription.flush().await.unwrap();
    subscription.close().await;
    subject.publish(user, "two").await;
    assert_eq!(take(&mut subject.subscribe(user, device).await).await, "two");
}

async fn a_channel_has_one_subscription_at_a_time(subject: Subject) {
    let user = UserId::new();
    let device = subject.open(user).await;
    let first = subject.subscribe(user, device).await;
    assert!(matches!(subject.broker.subscribe(user, device, 64).await, Err(SubscribeError::Busy)));
    first.close().await;
    until("the channel is free", || async { subject.broker.subscribe(user, device, 64).await.ok() }).await;
}

async fn no_more_is_handed_out_than_the_window_holds(subject: Subject) {
    let user = UserId::new();
    let device = subject.open(user).await;
    for text in ["one", "two", "three"] {
        subject.publish(user, text).await;
    }
    let mut subscription = subject.broker.subscribe(user, device, 2).await.unwrap();
    subscription.start();
    let (first, _second) = (next(&mut subscription).await, next(&mut subscription).await);
    // A delivery beyond the window would be on its way already.
    assert!(tokio::time::timeout(Duration::from_millis(100), subscription.next()).await.is_err());
    subscription.finish(first.id);
    next(&mut subscription).await;
}

async fn a_deleted_channel_ends_its_subscription_and_stays_deleted(subject: Subject) {
    let user = UserId::new();
    let (gone, sibling) = (subject.open(user).await, subject.open(user).await);
    let mut subscription = subject.subscribe(user, gone).await;
    subject.publish(user, "one").await;
    assert!(subject.broker.close_device(user, gone, None).await.unwrap().is_empty());
    assert!(subject.broker.close_device(user, gone, None).await.unwrap().is_empty());
    within(async { while subscription.next().await.is_ok() {} }).await;
    drop(subscription);
    assert_eq!(take(&mut subject.subscribe(user, sibling).await).await, "one");
    // Only `open_device` or `subscribe` creates the channel again, and then it is empty.
    subject.publish(user, "two").await;
    assert_eq!(subject.broker.backlog(user, gone).await.unwrap().deliveries, 0);
}

async fn a_deleted_topic_leaves_nothing_for_the_next_device(subject: Subject) {
    let user = UserId::new();
    let last = subject.open(user).await;
    subject.broker.close_device(user, last, None).await.unwrap();
    // A late send: the relay asked SQL for devices before the logout.
    subject.publish(user, "late").await;
    subject.broker.delete_topic(user, None).await.unwrap();
    subject.broker.delete_topic(user, None).await.unwrap();
    assert!(!subject.has_topic(user).await);
    let device = subject.open(user).await;
    subject.publish(user, "new").await;
    assert_eq!(take(&mut subject.subscribe(user, device).await).await, "new");
}

async fn a_channel_nobody_reads_changes_nothing_for_its_sibling(subject: Subject) {
    let user = UserId::new();
    let (dead, alive) = (subject.open(user).await, subject.open(user).await);
    let _not_reading = subject.subscribe(user, dead).await;
    let mut subscription = subject.subscribe(user, alive).await;
    for _ in 0..500 {
        subject.publish(user, "more").await;
        assert_eq!(take(&mut subscription).await, "more");
    }
}

async fn a_wait_that_is_given_up_loses_nothing(subject: Subject) {
    let user = UserId::new();
    let device = subject.open(user).await;
    let mut subscription = subject.subscribe(user, device).await;
    let publishing = async {
        for _ in 0..200 {
            subject.publish(user, "x").await;
        }
    };
    let taking = async {
        let (mut taken, mut ids) = (0, HashSet::new());
        while taken < 200 {
            // The wait is given up again and again, wherever it stands.
            if let Ok(delivery) = tokio::time::timeout(Duration::from_micros(50), subscription.next()).await {
                let id = delivery.unwrap().id;
                assert!(ids.insert(id), "handed out twice");
                subscription.finish(id);
                taken += 1;
            }
        }
    };
    within(async { tokio::join!(publishing, taking) }).await;
}

async fn the_backlog_is_what_waits_and_what_is_unfinished(subject: Subject) {
    let user = UserId::new();
    let device = subject.open(user).await;
    for text in ["one", "two", "three"] {
        subject.publish(user, text).await;
    }
    until("three wait", || async {
        (subject.broker.backlog(user, device).await.unwrap().deliveries == 3).then_some(())
    })
    .await;
    let mut subscription = subject.subscribe(user, device).await;
    take(&mut subscription).await;
    next(&mut subscription).await;
    until("one less", || async { (subject.broker.backlog(user, device).await.unwrap().deliveries == 2).then_some(()) })
        .await;
}

async fn nothing_is_handed_out_before_the_start(subject: Subject) {
    let user = UserId::new();
    let device = subject.open(user).await;
    subject.publish(user, "before").await;
    let mut subscription = subject.broker.subscribe(user, device, 64).await.unwrap();
    subject.publish(user, "after").await;
    assert!(tokio::time::timeout(Duration::from_millis(100), subscription.next()).await.is_err());
    assert_eq!(subject.broker.backlog(user, device).await.unwrap().deliveries, 2);
    subscription.start();
    assert_eq!(take(&mut subscription).await, "before");
    assert_eq!(take(&mut subscription).await, "after");
}

#[tokio::test]
async fn a_full_queue_in_process_loses_its_oldest_and_counts_them() {
    let dropped = prometheus::IntCounter::new("dropped", "dropped").unwrap();
    let limits = MemoryLimits { deliveries: 2, ..MemoryLimits::default() };
    let broker = Broker::Memory(Arc::new(MemoryBroker::new(limits, dropped.clone())));
    let subject = Subject { broker, nsqd: None };
    let user = UserId::new();
    let device = subject.open(user).await;
    let whole = subject.broker.queue_state(user, device);
    for text in ["one", "two"] {
        subject.publish(user, text).await;
    }
    assert_eq!(subject.broker.queue_state(user, device), whole);
    until("the clock goes on", || async { (now_ms() > whole.whole_since).then_some(()) }).await;
    subject.publish(user, "three").await;
    let lost = subject.broker.queue_state(user, device);
    assert!(lost.whole_since > whole.whole_since && lost.dropped == 1, "{lost:?}");
    let mut subscription = subject.subscribe(user, device).await;
    assert_eq!((take(&mut subscription).await, take(&mut subscription).await), ("two".into(), "three".into()));
    assert_eq!(dropped.get(), 1);
}

#[tokio::test]
async fn a_full_queue_in_process_loses_receipts_before_all_else() {
    let dropped = prometheus::IntCounter::new("dropped", "dropped").unwrap();
    let limits = MemoryLimits { deliveries: 3, ..MemoryLimits::default() };
    let broker = Broker::Memory(Arc::new(MemoryBroker::new(limits, dropped.clone())));
    let subject = Subject { broker, nsqd: None };
    let user = UserId::new();
    let device = subject.open(user).await;
    let receipt = || {
        let event = ReceiptEvent::NoticesRead { notices: Vec::new() };
        Envelope::encode_receipt(&Receipt::new(event, 0), DeviceId::NONE).unwrap()
    };
    let (first, second, third) = (receipt(), receipt(), receipt());
    subject.publish(user, "one").await;
    for receipt in [&first, &second] {
        subject.broker.publish(user, receipt.clone()).await.unwrap();
    }
    // It takes the place of the older receipt, although a message is older still.
    let whole = subject.broker.queue_state(user, device).whole_since;
    until("the clock goes on", || async { (now_ms() > whole).then_some(()) }).await;
    subject.publish(user, "two").await;
    let state = subject.broker.queue_state(user, device);
    assert_eq!((state.whole_since, state.dropped), (whole, 1), "a receipt is no loss");
    let mut subscription = subject.subscribe(user, device).await;
    let held = next(&mut subscription).await;
    assert_eq!(held.payload, "one");
    assert_eq!(next(&mut subscription).await.payload, second, "what is left comes in its order");
    // Both wait again, as for a device that comes back.
    subscription.close().await;
    for text in ["three", "four"] {
        subject.publish(user, text).await;
    }
    // No receipt pushes a message out.
    subject.broker.publish(user, third).await.unwrap();
    let mut subscription = subject.subscribe(user, device).await;
    for text in ["two", "three", "four"] {
        assert_eq!(take(&mut subscription).await, text);
    }
    assert_eq!(dropped.get(), 4, "the receipts, and then the oldest message");
    assert_eq!(subject.broker.backlog(user, device).await.unwrap().deliveries, 0);
}

#[tokio::test]
async fn the_memory_for_all_is_bounded_and_given_back() {
    let dropped = prometheus::IntCounter::new("dropped", "dropped").unwrap();
    let limits = MemoryLimits { total_bytes: 5, ..MemoryLimits::default() };
    let subject = Subject { broker: Broker::Memory(Arc::new(MemoryBroker::new(limits, dropped))), nsqd: None };
    let user = UserId::new();
    let device = subject.open(user).await;
    subject.publish(user, "full!").await;
    assert!(subject.broker.publish(user, Bytes::from_static(b"x")).await.is_err());
    assert_eq!(take(&mut subject.subscribe(user, device).await).await, "full!");
    subject.publish(user, "again").await;
    subject.broker.close_device(user, device, None).await.unwrap();
    let other = subject.open(user).await;
    subject.publish(user, "other").await;
    assert_eq!(take(&mut subject.subscribe(user, other).await).await, "other");
}
