//! Streams, sinks, readers and writers in use: a producer and a consumer that do not see each other's values.

use std::future::Pending;
use std::pin::{Pin, pin};
use std::sync::mpsc::{Receiver, channel};
use std::task::{Context as TaskContext, Poll, Waker};

use contextvars::{Context, ContextExt, ContextVar, copy_context};
use futures::executor::block_on;
use futures::future::{Fuse, FusedFuture, FutureExt};
use futures::sink::{self, SinkExt};
use futures::stream::{self, FusedStream, Stream, StreamExt};

use crate::common::{A, all, bound, guard, seen};
use crate::support::{Counted, Counter, on_thread, poll_once, yield_once};

/// Returns a stream that reads `A` for each item and then binds it to the item's number. It yields the values that it read.
fn counting(items: u32) -> impl Stream<Item = Option<u32>> {
    stream::unfold(1, move |n| async move {
        if n > items {
            return None;
        }
        let before = seen();
        A.set(n);
        yield_once().await;
        assert_eq!(seen(), Some(n));
        Some((before, n + 1))
    })
}

#[test]
fn a_stream_keeps_its_sets_from_item_to_item_and_from_its_consumer() {
    let consumer = async {
        let mut items = pin!(counting(3).in_context(Context::new()));
        for (n, expected) in (50..).zip([None, Some(1), Some(2)]) {
            A.set(n);
            assert_eq!(items.next().await, Some(expected));
            assert_eq!(seen(), Some(n), "the consumer's own value");
        }
        assert_eq!(items.next().await, None);
        assert_eq!(items.context().get(&A), Some(&3));
        copy_context().len()
    };
    assert_eq!(block_on(consumer.in_context(Context::new())), 1);
}

#[test]
fn two_streams_that_are_merged_do_not_see_each_other() {
    let merged = async {
        let one = Box::pin(counting(20).in_context(Context::new()));
        let other = Box::pin(counting(20).in_context(Context::new()));
        stream::select(one, other).collect::<Vec<_>>().await
    };
    let mut items = block_on(merged);
    items.sort_unstable();
    let expected: Vec<_> = (0..20).flat_map(|n| [(n > 0).then_some(n); 2]).collect();
    assert_eq!(items, expected);
}

#[test]
fn stages_behind_the_wrapper_run_in_the_consumers_context() {
    let mut consumer = bound(50);
    let read = consumer.run(|| {
        let items = counting(2).in_context(bound(1)).map(|before| (before, seen()));
        block_on(items.collect::<Vec<_>>())
    });
    assert_eq!(read, [(Some(1), Some(50)), (Some(1), Some(50))]);
}

#[test]
fn an_unwrapped_stream_shares_its_consumers_context() {
    let consumer = async {
        A.set(50);
        let mut items = pin!(counting(2));
        assert_eq!(items.next().await, Some(Some(50)));
        seen()
    };
    assert_eq!(block_on(consumer.in_context(Context::new())), Some(1));
}

#[test]
fn an_items_token_works_at_a_later_item() {
    let mut token = None;
    let mut items = pin!(
        stream::repeat_with(move || match token.take() {
            None => {
                token = Some(A.set(2));
                seen()
            }
            Some(token) => {
                A.reset(token).expect("the context is the same one");
                seen()
            }
        })
        .in_context(bound(1))
    );
    let read: Vec<_> = block_on(items.as_mut().take(4).collect());
    assert_eq!(read, [Some(2), Some(1), Some(2), Some(1)]);
}

/// Returns a stream with a guard that reads `A` when it is dropped, and the receiver of the value.
fn guarded() -> (impl FusedStream<Item = u32> + Send, Receiver<Option<u32>>) {
    let (guard, dropped) = guard();
    let items = stream::iter([2, 3]).map(move |n| {
        let _inside = &guard;
        A.set(n);
        n
    });
    (items.fuse(), dropped)
}

#[test]
fn a_finished_stream_keeps_its_inner_value_and_drops_it_inside_the_context() {
    let (items, dropped) = guarded();
    let mut items = Box::pin(items.in_context(bound(1)));
    assert_eq!(block_on(items.as_mut().collect::<Vec<_>>()), [2, 3]);
    assert_eq!(block_on(items.next()), None, "the wrapper returns the result of the inner stream");
    assert!(items.is_terminated());
    assert_eq!(items.size_hint(), (0, Some(0)));
    assert!(items.inner().is_some());
    assert_eq!(all(&dropped), []);
    bound(50).run(|| drop(items));
    assert_eq!(all(&dropped), [Some(3)]);
}

