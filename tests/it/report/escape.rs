//! Texts of strangers in each of the places where they go.

use proptest::prelude::*;
use widctl::report::escape;
use widctl::report::style::{Label, Style};

use super::rows::HOSTILE;
use super::text::is_harmless;

#[test]
fn a_harmless_text_stays_as_it_is() {
    for text in ["", "azure/identity/id-a", "Zürich – 東京 🙂", "a: b :: c", "100 %"] {
        assert_eq!(escape::terminal(text), text);
        assert_eq!(escape::json(text), text);
    }
}

#[test]
fn a_terminal_sees_what_a_text_would_have_done() {
    insta::assert_snapshot!(escape::terminal(HOSTILE), @r"a\u{1b}[31mred\u{202e}txt.\n::error::gone ##vso[task.complete] `code` | **b** <img src=x> @octocat #1 https://evil.example \u{200b}\u{9b}");
}

#[test]
fn no_line_on_its_way_out_is_a_command_of_a_pipeline() {
    insta::assert_snapshot!(escape::printed(&escape::terminal(HOSTILE)), @r"a\u{1b}[31mred\u{202e}txt.\n::error::gone #\u{23}vso[task.complete] `code` | **b** <img src=x> @octocat #1 https://evil.example \u{200b}\u{9b}");
    insta::assert_snapshot!(escape::printed("  ::set-output name=x::y"), @r"  :\u{3a}set-output name=x::y");
    insta::assert_snapshot!(escape::printed("one\n\u{a0}\u{3000}::error::gone"), @"one\n\u{a0}\u{3000}:\\u{3a}error::gone");
    insta::assert_snapshot!(escape::printed("in the middle ::error::is none"), @"in the middle ::error::is none");
    insta::assert_snapshot!(escape::printed("in the middle ##[error]gone"), @r"in the middle #\u{23}[error]gone");
    insta::assert_snapshot!(escape::printed("###[error]gone"), @r"##\u{23}[error]gone");
    insta::assert_snapshot!(escape::printed("## Team #[x] ## ##"), @"## Team #[x] ## ##");
}

#[test]
fn our_own_colours_are_left_and_no_other_sequence_is() {
    let painted = Style::COLOURED.paint(Label::Error, "error:");
    assert_eq!(escape::printed(&painted), painted);
    let coloured_command = format!("{painted}\n\u{1b}[1m::error::gone");
    assert!(escape::printed(&coloured_command).ends_with("\u{1b}[1m:\\u{3a}error::gone"));
    for hostile in
        ["\u{1b}[2J", "\u{1b}]0;title\u{7}", "\u{1b}[31", "\u{9b}31m", "a\rb", "\u{1b}[3\u{1b}1m"]
    {
        assert!(is_harmless(&escape::printed(hostile)), "{hostile:?}");
    }
}

#[test]
fn markdown_prose_has_no_markup() {
    insta::assert_snapshot!(escape::markdown(HOSTILE), @r"a\\u\{1b\}\[31mred\\u\{202e\}txt.\\n::error::gone \#<!-- -->\#<!-- -->vso\[task.complete\] \`code\` \| \*\*b\*\* &lt;img src=x&gt; @<!-- -->octocat \#<!-- -->1 https:<!-- -->//evil.example \\u\{200b\}\\u\{9b\}");
}

#[test]
fn markdown_code_is_fenced_by_more_backticks_than_it_holds() {
    assert_eq!(escape::markdown_code("plain"), "`plain`");
    assert_eq!(escape::markdown_code("a``b"), "```a``b```");
    assert_eq!(escape::markdown_code("`"), "`` ` ``");
    assert_eq!(escape::markdown_code(""), "` `".replace("` `", "`  `"));
    assert_eq!(escape::markdown_code("a|b\nc"), "`a\\|b\\nc`");
}

#[test]
fn escaped_json_has_the_same_values() {
    let value = serde_json::json!({HOSTILE: [HOSTILE, "\u{e0041}", "####"]});
    let text = escape::json(&value.to_string());
    assert!(!text.contains("##") && !text.contains('\u{202e}') && !text.contains('\u{e0041}'));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
}

/// Characters that do something, among ones that do not.
fn any_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            any::<char>(),
            proptest::sample::select(
                " :#[m1;v`|\\@<>*_\n\r\t\u{1b}\u{202e}\u{a0}".chars().collect::<Vec<_>>()
            )
        ],
        0..40,
    )
    .prop_map(String::from_iter)
}

/// The text without the colour sequences that may be left in it.
fn without_colors(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find('m').expect("a colour sequence ends in m");
        assert!(piece[..end].chars().all(|c| c.is_ascii_digit() || c == ';'), "{piece:?}");
        plain.push_str(&piece[end + 1..]);
    }
    plain
}

proptest! {
    #[test]
    fn no_text_at_all_does_anything(text in any_text()) {
        let shown = escape::terminal(&text);
        prop_assert!(is_harmless(&escape::printed(&shown)) && !shown.contains('\n'), "{shown:?}");
        let lines = escape::printed(&text);
        let without_tabs = lines.replace('\t', " ");
        prop_assert!(is_harmless(&without_colors(&without_tabs)), "{lines:?}");
        let code = escape::markdown_code(&text);
        prop_assert!(is_harmless(&escape::printed(&code)) && !code.contains('\n'), "{code:?}");
        let prose = escape::markdown(&text);
        let markup = prose.replace("<!-- -->", "");
        prop_assert!(!markup.contains(['<', '>', '\n']), "{prose:?}");
        for (index, sign) in markup.match_indices(['`', '*', '_', '|', '[']) {
            prop_assert!(markup[..index].ends_with('\\'), "{sign} in {prose:?}");
        }
    }

    #[test]
    fn json_keeps_every_value(text in any_text()) {
        let escaped = escape::json(&serde_json::Value::from(text.as_str()).to_string());
        prop_assert!(is_harmless(&escaped), "{escaped:?}");
        prop_assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
    }
}
