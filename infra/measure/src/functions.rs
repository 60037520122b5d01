//! How long functions are, by package: median, the tenth that is longer than the rest, and the longest.
use std::path::{Path, PathBuf};

use saldo_measure::source::{self, Function, Package};

use crate::failure::Failure;

pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let root = words.first().map_or_else(source::root, PathBuf::from);
    let packages = source::packages(&root)?;
    println!("| package | lines | functions | median | 90 % are no longer than | longest | |");
    println!("|---|---|---|---|---|---|---|");
    for package in &packages {
        print(&package.folder, &[package]);
    }
    let shelf = |name: &str| -> Vec<&Package> {
        packages.iter().filter(|package| package.folder.starts_with(name)).collect()
    };
    let shipped = [shelf("shared/"), shelf("functions/")].concat();
    print("**what is deployed**", &shipped);
    print("**what it runs on here**", &shelf("infra/"));
    Ok(())
}

/// One row; lengths in lines.
fn print(name: &str, packages: &[&Package]) {
    let files = || packages.iter().flat_map(|package| &package.files);
    let mut all: Vec<(Function, &str)> =
        files().flat_map(|file| file.functions().into_iter().map(|one| (one, file.path.as_str()))).collect();
    all.sort_by_key(|(function, _)| function.lines);
    let at = |percent: usize| {
        let index = all.len().saturating_sub(1) * percent / 100;
        all.get(index).map_or(0, |(function, _)| function.lines)
    };
    let lines: usize = files().map(|file| file.lines).sum();
    let longest = all.last().map_or_else(String::new, |(function, path)| {
        let file = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
        format!("`{}` in {file}:{}", function.name, function.line)
    });
    println!("| {name} | {lines} | {} | {} | {} | {} | {longest} |", all.len(), at(50), at(90), at(100));
}
