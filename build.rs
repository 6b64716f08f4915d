//! Nothing to build: Cargo asks for a build script wherever `links` stands in the manifest.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
