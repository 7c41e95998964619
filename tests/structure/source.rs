//! Rust source as these tests read it: files, their module paths, and what they import.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Returns the root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Reads a file of the repository.
pub fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the files below a folder of the repository with this ending, relative to the root, in
/// order.
pub fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            match path.is_dir() {
                true if name != "target" && !name.starts_with('.') => folders.push(path),
                false if name.ends_with(ending) => found.push(path.strip_prefix(root()).unwrap().to_owned()),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// Returns the code without comments, and without what follows the first `#[cfg(test)]` module that
/// holds its tests: a test may import from anywhere.
pub fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code = text.lines().map(|line| match line.find("//") {
        // A `//` in a string is an address: what follows it imports nothing.
        Some(start) => &line[..start],
        None => line,
    });
    code.collect::<Vec<_>>().join("\n")
}

/// Returns every path that the `use` declarations of this code name, with groups taken apart:
/// `use a::{b, c::d}` gives `a::b` and `a::c::d`. Second, the name under which it is used.
pub fn imports_of(code: &str) -> Vec<(Vec<String>, String)> {
    let mut imports = Vec::new();
    let mut rest = code;
    while let Some(start) = rest.find("use ") {
        let (before, after) = (&rest[..start], &rest[start + 4..]);
        rest = after;
        let is_declaration = before.lines().last().is_none_or(|line| {
            let line = line.trim();
            line.is_empty() || line == "pub" || line.starts_with("pub(") && line.ends_with(')')
        }) || before.ends_with('\n');
        let Some(end) = after.find(';').filter(|_| is_declaration) else { continue };
        take_apart(&after[..end], &[], &mut imports);
    }
    imports
}

fn take_apart(tree: &str, before: &[String], imports: &mut Vec<(Vec<String>, String)>) {
    let tree = tree.trim();
    let group = tree.find('{');
    let head = tree[..group.unwrap_or(tree.len())].trim();
    let (head, alias) = head.split_once(" as ").map_or((head, None), |(head, alias)| (head, Some(alias.trim())));
    let mut path = before.to_vec();
    path.extend(head.split("::").map(str::trim).filter(|segment| !segment.is_empty()).map(str::to_owned));
    let Some(group) = group else {
        let last = path.last().cloned().unwrap_or_default();
        if last == "self" {
            path.pop();
        }
        let name = alias.map_or_else(|| path.last().cloned().unwrap_or_default(), str::to_owned);
        return imports.push((path, name));
    };
    let inner = tree[group + 1..].trim_end().trim_end_matches('}');
    let inner = if tree[group + 1..].matches('{').count() > inner.matches('}').count() {
        // The group held groups: take off its own bracket alone.
        tree[group + 1..].trim_end().strip_suffix('}').unwrap_or(inner)
    } else {
        inner
    };
    let (mut depth, mut from) = (0, 0);
    for (at, symbol) in inner.char_indices() {
        match symbol {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                take_apart(&inner[from..at], &path, imports);
                from = at + 1;
            }
            _ => {}
        }
    }
    if !inner[from..].trim().is_empty() {
        take_apart(&inner[from..], &path, imports);
    }
}

/// Returns the module path of a file below its crate's `src`: `a/b.rs` is `["a", "b"]`, `lib.rs` is
/// empty.
pub fn module_of(below_src: &Path) -> Vec<String> {
    let mut path: Vec<String> =
        below_src.with_extension("").components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if path.last().is_some_and(|last| last == "mod") || path == ["lib"] || path == ["main"] {
        path.pop();
    }
    path
}

#[test]
fn imports_are_taken_apart() {
    let code = "use a::{self, b, c::{d, e as f}};\nfn x() { reuse (y); }\npub(super) use super::g::h;\n";
    let names: Vec<(String, String)> =
        imports_of(code).into_iter().map(|(path, name)| (path.join("::"), name)).collect();
    let wanted = [("a", "a"), ("a::b", "b"), ("a::c::d", "d"), ("a::c::e", "f"), ("super::g::h", "h")];
    assert_eq!(names, wanted.map(|(path, name)| (path.to_owned(), name.to_owned())));
}
