//! ServiceAccounts.

use serde::Deserialize;

use super::kind::{ClusterKind, Content, marks_are_written};
use super::metadata::Metadata;
use super::texts::Texts;
use crate::model::guid::ClientId;
use crate::model::kinds::Release;
use crate::model::kinds::marks::{Claim, Field, is_held};
use crate::model::kinds::service_account::{
    ANNOTATION_CLIENT_ID, ANNOTATION_TENANT_ID, ANNOTATION_TOKEN_EXPIRATION, LiveServiceAccount,
    ServiceAccount, ServiceAccounts,
};

/// A `ServiceAccount` on the wire.
#[derive(Deserialize)]
pub(super) struct Wire {
    metadata: Metadata,
}

impl ClusterKind for ServiceAccounts {
    type Resource = k8s_openapi::api::core::v1::ServiceAccount;
    type Wire = Wire;

    const NOUN: &'static str = "service account";

    fn metadata(wire: &Wire) -> &Metadata {
        &wire.metadata
    }

    fn live(wire: &Wire, texts: &mut Texts) -> LiveServiceAccount {
        let metadata = &wire.metadata;
        LiveServiceAccount {
            client_id: texts.share_some(metadata.annotation(ANNOTATION_CLIENT_ID)),
            tenant_id: texts.share_some(metadata.annotation(ANNOTATION_TENANT_ID)),
            token_expiration: texts.share_some(metadata.annotation(ANNOTATION_TOKEN_EXPIRATION)),
            strays: metadata.strays(),
            marks: metadata.marks(texts),
            owners: metadata.owners(texts, &[]),
        }
    }

    fn content(write: &ServiceAccount<ClientId>) -> Content {
        let ServiceAccount { client_id, tenant_id, token_expiration, claim } = write;
        let mut content = Content::claimed(claim);
        for (name, value) in [
            (ANNOTATION_CLIENT_ID, client_id.to_string()),
            (ANNOTATION_TENANT_ID, tenant_id.to_string()),
            (ANNOTATION_TOKEN_EXPIRATION, token_expiration.to_string()),
        ] {
            content.annotations.insert(name.into(), value.into());
        }
        content
    }

    fn is_written(live: &LiveServiceAccount, write: &ServiceAccount<ClientId>) -> bool {
        let ServiceAccount { client_id, tenant_id, token_expiration, claim } = write;
        let is_claimed = match claim {
            Claim::Owns(marks) => marks_are_written(&live.marks, marks),
            Claim::Annotates(estate) => live.marks.annotates.as_deref() == Some(estate.as_str()),
        };
        live.client_id.as_deref() == Some(client_id.to_string().as_str())
            && live.tenant_id.as_deref() == Some(tenant_id.to_string().as_str())
            && live.token_expiration.as_deref() == Some(token_expiration.to_string().as_str())
            && is_claimed
    }

    fn must_exist(write: &ServiceAccount<ClientId>) -> bool {
        write.claim.marks().is_none()
    }

    fn released(live: &LiveServiceAccount, what: Release) -> Content {
        let mut content = Content::default();
        for (field, name, value) in [
            (Field::ClientId, ANNOTATION_CLIENT_ID, &live.client_id),
            (Field::TenantId, ANNOTATION_TENANT_ID, &live.tenant_id),
            (Field::TokenExpiration, ANNOTATION_TOKEN_EXPIRATION, &live.token_expiration),
        ] {
            let stays = what == Release::Marks && is_held(&live.owners, field);
            if let Some(value) = value.as_deref().filter(|_| stays) {
                content.annotations.insert(name.into(), value.into());
            }
        }
        content
    }
}
