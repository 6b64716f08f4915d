//! Layers of tower that send a request more than once: each attempt has a copy of the captured context.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use contextvars_tower::{CaptureLayer, ContextLayer, InjectLayer, ResumeLayer};
use http::{Request, Response};
use tower::hedge::{self, Hedge};
use tower::{ServiceBuilder, ServiceExt as _, retry};

use crate::{STAGE, Seen, id, propagator, with_id};

/// A policy that repeats each request this number of times.
#[derive(Clone)]
struct More(usize);

impl<T> retry::Policy<Request<()>, T, Infallible> for More {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request<()>, _: &mut Result<T, Infallible>) -> Option<Ready<()>> {
        self.0 = self.0.checked_sub(1)?;
        Some(ready(()))
    }

    fn clone_request(&mut self, request: &Request<()>) -> Option<Request<()>> {
        Some(request.clone())
    }
}

impl hedge::Policy<Request<()>> for More {
    fn clone_request(&self, request: &Request<()>) -> Option<Request<()>> {
        Some(request.clone())
    }

    fn can_retry(&self, _: &Request<()>) -> bool {
        true
    }
}

/// Records the id and the stage that an attempt sees, and sets the stage.
fn note(seen: &Seen) {
    seen.lock().unwrap().push(format!("{} {}", id(), STAGE.get_or("new")));
    STAGE.set("attempted");
}

#[tokio::test]
async fn each_attempt_of_a_retry_starts_from_the_captured_values() {
    let seen = Seen::default();
    let service = ServiceBuilder::new()
        .layer(ContextLayer::new(propagator()).echo("x-request-id"))
        .layer(CaptureLayer::new())
        .retry(More(2))
        .layer(ResumeLayer::new())
        .service_fn(|_: Request<()>| {
            note(&seen); // before the first poll
            let stage = STAGE.get_or("lost");
            async move { Ok::<_, Infallible>(Response::new((stage, STAGE.get_or("lost")))) }
        });
    let response = service.oneshot(with_id("r-1")).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["r-1 new"; 3]);
    assert_eq!(response.body().inner(), &("attempted", "attempted"));
    assert!(response.body().context().get(&STAGE).is_none());
    assert_eq!(response.headers()["x-request-id"], "r-1");
}

#[tokio::test]
async fn attempts_without_the_pair_share_the_context_of_the_request() {
    let seen = Seen::default();
    let service = ServiceBuilder::new()
        .layer(ContextLayer::new(propagator()))
        .retry(More(1))
        .service_fn(async |_: Request<()>| {
            note(&seen);
            Ok::<_, Infallible>(Response::new(()))
        });
    service.oneshot(with_id("r-1")).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["r-1 new", "r-1 attempted"]);
}

#[tokio::test]
async fn each_attempt_that_is_sent_has_a_parent_id_of_its_own() {
    let seen = Seen::default();
    let service = ServiceBuilder::new()
        .layer(ContextLayer::new(propagator()))
        .layer(CaptureLayer::new())
        .retry(More(2))
        .layer(ResumeLayer::new())
        .layer(InjectLayer::new(propagator()))
        .service_fn(async |request: Request<()>| {
            let sent = request.headers()["traceparent"].to_str().unwrap().to_owned();
            seen.lock().unwrap().push(sent);
            Ok::<_, Infallible>(Response::new(()))
        });
    service.oneshot(with_id("r-1")).await.unwrap();
    let mut sent = seen.lock().unwrap().clone();
    let trace = |sent: &String| sent.split('-').nth(1).unwrap().to_owned();
    assert!(sent.iter().all(|attempt| trace(attempt) == trace(&sent[0])), "one trace: {sent:?}");
    sent.sort_unstable();
    sent.dedup();
    assert_eq!(sent.len(), 3, "three parent ids: {sent:?}");
}

#[tokio::test(start_paused = true)]
async fn each_attempt_of_a_hedged_request_has_a_copy_of_its_own() {
    let seen = Seen::default();
    let attempts = Arc::new(AtomicUsize::new(0));
    let inner = ServiceBuilder::new().layer(ResumeLayer::new()).service_fn({
        let seen = Arc::clone(&seen);
        move |_: Request<()>| {
            note(&seen); // before the first poll
            let attempt = attempts.fetch_add(1, Ordering::Relaxed);
            let seen = Arc::clone(&seen);
            async move {
                if attempt == 0 {
                    std::future::pending::<()>().await;
                }
                note(&seen);
                Ok::<_, Infallible>(Response::new(attempt))
            }
        }
    });
    let hedge =
        Hedge::new_with_mock_latencies(inner, More(0), 1, 0.9, Duration::from_secs(60), &[1, 1, 1]);
    let service = ServiceBuilder::new()
        .layer(ContextLayer::new(propagator()))
        .layer(CaptureLayer::new())
        .map_err(|error: tower::BoxError| error.to_string())
        .service(hedge);
    let response = service.oneshot(with_id("r-1")).await.unwrap();
    assert_eq!(response.body().inner(), &1, "the second attempt answers");
    assert_eq!(*seen.lock().unwrap(), ["r-1 new", "r-1 new", "r-1 attempted"]);
    assert!(response.body().context().get(&STAGE).is_none());
}
