//! A power cut: what no sync has made sure of is gone, in any mixture.

use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
    process::Stdio,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    super::{Shell, pairing::Running},
    OnDisk, has_all_once,
};
use crate::harness::{Backend, World, until};

/// What a note of the library is about.
const SYNC: u64 = 1;
const CUT: u64 = 2;

/// A write, or a cut, and what was there before it.
struct Change {
    is_cut: bool,
    at: u64,
    length: u64,
    size: u64,
    old: Vec<u8>,
}

impl Change {
    /// Takes it back, when all later ones are. Returns what it had written.
    fn undo(&self, file: &mut File) -> Vec<u8> {
        let mut new = Vec::new();
        if !self.is_cut {
            file.seek(SeekFrom::Start(self.at)).unwrap();
            Read::take(&mut *file, self.length).read_to_end(&mut new).unwrap();
        }
        file.seek(SeekFrom::Start(self.at)).unwrap();
        file.write_all(&self.old).unwrap();
        file.set_len(self.size).unwrap();
        new
    }

    fn redo(&self, file: &mut File, new: &[u8]) {
        if self.is_cut {
            return file.set_len(self.at).unwrap();
        }
        file.seek(SeekFrom::Start(self.at)).unwrap();
        file.write_all(new).unwrap();
    }
}

/// Returns the writes to each file that were noted and not synced.
fn unsynced(noted: &[u8]) -> HashMap<String, Vec<Change>> {
    let (mut rest, mut unsynced) = (noted, HashMap::<String, Vec<Change>>::new());
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let head = std::str::from_utf8(&rest[..end]).unwrap();
        let numbers: Vec<u64> = head.split(' ').map(|number| number.parse().unwrap()).collect();
        let [what, path, at, length, size, kept] = numbers[..] else { panic!("{head}") };
        let (path_end, old_end) = (end + 1 + path as usize, end + 1 + (path + kept) as usize);
        // The process was killed in the middle of a note, so the write was not made.
        if rest.len() < old_end {
            break;
        }
        let path = String::from_utf8(rest[end + 1..path_end].to_vec()).unwrap();
        let writes = unsynced.entry(path).or_default();
        match what {
            SYNC => writes.clear(),
            _ => writes.push(Change { is_cut: what == CUT, at, length, size, old: rest[path_end..old_end].to_vec() }),
        }
        rest = &rest[old_end..];
    }
    unsynced
}

/// Takes back what no sync has made sure of, but for a random part of the writes to each file, one
/// of which is there by half, as a power cut does. Returns how many writes were lost.
fn cut_the_power(log: &Path, random: &mut StdRng) -> usize {
    let Ok(noted) = std::fs::read(log) else { return 0 };
    let mut lost = 0;
    let mut files: Vec<_> = unsynced(&noted).into_iter().collect();
    // The same seed cuts in the same way.
    files.sort_by(|one, other| one.0.cmp(&other.0));
    for (path, writes) in files {
        let Ok(mut file) = File::options().read(true).write(true).open(&path) else { continue };
        let mut new: Vec<Vec<u8>> = writes.iter().rev().map(|write| write.undo(&mut file)).collect();
        new.reverse();
        // A disk may write in order, or not at all, or as it likes.
        let survival = [0.0, 0.5, 1.0][random.random_range(0..3)];
        let torn = random.random_range(0..=writes.len());
        for (number, (write, new)) in writes.iter().zip(&new).enumerate() {
            if number == torn {
                write.redo(&mut file, &new[..new.len() / 2]);
            } else if random.random_bool(survival) {
                write.redo(&mut file, new);
                continue;
            }
            lost += 1;
        }
    }
    std::fs::remove_file(log).unwrap();
    lost
}

/// Returns the seed of this run: another one each time, or FERRY_TEST_SEED.
fn seed() -> u64 {
    let seed = std::env::var("FERRY_TEST_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("FERRY_TEST_SEED={seed}");
    seed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_loses_nothing_that_was_acked() {
    // More than CI does: FERRY_TEST_KILLS=1000.
    let rounds: usize = std::env::var("FERRY_TEST_KILLS").map_or(12, |kills| kills.parse().unwrap());
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    let (log, seed) = (shell.home.path().join("unsynced"), seed());
    let mut random = StdRng::seed_from_u64(seed);
    let (mut sent, mut lost, mut round) = (0, 0, 0);
    // A cut that falls between two transactions loses nothing, and shows nothing.
    while round < rounds || lost == 0 {
        round += 1;
        assert!(round < 10 * rounds, "no write was ever lost, so this test shows nothing");
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
    until("the rest comes", || async { (shell.run("--profile bob tail --until-drained").code == 0).then_some(()) })
        .await;
    has_all_once(&shell, "bob", sent);
}
