//! Empty: the package is its one integration test, in `integration/main.rs`.
