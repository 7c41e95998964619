//! `ferry export`: what is stored, as pages that a person reads or lines that a program reads.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ferry_client::RoomId;
use ferry_history::backup::Progress;
use ferry_history::{History, HistoryError, Shown};
use serde_json::json;

use super::Global;
use super::failure::Failure;
use super::job::{Meter, Stop};
use super::keep::Keeper;
use super::recall::{Names, as_json};
use super::show;

mod html;
mod markdown;

/// How many messages a page of HTML has. Browsers show that many at once.
const PAGE: usize = 2_000;

#[derive(Debug, Args)]
#[command(after_help = "\
Writes every message as it reads now: with the latest edit, with reactions, without what is deleted.
The files are not encrypted. To keep your history safe, and to bring it back, use ferry backup.
  html  pages of 2,000 messages without scripts: open index.html
  md    one file a room
  json  one file a room, with a line for each message as ferry show --json prints it

Examples:
  ferry export --to ~/chat
  ferry export @bob --format md --to ~/bob")]
pub struct Export {
    /// The room: an id, the name of a room, or @username [default: all rooms]
    room: Option<String>,
    /// The form
    #[arg(long, value_enum, default_value_t = Format::Html)]
    format: Format,
    /// The directory to write to; it must be new or empty
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Html,
    Json,
    Md,
}

/// What an export has written.
#[derive(Debug, Default)]
struct Written {
    rooms: u64,
    messages: u64,
    // Messages that could not be read, each with its place.
    skipped: Vec<i64>,
}

/// A room of an export.
struct Room {
    id: RoomId,
    title: String,
    /// The begin of the names of its files.
    file: String,
    messages: u64,
}

pub async fn export(args: Export, global: &Global) -> Result<(), Failure> {
    export_of(&Keeper::open_offline(global).await?, args, global.json).await
}

/// Exports this history.
pub async fn export_of(keeper: &Keeper, args: Export, json: bool) -> Result<(), Failure> {
    let unfinished = make_unfinished(&args.to)?;
    let (stop, directory) = (Stop::on_signal(), args.to.clone());
    let to = unfinished.clone();
    let written = keeper
        .run(move |history| {
            let names = Names::of(history)?;
            let rooms = rooms(history, &names, args.room.as_deref())?;
            let mut meter = Meter::new("export", json, &stop);
            let mut writing = Writing { history, names, directory: &to, done: 0, total: 0, meter: &mut meter };
            writing.total = rooms.iter().map(|room| room.messages).sum();
            writing.write(&rooms, args.format)
        })
        .await;
    let finished = written.map_err(Failure::from).and_then(|written| {
        // An empty directory of this name makes room.
        let _ = fs::remove_dir(&directory);
        fs::rename(&unfinished, &directory).map_err(|error| Failure::file(&directory, &error))?;
        Ok(written)
    });
    if finished.is_err() {
        let _ = fs::remove_dir_all(&unfinished);
    }
    let written = finished?;
    if !written.skipped.is_empty() {
        let count = written.skipped.len();
        show::notice(&format!("{count} messages could not be read and are left out: ferry history check"));
    }
    let value = json!({
        "directory": directory.display().to_string(), "rooms": written.rooms, "messages": written.messages, "skipped": written.skipped,
    });
    show::answer(json, &value, || {
        let (messages, rooms) = (show::count(written.messages, "message"), show::count(written.rooms, "room"));
        format!("{}: {messages} in {rooms}", show::line(&directory.display().to_string()))
    })
}

/// Returns the rooms to export, the one with the newest message first.
fn rooms(history: &History, names: &Names, wanted: Option<&str>) -> Result<Vec<Room>, HistoryError> {
    let wanted = wanted.map(|text| names.room_named(text)).transpose()?;
    let mut rooms: Vec<Room> = Vec::new();
    for summary in history.rooms()? {
        let id = summary.room;
        if wanted.is_some_and(|wanted| wanted != id) {
            continue;
        }
        let title = names.room(id);
        // Two rooms may have one name, or names that a file system does not tell apart. The end of
        // an id is random.
        let id_text = id.to_string();
        let file = format!("{}-{}", file_name(&title), id_text.get(28..).unwrap_or(&id_text));
        rooms.push(Room { id, title, file, messages: history.messages_in(id)? });
    }
    match rooms.is_empty() {
        true => Err(HistoryError::BadQuery("nothing is stored of this room".to_owned())),
        false => Ok(rooms),
    }
}

/// Returns a name that every file system takes and no program takes for an option or a path.
fn file_name(title: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    let mut name: String = title.trim_start_matches(['#', '@']).chars().map(plain).take(60).collect();
    // File systems count bytes, at most 255 of them.
    while name.len() > 180 {
        name.pop();
    }
    let name = name.trim_matches(['-', '_']).to_owned();
    if name.is_empty() { "room".to_owned() } else { name }
}

