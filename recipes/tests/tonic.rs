//! gRPC: the variables in the metadata of each call, with `tonic`. Its metadata are HTTP headers, so the tower layers fit.

use std::sync::LazyLock;

use contextvars::ContextVar;
use contextvars_tower::{ContextLayer, InjectLayer, InjectService};
use contextvars_wire::{Propagator, TraceContext, text};
use tonic::transport::{Channel, Server};
use tower::Layer as _;
use tower::layer::util::{Identity, Stack};

static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
static TENANT: ContextVar<String> = ContextVar::new("tenant");

static WIRE: LazyLock<Propagator> = LazyLock::new(|| {
    Propagator::builder()
        .trace_context(&TRACE)
        .header("x-request-id", text(&REQUEST_ID).max_len(128))
        .baggage("tenant", text(&TENANT))
        .build()
        .expect("the names are valid and differ")
});

/// Returns a server in which each call has its own context, which lasts until the last message of its stream. Continue with
/// `.add_service(…).serve(…)`.
fn server() -> Server<Stack<ContextLayer, Identity>> {
    let layer = ContextLayer::new(WIRE.clone()).generate(&REQUEST_ID, || "made-here".into());
    Server::builder().layer(layer.echo("x-request-id"))
}

/// Returns the channel for a client: `ShopClient::new(client(channel))`. Each call carries the context in which it is made.
fn client(channel: Channel) -> InjectService<Channel> {
    InjectLayer::new(WIRE.clone()).layer(channel)
}

/// Creates a request for code in which no layer fits. It carries the current context.
fn request<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    WIRE.inject(request.metadata_mut().as_mut());
    request
}

/// Returns the context of a call, for a handler without the layer.
fn context<T>(request: &tonic::Request<T>) -> contextvars::Context {
    WIRE.extract(request.metadata().as_ref()).context
}

// The recipe ends here. The code below tests it. The server is this program again, which runs only one test.

use std::net::Ipv4Addr;
use std::process::{self, Stdio};
use std::time::Duration;

use contextvars::{Context, ContextExt as _};
use futures::stream::{self, Stream, StreamExt as _};
use shop::{Line, ShopClient, ShopServer};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::sleep;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};

/// The equivalent of the code that `tonic-build` generates for this service:
///
/// ```proto
/// service Shop {
///   rpc Order(Line) returns (Line);
///   rpc Watch(Line) returns (stream Line);
/// }
/// ```
mod shop {
    use std::convert::Infallible;
    use std::task::{Context, Poll};

    use contextvars_tower::InjectService;
    use futures::future::BoxFuture;
    use http::uri::PathAndQuery;
    use tonic::body::Body;
    use tonic::transport::Channel;
    use tonic::{Request, Response, Status, Streaming, client, server};
    use tonic_prost::ProstCodec;
    use tower::{Service, service_fn};

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Line {
        #[prost(string, tag = "1")]
        pub(crate) text: String,
    }

    type Codec = ProstCodec<Line, Line>;

    #[derive(Clone)]
    pub(crate) struct ShopServer;

    impl server::NamedService for ShopServer {
        const NAME: &'static str = "recipes.Shop";
    }

    impl Service<http::Request<Body>> for ShopServer {
        type Response = http::Response<Body>;
        type Error = Infallible;
        type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: http::Request<Body>) -> Self::Future {
            let mut grpc = server::Grpc::new(Codec::default());
            Box::pin(async move {
                Ok(match request.uri().path() {
                    "/recipes.Shop/Order" => grpc.unary(service_fn(super::order), request).await,
                    _ => grpc.server_streaming(service_fn(super::watch), request).await,
                })
            })
        }
    }

    #[derive(Clone)]
    pub(crate) struct ShopClient(client::Grpc<InjectService<Channel>>);

    impl ShopClient {
        pub(crate) fn new(channel: InjectService<Channel>) -> Self {
            Self(client::Grpc::new(channel))
        }

        pub(crate) async fn order(
            &mut self,
            request: Request<Line>,
        ) -> Result<Response<Line>, Status> {
            self.0.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
            let path = PathAndQuery::from_static("/recipes.Shop/Order");
            self.0.unary(request, path, Codec::default()).await
        }

        pub(crate) async fn watch(
            &mut self,
            request: Request<Line>,
        ) -> Result<Response<Streaming<Line>>, Status> {
            self.0.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
            let path = PathAndQuery::from_static("/recipes.Shop/Watch");
            self.0.server_streaming(request, path, Codec::default()).await
        }
    }
}

const PROCESS: &str = "RECIPE_PROCESS";

fn line(text: impl Into<String>) -> Line {
    Line { text: text.into() }
}

