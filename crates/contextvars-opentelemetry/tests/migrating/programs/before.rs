// The program of `docs/migrating/opentelemetry.md`, before the migration.

use opentelemetry::{Context, trace::FutureExt};

struct User(&'static str);
struct Order(u32);

fn show(place: &str) {
    let context = Context::current();
    let user = context.get::<User>().map_or("nobody", |user| user.0);
    let order = context.get::<Order>().map_or(0, |order| order.0);
    println!("{place}: {user}, order {order}");
}

async fn price() {
    show("priced");
}

async fn handle() {
    show("started");
    let context = Context::current_with_value(Order(7));
    price().with_context(context.clone()).await;
    tokio::spawn(async { show("audited") }.with_context(context.clone())).await.unwrap();
    let reserve = move || {
        let _guard = context.attach();
        show("reserved");
    };
    tokio::task::spawn_blocking(reserve).await.unwrap();
}

#[tokio::main]
async fn main() {
    handle().with_context(Context::new().with_value(User("ann"))).await;
    show("outside");
}
