//! Repairing a history: what follows from the records is made again, and of a damaged file what
//! can be read is taken into a new one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ferry_protocol::now_ms;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, config::DbConfig, params};

use crate::{
    History, HistoryError, Owner, Reason, Result,
    cells::{BACKUP, OWN, is_valid},
    files::{InUse, JOURNALS, SALVAGED, with_suffix},
    ids::blob,
    item::Cell,
    open::{connect, owner_of},
    soundness::unreadable,
    tally::{Unreadable, survey},
    words,
};

/// The tables whose rows are taken over as they are, each with the key by which its file is
/// sorted.
const TABLES: [(&str, &[&str]); 11] = [
    ("actor", &["rowid"]),
    ("room", &["rowid"]),
    ("message", &["rowid"]),
    ("notice", &["id"]),
    ("outcome", &["message", "actor", "what"]),
    ("cell", &["kind", "key"]),
    ("outbox", &["id"]),
    ("secret", &["key"]),
    ("unread_frame", &["rowid"]),
    ("stream", &["actor", "room", "way"]),
    ("hole", &["rowid"]),
];
/// Rows of a damaged page that no call of this crate could read.
const UNREADABLE: [&str; 4] = [
    // They refer to a device or a room whose row is lost.
    "DELETE FROM message WHERE actor NOT IN (SELECT n FROM actor) OR room NOT IN (SELECT n FROM room)",
    "DELETE FROM outcome WHERE actor NOT IN (SELECT n FROM actor)",
    "DELETE FROM message WHERE length(id) != 16",
    "DELETE FROM outbox WHERE NOT json_valid(json)",
];

/// What a repair could take over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// Where the damaged file is now.
    pub moved_to: PathBuf,
    /// How many messages the new file has.
    pub messages: u64,
    /// Whether rows could not be read. Then the history has a hole for their time.
    pub is_incomplete: bool,
}

impl History {
    /// Makes the index of words, the other indexes and the table of months again, and writes the
    /// whole file anew, which for a while needs as much room again, and as much memory. The records
    /// stay as they are.
    ///
    /// # Errors
    /// Fails if the file cannot be read or written, for example because another process reads it
    /// for long, and with [`HistoryError::Damaged`] if a page is damaged: [`Self::repair`] can mend
    /// that. No record has changed then.
    pub fn rebuild(&mut self) -> Result<()> {
        let mut rebuild = || {
            let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            tx.execute_batch("REINDEX")?;
            rebuild(&tx)?;
            tx.commit()?;
            self.rewrite()
        };
        rebuild().map_err(HistoryError::asking_for_repair)
    }

    fn rewrite(&mut self) -> Result<()> {
        // In memory, because a copy of the history does not belong into a directory for temporary
        // files.
        let written = self.conn.execute_batch("PRAGMA temp_store = MEMORY; VACUUM");
        self.conn.execute_batch("PRAGMA temp_store = DEFAULT")?;
        written?;
        // The journal has pages of before, and all of the new file. While somebody reads, it stays,
        // and the mark says so to whoever comes next.
        self.conn.execute_batch("INSERT OR REPLACE INTO meta (key, value) VALUES ('journal', 'cut')")?;
        self.tidy()
    }

    /// Takes what can be read of a damaged history into a new one, which takes its place. The
    /// damaged file and its journal are moved aside, and never written to.
    ///
    /// # Errors
    /// Fails with [`HistoryError::OtherOwner`] if the file says that it is somebody else's, if its
    /// tables cannot be read at all, and if the new file cannot be written. Then the old one is
    /// where it was. Fails with [`HistoryError::Busy`] while somebody else has the history open.
    pub fn repair(path: &Path, owner: &Owner) -> Result<Repaired> {
        // What others would write meanwhile would be in neither file.
        let alone = InUse::alone(path)?;
        let salvaged = with_suffix(path, SALVAGED);
        remove_all(&salvaged)?;
        let is_incomplete = match salvage(path, &salvaged, owner) {
            Ok(is_incomplete) => is_incomplete,
            Err(error) => {
                let _ = remove_all(&salvaged);
                return Err(error);
            }
        };
        let messages = Self::open(&salvaged, owner)?.status()?.messages;
        let moved_to = alone.replace(path, &salvaged)?;
        let _ = remove_all(&salvaged);
        Ok(Repaired { moved_to, messages, is_incomplete })
    }
}

/// Makes what follows from the records.
fn rebuild(conn: &Connection) -> Result<()> {
    conn.execute_batch("INSERT INTO words (words) VALUES ('delete-all'); DELETE FROM month;")?;
    words::fill(conn)?;
    for (number, month) in survey(conn, -1, &Unreadable::default())?.digest().0 {
        let count = i64::try_from(month.count).unwrap_or(i64::MAX);
        conn.prepare_cached("INSERT INTO month (m, count, sum) VALUES (?1, ?2, ?3)")?
            .execute(params![number, count, month.sum])?;
    }
    Ok(())
}

