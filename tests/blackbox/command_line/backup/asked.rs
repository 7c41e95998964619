//! What a restore asks at a terminal.

use super::{
    super::{Shell, tui::Window},
    backups,
};
use crate::harness::{Backend, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_nobody_vouches_for_is_asked_about() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice send @bob perhaps forged");
    shell.ok("--profile bob tail --until-drained");
    let (home, directory) = (shell.home.path(), shell.home.path().join("backups"));
    std::fs::create_dir(&directory).unwrap();
    let key = home.join("recovery.txt").display().to_string();
    shell.ok(&format!("--profile bob backup key new --to {key}"));
    // Whoever knows the public half of the key can make one.
    let recipient = shell.ok("--profile bob backup key show");
    shell.ok(&format!("--profile bob backup create --to {} --recipient {}", directory.display(), recipient.trim()));
    let file = backups(&directory).remove(0).display().to_string();
    shell.ok("--profile new login bob --device-name new");
    shell.ok("--profile new tail --until-drained");
    for (answer, code) in [("n\r", 5), ("\r", 5), ("y\r", 0)] {
        assert_eq!(shell.ok("--profile new search forged"), "");
        let window = Window::open(&shell, &format!("--profile new backup restore {file} --key {key}"));
        window.shows("[y/N]").await;
        assert!(window.written().contains("nothing proves that you wrote this backup"), "{}", window.written());
        window.types(answer);
        window.shows(&format!("ended with {code}")).await;
    }
    assert_eq!(shell.ok("--profile new search forged").lines().count(), 1);
}
