//! CloudWatch's metric math, as far as the template uses it: whole numbers, comparisons, `AND`, `OR`, `IF`, `SUM(METRICS())`.
//!
//! Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>.

use std::collections::BTreeMap;

/// What an expression comes to with these metrics by their ids; a metric without data counts as 0. `None` when it is not
/// understood.
pub(super) fn value(expression: &str, metrics: &BTreeMap<String, i64>) -> Option<i64> {
    let mut reading = Reading { words: words(expression), at: 0, metrics };
    let value = reading.either()?;
    (reading.at == reading.words.len()).then_some(value)
}

struct Reading<'r> {
    words: Vec<String>,
    at: usize,
    metrics: &'r BTreeMap<String, i64>,
}

impl Reading<'_> {
    fn took(&mut self, word: &str) -> bool {
        let there = self.words.get(self.at).is_some_and(|next| next == word);
        self.at += usize::from(there);
        there
    }

    fn either(&mut self) -> Option<i64> {
        let mut value = self.both()?;
        while self.took("OR") {
            let other = self.both()?;
            value = i64::from(value != 0 || other != 0);
        }
        Some(value)
    }

    fn both(&mut self) -> Option<i64> {
        let mut value = self.compared()?;
        while self.took("AND") {
            let other = self.compared()?;
            value = i64::from(value != 0 && other != 0);
        }
        Some(value)
    }

    fn compared(&mut self) -> Option<i64> {
        let left = self.sum()?;
        for (sign, holds) in [
            (">=", (|left, right| left >= right) as fn(i64, i64) -> bool),
            ("<=", |left, right| left <= right),
            ("==", |left, right| left == right),
            (">", |left, right| left > right),
            ("<", |left, right| left < right),
        ] {
            if self.took(sign) {
                return Some(i64::from(holds(left, self.sum()?)));
            }
        }
        Some(left)
    }

    fn sum(&mut self) -> Option<i64> {
        let mut value = self.product()?;
        loop {
            if self.took("+") {
                value = value.checked_add(self.product()?)?;
            } else if self.took("-") {
                value = value.checked_sub(self.product()?)?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<i64> {
        let mut value = self.one()?;
        loop {
            if self.took("*") {
                value = value.checked_mul(self.one()?)?;
            } else if self.took("/") {
                // By nothing there is no data point.
                value = value.checked_div(self.one()?).unwrap_or_default();
            } else {
                return Some(value);
            }
        }
    }

    fn one(&mut self) -> Option<i64> {
        if self.took("(") {
            let value = self.either()?;
            return self.took(")").then_some(value);
        }
        if self.took("IF") {
            let mut part = |before: &str| self.took(before).then(|| self.either())?;
            let (condition, yes, no) = (part("(")?, part(",")?, part(",")?);
            return self.took(")").then_some(if condition != 0 { yes } else { no });
        }
        if self.took("SUM") {
            let all = ["(", "METRICS", "(", ")", ")"].into_iter().all(|word| self.took(word));
            return all.then(|| self.metrics.values().sum());
        }
        let word = self.words.get(self.at)?;
        self.at += 1;
        word.parse().ok().or_else(|| self.metrics.get(word).copied())
    }
}

fn words(expression: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut joins = false;
    for letter in expression.chars() {
        let of_a_name = letter.is_ascii_alphanumeric() || letter == '_';
        match words.last_mut() {
            Some(last) if of_a_name && joins => last.push(letter),
            Some(last) if letter == '=' && matches!(last.as_str(), ">" | "<" | "=") => last.push(letter),
            _ if letter.is_whitespace() => {}
            _ => words.push(letter.to_string()),
        }
        joins = of_a_name;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_come_to_what_cloudwatch_says() {
        let metrics =
            BTreeMap::from([("refused".to_owned(), 5), ("taken".to_owned(), 0), ("calls".to_owned(), 20)]);
        for (expression, expected) in [
            ("SUM(METRICS())", Some(25)),
            ("IF(refused >= 3 AND taken == 0, 1, 0)", Some(1)),
            ("IF(refused > 5 OR taken > 0, 1, 0)", Some(0)),
            ("IF(calls >= 5, 100 * refused / calls, 0)", Some(25)),
            ("100 * refused / taken", Some(0)),
            ("(refused + calls) * 2 - 1", Some(49)),
            ("unknown + 1", None),
            ("refused calls", None),
            ("IF(refused, 1)", None),
        ] {
            assert_eq!(value(expression, &metrics), expected, "{expression}");
        }
    }
}
