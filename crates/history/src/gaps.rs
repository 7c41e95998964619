//! The parts of pages that are not in use. Where `SQLite` moves rows from page to page, it may
//! leave copies there, and `secure_delete` does not overwrite them when the row goes later.

use rusqlite::{Connection, TransactionBehavior, params};

use crate::Result;

// Pages are read and written by a table of SQLite that has to be compiled in.
const _: () = assert!(
    option_env!("LIBSQLITE3_FLAGS").is_some(),
    "build Ferry in its own directory: its .cargo/config.toml says how SQLite is compiled"
);

/// How many pages one transaction overwrites, so that nobody waits long for the file.
const PAGES: usize = 512;

/// Overwrites all parts of pages that are not in use. Returns how many pages had something there.
/// What is deleted before this is called is in no page afterwards.
///
/// A copy of a row is made only while the row is there. So pages that change meanwhile need no
/// second look.
///
/// # Errors
/// Fails if the file cannot be read or written. Some pages may be overwritten then, and it can be
/// called again.
pub(crate) fn overwrite(conn: &mut Connection) -> Result<usize> {
    let due = {
        let mut pages = conn.prepare_cached("SELECT pgno, data FROM sqlite_dbpage")?;
        let mut pages = pages.query([])?;
        let mut due = Vec::new();
        while let Some(page) = pages.next()? {
            let number: u32 = page.get(0)?;
            let data = page.get_ref(1)?.as_blob().unwrap_or_default();
            if gap(number, data).is_some_and(|gap| data[gap].iter().any(|byte| *byte != 0)) {
                due.push(number);
            }
        }
        due
    };
    for some in due.chunks(PAGES) {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for number in some {
            let read = "SELECT data FROM sqlite_dbpage WHERE pgno = ?1";
            let mut data: Vec<u8> = tx.prepare_cached(read)?.query_row([number], |row| row.get(0))?;
            let Some(gap) = gap(*number, &data) else { continue };
            data[gap].fill(0);
            let write = "UPDATE sqlite_dbpage SET data = ?2 WHERE pgno = ?1";
            tx.prepare_cached(write)?.execute(params![number, data])?;
        }
        tx.commit()?;
    }
    Ok(due.len())
}

/// Returns the bytes between the list of a page's cells and the first cell, which nothing uses.
/// `None` for pages that are not of a tree, or not well formed. The layout is that of
/// <https://www.sqlite.org/fileformat2.html#b_tree_pages>.
fn gap(number: u32, page: &[u8]) -> Option<std::ops::Range<usize>> {
    // The other kinds of pages begin with the number of a page, whose first byte is 0 here.
    const PAGES_MAX: u32 = 1 << 24;
    let header = if number == 1 { 100 } else { 0 };
    let list = match page.get(header)? {
        2 | 5 => header + 12,
        10 | 13 => header + 8,
        _ => return None,
    };
    let field =
        |at: usize| Some(usize::from(u16::from_be_bytes([*page.get(header + at)?, *page.get(header + at + 1)?])));
    let (cells, content) = (field(3)?, field(5)?);
    let content = if content == 0 { 65_536 } else { content };
    let first = list + 2 * cells;
    (number < PAGES_MAX && first <= content && content <= page.len()).then_some(first..content)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moves rows about, removes some of them, and returns which of those are still in the file.
    fn left(seed: u64) -> (Connection, Vec<u64>) {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "PRAGMA secure_delete = ON; CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT); CREATE INDEX i ON t (text);",
        )
        .unwrap();
        let mut random = seed;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            i64::try_from(random >> 33).unwrap()
        };
        for n in 0..3_000 {
            let text = format!("canary-{n}-{}", "x".repeat(usize::try_from(next() % 600).unwrap()));
            conn.execute("INSERT OR REPLACE INTO t VALUES (?1, ?2)", params![next() % 1_000_000, text]).unwrap();
        }
        conn.execute_batch("UPDATE t SET text = NULL WHERE substr(text, 8, instr(substr(text, 8), '-') - 1) % 3 = 0")
            .unwrap();
        let found = canaries(&conn);
        (conn, found)
    }

    fn canaries(conn: &Connection) -> Vec<u64> {
        let gone = |n: &u64| n.is_multiple_of(3);
        let mut pages = conn.prepare("SELECT data FROM sqlite_dbpage").unwrap();
        let pages: Vec<Vec<u8>> = pages.query_map([], |row| row.get(0)).unwrap().map(|page| page.unwrap()).collect();
        let mut found: Vec<u64> = pages
            .iter()
            .flat_map(|page| {
                let text = String::from_utf8_lossy(page).into_owned();
                let numbers = text.split("canary-").skip(1).filter_map(|rest| rest.split('-').next()?.parse().ok());
                numbers.collect::<Vec<u64>>()
            })
            .filter(gone)
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    #[test]
    fn nothing_deleted_is_left_in_a_page_and_all_else_stays() {
        let (mut before, mut pages) = (0, 0);
        for seed in 0..8 {
            let (mut conn, found) = left(seed);
            before += found.len();
            let rows = "SELECT count(*), sum(length(text)), sum(n) FROM t";
            let rows = |conn: &Connection| {
                conn.query_row(rows, [], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
                })
                .unwrap()
            };
            let held = rows(&conn);
            pages += overwrite(&mut conn).unwrap();
            assert_eq!(canaries(&conn), [0_u64; 0], "seed {seed}");
            assert_eq!(rows(&conn), held);
            let sound: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
            assert_eq!(sound, "ok");
            // The connection goes on to use its pages.
            conn.execute_batch("UPDATE t SET text = text || text; DELETE FROM t WHERE n % 2; VACUUM").unwrap();
            let sound: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
            assert_eq!(sound, "ok");
            overwrite(&mut conn).unwrap();
            assert_eq!(overwrite(&mut conn).unwrap(), 0, "a second time there is nothing");
        }
        println!("{before} were left, {pages} pages had something");
        assert!(before > 0, "SQLite overwrites them by itself now: this module is of no use any more");
    }

    #[test]
    fn pages_of_other_kinds_and_bad_ones_have_no_gap() {
        let mut page = vec![0; 4_096];
        assert_eq!(gap(2, &page), None, "an overflow page");
        page[0] = 13;
        page[5..7].copy_from_slice(&4_000_u16.to_be_bytes());
        assert_eq!(gap(2, &page), Some(8..4_000));
        page[3..5].copy_from_slice(&3_000_u16.to_be_bytes());
        assert_eq!(gap(2, &page), None, "its cells would be in its list");
        page[3..5].copy_from_slice(&2_u16.to_be_bytes());
        page[5..7].copy_from_slice(&5_000_u16.to_be_bytes());
        assert_eq!(gap(2, &page), None, "after its end");
        assert_eq!(gap(2, &page[..1]), None);
        assert_eq!(gap(1, &[]), None);
    }
}
