//! What is wrong with a policy: where, what, and how to mend it. All faults are told at once.

use std::fmt;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};

pub(super) use super::log::Log;
use super::shown::{Hidden, Lines, Shown};

/// How many lines two places may be apart to be shown in one picture.
const AT_ONE_GLANCE: usize = 8;
/// How many bytes, where lines are long.
const WITHIN_REACH: usize = 2_000;
/// How many bytes a caret underlines at the most.
const LONGEST_CARET: usize = 200;
/// How many faults are drawn; the others have a line each.
const MOST_DRAWN: usize = 100;
/// The longest text of a fault, in bytes.
const LONGEST_TEXT: usize = 2_000;

/// One file of a policy, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file's name as it is shown in messages.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// A place in the policy: bytes of one of its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Which file, counted in the order of the sources.
    pub(super) file: usize,
    /// The first byte.
    pub(super) start: usize,
    /// How many bytes.
    pub(super) len: usize,
}

/// A value and where it is written.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    /// The value.
    pub(super) value: T,
    /// Where it is written.
    pub(super) at: Place,
}

impl<T> At<T> {
    /// Another value at the same place.
    pub(super) fn with<U>(&self, value: U) -> At<U> {
        At { value, at: self.at }
    }
}

/// A fault while it is being described; [`Faults`] adds the sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    message: String,
    labels: Vec<(Place, String)>,
    hint: Option<String>,
    /// The sentence that does not hold; none while nobody has said which.
    holds: Option<&'static str>,
}

/// What does not hold where a file cannot be read into the parts of a policy.
const FORM: &str = "a file has the form that its reader knows";

impl Finding {
    /// A fault at a place. The label stands under the caret.
    pub(super) fn new(at: Place, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            labels: vec![(at, label.into())],
            hint: None,
            holds: None,
        }
    }

    /// A fault that has no place, such as a file that cannot be read.
    pub(super) fn nowhere(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            labels: Vec::new(),
            hint: None,
            holds: None,
        }
    }

    /// Points at a second place as well.
    pub(super) fn and(mut self, at: Place, label: impl Into<String>) -> Self {
        self.labels.push((at, label.into()));
        self
    }

    /// Says how to mend it.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Names the sentence that does not hold, unless that was done.
    pub(super) fn or_against(mut self, holds: Option<&'static str>) -> Self {
        self.holds = self.holds.or(holds);
        self
    }

    /// Names the sentence that does not hold.
    pub(super) fn against(mut self, holds: &'static str) -> Self {
        self.holds = Some(holds);
        self
    }

    /// Whether people would read the same.
    fn reads_like(&self, other: &Self) -> bool {
        (&self.message, &self.labels, &self.hint) == (&other.message, &other.labels, &other.hint)
    }

    /// The same with so many bytes in each of its texts, whatever names are in it. Only what is masked
    /// may be cut to what is shown: half of a secret is not found any more.
    pub(super) fn shortened(mut self, most: usize) -> Self {
        let labels = self.labels.iter_mut().map(|(_, label)| label);
        let texts = labels.chain([&mut self.message]).chain(self.hint.as_mut());
        for text in texts.filter(|text| text.len() > most) {
            text.truncate(text.floor_char_boundary(most));
            text.push('…');
        }
        self
    }

    /// The same without a secret in any of its words.
    fn masked(mut self, masked: &Hidden) -> Self {
        let labels = self.labels.iter_mut().map(|(_, label)| label);
        let texts = labels.chain([&mut self.message]).chain(self.hint.as_mut());
        texts.for_each(|text| masked.hide(text));
        self
    }
}

/// One fault, complete with its source: what is wrong, where, and how to mend it.
#[derive(Clone, Debug)]
pub struct Fault {
    message: String,
    labels: Vec<LabeledSpan>,
    hint: Option<String>,
    /// How to mend it alone, without the places that the picture does not show.
    remedy: Option<String>,
    source: Option<Lines>,
    places: Vec<Label>,
    holds: &'static str,
}

/// A place that a fault points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The file, as its source is named.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// How many characters, all of them in that line.
    pub length: usize,
    /// What stands under the caret.
    pub text: String,
}

impl Fault {
    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How to mend it, where that is known.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// File, line and column (both counted from 1), where the fault has a place.
    pub fn place(&self) -> Option<(&str, usize, usize)> {
        let first = self.places.first()?;
        Some((&first.file, first.line, first.column))
    }

    /// Every place it points at, the most telling first; none where it has no place.
    pub fn labels(&self) -> &[Label] {
        &self.places
    }

    /// How to mend it, without the other places, which [`Fault::labels`] has.
    pub fn remedy(&self) -> Option<&str> {
        self.remedy.as_deref()
    }

