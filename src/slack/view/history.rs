//! What was asked for and what became of it: the newest page in a message, and all of it as a file.

use chrono::{DateTime, Utc};

use super::content::{button_of, buttons, context, pages_of, section};
use super::text::{button as on, history as words, label};
use super::{Content, Faces, ids};
use crate::domain::{GroupName, Request, Search};

/// Requests on one page.
pub const PAGE: usize = 12;
/// Sections of one page: no line fills one.
const SECTIONS: usize = PAGE;

/// A page of the past.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    /// What was looked for.
    pub search: &'a Search,
    /// The requests, newest first, each with a link to its card where there is one.
    pub requests: &'a [(Request, Option<String>)],
    /// Whose it is.
    pub whose: Whose<'a>,
    /// The id of this page, for its buttons.
    pub id: String,
    /// Whether there is something older.
    pub older: bool,
    /// Whether this is the first page.
    pub first: bool,
}

/// Whose requests somebody sees, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose<'a> {
    /// Their own, as they wanted.
    Own,
    /// Their own, since only these see those of others.
    OwnOnly(&'a [GroupName]),
    /// Those of others, as an auditor.
    Others,
}

/// One page, with buttons for what is older and for all of it as a file.
pub fn page(page: &Page<'_>, faces: &Faces, now: DateTime<Utc>) -> Content {
    let own = page.whose != Whose::Others;
    let head = words::head(page.search, own, faces);
    let mut blocks = Vec::new();
    if let Whose::OwnOnly(auditors) = page.whose {
        blocks.push(section(&words::own_only(auditors)));
    }
    blocks.push(section(&head));
    let lines = page.requests.iter();
    let lines = lines.map(|(request, link)| words::line(request, link.as_deref(), faces, now));
    let mut lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        let nothing = if page.first {
            words::NOTHING
        } else {
            words::NOTHING_OLDER
        };
        lines.push(nothing.to_owned());
    }
    blocks.extend(pages_of(&lines, SECTIONS));
    let mut row = Vec::new();
    if page.older {
        row.push(button_of(
            ids::HISTORY_OLDER,
            &page.id,
            on::OLDER,
            label::OLDER,
        ));
    }
    if !page.requests.is_empty() {
        let all = (on::AS_FILE, label::AS_FILE);
        row.push(button_of(ids::HISTORY_FILE, &page.id, all.0, all.1));
    }
    if !row.is_empty() {
        blocks.push(buttons(row));
    }
    if page.whose == Whose::Others {
        blocks.push(context(words::ON_RECORD));
    }
    if page.first {
        blocks.push(context(words::HINT));
    }
    Content::new(&format!("{head}: {}", lines.join("; ")), &blocks)
}

/// All of it as lines of a file: cells are quoted where they have to be, and none is read as a
/// formula by whatever opens it.
pub fn csv(requests: &[(Request, Option<String>)], faces: &Faces) -> String {
    let mut file = row(&words::COLUMNS.map(str::to_owned));
    for (request, link) in requests {
        file.push_str(&row(&words::row(request, link.as_deref(), faces)));
    }
    file
}

fn row(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| self::cell(cell)).collect();
    cells.join(",") + "\r\n"
}

