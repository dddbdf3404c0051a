//! Postprocessing: suppression against the textbook's, and a dense head from tensors to answer.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use ocellus::geometry::{Geometry, Rect, Size};
use ocellus::model::contract::output::{BoxFormat, Decoder, Nms, Output, OutputTensors, ScoresAre};
use ocellus::model::labels::Labels;
use ocellus::postprocess::candidate::Candidate;
use ocellus::postprocess::selection::Selection;
use ocellus::postprocess::{Outputs, nms, postprocess};
use ocellus::tensor::{Tensor, TensorData};

const IOU: f32 = 0.45;
const MAX_DETECTIONS: usize = 100;

/// Numbers in 0..1 that are the same in every run (Knuth's MMIX generator).
#[derive(Debug)]
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let [high, middle, low, ..] = self.0.to_be_bytes();
        u32::from_be_bytes([0, high, middle, low]) as f32 / 16_777_216.0
    }
}

/// Boxes of 20 to 120 pixels all over an input of 640 × 640: most overlap some other.
fn candidates(count: usize, classes: usize) -> Vec<Candidate> {
    let mut numbers = Numbers(7);
    (0..count)
        .map(|index| {
            let [x1, y1] = [numbers.next() * 520.0, numbers.next() * 520.0];
            let [width, height] = [numbers.next(), numbers.next()].map(|n| 20.0 + n * 100.0);
            Candidate {
                class_id: index % classes,
                confidence: numbers.next(),
                rect: Rect {
                    x1,
                    y1,
                    x2: x1 + width,
                    y2: y1 + height,
                },
                keypoints: Vec::new(),
            }
        })
        .collect()
}

/// The textbook's: every box that is left marks every worse box of its class that it overlaps.
fn naive(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let mut suppressed = vec![false; candidates.len()];
    for (index, best) in candidates.iter().enumerate() {
        if suppressed.get(index).copied().unwrap_or(true) {
            continue;
        }
        for (other, gone) in candidates.iter().zip(&mut suppressed).skip(index + 1) {
            let competes = best.class_id == other.class_id;
            *gone = *gone || (competes && best.rect.iou(&other.rect) > IOU);
        }
    }
    candidates
        .into_iter()
        .zip(suppressed)
        .filter_map(|(candidate, gone)| (!gone).then_some(candidate))
        .collect()
}

fn suppression(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("nms");
    for (count, classes) in [(1_000, 1), (1_000, 80), (10_000, 1), (10_000, 80)] {
        let field = candidates(count, classes);
        let ours = |field| nms::suppress(field, Nms::ClassWise, IOU);
        let confidences =
            |kept: Vec<Candidate>| kept.iter().map(|c| c.confidence).collect::<Vec<_>>();
        assert_eq!(
            confidences(ours(field.clone()).collect()),
            confidences(naive(field.clone())),
            "both keep the same"
        );
        let size = format!("{count}x{classes}");
        group.bench_with_input(BenchmarkId::new("naive", &size), &field, |bench, field| {
            bench.iter_batched(|| field.clone(), naive, BatchSize::LargeInput);
        });
        group.bench_with_input(BenchmarkId::new("all", &size), &field, |bench, field| {
            let all = |field| ours(field).collect::<Vec<_>>();
            bench.iter_batched(|| field.clone(), all, BatchSize::LargeInput);
        });
        group.bench_with_input(
            BenchmarkId::new("best 100", &size),
            &field,
            |bench, field| {
                let some = |field| ours(field).take(MAX_DETECTIONS).collect::<Vec<_>>();
                bench.iter_batched(|| field.clone(), some, BatchSize::LargeInput);
            },
        );
    }
    group.finish();
}

/// A head of 8,400 anchors and 80 classes, as of a YOLO at 640 × 640.
fn dense_head(criterion: &mut Criterion) {
    let (rows, classes) = (8_400, 80);
    let mut numbers = Numbers(11);
    // One score in a thousand exceeds 0.25, the usual threshold.
    let scores = (0..rows * classes)
        .map(|_| if numbers.next() < 0.001 { 0.9 } else { 0.1 } * numbers.next())
        .collect();
    let boxes = candidates(rows, 1)
        .iter()
        .flat_map(|candidate| {
            let Rect { x1, y1, x2, y2 } = candidate.rect;
            [x1, y1, x2, y2]
        })
        .collect();
    let tensor = |shape, numbers| Tensor::new(shape, TensorData::F32(numbers));
    let (Ok(scores), Ok(boxes)) = (
        tensor(vec![1, rows, classes], scores),
        tensor(vec![1, rows, 4], boxes),
    ) else {
        return;
    };
    let outputs = Outputs {
        scores: Some(&scores),
        boxes: Some(&boxes),
        ..Outputs::default()
    };
    let geometry = Geometry {
        picture: Size::new(1280, 960),
        input: Size::new(640, 640),
        scale: [0.5, 0.5],
        offset: [0.0, 80.0],
    };
    let mut group = criterion.benchmark_group("scored_boxes 8400x80");
    for (name, scores_are, confidence) in [
        ("probabilities over 0.25", ScoresAre::Probabilities, 0.25),
        ("logits over 0.6", ScoresAre::Logits, 0.6),
        ("everything", ScoresAre::Probabilities, 0.0),
    ] {
        let contract = contract(scores_are);
        let selection = Selection {
            top_k: 5,
            confidence,
            iou: IOU,
            max_detections: MAX_DETECTIONS,
            classes: None,
        };
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let labels = Labels::default();
                postprocess(
                    black_box(&outputs),
                    &contract,
                    &labels,
                    &geometry,
                    &selection,
                )
            });
        });
    }
    group.finish();
}

fn contract(scores_are: ScoresAre) -> Output {
    Output {
        decoder: Decoder::ScoredBoxes,
        tensors: OutputTensors::default(),
        labels: "labels.txt".to_owned(),
        scores_are: Some(scores_are),
        box_format: Some(BoxFormat::Xyxy),
        box_units: None,
        nms: None,
        background_class: None,
        keypoint_names: Vec::new(),
    }
}

criterion_group!(benches, suppression, dense_head);
criterion_main!(benches);
