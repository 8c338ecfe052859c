"""Speaks for OpenAI's own SDK for Python: one JSON question a line in, one JSON answer a line out."""

import json
import sys

import openai


def client(q, **more):
    return openai.OpenAI(base_url=f"{q['url']}/v1", api_key=q["key"], max_retries=0, **more)


def asked(q):
    more = {name: q[name] for name in ("tools", "tool_choice") if name in q}
    return {"model": q["model"], "messages": q["messages"], "user": q.get("user", openai.NOT_GIVEN), **more}


class Judge:
    def models(self, q):
        models = client(q).models
        found = [m.id for m in models.list()]
        return {"ids": found, "one": models.retrieve(q["model"]).id}

    def whole(self, q):
        answer = client(q).chat.completions.create(**asked(q))
        [choice] = answer.choices
        # It takes what comes as it is: held against its own model, what is missing or of another type is refused.
        type(answer).model_validate_json(answer.model_dump_json())
        return {
            "text": choice.message.content,
            "finish": choice.finish_reason,
            "tool_calls": choice.message.tool_calls,
            "total": answer.usage.total_tokens,
            "object": answer.object,
        }

    def streamed(self, q):
        told = {"pieces": [], "finish": None, "total": None}
        create = client(q).chat.completions.create
        for chunk in create(**asked(q), stream=True, stream_options={"include_usage": True}):
            for choice in chunk.choices:
                if choice.delta.content:
                    told["pieces"].append(choice.delta.content)
                told["finish"] = choice.finish_reason or told["finish"]
            if chunk.usage:
                told["total"] = chunk.usage.total_tokens
        return told

    def gathered(self, q):
        """The SDK's own helper, which puts the pieces together and checks them on the way."""
        with client(q).chat.completions.stream(**asked(q)) as stream:
            kinds = sorted({event.type for event in stream})
            return {"kinds": kinds, "text": stream.get_final_completion().choices[0].message.content}

    def cut(self, q):
        """Hangs up after the first words."""
        with client(q).chat.completions.create(**asked(q), stream=True) as stream:
            for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    return chunk.choices[0].delta.content

    def refused(self, q):
        """The class that the SDK makes of a refusal."""
        try:
            client(q, timeout=q.get("timeout", 60)).chat.completions.create(**asked(q))
        except openai.APIStatusError as e:
            return {"name": type(e).__name__, "status": e.status_code, "code": e.code, "param": e.param, "type": e.type}
        except openai.APIError as e:
            return {"name": type(e).__name__}
        return None


judge = Judge()
for line in sys.stdin:
    q = json.loads(line)
    try:
        answer = {"answer": getattr(judge, q["ask"])(q)}
    except Exception as e:
        answer = {"error": repr(e)}
    print(json.dumps(answer), flush=True)
