//! One pod that the real webhook has seen, verified without a profile.

use std::sync::Arc;
use std::time::Duration;

use widctl::command::rehearsal::assumptions::grow;
use widctl::command::verify_pod;
use widctl::command::verify_pod::{Asked, Proven};
use widctl::event::{EventSink, Silent};
use widctl::model::kinds::federated_credential::{FederatedCredentialKey, FederatedCredentials};
use widctl::model::kinds::identity::IdentityKey;
use widctl::model::pod::PodName;
use widctl::ports::read::AzureRead;
use widctl::ports::store::Store;
use widctl::sandbox::World;
use widctl::verify::scene::Asking;
use widctl::verify::verdict::Verdict;

use super::verify::{over, team};
use super::webhook;
use crate::verify::process::{Process, failed, verdict};

const SUBSCRIPTION: &str = "00000000-0000-4000-8000-000000000001";

/// Verifies a pod by itself.
async fn verify(process: &mut Process, pod: &PodName) -> Proven {
    let asked = Asked { pod, context: "weu", subscription: None, profile: None };
    let asking = Asking { exchanges: true, ..Asking::default() };
    let events: Arc<dyn EventSink> = Arc::new(Silent);
    let connection = &mut process.connection;
    verify_pod::verify(connection, asked, &asking, Duration::ZERO, &events).await.unwrap()
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn a_pod_that_the_webhook_has_seen_is_verified_and_its_missing_credential_found() {
    let Some(site) = webhook::site().await else {
        return;
    };
    let (profile, world) = (team(&site).await, World::in_memory());
    grow(&world, &profile);
    let mut process = over(&site, &site.cluster, &profile, &world).await;
    process.sync().await;
    let made = webhook::create(&site, &webhook::labelled("flows")).await;
    let name = made.metadata.name.unwrap();
    let pod: PodName = format!("{}/{name}", site.namespace).parse().unwrap();

    let Proven { verified, beside, by_profile } = verify(&mut process, &pod).await;
    assert!(beside.is_empty() && !by_profile, "{beside:?}");
    let results = verified.unwrap().results;
    assert!(results.tally().is_green(), "{results:#?}");
    assert_eq!(verdict(&results, "WID-V-CREDENTIAL-AUDIENCE"), &Verdict::Pass);

    let azure = Arc::clone(&process.connection.azure);
    let identity = results.subjects[1].identity.as_deref().unwrap();
    let identity = IdentityKey::new(SUBSCRIPTION.parse().unwrap(), "rg-wi", identity);
    for live in azure.credentials(&identity).await.unwrap() {
        if live.name.as_str().ends_with("-flows") {
            let key =
                FederatedCredentialKey { identity: identity.clone(), name: live.name.clone() };
            Store::<FederatedCredentials>::delete(&*azure, &key, &live, ()).await.unwrap();
        }
    }
    let Proven { verified, beside, .. } = verify(&mut process, &pod).await;
    assert!(beside.is_empty(), "{beside:?}");
    let results = verified.unwrap().results;
    assert_eq!(failed(&results), ["WID-V-CREDENTIAL"]);
    let Verdict::Fail(finding) = verdict(&results, "WID-V-CREDENTIAL") else {
        panic!("{results:#?}");
    };
    let fix = finding.fix.as_ref().unwrap();
    assert_eq!(fix[..4], ["az", "identity", "federated-credential", "create"]);

    let nobody: PodName = format!("{}/nobody", site.namespace).parse().unwrap();
    let asked = Asked { pod: &nobody, context: "weu", subscription: None, profile: None };
    let (asking, events) = (Asking::default(), Arc::new(Silent) as Arc<dyn EventSink>);
    let connection = &mut process.connection;
    let missing = verify_pod::verify(connection, asked, &asking, Duration::ZERO, &events).await;
    let Err(failure) = missing else { panic!("there is no such pod") };
    assert!(failure.to_string().starts_with("there is no pod"), "{failure}");
    site.leave().await;
}
