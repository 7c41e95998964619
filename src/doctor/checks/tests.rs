use std::time::Duration;

use ferry_broker::NodeFigures;

use super::*;
use crate::doctor::finding::Level;

fn faults(findings: &[Finding]) -> Vec<&str> {
    findings.iter().filter(|finding| finding.level == Level::Fault).map(|finding| finding.found.as_str()).collect()
}

fn advice(findings: &[Finding]) -> Vec<&str> {
    findings.iter().filter(|finding| finding.level == Level::Advice).map(|finding| finding.found.as_str()).collect()
}

/// Checks that whatever is not good says what to do.
fn assert_helps(findings: &[Finding]) {
    for finding in findings {
        assert_eq!(finding.to_do.is_some(), finding.level != Level::Good, "{finding:?}");
    }
}

fn server() -> ServerState {
    ServerState {
        version: 150_004,
        read_only: false,
        now: 1_000_000,
        took: Duration::from_millis(1),
        synchronous_commit: "on".into(),
        fsync: true,
        synchronous_standbys: String::new(),
        standbys: 0,
        max_connections: 100,
        tls: false,
        is_local: true,
    }
}

fn report() -> NodeReport {
    NodeReport {
        version: "1.3.0".into(),
        accepts: true,
        fault: None,
        misfits: Vec::new(),
        data_path: "/dev/shm/nsqd".into(),
        figures: NodeFigures::default(),
        paused: 0,
    }
}

fn data_path() -> DataPath {
    DataPath { path: "/dev/shm/nsqd".into(), file_system: Some("tmpfs".into()), mode: Some(0o700), bad_files: 0 }
}

#[test]
fn a_machine_needs_files_and_must_not_write_memory_to_a_disk() {
    let config = Config::defaults().unwrap();
    let good = Machine { open_files: Some(65_536), ..Machine::default() };
    assert_eq!(faults(&of_machine(&good, &config)), [""; 0]);
    let bad = Machine { open_files: Some(1_024), dumps_core: true, has_swap: true, ..Machine::default() };
    let findings = of_machine(&bad, &config);
    assert_eq!(faults(&findings).len(), 2, "{findings:?}");
    assert_eq!(advice(&findings).len(), 1, "{findings:?}");
    assert_helps(&findings);
    // Over nsqd, each connection takes two.
    let over_nsqd = Config { nsqd: vec!["127.0.0.1:4150".parse().unwrap()], ..config };
    let enough_alone = Machine { open_files: Some(30_000), ..good };
    assert_eq!(faults(&of_machine(&enough_alone, &over_nsqd)).len(), 1);
}

#[test]
fn a_file_with_secrets_is_for_its_owner() {
    for (mode, is_good) in
        [(Some(0o600), true), (Some(0o400), true), (Some(0o640), false), (Some(0o604), false), (None, false)]
    {
        let finding = of_secret_file("database", Path::new("/x"), mode);
        assert_eq!(finding.level == Level::Good, is_good, "{mode:?}: {finding:?}");
        assert_helps(&[finding]);
    }
}

#[test]
fn a_misspelt_variable_is_found() {
    let known = ["FERRY_NSQD".to_owned(), "FERRY_DATABASE".to_owned()];
    let names = ["FERRY_NSQD", "FERRY_NSQDS", "FERRY_DATABASE_FILE", "PATH", "FERRY_"];
    let findings = of_environment(names.into_iter(), &known);
    let whats: Vec<&str> = findings.iter().map(|finding| finding.what.as_str()).collect();
    assert_eq!(whats, ["variable FERRY_NSQDS", "variable FERRY_"]);
    assert_helps(&findings);
}

