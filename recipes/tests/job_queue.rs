//! A job queue in Postgres: each job runs with the trace and the tenant of the request that enqueued it, with `sqlx`.
//!
//! A job is a row, and one of its columns holds the context as `contextvars-wire` would write it to headers. A worker claims a
//! row for the time of a lease, with `for update skip locked`, so that workers do not wait for each other.
//!
//! - Each claim counts as an attempt, also if the job panics or its worker is killed. A job that has used up its attempts stays
//!   in the table with its last error and its context. To run it again, set `attempts` to 0.
//! - The changes that a job makes by its transaction happen once: the transaction also removes the row, and it is rolled back if
//!   another worker has claimed the job meanwhile. Other effects of a job may happen again, so make them idempotent.
//! - The lease has to be longer than a job takes. A worker does not hold a lock meanwhile, because a transaction that is open for
//!   long keeps the database from cleaning up.
//! - The column is as trustworthy as the code that writes to the table. The limits of the propagator apply, for example `max_len`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::LazyLock;
use std::time::Duration;

use contextvars::{ContextExt as _, ContextVar};
use contextvars_wire::{Propagator, TraceContext, text};
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::types::Json;
use sqlx::{Error, Postgres, Transaction, query, query_as};
use tokio::time::sleep;

static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
static TENANT: ContextVar<String> = ContextVar::new("tenant");
/// The number of the attempt at the current job, from 1 on.
static ATTEMPT: ContextVar<i32> = ContextVar::new("attempt");

static WIRE: LazyLock<Propagator> = LazyLock::new(|| {
    Propagator::builder()
        .trace_context(&TRACE)
        .header("x-request-id", text(&REQUEST_ID).max_len(128))
        .baggage("tenant", text(&TENANT))
        .build()
        .expect("the names are valid and differ")
});

const SCHEMA: &str = "
    create table jobs (
        id bigint generated always as identity primary key,
        payload text not null,
        context jsonb not null,
        attempts integer not null default 0,
        due timestamptz not null default now(),
        error text
    );
    create index on jobs (due) where attempts < 3;
";

/// Claims the job that has been due for longest. A job has three attempts, and a lease lasts thirty seconds.
const CLAIM: &str = "
    update jobs set attempts = attempts + 1, due = now() + interval '30 seconds', error = null
    where id = (
        select id from jobs where attempts < 3 and due <= now()
        order by due limit 1 for update skip locked
    )
    returning id, attempts, payload, context
";

/// Removes a job, unless its lease has passed to another worker.
const FINISH: &str = "delete from jobs where id = $1 and attempts = $2";

/// Records a failure, and makes the job due again a few seconds later.
const FAIL: &str = "
    update jobs set due = now() + attempts * interval '1 second', error = $3
    where id = $1 and attempts = $2
";

/// Enqueues a job with the current context. It exists once the transaction of `connection` is committed.
async fn enqueue(connection: &mut PgConnection, payload: &str) -> Result<(), Error> {
    let mut carrier = Carrier::default();
    WIRE.inject(&mut carrier.0);
    let insert = query("insert into jobs (payload, context) values ($1, $2)");
    insert.bind(payload).bind(carrier).execute(connection).await.map(drop)
}

/// A context as a column.
type Carrier = Json<HashMap<String, String>>;

/// The columns that `CLAIM` returns.
type Job = (i64, i32, String, Carrier);

async fn claim(pool: &PgPool) -> Result<Option<Job>, Error> {
    query_as(CLAIM).fetch_optional(pool).await
}

/// Runs a claimed job in the context in which it was enqueued.
async fn run(pool: &PgPool, (id, attempt, payload, carrier): Job) -> Result<(), Error> {
    let context = WIRE.extract(&carrier.0).context.with_value(&ATTEMPT, attempt);
    let mut transaction = pool.begin().await?;
    match handle(&mut transaction, &payload).in_context(context).await {
        Ok(()) => {
            let finish = query(FINISH).bind(id).bind(attempt);
            match finish.execute(&mut *transaction).await?.rows_affected() {
                1 => transaction.commit().await,
                _ => transaction.rollback().await, // another worker has the job
            }
        }
        Err(error) => {
            transaction.rollback().await?;
            let fail = query(FAIL).bind(id).bind(attempt).bind(error.to_string());
            fail.execute(pool).await.map(drop)
        }
    }
}

/// Runs jobs until the database fails. Call it once for each job that may run at the same time.
async fn work(pool: &PgPool) -> Result<Infallible, Error> {
    loop {
        match claim(pool).await? {
            Some(job) => run(pool, job).await?,
            None => sleep(Duration::from_millis(100)).await,
        }
    }
}

