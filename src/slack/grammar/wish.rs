//! `RESOURCE [ROLE] [DURATION] [for @somebody] [from WHEN] [--break-glass] [reason…]`: what can be
//! wished for, in nearly any order. The reason is whatever is left once nothing else fits.

use std::fmt;
use std::ops::Range;

use super::when::{self, Reading, When};
use super::words::{self, Word};
use super::{FaultKind, GrammarFault, Line, looks_like_duration};
use crate::domain::{Span, duration::SpanFault};

/// Names at the head of a wish: the resource and the role.
const NAMES: usize = 2;
/// Parts that cannot be read, and are read over to learn what else was said.
const UNREAD: usize = 8;

/// What a person wishes for. Names are as they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// The resource, or the bundle.
    pub resource: String,
    /// In which role.
    pub role: Option<String>,
    /// For how long; none for what the rule has as its default.
    pub duration: Option<Span>,
    /// For whom, as a Slack user id; none for oneself.
    pub holder: Option<String>,
    /// From when on; none for at once.
    pub start: Option<When>,
    /// Whether it is break-glass.
    pub break_glass: bool,
    /// Why; empty if nothing was said.
    pub reason: String,
    /// The reason, should the second word be no role but its beginning. Only where nothing stands
    /// between the two.
    pub loose_reason: Option<String>,
}

/// What was found at the head of some words.
#[derive(Default)]
struct Head {
    names: Vec<String>,
    wish: Wish,
    /// Where the role stands, while nothing but the reason has followed it.
    role_at: Option<usize>,
    /// Where the reason begins.
    end: usize,
}

/// What cannot be read, in which words, and what could be typed instead.
struct Amiss {
    kind: FaultKind,
    example: String,
    words: Range<usize>,
}

/// One part of a wish that is introduced by a word of its own.
enum Part {
    Holder(String),
    Start(When),
    /// Says what is so anyway: for oneself, from now on.
    Plain,
}

