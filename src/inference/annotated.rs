//! A picture with its results drawn in, counted until it is sent.

use bytes::Bytes;
use tracing::error;

use crate::{
    error::{ErrorCode, Problem},
    postprocess::{
        prediction::Prediction,
        render::{self, PictureEncoding},
    },
};

use super::{memory::Held, service::InferenceService, steps::Upright};

impl InferenceService {
    /// A picture with its results drawn in, encoded. Of the memory that its request held its bytes
    /// hold as much as they take, until the last of them is dropped: who takes an answer slowly holds
    /// up none who wait to decode.
    ///
    /// # Errors
    /// When it cannot be encoded, or there is no memory for it.
    pub async fn annotate(
        &self,
        picture: Upright,
        results: Vec<Prediction>,
        (encoding, held): (PictureEncoding, Held),
    ) -> Result<Bytes, Problem> {
        let work = move || {
            let Upright { pixels, share } = picture;
            let encoded = render::encode(&render::annotate(pixels, &results), encoding);
            let encoded = encoded.map_err(|cause| {
                error!(%cause, "an annotated picture cannot be encoded");
                let detail = "the annotated picture cannot be encoded";
                Problem::new(ErrorCode::Internal, detail)
            });
            // The memory of the pixels is given back once the answer has its own.
            let counted = encoded.and_then(|encoded| counted(encoded, held));
            drop(share);
            counted
        };
        let place = self.decodes.place_to_finish().await?;
        place.run(work).await?
    }
}

/// An encoded picture that holds as much memory as it takes, in place of what was received.
fn counted(mut picture: Vec<u8>, held: Held) -> Result<Bytes, Problem> {
    picture.shrink_to_fit();
    let size = picture.capacity();
    held.release();
    held.cover(size as u64).map_err(|problem| {
        if problem.code != ErrorCode::BodyTooLarge {
            return problem;
        }
        let detail = format!(
            "the annotated picture has {size} bytes, more than limits.upload_bytes leaves to one \
             caller; ask for image/jpeg, or for JSON"
        );
        Problem::new(ErrorCode::ImageTooLarge, detail)
    })?;
    Ok(Bytes::from_owner(Counted { picture, held }))
}

/// An encoded picture, and the memory that it holds.
struct Counted {
    picture: Vec<u8>,
    #[expect(dead_code, reason = "held")]
    held: Held,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.picture
    }
}

#[cfg(test)]
mod tests {
    use crate::inference::memory::MemoryBudget;

    use super::*;

    #[test]
    fn a_picture_holds_memory_until_it_is_sent() {
        let memory = MemoryBudget::new("limits.upload_bytes", 1 << 20);
        let of = |bytes: usize| {
            let held = Held::new(memory.clone());
            held.cover(200_000).map_err(|problem| problem.code)?;
            counted(vec![1; bytes], held).map_err(|problem| problem.code)
        };
        let answer = of(800_000).expect("there is memory");
        let rest = answer.slice(700_000..);
        drop(answer);
        assert_eq!(of(800_000), Err(ErrorCode::Overloaded));
        drop(rest);
        assert_eq!(of(800_000).map(|bytes| bytes.len()), Ok(800_000));
        assert_eq!(of(2 << 20), Err(ErrorCode::ImageTooLarge));
    }
}
