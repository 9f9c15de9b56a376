//! Which change may run when. The graph is computed from the changes' keys each time, never stored.
//!
//! Two relations. `needs`: a change cannot succeed before another has, so a failure skips it and all that
//! need it in turn. `follows`: order alone, whatever the end of the other; credential writes on one
//! identity form such a queue, because Azure answers 409 to two at a time.
//! <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>

mod lane;
mod refusals;
mod relations;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use self::lane::Lane;
use self::refusals::Refusals;
pub use self::refusals::Withheld;
use crate::model::awaited::IdentityOutputs;
use crate::plan::change::AnyChange;

/// Hands out changes, by their index, as soon as what comes before them has ended.
#[derive(Debug)]
pub struct Schedule {
    nodes: Vec<Node>,
    lanes: Vec<Traffic>,
    refusals: Refusals,
    /// Those that may run, but are not tried: what they need was refused too often.
    withheld: BTreeSet<usize>,
}

/// What goes on in one lane.
#[derive(Default, Debug)]
struct Traffic {
    /// Those that may run, by their turn.
    ready: BTreeSet<Turn>,
    under_way: usize,
}

/// When a change gets its turn: the longest chain of changes that wait for it first, so that no chain is left
/// to run alone at the end; then the plan's order.
type Turn = (Reverse<usize>, usize);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Waiting,
    Taken,
    Ended,
}

#[derive(Debug)]
struct Node {
    state: State,
    /// Its place among the lanes.
    lane: usize,
    /// How many changes the longest chain has that begins here.
    chain: usize,
    /// How many relations to unfinished changes are left.
    open: usize,
    /// Changes that need this one.
    needed_by: Vec<usize>,
    /// Changes that only come after this one.
    followed_by: Vec<usize>,
    /// Whether the identity or namespace that holds it is made by this run.
    new_parent: bool,
}

impl Node {
    fn successors(&self) -> Vec<usize> {
        [self.needed_by.as_slice(), self.followed_by.as_slice()].concat()
    }
}

impl Schedule {
    /// The schedule of these changes; `existing` are the identities that exist.
    pub fn new(changes: &[AnyChange], existing: &IdentityOutputs) -> Self {
        let mut lanes: BTreeMap<Lane, usize> = BTreeMap::new();
        let nodes = changes.iter().map(|change| {
            let next = lanes.len();
            Node {
                state: State::Waiting,
                lane: *lanes.entry(Lane::of(change)).or_insert(next),
                chain: 1,
                open: 0,
                needed_by: Vec::new(),
                followed_by: Vec::new(),
                new_parent: false,
            }
        });
        let nodes = nodes.collect();
        let mut schedule = Self {
            nodes,
            lanes: lanes.iter().map(|_| Traffic::default()).collect(),
            refusals: Refusals::new(changes, existing),
            withheld: BTreeSet::new(),
        };
        relations::connect(changes, &mut schedule);
        schedule.measure_chains();
        for index in 0..schedule.nodes.len() {
            if schedule.nodes[index].open == 0 {
                schedule.admit(index);
            }
        }
        schedule
    }

    /// The next change that may run now, where no more than `window` changes are under way in a lane:
    /// those that one limit of Azure holds back do not keep the others waiting.
    pub fn take_ready(&mut self, window: usize) -> Option<usize> {
        loop {
            let lanes = self.lanes.iter_mut();
            let open = lanes.filter(|lane| lane.under_way < window && !lane.ready.is_empty());
            let lane = open.min_by_key(|lane| lane.ready.first().copied())?;
            let (_, index) = lane.ready.pop_first()?;
            if self.refusals.withholding(index).is_some() {
                self.withheld.insert(index);
                continue;
            }
            lane.under_way += 1;
            self.nodes[index].state = State::Taken;
            return Some(index);
        }
    }

    /// Takes note that a change was refused for want of this action: those that need the same at the same scope are
    /// no longer handed out once that has happened often enough.
    pub fn refuse(&mut self, index: usize, action: &str) {
        self.refusals.refuse(index, action);
    }

    /// Those that may run and are not tried, in the plan's order, each with what was refused too often.
    pub fn withheld(&self) -> Vec<(usize, Withheld)> {
        let withheld = self.withheld.iter();
        withheld.filter_map(|index| Some((*index, self.refusals.withholding(*index)?))).collect()
    }

    /// Takes note that a change ended. Unless it succeeded, all that need it, directly or not, are
    /// never handed out; they are answered in the plan's order.
    pub fn finish(&mut self, index: usize, succeeded: bool) -> Vec<usize> {
        self.end(index);
        if succeeded && self.refusals.allow(index) {
            for index in std::mem::take(&mut self.withheld) {
                self.admit(index);
            }
        }
        let mut skipped = Vec::new();
        let mut without = if succeeded { Vec::new() } else { vec![index] };
        while let Some(missing) = without.pop() {
            for dependant in self.nodes[missing].needed_by.clone() {
                if self.nodes[dependant].state == State::Waiting {
                    self.end(dependant);
                    skipped.push(dependant);
                    without.push(dependant);
                }
            }
        }
        skipped.sort_unstable();
        skipped
    }

    /// Whether the identity or namespace that holds this change's resource is made by this run, so that
    /// the services may not have heard of it yet.
    pub fn has_new_parent(&self, index: usize) -> bool {
        self.nodes[index].new_parent
    }

    /// The changes that have not been handed out nor skipped, in the plan's order.
    pub fn waiting(&self) -> Vec<usize> {
        let waiting = self.nodes.iter().enumerate();
        waiting.filter(|(_, node)| node.state == State::Waiting).map(|(index, _)| index).collect()
    }

    /// Ends a change and opens the way for what waited for nothing else.
    fn end(&mut self, index: usize) {
        let turn = self.turn(index);
        let node = &mut self.nodes[index];
        let lane = &mut self.lanes[node.lane];
        lane.under_way -= usize::from(node.state == State::Taken);
        lane.ready.remove(&turn);
        self.withheld.remove(&index);
        node.state = State::Ended;
        for successor in node.successors() {
            let node = &mut self.nodes[successor];
            node.open -= 1;
            if node.open == 0 && node.state == State::Waiting {
                self.admit(successor);
            }
        }
    }

    /// Lets a change run as soon as it is its turn.
    fn admit(&mut self, index: usize) {
        let turn = self.turn(index);
        self.lanes[self.nodes[index].lane].ready.insert(turn);
    }

    fn turn(&self, index: usize) -> Turn {
        (Reverse(self.nodes[index].chain), index)
    }

    /// Measures the chains from their ends: in `met` each change comes after all that it waits for.
    fn measure_chains(&mut self) {
        let mut open: Vec<usize> = self.nodes.iter().map(|node| node.open).collect();
        let mut met: Vec<usize> = (0..open.len()).filter(|index| open[*index] == 0).collect();
        let mut next = 0;
        while let Some(&index) = met.get(next) {
            next += 1;
            for successor in self.nodes[index].successors() {
                open[successor] -= 1;
                if open[successor] == 0 {
                    met.push(successor);
                }
            }
        }
        for index in met.into_iter().rev() {
            let after = self.nodes[index].successors().into_iter();
            let longest = after.map(|successor| self.nodes[successor].chain).max();
            self.nodes[index].chain = 1 + longest.unwrap_or_default();
        }
    }

    fn add_need(&mut self, change: usize, needed: usize) {
        self.nodes[needed].needed_by.push(change);
        self.nodes[change].open += 1;
    }

    fn add_order(&mut self, change: usize, earlier: usize) {
        self.nodes[earlier].followed_by.push(change);
        self.nodes[change].open += 1;
    }
}
