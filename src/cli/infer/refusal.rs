//! What a person is told of an answer that is none.

use reqwest::StatusCode;
use serde_json::Value;

/// Most characters of a body that is no problem: it may be a whole page.
const LONGEST: usize = 200;

/// A refusal in words: the problem's own or, where something other than Ocellus answered, the
/// status's, and how the body begins.
pub(super) fn words(status: StatusCode, body: &str) -> String {
    let problem: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |key: &str| problem.get(key).and_then(Value::as_str);
    let code = status.as_u16();
    if let (Some(title), Some(detail)) = (text("title"), text("detail")) {
        return format!("{title} ({code}): {detail}");
    }
    let reason = status.canonical_reason().unwrap_or("Refused");
    let mut lines = body.lines().map(str::trim);
    let line = lines.find(|line| !line.is_empty()).unwrap_or_default();
    let shown: String = line.chars().take(LONGEST).collect();
    match (shown.is_empty(), shown.len() < line.len()) {
        (true, _) => format!("{reason} ({code})"),
        (false, false) => format!("{reason} ({code}): {shown}"),
        (false, true) => format!("{reason} ({code}): {shown}…"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_there_is_to_say() {
        let check = |status: u16, body: &str, expected: &str| {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(words(status, body), expected);
        };
        let problem = r#"{"title": "Image too large", "detail": "it has 9 bytes"}"#;
        check(413, problem, "Image too large (413): it has 9 bytes");
        check(
            502,
            "\n <h1>Down</h1>\r\nnginx",
            "Bad Gateway (502): <h1>Down</h1>",
        );
        check(502, "", "Bad Gateway (502)");
        check(404, r#"{"error": 1}"#, r#"Not Found (404): {"error": 1}"#);
        check(599, "[]", "Refused (599): []");
        let long = "é".repeat(300);
        let cut = format!("Bad Gateway (502): {}…", "é".repeat(200));
        check(502, &long, &cut);
    }
}
