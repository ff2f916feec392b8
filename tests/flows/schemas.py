"""As much of JSON Schema 2020-12 as the contract uses. A keyword that is not known here is an
error, so that nothing in the contract goes unchecked in silence."""

import re

TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
    "integer": int, "number": (int, float),
}  # fmt: skip
# Words that say something to people, or to other programs.
SILENT = {"description", "title", "example", "examples", "default", "deprecated", "readOnly", "writeOnly",
          "contentMediaType", "contentEncoding", "$comment"}  # fmt: skip
FORMATS = {
    "date-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
    "uri": r"[a-z][a-z0-9+.-]*:.+",
    "uri-reference": r".+",
    "int32": None, "int64": None, "double": None, "byte": None,
}  # fmt: skip


def resolved(schema, root):
    while isinstance(schema, dict) and "$ref" in schema:
        at = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            at = at[part.replace("~1", "/").replace("~0", "~")]
        schema = at
    return schema


def is_type(value, name):
    if isinstance(value, bool) and name != "boolean":
        return False
    return isinstance(value, TYPES[name])


def wrong(value, schema, root, at="$"):
    """Sentences about what does not fit; none if it all does."""
    schema = resolved(schema, root)
    if schema is True or schema == {}:
        return []
    if schema is False:
        return [f"{at} may not be there"]
    found = []
    for word, wanted in schema.items():
        if word in SILENT:
            continue
        rule = RULES.get(word)
        if rule is None:
            found.append(f"{at}: this check does not know the keyword {word}")
        else:
            found += rule(value, wanted, schema, root, at)
    return found


def rule_type(value, wanted, schema, root, at):
    names = wanted if isinstance(wanted, list) else [wanted]
    return [] if any(is_type(value, n) for n in names) else [f"{at} is {value!r}, not {wanted}"]


def rule_properties(value, wanted, schema, root, at):
    if not isinstance(value, dict):
        return []
    return [w for name, of in wanted.items() if name in value for w in wrong(value[name], of, root, f"{at}.{name}")]


def rule_required(value, wanted, schema, root, at):
    return [f"{at}.{name} is missing" for name in wanted if isinstance(value, dict) and name not in value]


def rule_additional(value, wanted, schema, root, at):
    if not isinstance(value, dict):
        return []
    more = set(value) - set(schema.get("properties", {}))
    return [w for name in more for w in wrong(value[name], wanted, root, f"{at}.{name}")]


def rule_items(value, wanted, schema, root, at):
    if not isinstance(value, list):
        return []
    return [w for n, item in enumerate(value) for w in wrong(item, wanted, root, f"{at}[{n}]")]


def rule_unique(value, wanted, schema, root, at):
    if not wanted or not isinstance(value, list):
        return []
    return [f"{at}[{n}] is there twice" for n, item in enumerate(value) if item in value[:n]]


def rule_enum(value, wanted, schema, root, at):
    return [] if value in wanted else [f"{at} is {value!r}, not one of {wanted}"]


def rule_const(value, wanted, schema, root, at):
    return [] if value == wanted else [f"{at} is {value!r}, not {wanted!r}"]


def rule_pattern(value, wanted, schema, root, at):
    fits = not isinstance(value, str) or re.search(wanted, value)
    return [] if fits else [f"{at} is {value!r}, not like {wanted}"]


def rule_format(value, wanted, schema, root, at):
    if wanted not in FORMATS:
        return [f"{at}: this check does not know the format {wanted}"]
    form = FORMATS[wanted]
    fits = form is None or not isinstance(value, str) or re.fullmatch(form, value)
    return [] if fits else [f"{at} is {value!r}, not a {wanted}"]


def bound(measure, fits, kind):
    def rule(value, wanted, schema, root, at):
        if not isinstance(value, kind) or isinstance(value, bool):
            return []
        return [] if fits(measure(value), wanted) else [f"{at}: {measure(value)} is out of bounds ({wanted})"]

    return rule


def rule_all(value, wanted, schema, root, at):
    return [w for of in wanted for w in wrong(value, of, root, at)]


def rule_any(value, wanted, schema, root, at):
    return [] if any(not wrong(value, of, root, at) for of in wanted) else [f"{at} fits none of anyOf"]


def rule_one(value, wanted, schema, root, at):
    n = sum(not wrong(value, of, root, at) for of in wanted)
    return [] if n == 1 else [f"{at} fits {n} of oneOf"]


def same(value):
    return value


def at_least(a, b):
    return a >= b


def at_most(a, b):
    return a <= b


RULES = {
    "type": rule_type, "properties": rule_properties, "required": rule_required, "items": rule_items,
    "additionalProperties": rule_additional, "enum": rule_enum, "const": rule_const, "pattern": rule_pattern,
    "format": rule_format, "allOf": rule_all, "anyOf": rule_any, "oneOf": rule_one,
    "uniqueItems": rule_unique, "minLength": bound(len, at_least, str), "maxLength": bound(len, at_most, str),
    "minItems": bound(len, at_least, list), "maxItems": bound(len, at_most, list),
    "minimum": bound(same, at_least, (int, float)), "maximum": bound(same, at_most, (int, float)),
}  # fmt: skip
