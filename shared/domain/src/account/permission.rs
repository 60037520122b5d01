//! What a token allows.

/// One thing a person or a machine may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// See prices, balance and history.
    BillingView,
    /// Buy credits and cancel a top-up; implies seeing.
    BillingSubscribe,
    /// Spend credits: what a sender of messages holds; implies nothing else.
    CreditsSpend,
}

impl Permission {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Permission::BillingView => "billing:view",
            Permission::BillingSubscribe => "billing:subscribe",
            Permission::CreditsSpend => "credits:spend",
        }
    }
}

/// The permissions of one token. Unknown words are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    view: bool,
    subscribe: bool,
    spend: bool,
}

impl Permissions {
    /// Reads a claim: words between spaces, or what API Gateway makes of an array, `[a b]`.
    #[must_use]
    pub fn parse(claim: &str) -> Permissions {
        let mut permissions = Permissions::default();
        for word in claim.split([' ', ',', '[', ']', '"']) {
            if word == Permission::BillingView.as_str() {
                permissions.view = true;
            } else if word == Permission::BillingSubscribe.as_str() {
                permissions.subscribe = true;
            } else if word == Permission::CreditsSpend.as_str() {
                permissions.spend = true;
            }
        }
        permissions
    }

    #[must_use]
    pub fn allow(self, permission: Permission) -> bool {
        match permission {
            Permission::BillingView => self.view || self.subscribe,
            Permission::BillingSubscribe => self.subscribe,
            Permission::CreditsSpend => self.spend,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_claim_may_be_words_or_an_array() {
        for claim in
            ["billing:view billing:subscribe", "[billing:view billing:subscribe]", "billing:subscribe"]
        {
            let permissions = Permissions::parse(claim);
            assert!(permissions.allow(Permission::BillingView), "{claim}");
            assert!(permissions.allow(Permission::BillingSubscribe), "{claim}");
        }
    }

    #[test]
    fn nothing_is_allowed_by_accident() {
        for claim in ["", "billing", "billing:viewer", "xbilling:subscribe", "BILLING:VIEW"] {
            assert_eq!(Permissions::parse(claim), Permissions::default(), "{claim}");
        }
        assert!(!Permissions::parse("billing:view").allow(Permission::BillingSubscribe));
        assert!(!Permissions::parse("billing:subscribe").allow(Permission::CreditsSpend));
        assert!(!Permissions::parse("credits:spend").allow(Permission::BillingView));
        assert!(Permissions::parse("[credits:spend]").allow(Permission::CreditsSpend));
    }
}
