//! The steps of one picture: decoded and made the model's input, run through the model, and what
//! the model gave made results.

use std::time::{Duration, Instant};

use image::RgbImage;
use tracing::error;

use crate::{
    core_client::{PredictError, ServableHandle},
    error::{ErrorCode, Problem},
    fairness::claim::Claim,
    geometry::Geometry,
    postprocess::{self, selection::Selection},
    preprocess::{self, ImageLimits, PictureInfo, Prepared},
    serving::servable::Prediction,
    tensor::Tensor,
};

use super::{
    answer::{SeenImage, StageTimes},
    request::Wanted,
    room::Share,
};

/// The upright pixels of a picture, and the memory that they hold.
#[derive(Debug)]
pub struct Upright {
    /// The pixels.
    pub pixels: RgbImage,
    pub(super) share: Share,
}

/// A picture that the model can take.
pub(super) struct Ready {
    info: PictureInfo,
    geometry: Geometry,
    tensor: Tensor,
    pixels: Option<Upright>,
    times: StageTimes,
}

/// A picture that the model has run on.
pub(super) struct Predicted {
    info: PictureInfo,
    geometry: Geometry,
    prediction: Prediction,
    pixels: Option<Upright>,
    times: StageTimes,
}

/// A picture that the model has seen.
pub(super) struct Seen {
    pub(super) image: SeenImage,
    pub(super) pixels: Option<Upright>,
    pub(super) times: StageTimes,
    /// Pictures that shared its run.
    pub(super) batch: usize,
}

/// Each picture's own fate at some step.
pub(super) type Each<T> = Vec<Result<T, Problem>>;

/// From bytes to the model's input tensor.
pub(super) fn prepare(
    bytes: &[u8],
    servable: &ServableHandle,
    limits: &ImageLimits,
    (wanted, share): (Wanted, Share),
) -> Result<Ready, Problem> {
    let input = &servable.contract().input;
    let mut times = StageTimes::default();
    let picture = timed(&mut times.decode, || {
        preprocess::decode(bytes, limits, input.background)
    })?;
    let Prepared { tensor, geometry } = timed(&mut times.preprocess, || {
        preprocess::prepare(&picture, input)
    })?;
    let pixels = match wanted {
        Wanted::Results => None,
        Wanted::ResultsAndPixels => Some(Upright {
            pixels: picture.pixels,
            share,
        }),
    };
    Ok(Ready {
        info: picture.info,
        geometry,
        tensor,
        pixels,
        times,
    })
}

/// Runs the model on the pictures that can be taken. `None` when the version was taken out of
/// service since it was chosen.
pub(super) async fn predict(
    ready: Each<Ready>,
    servable: &ServableHandle,
    claim: &Claim,
) -> Option<Each<Predicted>> {
    let mut tensors = Vec::new();
    let mut rest = Vec::new();
    for picture in ready {
        rest.push(picture.map(
            |Ready {
                 info,
                 geometry,
                 tensor,
                 pixels,
                 times,
             }| {
                tensors.push(tensor);
                (info, geometry, pixels, times)
            },
        ));
    }
    let predictions = servable.predict(tensors, claim).await;
    let withdrawn = |prediction: &Result<_, _>| matches!(prediction, Err(PredictError::Withdrawn));
    if predictions.iter().any(withdrawn) {
        return None;
    }
    let mut predictions = predictions.into_iter();
    let joined = rest.into_iter().map(|picture| {
        let (info, geometry, pixels, mut times) = picture?;
        let lost = || Problem::new(ErrorCode::Internal, "the model's answer was lost");
        let prediction = predictions.next().ok_or_else(lost)??;
        (times.queue, times.inference) = (prediction.queue, prediction.compute);
        Ok(Predicted {
            info,
            geometry,
            prediction,
            pixels,
            times,
        })
    });
    Some(joined.collect())
}

/// From the model's outputs to results in the picture's own pixels.
pub(super) fn interpret(
    picture: Predicted,
    servable: &ServableHandle,
    selection: &Selection,
) -> Result<Seen, Problem> {
    let Predicted {
        info,
        geometry,
        prediction,
        pixels,
        mut times,
    } = picture;
    let outputs = servable.outputs(&prediction);
    let (output, labels) = (&servable.contract().output, servable.labels());
    let results = timed(&mut times.postprocess, || {
        postprocess::postprocess(&outputs, output, labels, &geometry, selection)
    });
    let results = results.map_err(|cause| {
        error!(%cause, "the model's answer cannot be decoded");
        Problem::from(cause)
    })?;
    let image = SeenImage::new(&info, &geometry, results, &times);
    Ok(Seen {
        image,
        pixels,
        times,
        batch: prediction.batch,
    })
}

fn timed<T>(time: &mut Duration, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    *time = begun.elapsed();
    done
}
