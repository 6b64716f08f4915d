//! Who still holds the request? A value's `Drop` runs when the last copy of the request's context goes. Here a task that was
//! forgotten keeps a copy. The program finds the task, and shows three ways to let go.
//!
//! `cargo run --example who_holds`

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use contextvars::{Context, ContextExt as _, ContextVar};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;

/// The number of requests whose value is alive.
static OPEN: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug)]
struct Request(u32);

impl Request {
    fn open(id: u32) -> Self {
        OPEN.fetch_add(1, Ordering::Relaxed);
        Self(id)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

static REQUEST: ContextVar<Request> = ContextVar::new("request").debug();
static TRACE: ContextVar<u64> = ContextVar::new("trace").debug();

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;
type Questions = mpsc::UnboundedSender<oneshot::Sender<String>>;

/// Serves a request, which starts a task and forgets it. The task ends when the returned sender is dropped; until then, it
/// answers each question with the context that it holds.
fn serve(mut request: Context, start: fn(Task)) -> Questions {
    let (ask, mut questions) = mpsc::unbounded_channel::<oneshot::Sender<String>>();
    request.run(|| {
        start(Box::pin(async move {
            while let Some(answer) = questions.recv().await {
                answer.send(format!("{:#?}", Context::current())).expect("the program waits");
            }
        }));
    });
    ask
}

/// Returns the number of open requests after all tasks have done what they can.
async fn open() -> usize {
    for _ in 0..8 {
        yield_now().await;
    }
    OPEN.load(Ordering::Relaxed)
}

async fn context_of(task: &Questions) -> String {
    let (answer, answered) = oneshot::channel();
    task.send(answer).expect("the task runs");
    answered.await.expect("the task answers")
}

fn request(id: u32) -> Context {
    Context::new().with_value(&REQUEST, Request::open(id)).with_value(&TRACE, u64::from(id) * 100)
}

async fn find_the_holder() {
    drop(serve(request(1), |task| drop(contextvars_tokio::spawn(task))));
    assert_eq!(open().await, 0);
    println!("request 1: its task has ended, and its value is gone");

    let forgotten = serve(request(2), |task| drop(contextvars_tokio::spawn(task)));
    assert_eq!(open().await, 1);
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 1);
    println!(
        "request 2: answered, but 1 request is open, and 1 task runs, which holds this context:"
    );
    let held = context_of(&forgotten).await;
    assert!(held.contains("Request(\n        2,\n    ) (set at "), "{held}");
    assert!(held.contains(file!()), "{held}");
    println!("{held}");

    drop(forgotten);
    assert_eq!(open().await, 0);
}

async fn let_go_by_retain() {
    let task = serve(request(3), |task| {
        let mut context = Context::current();
        context.retain(|entry| entry.is(&TRACE));
        drop(tokio::spawn(task.in_context(context)));
    });
    assert_eq!(open().await, 0);
    assert!(context_of(&task).await.contains("300"));
    println!("request 3: its task runs with the trace alone, because of `retain`");
}

async fn let_go_by_local() {
    static OWN: ContextVar<Request> = ContextVar::new("own").local();
    let request = Context::new().with_value(&OWN, Request::open(4)).with_value(&TRACE, 400);
    let task = serve(request, |task| drop(contextvars_tokio::spawn(task)));
    assert_eq!(open().await, 0);
    assert!(context_of(&task).await.contains("400"));
    println!("request 4: its task runs without the request, because the variable is `local`");
}

async fn let_go_by_weak() {
    static SHARED: ContextVar<Weak<Request>> = ContextVar::new("shared");
    let owner = Arc::new(Request::open(5));
    let context = Context::new().with_value(&SHARED, Arc::downgrade(&owner));
    let mut kept = context.clone();
    let task = serve(context, |task| drop(contextvars_tokio::spawn(task)));
    assert!(kept.run(|| SHARED.get().upgrade().is_some_and(|request| request.0 == 5)));
    drop(owner); // the handler, which owns the request, is done
    assert_eq!(open().await, 0);
    assert!(kept.run(|| SHARED.get().upgrade().is_none()));
    println!("request 5: its task runs with a `Weak`, which leads nowhere now");
    drop(task);
}

/// The records of `diagnose` are holders too, also of tasks that carry no context.
#[cfg(tokio_unstable)]
fn the_records_of_diagnose_hold_requests() {
    use contextvars_tokio::diagnose;

    let mut builder = tokio::runtime::Builder::new_current_thread();
    diagnose::install(&mut builder).build().expect("a runtime").block_on(async {
        let bare = serve(request(6), |task| drop(tokio::spawn(task)));
        assert_eq!(context_of(&bare).await, "Context {}");
        assert_eq!(open().await, 1);
        println!(
            "request 6: its task carries nothing, but the record of its spawn holds the request"
        );
        drop(bare);
        assert_eq!(open().await, 0);
    });
}

pub(crate) fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        find_the_holder().await;
        let_go_by_retain().await;
        let_go_by_local().await;
        let_go_by_weak().await;
    });
    #[cfg(tokio_unstable)]
    the_records_of_diagnose_hold_requests();
}