    /// The sentence that holds of every policy without this fault.
    pub fn holds(&self) -> &'static str {
        self.holds
    }

    /// A name for the kind of fault, made of the sentence: `names-are-given-once`.
    pub fn rule_id(&self) -> String {
        let words = self.holds.split(|c: char| !c.is_ascii_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        words.join("-").to_lowercase()
    }

    /// One line: `file:line:column: what is wrong (how to mend it)`.
    pub fn line(&self) -> String {
        let place = self.place();
        let place = place.map(|(file, line, column)| format!("{file}:{line}:{column}: "));
        let hint = self.hint.as_ref().map(|hint| format!(" ({hint})"));
        let hint = hint.unwrap_or_default().replace('\n', "; ");
        format!("{}{}{hint}", place.unwrap_or_default(), self.message)
    }

    /// The picture for people, for a warning: the line, a caret and the hint.
    pub fn render(&self, color: bool) -> String {
        draw(self, color)
    }

    pub(super) fn new(finding: Finding, sources: &[Shown], masked: &Hidden) -> Self {
        let finding = finding.masked(masked).shortened(LONGEST_TEXT);
        let first = finding.labels.first().map(|(at, _)| *at);
        let home = first.and_then(|at| sources.get(at.file));
        // A picture of both places only helps where they can be seen at one glance.
        let is_near = |at: &Place| {
            let line = |at: &Place| home.map_or(0, |home| home.position(*at).line);
            first.is_some_and(|first| {
                first.file == at.file
                    && first.start.abs_diff(at.start) <= WITHIN_REACH
                    && line(&first).abs_diff(line(at)) <= AT_ONE_GLANCE
            })
        };
        let places = (finding.labels.iter())
            .filter_map(|(at, text)| Some(label(sources.get(at.file)?, *at, text)))
            .collect();
        let (near, far): (Vec<_>, Vec<_>) =
            (finding.labels.into_iter()).partition(|(at, _)| is_near(at));
        let elsewhere = far.iter().filter_map(|(at, label)| {
            let position = sources.get(at.file)?.position(*at);
            Some(format!("{label}: {position}"))
        });
        let hints: Vec<String> = elsewhere.chain(finding.hint.clone()).collect();
        Self {
            message: finding.message,
            labels: (near.into_iter().enumerate())
                .map(|(index, (at, label))| {
                    let at = home.map_or(at, |home| home.cut(at, LONGEST_CARET));
                    labelled(index == 0, at, label)
                })
                .collect(),
            hint: (!hints.is_empty()).then(|| hints.join("\n")),
            remedy: finding.hint,
            source: home.map(Shown::lines),
            places,
            holds: finding.holds.unwrap_or(FORM),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl miette::Diagnostic for Fault {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let hint = self.hint.as_ref()?;
        Some(Box::new(hint))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

fn label(source: &Shown, at: Place, text: &str) -> Label {
    let position = source.position(at);
    Label {
        length: source.characters(at),
        file: position.file,
        line: position.line,
        column: position.column,
        text: text.to_owned(),
    }
}

/// The picture of one fault.
fn draw(fault: &Fault, color: bool) -> String {
    let theme = if color {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_context_lines(1)
        .with_width(100);
    let mut picture = String::new();
    match handler.render_report(&mut picture, fault) {
        Ok(()) => picture,
        Err(fmt::Error) => fault.line(),
    }
}

fn labelled(first: bool, at: Place, label: String) -> LabeledSpan {
    if first {
        LabeledSpan::new_primary_with_span(Some(label), (at.start, at.len))
    } else {
        LabeledSpan::new(Some(label), at.start, at.len)
    }
}

/// Everything that is wrong with a policy, in the order of the files. Never empty.
#[derive(Clone, Debug)]
pub struct Faults {
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl Faults {
    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "there is always at least one")]
    pub fn len(&self) -> usize {
        self.faults.len()
    }

    /// The faults one by one, in the order of the files.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter()
    }

    /// What is probably not meant, though nothing forbids it, beside the faults.
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// The report for people: every fault with its line, a caret and a hint, and the count last.
    /// Secrets that were written in clear are masked.
    pub fn render(&self, color: bool) -> String {
        let mut report = Self::render_all(&self.faults, color);
        report.push_str(&self.count());
        report.push('\n');
        report
    }

    /// The pictures of faults, one below the other, without the count. Where there are very many, the
    /// later ones have a line each.
    pub fn render_all<'a>(faults: impl IntoIterator<Item = &'a Fault>, color: bool) -> String {
        let faults = faults.into_iter().enumerate();
        let told = faults.map(|(number, fault)| {
            let told = if number < MOST_DRAWN {
                draw(fault, color)
            } else {
                fault.line()
            };
            told + "\n"
        });
        told.collect()
    }

    fn count(&self) -> String {
        match self.faults.len() {
            1 => "1 fault: the policy was not loaded.".to_owned(),
            many => format!("{many} faults: the policy was not loaded."),
        }
    }

    /// These faults, of which there is one at least, and these warnings.
    pub(super) fn of(faults: Vec<Fault>, warnings: Vec<Fault>) -> Self {
        Self { faults, warnings }
    }

    /// Joins findings with their sources. Equal findings are told once.
    pub(super) fn new(findings: Vec<Finding>, sources: &[Source], masked: &Hidden) -> Self {
        Self {
            faults: complete(findings, sources, masked),
            warnings: Vec::new(),
        }
    }
}

/// Findings with their sources, in the order of the files.
pub(super) fn complete(
    mut findings: Vec<Finding>,
    sources: &[Source],
    masked: &Hidden,
) -> Vec<Fault> {
    if findings.is_empty() {
        return Vec::new();
    }
    let shown: Vec<Shown> = (sources.iter().enumerate())
        .map(|(file, source)| Shown::new(file, source, masked))
        .collect();
    findings.sort_by_key(|finding| finding.labels.first().map(|(at, _)| *at));
    findings.dedup_by(|later, earlier| later.reads_like(earlier));
    (findings.into_iter())
        .map(|finding| Fault::new(finding, &shown, masked))
        .collect()
}

/// One line a fault, `file:line:column: what is wrong (how to mend it)`, and the count last.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.faults {
            writeln!(f, "{}", fault.line())?;
        }
        f.write_str(&self.count())
    }
}

impl std::error::Error for Faults {}

impl miette::Diagnostic for Faults {
    fn related(&self) -> Option<Box<dyn Iterator<Item = &dyn miette::Diagnostic> + '_>> {
        Some(Box::new(
            self.faults
                .iter()
                .map(|fault| fault as &dyn miette::Diagnostic),
        ))
    }
}
