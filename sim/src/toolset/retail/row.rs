//! Rows as the tools work on them. What is not named here stays as it is.

use super::{
    super::{Refused, Rows},
    money::Cents,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    pub order_id: String,
    pub user_id: String,
    pub address: Address,
    pub items: Vec<OrderItem>,
    pub status: String,
    pub payment_history: Vec<Payment>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrderItem {
    pub item_id: String,
    pub product_id: String,
    pub price: Cents,
    pub options: Value,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Payment {
    /// `payment` or `refund`.
    pub transaction_type: String,
    pub amount: Cents,
    pub payment_method_id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Address {
    pub address1: String,
    pub address2: String,
    pub city: String,
    pub country: String,
    pub state: String,
    pub zip: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    pub user_id: String,
    pub name: Name,
    pub address: Address,
    pub email: String,
    pub payment_methods: BTreeMap<String, Method>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Name {
    pub first_name: String,
    pub last_name: String,
}

/// A way to pay; only gift cards have a balance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Method {
    pub source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Cents>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Product {
    pub product_id: String,
    pub name: String,
    pub variants: BTreeMap<String, Variant>,
}

/// An item that is or was for sale.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Variant {
    pub item_id: String,
    pub options: Value,
    pub available: bool,
    pub price: Cents,
}

impl Method {
    pub fn is_gift_card(&self) -> bool {
        self.source == "gift_card"
    }

    /// Whether it can pay this; only gift cards can have too little.
    pub fn covers(&self, amount: Cents) -> bool {
        !self.is_gift_card() || self.balance.unwrap_or_default() >= amount
    }
}

impl User {
    pub fn method(&self, id: &str) -> Result<&Method, Refused> {
        self.payment_methods.get(id).ok_or_else(|| Refused::because(format!("the user has no payment method {id:?}")))
    }

    /// Takes from a gift card, or gives to it where negative; other methods are charged elsewhere.
    pub fn charge(&mut self, id: &str, amount: Cents) {
        let card = self.payment_methods.get_mut(id).filter(|m| m.is_gift_card());
        if let Some(card) = card {
            card.balance = Some(card.balance.unwrap_or_default() - amount);
        }
    }
}

pub fn parsed<T: DeserializeOwned>(rows: &Rows, table: &str, key: &str) -> Result<T, Refused> {
    let row = rows.get(table, key).ok_or_else(|| Refused::because(format!("there is no {key:?} in {table}")))?;
    serde_json::from_value(row.clone()).map_err(|e| Refused::because(format!("{key:?} cannot be read: {e}")))
}

/// Puts it back; what it says, as the tool's answer.
pub fn put(rows: &mut Rows, table: &str, key: &str, row: &impl Serialize) -> Result<String, Refused> {
    let row = serde_json::to_value(row).map_err(|e| Refused::because(e.to_string()))?;
    let content = row.to_string();
    rows.put(table, key, row);
    Ok(content)
}
