//! What several cores say of a model, as one. Pure.

use crate::{
    model::name::{Label, Version},
    serving::state::{LabelStatus, ModelStatus, State, VersionStatus},
};

/// A model as one core has it, and whether that core can be reached.
pub(super) type Said<'a> = (&'a ModelStatus, bool);

/// The model as all its cores have it: each version as the core has it where it is best off.
pub(super) fn merged(said: &[Said<'_>]) -> Option<ModelStatus> {
    let (first, _) = said.first()?;
    let mut model = ModelStatus::new(first.name.clone());
    let mut numbers: Vec<Version> = Vec::new();
    let mut labels: Vec<&Label> = Vec::new();
    for (status, _) in said {
        numbers.extend(status.versions.iter().map(|version| version.version));
        labels.extend(status.labels.iter().map(|label| &label.label));
        let new = status
            .faults
            .iter()
            .filter(|fault| !model.faults.contains(fault));
        model.faults.extend(new.cloned().collect::<Vec<_>>());
    }
    numbers.sort_by(|a, b| b.cmp(a));
    numbers.dedup();
    labels.sort();
    labels.dedup();
    model.versions = numbers
        .into_iter()
        .filter_map(|number| version(said, number))
        .collect();
    model.labels = labels
        .into_iter()
        .filter_map(|name| label(said, name))
        .collect();
    Some(model)
}

fn version(said: &[Said<'_>], number: Version) -> Option<VersionStatus> {
    let each = said.iter().filter_map(|(status, connected)| {
        let found = status.version(number)?.clone();
        Some(if *connected { found } else { lost(found) })
    });
    // The first of those that are equally well off.
    each.reduce(|best, next| {
        if rank(&best) < rank(&next) {
            next
        } else {
            best
        }
    })
}

/// A version of a core that cannot be reached.
fn lost(mut status: VersionStatus) -> VersionStatus {
    if status.served.take().is_some() {
        status.state = State::Start;
        "the model core that has it cannot be reached".clone_into(&mut status.message);
    }
    status
}

const fn rank(status: &VersionStatus) -> u8 {
    match status.state {
        State::Available => 4,
        State::Loading => 3,
        State::Start => 2,
        State::Unloading => 1,
        State::End => 0,
    }
}

fn label(said: &[Said<'_>], name: &Label) -> Option<LabelStatus> {
    let of = |(status, connected): &Said<'_>| {
        let found = status.label(name.as_str())?.clone();
        Some((*connected, found))
    };
    let each = said.iter().filter_map(of);
    // A label that names a version wherever it can be reached comes before one that waits.
    let best = each.reduce(|best, next| {
        let rank = |(connected, label): &(bool, LabelStatus)| (*connected, label.version.is_some());
        if rank(&best) < rank(&next) {
            next
        } else {
            best
        }
    });
    best.map(|(_, label)| label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(versions: &[(&str, State)]) -> ModelStatus {
        let mut model = ModelStatus::new("cat".parse().expect("a name"));
        let status = |(version, state): &(&str, State)| VersionStatus {
            version: version.parse().expect("a version"),
            state: *state,
            message: String::new(),
            served: None,
        };
        model.versions = versions.iter().map(status).collect();
        model
    }

    #[test]
    fn each_version_is_as_it_is_where_it_is_best_off() {
        let here = model(&[("3", State::Loading), ("1", State::Available)]);
        let there = model(&[("3", State::Available), ("2", State::End)]);
        let both = merged(&[(&here, true), (&there, true)]).expect("a model");
        let states = both
            .versions
            .iter()
            .map(|v| (v.version.to_string(), v.state));
        let states: Vec<_> = states.collect();
        let expected = [
            ("3", State::Available),
            ("2", State::End),
            ("1", State::Available),
        ];
        assert_eq!(states, expected.map(|(v, s)| (v.to_owned(), s)));
    }

    #[test]
    fn labels_come_from_the_core_that_can_be_reached() {
        let mut here = model(&[("1", State::Available)]);
        let mut there = here.clone();
        let label = |version: Option<&str>| LabelStatus {
            label: "stable".parse().expect("a label"),
            target: "1".parse().expect("a version"),
            version: version.map(|version| version.parse().expect("a version")),
        };
        here.labels = vec![label(None)];
        there.labels = vec![label(Some("1"))];
        let of = |said: &[Said<'_>]| merged(said).expect("a model").labels;
        assert_eq!(of(&[(&here, true), (&there, true)]), there.labels);
        assert_eq!(of(&[(&here, true), (&there, false)]), here.labels);
    }
}
