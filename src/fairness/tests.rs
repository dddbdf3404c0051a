//! The order of a line, as tables and as properties.

use proptest::prelude::*;

use super::{
    claim::{Claim, Tenant},
    line::Line,
    priority::Priority,
};

fn claim(tenant: &str, priority: Priority) -> Claim {
    Claim {
        tenant: Tenant::new(tenant),
        priority,
        deadline: None,
    }
}

fn normal(tenant: &str) -> Claim {
    claim(tenant, Priority::Normal)
}

/// A line of work that costs 1, named by its tenant and a number.
fn line(work: &[&'static str]) -> Line<&'static str> {
    let mut line = Line::default();
    for work in work {
        line.push(&normal(&work[..1]), 1, *work);
    }
    line
}

fn served(line: &mut Line<&'static str>) -> Vec<&'static str> {
    std::iter::from_fn(|| line.take(|_| true)).collect()
}

#[test]
fn tenants_take_turns_and_each_keeps_its_order() {
    let check = |work: &[&'static str], expected: &[&'static str]| {
        assert_eq!(served(&mut line(work)), expected, "{work:?}");
    };
    check(&[], &[]);
    check(&["a1", "a2", "a3"], &["a1", "a2", "a3"]);
    check(
        &["a1", "a2", "a3", "b1", "b2"],
        &["a1", "b1", "a2", "b2", "a3"],
    );
    check(
        &["a1", "a2", "a3", "b1", "c1"],
        &["a1", "b1", "c1", "a2", "a3"],
    );
}

#[test]
fn who_comes_late_is_not_owed_what_they_did_not_ask_for() {
    let mut line = line(&["a1", "a2", "a3", "a4", "a5"]);
    assert_eq!(line.take(|_| true), Some("a1"));
    assert_eq!(line.take(|_| true), Some("a2"));
    for late in ["b1", "b2", "b3"] {
        line.push(&normal("b"), 1, late);
    }
    assert_eq!(served(&mut line), ["b1", "a3", "b2", "a4", "b3", "a5"]);
}

#[test]
fn turns_are_counted_by_what_work_costs() {
    let mut line = Line::default();
    for (tenant, cost, work) in [("a", 4, "a1"), ("a", 4, "a2")] {
        line.push(&normal(tenant), cost, work);
    }
    for work in ["b1", "b2", "b3", "b4", "b5"] {
        line.push(&normal("b"), 1, work);
    }
    assert_eq!(line.cost(), 13);
    assert_eq!(
        served(&mut line),
        ["a1", "b1", "b2", "b3", "b4", "a2", "b5"]
    );
    assert_eq!((line.cost(), line.len()), (0, 0));
}

#[test]
fn what_is_small_goes_before_what_is_large_and_that_waits_in_proportion() {
    let mut line = Line::default();
    for _ in 0..50 {
        line.push(&normal("a"), 100, "large");
    }
    assert_eq!(line.take(|_| true), Some("large"));
    assert_eq!(line.ahead(&normal("a"), 10), 0);
    assert_eq!(line.ahead(&normal("a"), 100), 4900);
    line.push(&normal("a"), 10, "small");
    assert_eq!(line.take(|_| true), Some("small"));

    // One large piece beside small ones that never end, of which two wait at a time.
    let mut line = Line::default();
    line.push(&normal("a"), 100, "large");
    line.push(&normal("a"), 1, "small");
    let mut before = 0;
    loop {
        line.push(&normal("a"), 1, "small");
        match line.take(|_| true) {
            Some("small") => before += 1,
            taken => break assert_eq!(taken, Some("large")),
        }
    }
    assert!(
        (296..=300).contains(&before),
        "three shared what was served: {before}"
    );
}

#[test]
fn a_priority_goes_before_those_below_which_get_a_sixteenth() {
    let mut line = Line::default();
    for _ in 0..100 {
        line.push(&claim("a", Priority::Low), 1, "low");
        line.push(&claim("a", Priority::Normal), 1, "normal");
        line.push(&claim("b", Priority::High), 1, "high");
    }
    let first: Vec<_> = (0..100).filter_map(|_| line.take(|_| true)).collect();
    let count = |priority| first.iter().filter(|work| **work == priority).count();
    assert_eq!(&first[..16], ["high"; 16], "strict, at first");
    assert_eq!((count("high"), count("normal"), count("low")), (90, 5, 5));
}

#[test]
fn those_alike_are_taken_in_fair_order() {
    let mut line = line(&["ax", "ay", "az", "bx", "by"]);
    assert_eq!(line.take(|work| work.ends_with('y')), Some("ay"));
    assert_eq!(line.first(), Some(&"bx"), "a had its turn");
    assert_eq!(line.take(|work| work.ends_with('z')), Some("az"));
    assert_eq!(line.take(|work| work.ends_with('z')), None);
    assert_eq!(served(&mut line), ["bx", "by", "ax"]);
}

#[test]
fn what_is_ahead_is_what_would_be_served_before() {
    let mut line = line(&["a1", "a2", "a3", "a4", "b1"]);
    line.push(&claim("c", Priority::High), 7, "c1");
    line.push(&claim("d", Priority::Low), 5, "d1");
    let check = |claim: &Claim, expected: u64| {
        assert_eq!(line.ahead(claim, 1), expected, "{claim:?}");
    };
    check(&normal("a"), 7 + 4 + 1);
    check(&normal("b"), 7 + 1 + 2);
    check(&normal("new"), 7 + 1 + 1);
    check(&claim("new", Priority::High), 7);
    check(&claim("c", Priority::High), 0);
    assert_eq!(line.ahead(&claim("c", Priority::High), 7), 7);
    check(&claim("a", Priority::Low), 7 + 5 + 5);
}

#[test]
fn room_is_made_by_who_holds_the_most() {
    let check = |work: &[&'static str], by: Claim, need: usize, expected: Option<&[&str]>| {
        let mut line = line(work);
        line.push(&claim("l", Priority::Low), 1, "l1");
        line.push(&claim("h", Priority::High), 9, "h1");
        let before = line.len();
        let gone = line.make_room(&by, need as u64, |count, _| need <= count);
        assert_eq!(gone.as_deref(), expected, "{work:?} {by:?}");
        assert_eq!(line.len(), before - gone.map_or(0, |gone| gone.len()));
    };
    check(&["a1", "b1"], normal("c"), 0, Some(&[]));
    check(&["a1", "a2", "b1"], normal("b"), 1, Some(&["l1"]));
    check(&["a1", "a2", "a3", "b1"], normal("b"), 2, None);
    check(
        &["a1", "a2", "a3", "a4", "b1"],
        normal("b"),
        2,
        Some(&["a4", "l1"]),
    );
    check(&["a1", "a2", "a3", "a4"], normal("a"), 2, None);
    check(&["a1", "a2"], claim("a", Priority::Low), 1, None);
    check(&["a1"], claim("c", Priority::High), 2, Some(&["a1", "l1"]));
}

#[derive(Clone, Debug)]
enum Step {
    Come {
        tenant: u8,
        priority: Priority,
        cost: u64,
    },
    Serve,
    Leave {
        tenant: u8,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let priority = prop::sample::select(Priority::ALL.to_vec());
    let come = (0..5_u8, priority, 1..9_u64);
    prop_oneof![
        4 => come.prop_map(|(tenant, priority, cost)| Step::Come { tenant, priority, cost }),
        3 => Just(Step::Serve),
        1 => (0..5_u8).prop_map(|tenant| Step::Leave { tenant }),
    ]
}

proptest! {
    /// Work is neither lost nor served twice, somebody is served while anybody waits, what is said
    /// of the line is so, and each tenant's own work of one cost stays in order.
    #[test]
    fn a_line_conserves_work(steps in prop::collection::vec(step(), 1..200)) {
        let mut line = Line::default();
        let mut waiting: Vec<(u8, Priority, usize, u64)> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Come { tenant, priority, cost } => {
                    let work = (tenant, priority, number, cost);
                    line.push(&claim(&tenant.to_string(), priority), cost, work);
                    waiting.push(work);
                }
                Step::Serve => {
                    let first = line.first().copied();
                    let taken = line.take(|_| true);
                    prop_assert_eq!(first, taken);
                    prop_assert_eq!(taken.is_none(), waiting.is_empty());
                    if let Some(taken) = taken {
                        let alike = |one: &&(u8, Priority, usize, u64)| {
                            (one.0, one.1, one.3) == (taken.0, taken.1, taken.3)
                        };
                        let own = waiting.iter().find(alike);
                        prop_assert_eq!(own, Some(&taken));
                        waiting.retain(|one| one.2 != taken.2);
                    }
                }
                Step::Leave { tenant } => {
                    let left = line.remove(|work| work.0 == tenant).len();
                    let before = waiting.len();
                    waiting.retain(|one| one.0 != tenant);
                    prop_assert_eq!(left, before - waiting.len());
                }
            }
            prop_assert_eq!(line.len(), waiting.len());
            prop_assert_eq!(line.iter().count(), waiting.len());
            prop_assert_eq!(line.cost(), waiting.iter().map(|one| one.3).sum::<u64>());
        }
    }

    /// Of two tenants that both wait all the time, neither gets more than the other by more than
    /// their largest pieces of work (theorem 1 of the paper).
    #[test]
    fn parts_are_equal_to_a_piece_of_work(
        costs in prop::collection::vec((1..9_u64, 1..9_u64), 20..80),
        ahead in 0..20_usize,
    ) {
        let mut line = Line::default();
        for (cost, _) in costs.iter().take(ahead) {
            line.push(&normal("a"), *cost, ('a', *cost));
        }
        for _ in 0..ahead / 2 {
            line.take(|_| true);
        }
        for (a, b) in &costs {
            line.push(&normal("a"), *a, ('a', *a));
            line.push(&normal("b"), *b, ('b', *b));
        }
        let (mut got_a, mut got_b) = (0_u64, 0_u64);
        let both_wait = |line: &Line<(char, u64)>| {
            ['a', 'b'].iter().all(|tenant| line.iter().any(|work| work.0 == *tenant))
        };
        while both_wait(&line) {
            match line.take(|_| true) {
                Some(('a', cost)) => got_a += cost,
                Some((_, cost)) => got_b += cost,
                None => unreachable!("both wait"),
            }
            prop_assert!(got_a.abs_diff(got_b) <= 8 + 8, "{got_a} {got_b}");
        }
    }

    /// What is said to be ahead of new work is what is served before it, of one priority.
    #[test]
    fn what_is_ahead_is_served_before(
        work in prop::collection::vec((0..4_u8, 1..5_u64), 0..40),
        served in 0..10_usize,
        (newcomer, cost) in (0..5_u8, 0..5_u64),
    ) {
        let mut line = Line::default();
        for (number, (tenant, cost)) in work.iter().enumerate() {
            line.push(&normal(&tenant.to_string()), *cost, (number, *cost));
            if number < served {
                line.take(|_| true);
            }
        }
        let newcomer = normal(&newcomer.to_string());
        let said = line.ahead(&newcomer, cost);
        line.push(&newcomer, cost, (usize::MAX, cost));
        let mut before = 0;
        while let Some((number, cost)) = line.take(|_| true) && number != usize::MAX {
            before += cost;
        }
        prop_assert_eq!(said, before);
    }
}
