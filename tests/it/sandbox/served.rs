//! The sandbox on a socket, where the client is somebody else's.

use k8s_openapi::api::core::v1::Namespace;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;
use widctl::sandbox;
use widctl::sandbox::World;

use super::support::fill;

async fn serve(world: &World) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(sandbox::serve(world.clone(), listener, std::future::pending()));
    Url::parse(&format!("http://{address}")).unwrap()
}

#[tokio::test]
async fn the_kubeconfig_serves_the_rust_client_as_well() {
    let world = World::in_memory();
    fill(&world);
    let base = serve(&world).await;
    let kubeconfig = Kubeconfig::from_yaml(&sandbox::kubeconfig(&world.clusters(), &base)).unwrap();
    let options = KubeConfigOptions {
        context: Some("onprem-admin".to_owned()),
        ..KubeConfigOptions::default()
    };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
    let namespaces: Api<Namespace> = Api::all(Client::try_from(config).unwrap());
    let found = namespaces.get("azure-workload-identity-system").await.unwrap();
    assert!(found.metadata.uid.is_some());
}

#[tokio::test]
async fn a_dropped_connection_ends_without_a_byte() {
    let world = World::in_memory();
    fill(&world);
    let base = serve(&world).await;
    let faults = "rules = [{ effect = { drop = 'before' }, times = 1 }]";
    world.set_faults(toml::from_str(faults).unwrap());
    let address = base.socket_addrs(|| None).unwrap()[0];
    for answered in [false, true] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = "GET /tenants HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut received = Vec::new();
        let _ = stream.read_to_end(&mut received).await;
        assert_eq!(received.starts_with(b"HTTP/1.1 401"), answered, "{received:?}");
        assert_eq!(received.is_empty(), !answered);
    }
}
