//! The limit: a bare client that does a relay's work on nsqd. It has one publisher, a topic for
//! each user, and for each device a subscription to a channel of its own. Its payloads are as long
//! as a relay's envelopes. The difference to a relay is the relay's own cost.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use ferry_nsq::{Admin, ChannelName, Options, Publisher, Subscription, TopicName};
use ferry_testkit::Nsqd;
use futures_util::{StreamExt, TryStreamExt};
use tokio::{runtime::Handle, sync::oneshot};

use crate::{
    crowd::Crowd,
    load::{Load, Port},
    programs::start_nsqd,
    sample::Group,
    stamp::Stamp,
    system::{Attached, Doing, System},
};

/// The bytes of an envelope without its body: the header, and the JSON of a message.
pub const ENVELOPE: usize = 420;
/// The number of deliveries without an ack, as in a relay.
const WINDOW: u32 = 64;
/// The number of HTTP calls at a time.
const AT_ONCE: usize = 16;

/// See the module's description.
pub struct Bare {
    attached: Attached,
    publisher: Publisher,
    topics: Arc<[TopicName]>,
    nsqd: Nsqd,
}

impl Bare {
    /// Starts the peer.
    ///
    /// # Errors
    /// nsqd is missing or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        let nsqd = start_nsqd().await?;
        let (max_outstanding, max_outstanding_bytes) = (1 << 20, 1 << 30);
        let publisher = Publisher::connect(
            nsqd.address(),
            Options { max_outstanding, max_outstanding_bytes, ..Options::default() },
        );
        tokio::time::timeout(Duration::from_secs(10), publisher.wait_connected()).await?;
        Ok(Self { attached: Attached::default(), publisher, topics: Arc::default(), nsqd })
    }
}

/// Returns the topic of a user.
pub fn topic(user: usize) -> String {
    format!("user.{user}")
}

/// Returns the channel of a device.
pub fn channel(device: usize) -> String {
    format!("device.{device}")
}

/// Creates the crowd's topics and channels.
pub async fn make_channels(nsqd: &Nsqd, crowd: &Crowd) -> anyhow::Result<()> {
    let admin = Admin::new(&nsqd.http_address(), Duration::from_secs(30))?;
    let channels = futures_util::stream::iter(0..crowd.devices()).map(|device| {
        let admin = &admin;
        async move {
            let topic = TopicName::new(topic(crowd.user_of(device)))?;
            anyhow::Ok(admin.create_channel(&topic, &ChannelName::new(channel(device))?).await?)
        }
    });
    channels.buffer_unordered(AT_ONCE).try_collect().await
}

/// Returns a body as long as an envelope around a body of `size` bytes.
pub fn payload(stamp: &Stamp, size: usize) -> Vec<u8> {
    let mut body = Vec::new();
    stamp.write_body(size + ENVELOPE, &mut body);
    body
}

struct Sender {
    load: Arc<Load>,
    publisher: Publisher,
    topics: Arc<[TopicName]>,
    runtime: Handle,
}

impl Port for Sender {
    fn post(&self, stamp: &Stamp) {
        let (load, publisher, stamp) = (Arc::clone(&self.load), self.publisher.clone(), *stamp);
        let topics = Arc::clone(&self.topics);
        self.runtime.spawn(async move {
            let body = Bytes::from(payload(&stamp, load.size));
            let users = load.crowd.users_of(stamp.room as usize);
            let publishes = topics[users].iter().map(|topic| publisher.publish(topic, body.clone()));
            let outcomes = futures_util::future::join_all(publishes).await;
            if outcomes.iter().all(Result::is_ok) { load.confirmed(&stamp) } else { load.refused(&stamp) }
        });
    }
}

async fn receive(
    nsqd: String,
    load: Arc<Load>,
    publisher: Publisher,
    topics: Arc<[TopicName]>,
    device: usize,
    ready: oneshot::Sender<()>,
) -> anyhow::Result<()> {
    let (topic, channel) = (&topics[load.crowd.user_of(device)], ChannelName::new(channel(device))?);
    let mut subscription = Subscription::connect(&nsqd, topic, &channel, &Options::default(), WINDOW).await?;
    let sender = Sender { load: Arc::clone(&load), publisher, topics: Arc::clone(&topics), runtime: Handle::current() };
    load.set_port(device, Arc::new(sender));
    drop((nsqd, channel));
    let _ = ready.send(());
    loop {
        let message = subscription.next().await?;
        subscription.finish(message.id);
        if let Some(stamp) = Stamp::read_body(&message.body) {
            load.received(device, &stamp, load.now(), message.attempts > 1);
        }
    }
}

impl System for Bare {
    fn processes(&self) -> Vec<Group> {
        vec![Group { name: "nsqd", ids: vec![self.nsqd.pid()] }]
    }

    fn prepare<'a>(&'a mut self, crowd: &'a Crowd) -> Doing<'a, ()> {
        Box::pin(async move {
            if self.topics.len() < crowd.users {
                self.topics = (0..crowd.users).map(|user| TopicName::new(topic(user))).collect::<Result<_, _>>()?;
                make_channels(&self.nsqd, crowd).await?;
            }
            Ok(())
        })
    }

    fn attach<'a>(&'a mut self, load: &'a Arc<Load>, devices: &'a [usize], at_once: usize) -> Doing<'a, Vec<Duration>> {
        Box::pin(async move {
            let Self { attached, publisher, topics, nsqd, .. } = self;
            let run = |device, ready| {
                let (publisher, topics) = (publisher.clone(), Arc::clone(topics));
                receive(nsqd.address(), Arc::clone(load), publisher, topics, device, ready)
            };
            attached.attach(load, devices, at_once, run).await
        })
    }

    fn detach<'a>(&'a mut self, load: &'a Arc<Load>) -> Doing<'a, ()> {
        Box::pin(async move {
            load.forget_ports();
            self.attached.detach().await;
            Ok(())
        })
    }

    fn overflow(&self) -> u64 {
        self.nsqd.overflow()
    }
}
