//! Disks that fail under a history: a power cut, errors of the device, no room.

mod power;

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use super::{Shell, pairing::Running, ran};
use crate::harness::{Backend, World, repository, until};

pub const EIO: i32 = 5;
pub const ENOSPC: i32 = 28;

/// Returns the library that stands between a process and its disk.
pub fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("disk.so");
        let source = repository().join("tests/blackbox/command_line/disk/shim.c");
        // Under a name of its own first, because several tests may run.
        let made = library.with_extension(format!("{}.so", std::process::id()));
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&made).arg(source);
        assert!(cc.arg("-ldl").arg("-lpthread").status().unwrap().success(), "a C compiler is needed, as for Rust");
        std::fs::rename(&made, &library).unwrap();
        library
    })
}

pub trait OnDisk {
    /// Lets all writes and syncs of a history fail after so many.
    fn that_fails(&mut self, error: i32, after: usize) -> &mut Self;
    /// Lets all reads of a history fail after so many.
    fn that_cannot_read(&mut self, error: i32, after: usize) -> &mut Self;
    /// Leaves no room on the disk while this file exists.
    fn that_is_full_while(&mut self, exists: &Path) -> &mut Self;
    /// Lets each sync of a history take so long.
    fn that_is_slow(&mut self, sync: Duration) -> &mut Self;
    /// Notes what is not synced.
    fn that_is_noted(&mut self, log: &Path) -> &mut Self;
}

impl OnDisk for Command {
    fn that_fails(&mut self, error: i32, after: usize) -> &mut Self {
        self.env("LD_PRELOAD", shim()).env("FERRY_DISK_FAIL", error.to_string());
        self.env("FERRY_DISK_AFTER", after.to_string())
    }

    fn that_cannot_read(&mut self, error: i32, after: usize) -> &mut Self {
        self.env("LD_PRELOAD", shim()).env("FERRY_DISK_FAIL_READ", error.to_string());
        self.env("FERRY_DISK_AFTER", after.to_string())
    }

    fn that_is_full_while(&mut self, exists: &Path) -> &mut Self {
        self.env("LD_PRELOAD", shim()).env("FERRY_DISK_FULL_WHILE", exists)
    }

    fn that_is_slow(&mut self, sync: Duration) -> &mut Self {
        self.env("LD_PRELOAD", shim()).env("FERRY_DISK_SLOW", sync.as_micros().to_string())
    }

    fn that_is_noted(&mut self, log: &Path) -> &mut Self {
        self.env("LD_PRELOAD", shim()).env("FERRY_DISK_LOG", log)
    }
}

/// Fails unless bob's device has each of these messages once, and its history is sound.
fn has_all_once(shell: &Shell, profile: &str, messages: usize) {
    shell.has_numbers(profile, messages);
    shell.ok(&format!("--profile {profile} history check"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_acks_nothing_and_loses_nothing() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile bob tail --until-drained");
    let mut sent = 0;
    for (error, after) in [(EIO, 0), (ENOSPC, 0), (EIO, 2), (ENOSPC, 3), (EIO, 5), (ENOSPC, 7), (EIO, 9)] {
        for _ in 0..5 {
            shell.ok(&format!("--profile alice send @bob number {sent}"));
            sent += 1;
        }
        let ran = ran(shell.command("--profile bob tail --until-drained").that_fails(error, after).output().unwrap());
        assert_eq!((ran.code, ran.err.is_empty()), (7, false), "after {after}: {ran:?}");
        if error == ENOSPC {
            assert!(ran.err.contains("full"), "{ran:?}");
        }
        assert!(!ran.err.contains("number "), "no message is in an error: {ran:?}");
    }
    shell.ok("--profile bob tail --until-drained");
    has_all_once(&shell, "bob", sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_whose_disk_is_full_in_a_sync_goes_on_when_there_is_room() {
    const MESSAGES: usize = 200;
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    for number in 0..MESSAGES {
        shell.ok(&format!("--profile alice send @bob number {number}"));
    }
    shell.ok("--profile bob tail --until-drained");
    shell.ok("--profile second login bob --device-name second");
    shell.ok("--profile second tail --until-drained");
    // It fails somewhere, and the other device is told why. The code stays good.
    let (mut child, code) = shell.shows_a_code("bob");
    let mut full = 0;
    for after in [4, 8, 16, 24, 32] {
        let mut pair = shell.command(&format!("--profile second pair {code}"));
        let ran = ran(pair.that_fails(ENOSPC, after).output().unwrap());
        assert!([0, 7].contains(&ran.code), "{ran:?}");
        full += usize::from(ran.code == 7);
        if ran.code == 0 {
            break;
        }
    }
    assert!(full > 0, "the disk was full at least once");
    if child.0.try_wait().unwrap().is_none() {
        shell.ok(&format!("--profile second pair {code}"));
    }
    assert!(child.0.wait().unwrap().success());
    let mut told = String::new();
    child.0.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    // It may also have been full before the sync began, or in another place.
    assert!(told.contains("the disk of the other device is full"), "{told}");
    has_all_once(&shell, "second", MESSAGES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_without_room_waits_for_room_and_acks_nothing_meanwhile() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice send @bob first");
    shell.ok("--profile bob tail --until-drained");
    let acks = || async { world.relay().metric("ferry_acks_total").await };
    let (full, errors, before) = (shell.home.path().join("full"), shell.home.path().join("errors"), acks().await);
    let mut tail = shell.command("--profile bob tail");
    tail.that_is_full_while(&full).stdout(Stdio::null()).stderr(std::fs::File::create(&errors).unwrap());
    let mut tail = Running(tail.spawn().unwrap());
    shell.ok("--profile alice send @bob number 0");
    until("it is acked", || async { (acks().await == before + 1.0).then_some(()) }).await;

    std::fs::write(&full, "").unwrap();
    for number in 1..6 {
        shell.ok(&format!("--profile alice send @bob number {number}"));
    }
    until("the tail lets go of the connection, and says why", || async {
        let is_told = std::fs::read_to_string(&errors).unwrap().contains("the disk is full");
        (is_told && world.relay().metric("ferry_connected_devices").await == 0.0).then_some(())
    })
    .await;
    assert_eq!(acks().await, before + 1.0);
    assert!(tail.0.try_wait().unwrap().is_none(), "it goes on");
    // What is stored can be read without room.
    assert!(shell.ok("--profile bob show @alice").contains("number 0"));

    std::fs::remove_file(&full).unwrap();
    until("the rest is stored and acked", || async { (acks().await == before + 6.0).then_some(()) }).await;
    drop(tail);
    has_all_once(&shell, "bob", 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_cannot_be_read_says_so_and_loses_nothing() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    let mut sent = 0;
    let mut send = || {
        for _ in 0..5 {
            shell.ok(&format!("--profile alice send @bob number {sent}"));
            sent += 1;
        }
        sent
    };
    send();
    shell.ok("--profile bob tail --until-drained");
    for after in [0, 2, 5] {
        send();
        for command in ["tail --until-drained", "show @alice", "history check"] {
            let mut command = shell.command(&format!("--profile bob {command}"));
            let ran = ran(command.that_cannot_read(EIO, after).output().unwrap());
            // SQLite calls a page that the disk does not give back a damaged one.
            assert!([5, 7].contains(&ran.code) && !ran.err.is_empty(), "{command:?} after {after}: {ran:?}");
            assert!(!ran.err.contains("number "), "no message is in an error: {ran:?}");
        }
    }
    let sent = send();
    shell.ok("--profile bob tail --until-drained");
    has_all_once(&shell, "bob", sent);
}