fn seen() -> Line {
    let tenant = TENANT.get_or("none".into());
    line(format!("{} {tenant} {}", REQUEST_ID.get(), TRACE.get().trace_id()))
}

async fn order(request: Request<Line>) -> Result<Response<Line>, Status> {
    // A handler without the layer gets the same context this way.
    let mut by_hand = context(&request);
    assert!(by_hand.contains(&TRACE));
    tokio::task::yield_now().await;
    match request.into_inner().text.as_str() {
        "seen" => Ok(Response::new(seen())),
        "by hand" => Ok(Response::new(by_hand.run(seen))),
        "parent" => Ok(Response::new(line(TRACE.get().parent_id().to_string()))),
        "process" => Ok(Response::new(line(process::id().to_string()))),
        _ => Err(Status::not_found(seen().text)),
    }
}

/// Makes each message after the handler has returned; the last one is an error.
async fn watch(
    _: Request<Line>,
) -> Result<Response<impl Stream<Item = Result<Line, Status>>>, Status> {
    let messages = stream::iter(0..6).then(async |n| {
        sleep(Duration::from_millis(1)).await;
        if n < 5 { Ok(seen()) } else { Err(Status::data_loss(seen().text)) }
    });
    Ok(Response::new(messages.boxed()))
}

/// Runs in the other process: serves until its standard input closes, which happens when this process ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server() {
    if std::env::var_os(PROCESS).is_none() {
        return;
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    println!("\nlistening on {}", listener.local_addr().unwrap());
    let incoming = TcpIncoming::from(listener);
    let input_ends = async { drop(tokio::io::stdin().read(&mut [0]).await) };
    let router = server().add_service(ShopServer);
    router.serve_with_incoming_shutdown(incoming, input_ends).await.unwrap();
}

async fn start() -> (Child, ShopClient) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "the_server", "--nocapture"]).env(PROCESS, "server");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut process = command.spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let address = loop {
        let line = lines.next_line().await.unwrap().expect("the server ended");
        if let Some(address) = line.strip_prefix("listening on ") {
            break address.to_owned();
        }
    };
    let endpoint = Channel::from_shared(format!("http://{address}")).unwrap();
    (process, ShopClient::new(client(endpoint.connect().await.unwrap())))
}

fn of(n: usize) -> Context {
    Context::new()
        .with_value(&TRACE, TraceContext::new_root())
        .with_value(&REQUEST_ID, format!("r-{n}"))
        .with_value(&TENANT, format!("größe {n}, 100%25 a=b"))
}

async fn ask(client: &mut ShopClient, text: &str) -> String {
    client.order(Request::new(line(text))).await.unwrap().into_inner().text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_carry_their_context_into_the_other_process() {
    let (_server, client) = start().await;
    let calls = (0..50).map(|n| {
        let mut client = client.clone();
        let call = async move {
            assert_ne!(ask(&mut client, "process").await, process::id().to_string());
            assert_eq!(ask(&mut client, "seen").await, seen().text);
            assert_eq!(ask(&mut client, "by hand").await, seen().text);
            let (one, two) = (ask(&mut client, "parent").await, ask(&mut client, "parent").await);
            assert_ne!(one, two, "each call has a parent id of its own");
            let error = client.order(Request::new(line("nothing"))).await.unwrap_err();
            assert_eq!((error.code(), error.message()), (Code::NotFound, &*seen().text));
        };
        tokio::spawn(call.in_context(of(n)))
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_keeps_its_context_to_the_end() {
    let (_server, client) = start().await;
    let calls = (0..50).map(|n| {
        let mut client = client.clone();
        let call = async move {
            let answer = client.watch(Request::new(Line::default())).await.unwrap();
            assert_eq!(answer.metadata().get("x-request-id").unwrap(), &*REQUEST_ID.get());
            let mut messages = answer.into_inner();
            for _ in 0..5 {
                assert_eq!(messages.message().await.unwrap(), Some(seen()));
            }
            let error = messages.message().await.unwrap_err();
            assert_eq!((error.code(), error.message()), (Code::DataLoss, &*seen().text));
        };
        tokio::spawn(call.in_context(of(n)))
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn a_call_from_outside_any_context_starts_one() {
    let (_server, mut client) = start().await;
    let said = ask(&mut client, "seen").await;
    assert!(said.starts_with("made-here none "), "{said}");
}

#[test]
fn metadata_are_a_carrier() {
    let mut sender = of(7);
    let request = sender.run(|| request(Line::default()));
    let mut got = context(&request);
    assert_eq!(got.run(seen), sender.run(seen));
}
