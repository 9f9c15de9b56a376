//! How ownership is written on Kubernetes objects, and who wrote which field.

use std::sync::Arc;

use crate::model::kinds::tools::Tool;
use crate::model::text::{ClusterName, Estate, TeamName};

/// The label that says who manages an object; its value is [`MANAGED_BY_VALUE`].
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/>
pub const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`LABEL_MANAGED_BY`] on what widctl created or adopted.
pub const MANAGED_BY_VALUE: &str = "widctl";
/// The label that names the owning estate.
pub const LABEL_ESTATE: &str = "widctl.dev/estate";
/// The label that names the team that the object was made for.
pub const LABEL_TEAM: &str = "widctl.dev/team";
/// The label that names the estate that annotates an account which somebody else owns.
pub const LABEL_ANNOTATES: &str = "widctl.dev/annotates";
/// The annotation that names its own object, and says whether widctl created it or took it over. On a copy
/// of the object it names another one.
pub const ANNOTATION_CREATED: &str = "widctl.dev/created";
/// The field manager of everything that widctl applies.
pub const FIELD_MANAGER: &str = "widctl";

/// The marks that the plan wants on an object that the estate owns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Marks {
    /// The owning estate.
    pub estate: Estate,
    /// The team.
    pub team: TeamName,
    /// The value of [`ANNOTATION_CREATED`], made by `desired::naming`.
    pub created: Arc<str>,
}

/// What widctl says of itself on an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Claim {
    /// The estate owns it (mode `manage`).
    Owns(Marks),
    /// The estate annotates what somebody else owns (mode `annotate`).
    Annotates(Estate),
}

impl Claim {
    /// The marks of ownership, where it is owned.
    pub fn marks(&self) -> Option<&Marks> {
        match self {
            Self::Owns(marks) => Some(marks),
            Self::Annotates(_) => None,
        }
    }

    /// The estate that annotates it, where somebody else owns it.
    pub fn annotates(&self) -> Option<&Estate> {
        match self {
            Self::Owns(_) => None,
            Self::Annotates(estate) => Some(estate),
        }
    }
}

/// The marks as they were observed, whatever their values.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LiveMarks {
    /// The value of [`LABEL_MANAGED_BY`].
    pub managed_by: Option<Arc<str>>,
    /// The value of [`LABEL_ESTATE`].
    pub estate: Option<Arc<str>>,
    /// The value of [`LABEL_TEAM`].
    pub team: Option<Arc<str>>,
    /// The value of [`LABEL_ANNOTATES`].
    pub annotates: Option<Arc<str>>,
    /// The value of [`ANNOTATION_CREATED`].
    pub created: Option<Arc<str>>,
    /// The other tool whose marks it has.
    pub tool: Option<Declared>,
}

/// The tool that an object's marks name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Declared {
    /// The tool.
    pub tool: &'static Tool,
    /// What of the tool declares the object, a release or an application, where the marks name it.
    pub by: Option<Arc<str>>,
}

/// What names an object on a cluster, its kind aside.
pub trait ObjectKey {
    /// The cluster.
    fn cluster(&self) -> &ClusterName;
    /// The object's namespace; `None` for a cluster-wide kind.
    fn namespace(&self) -> Option<&str>;
    /// The object's name.
    fn name(&self) -> &str;
}

/// A Kubernetes object as observed: whose it is by its marks, and who wrote which of our fields.
pub trait Marked {
    /// Whether mode `annotate` can leave an object of the kind to somebody else.
    const CAN_BE_ANNOTATED: bool;

    /// Its marks.
    fn marks(&self) -> &LiveMarks;
    /// Who wrote which of our fields.
    fn owners(&self) -> &[FieldOwner];
}

/// Makes forms with the fields `marks` and `owners` [`Marked`].
macro_rules! marked {
    ($($live:ty: $can_be_annotated:literal),+) => {$(
        impl $crate::model::kinds::marks::Marked for $live {
            const CAN_BE_ANNOTATED: bool = $can_be_annotated;

            fn marks(&self) -> &LiveMarks {
                &self.marks
            }

            fn owners(&self) -> &[FieldOwner] {
                &self.owners
            }
        }
    )+};
}
pub(crate) use marked;

/// A field that widctl writes on Kubernetes objects.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Field {
    /// The label [`LABEL_MANAGED_BY`].
    ManagedBy,
    /// The label [`LABEL_ESTATE`].
    Estate,
    /// The label [`LABEL_TEAM`].
    Team,
    /// The label [`LABEL_ANNOTATES`].
    Annotates,
    /// The annotation [`ANNOTATION_CREATED`].
    Created,
    /// The annotation `azure.workload.identity/client-id`.
    ClientId,
    /// The annotation `azure.workload.identity/tenant-id`.
    TenantId,
    /// The annotation `azure.workload.identity/service-account-token-expiration`.
    TokenExpiration,
    /// The rules of a Role.
    Rules,
    /// The role that a `RoleBinding` refers to; it cannot be changed after creation.
    RoleRef,
    /// The subjects of a `RoleBinding`.
    Subjects,
}

/// How a manager came to own a field.
/// <https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Operation {
    /// Declared by server-side apply: Helm, Argo CD, widctl itself.
    Apply,
    /// Written by any other request: a person's `kubectl edit` or `kubectl annotate`.
    Update,
}

/// One manager's claim on one of our fields.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldOwner {
    /// The field.
    pub field: Field,
    /// The manager's name as Kubernetes records it.
    pub manager: Arc<str>,
    /// How it came to own the field.
    pub operation: Operation,
}

impl FieldOwner {
    /// Whether it is widctl's own server-side apply.
    pub fn is_widctl(&self) -> bool {
        &*self.manager == FIELD_MANAGER && self.operation == Operation::Apply
    }
}

/// Whether widctl itself holds the field.
pub fn is_held(owners: &[FieldOwner], field: Field) -> bool {
    owners.iter().any(|owner| owner.field == field && owner.is_widctl())
}
