//! From what a person types or copies to where a server may be.

use crate::api::Failure;
use crate::transport::Address;

/// The addresses to try, in this order. What was copied from a browser has the path of a screen at its end (`/w/...`):
/// after the address as it stands comes the one without it.
pub(super) fn addresses(typed: &str) -> Result<Vec<String>, Failure> {
    let typed = typed.trim();
    let whole = match typed.split_once("://") {
        Some(_) => typed.to_owned(),
        // a server on this machine has no certificate
        None if is_this_machine(typed) => format!("http://{typed}"),
        None => format!("https://{typed}"),
    };
    let address = Address::read(&whole).ok_or_else(|| {
        Failure::input(format!(
            "“{typed}” is not the address of a server. It looks like https://mooring.example.org; ask the person who runs the server."
        ))
    })?;
    if !matches!(address.scheme.as_str(), "http" | "https") {
        return Err(Failure::input(
            "The address of a server starts with https:// or http://. Ask the person who runs the server.",
        ));
    }
    let Address { origin, path, .. } = &address;
    let path = path.trim_end_matches('/');
    let mut all = vec![format!("{origin}{path}")];
    if !path.is_empty() {
        let before_screen = path.split_once("/w/").map_or("", |(before, _)| before);
        all.push(format!("{origin}{before_screen}"));
    }
    Ok(all)
}

/// Whether what is said to that server can be read by others on the way: it is neither encrypted nor on this machine.
pub(super) fn is_open(server: &str) -> bool {
    server.strip_prefix("http://").is_some_and(|rest| !is_this_machine(rest))
}

/// Whether both name the same computer, and the second one encrypts what the first one did not.
pub(super) fn is_the_same_encrypted(before: &str, now: &str) -> bool {
    let host = |rest: &str| rest.split(['/', ':']).next().unwrap_or_default().to_owned();
    let (before, now) = (before.strip_prefix("http://"), now.strip_prefix("https://"));
    before.zip(now).is_some_and(|(before, now)| host(before) == host(now))
}

fn is_this_machine(address: &str) -> bool {
    let host = address.split(['/', '?', '#']).next().unwrap_or_default();
    let host =
        host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(host, _)| host);
    let loopback = |ip: std::net::Ipv4Addr| ip.is_loopback();
    host.eq_ignore_ascii_case("localhost") || host == "[::1]" || host.parse().is_ok_and(loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_as_people_write_them() {
        for (typed, want) in [
            ("https://mooring.example.org", vec!["https://mooring.example.org"]),
            (" mooring.example.org/ ", vec!["https://mooring.example.org"]),
            ("127.0.0.1:8420", vec!["http://127.0.0.1:8420"]),
            ("LocalHost:8420", vec!["http://localhost:8420"]),
            ("[::1]:8420", vec!["http://[::1]:8420"]),
            ("127.example.org", vec!["https://127.example.org"]),
            ("http://harbour:8420", vec!["http://harbour:8420"]),
            (
                "https://example.org/mooring/w/boats?x=1#y",
                vec!["https://example.org/mooring/w/boats", "https://example.org/mooring"],
            ),
            ("http://[::1]:1/w/x", vec!["http://[::1]:1/w/x", "http://[::1]:1"]),
            ("example.org/mooring/", vec!["https://example.org/mooring", "https://example.org"]),
        ] {
            assert_eq!(addresses(typed).unwrap(), want, "{typed}");
        }
    }

    #[test]
    fn what_others_can_read_on_the_way_is_known() {
        for open in ["http://harbour:8420", "http://192.168.1.9", "http://127.example.org"] {
            assert!(is_open(open), "{open}");
        }
        for kept in ["https://harbour", "http://localhost:8420/x", "http://127.0.0.1:1", "http://[::1]:1"] {
            assert!(!is_open(kept), "{kept}");
        }
        assert!(is_the_same_encrypted("http://harbour:8420", "https://harbour/mooring"));
        for (before, now) in
            [("http://harbour", "https://evil"), ("https://a", "http://a"), ("https://a", "https://a")]
        {
            assert!(!is_the_same_encrypted(before, now), "{before} {now}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_in_words() {
        for typed in ["", "http://", "the server in the harbour", "ftp://example.org", "https://exa mple"] {
            let failure = addresses(typed).unwrap_err();
            assert!(failure.message.contains("https://"), "{typed}: {}", failure.message);
        }
    }
}
