//! Every address, who may use it, and the names that its query may have.

use actix_web::http::Method;

use crate::pages::{
    access, assets, audit, checks, choose, corrections, dead, enrol, events, filter, help, letter,
    live, login, me, orders, people, player, preview, products, replays, search, wallets,
};
use crate::route::Route;

pub fn routes() -> Vec<Route> {
    let mut routes = way_in();
    routes.extend(reading());
    routes.extend(acting());
    routes
}

/// What is open to everybody, or to everybody who is signed in.
fn way_in() -> Vec<Route> {
    vec![
        Route::open(Method::GET, "/assets/{name}", &[], assets::file),
        Route::open(Method::GET, "/healthz", &[], assets::health),
        Route::open(Method::GET, "/readyz", &[], assets::health),
        Route::open(
            Method::GET,
            "/login",
            &["next", login::ENROLLED],
            login::page,
        ),
        Route::open(Method::POST, "/login", &[], login::sign_in),
        Route::signed_in(Method::POST, "/logout", &[], login::sign_out),
        Route::signed_in(
            Method::POST,
            "/logout/everywhere",
            &[],
            login::sign_out_everywhere,
        ),
        Route::signed_in(Method::GET, "/enrol", &[], enrol::page),
        Route::signed_in(Method::POST, "/enrol", &[], enrol::enrol),
        Route::signed_in(Method::GET, "/", &[], me::first),
        Route::signed_in(Method::GET, "/help", &[], help::page),
        Route::signed_in(Method::GET, "/me", &[], me::page),
        Route::signed_in(Method::POST, "/me/look", &[], me::look),
        Route::signed_in(Method::POST, "/me/sessions/{session}/end", &[], me::ended),
    ]
}

/// Pages that look.
fn reading() -> Vec<Route> {
    vec![
        Route::get("/live", &[], live::page),
        Route::stream("/live/stream", live::stream),
        Route::get("/dead", filter::QUERY, dead::page),
        Route::get("/dead/{letter}", &[], letter::page),
        Route::get("/dead/preview/{preview}", &[], preview::page),
        Route::get("/replays", &["after"], replays::page),
        Route::get("/replays/{replay}", &["state", "after"], replays::one),
        Route::get("/events", events::QUERY, events::page),
        Route::get("/events/{event}", &[], events::one),
        Route::get("/orders/{order}", &[], orders::page),
        Route::get("/wallets", wallets::QUERY, wallets::page),
        Route::get("/wallets/{wallet}", wallets::QUERY_OF_ONE, wallets::one),
        Route::get("/wallets/{wallet}/export", &[], wallets::export),
        Route::get("/wallets/{wallet}/player", &[], player::page),
        Route::get("/search", &["q"], search::page),
        Route::get("/corrections", corrections::QUERY, corrections::page),
        Route::get("/corrections/{request}", &[], corrections::one),
        Route::get("/products", &[], products::page),
        Route::get("/products/{product}", &[], products::one),
        Route::get("/audit", audit::QUERY, audit::page),
        Route::get("/audit/export", audit::QUERY, audit::export),
        Route::get("/audit/access", access::QUERY, access::page),
        Route::get("/checks", &[], checks::page),
        Route::get("/admin/people", &[], people::page),
    ]
}

/// Forms that act.
fn acting() -> Vec<Route> {
    vec![
        Route::post("/dead/preview", choose::preview_replay),
        Route::post("/dead/preview/{preview}/go", preview::went),
        Route::post("/dead/discard/preview", choose::preview_discard),
        Route::post("/dead/discard", choose::discarded),
        Route::post("/dead/{letter}/reveal", letter::revealed),
        Route::post("/replays/{replay}/ask", replays::control),
        Route::post("/replays/{replay}/resume", replays::resumed),
        Route::post("/corrections", corrections::ask),
        Route::post("/corrections/{request}/decide", corrections::decided),
        Route::post("/corrections/{request}/withdraw", corrections::withdrawn),
        Route::post("/products", products::changed),
        Route::post("/checks", checks::run),
        Route::post("/admin/people", people::changed),
    ]
}
