//! Texts of strangers in each of the places where they go.

use proptest::prelude::*;
use widctl::report::escape;

use super::rows::HOSTILE;
use super::text::is_harmless;

#[test]
fn a_harmless_text_stays_as_it_is() {
    for text in [
        "",
        "azure/identity/id-a",
        "Zürich – 東京 🙂",
        "a: b :: c",
        "100 %",
    ] {
        assert_eq!(escape::terminal(text), text);
        assert_eq!(escape::json(text), text);
    }
}

#[test]
fn a_terminal_sees_what_a_text_would_have_done() {
    insta::assert_snapshot!(escape::terminal(HOSTILE), @r"a\u{1b}[31mred\u{202e}txt.\n::error::gone #\u{23}vso[task.complete] `code` | **b** <img src=x> @octocat #1 https://evil.example \u{200b}\u{9b}");
    insta::assert_snapshot!(escape::terminal("  ::set-output name=x::y"), @r"  :\u{3a}set-output name=x::y");
    insta::assert_snapshot!(escape::terminal("in the middle ::error::gone"), @r"in the middle :\u{3a}error::gone");
    insta::assert_snapshot!(escape::terminal("##[error]gone"), @r"#\u{23}[error]gone");
}

#[test]
fn markdown_prose_has_no_markup() {
    insta::assert_snapshot!(escape::markdown(HOSTILE), @r"a\\u\{1b\}\[31mred\\u\{202e\}txt.\\n::error::gone \#<!-- -->\\u\{23\}vso\[task.complete\] \`code\` \| \*\*b\*\* &lt;img src=x&gt; @<!-- -->octocat \#<!-- -->1 https:<!-- -->//evil.example \\u\{200b\}\\u\{9b\}");
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
fn workflow_commands_end_where_they_should() {
    let text = "100%: a,b;c]\r\nnext";
    assert_eq!(escape::github_message(text), "100%25: a,b;c]%0D%0Anext");
    assert_eq!(
        escape::github_property(text),
        "100%25%3A a%2Cb;c]%0D%0Anext"
    );
    assert_eq!(
        escape::azure_pipelines(text),
        "100%AZP25: a,b%3Bc%5D%0D%0Anext"
    );
}

#[test]
fn escaped_json_has_the_same_values() {
    let value = serde_json::json!({HOSTILE: [HOSTILE, "\u{e0041}", "####"]});
    let text = escape::json(&value.to_string());
    assert!(!text.contains("##") && !text.contains('\u{202e}') && !text.contains('\u{e0041}'));
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&text).unwrap(),
        value
    );
}

/// Characters that do something, among ones that do not.
fn any_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            any::<char>(),
            proptest::sample::select(
                " :#[`|\\@<>*_\n\r\t\u{1b}\u{202e}"
                    .chars()
                    .collect::<Vec<_>>()
            )
        ],
        0..40,
    )
    .prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn no_text_at_all_does_anything(text in any_text()) {
        let shown = escape::terminal(&text);
        prop_assert!(is_harmless(&shown) && !shown.contains('\n'), "{shown:?}");
        let code = escape::markdown_code(&text);
        prop_assert!(is_harmless(&code) && !code.contains('\n'), "{code:?}");
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
