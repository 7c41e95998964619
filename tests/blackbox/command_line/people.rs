//! Friends, blocks and settings, as a user types them.

use std::os::unix::fs::PermissionsExt;

use ferry_protocol::Secret;

use super::Shell;
use crate::{
    harness::{App, Backend, World},
    on_both,
};

on_both!(friends_are_made_and_blocked, |world| async move {
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    assert_eq!(shell.ok("--profile alice friends"), "");
    assert!(shell.fails(1, "--profile bob friends accept alice").contains("has not asked"));
    assert_eq!(shell.ok("--profile alice friends add bob"), "asked bob\n");
    assert!(shell.ok("--profile alice friends").contains("bob  asked by you"));
    assert!(shell.ok("--profile bob friends list --state incoming").contains("alice  asks you"));
    assert_eq!(shell.ok("--profile bob friends accept @alice"), "alice is your friend\n");
    let friends = shell.json("--profile alice friends list --state friends");
    assert_eq!((&friends[0]["username"], &friends[0]["state"]), (&"bob".into(), &"friends".into()));
    assert_eq!(friends.as_array().unwrap().len(), 1);
    shell.fails(2, "--profile alice friends list --state enemies");

    assert_eq!(shell.ok("--profile alice blocks add bob"), "blocked bob\n");
    assert!(shell.ok("--profile alice blocks").contains("bob  blocked"));
    assert_eq!(shell.json("--profile bob blocks"), serde_json::json!([]));
    assert!(shell.fails(1, "--profile alice friends add bob").contains("blocked"));
    assert!(shell.fails(1, "--profile bob send @alice hello").contains("does not let you"));
    assert_eq!(shell.ok("--profile bob friends add alice"), "asked alice\n");
    assert_eq!(shell.json("--profile alice friends"), serde_json::json!([]));
    assert_eq!(shell.ok("--profile alice blocks remove bob"), "bob is no longer blocked\n");
    shell.fails(1, "--profile alice blocks remove bob");
    assert_eq!(shell.ok("--profile alice friends reject bob"), "bob is not your friend\n");
    shell.fails(1, "--profile alice friends remove bob");
    shell.ok("--profile alice friends add bob");
    shell.ok("--profile alice friends cancel bob");

    // The notices that both got meanwhile.
    let told = shell.ok("--profile bob tail --until-drained");
    for words in ["alice asks to be your friend: ferry friends accept", "alice ended the friendship with you"] {
        assert!(told.contains(words), "{told}");
    }
    assert!(!told.contains("block"), "{told}");
    let told = shell.ok("--profile alice tail --until-drained");
    assert!(told.contains("you and bob are friends now"), "{told}");
});

on_both!(settings_are_shown_and_changed, |world| async move {
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    let defaults = "direct    anybody\nadd       anybody\nreceipts  on\npresence  on\nfindable  on\n";
    assert_eq!(shell.ok("--profile alice settings"), defaults);
    shell.ok("--profile alice settings receipts off");
    assert_eq!(shell.ok("--profile alice settings receipts"), "receipts  off\n");
    let settings = shell.json("--profile alice settings direct friends");
    assert_eq!((&settings["direct"], &settings["receipts"]), (&"friends".into(), &false.into()));
    assert!(shell.fails(1, "--profile bob send @alice hello").contains("does not let you"));
    for wrong in ["direct nobody", "presence friends", "colour blue"] {
        shell.fails(2, &format!("--profile alice settings {wrong}"));
    }
    assert_eq!(shell.ok("--profile bob settings"), defaults);
    shell.ok("--profile second login alice");
    shell.ok("--profile second settings presence off");
    shell.ok("--profile second friends add bob");
    shell.ok("--profile second friends cancel bob");
    shell.ok("--profile second blocks add bob");
    let told = shell.ok("--profile alice tail --until-drained");
    for words in ["your settings were changed", "you asked bob", "you ended the friendship with bob", "you blocked bob"]
    {
        assert!(told.contains(words), "{told}");
    }
});

