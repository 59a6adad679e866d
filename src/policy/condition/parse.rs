//! From text to an expression whose every part knows where it is written.
//!
//! The library's parser is bounded and does not panic as far as is known, but it keeps no places;
//! they are found by walking the expression and the tokens in step.

use std::collections::HashMap;
use std::panic::catch_unwind;

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, operators};
use cel::parser::PrattParser;
use cel::parser::pratt_parser::{Lexer, Token, TokenKind};

use super::ConditionFault;
use super::loops::Loop;

/// The longest condition, in bytes.
pub(super) const LONGEST: usize = 4096;
/// The most words and signs of a condition.
pub(super) const MOST_TOKENS: usize = 1000;
/// How deep brackets may be nested while the text is read.
const DEEPEST_BRACKETS: u16 = 48;
/// How deep the expression may be: evaluation goes down as deep on the stack.
pub(super) const DEEPEST: usize = 64;

/// A part of the text: first byte, and the byte after the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Range {
    fn to(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

/// An expression and the places of its parts.
pub(super) struct Parsed {
    pub(super) root: IdedExpr,
    pub(super) places: Places,
}

/// Where each part of an expression is written.
#[derive(Default)]
pub(super) struct Places {
    wholes: HashMap<u64, Range>,
    words: HashMap<u64, Range>,
}

impl Places {
    /// The whole of an expression.
    pub(super) fn whole(&self, expr: &IdedExpr) -> Range {
        self.wholes.get(&expr.id).copied().unwrap_or_default()
    }

    /// The field or function that the expression names, else the whole of it.
    pub(super) fn word(&self, expr: &IdedExpr) -> Range {
        let word = self.words.get(&expr.id).copied();
        word.unwrap_or_else(|| self.whole(expr))
    }
}

/// Reads a condition within the bounds.
pub(super) fn parse(text: &str) -> Result<Parsed, ConditionFault> {
    let all = Range {
        start: 0,
        end: text.len(),
    };
    if text.len() > LONGEST {
        let message = format!("the condition is longer than {LONGEST} bytes");
        return Err(too_much(all, message));
    }
    if text.trim().is_empty() {
        let fault = ConditionFault::new(all, "the condition is empty", "nothing here");
        return Err(fault.hint("leave `when` out where it should always hold"));
    }
    let tokens = tokens(text);
    if tokens.len() > MOST_TOKENS {
        let message = format!("the condition has more than {MOST_TOKENS} words and signs");
        return Err(too_much(all, message));
    }
    let root = parsed(text, &tokens)?;
    if depth(&root) > DEEPEST {
        return Err(too_much(all, "the condition is nested too deeply".into()));
    }
    let places = Placer::new(&tokens).run(&root);
    Ok(Parsed { root, places })
}

fn too_much(at: Range, message: String) -> ConditionFault {
    ConditionFault::new(at, message, "too much").hint("split it over several rules")
}

/// The words and signs of the text, without blanks and comments.
fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer::new(text);
    let mut tokens = Vec::new();
    loop {
        let token = lexer.lex();
        match token.kind {
            TokenKind::TokEnd => return tokens,
            TokenKind::TokWhitespace | TokenKind::TokComment => {}
            // A text so long is refused; the rest of it need not be looked at.
            _ if tokens.len() > MOST_TOKENS => return tokens,
            _ => tokens.push(token),
        }
    }
}

fn parsed(text: &str, tokens: &[Token]) -> Result<IdedExpr, ConditionFault> {
    let read = || {
        PrattParser::new()
            .max_recursion_depth(DEEPEST_BRACKETS)
            .max_expression_node_count(MOST_TOKENS * 8)
            .parse(text)
    };
    // A parser that gives up in its own way must not take the process with it.
    match catch_unwind(read) {
        Ok(Ok(root)) => Ok(root),
        Ok(Err(errors)) => {
            let first = errors.errors.first();
            let (pos, message) = first.map_or(((0, 0), ""), |first| (first.pos, &first.msg));
            Err(syntax(text, tokens, pos, message))
        }
        Err(_) => Err(syntax(text, tokens, (0, 0), "it cannot be read")),
    }
}