#[test]
fn what_a_crash_or_a_listener_could_do_to_sql_is_found() {
    let config = Config::defaults().unwrap();
    let judged = |server: &ServerState| of_server(server, &config, 1_000_000);
    assert_eq!(faults(&judged(&server())), [""; 0]);
    let far = ServerState { is_local: false, ..server() };
    assert_eq!(faults(&judged(&far)).len(), 1);
    assert_eq!(faults(&judged(&ServerState { tls: true, ..far })), [""; 0]);
    for bad in [
        ServerState { read_only: true, ..server() },
        ServerState { fsync: false, ..server() },
        ServerState { synchronous_commit: "off".into(), ..server() },
        ServerState { max_connections: 10, ..server() },
        ServerState { now: 1_000_000 - 5_001, ..server() },
        ServerState { now: 1_000_000 + 5_001, ..server() },
    ] {
        let findings = judged(&bad);
        assert_eq!(faults(&findings).len(), 1, "{bad:?}: {findings:?}");
        assert_helps(&findings);
    }
    let slow = ServerState { now: 1_000_000 + 1_001, version: 120_000, ..server() };
    assert_eq!(advice(&judged(&slow)).len(), 2);
}

#[test]
fn an_asynchronous_standby_is_told() {
    let config = Config::defaults().unwrap();
    let asynchronous = ServerState { standbys: 1, ..server() };
    let findings = of_server(&asynchronous, &config, 1_000_000);
    assert!(advice(&findings)[0].contains("can undo a logout"), "{findings:?}");
    let synchronous = ServerState { synchronous_standbys: "ANY 1 (*)".into(), ..asynchronous };
    assert_eq!(advice(&of_server(&synchronous, &config, 1_000_000)), [""; 0]);
}

#[test]
fn relays_with_another_list_and_queues_that_stay_are_told() {
    let cluster = ClusterState {
        relays: vec![("a".into(), 10)],
        lists: vec!["one".into()],
        users: 1,
        devices: 1,
        pending_closes: 0,
    };
    assert_eq!(faults(&of_cluster(Some(&cluster), Some("one"))), [""; 0]);
    let findings = of_cluster(Some(&cluster), Some("two"));
    assert_eq!(faults(&findings).len(), 1);
    assert_helps(&findings);
    let waiting = ClusterState { pending_closes: 3, ..cluster };
    assert_eq!(advice(&of_cluster(Some(&waiting), Some("one"))).len(), 1);
    assert_eq!(advice(&of_cluster(None, None)).len(), 1);
}

#[test]
fn an_nsqd_is_private() {
    for (address, is_private) in [
        ("127.0.0.1", true),
        ("10.1.2.3", true),
        ("192.168.0.1", true),
        ("100.64.0.1", true),
        ("fd00::1", true),
        ("::1", true),
        ("::ffff:10.0.0.1", true),
        ("100.128.0.1", false),
        ("203.0.113.1", false),
        ("2001:db8::1", false),
    ] {
        let findings = of_addresses("n", &[address.parse().unwrap()]);
        assert_eq!(findings.is_empty(), is_private, "{address}");
        assert_helps(&findings);
    }
}

#[test]
fn an_nsqd_runs_with_what_nsq_conf_has() {
    assert_eq!(faults(&of_report("n", &report(), Some(&data_path()))), [""; 0]);
    let debug = Misfit { option: "log_level", found: "debug".into(), wanted: "info or above".into() };
    let queue = Misfit { option: "mem_queue_size", found: "1".into(), wanted: "at least 64".into() };
    for (bad, wrong) in [
        (NodeReport { version: "1.2.1".into(), ..report() }, 1),
        (NodeReport { accepts: false, ..report() }, 1),
        (NodeReport { fault: Some("NOK".into()), ..report() }, 1),
        (NodeReport { misfits: vec![debug, queue], ..report() }, 2),
        (NodeReport { paused: 2, ..report() }, 1),
    ] {
        let findings = of_report("n", &bad, None);
        assert_eq!(faults(&findings).len(), wrong, "{bad:?}: {findings:?}");
        assert_helps(&findings);
    }
    for bad in [
        DataPath { file_system: Some("ext4".into()), ..data_path() },
        DataPath { file_system: None, ..data_path() },
        DataPath { mode: Some(0o755), ..data_path() },
        DataPath { bad_files: 1, ..data_path() },
    ] {
        let findings = of_report("n", &report(), Some(&bad));
        assert_eq!(faults(&findings).len(), 1, "{bad:?}: {findings:?}");
        assert_helps(&findings);
    }
}
