//! Links between the pages lead to files and headings that exist. Nothing is fetched.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use walkdir::WalkDir;

/// Where pages are.
const PAGES: [&str; 4] = ["README.md", "CHANGELOG.md", "docs", ".github"];
/// What names pages in its text.
const SOURCES: [&str; 5] = ["src", "profiles", ".github", ".ci", "justfile"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(below: &[&str]) -> Vec<PathBuf> {
    let entries =
        below.iter().flat_map(|below| WalkDir::new(root().join(below)).sort_by_file_name());
    let files = entries.map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    files.map(walkdir::DirEntry::into_path).collect()
}

fn pages() -> Vec<PathBuf> {
    let files = files(&PAGES).into_iter();
    files.filter(|path| path.extension() == Some(OsStr::new("md"))).collect()
}

fn parse(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES)
}

/// Where the links and pictures of a page lead, with their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    let events = parse(text).into_offset_iter();
    let links = events.filter_map(|(event, place)| {
        let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event else {
            return None;
        };
        Some((text[..place.start].matches('\n').count() + 1, dest_url.to_string()))
    });
    links.collect()
}

/// The anchors of a page's headings, as GitHub makes them: small letters, hyphens for spaces, no punctuation, and a
/// number behind what is there twice.
/// <https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links>
fn anchors(text: &str) -> BTreeSet<String> {
    let (mut found, mut seen) = (BTreeSet::new(), BTreeMap::new());
    let mut heading: Option<String> = None;
    for event in parse(text) {
        if let Event::Start(Tag::Heading { .. }) = event {
            heading = Some(String::new());
        } else if let Event::End(TagEnd::Heading(_)) = event {
            let kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
            let heading = heading.take().unwrap_or_default().to_lowercase();
            let anchor: String = heading.chars().filter(kept).collect();
            let anchor = anchor.replace(' ', "-");
            let count = seen.entry(anchor.clone()).and_modify(|count| *count += 1).or_insert(0);
            found.insert(if *count == 0 { anchor } else { format!("{anchor}-{count}") });
        } else if let (Event::Text(words) | Event::Code(words), Some(heading)) =
            (event, &mut heading)
        {
            heading.push_str(&words);
        }
    }
    found
}

/// Why a link of a file leads nowhere; none where it leads somewhere, or out of the repository.
fn broken(from: &Path, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, at)| (path, Some(at)));
    let target = if path.is_empty() { from.to_owned() } else { from.parent().unwrap().join(path) };
    if path.starts_with('/') || !target.exists() {
        return Some(format!("{link}: there is no such file"));
    }
    let anchor = anchor?;
    let is_there = target.extension() == Some(OsStr::new("md"))
        && anchors(&fs::read_to_string(&target).unwrap()).contains(anchor);
    (!is_there).then(|| format!("{link}: there is no such heading"))
}

/// The pages that a text names from the root of the repository, with their headings, `docs/profile.md#grants`.
fn named(text: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_./#".contains(c);
    let words = text.split(|c: char| !is_part(c)).map(|word| word.trim_end_matches(['.', '#']));
    words.filter(|word| word.starts_with("docs/") && word.contains(".md")).collect()
}

#[test]
fn every_link_of_a_page_leads_to_a_file_and_heading_that_exist() {
    let (mut count, mut wrong) = (0, Vec::new());
    for page in pages() {
        for (line, link) in links(&fs::read_to_string(&page).unwrap()) {
            count += 1;
            let place = page.strip_prefix(root()).unwrap().display();
            wrong.extend(broken(&page, &link).map(|why| format!("{place}:{line}: {why}")));
        }
    }
    assert!(count > 100, "{count} links were looked at");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_that_messages_profiles_and_scripts_name_exists() {
    let (mut count, mut wrong) = (0, Vec::new());
    for source in files(&SOURCES) {
        let Ok(text) = fs::read_to_string(&source) else { continue };
        for name in named(&text) {
            count += 1;
            let place = source.strip_prefix(root()).unwrap().display();
            let why = broken(&root().join("README.md"), name);
            wrong.extend(why.map(|why| format!("{place}: {why}")));
        }
        let schema = text.lines().next().and_then(|line| line.strip_prefix("#:schema "));
        wrong.extend(schema.and_then(|schema| broken(&source, schema)));
    }
    assert!(count > 10, "{count} names were looked at");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_readme_links_every_page() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let linked: BTreeSet<String> = links(&readme).into_iter().map(|(_, link)| link).collect();
    let pages = pages().into_iter().filter(|page| page.parent() == Some(&root().join("docs")));
    let names = pages.map(|page| format!("docs/{}", page.file_name().unwrap().to_str().unwrap()));
    let missing: Vec<String> = names.filter(|name| !linked.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_link_that_leads_nowhere_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.md");
    let text = "# One `two`\n\n## A (b), c_d\n## A (b), c_d\n\n[x](#one-two) [y](gone.md)\n";
    fs::write(&page, text).unwrap();
    assert_eq!(links(text), [(6, "#one-two".to_owned()), (6, "gone.md".to_owned())]);
    for right in ["#one-two", "#a-b-c_d", "page.md#a-b-c_d-1", "page.md", "https://example.com/#x"]
    {
        assert_eq!(broken(&page, right), None);
    }
    let no_file = |link: &str| Some(format!("{link}: there is no such file"));
    let no_heading = |link: &str| Some(format!("{link}: there is no such heading"));
    for wrong in ["gone.md", "/page.md", "../page.md", "PAGE.md"] {
        assert_eq!(broken(&page, wrong), no_file(wrong));
    }
    for wrong in ["#One-two", "page.md#a-b-c_d-2"] {
        assert_eq!(broken(&page, wrong), no_heading(wrong));
    }
    assert_eq!(named("see docs/a.md#b-c, (docs/d.md)."), ["docs/a.md#b-c", "docs/d.md"]);
}
