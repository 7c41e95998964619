//! The demo script, which shows Ferry to people.

use std::process::{Command, Stdio};

#[test]
fn the_demo_runs_to_its_end_and_leaves_nothing_running() {
    let room = tempfile::tempdir().unwrap();
    let mut demo = Command::new("timeout");
    demo.args(["120", concat!(env!("CARGO_MANIFEST_DIR"), "/demo"), "--pause", "0", "--rounds", "1"])
        .env("FERRY", env!("CARGO_BIN_EXE_ferry"))
        .env("TMPDIR", room.path())
        .stdin(Stdio::null());
    let ran = demo.output().unwrap();
    let (said, complained) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}{complained}");
    assert_eq!(complained, "");
    for line in ["* ada accepts\n", "  bert has read it\n", "nothing of them is left in the relay\n"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    // Its database and logins are gone too.
    assert_eq!(std::fs::read_dir(room.path()).unwrap().count(), 0);
}
