"""How scripts write JSON that is numbers for the most part: in few lines, and a difference shows where it is."""
import json


def holds_object(value):
    return isinstance(value, dict) or isinstance(value, (list, tuple)) and any(map(holds_object, value))


def text(value, indent=0):
    """A line for each innermost object, and for each array without an object in it that stands elsewhere."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else []
    if not any(map(holds_object, inner)):
        return json.dumps(value)
    names = [f"{json.dumps(key)}: " for key in value] if isinstance(value, dict) else [""] * len(value)
    lines = [" " * (indent + 1) + name + text(part, indent + 1) for name, part in zip(names, inner)]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return opening + "\n" + ",\n".join(lines) + "\n" + " " * indent + closing
