//! What a service answers, before it becomes an HTTP response.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde_json::Value;

/// Status, headers and body of one answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) content: Content,
}

/// The body of an answer.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// No body at all, as with 204.
    Empty,
    /// A JSON document.
    Json(Value),
    /// Anything else; a fault spoils answers in this way.
    Raw(Vec<u8>),
}

impl Answer {
    /// An answer without a body.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), content: Content::Empty }
    }

    /// An answer with a JSON body.
    pub(super) fn json(status: StatusCode, body: Value) -> Self {
        Self { content: Content::Json(body), ..Self::empty(status) }
    }

    /// 200 with a JSON body.
    pub(super) fn ok(body: Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// 201 for a document that is new, else 200, with the document.
    pub(super) fn written(is_new: bool, body: Value) -> Self {
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        Self::json(status, body)
    }

    /// 200 with a text.
    pub(super) fn text(text: &str) -> Self {
        let answer =
            Self { content: Content::Raw(text.as_bytes().to_vec()), ..Self::empty(StatusCode::OK) };
        answer.with_header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
    }

    /// The same answer with one more header.
    pub(super) fn with_header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same without its body where the method asks for the head alone.
    pub(super) fn without_body_for(self, method: &Method) -> Self {
        if *method == Method::HEAD { Self { content: Content::Empty, ..self } } else { self }
    }

    /// The HTTP response.
    pub(super) fn into_response(self) -> Response {
        let (body, is_json) = match self.content {
            Content::Empty => (Vec::new(), false),
            Content::Json(value) => (value.to_string().into_bytes(), true),
            Content::Raw(bytes) => (bytes, true),
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        if is_json {
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
        }
        for (name, value) in self.headers {
            let Ok(value) = HeaderValue::from_str(&value) else {
                continue;
            };
            if name == header::WARNING {
                response.headers_mut().append(name, value);
            } else {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}
