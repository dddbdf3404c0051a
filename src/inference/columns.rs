//! The results of pictures as tensors, for protocols that know nothing else.
//!
//! Of `n` pictures with at most `m` results, padded with zeros and empty texts:
//!
//! | output | type and shape | holds |
//! |---|---|---|
//! | `num_results` | INT32 `[n]` | how many of the `m` are results |
//! | `labels` | BYTES `[n, m]` | names of classes |
//! | `class_ids` | INT32 `[n, m]` | their numbers |
//! | `scores` | FP32 `[n, m]` | confidences, best first |
//! | `boxes` | FP32 `[n, m, 4]` | x1, y1, x2, y2 in the upright picture's pixels |
//! | `keypoints` | FP32 `[n, m, k, 3]` | x, y, confidence (1 where the model says none) |
//!
//! `boxes` is absent for a classification, `keypoints` for all but keypoints.

use crate::{
    error::{ErrorCode, Problem},
    model::{contract::Task, served_version::ServedVersion},
    postprocess::prediction::{Keypoint, Prediction},
    tensor::{DType, Tensor, TensorData},
};

use super::answer::{ImageAnswer, ImageOutcome};

/// An output: numbers or texts.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Numbers.
    Tensor(Tensor),
    /// Texts, as many as the product of the shape.
    Texts {
        /// The shape.
        shape: Vec<usize>,
        /// The texts, row-major.
        texts: Vec<String>,
    },
}

impl Column {
    /// Its shape, outermost axis first.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::Tensor(tensor) => tensor.shape(),
            Self::Texts { shape, .. } => shape,
        }
    }
}

/// An output that pictures get, as it is described: `None` for an axis that depends on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Its name.
    pub name: &'static str,
    /// Its element type; `None` for texts.
    pub dtype: Option<DType>,
    /// Its axes.
    pub shape: Vec<Option<u64>>,
}

/// The outputs that pictures get from a version.
#[must_use]
pub fn described(version: &ServedVersion) -> Vec<ColumnInfo> {
    let (all, of) = (vec![None, None], |name, dtype, shape| ColumnInfo {
        name,
        dtype,
        shape,
    });
    let mut columns = vec![
        of("num_results", Some(DType::Int32), vec![None]),
        of("labels", None, all.clone()),
        of("class_ids", Some(DType::Int32), all.clone()),
        of("scores", Some(DType::Float32), all),
    ];
    let (boxes, keypoints) = parts(version.contract.task);
    if boxes {
        columns.push(of("boxes", Some(DType::Float32), vec![None, None, Some(4)]));
    }
    if keypoints {
        let shape = vec![None, None, None, Some(3)];
        columns.push(of("keypoints", Some(DType::Float32), shape));
    }
    columns
}

/// Whether a task's results have boxes and keypoints.
const fn parts(task: Task) -> (bool, bool) {
    match task {
        Task::Classification => (false, false),
        Task::Detection => (true, false),
        Task::Keypoints => (true, true),
    }
}

/// The results of pictures, which must all have been seen.
///
/// # Errors
/// The problem of the first that was not.
pub(super) fn of(
    version: &ServedVersion,
    images: &[ImageAnswer],
) -> Result<Vec<(String, Column)>, Problem> {
    let mut rows = Vec::with_capacity(images.len());
    for image in images {
        match &image.outcome {
            ImageOutcome::Seen(seen) => rows.push(seen.results.as_slice()),
            ImageOutcome::Failed { problem } => {
                return Err(Problem::from(problem).in_field(format!("picture {}", image.index)));
            }
        }
    }
    let table = Table::new(&rows);
    let (boxes, keypoints) = parts(version.contract.task);
    let mut columns = vec![
        ("num_results", table.counts()?),
        ("labels", table.labels()),
        ("class_ids", table.class_ids()?),
        (
            "scores",
            table.floats(&[], |result| vec![result.confidence])?,
        ),
    ];
    if boxes {
        columns.push(("boxes", table.floats(&[4], edges)?));
    }
    if keypoints {
        let most = rows.iter().copied().flatten().map(|r| r.keypoints.len());
        let points = most.max().unwrap_or(0);
        columns.push(("keypoints", table.floats(&[points, 3], flat_points)?));
    }
    let named = columns.into_iter();
    Ok(named
        .map(|(name, column)| (name.to_owned(), column))
        .collect())
}

fn edges(result: &Prediction) -> Vec<f32> {
    let rect = result.rect.as_ref();
    rect.map_or_else(Vec::new, |rect| vec![rect.x1, rect.y1, rect.x2, rect.y2])
}

fn flat_points(result: &Prediction) -> Vec<f32> {
    let point = |point: &Keypoint| [point.x, point.y, point.confidence.unwrap_or(1.0)];
    result.keypoints.iter().flat_map(point).collect()
}

/// Results of several pictures as rows of equal length.
struct Table<'a> {
    rows: &'a [&'a [Prediction]],
    width: usize,
}

impl<'a> Table<'a> {
    fn new(rows: &'a [&'a [Prediction]]) -> Self {
        let width = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        Self { rows, width }
    }

    fn shape(&self) -> Vec<usize> {
        vec![self.rows.len(), self.width]
    }

    /// Every place of the table: a result, or none.
    fn places(&self) -> impl Iterator<Item = Option<&'a Prediction>> {
        let width = self.width;
        self.rows
            .iter()
            .flat_map(move |row| (0..width).map(|column| row.get(column)))
    }

    fn counts(&self) -> Result<Column, Problem> {
        let counts = self.rows.iter().map(|row| int(row.len()));
        tensor(vec![self.rows.len()], TensorData::I32(counts.collect()))
    }

    fn labels(&self) -> Column {
        let label = |place: Option<&Prediction>| place.map(|result| result.label.clone());
        Column::Texts {
            shape: self.shape(),
            texts: self
                .places()
                .map(|p| label(p).unwrap_or_default())
                .collect(),
        }
    }

    fn class_ids(&self) -> Result<Column, Problem> {
        let id = |place: Option<&Prediction>| place.map_or(0, |result| int(result.class_id));
        tensor(
            self.shape(),
            TensorData::I32(self.places().map(id).collect()),
        )
    }

    fn floats(
        &self,
        axes: &[usize],
        values: impl Fn(&Prediction) -> Vec<f32>,
    ) -> Result<Column, Problem> {
        let each = axes.iter().product();
        let mut floats = Vec::with_capacity(self.rows.len() * self.width * each);
        for place in self.places() {
            let mut values = place.map(&values).unwrap_or_default();
            values.resize(each, 0.0);
            floats.append(&mut values);
        }
        let mut shape = self.shape();
        shape.extend(axes);
        tensor(shape, TensorData::F32(floats))
    }
}

fn int(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn tensor(shape: Vec<usize>, data: TensorData) -> Result<Column, Problem> {
    let tensor = Tensor::new(shape, data).map(Column::Tensor);
    tensor.map_err(|error| Problem::new(ErrorCode::Internal, error.to_string()))
}
