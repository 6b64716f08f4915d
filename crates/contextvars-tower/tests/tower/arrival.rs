//! Requests that never reach the service, because a closure of the layer panics.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};

use contextvars_tower::ContextLayer;
use http::{Request, Response};
use tower::{Layer as _, Service as _, service_fn};

use crate::support::OnDrop;
use crate::{REQUEST_ID, Seen, TENANT, id, propagator};

/// Returns the ids that a request sees when it is dropped because the layer panics.
fn dropped_by(layer: &ContextLayer) -> Vec<String> {
    let seen = Seen::default();
    let at_drop = Seen::clone(&seen);
    let body = OnDrop(move || at_drop.lock().unwrap().push(id()));
    let request = Request::builder().header("x-request-id", "r-1").header("x-tenant", "acme");
    let request = request.body(body).unwrap();
    let mut service =
        layer.layer(service_fn(async |_: Request<_>| Ok::<_, Infallible>(Response::new(()))));
    let called = catch_unwind(AssertUnwindSafe(|| drop(service.call(request))));
    assert!(called.is_err() && REQUEST_ID.try_get().is_err());
    let seen = seen.lock().unwrap();
    seen.clone()
}

#[test]
fn a_request_is_dropped_inside_when_the_layer_panics() {
    let layer = ContextLayer::new(propagator());
    let generates = layer.clone().generate(&TENANT, || panic!("generate"));
    assert_eq!(dropped_by(&generates), ["r-1"]);
    let reports = layer.on_problem(|problem| panic!("{problem}"));
    assert_eq!(dropped_by(&reports), ["r-1"]);
}
