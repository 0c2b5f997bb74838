//! Who, on which device, from where.

use sync_client::api::Author;

/// The person; `you`, where it was this device.
pub fn person(author: &Author) -> &str {
    match (author.here, author.person.as_str()) {
        (true, _) => "you",
        (false, "") => "somebody",
        (false, name) => name,
    }
}

/// The device and the kind of program on it: `Deck tablet, in a browser`; empty where neither is known.
pub fn place(author: &Author) -> String {
    let device = if author.here { "this device" } else { author.device.as_str() };
    match (device, channel(&author.channel)) {
        (device, "") => device.to_owned(),
        ("", channel) => channel.to_owned(),
        (device, channel) => format!("{device}, {channel}"),
    }
}

/// Whose a value is, within a sentence: `Ann’s value`, `your value`.
pub fn value_of(author: &Author) -> String {
    if author.here { "your value".to_owned() } else { format!("{}’s value", person(author)) }
}

/// Whose two values are, told apart also where one person made both, on two devices.
pub fn values_of(one: &Author, other: &Author) -> (String, String) {
    let (first, second) = (value_of(one), value_of(other));
    if first != second || one.device == other.device {
        return (first, second);
    }
    (format!("{first} from {}", one.device), format!("{second} from {}", other.device))
}

fn channel(channel: &str) -> &'static str {
    match channel {
        "browser" => "in a browser",
        "desktop" => "in the desktop app",
        "embedded" => "through another program",
        "mirror" => "through Cassandra",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_protocol::Timestamp;

    fn author(person: &str, device: &str, here: bool) -> Author {
        Author {
            person: person.into(),
            device: device.into(),
            channel: "desktop".into(),
            here,
            at: Timestamp(0),
        }
    }

    #[test]
    fn people_and_places_are_named() {
        let ann = author("Ann", "Deck tablet", false);
        assert_eq!((person(&ann), place(&ann).as_str()), ("Ann", "Deck tablet, in the desktop app"));
        let me = author("Ann", "Office", true);
        assert_eq!((person(&me), place(&me).as_str()), ("you", "this device, in the desktop app"));
        assert_eq!(person(&author("", "", false)), "somebody");
    }

    #[test]
    fn one_person_on_two_devices_is_told_apart() {
        let values = values_of(&author("Ann", "Deck tablet", false), &author("Ann", "Office", false));
        assert_eq!(values, ("Ann’s value from Deck tablet".into(), "Ann’s value from Office".into()));
        let values = values_of(&author("Ann", "Deck tablet", false), &author("Ann", "Office", true));
        assert_eq!(values, ("Ann’s value".into(), "your value".into()));
    }
}
