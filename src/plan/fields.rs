//! The fields of a resource, before and after beside each other. What is compared is what is shown.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::model::awaited::{Awaited, GivenId};
use crate::model::kinds::marks::{
    ANNOTATION_CREATED, Field, FieldOwner, LABEL_ESTATE, LABEL_MANAGED_BY, LABEL_TEAM, LiveMarks,
    MANAGED_BY_VALUE, Marks, Operation,
};
use crate::model::kinds::tools;
use crate::model::kinds::tools::Tool;

/// One side of a field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum FieldValue<'a> {
    /// Not there.
    Absent,
    /// One text.
    Text(Cow<'a, str>),
    /// Several texts in a fixed order.
    List(Vec<Cow<'a, str>>),
}

/// One field, both sides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FieldRow<'a> {
    /// The field's name for people.
    pub(crate) name: Cow<'a, str>,
    /// The field as Kubernetes tracks its managers; `None` for fields of Azure.
    pub(crate) field: Option<Field>,
    /// What it is.
    pub(crate) before: FieldValue<'a>,
    /// What it becomes.
    pub(crate) after: FieldValue<'a>,
}

/// A side that does not exist: before a create, after a delete.
pub(crate) type Side<'a, K, S> = Option<(&'a K, &'a S)>;

impl<'a> FieldRow<'a> {
    /// A field of an Azure resource.
    pub(crate) fn azure(
        name: impl Into<Cow<'a, str>>,
        before: impl Into<FieldValue<'a>>,
        after: impl Into<FieldValue<'a>>,
    ) -> Self {
        Self { name: name.into(), field: None, before: before.into(), after: after.into() }
    }

    /// A field of a Kubernetes object.
    pub(crate) fn tracked(
        field: Field,
        name: &'a str,
        before: impl Into<FieldValue<'a>>,
        after: impl Into<FieldValue<'a>>,
    ) -> Self {
        Self { field: Some(field), ..Self::azure(name, before, after) }
    }

    /// Whether the sides differ.
    pub(crate) fn differs(&self) -> bool {
        self.before != self.after
    }

    /// Who besides widctl holds the field's other value.
    pub(crate) fn other_owners<'o>(
        &self,
        owners: &'o [FieldOwner],
    ) -> impl Iterator<Item = &'o FieldOwner> {
        let field = self.field.filter(|_| self.before != FieldValue::Absent);
        owners.iter().filter(move |owner| Some(owner.field) == field && !owner.is_widctl())
    }
}

/// Who besides widctl declares a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Declarer<'a> {
    /// The field manager.
    manager: &'a str,
    /// The tool by its manager, else by the object's marks.
    pub(crate) tool: Option<&'static Tool>,
    /// What of the tool declares the object.
    by: Option<&'a str>,
}

impl<'a> Declarer<'a> {
    /// The tool that holds a field; nothing where a person wrote it by hand. Every apply declares; of those that
    /// update, the tools do that are known by their manager, and who else writes to an object of theirs.
    pub(crate) fn of(owner: &'a FieldOwner, marks: &'a LiveMarks) -> Option<Self> {
        let manager = &*owner.manager;
        let known = tools::by_manager(manager);
        let marked = marks.tool.as_ref();
        let tool = match owner.operation {
            Operation::Apply => known,
            Operation::Update if tools::is_by_hand(manager) => return None,
            Operation::Update => Some(known.or(marked.map(|marked| marked.tool))?),
        };
        let by = marked.filter(|marked| Some(marked.tool) == tool);
        let by = by.and_then(|marked| marked.by.as_deref());
        Some(Self { manager, tool, by })
    }
}

impl fmt::Display for Declarer<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(tool) = self.tool else {
            return formatter.write_str(self.manager);
        };
        if tools::by_manager(self.manager).is_none() {
            write!(formatter, "field manager `{}` on an object of ", self.manager)?;
        }
        formatter.write_str(tool.name)?;
        self.by.map_or(Ok(()), |by| write!(formatter, " (`{by}`)"))
    }
}

/// The fields of the marks of ownership.
pub(crate) fn marks<'a>(
    before: Option<&'a LiveMarks>,
    after: Option<&'a Marks>,
) -> [FieldRow<'a>; 4] {
    let live = |read: fn(&LiveMarks) -> &Option<Arc<str>>| before.and_then(|m| read(m).as_deref());
    [
        FieldRow::tracked(
            Field::ManagedBy,
            LABEL_MANAGED_BY,
            live(|marks| &marks.managed_by),
            after.map(|_| MANAGED_BY_VALUE),
        ),
        FieldRow::tracked(
            Field::Estate,
            LABEL_ESTATE,
            live(|marks| &marks.estate),
            after.map(|marks| marks.estate.as_str()),
        ),
        FieldRow::tracked(
            Field::Team,
            LABEL_TEAM,
            live(|marks| &marks.team),
            after.map(|marks| marks.team.as_str()),
        ),
        FieldRow::tracked(
            Field::Created,
            ANNOTATION_CREATED,
            live(|marks| &marks.created),
            after.map(|marks| &*marks.created),
        ),
    ]
}

/// The sides of all fields as maps, by name.
pub(crate) fn maps(rows: &[FieldRow<'_>]) -> (Map<String, Value>, Map<String, Value>) {
    let side = |pick: fn(&FieldRow<'_>) -> Option<Value>| {
        rows.iter().filter_map(|row| Some((row.name.to_string(), pick(row)?))).collect()
    };
    (side(|row| row.before.json()), side(|row| row.after.json()))
}

/// Who holds the other value of the fields that differ, by field.
pub(crate) fn managers(rows: &[FieldRow<'_>], owners: &[FieldOwner]) -> Map<String, Value> {
    let differing = rows.iter().filter(|row| row.differs());
    differing
        .filter_map(|row| {
            let names: Vec<&str> = row.other_owners(owners).map(|owner| &*owner.manager).collect();
            (!names.is_empty()).then(|| (row.name.to_string(), Value::from(names.join(", "))))
        })
        .collect()
}

impl FieldValue<'_> {
    fn json(&self) -> Option<Value> {
        match self {
            Self::Absent => None,
            Self::Text(text) => Some(Value::from(&**text)),
            Self::List(texts) => Some(texts.iter().map(|text| Value::from(&**text)).collect()),
        }
    }
}

impl<'a> From<&'a str> for FieldValue<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for FieldValue<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> From<Vec<Cow<'a, str>>> for FieldValue<'a> {
    fn from(texts: Vec<Cow<'a, str>>) -> Self {
        Self::List(texts)
    }
}

impl<'a, V: Into<Self>> From<Option<V>> for FieldValue<'a>
where
    FieldValue<'a>: Sized,
{
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Absent, Into::into)
    }
}

impl<T: GivenId> From<&Awaited<T>> for FieldValue<'_> {
    fn from(value: &Awaited<T>) -> Self {
        value.to_string().into()
    }
}
