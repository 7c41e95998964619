//! Every file of vectors has a test that runs it.

use std::collections::BTreeSet;

use crate::source::{files, read};

/// Returns the names of the files of vectors in this folder.
fn vectors(folder: &str) -> BTreeSet<String> {
    let files = [files(folder, ".json"), files(folder, ".json.gz")].concat();
    files.iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

/// Returns the files of vectors that no code names.
fn unread<'a>(names: &'a BTreeSet<String>, code: &[String]) -> Vec<&'a String> {
    let is_read = |name: &String| {
        let quoted = format!("\"{name}\"");
        code.iter().flat_map(|text| text.lines()).any(|line| {
            let line = line.trim_start();
            !line.starts_with("//") && line.contains(&quoted)
        })
    };
    names.iter().filter(|name| !is_read(name)).collect()
}

#[test]
fn every_file_of_vectors_has_a_test() {
    let sources = [files("crates", ".rs"), files("src", ".rs")].concat();
    let code: Vec<String> = sources.iter().map(read).collect();
    let names = vectors("crates/client/vectors");
    assert!(names.len() >= 11, "{names:?}");
    assert_eq!(unread(&names, &code), Vec::<&String>::new(), "no Rust test reads these files of vectors");
}

#[test]
fn a_file_that_no_test_reads_is_found() {
    let names = BTreeSet::from(["lost.json".to_owned(), "read.json".to_owned()]);
    let code = ["    for case in cases(\"read.json\") {\n    // cases(\"lost.json\")".to_owned()];
    assert_eq!(unread(&names, &code), ["lost.json"]);
}
