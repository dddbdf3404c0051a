//! Whether a request is let in, by how long it would wait.

use std::time::{Duration, Instant};

use crate::{
    core_client::ServableHandle,
    error::{ErrorCode, Problem},
    fairness::claim::Claim,
    telemetry::metrics::{Admission, ModelLabels, Outcome},
};

use super::{request::ModelSpec, service::InferenceService};

impl InferenceService {
    /// Whether a request may come in, to be asked before its body is read: not where it would wait
    /// for longer than `limits.wait_ms` or than until its deadline, however small its pictures are.
    ///
    /// # Errors
    /// `overloaded`, with the wait that is expected.
    pub fn admit(&self, model: &ModelSpec, claim: &Claim) -> Result<(), Problem> {
        // What cannot be asked is said by who asks it.
        let Ok(servable) = self.core.servable(&model.name, &model.version) else {
            return Ok(());
        };
        let wait = self.expected_wait(&servable, 0, claim);
        let Some(refusal) = self.refusal(wait, claim) else {
            return Ok(());
        };
        let problem = self.refuse(refusal, wait, claim);
        let outcome = Outcome(Some(problem.code));
        self.metrics
            .refused_request(&servable.metric_labels(), outcome);
        Err(problem)
    }

    /// Lets a request in, or not, likewise, once it is known how much memory its largest picture
    /// takes to decode: none where the model's inputs came as they are.
    ///
    /// # Errors
    /// Those of [`Self::admit`].
    pub(super) fn let_in(
        &self,
        servable: &ServableHandle,
        decoding: u64,
        claim: &Claim,
    ) -> Result<(), Problem> {
        let wait = self.expected_wait(servable, decoding, claim);
        if let Some(refusal) = self.refusal(wait, claim) {
            return Err(self.refuse(refusal, wait, claim));
        }
        self.metrics.expected_wait(claim.priority, wait);
        self.metrics.admission(claim.priority, Admission::Admitted);
        Ok(())
    }

    /// How long a request would wait for its turns, by how it went until now.
    fn expected_wait(&self, servable: &ServableHandle, decoding: u64, claim: &Claim) -> Duration {
        self.decodes.expected_wait(decoding, claim) + servable.expected_wait(claim)
    }

    /// Why a request that would wait for so long is not let in, if it is not.
    fn refusal(&self, wait: Duration, claim: &Claim) -> Option<(Admission, String)> {
        let left = claim.left(Instant::now());
        let longest = left.map_or(self.wait, |left| left.min(self.wait));
        let (wait_ms, longest_ms) = (wait.as_millis(), longest.as_millis());
        if wait <= longest {
            None
        } else if longest < self.wait {
            let detail = format!(
                "the request would wait for about {wait_ms} ms, its deadline is in {longest_ms} ms"
            );
            Some((Admission::PastDeadline, detail))
        } else {
            let detail = format!(
                "the request would wait for about {wait_ms} ms; what would wait for more than \
                 {longest_ms} ms (limits.wait_ms) is not begun"
            );
            Some((Admission::PastWait, detail))
        }
    }

    fn refuse(
        &self,
        (outcome, detail): (Admission, String),
        wait: Duration,
        claim: &Claim,
    ) -> Problem {
        self.metrics.expected_wait(claim.priority, wait);
        self.metrics.admission(claim.priority, outcome);
        Problem::new(ErrorCode::Overloaded, detail).retry_after(wait)
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
