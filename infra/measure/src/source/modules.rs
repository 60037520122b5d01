//! Which file of a crate uses which, and where that goes round in a circle.
//!
//! Seen are `use` and paths that begin with `crate`, `self`, `super` or a child module; a re-export is followed to where the
//! item is. Not seen are methods that an `impl` in another file adds, what macros make, and modules within a file. A module
//! that only re-exports what its children have (`pub use`) does not thereby use them.
use std::collections::{BTreeMap, BTreeSet};

use super::mask::in_word;
use super::{File, Package};

/// The files of every circle, in the order of their paths; each circle once.
#[must_use]
pub fn circles(package: &Package) -> Vec<Vec<String>> {
    crates(package).iter().flat_map(Crate::circles).collect()
}

/// `dynamo::keys` as its parts.
type Path = Vec<String>;

/// The modules below one `lib.rs` or `main.rs`.
struct Crate<'p> {
    modules: BTreeMap<Path, Module<'p>>,
}

struct Module<'p> {
    file: &'p File,
    imports: Vec<Import>,
}

/// One name that a `use` brings.
struct Import {
    path: Path,
    name: String,
    public: bool,
}

fn crates(package: &Package) -> Vec<Crate<'_>> {
    let source = format!("{}/src/", package.folder);
    let here = format!("{}/", package.folder);
    let base = if package.files.iter().any(|file| file.path.starts_with(&source)) { &source } else { &here };
    let files: Vec<_> = package
        .files
        .iter()
        .filter_map(|file| Some((module_path(file.path.strip_prefix(base)?), file)))
        .collect();
    let roots = files.iter().filter(|(path, _)| path.is_empty()).map(|(_, file)| *file);
    roots.map(|root| Crate::below(root, &files)).collect()
}

fn module_path(file: &str) -> Path {
    let stem = file.trim_end_matches(".rs");
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    if ["lib", "main"].contains(&stem) { Path::new() } else { stem.split('/').map(str::to_owned).collect() }
}

impl<'p> Crate<'p> {
    fn below(root: &'p File, files: &[(Path, &'p File)]) -> Crate<'p> {
        let declared =
            |path: &Path| path.first().is_some_and(|top| root.code.contains(&format!("mod {top};")));
        let module = |file: &'p File| Module { file, imports: imports(&file.code) };
        let mut modules: BTreeMap<_, _> = files
            .iter()
            .filter(|(path, _)| declared(path))
            .map(|(path, file)| (path.clone(), module(file)))
            .collect();
        modules.insert(Path::new(), module(root));
        Crate { modules }
    }

    fn circles(&self) -> Vec<Vec<String>> {
        let uses: BTreeMap<&Path, BTreeSet<Path>> =
            self.modules.iter().map(|(path, module)| (path, self.used_by(path, module))).collect();
        let reached: BTreeMap<&Path, BTreeSet<Path>> =
            uses.keys().map(|path| (*path, reached(path, &uses))).collect();
        let mut circles = BTreeSet::new();
        for (path, all) in &reached {
            let back = |other: &&Path| reached.get(*other).is_some_and(|others| others.contains(*path));
            if all.contains(*path) {
                let file = |path: &Path| self.modules.get(path).map(|module| module.file.path.clone());
                circles.insert(all.iter().filter(back).filter_map(file).collect::<Vec<_>>());
            }
        }
        circles.into_iter().collect()
    }

    /// The modules that a module uses, itself not among them.
    fn used_by(&self, path: &Path, module: &Module<'_>) -> BTreeSet<Path> {
        let imported =
            module.imports.iter().filter(|import| !import.public).map(|import| import.path.clone());
        let mut used: BTreeSet<Path> = imported
            .chain(written(&module.file.code))
            .filter_map(|used| self.resolve(path, &used, 0))
            .collect();
        used.remove(path);
        used
    }

    /// The module that has what a path within `from` names; `None` for what is of another crate.
    fn resolve(&self, from: &Path, path: &[String], depth: usize) -> Option<Path> {
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => Path::new(),
            "self" => from.clone(),
            "super" => from.split_last()?.1.to_vec(),
            child => {
                self.modules.get(&join(from, child))?;
                rest = path;
                from.clone()
            }
        };
        while let Some((name, after)) = rest.split_first() {
            if name == "super" {
                at.pop()?;
            } else if self.modules.contains_key(&join(&at, name)) {
                at.push(name.clone());
            } else {
                return Some(self.re_exported(&at, name, depth).unwrap_or(at));
            }
            rest = after;
        }
        Some(at)
    }

    /// Where the item is that the module `at` has by a `use`.
    fn re_exported(&self, at: &Path, name: &str, depth: usize) -> Option<Path> {
        // A re-export of a re-export of …: deeper than anyone nests them.
        if depth > 4 {
            return None;
        }
        let imports = &self.modules.get(at)?.imports;
        let named = imports.iter().find(|import| import.name == name);
        let mut globs = imports.iter().filter(|import| import.name == "*");
        match named {
            Some(import) => self.resolve(at, &import.path, depth + 1),
            None => globs.find_map(|glob| {
                let module = self.resolve(at, &glob.path, depth + 1)?;
                let code = &self.modules.get(&module)?.file.code;
                ["struct", "enum", "trait", "type", "fn", "const", "static"]
                    .iter()
                    .any(|kind| code.contains(&format!("{kind} {name}")))
                    .then_some(module)
            }),
        }
    }
}

