//! What drives the targets: seeds, recipes that damage them, and what is done with an input that fails.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, panic};

use data_encoding::{BASE64, HEXLOWER};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestError, TestRng, TestRunner};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use widctl::profile::SourceFile;

use super::damage::{Act, damage};

/// More of a processor than any input may take. The clock would count what else the machine does.
const PATIENCE: Duration = Duration::from_secs(5);

/// The largest input that is kept with the sources.
const LARGEST_KEPT: usize = 32 * 1024;

/// An input: the files that a reader is given, or the answers of a server, one a file.
pub(super) type Input = Vec<SourceFile>;

/// Which seed, and what is done to it.
pub(super) type Recipe = (u32, Vec<Act>);

/// Something that reads what strangers wrote.
pub(super) struct Target {
    /// Its name, and the folder of `found/` that is its own.
    pub(super) name: &'static str,
    /// Good and bad inputs to begin with.
    pub(super) seeds: fn() -> Vec<Input>,
    /// What must hold of an input; the error says what did not.
    pub(super) check: fn(&[SourceFile]) -> Result<(), String>,
    /// How many damaged inputs `cargo test` tries.
    pub(super) cases: u32,
}

/// A file as it is kept: readable where it is text.
#[derive(Serialize, Deserialize)]
struct Kept {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

/// Damaged seeds.
pub(super) fn recipes() -> impl Strategy<Value = Recipe> {
    (any::<u32>(), prop::collection::vec(any::<Act>(), 1..8))
}

/// A runner that does the same for the same number.
pub(super) fn runner(cases: u32, seed: u64) -> TestRunner {
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 300,
        max_shrink_time: 3_000,
        ..ProptestConfig::default()
    };
    let bytes: [u8; 32] = Sha256::digest(seed.to_le_bytes()).into();
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// The input of a recipe.
pub(super) fn cook(seeds: &[Input], (seed, acts): &Recipe) -> Input {
    let index = *seed as usize % seeds.len();
    let mut input = seeds[index].clone();
    for act in acts {
        let other = &seeds[act.3 as usize % seeds.len()];
        damage(&mut input, other, *act);
    }
    input
}

impl Target {
    /// Replays what ever failed, then goes on with damaged seeds.
    pub(super) fn run(&self) {
        let mut wrong = BTreeMap::new();
        let seeds = self.all_seeds(&mut wrong);
        let longer = seconds();
        let begun = now();
        for round in 0.. {
            self.round(&seeds, round, &mut wrong, longer.is_some());
            if longer.is_none_or(|longer| begun.elapsed() >= longer) {
                break;
            }
        }
        let told: Vec<&String> = wrong.values().collect();
        assert!(wrong.is_empty(), "{}: {told:#?}", self.name);
    }

    /// The seeds and what was found earlier, each looked at as it is.
    fn all_seeds(&self, wrong: &mut BTreeMap<String, String>) -> Vec<Input> {
        let mut seeds = Vec::new();
        let given = (self.seeds)().into_iter().enumerate();
        let given = given.map(|(index, seed)| (format!("seed {index}"), seed));
        for (name, input) in given.chain(found(self.name)) {
            if let Err(why) = self.judge(&input) {
                wrong.insert(kind_of(&why), format!("{name}: {why}"));
            }
            seeds.push(input);
        }
        seeds
    }

    /// Damaged inputs until one fails for a reason that is not known yet.
    fn round(&self, seeds: &[Input], round: u64, wrong: &mut BTreeMap<String, String>, keep: bool) {
        let known: BTreeSet<String> = wrong.keys().cloned().collect();
        let outcome = runner(self.cases, round).run(&recipes(), |recipe| {
            match self.judge(&cook(seeds, &recipe)) {
                Err(why) if !known.contains(&kind_of(&why)) => Err(TestCaseError::fail(why)),
                Ok(()) | Err(_) => Ok(()),
            }
        });
        let Err(TestError::Fail(reason, recipe)) = outcome else {
            return;
        };
        let why = reason.message().to_owned();
        let path = self.keep(&cook(seeds, &recipe), keep);
        wrong.insert(kind_of(&why), format!("{}: {why}", path.display()));
    }

    /// The check, with its panics and its time.
    pub(super) fn judge(&self, input: &[SourceFile]) -> Result<(), String> {
        let begun = processor_time();
        let checked = panic::catch_unwind(|| (self.check)(input));
        checked.unwrap_or_else(|payload| Err(format!("a panic: {}", words(&*payload))))?;
        let took = processor_time().saturating_sub(begun);
        if took > PATIENCE {
            return Err(format!("it takes too long: {took:?}"));
        }
        Ok(())
    }

    /// Writes an input that failed: beside the others in a long run, else where builds put theirs, and
    /// what is too large for a repository in any case.
    pub(super) fn keep(&self, input: &[SourceFile], beside: bool) -> PathBuf {
        let text = to_json(input);
        let beside = beside && text.len() <= LARGEST_KEPT;
        let folder = if beside {
            folder(self.name)
        } else {
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz").join(self.name)
        };
        let hash = HEXLOWER.encode(&Sha256::digest(&text)[..6]);
        let path = folder.join(format!("{hash}.json"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

/// What a panic said.
fn words(payload: &(dyn Any + Send)) -> &str {
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    let text = owned.or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("without words")
}

fn to_json(input: &[SourceFile]) -> String {
    let kept: Vec<Kept> = input
        .iter()
        .map(|file| {
            let text = String::from_utf8(file.text.clone()).ok();
            Kept {
                path: file.path.clone(),
                base64: text.is_none().then(|| BASE64.encode(&file.text)),
                text,
            }
        })
        .collect();
    serde_json::to_string_pretty(&kept).unwrap() + "\n"
}

fn from_json(text: &str) -> Input {
    let kept: Vec<Kept> = serde_json::from_str(text).unwrap();
    let file = |kept: Kept| SourceFile {
        path: kept.path,
        text: match (kept.text, kept.base64) {
            (Some(text), _) => text.into_bytes(),
            (None, base64) => BASE64.decode(base64.unwrap_or_default().as_bytes()).unwrap(),
        },
    };
    kept.into_iter().map(file).collect()
}

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fuzz/found").join(target)
}

/// Every input that ever failed, with its file's name.
pub(super) fn found(target: &str) -> Vec<(String, Input)> {
    let Ok(entries) = fs::read_dir(folder(target)) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let input = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, from_json(&fs::read_to_string(&path).unwrap()))
    };
    paths.into_iter().map(input).collect()
}

/// What a reason is about, without its values: two reasons of a kind are one finding.
fn kind_of(why: &str) -> String {
    let plain = why.chars().filter(|each| each.is_ascii_alphabetic() || *each == ' ');
    plain.take(40).collect()
}

/// How long to go on, where somebody said so.
#[expect(clippy::disallowed_methods, reason = "how long to look")]
pub(super) fn seconds() -> Option<Duration> {
    let text = std::env::var("WIDCTL_FUZZ_SECONDS").ok()?;
    Some(Duration::from_secs(text.parse().expect("WIDCTL_FUZZ_SECONDS is a number")))
}

/// How long this thread has had a processor.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs().try_into().unwrap())
}

#[expect(clippy::disallowed_methods, reason = "what takes too long is a finding")]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[test]
fn what_is_kept_is_read_back() {
    let input = vec![
        SourceFile { path: "::a\u{1b}".into(), text: b"\r\n\"".to_vec() },
        SourceFile { path: "b".into(), text: vec![0xff, 0] },
    ];
    assert_eq!(from_json(&to_json(&input)), input);
}
