//! Links: two devices of one user talk to each other through the relay, and it keeps nothing.

mod flooded;

use ferry_protocol::{DeviceId, LinkId, MessageId};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    bare::Bare,
    harness::{Backend, Closed, Person, RawSocket, Relay, World, interface::assert_frame_of_relay, until, within},
    on_both,
};

const CHUNK: usize = 60 << 10;

/// What a device gets over its link.
#[derive(Debug, PartialEq, Eq)]
enum Got {
    Frame(Value),
    Chunk(Vec<u8>),
}

impl Bare {
    async fn got(&mut self) -> Got {
        within(async {
            loop {
                match self.socket.stream.next().await.expect("the connection goes on").unwrap() {
                    Message::Text(text) => {
                        let frame: Value = serde_json::from_str(&text).unwrap();
                        assert_frame_of_relay(&frame);
                        match frame["delivery"].as_str() {
                            Some(delivery) => {
                                self.socket.send(&json!({ "type": "ack", "deliveries": [delivery] })).await;
                                if frame["type"] == "message" {
                                    return Got::Frame(frame);
                                }
                            }
                            None => return Got::Frame(frame),
                        }
                    }
                    Message::Binary(bytes) => return Got::Chunk(bytes.to_vec()),
                    other => panic!("{other:?}"),
                }
            }
        })
        .await
    }

    async fn chunk(&mut self) -> Vec<u8> {
        match self.got().await {
            Got::Chunk(chunk) => chunk,
            other => panic!("{other:?}"),
        }
    }

    /// Returns the next frame of links.
    async fn link_frame(&mut self) -> Value {
        loop {
            match self.got().await {
                Got::Frame(frame) if frame["type"].as_str().is_some_and(|kind| kind.starts_with("link_")) => {
                    return frame;
                }
                Got::Frame(_) => {}
                Got::Chunk(_) => panic!("a chunk"),
            }
        }
    }

    fn device(&self) -> DeviceId {
        self.session.credentials().device
    }

    async fn offer(&mut self, link: LinkId, to: Option<DeviceId>) {
        let mut frame = json!({ "type": "link", "link": link });
        if let Some(to) = to {
            frame["to"] = json!(to);
        }
        self.socket.send(&frame).await;
    }

    async fn accept(&mut self, link: LinkId) {
        self.socket.send(&json!({ "type": "link_accept", "link": link })).await;
    }

    async fn close(&mut self, link: LinkId) {
        self.socket.send(&json!({ "type": "link_closed", "link": link })).await;
    }

    async fn put(&mut self, chunk: Vec<u8>) {
        self.socket.send_raw(Message::binary(chunk)).await;
    }

    async fn closed_because(&mut self, link: LinkId, reason: &str) {
        let mut frame = self.link_frame().await;
        while frame["link"] != json!(link) {
            frame = self.link_frame().await;
        }
        assert_eq!(frame, json!({ "type": "link_closed", "link": link, "reason": reason }));
    }
}

/// Links two devices.
async fn linked(one: &mut Bare, other: &mut Bare) -> LinkId {
    let link = LinkId::new();
    one.offer(link, None).await;
    assert_eq!(other.link_frame().await, json!({ "type": "link_offer", "link": link, "from": one.device() }));
    other.accept(link).await;
    assert_eq!(other.link_frame().await, json!({ "type": "link_accept", "link": link, "from": one.device() }));
    assert_eq!(one.link_frame().await, json!({ "type": "link_accept", "link": link, "from": other.device() }));
    link
}

async fn two_devices(person: &Person, relays: [&Relay; 2]) -> [Bare; 2] {
    [Bare::online(person, relays[0]).await, Bare::online(person, relays[1]).await]
}

