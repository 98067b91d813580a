//! Empty: the package is its one test, in `main.rs`.
