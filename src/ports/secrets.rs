//! The secrets of this process, so that none of them is printed whatever a server echoes.
//!
//! The edges [`learn`] what they sign in with; whoever prints or saves a text [`strike`]s it out first. One
//! list for the process: a secret is one for every stream and file of it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

/// What is printed in a secret's place.
const STRUCK: &str = "[secret]";
/// The fewest characters of a secret: a shorter one may be a part of any word.
const SHORTEST: usize = 8;
/// How many characters of a secret give it away: servers' texts are cut, and the beginning is struck too.
const BEGINNING: usize = 16;

static KNOWN: RwLock<BTreeSet<String>> = RwLock::new(BTreeSet::new());

/// Remembers a secret in every form in which a server may send it back: as it is, as in a form's body and as
/// in a JSON string, and as a report in XML has it. One of several lines, as a key in PEM, is known line by line.
pub fn learn(secret: &str) {
    // A token is learned again with every request that it goes with.
    if KNOWN.read().unwrap_or_else(PoisonError::into_inner).contains(secret) {
        return;
    }
    let mut forms = BTreeSet::new();
    for line in secret.lines().map(str::trim) {
        // What frames a key in PEM is in every certificate as well.
        if line.chars().count() >= SHORTEST && !line.starts_with("-----") {
            let quoted = serde_json::Value::from(line).to_string();
            forms.insert(quoted[1..quoted.len() - 1].to_owned());
            forms.insert(url::form_urlencoded::byte_serialize(line.as_bytes()).collect());
            forms.insert(in_xml(line));
            forms.insert(line.to_owned());
        }
    }
    forms.retain(|form| form.chars().count() >= SHORTEST);
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).extend(forms);
}

/// A text as it is in XML.
fn in_xml(text: &str) -> String {
    let escapes = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('\'', "&apos;"), ('"', "&quot;")];
    escapes
        .into_iter()
        .fold(text.to_owned(), |text, (character, escape)| text.replace(character, escape))
}

/// The text without any secret that was learned, nor the first 16 characters or more of one.
pub fn strike(text: &str) -> Cow<'_, str> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    let mut found: Vec<Range<usize>> =
        known.iter().flat_map(|secret| places(text, secret)).collect();
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    found.sort_by_key(|place| place.start);
    let (mut struck, mut shown) = (String::with_capacity(text.len()), 0);
    for Range { start, end } in found {
        // Secrets that begin alike are found at one place: what the longest covers goes.
        if start >= shown {
            struck.push_str(&text[shown..start]);
            struck.push_str(STRUCK);
        }
        shown = shown.max(end);
    }
    struck.push_str(&text[shown..]);
    Cow::Owned(struck)
}

/// Where a text holds a secret, as far as it goes on as the secret does.
fn places(text: &str, secret: &str) -> impl Iterator<Item = Range<usize>> {
    let beginning = match secret.char_indices().nth(BEGINNING) {
        Some((end, _)) => &secret[..end],
        None => secret,
    };
    text.match_indices(beginning).map(move |(start, _)| {
        let pairs = text[start..].chars().zip(secret.chars());
        let alike = pairs.take_while(|(a, b)| a == b);
        let length: usize = alike.map(|(character, _)| character.len_utf8()).sum();
        start..start + length
    })
}

#[cfg(test)]
mod tests {
    use super::{learn, strike};

    #[test]
    fn a_secret_is_struck_in_every_form_and_when_it_was_cut() {
        learn("s3cret/with+signs~and \"quotes\"");
        for echoed in [
            "you sent s3cret/with+signs~and \"quotes\"!",
            "you sent s3cret%2Fwith%2Bsigns%7Eand+%22quotes%22!",
            r#"you sent s3cret/with+signs~and \"quotes\"!"#,
        ] {
            assert_eq!(strike(echoed), "you sent [secret]!");
        }
        assert_eq!(strike("you sent s3cret/with+signs…"), "you sent [secret]…");
        assert_eq!(strike("s3cret/with+ does"), "s3cret/with+ does");
    }

    #[test]
    fn one_of_several_lines_is_known_by_each_of_them() {
        learn("-----BEGIN KEY-----\nMIIEvQIBADANBgkqhki\nG9w0B\n");
        assert_eq!(strike("MIIEvQIBADANBgkqhki"), "[secret]");
        assert_eq!(strike("G9w0B"), "G9w0B");
    }

    #[test]
    fn the_longer_of_two_that_begin_alike_is_struck_to_its_end() {
        learn("eyJhbGciOiJSUzI1NiJ9.one");
        learn("eyJhbGciOiJSUzI1NiJ9.one.two");
        assert_eq!(
            strike("<eyJhbGciOiJSUzI1NiJ9.one.two> <eyJhbGciOiJSUzI1NiJ9.one>"),
            "<[secret]> <[secret]>"
        );
    }

    #[test]
    fn one_in_xml_is_struck() {
        learn("a-secret<with>'marks'&\"more\"");
        let text = "a-secret&lt;with&gt;&apos;marks&apos;&amp;&quot;more&quot;";
        assert_eq!(strike(&format!("<found>{text}</found>")), "<found>[secret]</found>");
    }

    #[test]
    fn what_nobody_learned_stays() {
        let text = "azure/identity/id-a";
        learn("short");
        learn("");
        assert_eq!(strike(text), text);
        assert_eq!(strike("a short text"), "a short text");
    }
}
