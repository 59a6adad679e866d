//! What a check found, for machines: GitHub's workflow commands, JSON, and SARIF.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use url::Url;

use crate::policy::{Fault, Faults, Label, Policy};

/// A policy that was checked.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The path that was named.
    pub path: String,
    /// What was found wrong; nothing where the policy is sound.
    pub faults: Vec<Fault>,
    /// What is probably not meant.
    pub warnings: Vec<Fault>,
    /// Whether it could be read at all.
    pub readable: bool,
    /// Its hash and the numbers of its resources and rules, where it is sound.
    pub sound: Option<(String, usize, usize)>,
}

impl Checked {
    /// Reads and checks one policy.
    pub fn of(path: &Path) -> Self {
        let mut checked = Self {
            path: path.display().to_string(),
            faults: Vec::new(),
            warnings: Vec::new(),
            readable: true,
            sound: None,
        };
        let sources = match Policy::read(path) {
            Ok(sources) => sources,
            Err(faults) => {
                checked.readable = false;
                return checked.with(&faults);
            }
        };
        match Policy::from_sources(sources) {
            Ok(policy) => {
                checked.warnings = policy.warnings().to_vec();
                let numbers = (policy.resources().count(), policy.rules().count());
                checked.sound = Some((policy.hash().to_owned(), numbers.0, numbers.1));
                checked
            }
            Err(faults) => checked.with(&faults),
        }
    }

    fn with(mut self, faults: &Faults) -> Self {
        self.faults = faults.iter().cloned().collect();
        self.warnings = faults.warnings().to_vec();
        self
    }

    /// Faults and warnings, each with its level.
    fn found(&self) -> impl Iterator<Item = (&'static str, &Fault)> {
        let faults = self.faults.iter().map(|fault| ("error", fault));
        faults.chain(self.warnings.iter().map(|warning| ("warning", warning)))
    }
}

/// One workflow command a line: GitHub shows them beside the lines of a pull request.
pub fn checked_github(checked: &[Checked]) -> String {
    let found = checked.iter().flat_map(Checked::found);
    found.map(|(level, fault)| command(level, fault)).collect()
}

fn command(level: &str, fault: &Fault) -> String {
    let hint = fault.hint().map(|hint| format!("\n{hint}"));
    let message = format!("{}{}", fault.message(), hint.unwrap_or_default());
    let message = escape_data(&message);
    let Some(at) = fault.labels().first() else {
        return format!("::{level}::{message}\n");
    };
    let (line, column) = (at.line, at.column);
    let end = (at.length > 1).then(|| format!(",endColumn={}", column + at.length));
    format!(
        "::{level} file={},line={line},col={column}{}::{message}\n",
        escape_property(&at.file),
        end.unwrap_or_default(),
    )
}

/// What may not stand in the text of a workflow command.
fn escape_data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// What may not stand in a property of one.
fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Everything as data. `place` is null where a fault has none; lines and columns are counted from
/// 1, columns and lengths in characters.
pub fn checked_json(checked: &[Checked]) -> Value {
    let policies: Vec<Value> = checked.iter().map(policy_data).collect();
    json!({
        "sound": checked.iter().all(|checked| checked.sound.is_some()),
        "policies": policies,
    })
}

fn policy_data(checked: &Checked) -> Value {
    let (hash, resources, rules) = match &checked.sound {
        Some((hash, resources, rules)) => (Some(hash), Some(resources), Some(rules)),
        None => (None, None, None),
    };
    json!({
        "path": checked.path,
        "sound": checked.sound.is_some(),
        "readable": checked.readable,
        "hash": hash,
        "resources": resources,
        "rules": rules,
        "faults": checked.faults.iter().map(fault_data).collect::<Vec<_>>(),
        "warnings": checked.warnings.iter().map(fault_data).collect::<Vec<_>>(),
    })
}

/// One fault as data.
pub(super) fn fault_data(fault: &Fault) -> Value {
    let place = fault.place();
    json!({
        "rule": fault.rule_id(),
        "message": fault.message(),
        "hint": fault.remedy(),
        "file": place.map(|(file, _, _)| file),
        "line": place.map(|(_, line, _)| line),
        "column": place.map(|(_, _, column)| column),
        "labels": fault.labels().iter().map(label_data).collect::<Vec<_>>(),
    })
}

