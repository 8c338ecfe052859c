//! What Telegram's updates become.

use crate::support::{account, message, receive, summary, with};
use colloquy_domain::channel::ChannelAccount;
use serde_json::{Value, json};

fn bot() -> ChannelAccount {
    with(account("telegram"), "bot_username", "@ConciergeBot")
}

fn private(extra: Value) -> Value {
    in_chat(json!({"id": 77, "type": "private", "first_name": "Ana", "last_name": "Li"}), extra)
}

fn group(extra: Value) -> Value {
    in_chat(json!({"id": -100_200, "type": "supergroup", "title": "Team"}), extra)
}

fn in_chat(chat: Value, extra: Value) -> Value {
    let mut message =
        json!({"message_id": 5, "date": 1_767_224_888, "chat": chat, "from": {"id": 77, "is_bot": false}});
    for (key, value) in extra.as_object().expect("fields") {
        message[key] = value.clone();
    }
    json!({"update_id": 1001, "message": message})
}

fn lines(updates: &[Value]) -> String {
    let all: Vec<String> = updates.iter().flat_map(|u| receive(&bot(), u)).map(|e| summary(&e)).collect();
    all.join("\n")
}

// req: C-CHN-1
#[test]
fn what_a_person_can_say_in_private() {
    let updates = [
        private(json!({"text": "hello"})),
        private(json!({"text": "/start ref_42"})),
        private(json!({"text": "/Help@conciergebot"})),
        private(json!({"text": "/etc/hosts is a path"})),
        private(json!({"text": "@ConciergeBot, what time is it?"})),
        private(json!({"text": "write to me@conciergebot.example"})),
        private(json!({"caption": "look", "photo": [{"file_id": "small"}, {"file_id": "large"}]})),
        private(json!({"voice": {"file_id": "v", "mime_type": "audio/ogg"}})),
        private(json!({"document": {"file_id": "d", "file_name": "a.pdf", "mime_type": "application/pdf"}})),
        private(json!({"animation": {"file_id": "a"}, "document": {"file_id": "a"}})),
        private(json!({"location": {"latitude": 0.0, "longitude": 0.0}, "venue": {"title": "Null Island"}})),
        private(json!({"contact": {"phone_number": "1"}})),
        private(json!({"text": "yes", "reply_to_message": {"message_id": 4}})),
        json!({"update_id": 1, "message": {"message_id": 1, "chat": {"id": 5, "type": "private"}, "text": "no sender"}}),
    ];
    insta::assert_snapshot!(lines(&updates));
}

#[test]
fn what_is_not_said_is_a_signal_or_ignored_or_kept_raw() {
    let chat = json!({"id": 77, "type": "private"});
    let updates = [
        json!({"update_id": 2, "edited_message": {"message_id": 5, "edit_date": 1_767_224_900, "chat": chat, "text": "hallo"}}),
        json!({"update_id": 3, "my_chat_member": {"chat": chat, "date": 1, "new_chat_member": {"status": "kicked"}}}),
        json!({"update_id": 4, "my_chat_member": {"chat": chat, "date": 1, "new_chat_member": {"status": "member"}}}),
        json!({"update_id": 5, "my_chat_member": {"chat": {"id": -5, "type": "group"}, "new_chat_member": {"status": "left"}}}),
        json!({"update_id": 6, "message_reaction": {"chat": chat, "message_id": 5, "date": 1}}),
        json!({"update_id": 7, "business_message": {"chat": chat, "text": "hi", "date": 1}}),
        json!({"update_id": 8, "inline_query": {"id": "1", "query": "x"}}),
        json!({"update_id": 9, "a_kind_of_next_year": 5}),
        json!({"update_id": 10}),
        json!({"message": {"text": "no id"}}),
        json!({"update_id": 11, "channel_post": {"chat": {"id": -9, "type": "channel"}, "text": "news"}}),
        private(json!({"text": "beep", "from": {"id": 9, "is_bot": true}})),
        group(json!({"migrate_to_chat_id": -100_300})),
    ];
    insta::assert_snapshot!(lines(&updates));
}

