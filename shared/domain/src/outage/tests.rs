//! The rules one by one, and a thousand messages that wait for an hour.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::*;

const NOW_SECS: i64 = 1_800_000_000;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(NOW_SECS + secs)
}

#[test]
fn a_breaker_pauses_for_longer_each_time_and_never_for_more_than_ten_seconds() {
    let mut breaker = Breaker::default();
    assert_eq!(breaker.leave(at(0)), Leave::Given);
    let mut now = 0;
    for pause in [2, 4, 8, 10, 10].into_iter().chain([10; 40]) {
        breaker.unanswered(at(now), None);
        assert_eq!(breaker.leave(at(now)), Leave::NotBefore(at(now + pause)));
        assert_eq!(breaker.leave(at(now + pause - 1)), Leave::NotBefore(at(now + pause)));
        now += pause;
        assert_eq!(breaker.leave(at(now)), Leave::AfterProbe);
    }
    breaker.answered(at(now));
    assert_eq!(breaker.leave(at(now)), Leave::Given);
    breaker.unanswered(at(now), None);
    assert_eq!(breaker.leave(at(now)), Leave::NotBefore(at(now + 2)), "it begins anew");
}

#[test]
fn what_the_provider_asks_for_is_kept_to_up_to_five_minutes() {
    for (asked, pause) in [(0, 2), (1, 2), (47, 47), (300, 300), (301, 300), (u32::MAX, 300)] {
        let mut breaker = Breaker::default();
        breaker.unanswered(at(0), Some(asked));
        assert_eq!(breaker.leave(at(pause - 1)), Leave::NotBefore(at(pause)), "{asked}");
        assert_eq!(breaker.leave(at(pause)), Leave::AfterProbe, "{asked}");
    }
}

#[test]
fn an_answer_that_was_under_way_shortens_no_pause() {
    let mut breaker = Breaker::default();
    breaker.unanswered(at(0), Some(60));
    breaker.answered(at(1));
    assert_eq!((breaker.leave(at(59)), breaker.is_open()), (Leave::NotBefore(at(60)), true));
    breaker.answered(at(60));
    assert_eq!((breaker.leave(at(60)), breaker.is_open()), (Leave::Given, false));
}

#[test]
fn who_was_just_answered_suspects_nothing() {
    let mut breaker = Breaker::default();
    assert!(breaker.suspects(at(0)));
    breaker.answered(at(0));
    assert!(!breaker.suspects(at(2)));
    assert!(breaker.suspects(at(3)));
    assert!(breaker.suspects(at(-1)), "an answer of the future is none");
}

#[test]
fn a_clock_that_is_set_back_closes_nobody_out() {
    let mut breaker = Breaker::default();
    breaker.unanswered(at(86_400), Some(300));
    assert_eq!(breaker.leave(at(0)), Leave::AfterProbe);
}

#[test]
fn a_message_is_put_off_for_longer_each_time_within_its_bounds() {
    let mut waiting = None;
    for (times, (least, most)) in [(2, 4), (4, 8), (8, 16), (10, 20), (10, 20)].into_iter().enumerate() {
        for dice in [0, 1, 7, 10, 11, u32::MAX] {
            let PutOff::Later { secs, .. } = Waiting::put_off(waiting, at(60), at(60), dice) else {
                panic!()
            };
            assert!((least..=most).contains(&secs), "{times}: {secs}");
        }
        let PutOff::Later { waiting: then, .. } = Waiting::put_off(waiting, at(60), at(60), 0) else {
            panic!()
        };
        waiting = Some(then);
    }
    assert_eq!(waiting.map(|waiting| (waiting.since, waiting.times)), Some((at(60).secs(), 5)));
    assert_eq!(waiting.map(|waiting| waiting.waited_ms(at(90))), Some(30_000));
}

#[test]
fn nobody_comes_before_the_provider_may_be_asked() {
    for ahead in [11, 47, 300] {
        for dice in 0..30 {
            let PutOff::Later { secs, .. } = Waiting::put_off(None, at(0), at(ahead), dice) else { panic!() };
            let ahead = u32::try_from(ahead).unwrap();
            assert!((ahead..=ahead + 2).contains(&secs), "{secs}");
        }
    }
    let far = Waiting { since: NOW_SECS, times: u32::MAX };
    let PutOff::Later { secs, .. } = Waiting::put_off(Some(far), at(0), at(1_000_000), u32::MAX) else {
        panic!()
    };
    assert!(secs <= 310, "a queue takes no more than 900: {secs}");
}

