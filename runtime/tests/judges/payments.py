"""Speaks for Stripe's own SDK, and runs localstripe, a Stripe that others wrote: one JSON question a line in, one JSON answer
a line out.

The SDK is the payer (it attaches cards), and the judge of two things that stand for Stripe: localstripe and our own
stand-in. It also makes and checks signatures of webhooks.
"""

import json
import socket
import subprocess
import sys
import time
import urllib.request

import stripe


def free_port():
    # localstripe listens on IPv6 and IPv4 alike.
    with socket.socket(socket.AF_INET6) as s:
        s.bind(("::", 0))
        return s.getsockname()[1]


class Judge:
    def __init__(self):
        self.server = None

    def serve(self, q):
        """Starts localstripe, which tells `hook` of what happens, signed with `secret`."""
        port = free_port()
        command = [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"]
        self.server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=q["folder"])
        url = f"http://localhost:{port}"
        body = json.dumps({"url": q["hook"], "secret": q["secret"], "events": ["payment_intent.succeeded"]}).encode()
        config = urllib.request.Request(
            f"{url}/_config/webhooks/judged", body, {"Authorization": "Bearer sk_test_1", "Content-Type": "application/json"}
        )
        for _ in range(600):
            try:
                urllib.request.urlopen(config)
                return url
            except OSError:
                if self.server.poll() is not None:
                    raise
                time.sleep(0.05)
        raise TimeoutError("localstripe does not start")

    def client(self, q):
        return stripe.StripeClient(q["key"], base_addresses={"api": q["url"]}, max_network_retries=0).v1

    def attach(self, q):
        """As the payer's browser does it: a card for the payment."""
        client = self.client(q)
        card = {"number": q["number"], "exp_month": 12, "exp_year": 2034, "cvc": "123"}
        method = client.payment_methods.create({"type": "card", "card": card})
        return client.payment_intents.update(q["payment"], {"payment_method": method.id}).status

    def payment(self, q):
        p = self.client(q).payment_intents.retrieve(q["payment"])
        return {"status": p.status, "amount": p.amount, "currency": p.currency, "order": p.metadata["order_id"]}

    def refunds(self, q):
        """What went back of a payment."""
        found = self.client(q).refunds.list({"payment_intent": q["payment"]}).data
        return [{"amount": r.amount, "status": r.status, "order": r.metadata["order_id"]} for r in found]

    def gives_back(self, q):
        """A payment that goes back, with repetitions; what the SDK makes of each answer."""
        client = self.client(q)
        made = client.payment_intents.create({"amount": 500, "currency": "eur", "metadata": {"order_id": "o"}}, {"idempotency_key": "ga"})
        client.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"}, {"idempotency_key": "gb"})
        asked = {"payment_intent": made.id, "metadata": {"order_id": "o", "step": "s"}}
        back = [client.refunds.create(asked, {"idempotency_key": "gc"}) for _ in range(2)]
        told = {"same": back[0].id == back[1].id, "status": back[0].status, "amount": back[0].amount}
        try:
            client.refunds.create(asked, {"idempotency_key": "gd"})
        except stripe.InvalidRequestError as e:
            told["again"] = [e.http_status, e.code]
        found = client.refunds.list({"payment_intent": made.id}).data
        told["found"] = [[r.id == back[0].id, r.metadata["step"]] for r in found]
        return told

    def pays(self, q):
        """A whole payment, with repetitions; what the SDK makes of each answer."""
        intents = self.client(q).payment_intents
        made = [intents.create({"amount": 500, "currency": "eur", "metadata": {"order_id": "o"}}, {"idempotency_key": "a"}) for _ in range(2)]
        id = made[0].id
        told = {"same": made[0].id == made[1].id, "made": made[0].status}
        try:
            intents.confirm(id, {"payment_method": "pm_card_chargeDeclined"}, {"idempotency_key": "b"})
        except stripe.CardError as e:
            told["declined"] = [e.http_status, e.code]
        paid = [intents.confirm(id, {"payment_method": "pm_card_visa"}, {"idempotency_key": "c"}).status for _ in range(2)]
        told["paid"] = paid
        try:
            intents.cancel(id, {}, {"idempotency_key": "d"})
        except stripe.InvalidRequestError as e:
            told["cancel"] = [e.http_status, e.code]
        told["seen"] = intents.retrieve(id).status
        try:
            stripe.StripeClient("sk_test_wrong", base_addresses={"api": q["url"]}).v1.payment_intents.create({"amount": 1, "currency": "eur"})
        except stripe.AuthenticationError as e:
            told["stranger"] = e.http_status
        return told

    def sign(self, q):
        at = int(time.time()) + q.get("late", 0)
        signature = stripe.WebhookSignature._compute_signature(f"{at}.{q['body']}", q["secret"])
        header = f"t={at},v1={signature}"
        if not q.get("late"):
            stripe.Webhook.construct_event(q["body"], header, q["secret"])
        return header


judge = Judge()
try:
    for line in sys.stdin:
        q = json.loads(line)
        try:
            answer = {"answer": getattr(judge, q["ask"])(q)}
        except Exception as e:
            answer = {"error": repr(e)}
        print(json.dumps(answer), flush=True)
finally:
    if judge.server:
        judge.server.kill()
