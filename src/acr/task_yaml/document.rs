//! A YAML document with the place of each node.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

/// How deep a document may nest: a task file has four levels. Deeper ones are not judged.
const DEPTH_MAX: usize = 50;

/// Errors that ACR's reader lets pass, or may let pass: it is of the family of libyaml, which asks for less indentation
/// within brackets and quotes than the standard does.
const LENIENT: &[&str] = &[
    "invalid indentation",
    "':' must be followed by a valid YAML whitespace",
    "'-' must be followed by a valid YAML whitespace",
    "tabs disallowed in this context",
    "tab cannot be used as indentation",
    "while scanning a plain scalar, found a tab",
    "a block scalar content cannot start with a tab",
    "invalid indentation in flow construct",
    "invalid indentation in quoted scalar",
    "invalid indentation for anchor",
    "recursion limit exceeded",
];

/// The error for a line of text where a key is expected, which is seen no sooner than at the next token.
const KEY_WITHOUT_COLON: &str = "simple key expect ':'";

/// A node and where it begins: line and column, counted from 1.
pub(super) struct Node {
    pub(super) place: (usize, usize),
    pub(super) content: Content,
}

/// What a node holds.
pub(super) enum Content {
    /// A scalar; whether it stands without quotes on its line, so that it may be a number.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    /// What another node holds.
    Alias,
}

/// The first document of a text, which is the one that ACR reads.
pub(super) struct Document {
    /// Its node; `None` for a text without any.
    pub(super) root: Option<Node>,
}

/// Why there is no document.
pub(super) enum Failure {
    Syntax {
        place: (usize, usize),
        problem: String,
        /// The error is somewhere before its place.
        late: bool,
    },
    /// Nothing can be said about it.
    Unjudged,
}

/// A list or a map that is not at its end yet.
struct Open {
    place: (usize, usize),
    map: bool,
    nodes: Vec<Node>,
}

impl Document {
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str(text);
        let mut open: Vec<Open> = Vec::new();
        let mut root = None;
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| failure(&error))?;
            let place = place(&span);
            let node = match event {
                Event::Scalar(text, style, ..) => Node {
                    place,
                    content: Content::Scalar {
                        text: text.into_owned(),
                        plain: style == ScalarStyle::Plain,
                    },
                },
                Event::Alias(_) => Node {
                    place,
                    content: Content::Alias,
                },
                Event::SequenceStart(..) | Event::MappingStart(..) => {
                    if open.len() == DEPTH_MAX {
                        return Err(Failure::Unjudged);
                    }
                    open.push(Open {
                        place,
                        map: matches!(event, Event::MappingStart(..)),
                        nodes: Vec::new(),
                    });
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                    Some(closed) => closed.close(),
                    None => return Err(Failure::Unjudged),
                },
                // What follows is not read by ACR.
                Event::DocumentEnd | Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => continue,
            };
            match open.last_mut() {
                Some(parent) => parent.nodes.push(node),
                None => root = Some(node),
            }
        }
        Ok(Self { root })
    }
}

impl Open {
    fn close(self) -> Node {
        let content = if self.map {
            let mut entries = Vec::new();
            let mut nodes = self.nodes.into_iter();
            while let (Some(key), Some(value)) = (nodes.next(), nodes.next()) {
                entries.push((key, value));
            }
            Content::Map(entries)
        } else {
            Content::List(self.nodes)
        };
        Node {
            place: self.place,
            content,
        }
    }
}

fn place(span: &Span) -> (usize, usize) {
    (span.start.line(), span.start.col() + 1)
}

fn failure(error: &ScanError) -> Failure {
    if LENIENT.contains(&error.info()) {
        return Failure::Unjudged;
    }
    let late = error.info() == KEY_WITHOUT_COLON;
    let problem = match late {
        true => "a line before this one is a key without a colon, or text that is not indented enough",
        false => error.info(),
    };
    Failure::Syntax {
        place: (error.marker().line(), error.marker().col() + 1),
        problem: problem.to_owned(),
        late,
    }
}
