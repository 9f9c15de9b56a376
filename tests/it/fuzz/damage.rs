//! Damage to texts, token by token: values, keys, numbers to their extremes, repetition, nesting, deletion.

use std::ops::Range;

use widctl::profile::SourceFile;

/// No input grows beyond this.
const LARGEST: usize = 512 * 1024;

/// One act of damage: which, in which file, where, with what. Every combination means something, so that a
/// shrunk one does too.
pub(super) type Act = (u8, u16, u32, u32);

/// Pieces that mean something to a reader, a terminal, a pipeline's log, a shell or a URL.
const PIECES: &[&str] = &[
    "",
    "\"",
    "'",
    "\"\"\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    "[[",
    "=",
    ":",
    "#",
    ",",
    "\n",
    "\r",
    "\r\n",
    "\t",
    "null",
    "true",
    "false",
    "*",
    "?",
    "/",
    "..",
    "../../etc/passwd",
    "/subscriptions",
    "\u{0}",
    "\u{1b}[31m",
    "\u{1b}]8;;https://evil.example\u{7}",
    "\u{9b}2J",
    "\u{7f}",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{feff}",
    "\u{2028}",
    "\u{e0041}",
    "e\u{301}",
    "\u{1f468}\u{200d}\u{1f469}",
    "\n::error::planted\n",
    "\n\u{2003}::add-mask::planted\n",
    "\n\u{a0}::set-output name=a::planted\n",
    "::stop-commands::planted",
    "\\n::warning::planted",
    "##[error]planted",
    "##vso[task.setvariable variable=a]planted",
    "#\u{200b}#vso[task.complete]",
    "${AZURE_CLIENT_SECRET}",
    "${GITHUB_TOKEN}",
    "${DATABASE_PASSWORD}",
    "${SIGNING_KEY}",
    "$${",
    "${",
    "$(id)",
    "`id`",
    "; id",
    "<!-- -->",
    "<script>alert(1)</script>",
    "[a](https://evil.example)",
    "@everyone",
    "variables = [\"AZURE_CLIENT_SECRET\", \"GITHUB_TOKEN\", \"DATABASE_PASSWORD\", \"SIGNING_KEY\"]\n",
    "[policy]\n",
    "[policy.grants]\n",
    "[[team]]\n",
    "[[team.identity]]\n",
    "[[team.workload]]\n",
    "[[team.workload.rule]]\n",
    "per_cluster = true\n",
    "create = false\n",
    "{team}",
    "00000000-0000-0000-0000-000000000000",
    "https://127.0.0.1:1/",
    "http://169.254.169.254/",
    "file:///etc/passwd",
    "nextLink",
    "value",
    "error",
    "message",
    "429",
    "Retry-After: 0",
    "Retry-After: 99999999999999999999",
    "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT",
    "x-ms-retry-after-ms: 18446744073709551615",
    "tokenFile",
    "exec",
    "command",
    "insecure-skip-tls-verify: true",
    "&a [*a, *a]",
    "<<: *a",
    "!!binary x",
    "---\n",
];

/// Numbers at which arithmetic ends.
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "1e18",
    "1e309",
    "-0.0",
    "nan",
    "inf",
    "2147483648",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999",
    "0x7fffffffffffffff",
    "00",
    "1_000",
    "9999-12-31T23:59:59Z",
];

/// Damages one of the files; `other` is a stranger to take pieces from.
pub(super) fn damage(files: &mut Vec<SourceFile>, other: &[SourceFile], act: Act) {
    let (kind, file, place, what) = act;
    let total: usize = files.iter().map(|file| file.text.len()).sum();
    if files.is_empty() || total > LARGEST {
        return;
    }
    let index = usize::from(file) % files.len();
    match kind % 32 {
        // Among files, seldom: most inputs have one.
        0 => files[index].path = format!("{}{}", pick(PIECES, what as usize), files[index].path),
        1 => {
            let copy = files[index].clone();
            files.push(SourceFile { path: format!("copy-{}", copy.path), ..copy });
        }
        2 if files.len() > 1 => drop(files.remove(index)),
        kind => within(&mut files[index].text, other, (kind, place, what)),
    }
}

fn within(text: &mut Vec<u8>, other: &[SourceFile], (kind, place, what): (u8, u32, u32)) {
    let tokens = tokens(text);
    let lines = lines(text);
    let (place, what) = (place as usize, what as usize);
    let token = at(&tokens, place);
    let line = at(&lines, place);
    match kind {
        // What was a text stays one, so that the damage reaches beyond the parser.
        2..=5 if text[token.clone()].starts_with(b"\"") => {
            put(text, token, quoted(pick(PIECES, what)).as_bytes());
        }
        2..=8 => put(text, token, pick(PIECES, what).as_bytes()),
        9..=11 => put(text, numeric(text, &tokens, place), pick(NUMBERS, what).as_bytes()),
        12 | 13 => {
            let copy = text[line.clone()].repeat(1 + what % 3);
            put(text, line.end..line.end, &copy);
        }
        14 | 15 => put(text, line, b""),
        16 => put(text, token, b""),
        17 | 18 => {
            let copy = text[at(&tokens, what)].to_vec();
            put(text, token, &copy);
        }
        19 => {
            let copy = text[at(&lines, what)].to_vec();
            put(text, line.start..line.start, &copy);
        }
        20 => {
            let nested = ["[", "{a:", "{\"a\":", "a.", "{a=", "- ", "("];
            let nested = nested[what % nested.len()].repeat(1 << (what / 7 % 12));
            put(text, token, nested.as_bytes());
        }
        21 => {
            let copy = text[token.clone()].repeat(1 << (what % 13));
            put(text, token, &copy);
        }
        22 => {
            let many = text[line.clone()].repeat(1 << (what % 10));
            put(text, line, &many);
        }
        23 => text.truncate(token.start),
        24 | 25 => put(text, token.start..token.start, pick(PIECES, what).as_bytes()),
        26 | 27 => {
            let inside = token.start + what % (token.len() + 1);
            put(text, inside..inside, pick(PIECES, what / 7).as_bytes());
        }
        28 => put(text, token.start..token.end, &[what.to_le_bytes()[0]]),
        _ => {
            let Some(file) = other.get(what % other.len().max(1)) else {
                return;
            };
            let theirs = self::lines(&file.text);
            put(text, line.start..line.start, &file.text[at(&theirs, what)]);
        }
    }
}

/// Puts a piece in the place of what is there; one that is too much is left out.
fn put(text: &mut Vec<u8>, place: Range<usize>, piece: &[u8]) {
    if text.len() + piece.len() > LARGEST {
        return;
    }
    text.splice(place, piece.iter().copied());
}

/// A piece as JSON and TOML both write a text.
fn quoted(piece: &str) -> String {
    serde_json::to_string(piece).expect("a text is JSON")
}

fn pick<'a>(pieces: &[&'a str], what: usize) -> &'a str {
    pieces[what % pieces.len()]
}

