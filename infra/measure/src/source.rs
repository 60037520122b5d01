//! The packages of this workspace: their manifests, their files, and what stands in them.
//!
//! Read as text and not as a compiler reads it: what macros make is not seen, and code in strings is not taken for code.
mod file;
mod manifest;
mod mask;
mod modules;

use std::io;
use std::path::{Path, PathBuf};

pub use file::{File, Function};
pub use manifest::{Dependency, Manifest};
pub use modules::circles;

/// Folders whose folders are packages, beside the package `tests`.
const SHELVES: [&str; 3] = ["functions", "shared", "infra"];

/// One package.
pub struct Package {
    /// From the root of the workspace: `shared/domain`.
    pub folder: String,
    pub manifest: Manifest,
    /// Every Rust file, in the order of their paths.
    pub files: Vec<File>,
}

/// The root of this workspace.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every package of the workspace at `root`, in the order of their folders.
pub fn packages(root: &Path) -> io::Result<Vec<Package>> {
    let mut folders = vec!["tests".to_owned()];
    for shelf in SHELVES {
        for name in names(&root.join(shelf))? {
            let folder = format!("{shelf}/{name}");
            if root.join(&folder).join("Cargo.toml").exists() {
                folders.push(folder);
            }
        }
    }
    folders.sort();
    folders.into_iter().map(|folder| package(root, folder)).collect()
}

/// The manifest of the workspace itself.
pub fn workspace(root: &Path) -> io::Result<Manifest> {
    Ok(Manifest::parse(&std::fs::read_to_string(root.join("Cargo.toml"))?))
}

fn package(root: &Path, folder: String) -> io::Result<Package> {
    let manifest = Manifest::parse(&std::fs::read_to_string(root.join(&folder).join("Cargo.toml"))?);
    let mut paths = Vec::new();
    find(root, &folder, &mut paths)?;
    paths.sort();
    let files = paths.into_iter().map(|path| {
        let text = std::fs::read_to_string(root.join(&path))?;
        Ok(File::new(path, text))
    });
    let files = files.collect::<io::Result<Vec<_>>>()?;
    Ok(Package { folder, manifest, files: file::without_test_files(files) })
}

/// Adds the Rust files under `folder`.
fn find(root: &Path, folder: &str, found: &mut Vec<String>) -> io::Result<()> {
    for name in names(&root.join(folder))? {
        let path = format!("{folder}/{name}");
        if root.join(&path).is_dir() {
            find(root, &path, found)?;
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
    Ok(())
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let names = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.retain(|name| !name.starts_with('.') && name != "target");
    names.sort();
    Ok(names)
}
