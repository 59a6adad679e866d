"""Slack's own WebClient calls every Web API method that the stand-in serves: the answers have the
shapes that Slack documents, and the errors have Slack's codes."""

import json
import os
import re
import urllib.request

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.models.blocks import ActionsBlock, ButtonElement, SectionBlock
from slack_sdk.models.views import View

from standin import ROOT, Checks, Standin

standin = Standin()
check = Checks("WebClient")
client = WebClient(token=standin.bot_token, base_url=standin.api_url)
app_client = WebClient(token=standin.app_token, base_url=standin.api_url)
BLOCKS = [
    SectionBlock(block_id="words", text="*Dana* asks for `staging-db`"),
    ActionsBlock(block_id="row", elements=[ButtonElement(text="Approve", action_id="approve", value="1")]),
]
MODAL = View(type="modal", title="Ask", callback_id="ask", blocks=BLOCKS[:1], close="Close")
HOME = View(type="home", blocks=BLOCKS[:1])


def served():
    """The methods in the stand-in's own table."""
    with open(os.path.join(ROOT, "src", "sandbox", "api", "mod.rs"), encoding="utf-8") as file:
        text = file.read()
    table = text[text.index("static METHODS") : text.index("\n];")]
    return set(re.findall(r'(?:name: |method\(\s*)"([a-zA-Z.]+)"', table))


def refused(code, call, /, *arguments, **named):
    """The call fails with this code, as the client's own error."""
    try:
        call(*arguments, **named)
    except SlackApiError as error:
        assert error.response["ok"] is False and error.response["error"] == code, error.response.data
        return error.response
    raise AssertionError(f"expected {code}, but it went through")


def has(value, **shapes):
    """Each named part is there and of that type (or one of those types)."""
    for name, shape in shapes.items():
        assert name in value, f"no {name} in {value}"
        assert isinstance(value[name], shape), f"{name} is {value[name]!r}"


def trigger(user="dana"):
    """A fresh trigger_id, from a slash command that nobody answers but the recorder below."""
    deliveries.clear()
    standin.act("slash", user=user, channel="general", command="/jit", text="")
    return deliveries[-1]["trigger_id"]


# A bot that acknowledges everything and remembers commands.
from receiver import Receiver  # noqa: E402

deliveries = []
receiver = Receiver(lambda path, headers, form, raw: deliveries.append(form) or (200, ""))
standin.order("bot", url=receiver.url)


@check("api.test gives the arguments back, and the error it is asked for")
def _():
    assert client.api_test(foo="bar")["args"]["foo"] == "bar"
    refused("my_error", client.api_test, error="my_error")


@check("auth.test tells who the bot is; a wrong token is invalid_auth, none is not_authed")
def _():
    who = client.auth_test()
    has(who, url=str, team=str, user=str, team_id=str, user_id=str, bot_id=str, is_enterprise_install=bool)
    assert who["team_id"].startswith("T") and who["user_id"].startswith("U")
    refused("invalid_auth", WebClient(token="xoxb-wrong", base_url=standin.api_url).auth_test)
    refused("not_authed", WebClient(base_url=standin.api_url).auth_test)
    refused("not_allowed_token_type", app_client.chat_postMessage, channel="C0GENERAL", text="x")
    refused("unknown_method", client.api_call, "no.suchMethod")


@check("the granted scopes come in the header, and a missing one is told with what is needed")
def _():
    assert "chat:write" in client.auth_test().headers["x-oauth-scopes"].split(",")
    standin.order("scopes", scopes=["commands"])
    answer = refused("missing_scope", client.chat_postMessage, channel="C0GENERAL", text="x")
    assert answer["needed"] == "chat:write" and answer["provided"] == "commands", answer.data
    standin.order("scopes", scopes=standin.scopes)


@check("auth.teams.list names the workspaces that the app is in")
def _():
    teams = client.auth_teams_list()["teams"]
    assert teams, "none"
    has(teams[0], id=str, name=str)


@check("team.info")
def _():
    has(client.team_info()["team"], id=str, name=str, domain=str, email_domain=str, icon=dict)