struct Writing<'a> {
    history: &'a History,
    names: Names,
    directory: &'a Path,
    done: u64,
    total: u64,
    meter: &'a mut Meter,
}

impl Writing<'_> {
    fn write(&mut self, rooms: &[Room], format: Format) -> Result<Written, HistoryError> {
        let mut written = Written { rooms: rooms.len() as u64, ..Written::default() };
        for room in rooms {
            match format {
                Format::Html => self.html(room, &mut written)?,
                Format::Md | Format::Json => self.one_file(room, format, &mut written)?,
            }
        }
        if format == Format::Html {
            let rooms = rooms.iter().map(|room| (room.title.as_str(), html::page_name(&room.file, 1), room.messages));
            self.file("index.html", |file| html::index(file, rooms))?;
        }
        Ok(written)
    }

    fn one_file(&mut self, room: &Room, format: Format, written: &mut Written) -> Result<(), HistoryError> {
        let (name, is_json) = match format {
            Format::Json => (format!("{}.jsonl", room.file), true),
            _ => (format!("{}.md", room.file), false),
        };
        let path = self.directory.join(name);
        let failed = |error| HistoryError::file(&path, error);
        let mut file = BufWriter::new(create(&path).map_err(failed)?);
        if !is_json {
            markdown::head(&mut file, &room.title).map_err(failed)?;
        }
        let (mut after, mut day) = (i64::MIN, String::new());
        while let Some(messages) = self.next(room, &mut after, written)? {
            for shown in &messages {
                match is_json {
                    true => writeln!(file, "{}", as_json(shown)),
                    false => markdown::message(&mut file, &self.names, shown, &mut day),
                }
                .map_err(failed)?;
            }
        }
        file.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)
    }

    fn html(&mut self, room: &Room, written: &mut Written) -> Result<(), HistoryError> {
        let (mut after, mut number) = (i64::MIN, 0);
        let mut messages = self.next(room, &mut after, written)?;
        while let Some(page) = messages {
            number += 1;
            messages = self.next(room, &mut after, written)?;
            let is_last = messages.is_none();
            let place = html::Place { title: &room.title, file: &room.file, number, is_last };
            self.file(&html::page_name(&room.file, number), |file| html::page(file, &self.names, &place, &page))?;
        }
        Ok(())
    }

    /// Returns the next messages of a room, or `None` after the last.
    fn next(
        &mut self,
        room: &Room,
        after: &mut i64,
        written: &mut Written,
    ) -> Result<Option<Vec<Shown>>, HistoryError> {
        let page = self.history.page_after(room.id, *after, PAGE)?;
        let Some(last) = page.last else { return Ok(None) };
        *after = last;
        written.messages += page.messages.len() as u64;
        written.skipped.extend(page.unreadable);
        self.done += page.messages.len() as u64;
        match self.meter.at(Progress { done: self.done, total: self.total }) {
            true => Ok(Some(page.messages)),
            false => Err(HistoryError::Interrupted),
        }
    }

    fn file(
        &self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
    ) -> Result<(), HistoryError> {
        let path = self.directory.join(name);
        let written = create(&path).and_then(|file| {
            let mut file = BufWriter::new(file);
            write(&mut file)?;
            file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
        });
        written.map_err(|error| HistoryError::file(&path, error))
    }
}

/// Creates a file for its owner alone.
fn create(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create_new(true).open(path)
}

/// Makes the directory that gets the name once everything is written, so that an export is whole or
/// not there. Fails if there is something that could be overwritten.
fn make_unfinished(path: &Path) -> Result<PathBuf, Failure> {
    let failed = |error: std::io::Error| Failure::file(path, &error);
    if path.exists() && fs::read_dir(path).map_err(failed)?.next().is_some() {
        return Err(Failure::usage(format!("{} is not empty", path.display())));
    }
    let name = path.file_name().ok_or_else(|| Failure::usage(format!("{} is no new directory", path.display())))?;
    let mut unfinished = name.to_owned();
    unfinished.push(format!(".{}.unfinished", std::process::id()));
    let unfinished = path.with_file_name(unfinished);
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&unfinished).map_err(failed)?;
    Ok(unfinished)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_room_leaves_the_directory() {
        for (title, name) in [
            ("#general", "general"),
            ("@bob", "bob"),
            ("#../../etc/passwd", "etc_passwd"),
            ("#-rf", "rf"),
            ("#...", "room"),
            ("#東京 office", "東京_office"),
            ("#a\u{202e}b\u{0}c", "a_b_c"),
        ] {
            assert_eq!(file_name(title), name);
        }
    }
}