/// A cell. A spreadsheet would carry out what begins like a formula, so such text gets a quote sign in
/// front, which it shows as text.
fn cell(text: &str) -> String {
    let begins = text.trim_start_matches([' ', '\u{a0}']);
    let formula =
        begins.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains(['"', ',', ';', '\n', '\r', '\t']) || text.starts_with('\'') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slack::view::samples::{any_faces, any_request, faces, now, states};
    use crate::slack::view::{extremes, lint, samples};
    use proptest::prelude::*;

    const LINK: &str = "https://example.slack.com/archives/C1/p1?a=1&b=2";

    fn shown(
        requests: &[(Request, Option<String>)],
        whose: Whose<'_>,
        search: &Search,
    ) -> Page<'static> {
        Page {
            search: Box::leak(Box::new(search.clone())),
            requests: Box::leak(requests.to_vec().into_boxed_slice()),
            whose: match whose {
                Whose::OwnOnly(_) => Whose::OwnOnly(&[]),
                Whose::Own => Whose::Own,
                Whose::Others => Whose::Others,
            },
            id: "0192f0c1-0000-7000-8000-000000000000".to_owned(),
            older: true,
            first: true,
        }
    }

    #[test]
    fn a_page_of_every_state() {
        let all = states().into_iter().chain(samples::meanings());
        let all: Vec<_> = all
            .map(|(_, request)| (request, Some(LINK.to_owned())))
            .collect();
        let lines: Vec<String> = all
            .chunks(PAGE)
            .map(|chunk| {
                let page = shown(chunk, Whose::Others, &Search::default());
                lint::show(&super::page(&page, &faces(), now()))
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn what_is_no_auditors_is_said_kindly() {
        let search = Search {
            people: [samples::dana()].into(),
            resource: Some("staging-db".to_owned()),
            channel: vec!["C0ACCESS".to_owned()],
            from: Some(now()),
            until: Some(now()),
            fate: Some(crate::domain::Fate::Denied),
            number: Some(42),
        };
        let mut page = shown(&[], Whose::Own, &search);
        let auditors = [GroupName::new("audit")];
        page.whose = Whose::OwnOnly(&auditors);
        page.older = false;
        insta::assert_snapshot!(lint::show(&super::page(&page, &faces(), now())));
    }

    #[test]
    fn no_cell_is_read_as_a_formula() {
        for (text, cell) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "\"'=1+1\""),
            ("+49", "\"'+49\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("  =cmd|'/c calc'!A0", "\"'  =cmd|'/c calc'!A0\""),
            ("\t=1", "\"'\t=1\""),
            ("'quoted", "\"'quoted\""),
        ] {
            assert_eq!(super::cell(text), cell);
        }
    }

    #[test]
    fn a_file_has_a_row_for_each_request() {
        let all: Vec<_> = states()
            .into_iter()
            .map(|(_, request)| (request, None))
            .collect();
        insta::assert_snapshot!(csv(&all, &faces()));
    }

    #[test]
    fn a_page_holds_with_nothing_one_and_as_many_as_there_can_be() {
        for (_, words) in extremes::texts() {
            let faces = extremes::faces_named(&extremes::cut(&words, 200));
            let every = states().into_iter().cycle();
            let every = every.map(|(_, base)| {
                let request = extremes::largest(&base, &words);
                (request, Some(LINK.to_owned()))
            });
            let search = Search {
                resource: Some(words.clone()),
                channel: vec![words.clone()],
                ..Search::default()
            };
            for count in [0, 1, PAGE] {
                let requests: Vec<_> = every.clone().take(count).collect();
                for whose in [Whose::Own, Whose::OwnOnly(&[]), Whose::Others] {
                    let page = shown(&requests, whose, &search);
                    lint::message(&super::page(&page, &faces, now()));
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 32, ..ProptestConfig::default() })]

        #[test]
        fn no_page_breaks_a_limit(
            requests in proptest::collection::vec(any_request(), 0..=PAGE),
            faces in any_faces(),
        ) {
            let requests: Vec<_> = requests.into_iter().map(|one| (one, Some(LINK.to_owned()))).collect();
            for whose in [Whose::Own, Whose::OwnOnly(&[]), Whose::Others] {
                let page = shown(&requests, whose, &Search::default());
                let content = super::page(&page, &faces, now());
                lint::message(&content);
                let counted = |block: &serde_json::Value| {
                    block["type"] == "context" && block.to_string().contains("\"… and ")
                };
                prop_assert!(!content.blocks.iter().any(counted));
            }
        }

        #[test]
        fn every_cell_is_read_back_as_what_it_holds(text in "\\PC*") {
            let cell = super::cell(&text);
            let read = cell.strip_prefix('"').and_then(|inner| inner.strip_suffix('"'));
            let read = read.map_or(cell.clone(), |inner| inner.replace("\"\"", "\""));
            let harmless = format!("'{text}");
            prop_assert!(read == text || read == harmless);
            prop_assert!(!read.trim_start().starts_with(['=', '+', '-', '@']));
        }
    }
}
