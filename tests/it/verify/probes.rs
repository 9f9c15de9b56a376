//! Tokens that are presented for identities of other teams, and have to be refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use widctl::command::condition::Condition;
use widctl::command::verify::{Verified, verify};
use widctl::event::{EventSink, Silent};
use widctl::model::guid::{ClientId, TenantId};
use widctl::observed::evidence::Exchanged;
use widctl::ports::error::PortError;
use widctl::ports::workload::{Exchange, WorkloadToken};
use widctl::verify::probe::Probing;
use widctl::verify::scene::Asking;

use super::estate::{Estate, Report, State};
use super::process::Process;

const ISOLATION: &str = "WID-V-ISOLATION";
const FOREIGN: &str = "WID-V-FOREIGN-TRUST";
const THREE: [&str; 3] = ["team-1", "team-2", "team-3"];

fn synced(teams: &[&str]) -> Estate {
    let estate = Estate::of(teams);
    estate.0.expect(0, "sync teams.toml --sandbox --auto-approve");
    estate
}

/// An account of team-1 gets into the identity of team-2.
fn let_in(state: &mut State) {
    let issuer = state.issuer();
    for account in ["flows", "worker"] {
        let subject = format!("system:serviceaccount:team-1:{account}");
        state.add_credential("team-2", account, &issuer, &subject);
    }
}

fn tokens_asked_for(report: &Report) -> u64 {
    report.0["run"]["requests"]["token_requests"].as_u64().unwrap()
}

/// The teams of which something was presented.
fn teams(report: &Report) -> Vec<&str> {
    let subjects = report.0["subjects"].as_array().unwrap().iter();
    let teams = subjects.filter(|subject| subject["kind"] == "team");
    teams.map(|subject| subject["address"].as_str().unwrap()).collect()
}

#[test]
fn as_many_as_asked_for_are_refused_and_each_is_a_failed_sign_in() {
    let estate = synced(&THREE);
    let without = estate.verify(0, "");
    assert_eq!(without.0["probes"], Value::Null);
    // None is tried again, however long the rest may wait.
    let report = estate.verify(0, "--probe-isolation 4 --wait 1m");
    assert_eq!(report.0["probes"]["made"], 4);
    assert_eq!(report.0["probes"]["failed_sign_ins"], 4);
    assert_eq!(tokens_asked_for(&report), tokens_asked_for(&without) + 4);
    assert_eq!(teams(&report), THREE);
    assert_eq!(report.check("team-1", ISOLATION)["status"], "pass");
    assert_eq!((report.with("fail"), report.with("unknown")), ([].into(), [].into()));
    let said = "Isolation: 4 tokens presented for identities of other teams, 4 refused; \
                each refusal is a failed sign-in in Entra's log.";
    for format in ["text", "markdown"] {
        let line = format!("verify teams.toml --sandbox --probe-isolation 4 --format {format}");
        let ran = estate.0.expect(0, &line);
        assert!(ran.stdout.contains(said), "{ran:#?}");
    }
    // Three teams have six pairs.
    let ran = estate.0.expect(0, "verify teams.toml --sandbox --probe-isolation 100");
    assert!(ran.stdout.contains("Isolation: 6 tokens"), "{ran:#?}");
    assert!(ran.stdout.contains("100 were asked for"), "{ran:#?}");
}

#[test]
fn a_credential_behind_widctls_back_fails_isolation_and_is_foreign_trust() {
    let estate = synced(&THREE);
    estate.damage(let_in);
    let report = estate.verify(6, "--probe-isolation 6");
    assert_eq!(report.with("fail"), [("team-2".to_owned(), ISOLATION.to_owned())].into());
    let identity = "azure/identity/id-team-2";
    assert_eq!(report.with("warn"), [(identity.to_owned(), FOREIGN.to_owned())].into());
    assert_eq!(
        (&report.0["probes"]["made"], &report.0["probes"]["failed_sign_ins"]),
        (&6.into(), &5.into())
    );
    let found = report.check("team-2", ISOLATION)["found"].as_str().unwrap();
    assert!(found.starts_with("the token of k/service-account/team-1/"), "{found}");
    assert!(found.contains("of team team-1 was presented for azure/identity/id-team-2"), "{found}");
    let fix = report.fix("team-2", ISOLATION).join(" ");
    assert!(fix.starts_with("az identity federated-credential delete "), "{fix}");
    assert!(fix.contains("--identity-name id-team-2 --name "), "{fix}");
    // What the policy calls meant is not presented.
    let mut issuer = String::new();
    estate.damage(|state| issuer = state.issuer());
    let trusted = format!(
        "estate = \"verify\"\n[policy]\ntrusted = [{{ issuer = \"{issuer}\", subject = \"system:serviceaccount:team-1:*\", identities = [\"id-team-2\"] }}]\n"
    );
    estate.0.edit("teams.toml", "estate = \"verify\"\n", &trusted);
    let report = estate.verify(0, "--probe-isolation 6");
    assert_eq!(report.0["probes"]["made"], 5, "{:#}", report.0["probes"]);
}

