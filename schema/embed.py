#!/usr/bin/env python3
"""Turns the files of schema/ into C, so that the programs carry them and need no data folder.

embed.py migrations OUT.c NNNN_*.sql   store_migrations[], in the order of their numbers
embed.py openapi OUT.c openapi.yaml    openapi_json[], the contract as compact JSON
"""

import json
import re
import sys
from pathlib import Path

# Bytes are written as numbers: a string literal beyond 4095 bytes is not portable C.
WIDTH = 20


def c_array(name, data, storage):
    rows = [data[i : i + WIDTH] for i in range(0, len(data), WIDTH)]
    body = "".join("\t" + " ".join(f"{b}," for b in row) + "\n" for row in rows)
    return f"{storage}const char {name}[] = {{\n{body}}};\n\n"


def migrations(paths):
    paths = sorted(paths, key=lambda p: p.name)
    out = "extern const char *const store_migrations[];\nextern const size_t store_migration_count;\n\n"
    for at, path in enumerate(paths, start=1):
        if not re.fullmatch(r"\d{4}_[a-z0-9_]+\.sql", path.name) or int(path.name[:4]) != at:
            sys.exit(f"{path}: expected the name {at:04}_….sql: migrations count from 1, without a gap")
        sql = path.read_text(encoding="utf-8").encode()
        if b"\0" in sql:
            sys.exit(f"{path}: holds a NUL")
        # `char` is signed: bytes above 127 would not fit as plain numbers.
        if any(b > 127 for b in sql):
            sys.exit(f"{path}: keep migrations in ASCII")
        out += c_array(f"migration_{at}", sql + b"\0", "static ")
    names = "".join(f"\tmigration_{at},\n" for at in range(1, len(paths) + 1))
    out += f"const char *const store_migrations[] = {{\n{names}}};\n"
    return out + f"const size_t store_migration_count = {len(paths)};\n"


def openapi(paths):
    import yaml

    # Times and dates stay the text that they are in the file.
    class Loader(yaml.SafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:timestamp"]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    (path,) = paths
    document = yaml.load(path.read_text(encoding="utf-8"), Loader)
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3.1"):
        sys.exit(f"{path}: is not an OpenAPI 3.1 document")
    # JSON's own escapes keep the text in ASCII.
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=True).encode()
    out = "extern const char openapi_json[];\nextern const size_t openapi_json_size;\n\n"
    out += c_array("openapi_json", text + b"\0", "")
    return out + f"const size_t openapi_json_size = {len(text)};\n"


def main():
    kinds = {"migrations": migrations, "openapi": openapi}
    if len(sys.argv) < 4 or sys.argv[1] not in kinds:
        sys.exit(__doc__)
    body = kinds[sys.argv[1]]([Path(name) for name in sys.argv[3:]])
    head = "/* Made by schema/embed.py: edit the files in schema/ instead. */\n#include <stddef.h>\n\n"
    Path(sys.argv[2]).write_text(head + body, encoding="ascii")


main()