fn syntax(text: &str, tokens: &[Token], pos: (isize, isize), message: &str) -> ConditionFault {
    let at = place(text, tokens, pos);
    let fault = ConditionFault::new(at, "this is not a CEL expression", plain(message));
    match mistake(text, tokens, at, message) {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}

/// What the parser says, in fewer words.
fn plain(message: &str) -> String {
    let message = message.trim_start_matches("Syntax error: ");
    let message = message
        .replace("'<EOF>'", "the end")
        .replace("<EOF>", "the end");
    match message.strip_prefix("mismatched input ") {
        Some(found) => format!("found {}", found.replace(" expecting ", ", expected ")),
        None => message,
    }
}

/// The token at a line and column, both counted from 1; the whole text where there is none.
fn place(text: &str, tokens: &[Token], (line, column): (isize, isize)) -> Range {
    let (Ok(line @ 1..), Ok(column @ 1..)) = (usize::try_from(line), usize::try_from(column))
    else {
        return Range {
            start: 0,
            end: text.len(),
        };
    };
    let before: usize = (text.split_inclusive('\n').take(line - 1))
        .map(str::len)
        .sum();
    let mut start = (before + column - 1).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let token = tokens.iter().find(|token| token.start == start);
    let next = text[start..].chars().next().map_or(0, char::len_utf8);
    let mut end = token.map_or(start + next, |token| token.end.max(start + next));
    while !text.is_char_boundary(end) {
        end += 1;
    }
    Range { start, end }
}

/// What people coming from other languages write.
fn mistake(text: &str, tokens: &[Token], at: Range, message: &str) -> Option<&'static str> {
    let word = text.get(at.start..at.end).unwrap_or_default();
    let hint = match word {
        "=" => "equality is written `==`",
        "and" | "AND" | "&" => "“and” is written `&&`",
        "or" | "OR" | "|" => "“or” is written `||`",
        "not" | "NOT" => "“not” is written `!`",
        _ if message.contains("has()") => "write `has(resource.labels.env)`",
        "is" => "equality is written `==`",
        _ if tokens.iter().any(|token| token.kind == TokenKind::TokEqual) => {
            "equality is written `==`"
        }
        _ => return None,
    };
    Some(hint)
}

/// How deep the expression is. The number of tokens bounds it, so that this may go down itself.
fn depth(expr: &IdedExpr) -> usize {
    let mut deepest = 0;
    children(expr, &mut |child| deepest = deepest.max(depth(child)));
    deepest + 1
}

/// Every direct part of an expression, those that macros made included.
pub(super) fn children<'e>(expr: &'e IdedExpr, visit: &mut dyn FnMut(&'e IdedExpr)) {
    match &expr.expr {
        Expr::Call(call) => {
            call.target.as_deref().into_iter().for_each(&mut *visit);
            call.args.iter().for_each(visit);
        }
        Expr::Comprehension(loops) => {
            let parts = [&loops.iter_range, &loops.accu_init, &loops.loop_cond];
            let rest = [&loops.loop_step, &loops.result];
            parts.into_iter().chain(rest).for_each(visit);
        }
        Expr::List(list) => list.elements.iter().for_each(visit),
        Expr::Map(map) => map
            .entries
            .iter()
            .for_each(|entry| entries(&entry.expr, visit)),
        Expr::Struct(made) => (made.entries.iter()).for_each(|entry| entries(&entry.expr, visit)),
        Expr::Select(select) => visit(&select.operand),
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
    }
}

fn entries<'e>(entry: &'e EntryExpr, visit: &mut dyn FnMut(&'e IdedExpr)) {
    match entry {
        EntryExpr::StructField(field) => visit(&field.value),
        EntryExpr::MapEntry(entry) => {
            visit(&entry.key);
            visit(&entry.value);
        }
    }
}

/// Walks expression and tokens in step: both are in the order of the text.
struct Placer<'t> {
    tokens: std::slice::Iter<'t, Token>,
    places: Places,
}

impl<'t> Placer<'t> {
    fn new(tokens: &'t [Token]) -> Self {
        Self {
            tokens: tokens.iter(),
            places: Places::default(),
        }
    }

    fn run(mut self, root: &IdedExpr) -> Places {
        self.place(root);
        self.places
    }

    fn place(&mut self, expr: &IdedExpr) -> Range {
        let range = match &expr.expr {
            Expr::Ident(_) => self.word(),
            Expr::Literal(_) => self.next(is_literal),
            Expr::Select(select) => self.select(expr, select.test, &select.operand),
            Expr::Call(call) => self.call(expr, call),
            Expr::List(_) | Expr::Map(_) | Expr::Struct(_) => self.bracketed(expr),
            Expr::Comprehension(loops) => self.looped(expr, loops),
            Expr::Unspecified => Range::default(),
        };
        self.places.wholes.insert(expr.id, range);
        range
    }

