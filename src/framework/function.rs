//! What a provider-defined function implements: `provider::acr::name(…)` in configuration.
//!
//! Functions are pure: Core calls them in providers that nobody configured, several times a run, and refuses a result that changes
//! between plan and apply.

use std::fmt;

use super::{
    Path, Type, Value,
    model::{FieldType, Mismatch},
};

/// A function.
pub trait Function: Send + Sync + 'static {
    /// Its name in configuration.
    fn name(&self) -> &'static str;

    /// What it takes and gives.
    fn signature(&self) -> Signature;

    /// Computes the result, which is of the type [`Signature::returns`].
    ///
    /// # Errors
    /// What no result can be computed from, pointing at the argument wherever one is to blame.
    fn call(&self, arguments: &Arguments) -> Result<Value, FunctionError>;
}

/// What a function takes and gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// One sentence.
    pub summary: &'static str,
    /// The whole story, in Markdown.
    pub description: &'static str,
    /// Its parameters, in their order.
    pub parameters: Vec<Parameter>,
    /// What may follow them, any number of times.
    pub variadic: Option<Parameter>,
    /// The type of the result.
    pub returns: Type,
    /// What the result is, in Markdown.
    pub result: &'static str,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, for messages and documents; callers never write it.
    pub name: &'static str,
    /// The type that Core converts the argument to. A list of objects refuses every object that lacks a member: where members
    /// may be missing, the type is [`Type::Dynamic`].
    pub ty: Type,
    /// One or more sentences, in Markdown.
    pub description: &'static str,
    /// Whether null is passed on; otherwise Core refuses it.
    pub allow_null: bool,
    /// Whether unknown values are passed on; otherwise Core leaves the result unknown without a call.
    pub allow_unknown: bool,
}

/// The arguments of one call: as many as the signature has, null and unknown only where it allows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments(Vec<Value>);

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    /// The argument to blame, from 0; those of a variadic parameter follow the others.
    pub argument: Option<usize>,
    /// What is wrong and what would be right, without a full stop: Core puts its own words around it.
    pub text: String,
}

impl Signature {
    /// The parameter that takes the argument `index`, counted from 0.
    #[must_use]
    pub fn parameter(&self, index: usize) -> Option<&Parameter> {
        self.parameters.get(index).or(self.variadic.as_ref())
    }
}

impl Parameter {
    /// A parameter that takes neither null nor unknown.
    #[must_use]
    pub fn new(name: &'static str, ty: Type, description: &'static str) -> Self {
        Self {
            name,
            ty,
            description,
            allow_null: false,
            allow_unknown: false,
        }
    }

    /// The same, and null too.
    #[must_use]
    pub fn or_null(mut self) -> Self {
        self.allow_null = true;
        self
    }
}

impl Arguments {
    /// Arguments that fit the signature. Core has looked already; another client may not have.
    ///
    /// # Errors
    /// Another number of arguments than the signature has; null or unknown where it allows none.
    pub fn of(signature: &Signature, values: Vec<Value>) -> Result<Self, FunctionError> {
        let wanted = signature.parameters.len();
        if values.len() < wanted || values.len() > wanted && signature.variadic.is_none() {
            let or_more = if signature.variadic.is_some() { " or more" } else { "" };
            let text = format!("{wanted}{or_more} arguments are expected, {} were given", values.len());
            return Err(FunctionError::new(text));
        }
        for (index, value) in values.iter().enumerate() {
            let Some(parameter) = signature.parameter(index) else {
                continue;
            };
            if open(value).is_null() && !parameter.allow_null {
                return Err(FunctionError::at(index, "it must not be null"));
            }
            if !value.is_wholly_known() && !parameter.allow_unknown {
                return Err(FunctionError::at(index, "it must be known"));
            }
        }
        Ok(Self(values))
    }

    /// The argument as it is, without the type that a value of any type carries; null where there is none.
    #[must_use]
    pub fn value(&self, index: usize) -> &Value {
        const NULL: &Value = &Value::Null;
        self.0.get(index).map_or(NULL, open)
    }

