//! What a device stores: it is there after every crash, and without the relay.

mod damage;
mod exported;
mod holes;
mod unknown;
mod users;

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value;

use ferry_client::{Draft, MessageId};
use ferry_protocol::Target;

use super::Shell;
use crate::{
    harness::{Backend, World, post, until},
    on_both,
};

on_both!(what_came_and_what_was_sent_is_stored, |world| async move {
    let mut world = world;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    let hello = shell.json("--profile alice send @bob hello bob")["id"].as_str().unwrap().to_owned();
    shell.ok("--profile alice send @bob a secret to take back");
    shell.ok(&format!("--profile alice edit @bob {hello} good evening bob"));
    shell.ok("--profile bob tail --until-drained");
    shell.ok(&format!("--profile bob react @alice alice/{hello} 👍"));
    shell.ok("--profile bob send @alice and to you");
    let status = shell.json("--profile bob history status");
    assert_eq!((&status["messages"], &status["unread"][0]["unread"]), (&5.into(), &2.into()), "{status}");
    assert_eq!(status["holes"].as_array().unwrap().len(), 0, "{status}");
    shell.ok("--profile bob read @alice");
    assert!(shell.json("--profile bob history status")["unread"].as_array().unwrap().is_empty());
    shell.ok("--profile bob history check");

    // The history needs no relay, and no login.
    shell.ok("--profile bob logout");
    world.relay_mut().kill();
    let shown = shell.ok("--profile bob show @alice");
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 3, "{shown}");
    assert!(lines[0].ends_with(" alice (edited): good evening bob  [👍 1]"), "{shown}");
    assert!(lines[1].ends_with(" alice: a secret to take back") && lines[2].ends_with(" bob: and to you"), "{shown}");
    assert_eq!(shell.ok("--profile bob show @alice -n 1").lines().count(), 1);
    assert!(shell.ok("--profile bob search evening").ends_with(" @alice alice (edited): good evening bob  [👍 1]\n"));
    assert_eq!(shell.ok("--profile bob search hello"), "", "it says something else now");
    assert!(shell.ok("--profile bob search from:me").contains("and to you"));
    let found: Value = serde_json::from_str(&shell.ok("--json --profile bob search secret from:alice")).unwrap();
    assert_eq!(found["message"]["body"], "a secret to take back");
    shell.fails(2, "--profile bob search from:nobody");
    shell.fails(2, "--profile bob show nowhere");
    shell.fails(3, "--profile nobody show @alice");
});

