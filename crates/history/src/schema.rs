//! The versions of the tables. Each step leads from one to the next, in one transaction.

use rusqlite::{Connection, TransactionBehavior};

use crate::{HistoryError, Result, words};

/// The steps. A landed one never changes.
const STEPS: [&str; 3] = [include_str!("schema/1.sql"), include_str!("schema/2.sql"), include_str!("schema/3.sql")];
/// The version since which the index of words has the form of now.
const WORDS: i64 = 3;

/// The version that this program writes.
fn newest() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

fn version(conn: &Connection) -> Result<i64> {
    Ok(conn.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Fails if a newer program wrote the file.
pub(crate) fn refuse_newer(conn: &Connection) -> Result<()> {
    match version(conn)? {
        found if found > newest() => Err(HistoryError::Newer { found, known: newest() }),
        _ => Ok(()),
    }
}

/// Makes the tables in an empty database.
pub(crate) fn create(conn: &Connection) -> Result<()> {
    step_from(conn, 0)
}

/// Brings the tables to the version of this program. After a crash they have the old version or
/// the new one.
pub(crate) fn upgrade(conn: &mut Connection) -> Result<()> {
    if version(conn)? == newest() {
        return Ok(());
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it meanwhile.
    step_from(&tx, version(&tx)?)?;
    Ok(tx.commit()?)
}

fn step_from(conn: &Connection, version: i64) -> Result<()> {
    for step in STEPS.iter().skip(usize::try_from(version).unwrap_or_default()) {
        conn.execute_batch(step)?;
    }
    if version < WORDS {
        words::fill(conn)?;
    }
    Ok(conn.execute_batch(&format!("PRAGMA user_version = {}", newest()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_history_gets_the_new_tables() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(STEPS[0]).unwrap();
        conn.execute_batch("PRAGMA user_version = 1; INSERT INTO notice VALUES (x'00', 1, '{}', 0);").unwrap();
        upgrade(&mut conn).unwrap();
        assert_eq!(version(&conn).unwrap(), newest());
        let generation: i64 = conn.query_row("SELECT generation FROM notice", [], |row| row.get(0)).unwrap();
        assert_eq!(generation, 0);
        upgrade(&mut conn).unwrap();
    }

    #[test]
    fn an_old_history_is_searched_as_before() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(&STEPS[..2].concat()).unwrap();
        conn.execute_batch(
            "PRAGMA user_version = 2; \
             INSERT INTO message (n, actor, id, room, sent_at, epoch, seq, role, kind, body, state) \
             VALUES (5, 1, x'00', 1, 1, 1, 1, 0, 'text', '\"lunch\"', 0), (6, 1, x'01', 1, 1, 1, 2, 0, 'text', NULL, 2);",
        )
        .unwrap();
        upgrade(&mut conn).unwrap();
        let found = "SELECT rowid FROM words WHERE words MATCH 'lunch'";
        assert_eq!(conn.query_row(found, [], |row| row.get::<_, i64>(0)).unwrap(), 5);
    }

    #[test]
    fn a_text_that_is_damaged_does_not_stand_in_the_way() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(&STEPS[..2].concat()).unwrap();
        conn.execute_batch(
            "PRAGMA user_version = 2; \
             INSERT INTO message (n, actor, id, room, sent_at, epoch, seq, role, kind, body, state) \
             VALUES (5, 1, x'00', 1, 1, 1, 1, 0, 'text', CAST(x'22ff22' AS TEXT), 0), (6, 1, x'01', 1, 1, 1, 2, 0, 'text', '\"lunch\"', 0);",
        )
        .unwrap();
        upgrade(&mut conn).unwrap();
        let found = "SELECT count(*) FROM words WHERE words MATCH 'lunch'";
        assert_eq!(conn.query_row(found, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    }

    #[test]
    fn an_upgrade_that_fails_leaves_the_old_tables() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(STEPS[0]).unwrap();
        // The last statement of the step fails.
        conn.execute_batch("PRAGMA user_version = 1; ALTER TABLE outcome ADD COLUMN generation INTEGER;").unwrap();
        upgrade(&mut conn).unwrap_err();
        assert_eq!(version(&conn).unwrap(), 1);
        let columns = "SELECT count(*) FROM pragma_table_info('message') WHERE name = 'generation'";
        assert_eq!(conn.query_row(columns, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    }
}