/// Writes what can be read of `from` to the new file `to`. Returns true if rows are missing.
fn salvage(from: &Path, to: &Path, owner: &Owner) -> Result<bool> {
    // Reading may need the journal's locks, which are files beside it. Nothing is written to it,
    // also not from the journal when it is closed.
    let damaged = connect(from, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    damaged.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    damaged.execute_batch("PRAGMA query_only = ON; PRAGMA cell_size_check = ON;")?;
    // Without the table that says whose it is, the name of the file has to do.
    if owner_of(&damaged).is_ok_and(|its| its != *owner) {
        return Err(HistoryError::OtherOwner);
    }
    let mut history = History::open(to, owner)?;
    let tx = history.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut is_incomplete = false;
    for (table, key) in TABLES {
        is_incomplete |= !copy(&damaged, &tx, table, key)?;
    }
    for unreadable in UNREADABLE {
        is_incomplete |= tx.execute(unreadable, [])? > 0;
    }
    is_incomplete |= remove_unreadable(&tx)?;
    // What was in a backup must not count as new, nor what comes now as old.
    tx.execute(
        "INSERT OR REPLACE INTO meta (key, value) SELECT 'generation', 1 + max(\
         coalesce((SELECT max(generation) FROM message), 0), \
         coalesce((SELECT value ->> '$.saved' FROM cell WHERE kind = ?1 AND key = ?2), 0))",
        params![BACKUP, b"made"],
    )?;
    rebuild(&tx)?;
    tx.commit()?;
    if is_incomplete {
        note_loss(&mut history)?;
    }
    history.conn.close().map_err(|(_, error)| HistoryError::from(error))?;
    Ok(is_incomplete)
}

/// Notes that something of all that this device had may be missing.
fn note_loss(history: &mut History) -> Result<()> {
    let (oldest, newest) = history.conn.query_row("SELECT min(sent_at), max(sent_at) FROM message", [], |row| {
        Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
    })?;
    let now = now_ms();
    let mut batch = history.begin()?;
    let (began, until) = batch.known()?;
    let since = oldest.into_iter().chain(began).min().unwrap_or_default();
    let until = newest.into_iter().chain(until).max().unwrap_or(now);
    batch.hole(Reason::Salvage, since, until, now)?;
    // What a backup or another device has brought may be lost too.
    batch.uncover(now)?;
    batch.commit()
}

/// Copies the rows of a table: from its beginning until one cannot be read, and then from its end.
/// Returns true if all could be read.
fn copy(from: &Connection, to: &Connection, table: &str, key: &[&str]) -> Result<bool> {
    let columns = columns(to, table)?;
    let known: Vec<String> = self::columns(from, table).unwrap_or_default();
    let shared: Vec<&str> = columns.iter().map(String::as_str).filter(|c| known.iter().any(|k| k == c)).collect();
    if shared.is_empty() {
        return Ok(false);
    }
    let marks: Vec<String> = (1..=shared.len()).map(|n| format!("?{n}")).collect();
    let (list, marks) = (shared.join(", "), marks.join(", "));
    let insert = format!("INSERT OR IGNORE INTO {table} ({list}) VALUES ({marks})");
    if key == ["rowid"] {
        let is_whole = copy_by_number(from, to, table, &list, &insert, shared.len())?;
        if !is_whole {
            // A damaged number may have hidden what comes after its row.
            let select = format!("SELECT {list} FROM {table} NOT INDEXED ORDER BY rowid DESC");
            copy_rows(from, to, &select, &insert, shared.len())?;
        }
        return Ok(is_whole);
    }
    let mut is_whole = true;
    // Without an index: it may be what is damaged.
    for order in ["ASC", "DESC"] {
        let key: Vec<String> = key.iter().map(|column| format!("{column} {order}")).collect();
        let select = format!("SELECT {list} FROM {table} NOT INDEXED ORDER BY {}", key.join(", "));
        let copied = copy_rows(from, to, &select, &insert, shared.len())?;
        is_whole &= copied == Copied::All;
        if copied != Copied::Begun {
            break;
        }
    }
    Ok(is_whole)
}

/// Copies the rows of a table that is sorted by numbers. Pages that cannot be read are left out,
/// and what is behind them is copied.
fn copy_by_number(
    from: &Connection,
    to: &Connection,
    table: &str,
    list: &str,
    insert: &str,
    columns: usize,
) -> Result<bool> {
    let next = |after: i64| -> std::result::Result<Option<i64>, ()> {
        let sql = format!("SELECT rowid FROM {table} NOT INDEXED WHERE rowid > ?1 ORDER BY rowid LIMIT 1");
        let found = from.query_row(&sql, [after], |row| row.get(0));
        match found {
            Ok(number) => Ok(Some(number)),
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
            Err(_) => Err(()),
        }
    };
    let (mut after, mut is_whole) = (i64::MIN, true);
    loop {
        let select = format!("SELECT {list} FROM {table} NOT INDEXED WHERE rowid > {after} ORDER BY rowid");
        match copy_rows(from, to, &select, insert, columns)? {
            Copied::All => return Ok(is_whole),
            Copied::Some => return Ok(false),
            Copied::Begun => is_whole = false,
        }
        // Where the copy came to.
        let reached = format!("SELECT max({after}, coalesce(max(rowid), {after})) FROM {table}");
        let reached: i64 = to.query_row(&reached, [], |row| row.get(0))?;
        // The row itself may be what cannot be read; a page may, with all its rows.
        after = match next(reached) {
            // Where the order of the rows is damaged, a search may come back to the same one.
            Ok(Some(number)) if number > after => number,
            Ok(_) => return Ok(false),
            Err(()) => {
                let far = (0..63).map(|bits| reached.saturating_add(1 << bits)).find(|number| next(*number).is_ok());
                let Some(mut good) = far else { return Ok(false) };
                let mut bad = reached;
                while good.saturating_sub(bad) > 1 {
                    let middle = bad + (good - bad) / 2;
                    if next(middle).is_ok() { good = middle } else { bad = middle }
                }
                good
            }
        };
    }
}

/// How much was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Copied {
    /// All rows.
    All,
    /// All that can be: some do not read as they were written.
    Some,
    /// The rows before one that cannot be read.
    Begun,
}

