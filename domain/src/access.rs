//! Who may do what: one table of roles and actions, and the scopes of API keys. Pure; asked in one place.

use std::{fmt, str::FromStr};

/// What a person is in an installation. A person is an operator at least; "agent" always means the AI agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Answers conversations.
    Operator,
    /// Configures a tenant.
    Admin,
    /// Configures a tenant, its people and what it pays for.
    Owner,
    /// Runs the installation, over all tenants.
    PlatformAdmin,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Operator, Self::Admin, Self::Owner, Self::PlatformAdmin];

    /// Its canonical name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Owner => "owner",
            Self::PlatformAdmin => "platform_admin",
        }
    }

    /// Whether someone with this role may give `other` to somebody, or take it away: nobody can raise anybody above
    /// themselves, and only the platform's administrators make others.
    #[must_use]
    pub fn may_grant(self, other: Self) -> bool {
        self.may(Action::ManagePeople) && other <= self
    }

    /// The table's answer.
    #[must_use]
    pub fn may(self, action: Action) -> bool {
        self >= action.least()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be operator, admin, owner or platform_admin")]
pub struct InvalidRole;

impl FromStr for Role {
    type Err = InvalidRole;

    /// Canonical names, and the ones that other systems used for the same, in any case.
    fn from_str(text: &str) -> Result<Self, InvalidRole> {
        match text.to_ascii_lowercase().as_str() {
            "operator" | "user" | "tenant_user" | "member" => Ok(Self::Operator),
            "admin" | "tenant_admin" => Ok(Self::Admin),
            "owner" => Ok(Self::Owner),
            "platform_admin" | "superadmin" => Ok(Self::PlatformAdmin),
            _ => Err(InvalidRole),
        }
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $scope:literal, from $role:ident;)*) => {
        /// What an endpoint lets its caller do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action { $($(#[$doc])* $name,)* }

        impl Action {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The scope that an API key needs for it: `<what>:<read|write>`.
            #[must_use]
            pub const fn scope(self) -> &'static str {
                match self { $(Self::$name => $scope,)* }
            }

            /// The lowest role that may do it; all above may, too.
            const fn least(self) -> Role {
                match self { $(Self::$name => Role::$role,)* }
            }
        }
    };
}

// The table: action, scope, lowest role.
actions! {
    /// Talk to agents and ask them.
    UseAgents = "chat:write", from Operator;
    ViewConversations = "conversations:read", from Operator;
    /// Take over, answer, give back, close.
    ManageConversations = "conversations:write", from Operator;
    ViewContacts = "contacts:read", from Operator;
    ManageContacts = "contacts:write", from Operator;
    /// All contacts at once, all that is kept of one, and the end of it.
    ExportContacts = "contact_data:read", from Admin;
    EraseContacts = "contact_data:write", from Admin;
    ViewAgents = "agents:read", from Operator;
    ManageAgents = "agents:write", from Admin;
    ViewChannels = "channels:read", from Operator;
    ManageChannels = "channels:write", from Admin;
    ViewTemplates = "templates:read", from Operator;
    /// Messages that a provider approves.
    ManageTemplates = "templates:write", from Admin;
    ViewBroadcasts = "broadcasts:read", from Operator;
    /// Write to many people at once.
    ManageBroadcasts = "broadcasts:write", from Admin;
    /// How a tenant is connected to other systems.
    ViewSettings = "settings:read", from Admin;
    ManageSettings = "settings:write", from Admin;
    ViewKnowledge = "knowledge:read", from Operator;
    ManageKnowledge = "knowledge:write", from Admin;
    ViewDeadLetters = "dead_letters:read", from Operator;
    ReplayDeadLetters = "dead_letters:write", from Admin;
    ViewReservations = "reservations:read", from Operator;
    ManageReservations = "reservations:write", from Operator;
    ViewOrders = "orders:read", from Operator;
    /// Make, charge and cancel them.
    ManageOrders = "orders:write", from Operator;
    ViewMenu = "menu:read", from Operator;
    ManageMenu = "menu:write", from Admin;
    ViewIntegrations = "integrations:read", from Admin;
    /// Calendars, sheets and payments, and their secrets.
    ManageIntegrations = "integrations:write", from Admin;
    ViewWebhooks = "webhooks:read", from Admin;
    /// What other systems are told, and where.
    ManageWebhooks = "webhooks:write", from Admin;
    /// What happened, in figures.
    ViewAnalytics = "analytics:read", from Operator;
    /// What models cost, and what may be spent.
    ViewCosts = "costs:read", from Admin;
    ManageBudget = "costs:write", from Owner;
    /// Queues, lag and owners of the tenant's work.
    ViewHealth = "health:read", from Operator;
    /// One's own account.
    ViewSelf = "self:read", from Operator;
    ChangeSelf = "self:write", from Operator;
    ViewTenant = "tenant:read", from Operator;
    ManageTenant = "tenant:write", from Owner;
    ViewPeople = "people:read", from Operator;
    ManagePeople = "people:write", from Admin;
    ViewKeys = "keys:read", from Admin;
    ManageKeys = "keys:write", from Admin;
    ViewAudit = "audit:read", from Admin;
    /// All tenants of the installation.
    ViewTenants = "platform:read", from PlatformAdmin;
    ManageTenants = "platform:write", from PlatformAdmin;
}

