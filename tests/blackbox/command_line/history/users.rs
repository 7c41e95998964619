//! Several users in one profile, one after the other.

use super::super::Shell;
use crate::on_both;

on_both!(another_user_of_the_profile_has_another_history, |world| async move {
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice send @bob for the eyes of bob");
    shell.ok("--profile bob tail --until-drained");
    let file_of = |status: &serde_json::Value| status["file"].as_str().unwrap().to_owned();
    let bobs = file_of(&shell.json("--profile bob history status"));
    shell.ok("--profile bob logout");

    shell.ok("--profile bob login alice");
    shell.ok("--profile bob tail --until-drained");
    let status = shell.json("--profile bob history status");
    assert_ne!(file_of(&status), bobs);
    assert_eq!((&status["messages"], &status["rooms"]), (&0.into(), &0.into()), "{status}");
    assert_eq!(shell.ok("--profile bob search eyes"), "");
    // There is no such room here, or nothing in it.
    assert!(!shell.run("--profile bob show @bob").out.contains("eyes"));

    // Without a login, nobody says whose history is meant.
    shell.ok("--profile bob logout");
    for command in ["show @alice", "search eyes", "history status"] {
        let words = shell.fails(2, &format!("--profile bob {command}"));
        assert!(words.contains("several users") && words.contains(&bobs), "{command}: {words}");
    }
    shell.ok("--profile bob login bob");
    shell.ok("--profile bob tail --until-drained");
    assert_eq!(file_of(&shell.json("--profile bob history status")), bobs);
    assert!(shell.ok("--profile bob show @alice").contains(" alice: for the eyes of bob\n"));
});
