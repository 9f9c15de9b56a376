//! What a sync asked when, from its log: how many requests of each kind, how many at once, and every moment in which
//! nothing was asked, with what it came after and what it went before.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::served::Served;

/// Shorter pauses are the machine's.
const SHORTEST: f64 = 0.010;

/// A request of the log: what was asked, from when until when.
struct Asked {
    what: String,
    begun: f64,
    ended: f64,
}

/// Syncs once more with a log, and prints its waterfall.
pub(crate) fn print(folder: &Path, served: &Served) {
    let log = folder.join("state/log");
    let start = Timestamp::now();
    let ran = super::command(folder, served).arg("-vv").arg("--log-file").arg(&log).output();
    let end = since(start, Timestamp::now());
    assert!(ran.expect("widctl starts").status.success(), "a sync with a log ends as one without");
    let text = std::fs::read_to_string(&log).expect("the log was written");
    let mut asked: Vec<Asked> = text.lines().filter_map(|line| read(line, start)).collect();
    asked.sort_by(|one, other| one.begun.total_cmp(&other.begun));
    println!("\nwaterfall of a sync of 1,000 teams that changes nothing, in seconds");
    println!("   from     to  requests  most at once  what");
    for (what, of_kind) in kinds(&asked) {
        let ended = of_kind.iter().map(|asked| asked.ended).fold(0.0, f64::max);
        let at = |time: f64| {
            of_kind.iter().filter(move |asked| asked.begun <= time && time < asked.ended)
        };
        let most = of_kind.iter().map(|asked| at(asked.begun).count()).max().unwrap_or_default();
        let (count, begun) = (of_kind.len(), of_kind[0].begun);
        println!("{begun:>7.3}  {ended:>5.3}  {count:>8}  {most:>12}  {what}");
    }
    println!("   from     to  nothing was asked");
    let (mut free, mut before) = (0.0, "the start");
    for next in &asked {
        gap(free, next.begun, before, &next.what);
        if next.ended > free {
            (free, before) = (next.ended, &next.what);
        }
    }
    gap(free, end, before, "the end");
    println!();
}

fn gap(from: f64, to: f64, before: &str, after: &str) {
    if to - from >= SHORTEST {
        println!("{from:>7.3}  {to:>5.3}  after {before}, before {after}");
    }
}

/// The requests of each kind, in the order in which the kinds began.
fn kinds(asked: &[Asked]) -> Vec<(&str, Vec<&Asked>)> {
    let mut kinds: BTreeMap<&str, Vec<&Asked>> = BTreeMap::new();
    for asked in asked {
        kinds.entry(&asked.what).or_default().push(asked);
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by(|(_, one), (_, other)| one[0].begun.total_cmp(&other[0].begun));
    kinds
}

/// A line such as `TIME DEBUG Azure Resource Manager: GET /a/b: 200 after 103 ms, attempt 1, …`.
fn read(line: &str, start: Timestamp) -> Option<Asked> {
    let (time, rest) = line.split_once(' ')?;
    let (what, answer) = rest.trim_start().strip_prefix("DEBUG ")?.split_once(" after ")?;
    let took: f64 = answer.split_once(" ms")?.0.parse().ok()?;
    let ended = since(start, time.parse().ok()?);
    // Of a path its last part says what is asked for; the names of single things are left out.
    let (asked, _) = what.rsplit_once(": ")?;
    let (who, target) = asked.rsplit_once(' ').unwrap_or((asked, ""));
    let part = target.rsplit('/').next().unwrap_or_default();
    Some(Asked { what: format!("{who} {part}"), begun: ended - took / 1_000.0, ended })
}

fn since(start: Timestamp, time: Timestamp) -> f64 {
    time.duration_since(start).as_secs_f64()
}
