//! A benign program from Rust: its standard collections, text, sorting and panics, behind functions of numbers.
use std::collections::{BTreeMap, HashMap};

#[no_mangle]
pub extern "C" fn primes(n: u32) -> u32 {
    let limit = (n % 2_000) as usize + 2;
    let mut sieve = vec![true; limit];
    for i in 2..limit {
        if sieve[i] {
            for j in (i * i..limit).step_by(i) {
                sieve[j] = false;
            }
        }
    }
    sieve.iter().skip(2).filter(|prime| **prime).count() as u32
}

#[no_mangle]
pub extern "C" fn words(n: u32) -> u32 {
    let text = "to be or not to be that is the question ".repeat(n as usize % 20 + 1);
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word).or_insert(0) += 1;
    }
    counts.iter().map(|(word, count)| word.len() as u32 * count).sum()
}

#[no_mangle]
pub extern "C" fn hashes(n: u32) -> u64 {
    let mut map: HashMap<u32, String> = HashMap::new();
    for i in 0..n % 100 {
        map.insert(i.wrapping_mul(2_654_435_761), format!("{:x}-{}", i, i * 7));
    }
    map.values().map(|text| text.len() as u64).sum()
}

#[no_mangle]
pub extern "C" fn sorted(n: u32) -> i64 {
    let mut list: Vec<i64> = (0..n % 200).map(|i| (i as i64 * 7_919) % 101 - 50).collect();
    list.sort_unstable();
    list.dedup();
    list.iter().enumerate().map(|(i, value)| i as i64 * value).sum()
}

#[no_mangle]
pub extern "C" fn parse(n: u32) -> f64 {
    format!("{}.{}", n % 1_000, n % 77).parse::<f64>().unwrap().sqrt()
}

#[no_mangle]
pub extern "C" fn dispatch(n: u32) -> u32 {
    let operations: Vec<Box<dyn Fn(u32) -> u32>> =
        vec![Box::new(|x| x + 1), Box::new(|x| x * 3), Box::new(move |x| x ^ n)];
    operations.iter().fold(n % 1_000, |value, operation| operation(value))
}

#[no_mangle]
pub extern "C" fn out_of_range(n: u32) -> u32 {
    [1, 2, 3][n as usize % 5]
}