on_both!(a_tail_that_is_killed_loses_and_doubles_nothing, |world| async move {
    const AT_A_TIME: usize = 5;
    // More than CI does: FERRY_TEST_KILLS=1000.
    let kills: usize = std::env::var("FERRY_TEST_KILLS").map_or(24, |kills| kills.parse().unwrap());
    let messages = AT_A_TIME * kills;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice send @bob first");
    let output = shell.home.path().join("printed");
    let mut sent = 0;
    while sent < messages {
        let file = std::fs::File::options().create(true).append(true).open(&output).unwrap();
        let mut tail = shell.command("--profile bob tail --json").stdout(file).stderr(Stdio::null()).spawn().unwrap();
        for _ in 0..AT_A_TIME {
            shell.ok(&format!("--profile alice send @bob number {sent}"));
            sent += 1;
        }
        // As a crash or the out-of-memory killer would.
        tail.kill().unwrap();
        tail.wait().unwrap();
    }
    let last = until("the rest comes", || async {
        let ran = shell.run("--json --profile bob tail --until-drained");
        (ran.code == 0).then_some(ran.out)
    })
    .await;
    let printed = std::fs::read_to_string(&output).unwrap() + &last;
    let shown = shell.ok("--json --profile bob show @alice -n 100000");
    for text in shell.has_numbers("bob", messages) {
        let body = format!("\"body\":\"{text}\"");
        assert_eq!(shown.matches(&body).count(), 1, "{text}");
        // A kill between the print and the note of it prints it once more.
        let copies = printed.matches(&body).count();
        assert!((1..=1 + kills).contains(&copies), "{text} was printed {copies} times");
    }
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_command_collects_at_a_time() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice send @bob hello");
    let output = shell.home.path().join("printed");
    let file = std::fs::File::create(&output).unwrap();
    let mut first = shell.command("--profile bob tail").stdout(file).stderr(Stdio::null()).spawn().unwrap();
    until("the first tail prints", || async {
        std::fs::read_to_string(&output).unwrap().contains("hello").then_some(())
    })
    .await;
    let words = shell.fails(7, "--profile bob tail --until-drained");
    assert!(words.contains(&format!("ferry tail (process {})", first.id())), "{words}");
    // Others read and send meanwhile.
    assert!(shell.ok("--profile bob show @alice").contains("hello"));
    shell.ok("--profile bob send @alice hi");
    first.kill().unwrap();
    first.wait().unwrap();
    shell.ok("--profile bob tail --until-drained");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_relay_confirmed_is_sent_again_with_the_same_id() {
    let mut world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice send @bob before");
    shell.ok("--profile bob tail --until-drained");
    let room = shell.json("--profile bob show @alice -n 1")["message"]["room"].as_str().unwrap().to_owned();
    world.relay_mut().kill();
    let words = shell.fails(4, &format!("--profile alice send {room} while the relay is away"));
    assert!(words.contains("ferry send --again"), "{words}");
    assert_eq!(shell.json("--profile alice history status")["unsent"], 1);
    world.relay_mut().restart().await;
    assert_eq!(shell.ok("--profile alice send --again").lines().count(), 1);
    assert_eq!(shell.json("--profile alice history status")["unsent"], 0);
    shell.ok("--profile alice send --again");
    assert!(shell.ok("--profile bob tail --until-drained").contains("while the relay is away"));
    assert_eq!(
        shell.ok("--profile alice search away"),
        shell.ok("--profile bob search away").replace("@alice", "@bob")
    );
}

/// Returns the files below a directory that have these bytes.
fn files_with(directory: &Path, words: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, words));
        } else if std::fs::read(&path).unwrap().windows(words.len()).any(|window| window == words.as_bytes()) {
            found.push(path);
        }
    }
    found
}

on_both!(what_was_deleted_is_in_no_file, |world| async move {
    const CANARIES: usize = 100;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    let carol = world.person("carol").await.online(world.relay()).await;
    let bob = shell.json("--profile bob whoami")["user"]["id"].as_str().unwrap().parse().unwrap();
    let room = carol.direct(bob).await;
    let mut sent = Vec::new();
    for number in 0..CANARIES {
        let id = MessageId::new();
        // Some take several pages of the file.
        post(&carol.session, room, id, &format!("canary{number} ").repeat(1 + 20 * number)).await.unwrap();
        sent.push(Target { message: id, from: carol.session.credentials().user.id });
    }
    // One of their own, of which this device has no copy from the relay.
    let own = shell.json("--profile bob send @alice canary-sent")["id"].as_str().unwrap().to_owned();
    shell.ok("--profile bob tail --until-drained");
    assert!(!files_with(shell.home.path(), "canary99 ").is_empty());
    for target in sent {
        let delete = Draft::delete(target).into_post(MessageId::new());
        carol.session.post_message(room, &delete).await.unwrap();
    }
    shell.ok(&format!("--profile bob delete @alice {own}"));
    shell.ok("--profile bob tail --until-drained");
    let status = shell.json("--profile bob history status");
    assert_eq!(status["messages"], 2 * CANARIES + 2, "{status}");
    shell.ok("--profile bob logout");
    assert_eq!(files_with(shell.home.path(), "canary"), [""; 0].map(PathBuf::from));
    assert_eq!(shell.ok("--profile bob search canary"), "");
});
