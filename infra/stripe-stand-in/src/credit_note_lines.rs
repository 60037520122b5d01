//! The lines of a credit note: parts of the invoice's lines with their share of the tax, or an amount alone.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::form::Params;
use crate::invoice_object::{integer, lines_of};
use crate::store::Store;
use crate::{identifier, money};

/// What the lines add up to, in minor units.
pub(crate) struct Sums {
    pub(crate) lines: Vec<Value>,
    pub(crate) subtotal: i64,
    pub(crate) total: i64,
    pub(crate) taxes: Vec<Value>,
}

/// Reads `lines`, or `amount`, which includes tax.
pub(crate) fn read(store: &Store<'_>, params: &mut Params, invoice: &Value) -> ApiResult<Sums> {
    let (amount, lines) = (params.integer("amount")?, params.objects("lines")?);
    let mut sums = Sums { lines: Vec::new(), subtotal: 0, total: 0, taxes: Vec::new() };
    match (amount, lines) {
        (Some(amount), None) => {
            sums.add(blank("custom_line_item", amount, 1), &[])?;
        }
        (None, Some(given)) => {
            for mut params in given {
                line(store, &mut params, invoice, &mut sums)?;
                params.finish()?;
            }
        }
        (Some(_), Some(_)) => return Err(params.invalid("amount", "cannot be used together with lines")),
        (None, None) => {
            let message = "One of amount, lines, or shipping_cost must be provided.";
            return Err(ApiError::new(400, "invalid_request_error", message));
        }
    }
    if sums.total <= 0 {
        return Err(params.invalid("amount", "must be greater than 0"));
    }
    Ok(sums)
}

fn line(store: &Store<'_>, params: &mut Params, invoice: &Value, sums: &mut Sums) -> ApiResult<()> {
    params.unsupported(&["tax_amounts", "tax_rates", "unit_amount_decimal", "metadata"])?;
    let kinds = ["custom_line_item", "invoice_line_item"];
    let kind = params.choice("type", &kinds)?.ok_or_else(|| params.required("type"))?;
    let quantity = params.integer("quantity")?;
    if kind == "custom_line_item" {
        let unit = params.integer("unit_amount")?.ok_or_else(|| params.required("unit_amount"))?;
        let quantity = quantity.unwrap_or(1);
        let amount = unit.checked_mul(quantity).ok_or_else(|| params.invalid("quantity", "is too large"))?;
        let mut line = blank(&kind, amount, quantity);
        line["description"] = params.nullable("description")?.unwrap_or(Value::Null);
        line["unit_amount"] = unit.into();
        line["unit_amount_decimal"] = unit.to_string().into();
        return sums.add(line, &[]);
    }
    let id = params.text("invoice_line_item")?.ok_or_else(|| params.required("invoice_line_item"))?;
    let found = lines_of(invoice).into_iter().find(|line| line["id"] == id.as_str());
    let param = params.path("invoice_line_item");
    let origin = found.ok_or_else(|| ApiError::missing_reference("invoice line item", &id, &param))?;
    let whole = integer(&origin["amount"]);
    let amount = match (params.integer("amount")?, quantity) {
        (Some(amount), None) => amount,
        (None, Some(quantity)) => {
            let unit = origin["pricing"]["unit_amount_decimal"].as_str().and_then(money::decimal);
            let amount = unit.and_then(|unit| money::times(unit, quantity));
            amount.ok_or_else(|| params.invalid("quantity", "is too large"))?
        }
        _ => return Err(params.invalid("amount", "give either amount or quantity")),
    };
    if !(0..=whole).contains(&amount) {
        return Err(params.invalid("amount", "is more than the invoice line has"));
    }
    let mut line = blank(&kind, amount, quantity.unwrap_or(1));
    line["description"] = origin["description"].clone();
    line["invoice_line_item"] = origin["id"].clone();
    let taxes: Vec<Value> =
        origin["taxes"].as_array().into_iter().flatten().map(|tax| share(tax, amount, whole)).collect();
    line["taxes"] = taxes.clone().into();
    line["tax_rates"] = rates(store, &taxes)?.into();
    sums.add(line, &taxes)
}

impl Sums {
    fn add(&mut self, line: Value, taxes: &[Value]) -> ApiResult<()> {
        let amount = integer(&line["amount"]);
        let exclusive = taxes.iter().filter(|tax| tax["tax_behavior"] == "exclusive");
        let tax: i64 = exclusive.map(|tax| integer(&tax["amount"])).sum();
        let too_large = || ApiError::state("The amounts of this credit note are too large.");
        self.subtotal = self.subtotal.checked_add(amount).ok_or_else(too_large)?;
        self.total = self.total.checked_add(amount + tax).ok_or_else(too_large)?;
        self.taxes.extend(taxes.iter().cloned());
        self.lines.push(line);
        Ok(())
    }
}

/// A part of a line's tax, rounded half away from zero.
fn share(tax: &Value, part: i64, whole: i64) -> Value {
    let of = |value: &Value| {
        let product = i128::from(integer(value)) * i128::from(part);
        let whole = i128::from(whole.max(1));
        i64::try_from((product + whole / 2) / whole).unwrap_or(0)
    };
    let mut share = tax.clone();
    share["amount"] = of(&tax["amount"]).into();
    share["taxable_amount"] = of(&tax["taxable_amount"]).into();
    share
}

fn rates(store: &Store<'_>, taxes: &[Value]) -> ApiResult<Vec<Value>> {
    let ids = taxes.iter().filter_map(|tax| tax["tax_rate_details"]["tax_rate"].as_str());
    let rates = ids.map(|id| store.get("tax_rate", id)).collect::<ApiResult<Vec<Option<Value>>>>()?;
    Ok(rates.into_iter().flatten().collect())
}

fn blank(kind: &str, amount: i64, quantity: i64) -> Value {
    json!({
        "id": identifier::new("cnli_1", 23), "object": "credit_note_line_item", "amount": amount,
        "description": null, "discount_amount": 0, "discount_amounts": [], "livemode": false, "metadata": {},
        "pretax_credit_amounts": [], "quantity": quantity, "tax_rates": [], "taxes": [], "type": kind,
        "unit_amount": null, "unit_amount_decimal": null,
    })
}