#[test]
fn after_a_day_and_two_hours_a_message_waits_no_longer() {
    let waiting = Waiting { since: NOW_SECS, times: 16 };
    let after = |secs| Waiting::put_off(Some(waiting), at(secs), at(secs), 0);
    assert!(matches!(after(24 * 3600), PutOff::Later { .. }));
    assert!(matches!(after(26 * 3600 - 1), PutOff::Later { .. }));
    assert_eq!(after(26 * 3600), PutOff::NoLonger);
    assert!(matches!(after(-5), PutOff::Later { .. }), "a clock that is set back");
}

#[test]
fn what_fails_for_its_own_reason_is_dead_within_a_quarter_of_an_hour() {
    assert!((1..=5).map(hidden_secs).sum::<u32>() <= 900);
    assert!((1..=4).all(|received| hidden_secs(received) < hidden_secs(received + 1)));
}

/// As many processes as the template lets work on the queue at a time, each with a breaker of its own.
const PROCESSES: usize = 5;
const BATCH: usize = 10;
/// For how long a batch keeps a process while nothing is asked, in milliseconds, and for how long five messages at a time do
/// that are credited.
const HELD_MS: i64 = 60;
const CREDITED_MS: i64 = 1_000;

struct Hour {
    probes: u32,
    in_busiest_minute: u32,
    put_off: u32,
    /// From the return of the provider to the last message that is credited, in milliseconds.
    last_credit_ms: i64,
}

/// `messages` that come within the first minute of an outage of `outage_secs`.
fn outage(messages: u32, outage_secs: i64, seed: u64) -> Hour {
    let mut dice = seed;
    let mut roll = move || {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(dice >> 33).unwrap()
    };
    let back = at(outage_secs);
    let mut queue: BinaryHeap<_> = (0..messages)
        .map(|_| Reverse((at(0).ms() + i64::from(roll() % 60_000), None::<(i64, u32)>)))
        .collect();
    let mut processes = [(Breaker::default(), at(0).ms()); PROCESSES];
    let mut minutes = std::collections::BTreeMap::<i64, u32>::new();
    let mut seen = Hour { probes: 0, in_busiest_minute: 0, put_off: 0, last_credit_ms: 0 };
    while let Some(Reverse((visible, _))) = queue.peek().copied() {
        let (breaker, free) = processes.iter_mut().min_by_key(|(_, free)| *free).unwrap();
        let now = Timestamp::from_ms(visible.max(*free));
        let mut batch = Vec::new();
        while batch.len() < BATCH && queue.peek().is_some_and(|Reverse((visible, _))| *visible <= now.ms()) {
            batch.extend(queue.pop().map(|Reverse((_, waiting))| waiting));
        }
        if !matches!(breaker.leave(now), Leave::NotBefore(_)) {
            if now >= back {
                breaker.answered(now);
            } else {
                seen.probes += 1;
                *minutes.entry(now.ms() / 60_000).or_default() += 1;
                breaker.unanswered(now, None);
            }
        }
        match breaker.leave(now) {
            Leave::Given => {
                *free = now.ms() + CREDITED_MS * 2;
                seen.last_credit_ms = seen.last_credit_ms.max(*free - back.ms());
            }
            Leave::AfterProbe => panic!("it was just asked"),
            Leave::NotBefore(until) => {
                *free = now.ms() + HELD_MS;
                for before in batch {
                    let before = before.map(|(since, times)| Waiting { since, times });
                    let PutOff::Later { secs, waiting } = Waiting::put_off(before, now, until, roll()) else {
                        panic!("it may wait for a day")
                    };
                    seen.put_off += 1;
                    queue.push(Reverse((
                        now.ms() + i64::from(secs) * 1000,
                        Some((waiting.since, waiting.times)),
                    )));
                }
            }
        }
    }
    seen.in_busiest_minute = minutes.values().copied().max().unwrap_or_default();
    seen
}

#[test]
fn a_thousand_messages_that_wait_for_an_hour_ask_no_more_than_one_does() {
    for seed in 0..10 {
        let hour = outage(1_000, 3_600, seed);
        assert!(hour.probes <= 5 * (3_600 / 10 + 4), "{}", hour.probes);
        assert!(hour.in_busiest_minute <= 5 * 9, "{}", hour.in_busiest_minute);
        assert!(hour.put_off <= 1_000 * (3_600 / 10), "{}", hour.put_off);
        assert!(hour.last_credit_ms <= 60_000, "{}", hour.last_credit_ms);
    }
}

#[test]
fn whatever_its_length_credits_come_within_half_a_minute_of_its_end() {
    for outage_secs in [1, 25, 61, 1_200, 6 * 3_600 + 7, 24 * 3_600] {
        for seed in 0..20 {
            let seen = outage(20, outage_secs, seed);
            // The last of them may come when the outage is over.
            let late = (60 - outage_secs).max(0) * 1_000;
            assert!(seen.last_credit_ms <= 33_000 + late, "{outage_secs}: {}", seen.last_credit_ms);
        }
    }
}
