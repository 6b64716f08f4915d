//! Passes the compiler version and the target to the package, because instruction counts are valid only for them.

use std::env;
use std::process::Command;

fn main() {
    let rustc = env::var_os("RUSTC").expect("cargo sets `RUSTC` for build scripts");
    let version = Command::new(rustc).arg("--version").output().expect("the compiler can be run");
    let version = String::from_utf8_lossy(&version.stdout);
    // `rustc 1.95.0 (59807616e 2026-04-14)`
    let number = version.split_whitespace().nth(1).expect("the version is the second word");
    let target = env::var("TARGET").expect("cargo sets `TARGET` for build scripts");
    println!("cargo::rustc-env=BUILT_BY=rustc {number} {target}");
    println!("cargo::rerun-if-changed=build.rs");
}
