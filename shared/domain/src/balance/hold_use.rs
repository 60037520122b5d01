//! What was used of a hold, as its sender says it, and what that is charged as.

use super::charge::{Charge, ChargedAs, Metered};
use super::hold::{Hold, HoldRefused};
use super::{DebitEntry, Details};
use crate::{Channel, Class, Country, Meters, PriceError, Units};

/// What a sender says that it used; what it does not say is as it was held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HoldUse {
    /// All that are held where none are named.
    pub units: Option<Units>,
    /// Something else than was held: a fallback to another channel.
    pub channel: Option<Channel>,
    /// A channel that is named without a class has none.
    pub class: Option<Class>,
    pub country: Option<Country>,
}

impl DebitEntry {
    /// What so much costs, by the rates that held when the hold was made; `meters` are what is sold.
    ///
    /// # Errors
    /// [`HoldRefused::MoreThanHeld`] where it costs more than is held, or is of more units at the hold's own rate;
    /// [`HoldRefused::NoPrice`] where there is no such meter or class.
    pub(super) fn charge(
        &self,
        hold: &Hold,
        used: &HoldUse,
        meters: Option<&Meters>,
    ) -> Result<Charge, HoldRefused> {
        let held = self.details.units;
        let units = used.units.unwrap_or(held);
        let Some((channel, class, country)) = self.other_meter(used) else {
            let credits = held.rate(hold.held).and_then(|rate| units.at(rate));
            let fits = credits.filter(|credits| units <= held && *credits <= hold.held);
            let credits = fits.ok_or(HoldRefused::MoreThanHeld { most: held.get() })?;
            return Ok(Charge { credits, units: units.get(), charged_as: None });
        };
        let none = || PriceError::UnknownChannel(Vec::new());
        let one = meters
            .ok_or_else(none)
            .and_then(|meters| meters.price(channel, class, country, Units::ONE, self.id.at()))
            .map_err(HoldRefused::NoPrice)?;
        let fits = units.at(one.rate).filter(|credits| *credits <= hold.held);
        let most = hold.held.0.checked_div(one.rate.0).unwrap_or_default();
        let credits = fits.ok_or(HoldRefused::MoreThanHeld { most })?;
        let charged_as = Some(ChargedAs { channel, class, country, version: one.version });
        Ok(Charge { credits, units: units.get(), charged_as })
    }

    /// Whether `used` says the same as what was charged before, whatever things cost by now.
    pub(super) fn is_charged(&self, charge: &Charge, used: &HoldUse) -> bool {
        let units = used.units.unwrap_or(self.details.units);
        charge.units == units.get() && charge.metered() == self.other_meter(used)
    }

    /// What was used, where that is not what is held.
    fn other_meter(&self, used: &HoldUse) -> Option<Metered> {
        let Details { class, country, .. } = self.details;
        let of_hold = class.filter(|_| used.channel.is_none());
        let said = (used.channel.unwrap_or(self.channel), used.class.or(of_hold), used.country.or(country));
        // Of a meter that repair did not know only the number is there.
        let same = if self.channel.is_unnamed() {
            said.0.number(said.1) == self.channel.number(class) && said.2 == country
        } else {
            said == (self.channel, class, country)
        };
        (!same).then_some(said)
    }
}
