//! Disks that fail under a history: a power cut, errors of the device, no room.

use std::{
    collections::HashMap,
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{Shell, pairing::Running, ran};
use crate::harness::{Backend, World, repository, until};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// Returns the library that stands between a process and its disk.
fn shim() -> &'static Path {
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

trait OnDisk {
    /// Lets all writes and syncs of a history fail after so many.
    fn that_fails(&mut self, error: i32, after: usize) -> &mut Self;
    /// Notes what is not synced.
    fn that_is_noted(&mut self, log: &Path) -> &mut Self;
}

impl OnDisk for Command {
    fn that_fails(&mut self, error: i32, after: usize) -> &mut Self {
        self.env("LD_PRELOAD", shim()).env("FERRY_DISK_FAIL", error.to_string());
        self.env("FERRY_DISK_AFTER", after.to_string())
    }

    fn that_is_noted(&mut self, log: &Path) -> &mut Self {
        self.env("LD_PRELOAD", shim()).env("FERRY_DISK_LOG", log)
    }
}

/// What a write has replaced.
struct Undo {
    at: u64,
    size: u64,
    old: Vec<u8>,
}

/// Takes back what no sync has made sure of, but for a random part of the earliest writes to each
/// file, as a power cut does. Returns how many writes were lost.
fn cut_the_power(log: &Path, random: &mut StdRng) -> usize {
    let Ok(noted) = std::fs::read(log) else { return 0 };
    let (mut rest, mut unsynced) = (&noted[..], HashMap::<String, Vec<Undo>>::new());
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let head = std::str::from_utf8(&rest[..end]).unwrap();
        let numbers: Vec<u64> = head.split(' ').map(|number| number.parse().unwrap()).collect();
        let [is_sync, path, at, size, kept] = numbers[..] else { panic!("{head}") };
        let (path_end, old_end) = (end + 1 + path as usize, end + 1 + (path + kept) as usize);
        // The process was killed in the middle of a note, so the write was not made.
        if rest.len() < old_end {
            break;
        }
        let path = String::from_utf8(rest[end + 1..path_end].to_vec()).unwrap();
        let writes = unsynced.entry(path).or_default();
        match is_sync {
            1 => writes.clear(),
            _ => writes.push(Undo { at, size, old: rest[path_end..old_end].to_vec() }),
        }
        rest = &rest[old_end..];
    }
    let mut lost = 0;
    for (path, writes) in unsynced {
        let survives = random.random_range(0..=writes.len());
        let Ok(mut file) = std::fs::File::options().write(true).open(&path) else { continue };
        for Undo { at, size, old } in writes.into_iter().skip(survives).rev() {
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(&old).unwrap();
            file.set_len(size).unwrap();
            lost += 1;
        }
    }
    std::fs::remove_file(log).unwrap();
    lost
}

/// Fails unless bob's device has each of these messages once, and its history is sound.
fn has_all_once(shell: &Shell, profile: &str, messages: usize) {
    shell.has_numbers(profile, messages);
    shell.ok(&format!("--profile {profile} history check"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_loses_nothing_that_was_acked() {
    const ROUNDS: usize = 12;
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    let (log, seed) = (shell.home.path().join("unsynced"), rand::random());
    let mut random = StdRng::seed_from_u64(seed);
    println!("seed {seed}");
    let (mut sent, mut lost) = (0, 0);
    for _ in 0..ROUNDS {
        let mut tail = shell.command("--profile bob tail --json");
        let tail = tail.that_is_noted(&log).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut tail = Running(tail);
        let until_now = world.relay().metric("ferry_acks_total").await;
        for _ in 0..random.random_range(4..12) {
            shell.ok(&format!("--profile alice send @bob number {sent}"));
            sent += 1;
        }
        // Some are acked by now, and some are on their way.
        until("some are acked", || async {
            (world.relay().metric("ferry_acks_total").await > until_now).then_some(())
        })
        .await;
        tail.0.kill().unwrap();
        tail.0.wait().unwrap();
        lost += cut_the_power(&log, &mut random);
    }
    assert!(lost > 0, "some writes were lost, or this test shows nothing");
    until("the rest comes", || async { (shell.run("--profile bob tail --until-drained").code == 0).then_some(()) })
        .await;
    has_all_once(&shell, "bob", sent);
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
    for after in [4, 8, 16] {
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
    has_all_once(&shell, "second", MESSAGES);
}
