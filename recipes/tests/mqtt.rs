//! MQTT 5: the variables in the user properties of each message, with `rumqttc`. The properties are pairs of strings, so they
//! are a carrier without any conversion.

use std::sync::LazyLock;

use contextvars::{Context, ContextExt as _, ContextVar};
use contextvars_wire::{Propagator, TraceContext, text};
use rumqttc::v5::mqttbytes::v5::{Publish, PublishProperties};

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

/// Returns the properties for a message. Call it for each message that is published.
fn properties() -> PublishProperties {
    let mut properties = PublishProperties::default();
    WIRE.inject(&mut properties.user_properties);
    properties
}

/// Returns the context in which to handle a received message.
fn context(message: &Publish) -> Context {
    let properties = message.properties.as_ref();
    WIRE.extract(properties.map_or(&[][..], |found| &found.user_properties)).context
}

// The recipe ends here. The code below tests it with its own `mosquitto`.

#[path = "support/server.rs"]
mod server;

use std::process::Command;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use server::{Server, free_port};

fn server() -> Option<(Server, u16)> {
    let port = free_port();
    let mut command = Command::new("mosquitto");
    let mut server = Server::start(command.args(["-p", &port.to_string()]), "mosquitto")?;
    server.wait_for(port);
    Some((server, port))
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

/// Returns the next packet that arrives.
async fn next(events: &mut EventLoop) -> Packet {
    loop {
        if let Event::Incoming(packet) = events.poll().await.unwrap() {
            return packet;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_message_is_handled_in_the_context_of_its_sender() {
    let Some((_server, port)) = server() else { return };
    let connect = |name| AsyncClient::new(MqttOptions::new(name, "127.0.0.1", port), 100);
    let (receiver, mut events) = connect("receiver");
    receiver.subscribe("work", QoS::AtLeastOnce).await.unwrap();
    while !matches!(next(&mut events).await, Packet::SubAck(_)) {}

    let (sender, mut sending) = connect("sender");
    let sending = tokio::spawn(async move { while sending.poll().await.is_ok() {} });
    for n in 0..100 {
        // The text of the message holds the sender's values, for comparison by the receiver.
        let publish = async {
            let (text, quality) = (seen(), QoS::AtLeastOnce);
            sender.publish_with_properties("work", quality, false, text, properties()).await
        };
        publish.in_context(request(n)).await.unwrap();
    }
    let mut handled = Vec::new();
    while handled.len() < 100 {
        let Packet::Publish(message) = next(&mut events).await else { continue };
        let context = context(&message);
        let handle = async move {
            for _ in 0..3 {
                assert_eq!(message.payload, seen());
                tokio::task::yield_now().await;
            }
        };
        handled.push(tokio::spawn(handle.in_context(context)));
    }
    for handled in handled {
        handled.await.unwrap();
    }
    assert!(REQUEST_ID.try_get().is_err());
    sending.abort();
}

#[test]
fn properties_of_others_are_read_whatever_their_case() {
    let pairs = [("X-Request-Id", "r-7"), ("Baggage", "a=1"), ("Baggage", "tenant=acme")];
    let mut message = Publish::default();
    assert!(!context(&message).contains(&TENANT));
    let user_properties = pairs.map(|(key, value)| (key.into(), value.into())).into();
    message.properties = Some(PublishProperties { user_properties, ..Default::default() });
    let got = context(&message);
    assert_eq!(got.get(&REQUEST_ID).unwrap(), "r-7");
    assert_eq!(got.get(&TENANT).unwrap(), "acme");
}
