//! `tau2-retail`: a shop's users, products and orders, as the retail tasks of tau2-bench describe them: people look
//! orders up, cancel or change those that are pending, and return or exchange those that were delivered.
//!
//! Tables: `users`, `products`, `orders`. Amounts are dollars with two decimals; they are added up in cents.

mod arithmetic;
mod change;
mod look;
mod money;
mod row;

use super::{Answer, Args, Kind, Param, Refused, Rows, SetTool, ToolSet};
use crate::scenario::Effect;

type Run = fn(&mut Rows, Args<'_>) -> Result<Answer, Refused>;

const EMAIL: Param = Param { name: "email", kind: Kind::Text, about: "The user's e-mail address." };
const FIRST_NAME: Param = Param { name: "first_name", kind: Kind::Text, about: "The user's first name." };
const LAST_NAME: Param = Param { name: "last_name", kind: Kind::Text, about: "The user's last name." };
const ZIP: Param = Param { name: "zip", kind: Kind::Text, about: "The postal code, such as 12345." };
const USER: Param = Param { name: "user_id", kind: Kind::Text, about: "The user's id, such as ana_lopez_1234." };
const ORDER: Param =
    Param { name: "order_id", kind: Kind::Text, about: "The order's id with its #, such as #W0000000." };
const PRODUCT: Param =
    Param { name: "product_id", kind: Kind::Text, about: "The product's id, which is no item's id." };
const ITEM: Param = Param { name: "item_id", kind: Kind::Text, about: "The item's id, which is no product's id." };
const ITEMS: Param = Param {
    name: "item_ids",
    kind: Kind::List,
    about: "Ids of items of the order; an item ordered twice may be named twice.",
};
const NEW_ITEMS: Param = Param {
    name: "new_item_ids",
    kind: Kind::List,
    about: "Ids of the items wanted instead, each in the place of the item that it replaces and of the same product.",
};
const PAYMENT: Param = Param {
    name: "payment_method_id",
    kind: Kind::Text,
    about: "One of the user's payment methods, such as gift_card_0000000; it pays or receives the difference.",
};
const REASON: Param = Param {
    name: "reason",
    kind: Kind::OneOf(&["no longer needed", "ordered by mistake"]),
    about: "Why the order is cancelled.",
};
const ADDRESS1: Param = Param { name: "address1", kind: Kind::Text, about: "First line of the address." };
const ADDRESS2: Param =
    Param { name: "address2", kind: Kind::Text, about: "Second line of the address, or an empty text." };
const CITY: Param = Param { name: "city", kind: Kind::Text, about: "The city." };
const STATE: Param = Param { name: "state", kind: Kind::Text, about: "The state, such as CA." };
const COUNTRY: Param = Param { name: "country", kind: Kind::Text, about: "The country, such as USA." };
const EXPRESSION: Param =
    Param { name: "expression", kind: Kind::Text, about: "Numbers, + - * / and parentheses, such as 2 * (3 + 4)." };
const SUMMARY: Param = Param { name: "summary", kind: Kind::Words, about: "What the user wants, for the person." };

const fn read(name: &'static str, about: &'static str, params: &'static [Param], run: Run) -> SetTool {
    SetTool { name, about, effect: Effect::Read, params, run }
}

/// The shop's systems take no key by which a repetition could be told.
const fn write(name: &'static str, about: &'static str, params: &'static [Param], run: Run) -> SetTool {
    SetTool { name, about, effect: Effect::Unsafe, params, run }
}

/// The set.
pub static SET: ToolSet = ToolSet {
    name: "tau2-retail",
    tools: &[
        read(
            "find_user_id_by_email",
            "Finds a user's id by the e-mail address. The first way to find out who somebody is.",
            &[EMAIL],
            look::user_by_email,
        ),
        read(
            "find_user_id_by_name_zip",
            "Finds a user's id by name and postal code, where the e-mail address is not known or not found.",
            &[FIRST_NAME, LAST_NAME, ZIP],
            look::user_by_name,
        ),
        read("get_user_details", "A user's profile, payment methods and orders.", &[USER], look::user),
        read("get_order_details", "An order's items, status, address and payments.", &[ORDER], look::order),
        read(
            "get_product_details",
            "A product with all its items, their options, prices and stock.",
            &[PRODUCT],
            look::product,
        ),
        read("get_item_details", "One item's options, price and availability.", &[ITEM], look::item),
        read("list_all_product_types", "The names of all products with their ids.", &[], look::products),
        read("calculate", "Works a sum out, to two decimals.", &[EXPRESSION], arithmetic::calculate),
        write(
            "cancel_pending_order",
            "Cancels a pending order and refunds it. Ask the user for an explicit yes first.",
            &[ORDER, REASON],
            change::cancel,
        ),
        write(
            "modify_pending_order_address",
            "Changes the address of a pending order. Ask the user for an explicit yes first.",
            &[ORDER, ADDRESS1, ADDRESS2, CITY, STATE, COUNTRY, ZIP],
            change::order_address,
        ),
        write(
            "modify_pending_order_items",
            "Changes items of a pending order to others of the same products. Possible once for an order. Ask the user for \
             an explicit yes first.",
            &[ORDER, ITEMS, NEW_ITEMS, PAYMENT],
            change::order_items,
        ),
        write(
            "modify_pending_order_payment",
            "Pays a pending order with another payment method. Ask the user for an explicit yes first.",
            &[ORDER, PAYMENT],
            change::order_payment,
        ),
        write(
            "modify_user_address",
            "Changes a user's default address. Ask the user for an explicit yes first.",
            &[USER, ADDRESS1, ADDRESS2, CITY, STATE, COUNTRY, ZIP],
            change::user_address,
        ),
        write(
            "return_delivered_order_items",
            "Returns items of a delivered order. Possible once for an order. Ask the user for an explicit yes first.",
            &[ORDER, ITEMS, PAYMENT],
            change::give_back,
        ),
        write(
            "exchange_delivered_order_items",
            "Exchanges items of a delivered order for others of the same products. Possible once for an order. Ask the \
             user for an explicit yes first.",
            &[ORDER, ITEMS, NEW_ITEMS, PAYMENT],
            change::exchange,
        ),
        SetTool {
            name: "transfer_to_human_agents",
            about: "Passes the user to a person, where they ask for one or where nothing else helps.",
            // Asked twice is asked once.
            effect: Effect::Idempotent,
            params: &[SUMMARY],
            run: look::transfer,
        },
    ],
    unordered: &[
        "items",
        "item_ids",
        "orders",
        "fulfillments",
        "tracking_id",
        "return_items",
        "exchange_items",
        "exchange_new_items",
    ],
};

#[cfg(test)]
mod tests;
