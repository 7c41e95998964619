//! Restores that take long: they are interrupted and killed, and go on the next time.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use super::super::{Shell, disk::OnDisk, pairing::Running};
use crate::harness::{Backend, World, until};

/// Reads as long as it takes, and returns the lines of a JSON form until one is accepted.
fn until_line(lines: &mut impl Iterator<Item = std::io::Result<String>>, is_it: impl Fn(&Value) -> bool) -> Value {
    loop {
        let line = lines.next().expect("it comes before the end").unwrap();
        if let Some(value) = serde_json::from_str(&line).ok().filter(&is_it) {
            return value;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_interrupted_says_how_far_it_is_and_goes_on_the_next_time() {
    const MESSAGES: usize = 6_000;
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    let (file, key) = shell.filled_backup("bob", MESSAGES);
    let restore = format!("--profile bob backup restore {} --key {}", file.display(), key.display());
    let mut command = shell.command(&format!("--json {restore}"));
    // Each of the three transactions takes nearly a second, and an event comes each second.
    command.that_is_slow(Duration::from_millis(800)).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = Running(command.spawn().unwrap());
    let mut lines = BufReader::new(child.0.stderr.take().unwrap()).lines();
    let progress = &until_line(&mut lines, |line| line["progress"]["job"] == "restore")["progress"];
    let [done, total] = ["done", "total"].map(|name| progress[name].as_u64().unwrap());
    assert!(0 < done && done < total && total >= MESSAGES as u64, "{progress}");
    assert!(progress["per_second"].is_number() && progress["seconds_left"].is_number(), "{progress}");
    // As Ctrl-C does.
    assert!(Command::new("kill").args(["-INT", &child.0.id().to_string()]).status().unwrap().success());
    assert_eq!(child.0.wait().unwrap().code(), Some(9));
    assert!(lines.any(|line| line.unwrap().contains("interrupted")));

    // What is done stays done.
    let stored = shell.json("--profile bob history status")["messages"].as_u64().unwrap();
    assert!(done <= stored && stored < MESSAGES as u64, "{done} {stored}");
    let rest = shell.json(&restore);
    assert_eq!(rest["new_messages"], MESSAGES as u64 - stored, "{rest}");
    shell.has_numbers("bob", MESSAGES);
    shell.ok("--profile bob history check");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_is_killed_again_and_again_ends_like_one_that_is_not() {
    const MESSAGES: u64 = 4_000;
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile calm login bob --device-name calm");
    let (file, key) = shell.filled_backup("bob", MESSAGES as usize);
    let mut stored = 0;
    for _ in 0..3 {
        let mut command =
            shell.command(&format!("--profile bob backup restore {} --key {}", file.display(), key.display()));
        command.that_is_slow(Duration::from_millis(100)).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = Running(command.spawn().unwrap());
        stored = until("more is stored than before, or all", || async {
            let ran = shell.run("--json --profile bob history status");
            // The file may not be there yet.
            let status: Value = serde_json::from_str(&ran.out).unwrap_or_default();
            status["messages"].as_u64().filter(|messages| *messages > stored || *messages == MESSAGES)
        })
        .await;
        child.0.kill().unwrap();
        child.0.wait().unwrap();
    }
    for profile in ["bob", "calm"] {
        shell.ok(&format!("--profile {profile} backup restore {} --key {}", file.display(), key.display()));
        shell.ok(&format!("--profile {profile} history check"));
    }
    let recipient = std::fs::read_to_string(&key).unwrap();
    let recipient = recipient.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    let digest = |profile: &str| {
        let to = shell.home.path().join(profile);
        std::fs::create_dir(&to).unwrap();
        let create = format!("--profile {profile} backup create --recipient {recipient} --to {}", to.display());
        shell.json(&create)["manifest"]["digest"].as_str().unwrap().to_owned()
    };
    assert_eq!(digest("bob"), digest("calm"));
    let shown = |profile: &str| {
        let shown = shell.ok(&format!("--json --profile {profile} show filled -n 10000"));
        shown.lines().filter(|line| !line.contains("\"hole\"")).map(str::to_owned).collect::<Vec<_>>()
    };
    let bobs = shown("bob");
    assert_eq!(bobs.len(), MESSAGES as usize);
    assert_eq!(bobs, shown("calm"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_logged_out_in_a_sync_ends_and_stays_sound() {
    const MESSAGES: usize = 2_000;
    // In KiB a second.
    let world = World::start_with(Backend::Embedded, &["--link-rate", "512"].map(str::to_owned)).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile second login bob --device-name second");
    let (mut child, code) = shell.shows_a_code("bob");
    shell.ok(&format!("--profile second pair {code}"));
    assert!(child.0.wait().unwrap().success());
    // So long that it goes over the link in several pieces.
    let texts = (0..MESSAGES).map(|_| std::iter::repeat_with(|| rand::random_range('a'..='z')).take(2_000).collect());
    shell.only_here("bob", texts);

    let mut first = shell.begin("--profile bob sync --watch");
    until("it is connected", || async { (world.relay().metric("ferry_connected_devices").await == 1.0).then_some(()) })
        .await;
    let mut second = shell.command("--profile second sync");
    second.stdout(Stdio::null()).stderr(Stdio::null());
    let mut second = Running(second.spawn().unwrap());
    let stored = || shell.json("--profile second history status")["messages"].as_u64().unwrap();
    until("something is stored", || async { (stored() > 0).then_some(()) }).await;
    let device = shell.json("--profile bob whoami")["device"].as_str().unwrap().to_owned();
    shell.ok(&format!("--profile second devices logout {device}"));
    assert_eq!(first.0.wait().unwrap().code(), Some(3));
    assert_ne!(second.0.wait().unwrap().code(), Some(0));
    assert!(stored() < MESSAGES as u64, "it was in the middle");
    for profile in ["bob", "second"] {
        shell.ok(&format!("--profile {profile} history check"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_is_killed_again_and_again_ends_like_one_that_is_not() {
    const MESSAGES: u64 = 800;
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile bob tail --until-drained");
    shell.ok("--profile second login bob --device-name second");
    let mut listening = shell.command("--json --profile bob sync --listen 127.0.0.1:0 --watch");
    let mut listening = Running(listening.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut lines = BufReader::new(listening.0.stdout.take().unwrap()).lines();
    let shown = until_line(&mut lines, |line| line["code"].is_string());
    let (address, code) = (shown["listening"].as_str().unwrap(), shown["code"].as_str().unwrap());
    shell.ok(&format!("--profile second sync --connect {address} --code {code}"));
    // So long that it comes in several pieces.
    let letters = || std::iter::repeat_with(|| rand::random_range('a'..='z')).take(2_000).collect::<String>();
    shell.only_here("bob", (0..MESSAGES).map(|number| format!("number {number} {}", letters())));

    let status = |profile: &str| shell.json(&format!("--profile {profile} history status"))["messages"].as_u64();
    let (mut stored, mut cut) = (0, 0);
    for _ in 0..3 {
        let mut command = shell.command(&format!("--profile second sync --connect {address}"));
        command.that_is_slow(Duration::from_millis(100)).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = Running(command.spawn().unwrap());
        stored = until("more is stored than before, or all", || async {
            status("second").filter(|messages| *messages > stored || *messages == MESSAGES)
        })
        .await;
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        cut += u64::from(stored < MESSAGES);
    }
    assert!(cut > 0, "it was killed in the middle");
    until("a sync gets through", || async {
        (shell.run(&format!("--profile second sync --connect {address}")).code == 0).then_some(())
    })
    .await;
    for profile in ["bob", "second"] {
        assert_eq!(status(profile), Some(MESSAGES));
        shell.ok(&format!("--profile {profile} history check"));
    }
    let found = |profile: &str| shell.ok(&format!("--profile {profile} search number -n 10000"));
    assert_eq!(found("second"), found("bob"));
}
