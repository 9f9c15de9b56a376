//! Observes and plans, and makes a graph of it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::command::connection::Connection;
use crate::command::failure::Failure;
use crate::command::plan::Planned;
use crate::command::{plan, write_file};
use crate::desired::derive;
use crate::event::EventSink;
use crate::graph;
use crate::graph::Graph;
use crate::plan::file::About;
use crate::plan::inputs::PlanInputs;
use crate::ports::secrets;
use crate::profile::resolved::Profile;

/// The graph of an estate, and the plan that says how its parts are.
pub async fn graph(
    profile: &Profile,
    connection: &Connection,
    about: About,
    require_all: bool,
    events: &Arc<dyn EventSink>,
) -> Result<(Planned, Graph), Failure> {
    let planned = plan::plan(profile, connection, about, require_all, events).await?;
    let graph = of_plan(profile, &planned, &planned.about.inputs);
    Ok((planned, graph))
}

/// The graph of the teams that a plan does something to, if there are any.
pub fn touched(profile: &Profile, planned: &Planned) -> Option<Graph> {
    let teams: BTreeSet<String> = planned.plan.rows().filter_map(|row| row.team).collect();
    // No filter would let every team in.
    let is_any = !teams.is_empty();
    let inputs = PlanInputs { teams: teams.into_iter().collect(), ..planned.about.inputs.clone() };
    is_any.then(|| of_plan(profile, planned, &inputs))
}

fn of_plan(profile: &Profile, planned: &Planned, inputs: &PlanInputs) -> Graph {
    let desired = derive::derive(profile);
    graph::graph(&desired, &planned.observation.state, inputs, &planned.plan)
}

/// Writes a drawing to a file, whole or not at all.
pub fn save(path: &Path, drawing: &str) -> Result<(), Failure> {
    write_file::replace(path, secrets::strike(drawing).as_bytes())
        .map_err(|source| Failure::file("write the graph to", path, source))
}
