//! Source text with comments, strings and characters blanked out, so that what is left is code.

/// The same text, with a space for every character that is no code; lines stay where they are.
pub(super) fn masked(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(letter) = letters.get(at) {
        let length = blank(&letters, at);
        if length == 0 {
            code.push(*letter);
            at += 1;
        }
        for _ in 0..length {
            code.push(if letters.get(at) == Some(&'\n') { '\n' } else { ' ' });
            at += 1;
        }
    }
    code
}

/// How many characters from `at` on are a comment, a string or a character; 0 where code is.
fn blank(letters: &[char], at: usize) -> usize {
    let rest = letters.get(at..).unwrap_or_default();
    let length = match rest {
        ['/', '/', ..] => rest.iter().position(|letter| *letter == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => block_comment(rest),
        ['"', ..] => string(rest),
        ['r' | 'b' | 'c', ..]
            if !at.checked_sub(1).and_then(|before| letters.get(before)).is_some_and(in_word) =>
        {
            prefixed_string(rest)
        }
        ['\'', '\\', ..] => 4 + rest.iter().skip(3).take_while(|letter| **letter != '\'').count(),
        ['\'', _, '\'', ..] => 3,
        _ => 0,
    };
    length.min(rest.len())
}

pub(super) fn in_word(letter: &char) -> bool {
    letter.is_alphanumeric() || *letter == '_'
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match rest.get(at..) {
            Some(['/', '*', ..]) => (depth, at) = (depth + 1, at + 2),
            Some(['*', '/', ..]) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// A string that begins with its quote.
fn string(rest: &[char]) -> usize {
    let mut at = 1;
    while let Some(letter) = rest.get(at) {
        match letter {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// `b"…"`, `r"…"`, `br##"…"##`; 0 when it is a word like another.
fn prefixed_string(rest: &[char]) -> usize {
    let prefix = rest.iter().take(2).take_while(|letter| ['r', 'b', 'c'].contains(letter)).count();
    let raw = rest.get(..prefix).unwrap_or_default().contains(&'r');
    let hashes = rest.iter().skip(prefix).take_while(|letter| **letter == '#').count();
    let begin = prefix + hashes;
    if rest.get(begin) != Some(&'"') || (hashes > 0 && !raw) {
        return 0;
    }
    if !raw {
        return begin + string(rest.get(begin..).unwrap_or_default());
    }
    let mut at = begin + 1;
    while at < rest.len() {
        let after = rest.get(at + 1..).unwrap_or_default();
        if rest.get(at) == Some(&'"')
            && after.iter().take(hashes).filter(|letter| **letter == '#').count() == hashes
        {
            return at + 1 + hashes;
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_code_is_blank_and_lines_stay() {
        for (text, code) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("fn x() {", 1)"#, "f(          , 1)"),
            (r##"f(r#"a"b"#, b"x\"", 'y')"##, "f(        ,       ,    )"),
            ("f(&'a str, '\\'', '\\u{1F}', '{')", "f(&'a str,     ,         ,    )"),
            ("let bar = br;", "let bar = br;"),
        ] {
            assert_eq!(masked(text), code, "{text}");
        }
    }
}
