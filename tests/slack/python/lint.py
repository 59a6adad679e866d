"""Our own reading of Slack's documented limits, over the JSON: what no other validator sees, above
all ids that stand twice. It shares no code with the bot's lint."""

from payloads import hold
from standin import Checks

BLOCKS = {
    "section", "header", "divider", "image", "actions", "context", "input", "file", "video",
    "markdown", "rich_text", "table", "alert", "card", "carousel", "container", "plan", "task_card",
    "context_actions", "data_table", "data_visualization",
}  # fmt: skip
SELECTS = {"static_select", "multi_static_select", "checkboxes", "radio_buttons", "overflow"}
MOST_OPTIONS = {"overflow": 5, "checkboxes": 10, "radio_buttons": 10}
PLAIN_ONLY = {"header", "button", "label", "hint", "placeholder", "title", "submit", "close", "confirm", "deny"}


def length(text):
    """As UTF-16 counts, the strictest of what Slack may count."""
    return len(text.encode("utf-16-le")) // 2


class Lint:
    def __init__(self):
        self.faults = []
        self.block_ids = []

    def need(self, good, fault):
        if not good:
            self.faults.append(fault)

    def words(self, what, text, limit, required=False):
        """A text object."""
        if text is None:
            self.need(not required, f"{what} is missing")
            return
        if not isinstance(text, dict) or not isinstance(text.get("text"), str):
            self.need(False, f"{what} is no text object")
            return
        self.need(text.get("type") in ("plain_text", "mrkdwn"), f"{what} is of type {text.get('type')}")
        self.need(text["type"] == "plain_text" or what not in PLAIN_ONLY, f"{what} has markup")
        self.need(1 <= length(text["text"]) <= limit, f"{what} has {length(text['text'])} of {limit}")

    def string(self, what, value, limit):
        if value is not None:
            good = isinstance(value, str) and length(value) <= limit
            self.need(good, f"{what} is longer than {limit} or no string")

    def blocks(self, blocks, most):
        self.need(isinstance(blocks, list) and 1 <= len(blocks) <= most, f"{len(blocks)} of {most} blocks")
        for block in blocks:
            self.block(block)
        self.twice("block_id", self.block_ids)

    def twice(self, what, ids):
        again = sorted({one for one in ids if ids.count(one) > 1})
        self.need(not again, f"{what} twice: {again}")

    def block(self, block):
        kind = block.get("type")
        self.need(kind in BLOCKS, f"no such block as {kind}")
        if "block_id" in block:
            self.string("block_id", block["block_id"], 255)
            self.block_ids.append(block["block_id"])
        getattr(self, f"in_{kind}", lambda _: None)(block)
        inner = block.get("elements", []) if kind in ("actions", "context") else []
        elements = [*inner, block.get("accessory"), block.get("element")]
        elements = [one for one in elements if one and "action_id" in one]
        self.twice("action_id", [one["action_id"] for one in elements])
        for element in elements:
            self.element(element)

    def in_section(self, block):
        fields = block.get("fields")
        self.need(block.get("text") or fields, "a section with nothing in it")
        self.words("section", block.get("text"), 3000)
        self.need(fields is None or 1 <= len(fields) <= 10, "fields")
        for field in fields or []:
            self.words("field", field, 2000)

    def in_header(self, block):
        self.words("header", block.get("text"), 150, required=True)

    def in_actions(self, block):
        self.need(1 <= len(block["elements"]) <= 25, f"{len(block['elements'])} elements in a row")
        for element in block["elements"]:
            self.need("action_id" in element, "an element without an action_id")

    def in_context(self, block):
        self.need(1 <= len(block["elements"]) <= 10, f"{len(block['elements'])} elements in small print")
        for element in block["elements"]:
            if element.get("type") != "image":
                self.words("small print", element, 3000)

    def in_input(self, block):
        self.words("label", block.get("label"), 2000, required=True)
        self.words("hint", block.get("hint"), 2000)
        self.need(isinstance(block.get("element"), dict), "an input without an element")

    def in_markdown(self, block):
        self.string("markdown", block.get("text"), 12_000)

    def in_table(self, block):
        rows = block.get("rows", [])
        self.need(1 <= len(rows) <= 100 and all(len(row) <= 20 for row in rows), "a table too large")

    def element(self, element):
        kind = element.get("type")
        self.string("action_id", element["action_id"], 255)
        self.need(element["action_id"] != "", "an empty action_id")
        self.words("placeholder", element.get("placeholder"), 150)
        self.confirm(element.get("confirm"))
        if kind == "button":
            self.words("button", element.get("text"), 75, required=True)
            self.string("value", element.get("value"), 2000)
            self.string("url", element.get("url"), 3000)
            self.string("accessibility_label", element.get("accessibility_label"), 75)
            self.need(element.get("style") in (None, "primary", "danger"), f"a button in {element.get('style')}")
        if kind in SELECTS:
            self.options(kind, element)
        if kind == "plain_text_input":
            self.need(element.get("max_length", 1) <= 3000, "max_length over 3000")
            self.string("initial_value", element.get("initial_value"), element.get("max_length", 3000))

    def options(self, kind, element):
        options, groups = element.get("options"), element.get("option_groups")
        self.need(options or groups, f"{kind} with nothing to choose")
        self.need(not groups or len(groups) <= 100, "more than 100 groups")
        for several in [options or [], *[group["options"] for group in groups or []]]:
            most = MOST_OPTIONS.get(kind, 100)
            self.need(len(several) <= most, f"{len(several)} of {most} options")
            self.twice("option", [option.get("value") for option in several])
            for option in several:
                self.words("option", option.get("text"), 75, required=True)
                self.string("option's value", option.get("value"), 150)
                self.words("description", option.get("description"), 75)

    def confirm(self, confirm):
        if confirm is None:
            return
        self.words("title", confirm.get("title"), 100, required=True)
        self.words("question", confirm.get("text"), 300, required=True)
        self.words("confirm", confirm.get("confirm"), 30, required=True)
        self.words("deny", confirm.get("deny"), 30, required=True)

    def view(self, view):
        modal = view["type"] == "modal"
        self.words("title", view.get("title"), 24, required=modal)
        self.words("submit", view.get("submit"), 24)
        self.words("close", view.get("close"), 24)
        self.string("callback_id", view.get("callback_id"), 255)
        self.string("external_id", view.get("external_id"), 255)
        self.string("private_metadata", view.get("private_metadata"), 3000)
        asks = any(block.get("type") == "input" for block in view["blocks"])
        self.need(not modal or not asks or view.get("submit"), "inputs without a button to send")
        self.need(modal or not (view.get("submit") or view.get("close")), "a home with a modal's buttons")
        self.blocks(view["blocks"], 100)


def faults(kind, payload):
    lint = Lint()
    if kind == "message":
        text = payload.get("text")
        lint.need(isinstance(text, str) and text.strip() and length(text) <= 4000, "no top-level text, or too long")
        lint.blocks(payload["blocks"], 50)
    else:
        lint.view(payload)
    return lint.faults


check = Checks("lint")
hold(check, "lint", faults)
check.end()