/// Copies rows until one cannot be read.
fn copy_rows(from: &Connection, to: &Connection, select: &str, insert: &str, columns: usize) -> Result<Copied> {
    let Ok(mut select) = from.prepare(select) else { return Ok(Copied::Begun) };
    let Ok(mut rows) = select.query([]) else { return Ok(Copied::Begun) };
    let mut is_whole = true;
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(if is_whole { Copied::All } else { Copied::Some }),
            Err(_) => return Ok(Copied::Begun),
        };
        // A text that is no text any more: only this row is lost.
        let values: rusqlite::Result<Vec<rusqlite::types::Value>> = (0..columns).map(|at| row.get(at)).collect();
        let Ok(values) = values else {
            is_whole = false;
            continue;
        };
        // A value of a wrong type, from a damaged page, does not get into a strict table.
        let copied = match to.prepare_cached(insert)?.execute(rusqlite::params_from_iter(values)) {
            Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == rusqlite::ErrorCode::ConstraintViolation => {
                0
            }
            copied => copied?,
        };
        // Nor does one under a key that another row has: one of the two keys is damaged.
        is_whole &= copied > 0;
    }
}

/// Removes records that nothing could show. Returns true if there were any.
fn remove_unreadable(conn: &Connection) -> Result<bool> {
    let bad = unreadable(conn, -1)?;
    for n in &bad.messages {
        conn.prepare_cached("DELETE FROM message WHERE n = ?1")?.execute([n])?;
    }
    for id in &bad.notices {
        conn.prepare_cached("DELETE FROM notice WHERE id = ?1")?.execute([blob(id)])?;
    }
    Ok(bad.len() + remove_bad_cells(conn)? > 0)
}

/// Removes values that do not have the form of their kind, and returns how many.
fn remove_bad_cells(conn: &Connection) -> Result<usize> {
    let mut cells = conn.prepare("SELECT kind, key, value FROM cell")?;
    let cells = cells.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let cells = cells.collect::<rusqlite::Result<Vec<(i64, Vec<u8>, String)>>>()?;
    let mut removed = 0;
    let is_bad = |kind: i64, value: &str| !is_valid(kind, value) || kind < OWN && Cell::name(kind).is_none();
    for (kind, key, _) in cells.iter().filter(|(kind, _, value)| is_bad(*kind, value)) {
        removed += conn.execute("DELETE FROM cell WHERE kind = ?1 AND key = ?2", params![kind, key])?;
    }
    Ok(removed)
}

fn columns(conn: &Connection, table: &str) -> Result<Vec<String>> {
    let mut columns = conn.prepare("SELECT name FROM pragma_table_info(?1)")?;
    Ok(columns.query_map([table], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

fn remove_all(path: &Path) -> Result<()> {
    for suffix in JOURNALS.into_iter().chain(["", ".in-use"]) {
        let file = with_suffix(path, suffix);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(HistoryError::file(&file, error)),
            _ => {}
        }
    }
    Ok(())
}
