//! The jobs of people who have nothing but the documents: what a page tells them to run is run from the page, and what
//! it says one sees is looked for in what is printed.

mod front;
mod page;
mod runbooks;
mod shell;
mod shop;
mod support;
