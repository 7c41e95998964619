//! Exports: what a person opens, and what a program reads.

use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use serde_json::Value;

use super::super::{Shell, ran};
use crate::harness::{Backend, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_is_exported_for_people_and_programs() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    let evil = "<script>alert(1)</script>&\u{1b}[2J*bold*";
    // The relay refuses what steers a terminal in a name.
    let name = |name: &str| ran(shell.command("--profile alice me --display-name").arg(name).output().unwrap()).code;
    assert_eq!((name("\u{1b}[2J"), name("<script>alert(2)</script>")), (1, 0));
    let sent = shell.json(&format!("--profile alice send @bob {evil}"));
    shell.ok("--profile alice rooms create --group ../../evil --member bob");
    shell.ok("--profile alice send ../../evil in a room with a hostile name");
    shell.ok("--profile bob tail --until-drained");
    shell.ok(&format!("--profile bob react @alice alice/{} 👍", sent["id"].as_str().unwrap()));
    let home = shell.home.path().join("out");
    let to = |name: &str| home.join(name).display().to_string();
    // The names of files end with a part of the room's id.
    let read = |directory: &str, begin: &str| {
        let files = std::fs::read_dir(home.join(directory)).unwrap().map(|file| file.unwrap().path());
        let is_it = |path: &std::path::PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(begin);
        std::fs::read_to_string(files.into_iter().find(is_it).unwrap()).unwrap()
    };
    for (format, directory) in [("html", "html"), ("md", "md"), ("json", "json")] {
        let written = shell.json(&format!("--profile bob export --format {format} --to {}", to(directory)));
        assert_eq!((&written["messages"], &written["rooms"]), (&2.into(), &2.into()), "{written}");
    }
    let page = read("html", "alice-");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&amp;\\u{1b}[2J*bold*"), "{page}");
    assert!(!page.contains("<script") && page.contains("default-src 'none'") && page.contains("👍"), "{page}");
    assert!(read("html", "index.html").contains("href=\"./evil-"));
    let page = read("md", "alice-");
    assert!(page.contains(r"**alice**: \<script\>alert\(1\)") && page.contains(r"\*bold\*"), "{page}");
    let line: Value = serde_json::from_str(read("json", "alice-").lines().next().unwrap()).unwrap();
    assert_eq!(
        (&line["text"], &line["reactions"]["👍"][0]),
        (&evil.into(), &shell.json("--profile bob whoami")["user"]["id"])
    );
    let files = std::fs::read_dir(home.join("html")).unwrap().count();
    assert_eq!(files, 3, "an index, and a page for each room");
    // What is there is never overwritten.
    shell.fails(2, &format!("--profile bob export --to {}", to("html")));
    shell.ok(&format!("--profile bob export @alice --format md --to {}", to("one")));
    assert_eq!(std::fs::read_dir(home.join("one")).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_cannot_be_read_costs_an_export_only_itself() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    for number in 0..5 {
        shell.ok(&format!("--profile alice send @bob number {number}"));
    }
    shell.ok("--profile bob tail --until-drained");
    let file = shell.json("--profile bob history status")["file"].as_str().unwrap().to_owned();
    // As a flipped bit does: a body is no UTF-8.
    let damage = "UPDATE message SET body = CAST(x'22ff22' AS TEXT) \
        WHERE n = (SELECT n FROM message ORDER BY n LIMIT 1 OFFSET 2)";
    SqliteConnection::establish(&file).unwrap().batch_execute(damage).unwrap();
    for format in ["html", "md", "json"] {
        let to = shell.home.path().join(format);
        let written = shell.json(&format!("--profile bob export --format {format} --to {}", to.display()));
        assert_eq!(written["messages"], 4, "{written}");
        assert_eq!(written["skipped"].as_array().unwrap().len(), 1, "{written}");
    }
    assert!(shell.fails(5, "--profile bob history check").contains("1 records cannot be read"));
}
