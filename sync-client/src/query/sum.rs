//! Exact sums that values can also be taken out of again.

use sync_protocol::value::decimal::Decimal;

use super::compare::SortValue;

/// Digits in one part of a sum: of a hundred million values of nine digits a part still has room for the sum.
const DIGITS: i32 = 9;
const PART: i64 = 1_000_000_000;
/// Places that an average has more than the values.
const MORE_PLACES: usize = 6;

/// A sum of numbers of any size, without rounding. What goes in can come out again, in any order.
#[derive(Debug, Default)]
pub(super) struct Sum {
    /// Parts by the power of a billion that they count, which rises. They are brought into the form of a number when it is read.
    parts: Vec<(i32, i64)>,
    /// How many values have so many places behind the point. These rise.
    places: Vec<(i32, i64)>,
    /// How many values there are.
    count: usize,
    /// How many of them are no number, infinite, infinite below zero.
    odd: [usize; 3],
}

impl Sum {
    /// A value comes, or goes.
    pub(super) fn change(&mut self, value: &SortValue, comes: bool) {
        let sign = if comes { 1 } else { -1 };
        match value {
            SortValue::Whole(whole) => {
                // three parts hold any of them
                let mut rest = *whole;
                for power in 0..3 {
                    if rest != 0 {
                        *number_at(&mut self.parts, power) += sign * (rest % PART);
                    }
                    rest /= PART;
                }
                self.one_more(0, sign);
            }
            SortValue::Decimal(decimal) => self.decimal(decimal, sign),
            SortValue::Number(number) if number.is_nan() => self.odd_one(0, comes),
            SortValue::Number(number) if number.is_infinite() => {
                self.odd_one(if *number > 0.0 { 1 } else { 2 }, comes);
            }
            SortValue::Number(number) => {
                // the shortest text of that number is what people read
                if let Some(decimal) = Decimal::read(&format!("{number:e}")) {
                    self.decimal(&decimal, sign);
                }
            }
            // a value that does not fit its field's type
            _ => {}
        }
    }

    fn decimal(&mut self, decimal: &Decimal, sign: i64) {
        self.one_more(decimal.scale().max(0), sign);
        let sign = if decimal.is_negative() { -sign } else { sign };
        let mut power = -decimal.scale();
        let mut digits = decimal.digits().as_bytes();
        // the digits of one part at a time, from the last
        while !digits.is_empty() {
            let in_part = power.rem_euclid(DIGITS);
            let (before, own) = digits.split_at(digits.len().saturating_sub((DIGITS - in_part) as usize));
            let worth = own.iter().fold(0, |worth, digit| worth * 10 + i64::from(digit - b'0'));
            let part = number_at(&mut self.parts, power.div_euclid(DIGITS));
            *part += sign * worth * 10_i64.pow(in_part.unsigned_abs());
            power += own.len() as i32;
            digits = before;
        }
    }

    /// A value with so many places behind the point comes, or goes.
    fn one_more(&mut self, places: i32, sign: i64) {
        self.count = self.count.saturating_add_signed(sign as isize);
        *number_at(&mut self.places, places) += sign;
    }

    fn odd_one(&mut self, which: usize, comes: bool) {
        if comes { self.odd[which] += 1 } else { self.odd[which] -= 1 }
    }

    /// The sum as people read it, with as many places as the values have; `None` without any value.
    pub(super) fn total(&self) -> Option<String> {
        self.special().or_else(|| {
            let (negative, digits) = self.digits()?;
            Some(written(negative, &digits, self.most_places()))
        })
    }

    /// The sum divided by the number of values, rounded half away from zero.
    pub(super) fn average(&self) -> Option<String> {
        self.special().or_else(|| {
            let (negative, digits) = self.digits()?;
            let (count, mut rest, mut found) = (self.count as u128, 0_u128, String::new());
            for digit in digits.bytes().chain(std::iter::repeat_n(b'0', MORE_PLACES)) {
                rest = rest * 10 + u128::from(digit - b'0');
                // one digit: the rest is smaller than the count
                found.push(char::from(b'0' + (rest / count) as u8));
                rest %= count;
            }
            if rest * 2 >= count {
                found = one_more(&found);
            }
            let mut places = self.most_places() + MORE_PLACES;
            while places > self.most_places() && found.len() > 1 && found.ends_with('0') {
                found.pop();
                places -= 1;
            }
            Some(written(negative, &found, places))
        })
    }

    /// The sum of what is no finite number.
    fn special(&self) -> Option<String> {
        let text = match self.odd {
            [0, 0, 0] => return None,
            [0, _, 0] => "Infinity",
            [0, 0, _] => "-Infinity",
            _ => "NaN",
        };
        Some(text.to_owned())
    }

    fn most_places(&self) -> usize {
        let used = self.places.iter().rev().find(|(_, count)| *count > 0);
        used.map_or(0, |(places, _)| places.unsigned_abs() as usize)
    }