fn at(places: &[Range<usize>], index: usize) -> Range<usize> {
    match places.len() {
        0 => 0..0,
        count => places[index % count].clone(),
    }
}

/// The next token from `place` on that is a number.
fn numeric(text: &[u8], tokens: &[Range<usize>], place: usize) -> Range<usize> {
    let start = place % tokens.len().max(1);
    let is_number = |token: &&Range<usize>| text[token.start].is_ascii_digit();
    let found = tokens[start.min(tokens.len())..].iter().find(is_number);
    found.cloned().unwrap_or_else(|| at(tokens, place))
}

/// Words, strings in quotes, and everything else byte by byte.
fn tokens(text: &[u8]) -> Vec<Range<usize>> {
    let is_word =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || byte >= 0x80;
    let mut tokens = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let mut end = start + 1;
        if is_word(text[start]) {
            while end < text.len() && is_word(text[end]) {
                end += 1;
            }
        } else if text[start] == b'"' {
            let closing = text[end..].iter().position(|byte| matches!(byte, b'"' | b'\n'));
            end = closing.map_or(end, |length| end + length + 1);
        }
        if !text[start].is_ascii_whitespace() || text[start] == b'\n' {
            tokens.push(start..end);
        }
        start = end;
    }
    tokens
}

/// The lines with their ends.
fn lines(text: &[u8]) -> Vec<Range<usize>> {
    let mut start = 0;
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    lines
        .map(|line| {
            start += line.len();
            start - line.len()..start
        })
        .collect()
}

#[test]
fn tokens_are_words_strings_and_single_signs() {
    let text = b"a_1 = \"x y\"\n";
    let found: Vec<&[u8]> = tokens(text).into_iter().map(|token| &text[token]).collect();
    assert_eq!(found, [&b"a_1"[..], b"=", b"\"x y\"", b"\n"]);
}

#[test]
fn the_same_acts_do_the_same_damage_and_none_is_out_of_bounds() {
    let seed =
        vec![SourceFile { path: "a.toml".into(), text: b"a = 1\n[[b]]\nc = \"d\"\n".to_vec() }];
    for kind in 0..=255 {
        for place in [0, 1, 7, u32::MAX] {
            let (mut first, mut second) = (seed.clone(), seed.clone());
            damage(&mut first, &seed, (kind, 0, place, place ^ 5));
            damage(&mut second, &seed, (kind, 0, place, place ^ 5));
            assert_eq!(first, second);
            damage(
                &mut vec![SourceFile { path: String::new(), text: vec![] }],
                &[],
                (kind, 0, place, 1),
            );
        }
    }
}
