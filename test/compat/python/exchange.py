"""What the tests and these scripts tell each other: one command as JSON on stdin, one answer as JSON on stdout."""

import json
import sys


def text(data):
    """Bytes of a record as text; None stays None."""
    return None if data is None else data.decode("utf-8")


def data_of(value):
    """Text as the bytes of a record; None stays None."""
    return None if value is None else value.encode("utf-8")


def outcome(call):
    """What a call gave, or the name and the code of the error that the client raised."""
    try:
        return {"ok": call()}
    except Exception as error:  # every error that a client raises is an answer here
        code = getattr(error, "errno", None)
        if error.args and hasattr(error.args[0], "code"):
            code = error.args[0].code()
        return {"error": type(error).__name__, "code": code, "message": str(error)}


def serve(commands):
    """Runs the command that stdin asks for: {"command": name, "bootstrap": "host:port", ...its own fields}."""
    asked = json.load(sys.stdin)
    json.dump(outcome(lambda: commands[asked["command"]](asked)), sys.stdout)