@check("oauth.v2.access refuses what nobody agreed to; auth.revoke and apps.uninstall end what was granted")
def _():
    app = {"client_id": "100.200", "client_secret": "acme-client-secret"}
    access = WebClient(base_url=standin.api_url).oauth_v2_access
    refused("invalid_code", access, code="nobody", redirect_uri="https://jit.example.com/back", **app)
    refused("bad_client_secret", access, code="nobody", client_id="100.200", client_secret="wrong")
    refused("invalid_refresh_token", access, grant_type="refresh_token", refresh_token="xoxe-1-nobody", **app)
    assert client.auth_revoke()["revoked"] is True
    refused("bad_client_secret", client.apps_uninstall, client_id="100.200", client_secret="wrong")
    assert client.apps_uninstall(**app)["ok"] is True


@check("apps.connections.open gives a web socket address, to the app-level token only")
def _():
    assert re.match(r"ws://127\.0\.0\.1:\d+/link/\?ticket=", app_client.apps_connections_open(app_token=standin.app_token)["url"])
    refused("not_allowed_token_type", client.apps_connections_open, app_token=standin.bot_token)


@check("chat.postMessage: in a channel by id and by name, to a person, in a thread")
def _():
    first = client.chat_postMessage(channel="C0GENERAL", text="Hello", blocks=BLOCKS, metadata={"event_type": "t", "event_payload": {"n": 1}})
    has(first, channel=str, ts=str, message=dict)
    has(first["message"], type=str, user=str, ts=str, text=str, bot_id=str, app_id=str, team=str, bot_profile=dict, blocks=list)
    assert re.fullmatch(r"\d{10}\.\d{6}", first["ts"]) and first["message"]["metadata"]["event_payload"] == {"n": 1}
    assert [block["block_id"] for block in first["message"]["blocks"]] == ["words", "row"]
    assert client.chat_postMessage(channel="#general", text="by name")["channel"] == "C0GENERAL"
    assert client.chat_postMessage(channel="U0DANA", text="to you")["channel"].startswith("D")
    reply = client.chat_postMessage(channel="C0GENERAL", text="reply", thread_ts=first["ts"], reply_broadcast=True)
    assert reply["message"]["thread_ts"] == first["ts"]


@check("chat.postMessage: channel_not_found, not_in_channel, is_archived, no_text, invalid_blocks, msg_too_long")
def _():
    post = client.chat_postMessage
    refused("channel_not_found", post, channel="C0NOWHERE", text="x")
    refused("no_text", post, channel="C0GENERAL")
    refused("msg_too_long", post, channel="C0GENERAL", text="x" * 40_001)
    refused("thread_not_found", post, channel="C0GENERAL", text="x", thread_ts="1700000000.000001")
    answer = refused("invalid_blocks", post, channel="C0GENERAL", text="x", blocks=[{"type": "nonsense"}])
    assert "json-pointer:/blocks/0" in answer["response_metadata"]["messages"][0], answer.data
    refused("invalid_blocks", post, channel="C0GENERAL", text="x", blocks=[{"type": "divider"}] * 51)
    refused("invalid_blocks_format", post, channel="C0GENERAL", text="x", blocks='{"type": "divider"}')
    standin.order("kick", channel="C0FALLBACK")
    refused("not_in_channel", post, channel="C0FALLBACK", text="x")
    standin.order("archive", channel="C0FALLBACK", archived=True)
    refused("is_archived", post, channel="C0FALLBACK", text="x")
    standin.order("archive", channel="C0FALLBACK", archived=False)
    standin.order("invite", channel="C0FALLBACK")


@check("chat.postEphemeral: only to members of the channel")
def _():
    told = client.chat_postEphemeral(channel="C0GENERAL", user="U0DANA", text="only you", blocks=BLOCKS)
    has(told, message_ts=str)
    refused("message_not_found", client.chat_update, channel="C0GENERAL", ts=told["message_ts"], text="x")
    with_bob = client.chat_postMessage(channel="U0BOB", text="to you")["channel"]
    refused("user_not_in_channel", client.chat_postEphemeral, channel=with_bob, user="U0DANA", text="x")
    refused("channel_not_found", client.chat_postEphemeral, channel="C0NOWHERE", user="U0DANA", text="x")


