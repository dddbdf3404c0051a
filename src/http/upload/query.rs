//! Options in the query: `?top_k=3&confidence=0.5`.

use axum::{extract::Query, http::Uri};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    error::{ErrorCode, Problem},
    inference::options::{InferOptions, OptionValue},
};

/// The options, as the API's description lists them. Options that the model's task does not use
/// have no effect.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "read by the description of the API alone; options() parses"
)]
pub(in crate::http) struct InferOptionsQuery {
    /// How many classes a classification answers, best first.
    #[param(minimum = 1, maximum = 1000)]
    top_k: Option<u32>,
    /// Results below this confidence are left out.
    #[param(minimum = 0, maximum = 1)]
    confidence: Option<f32>,
    /// Of two boxes that overlap by more than this, only the better one is answered.
    #[param(minimum = 0, maximum = 1)]
    iou: Option<f32>,
    /// Most boxes in the answer, best first.
    #[param(minimum = 1, maximum = 1000)]
    max_detections: Option<u32>,
    /// Only these classes, by label or number, separated by commas.
    classes: Option<String>,
}

pub(super) fn options(query: Option<&str>) -> Result<InferOptions, Problem> {
    let mut options = InferOptions::default();
    let Some(query) = query.filter(|query| !query.is_empty()) else {
        return Ok(options);
    };
    let malformed = |_| Problem::new(ErrorCode::MalformedRequest, "the query cannot be read");
    let uri = Uri::builder().path_and_query(format!("/?{query}")).build();
    let uri = uri.map_err(|_| malformed(()))?;
    let pairs: Query<Vec<(String, String)>> =
        Query::try_from_uri(&uri).map_err(|_| malformed(()))?;
    for (name, value) in pairs.0 {
        options.add(&name, &OptionValue::Text(value))?;
    }
    Ok(options)
}
