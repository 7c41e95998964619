//! The commands of a client, as a user types them.

mod acting;
mod backup;
#[cfg(target_os = "linux")]
pub mod disk;
mod filled;
mod history;
mod pairing;
#[cfg(target_os = "linux")]
mod tui;

use std::{
    io::Write,
    os::unix::fs::PermissionsExt,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::{
    harness::{Backend, World, until},
    on_both,
};

mod people;

/// A shell with its own home directory.
struct Shell {
    home: tempfile::TempDir,
    server: String,
}

/// The output of a command, and how it ended.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Shell {
    fn at(world: &World) -> Self {
        Self { home: tempfile::tempdir().unwrap(), server: world.relay().url("") }
    }

    /// Builds the command `ferry` with these arguments, which blanks separate.
    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
        command.env_clear().env("FERRY_DATA_DIR", self.home.path()).env("FERRY_PASSWORD", "correct horse");
        command.env("FERRY_SERVER", &self.server).args(arguments.split_whitespace()).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &str) -> Ran {
        ran(self.command(arguments).output().unwrap())
    }

    /// Returns what the command prints. Fails unless it succeeds.
    fn ok(&self, arguments: &str) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "ferry {arguments}: {ran:?}");
        ran.out
    }

    fn json(&self, arguments: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("--json {arguments}"))).unwrap()
    }

    /// Runs a command that fails with this exit code, and returns its standard error. Standard
    /// output must be empty.
    fn fails(&self, code: i32, arguments: &str) -> String {
        let ran = self.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "ferry {arguments}: {ran:?}");
        assert!(!ran.err.is_empty());
        ran.err
    }

    /// Fails unless a device has the texts `number 0` and so on from alice, each once. Returns
    /// them.
    fn has_numbers(&self, profile: &str, messages: usize) -> Vec<String> {
        let search = self.ok(&format!("--json --profile {profile} search number from:alice -n 10000"));
        let stored: Vec<Value> = search.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut texts: Vec<&str> = stored.iter().map(|line| line["text"].as_str().unwrap()).collect();
        texts.sort_unstable();
        let mut expected: Vec<String> = (0..messages).map(|number| format!("number {number}")).collect();
        expected.sort_unstable();
        assert_eq!(texts, expected);
        expected
    }

    /// Logs in alice and bob, under profiles of their names.
    fn alice_and_bob(&self) {
        for name in ["alice", "bob"] {
            self.ok(&format!("register {name}"));
            self.ok(&format!("--profile {name} login {name} --device-name {name}s-machine"));
        }
    }
}

