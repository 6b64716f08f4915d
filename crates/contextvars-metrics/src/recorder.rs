//! [`ContextRecorder`]: a recorder that adds labels.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::Display;

use contextvars::ContextVar;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Metadata, Recorder};
use metrics::{SharedString, Unit};

use crate::listed::Listed;

/// A recorder that adds the values of listed variables to the labels of every metric.
///
/// - A label that the macro names itself goes before the variable's. Of two listed variables with one label, the first one that has
///   a value is shown.
/// - A variable without a value and without a default adds no label. If no listed variable has a value, the metric is passed on
///   unchanged, without an allocation.
/// - If the `Display` of a value, the function of [`label_with`](Self::label_with) or the default of a variable panics, the label
///   is `other`, and the metric is recorded. If one of them records a metric itself, that metric has no labels of variables.
///
/// ```
/// use contextvars::{Context, ContextVar};
/// use contextvars_metrics::ContextRecorder;
/// use metrics::{counter, with_local_recorder};
/// # mod calls { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/metrics/calls.rs")); }
/// # use calls::Calls;
///
/// static TENANT: ContextVar<String> = ContextVar::new("tenant");
/// static STATUS: ContextVar<u16> = ContextVar::new("http.status");
///
/// let recorder = ContextRecorder::new(Calls::default()) // `Calls` keeps each metric as a line
///     .label(&TENANT, 1)
///     .label_with(&STATUS, 2, |status| if *status < 500 { "ok" } else { "error" })
///     .rename("status");
///
/// let request = |tenant: &str, status| {
///     let context = Context::new().with_value(&TENANT, tenant.to_string());
///     context.with_value(&STATUS, status).run(|| counter!("requests_total").increment(1));
/// };
/// with_local_recorder(&recorder, || {
///     request("acme", 200);
///     request("acme", 404);
///     request("initech", 500);
/// });
/// assert_eq!(
///     recorder.inner().take(),
///     [
///         "counter requests_total{tenant=acme,status=ok}",
///         "counter requests_total{tenant=acme,status=ok}",
///         "counter requests_total{tenant=other,status=error}",
///     ]
/// );
/// ```
#[derive(Debug)]
pub struct ContextRecorder<R> {
    inner: R,
    listed: Vec<Listed>,
}

impl<R> ContextRecorder<R> {
    /// Wraps a recorder. Install the result with `metrics::set_global_recorder`.
    ///
    /// See [`ContextRecorder`] for an example.
    pub const fn new(inner: R) -> Self {
        Self { inner, listed: Vec::new() }
    }

    /// Lists a variable, whose name becomes the label's, with the texts of its `Display`. At most `bound` different texts become
    /// labels, and each further one becomes `other`. With the bound 0, the label only says that there is a value.
    ///
    /// See [`ContextRecorder`] for an example, and [`label_with`](Self::label_with) for types without `Display`.
    #[must_use = "this is the recorder with the label"]
    pub fn label<T>(self, variable: &'static ContextVar<T>, bound: usize) -> Self
    where
        T: Display + Send + Sync,
    {
        self.label_with(variable, bound, T::to_string)
    }

    /// Lists a variable like [`label`](Self::label), with the texts that a function makes of its values.
    ///
    /// Use it for a type of another crate, and to show many values as a few classes. A function that returns a `&'static str`
    /// saves the allocation of the text.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_metrics::ContextRecorder;
    /// static ROUTE: ContextVar<&str> = ContextVar::new("route");
    ///
    /// let recorder = ContextRecorder::new(metrics::NoopRecorder).label_with(&ROUTE, 50, |route| *route);
    /// # assert!(format!("{recorder:?}").contains("route"));
    /// ```
    #[must_use = "this is the recorder with the label"]
    pub fn label_with<T, V>(
        mut self,
        variable: &'static ContextVar<T>,
        bound: usize,
        text: fn(&T) -> V,
    ) -> Self
    where
        T: Send + Sync,
        V: Into<SharedString> + 'static,
    {
        self.listed.push(Listed::new(variable, bound, text));
        self
    }

    /// Gives the variable that was listed last another label than its name.
    ///
    /// See [`ContextRecorder`] for an example.
    ///
    /// # Panics
    ///
    /// Panics if nothing was listed.
    #[must_use = "this is the recorder with the label"]
    #[track_caller]
    pub fn rename(mut self, label: &'static str) -> Self {
        let last = self.listed.last_mut();
        last.expect("`rename` must follow the `label` or `label_with` that it renames").name =
            label;
        self
    }

    /// Returns the inner recorder.
    ///
    /// ```
    /// # use contextvars_metrics::ContextRecorder;
    /// assert_eq!(ContextRecorder::new("a recorder").inner(), &"a recorder");
    /// ```
    pub const fn inner(&self) -> &R {
        &self.inner
    }

    /// Returns the key with the labels of the current context.
    fn with_labels<'a>(&self, key: &'a Key) -> Cow<'a, Key> {
        let labels = ask(|| self.labels(key)).unwrap_or_default();
        if labels.is_empty() {
            return Cow::Borrowed(key);
        }
        Cow::Owned(key.with_extra_labels(labels))
    }

    /// Returns the labels that are added to a key.
    fn labels(&self, key: &Key) -> Vec<Label> {
        let mut labels: Vec<Label> = Vec::new();
        for listed in &self.listed {
            if key.labels().chain(&labels).all(|label| label.key() != listed.name) {
                if let Some(value) = listed.value() {
                    labels.push(Label::new(listed.name, value));
                }
            }
        }
        labels
    }
}

/// Calls `f`, which runs user code. Returns `None` if that user code has called this function: if it records a metric, it would be
/// asked again for that metric, without an end.
fn ask<R>(f: impl FnOnce() -> R) -> Option<R> {
    thread_local! {
        static ASKING: Cell<bool> = const { Cell::new(false) };
    }

    struct Done;

    impl Drop for Done {
        fn drop(&mut self) {
            ASKING.set(false);
        }
    }

    if ASKING.replace(true) {
        return None;
    }
    let _done = Done;
    Some(f())
}

impl<R: Recorder> Recorder for ContextRecorder<R> {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe_counter(key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe_gauge(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe_histogram(key, unit, description);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.inner.register_counter(&self.with_labels(key), metadata)
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.inner.register_gauge(&self.with_labels(key), metadata)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.inner.register_histogram(&self.with_labels(key), metadata)
    }
}
