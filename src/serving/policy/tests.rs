use proptest::prelude::*;

use super::*;

fn version(number: i64) -> Version {
    number.to_string().parse().expect("a version")
}

/// `1:available` and so on; a `?` behind the number means that it is not in storage.
fn views(text: &str) -> Vec<VersionView> {
    let view = |word: &str| {
        let (number, state) = word.split_once(':').expect("number:state");
        let condition = match state {
            "new" => Condition::New,
            "available" => Condition::Available,
            "stale" => Condition::Stale,
            "failed" => Condition::Failed { due: false },
            "due" => Condition::Failed { due: true },
            "stale-failed" => Condition::StaleFailed { due: false },
            "unloading" => Condition::Unloading,
            other => panic!("{other}"),
        };
        VersionView {
            version: number.trim_end_matches('?').parse().expect("a version"),
            sealed: !number.ends_with('?'),
            condition,
        }
    };
    text.split_whitespace().map(view).collect()
}

fn named(versions: &[i64]) -> BTreeSet<Version> {
    versions.iter().map(|number| version(*number)).collect()
}

fn next(text: &str, policy: &VersionPolicy, labelled: &[i64], room: Room) -> Option<String> {
    let labelled = named(labelled);
    let intent = Intent {
        policy,
        labelled: &labelled,
        withdrawn: false,
    };
    next_action(&views(text), &intent, |_| room).map(|action| match action {
        Action::Load(version) => format!("load {version}"),
        Action::Unload(version) => format!("unload {version}"),
    })
}

#[test]
fn a_version_is_given_up_only_when_another_serves() {
    let latest = VersionPolicy::Latest(1);
    let check = |text: &str, expected: Option<&str>| {
        let action = next(text, &latest, &[], Room::Enough);
        assert_eq!(action.as_deref(), expected, "{text}");
    };
    check("", None);
    check("1:new", Some("load 1"));
    check("1:new 2:new", Some("load 2"));
    check("1:available 2:new", Some("load 2"));
    check("1:available 2:available", Some("unload 1"));
    check("1:unloading 2:available", None);
    check("1:available 2:failed", None);
    check("1:available 2:due", Some("load 2"));
    check("1:available 2:failed 3:new", Some("load 3"));
    check("1:new 2:failed", Some("load 1"));
    check("1:new 2:due", Some("load 1"));
    check("1:available 2:available 3:failed", Some("unload 1"));
    check("1:stale", Some("load 1"));
    check("1:stale-failed", None);
    check("1:available 2:stale-failed", Some("unload 1"));
    check("1:available 2?:new", None);
    check("1:new 2?:available", Some("load 1"));
    check("1:available 2?:available", Some("unload 2"));
    check("2?:available", None);
}

#[test]
fn policies_and_labels_say_what_is_wanted() {
    let check = |policy: VersionPolicy, labelled: &[i64], text: &str, expected: &[i64]| {
        let labelled = named(labelled);
        let intent = Intent {
            policy: &policy,
            labelled: &labelled,
            withdrawn: false,
        };
        assert_eq!(
            wanted(&views(text), &intent),
            named(expected),
            "{policy} of {text}"
        );
    };
    let text = "1:new 2:new 3:new 4?:new";
    check(VersionPolicy::Latest(1), &[], text, &[3]);
    check(VersionPolicy::Latest(2), &[1], text, &[1, 2, 3]);
    check(VersionPolicy::Latest(9), &[], text, &[1, 2, 3]);
    check(VersionPolicy::All, &[], text, &[1, 2, 3]);
    check(VersionPolicy::Specific(named(&[2, 4])), &[], text, &[2]);
    check(VersionPolicy::Specific(named(&[9])), &[9], text, &[]);
    check(
        VersionPolicy::Latest(1),
        &[],
        "1:new 2:failed 3:failed",
        &[1, 2, 3],
    );
}

#[test]
fn where_only_one_fits_the_old_goes_first() {
    let latest = VersionPolicy::Latest(1);
    let check = |text: &str, room: Room, expected: &str| {
        assert_eq!(
            next(text, &latest, &[], room).as_deref(),
            Some(expected),
            "{text}"
        );
    };
    check("1:available 2:new", Room::AfterUnloading, "unload 1");
    check("1:available 2:new", Room::Never, "load 2");
    check("2:new", Room::AfterUnloading, "load 2");
    let waits = next("1:unloading 2:new", &latest, &[], Room::AfterUnloading);
    assert_eq!(waits, None);
}

