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
