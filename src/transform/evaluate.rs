//! Evaluates a program over a document. Runs in the child only.

use std::io::Write;

use super::frame::Body;
use super::program::{Assertions, Output, Problem, ProblemKind, Program, Step, Steps};
use super::value::write::{Style, json};
use super::value::yaml;
use super::value::{Num, Object, Val};
use super::{cel, document, files, jq};
use crate::api::schema::{MAX_ASSERTIONS, MAX_EXPRESSION, MAX_STEPS};

/// Evaluates `program` over `body`; what comes out of it goes to `out`.
pub(super) fn evaluate(program: &Program, body: Body, out: &mut impl Write) -> Result<(), Problem> {
    match program {
        Program::Assert(assertions) => assert(assertions, body.bytes()),
        Program::Transform(steps) => transform(steps, body, out),
    }
}

fn limit(count: usize, most: usize, what: &str) -> Result<(), Problem> {
    if count <= most {
        return Ok(());
    }
    Err(Problem::new(ProblemKind::Expression, None, format!("there are more than {most} {what}")))
}

fn short(source: &str) -> Result<&str, String> {
    if source.chars().count() <= MAX_EXPRESSION {
        return Ok(source);
    }
    Err(format!("the expression is longer than {MAX_EXPRESSION} characters"))
}

fn assert(assertions: &Assertions, body: &[u8]) -> Result<(), Problem> {
    limit(assertions.expressions.len(), MAX_ASSERTIONS, "assertions")?;
    let compile = |(index, source): (usize, &String)| {
        short(source).and_then(cel::compile).map_err(|message| Problem::new(ProblemKind::Expression, index, message))
    };
    let expressions = assertions.expressions.iter().enumerate().map(compile).collect::<Result<Vec<_>, _>>()?;
    // A large body takes its time to read, and most assertions are about the status.
    let body = if expressions.iter().any(|expression| expression.uses("body")) { answer(body) } else { Val::Null };
    let status = Val::Num(Num::from_integral(assertions.status));
    let headers = assertions.headers.iter().map(|(name, value)| (name.as_str().into(), Val::text(value)));
    let headers = Val::object(headers.collect::<Object>());
    let variables = [("status", &status), ("headers", &headers), ("body", &body)];
    for (index, expression) in expressions.iter().enumerate() {
        let problem = |(kind, message): cel::Failure| Problem::new(kind, index, message);
        match expression.evaluate(&variables).map_err(problem)? {
            Val::Bool(true) => {}
            Val::Bool(false) => {
                return Err(Problem::new(ProblemKind::Assertion, index, "the assertion does not hold"));
            }
            other => {
                let message = format!("the result is a {} instead of a boolean", other.type_name());
                return Err(Problem::new(ProblemKind::Expression, index, message));
            }
        }
    }
    Ok(())
}

/// The body of an answer: its document, a list of its documents, or its text.
fn answer(body: &[u8]) -> Val {
    match document::documents(body) {
        Ok(mut documents) if documents.len() == 1 => documents.remove(0),
        Ok(documents) if !documents.is_empty() => Val::array(documents),
        _ => Val::text(&String::from_utf8_lossy(body)),
    }
}

enum Compiled {
    Jq(Box<jq::Filter>),
    Cel(Box<cel::Expression>),
}

fn compile(step: &Step) -> Result<Compiled, String> {
    match step {
        Step::Jq(source) => jq::compile(short(source)?, &[]).map(Box::new).map(Compiled::Jq),
        Step::Cel(source) => cel::compile(short(source)?).map(Box::new).map(Compiled::Cel),
    }
}

fn transform(steps: &Steps, body: Body, out: &mut impl Write) -> Result<(), Problem> {
    limit(steps.steps.len(), MAX_STEPS, "steps")?;
    let compile =
        |(index, step)| compile(step).map_err(|message| Problem::new(ProblemKind::Expression, Some(index), message));
    let compiled = steps.steps.iter().enumerate().map(compile).collect::<Result<Vec<_>, _>>()?;
    let mut values = document::documents(body.bytes())?;
    // Its text is not needed any more, and may be most of the memory.
    drop(body);
    let mut sink = Sink::new(steps, out);
    let Some((last, others)) = compiled.split_last() else {
        values.into_iter().try_for_each(|value| sink.take(value))?;
        return sink.finish();
    };
    for (index, step) in others.iter().enumerate() {
        let mut results = Vec::new();
        apply(step, index, values, |value| {
            results.push(value);
            Ok(())
        })?;
        values = results;
    }
    apply(last, others.len(), values, |value| sink.take(value))?;
    sink.finish()
}

/// Applies a step to each value.
fn apply(
    step: &Compiled,
    index: usize,
    values: Vec<Val>,
    mut emit: impl FnMut(Val) -> Result<(), Problem>,
) -> Result<(), Problem> {
    match step {
        Compiled::Jq(filter) => jq::run(filter, &[], values.into_iter(), false, emit, |message| {
            Err(Problem::new(ProblemKind::Evaluation, index, message))
        }),
        Compiled::Cel(expression) => values.into_iter().try_for_each(|value| {
            let result = expression.evaluate(&[("body", &value)]);
            emit(result.map_err(|(kind, message)| Problem::new(kind, index, message))?)
        }),
    }
}

/// Takes results as they come. The first one waits for the second: alone it is laid out for people, and of several
/// each is a line.
struct Sink<'a, W> {
    out: &'a mut W,
    output: Output,
    files: bool,
    first: Option<Val>,
    several: bool,
}

impl<'a, W: Write> Sink<'a, W> {
    fn new(steps: &Steps, out: &'a mut W) -> Self {
        Self { out, output: steps.output, files: steps.files, first: None, several: false }
    }

    fn take(&mut self, value: Val) -> Result<(), Problem> {
        if !self.several {
            match self.first.take() {
                None => {
                    self.first = Some(value);
                    return Ok(());
                }
                Some(_) if self.files => {
                    return Err(Problem::evaluation("there are several results instead of one object of files"));
                }
                Some(first) => {
                    self.several = true;
                    self.write(&first, true)?;
                }
            }
        }
        self.write(&value, false)
    }

    fn write(&mut self, value: &Val, is_first: bool) -> Result<(), Problem> {
        let style = if self.several { Style::COMPACT } else { Style::PRETTY };
        let written = match self.output {
            Output::Json => json(self.out, value, &style).and_then(|()| self.out.write_all(b"\n")),
            Output::Yaml if is_first => yaml::yaml(self.out, value),
            Output::Yaml => self.out.write_all(b"---\n").and_then(|()| yaml::yaml(self.out, value)),
        };
        written.map_err(|error| files::unwritten(&error))
    }

    fn finish(mut self) -> Result<(), Problem> {
        match self.first.take() {
            Some(Val::Obj(entries)) if self.files => files::archive(&mut *self.out, &entries, self.output),
            Some(other) if self.files => {
                let message = format!("the result is a {} instead of an object of files", other.type_name());
                Err(Problem::evaluation(message))
            }
            None if self.files => Err(Problem::evaluation("there is no result instead of an object of files")),
            Some(value) => self.write(&value, true),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
