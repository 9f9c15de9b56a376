//! The bodies of `kubectl create token`, `kubectl create namespace` and `kubectl create serviceaccount`: protobuf,
//! with no other form to choose. The answer is JSON, which they take.
//!
//! Envelope: <https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding>; field
//! numbers: <https://github.com/kubernetes/api/blob/master/authentication/v1/generated.proto>,
//! <https://github.com/kubernetes/apimachinery/blob/master/pkg/apis/meta/v1/generated.proto>.

use serde_json::{Value, json};

/// The media type.
pub(super) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

const MAGIC: &[u8] = b"k8s\0";

/// The body as JSON; `None` if it is damaged or of another kind.
pub(super) fn read(body: &[u8]) -> Option<Value> {
    let envelope = body.strip_prefix(MAGIC)?;
    let kind = text(first(first(envelope, 1)?, 2)?)?;
    let object = first(envelope, 2)?;
    match kind {
        "TokenRequest" => token_request(object),
        "Namespace" | "ServiceAccount" => named(kind, object),
        _ => None,
    }
}

/// An object of which nothing but its name and namespace is said; whoever says more sends JSON.
fn named(kind: &str, object: &[u8]) -> Option<Value> {
    let mut metadata = json!({});
    for part in Wire(first(object, 1)?).filter(|part| !part.bytes.is_empty()) {
        let name = match part.number {
            1 => "name",
            3 => "namespace",
            _ => return None,
        };
        metadata[name] = Value::from(text(part.bytes)?);
    }
    Some(json!({ "apiVersion": "v1", "kind": kind, "metadata": metadata }))
}

fn token_request(request: &[u8]) -> Option<Value> {
    let (mut audiences, mut spec) = (Vec::new(), json!({}));
    for part in Wire(first(request, 2).unwrap_or_default()) {
        match part.number {
            1 => audiences.push(Value::from(text(part.bytes)?)),
            3 => spec["boundObjectRef"] = bound_object(part.bytes)?,
            4 => spec["expirationSeconds"] = Value::from(part.integer),
            _ => {}
        }
    }
    spec["audiences"] = Value::Array(audiences);
    Some(json!({ "kind": "TokenRequest", "spec": spec }))
}

fn bound_object(bytes: &[u8]) -> Option<Value> {
    let mut object = json!({});
    for (number, name) in [(1, "kind"), (2, "apiVersion"), (3, "name"), (4, "uid")] {
        let said = first(bytes, number).filter(|said| !said.is_empty());
        if let Some(said) = said {
            object[name] = Value::from(text(said)?);
        }
    }
    Some(object)
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// The bytes of the first field with a number.
fn first(message: &[u8], number: u64) -> Option<&[u8]> {
    Wire(message).find(|part| part.number == number).map(|part| part.bytes)
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
        let (integer, bytes) = match tag & 7 {
            0 => (value, &self.0[..0]),
            2 => {
                let (bytes, rest) = self.0.split_at_checked(usize::try_from(value).ok()?)?;
                self.0 = rest;
                (0, bytes)
            }
            _ => return None,
        };
        let number = tag >> 3;
        Some(Part { number, integer, bytes })
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