@check("chat.update: own messages only, and by the conversation's id; text alone takes the blocks away")
def _():
    first = client.chat_postMessage(channel="C0GENERAL", text="Hello", blocks=BLOCKS)
    updated = client.chat_update(channel="C0GENERAL", ts=first["ts"], text="Bye", blocks=BLOCKS[:1])
    has(updated, channel=str, ts=str, text=str, message=dict)
    assert "ts" not in updated["message"], "Slack tells it beside the message only"
    assert updated["ts"] == first["ts"] and len(updated["message"]["blocks"]) == 1
    assert not client.chat_update(channel="C0GENERAL", ts=first["ts"], text="bare")["message"].get("blocks")
    refused("message_not_found", client.chat_update, channel="C0GENERAL", ts="1700000000.000001", text="x")
    said = standin.act("say", user="dana", channel="general", text="mine")
    refused("cant_update_message", client.chat_update, channel="C0GENERAL", ts=said["ts"], text="x")
    to_dana = client.chat_postMessage(channel="U0DANA", text="to you")
    refused("channel_not_found", client.chat_update, channel="U0DANA", ts=to_dana["ts"], text="x")
    assert client.chat_update(channel=to_dana["channel"], ts=to_dana["ts"], text="still you")["text"] == "still you"


@check("chat.delete and chat.getPermalink")
def _():
    first = client.chat_postMessage(channel="C0GENERAL", text="Hello")
    link = client.chat_getPermalink(channel="C0GENERAL", message_ts=first["ts"])
    assert link["permalink"].endswith("/archives/C0GENERAL/p" + first["ts"].replace(".", "")), link.data
    has(client.chat_delete(channel="C0GENERAL", ts=first["ts"]), channel=str, ts=str)
    refused("message_not_found", client.chat_delete, channel="C0GENERAL", ts=first["ts"])
    refused("message_not_found", client.chat_getPermalink, channel="C0GENERAL", message_ts=first["ts"])
    said = standin.act("say", user="dana", channel="general", text="mine")
    refused("cant_delete_message", client.chat_delete, channel="C0GENERAL", ts=said["ts"])


@check("reactions.add: once each")
def _():
    first = client.chat_postMessage(channel="C0GENERAL", text="Hello")
    client.reactions_add(channel="C0GENERAL", timestamp=first["ts"], name="eyes")
    refused("already_reacted", client.reactions_add, channel="C0GENERAL", timestamp=first["ts"], name="eyes")
    refused("message_not_found", client.reactions_add, channel="C0GENERAL", timestamp="1.1", name="eyes")


@check("conversations.open: users as the comma-separated string that this client sends")
def _():
    opened = client.conversations_open(users="U0ERIN")
    assert opened["channel"]["id"].startswith("D")
    assert client.conversations_open(users=["U0ERIN"])["already_open"] is True
    refused("user_not_found", client.conversations_open, users="U0NOBODY")
    refused("users_list_not_supplied", client.api_call, "conversations.open")


@check("conversations.info, .list with pages, .members, .join")
def _():
    info = client.conversations_info(channel="C0GENERAL", include_num_members=True)["channel"]
    has(info, id=str, name=str, is_channel=bool, is_private=bool, is_archived=bool, is_member=bool, created=int, topic=dict, purpose=dict, num_members=int)
    refused("channel_not_found", client.conversations_info, channel="C0NOWHERE")
    names = [channel["name"] for page in client.conversations_list(limit=1) for channel in page["channels"]]
    assert names == ["access-requests", "access-fallback", "general"], names
    refused("invalid_cursor", client.conversations_list, cursor="nonsense")
    members = [one for page in client.conversations_members(channel="C0GENERAL", limit=2) for one in page["members"]]
    assert "U0DANA" in members and len(members) == len(set(members)) > 2, members
    standin.order("kick", channel="C0FALLBACK")
    assert client.conversations_join(channel="C0FALLBACK")["channel"]["is_member"] is True


