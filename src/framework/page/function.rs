//! Renders functions as pages of the Terraform Registry.

use super::super::{
    Type,
    function::{Function, Parameter},
};
use super::line;

/// Everything that goes into a function's page.
pub struct FunctionPage<'a> {
    /// The function, whose signature is the page's text.
    pub function: &'a dyn Function,
    /// A configuration that works as it stands.
    pub example: &'a str,
}

impl FunctionPage<'_> {
    /// The page's path under `docs/`, as the Registry expects it.
    #[must_use]
    pub fn path(&self) -> String {
        format!("functions/{}.md", self.function.name())
    }

    /// The page.
    #[must_use]
    pub fn render(&self) -> String {
        let (name, signature) = (self.function.name(), self.function.signature());
        let head = format!("---\npage_title: \"{name} function - acr\"\nsubcategory: \"\"\ndescription: |-\n  ");
        let mut out = format!("{head}{}\n---\n\n# function: {name}\n", signature.summary);
        for section in [
            signature.summary.to_owned(),
            signature.description.trim().to_owned(),
            "Functions need Terraform 1.8 or OpenTofu 1.7, or newer; no provider configuration and no access to Azure."
                .into(),
            format!("## Example Usage\n\n```terraform\n{}\n```", self.example.trim()),
            "## Signature".into(),
        ] {
            line(&mut out, &format!("\n{section}"));
        }
        let fixed = signature.parameters.iter().map(written);
        let variadic = signature
            .variadic
            .iter()
            .map(|parameter| format!("{}...", written(parameter)));
        let all: Vec<String> = fixed.chain(variadic).collect();
        line(
            &mut out,
            &format!(
                "\n```text\n{name}({}) {}\n```\n\n## Arguments\n",
                all.join(", "),
                signature.returns
            ),
        );
        for parameter in &signature.parameters {
            line(&mut out, &describe(parameter, &[]));
        }
        if let Some(parameter) = &signature.variadic {
            line(&mut out, &describe(parameter, &["Variadic"]));
        }
        line(&mut out, &format!("\n## Result\n\n{}", signature.result.trim()));
        out
    }
}

fn written(parameter: &Parameter) -> String {
    let ty = match &parameter.ty {
        Type::Dynamic => "any".to_owned(),
        other => other.to_string(),
    };
    format!("{} {ty}", parameter.name)
}

fn describe(parameter: &Parameter, traits: &[&str]) -> String {
    let ty = parameter.ty.to_string();
    let mut traits: Vec<String> = traits.iter().map(|it| (*it).to_owned()).collect();
    traits.push(ty[..1].to_uppercase() + &ty[1..]);
    if parameter.allow_null {
        traits.push("Nullable".into());
    }
    format!(
        "1. `{}` ({}) {}",
        parameter.name,
        traits.join(", "),
        parameter.description
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::{
        Value,
        function::{Arguments, FunctionError, Signature},
    };

    struct Join;

    impl Function for Join {
        fn name(&self) -> &'static str {
            "join"
        }

        fn signature(&self) -> Signature {
            Signature {
                summary: "Joins.",
                description: "Prose.",
                parameters: vec![Parameter::new("what", Type::Dynamic, "Anything.").or_null()],
                variadic: Some(Parameter::new("more", Type::String, "More of it.")),
                returns: Type::list(Type::String),
                result: "All of it.",
            }
        }

        fn call(&self, _: &Arguments) -> Result<Value, FunctionError> {
            Ok(Value::Null)
        }
    }

    #[test]
    fn a_page_says_all_that_the_signature_knows() {
        let page = FunctionPage {
            function: &Join,
            example: "output {}",
        };
        assert_eq!(page.path(), "functions/join.md");
        let text = page.render();
        for part in [
            "description: |-\n  Joins.\n---\n\n# function: join\n\nJoins.\n\nProse.\n",
            "## Example Usage\n\n```terraform\noutput {}\n```",
            "```text\njoin(what any, more string...) list of string\n```",
            "1. `what` (Any type, Nullable) Anything.\n1. `more` (Variadic, String) More of it.\n",
            "## Result\n\nAll of it.\n",
        ] {
            assert!(text.contains(part), "{part}\n---\n{text}");
        }
    }
}
