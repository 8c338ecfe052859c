"""Speaks for pywa, WhatsApp's judge: one JSON question a line in, one JSON answer a line out.

pywa is a client and a webhook server for the Cloud API. As a client it is pointed at our stand-in for the Graph API; as
a server it is handed the payloads that our tests deliver to the product.
"""

import json
import logging
import sys

import httpx
from pywa import WhatsApp
from pywa.errors import WhatsAppError
from pywa.handlers import (
    CallbackButtonHandler,
    CallbackSelectionHandler,
    FlowCompletionHandler,
    MessageHandler,
    MessageStatusHandler,
)


class Complaints(logging.Handler):
    """pywa only logs what it cannot make sense of."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.lines = []

    def emit(self, record):
        self.lines.append(f"{record.getMessage()} {record.exc_info[1]!r}" if record.exc_info else record.getMessage())


def message(m):
    return {
        "kind": "message", "type": m.type.value, "id": m.id, "from": m.from_user.wa_id, "text": m.text,
        "name": m.from_user.name,
    }


def choice(c):
    """A button, a row of a list, a form: all of them something that was chosen."""
    return {"kind": "choice", "id": c.id, "from": c.from_user.wa_id}


def status(s):
    return {"kind": "status", "status": s.status.value, "id": s.id, "tracker": s.tracker}


class Judge:
    def __init__(self, settings):
        self.client = WhatsApp(
            phone_id=settings["phone_id"],
            token=settings["token"],
            app_secret=settings["app_secret"],
            verify_token=settings["verify_token"],
            session=httpx.Client(timeout=10),
            api_version=26.0,
            server=None,
            filter_updates=False,
            continue_handling=True,
        )
        # The client knows no other host than Meta's: its session is pointed elsewhere once it is made.
        self.client.api._session.base_url = f"{settings['base_url']}/v26.0"
        self.complaints = Complaints()
        logger = logging.getLogger("pywa")
        logger.addHandler(self.complaints)
        logger.propagate = False
        self.heard = []
        of = lambda show: lambda _, update: self.heard.append(show(update))
        self.client.add_handlers(
            MessageHandler(of(message)), MessageStatusHandler(of(status)), CallbackButtonHandler(of(choice)),
            CallbackSelectionHandler(of(choice)), FlowCompletionHandler(of(choice)),
        )

    def send(self, q):
        sent = self.client.send_message(
            to=q["to"], text=q["text"], tracker=q.get("tracker"), reply_to_message_id=q.get("reply_to")
        )
        return {"id": sent.id, "input": sent.input, "to": sent.chat.id}

    def read(self, q):
        return bool(self.client.mark_message_as_read(message_id=q["message"]))

    def typing(self, q):
        return bool(self.client.indicate_typing(message_id=q["message"]))

    def update(self, q):
        """What pywa makes of a delivery: its refusal, or all that its handlers heard."""
        body = q["body"].encode()
        refused = self.client.webhook_update_validator(body, q["signature"])
        if refused:
            return {"status": refused[1], "heard": []}
        self.heard, self.complaints.lines = [], []
        _, answered = self.client.webhook_update_handler(body)
        return {"status": answered, "heard": self.heard, "complaints": self.complaints.lines}

    def ask(self, q):
        try:
            return {"answer": getattr(self, q["ask"])(q)}
        except WhatsAppError as e:
            return {"answer": {
                "raised": type(e).__name__, "family": type(e).__mro__[1].__name__, "code": e.code,
                "status": e.status_code, "message": e.message, "details": e.details,
            }}
        except Exception as e:  # whatever it is, the test must show it
            return {"error": f"{type(e).__name__}: {e}"}


def main():
    judge = Judge(json.loads(sys.stdin.readline()))
    print(json.dumps({"answer": None}), flush=True)
    for line in sys.stdin:
        print(json.dumps(judge.ask(json.loads(line)), default=str), flush=True)


main()