// The recipe ends here. The code below tests it with its own Postgres. A worker is this program again, which runs only one test.
// The file is longer than others, because the recipe and its test belong together.

#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/server.rs"]
mod server;

use std::process::{self, Stdio};

use contextvars::Context;
use futures::future;
use sqlx::query_scalar;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

const PORT: &str = "RECIPE_POSTGRES_PORT";

/// The time after which a wait fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// A table that jobs write to.
const RESULTS: &str = "create table results (payload text, seen text, attempt int, process int)";

fn seen() -> String {
    format!("{} {} {}", REQUEST_ID.get(), TENANT.get(), TRACE.get().trace_id())
}

/// Writes down the values that the job reads, then behaves as its payload says.
async fn handle(
    transaction: &mut Transaction<'static, Postgres>,
    payload: &str,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let insert = query("insert into results values ($1, $2, $3, $4)");
    let insert = insert.bind(payload.to_owned()).bind(seen()).bind(ATTEMPT.get());
    insert.bind(process::id().cast_signed()).execute(&mut **transaction).await?;
    match payload {
        "fails once" if ATTEMPT.get() == 1 => Err("not yet".into()),
        "always fails" => Err(format!("attempt {} failed", ATTEMPT.get()).into()),
        "kills its worker" => process::exit(1),
        "waits" if ATTEMPT.get() == 1 => {
            println!("\nwaiting");
            std::future::pending().await
        }
        _ => Ok(()),
    }
}

/// Runs in the other process: works until its standard input closes, which happens when this process ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worker() {
    let Ok(port) = std::env::var(PORT) else { return };
    let options = postgres::options(port.parse().unwrap(), "admin").application_name("worker");
    let pool = PgPool::connect_with(options).await.unwrap();
    let workers = future::try_join_all((0..4).map(|_| work(&pool)));
    let input_ends = async { drop(tokio::io::stdin().read(&mut [0]).await) };
    tokio::select! {
        ended = workers => panic!("{ended:?}"),
        () = input_ends => {}
    }
}

/// Starts Postgres and creates the tables.
async fn start() -> Option<(postgres::Postgres, PgPool)> {
    let server = tokio::task::spawn_blocking(postgres::Postgres::start).await.unwrap()?;
    server.set_up(SCHEMA).await;
    let pool = server.set_up(RESULTS).await;
    Some((server, pool))
}

fn start_worker(server: &postgres::Postgres) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "the_worker", "--nocapture"]).env(PORT, server.port.to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.kill_on_drop(true).spawn().unwrap()
}

fn request(n: usize) -> Context {
    Context::new()
        .with_value(&TRACE, TraceContext::new_root())
        .with_value(&REQUEST_ID, format!("r-{n}"))
        .with_value(&TENANT, format!("größe {n}, 100%25 a=b"))
}

/// Enqueues a job in the context of a request. Returns the values that the job has to read.
async fn enqueue_for(pool: &PgPool, n: usize, payload: &str) -> String {
    let enqueue = async {
        let mut transaction = pool.begin().await.unwrap();
        enqueue(&mut transaction, payload).await.unwrap();
        transaction.commit().await.unwrap();
        seen()
    };
    enqueue.in_context(request(n)).await
}