#[test]
fn a_stream_that_is_dropped_half_way_is_dropped_inside_the_context_on_any_thread() {
    let (items, dropped) = guarded();
    let mut items = Box::pin(items.in_context(bound(1)));
    assert_eq!(block_on(items.next()), Some(2));
    on_thread(move || drop(items));
    assert_eq!(all(&dropped), [Some(2)]);
}

#[test]
fn values_set_by_a_stream_go_with_it() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    let items = stream::iter(0..10).map(|n| VALUE.set(Counted::numbered(&counter, n)));
    let mut items = pin!(items.in_context(Context::new()));
    let tokens: Vec<_> = block_on(items.as_mut().collect());
    assert_eq!(
        (counter.made(), counter.live()),
        (10, 10),
        "nine in the tokens, one in the context"
    );
    drop(tokens);
    assert_eq!(counter.live(), 1);
    drop(items.as_mut().take_context());
    assert_eq!(counter.live(), 0);
}

#[test]
fn size_hint_and_is_terminated_know_when_there_is_nothing_left() {
    struct Both;
    impl Future for Both {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<()> {
            Poll::Ready(())
        }
    }
    impl Stream for Both {
        type Item = ();
        fn poll_next(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Option<()>> {
            Poll::Ready(Some(()))
        }
    }
    impl FusedStream for Both {
        fn is_terminated(&self) -> bool {
            false
        }
    }
    let mut both = Both.in_context(Context::new());
    assert_eq!((both.size_hint(), both.is_terminated()), ((0, None), false));
    assert!(poll_once(Pin::new(&mut both)).is_ready());
    assert_eq!((both.size_hint(), both.is_terminated()), ((0, Some(0)), true));
    let text = crate::support::panic_text(|| {
        Pin::new(&mut both).poll_next(&mut TaskContext::from_waker(Waker::noop()))
    });
    assert!(text.contains("completion"), "{text}");
}

/// Returns a sink that reports the value of `A` at each item, and then binds the item.
fn sink() -> (impl sink::Sink<u32, Error = ()> + Send, Receiver<(u32, Option<u32>)>) {
    let (report, reported) = channel();
    let sink = sink::unfold((), move |(), item| {
        let report = report.clone();
        async move {
            yield_once().await;
            report.send((item, seen())).map_err(drop)?;
            A.set(item);
            Ok(())
        }
    });
    (sink, reported)
}

#[test]
fn a_sink_keeps_its_sets_from_item_to_item_and_from_its_producer() {
    let (sink, received) = sink();
    let mut producer = bound(50);
    let before = producer.clone();
    producer.run(|| {
        let mut sink = pin!(sink.in_context(bound(1)));
        block_on(async {
            for n in [2, 3, 4] {
                sink.send(n).await.expect("it is open");
                assert_eq!(seen(), Some(50));
            }
            sink.close().await.expect("it is open");
        });
    });
    assert!(producer.ptr_eq(&before));
    assert_eq!(all(&received), [(2, Some(1)), (3, Some(2)), (4, Some(3))]);
}

#[test]
fn forwarding_runs_each_end_in_its_own_context() {
    let (sink, received) = sink();
    let items = counting(3).map(|before| before.unwrap_or(0) + 10).map(Ok);
    let forwarding = items.in_context(bound(1)).forward(sink.in_context(bound(9)));
    bound(50).run(|| {
        block_on(forwarding).expect("the sink is open");
        assert_eq!(seen(), Some(50));
    });
    assert_eq!(all(&received), [(11, Some(9)), (11, Some(11)), (12, Some(11))]);
}

#[test]
fn a_fused_future_is_one_in_its_context_too() {
    let read = |n| Box::pin(async { A.get() }.fuse().in_context(bound(n)));
    let (mut one, mut other, mut seen) = (read(1), read(2), vec![]);
    block_on(async {
        loop {
            futures::select! {
                n = one => seen.push(n),
                n = other => seen.push(n),
                complete => break,
            }
        }
    });
    seen.sort_unstable();
    assert_eq!(seen, [1, 2]);
    let never = Fuse::<Pending<u32>>::terminated().in_context(bound(3));
    assert!(one.is_terminated() && other.is_terminated() && never.is_terminated());
    assert!(!read(4).is_terminated());
}
