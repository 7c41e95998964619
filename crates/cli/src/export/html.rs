//! A room as pages of HTML. They have no scripts and load nothing, and every text is escaped.

use std::io::{self, Write};

use ferry_history::Shown;

use crate::recall::{Names, said};
use crate::show;

/// Which page of a room it is.
pub struct Place<'a> {
    pub title: &'a str,
    pub file: &'a str,
    pub number: u32,
    pub is_last: bool,
}

/// Even a text that gets past the escaping could run and load nothing.
const HEAD: &str = "<meta charset=\"utf-8\">\n\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
<meta name=\"referrer\" content=\"no-referrer\">\n";

const STYLE: &str = "<style>\n\
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; --faint: #59636e; --line: #d1d9e0; --mine: #ddf4ff; }\n\
@media (prefers-color-scheme: dark) { :root { --faint: #9198a1; --line: #3d444d; --mine: #0c2d4d; } }\n\
body { max-width: 46rem; margin: 0 auto; padding: 1rem; }\n\
h1 { font-size: 1.4rem; overflow-wrap: anywhere; }\n\
h2 { font-size: .9rem; color: var(--faint); border-bottom: 1px solid var(--line); margin: 2rem 0 .5rem; position: sticky; top: 0; background: Canvas; }\n\
article { padding: .3rem .6rem; border-radius: .5rem; overflow-wrap: anywhere; }\n\
article.mine { background: var(--mine); }\n\
article:target { outline: 2px solid Highlight; }\n\
article p { margin: 0; white-space: pre-wrap; }\n\
.who { font-weight: 600; } time, .mark { color: var(--faint); font-size: .85rem; } time a { color: inherit; text-decoration: none; }\n\
.gone { color: var(--faint); font-style: italic; } .reply { border-left: 3px solid var(--line); padding-left: .5rem; color: var(--faint); font-size: .9rem; }\n\
.reactions span { border: 1px solid var(--line); border-radius: 1rem; padding: 0 .5rem; margin-right: .3rem; font-size: .85rem; }\n\
nav { display: flex; gap: 1rem; justify-content: space-between; margin: 1.5rem 0; } li { margin: .3rem 0; overflow-wrap: anywhere; }\n\
</style>\n";

/// Returns the file of a page.
pub fn page_name(file: &str, number: u32) -> String {
    if number == 1 { format!("{file}.html") } else { format!("{file}-page-{number}.html") }
}

/// Writes the list of rooms.
pub fn index<'a>(out: &mut impl Write, rooms: impl Iterator<Item = (&'a str, String, u64)>) -> io::Result<()> {
    write!(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n{HEAD}<title>Ferry</title>\n{STYLE}</head>\n<body>\n")?;
    write!(out, "<h1>Rooms</h1>\n<ul>\n")?;
    for (title, file, messages) in rooms {
        let (href, title, count) = (link(&file), escaped(&show::line(title)), show::count(messages, "message"));
        writeln!(out, "<li><a href=\"{href}\"><bdi>{title}</bdi></a> <span class=\"mark\">{count}</span></li>")?;
    }
    write!(out, "</ul>\n</body>\n</html>\n")
}

/// Writes a page of a room.
pub fn page(out: &mut impl Write, names: &Names, place: &Place<'_>, messages: &[Shown]) -> io::Result<()> {
    let title = escaped(&show::line(place.title));
    write!(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n{HEAD}<title>{title}</title>\n{STYLE}</head>\n<body>\n")?;
    writeln!(out, "<h1><bdi>{title}</bdi></h1>")?;
    turn(out, place)?;
    let mut day = String::new();
    for shown in messages {
        let today = show::time(shown.record.message.sent_at, "%F");
        if today != day {
            writeln!(out, "<h2>{}</h2>", escaped(&today))?;
            day = today;
        }
        message(out, names, shown)?;
    }
    turn(out, place)?;
    write!(out, "</body>\n</html>\n")
}

fn turn(out: &mut impl Write, place: &Place<'_>) -> io::Result<()> {
    let to = |number: u32| link(&page_name(place.file, number));
    write!(out, "<nav><a href=\"index.html\">All rooms</a>")?;
    if place.number > 1 {
        write!(out, "<a href=\"{}\" rel=\"prev\">Earlier</a>", to(place.number - 1))?;
    }
    if !place.is_last {
        write!(out, "<a href=\"{}\" rel=\"next\">Later</a>", to(place.number + 1))?;
    }
    writeln!(out, "</nav>")
}

fn message(out: &mut impl Write, names: &Names, shown: &Shown) -> io::Result<()> {
    let message = &shown.record.message;
    let class = if names.is_me(message.from.user) { " class=\"mine\"" } else { "" };
    let who = escaped(&show::line(&names.person(message.from.user)));
    let (time, full) = (show::time(message.sent_at, "%T"), show::time(message.sent_at, "%FT%T%:z"));
    let id = message.id;
    write!(out, "<article id=\"m{id}\"{class}><span class=\"who\"><bdi>{who}</bdi></span> ")?;
    write!(out, "<time datetime=\"{}\"><a href=\"#m{id}\">{}</a></time>", escaped(&full), escaped(&time))?;
    if shown.edited_at.is_some() {
        write!(out, " <span class=\"mark\">edited</span>")?;
    }
    if let Some(reply) = message.reply_to {
        write!(out, "<div class=\"reply\"><a href=\"#m{reply}\">in reply to</a></div>")?;
    }
    match said(names, shown) {
        None => write!(out, "<p class=\"gone\">deleted</p>")?,
        Some(text) => write!(out, "<p dir=\"auto\">{}</p>", escaped(&text_of(&text)))?,
    }
    if !shown.reactions.is_empty() {
        write!(out, "<div class=\"reactions\">")?;
        for (emoji, users) in &shown.reactions {
            let users_named: Vec<String> = users.iter().map(|user| show::line(&names.person(*user))).collect();
            let title = escaped(&users_named.join(", "));
            write!(out, "<span title=\"{title}\"><bdi>{}</bdi> {}</span>", escaped(&show::line(emoji)), users.len())?;
        }
        write!(out, "</div>")?;
    }
    writeln!(out, "</article>")
}

/// Returns a text with its lines, in which nothing else steers.
fn text_of(text: &str) -> String {
    let lines: Vec<String> =
        text.replace("\r\n", "\n").split('\n').map(|line| show::line(&line.replace('\t', "    "))).collect();
    lines.join("\n")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Returns the address of a file beside the page (RFC 3986, 2.1).
fn link(file: &str) -> String {
    let mut out = String::from("./");
    for byte in file.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_a_text() {
        assert_eq!(escaped("<script>\"'&"), "&lt;script&gt;&quot;&#39;&amp;");
        assert_eq!(text_of("a\tb\r\nc\u{202e}d\u{1b}["), "a    b\nc\\u{202e}d\\u{1b}[");
        assert_eq!(link("東 a.html"), "./%E6%9D%B1%20a.html");
        assert_eq!(page_name("general", 1), "general.html");
        assert_eq!(page_name("general", 2), "general-page-2.html");
    }
}
