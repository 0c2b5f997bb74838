//! Who, on which device, from where.

use sync_client::api::Author;

/// What the author of a mirror's changes is called within a sentence.
const PROGRAM: &str = "another program, through CQL";

/// Whether it was a program that wrote to the table which a mirror follows, and no person. The device is that table.
pub fn is_program(author: &Author) -> bool {
    author.channel == "mirror"
}

/// The name within a sentence; empty where it is not known.
pub fn name(author: &Author) -> &str {
    if is_program(author) { PROGRAM } else { &author.person }
}

/// The person; `you`, where it was this device.
pub fn person(author: &Author) -> &str {
    match (author.here, name(author)) {
        (true, _) => "you",
        (false, "") => "somebody",
        (false, name) => name,
    }
}

/// The device and the kind of program on it: `Deck tablet, in a browser`; of a mirror its table: `shop.orders`. Empty
/// where neither is known.
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
    match (author.here, is_program(author)) {
        (true, _) => "your value".to_owned(),
        (false, true) => "the other program’s value".to_owned(),
        (false, false) => format!("{}’s value", person(author)),
    }
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
        // the name of its author says it
        "mirror" => "",
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
    fn a_program_that_writes_to_a_table_is_told_from_people() {
        let program = Author {
            channel: "mirror".into(),
            ..author("Another program, through CQL", "shop.orders", false)
        };
        assert_eq!(
            (person(&program), place(&program).as_str()),
            ("another program, through CQL", "shop.orders")
        );
        let early = Author { person: String::new(), device: String::new(), ..program.clone() };
        assert_eq!((person(&early), place(&early).as_str()), ("another program, through CQL", ""));
        let ann = author("Ann", "Deck tablet", false);
        assert_eq!(values_of(&program, &ann), ("the other program’s value".into(), "Ann’s value".into()));
        let other = Author { device: "shop.stock".into(), ..program.clone() };
        let (one, two) = values_of(&program, &other);
        assert_eq!(one, "the other program’s value from shop.orders");
        assert_eq!(two, "the other program’s value from shop.stock");
    }

    #[test]
    fn one_person_on_two_devices_is_told_apart() {
        let values = values_of(&author("Ann", "Deck tablet", false), &author("Ann", "Office", false));
        assert_eq!(values, ("Ann’s value from Deck tablet".into(), "Ann’s value from Office".into()));
        let values = values_of(&author("Ann", "Deck tablet", false), &author("Ann", "Office", true));
        assert_eq!(values, ("Ann’s value".into(), "your value".into()));
    }
}
