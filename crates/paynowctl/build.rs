//! The migrations are embedded, and a new one changes no Rust file.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
