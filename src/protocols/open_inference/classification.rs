//! Triton's classification extension: the best elements of an output as texts.

use crate::{
    error::{ErrorCode, Problem},
    inference::columns::Column,
    model::labels::Labels,
};

/// The `best` greatest elements of each row as `value:index:label`, greatest first; of equal ones
/// the first.
///
/// # Errors
/// When the output holds texts.
pub(super) fn classify(column: &Column, best: usize, labels: &Labels) -> Result<Column, Problem> {
    let Column::Tensor(tensor) = column else {
        let detail = "an output of texts has no classes";
        return Err(Problem::new(ErrorCode::InvalidOption, detail).in_field("classification"));
    };
    let rows = tensor.shape().first().copied().unwrap_or(0).max(1);
    let values = tensor.to_f32();
    let width = values.len() / rows;
    let best = best.min(width);
    let mut texts = Vec::with_capacity(rows * best);
    for row in values.chunks(width.max(1)) {
        let mut order: Vec<(usize, &f32)> = row.iter().enumerate().collect();
        order.sort_by(|a, b| b.1.total_cmp(a.1));
        let text =
            |(index, value): (usize, &f32)| format!("{value}:{index}:{}", labels.name(index));
        texts.extend(order.into_iter().take(best).map(text));
    }
    let shape = vec![rows, best];
    Ok(Column::Texts { shape, texts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::{Tensor, TensorData};

    #[test]
    fn the_best_come_first_with_their_labels() {
        let data = TensorData::F32(vec![0.5, 2.0, 1.0, 3.0, -1.0, 3.0]);
        let column = Column::Tensor(Tensor::new(vec![2, 3], data).expect("fits"));
        let labels = Labels::parse("cat\ndog\ncup").expect("labels");
        let found = classify(&column, 2, &labels).expect("numbers");
        let texts = ["2:1:dog", "1:2:cup", "3:0:cat", "3:2:cup"];
        let texts = texts.map(str::to_owned).into();
        assert_eq!(
            found,
            Column::Texts {
                shape: vec![2, 2],
                texts
            }
        );
    }
}
