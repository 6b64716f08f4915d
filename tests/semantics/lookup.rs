//! Sentences 57 and 58: the two messages of a read without a value, and the process-wide function of `on_missing`.

use contextvars::{Context, ContextVar, LookupError, LookupErrorKind, Missing, on_missing};

use crate::support::{at_exit, on_thread, panic_text};

static USER: ContextVar<String> = ContextVar::new("user of a request");
static OTHER: ContextVar<u32> = ContextVar::new("other");

#[test]
fn outside_of_any_context_the_text_names_the_remedy() {
    on_thread(|| {
        let error = USER.try_get().unwrap_err();
        assert_eq!(error.kind(), LookupErrorKind::OutsideContext);
        assert_eq!(
            error.to_string(),
            "context variable `user of a request` was read outside of any entered context; in a task, wrap the task with \
             `in_current_context()`"
        );
        OTHER.set(1);
        assert_eq!(USER.try_with(|_| ()).unwrap_err().kind(), LookupErrorKind::OutsideContext);
    });
}

#[test]
fn inside_of_a_context_the_text_counts_the_other_variables() {
    static LOCAL: ContextVar<u32> = ContextVar::new("local").local();
    let text = |context: &mut Context| context.run(|| USER.try_get().unwrap_err().to_string());
    let mut context = Context::new();
    let begin =
        "context variable `user of a request` has no value in the current context, which has ";
    assert_eq!(text(&mut context), format!("{begin}no other variables"));
    context.insert(&OTHER, 1);
    assert_eq!(text(&mut context), format!("{begin}1 other variable"));
    context.insert(&LOCAL, 1);
    assert_eq!(text(&mut context), format!("{begin}2 other variables"));
}

#[test]
fn log_fields_are_no_other_variables() {
    let error = Context::new().run(|| {
        contextvars::fields::set([("a", 1)]);
        USER.try_get().unwrap_err()
    });
    assert!(error.to_string().ends_with("which has no other variables"), "{error}");
}

#[test]
fn an_error_is_small() {
    const { assert!(size_of::<LookupError>() <= 16) };
}

#[test]
fn the_panic_names_the_thread() {
    let thread = std::thread::Builder::new().name("worker-3".into());
    let text = thread.spawn(|| panic_text(|| USER.get())).unwrap().join().unwrap();
    assert!(text.contains("`user of a request`") && text.contains("`worker-3`"), "{text}");
    let text = on_thread(|| panic_text(|| USER.with(String::len)));
    assert!(text.contains("<unnamed>"), "{text}");
}

#[test]
fn once_the_thread_has_released_its_values_the_panic_does_not_name_it() {
    let (sender, receiver) = std::sync::mpsc::channel();
    on_thread(move || {
        at_exit(move || {
            let _ = sender.send(panic_text(|| USER.get()));
        });
        OTHER.set(1);
    });
    let text = receiver.recv().unwrap();
    assert!(text.contains("`user of a request`") && !text.contains("thread `"), "{text}");
}

#[test]
fn the_hook_explains_panics_and_is_not_re_entered() {
    static EXPLAINED: ContextVar<u32> = ContextVar::new("explained");
    static SILENT: ContextVar<u32> = ContextVar::new("silent");
    static BROKEN: ContextVar<u32> = ContextVar::new("broken");

    fn hook(missing: &Missing<'_>) -> Option<String> {
        match missing.name() {
            "explained" => {
                assert!(missing.is_set_in(&Context::new().with_value(&EXPLAINED, 1)));
                assert!(!missing.is_set_in(&Context::new().with_value(&SILENT, 1)));
                // The hook is not called for a read that the hook itself makes.
                let text = panic_text(|| EXPLAINED.get());
                assert!(!text.contains("because"), "{text}");
                Some("because".into())
            }
            "broken" => panic!("the hook failed"),
            _ => None,
        }
    }

    // Other tests of this binary may read missing values at the same time; the hook returns no text for those.
    assert!(on_missing(hook));
    assert!(!on_missing(|_| Some("another".into())));
    assert!(panic_text(|| EXPLAINED.get()).ends_with("\nbecause"));
    assert!(panic_text(|| EXPLAINED.with(|_| ())).ends_with("\nbecause"));
    assert!(!panic_text(|| SILENT.get()).contains('\n'));
    assert!(panic_text(|| BROKEN.get()).contains("`on_missing` panicked"));
    assert!(panic_text(|| EXPLAINED.get()).ends_with("\nbecause"), "after a panic too");
    assert!(EXPLAINED.try_get().is_err(), "`try_get` does not ask");
}
