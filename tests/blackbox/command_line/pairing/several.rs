//! Devices that help each other: what one has missed, and three at once.

use super::super::Shell;
use crate::{
    harness::{Backend, World, until},
    on_both,
};

impl Shell {
    /// Logs in further devices of bob, and pairs each with the others.
    fn pair_all(&self, profiles: &[&str]) {
        for (number, profile) in profiles.iter().enumerate() {
            if *profile != "bob" {
                self.ok(&format!("--profile {profile} login bob --device-name {profile}"));
            }
            profiles[..number].iter().for_each(|earlier| drop(self.pair(earlier, profile)));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_device_fills_the_hole_that_a_restart_has_left() {
    let mut world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.pair_all(&["bob", "second"]);
    shell.ok("--profile bob tail --until-drained");
    let sent = shell.json("--profile alice send @bob heard-by-the-second");
    let _second = shell.begin("--profile second tail");
    shell.until_found("second", "heard-by-the-second").await;
    // What waits for the first device ends with the relay.
    world.relay_mut().kill();
    world.relay_mut().restart().await;
    let _first = shell.begin("--profile bob tail");
    shell.until_found("bob", "heard-by-the-second").await;
    // What the second one did not hear may still be missing.
    let hole = until("only that is missing", || async {
        let status = shell.json("--profile bob history status");
        let [hole] = &status["holes"].as_array().unwrap()[..] else { return None };
        (hole["since"].as_i64() >= sent["sent_at"].as_i64()).then(|| hole.clone())
    })
    .await;
    assert_eq!(hole["reason"], "the relay lost what waited, or dropped the oldest");
}

/// Waits until three devices, of which each has something that no other one has, have it all.
async fn become_equal(shell: &Shell, devices: [&str; 3]) {
    let _tails = devices.map(|device| shell.begin(&format!("--profile {device} tail")));
    for device in devices {
        for text in devices {
            shell.until_found(device, &format!("only-{text}")).await;
        }
    }
    let found = devices.map(|device| {
        let found = shell.ok(&format!("--json --profile {device} search only -n 100"));
        let mut lines: Vec<String> = found.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    });
    assert_eq!(found[0].len(), 3);
    assert!(found.iter().all(|one| *one == found[0]), "{found:?}");
}

on_both!(three_devices_that_start_at_once_become_equal, |world| async move {
    const DEVICES: [&str; 3] = ["bob", "second", "third"];
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.pair_all(&DEVICES);
    for device in DEVICES {
        shell.only_here(device, [format!("only-{device}")].into_iter());
    }
    become_equal(&shell, DEVICES).await;
});

/// Two of three devices are always busy with each other when the third one asks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_finds_the_others_busy_asks_again_soon() {
    const DEVICES: [&str; 3] = ["bob", "second", "third"];
    // In KiB a second, so that what the first one has takes some seconds.
    let world = World::start_with(Backend::Embedded, &["--link-rate", "256"].map(str::to_owned)).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.pair_all(&DEVICES);
    let letter = || std::iter::repeat_with(|| rand::random_range('a'..='z')).take(2_000).collect();
    shell.only_here("bob", std::iter::repeat_with(letter).take(500).chain(["only-bob".to_owned()]));
    for device in &DEVICES[1..] {
        shell.only_here(device, [format!("only-{device}")].into_iter());
    }
    become_equal(&shell, DEVICES).await;
}
