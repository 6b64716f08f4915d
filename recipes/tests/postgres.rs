//! Postgres: each request reads and writes the rows of its own tenant only, by row-level security, with `sqlx`.
//!
//! Each transaction begins with a statement that gives the tenant of the current context to the database. A policy on each table
//! compares it with the tenant of the row. This costs one round trip for each transaction. Keep these points in mind:
//!
//! - `set_config(…, true)` lasts until the transaction ends, so a connection goes back to the pool without a tenant.
//!   `set_config(…, false)` lasts as long as the connection, and the next request on it reads the rows of another tenant. Do
//!   not set the tenant in the pool's hook `after_connect`, which runs for the request that happens to open the connection.
//! - Log in as a role that is no superuser and does not have `bypassrls`. `force` makes the policy bind the table's owner, too.
//! - Once the transaction has ended, Postgres reads the setting as an empty text instead of null. So the policy uses `nullif`,
//!   and `begin` refuses an empty tenant.
//!
//! # The lines of the driver
//!
//! `sqlx` logs each statement with the target `sqlx::query`: at level DEBUG, and at level WARN if it took a second or longer. The
//! line has the text of the statement, but no bound values. It is logged in the task that awaits the statement, so
//! `contextvars_tracing::Json` adds the fields of the request to it. There is no line for `BEGIN`, and none for the `ROLLBACK` of
//! a transaction that is dropped: a task of the pool sends it later, outside of the request's context.
//!
//! # The request in the lines of the database
//!
//! A comment with the request id, as in `/* r-7 */ select …`, makes the text of each statement unique. The driver then prepares a
//! statement for each request, keeps the last hundred of each connection, and uses none of them again. `begin` puts the id into
//! `application_name` instead, for the transaction: `pg_stat_activity` shows it, and so does the database's log with
//! `log_line_prefix = '%m [%p] %a '`. Postgres cuts it off after 63 bytes.

use contextvars::ContextVar;
use sqlx::postgres::PgPool;
use sqlx::{Error, Postgres, Transaction};

static TENANT: ContextVar<String> = ContextVar::new("tenant").logged();
static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id").logged();

/// The tables. `shop` is the role of the service.
const SCHEMA: &str = "
    create role shop login;
    create table orders (
        tenant text not null default nullif(current_setting('app.tenant', true), ''),
        item text not null
    );
    alter table orders enable row level security, force row level security;
    create policy tenant on orders
        using (tenant = nullif(current_setting('app.tenant', true), ''));
    grant select, insert, update, delete on orders to shop;
";

/// The first statement of each transaction.
const ENTER: &str =
    "select set_config('app.tenant', $1, true), set_config('application_name', $2, true)";

/// A pool whose transactions are each bound to the tenant of the context in which they begin. Put it into a module of its own,
/// so that the rest of the program cannot use the pool without `begin`.
#[derive(Clone)]
struct Database(PgPool);

impl Database {
    /// Begins a transaction for the current tenant.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the current context has no tenant. Nothing has been sent in this case.
    async fn begin(&self) -> Result<Transaction<'static, Postgres>, Error> {
        let tenant = TENANT.try_get().map_err(|missing| Error::Configuration(missing.into()))?;
        if tenant.is_empty() {
            return Err(Error::Configuration("the variable `tenant` is an empty text".into()));
        }
        let mut transaction = self.0.begin().await?;
        let enter = sqlx::query(ENTER).bind(tenant).bind(REQUEST_ID.try_get().ok());
        enter.execute(&mut *transaction).await?;
        Ok(transaction)
    }
}

// The recipe ends here. The code below tests it with its own Postgres.

#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/server.rs"]
mod server;

use std::io;
use std::sync::{Arc, Mutex};

use contextvars::{Context, ContextExt as _};
use contextvars_tracing::Json;
use serde_json::Value;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, query, query_scalar};
use tracing::Level;

/// Starts Postgres and creates the tables. Returns the pools of the service and of the superuser.
async fn start(connections: u32) -> Option<(postgres::Postgres, Database, PgPool)> {
    let server = tokio::task::spawn_blocking(postgres::Postgres::start).await.unwrap()?;
    let admin = server.set_up(SCHEMA).await;
    let pool = PgPoolOptions::new().max_connections(connections);
    let pool = pool.connect_lazy_with(postgres::options(server.port, "shop"));
    Some((server, Database(pool), admin))
}

