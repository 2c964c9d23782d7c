//! Lists of wire names, put together when compiling.

/// How many different names the lists have.
pub const fn count_names(lists: &[&[&'static str]]) -> usize {
    let (mut count, mut list) = (0, 0);
    while list < lists.len() {
        let mut index = 0;
        while index < lists[list].len() {
            if !is_earlier(lists, list, index) {
                count += 1;
            }
            index += 1;
        }
        list += 1;
    }
    count
}

/// The names of the lists in one, each once; `N` is what [`count_names`] gives.
pub const fn join_names<const N: usize>(lists: &[&[&'static str]]) -> [&'static str; N] {
    let mut names = [""; N];
    let (mut count, mut list) = (0, 0);
    while list < lists.len() {
        let mut index = 0;
        while index < lists[list].len() {
            if !is_earlier(lists, list, index) {
                names[count] = lists[list][index];
                count += 1;
            }
            index += 1;
        }
        list += 1;
    }
    names
}

/// Whether no name is in two of the lists.
pub const fn are_disjoint(lists: &[&[&'static str]]) -> bool {
    let (mut alone, mut list) = (0, 0);
    while list < lists.len() {
        alone += count_names(&[lists[list]]);
        list += 1;
    }
    alone == count_names(lists)
}

/// Whether the name at this place is at an earlier one too.
const fn is_earlier(lists: &[&[&'static str]], until_list: usize, until: usize) -> bool {
    let name = lists[until_list][until].as_bytes();
    let mut list = 0;
    while list <= until_list {
        let end = if list == until_list {
            until
        } else {
            lists[list].len()
        };
        let mut index = 0;
        while index < end {
            if are_equal(lists[list][index].as_bytes(), name) {
                return true;
            }
            index += 1;
        }
        list += 1;
    }
    false
}

const fn are_equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}
