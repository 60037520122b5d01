//! A Rust file: its text, its code without tests, and its functions.
use super::mask::{in_word, masked};

const OF_TESTS: &str = "#[cfg(test)]";

/// One Rust file.
pub struct File {
    /// From the root of the workspace: `shared/domain/src/lib.rs`.
    pub path: String,
    pub text: String,
    /// Without comments and strings; lines stay where they are.
    pub all_code: String,
    /// Without comments, strings and what is compiled for tests only; lines stay where they are.
    pub code: String,
    /// How many lines it has beside those of its tests.
    pub lines: usize,
}

/// A function with a body.
pub struct Function {
    pub name: String,
    /// Where it begins, from 1.
    pub line: usize,
    /// From the line of its `fn` to that of its last brace.
    pub lines: usize,
}

impl File {
    /// The file at `path`, which holds `text`.
    #[must_use]
    pub fn new(path: String, text: String) -> File {
        let all_code = masked(&text);
        let (mut code, mut lines) = (all_code.clone(), all_code.lines().count());
        while let Some(begin) = code.find(OF_TESTS) {
            let end = end_of_item(&code, begin + OF_TESTS.len());
            let item = code.get(begin..end).unwrap_or_default();
            lines -= item.lines().count();
            let blank: String = item.chars().map(|letter| if letter == '\n' { '\n' } else { ' ' }).collect();
            code.replace_range(begin..end, &blank);
        }
        File { path, text, all_code, code, lines }
    }

    /// Every function that is no test's, outer ones before those inside them.
    #[must_use]
    pub fn functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        for (begin, _) in self.code.match_indices("fn ") {
            let (before, rest) = self.code.split_at(begin);
            if before.chars().next_back().is_some_and(|letter| in_word(&letter)) {
                continue;
            }
            let name: String =
                rest.chars().skip(3).skip_while(|letter| *letter == ' ').take_while(in_word).collect();
            let end = end_of_item(&self.code, begin);
            let item = self.code.get(begin..end).unwrap_or_default();
            if !name.is_empty() && item.ends_with('}') {
                functions.push(Function {
                    name,
                    line: before.matches('\n').count() + 1,
                    lines: item.lines().count(),
                });
            }
        }
        functions
    }

    /// The paths of the files that `#[cfg(test)] mod name;` makes modules of.
    fn test_files(&self) -> Vec<String> {
        let named = self.all_code.split(OF_TESTS).skip(1).filter_map(|after| {
            let (name, _) = after.trim_start().strip_prefix("mod ")?.split_once(';')?;
            name.chars().all(|letter| in_word(&letter)).then(|| name.to_owned())
        });
        let folder = match self.path.rsplit_once('/') {
            Some((folder, "lib.rs" | "main.rs" | "mod.rs")) => folder,
            _ => self.path.trim_end_matches(".rs"),
        };
        named.flat_map(|name| [format!("{folder}/{name}.rs"), format!("{folder}/{name}/")]).collect()
    }
}

/// Files that belong to tests keep their text and have no code.
pub(super) fn without_test_files(mut files: Vec<File>) -> Vec<File> {
    let of_tests: Vec<String> = files.iter().flat_map(File::test_files).collect();
    for file in &mut files {
        if of_tests.iter().any(|path| file.path.starts_with(path)) {
            (file.code, file.lines) = (String::new(), 0);
        }
    }
    files
}

/// Behind the brace that closes the item at `from`, or behind its semicolon.
fn end_of_item(code: &str, from: usize) -> usize {
    let (mut braces, mut others) = (0_usize, 0_usize);
    for (at, letter) in code.char_indices().skip_while(|(at, _)| *at < from) {
        match letter {
            '(' | '[' => others += 1,
            ')' | ']' => others = others.saturating_sub(1),
            '{' if others == 0 => braces += 1,
            ';' if braces == 0 && others == 0 => return at + 1,
            '}' if others == 0 => {
                braces = braces.saturating_sub(1);
                if braces == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "//! A file.\n\nfn one() -> [u8; 2] {\n    let f = |x: u8| { x };\n    [f(1), 2]\n}\n\n\
                        trait T {\n    fn none(&self);\n}\n\n#[cfg(test)]\nmod tests {\n    fn test() {}\n}\n";

    #[test]
    fn functions_are_counted_from_their_name_to_their_last_brace_and_those_of_tests_are_not() {
        let file = File::new("a/src/lib.rs".to_owned(), TEXT.to_owned());
        let functions: Vec<_> = file.functions().into_iter().map(|f| (f.name, f.line, f.lines)).collect();
        assert_eq!(functions, [("one".to_owned(), 3, 4)]);
        assert_eq!(file.lines, 11);
    }

    #[test]
    fn a_file_of_tests_has_no_code() {
        let root = File::new("a/src/lib.rs".to_owned(), "#[cfg(test)]\nmod checks;\n".to_owned());
        let checks = File::new("a/src/checks.rs".to_owned(), "fn check() {}\n".to_owned());
        let files = without_test_files(vec![root, checks]);
        assert_eq!(files.iter().map(|file| file.functions().len()).sum::<usize>(), 0);
    }
}