#[test]
fn what_a_label_names_is_loaded_first() {
    let check = |text: &str, expected: &str| {
        let action = next(text, &VersionPolicy::Latest(1), &[3], Room::Enough);
        assert_eq!(action.as_deref(), Some(expected), "{text}");
    };
    check("3:new 5:new", "load 3");
    check("3:due 5:new", "load 5");
    check("3:available 5:new", "load 5");
}

#[test]
fn a_model_that_is_withdrawn_goes_altogether() {
    let policy = VersionPolicy::All;
    let labelled = named(&[1]);
    let intent = Intent {
        policy: &policy,
        labelled: &labelled,
        withdrawn: true,
    };
    let room = |_| Room::Enough;
    let action = next_action(&views("1:available 2:new"), &intent, room);
    assert_eq!(action, Some(Action::Unload(version(1))));
    assert_eq!(
        next_action(&views("1:unloading 2:new"), &intent, room),
        None
    );
}

fn any_condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        Just(Condition::New),
        Just(Condition::Available),
        Just(Condition::Stale),
        any::<bool>().prop_map(|due| Condition::Failed { due }),
        any::<bool>().prop_map(|due| Condition::StaleFailed { due }),
        Just(Condition::Unloading),
    ]
}

fn any_versions() -> impl Strategy<Value = Vec<VersionView>> {
    let one = (any::<bool>(), any_condition());
    prop::collection::vec(one, 0..8).prop_map(|all| {
        let view = |(index, (sealed, condition))| VersionView {
            version: version(i64::try_from(index).expect("few") + 1),
            sealed,
            condition,
        };
        all.into_iter().enumerate().map(view).collect()
    })
}

fn any_policy() -> impl Strategy<Value = VersionPolicy> {
    prop_oneof![
        (1_u32..4).prop_map(VersionPolicy::Latest),
        Just(VersionPolicy::All),
        prop::collection::btree_set((1_i64..9).prop_map(version), 1..4)
            .prop_map(VersionPolicy::Specific),
    ]
}

fn set(versions: &mut [VersionView], changed: Version, condition: Condition) {
    for view in versions.iter_mut().filter(|view| view.version == changed) {
        view.condition = condition;
    }
}

proptest! {
    /// Whatever the state, doing what the policy says ends, with every wanted version that can be
    /// loaded serving and none that is not wanted beside one that is. On the way something serves
    /// whenever something did.
    #[test]
    fn it_converges_and_never_drops_the_last(
        mut versions in any_versions(),
        policy in any_policy(),
        labelled in prop::collection::btree_set((1_i64..9).prop_map(version), 0..3),
        bad in prop::collection::btree_set((1_i64..9).prop_map(version), 0..5),
    ) {
        let intent = Intent { policy: &policy, labelled: &labelled, withdrawn: false };
        let serving = |versions: &[VersionView]| versions.iter().any(|v| v.condition.serves());
        let mut settled = false;
        for _ in 0..100 {
            let served = serving(&versions);
            match next_action(&versions, &intent, |_| Room::Enough) {
                Some(Action::Load(loaded)) => {
                    let before = versions.iter().find(|v| v.version == loaded).expect("is there");
                    prop_assert!(before.sealed);
                    let after = match (bad.contains(&loaded), before.condition.serves()) {
                        (false, _) => Condition::Available,
                        (true, false) => Condition::Failed { due: false },
                        (true, true) => Condition::StaleFailed { due: false },
                    };
                    set(&mut versions, loaded, after);
                }
                Some(Action::Unload(unloaded)) => {
                    let view = versions.iter().find(|v| v.version == unloaded).expect("is there");
                    prop_assert!(view.condition.serves());
                    set(&mut versions, unloaded, Condition::Unloading);
                }
                None => {
                    // What drains is gone, and may be wanted again.
                    let draining = versions.iter().any(|v| v.condition == Condition::Unloading);
                    for view in versions.iter_mut().filter(|v| v.condition == Condition::Unloading) {
                        view.condition = Condition::New;
                    }
                    if !draining {
                        settled = true;
                        break;
                    }
                }
            }
            prop_assert!(!served || serving(&versions), "{versions:?}");
        }
        prop_assert!(settled, "does not come to rest: {versions:?}");
        let wanted = wanted(&versions, &intent);
        for view in versions.iter().filter(|v| v.sealed && wanted.contains(&v.version)) {
            prop_assert!(view.condition.serves() || view.condition.failed(), "{view:?}");
        }
        let replaced = versions.iter().any(|v| v.condition.serves() && wanted.contains(&v.version));
        let idle = versions.iter().any(|v| v.condition.serves() && !wanted.contains(&v.version));
        prop_assert!(!(replaced && idle), "{versions:?}");
    }
}
