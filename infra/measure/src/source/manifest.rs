//! What a manifest says of a package, as far as the house rules look.

/// A manifest, of which every dependency stands on a line of its own.
#[derive(Default)]
pub struct Manifest {
    pub name: String,
    pub description: String,
    pub dependencies: Vec<Dependency>,
}

pub struct Dependency {
    pub name: String,
    /// Whether only tests and examples have it.
    pub dev: bool,
}

impl Manifest {
    pub(super) fn parse(text: &str) -> Manifest {
        let (mut manifest, mut section) = (Manifest::default(), String::new());
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']').to_owned();
                continue;
            }
            let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else {
                continue;
            };
            let value = value.trim().trim_matches('"').to_owned();
            let key = key.trim().split('.').next().unwrap_or_default();
            match (section.as_str(), key) {
                ("package", "name") => manifest.name = value,
                ("package", "description") => manifest.description = value,
                ("dependencies" | "build-dependencies" | "workspace.dependencies", name) => {
                    manifest.dependencies.push(Dependency { name: name.to_owned(), dev: false });
                }
                ("dev-dependencies", name) => {
                    manifest.dependencies.push(Dependency { name: name.to_owned(), dev: true });
                }
                _ => {}
            }
        }
        manifest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_says_its_name_and_what_it_depends_on() {
        let manifest = Manifest::parse(
            "[package]\nname = \"a\"\ndescription = \"Is a.\"\n\n[dependencies]\n# why\nserde = { workspace = true }\n\
             time.workspace = true\n\n[dev-dependencies]\ntokio = \"1\"\n\n[[bin]]\nname = \"b\"\n",
        );
        assert_eq!((manifest.name.as_str(), manifest.description.as_str()), ("a", "Is a."));
        let all: Vec<_> = manifest.dependencies.iter().map(|one| (one.name.as_str(), one.dev)).collect();
        assert_eq!(all, [("serde", false), ("time", false), ("tokio", true)]);
    }
}
