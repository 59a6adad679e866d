//! "Did you mean": names that look like the one that was written.

use std::collections::BTreeSet;

use super::effort::Effort;

/// Longer words and names are compared with nothing: nobody mistypes them.
const LONGEST: usize = 128;
/// How many characters of a name a list shows.
const SHOWN: usize = 80;

/// The names that look most like the word, best first, at most three. Case does not count; a name
/// that contains the word (or the other way round) looks like it.
pub(super) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    if word.len() > LONGEST {
        return Vec::new();
    }
    let word = word.to_lowercase();
    let mut scored: Vec<(f64, &str)> = (names.into_iter())
        .filter(|name| name.len() <= LONGEST)
        .map(|name| (likeness(&word, &name.to_lowercase()), name))
        .filter(|(score, _)| *score >= 0.75)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

fn likeness(word: &str, name: &str) -> f64 {
    let contained = word.chars().count() >= 3 && name.contains(word)
        || name.chars().count() >= 3 && word.contains(name);
    let edits = strsim::normalized_damerau_levenshtein(word, name);
    // Jaro-Winkler alone finds too much among short names that begin alike.
    let prefix = strsim::jaro_winkler(word, name) - 0.1;
    let floor = if contained { 0.8 } else { 0.0 };
    edits.max(prefix).max(floor)
}

/// A hint out of names: "did you mean …?", or else the list of what there is.
pub(super) fn hint<'a>(word: &str, names: impl IntoIterator<Item = &'a str>, none: &str) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let near = nearest(word, names.iter().copied());
    unlike(&names, &near, none)
}

/// The same where there are many names and many words: each comparison is an effort, and once too
/// many were made, nothing is guessed any more.
pub(super) fn hint_among(
    effort: &Effort,
    word: &str,
    names: &BTreeSet<&str>,
    none: &str,
) -> String {
    if effort.spend(names.len()) {
        return hint(word, names.iter().copied(), none);
    }
    match names.len() {
        0 => none.to_owned(),
        1..=12 => hint("", names.iter().copied(), none),
        many => format!("there are {many} others"),
    }
}

fn unlike(names: &[&str], near: &[&str], none: &str) -> String {
    if !near.is_empty() {
        return format!("did you mean {}?", list(near, "or"));
    }
    match names {
        [] => none.to_owned(),
        names if names.len() <= 12 => format!("known: {}", list(names, "and")),
        names => format!("there are {} others, none of them alike", names.len()),
    }
}

/// `a`, `b` or `c`.
pub(super) fn list(names: &[&str], word: &str) -> String {
    let quote = |name: &&str| match name.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("`{}…`", &name[..end]),
        None => format!("`{name}`"),
    };
    let quoted: Vec<String> = names.iter().map(quote).collect();
    let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
    plain(&quoted, word)
}

/// a, b or c.
pub(super) fn plain(names: &[&str], word: &str) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [init @ .., last] => format!("{} {word} {last}", init.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_seen_through() {
        let names = ["staging-db", "orders-db", "legacy"];
        for (word, found) in [
            ("stagingdb", vec!["staging-db"]),
            ("stagign-db", vec!["staging-db"]),
            ("STAGING", vec!["staging-db"]),
            ("legcy", vec!["legacy"]),
            ("kubernetes", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(nearest(word, names), found, "{word}");
        }
    }
}