@check("users.info, .list with pages, .lookupByEmail; no address without its scope")
def _():
    dana = client.users_info(user="U0DANA")["user"]
    has(dana, id=str, team_id=str, name=str, deleted=bool, real_name=str, tz=str, tz_label=str, tz_offset=int, profile=dict, is_admin=bool, is_owner=bool, is_bot=bool, is_restricted=bool, is_ultra_restricted=bool, is_app_user=bool, updated=int, is_email_confirmed=bool)
    has(dana["profile"], real_name=str, display_name=str, email=str, team=str)
    ids = [user["id"] for page in client.users_list(limit=2) for user in page["members"]]
    assert "U0DANA" in ids and len(ids) == len(set(ids)) > 4, ids
    assert client.users_lookupByEmail(email="BOB@acme.example")["user"]["id"] == "U0BOB"
    refused("user_not_found", client.users_info, user="U0NOBODY")
    refused("users_not_found", client.users_lookupByEmail, email="nobody@acme.example")
    standin.order("scopes", scopes=["users:read"])
    assert "email" not in client.users_info(user="U0DANA")["user"]["profile"]
    refused("missing_scope", client.users_lookupByEmail, email="bob@acme.example")
    standin.order("scopes", scopes=standin.scopes)
    standin.order("deactivate", user="gus")
    assert client.users_info(user="U0GUS")["user"]["deleted"] is True


@check("users.profile.get, with the fields of the workspace's own")
def _():
    profile = client.users_profile_get(user="U0DANA")["profile"]
    has(profile, real_name=str, display_name=str, title=str, email=str, fields=dict)
    assert profile["fields"]["Xf0TEAM"]["value"] == "Payments", profile
    refused("user_not_found", client.users_profile_get, user="U0NOBODY")
    standin.order("scopes", scopes=["users:read"])
    refused("missing_scope", client.users_profile_get, user="U0DANA")
    standin.order("scopes", scopes=standin.scopes)


@check("usergroups.list and usergroups.users.list")
def _():
    group = client.usergroups_list(include_users=True, include_count=True)["usergroups"][0]
    has(group, id=str, team_id=str, is_usergroup=bool, name=str, handle=str, description=str, is_external=bool, date_create=int, date_update=int, date_delete=int, users=list, prefs=dict)
    # Slack gives this number as a string or a number; both are read.
    assert int(group["user_count"]) == len(group["users"])
    assert "users" not in client.usergroups_list()["usergroups"][0]
    assert client.usergroups_users_list(usergroup=group["id"])["users"] == group["users"]
    refused("no_such_subteam", client.usergroups_users_list, usergroup="S0NONE")


@check("views.open, .update, .push: the trigger is used once, lives 3 s; hash_conflict; at most three")
def _():
    view = client.views_open(trigger_id=trigger(), view=MODAL)["view"]
    has(view, id=str, team_id=str, type=str, callback_id=str, private_metadata=str, title=dict, blocks=list, state=dict, hash=str, root_view_id=str, app_id=str, bot_id=str, clear_on_close=bool, notify_on_close=bool, external_id=str)
    assert view["previous_view_id"] is None and view["root_view_id"] == view["id"]
    updated = client.views_update(view_id=view["id"], hash=view["hash"], view=MODAL)["view"]
    assert updated["id"] == view["id"] and updated["hash"] != view["hash"]
    refused("hash_conflict", client.views_update, view_id=view["id"], hash=view["hash"], view=MODAL)
    refused("not_found", client.views_update, view_id="V0NONE", view=MODAL)
    second = client.views_push(trigger_id=trigger(), view=MODAL)["view"]
    assert second["previous_view_id"] == view["id"] and second["root_view_id"] == view["id"]
    client.views_push(trigger_id=trigger(), view=MODAL)
    refused("push_limit_reached", client.views_push, trigger_id=trigger(), view=MODAL)
    used = trigger()
    client.views_open(trigger_id=used, view=MODAL)
    refused("exchanged_trigger_id", client.views_open, trigger_id=used, view=MODAL)
    refused("invalid_trigger_id", client.views_open, trigger_id="12.34.56", view=MODAL)
    old = trigger()
    standin.order("expire_triggers")
    refused("expired_trigger_id", client.views_open, trigger_id=old, view=MODAL)
    answer = refused("invalid_arguments", client.views_open, trigger_id=trigger(), view={"type": "modal", "blocks": []})
    assert answer["response_metadata"]["messages"], answer.data


