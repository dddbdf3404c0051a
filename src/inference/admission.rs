//! Whether a request is let in, by how long it would wait.

use std::time::Instant;

use crate::{
    error::{ErrorCode, Problem},
    fairness::claim::Claim,
    telemetry::metrics::{Admission, ModelLabels, Outcome},
};

use super::{request::ModelSpec, service::InferenceService};

impl InferenceService {
    /// Lets a request in, to be called before its body is read, or refuses it where it would wait
    /// for longer than `limits.wait_ms` or than until its deadline.
    ///
    /// # Errors
    /// `overloaded`, with the wait that is expected.
    pub fn admit(&self, model: &ModelSpec, claim: &Claim) -> Result<(), Problem> {
        // What cannot be asked is said by who asks it.
        let Ok(servable) = self.core.servable(&model.name, &model.version) else {
            return Ok(());
        };
        let expected = self.decodes.expected_wait(claim) + servable.expected_wait(claim);
        let left = claim.left(Instant::now());
        let longest = left.map_or(self.wait, |left| left.min(self.wait));
        let outcome = if expected <= longest {
            Admission::Admitted
        } else if longest < self.wait {
            Admission::PastDeadline
        } else {
            Admission::PastWait
        };
        self.metrics.expected_wait(claim.priority, expected);
        let (expected_ms, longest) = (expected.as_millis(), longest.as_millis());
        let detail = match outcome {
            Admission::Admitted => {
                self.metrics.admission(claim.priority, outcome);
                return Ok(());
            }
            Admission::PastDeadline => format!(
                "the request would wait for about {expected_ms} ms, its deadline is in {longest} ms"
            ),
            Admission::PastWait | Admission::NoPlace => format!(
                "the request would wait for about {expected_ms} ms; what would wait for more than \
                 {longest} ms (limits.wait_ms) is not begun"
            ),
        };
        let problem = Problem::new(ErrorCode::Overloaded, detail).retry_after(expected);
        self.metrics.admission(claim.priority, outcome);
        let outcome = Outcome(Some(problem.code));
        self.metrics
            .refused_request(&servable.metric_labels(), outcome);
        Err(problem)
    }

    /// Counts a request that there was no place for.
    pub fn refused_for_place(&self, model: Option<&ModelSpec>, claim: &Claim) {
        self.metrics.admission(claim.priority, Admission::NoPlace);
        let servable = model.map(|model| self.core.servable(&model.name, &model.version));
        let labels = match servable {
            Some(Ok(servable)) => servable.metric_labels(),
            Some(Err(_)) | None => ModelLabels::none(),
        };
        let outcome = Outcome(Some(ErrorCode::Overloaded));
        self.metrics.refused_request(&labels, outcome);
    }
}