// req: C-CHN-1
#[test]
fn in_groups_only_what_is_meant_for_the_bot_is_heard() {
    let updates = [
        group(json!({"text": "lunch?"})),
        group(json!({"text": "@conciergebot lunch?"})),
        group(json!({"text": "so @ConciergeBot what now"})),
        group(json!({"text": "@ConciergeBotty lunch?"})),
        group(json!({"text": "/hours"})),
        group(json!({"text": "/hours@ConciergeBot today"})),
        group(json!({"text": "/hours@OtherBot"})),
        group(json!({"text": "and tomorrow?", "reply_to_message": {"message_id": 3, "from": {"id": 123_456}}})),
        group(json!({"text": "I agree", "reply_to_message": {"message_id": 3, "from": {"id": 88}}})),
        group(json!({"text": "@ConciergeBot in a topic", "is_topic_message": true, "message_thread_id": 9})),
        group(json!({"caption": "@ConciergeBot what is it?", "photo": [{"file_id": "p"}]})),
        group(json!({"new_chat_members": [{"id": 1}]})),
        group(
            json!({"text": "/ask as nobody", "from": {"id": 1_087_968_824, "is_bot": true}, "sender_chat": {"id": -100_200}}),
        ),
    ];
    insta::assert_snapshot!(lines(&updates));
}

/// Only one piece of an album has the words that call the bot, and not always the first to come.
// req: C-CHN-1
#[test]
fn all_pieces_of_an_album_are_heard_in_groups_where_one_is_meant_for_the_bot() {
    let piece = |update: i64, album: &str, caption: Option<&str>| {
        let photo = json!([{"file_id": format!("p{update}")}]);
        let mut message = group(json!({"photo": photo, "media_group_id": album, "caption": caption}));
        message["update_id"] = json!(update);
        message
    };
    let heard = |update: &Value| -> Vec<String> {
        let events = receive(&with(bot(), "bot_username", "AlbumBot"), update);
        events.iter().map(summary).filter(|line| !line.contains("not_addressed")).collect()
    };
    let came = |lines: Vec<String>, ids: &[&str]| {
        assert_eq!(lines.len(), ids.len(), "{lines:?}");
        assert!(lines.iter().zip(ids).all(|(line, id)| line.contains(id)), "{lines:?} {ids:?}");
    };
    came(heard(&piece(2001, "a", Some("@AlbumBot which one?"))), &["p2001"]);
    came(heard(&piece(2002, "a", None)), &["p2002"]);
    came(heard(&piece(2003, "b", None)), &[]);
    came(heard(&piece(2004, "b", Some("look at us"))), &[]);
    came(heard(&piece(2005, "c", None)), &[]);
    came(heard(&piece(2006, "c", Some("@AlbumBot what are these?"))), &["p2005", "p2006"]);
    came(heard(&piece(2007, "c", None)), &["p2007"]);
    came(heard(&piece(2008, "b", None)), &[]);
}

#[test]
fn a_pressed_button_is_a_choice_whose_id_also_names_the_press() {
    let keyboard = json!([[{"text": "Other", "callback_data": "o"}], [{"text": "Book", "callback_data": "book:1"}]]);
    let message_json = json!({"message_id": 9, "date": 1, "chat": {"id": 77, "type": "private", "first_name": "Ana"}, "reply_markup": {"inline_keyboard": keyboard}});
    let press = json!({"update_id": 50, "callback_query": {"id": "4382bfdwdsb323b2d9", "from": {"id": 77}, "message": message_json, "data": "book:1"}});
    let inline = json!({"update_id": 51, "callback_query": {"id": "x1", "from": {"id": 77, "first_name": "Ana"}, "inline_message_id": "i", "data": "z"}});
    insta::assert_snapshot!(lines(&[press.clone(), inline]));
    // Delivered again, it has the same id.
    assert_eq!(message(&bot(), &press), message(&bot(), &press));
}
