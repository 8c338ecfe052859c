//! Tools that change orders and users. Everything is checked first; what is refused has changed nothing.

use super::{
    super::{Answer, Args, Refused, Rows},
    money::Cents,
    row::{Address, Order, Payment, Product, User, Variant, parsed, put},
};
use serde_json::{Value, json};

fn refuse<T>(why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused::because(why))
}

fn order(rows: &Rows, args: Args<'_>) -> Result<Order, Refused> {
    parsed(rows, "orders", args.text("order_id"))
}

fn owner(rows: &Rows, order: &Order) -> Result<User, Refused> {
    parsed(rows, "users", &order.user_id)
}

/// Writes both.
fn settle(rows: &mut Rows, order: &Order, user: &User) -> Result<Answer, Refused> {
    put(rows, "users", &user.user_id, user)?;
    keep(rows, order)
}

fn keep(rows: &mut Rows, order: &Order) -> Result<Answer, Refused> {
    put(rows, "orders", &order.order_id, order).map(Answer::of)
}

fn address(args: Args<'_>) -> Address {
    let text = |name: &str| args.text(name).to_owned();
    Address {
        address1: text("address1"),
        address2: text("address2"),
        city: text("city"),
        country: text("country"),
        state: text("state"),
        zip: text("zip"),
    }
}

fn payment(kind: &str, amount: Cents, method: &str) -> Payment {
    Payment { transaction_type: kind.to_owned(), amount, payment_method_id: method.to_owned() }
}

pub fn cancel(rows: &mut Rows, args: Args<'_>) -> Result<Answer, Refused> {
    let mut order = order(rows, args)?;
    if order.status != "pending" {
        return refuse(format!("the order is {}: only pending ones can be cancelled", order.status));
    }
    let reason = args.text("reason");
    if !["no longer needed", "ordered by mistake"].contains(&reason) {
        return refuse("this is no reason that counts");
    }
    let mut user = owner(rows, &order)?;
    let refunds: Vec<Payment> =
        order.payment_history.iter().map(|p| payment("refund", p.amount, &p.payment_method_id)).collect();
    for refund in &refunds {
        user.method(&refund.payment_method_id)?;
        user.charge(&refund.payment_method_id, -refund.amount);
    }
    order.payment_history.extend(refunds);
    order.status = "cancelled".to_owned();
    order.rest.insert("cancel_reason".to_owned(), json!(reason));
    settle(rows, &order, &user)
}

/// Whether it may still be sent elsewhere or paid otherwise; its items may have been changed.
fn is_open(order: &Order) -> Result<(), Refused> {
    if order.status.starts_with("pending") {
        return Ok(());
    }
    refuse(format!("the order is {}: only pending ones can be changed", order.status))
}

pub fn order_address(rows: &mut Rows, args: Args<'_>) -> Result<Answer, Refused> {
    let mut order = order(rows, args)?;
    is_open(&order)?;
    order.address = address(args);
    keep(rows, &order)
}

pub fn user_address(rows: &mut Rows, args: Args<'_>) -> Result<Answer, Refused> {
    let mut user: User = parsed(rows, "users", args.text("user_id"))?;
    user.address = address(args);
    let id = user.user_id.clone();
    put(rows, "users", &id, &user).map(Answer::of)
}

pub fn order_payment(rows: &mut Rows, args: Args<'_>) -> Result<Answer, Refused> {
    let mut order = order(rows, args)?;
    is_open(&order)?;
    let [paid] = &order.payment_history[..] else { return refuse("the order has more than its one payment") };
    let (amount, old, new) = (paid.amount, paid.payment_method_id.clone(), args.text("payment_method_id"));
    if paid.transaction_type != "payment" || old == new {
        return refuse("the payment method must be another than now");
    }
    let mut user = owner(rows, &order)?;
    if !user.method(new)?.covers(amount) {
        return refuse("the gift card's balance is too low for the order");
    }
    user.charge(new, amount);
    user.charge(&old, -amount);
    order.payment_history.extend([payment("payment", amount, new), payment("refund", amount, &old)]);
    settle(rows, &order, &user)
}

/// An item that is wanted instead of one of the order.
struct Swap {
    /// Place in the order.
    place: usize,
    new: Variant,
    difference: Cents,
}