/// What an API key may do: scopes as they are stored.
#[derive(Debug, Clone, Copy)]
pub struct Scopes<'a>(pub &'a [String]);

impl Scopes<'_> {
    /// Everything of the tenant; what is the platform's must be named.
    pub const EVERYTHING: &'static str = "*";

    /// Whether a key with these scopes may do it. `*` opens everything of its tenant, `*:read` all reading of it,
    /// `agents:*` both of one thing.
    #[must_use]
    pub fn may(&self, action: Action) -> bool {
        let wanted = action.scope();
        let Some((thing, verb)) = wanted.split_once(':') else { return false };
        let of_platform = thing == "platform";
        self.0.iter().any(|scope| match scope.split_once(':') {
            None => scope == Self::EVERYTHING && !of_platform,
            Some((what, how)) => (what == thing || (what == "*" && !of_platform)) && (how == verb || how == "*"),
        })
    }

    /// Whether the text can be a scope at all.
    #[must_use]
    pub fn is_scope(text: &str) -> bool {
        let known = |t: &str, v: &str| {
            Action::ALL.iter().any(|a| {
                a.scope()
                    .split_once(':')
                    .is_some_and(|(thing, verb)| (t == thing || t == "*") && (v == verb || v == "*"))
            })
        };
        text == Self::EVERYTHING || text.split_once(':').is_some_and(|(t, v)| known(t, v))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|t| (*t).to_owned()).collect()
    }

    // req: S1-AUTH-3
    #[test]
    fn the_table_is_as_it_was_agreed() {
        let row = |action: Action| {
            let may = Role::ALL.map(|r| if r.may(action) { 'x' } else { '.' });
            format!("{:<20} {}", action.scope(), may.iter().collect::<String>())
        };
        let table = Action::ALL.iter().map(|a| row(*a)).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(table);
    }

    #[test]
    fn nobody_raises_anybody_above_themselves() {
        assert!(!Role::Operator.may_grant(Role::Operator));
        assert!(Role::Admin.may_grant(Role::Admin) && !Role::Admin.may_grant(Role::Owner));
        assert!(Role::Owner.may_grant(Role::Owner) && !Role::Owner.may_grant(Role::PlatformAdmin));
        assert!(Role::PlatformAdmin.may_grant(Role::PlatformAdmin));
    }

    #[test]
    fn names_of_other_systems_are_understood_and_ours_come_back() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
            assert_eq!(role.name().to_uppercase().parse(), Ok(role));
        }
        assert_eq!("TENANT_ADMIN".parse(), Ok(Role::Admin));
        assert_eq!("user".parse(), Ok(Role::Operator));
        assert_eq!("root".parse::<Role>(), Err(InvalidRole));
    }

    #[test]
    fn keys_do_what_their_scopes_say_and_nothing_else() {
        let all = scopes(&["*"]);
        for action in Action::ALL {
            let platform = action.scope().starts_with("platform");
            assert_eq!(Scopes(&all).may(*action), !platform, "{action:?}");
        }
        let reading = scopes(&["*:read"]);
        assert!(Scopes(&reading).may(Action::ViewAgents) && !Scopes(&reading).may(Action::ManageAgents));
        let agents = scopes(&["agents:*", "chat:write"]);
        assert!(Scopes(&agents).may(Action::ManageAgents) && Scopes(&agents).may(Action::UseAgents));
        assert!(!Scopes(&agents).may(Action::ViewChannels));
        assert!(Scopes(&scopes(&["platform:read"])).may(Action::ViewTenants));
        assert!(!Scopes(&[]).may(Action::UseAgents));
        assert!(Scopes::is_scope("agents:*") && Scopes::is_scope("*:read") && Scopes::is_scope("*"));
        assert!(!Scopes::is_scope("agents") && !Scopes::is_scope("agents:delete") && !Scopes::is_scope("x:read"));
    }
}