    /// The next token of a kind; the cursor goes behind it.
    fn next(&mut self, wanted: impl Fn(TokenKind) -> bool) -> Range {
        let token = self.tokens.find(|token| wanted(token.kind));
        token.map_or_else(Range::default, |token| Range {
            start: token.start,
            end: token.end,
        })
    }

    fn word(&mut self) -> Range {
        self.next(|kind| matches!(kind, TokenKind::TokIdent | TokenKind::TokReservedWord))
    }

    fn closing(&mut self, closed: TokenKind) -> Range {
        self.next(|kind| kind == closed)
    }

    fn select(&mut self, expr: &IdedExpr, test: bool, operand: &IdedExpr) -> Range {
        let has = test.then(|| self.word());
        let before = self.place(operand);
        let field = self.word();
        self.places.words.insert(expr.id, field);
        let closing = has.map(|has| has.to(self.closing(TokenKind::TokRightParen)));
        closing.unwrap_or(field).to(before)
    }

    fn call(&mut self, expr: &IdedExpr, call: &CallExpr) -> Range {
        match (operator(&call.func_name), call.args.as_slice()) {
            (Some(sign), [one]) => self.next(|kind| kind == sign).to(self.place(one)),
            (Some(TokenKind::TokLeftBracket), [list, index]) => {
                let range = self.place(list).to(self.place(index));
                range.to(self.closing(TokenKind::TokRightBracket))
            }
            (Some(sign), [first, rest @ ..]) => {
                let first = self.place(first);
                self.next(|kind| kind == sign);
                (rest.iter()).fold(first, |range, arg| range.to(self.place(arg)))
            }
            _ => self.function(expr, call),
        }
    }

    fn function(&mut self, expr: &IdedExpr, call: &CallExpr) -> Range {
        let target = call.target.as_deref().map(|target| self.place(target));
        let name = self.word();
        self.places.words.insert(expr.id, name);
        call.args.iter().for_each(|arg| {
            self.place(arg);
        });
        let range = name.to(self.closing(TokenKind::TokRightParen));
        target.map_or(range, |target| target.to(range))
    }

    fn bracketed(&mut self, expr: &IdedExpr) -> Range {
        let (open, close) = match &expr.expr {
            Expr::List(_) => (TokenKind::TokLeftBracket, TokenKind::TokRightBracket),
            _ => (TokenKind::TokLeftBrace, TokenKind::TokRightBrace),
        };
        let start = self.next(|kind| kind == open);
        children(expr, &mut |child| {
            self.place(child);
        });
        start.to(self.closing(close))
    }

    fn looped(&mut self, expr: &IdedExpr, written: &ComprehensionExpr) -> Range {
        let range = self.place(&written.iter_range);
        let name = self.word();
        self.places.words.insert(expr.id, name);
        self.word();
        if let Some(parts) = Loop::of(written) {
            let parts = parts.filter.into_iter().chain(parts.body);
            parts.for_each(|part| {
                self.place(part);
            });
        }
        range.to(name).to(self.closing(TokenKind::TokRightParen))
    }
}

fn is_literal(kind: TokenKind) -> bool {
    use TokenKind as T;
    matches!(
        kind,
        T::TokInt
            | T::TokUint
            | T::TokFloat
            | T::TokString
            | T::TokBytes
            | T::TokNull
            | T::TokTrue
            | T::TokFalse
    )
}

/// The sign of an operator; none for what is called by its name.
fn operator(function: &str) -> Option<TokenKind> {
    use TokenKind as T;
    Some(match function {
        operators::CONDITIONAL => T::TokQuestion,
        operators::LOGICAL_AND => T::TokLogicalAnd,
        operators::LOGICAL_OR => T::TokLogicalOr,
        operators::LOGICAL_NOT => T::TokExclamation,
        operators::SUBSTRACT | operators::NEGATE => T::TokMinus,
        operators::ADD => T::TokPlus,
        operators::MULTIPLY => T::TokAsterisk,
        operators::DIVIDE => T::TokSlash,
        operators::MODULO => T::TokPercent,
        operators::EQUALS => T::TokEqualEqual,
        operators::NOT_EQUALS => T::TokExclamationEqual,
        operators::GREATER_EQUALS => T::TokGreaterEqual,
        operators::LESS_EQUALS => T::TokLessEqual,
        operators::GREATER => T::TokGreater,
        operators::LESS => T::TokLess,
        operators::INDEX => T::TokLeftBracket,
        operators::IN => T::TokIn,
        _ => return None,
    })
}