on_both!(a_second_factor_is_turned_on_and_off, |world| async move {
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    assert_eq!(shell.ok("--profile alice second-factor status"), "off\n");
    let shown = shell.ok("--profile alice second-factor on");
    assert!(shown.contains("otpauth://totp/ferry:alice?secret="), "{shown}");
    let made = shell.json("--profile alice second-factor on");
    let mut app = App::with(&Secret::new(made["secret"].as_str().unwrap()));
    assert_eq!(shell.ok("--profile alice second-factor status"), "off\n");
    assert!(shell.fails(1, "--profile alice second-factor confirm 12345").contains("code: "));
    let confirm = format!("--profile alice second-factor confirm {}", app.code().expose());
    let codes = shell.ok(&confirm);
    let codes: Vec<&str> = codes.lines().filter(|line| line.starts_with("  ")).map(str::trim).collect();
    assert_eq!(codes.len(), 10);
    assert!(shell.ok("--profile alice second-factor status").contains("with 10 recovery codes left"));

    // There is no terminal to ask at.
    assert!(shell.fails(2, "--profile new login alice").contains("--code"));
    assert!(shell.fails(1, "--profile new login alice --code 12345").contains("the code is wrong"));
    shell.ok(&format!("--profile new login alice --code {}", app.code().expose()));
    shell.fails(2, "--profile alice second-factor off");
    shell.fails(1, &format!("--profile alice second-factor off --code {}-x", codes[0]));
    assert_eq!(
        shell.ok(&format!("--profile alice second-factor off --code {}", codes[0])),
        "the second factor is off\n"
    );
    let told = shell.ok("--profile new tail --until-drained");
    assert!(told.contains("the second factor of your account was turned off"), "{told}");
    shell.ok("--profile third login alice");
});

/// The tokens of a device are revoked, because somebody used a copy of them. The profile remembers
/// the device, and the next login gets what waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_after_a_revocation_gets_what_waits() {
    let mut world = World::start(Backend::Cluster).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    let device = shell.json("--profile bob whoami")["device"].clone();
    shell.ok("--profile alice send @bob still here");
    // Behind the relay's back, so it must not have cached anything.
    world.relay_mut().kill();
    world.database.execute("UPDATE devices SET token_generation = 1; DELETE FROM refresh_tokens").await;
    world.relays[0].restart().await;
    assert!(shell.fails(3, "--profile bob whoami").contains("log in again with this profile"));
    shell.ok("--profile bob login bob");
    assert_eq!(shell.json("--profile bob whoami")["device"], device);
    assert!(shell.ok("--profile bob tail --until-drained").contains("still here"));
    // A device that was logged out is gone, and the next login is a new one.
    world.relay_mut().kill();
    world.database.execute("DELETE FROM devices").await;
    world.relays[0].restart().await;
    shell.fails(3, "--profile bob whoami");
    shell.ok("--profile bob login bob");
    assert_ne!(shell.json("--profile bob whoami")["device"], device);
}

on_both!(a_profile_is_changed_and_an_account_exported, |world| async move {
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice me --about rowing --avatar sha256:00 --email alice@example.org");
    let shown = shell.ok("--profile alice me");
    assert_eq!(
        shown,
        "username      alice\nabout         rowing\navatar        sha256:00\nemail         alice@example.org\n"
    );
    assert!(shell.fails(1, "--profile alice me --avatar javascript:x").contains("avatar: must be an https URL"));
    let device = shell.json("--profile alice whoami")["device"].as_str().unwrap().to_owned();
    assert_eq!(shell.ok(&format!("--profile alice devices rename {device} tablet")), format!("{device} is tablet\n"));
    assert!(shell.ok("--profile alice devices").contains("tablet"));
    assert!(shell.fails(1, &format!("--profile bob devices rename {device} mine")).contains("no such thing"));

    let file = shell.home.path().join("alice.json");
    shell.ok(&format!("--profile alice export-account {}", file.display()));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let document: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(document["account"]["email"], "alice@example.org");
    // A file that was there, open to others, is replaced by one that is not.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    shell.ok(&format!("--profile bob export-account {}", file.display()));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let printed: serde_json::Value = serde_json::from_str(&shell.ok("--profile bob export-account")).unwrap();
    assert_eq!(printed["account"]["username"], "bob");
    let nowhere = shell.home.path().join("nowhere/bob.json");
    shell.fails(1, &format!("--profile bob export-account {}", nowhere.display()));
    let left = std::fs::read_dir(shell.home.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().contains("tmp")));
});
