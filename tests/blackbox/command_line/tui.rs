//! The full-screen window, in a terminal of `script`.

use std::{
    io::{Read, Write},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use serde_json::Value;

use super::Shell;
use crate::harness::{Backend, World, until};

/// What a terminal program does to the terminal in the end.
const LEAVES: &str = "\u{1b}[?1049l";

/// A command in a terminal of 80 columns and 24 rows.
pub struct Window {
    script: Child,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Window {
    /// Runs `ferry` with these arguments.
    pub fn open(shell: &Shell, arguments: &str) -> Self {
        let ferry = env!("CARGO_BIN_EXE_ferry");
        // The settings of the terminal afterwards are part of what is written.
        let line = format!("stty rows 24 cols 80; '{ferry}' {arguments}; echo ended with $?; stty -a");
        let mut command = Command::new("script");
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("TERM", "xterm").env("SHELL", "/bin/sh");
        command.env("FERRY_DATA_DIR", shell.home.path()).env("FERRY_SERVER", &shell.server);
        command.args(["-qfc", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut script = command.spawn().unwrap();
        let (written, to) = (Arc::new(Mutex::new(Vec::new())), script.stdout.take().unwrap());
        let all = Arc::clone(&written);
        std::thread::spawn(move || {
            let (mut from, mut buffer) = (to, [0; 4096]);
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                all.lock().unwrap().extend_from_slice(&buffer[..length]);
            }
        });
        Self { script, written }
    }

    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().unwrap()).into_owned()
    }

    /// Waits until the window has drawn this. A blank that was there before is not drawn again, so
    /// it must be one word.
    pub async fn shows(&self, word: &str) {
        until(&format!("the window shows {word}"), || async { self.written().contains(word).then_some(()) }).await;
    }

    /// Types these keys until the window has drawn a word that was not there before. They must do
    /// no harm if they come again.
    async fn shows_after(&self, keys: &str, word: &str) {
        let before = self.written().matches(word).count();
        until(&format!("the window shows {word}"), || async {
            self.types(keys);
            (self.written().matches(word).count() > before).then_some(())
        })
        .await;
    }

    pub fn types(&self, keys: &str) {
        self.script.stdin.as_ref().unwrap().write_all(keys.as_bytes()).unwrap();
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // Without its terminal, the command ends.
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_in_a_window() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice send @bob waited");
    let window = Window::open(&shell, "--profile bob tui");
    window.shows("online").await;
    until("the room opens", || async {
        // Before the rooms are there, and once the room is open, the key does nothing.
        window.types("\r");
        window.written().contains("waited").then_some(())
    })
    .await;
    shell.ok("--profile alice send @bob \u{1b}[31mcoloured");
    window.shows("\\u{1b}[31mcoloured").await;
    window.types("answered\r");
    until("alice has the answer", || async {
        shell.ok("--profile alice tail --until-drained").contains("bob: answered").then_some(())
    })
    .await;
    // Another command collects nothing meanwhile, and says who does.
    assert!(shell.fails(7, "--profile bob tail --until-drained").contains("ferry tui (process "));
    window.types("\u{3}");
    window.shows("ended with 0").await;
    window.shows("icanon").await;
    let written = window.written();
    let (_, after) = written.split_once(LEAVES).unwrap();
    assert!(after.contains(" icanon") && after.contains(" echo ") && !after.contains("-icanon"), "{after}");

    // What was shown is printed and read, and what was sent is stored.
    let status = shell.json("--profile bob history status");
    assert_eq!((&status["messages"], &status["unsent"]), (&3.into(), &0.into()), "{status}");
    assert_eq!(status["unread"].as_array().unwrap().len(), 0, "{status}");
    assert!(!shell.ok("--profile bob tail --until-drained").contains("waited"));
    shell.fails(2, "--profile bob tui");
}

/// Selects the last message: Ctrl-N until there is none below, and then Ctrl-P.
const LAST: &str = "\u{e}\u{e}\u{e}\u{10}";

/// Returns what alice's device is told next, of this kind.
async fn told(shell: &Shell, kind: &str) -> Value {
    until(&format!("alice has the {kind}"), || async {
        let printed = shell.ok("--json --profile alice tail --until-drained");
        let lines = printed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.into_iter().find(|line| line["kind"] == kind)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_to_messages_in_a_window() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    let question = shell.json("--profile alice send @bob how-many?")["id"].clone();
    let window = Window::open(&shell, "--profile bob tui");
    window.shows("online").await;
    window.shows_after("\r", "how-many?").await;

    // Alt-Up, as a terminal sends it.
    window.types("\u{1b}[1;3Arelf\r");
    let answer = told(&shell, "text").await;
    assert_eq!((&answer["body"], &answer["reply_to"]), (&"elf".into(), &question));

    window.shows_after(&format!("{LAST}e"), "✎").await;
    window.types("\u{7f}even\r");
    let edit = told(&shell, "edit").await;
    assert_eq!((&edit["body"]["body"], &edit["body"]["target"]["message"]), (&"eleven".into(), &answer["id"]));
    window.shows("(edited)").await;

    window.shows_after(&format!("{LAST}\u{10}+"), "reaction").await;
    window.types("\u{1b}[C\r");
    let reaction = told(&shell, "reaction").await;
    assert_eq!((&reaction["body"]["emoji"], &reaction["body"]["target"]["message"]), (&"❤️".into(), &question));

    window.shows_after(&format!("{LAST}d"), "everybody").await;
    window.types("\r");
    let deletion = told(&shell, "delete").await;
    assert_eq!(deletion["body"]["target"]["message"], answer["id"]);
    window.shows("[deleted]").await;
    let shown = shell.ok("--profile alice show @bob");
    assert!(shown.contains("how-many?  [❤️ 1]") && shown.contains("bob: [deleted]"), "{shown}");

    // In a direct room nobody is a moderator.
    window.types("\u{e}\u{e}\u{e}\u{10}\u{10}d");
    window.shows("author").await;
    window.types("\u{3}");
    window.shows("ended with 0").await;
    assert_eq!(shell.json("--profile bob history status")["unsent"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_written_from_a_window() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice send @bob how-many?");
    let window = Window::open(&shell, "--profile bob tui");
    window.shows("online").await;
    window.shows_after("\r", "how-many?").await;
    // F2, as a terminal sends it.
    window.types("\u{1b}OQb");
    window.shows("recovery.txt").await;
    let (key, backups) = (shell.home.path().join("recovery.txt"), shell.home.path().join("backups"));
    std::fs::create_dir(&backups).unwrap();
    shell.ok(&format!("--profile bob backup key new --to {}", key.display()));

    // Any key closes that, and this one does nothing else.
    window.types("x\u{1b}OQb");
    window.shows("Directory").await;
    window.types(&format!("{}\r", backups.display()));
    let file = until("there is a backup", || async {
        let mut files = std::fs::read_dir(&backups).unwrap().map(|file| file.unwrap().path());
        files.find(|file| file.extension().is_some_and(|extension| extension == "age"))
    })
    .await;
    window.shows("ferry-bob").await;
    let verified = shell.json(&format!("--profile bob backup verify {} --key {}", file.display(), key.display()));
    assert_eq!((&verified["vouched"], &verified["manifest"]["counts"]["messages"]), (&true.into(), &1.into()));
    window.types("\u{3}");
    window.shows("ended with 0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_waits_for_the_relay_is_ended() {
    let mut world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    let window = Window::open(&shell, "--profile bob tui");
    window.shows("online").await;
    world.relay_mut().kill();
    window.shows("offline").await;
    // F2, and then s: it waits until there is a relay, and the bottom line says so.
    window.types("\u{1b}OQs");
    window.shows("asking").await;
    window.types("x");
    window.shows("interrupted").await;
    window.types("q\u{3}");
    window.shows("ended with 0").await;
}
