//! Reasons for examples: a text that has the form which a rule wants.

use std::sync::LazyLock;

use regex::Regex;

/// The reason that every rule is content with while asks are tried.
pub(super) const FITTING: &str = "fits";

static ANY: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(FITTING).ok());

/// The form that [`FITTING`] has.
pub(super) fn fitting() -> Regex {
    #[expect(clippy::expect_used, reason = "a constant that the tests read")]
    ANY.clone().expect("a plain word is a pattern")
}

/// A reason that has all these forms. None where no simple one was found.
pub(super) fn reason(patterns: &[&Regex]) -> Option<String> {
    let alone: Vec<String> = (patterns.iter())
        .map(|pattern| example(pattern.as_str()))
        .collect();
    let mut tries = vec!["because".to_owned(), alone.join(" ")];
    tries.push(format!("{} because", alone.join(" ")));
    tries.push(format!("because {}", alone.join(" ")));
    tries.extend(alone);
    let fits = |text: &String| patterns.iter().all(|pattern| pattern.is_match(text));
    tries.into_iter().find(fits)
}

/// A text that most likely has the form. Whoever uses it has to look.
fn example(pattern: &str) -> String {
    let mut reader = Reader {
        rest: pattern.chars().collect(),
        at: 0,
    };
    reader.alternatives()
}

struct Reader {
    rest: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let found = self.peek();
        self.at += usize::from(found.is_some());
        found
    }

    /// The first of them that is not empty.
    fn alternatives(&mut self) -> String {
        let mut all = vec![self.sequence()];
        while self.peek() == Some('|') {
            self.next();
            all.push(self.sequence());
        }
        let mut all = all.into_iter();
        all.find(|text| !text.is_empty()).unwrap_or_default()
    }

    fn sequence(&mut self) -> String {
        let mut text = String::new();
        while let Some(c) = self.peek() {
            if c == '|' || c == ')' {
                break;
            }
            let one = self.one();
            let times = self.times();
            text.push_str(&one.repeat(times));
        }
        text
    }

    fn one(&mut self) -> String {
        match self.next() {
            Some('(') => self.group(),
            Some('[') => self.class(),
            Some('\\') => match self.next() {
                Some('d') => "1".to_owned(),
                Some('w') => "a".to_owned(),
                Some('s') => " ".to_owned(),
                Some('b' | 'B' | 'A' | 'z') | None => String::new(),
                Some('D' | 'W' | 'S') => "-".to_owned(),
                Some(other) => other.to_string(),
            },
            Some('.') => "a".to_owned(),
            Some('^' | '$') | None => String::new(),
            Some(other) => other.to_string(),
        }
    }

    fn group(&mut self) -> String {
        if self.peek() == Some('?') {
            while let Some(c) = self.next() {
                if c == ':' || c == '>' {
                    break;
                }
                if c == ')' {
                    return String::new();
                }
            }
        }
        let text = self.alternatives();
        self.next();
        text
    }

    fn class(&mut self) -> String {
        let negated = self.peek() == Some('^');
        let mut first = None;
        while let Some(c) = self.next() {
            if c == ']' && first.is_some() {
                break;
            }
            let meant = if c == '\\' {
                match self.next() {
                    Some('d') => '1',
                    Some('w') => 'a',
                    Some('s') => ' ',
                    Some(other) => other,
                    None => break,
                }
            } else {
                c
            };
            first = first.or(Some(meant));
        }
        let first = first.unwrap_or('a');
        if negated {
            "x".to_owned()
        } else {
            first.to_string()
        }
    }

    /// How often what was just read has to stand.
    fn times(&mut self) -> usize {
        let times = match self.peek() {
            Some('*' | '?') => {
                self.next();
                0
            }
            Some('+') => {
                self.next();
                1
            }
            Some('{') => {
                self.next();
                let mut number = String::new();
                while let Some(c) = self.next() {
                    if c == '}' {
                        break;
                    }
                    number.push(c);
                }
                let least = number.split(',').next().unwrap_or_default();
                least.parse().unwrap_or(1).min(64)
            }
            _ => return 1,
        };
        if self.peek() == Some('?') {
            self.next();
        }
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_forms_have_an_example() {
        assert!(fitting().is_match(FITTING));
        for pattern in [
            ".",
            ".+",
            r"(?i)\bINC-[0-9]+\b",
            r"INC-\d+",
            "^(OPS|SEC)-[0-9]{3,5}$",
            r"\S",
            "(?P<t>T-[A-Z]{2})",
            r"^[^\s]+$",
            r"(incident|change)\s+\d+",
            ".{20,}",
            "^[A-Z]+-[0-9]+: .+",
        ] {
            let compiled = Regex::new(pattern).unwrap();
            assert!(
                reason(&[&compiled]).is_some(),
                "{pattern}: {}",
                example(pattern)
            );
        }
        let both = [
            Regex::new(r"INC-\d+").unwrap(),
            Regex::new(".{10,}").unwrap(),
        ];
        assert!(reason(&both.iter().collect::<Vec<_>>()).is_some());
    }
}
