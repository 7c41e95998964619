//! Small runs of `ferry-bench`, over both back ends and of a history: they must lose nothing, and
//! their results must be readable. Times are not looked at.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

use std::{path::PathBuf, process::Command};

use serde_json::Value;

/// The relay's binary of this build: `cargo test --workspace` builds it for the tests of the root
/// package, beside this test's directory.
fn ferry() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let ferry = test.ancestors().nth(2).unwrap().join("ferry");
    assert!(
        ferry.is_file(),
        "{} is missing: run `cargo test --workspace`, or before this `cargo build --bin ferry`",
        ferry.display()
    );
    ferry
}

fn figure(row: &Value, name: &str) -> f64 {
    let figures = row["figures"].as_array().unwrap();
    let found = figures.iter().find(|figure| figure["name"] == name);
    found.unwrap_or_else(|| panic!("no figure {name:?} in {row}"))["value"].as_f64().unwrap()
}

#[test]
fn a_small_run_loses_nothing_and_can_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let plot = directory.path().join("figures.svg");
    let output = Command::new(env!("CARGO_BIN_EXE_ferry-bench"))
        .args(["idle", "fanout", "--quick", "--json", "--room-size", "5", "--rate", "0,50", "--ferry"])
        .arg(ferry())
        .arg("--plot")
        .arg(&plot)
        .output()
        .unwrap();
    let tables = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{}\n{tables}", output.status);

    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let of = |scenario: &str| rows.iter().filter(|row| row["scenario"] == scenario).collect::<Vec<_>>();
    let (idle, fanout) = (of("idle"), of("fanout"));
    // Each over both back ends; fanout without a pause and at a rate.
    assert_eq!((idle.len(), fanout.len(), rows.len()), (2, 4, 6), "{tables}");
    for row in &idle {
        assert_eq!(figure(row, "devices"), 40.0);
        assert!(figure(row, "server MB") > 0.0, "{row}");
    }
    for row in &fanout {
        assert_eq!(
            (figure(row, "lost"), figure(row, "doubled"), &row["clean"]),
            (0.0, 0.0, &Value::Bool(true)),
            "{row}"
        );
        assert!(figure(row, "deliveries/s") > 0.0, "{row}");
        let latencies = ["p50 ms", "p99 ms", "p99.9 ms", "max ms"].map(|name| figure(row, name));
        assert!(latencies[0] > 0.0 && latencies.is_sorted(), "{row}");
    }
    assert!(fanout.iter().any(|row| row["system"] == "ferry nsqd" && figure(row, "nsqd cpu %") >= 0.0));

    for system in ["ferry nsqd", "ferry embedded"] {
        let lines: Vec<&str> = tables.lines().filter(|line| line.starts_with(&format!("| {system} "))).collect();
        assert_eq!(lines.len(), 3, "{tables}");
        let width = lines[0].chars().count();
        assert!(tables.lines().any(|line| line.starts_with("|---") && line.chars().count() == width), "{tables}");
    }
    let svg = std::fs::read_to_string(&plot).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && svg.contains("ferry embedded"), "{svg}");
}

/// The command fails if a backup or a sync brings other records than there were: it compares their
/// digests.
#[test]
fn a_small_history_is_saved_restored_and_synced() {
    let output = Command::new(env!("CARGO_BIN_EXE_ferry-bench"))
        .args(["history", "--quick", "--json", "--messages", "3000", "--ferry"])
        .arg(ferry())
        .output()
        .unwrap();
    let tables = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{}\n{tables}", output.status);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let [row] = &report["rows"].as_array().unwrap()[..] else { panic!("{report}") };
    assert_eq!((&row["scenario"], &row["clean"]), (&"history".into(), &Value::Bool(true)), "{row}");
    for name in ["bulk/s", "bytes/message", "search p95 ms", "backup bytes/message", "restore s", "peak MB"] {
        assert!(figure(row, name) > 0.0, "{name}: {row}");
    }
    assert!(tables.contains("bulk/s"), "{tables}");
}
