//! What one arrival of a schedule costs: each load thread walks over all of them.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use landfall::schedule::{Arrivals, Intensity, Phase, Replay, Schedule, Sizes, Spacing};

/// Arrivals of one measurement.
const ARRIVALS: u64 = 100_000;

fn schedule(arrivals: Arrivals) -> Schedule {
    let name = "main".into();
    Schedule::new(42, vec![Phase { name, measured: true, duration: Duration::from_secs(100), arrivals }])
}

fn cursor(criterion: &mut Criterion) {
    let length = Duration::from_secs(100);
    let hour = Duration::from_hours;
    let even = Spacing::Even { offset: 0.0 };
    let constant = || Intensity::constant(1000.0, length);
    let ramp = || Intensity::ramp(0.0, 2000.0, length);
    let day = || Intensity::day(&[(hour(0), 500.0), (hour(6), 1000.0), (hour(18), 1500.0)], length);
    let mut group = criterion.benchmark_group("cursor");
    group.throughput(Throughput::Elements(ARRIVALS));
    for (name, arrivals) in [
        ("constant", Arrivals::Open { intensity: constant(), spacing: even }),
        ("constant, poisson", Arrivals::Open { intensity: constant(), spacing: Spacing::Poisson }),
        ("ramp", Arrivals::Open { intensity: ramp(), spacing: even }),
        ("ramp, poisson", Arrivals::Open { intensity: ramp(), spacing: Spacing::Poisson }),
        ("day", Arrivals::Open { intensity: day(), spacing: even }),
        ("replay", Arrivals::Replay(Replay::new((0..ARRIVALS).map(|i| i * 1_000_000).collect(), 1.0))),
    ] {
        let schedule = schedule(arrivals);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for arrival in schedule.cursor() {
                    black_box(arrival);
                }
            });
        });
    }
    group.finish();
}

fn sizes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sizes");
    for (name, sizes) in [
        ("uniform", Sizes::uniform(1, 20)),
        ("poisson", Sizes::poisson(5.0)),
        ("weighted", Sizes::weighted(&[(1, 70), (10, 25), (100, 5)])),
    ] {
        let mut index = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                index += 1;
                sizes.at(42, black_box(index))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, cursor, sizes);
criterion_main!(benches);
