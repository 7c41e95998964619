//! Comments are read in a terminal or beside a diff: their lines end before column 100.

use crate::source::{files, read};

const WIDTH: usize = 100;

#[test]
fn lines_of_comments_end_before_column_100() {
    let mut wide = Vec::new();
    for file in ["src", "crates", "tests"].into_iter().flat_map(|folder| files(folder, ".rs")) {
        for (number, line) in (1..).zip(read(&file).lines()) {
            // A table or an address cannot be broken.
            let is_comment = line.trim_start().starts_with("//") && !line.contains("| ") && !line.contains("://");
            if is_comment && line.chars().count() > WIDTH {
                wide.push(format!("{}:{number}", file.display()));
            }
        }
    }
    assert!(wide.is_empty(), "comments beyond column {WIDTH}:\n{}", wide.join("\n"));
}

/// A heading of a doc comment has a line of its own, or it is no heading where it is read.
#[test]
fn headings_stand_alone() {
    let mut joined = Vec::new();
    for file in ["src", "crates"].into_iter().flat_map(|folder| files(folder, ".rs")) {
        for (number, line) in (1..).zip(read(&file).lines()) {
            let heading = line.trim_start().strip_prefix("/// # ").or(line.trim_start().strip_prefix("//! # "));
            let is_joined =
                |name| heading.is_some_and(|heading| heading.strip_prefix(name).is_some_and(|rest| !rest.is_empty()));
            // Examples have lines of code that begin with `#`.
            if ["Errors", "Panics"].into_iter().any(is_joined) {
                joined.push(format!("{}:{number}", file.display()));
            }
        }
    }
    assert!(joined.is_empty(), "headings with text behind them:\n{}", joined.join("\n"));
}
