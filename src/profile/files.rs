//! The files of a profile: from bytes to the tables of one root and many teams.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::findings::{Finding, Findings};
use super::read::collections::List;
use super::read::variables::Variables;
use super::read::{At, Field, Reader, TableReader, rules, unknown_key};
use super::schema::{RootFile, TeamTable};
use super::source::{Source, Sources, Span, quoted};
use super::syntax;
use super::syntax::Document;
use super::{LARGEST_FILE, SourceFile, Values};

/// A team's table, and whether it stands in the root file.
#[derive(Clone, Debug)]
pub(crate) struct TeamEntry {
    /// The table.
    pub(crate) table: At<TeamTable>,
    /// Whether it stands in the root file.
    pub(crate) trusted: bool,
}

/// What a file is to a profile, by the keys at its top alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// A root file: it names an estate.
    Root,
    /// It holds only `[[team]]`.
    Teams,
    /// Nothing of a profile.
    Other,
}

/// What a file is to a profile. One with a mistake in its syntax counts by its words.
pub fn part(bytes: &[u8]) -> Part {
    let Ok(text) = std::str::from_utf8(bytes) else { return Part::Other };
    // Most other TOML files are told by this alone, and need not be parsed.
    if !text.contains("team") && !text.contains("estate") {
        return Part::Other;
    }
    let sources = Sources(vec![Source::new("", text.to_owned())]);
    let Some(documents) = syntax::parse(&sources, &mut Findings::default()) else {
        let is_teams = text.contains("[[team") && !text.contains("estate");
        return if is_teams { Part::Teams } else { Part::Other };
    };
    let keys: Vec<&str> = documents[0].get_ref().keys().map(|key| key.get_ref().as_ref()).collect();
    if keys.contains(&"estate") {
        Part::Root
    } else if keys == ["team"] {
        Part::Teams
    } else {
        Part::Other
    }
}

/// The bytes as texts. Files that are no text are reported; their sources serve messages alone.
pub(crate) fn decode(folder: &str, files: &[&SourceFile], findings: &mut Findings) -> Sources {
    let mut sources = Vec::with_capacity(files.len());
    for (index, file) in files.iter().enumerate() {
        let (text, refusal) = decode_one(&file.text);
        sources.push(Source::new(&format!("{folder}{}", file.path), text));
        if let Some((start, message, hint)) = refusal {
            let at = Span { file: index, start, end: start };
            findings.add(Finding::new(&rules::FILE, at, message).hint(hint));
        }
    }
    if files.is_empty() {
        sources.push(Source::new("(no file)", String::new()));
        let at = Span::default();
        findings.add(
            Finding::new(&rules::ROOT_FILE, at, "the profile has no file").hint(
                "a profile is a `.toml` file, or a folder with some; `widctl init` writes one",
            ),
        );
    }
    Sources(sources)
}

/// The text, and what is wrong with it: byte, message, hint.
fn decode_one(bytes: &[u8]) -> (String, Option<(usize, String, String)>) {
    if bytes.len() > LARGEST_FILE {
        let message =
            format!("the file has {} bytes, a profile's file at most {LARGEST_FILE}", bytes.len());
        return (
            String::new(),
            Some((0, message, "split the profile into files of single teams".into())),
        );
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let message = "the file is UTF-16, TOML is UTF-8".into();
        return (String::new(), Some((0, message, "save it as UTF-8".into())));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        Err(error) => {
            let start = error.valid_up_to();
            let text =
                bytes.utf8_chunks().fold(String::with_capacity(bytes.len()), |mut text, chunk| {
                    text.push_str(chunk.valid());
                    text.extend(chunk.invalid().iter().map(|_| '?'));
                    text
                });
            let message =
                format!("byte {} of the file, 0x{:02x}, is not UTF-8", start + 1, bytes[start]);
            (text, Some((start, message, "save the file as UTF-8".into())))
        }
    }
}

