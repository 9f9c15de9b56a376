//! Observes and plans, and makes a graph of it.

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
    let (observed, inputs) = (&planned.observation.state, &planned.file.inputs);
    let graph = graph::graph(&derive::derive(profile), observed, inputs, &planned.plan);
    Ok((planned, graph))
}

/// Writes a drawing to a file, whole or not at all.
pub fn save(path: &Path, drawing: &str) -> Result<(), Failure> {
    write_file::replace(path, secrets::strike(drawing).as_bytes())
        .map_err(|source| Failure::file("write the graph to", path, source))
}
