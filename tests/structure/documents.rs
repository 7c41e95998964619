//! What ARCHITECTURE.md, docs/bounds.md and docs/security.md name in backticks is there: paths,
//! flags, identifiers, tests.

use std::{collections::HashSet, path::Path};

use crate::source::{files, read, root};

/// Returns the words in backticks of a document, outside of code blocks, with their lines.
fn quoted(document: &str) -> Vec<(usize, String)> {
    let (mut quoted, mut is_block) = (Vec::new(), false);
    for (number, line) in (1..).zip(read(document).lines()) {
        if line.starts_with("```") {
            is_block = !is_block;
        } else if !is_block {
            quoted.extend(line.split('`').skip(1).step_by(2).map(|word| (number, word.to_owned())));
        }
    }
    quoted
}

/// Returns every word of the source: letters, digits and `_`.
fn words_of_the_source() -> HashSet<String> {
    let mut words = HashSet::new();
    let endings = [".rs", ".toml", ".sql", ".json", ".conf", ".js", "build", "run"];
    let folders = ["src", "crates", "tests", "migrations", "tools", "docs"];
    let mut sources: Vec<_> = folders
        .into_iter()
        .flat_map(|folder| endings.into_iter().flat_map(move |ending| files(folder, ending)))
        .filter(|file| !file.starts_with("tests/structure"))
        .collect();
    sources.extend(["Cargo.toml", "nsq.conf", "test", "demo", "deny.toml", "clippy.toml"].map(Into::into));
    for file in sources {
        let text = read(&file);
        words.extend(text.split(|symbol: char| !symbol.is_alphanumeric() && symbol != '_').map(str::to_owned));
    }
    words
}

fn is_path(word: &str) -> bool {
    let has_ending = [".rs", ".md", ".toml", ".json", ".conf", ".sql"].iter().any(|ending| word.ends_with(ending));
    (has_ending || word.contains('/')) && !word.starts_with('/') && !word.contains(['…', '*', '{', ' ', ':'])
}

fn exists(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    [root().to_owned(), root().join("src")].iter().any(|base| base.join(path).exists())
}

/// Returns why the word is wrong, or `None`.
fn fault(word: &str, words: &HashSet<String>) -> Option<String> {
    if let Some(flag) = word.strip_prefix("--") {
        let name = flag.split([' ', '=']).next().unwrap_or_default().replace('-', "_");
        return (!words.contains(&name)).then(|| format!("no flag `{word}`"));
    }
    if is_path(word) {
        return (!exists(word)).then(|| format!("no file `{word}`"));
    }
    let is_code = |symbol: char| symbol.is_alphanumeric() || "_:.()!".contains(symbol);
    if word.is_empty() || !word.chars().all(is_code) {
        return None;
    }
    let mut parts =
        word.split(|symbol: char| !symbol.is_alphanumeric() && symbol != '_').filter(|part| !part.is_empty());
    parts.find(|part| !words.contains(*part)).map(|part| format!("nothing is called `{part}`, in `{word}`"))
}

#[test]
fn what_the_documents_name_is_there() {
    let (words, mut faults) = (words_of_the_source(), Vec::new());
    for document in ["ARCHITECTURE.md", "docs/bounds.md", "docs/security.md"] {
        for (number, word) in quoted(document) {
            faults.extend(fault(&word, &words).map(|fault| format!("{document}:{number}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "documents that name what is not there:\n{}", faults.join("\n"));
}

/// Returns the files in which a test such as `ferry::auth::token::a_name` may be, and its name.
/// `None` for a word that does not begin with one of our crates.
fn place_of(test: &str) -> Option<([String; 2], &str)> {
    let (path, name) = test.rsplit_once("::")?;
    let (package, module) = path.split_once("::")?;
    let folder = match package {
        "blackbox" => "tests/blackbox".to_owned(),
        "ferry" => "src".to_owned(),
        _ => format!("crates/{}/src", package.strip_prefix("ferry_")?),
    };
    let file = format!("{folder}/{}", module.replace("::", "/"));
    Some(([format!("{file}.rs"), format!("{file}/tests.rs")], name))
}

/// Returns whether one of the files has a test of this name, or a module of tests.
fn has_test(files: &[String], name: &str) -> bool {
    let is_end = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
    let text: String = files.iter().filter(|file| exists(file)).map(|file| read(Path::new(file))).collect();
    let begins = ["fn ", "on_both!(", "mod "].map(|kind| format!("{kind}{name}"));
    begins.iter().any(|begin| text.split(begin.as_str()).skip(1).any(is_end))
}

#[test]
fn the_tests_of_the_security_page_are_where_it_says() {
    let places = quoted("docs/security.md");
    let places: Vec<_> = places.iter().filter_map(|(line, word)| Some((line, word, place_of(word)?))).collect();
    assert!(places.len() > 100, "only {} tests", places.len());
    let lost = places.iter().filter(|(_, _, (files, name))| !has_test(files, name) && !name.contains('…'));
    let lost: Vec<_> = lost.map(|(line, word, _)| format!("docs/security.md:{line}: no test `{word}`")).collect();
    assert!(lost.is_empty(), "tests that are not there:\n{}", lost.join("\n"));
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    let mut faults = Vec::new();
    let mut documents = files("docs", ".md");
    documents.extend(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "RELEASE.md", "CHANGELOG.md"].map(Into::into));
    for document in documents {
        let folder = root().join(&document).parent().unwrap().to_owned();
        for target in read(&document).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if !target.contains("://") && !file.is_empty() && !folder.join(file).exists() {
                faults.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(faults.is_empty(), "links that lead nowhere:\n{}", faults.join("\n"));
}

#[test]
fn a_wrong_name_is_found() {
    let words: HashSet<String> = ["Dispatcher", "admit", "window"].map(str::to_owned).into();
    for wrong in ["Dispatcher::admits", "--windows", "src/no_such_file.rs", "lost_word"] {
        assert!(fault(wrong, &words).is_some(), "{wrong}");
    }
    for right in ["Dispatcher::admit", "--window N", "src/lib.rs", "hub.rs", "/v1/rooms", "a b"] {
        assert_eq!(fault(right, &words), None, "{right}");
    }
}

#[test]
fn a_lost_test_is_found() {
    let is_there = |test: &str| place_of(test).map(|(files, name)| has_test(&files, name));
    for there in ["ferry::limits::many_networks_of_one_site_count_together", "blackbox::role_table::every_cell_is_so"] {
        assert_eq!(is_there(there), Some(true), "{there}");
    }
    for lost in
        ["ferry::limits::many_networks", "ferry::hub::every_cell_is_so", "ferry_store::nowhere::every_cell_is_so"]
    {
        assert_eq!(is_there(lost), Some(false), "{lost}");
    }
    assert_eq!(is_there("Call::address"), None);
}