fn ran(output: Output) -> Ran {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// Returns the lines of `ferry tail` that are messages, and not notices.
fn messages(printed: &str) -> Vec<&str> {
    printed.lines().filter(|line| line.get(8..11) != Some(" * ")).collect()
}

on_both!(the_first_conversation, |world| async move {
    let shell = Shell::at(&world);
    shell.ok("register alice");
    shell.ok("register bob");
    shell.ok("--profile alice login alice");
    shell.ok("--profile bob login bob");
    assert_eq!(shell.ok("--profile alice send @bob Hello Bob"), "sent to 1 person\n");
    let printed = shell.ok("--profile bob tail --until-drained");
    assert_eq!((printed.lines().count(), messages(&printed).len()), (2, 1), "{printed}");
    assert!(printed.contains(" * alice added bob to @alice as member\n"), "{printed}");
    assert!(printed.ends_with(" @alice alice: Hello Bob\n"), "{printed}");
    // The message is printed, acked, and gone.
    assert_eq!(shell.ok("--profile bob tail --until-drained"), "");
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_are_listed_and_logged_out() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile phone login alice --device-name phone");
    let listed = shell.ok("--profile alice devices");
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with('*') && lines[0].contains("alices-machine"), "{listed}");
    assert!(lines[1].starts_with(' ') && lines[1].contains("phone"), "{listed}");
    assert_eq!(listed, shell.ok("--profile alice devices list"));

    let devices = shell.json("--profile alice devices");
    let phone = devices[1]["id"].as_str().unwrap();
    assert_eq!(devices[1]["name"], "phone");
    shell.ok(&format!("--profile alice devices logout {phone}"));
    // The phone learns of the logout with its next command, forgets its login, and can log in
    // again.
    let words = shell.fails(3, "--profile phone whoami");
    assert!(words.contains("logged out"), "{words}");
    assert!(shell.fails(3, "--profile phone whoami").contains("not logged in"));
    shell.ok("--profile phone login alice");
    shell.fails(1, &format!("--profile alice devices logout {phone}"));

    shell.ok("--profile alice logout");
    shell.fails(3, "--profile alice devices");
    assert_eq!(shell.json("--profile phone devices").as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_are_made_and_joined_and_left() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    let group = shell.ok("--profile alice rooms create --group friends --member bob");
    let channel = shell.json("--profile alice rooms create --channel news");
    assert_eq!(channel["kind"], "channel");
    assert_eq!(shell.json("--profile bob rooms list").as_array().unwrap().len(), 1);
    shell.ok("--profile bob rooms join news");
    let listed = shell.ok("--profile bob rooms");
    assert!(listed.contains("news") && listed.contains("friends") && listed.contains(group.trim()), "{listed}");
    let members = shell.ok("--profile bob rooms members news");
    assert!(members.contains("alice") && members.contains("owner") && members.contains("bob"), "{members}");

    assert_eq!(shell.ok("--profile bob send news read all about it"), "sent to 1 person\n");
    let printed = shell.ok("--profile alice tail --until-drained");
    assert!(printed.ends_with(" #news bob: read all about it\n"), "{printed}");
    // The last owner cannot leave the others behind.
    shell.fails(1, "--profile alice rooms leave news");
    shell.ok("--profile bob rooms leave news");
    shell.fails(1, "--profile bob send news one more thing");
    assert!(!shell.ok("--profile bob rooms").contains("news"));
    shell.ok("--profile alice rooms delete news");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_are_described_invited_to_and_handed_on() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    let room = shell.ok("--profile alice rooms create --group friends");
    let room = room.trim();
    assert_eq!(shell.ok("--profile alice rooms describe friends old-and-new"), "friends is about: old-and-new\n");
    assert_eq!(shell.ok("--profile alice rooms rename friends family"), format!("{room} is family\n"));
    assert_eq!(shell.ok("--profile alice rooms invite family bob"), format!("invited bob to {room}\n"));
    let open = shell.ok("--profile bob rooms invitations");
    assert!(open.contains(room) && open.contains("family") && open.contains("by alice"), "{open}");
    shell.ok("--profile alice rooms uninvite family bob");
    assert_eq!(shell.ok("--profile bob rooms invitations"), "");
    shell.fails(1, "--profile bob rooms accept family");
    shell.ok("--profile alice rooms invite family bob");
    shell.ok("--profile bob rooms decline family");
    shell.ok("--profile alice rooms invite family bob");
    assert_eq!(shell.ok("--profile bob rooms accept family"), "joined family\n");
    assert!(shell.ok("--profile alice rooms mute family bob --minutes 5").contains("is muted"));
    shell.fails(1, "--profile bob send family hello");
    assert!(shell.ok("--profile alice rooms mute family bob --lift").contains("may send again"));
    shell.fails(1, "--profile bob rooms transfer family bob");
    assert_eq!(shell.ok("--profile alice rooms transfer family bob"), "bob owns family now\n");
    assert_eq!(shell.json("--profile bob rooms")[0]["role"], "owner");

    // `ferry tail` prints all of it, in words.
    let told = shell.ok("--profile bob tail --until-drained");
    for words in ["alice invites you", "bob is owner of #family now", "bob is member of #family now, muted until"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let told = shell.ok("--profile alice tail --until-drained");
    assert!(
        told.contains("bob joined #family") && told.contains("bob accepted or declined the invitation to #family"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_is_one_value_a_line() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    let user: Value = shell.json("register carol");
    assert_eq!(user["username"], "carol");
    shell.alice_and_bob();
    assert_eq!(shell.json("--profile alice whoami")["user"]["username"], "alice");
    let sent = [shell.json("--profile alice send @bob one"), shell.json("--profile alice send @bob two")];
    assert_eq!(sent[0]["recipients"], 1);
    let room = shell.json("--profile alice rooms list")[0]["id"].clone();
    let printed = shell.ok("--json --profile bob tail --until-drained");
    let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (notices, lines): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.get("notice").is_some());
    assert_eq!((notices.len(), lines.len()), (1, 2));
    assert_eq!((&notices[0]["notice"]["kind"], &notices[0]["notice"]["room"]), (&"member_added".into(), &room));
    for (line, (sent, text)) in lines.iter().zip(sent.iter().zip(["one", "two"])) {
        assert_eq!((&line["id"], &line["body"], &line["room"]), (&sent["id"], &Value::from(text), &room));
        assert_eq!((&line["redelivered"], &line["kind"]), (&false.into(), &"text".into()));
    }
    assert_eq!(shell.json("--profile alice users bo")[0]["username"], "bob");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_are_for_their_owner_only() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile bob tail --until-drained");
    let directory = shell.home.path().join("profiles");
    assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let mut files = 0;
    for file in directory.read_dir().unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
        files += 1;
    }
    assert!(files >= 2);
    // Logging out removes them.
    shell.ok("--profile alice logout");
    assert!(!directory.join("alice.json").exists());
    assert!(directory.join("bob.json").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exit_codes_tell_failures_apart() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.ok("register alice");
    // Exit code 1: rejected.
    assert!(shell.fails(1, "register alice").contains("somebody has this username"));
    let wrong = ran(shell.command("login alice").env("FERRY_PASSWORD", "wrong horse").output().unwrap());
    assert_eq!(wrong.code, 1, "{wrong:?}");
    // Exit code 3: not logged in.
    for command in ["whoami", "devices", "rooms", "send @bob hi", "tail", "logout"] {
        assert!(shell.fails(3, command).contains("login"), "{command}");
    }
    shell.ok("login alice");
    shell.fails(1, "login alice");
    shell.fails(1, "send @nobody hi");
    shell.fails(1, "send no-such-room hi");
    // Exit code 2: wrong usage.
    for command in ["send", "send @alice", "teleport", "tail --count 0", "--profile ../x whoami", "rooms create"] {
        shell.fails(2, command);
    }
    shell.fails(2, "--server http://127.0.0.1:1 whoami");
    shell.fails(2, "--server nonsense register bob");
    let no_password = ran(shell.command("register bob").env_remove("FERRY_PASSWORD").output().unwrap());
    assert_eq!(no_password.code, 2, "{no_password:?}");
    // 4: not there.
    let nobody = format!("http://127.0.0.1:{}", ferry_testkit::free_port().unwrap());
    shell.fails(4, &format!("--server {nobody} register bob"));
    assert_eq!(shell.run("--help").code, 0);
    assert!(shell.ok("send --help").contains("@username"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_can_come_from_standard_input() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    let typed = |arguments: &str, input: &str| {
        let mut command = shell.command(arguments);
        command.env_remove("FERRY_PASSWORD").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        ran(child.wait_with_output().unwrap())
    };
    assert_eq!(typed("register alice --password-stdin", "a b c d e f\n").code, 0);
    assert_eq!(typed("login alice --password-stdin", "a b c d e\n").code, 1);
    assert_eq!(typed("login alice --password-stdin", "a b c d e f").code, 0);
    assert_eq!(typed("passwd --password-stdin", "a b c d e f\na new one\n").code, 0);
    assert_eq!(typed("--profile two login alice --password-stdin", "a new one\r\n").code, 0);
    assert_eq!(typed("--profile three login alice --password-stdin", "").code, 2);
    // So can a message.
    shell.ok("register bob");
    shell.ok("--profile bob login bob");
    assert_eq!(typed("send @bob -", "first line\nsecond line\n").code, 0);
    let printed = shell.ok("--profile bob tail --until-drained");
    assert!(printed.ends_with(" alice: first line\n    second line\n"), "{printed}");
}

on_both!(what_could_not_be_printed_is_printed_the_next_time, |world| async move {
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice send @bob precious");
    // Nothing reads what this prints.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = shell.command("--profile bob tail --until-drained").stdout(writer).status().unwrap();
    assert_eq!(status.code(), Some(0));
    // It is stored, or waits at the relay.
    let printed = shell.ok("--json --profile bob tail --count 1");
    let message: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    assert_eq!(message["body"], "precious");
    assert_eq!(shell.ok("--profile bob tail --until-drained"), "");
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_printed_steers_the_terminal() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    let evil = "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{202e}\u{200b}\u{feff}\u{e0041}end\n12:00:00 @boss boss: pay up";
    let mut command = shell.command("--profile alice send @bob");
    assert!(command.arg(evil).status().unwrap().success());
    for tail in ["--profile bob tail --until-drained --no-ack", "--json --profile bob tail --until-drained"] {
        let printed = shell.ok(tail);
        assert!(printed.contains("end"), "{printed:?}");
        let is_hidden = |c| matches!(c, '\u{202e}' | '\u{200b}' | '\u{feff}' | '\u{e0041}');
        assert!(printed.chars().all(|c| c == '\n' || !c.is_control() && !is_hidden(c)), "{printed:?}");
        assert!(!printed.contains("\n12:00:00"), "{printed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_a_message_does_not_reach_is_said() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile bob logout");
    let ran = shell.run("--profile alice send @bob anybody there?");
    assert_eq!((ran.code, ran.out.as_str()), (0, "sent to nobody\n"));
    assert!(ran.err.contains("bob has no device"), "{ran:?}");
}

on_both!(tail_prints_one_room_and_leaves_the_others, |world| async move {
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice rooms create --group friends --member bob");
    shell.ok("--profile alice send friends to all");
    shell.ok("--profile alice send @bob to you");
    let printed = shell.ok("--profile bob tail --room friends --until-drained");
    assert!(printed.ends_with("to all\n") && messages(&printed).len() == 1, "{printed}");
    assert!(printed.contains("#friends as member") && !printed.contains("@alice"), "{printed}");
    let rest = shell.ok("--profile bob tail --until-drained");
    assert!(rest.ends_with("to you\n") && messages(&rest).len() == 1, "{rest}");
    assert!(rest.contains("@alice as member") && !rest.contains("#friends"), "{rest}");
});

on_both!(who_is_there, |world| async move {
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice rooms create --group party --member bob");
    shell.ok("--profile alice send @bob hello");
    assert!(shell.ok("--profile alice who").starts_with("bob  offline, last seen "));
    assert_eq!(shell.ok("--profile alice who party"), "");
    let mut tail = shell.command("--profile bob tail --live").stdout(Stdio::piped()).spawn().unwrap();
    let there = until("bob is there", || async {
        Some(shell.ok("--profile alice who party")).filter(|printed| !printed.is_empty())
    });
    assert_eq!(there.await.trim_end(), "bob  online");
    assert_eq!(shell.json("--profile alice who @bob")[0]["status"], "online");
    shell.fails(1, "--profile alice who nowhere");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(tail.stdout.take().unwrap()));
    assert!(lines.any(|line| line.unwrap().contains(" * alice is offline")));
    tail.kill().unwrap();
    tail.wait().unwrap();
});
