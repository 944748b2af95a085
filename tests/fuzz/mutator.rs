//! Inputs made of others, blindly: what stands in for libFuzzer on a stable compiler.
//!
//! Does not belong here: what an input means.

use std::hash::{BuildHasher, RandomState};

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// The longest input.
const MOST: usize = 4_096;

/// Makes inputs out of seeds.
pub struct Mutator {
    random: TestRng,
    seeds: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
}

/// A number to begin with that is another one each time.
pub fn any_seed() -> u64 {
    RandomState::new().hash_one(0)
}

impl Mutator {
    /// Begins at this number.
    pub fn new(begin: u64, seeds: Vec<Vec<u8>>) -> Mutator {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&begin.to_le_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        Mutator { random, seeds, words: words(include_str!("words.dict")) }
    }

    /// The next input.
    pub fn input(&mut self) -> Vec<u8> {
        let mut input = self.seed();
        for _ in 0..=self.below(6) {
            self.change(&mut input);
        }
        input.truncate(MOST);
        input
    }

    fn below(&mut self, limit: usize) -> usize {
        let random = usize::try_from(self.random.next_u32()).unwrap_or_default();
        random.checked_rem(limit).unwrap_or_default()
    }

    fn seed(&mut self) -> Vec<u8> {
        let index = self.below(self.seeds.len());
        self.seeds[index].clone()
    }

    /// Writes another number for the first one behind a place: of digits put in between, few make a number that counts.
    fn renumber(&mut self, input: &mut Vec<u8>, place: usize) {
        let is_digit = |byte: &u8| byte.is_ascii_digit();
        let Some(skipped) = input[place..].iter().position(is_digit) else { return };
        let begin = place + skipped;
        let end = begin + input[begin..].iter().take_while(|byte| is_digit(byte)).count();
        let is_number = |word: &&Vec<u8>| word.first().is_some_and(is_digit);
        let chosen = self.below(self.words.iter().filter(is_number).count());
        let number = self.words.iter().filter(is_number).nth(chosen).cloned();
        input.splice(begin..end, number.unwrap_or_default());
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let place = self.below(input.len() + 1);
        let end = (place + 1 + self.below(8)).min(input.len());
        match self.below(10) {
            0 => input.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1 << (place % 8)),
            1 => input[place.min(end)..end].fill(u8::try_from(self.below(256)).unwrap_or_default()),
            2 => drop(input.drain(place.min(end)..end)),
            3 => {
                let piece = input[place.min(end)..end].repeat(1 + self.below(40));
                input.splice(place..place, piece);
            }
            4 => input.insert(place, u8::try_from(self.below(256)).unwrap_or_default()),
            5 | 6 => {
                let word = self.below(self.words.len());
                input.splice(place..place, self.words[word].clone());
            }
            7 => {
                let other = self.seed();
                let from = self.below(other.len() + 1);
                input.truncate(place);
                input.extend_from_slice(&other[from..]);
            }
            8 => self.renumber(input, place),
            _ => {
                // The first bytes of most inputs choose something.
                let knob = self.below(input.len().min(8));
                let value = u8::try_from(self.below(256)).unwrap_or_default();
                input.iter_mut().skip(knob).take(1).for_each(|byte| *byte = value);
            }
        }
    }
}

/// The words of a dictionary in libFuzzer's form.
fn words(dictionary: &str) -> Vec<Vec<u8>> {
    let quoted = dictionary.lines().filter(|line| !line.starts_with('#'));
    let quoted = quoted.filter_map(|line| line.split_once('"')?.1.rsplit_once('"').map(|(word, _)| word));
    quoted.map(unescape).collect()
}

fn unescape(word: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        match after.strip_prefix('x').and_then(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.extend(after.bytes().take(1));
                rest = after.get(1..).unwrap_or_default();
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
