//! Which audit events count.

use super::event::{AuditEvent, ObjectRef};

/// What an event must have to count; what is not set does not matter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    user: Option<String>,
    verb: Option<String>,
    api_group: Option<String>,
    resource: Option<String>,
    subresource: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    only_success: bool,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $field:ident),* $(,)?) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $field(mut self, value: &str) -> Self {
            self.$field = Some(value.to_owned());
            self
        })*
    };
}

impl Filter {
    /// Every event.
    pub fn all() -> Self {
        Self::default()
    }

    setters! {
        /// Of this user, such as [`crate::Account::user`].
        user,
        /// With this verb.
        verb,
        /// Of this API group; the core group is `""`.
        api_group,
        /// Of this kind, as its plural name.
        resource,
        /// Of this subresource; `""` is the object itself.
        subresource,
        /// In this namespace.
        namespace,
        /// For the object of this name. (A create that leaves the name to the server has none.)
        name,
    }

    /// Only those that were answered with 2xx.
    #[must_use]
    pub fn only_success(mut self) -> Self {
        self.only_success = true;
        self
    }

    pub(super) fn matches(&self, event: &AuditEvent) -> bool {
        let nothing = ObjectRef::default();
        let object = event.object_ref.as_ref().unwrap_or(&nothing);
        let pairs = [
            (&self.user, &event.user.username),
            (&self.verb, &event.verb),
            (&self.api_group, &object.api_group),
            (&self.resource, &object.resource),
            (&self.subresource, &object.subresource),
            (&self.namespace, &object.namespace),
            (&self.name, &object.name),
        ];
        let equal = pairs.into_iter().all(|(wanted, actual)| wanted.as_ref().is_none_or(|wanted| wanted == actual));
        equal && (!self.only_success || event.is_success())
    }
}
