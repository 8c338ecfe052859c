"""Speaks for google-api-python-client and google-auth: one JSON question a line in, one JSON answer a line out.

Google's own client, from the descriptions of Calendar and Sheets that it ships, judges what stands for Google in our tests:
its paths, its bodies, its statuses.
"""

import json
import sys

from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError


def status(request):
    """The status of a refusal."""
    try:
        request.execute()
    except HttpError as e:
        return e.resp.status
    return 200


class Judge:
    def services(self, q):
        info = {
            "type": "service_account", "client_email": "desk@project.iam.gserviceaccount.com", "private_key": q["key"],
            "token_uri": f"{q['url']}/token",
        }
        scopes = ["https://www.googleapis.com/auth/calendar", "https://www.googleapis.com/auth/spreadsheets"]
        credentials = service_account.Credentials.from_service_account_info(info, scopes=scopes)
        of = lambda name, version, path: build(
            name, version, credentials=credentials, static_discovery=True, client_options={"api_endpoint": q["url"] + path}
        )
        return of("calendar", "v3", "/calendar/v3/"), of("sheets", "v4", "/")

    def calendar(self, q):
        calendar, _ = self.services(q)
        body = {
            "id": q["id"], "summary": "Ada (4)",
            "start": {"dateTime": "2099-05-01T17:30:00Z", "timeZone": "Europe/Paris"},
            "end": {"dateTime": "2099-05-01T19:30:00Z", "timeZone": "Europe/Paris"},
        }
        events = calendar.events()
        insert = lambda **more: events.insert(calendarId=q["calendar"], body={**body, **more})
        busy = lambda: calendar.freebusy().query(
            body={"timeMin": "2099-05-01T18:00:00Z", "timeMax": "2099-05-01T19:00:00Z", "items": [{"id": q["calendar"]}]}
        ).execute()["calendars"][q["calendar"]]["busy"]
        get = lambda: events.get(calendarId=q["calendar"], eventId=q["id"])
        delete = lambda: events.delete(calendarId=q["calendar"], eventId=q["id"])
        told = {"made": insert().execute()["status"], "again": status(insert()), "bad": status(insert(id="NO"))}
        told.update(busy=len(busy()), seen=get().execute()["summary"])
        delete().execute()
        told.update(free=len(busy()), gone=status(delete()), missing=status(get()))
        return told

    def sheets(self, q):
        _, sheets = self.services(q)
        values = sheets.spreadsheets().values()
        read = lambda cells: values.get(spreadsheetId="sheet-1", range=f"Tab!{cells}")
        add = {"requests": [{"addSheet": {"properties": {"title": "Tab"}}}]}
        batch = lambda: sheets.spreadsheets().batchUpdate(spreadsheetId="sheet-1", body=add)
        told = {"missing": status(read("1:1"))}
        batch().execute()
        told.update(twice=status(batch()), empty=read("1:1").execute().get("values"))
        values.update(spreadsheetId="sheet-1", range="Tab!A1", valueInputOption="RAW", body={"values": [["Key", "Kind"]]}).execute()
        values.append(
            spreadsheetId="sheet-1", range="Tab!A1", valueInputOption="RAW", insertDataOption="INSERT_ROWS",
            body={"values": [["k-1", "reserve"]]},
        ).execute()
        told["column"] = read("A:A").execute()["values"]
        return told


judge = Judge()
for line in sys.stdin:
    q = json.loads(line)
    try:
        answer = {"answer": getattr(judge, q["ask"])(q)}
    except Exception as e:
        answer = {"error": repr(e)}
    print(json.dumps(answer), flush=True)
