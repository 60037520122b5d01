//! What a token allows.

/// One thing a person or a machine may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// See prices, balance and history.
    BillingView,
    /// Buy credits, cancel a top-up and change the settings; implies seeing.
    BillingSubscribe,
    /// Spend credits: what a sender of messages holds.
    CreditsSpend,
    /// Take a debit back. Implied by spending, unless a deployment says otherwise.
    CreditsReverse,
    /// Operate Saldo for all organisations: what staff holds; implies nothing that a customer may do.
    BillingOperate,
}

impl Permission {
    pub const ALL: [Permission; 5] = [
        Permission::BillingView,
        Permission::BillingSubscribe,
        Permission::CreditsSpend,
        Permission::CreditsReverse,
        Permission::BillingOperate,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Permission::BillingView => "billing:view",
            Permission::BillingSubscribe => "billing:subscribe",
            Permission::CreditsSpend => "credits:spend",
            Permission::CreditsReverse => "credits:reverse",
            Permission::BillingOperate => "billing:operate",
        }
    }

    #[must_use]
    pub fn parse(word: &str) -> Option<Permission> {
        Permission::ALL.into_iter().find(|permission| permission.as_str() == word)
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of permissions: those of one token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions(u8);

impl Permissions {
    /// Reads a claim: words between spaces or commas, or a list of words, as JSON or as API Gateway writes one, `[a b]`.
    /// Unknown words are ignored. A claim of any other form (an object, a list with anything else in it) grants nothing:
    /// what it means is not known.
    #[must_use]
    pub fn parse(claim: &str) -> Permissions {
        let claim = claim.trim();
        if let Ok(words) = serde_json::from_str::<Vec<String>>(claim) {
            return Permissions::of_words(words.iter().map(String::as_str));
        }
        let list = claim.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let words = list.unwrap_or(claim);
        if words.contains(['[', ']', '{', '}', '"']) {
            return Permissions::default();
        }
        Permissions::of_words(words.split([' ', ',']))
    }

    /// Those that are named exactly.
    #[must_use]
    pub fn of_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Permissions {
        words.into_iter().filter_map(Permission::parse).collect()
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(self, other: Permissions) -> Permissions {
        Permissions(self.0 & other.0)
    }

    /// With `implied` for whoever holds `holding`.
    #[must_use]
    pub fn implying(self, holding: Permission, implied: Permission) -> Permissions {
        if self.allow(holding) { Permissions(self.0 | implied.bit()) } else { self }
    }

    #[must_use]
    pub fn allow(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Permissions {
        let bits = permissions.into_iter().fold(0, |bits, permission| bits | permission.bit());
        Permissions(bits).implying(Permission::BillingSubscribe, Permission::BillingView)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(claim: &str) -> Vec<&'static str> {
        let permissions = Permissions::parse(claim);
        Permission::ALL.into_iter().filter(|one| permissions.allow(*one)).map(Permission::as_str).collect()
    }

    #[test]
    fn the_claim_may_be_words_or_an_array() {
        for claim in [
            "billing:view billing:subscribe",
            "[billing:view billing:subscribe]",
            r#"["billing:view","billing:subscribe"]"#,
            "billing:view,billing:subscribe",
            "[admin billing:subscribe]",
            "billing:subscribe",
        ] {
            assert_eq!(granted(claim), ["billing:view", "billing:subscribe"], "{claim}");
        }
    }

    #[test]
    fn nothing_is_allowed_by_accident() {
        for claim in ["", "billing", "billing:viewer", "xbilling:subscribe", "BILLING:VIEW"] {
            assert_eq!(Permissions::parse(claim), Permissions::default(), "{claim}");
        }
        assert_eq!(granted("billing:view"), ["billing:view"]);
        assert_eq!(granted("[credits:spend]"), ["credits:spend"]);
        assert_eq!(granted("credits:reverse"), ["credits:reverse"]);
        assert_eq!(granted("billing:operate"), ["billing:operate"], "staff is no customer");
    }

    #[test]
    fn an_object_or_a_list_with_anything_but_words_grants_nothing() {
        for claim in [
            r#"{"billing:subscribe":false}"#,
            r#"{"denied":["billing:subscribe"]}"#,
            r#"[{"denied":"billing:subscribe"}]"#,
            r#"["x billing:subscribe"]"#,
            r#"["billing:view",1]"#,
            r#"[["billing:view"]]"#,
            "map[denied:[billing:subscribe]]",
            "map[billing:subscribe:false ]",
            "[map[denied: billing:subscribe ]]",
            "[[billing:view billing:subscribe]]",
            "\"billing:subscribe\"",
        ] {
            assert_eq!(Permissions::parse(claim), Permissions::default(), "{claim}");
        }
    }

    #[test]
    fn spending_implies_reversing_only_where_it_is_said() {
        let spender = Permissions::parse("credits:spend");
        assert!(!spender.allow(Permission::CreditsReverse));
        let implied = spender.implying(Permission::CreditsSpend, Permission::CreditsReverse);
        assert!(implied.allow(Permission::CreditsReverse) && !implied.allow(Permission::BillingView));
        let viewer = Permissions::parse("billing:view");
        assert_eq!(viewer.implying(Permission::CreditsSpend, Permission::CreditsReverse), viewer);
    }
}
