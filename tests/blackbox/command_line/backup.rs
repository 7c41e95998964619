//! Backups, as a user makes them, and as somebody without Ferry opens them.

#[cfg(target_os = "linux")]
mod asked;
#[cfg(target_os = "linux")]
mod long;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::Shell;
use crate::{
    harness::{Backend, World},
    on_both,
};

/// Returns the backups in a directory, by name.
fn backups(directory: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).collect();
    found.sort();
    found
}

/// Returns what `ferry show` says without holes, and how many of these there are.
fn shown(shell: &Shell, arguments: &str) -> (String, usize) {
    let all = shell.ok(arguments);
    let (holes, messages): (Vec<&str>, Vec<&str>) = all.lines().partition(|line| line.starts_with('~'));
    (messages.join("\n"), holes.len())
}

/// Runs a script of the shell that a person without Ferry would type, and returns what it prints.
fn script(directory: &Path, script: &str) -> String {
    let ran = Command::new("bash").args(["-euo", "pipefail", "-c", script]).current_dir(directory).output().unwrap();
    let (out, err) = (String::from_utf8(ran.stdout).unwrap(), String::from_utf8_lossy(&ran.stderr).into_owned());
    assert!(ran.status.success(), "{script}: {out}{err}");
    out
}

on_both!(a_lost_device_is_restored_from_its_backup, |world| async move {
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    let hello = shell.json("--profile alice send @bob hello bob")["id"].as_str().unwrap().to_owned();
    shell.ok("--profile alice send @bob canary-deleted");
    let canary = shell.json("--profile alice search canary-deleted")["message"]["id"].as_str().unwrap().to_owned();
    shell.ok(&format!("--profile alice delete @bob {canary}"));
    shell.ok("--profile bob tail --until-drained");
    shell.ok(&format!("--profile bob react @alice alice/{hello} 👍"));
    shell.ok("--profile bob send @alice and to you");
    let directory = shell.home.path().join("backups");
    std::fs::create_dir(&directory).unwrap();
    let (to, key) = (directory.display().to_string(), shell.home.path().join("recovery.txt").display().to_string());

    let words = shell.fails(1, &format!("--profile bob backup create --to {to}"));
    assert!(words.contains("ferry backup key new"), "{words}");
    shell.ok(&format!("--profile bob backup key new --to {key}"));
    shell.fails(1, &format!("--profile bob backup key new --to {key}.2"));
    assert!(shell.ok("--profile bob backup key show").starts_with("age1"));
    shell.ok(&format!("--profile bob backup create --to {to}"));
    let file = backups(&directory).remove(0);
    assert!(file.file_name().unwrap().to_string_lossy().starts_with("ferry-bob-"), "{file:?}");
    let file = file.display().to_string();
    shell.fails(2, &format!("--profile bob backup verify {file}"));
    let review = shell.json(&format!("--profile bob backup verify {file} --key {key}"));
    assert_eq!((&review["vouched"], &review["new_messages"]), (&true.into(), &0.into()), "{review}");
    assert!(shell.ok("--profile bob backup list").contains("verified "));

    // The device is lost: another one, with nothing stored, logs in.
    shell.ok("--profile new login bob --device-name new-machine");
    let words = shell.ok(&format!("--profile new backup restore {file} --key {key}"));
    assert!(words.contains("5 messages, of which 5 are new here"), "{words}");
    // What came after the backup and before the login is on neither.
    let here = shown(&shell, "--profile bob show @alice").0;
    assert_eq!(shown(&shell, "--profile new show @alice"), (here, 1));
    assert!(shell.ok("--profile new search hello").contains("[👍 1]"));
    assert!(!shell.ok("--profile new show @alice").contains("canary"));
    let words = shell.ok(&format!("--profile new backup restore {file} --key {key}"));
    assert!(words.contains("0 are new here"), "{words}");
    shell.ok("--profile new history check");

    // Looking into it needs no login, and stores nothing.
    let open = format!("--profile nobody history open {file} --key {key}");
    assert!(shell.ok(&format!("{open} rooms")).contains("@alice"));
    assert_eq!(shown(&shell, &format!("{} show @alice", &open)).0, shown(&shell, "--profile new show @alice").0);
    assert!(shell.ok(&format!("{open} search hello")).contains("[👍 1]"));
    let pages = shell.home.path().join("pages");
    shell.ok(&format!("{open} export --format md --to {}", pages.display()));
    assert!(pages.is_dir());
    shell.fails(3, "--profile nobody history status");

    // Somebody else's, a wrong key, and a damaged file.
    shell.fails(8, &format!("--profile alice backup restore {file} --key {key} --yes"));
    shell.ok(&format!("--profile alice backup key new --to {key}.alice"));
    shell.fails(6, &format!("--profile new backup restore {file} --key {key}.alice"));
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() - 40;
    bytes[middle] ^= 1;
    std::fs::write(format!("{file}.damaged"), bytes).unwrap();
    shell.fails(5, &format!("--profile new backup restore {file}.damaged --key {key}"));
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_opens_without_ferry() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice send @bob hello \"bob\" 東京");
    shell.ok("--profile bob tail --until-drained");
    let directory = shell.home.path().join("backups");
    std::fs::create_dir(&directory).unwrap();
    let home = shell.home.path();
    shell.ok(&format!("--profile bob backup key new --to {}", home.join("recovery.txt").display()));
    shell.ok(&format!("--profile bob backup create --to {}", directory.display()));
    let opened = script(
        &directory,
        r#"age -d -i ../recovery.txt ferry-bob-*.age | tar xz
        sha256sum --quiet -c SHA256SUMS
        jq -r 'select(.kind=="text") | [.body] | @tsv' messages/*.jsonl
        jq -r '.value.username' people.jsonl"#,
    );
    assert!(opened.starts_with("hello \"bob\" 東京\n") && opened.contains("\nalice\n"), "{opened}");
    // What vouches for it follows from the key as docs/backup.md says.
    let mac = script(
        &directory,
        r#"secret=$(grep AGE-SECRET ../recovery.txt)
        key=$(openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt key:"$secret" -kdfopt info:ferry-backup-mac-1 -binary HKDF | od -An -v -tx1 | tr -d " \n")
        openssl mac -digest SHA256 -macopt hexkey:"$key" -in SHA256SUMS HMAC | tr 'A-F' 'a-f'
        cat SHA256SUMS.mac"#,
    );
    let lines: Vec<&str> = mac.lines().collect();
    assert_eq!(lines[0], lines[1]);

    // With a passphrase, ours or the user's own.
    let made = shell.json(&format!("--profile bob backup create --passphrase --to {}", directory.display()));
    let (file, passphrase) = (made["file"].as_str().unwrap(), made["passphrase"].as_str().unwrap());
    assert_eq!(passphrase.split('-').count(), 10);
    let with = |passphrase: &str, arguments: &str| {
        let mut command = shell.command(arguments);
        super::ran(command.env("FERRY_BACKUP_PASSPHRASE", passphrase).output().unwrap())
    };
    assert_eq!(with(passphrase, &format!("--profile bob backup verify {file}")).code, 0);
    assert_eq!(with("wrong horse battery", &format!("--profile bob backup verify {file}")).code, 6);
    let short = with("short", &format!("--profile bob backup create --passphrase --to {}", directory.display()));
    assert_eq!(short.code, 2, "{short:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn increments_add_up_and_a_forged_backup_is_asked_about() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    let directory = shell.home.path().join("backups");
    std::fs::create_dir(&directory).unwrap();
    let (to, key) = (directory.display().to_string(), shell.home.path().join("recovery.txt").display().to_string());
    shell.ok("--profile bob tail --until-drained");
    shell.ok(&format!("--profile bob backup key new --to {key}"));
    for text in ["first", "second"] {
        shell.ok(&format!("--profile alice send @bob {text}"));
        shell.ok("--profile bob tail --until-drained");
        let made = shell.json(&format!("--profile bob backup create --to {to} --since last"));
        assert_eq!(made["manifest"]["counts"]["messages"], 1, "{made}");
    }
    let files = backups(&directory).iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" ");
    shell.ok("--profile new login bob --device-name new-machine");
    shell.ok(&format!("--profile new backup restore {files} --key {key}"));
    let here = shown(&shell, "--profile bob show @alice").0;
    assert_eq!(shown(&shell, "--profile new show @alice"), (here, 1));

    // Whoever knows the public half can lock a file for the key, and cannot vouch for it.
    let recipient = shell.ok("--profile bob backup key show");
    let made = shell.json(&format!("--profile bob backup create --to {to} --recipient {}", recipient.trim()));
    let forged = made["file"].as_str().unwrap();
    let words = shell.fails(5, &format!("--profile new backup restore {forged} --key {key}"));
    assert!(words.contains("nothing proves"), "{words}");
    shell.ok(&format!("--profile new backup restore {forged} --key {key} --yes"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_devices_sync_directly_with_a_code_and_then_without() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice send @bob before the second device");
    shell.ok("--profile bob tail --until-drained");
    shell.ok("--profile second login bob --device-name second");
    let listening = |arguments: &str| {
        let mut command = shell.command(&format!("--json --profile bob sync --listen 127.0.0.1:0 {arguments}"));
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
        let first: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        (child, first["listening"].as_str().unwrap().to_owned(), first["code"].as_str().unwrap().to_owned())
    };
    let (mut child, address, code) = listening("");
    // A wrong code does not end the listening.
    let wrong = if code.starts_with('0') { code.replacen('0', "1", 1) } else { code.replacen(|_| true, "0", 1) };
    shell.fails(6, &format!("--profile second sync --connect {address} --code {wrong}"));
    shell.fails(2, &format!("--profile second sync --connect {address} --code 123"));
    shell.fails(6, &format!("--profile second sync --connect {address}"));
    // Somebody else's device has the code.
    let words = shell.fails(8, &format!("--profile alice sync --connect {address} --code {code}"));
    assert!(words.contains("another user"), "{words}");
    let synced = shell.json(&format!("--profile second sync --connect {address} --code {code}"));
    assert_eq!((&synced["new_messages"], &synced["equal"]), (&1.into(), &true.into()), "{synced}");
    assert!(child.wait().unwrap().success());
    assert_eq!(shown(&shell, "--profile second show @alice").0, shown(&shell, "--profile bob show @alice").0);

    // They know each other now, also in the other direction, and a code is good once.
    let (mut child, address, _) = listening("--watch");
    shell.fails(6, &format!("--profile second sync --connect {address} --code {code}"));
    shell.ok("--profile second send @alice from the second device");
    shell.ok(&format!("--profile second sync --connect {address}"));
    assert!(shell.ok("--profile bob search second device").contains("from the second device"));
    child.kill().unwrap();
    child.wait().unwrap();
    let key = shell.json("--profile second sync --devices")["key"].as_str().unwrap().to_owned();
    shell.ok(&format!("--profile second sync --forget {key}"));
    shell.fails(1, &format!("--profile second sync --forget {key}"));
    shell.fails(4, &format!("--profile second sync --connect {address}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_do_not_hold_up_a_device_that_listens() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile bob tail --until-drained");
    shell.ok("--profile second login bob --device-name second");
    let mut command = shell.command("--json --profile bob sync --listen 127.0.0.1:0");
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let first: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let (address, code) = (first["listening"].as_str().unwrap(), first["code"].as_str().unwrap());
    // They say the begin of a frame, and then nothing.
    let strangers: Vec<std::net::TcpStream> = (0..8)
        .map(|_| {
            let mut stranger = std::net::TcpStream::connect(address).unwrap();
            std::io::Write::write_all(&mut stranger, &[0, 0, 255]).unwrap();
            stranger
        })
        .collect();
    shell.ok(&format!("--profile second sync --connect {address} --code {code}"));
    assert!(child.wait().unwrap().success());
    drop(strangers);
}
