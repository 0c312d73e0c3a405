//! What an invocation wants to have written, besides its actions: one value for each capability that buffers writes.

use std::any::{Any, TypeId};
use std::collections::HashMap;

/// Values found by their type. Each capability has types of its own, so none can touch another's.
#[derive(Default)]
pub struct Effects(HashMap<TypeId, Box<dyn Any + Send>>);

impl Effects {
    /// The value of this type, made when it is first asked for.
    pub fn get<T: Default + Send + 'static>(&mut self) -> &mut T {
        let value = self.0.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(T::default()));
        value.downcast_mut().expect("a value lies under its own type")
    }

    /// Takes the value of this type out, if there is one.
    pub fn take<T: 'static>(&mut self) -> Option<T> {
        let value = self.0.remove(&TypeId::of::<T>())?;
        value.downcast().ok().map(|value| *value)
    }
}
