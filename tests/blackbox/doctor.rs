//! `ferry doctor` finds what is planted, and `ferry status` shows what there is.

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

use crate::harness::{Backend, Nsqd, World};

/// Runs a command of the binary with few open files, and with this environment alone.
fn run(arguments: &str, environment: &[(&str, &str)]) -> Output {
    let line = format!("ulimit -n 256; ulimit -c 0; exec {} {arguments}", env!("CARGO_BIN_EXE_ferry"));
    let mut command = Command::new("sh");
    command.args(["-c", &line]).env_clear().envs(environment.iter().copied());
    command.output().unwrap()
}

fn findings(output: &Output) -> Vec<(String, String)> {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let all = report["findings"].as_array().unwrap();
    for finding in all {
        assert_eq!(finding["level"] != "good", finding["to_do"].is_string(), "{finding}");
    }
    let bad = all.iter().filter(|finding| finding["level"] == "fault");
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let bad: Vec<_> = bad.map(|finding| (text(finding, "what"), text(finding, "found"))).collect();
    assert_eq!(report["faults"].as_u64().unwrap() as usize, bad.len());
    bad
}

fn write(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_planted_fault_is_found() {
    let options = ["-log-level=debug", "-max-channel-consumers=0", "-mem-queue-size=8", "-output-buffer-timeout=250ms"];
    let nsqd = Nsqd::start_with(&options.map(str::to_owned)).await.unwrap();
    let world = World::start(Backend::Cluster).await;
    let http = nsqd.http_address();
    for call in ["topic/create?topic=user.x", "topic/pause?topic=user.x"] {
        let answer = reqwest::Client::new().post(format!("http://{http}/{call}")).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{call}");
    }
    let data = nsqd.directory().join("data");
    write(&data.join("user.x.diskqueue.000001.dat.bad"), "", 0o600);
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();

    let file = world.directory.path().join("ferry.toml");
    let database = world.database.url.replace("postgres@", "postgres:canary7f3a@");
    let settings = format!(
        "listen = \"0.0.0.0:0\"\ndatabase = \"{database}\"\nnsqd = [\"{}\", \"127.0.0.1:1/2\"]\n\
         argon2-memory = 64\ninsecure-cookies = true\n",
        nsqd.for_relay()
    );
    write(&file, &settings, 0o644);
    let arguments = format!("doctor --json --config {}", file.display());
    let output = run(&arguments, &[("FERRY_NSQDS", "127.0.0.1:4150")]);
    let found = findings(&output);
    let planted = [
        ("variable FERRY_NSQDS", "no such variable"),
        ("settings", "cookies are without Secure"),
        ("settings", "hashes are weaker"),
        ("settings with a password", "has the mode 0644"),
        ("open files", "256 at most"),
        ("durability of PostgreSQL", "fsync is off"),
        ("durability of PostgreSQL", "synchronous_commit is off"),
        ("list of nsqds", "another list of --nsqd"),
        ("nsqd", "log_level is debug"),
        ("nsqd", "max_channel_consumers is 0"),
        ("nsqd", "mem_queue_size is 8"),
        ("nsqd", "output_buffer_timeout is 250ms"),
        ("nsqd", "has paused 1 of its queues"),
        ("nsqd", "others can read its data_path"),
        ("nsqd", "1 files named *.bad"),
        ("nsqd 127.0.0.1:1/2", "does not answer"),
    ];
    for (what, said) in planted {
        assert!(
            found.iter().any(|(at, text)| at.starts_with(what) && text.contains(said)),
            "{what}: {said}\n{found:#?}"
        );
    }
    assert_eq!(found.len(), planted.len(), "{found:#?}");
    assert_eq!(output.status.code(), Some(1));
    let said = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8_lossy(&said).contains("canary7f3a"), "the password is shown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_well_is_no_fault() {
    let directory = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}", directory.path().join("ferry.db").display());
    let output = run(&format!("doctor --json --connections 100 --database {database}"), &[("FERRY_LOG", "warn")]);
    assert_eq!(findings(&output), [], "{output:?}");
    assert_eq!(output.status.code(), Some(0));
    // The page says the same.
    let page = run(&format!("doctor --connections 100 --database {database}"), &[]);
    assert!(String::from_utf8_lossy(&page.stdout).ends_with("no faults\n"), "{page:?}");
    // It looks, and makes nothing.
    assert!(!directory.path().join("ferry.db").exists());
    let broken = run("doctor --json --window 0", &[]);
    assert_eq!(findings(&broken)[0].0, "settings");
    assert_eq!(broken.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_shows_relays_nodes_and_queues() {
    let world = World::start(Backend::Cluster).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let phone = alice.online(world.relay()).await;
    let away = bob.log_in(world.relay()).await;
    let room = phone.direct(bob.id).await;
    phone.send(room, "canary7f3a").await;
    let node = world.nsqds[0].for_relay();
    let settings = format!("--database {} --nsqd {node}", world.database.url);
    let asked = run(&format!("status --json {settings} --relay unix:{}", world.relay().admin_socket().display()), &[]);
    assert_eq!(asked.status.code(), Some(0), "{asked:?}");
    let status: Value = serde_json::from_slice(&asked.stdout).unwrap();
    assert_eq!((&status["database"]["users"], &status["database"]["devices"]), (&2.into(), &2.into()));
    assert_eq!(status["database"]["running"].as_array().unwrap().len(), 1);
    assert_eq!((&status["nodes"][0]["node"], &status["nodes"][0]["devices"]), (&node.as_str().into(), &2.into()));
    assert!(status["nodes"][0]["largest_queue"].as_u64().unwrap() >= 1, "{status}");
    assert_eq!(status["relays"][0]["devices"], 1);
    let page = run(&format!("status {settings}"), &[]);
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(page.contains("SQL      answers") && page.contains(&node), "{page}");
    assert!(!page.contains("canary7f3a") && !page.contains(&alice.name));
    drop(away);
}
