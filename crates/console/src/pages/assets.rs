//! Files for browsers, and probes.

use actix_web::http::StatusCode;
use serde_json::json;

use crate::answer::Answer;
use crate::assets::ASSETS;
use crate::call::Call;
use crate::console::Console;
use crate::problem::Problem;

pub(crate) fn file(_console: &Console, call: &Call) -> Result<Answer, Problem> {
    let asset = ASSETS.of_path(&call.path);
    let asset =
        asset.ok_or_else(|| Problem::NotFound(format!("there is no file {}", call.path)))?;
    Ok(Answer::asset(asset))
}

/// The process runs and answers. Without the database, its pages say so.
pub(crate) fn health(_console: &Console, _call: &Call) -> Result<Answer, Problem> {
    Ok(Answer::json(StatusCode::OK, &json!({"status": "up"}))?)
}
