//! Texts of strangers in each of the places where they go.

use widctl::report::escape;

use super::rows::HOSTILE;

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
