//! The bodies that `kubectl create` and `kubectl auth can-i` send: protobuf, with no other form to
//! choose. Read for the few kinds they make; answers are JSON, which they take.
//!
//! Envelope: <https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding>; field
//! numbers: the `generated.proto` files of <https://github.com/kubernetes/api>.

use serde_json::Value;
use serde_json::json;

/// The media type.
pub(super) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

const MAGIC: &[u8] = b"k8s\0";

/// What a field holds.
enum Shape {
    Text,
    Number,
    Flag,
    Texts,
    One(&'static [Field]),
    Many(&'static [Field]),
    /// A map of texts.
    Pairs,
}

/// A field's number, name and shape.
type Field = (u64, &'static str, Shape);

const ENVELOPE: &[Field] = &[(
    1,
    "type",
    Shape::One(&[(1, "apiVersion", Shape::Text), (2, "kind", Shape::Text)]),
)];
const METADATA: &[Field] = &[
    (1, "name", Shape::Text),
    (2, "generateName", Shape::Text),
    (3, "namespace", Shape::Text),
    (11, "labels", Shape::Pairs),
    (12, "annotations", Shape::Pairs),
];
const RULE: &[Field] = &[
    (1, "verbs", Shape::Texts),
    (2, "apiGroups", Shape::Texts),
    (3, "resources", Shape::Texts),
    (4, "resourceNames", Shape::Texts),
];
const SUBJECT: &[Field] = &[
    (1, "kind", Shape::Text),
    (2, "apiGroup", Shape::Text),
    (3, "name", Shape::Text),
    (4, "namespace", Shape::Text),
];
const ROLE_REFERENCE: &[Field] = &[
    (1, "apiGroup", Shape::Text),
    (2, "kind", Shape::Text),
    (3, "name", Shape::Text),
];
const TOKEN_SPEC: &[Field] = &[
    (1, "audiences", Shape::Texts),
    (4, "expirationSeconds", Shape::Number),
];
const ACCESS_SPEC: &[Field] = &[
    (1, "resourceAttributes", Shape::One(ATTRIBUTES)),
    (
        2,
        "nonResourceAttributes",
        Shape::One(&[(1, "path", Shape::Text), (2, "verb", Shape::Text)]),
    ),
];
const ATTRIBUTES: &[Field] = &[
    (1, "namespace", Shape::Text),
    (2, "verb", Shape::Text),
    (3, "group", Shape::Text),
    (4, "version", Shape::Text),
    (5, "resource", Shape::Text),
    (6, "subresource", Shape::Text),
    (7, "name", Shape::Text),
];

fn fields(kind: &str) -> Option<&'static [Field]> {
    Some(match kind {
        "Namespace" => &[(1, "metadata", Shape::One(METADATA))],
        "ServiceAccount" => &[
            (1, "metadata", Shape::One(METADATA)),
            (4, "automountServiceAccountToken", Shape::Flag),
        ],
        "ConfigMap" => &[
            (1, "metadata", Shape::One(METADATA)),
            (2, "data", Shape::Pairs),
        ],
        "Role" | "ClusterRole" => &[
            (1, "metadata", Shape::One(METADATA)),
            (2, "rules", Shape::Many(RULE)),
        ],
        "RoleBinding" | "ClusterRoleBinding" => &[
            (1, "metadata", Shape::One(METADATA)),
            (2, "subjects", Shape::Many(SUBJECT)),
            (3, "roleRef", Shape::One(ROLE_REFERENCE)),
        ],
        "TokenRequest" => &[(2, "spec", Shape::One(TOKEN_SPEC))],
        "SelfSubjectAccessReview" => &[(2, "spec", Shape::One(ACCESS_SPEC))],
        "SelfSubjectRulesReview" => &[(2, "spec", Shape::One(&[(1, "namespace", Shape::Text)]))],
        "SelfSubjectReview" => &[],
        _ => return None,
    })
}

/// The body as JSON; `None` if it is damaged or of a kind that is not read.
pub(super) fn read(body: &[u8]) -> Option<Value> {
    let envelope = body.strip_prefix(MAGIC)?;
    let named = message(envelope, ENVELOPE)?;
    let (version, kind) = (
        &named["type"]["apiVersion"],
        named["type"]["kind"].as_str()?,
    );
    let raw = Wire(envelope).find(|part| part.number == 2)?.bytes;
    let mut object = json!({ "apiVersion": version, "kind": kind });
    for (name, value) in message(raw, fields(kind)?)?.as_object()? {
        object[name] = value.clone();
    }
    Some(object)
}

fn message(bytes: &[u8], fields: &[Field]) -> Option<Value> {
    let mut read = json!({});
    for part in Wire(bytes) {
        let known = fields.iter().find(|(number, _, _)| *number == part.number);
        let Some((_, name, shape)) = known else {
            continue;
        };
        let text = |bytes: &[u8]| Some(Value::from(std::str::from_utf8(bytes).ok()?));
        if matches!(shape, Shape::Text) && part.bytes.is_empty() {
            continue;
        }
        let slot = &mut read[*name];
        match shape {
            Shape::Text => *slot = text(part.bytes)?,
            Shape::Number => *slot = Value::from(part.integer),
            Shape::Flag => *slot = Value::from(part.integer != 0),
            Shape::One(fields) => *slot = message(part.bytes, fields)?,
            Shape::Texts => push(slot, text(part.bytes)?),
            Shape::Many(fields) => push(slot, message(part.bytes, fields)?),
            Shape::Pairs => {
                let pair = message(
                    part.bytes,
                    &[(1, "key", Shape::Text), (2, "value", Shape::Text)],
                )?;
                let key = pair["key"].as_str().unwrap_or_default();
                slot[key] = Value::from(pair["value"].as_str().unwrap_or_default());
            }
        }
    }
    Some(read)
}

fn push(slot: &mut Value, value: Value) {
    match slot.as_array_mut() {
        Some(list) => list.push(value),
        None => *slot = Value::Array(vec![value]),
    }
}

/// One field on the wire (<https://protobuf.dev/programming-guides/encoding/>).
struct Part<'a> {
    number: u64,
    integer: u64,
    bytes: &'a [u8],
}

/// The fields of a message, up to the end or to what is not understood.
struct Wire<'a>(&'a [u8]);

impl<'a> Iterator for Wire<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let tag = self.integer()?;
        let value = self.integer()?;
        let (number, integer, bytes) = match tag & 7 {
            0 => (tag >> 3, value, &self.0[..0]),
            2 => {
                let (bytes, rest) = self.0.split_at_checked(usize::try_from(value).ok()?)?;
                self.0 = rest;
                (tag >> 3, 0, bytes)
            }
            _ => return None,
        };
        Some(Part {
            number,
            integer,
            bytes,
        })
    }
}

impl Wire<'_> {
    fn integer(&mut self) -> Option<u64> {
        let mut integer = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            integer |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(integer);
            }
        }
        None
    }
}