    /// The sum without its point, to as many places as the values have; whether it is below zero.
    fn digits(&self) -> Option<(bool, String)> {
        if self.count == 0 {
            return None;
        }
        let lowest = self.parts.first().map_or(0, |(power, _)| *power).min(0);
        let highest = self.parts.last().map_or(0, |(power, _)| *power).max(0);
        let carried = |sign: i64| {
            let (mut carry, mut parts) = (0, Vec::new());
            let part = |power| self.parts.iter().find(|(own, _)| *own == power).map_or(0, |(_, part)| *part);
            let own = (lowest..=highest).map(part);
            // a sum of many is some parts longer than the longest of them
            for part in own.chain([0; 3]) {
                let part = sign * part + carry;
                parts.push(part.rem_euclid(PART));
                carry = part.div_euclid(PART);
            }
            (carry, parts)
        };
        let (carry, parts) = carried(1);
        let negative = carry < 0;
        let parts = if negative { carried(-1).1 } else { parts };
        let mut digits: String = parts.iter().rev().map(|part| format!("{part:09}")).collect();
        // no value has more places than that: what is cut off are zeros
        let surplus = (-lowest * DIGITS) as usize - self.most_places().min((-lowest * DIGITS) as usize);
        digits.truncate(digits.len() - surplus);
        let missing = self.most_places().saturating_sub((-lowest * DIGITS) as usize);
        digits.extend(std::iter::repeat_n('0', missing));
        Some((negative, digits))
    }
}

/// The number that is kept for this one; of so few kinds that a list is quicker than a map.
fn number_at(list: &mut Vec<(i32, i64)>, wanted: i32) -> &mut i64 {
    let at = list.partition_point(|(own, _)| *own < wanted);
    if list.get(at).is_none_or(|(own, _)| *own != wanted) {
        list.insert(at, (wanted, 0));
    }
    &mut list[at].1
}

/// A number of digits, larger by one.
fn one_more(digits: &str) -> String {
    let nines = digits.bytes().rev().take_while(|digit| *digit == b'9').count();
    let (head, tail) = digits.split_at(digits.len() - nines);
    let raised = match head.as_bytes().split_last() {
        Some((last, rest)) => {
            let kept: String = rest.iter().copied().map(char::from).collect();
            format!("{kept}{}", char::from(last + 1))
        }
        None => "1".to_owned(),
    };
    raised + &"0".repeat(tail.len())
}

/// A number with its point.
fn written(negative: bool, digits: &str, places: usize) -> String {
    let digits = digits.trim_start_matches('0');
    let sign = if negative && !digits.is_empty() { "-" } else { "" };
    let digits = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let point = if places == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> SortValue {
        SortValue::Decimal(Decimal::read(text).expect("a decimal number"))
    }

    fn sum(values: &[&str]) -> Sum {
        let mut sum = Sum::default();
        values.iter().for_each(|value| sum.change(&decimal(value), true));
        sum
    }

    #[test]
    fn sums_are_exact_and_have_the_places_of_their_values() {
        for (values, total, average) in [
            (&["1", "2"][..], "3", "1.5"),
            (&["0.10", "0.2", "0.3"], "0.60", "0.20"),
            (&["1.00", "2.00"], "3.00", "1.50"),
            (&["1", "1", "0"], "2", "0.666667"),
            (&["-1", "-1", "0"], "-2", "-0.666667"),
            (&["5", "-5.0"], "0.0", "0.0"),
            (&["-3", "1"], "-2", "-1"),
            (&["1E+3", "1"], "1001", "500.5"),
            (&["0.0000000001"], "0.0000000001", "0.0000000001"),
            (&["999999999999999999999999", "1"], "1000000000000000000000000", "500000000000000000000000"),
            (&["0.000001", "0", "0", "0"], "0.000001", "0.00000025"),
            (&["9.9999995", "9.9999995"], "19.9999990", "9.9999995"),
            (&["2E+30", "-2E+30", "7"], "7", "2.333333"),
            (&["-1000000000"], "-1000000000", "-1000000000"),
        ] {
            let sum = sum(values);
            assert_eq!(sum.total().as_deref(), Some(total), "{values:?}");
            assert_eq!(sum.average().as_deref(), Some(average), "{values:?}");
        }
        assert_eq!((sum(&[]).total(), sum(&[]).average()), (None, None));
    }

    #[test]
    fn an_average_is_rounded_half_away_from_zero() {
        let mut values = vec!["0.0000005"];
        assert_eq!(sum(&values).average().as_deref(), Some("0.0000005"));
        values = vec!["1", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0"];
        values.extend(["0"; 16]);
        // a thirty-second: 0.03125
        assert_eq!(sum(&values).average().as_deref(), Some("0.03125"));
        values.extend(["0"; 96]);
        // 0.0078125
        assert_eq!(sum(&values).average().as_deref(), Some("0.007813"));
    }

    #[test]
    fn what_goes_in_comes_out_again() {
        let mut sum = sum(&["12.50", "-0.125", "1E+40"]);
        for number in [0.1, 0.2, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324, f64::MAX] {
            sum.change(&SortValue::Number(number), true);
        }
        assert_eq!(sum.total().as_deref(), Some("NaN"));
        for number in [f64::NAN, f64::NEG_INFINITY] {
            sum.change(&SortValue::Number(number), false);
        }
        assert_eq!(sum.average().as_deref(), Some("Infinity"));
        for number in [f64::MAX, f64::INFINITY, 5e-324] {
            sum.change(&SortValue::Number(number), false);
        }
        ["12.50", "-0.125", "1E+40"].iter().for_each(|value| sum.change(&decimal(value), false));
        assert_eq!(sum.total().as_deref(), Some("0.3"), "what people read, added up");
        sum.change(&SortValue::Number(0.1), false);
        sum.change(&SortValue::Number(0.2), false);
        assert_eq!(sum.total(), None);
        sum.change(&SortValue::Whole(i64::MIN), true);
        sum.change(&SortValue::Whole(i64::MIN), true);
        assert_eq!(sum.total().as_deref(), Some("-18446744073709551616"));
    }
}