/// The root file's table, and the teams of all files.
pub(crate) fn read(
    sources: &Sources,
    documents: &[Document<'_>],
    values: Values<'_>,
    used: &mut BTreeMap<String, String>,
    findings: &mut Findings,
) -> Option<(RootFile, Vec<TeamEntry>)> {
    let root_index = root_index(sources, documents, findings)?;
    let listed = listed_variables(documents[root_index].get_ref());
    let mut root = None;
    let mut teams = Vec::new();
    for (file, (source, document)) in sources.0.iter().zip(documents).enumerate() {
        let trusted = file == root_index;
        let variables = Variables::new(trusted.then_some(&listed), values, used);
        let mut reader = Reader { file, source, findings, variables };
        let found = if trusted {
            let at = Span { file, start: 0, end: 0 };
            let table = root.insert(RootFile::read_table(&mut reader, document.get_ref(), at));
            table.team.take()
        } else {
            read_team_file(&mut reader, document, &sources.0[root_index].path)
        };
        let found = found.map_or_else(Vec::new, |teams| teams.value);
        teams.extend(found.into_iter().map(|table| TeamEntry { table, trusted }));
    }
    Some((root?, teams))
}

fn read_team_file(reader: &mut Reader<'_>, document: &Document<'_>, root: &str) -> List<TeamTable> {
    let table = document.get_ref();
    if table.is_empty() {
        let message = "the file holds no team: it is empty, or everything in it is a comment";
        let finding = Finding::new(&rules::FILE, reader.span(0..0), message);
        reader.findings.add(finding.hint("remove it, or write the team's `[[team]]`"));
    }
    for key in table.keys() {
        let at = reader.span(key.span());
        let key: &str = key.get_ref();
        if key == "team" {
            continue;
        }
        let finding = if RootFile::KEYS.contains(&key) {
            let message =
                format!("{} in a team's file: the root file is {}", quoted(key), quoted(root));
            Finding::new(&rules::ROOT_FILE, at, message)
                .hint("a team's file has only `[[team]]`; move this to the root file")
        } else {
            unknown_key(key, at, &["team"], reader.findings)
        };
        reader.findings.add(finding);
    }
    let mut table = TableReader::new(reader, table, Span::default());
    Field::read(&mut table, "team")
}

/// Which file is the root: the one with `version` or `estate`, else the one with any other root key.
fn root_index(
    sources: &Sources,
    documents: &[Document<'_>],
    findings: &mut Findings,
) -> Option<usize> {
    let with = |keys: &[&str]| -> Vec<(usize, Span)> {
        let place = |(file, document): (usize, &Document<'_>)| {
            let found =
                document.get_ref().keys().find(|key| keys.contains(&key.get_ref().as_ref()))?;
            Some((file, Span { file, start: found.span().start, end: found.span().end }))
        };
        documents.iter().enumerate().filter_map(place).collect()
    };
    let marked = with(&["version", "estate"]);
    let candidates = if marked.is_empty() {
        with(&["required_version", "variables", "azure", "clusters", "policy"])
    } else {
        marked
    };
    let Some(((first, first_at), others)) = candidates.split_first() else {
        let is_teams = |document: &Document<'_>| {
            document.get_ref().keys().map(|key| key.get_ref().as_ref()).eq(["team"])
        };
        let (message, hint) = match documents {
            [team] if is_teams(team) => (
                "this is a team's file: it has no `version` and no `estate`",
                "give the folder that holds the root file, `widctl validate FOLDER`",
            ),
            _ => (
                "no root file: none of the profile's files has `version` and `estate`",
                "one file begins with `version = 1` and `estate = \"…\"`; `widctl init` writes one",
            ),
        };
        let finding = Finding::new(&rules::ROOT_FILE, Span::default(), message);
        findings.add(finding.hint(hint));
        return None;
    };
    for (file, at) in others {
        let message = format!(
            "{} is a second root file beside {}",
            quoted(&sources.0[*file].path),
            quoted(&sources.0[*first].path)
        );
        findings.add(
            Finding::new(&rules::ROOT_FILE, *at, message)
                .related(*first_at, "the first root file")
                .hint("one file is the root; two profiles lie in two folders"),
        );
    }
    others.is_empty().then_some(*first)
}

/// The names in `variables`, wrong entries left out: they are reported when the key is read.
fn listed_variables(root: &DeTable<'_>) -> BTreeSet<String> {
    let Some(DeValue::Array(names)) = root.get("variables").map(Spanned::get_ref) else {
        return BTreeSet::new();
    };
    let texts = names.iter().filter_map(|name| match name.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => None,
    });
    texts.collect()
}

/// The hash of a profile: its files' paths and bytes and the values of the variables that it used, each
/// with its length before it so that no two profiles give the same bytes.
pub(crate) fn sha256(files: &[&SourceFile], used: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    add(b"widctl profile 1");
    add(&(files.len() as u64).to_be_bytes());
    for file in files {
        add(file.path.as_bytes());
        add(&file.text);
    }
    for (name, value) in used {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    HEXLOWER.encode(&hash.finalize())
}
