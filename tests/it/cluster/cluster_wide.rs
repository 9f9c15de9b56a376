//! Objects of a real cluster that no namespace takes along.

use std::fmt::Debug;

use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Makes one.
pub(super) async fn make<K>(client: &Client, object: Value)
where
    K: Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone + Debug,
{
    let object: K = serde_json::from_value(object).unwrap();
    let api: Api<K> = Api::all(client.clone());
    api.create(&PostParams::default(), &object).await.unwrap();
}

/// Removes one.
pub(super) async fn remove<K>(client: &Client, name: &str)
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug,
{
    let api: Api<K> = Api::all(client.clone());
    api.delete(name, &DeleteParams::default()).await.unwrap();
}