/// Finds each item a place of its own in the order.
fn places(order: &Order, items: &[&str]) -> Result<Vec<usize>, Refused> {
    let mut taken: Vec<usize> = Vec::new();
    for id in items {
        let free = order.items.iter().enumerate().find(|(n, i)| i.item_id == *id && !taken.contains(n));
        let Some((n, _)) = free else { return refuse(format!("the order does not hold {id:?} as often")) };
        taken.push(n);
    }
    Ok(taken)
}

fn swaps(rows: &Rows, order: &Order, args: Args<'_>) -> Result<Vec<Swap>, Refused> {
    let (items, wanted) = (args.list("item_ids"), args.list("new_item_ids"));
    if items.len() != wanted.len() {
        return refuse("there must be one new item for each item");
    }
    let swap = |(place, id): (usize, &str)| {
        let old = &order.items[place];
        let product: Product = parsed(rows, "products", &old.product_id)?;
        let new = product.variants.get(id).filter(|v| v.available).cloned();
        let Some(new) = new else { return refuse(format!("{id:?} is no available item of the same product")) };
        Ok(Swap { place, difference: new.price - old.price, new })
    };
    places(order, &items)?.into_iter().zip(wanted).map(swap).collect()
}

/// What the user pays for the swaps; negative where they are paid.
fn difference(user: &User, method: &str, swaps: &[Swap]) -> Result<Cents, Refused> {
    let difference: Cents = swaps.iter().map(|s| s.difference).sum();
    if user.method(method)?.covers(difference) {
        return Ok(difference);
    }
    refuse("the gift card's balance is too low for the difference")
}

pub fn order_items(rows: &mut Rows, args: Args<'_>) -> Result<Answer, Refused> {
    let mut order = order(rows, args)?;
    if order.status != "pending" {
        return refuse(format!("the order is {}: items can be changed once, while it is pending", order.status));
    }
    let swaps = swaps(rows, &order, args)?;
    if swaps.iter().any(|s| order.items[s.place].item_id == s.new.item_id) {
        return refuse("a new item must be another than the old one");
    }
    let (mut user, method) = (owner(rows, &order)?, args.text("payment_method_id"));
    let difference = difference(&user, method, &swaps)?;
    let kind = if difference > Cents(0) { "payment" } else { "refund" };
    order.payment_history.push(payment(kind, difference.abs(), method));
    user.charge(method, difference);
    for Swap { place, new, .. } in swaps {
        let item = &mut order.items[place];
        (item.item_id, item.price, item.options) = (new.item_id, new.price, new.options);
    }
    order.status = "pending (item modified)".to_owned();
    settle(rows, &order, &user)
}

fn sorted(mut ids: Vec<&str>) -> Value {
    ids.sort_unstable();
    json!(ids)
}

fn is_delivered(order: &Order) -> Result<(), Refused> {
    if order.status == "delivered" {
        return Ok(());
    }
    refuse(format!("the order is {}: only delivered ones can be returned or exchanged, once", order.status))
}

pub fn give_back(rows: &mut Rows, args: Args<'_>) -> Result<Answer, Refused> {
    let mut order = order(rows, args)?;
    is_delivered(&order)?;
    let (user, method) = (owner(rows, &order)?, args.text("payment_method_id"));
    let original = order.payment_history.first().is_some_and(|p| p.payment_method_id == method);
    if !user.method(method)?.is_gift_card() && !original {
        return refuse("refunds go to the original payment method or to a gift card");
    }
    let items = args.list("item_ids");
    places(&order, &items)?;
    order.status = "return requested".to_owned();
    order.rest.insert("return_items".to_owned(), sorted(items));
    order.rest.insert("return_payment_method_id".to_owned(), json!(method));
    keep(rows, &order)
}

pub fn exchange(rows: &mut Rows, args: Args<'_>) -> Result<Answer, Refused> {
    let mut order = order(rows, args)?;
    is_delivered(&order)?;
    let swaps = swaps(rows, &order, args)?;
    let (user, method) = (owner(rows, &order)?, args.text("payment_method_id"));
    let difference = difference(&user, method, &swaps)?;
    order.status = "exchange requested".to_owned();
    order.rest.insert("exchange_items".to_owned(), sorted(args.list("item_ids")));
    order.rest.insert("exchange_new_items".to_owned(), sorted(args.list("new_item_ids")));
    order.rest.insert("exchange_payment_method_id".to_owned(), json!(method));
    order.rest.insert("exchange_price_difference".to_owned(), json!(difference));
    keep(rows, &order)
}
