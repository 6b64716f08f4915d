//! Runs the example programs that assert their own story.

#[path = "../examples/who_holds.rs"]
mod who_holds;

#[test]
fn who_holds_finds_the_holder_and_lets_go() {
    who_holds::main();
}
