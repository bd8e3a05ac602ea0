//! jq programs: compiled and run by jaq, over our values, with those functions left out that reach beyond the document
//! or give another answer every time.

mod compile;
mod delete;
mod explain;
mod formats;
mod natives;
mod regexes;
mod withheld;

use jaq_core::{Ctx, Vars};
use jaq_std::input::RcIter;

pub(super) use compile::{Filter, compile};
use natives::{Data, Globals};

use super::value::Val;

/// What the inputs of a program are read from.
pub(super) type Inputs<'a> = RcIter<dyn Iterator<Item = Result<Val, String>> + 'a>;

/// Runs a program over every input, or once over `null` with `null_input`; a program can take inputs itself, too.
/// Results go to `emit`; what it gives back ends the run. An error ends the run over that input and goes to `fail`.
pub(super) fn run<E>(
    filter: &Filter,
    variables: &[Val],
    inputs: impl Iterator<Item = Val>,
    null_input: bool,
    mut emit: impl FnMut(Val) -> Result<(), E>,
    mut fail: impl FnMut(String) -> Result<(), E>,
) -> Result<(), E> {
    let inputs = RcIter::new(inputs.map(Ok));
    let inputs: &Inputs<'_> = &inputs;
    let mut first = null_input.then_some(Val::Null);
    // One at a time: the program may take the next one meanwhile.
    while let Some(input) = first.take().or_else(|| if null_input { None } else { take(inputs) }) {
        let globals = Globals { lut: &filter.compiled.lut, inputs };
        let context = Ctx::<Data>::new(globals, Vars::new(variables.iter().cloned()));
        for result in filter.compiled.id.run((context, input)) {
            match result {
                Ok(value) => emit(value)?,
                Err(exception) => {
                    fail(explain::exception(exception, &filter.source))?;
                    break;
                }
            }
        }
        if null_input {
            break;
        }
    }
    Ok(())
}

fn take(mut inputs: &Inputs<'_>) -> Option<Val> {
    inputs.next().and_then(Result::ok)
}

#[cfg(test)]
mod tests;