impl Line<'_> {
    /// Reads a wish.
    pub(super) fn wish(self, verb: &str) -> Result<Wish, GrammarFault> {
        let fault = match self.headed(verb) {
            Ok(head) if head.names.is_empty() => self.no_resource(verb),
            Ok(head) => return Ok(self.wished(head)),
            Err(Amiss { kind, example, .. }) => GrammarFault::new(kind, example),
        };
        let read = match verb {
            "request" | "break-glass" => self.read_all_the_same(verb),
            _ => Vec::new(),
        };
        Err(GrammarFault { read, ..fault })
    }

    /// What such a line says apart from what cannot be read.
    fn read_all_the_same(self, verb: &str) -> Vec<Wish> {
        let mut words = self.words.to_vec();
        for _ in 0..UNREAD {
            let line = Line {
                words: &words,
                ..self
            };
            match line.headed(verb) {
                Ok(head) if head.names.is_empty() => return line.nameless(verb, head),
                Ok(head) => return vec![line.wished(head)],
                Err(amiss) => drop(words.drain(amiss.words)),
            }
        }
        Vec::new()
    }

    /// Where no resource comes before the duration: maybe one follows it, maybe the reason does.
    fn nameless(self, verb: &str, head: Head) -> Vec<Wish> {
        let after = Line {
            words: self.words.get(head.end..).unwrap_or_default(),
            ..self
        };
        let nameless = self.wished(head);
        let named = after.headed(verb).ok();
        let named = named.filter(|head| !head.names.is_empty()).map(|head| {
            let named = after.wished(head);
            Wish {
                duration: nameless.duration.or(named.duration),
                holder: nameless.holder.clone().or(named.holder),
                start: nameless.start.or(named.start),
                ..named
            }
        });
        named.into_iter().chain([nameless]).collect()
    }

    fn headed(self, verb: &str) -> Result<Head, Amiss> {
        match self.head(verb, true) {
            Ok(head) if head.wish.duration.is_some() => Ok(head),
            _ => self.head(verb, false),
        }
    }

    fn wished(self, mut head: Head) -> Wish {
        let mut names = head.names.into_iter();
        let resource = names.next().unwrap_or_default();
        head.wish.reason = self.rest(head.end);
        // A single word is a mistyped role rather than a reason, unless it looks like a ticket.
        let loose = head.role_at.map(|at| self.rest(at)).filter(|said| {
            let ticket = said.contains('-') && said.ends_with(|c: char| c.is_ascii_digit());
            ticket || !head.wish.reason.is_empty()
        });
        Wish {
            resource,
            role: names.next(),
            loose_reason: loose,
            break_glass: self.break_glass,
            ..head.wish
        }
    }

    /// Whether this reads as a wish with a duration.
    pub(super) fn has_duration(self) -> bool {
        let head = self.head("request", true);
        head.is_ok_and(|head| head.wish.duration.is_some() && !head.names.is_empty())
    }

    /// Everything before the reason. `eager` reads over joining words in search of a duration;
    /// without one, such a word after a name begins the reason.
    fn head(self, verb: &str, eager: bool) -> Result<Head, Amiss> {
        let mut head = Head::default();
        while let Some(word) = self.words.get(head.end) {
            let at = head.end;
            if let Some((part, count)) = self.part(verb, &head, at)? {
                head.take(part);
                head.end += count;
            } else if let Some((span, count)) = self.span(verb, &head, at)? {
                head.wish.duration = Some(span);
                head.role_at = None;
                head.end += count;
            } else if head.wish.duration.is_some() {
                break;
            } else if word.is_filler() {
                if !eager && head.ends_at(word) {
                    break;
                }
                head.end += 1;
            } else if head.names.len() < NAMES && !self.is_reason(&head, at, eager) {
                head.role_at = (!head.names.is_empty()).then_some(at);
                head.names.push(word.bare.clone());
                head.end += 1;
            } else {
                break;
            }
        }
        Ok(head)
    }

    /// Whether the reason begins at that word, since a colon has closed the names.
    fn is_reason(self, head: &Head, at: usize, eager: bool) -> bool {
        !eager && !head.names.is_empty() && self.words[at - 1].colon
    }

    fn span(self, verb: &str, head: &Head, at: usize) -> Result<Option<(Span, usize)>, Amiss> {
        if head.wish.duration.is_some() {
            return Ok(None);
        }
        let Some((read, count)) = words::duration(&self.words[at..]) else {
            return self.no_span(verb, head, at).map_or(Ok(None), Err);
        };
        let kind = match read {
            Ok(span) => return Ok(Some((span, count))),
            Err(SpanFault::Zero) => FaultKind::DurationZero,
            Err(_) => FaultKind::DurationTooLong(self.shown(at..at + count)),
        };
        Err(Amiss {
            kind,
            example: self.example(verb, at),
            words: at..at + count,
        })
    }

    /// What to say of a word in the place of a duration that is none; nothing where it may be
    /// something else.
    fn no_span(self, verb: &str, head: &Head, at: usize) -> Option<Amiss> {
        let word = &self.words[at];
        let names = &self.words[at + 1..];
        // `request db 2nd 1h`: a role, since the duration follows.
        let is_role = head.names.len() < NAMES && words::duration(names).is_some();
        if head.names.is_empty() || is_role || !looks_like_duration(&word.bare) {
            return None;
        }
        let kind = if word.bare.chars().all(|c| c.is_ascii_digit()) {
            FaultKind::UnitMissing(word.bare.clone())
        } else {
            FaultKind::DurationUnclear(word.bare.clone())
        };
        Some(Amiss {
            kind,
            example: self.example(verb, at),
            words: at..at + 1,
        })
    }

    /// A part that is introduced by a word of its own, and how many words it takes.
    fn part(self, verb: &str, head: &Head, at: usize) -> Result<Option<(Part, usize)>, Amiss> {
        if head.wish.holder.is_none()
            && let Some(found) = self.holder(verb, head, at)?
        {
            return Ok(Some(found));
        }
        if head.wish.start.is_some() {
            return Ok(None);
        }
        self.start(verb, at)
    }

    fn holder(self, verb: &str, head: &Head, at: usize) -> Result<Option<(Part, usize)>, Amiss> {
        let words = &self.words[at..];
        let lower: Vec<String> = words.iter().take(4).map(Word::lower).collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        let said = match lower.as_slice() {
            ["on", "behalf", "of", ..] => 3,
            ["for", "me" | "myself", ..] => return Ok(Some((Part::Plain, 2))),
            ["for", ..] => 1,
            // `request @dana staging-db 1h`: nobody's name is a resource.
            _ if head.names.len() < NAMES && head.wish.duration.is_none() => 0,
            _ => return Ok(None),
        };
        let Some(who) = words.get(said).filter(|word| word.bare.starts_with('@')) else {
            return Ok(None);
        };
        match self.mentions.get(&who.lower()) {
            Some(user) => Ok(Some((Part::Holder(user.clone()), said + 1))),
            None if said == 0 => Ok(None),
            None => {
                let kind = FaultKind::WhoUnclear(who.bare.clone());
                let example = format!("/jit {verb} {} 1h for @dana", self.named());
                Err(Amiss {
                    kind,
                    example,
                    words: at..at + said + 1,
                })
            }
        }
    }

    fn start(self, verb: &str, at: usize) -> Result<Option<(Part, usize)>, Amiss> {
        let words = &self.words[at..];
        let after = words.get(1..).unwrap_or_default();
        let first = words.first().map(Word::lower).unwrap_or_default();
        let (reading, count) = match (first.as_str(), when::read(after)) {
            ("in", _) => {
                let read = words::duration(after);
                let span = read.and_then(|(span, count)| Some((span.ok()?, count)));
                return Ok(span.map(|(span, count)| (Part::Start(When::In(span)), count + 1)));
            }
            ("from" | "starting" | "beginning", Some(found))
            | ("at" | "on", Some(found @ (Reading::Then(_), _))) => found,
            _ => return Ok(None),
        };
        let kind = match reading {
            Reading::Now => return Ok(Some((Part::Plain, count + 1))),
            Reading::Then(when) => return Ok(Some((Part::Start(when), count + 1))),
            Reading::NoTime => FaultKind::StartTimeMissing(after[0].bare.clone()),
            Reading::Unclear => FaultKind::StartUnclear(after[0].bare.clone()),
        };
        let when = match kind {
            FaultKind::StartTimeMissing(ref day) => format!("{day} 9:00"),
            _ => "22:00".to_owned(),
        };
        let example = format!("/jit {verb} {} 1h from {when}", self.named());
        Err(Amiss {
            kind,
            example,
            words: at..at + 1 + count,
        })
    }

    /// The resource, for an example.
    fn named(&self) -> &str {
        let mut names = self.telling().map(|(_, word)| word.bare.as_str());
        let name = names.next();
        name.filter(|name| !name.starts_with('@') && *name != "from")
            .unwrap_or("staging-db")
    }

    /// What to say where nothing was named: with the name, should one follow the duration.
    fn no_resource(self, verb: &str) -> GrammarFault {
        let first = self.telling().next().map_or(0, |(at, _)| at);
        let typed = words::duration(self.words.get(first..).unwrap_or_default());
        let count = typed.map_or(0, |(_, count)| count);
        let after = Line {
            words: self.words.get(first + count..).unwrap_or_default(),
            ..self
        };
        let name = after.telling().next();
        let name = name.map_or("staging-db", |(_, word)| word.bare.as_str());
        let example = if count == 0 {
            format!("/jit {verb} staging-db 1h")
        } else {
            format!("/jit {verb} {name} {}", self.shown(first..first + count))
        };
        GrammarFault::new(FaultKind::ResourceMissing, example)
    }
}

impl Head {
    /// Whether a joining word begins the reason.
    fn ends_at(&self, word: &Word) -> bool {
        match self.names.len() {
            0 => false,
            NAMES => word.lower() != "access",
            _ => !word.leads_to_a_role(),
        }
    }

    fn take(&mut self, part: Part) {
        self.role_at = None;
        match part {
            Part::Holder(user) => self.wish.holder = Some(user),
            Part::Start(when) => self.wish.start = Some(when),
            Part::Plain => {}
        }
    }
}

/// As it would be typed after the verb.
impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = vec![self.resource.clone()];
        parts.extend(self.role.clone());
        parts.extend(self.duration.map(|span| span.to_string()));
        parts.extend(self.holder.as_ref().map(|user| format!("for <@{user}>")));
        parts.extend(self.start.map(|start| start.to_string()));
        parts.extend(self.break_glass.then(|| "--break-glass".to_owned()));
        parts.push(self.reason.clone());
        f.write_str(parts.join(" ").trim_end())
    }
}
