//! The words that add to what agents need, which three functions take after their other arguments.

use crate::framework::{
    Type,
    function::{Arguments, FunctionError, Parameter},
};
use crate::network::requirements::{INCLUDES, Include};

/// The variadic parameter.
pub(super) fn parameter(description: &'static str) -> Parameter {
    Parameter::new("include", Type::String, description)
}

/// What the arguments from `first` on include.
///
/// # Errors
/// A word that means nothing, at its own argument.
pub(super) fn read(arguments: &Arguments, first: usize) -> Result<Vec<Include>, FunctionError> {
    let words: Vec<String> = arguments.rest(first)?;
    let known = |(index, word): (usize, &String)| {
        Include::parse(word).ok_or_else(|| {
            let all: Vec<String> = INCLUDES.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            FunctionError::at(
                first + index,
                format!("\"{word}\" cannot be included; known are {}", all.join(", ")),
            )
        })
    };
    words.iter().enumerate().map(known).collect()
}
