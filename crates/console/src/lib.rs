#![doc = include_str!("../README.md")]

// In reading order: the program, one request's way to its answer, what a page is made of.
pub mod app;
pub mod config;
pub mod settings;
mod console;

mod serve;
mod headers;
mod call;
pub mod routes;
pub mod route;
mod door;
mod cookie;
mod origin;
mod limits;
mod once;
mod checks;
mod next;
mod visit;
mod runner;

mod live;
mod pages;
mod ask;
mod reasons;
mod sums;

mod frame;
mod document;
mod text;
mod assets;
mod answer;
mod errors;
mod problem;
pub mod observe;
