//! Two devices of a user find each other over the relay, and keep their histories equal.

mod secret;
mod several;

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;

use super::Shell;
use crate::{
    harness::{Backend, World, until},
    on_both,
};

/// A command that goes on. Killed when dropped.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Shell {
    pub fn begin(&self, arguments: &str) -> Running {
        let mut command = self.command(arguments);
        Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Begins to pair, and returns the code.
    pub fn shows_a_code(&self, profile: &str) -> (Running, String) {
        let mut command = self.command(&format!("--json --profile {profile} pair"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        // The rest is one line, and a few of what went wrong, which the pipes hold.
        (Running(child), first["code"].as_str().unwrap().to_owned())
    }

    fn pair(&self, one: &str, other: &str) -> Value {
        let (mut child, code) = self.shows_a_code(one);
        let synced = self.json(&format!("--profile {other} pair {code}"));
        assert!(child.0.wait().unwrap().success());
        synced
    }

    /// Returns what a device shows of the room with alice, without what is unread and missing.
    fn shown_to_a_program(&self, profile: &str) -> Vec<Value> {
        let shown = self.ok(&format!("--json --profile {profile} show @alice -n 1000"));
        let lines = shown.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let messages = lines.filter(|line| line["hole"].is_null());
        messages
            .map(|mut line| {
                line.as_object_mut().unwrap().remove("unread");
                line
            })
            .collect()
    }

    /// Waits until a device has this text.
    async fn until_found(&self, profile: &str, text: &str) {
        until("the other device has it", || async {
            self.run(&format!("--profile {profile} search {text}")).out.contains(text).then_some(())
        })
        .await;
    }
}

on_both!(a_second_device_is_paired_and_kept_equal, |world| async move {
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    for number in 0..40 {
        shell.ok(&format!("--profile alice send @bob before the second device {number}"));
    }
    shell.ok("--profile bob tail --until-drained");
    shell.ok("--profile bob send @alice from the first");
    shell.ok("--profile second login bob --device-name second");
    assert!(shell.fails(1, "--profile second sync").contains("ferry pair"));
    let synced = shell.pair("bob", "second");
    assert_eq!((&synced["new_messages"], &synced["equal"]), (&41.into(), &true.into()), "{synced}");
    let shown = |profile: &str| shell.shown_to_a_program(profile);
    assert_eq!(shown("second"), shown("bob"));
    assert!(shown("bob").iter().all(|line| line["message"]["from"]["role"].is_string()), "also of what was sent");

    // From now on they need no code. Nobody answers, and then the first device does.
    // What a device sends, the relay brings to the others of the user too.
    shell.ok("--profile second send @alice from the second");
    shell.only_here("second", ["only-there".to_owned()].into_iter());
    assert!(shell.fails(4, "--profile second sync").contains("no other device"));
    let tail = shell.begin("--profile bob tail");
    shell.until_found("bob", "from the second").await;
    // The other one may ask at the same time, which is one more line.
    let synced = shell.ok("--json --profile second sync");
    let synced: Value = serde_json::from_str(synced.lines().last().unwrap()).unwrap();
    assert_eq!((&synced["new_messages"], &synced["equal"]), (&0.into(), &true.into()), "{synced}");
    assert_eq!(shown("second"), shown("bob"));
    assert_eq!(shell.ok("--profile bob search only-there").lines().count(), 1);
    let words = shell.fails(7, "--profile bob sync");
    assert!(words.contains("ferry tail"), "it has the connection: {words}");
    drop(tail);

    // A device that logs in again has missed what came meanwhile. Its tail asks the other one.
    shell.ok("--profile second logout");
    shell.ok("--profile alice send @bob meanwhile");
    shell.ok("--profile second login bob --device-name second-again");
    let _tails = [shell.begin("--profile bob tail"), shell.begin("--profile second tail")];
    shell.until_found("second", "meanwhile").await;
    let device = shell.json("--profile bob sync --devices");
    assert!(device["equal_at"].as_i64().is_some() && device["device"].is_string(), "{device}");
    for nsqd in &world.nsqds {
        until("nothing is left of the links", || async {
            let topics = nsqd.admin().stats().await.unwrap();
            (!topics.iter().any(|topic| topic.name.starts_with("link."))).then_some(())
        })
        .await;
    }
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_pair_is_told_why() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile second login bob --device-name second");
    shell.fails(3, "--profile nobody pair");
    shell.fails(2, "--profile second pair 123");
    let (mut child, code) = shell.shows_a_code("bob");
    let wrong = if code.starts_with('0') { code.replacen('0', "1", 1) } else { code.replacen(|_| true, "0", 1) };
    assert!(shell.fails(6, &format!("--profile second pair {wrong}")).contains("no device of yours"));
    // Somebody else has seen the code.
    assert!(shell.fails(6, &format!("--profile alice pair {code}")).contains("no device of yours"));
    // It is good for the device that it is meant for, and once.
    shell.ok(&format!("--profile second pair {}", code.to_lowercase()));
    assert!(child.0.wait().unwrap().success());
    shell.fails(6, &format!("--profile second pair {code}"));
    drop(world);

    let world = World::start_with(Backend::Embedded, &["--links".to_owned(), "0".to_owned()]).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    for command in [format!("pair {code}"), "pair".to_owned()] {
        let words = shell.fails(1, &format!("--profile bob {command}"));
        assert!(words.contains("carries no links"), "{words}");
    }
}

/// The older login asks the newer one, which is not there yet, while that one asks it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_devices_that_ask_each_other_meet() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile second login bob --device-name second");
    shell.pair("bob", "second");
    for (one, other) in [("bob", "second"), ("second", "bob")] {
        for text in [one, other] {
            shell.only_here(text, [format!("only-{one}-{text}")].into_iter());
        }
        let _tails = [shell.begin(&format!("--profile {one} tail")), shell.begin(&format!("--profile {other} tail"))];
        shell.until_found(other, &format!("only-{one}-{one}")).await;
        shell.until_found(one, &format!("only-{one}-{other}")).await;
    }
}

/// A device that was forgotten stays forgotten, and is told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_device_needs_a_code_again() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile second login bob --device-name second");
    shell.ok("--profile third login bob --device-name third");
    shell.pair("bob", "second");
    shell.pair("bob", "third");
    assert!(shell.ok("--profile bob sync --devices").contains("second"), "by the name of its login");
    shell.ok("--profile bob sync --forget second");
    let _tail = shell.begin("--profile bob tail");
    until("it is told", || async {
        let ran = shell.run("--profile second sync");
        (ran.code == 6 && ran.err.contains("does not know this device")).then_some(())
    })
    .await;
    assert!(!shell.ok("--profile bob sync --devices").contains("second"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_forgotten_everywhere_goes_from_the_other_device_too() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile second login bob --device-name second");
    shell.pair("bob", "second");
    shell.only_here("bob", ["old news"].map(str::to_owned).into_iter());
    let (tail, _) = (shell.begin("--profile bob tail"), shell.ok("--profile second sync"));
    assert!(shell.ok("--profile second search news").contains("old news"));
    drop(tail);

    assert!(shell.ok("--profile bob history forget --before 2099 --everywhere").contains("forgot 1 message"));
    let tail = shell.begin("--profile bob tail");
    let told = until("the other device syncs", || async {
        let ran = shell.run("--profile second sync");
        ran.out.contains("synced with").then_some(ran.out)
    })
    .await;
    assert!(told.contains("forgot 1 message, as you have said there"), "{told}");
    assert!(!shell.run("--profile second search news").out.contains("old news"));
    // What is written now is not old.
    shell.ok("--profile alice send @bob newer");
    shell.until_found("bob", "newer").await;
    shell.ok("--profile second tail --until-drained");
    assert!(shell.ok("--profile second search newer").contains("newer"));
    // A device that comes later gets it, although the day is far away, and nothing older.
    shell.ok("--profile third login bob --device-name third");
    drop(tail);
    shell.pair("bob", "third");
    assert!(shell.ok("--profile third search newer").contains("newer"));
    assert!(!shell.run("--profile third search news").out.contains("old news"));
}
