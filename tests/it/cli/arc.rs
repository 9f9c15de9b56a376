//! Clusters that Azure Arc connects.

use super::support::{Stage, root, team};

const SYNC: &str = "sync teams.toml --sandbox=sandbox.json --auto-approve";
const PLAN: &str = "plan teams.toml --sandbox=sandbox.json";

#[test]
fn the_issuer_of_an_arc_cluster_is_looked_up_and_its_context_reaches_it() {
    let stage = Stage::new();
    let arc = "name = \"aks-edge\"\nkind = \"arc\"\ncontext = \"store-17\"";
    let profile = root("acme", &["edge"]).replace("name = \"aks-edge\"", arc);
    stage.write("teams.toml", profile + &team("web", &["edge"]));
    let plan = stage.expect(0, &format!("{PLAN} --format json")).json();
    let place = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-aks/providers/Microsoft.Kubernetes/connectedClusters/aks-edge, context store-17";
    let rows = plan["changes"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["place"] == place), "{plan:#}");
    stage.expect(0, SYNC);
    let again = stage.expect(0, &format!("{PLAN} --detailed-exitcode"));
    assert_eq!(again.last(), "No changes. Live state matches the profile.");
}
