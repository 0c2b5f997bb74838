//! How often somebody may try to sign in. Nobody uses up anybody else's tries: each login has its own from each address,
//! and where it was signed in to before, nothing else counts: neither what others try on that login from elsewhere, nor
//! what others at that address try on other logins.

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use super::throttle::{Seen, Throttle};
use crate::limits;

/// Tries of all logins and addresses.
#[derive(Debug)]
pub struct Tries {
    by_address: Throttle,
    /// Larger IPv6 networks: whoever has one of them has all of its /64.
    by_56: Throttle,
    by_48: Throttle,
    by_login_there: Throttle,
    by_login: Throttle,
    /// Where logins were signed in to.
    known: Seen,
}

/// What one try took.
#[derive(Clone, Copy, Debug)]
pub struct Try<'a> {
    login: &'a str,
    from: IpAddr,
    known: bool,
}

impl Tries {
    /// Nobody has tried yet.
    pub fn new() -> Self {
        let throttle = |burst, pause| Throttle::new(burst, pause, limits::THROTTLED);
        Self {
            by_address: throttle(limits::SIGN_INS_PER_ADDRESS, limits::SIGN_IN_PAUSE_ADDRESS),
            by_56: throttle(2 * limits::SIGN_INS_PER_ADDRESS, limits::SIGN_IN_PAUSE_ADDRESS / 2),
            by_48: throttle(4 * limits::SIGN_INS_PER_ADDRESS, limits::SIGN_IN_PAUSE_ADDRESS / 4),
            by_login_there: throttle(limits::SIGN_INS_PER_LOGIN, limits::SIGN_IN_PAUSE_LOGIN),
            by_login: throttle(limits::SIGN_INS_PER_LOGIN_IN_ALL, limits::SIGN_IN_PAUSE_LOGIN_IN_ALL),
            known: Seen::new(limits::THROTTLED),
        }
    }

    /// Takes a try of that login from that address.
    ///
    /// # Errors
    /// How long to wait for the next one.
    pub fn take<'a>(&self, login: &'a str, from: IpAddr, now: Instant) -> Result<Try<'a>, Duration> {
        let from = network_of(from);
        let known = self.known.has((login, from));
        if !known {
            self.by_address.take(from, now)?;
            if let IpAddr::V6(v6) = from {
                self.by_56.take(network(v6, 56), now)?;
                self.by_48.take(network(v6, 48), now)?;
            }
        }
        self.by_login_there.take((login, from), now)?;
        if !known {
            self.by_login.take(login, now)?;
        }
        Ok(Try { login, from, known })
    }

    /// The password was right: that try is given back, no more than that. The address is known from now on.
    pub fn succeeded(&self, Try { login, from, known }: Try<'_>, now: Instant) {
        self.by_login_there.give_back((login, from));
        if !known {
            self.by_address.give_back(from);
            if let IpAddr::V6(v6) = from {
                self.by_56.give_back(network(v6, 56));
                self.by_48.give_back(network(v6, 48));
            }
            self.by_login.give_back(login);
        }
        self.known.note((login, from), now);
    }
}

impl Default for Tries {
    fn default() -> Self {
        Self::new()
    }
}

/// Whoever has one IPv6 address has the other 2^64 of that network, too.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => network(v6, 64).into(),
        v4 => v4,
    }
}

fn network(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - bits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(n: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(0xC000_0200 + n).into()
    }

    #[test]
    fn nobody_is_locked_out_by_others() {
        let (tries, start) = (Tries::new(), Instant::now());
        // a guesser who takes every try that there is, for an hour
        for second in 0..=3_600 {
            let _ = tries.take("ann", v4(1), start + Duration::from_secs(second));
        }
        let now = start + Duration::from_hours(1);
        assert!(tries.take("ann", v4(1), now).is_err());
        let try_ = tries.take("ann", v4(2), now).expect("from another address she gets in");
        tries.succeeded(try_, now);
        // a thousand guessers take what the login has in all
        for n in 10..1_010 {
            let _ = tries.take("ann", v4(n), now);
        }
        assert!(tries.take("ann", v4(2_000), now).is_err(), "a flood of guesses is slowed down");
        assert!(tries.take("ann", v4(2), now).is_ok(), "and not where she was before");
        assert!(tries.take("bob", v4(2_000), now).is_ok());
        // somebody at her own address tries every name that there is
        for n in 0..1_000 {
            let _ = tries.take(&format!("victim {n}"), v4(2), now);
        }
        assert!(tries.take("bob", v4(2), now).is_err());
        assert!(tries.take("ann", v4(2), now).is_ok(), "her colleagues do not lock her out");
    }

    #[test]
    fn a_success_gives_back_one_try_only() {
        let (tries, now) = (Tries::new(), Instant::now());
        let mut taken = 0;
        for n in 0..1_000 {
            if n % 10 == 9 {
                if let Ok(own) = tries.take("eve", v4(1), now) {
                    tries.succeeded(own, now);
                }
                continue;
            }
            taken += u32::from(tries.take(&format!("victim {n}"), v4(1), now).is_ok());
        }
        assert!(taken <= limits::SIGN_INS_PER_ADDRESS, "{taken}");
    }

    #[test]
    fn large_networks_count_as_one_as_well() {
        let (tries, now) = (Tries::new(), Instant::now());
        let taken = (0..60_000u128)
            .filter(|n| {
                let from = Ipv6Addr::from_bits((0x2001_0db8_0001_u128 << 80) | (n << 64));
                tries.take(&format!("victim {n}"), from.into(), now).is_ok()
            })
            .count();
        assert!(taken <= 4 * limits::SIGN_INS_PER_ADDRESS as usize, "{taken}");
    }
}