fn join(path: &Path, name: &str) -> Path {
    let mut longer = path.clone();
    longer.push(name.to_owned());
    longer
}

/// Everything that `from` uses, and that those use; `from` itself only where it comes back to it.
fn reached(from: &Path, uses: &BTreeMap<&Path, BTreeSet<Path>>) -> BTreeSet<Path> {
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<&Path> = uses.get(from).into_iter().flatten().collect();
    while let Some(path) = ahead.pop() {
        if reached.insert(path.clone()) {
            ahead.extend(uses.get(path).into_iter().flatten());
        }
    }
    reached
}

/// Every name that a `use` of this code brings.
fn imports(code: &str) -> Vec<Import> {
    let mut imports = Vec::new();
    for (begin, end) in uses(code) {
        let line_begin = code.get(..begin).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let public = code.get(line_begin..begin).is_some_and(|before| before.trim().starts_with("pub"));
        let tree = code.get(begin + "use ".len()..end).unwrap_or_default();
        let tree = tree.split_whitespace().collect::<Vec<_>>().join(" ");
        leaves(&tree, &Path::new(), public, &mut imports);
    }
    imports
}

/// From where to where each `use` of this code goes, without its semicolon.
fn uses(code: &str) -> Vec<(usize, usize)> {
    let begins = code.match_indices("use ").map(|(begin, _)| begin);
    let statements = begins.filter_map(|begin| {
        let (before, rest) = code.split_at(begin);
        let line = before.rsplit('\n').next().unwrap_or_default().trim();
        let alone = line.is_empty() || line == "pub" || line.starts_with("pub(");
        alone.then(|| (begin, begin + rest.find(';').unwrap_or(rest.len())))
    });
    statements.collect()
}

/// Adds the leaves of `a::{b, c::{self, d as e}}` below `before`.
fn leaves(tree: &str, before: &Path, public: bool, imports: &mut Vec<Import>) {
    let tree = tree.trim();
    if let Some((path, group)) =
        tree.split_once('{').filter(|(path, _)| path.is_empty() || path.ends_with("::"))
    {
        let before = before.iter().cloned().chain(parts(path)).collect();
        let group = group.rsplit_once('}').map_or(group, |(inside, _)| inside);
        for one in between_commas(group) {
            leaves(one, &before, public, imports);
        }
        return;
    }
    let (path, name) = tree.split_once(" as ").map_or((tree, None), |(path, name)| (path, Some(name)));
    let mut path: Path = before.iter().cloned().chain(parts(path)).collect();
    let last = path.last().cloned().unwrap_or_default();
    if last.is_empty() {
        return;
    }
    if last == "self" || last == "*" {
        path.pop();
    }
    let own = if last == "self" { path.last().cloned().unwrap_or_default() } else { last };
    imports.push(Import { path, name: name.map_or(own, str::to_owned), public });
}

fn parts(path: &str) -> impl Iterator<Item = String> {
    path.split("::").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty())
}

fn between_commas(group: &str) -> Vec<&str> {
    let (mut depth, mut begin, mut found) = (0_usize, 0, Vec::new());
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                found.extend(group.get(begin..at));
                begin = at + 1;
            }
            _ => {}
        }
    }
    found.extend(group.get(begin..));
    found.into_iter().filter(|one| !one.trim().is_empty()).collect()
}

/// Every path of more than one part that stands in this code outside of a `use`.
fn written(code: &str) -> Vec<Path> {
    let mut code = code.to_owned();
    for (begin, end) in uses(&code) {
        code.replace_range(begin..end, &" ".repeat(end - begin));
    }
    let words = code.split(|letter: char| !in_word(&letter) && letter != ':');
    let paths = words.filter(|word| word.contains("::") && !word.starts_with("::"));
    paths.map(|path| parts(path).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Manifest;

    fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let files = files.iter().map(|(path, text)| File::new(format!("a/src/{path}"), (*text).to_owned()));
        circles(&Package { folder: "a".to_owned(), manifest: Manifest::default(), files: files.collect() })
    }

    #[test]
    fn two_files_that_use_each_other_are_a_circle() {
        let root = ("lib.rs", "mod b;\nmod c;\nmod d;\npub use b::B;");
        let circle = [
            root,
            ("b.rs", "use crate::c::{self, C as D};"),
            ("c.rs", "fn f() { crate::B::new() }"),
            ("d.rs", "use super::b;"),
        ];
        assert_eq!(circles_of(&circle), [["a/src/b.rs", "a/src/c.rs"]]);
        let straight = [root, ("b.rs", "use crate::c::C;"), ("c.rs", "struct C;"), ("d.rs", "use super::b;")];
        assert!(circles_of(&straight).is_empty());
    }

    #[test]
    fn a_module_and_its_child_are_a_circle_when_each_uses_the_other() {
        let child = ("b/c.rs", "use super::B;\nfn f() {}");
        let root = ("lib.rs", "mod b;");
        assert_eq!(
            circles_of(&[root, ("b.rs", "mod c;\nstruct B;\nfn g() { c::f() }"), child]),
            [["a/src/b.rs", "a/src/b/c.rs"]]
        );
        assert!(circles_of(&[root, ("b.rs", "mod c;\npub use c::f;\nstruct B;"), child]).is_empty());
    }
}
