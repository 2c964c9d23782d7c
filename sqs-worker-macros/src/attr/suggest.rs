//! What was probably meant.

use proc_macro2::Ident;

use super::Known;

/// ``unknown key `quue`; did you mean `queue`? expected one of: ..``
pub(super) fn unknown_key(key: &Ident, known: &[Known]) -> String {
    let key = key.to_string();
    let all: Vec<_> = known.iter().map(|known| format!("`{}`", known.key)).collect();
    let expected = match &all[..] {
        [one] => format!("expected {one}"),
        _ => format!("expected one of: {}", all.join(", ")),
    };
    match nearest(&key, known) {
        Some(meant) => format!("unknown key `{key}`; did you mean `{meant}`? {expected}"),
        None => format!("unknown key `{key}`; {expected}"),
    }
}

fn nearest(key: &str, known: &[Known]) -> Option<&'static str> {
    let shortened = known
        .iter()
        .find(|known| shares_its_beginning(key, known.key))
        .map(|known| known.key);
    let distances = known.iter().map(|known| (distance(key, known.key), known.key));
    let nearest = distances
        .filter(|(distance, meant)| *distance <= 1 + meant.len() / 4)
        .min()
        .map(|(_, meant)| meant);
    nearest.or(shortened)
}

/// `retries` and `retry`, `maximum` and `max`.
fn shares_its_beginning(key: &str, known: &str) -> bool {
    let shared = key.chars().zip(known.chars()).take_while(|(a, b)| a == b).count();
    shared >= 3 && shared + 1 >= known.len()
}

/// How many letters have to be put in, taken out, changed or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in table.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in table[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let changed = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            table[i][j] = changed.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                table[i][j] = table[i][j].min(table[i - 2][j - 2] + 1);
            }
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;
    use crate::attr::known;

    fn unknown(key: &str) -> String {
        unknown_key(
            &Ident::new(key, Span::call_site()),
            &[known("queue", ""), known("timeout", "")],
        )
    }

    #[test]
    fn a_slip_is_answered_with_the_key_that_was_meant() {
        assert_eq!(
            unknown("quue"),
            "unknown key `quue`; did you mean `queue`? expected one of: `queue`, `timeout`"
        );
        assert!(unknown("tiemout").contains("did you mean `timeout`?"));
        assert!(unknown("queues_of_orders").contains("did you mean `queue`?"));
    }

    #[test]
    fn a_key_that_is_like_none_is_answered_with_the_list_alone() {
        assert_eq!(
            unknown("colour"),
            "unknown key `colour`; expected one of: `queue`, `timeout`"
        );
    }
}
