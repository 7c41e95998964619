//! tokio-nsq in the place of Ferry's NSQ client. nsqd, topics, channels and payloads are the same
//! as in [`super::bare`].

use std::{collections::VecDeque, sync::Arc, time::Duration};

use ferry_testkit::Nsqd;
use tokio::sync::{mpsc, oneshot};
use tokio_nsq::{NSQChannel, NSQConsumerConfig, NSQConsumerConfigSources, NSQEvent, NSQProducerConfig, NSQTopic};

use super::bare::{channel, make_channels, payload, topic};
use crate::{
    crowd::Crowd,
    load::{Load, Port},
    programs::start_nsqd,
    sample::Group,
    stamp::Stamp,
    system::{Attached, Doing, System},
};

const WINDOW: u32 = 64;

/// See the module's description.
pub struct TokioNsq {
    attached: Attached,
    made: usize,
    nsqd: Nsqd,
}

impl TokioNsq {
    /// Starts the peer.
    ///
    /// # Errors
    /// nsqd is missing or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        let nsqd = start_nsqd().await?;
        Ok(Self { attached: Attached::default(), made: 0, nsqd })
    }
}

fn named<T>(name: Option<T>) -> anyhow::Result<T> {
    name.ok_or_else(|| anyhow::anyhow!("a name that nsqd does not take"))
}

struct Sender(mpsc::UnboundedSender<Stamp>);

impl Port for Sender {
    fn post(&self, stamp: &Stamp) {
        // Its receiver ends with the run.
        let _ = self.0.send(*stamp);
    }
}

/// Publishes with one producer for all, as a relay would.
async fn produce(nsqd: String, load: Arc<Load>, mut stamps: mpsc::UnboundedReceiver<Stamp>) -> anyhow::Result<()> {
    let topics: Vec<Arc<NSQTopic>> =
        (0..load.crowd.users).map(|user| named(NSQTopic::new(topic(user)))).collect::<Result<_, _>>()?;
    let mut producer = NSQProducerConfig::new(nsqd).build();
    // Answers come in the order of the publishes. For each send: how many are still to come.
    let mut under_way: VecDeque<(Stamp, usize)> = VecDeque::new();
    loop {
        tokio::select! {
            stamp = stamps.recv() => {
                let Some(stamp) = stamp else { return Ok(()) };
                let users = load.crowd.users_of(stamp.room as usize);
                under_way.push_back((stamp, users.len()));
                for topic in &topics[users] {
                    producer.publish(topic, payload(&stamp, load.size)).await?;
                }
            }
            event = producer.consume() => match event {
                Some(NSQEvent::Ok()) => {
                    let Some((stamp, left)) = under_way.front_mut() else { continue };
                    *left -= 1;
                    if *left == 0 {
                        load.confirmed(stamp);
                        under_way.pop_front();
                    }
                }
                Some(NSQEvent::Healthy() | NSQEvent::Message(_)) => {}
                Some(NSQEvent::Unhealthy()) | None => anyhow::bail!("the producer has lost its connection"),
            },
        }
    }
}

async fn receive(
    nsqd: String,
    load: Arc<Load>,
    sender: mpsc::UnboundedSender<Stamp>,
    device: usize,
    ready: oneshot::Sender<()>,
) -> anyhow::Result<()> {
    let topic = named(NSQTopic::new(topic(load.crowd.user_of(device))))?;
    let mut consumer = NSQConsumerConfig::new(topic, named(NSQChannel::new(channel(device)))?)
        .set_max_in_flight(WINDOW)
        .set_sources(NSQConsumerConfigSources::Daemons(vec![nsqd]))
        .build();
    load.set_port(device, Arc::new(Sender(sender)));
    let mut ready = Some(ready);
    loop {
        match consumer.consume().await {
            Some(NSQEvent::Message(message)) => {
                let (stamp, again) = (Stamp::read_body(&message.body), message.attempt > 1);
                message.finish().await;
                if let Some(stamp) = stamp {
                    load.received(device, &stamp, load.now(), again);
                }
            }
            Some(NSQEvent::Healthy()) => _ = ready.take().map(|ready| ready.send(())),
            Some(NSQEvent::Ok()) => {}
            Some(NSQEvent::Unhealthy()) | None => anyhow::bail!("the consumer has lost its connection"),
        }
    }
}

impl System for TokioNsq {
    fn processes(&self) -> Vec<Group> {
        vec![Group { name: "nsqd", ids: vec![self.nsqd.pid()] }]
    }

    fn prepare<'a>(&'a mut self, crowd: &'a Crowd) -> Doing<'a, ()> {
        Box::pin(async move {
            if self.made < crowd.devices() {
                self.made = crowd.devices();
                make_channels(&self.nsqd, crowd).await?;
            }
            Ok(())
        })
    }

    fn attach<'a>(&'a mut self, load: &'a Arc<Load>, devices: &'a [usize], at_once: usize) -> Doing<'a, Vec<Duration>> {
        Box::pin(async move {
            let Self { attached, nsqd, .. } = self;
            let (sender, stamps) = mpsc::unbounded_channel();
            // The producer ends with the last device that could send.
            let producing = produce(nsqd.address(), Arc::clone(load), stamps);
            let of_producer = Arc::clone(load);
            tokio::spawn(async move {
                if let Err(error) = producing.await {
                    of_producer.broke(0, &format!("{error:#}"));
                }
            });
            let run = |device, ready| receive(nsqd.address(), Arc::clone(load), sender.clone(), device, ready);
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