#[test]
fn what_the_profile_itself_trusts_is_not_presented() {
    let estate = Estate::of(&["team-1", "team-2"]);
    let shared = "estate = \"verify\"\n[policy]\nshared_identities = true\n";
    estate.0.edit("teams.toml", "estate = \"verify\"\n", shared);
    // Both accounts of team-2 may act as team-1's identity.
    let text = estate.0.read("teams.toml");
    let (first, second) = text.split_at(text.find("[[team]]\nname = \"team-2\"").unwrap());
    let extra = |account: &str| {
        let line = format!("service_account = \"{account}\"\n");
        (line.clone(), format!("{line}extra_identities = [\"id-team-1\"]\n"))
    };
    let second = ["flows", "worker"]
        .into_iter()
        .map(extra)
        .fold(second.to_owned(), |text, (from, to)| text.replace(&from, &to));
    estate.0.write("teams.toml", format!("{first}{second}"));
    estate.0.expect(0, "sync teams.toml --sandbox --auto-approve");
    let report = estate.verify(0, "--probe-isolation 10");
    assert_eq!(teams(&report), ["team-2"]);
    assert_eq!(report.0["probes"]["made"], 1);
}

#[test]
fn another_refusal_proves_nothing() {
    let estate = synced(&THREE);
    // The run's own two sign-ins come before.
    estate.0.write(
        "faults.toml",
        "[[rules]]\napi = \"entra\"\nmethod = \"POST\"\nskip = 2\n\
         effect = { answer = { status = 400, code = \"90061\", message = \"no documents\" } }\n",
    );
    let report = estate.verify(6, "--probe-isolation 3 --sandbox-faults faults.toml");
    let check = report.check("team-1", ISOLATION);
    assert_eq!((&check["status"], &check["cause"]), (&"unknown".into(), &"unread".into()));
    let why = check["why"].as_str().unwrap();
    assert!(why.contains("Entra refused it for another reason: AADSTS90061"), "{why}");
}

#[test]
fn how_many_is_bounded_and_needs_exchanges() {
    let estate = Estate::of(&THREE);
    for flags in ["--probe-isolation 101", "--probe-isolation 1 --no-exchange"] {
        let ran = estate.0.expect(64, &format!("verify teams.toml --sandbox {flags}"));
        assert!(ran.stderr.contains("--probe-isolation"), "{ran:#?}");
    }
}

/// Refuses everything, and keeps what was presented for whom.
#[derive(Default)]
struct Refusing(Mutex<Vec<(String, String)>>);

#[async_trait]
impl Exchange for Refusing {
    async fn exchange(
        &self,
        _: TenantId,
        client: ClientId,
        token: &WorkloadToken,
    ) -> Result<Exchanged, PortError> {
        let subject = token.claims().unwrap().subject.to_string();
        self.0.lock().unwrap().push((subject, client.to_string()));
        Ok(Exchanged::Refused { code: Some(700_213), why: "no credential".into() })
    }
}

/// Verifies with so many probes, and says which team's token was presented for which other team's identity.
async fn presented(process: &mut Process, probing: Probing) -> (Verified, Vec<(String, String)>) {
    let refusing = Arc::new(Refusing::default());
    process.connection.exchange = Arc::clone(&refusing) as Arc<dyn Exchange>;
    let asking = Asking { exchanges: true, probing, ..Asking::default() };
    let events: Arc<dyn EventSink> = Arc::new(Silent);
    let how = (false, Duration::ZERO);
    let verified = verify(&process.profile, &process.connection, &asking, how, &events).await;
    let state = process.world.to_json();
    let resources = state["resources"].as_object().unwrap().iter();
    let clients: BTreeMap<&str, &str> = resources
        .filter_map(|(path, found)| {
            let team = path.rsplit_once("/userassignedidentities/id-")?.1;
            Some((found["properties"]["clientId"].as_str()?, team))
        })
        .collect();
    let said = refusing.0.lock().unwrap();
    let pairs = said.iter().map(|(subject, client)| {
        let team = subject.split(':').nth(2).unwrap().to_owned();
        (team, clients[client.as_str()].to_owned())
    });
    let pairs = pairs.filter(|(from, to)| from != to).collect();
    (verified.unwrap(), pairs)
}

#[tokio::test(start_paused = true)]
async fn a_seed_chooses_pairs_that_touch_every_team_and_none_twice() {
    let names: Vec<String> = (1..=5).map(|number| format!("team-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut process = Process::synced_with(&super::estate::profile_of(&names)).await;
    let mut samples = BTreeSet::new();
    for seed in 0..8 {
        for most in [3, 7, 20] {
            let probing = Probing { most, seed };
            let (verified, mut pairs) = presented(&mut process, probing).await;
            assert_eq!(verified.condition(), Condition::Unverified, "no workload gets its token");
            pairs.sort();
            let distinct: BTreeSet<_> = pairs.iter().collect();
            assert_eq!((pairs.len(), distinct.len()), (most, most), "{pairs:?}");
            let teams: BTreeSet<&String> = pairs.iter().flat_map(|(a, b)| [a, b]).collect();
            assert_eq!(teams.len(), 5, "{pairs:?}");
            let (_, mut again) = presented(&mut process, probing).await;
            again.sort();
            assert_eq!(pairs, again);
            if most == 3 {
                samples.insert(pairs);
            }
        }
    }
    assert!(samples.len() > 1, "the seed matters");
}
