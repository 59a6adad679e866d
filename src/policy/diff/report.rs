//! A diff for people: at a terminal, and as a comment on a pull request.

use std::fmt::Write as _;

use super::{Change, Diff, Direction};

/// The longest comment that code hosts take, in bytes to be sure.
const LONGEST_COMMENT: usize = 65_000;

impl Diff {
    /// The changes for a terminal, each with a command that shows it. `policy` is where the new
    /// policy is, for that command.
    pub fn human(&self, policy: &str) -> String {
        if self.changes.is_empty() {
            return "No change in effect: every request is answered as before.".to_owned();
        }
        let mut text = format!("{}\n", self.summary());
        for direction in [Direction::Laxer, Direction::Stricter, Direction::Neutral] {
            let changes = self
                .changes
                .iter()
                .filter(|change| change.direction == direction);
            for (number, change) in changes.enumerate() {
                if number == 0 {
                    let _ = write!(text, "\n{}\n", heading(direction));
                }
                text.push_str(&one(change, policy));
            }
        }
        text.trim_end().to_owned()
    }

    /// The changes as one document: `laxer`, `stricter` and `neutral` count them, `asks` says how
    /// many requests were tried, and `changes` has all of them, most dangerous first.
    pub fn json(&self, policy: &str) -> serde_json::Value {
        let mut changes = serde_json::json!(self.changes);
        for change in changes.as_array_mut().into_iter().flatten() {
            if let Some(serde_json::Value::String(command)) = change.get_mut("replay") {
                command.push_str(&at(policy));
            }
        }
        serde_json::json!({
            "laxer": self.count(Direction::Laxer),
            "stricter": self.count(Direction::Stricter),
            "neutral": self.count(Direction::Neutral),
            "asks": self.asks,
            "changes": changes,
        })
    }

    fn summary(&self) -> String {
        let told = |direction: Direction, words: &str| {
            let count = self.count(direction);
            (count > 0).then(|| format!("{count} {words}"))
        };
        let parts = [
            told(Direction::Laxer, "laxer"),
            told(Direction::Stricter, "stricter"),
            told(Direction::Neutral, "neutral"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let changes = if self.changes.len() == 1 {
            "change"
        } else {
            "changes"
        };
        format!(
            "{} {changes} in effect ({})",
            self.changes.len(),
            parts.join(", ")
        )
    }

    /// The changes as a comment on a pull request: a table, and the commands to repeat them folded
    /// away. It stays under 65,536 characters, whatever changes.
    pub fn markdown(&self, policy: &str) -> String {
        if self.changes.is_empty() {
            return "### Policy: no change in effect\n\nEvery request is answered as before.\n"
                .to_owned();
        }
        let mut text = format!("### Policy: {}\n\n", self.summary());
        text.push_str("| | Change | Who | What | Before | After |\n|---|---|---|---|---|---|\n");
        let mut shown = 0;
        for change in &self.changes {
            let row = row(change);
            if text.len() + row.len() > LONGEST_COMMENT / 4 * 3 {
                break;
            }
            text.push_str(&row);
            shown += 1;
        }
        if shown < self.changes.len() {
            let more = self.changes.len() - shown;
            let _ = write!(text, "\n… and {more} more: run `jit policy diff`.\n");
        }
        self.fold(&mut text, policy);
        text
    }

    fn fold(&self, text: &mut String, policy: &str) {
        let changes = self.changes.iter().enumerate();
        let commands = changes.filter_map(|(number, change)| {
            let command = change.replay.as_ref()?;
            Some(format!(
                "# {}: {}, {}\n{command}{}\n",
                number + 1,
                change.who,
                change.what,
                at(policy)
            ))
        });
        let mut all = String::new();
        for command in commands {
            if text.len() + all.len() + command.len() > LONGEST_COMMENT - 200 {
                break;
            }
            all.push_str(&command.replace("```", "'''"));
        }
        if !all.is_empty() {
            let _ = write!(
                text,
                "\n<details><summary>Try the new policy yourself</summary>\n\n```sh\n{all}```\n\n</details>\n"
            );
        }
    }
}

fn heading(direction: Direction) -> &'static str {
    match direction {
        Direction::Laxer => "LAXER: somebody can do more",
        Direction::Stricter => "STRICTER: somebody can do less",
        Direction::Neutral => "NEUTRAL: nobody can do more or less",
    }
}

fn one(change: &Change, policy: &str) -> String {
    let mut text = format!(
        "\n  {}: {}, {}\n",
        change.danger.words(),
        change.who,
        change.what
    );
    if !change.when.is_empty() {
        let _ = writeln!(text, "      {}", change.when.join(", "));
    }
    if change.before == change.after {
        let _ = writeln!(text, "      {} as before, but:", change.after);
    } else {
        let _ = writeln!(text, "      {} → {}", change.before, change.after);
    }
    for detail in &change.details {
        let _ = writeln!(text, "      · {detail}");
    }
    if change.undecided {
        text.push_str("      (whether that is so cannot be told from the policy)\n");
    }
    if let Some(command) = &change.replay {
        let _ = writeln!(text, "      $ {command}{}", at(policy));
    }
    text
}

fn at(policy: &str) -> String {
    if policy.is_empty() {
        return String::new();
    }
    format!(" --policy {}", super::super::space::quoted(policy))
}

fn row(change: &Change) -> String {
    let sign = match change.direction {
        Direction::Laxer => "🔴",
        Direction::Stricter => "🟢",
        Direction::Neutral => "⚪",
    };
    let mut what = vec![change.what.clone()];
    what.extend(change.when.iter().cloned());
    let mut after = vec![if change.before == change.after {
        "as before, but:".to_owned()
    } else {
        change.after.clone()
    }];
    after.extend(change.details.iter().cloned());
    let cells = [
        sign.to_owned(),
        format!("**{}**", change.danger.words()),
        cell(&change.who),
        what.iter()
            .map(|line| cell(line))
            .collect::<Vec<_>>()
            .join("<br>"),
        cell(&change.before),
        after
            .iter()
            .map(|line| cell(line))
            .collect::<Vec<_>>()
            .join("<br>"),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// A text that breaks no table, mentions nobody and hides nothing.
fn cell(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        match c {
            '|' => plain.push_str("\\|"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '*' | '_' | '[' | ']' | '~' => {
                plain.push('\\');
                plain.push(c);
            }
            // A mention would call somebody who has nothing to do with it.
            '@' => plain.push_str("@\u{200b}"),
            '\n' | '\r' => plain.push(' '),
            other => plain.push(other),
        }
    }
    plain
}