fn request(tenant: &str, n: usize) -> Context {
    let context = Context::new().with_value(&TENANT, tenant.to_owned());
    context.with_value(&REQUEST_ID, format!("r-{n}"))
}

async fn order(transaction: &mut Transaction<'_, Postgres>, item: &str) {
    let insert = query("insert into orders (item) values ($1)").bind(item.to_owned());
    insert.execute(&mut **transaction).await.unwrap();
}

/// Returns the tenants of all rows that the transaction can read.
async fn tenants(transaction: &mut Transaction<'_, Postgres>) -> Vec<String> {
    let select = query_scalar("select distinct tenant from orders");
    select.fetch_all(&mut **transaction).await.unwrap()
}

/// Tries to write a row of another tenant, which fails and breaks the transaction.
async fn trespass(transaction: &mut Transaction<'_, Postgres>) {
    let insert = query("insert into orders (tenant, item) values ('another', 'tea')");
    let error = insert.execute(&mut **transaction).await.unwrap_err().to_string();
    assert!(error.contains("violates row-level security policy"), "{error}");
}

/// A request that ends its transaction in one of five ways, and only the first one of them keeps its row.
async fn handle(database: Database, n: usize) {
    let mut transaction = database.begin().await.unwrap();
    order(&mut transaction, &format!("item {n}")).await;
    tokio::task::yield_now().await;
    assert_eq!(tenants(&mut transaction).await, [TENANT.get()]);
    let change = query("update orders set item = item || $1").bind(TENANT.get());
    change.execute(&mut *transaction).await.unwrap();
    match n / 2 % 5 {
        0 => transaction.commit().await.unwrap(),
        1 => transaction.rollback().await.unwrap(),
        2 => drop(transaction),
        3 => trespass(&mut transaction).await,
        _ => {
            // The request is cancelled in the middle of a statement.
            let sleep = query("select pg_sleep(0.05)").execute(&mut *transaction);
            let _ = tokio::time::timeout(std::time::Duration::from_millis(1), sleep).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_share_connections_see_no_foreign_row() {
    let Some((_server, database, admin)) = start(4).await else { return };
    let requests = (0..200).map(|n| {
        let tenant = ["acme", "umbrella"][n % 2];
        tokio::spawn(handle(database.clone(), n).in_context(request(tenant, n)))
    });
    for request in requests.collect::<Vec<_>>() {
        request.await.unwrap();
    }
    let kept =
        query_scalar::<_, i64>("select count(*) from orders group by tenant").fetch_all(&admin);
    assert_eq!(kept.await.unwrap(), [20, 20]);
    let foreign = "select count(*) from orders where item like '%acme%' = (tenant = 'umbrella')";
    assert_eq!(query_scalar::<_, i64>(foreign).fetch_one(&admin).await.unwrap(), 0);
    assert!(database.0.size() <= 4);
}

#[tokio::test]
async fn a_request_without_a_tenant_sends_nothing() {
    let Some((_server, database, _)) = start(1).await else { return };
    let error = database.begin().await.unwrap_err();
    assert!(matches!(error, Error::Configuration(_)), "{error:?}");
    let error = error.to_string();
    assert!(error.contains("`tenant` was read outside of any entered context"), "{error}");
    let error = database.begin().in_context(request("", 1)).await.unwrap_err().to_string();
    assert!(error.contains("empty"), "{error}");
    assert_eq!(database.0.size(), 0, "there is no connection by which to send something");
}

/// Reads past `begin`: the settings of the connection, and the number of rows that it may read.
async fn remembered(database: &Database) -> (Option<String>, String, i64) {
    let settings = "select current_setting('app.tenant', true), \
                    current_setting('application_name'), (select count(*) from orders)";
    sqlx::query_as(settings).fetch_one(&database.0).await.unwrap()
}

#[tokio::test]
async fn a_connection_that_is_given_back_remembers_nothing() {
    let Some((_server, database, admin)) = start(1).await else { return };
    assert_eq!(remembered(&database).await, (None, String::new(), 0));
    for n in [0, 2, 4, 6] {
        handle(database.clone(), n).in_context(request("acme", n)).await;
        assert_eq!(remembered(&database).await, (Some(String::new()), String::new(), 0));
    }
    let insert = query("insert into orders (item) values ('tea')").execute(&database.0).await;
    assert!(insert.is_err(), "a row without a tenant");
    let rows = query_scalar::<_, i64>("select count(*) from orders").fetch_one(&admin);
    assert_eq!(rows.await.unwrap(), 1);
}

#[tokio::test]
async fn a_setting_of_the_connection_shows_rows_of_another_tenant() {
    let Some((server, database, _)) = start(1).await else { return };
    let commit = async {
        let mut transaction = database.begin().await.unwrap();
        order(&mut transaction, "tea").await;
        transaction.commit().await.unwrap();
    };
    commit.in_context(request("acme", 1)).await;

    let wrong = PgPoolOptions::new().max_connections(1).after_connect(|connection, _| {
        let enter = query("select set_config('app.tenant', $1, false)").bind(TENANT.get());
        Box::pin(async { enter.execute(connection).await.map(drop) })
    });
    let wrong = wrong.connect_lazy_with(postgres::options(server.port, "shop"));
    let read = async || tenants(&mut wrong.begin().await.unwrap()).await;
    assert_eq!(read().in_context(request("acme", 2)).await, ["acme"]);
    assert_eq!(read().in_context(request("umbrella", 3)).await, ["acme"], "a leak");
    let right = async || tenants(&mut database.begin().await.unwrap()).await;
    assert!(right().in_context(request("umbrella", 4)).await.is_empty());
}

#[tokio::test]
async fn the_database_sees_the_request_without_a_statement_of_its_own() {
    let Some((_server, database, admin)) = start(1).await else { return };
    let tagged = |id: &str| format!("/* {id} */ select count(*) from orders");
    for n in 0..10 {
        let work = async {
            let mut transaction = database.begin().await.unwrap();
            let tagged = AssertSqlSafe(tagged(&REQUEST_ID.get()));
            query(tagged).execute(&mut *transaction).await.unwrap();
            tenants(&mut transaction).await;
            let activity = "select application_name from pg_stat_activity where usename = 'shop'";
            let seen = query_scalar::<_, String>(activity).fetch_all(&admin).await.unwrap();
            assert_eq!(seen, [REQUEST_ID.get()]);
        };
        work.in_context(request("acme", n)).await;
    }
    let prepared = async |pattern: &str| -> i64 {
        let count = "select count(*) from pg_prepared_statements where statement like $1";
        query_scalar(count).bind(pattern.to_owned()).fetch_one(&database.0).await.unwrap()
    };
    assert_eq!(prepared("/* r-%").await, 10, "one for each request");
    assert_eq!(prepared("select distinct tenant from orders").await, 1);
    assert_eq!(prepared("select set_config('app.tenant', $1, true)%").await, 1);
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_drivers_lines_have_the_fields_of_their_request() {
    let Some((_server, database, _)) = start(1).await else { return };
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().json().with_max_level(Level::DEBUG);
    let subscriber = subscriber.map_event_format(Json::new).with_writer(move || writer.clone());
    let _subscriber = tracing::subscriber::set_default(subscriber.finish());
    for n in [0, 4] {
        handle(database.clone(), n).in_context(request("acme", n)).await;
    }
    remembered(&database).await;
    let lines = lines.0.lock().unwrap().clone();
    let lines: Vec<Value> =
        serde_json::Deserializer::from_slice(&lines).into_iter().map(Result::unwrap).collect();
    let statements = lines.iter().filter(|line| line["target"] == "sqlx::query").map(|line| {
        let [tenant, id, summary] =
            [&line["tenant"], &line["request_id"], &line["fields"]["summary"]]
                .map(|value| value.as_str().unwrap_or("none"));
        format!("{tenant} {id} {summary}")
    });
    let expected = [
        "acme r-0 select set_config('app.tenant', $1, true), …",
        "acme r-0 insert into orders (item) …",
        "acme r-0 select distinct tenant from …",
        "acme r-0 update orders set item …",
        "acme r-0 COMMIT",
        "acme r-4 select set_config('app.tenant', $1, true), …",
        "acme r-4 insert into orders (item) …",
        "acme r-4 select distinct tenant from …",
        "acme r-4 update orders set item …", // and no `ROLLBACK`: the transaction is dropped
        "none none select current_setting('app.tenant', true), current_setting('application_name'), …",
    ];
    assert_eq!(statements.collect::<Vec<_>>(), expected);
    assert!(!lines.iter().any(|line| line.to_string().contains("item 0")), "a bound value");
}
