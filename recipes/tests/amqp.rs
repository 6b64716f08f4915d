//! AMQP: the variables in the headers of each message, with `lapin`.

use std::sync::LazyLock;

use contextvars::{Context, ContextExt as _, ContextVar};
use contextvars_wire::{Propagator, TraceContext, extract_fn, inject_fn, text};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};

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

/// Returns the headers for a message. Call it for each message that is published.
fn properties() -> BasicProperties {
    let mut headers = FieldTable::default();
    WIRE.inject(&mut inject_fn(|key, value| {
        headers.insert(key.into(), AMQPValue::LongString(value.into()));
    }));
    BasicProperties::default().with_headers(headers)
}

/// Returns the context in which to handle a received message. Header values that are not text are ignored.
fn context(properties: &BasicProperties) -> Context {
    let carrier = extract_fn(|key, each| {
        for (name, value) in properties.headers().iter().flatten() {
            if let AMQPValue::LongString(text) = value
                && name.as_str().eq_ignore_ascii_case(key)
            {
                each(text.as_bytes());
            }
        }
    });
    WIRE.extract(&carrier).context
}

// The recipe ends here. The code below tests it with its own `rabbitmq-server`.

#[path = "support/server.rs"]
mod server;

use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::{env, fs};

use futures::StreamExt as _;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions,
};
use lapin::{Channel, Connection, ConnectionProperties};
use server::{Server, free_port};

/// The broker's own script, which keeps everything in `folder`. Debian's wrapper around it would drop root privileges and use
/// system directories.
const RABBITMQ: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// A directory for the broker's files, removed when this value is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = env::temp_dir().join(format!("contextvars-rabbitmq-{}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Broker {
    _rabbitmq: Server,
    /// Erlang's name server. The broker would start one itself that outlives it.
    _epmd: Server,
    _folder: Folder,
    uri: String,
}

fn broker() -> Option<Broker> {
    let folder = Folder::new();
    let [port, between_nodes, names] = [(); 3].map(|()| free_port());
    let mut epmd = Command::new("epmd");
    let mut epmd = Server::start(
        epmd.args(["-address", "127.0.0.1", "-port", &names.to_string()]),
        "rabbitmq-server",
    )?;
    epmd.wait_for(names);
    fs::write(folder.path().join("plugins"), "[].").unwrap();
    let mut command = Command::new(RABBITMQ);
    for name in ["HOME", "RABBITMQ_MNESIA_BASE", "RABBITMQ_LOG_BASE"] {
        command.env(name, folder.path());
    }
    for (name, file) in [
        ("RABBITMQ_ENABLED_PLUGINS_FILE", "plugins"),
        ("RABBITMQ_PID_FILE", "pid"),
        ("RABBITMQ_CONFIG_FILE", "config"),
        ("RABBITMQ_CONF_ENV_FILE", "environment"),
    ] {
        command.env(name, folder.path().join(file));
    }
    command
        .env("RABBITMQ_NODENAME", format!("recipe-{port}@localhost"))
        .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_NODE_PORT", port.to_string())
        .env("RABBITMQ_DIST_PORT", between_nodes.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("ERL_EPMD_PORT", names.to_string())
        // Makes the started process the broker itself, rather than a shell that waits for it.
        .env("RUNNING_UNDER_SYSTEMD", "true");
    let mut rabbitmq = Server::start(&mut command, "rabbitmq-server")?;
    rabbitmq.wait_for(port);
    let uri = format!("amqp://guest:guest@127.0.0.1:{port}/%2f");
    Some(Broker { _rabbitmq: rabbitmq, _epmd: epmd, _folder: folder, uri })
}

fn seen() -> String {
    format!("{} {} {}", REQUEST_ID.get(), TENANT.get(), TRACE.get().trace_id())
}

fn request(n: usize) -> Context {
    Context::new()
        .with_value(&TRACE, TraceContext::new_root())
        .with_value(&REQUEST_ID, format!("r-{n}"))
        .with_value(&TENANT, format!("größe {n}, 100%25 a=b"))
}

async fn publish(channel: &Channel, properties: BasicProperties) {
    // The text of the message holds the sender's values, for comparison by the receiver.
    let (options, payload) = (BasicPublishOptions::default(), seen());
    let sent =
        channel.basic_publish("".into(), "work".into(), options, payload.as_bytes(), properties);
    sent.await.unwrap().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_message_is_handled_in_the_context_of_its_sender() {
    let Some(broker) = tokio::task::spawn_blocking(broker).await.unwrap() else { return };
    let options = ConnectionProperties::default();
    let connection = Connection::connect(&broker.uri, options).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let (queue, table) = (QueueDeclareOptions::default(), FieldTable::default());
    channel.queue_declare("work".into(), queue, table.clone()).await.unwrap();

    for n in 0..100 {
        let publish = async { publish(&channel, properties()).await };
        publish.in_context(request(n)).await;
    }
    let options = BasicConsumeOptions::default();
    let messages = channel.basic_consume("work".into(), "one".into(), options, table);
    let handled = messages.await.unwrap().take(100).map(async |message| {
        let message = message.unwrap();
        let handle = async {
            for _ in 0..3 {
                assert_eq!(message.data, seen().into_bytes());
                tokio::task::yield_now().await;
            }
            message.ack(BasicAckOptions::default()).await.unwrap();
            REQUEST_ID.get()
        };
        handle.in_context(context(&message.properties)).await
    });
    let handled: Vec<_> = handled.buffer_unordered(10).collect().await;
    assert_eq!(handled.len(), 100);
    assert!(REQUEST_ID.try_get().is_err());
    connection.close(200, "done".into()).await.unwrap();
}

#[test]
fn bytes_that_are_not_text_are_no_value() {
    let mut headers = FieldTable::default();
    headers.insert("x-request-id".into(), AMQPValue::LongInt(7));
    headers.insert("Baggage".into(), AMQPValue::LongString("tenant=acme".into()));
    let got = context(&BasicProperties::default().with_headers(headers));
    assert!(!got.contains(&REQUEST_ID));
    assert_eq!(got.get(&TENANT).unwrap(), "acme");
    assert!(!context(&BasicProperties::default()).contains(&TENANT));
}
