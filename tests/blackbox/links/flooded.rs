//! A link that nobody reads, and frames without a link: neither fills the relay.

use futures_util::SinkExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::{CHUNK, Got, linked, nothing_is_left, two_devices};
use crate::{
    bare::Bare,
    harness::{Relay, within},
    on_both,
};

/// Returns the most memory that a relay had so far, in bytes.
#[cfg(target_os = "linux")]
fn peak(relay: &Relay) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", relay.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

#[cfg(not(target_os = "linux"))]
fn peak(_: &Relay) -> usize {
    0
}

/// How much the relay may grow by a link that nobody reads, in bytes.
const MOST: usize = 8 << 20;

on_both!(a_device_that_sends_more_than_is_taken_loses_its_link_and_no_more, ["--rate-limits"], |world| async move {
    let alice = world.person("alice").await;
    let [mut phone, mut laptop] = two_devices(&alice, [world.relay(); 2]).await;
    let link = linked(&mut phone, &mut laptop).await;
    let before = peak(world.relay());
    let (mut sent, mut is_over) = (0, false);
    // The laptop takes nothing, so its socket is full after a while.
    while !is_over && sent < 2_000 {
        phone.put(vec![1; CHUNK]).await;
        sent += 1;
        if let Ok(frame) = tokio::time::timeout(std::time::Duration::from_millis(1), phone.link_frame()).await {
            assert_eq!(frame, json!({ "type": "link_closed", "link": link, "reason": "overflow" }));
            is_over = true;
        }
    }
    if !is_over {
        phone.closed_because(link, "overflow").await;
    }
    // The laptop is told after what was on its way, and both go on.
    loop {
        match laptop.got().await {
            Got::Chunk(_) => {}
            Got::Frame(frame) => {
                assert_eq!(frame, json!({ "type": "link_closed", "link": link, "reason": "overflow" }));
                break;
            }
        }
    }
    nothing_is_left(&world).await;
    let grown = || peak(world.relay()) - before;
    assert!(grown() < MOST, "a link that nobody reads took {} bytes of the relay", grown());
    let link = linked(&mut laptop, &mut phone).await;
    laptop.close(link).await;
    phone.closed_because(link, "closed").await;

    // A device that goes on without a link is closed, and what it sends fills nothing.
    let mut left = (1 << 30) / CHUNK;
    while left > 0 && within(phone.socket.stream.send(Message::binary(vec![1; CHUNK]))).await.is_ok() {
        left -= 1;
    }
    assert!(left > 0, "the relay took a gibibyte of nothing");
    assert!(grown() < MOST, "frames without a link took {} bytes of the relay", grown());
    let mut tablet = Bare::online(&alice, world.relay()).await;
    linked(&mut laptop, &mut tablet).await;
});
