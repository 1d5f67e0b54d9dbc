//! Which name was probably meant by one that is none.

/// The name that `typed` was most probably meant to be.
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = typed.chars().count().div_ceil(3);
    if typed.len() > 64 {
        return None;
    }
    names
        .filter(|name| name.len() > 2)
        .map(|name| (strsim::damerau_levenshtein(typed, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The name that was probably meant: the same in other letters, one that is spelt about so, or the only one with that in it.
pub(crate) fn similar<'n>(typed: &str, names: impl Iterator<Item = &'n str> + Clone) -> Option<&'n str> {
    let lower = typed.to_lowercase();
    let mut others = names.filter(|name| *name != typed);
    if let Some(same) = others.clone().find(|name| name.to_lowercase() == lower) {
        return Some(same);
    }
    if let Some(near) = nearest(typed, others.clone()) {
        return Some(near);
    }
    if lower.len() < LEAST {
        return None;
    }
    let mut with = others.by_ref().filter(|name| name.to_lowercase().contains(&lower));
    let first = with.next()?;
    with.next().is_none().then_some(first)
}

/// Less is in too many names.
const LEAST: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_similar_by_letters_by_spelling_and_by_parts() {
        let names = ["Session", "UpstreamConnection", "Chunk", "Map", "MapIterator"];
        for (typed, expected) in [
            ("session", Some("Session")),
            ("SESSION", Some("Session")),
            ("Sesion", Some("Session")),
            ("Connection", Some("UpstreamConnection")),
            ("map", Some("Map")),
            ("Iter", Some("MapIterator")),
            ("Zebra", None),
            ("s", None),
            ("", None),
        ] {
            assert_eq!(similar(typed, names.iter().copied()), expected, "{typed}");
        }
    }
}