@check("views.publish: one home for each person, hash_conflict")
def _():
    home = client.views_publish(user_id="U0DANA", view=HOME)["view"]
    assert home["type"] == "home"
    again = client.views_publish(user_id="U0DANA", view=HOME, hash=home["hash"])["view"]
    assert again["id"] == home["id"] and again["hash"] != home["hash"]
    refused("hash_conflict", client.views_publish, user_id="U0DANA", view=HOME, hash=home["hash"])
    refused("user_not_found", client.views_publish, user_id="U0NOBODY", view=HOME)
    refused("invalid_arguments", client.views_publish, user_id="U0DANA", view=MODAL)


@check("blocks.validate tells faults with their places")
def _():
    good = json.loads(json.dumps([block.to_dict() for block in BLOCKS]))
    client.api_call("blocks.validate", json={"blocks": good})
    refused("invalid_blocks", client.api_call, "blocks.validate", json={"blocks": [{"type": "header"}]})


@check("a file in three steps, as files_upload_v2 takes them")
def _():
    uploaded = client.files_upload_v2(channel="C0GENERAL", filename="ledger.csv", title="Ledger", content="a,b\n1,2\n", initial_comment="here")
    has(uploaded["files"][0], id=str, title=str)
    refused("file_not_found", client.files_completeUploadExternal, files=[{"id": "F0NONE", "title": "x"}])


@check("Retry-After is kept by the client's own retry handler")
def _():
    patient = WebClient(token=standin.bot_token, base_url=standin.api_url, retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=1)])
    standin.act("faults", method="chat.postMessage", kind="rate_limited", retry_after=1)
    assert patient.chat_postMessage(channel="C0GENERAL", text="later")["ok"] is True
    standin.act("faults", method="chat.postMessage", kind="rate_limited", retry_after=1)
    answer = refused("ratelimited", client.chat_postMessage, channel="C0GENERAL", text="now")
    assert answer.status_code == 429 and answer.headers["retry-after"] == "1", answer.headers


@check("every method answers to GET and to POST, to a form and to JSON")
def _():
    headers = {"authorization": f"Bearer {standin.bot_token}"}
    get = urllib.request.Request(f"{standin.api_url}users.info?user=U0BOB", headers=headers)
    form = urllib.request.Request(f"{standin.api_url}users.info", data=b"user=U0BOB", headers=headers)
    as_json = urllib.request.Request(f"{standin.api_url}users.info", data=b'{"user": "U0BOB"}', headers={**headers, "content-type": "application/json; charset=utf-8"})
    for request in (get, form, as_json):
        with urllib.request.urlopen(request) as answer:
            assert json.load(answer)["user"]["id"] == "U0BOB"


@check("every method that the stand-in serves was called and answered ok")
def _():
    methods = served()
    assert len(methods) >= 28, methods
    answered = {call["method"] for call in standin.look("calls") if call["answer"] and call["answer"]["ok"]}
    assert methods <= answered, f"never called with success: {sorted(methods - answered)}"


# What was answered, for the types of the JavaScript client.
calls = [call for call in standin.look("calls") if call["answer"] and call["answer"].get("ok")]
with open(os.path.join(os.environ["JIT_QUALIFY"], "answers.json"), "w", encoding="utf-8") as file:
    json.dump([{"method": call["method"], "answer": call["answer"]} for call in calls], file)

receiver.stop()
standin.stop()
check.end()
