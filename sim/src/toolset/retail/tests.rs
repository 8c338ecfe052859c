//! What the tools do and refuse, on a small shop.

use super::{super::Rows, SET};
use crate::scenario::CallSpec;
use serde_json::{Value, json};
use std::sync::Arc;

fn shop() -> Rows {
    let variant = |id: &str, price: f64, available: bool| json!({"item_id": id, "options": {"colour": id}, "available": available, "price": price});
    let item = |id: &str, price: f64| json!({"name": "Lamp", "product_id": "lamp", "item_id": id, "price": price, "options": {}});
    let order = |id: &str, status: &str, paid: f64, method: &str| {
        json!({"order_id": id, "user_id": "ana", "status": status, "fulfillments": [],
            "address": {"address1": "1 A", "address2": "", "city": "B", "country": "USA", "state": "CA", "zip": "90001"},
            "items": [item("red", 10.1), item("red", 10.1), item("blue", 20.2)],
            "payment_history": [{"transaction_type": "payment", "amount": paid, "payment_method_id": method}]})
    };
    Rows::over(Arc::new(json!({
        "products": {
            "lamp": {"name": "Lamp", "product_id": "lamp", "variants": {
                "red": variant("red", 10.1, true), "blue": variant("blue", 20.2, true),
                "gold": variant("gold", 40.0, true), "gone": variant("gone", 5.0, false)}},
            "desk": {"name": "Desk", "product_id": "desk", "variants": {"oak": variant("oak", 90.0, true)}}},
        "users": {"ana": {"user_id": "ana", "name": {"first_name": "Ana", "last_name": "Ruiz"}, "email": "Ana@x.example",
            "address": {"address1": "1 A", "address2": "", "city": "B", "country": "USA", "state": "CA", "zip": "90001"},
            "payment_methods": {
                "gift_card_1": {"source": "gift_card", "id": "gift_card_1", "balance": 50},
                "paypal_1": {"source": "paypal", "id": "paypal_1"}},
            "orders": ["#P", "#D", "#S"]}},
        "orders": {"#P": order("#P", "pending", 40.4, "gift_card_1"), "#D": order("#D", "delivered", 40.4, "paypal_1"),
            "#S": order("#S", "processed", 40.4, "paypal_1")},
    })))
}

fn call(rows: &mut Rows, tool: &str, arguments: Value) -> Result<String, String> {
    let call = CallSpec { tool: tool.to_owned(), arguments: serde_json::from_value(arguments).unwrap() };
    SET.replay(rows, &[call]).remove(0).map(|a| a.content).map_err(|r| r.0)
}

fn order(rows: &Rows, id: &str) -> Value {
    rows.get("orders", id).unwrap().clone()
}

fn balance(rows: &Rows) -> f64 {
    rows.get("users", "ana").unwrap()["payment_methods"]["gift_card_1"]["balance"].as_f64().unwrap()
}

/// Refused, and nothing was changed.
fn refused(rows: &mut Rows, tool: &str, arguments: Value) -> String {
    let before = rows.clone();
    let why = call(rows, tool, arguments).expect_err("refused");
    assert_eq!(rows.unlike(&before, &[]), Vec::<String>::new(), "{tool}");
    why
}

#[test]
fn people_and_things_are_found() {
    let mut rows = shop();
    assert_eq!(call(&mut rows, "find_user_id_by_email", json!({"email": "ana@X.example"})).unwrap(), "ana");
    let who = json!({"first_name": "ana", "last_name": "RUIZ", "zip": "90001"});
    assert_eq!(call(&mut rows, "find_user_id_by_name_zip", who).unwrap(), "ana");
    refused(&mut rows, "find_user_id_by_name_zip", json!({"first_name": "Ana", "last_name": "Ruiz", "zip": "90002"}));
    assert!(call(&mut rows, "get_item_details", json!({"item_id": "oak"})).unwrap().contains("90"));
    let all = call(&mut rows, "list_all_product_types", json!({})).unwrap();
    assert!(all.find("Desk") < all.find("Lamp"), "{all}");
    refused(&mut rows, "get_order_details", json!({"order_id": "P"}));
    assert_eq!(call(&mut rows, "calculate", json!({"expression": "0.1 + 0.2"})).unwrap(), "0.3");
}

