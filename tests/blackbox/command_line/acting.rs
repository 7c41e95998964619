//! Edits, reactions and deletions, typed and printed.

use std::{io::Write, process::Stdio};

use serde_json::Value;

use super::{Shell, messages, ran};
use crate::{
    harness::{Backend, World},
    on_both,
};

/// Returns the lines of messages, without their time and room, and with `…` for other times.
fn told(printed: &str) -> Vec<String> {
    let lines = messages(printed).into_iter().map(|line| line.splitn(3, ' ').nth(2).unwrap());
    lines
        .map(|line| match line.split_once(" wrote at ") {
            Some((before, after)) => format!("{before} wrote at …{}", &after[8..]),
            None => line.to_owned(),
        })
        .collect()
}

on_both!(what_is_done_to_messages_is_told_in_words, |world| async move {
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("register mallory");
    shell.ok("--profile mallory login mallory");
    shell.ok("--profile alice rooms create --group friends --member bob --member mallory");
    let hello = shell.json("--profile alice send friends hello")["id"].as_str().unwrap().to_owned();
    let answer = shell.json(&format!("--profile bob send --reply-to alice/{hello} --mention alice friends hi there"));
    let answer = answer["id"].as_str().unwrap();
    shell.ok(&format!("--profile mallory edit friends {hello} nothing"));
    shell.ok(&format!("--profile mallory delete friends alice/{hello}"));
    shell.ok(&format!("--profile alice edit friends {hello} good evening"));
    assert_eq!(shell.ok(&format!("--profile alice react friends bob/{answer} 👍")), "sent to 2 people\n");
    shell.ok(&format!("--profile alice react friends bob/{answer} 👍 --remove"));
    shell.ok(&format!("--profile alice delete friends bob/{answer}"));

    // Bob's device knows his own message, although it is deleted by now. What is stored together is
    // shown together: the text is gone from the lines before the deletion if they came with it.
    let printed = shell.ok("--profile bob tail --until-drained");
    let lines = told(&printed).into_iter().map(|line| {
        line.replace("to bob: “hi there”", "to what bob wrote at …")
            .replace("from bob: “hi there”", "from what bob wrote at …")
    });
    let lines: Vec<_> = lines.collect();
    assert_eq!(
        lines,
        [
            "alice: hello",
            "mallory (edits a message from mallory that is not here): nothing",
            "mallory: [delete: ignored, the sender is neither the author nor a moderator]",
            "alice (edits alice: “hello”): good evening",
            "alice (reacts to what bob wrote at …): 👍",
            "alice (removes a reaction from what bob wrote at …): 👍",
            "alice (deletes): what bob wrote at …",
        ]
    );
    let printed = shell.ok("--profile mallory tail --until-drained --ids --no-ack");
    let lines = told(&printed);
    assert_eq!(
        lines[..2],
        [format!("alice/{hello}: hello"), format!("bob/{answer} (replies to alice: “hello”): hi there"),]
    );
    assert_eq!(lines[3], "alice (reacts to bob: “hi there”): 👍");
    assert!(lines.last().unwrap().starts_with("alice (deletes): what bob wrote at "), "{lines:?}");
    let printed = shell.ok("--profile alice tail --until-drained");
    // She has deleted it before her device showed it.
    assert!(!printed.contains("hi there"), "{printed}");

    // With `--json` it prints the frames as they came.
    let printed = shell.ok("--json --profile mallory tail --until-drained");
    let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = lines.iter().filter_map(|line| line["kind"].as_str()).collect();
    assert_eq!(kinds, ["text", "text", "edit", "reaction", "reaction", "delete"]);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_forwarded_as_json() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("register carol");
    shell.ok("--profile carol login carol");
    shell.ok("--profile alice send @bob to be passed on");
    let printed = shell.ok("--json --profile bob tail --until-drained");
    let line = printed.lines().last().unwrap();
    let mut command = shell.command("--profile bob forward @carol -");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
    let ran = ran(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.out.as_str()), (0, "sent to 1 person\n"), "{ran:?}");
    let printed = shell.ok("--profile carol tail --until-drained");
    let line = &told(&printed)[0];
    assert!(line.starts_with("bob (forwards, as from alice at 20") && line.ends_with("): to be passed on"), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_is_told() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    let id = shell.json("--profile alice send @bob hello")["id"].as_str().unwrap().to_owned();
    assert!(shell.fails(2, &format!("--profile bob edit @alice alice/{id} mine")).contains("only the author"));
    for command in [
        "edit @bob 17 x".to_owned(),
        "delete @bob alice/17".to_owned(),
        "send --reply-to 17 @bob x".to_owned(),
        format!("edit @bob {id}"),
        format!("react @bob {id}"),
        "forward @bob {}".to_owned(),
    ] {
        shell.fails(2, &format!("--profile alice {command}"));
    }
    shell.fails(1, &format!("--profile alice react @bob nobody/{id} x"));
    shell.fails(1, "--profile alice send --mention nobody @bob x");
    // Rejected by the relay: a text that is no emoji, and a mention of a user who is not in the
    // room.
    shell.ok("register carol");
    assert!(shell.fails(1, "--profile alice send --mention carol @bob x").contains("mentions"));
    let mut command = shell.command(&format!("--profile alice react @bob {id}"));
    let refused = ran(command.arg("two words").output().unwrap());
    assert!(refused.code == 1 && refused.err.contains("body.emoji"), "{refused:?}");
}