    /// A known argument, typed.
    ///
    /// # Errors
    /// A value of another type, or a number that no integer holds.
    pub fn get<T: FieldType>(&self, index: usize) -> Result<T, FunctionError> {
        T::from_known(self.value(index), &Path::root()).map_err(|mismatch| FunctionError::of(index, mismatch))
    }

    /// All arguments from `first` on, typed: those of the variadic parameter.
    ///
    /// # Errors
    /// As [`Arguments::get`].
    pub fn rest<T: FieldType>(&self, first: usize) -> Result<Vec<T>, FunctionError> {
        (first..self.0.len()).map(|index| self.get(index)).collect()
    }
}

impl FunctionError {
    /// No argument alone is to blame.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            argument: None,
            text: text.into(),
        }
    }

    /// The argument `index` is to blame, counted from 0.
    pub fn at(index: usize, text: impl Into<String>) -> Self {
        Self {
            argument: Some(index),
            text: text.into(),
        }
    }

    /// What does not fit, and where in the argument.
    #[must_use]
    pub fn of(index: usize, Mismatch { path, problem }: Mismatch) -> Self {
        let place = if path == Path::root() {
            String::new()
        } else {
            format!("at {path}, ")
        };
        Self::at(index, format!("{place}{problem}"))
    }
}

impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for FunctionError {}

/// The value without its type.
fn open(mut value: &Value) -> &Value {
    while let Value::Dynamic(_, inner) = value {
        value = inner;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature() -> Signature {
        Signature {
            summary: "",
            description: "",
            parameters: vec![
                Parameter::new("first", Type::Number, ""),
                Parameter::new("any", Type::Dynamic, "").or_null(),
            ],
            variadic: Some(Parameter::new("more", Type::list(Type::String), "")),
            returns: Type::Bool,
            result: "",
        }
    }

    fn of(values: &[Value]) -> Result<Arguments, FunctionError> {
        Arguments::of(&signature(), values.to_vec())
    }

    #[test]
    fn arguments_fit_the_signature() {
        let one = Value::integer(1);
        let typed = |value: Value| Value::Dynamic(Type::String, Box::new(value));
        for (values, argument, text) in [
            (vec![], None, "2 or more arguments are expected, 0 were given"),
            (vec![Value::Null, Value::Null], Some(0), "it must not be null"),
            (vec![one.clone(), typed(Value::Unknown)], Some(1), "it must be known"),
            (
                vec![one.clone(), Value::Null, Value::Null],
                Some(2),
                "it must not be null",
            ),
            (
                vec![one.clone(), Value::Null, Value::List(vec![Value::Unknown])],
                Some(2),
                "it must be known",
            ),
        ] {
            let expected = FunctionError {
                argument,
                text: text.into(),
            };
            assert_eq!(of(&values), Err(expected));
        }
        assert!(of(&[one.clone(), typed(Value::Null)]).is_ok());
        let fixed = Signature {
            variadic: None,
            ..signature()
        };
        let error = Arguments::of(&fixed, vec![one.clone(), one.clone(), one]).unwrap_err();
        assert_eq!(error.text, "2 arguments are expected, 3 were given");
    }

    #[test]
    fn arguments_are_read_with_their_types() {
        let list = |elements: &[Value]| Value::List(elements.to_vec());
        let text = Value::string("x");
        let any = Value::Dynamic(Type::String, Box::new(text.clone()));
        let arguments = of(&[
            Value::integer(7),
            any,
            list(std::slice::from_ref(&text)),
            list(&[text.clone(), Value::Null]),
        ])
        .unwrap();
        assert_eq!((arguments.get(0), arguments.value(1)), (Ok(7), &text));
        assert_eq!(arguments.get(2), Ok(vec!["x".to_owned()]));
        assert_eq!(arguments.value(9), &Value::Null);
        let error = arguments.rest::<Vec<String>>(2).unwrap_err();
        assert_eq!(
            error,
            FunctionError::at(3, "at [1], a string is expected, null was given")
        );
        let error = arguments.get::<bool>(0).unwrap_err();
        assert_eq!(error, FunctionError::at(0, "a bool is expected, a number was given"));
    }
}
