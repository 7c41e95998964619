//! Files that cannot be used: what they say, and that they stay as they are.

use super::super::Shell;
use crate::harness::{Backend, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_history_is_refused_and_stays() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice send @bob hello");
    shell.ok("--profile bob tail --until-drained");
    let file = shell.json("--profile bob history status")["file"].as_str().unwrap().to_owned();
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, b"").unwrap();
    for journal in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{file}{journal}"));
    }
    shell.ok("--profile alice send @bob later");
    for command in ["tail --until-drained", "history status", "history check", "show @alice"] {
        let words = shell.fails(5, &format!("--profile bob {command}"));
        assert!(words.contains("damaged") && words.contains("empty"), "{command}: {words}");
    }
    assert_eq!(std::fs::read(&file).unwrap(), b"", "it is not taken for a new one");
    // What came meanwhile was not acknowledged.
    std::fs::write(&file, whole).unwrap();
    assert!(shell.ok("--profile bob tail --until-drained").contains("later"));

    // A page that is overwritten is found, and what can be read is saved.
    let mut bytes = std::fs::read(&file).unwrap();
    let page = bytes.len() - 4_096;
    bytes[page..page + 64].fill(0xa5);
    std::fs::write(&file, &bytes).unwrap();
    let repaired = shell.json("--profile bob history repair");
    assert_eq!(std::fs::read(repaired["moved_to"].as_str().unwrap()).unwrap(), bytes, "the old one is kept");
    shell.ok("--profile bob history check");
    shell.ok("--profile alice send @bob after the repair");
    assert!(shell.ok("--profile bob tail --until-drained").contains("after the repair"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_of_a_newer_version_is_refused_and_stays() {
    /// Where SQLite stores `user_version`, with the highest byte first.
    const VERSION: std::ops::Range<usize> = 60..64;
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice send @bob hello");
    shell.ok("--profile bob tail --until-drained");
    let file = shell.json("--profile bob history status")["file"].as_str().unwrap().to_owned();
    assert!(!std::path::Path::new(&format!("{file}-wal")).exists(), "everything is in the file");
    let whole = std::fs::read(&file).unwrap();
    let mut newer = whole.clone();
    newer[VERSION].copy_from_slice(&99_u32.to_be_bytes());
    std::fs::write(&file, &newer).unwrap();
    shell.ok("--profile alice send @bob later");
    for command in ["history status", "history check", "tail --until-drained", "show @alice", "search hello"] {
        let words = shell.fails(8, &format!("--profile bob {command}"));
        assert!(words.contains("a newer version of Ferry") && words.contains("format 99"), "{command}: {words}");
        assert!(std::fs::read(&file).unwrap() == newer, "{command} has changed the file");
    }
    // A newer version has everything then, also what came meanwhile.
    std::fs::write(&file, whole).unwrap();
    assert!(shell.ok("--profile bob tail --until-drained").ends_with(" @alice alice: later\n"));
    assert!(shell.ok("--profile bob show @alice").contains(" alice: hello\n"));
}
