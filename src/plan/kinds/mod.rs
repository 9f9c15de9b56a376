//! One file per kind: how it is matched and compared, what is done about it and why.

pub(crate) mod federated_credential;
pub(crate) mod identity;
pub(crate) mod leftovers;
pub(crate) mod marked;
pub(crate) mod namespace;
pub(crate) mod role;
pub(crate) mod role_assignment;
pub(crate) mod role_binding;
pub(crate) mod service_account;

use std::time::Duration;

pub(crate) use self::role_binding::{AccountRights, rights_of_account};
use crate::model::awaited::IdentityOutputs;
use crate::model::kinds::identity::IdentityKey;
use crate::model::kinds::marks::FieldOwner;
use crate::model::right::Right;
use crate::model::text::Namespace;
use crate::plan::action::{Action, Force};
use crate::plan::change::{Change, Listed};
use crate::plan::fields::{FieldRow, Side};
use crate::plan::relation::{Limit, Relations, Removal};
use crate::plan::row::Place;

/// What rows, the schedule, the estimate and the preflight need to know of a kind.
pub(crate) trait PlannedKind: Listed {
    /// All fields that widctl looks at, in a fixed order, whether or not they differ.
    fn fields<'a>(
        before: Side<'a, Self::Key, Self::Live>,
        after: Side<'a, Self::Key, Self::Planned>,
    ) -> Vec<FieldRow<'a>>;

    /// Who wrote which field.
    fn owners(_: &Self::Live) -> &[FieldOwner] {
        &[]
    }

    /// Where the resource is; with its address that is the whole key.
    fn place(key: &Self::Key) -> Place<'_>;

    /// The identity that the resource is, belongs to, or names after the change.
    fn identity(_: &Change<Self>) -> Option<&IdentityKey> {
        None
    }

    /// The identity to which the change gives more than it had: another trust, or another role.
    fn widens(_: &Change<Self>) -> Option<&IdentityKey> {
        None
    }

    /// The namespace whose pods keep what they started with until they are restarted.
    fn outlived_by_pods(_: &Change<Self>) -> Option<&Namespace> {
        None
    }

    /// The limit that a write shares with the others of its subscription or cluster.
    fn limit(key: &Self::Key) -> Limit;

    /// What a change has to do with others.
    fn relations(change: &Change<Self>) -> Relations<'_>;

    /// The rights that a change needs; `existing` are the identities that exist.
    fn rights(change: &Change<Self>, existing: &IdentityOutputs) -> Vec<Right>;

    /// What is taken away where one is deleted or released.
    const REMOVAL: Removal;

    /// How old the last reading may be at a write; `None` where the write is bound to it, or needs none.
    const FRESH: Option<Duration> = None;

    /// What to write where this was found right before, or why the change no longer fits. A forced write takes fields
    /// from those alone whom the plan saw; the API server asks nobody then.
    /// <https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts>
    fn fit(
        action: &Action<Self>,
        found: Option<&Self::Live>,
        planned: &Self::Write,
    ) -> Result<Self::Write, String> {
        let before = match action {
            Action::Update { before, force: Force::Yes, .. }
            | Action::Adopt { before, force: Force::Yes, .. } => before,
            Action::Create { .. }
            | Action::Update { force: Force::No, .. }
            | Action::Adopt { force: Force::No, .. }
            | Action::Replace { .. }
            | Action::Release { .. }
            | Action::Delete { .. } => return Ok(planned.clone()),
        };
        let (seen, now) = (Self::owners(before), Self::owners(found.ok_or("it is gone")?));
        match now.iter().find(|owner| !seen.contains(owner)) {
            Some(owner) => Err(format!("by now {} holds a field of it", owner.manager)),
            None => Ok(planned.clone()),
        }
    }

    /// What of an answer is not as it was written.
    fn difference(_: &Self::Live, _: &Self::Write) -> Option<String> {
        None
    }

    /// Puts sorted changes into the order in which they can be written.
    fn arrange(_: &mut Vec<Change<Self>>) {}
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::PlannedKind;
    use crate::model::kinds::marks::{Field, FieldOwner, LiveMarks, Marks, Operation};
    use crate::model::kinds::rbac::{LiveRole, Role, Roles};
    use crate::plan::action::{Action, Force};

    fn live(managers: &[&str]) -> LiveRole {
        let owner = |manager: &&str| FieldOwner {
            manager: (*manager).into(),
            operation: Operation::Update,
            field: Field::Rules,
        };
        LiveRole {
            rules: [].into(),
            marks: LiveMarks::default(),
            owners: managers.iter().map(owner).collect(),
        }
    }

    #[test]
    fn a_forced_write_takes_no_field_from_whom_the_plan_did_not_see() {
        let marks = Marks { estate: "acme".into(), team: "web".into(), created: "mark".into() };
        let planned = Role { rules: [].into(), marks };
        let update = |force| Action::<Roles>::Update {
            before: Arc::new(live(&["widctl", "kubectl-edit"])),
            after: Arc::new(planned.clone()),
            force,
        };
        let fits = |force, found: Option<&LiveRole>| Roles::fit(&update(force), found, &planned);
        for (managers, fit) in [
            (&["widctl", "kubectl-edit"][..], Ok(planned.clone())),
            (&["widctl"], Ok(planned.clone())),
            (
                &["widctl", "kubectl-edit", "helm"],
                Err("by now helm holds a field of it".to_owned()),
            ),
        ] {
            assert_eq!(fits(Force::Yes, Some(&live(managers))), fit);
        }
        assert_eq!(fits(Force::Yes, None), Err("it is gone".to_owned()));
        // The API server itself asks whoever does not force.
        assert!(fits(Force::No, Some(&live(&["helm"]))).is_ok());
    }
}
