//! Echoed headers, which codecs write in the context of the request.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use contextvars::ContextVar;
use contextvars_tower::ContextLayer;
use contextvars_wire::{Codec, Propagator, text};
use http::{Request, Response};
use tower::{Layer as _, service_fn};

use crate::support::OnDrop;
use crate::{REQUEST_ID, STAGE, Seen, answer, id, with_id};

static WHERE: ContextVar<u8> = ContextVar::new("where");

/// Returns a layer that echoes `x-where`. The codec writes the request id, and panics if the variable is 13.
fn layer() -> ContextLayer {
    let place = Codec::new(
        &WHERE,
        |_| None,
        |place| {
            assert_ne!(*place, 13);
            STAGE.set("written");
            Some(id())
        },
    );
    let wire = Propagator::builder().header("x-where", place).header("x-id", text(&REQUEST_ID));
    ContextLayer::new(wire.build().unwrap()).echo("x-where")
}

#[test]
fn the_echo_is_written_in_the_context_of_the_request() {
    let service = layer().layer(service_fn(async |_: Request<()>| {
        WHERE.set(1);
        REQUEST_ID.set("r-7".into());
        Ok::<_, Infallible>(Response::new(()))
    }));
    let response = answer(service, Request::new(()));
    assert_eq!(response.headers()["x-where"], "r-7");
    assert!(STAGE.try_get().is_err());
}

#[test]
fn local_values_are_not_echoed() {
    static LOCAL: ContextVar<String> = ContextVar::new("local").local();
    let wire = Propagator::builder().header("x-local", text(&LOCAL)).build().unwrap();
    let layer = ContextLayer::new(wire).generate(&LOCAL, || "secret".into()).echo("x-local");
    let service = layer.layer(service_fn(async |_: Request<()>| {
        assert_eq!(LOCAL.get(), "secret");
        Ok::<_, Infallible>(Response::new(()))
    }));
    assert!(answer(service, Request::new(())).headers().is_empty());
}

#[test]
fn a_body_is_dropped_inside_when_a_codec_panics() {
    let seen = Seen::default();
    let service = layer().layer(service_fn(|_: Request<()>| {
        let seen = Arc::clone(&seen);
        let body = OnDrop(move || seen.lock().unwrap().push(id()));
        WHERE.set(13);
        REQUEST_ID.set("r-7".into());
        async { Ok::<_, Infallible>(Response::new(body)) }
    }));
    let answered = catch_unwind(AssertUnwindSafe(|| drop(answer(service, with_id("r-1")))));
    assert!(answered.is_err());
    assert_eq!(*seen.lock().unwrap(), ["r-7"]);
}
