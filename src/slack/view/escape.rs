//! Making text that somebody typed harmless, then cutting it. In this order: a cut after escaping
//! never splits an entity, and nothing that was cut off can change what is left.
//!
//! Two forms: [`plain`] for places where Slack reads no markup (`plain_text`, rich text), and
//! [`inline`] for a phrase inside a sentence of ours that Slack reads as mrkdwn. Limits count UTF-16
//! units, the strictest that Slack may count.

use unicode_segmentation::UnicodeSegmentation;

/// Stands for what was cut off.
const MORE: &str = "…";
/// Line breaks of one text that are kept; what follows goes on in the same line.
const LINES: usize = 12;
/// Marks stacked on one character that are kept; more of them climb over the neighbouring lines.
const STACKED: usize = 4;

/// Text for places without markup: invisible characters and those that turn the direction of
/// writing are gone, floods of lines collapsed, at most `limit` characters.
pub fn plain(text: &str, limit: usize) -> String {
    cut(&calm_lines(&visible(text)), limit)
}

/// Text for one line inside mrkdwn: as [`plain`], and no mention, link or formatting works in it.
/// At most `limit` characters, entities counted as they are written.
pub fn inline(text: &str, limit: usize) -> String {
    let line = visible(text);
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&entities(&inert(&line)), limit)
}

/// Text of the policy in mrkdwn: its formatting and bare links work, since whoever writes the
/// policy may lay out a card, but mentions and masked links do not.
pub fn policy(text: &str, limit: usize) -> String {
    cut(&entities(&calm_lines(&visible(text))), limit)
}

/// Cuts mrkdwn of ours to a limit without splitting a character, an entity or a `<…>` token.
pub fn cut(text: &str, limit: usize) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub(width(MORE));
    let (mut end, mut used) = (0, 0);
    for (at, grapheme) in text.grapheme_indices(true) {
        used += width(grapheme);
        if used > room {
            break;
        }
        end = at + grapheme.len();
    }
    let kept = &text[..end];
    let whole = kept
        .len()
        .min(open_at(kept, '<', '>'))
        .min(open_at(kept, '&', ';'));
    format!("{}{MORE}", kept[..whole].trim_end())
}

fn width(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Where a token was opened near the end and not closed; the length of the text if none was.
fn open_at(text: &str, open: char, close: char) -> usize {
    match text.rfind(open) {
        Some(at) if !text[at..].contains(close) => at,
        _ => text.len(),
    }
}

/// Whether a character shows nothing, or changes how others are shown.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
        | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
        || (c.is_control() && !c.is_whitespace())
}

/// Drops what cannot be seen. A joiner and a variation selector are kept inside emoji, which would
/// fall apart without them.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut stacked = 0;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let last = shown.chars().next_back();
        stacked = if is_stacking(c) { stacked + 1 } else { 0 };
        let keep = match c {
            '\u{200D}' => {
                last.is_some_and(is_pictorial) && rest.peek().copied().is_some_and(is_pictorial)
            }
            '\u{FE0F}' => last.is_some_and(|c| is_pictorial(c) && c != '\u{FE0F}'),
            c => !is_invisible(c) && stacked <= STACKED,
        };
        if keep {
            shown.push(if c.is_whitespace() && c != '\n' {
                ' '
            } else {
                c
            });
        }
    }
    shown
}

/// Symbols that emoji are made of.
fn is_pictorial(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2BFF}' | '\u{3030}' | '\u{303D}' | '\u{FE0F}' | '\u{1F000}'..='\u{1FAFF}')
}

fn is_stacking(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}' | '\u{0483}'..='\u{0489}' | '\u{1AB0}'..='\u{1AFF}'
        | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}')
}

/// One blank between words, no empty lines, and only the first lines as lines.
fn calm_lines(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    let kept = lines.len().min(LINES);
    let (first, rest) = lines.split_at(kept);
    let mut calm = first.join("\n");
    for line in rest {
        calm.push(' ');
        calm.push_str(line);
    }
    calm
}

/// Formatting characters become their look-alikes, because mrkdwn knows no way to quote them. An
/// underscore inside a word formats nothing and is kept, so names stay names. A bare address is
/// broken by an invisible joiner, so that no client makes a link of it.
fn inert(text: &str) -> String {
    let mut last = ' ';
    let mut quiet = String::with_capacity(text.len());
    for c in text.chars() {
        quiet.push(match c {
            '*' => '∗',
            '~' => '∼',
            '`' => 'ˋ',
            '_' if !last.is_alphanumeric() => 'ˍ',
            c => c,
        });
        last = c;
    }
    quiet.replace("://", ":\u{2060}//")
}

fn entities(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mentions_links_and_formatting_do_nothing() {
        let text = "<!channel> <@U1> <https://evil.example|ok> *b* _i_ ~s~ `c` https://x.example";
        insta::assert_snapshot!(
            inline(text, 500).replace('\u{2060}', "|"),
            @"&lt;!channel&gt; &lt;@U1&gt; &lt;https:|//evil.example|ok&gt; ∗b∗ ˍi_ ∼s∼ ˋcˋ https:|//x.example"
        );
        assert_eq!(inline("my_db_name", 50), "my_db_name");
        assert_eq!(plain("<!channel> & *b*", 50), "<!channel> & *b*");
    }

    #[test]
    fn what_cannot_be_seen_is_gone() {
        let text = "abc\u{202E}fed\u{200B}\u{2066}x\u{E0041}\u{7}y";
        assert_eq!(plain(text, 50), "abcfedxy");
        assert_eq!(
            plain("👩\u{200D}💻 ❤\u{FE0F}", 50),
            "👩\u{200D}💻 ❤\u{FE0F}"
        );
        let flood = format!("a{}", "\u{0301}".repeat(50));
        assert_eq!(plain(&flood, 50).chars().count(), 5);
    }

    #[test]
    fn a_flood_of_lines_is_collapsed() {
        assert_eq!(plain("a\n\n\n\n  b  c", 50), "a\nb c");
        let flood = "x\n".repeat(100);
        assert_eq!(plain(&flood, 500).lines().count(), LINES);
        assert_eq!(inline("a\nb", 50), "a b");
    }

    #[test]
    fn a_cut_splits_neither_entity_nor_token_nor_grapheme() {
        assert_eq!(inline("ab&cd", 5), "ab…");
        assert_eq!(cut("hi <@U123> there", 8), "hi…");
        assert_eq!(cut("a👩\u{200D}💻b", 4), "a…");
        assert_eq!(cut("abc", 3), "abc");
    }

    proptest! {
        #[test]
        fn no_text_comes_alive(text in "(?s).{0,60}|([<>&*_~`!@#|]|://|\u{202e}|\u{200b}|[a-z\n ]){0,60}", limit in 1usize..80) {
            let line = inline(&text, limit);
            prop_assert!(line.chars().count() <= limit);
            let live = line.contains(['<', '>', '*', '~', '`', '\n']) || line.contains("://");
            prop_assert!(!live, "{line}");
            for (at, _) in line.match_indices('&') {
                let known = ["&amp;", "&lt;", "&gt;"].iter().any(|e| line[at..].starts_with(e));
                prop_assert!(known, "{line}");
            }
            let block = plain(&text, limit);
            prop_assert!(block.chars().count() <= limit);
            let hidden = block.chars().any(|c| matches!(c, '\u{202A}'..='\u{202E}' | '\u{200B}'));
            prop_assert!(!hidden, "{}", block);
            prop_assert!(block.lines().count() <= LINES.max(1));
        }
    }
}
