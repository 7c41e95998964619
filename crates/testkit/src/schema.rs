//! The tables of the migrations, for tests that compare something with all of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{must, repository};

/// Returns the tables that the migrations of a database (`postgres` or `sqlite`) make, each with
/// its columns. Panics if they cannot be read.
pub fn tables(database: &str) -> BTreeMap<String, BTreeSet<String>> {
    let directory = must("the migrations", std::fs::read_dir(repository().join("migrations").join(database)));
    let mut migrations: Vec<_> = directory.map(|entry| must("a migration", entry).path()).collect();
    migrations.sort();
    let mut tables = BTreeMap::<String, BTreeSet<String>>::new();
    for migration in migrations {
        let sql = must("a migration", std::fs::read_to_string(migration.join("up.sql")));
        for (table, body) in sql.split("CREATE TABLE ").skip(1).filter_map(|rest| rest.split_once(" (")) {
            let body = body.split_once("\n)").map_or(body, |(body, _)| body);
            let words = body.lines().filter_map(|line| line.split_whitespace().next());
            let names = words.filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
            tables.insert(table.to_owned(), names.map(str::to_owned).collect());
        }
        for (table, rest) in sql.split("ALTER TABLE ").skip(1).filter_map(|rest| rest.split_once(" ADD COLUMN ")) {
            // The statement may be another one, which has `ADD COLUMN` only further on.
            if let (Some(columns), Some(column)) = (tables.get_mut(table), rest.split_whitespace().next()) {
                columns.insert(column.trim_end_matches(';').to_owned());
            }
        }
    }
    tables
}
