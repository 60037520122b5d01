//! What is charged of a hold.

use crate::{Channel, Class, Country, Credits, RateVersion};

/// What a hold was charged as, where that is not what was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargedAs {
    pub channel: Channel,
    pub class: Option<Class>,
    pub country: Option<Country>,
    /// By which rates: those of the moment that the hold's id was made.
    pub version: RateVersion,
}

/// What is charged of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// At most what is held.
    pub credits: Credits,
    /// 0 where nothing was used.
    pub units: i64,
    /// `None` where it is what was held, at the rate of the hold.
    pub charged_as: Option<ChargedAs>,
}

/// A meter, with all that its rate hangs on.
pub(super) type Metered = (Channel, Option<Class>, Option<Country>);

impl Charge {
    pub(super) const NOTHING: Charge = Charge { credits: Credits::ZERO, units: 0, charged_as: None };

    /// As what, where that is not what was held.
    pub(super) fn metered(&self) -> Option<Metered> {
        self.charged_as.map(|of| (of.channel, of.class, of.country))
    }
}
