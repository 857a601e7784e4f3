//! Blocks that are kept as lists: at most one, or one for each name.

use crate::framework::Field;

/// The only block of its kind; `None` when there is none, or when nobody knows yet.
pub fn one<T>(blocks: &Field<Vec<T>>) -> Option<&T> {
    blocks.known()?.first()
}

/// All blocks of a kind; none while nobody knows.
pub fn all<T>(blocks: &Field<Vec<T>>) -> &[T] {
    blocks.known().map_or(&[], Vec::as_slice)
}

/// How many blocks of a kind there are; `None` while nobody knows.
pub fn count<T>(blocks: &Field<Vec<T>>) -> Option<usize> {
    match blocks {
        Field::Known(blocks) => Some(blocks.len()),
        Field::Null => Some(0),
        Field::Unknown => None,
    }
}

/// Blocks as a value: Terraform knows no list of blocks that is null.
pub fn of<T>(blocks: impl IntoIterator<Item = T>) -> Field<Vec<T>> {
    Field::Known(blocks.into_iter().collect())
}

/// Planned blocks, each completed from the configured one in the same place: only the configuration has write-only values.
pub fn completed<T: Clone>(
    planned: &Field<Vec<T>>,
    config: &Field<Vec<T>>,
    complete: impl Fn(&T, &T) -> T,
) -> Field<Vec<T>> {
    let (Field::Known(planned), Field::Known(config)) = (planned, config) else {
        return planned.clone();
    };
    let at = |(index, planned): (usize, &T)| {
        config
            .get(index)
            .map_or_else(|| planned.clone(), |config| complete(planned, config))
    };
    Field::Known(planned.iter().enumerate().map(at).collect())
}

/// Each block made anew; unknown and null stay.
pub fn each<T>(blocks: &Field<Vec<T>>, make: impl Fn(&T) -> T) -> Field<Vec<T>> {
    blocks.map(|blocks| blocks.iter().map(make).collect())
}

/// The field, or null when nothing is in it.
pub fn unless_empty<T: Clone>(field: &Field<T>, is_empty: impl Fn(&T) -> bool) -> Field<T> {
    match field {
        Field::Known(value) if is_empty(value) => Field::Null,
        field => field.clone(),
    }
}