/// Waits until no nsqd has anything of a link, and no relay counts one.
async fn nothing_is_left(world: &World) {
    until("nothing is left of the links", || async {
        for nsqd in &world.nsqds {
            if nsqd.admin().stats().await.unwrap().iter().any(|topic| topic.name.starts_with("link.")) {
                return None;
            }
        }
        for relay in &world.relays {
            if relay.metric("ferry_links").await > 0.0 {
                return None;
            }
        }
        Some(())
    })
    .await;
}

fn numbered(number: u32) -> Vec<u8> {
    let mut chunk = vec![0xff; CHUNK];
    chunk[..4].copy_from_slice(&number.to_be_bytes());
    chunk
}

/// Sends 200 frames each way, and takes them. Neither side has more under way than it may.
async fn talk(left: &mut Bare, right: &mut Bare) {
    for round in 0..10 {
        for number in 0..20 {
            left.put(numbered(round * 20 + number)).await;
        }
        for number in 0..20 {
            assert!(right.chunk().await == numbered(round * 20 + number), "in order, and whole");
            right.put((round * 20 + number).to_be_bytes().to_vec()).await;
        }
        for number in 0..20 {
            assert_eq!(left.chunk().await, (round * 20 + number).to_be_bytes());
        }
    }
}

on_both!(two_devices_talk_and_nothing_stays, |world| async move {
    let alice = world.person("alice").await;
    let [mut phone, mut laptop] = two_devices(&alice, [world.relay(); 2]).await;
    let link = linked(&mut phone, &mut laptop).await;
    if let [nsqd] = &world.nsqds[..] {
        let links = nsqd.admin().stats().await.unwrap().into_iter().filter(|topic| topic.name.starts_with("link."));
        assert_eq!(links.count(), 2, "an operator sees them");
    }
    talk(&mut phone, &mut laptop).await;
    // What was sent before the end still comes.
    phone.put(vec![7; CHUNK]).await;
    phone.close(link).await;
    assert_eq!(laptop.chunk().await, vec![7; CHUNK]);
    laptop.closed_because(link, "closed").await;
    nothing_is_left(&world).await;

    // A frame on its way when the link ends is no fault, and another link begins anew.
    laptop.put(b"too late".to_vec()).await;
    let link = linked(&mut laptop, &mut phone).await;
    laptop.put(b"in time".to_vec()).await;
    assert_eq!(phone.chunk().await, b"in time");
    phone.close(link).await;
    laptop.closed_because(link, "closed").await;
    nothing_is_left(&world).await;
    assert!(world.relay().metric("ferry_link_bytes_total").await >= (200 * CHUNK) as f64);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_relays_carry_a_link_and_a_logout_ends_it() {
    let world = World::two_relays(&[]).await;
    let alice = world.person("alice").await;
    let [mut phone, mut laptop] = two_devices(&alice, [&world.relays[0], &world.relays[1]]).await;
    let link = linked(&mut phone, &mut laptop).await;
    talk(&mut phone, &mut laptop).await;
    phone.put(vec![1; CHUNK]).await;
    assert_eq!(laptop.chunk().await, vec![1; CHUNK]);
    laptop.session.logout_device(phone.device()).await.unwrap();
    laptop.closed_because(link, "gone").await;
    nothing_is_left(&world).await;
}

on_both!(a_logout_ends_a_link, |world| async move {
    let alice = world.person("alice").await;
    let [mut phone, mut laptop] = two_devices(&alice, [world.relay(); 2]).await;
    let link = linked(&mut phone, &mut laptop).await;
    phone.put(vec![1; CHUNK]).await;
    assert_eq!(laptop.chunk().await, vec![1; CHUNK]);
    laptop.session.logout_device(phone.device()).await.unwrap();
    laptop.closed_because(link, "gone").await;
    nothing_is_left(&world).await;
});

on_both!(only_who_was_asked_may_accept, |world| async move {
    let (alice, mallory) = (world.person("alice").await, world.person("mallory").await);
    let [mut phone, mut laptop] = two_devices(&alice, [world.relay(); 2]).await;
    let mut tablet = Bare::online(&alice, world.relay()).await;
    let mut stranger = Bare::online(&mallory, world.relay()).await;
    let link = LinkId::new();
    phone.offer(link, Some(laptop.device())).await;
    assert_eq!(laptop.link_frame().await["type"], "link_offer");
    for other in [&mut tablet, &mut stranger] {
        other.accept(link).await;
        other.closed_because(link, "not_found").await;
    }
    // A stranger who offers a link with the same id has another one.
    stranger.offer(link, None).await;
    laptop.accept(link).await;
    assert_eq!(laptop.link_frame().await["from"], json!(phone.device()));
    assert_eq!(phone.link_frame().await["from"], json!(laptop.device()));
    laptop.put(b"for the phone".to_vec()).await;
    assert_eq!(phone.chunk().await, b"for the phone");

    // One link a device, and it is not shared.
    let second = LinkId::new();
    phone.offer(second, None).await;
    phone.closed_because(second, "busy").await;
    tablet.offer(second, None).await;
    assert_eq!(laptop.link_frame().await["link"], json!(second));
    laptop.accept(second).await;
    laptop.closed_because(second, "busy").await;
    tablet.close(second).await;
    // A link that is closed twice is closed.
    phone.close(link).await;
    phone.close(link).await;
    laptop.closed_because(link, "closed").await;
    stranger.close(link).await;
    nothing_is_left(&world).await;
});

on_both!(of_two_that_accept_the_first_has_the_link, |world| async move {
    let alice = world.person("alice").await;
    let [mut phone, mut laptop] = two_devices(&alice, [world.relay(); 2]).await;
    let mut tablet = Bare::online(&alice, world.relay()).await;
    let link = LinkId::new();
    phone.offer(link, None).await;
    for device in [&mut laptop, &mut tablet] {
        assert_eq!(device.link_frame().await["type"], "link_offer");
    }
    laptop.accept(link).await;
    tablet.accept(link).await;
    let winner = phone.link_frame().await["from"].clone();
    let (mut winner, mut loser) = if winner == json!(laptop.device()) { (laptop, tablet) } else { (tablet, laptop) };
    assert_eq!(winner.link_frame().await["type"], "link_accept");
    loser.closed_because(link, "taken").await;
    winner.put(b"mine".to_vec()).await;
    assert_eq!(phone.chunk().await, b"mine");

    // Who is asked may say no, and an offer can be taken back.
    let second = LinkId::new();
    loser.offer(second, Some(phone.device())).await;
    assert_eq!(phone.link_frame().await["link"], json!(second));
    phone.close(second).await;
    loser.closed_because(second, "declined").await;
    let third = LinkId::new();
    loser.offer(third, Some(winner.device())).await;
    assert_eq!(winner.link_frame().await["link"], json!(third));
    loser.close(third).await;
    until("the offer is taken back", || async { (world.relay().metric("ferry_links").await == 2.0).then_some(()) })
        .await;
    phone.close(link).await;
    winner.closed_because(link, "closed").await;
    nothing_is_left(&world).await;
    // Whoever accepts it then finds nobody. What that leaves on an nsqd is swept later.
    winner.accept(third).await;
    winner.closed_because(third, "not_found").await;
});

on_both!(messages_go_on_beside_a_link, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let [mut phone, mut laptop] = two_devices(&alice, [world.relay(); 2]).await;
    let bob = bob.online(world.relay()).await;
    let room = bob.direct(alice.id).await;
    linked(&mut phone, &mut laptop).await;
    let texts = async {
        for number in 0..50 {
            bob.send(room, &number.to_string()).await;
        }
    };
    let link = async {
        let (mut texts, mut chunks, mut put) = (0, 0_u32, 0);
        while texts < 50 || chunks < 200 {
            while put < 200 && put < chunks + 16 {
                phone.put(numbered(put)).await;
                put += 1;
            }
            match laptop.got().await {
                Got::Chunk(chunk) => {
                    assert!(chunk == numbered(chunks));
                    chunks += 1;
                }
                Got::Frame(frame) => {
                    assert_eq!(frame["message"]["body"], texts.to_string());
                    texts += 1;
                }
            }
        }
    };
    tokio::join!(texts, link);
});

async fn embedded(flags: &[&str]) -> World {
    let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    World::start_with(Backend::Embedded, &flags).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_are_limited_and_can_be_off() {
    let world = embedded(&["--links", "3"]).await;
    let alice = world.person("alice").await;
    let [mut phone, mut laptop] = two_devices(&alice, [world.relay(); 2]).await;
    let mut tablet = Bare::online(&alice, world.relay()).await;
    let link = linked(&mut phone, &mut laptop).await;
    let second = LinkId::new();
    tablet.offer(second, None).await;
    for device in [&mut phone, &mut laptop] {
        assert_eq!(device.link_frame().await["link"], json!(second));
    }
    let mut watch = Bare::online(&alice, world.relay()).await;
    let third = LinkId::new();
    watch.offer(third, None).await;
    watch.closed_because(third, "limit").await;
    tablet.close(second).await;
    phone.close(link).await;

    // Six offers at once, and then one in ten seconds.
    let world = embedded(&["--rate-limits"]).await;
    let alice = world.person("alice").await;
    let [mut phone, mut tablet] = two_devices(&alice, [world.relay(); 2]).await;
    for _ in 0..6 {
        let link = LinkId::new();
        tablet.offer(link, Some(DeviceId::new())).await;
        tablet.close(link).await;
    }
    let refused = LinkId::new();
    tablet.offer(refused, None).await;
    tablet.closed_because(refused, "rate_limited").await;
    // A frame that is too long, and one of a device that never heard of a link.
    phone.put(vec![0; CHUNK + 1]).await;
    assert_eq!(phone.socket.closed().await, Closed(Some(4503)));
    let mut new = Bare::online(&alice, world.relay()).await;
    new.put(vec![0; 8]).await;
    assert_eq!(new.socket.closed().await, Closed(Some(4503)));

    let world = embedded(&["--links", "0"]).await;
    let bob = world.person("bob").await;
    let session = bob.log_in(world.relay()).await;
    let token = session.token().await.unwrap();
    let mut socket = RawSocket::open(world.relay(), token.expose()).await;
    assert_eq!(socket.frame_of("welcome").await["features"], Value::Null);
    socket.send(&json!({ "type": "link", "link": MessageId::new() })).await;
    assert_eq!(socket.frame_of("error").await["code"], "unknown_type");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_nsqd_that_ends_ends_its_links() {
    let mut world = World::start(Backend::Cluster).await;
    let alice = world.person("alice").await;
    let [mut phone, mut laptop] = two_devices(&alice, [world.relay(); 2]).await;
    linked(&mut phone, &mut laptop).await;
    world.nsqds[0].kill();
    // The devices' queues were there as well.
    for device in [&mut phone, &mut laptop] {
        assert_eq!(device.socket.closed().await, Closed(Some(4004)));
    }
    until("the relay has no link any more", || async {
        (world.relay().metric("ferry_links").await == 0.0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_drains_ends_its_links_and_does_not_wait_for_them() {
    let mut world = World::two_relays(&[]).await;
    let alice = world.person("alice").await;
    let [mut phone, mut laptop] = two_devices(&alice, [&world.relays[0], &world.relays[1]]).await;
    let link = linked(&mut phone, &mut laptop).await;
    world.relays[0].ask_to_stop();
    assert_eq!(phone.socket.closed().await, Closed(Some(4000)));
    laptop.closed_because(link, "gone").await;
    let status = within(world.relays[0].ended()).await;
    assert!(status.success(), "it did not end in haste");
    world.relays.remove(0);
    nothing_is_left(&world).await;
}
