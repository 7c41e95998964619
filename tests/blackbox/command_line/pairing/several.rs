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

on_both!(three_devices_that_start_at_once_become_equal, |world| async move {
    const DEVICES: [&str; 3] = ["bob", "second", "third"];
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.pair_all(&DEVICES);
    for device in DEVICES {
        shell.ok(&format!("--profile {device} send @alice only-{device}"));
    }
    let _tails = DEVICES.map(|device| shell.begin(&format!("--profile {device} tail")));
    for device in DEVICES {
        for text in DEVICES {
            shell.until_found(device, &format!("only-{text}")).await;
        }
    }
    assert_eq!(shell.shown_to_a_program("bob").len(), 3);
    for device in DEVICES {
        assert_eq!(shell.shown_to_a_program(device), shell.shown_to_a_program("bob"));
    }
});