#[test]
fn a_cancelled_order_is_paid_back_once() {
    let mut rows = shop();
    let cancel = json!({"order_id": "#P", "reason": "no longer needed"});
    refused(&mut rows, "cancel_pending_order", json!({"order_id": "#P", "reason": "too dear"}));
    refused(&mut rows, "cancel_pending_order", json!({"order_id": "#S", "reason": "no longer needed"}));
    call(&mut rows, "cancel_pending_order", cancel.clone()).unwrap();
    assert_eq!((balance(&rows), order(&rows, "#P")["status"].as_str()), (90.4, Some("cancelled")));
    assert_eq!(order(&rows, "#P")["payment_history"][1]["transaction_type"], "refund");
    refused(&mut rows, "cancel_pending_order", cancel);
}

#[test]
fn items_of_a_pending_order_change_once_and_each_to_its_own() {
    let mut rows = shop();
    let change = |items: Value, new: Value, method: &str| json!({"order_id": "#P", "item_ids": items, "new_item_ids": new, "payment_method_id": method});
    for (wrong, why) in [
        (change(json!(["red"]), json!(["gone"]), "paypal_1"), "available"),
        (change(json!(["red"]), json!(["oak"]), "paypal_1"), "same product"),
        (change(json!(["red"]), json!(["red"]), "paypal_1"), "another"),
        (change(json!(["red", "red", "red"]), json!(["blue", "blue", "blue"]), "paypal_1"), "as often"),
        (change(json!(["red", "red"]), json!(["blue"]), "paypal_1"), "one new item"),
        (change(json!(["red"]), json!(["blue"]), "visa"), "payment method"),
        (change(json!(["red", "red"]), json!(["gold", "gold"]), "gift_card_1"), "too low"),
    ] {
        let told = refused(&mut rows, "modify_pending_order_items", wrong);
        assert!(told.contains(why), "{told}");
    }
    let good = change(json!(["red", "red"]), json!(["gold", "blue"]), "gift_card_1");
    call(&mut rows, "modify_pending_order_items", good.clone()).unwrap();
    let after = order(&rows, "#P");
    let items: Vec<(&str, f64)> = after["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| (i["item_id"].as_str().unwrap(), i["price"].as_f64().unwrap()))
        .collect();
    assert_eq!(items, [("gold", 40.0), ("blue", 20.2), ("blue", 20.2)]);
    assert_eq!((balance(&rows), after["payment_history"][1]["amount"].as_f64()), (10.0, Some(40.0)));
    refused(&mut rows, "modify_pending_order_items", good);
    refused(&mut rows, "cancel_pending_order", json!({"order_id": "#P", "reason": "no longer needed"}));
    let address = json!({"order_id": "#P", "address1": "2", "address2": "", "city": "C", "state": "NY", "country": "USA", "zip": "1"});
    call(&mut rows, "modify_pending_order_address", address).unwrap();
    assert_eq!(order(&rows, "#P")["address"]["city"], "C");
}

#[test]
fn another_payment_method_pays_and_the_first_is_paid_back() {
    let mut rows = shop();
    let pay = |method: &str| json!({"order_id": "#P", "payment_method_id": method});
    refused(&mut rows, "modify_pending_order_payment", pay("gift_card_1"));
    call(&mut rows, "modify_pending_order_payment", pay("paypal_1")).unwrap();
    assert_eq!((balance(&rows), order(&rows, "#P")["payment_history"].as_array().unwrap().len()), (90.4, 3));
    refused(&mut rows, "modify_pending_order_payment", pay("gift_card_1"));
}

#[test]
fn delivered_orders_are_returned_or_exchanged_once() {
    let mut rows = shop();
    let give_back = |method: &str| json!({"order_id": "#D", "item_ids": ["red", "blue"], "payment_method_id": method});
    refused(
        &mut rows,
        "return_delivered_order_items",
        json!({"order_id": "#P", "item_ids": ["red"], "payment_method_id": "gift_card_1"}),
    );
    let mut other = rows.clone();
    call(&mut rows, "return_delivered_order_items", give_back("gift_card_1")).unwrap();
    assert_eq!(order(&rows, "#D")["return_items"], json!(["blue", "red"]));
    refused(&mut rows, "return_delivered_order_items", give_back("paypal_1"));
    let exchange =
        json!({"order_id": "#D", "item_ids": ["red"], "new_item_ids": ["gold"], "payment_method_id": "paypal_1"});
    call(&mut other, "exchange_delivered_order_items", exchange.clone()).unwrap();
    let after = order(&other, "#D");
    assert_eq!(
        (after["status"].as_str(), after["exchange_price_difference"].as_f64()),
        (Some("exchange requested"), Some(29.9))
    );
    assert_eq!(balance(&other), 50.0, "what is exchanged is settled later");
    refused(&mut other, "exchange_delivered_order_items", exchange);
    assert_eq!(other.unlike(&rows, SET.unordered).len(), 7);
}
