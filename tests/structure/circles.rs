//! No circle of imports among sibling files. A child may import from its parent and a parent from
//! its children, but a re-export by the parent hides nothing: an import counts for the file that
//! has the item.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::source::{code_of, files, imports_of, module_of, read};

type Module = Vec<String>;

/// The modules of one crate: what each file imports, under which name.
struct Crate {
    imports: BTreeMap<Module, Vec<(Vec<String>, String)>>,
}

impl Crate {
    fn read(src: &str) -> Self {
        let sources = files(src, ".rs").into_iter().filter(|file: &PathBuf| !is_test(file));
        let imports = sources.map(|file| {
            let module = module_of(file.strip_prefix(src).unwrap());
            let code = code_of(&read(&file));
            (module, [imports_of(&code), written_out(&code)].concat())
        });
        Self { imports: imports.collect() }
    }

    /// Returns the module that has what this path names, seen from a module of this crate. `None`
    /// for another crate's.
    fn owner(&self, from: &Module, path: &[String], depth: usize) -> Option<Module> {
        let (mut at, mut rest) = match path.first()?.as_str() {
            "crate" => (Module::new(), &path[1..]),
            "self" => (from.clone(), &path[1..]),
            "super" => (from[..from.len().checked_sub(1)?].to_vec(), &path[1..]),
            _ if self.imports.contains_key(&child(from, &path[0])) => (from.clone(), path),
            _ => return None,
        };
        while let Some(next) = rest.first() {
            match next.as_str() {
                "super" => at.pop().map(drop)?,
                "self" => {}
                _ if self.imports.contains_key(&child(&at, next)) => at.push(next.clone()),
                _ => break,
            }
            rest = &rest[1..];
        }
        // The module may only pass it on.
        if let Some(item) = rest.first()
            && depth < 8
            && let Some((passed_on, _)) = self.imports.get(&at)?.iter().find(|(_, name)| name == item)
            && let Some(owner) = self.owner(&at, passed_on, depth + 1)
        {
            return Some(owner);
        }
        Some(at)
    }

    fn edges(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let mut edges: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
        for (module, imports) in &self.imports {
            for (path, _) in imports {
                let Some(owner) = self.owner(module, path, 0) else { continue };
                // Where the two part: an import counts for the whole folders, so that a circle
                // through a child is one of its parent.
                let common = owner.iter().zip(module).take_while(|(a, b)| a == b).count();
                if common < owner.len() && common < module.len() {
                    let (from, to) = (module[..=common].to_vec(), owner[..=common].to_vec());
                    edges.entry(from).or_default().insert(to);
                }
            }
        }
        edges
    }
}

/// Returns the paths from the crate's root that stand in the code itself. Those of macros, which
/// begin with `$crate`, count where the macro is used.
fn written_out(code: &str) -> Vec<(Vec<String>, String)> {
    let is_part = |symbol: char| symbol.is_alphanumeric() || symbol == '_' || symbol == ':';
    let places = code.match_indices("crate::").filter(|(at, _)| !code[..*at].ends_with('$'));
    let path = |(at, _): (usize, &str)| code[at..].chars().take_while(|symbol| is_part(*symbol)).collect::<String>();
    let paths = places.map(path).map(|path| path.trim_end_matches(':').split("::").map(str::to_owned).collect());
    // Not for others to follow: it gives nothing a name here.
    paths.map(|path| (path, String::new())).collect()
}

fn child(module: &Module, name: &str) -> Module {
    let mut child = module.clone();
    child.push(name.to_owned());
    child
}

/// Returns whether a file holds tests alone, which may import from anywhere.
fn is_test(file: &Path) -> bool {
    file.components()
        .any(|part| matches!(part.as_os_str().to_str(), Some("contract" | "contract.rs" | "tests.rs" | "tests")))
}

/// Returns the imports that are part of a circle: from where they lead, a way leads back.
fn circular(edges: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<(Module, Module)> {
    let leads_to = |from: &Module, to: &Module| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(at) = open.pop() {
            if at == to {
                return true;
            }
            if seen.insert(at) {
                open.extend(edges.get(at).into_iter().flatten());
            }
        }
        false
    };
    let all = edges.iter().flat_map(|(from, targets)| targets.iter().map(move |to| (from, to)));
    all.filter(|(from, to)| leads_to(to, from)).map(|(from, to)| (from.clone(), to.clone())).collect()
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut sources = vec!["src".to_owned()];
    for manifest in files("crates", "Cargo.toml") {
        sources.push(manifest.parent().unwrap().join("src").to_string_lossy().into_owned());
    }
    let mut circles = Vec::new();
    for src in sources {
        for (from, to) in circular(&Crate::read(&src).edges()) {
            circles.push(format!("{src}: {} imports {}", from.join("/"), to.join("/")));
        }
    }
    assert!(circles.is_empty(), "files that import each other in a circle:\n{}", circles.join("\n"));
}

#[test]
fn a_circle_is_found_however_it_is_hidden() {
    let module = |path: &str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Module>();
    let found = |texts: &[(&str, &str)]| {
        let imports = texts.iter().map(|(path, text)| (module(path), [imports_of(text), written_out(text)].concat()));
        circular(&Crate { imports: imports.collect() }.edges())
    };
    let both = [(module("a"), module("b")), (module("b"), module("a"))];
    assert_eq!(found(&[("", "pub use a::A;"), ("a", "use crate::b::B;"), ("b", "use super::A;")]), both, "a re-export");
    assert_eq!(found(&[("", ""), ("a", ""), ("a/x", "use crate::b::B;"), ("b", "use crate::a::A;")]), both, "a child");
    assert_eq!(found(&[("", ""), ("a", "fn f(b: crate::b::B) {}"), ("b", "use crate::a::A;")]), both, "no `use`");
}