/// Waits until a query returns no row.
async fn wait_while(pool: &PgPool, rows: &'static str) {
    let wait = async {
        while query(rows).fetch_optional(pool).await.unwrap().is_some() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect(rows);
}

/// Waits until no job is left that a worker runs or may claim.
async fn wait_for_all(pool: &PgPool) {
    let open = "select from jobs where attempts < 3 or error is null and due > now()";
    wait_while(pool, open).await;
}

/// Waits until the database has noticed the end of all workers. Until then, it may still run a claim that a dead one has sent.
async fn wait_for_death(pool: &PgPool) {
    wait_while(pool, "select from pg_stat_activity where application_name = 'worker'").await;
}

/// Ends the lease of a job whose worker is dead.
async fn end_lease(pool: &PgPool, payload: &str) {
    wait_for_death(pool).await;
    let end = query("update jobs set due = now() where payload = $1").bind(payload.to_owned());
    assert_eq!(end.execute(pool).await.unwrap().rows_affected(), 1);
}

/// Returns the texts that the jobs have written: the values that they read, the payload, and the attempt.
async fn results(pool: &PgPool) -> Vec<(String, String, i32)> {
    let all = "select seen, payload, attempt from results order by seen";
    query_as(all).fetch_all(pool).await.unwrap()
}

/// Returns the jobs that are set aside: the payload, the attempts, the error, and the values of the context.
async fn set_aside(pool: &PgPool) -> Vec<(String, i32, Option<String>, String)> {
    let all = "select payload, attempts, error, context from jobs order by payload";
    let jobs: Vec<(_, _, _, Carrier)> = query_as(all).fetch_all(pool).await.unwrap();
    let read = |carrier: Carrier| WIRE.extract(&carrier.0).context.run(seen);
    jobs.into_iter()
        .map(|(job, attempts, error, carrier)| (job, attempts, error, read(carrier)))
        .collect()
}

#[tokio::test]
async fn jobs_run_in_the_context_of_their_request_in_other_processes() {
    let Some((server, pool)) = start().await else { return };
    let mut abandoned = pool.begin().await.unwrap();
    enqueue(&mut abandoned, "abandoned").in_context(request(99)).await.unwrap();
    abandoned.rollback().await.unwrap();
    let mut expected = Vec::new();
    for n in 100..200 {
        let payload = if n % 10 == 0 { "fails once".into() } else { format!("job {n}") };
        let attempt = 1 + i32::from(n % 10 == 0);
        expected.push((enqueue_for(&pool, n, &payload).await, payload, attempt));
    }
    let _workers = [(); 3].map(|()| start_worker(&server));
    wait_for_all(&pool).await;
    assert!(set_aside(&pool).await.is_empty());
    assert_eq!(results(&pool).await, expected);
    let processes = query_scalar("select distinct process from results").fetch_all(&pool);
    assert!(!processes.await.unwrap().contains(&process::id().cast_signed()));
}

#[tokio::test]
async fn a_poison_job_is_set_aside_with_its_context() {
    let Some((server, pool)) = start().await else { return };
    let failing = enqueue_for(&pool, 1, "always fails").await;
    let good = enqueue_for(&pool, 2, "good").await;
    let mut worker = start_worker(&server);
    wait_for_all(&pool).await;
    let error = Some("attempt 3 failed".into());
    assert_eq!(set_aside(&pool).await, [("always fails".into(), 3, error, failing)]);
    worker.kill().await.unwrap();
    wait_for_death(&pool).await;

    let killing = enqueue_for(&pool, 3, "kills its worker").await;
    for _ in 0..3 {
        let mut worker = start_worker(&server);
        let _input = worker.stdin.take(); // `wait` would close it
        let status = timeout(PATIENCE, worker.wait()).await.expect("the worker ends").unwrap();
        assert_eq!(status.code(), Some(1));
        end_lease(&pool, "kills its worker").await;
    }
    let last = enqueue_for(&pool, 4, "last").await;
    let _worker = start_worker(&server);
    wait_for_all(&pool).await;
    assert_eq!(set_aside(&pool).await[1], ("kills its worker".into(), 3, None, killing));
    assert_eq!(results(&pool).await, [(good, "good".into(), 1), (last, "last".into(), 1)]);
}

#[tokio::test]
async fn the_job_of_a_killed_worker_is_done_once_by_another() {
    let Some((server, pool)) = start().await else { return };
    let waiting = enqueue_for(&pool, 1, "waits").await;
    let mut worker = start_worker(&server);
    let mut lines = BufReader::new(worker.stdout.take().unwrap()).lines();
    while lines.next_line().await.unwrap().expect("the worker ended") != "waiting" {}
    worker.kill().await.unwrap();
    assert!(results(&pool).await.is_empty());
    end_lease(&pool, "waits").await;
    let other = enqueue_for(&pool, 2, "other").await;
    let _worker = start_worker(&server);
    wait_for_all(&pool).await;
    let expected = [(waiting, "waits".into(), 2), (other, "other".into(), 1)];
    assert_eq!(results(&pool).await, expected);
    assert!(set_aside(&pool).await.is_empty());
}

#[tokio::test]
async fn a_worker_that_has_lost_its_lease_changes_nothing() {
    let Some((_server, pool)) = start().await else { return };
    for payload in ["good", "always fails"] {
        enqueue_for(&pool, 1, payload).await;
        let slow = claim(&pool).await.unwrap().expect("a job");
        assert!(claim(&pool).await.unwrap().is_none(), "it is leased");
        end_lease(&pool, payload).await;
        let fast = claim(&pool).await.unwrap().expect("the same job");
        assert_eq!((slow.0, slow.1 + 1), (fast.0, fast.1));
        run(&pool, slow).await.unwrap();
        assert!(results(&pool).await.iter().all(|(.., attempt)| *attempt == 2));
        let left = set_aside(&pool).await;
        assert_eq!((left.len(), left[0].2.as_deref()), (1, None));
        run(&pool, fast).await.unwrap();
    }
    assert_eq!(results(&pool).await.len(), 1);
    assert_eq!(set_aside(&pool).await[0].2.as_deref(), Some("attempt 2 failed"));
    assert!(REQUEST_ID.try_get().is_err());
}
