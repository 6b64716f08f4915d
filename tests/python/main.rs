//! Conformance with `CPython`'s `contextvars`, clause by clause. Each clause is one behaviour of `CPython` 3.13 and 3.14:
//! V is the variable, G `get`, S `set` and the token, R `reset`, C the context, E `run`, A `asyncio`, and H hazards of the
//! translation. docs/semantics.md states the same behaviours for this crate.
//!
//! If a clause has no test, *by the type system* means that the error does not compile and names the file that shows it, and
//! *no meaning in Rust* gives the reason.
//!
//! | clause | shown by |
//! |---|---|
//! | V1 | `v1_a_variable_has_a_name_and_may_have_a_default`; a name that is no string: by the type system |
//! | V2 | `v2_a_default_may_be_any_value_also_none`, `v2_a_default_is_evaluated_once_and_shared` |
//! | V3 | `v3_the_name_is_the_given_one`; no setter, no access to the default: by the type system |
//! | V4 | `v4_variables_of_one_name_are_different_keys`; equality, hash, order: not implemented, asserted there |
//! | V5 | `v5_a_variable_is_not_copied`; subclasses, weak references, pickling: no meaning in Rust: types are closed |
//! | V6 | `v6_variables_and_tokens_are_generic`; `ui/token_of_another_type.rs` |
//! | V7 | `v7_debug_names_the_variable_and_computes_nothing` |
//! | V8 | `v8_a_context_holds_a_value_also_when_its_variable_is_gone` |
//! | G1 | `g1_value_beats_fallback_beats_default_beats_error`, `g1_a_stored_none_is_a_value` |
//! | G2 | `g2_a_fallback_of_none_beats_the_default`; keyword arguments: no meaning in Rust: there are none |
//! | G3 | `g3_the_lookup_error_carries_the_variable` |
//! | G4 | `g4_get_never_creates_anything` |
//! | G5 | `g5_no_cache_can_be_seen` |
//! | S1 | `s1_set_binds_in_the_current_context_and_returns_a_fresh_token_every_time` |
//! | S2 | `s2_values_are_not_compared`; the identical object: no meaning in Rust: a value is moved in, and is never set twice |
//! | S3 | `s3_old_value_is_the_previous_value_or_none`, `s3_a_bound_none_is_an_old_value` |
//! | S4 | `s4_a_token_is_neither_made_nor_compared_nor_hashed` |
//! | S5 | `s5_debug_of_a_token_names_the_variable`; "used": no meaning in Rust: a used token is gone |
//! | S6 | `s6_a_token_holds_its_old_value`; ours holds the identity of its context, not the context |
//! | S7 | `s7_a_binding_is_the_context_manager`, `s7_a_scope_lets_panics_through`; entered twice: by the type system: a `Binding` ends once |
//! | R1 | by the type system: `ui/token_of_another_type.rs` |
//! | R2 | by the type system: `ui/token_used_twice.rs` |
//! | R3 | `r3_a_token_of_another_variable_is_refused` |
//! | R4 | `r4_a_token_of_another_context_is_refused`, `r4_comes_after_r3` |
//! | R5 | `r5_a_variable_that_is_absent_already_is_no_error` (reachable in Rust, because of `Context::remove`) |
//! | R6 | `r6_a_failed_reset_leaves_token_and_value_alone` |
//! | R7 | no meaning in Rust: the token is moved into `reset` before anything happens |
//! | R8 | `r8_reset_to_missing_removes_the_variable`, `r8_reset_to_an_old_value_binds_it` |
//! | R9 | `r9_there_is_no_order_of_resets` |
//! | R10 | `r10_a_token_works_in_its_context_entered_later_on_any_thread`, `r10_a_token_does_not_work_in_an_equal_copy` |
//! | C1 | `c1_a_new_context_is_empty`; copies: `clone` |
//! | C2 | `c2_copy_context_is_new_equal_and_independent_both_ways` |
//! | C3 | `c3_a_copy_of_an_entered_context_can_be_run_inside_it` |
//! | C4 | `c4_a_context_is_a_read_only_mapping_without_defaults`; keys that are no variables: by the type system |
//! | C5 | `c5_iter_is_one_shot_with_a_length`, `c5_iteration_does_not_observe_a_set` |
//! | C6 | `c6_no_order_is_promised_but_every_entry_comes_once` |
//! | C7 | no meaning in Rust: values need not be comparable; `ptr_eq` says less and always answers: `c7_there_is_no_equality_but_that_of_snapshots` |
//! | C8 | no meaning in Rust: there is no trait for mappings |
//! | E1 | `e1_run_returns_the_result`; arguments: captured by the closure |
//! | E2 | `e2_run_makes_the_context_current_and_keeps_its_sets`, `e2_the_previous_context_is_back_after_an_exception` |
//! | E3 | by the type system: `ui/enter_twice.rs`; `e3_entering_again_one_after_the_other_is_fine_on_any_thread` |
//! | E4 | no meaning in Rust: there is no `enter` or `exit` to be called out of order |
//! | E5 | `e5_a_context_is_not_held_after_it_was_left`; watchers: no meaning in Rust: they serve C extensions |
//! | E6 | `e6_a_new_thread_starts_with_defaults_only`, `e6_propagate_is_the_context_argument_of_a_thread` |
//! | A1 | `a1_a_task_copies_the_context_when_it_is_created` |
//! | A2 | `a2_every_step_runs_in_the_one_context_of_the_task` |
//! | A3 | `a3_a_childs_sets_are_invisible_to_the_parent`, `a3_a_bare_await_shares`, `a3_gather_is_a_join_of_wrapped_futures`, `a3_a_timeout_shares` |
//! | A4 | `a4_a_parents_token_is_refused_in_a_child` |
//! | A5 | by the type system: a `Context` has one owner; the nearest behaviour is `a5_futures_that_share_a_context_interleave_in_one_task` |
//! | A6 | `a6_a_callback_runs_in_a_copy_from_its_registration` |
//! | A7 | `a7_a_thread_gets_a_copy_through_propagate_and_nothing_without` |
//! | A8 | `a8_cancellation_cleans_up_in_the_context_of_the_task` |
//! | A9 | `a9_a_stream_runs_in_the_context_of_its_consumer`, `a9_a_stream_finished_elsewhere_cannot_reset` |
//! | A10 | `a10_an_eager_first_step_runs_in_the_given_context` |
//! | H i | as A5 |
//! | H ii | `h2_a_copy_is_safe_while_another_thread_changes_the_original` |
//! | H iii | as A8 |
//! | H iv | as E2 |
//! | H v | `ui/token_of_another_type.rs`; the guard and the values of other threads: `ui/guard_across_await.rs`, `ui/guard_sent_to_thread.rs`, `ui/not_send_value.rs`, `ui/escaping_borrow.rs` |
//! | H vi | `h6_identity_is_the_contexts_and_not_the_maps` |

#[path = "../support/mod.rs"]
mod support;

mod asyncio; // clauses A and H
mod context; // clauses C
mod get; // clauses G
mod reset; // clauses R
mod run; // clauses E
mod set; // clauses S
mod variable; // clauses V
