//! CEL expressions: compiled and run by the crate `cel`, over documents as jq steps see them.
//!
//! Maps of CEL have no order, and those of the crate have another one in every process; so comprehensions walk over
//! keys in order ([`order`]), and results are written with their keys in order ([`convert`]).

mod convert;
mod explain;
mod order;

use std::sync::Arc;

use cel::{Context, Env, Value};

use super::program::ProblemKind;
use super::value::Val;

/// An expression that can be evaluated.
pub(super) struct Expression {
    tree: cel::IdedExpr,
    env: Arc<Env>,
    source: String,
}

/// Why there is no result.
pub(super) type Failure = (ProblemKind, String);

/// Compiles an expression. The message of an error quotes the expression at most.
pub(super) fn compile(source: &str) -> Result<Expression, String> {
    // Fails only when a name is declared twice, which a test would show.
    let env = environment().map_err(|error| error.to_string())?;
    let program = env.compile(source).map_err(|errors| explain::syntax(&errors))?;
    let mut tree = program.expression().clone();
    order::order(&mut tree);
    Ok(Expression { tree, env: Arc::new(env), source: source.to_owned() })
}

fn environment() -> Result<Env, cel::DeclarationError> {
    let mut env = Env::stdlib();
    env.add_extension(cel::extensions::strings)?;
    env.add_extension(cel::extensions::lists)?;
    env.add_extension(cel::extensions::math)?;
    order::declare(&mut env)?;
    Ok(env)
}

impl Expression {
    /// Whether it looks at a variable at all.
    pub fn uses(&self, variable: &str) -> bool {
        self.tree.references().has_variable(variable)
    }

    /// Evaluates it over variables.
    pub fn evaluate(&self, variables: &[(&str, &Val)]) -> Result<Val, Failure> {
        let mut context = Context::with_env(Arc::clone(&self.env));
        for (name, value) in variables {
            context.add_variable_as_val(*name, convert::to_cel(value));
        }
        let result = Value::resolve_val(&self.tree, &context);
        let value = result.map_err(|error| explain::execution(&error, &self.source))?;
        convert::from_cel(value.as_ref()).map_err(|message| (ProblemKind::Expression, message))
    }
}

#[cfg(test)]
mod tests;
