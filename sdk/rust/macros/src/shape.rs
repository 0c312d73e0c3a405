//! The shapes that a handler's function may have.

use syn::spanned::Spanned;
use syn::{Error, FnArg, ReturnType, Signature, Type};

/// What a handler takes besides the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Nothing.
    EventAlone,
    /// A `&Host`.
    WithHost,
}

impl Shape {
    /// The shape of a function.
    ///
    /// # Errors
    ///
    /// Where it is no handler's: at the place that is wrong.
    pub(crate) fn of(signature: &Signature) -> Result<Self, Error> {
        if let Some(word) = &signature.asyncness {
            return Err(Error::new(word.span(), "a handler is no `async fn`: it returns when it is done"));
        }
        if !signature.generics.params.is_empty() {
            return Err(Error::new(signature.generics.span(), "a handler takes no generic parameters"));
        }
        if matches!(signature.output, ReturnType::Default) {
            return Err(Error::new(signature.ident.span(), "a handler returns `Result<Group, Fault>`"));
        }
        let takes = "a handler takes an `Event`, and a `&Host` if it needs one";
        let parameters: Vec<_> = signature.inputs.iter().filter_map(type_of).collect();
        match parameters.as_slice() {
            [Type::Reference(event), ..] => {
                Err(Error::new(event.span(), "a handler takes the `Event` itself, no reference to it"))
            }
            [_] => Ok(Self::EventAlone),
            [_, Type::Reference(_)] => Ok(Self::WithHost),
            [_, host] => Err(Error::new(host.span(), "a handler takes a reference to `Host`: `host: &Host`")),
            _ => Err(Error::new(signature.ident.span(), takes)),
        }
    }
}

fn type_of(argument: &FnArg) -> Option<&Type> {
    match argument {
        FnArg::Typed(argument) => Some(&argument.ty),
        FnArg::Receiver(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(signature: &str) -> Result<Shape, String> {
        Shape::of(&syn::parse_str(signature).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_handler_takes_an_event_and_perhaps_the_host() {
        assert_eq!(shape("fn on_event(event: Event) -> Answer"), Ok(Shape::EventAlone));
        assert_eq!(shape("fn on_event(_: sdk::Event, host: &Host) -> Result<Group, Fault>"), Ok(Shape::WithHost));
    }

    #[test]
    fn another_shape_is_told_by_what_is_wrong_with_it() {
        for (signature, expected) in [
            ("async fn on_event(event: Event) -> R", "no `async fn`"),
            ("fn on_event<T>(event: T) -> R", "no generic parameters"),
            ("fn on_event(event: Event)", "returns `Result<Group, Fault>`"),
            ("fn on_event(event: &Event) -> R", "no reference to it"),
            ("fn on_event(event: Event, host: Host) -> R", "`host: &Host`"),
            ("fn on_event() -> R", "takes an `Event`"),
            ("fn on_event(a: A, b: &B, c: C) -> R", "takes an `Event`"),
            ("fn on_event(&self) -> R", "takes an `Event`"),
        ] {
            let told = shape(signature).unwrap_err();
            assert!(told.contains(expected), "{signature}: {told}");
        }
    }
}