fn label_data(label: &Label) -> Value {
    json!({
        "file": label.file,
        "line": label.line,
        "column": label.column,
        "length": label.length,
        "text": label.text,
    })
}

/// SARIF 2.1.0, which code scanning takes.
pub fn checked_sarif(checked: &[Checked]) -> Value {
    let found: Vec<(&str, &Fault)> = checked.iter().flat_map(Checked::found).collect();
    let rules: BTreeMap<String, &str> = (found.iter())
        .map(|(_, fault)| (fault.rule_id(), fault.holds()))
        .collect();
    let ids: Vec<&String> = rules.keys().collect();
    let results: Vec<Value> = (found.iter())
        .map(|(level, fault)| {
            let id = fault.rule_id();
            let index = ids.iter().position(|known| **known == id);
            result(level, fault, index)
        })
        .collect();
    let rules: Vec<Value> = rules.iter().map(|(id, holds)| rule(id, holds)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "jit policy check",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(id: &str, holds: &str) -> Value {
    let sentence = capital(holds);
    json!({
        "id": id,
        "shortDescription": { "text": format!("{sentence}.") },
        "help": { "text": format!(
            "What must hold: {holds}. Each result says where it does not, and how to mend it."
        ) },
    })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

fn result(level: &str, fault: &Fault, rule: Option<usize>) -> Value {
    let hint = fault.hint().map(|hint| format!("\n{hint}"));
    let locations: Vec<Value> = fault.labels().iter().take(1).map(location).collect();
    let related: Vec<Value> = fault.labels().iter().skip(1).map(location).collect();
    json!({
        "ruleId": fault.rule_id(),
        "ruleIndex": rule,
        "level": level,
        "message": { "text": format!("{}{}", fault.message(), hint.unwrap_or_default()) },
        "locations": locations,
        "relatedLocations": related,
    })
}

fn location(label: &Label) -> Value {
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&label.file) },
            "region": {
                "startLine": label.line,
                "startColumn": label.column,
                "endColumn": label.column + label.length.max(1),
            },
        },
        "message": { "text": label.text },
    })
}

/// A path as a URI: relative paths stay relative.
fn uri(path: &str) -> String {
    if let Ok(url) = Url::from_file_path(path) {
        return url.into();
    }
    let Ok(mut url) = Url::parse("file:///") else {
        return path.to_owned();
    };
    if let Ok(mut segments) = url.path_segments_mut() {
        // A part `..` would be taken away with the one before it, so those go to the front.
        segments
            .clear()
            .extend(path.split('/').filter(|part| !matches!(*part, "." | "..")));
    }
    let up = "../".repeat(path.split('/').filter(|part| *part == "..").count());
    format!("{up}{}", url.path().trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Source;

    #[test]
    fn paths_become_uris() {
        for (path, wanted) in [
            ("policy/access.yaml", "policy/access.yaml"),
            ("a b/ü%.yaml", "a%20b/%C3%BC%25.yaml"),
            ("../policy/x.yaml", "../policy/x.yaml"),
            ("/etc/jit/x.yaml", "file:///etc/jit/x.yaml"),
        ] {
            assert_eq!(uri(path), wanted);
        }
    }

    #[test]
    fn workflow_commands_keep_to_one_line_each() {
        let source = Source {
            name: "a,b: 100%.yaml".to_owned(),
            text: "version: 1\nrulez: []\n\"100%\": 1\n".to_owned(),
        };
        let faults = Policy::from_sources(vec![source]).unwrap_err();
        let commands: String = faults.iter().map(|fault| command("error", fault)).collect();
        let lines: Vec<&str> = commands.lines().collect();
        assert_eq!(lines.len(), 2, "{commands}");
        assert!(
            lines[0].starts_with("::error file=a%2Cb%3A 100%25.yaml,line=2,col=1,endColumn=6::a policy file has no field `rulez`%0A"),
            "{commands}"
        );
        assert!(lines[1].contains("no field `100%25`"), "{commands}");
    }
}
