//! What holds for every profile.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use widctl::profile;
use widctl::profile::SourceFile;

use super::bad::render;
use super::{VERSION, files, load, repository};

fn multi_cluster() -> Vec<SourceFile> {
    files(&repository("profiles/multi-cluster"))
}

/// Pieces that mean something in a profile, so that mutations reach behind the parser.
const PIECES: &[&str] = &[
    "\"",
    "[",
    "]",
    "{",
    "}",
    "=",
    "\n",
    ",",
    ".",
    "#",
    "${",
    "$${",
    "}",
    "*",
    "/",
    "\u{1b}",
    "\u{202e}",
    "é",
    "\u{0}",
    "[[team]]\n",
    "[[team.identity]]\n",
    "[[team.workload]]\n",
    "[policy]\n",
    "name = \"\"\n",
    "version = 1\n",
    "clusters = []\n",
    "\"/subscriptions\"",
    "\"00000000-0000-4000-8000-000000000001\"",
    "9999999999999999999999",
    "-",
    "'",
    "\"\"\"",
    "true",
    "per_cluster = true\n",
    "create = false\n",
];

/// A change of one file: which, where, how many bytes go, what comes.
type Mutation = (Index, Index, usize, &'static str);

fn mutate(files: &mut [SourceFile], mutations: &[Mutation]) {
    for (file, place, removed, piece) in mutations {
        let file = file.get(files).path.clone();
        let file = files.iter_mut().find(|each| each.path == file).expect("it is one of them");
        let start = place.index(file.text.len() + 1);
        let end = (start + removed).min(file.text.len());
        file.text.splice(start..end, piece.bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_the_files_never_matters(
        order in Just((0..3_usize).collect::<Vec<_>>()).prop_shuffle(),
        mutations in prop::collection::vec((any::<Index>(), any::<Index>(), 0..4_usize, select(PIECES)), 0..3),
    ) {
        let mut files = multi_cluster();
        mutate(&mut files, &mutations);
        let shuffled: Vec<SourceFile> = order.iter().map(|index| files[*index].clone()).collect();
        match (load(&files), load(&shuffled)) {
            (Ok(first), Ok(second)) => prop_assert_eq!(first, second),
            (Err(first), Err(second)) => prop_assert_eq!(render(&first), render(&second)),
            (first, second) => prop_assert!(false, "{first:?} and {second:?}"),
        }
    }

    #[test]
    fn a_damaged_profile_is_an_error_or_a_profile_never_a_panic(
        mutations in prop::collection::vec((any::<Index>(), any::<Index>(), 0..40_usize, select(PIECES)), 1..6),
    ) {
        let mut files = multi_cluster();
        mutate(&mut files, &mutations);
        if let Err(errors) = load(&files) {
            prop_assert!(errors.count() > 0);
            let rendered = render(&errors);
            let shown = rendered.chars().all(|each| each == '\n' || each == '\t' || !each.is_control());
            prop_assert!(shown, "{:?}", rendered);
        }
    }

    #[test]
    fn any_bytes_are_an_error_never_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        path in "\\PC{0,20}",
    ) {
        let file = SourceFile { path, text: bytes };
        prop_assert!(profile::load(&[file], &BTreeMap::new(), &VERSION).is_err());
    }
}

#[test]
fn a_file_over_the_limit_is_refused_unread() {
    let text = vec![b'#'; profile::LARGEST_FILE + 1];
    let errors = load(&[SourceFile { path: "widctl.toml".into(), text }]).unwrap_err();
    assert_eq!(super::codes(&errors)[0], "WID-FILE");
    let errors = load(&[]).unwrap_err();
    assert_eq!(super::codes(&errors), ["WID-ROOT-FILE"]);
}
