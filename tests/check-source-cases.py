"""Each rule of check-source against snippets that it must catch and others that it must not.

A case: rule, path of the snippet, bad text or texts, good text or texts. The tree around a snippet
holds a meson.build with `layers`, and a few headers for the rules about includes.
"""

HEAD = "/* A paragraph that tells a newcomer what this file is for. */\n"
AROUND = {
    "meson.build": "layers = {\n  'base': [[], [jansson]],\n  'store': [['base'], [sqlite]],\n}\n",
    "core/base/base.h": HEAD,
    "core/base/impl.h": HEAD,
    "core/store/store.h": HEAD,
    "daemon/shared/shared.h": HEAD,
    "daemon/server/server.h": HEAD,
    "schema/meson.build": "migrations = files(\n  '0001_base.sql',\n)\n",
}


def function(kind, *body):
    return HEAD + f"{kind}\nseats(struct ctx *c)\n{{\n" + "".join(f"\t{b}\n" for b in body) + "}\n"


def lines(n):
    return ["x();"] * n


CASES = [
    ("banned_names", "core/base/a.c",
     ["strcpy(a, b);", "n = atoi (s);", "sprintf(s, f);", "p = alloca(n);"],
     ["snprintf(s, n, f);", "/* strcpy(a, b) */", 's = "strcpy(";', "my_atoi(s);", "gmtime_r(t, &tm);"]),
    ("banned_goto", "core/base/a.c", ["goto out;"], ["/* no goto */", "gotos = 1;"]),
    ("banned_typedef", "core/base/a.h", ["typedef struct x y;"], ["typedef bool handler(struct x *);"]),
    ("secret_comparison", "core/crypto/a.c", ["if (memcmp(a, b, n) == 0)"],
     ["CRYPTO_memcmp(a, b, n);", "if (memcmp(a, b, n)) /* allowed: not secret */",
      "/* allowed: not secret */\nif (memcmp(a, b, n))"]),
    ("bool_returns", "core/base/a.c",
     [function("bool", "return SIZE_MAX;"), function("MUST static bool", "return n;"),
      function("bool", "return -1;"), function("bool", "return (0);"), function("bool", "return NULL;"),
      function("bool", "if (x) return n;"), function("static bool", "return x ? SIZE_MAX : true;"),
      function("bool", "return f(x) ?", "    true : -1;")],
     [function("bool", "return ok;"), function("bool", "return true;"), function("bool", "return f(c);"),
      function("bool", "return a == b;"), function("size_t", "return SIZE_MAX;"),
      function("bool *", "return p;"), function("bool", "return x ? true : fail(c, E_INPUT);"),
      function("bool", "return f(x ? NULL : x->b) == 1;"), function("bool", "return x ? f(1) : ok;"),
      function("bool", "return (x)(y);")]),
    ("includes_up", "core/base/a.c", ['#include "../store/store.h"'], ['#include "base.h"']),
    ("includes_private", "core/store/a.c", ['#include "impl.h"'], ['#include "base.h"', "#include <impl.h>"]),
    ("includes_private", "core/base/a.c", ['#include "store.h"'], ['#include "impl.h"']),
    ("includes_private", "daemon/ctl/a.c", ['#include "server.h"'], ['#include "shared.h"']),
    ("outside_libraries", "core/base/a.c",
     ["#include <sqlite3.h>", "#include <openssl/evp.h>"], ["#include <jansson.h>", "#include <unistd.h>"]),
    ("outside_libraries", "daemon/ctl/a.c", ["#include <microhttpd.h>"], ["#include <string.h>"]),
    ("outside_libraries", "daemon/server/a.c", ["#include <curl/curl.h>"], ["#include <microhttpd.h>"]),
    ("core_is_pure", "core/base/a.c",
     ["#include <sys/socket.h>", "#include <syslog.h>", "pid = fork();", 'printf("x");', "fprintf(stderr, s);",
      "system(s);", "exit(1);"],
     ["snprintf(s, n, f);", "job->system(c);", "/* exit(1) */", "vsnprintf(s, n, f, ap);", "abort();",
      "PRINTF(2, 3) void f(int);", "__attribute__((format(printf, 1, 2)))"]),
    ("sql_stays_in_store", "daemon/server/a.c", ['q = "SELECT id FROM job";'], ['q = "Select a job";']),
    ("sql_stays_in_store", "core/base/a.c", ['q = "DELETE FROM job";'], ['q = "deleted";']),
    ("line_comments", "core/base/a.c", ["x = 1; // one"], ['s = "http://x";', "/* see // there */"]),
    ("opening_comment", "core/base/a.c", ["#include <x.h>\n", "/* short */\n"], [HEAD]),
    ("opening_comment", "core/base/base.h", ["#ifndef X\n"], [HEAD]),
    ("public_comments", "core/base/base.h",
     ["\nvoid f(int);\n", "\n/* A section. */\n\nvoid f(int);\n", "\nMUST bool f(\n    struct ctx *, int);\n",
      "\nMUST PRINTF(3, 4) bool f(struct ctx *, const char *, ...);\n"],
     ["\n/* Does it. */\nvoid f(int);\nvoid g(int);\n", "\nvoid f(int); /* beside it */\n",
      "\nstruct x {\n\tbool (*f)(int);\n};\n", "\n#define F(x) g(x);\n", "\ntypedef bool f(int);\n"]),
    ("comments_without_conventions", "core/base/base.h",
     ["/* Returns true on success. */", "/* return -1 if error */"], ["/* Returns the owner. */"]),
    ("unfinished", "core/base/a.c", ["/* TO" + "DO: this */", "/* FIX" + "ME */"], ["/* a todo list */"]),
    ("machine_names", "README.md",
     ["curl https://registry.npm" + "js.org/", "see /wo" + "rk/main", "see ../sha" + "red/STYLE.md"],
     ["npm install jose", "core/wo" + "rk/main", "https://localhost:8443/v1"]),
    ("long_files", "core/base/a.c", ["x\n" * 501], ["x\n" * 500]),
    ("long_functions", "core/base/a.c",
     [function("void", *lines(61))],
     [function("void", *lines(60)),
      function("void", *lines(61)).replace("void\n", "/* long: one table of steps */\nvoid\n")]),
    ("long_lines", "core/base/a.c", ["\t" + "x" * 93], ["\t" + "x" * 92, "/* clang-format off */\n" + "x" * 119, '\t"' + "x" * 99 + '"']),
    ("tidy_text", "core/base/a.c", ["x = 1; \n", "x = 1;"], ["x = 1;\n"]),
    ("migrations_listed", "schema/0002_more.sql", ["SELECT 1;\n"], []),
    ("migrations_listed", "schema/0001_base.sql", [], ["SELECT 1;\n"]),
]


def run(rules, judge, tree):
    by_name = {rule.__name__: rule for rule in rules}
    wrong = []
    count = 0

    def note(good, text):
        nonlocal count
        count += 1
        print(f"{'ok' if good else 'not ok'} {count} - {text}")
        if not good:
            wrong.append(text)

    for name, path, bad, good in CASES:
        for texts, caught in ((bad, True), (good, False)):
            for text in texts:
                found = judge(tree({**AROUND, path: text}), [by_name[name]])
                here = [row for row in found if row[0] == path]
                verb = "catches" if caught else "lets pass"
                note(bool(here) == caught, f"{name} {verb} {path}: {text[-60:].strip()!r}".replace("#", "\\#"))
    for name in by_name:
        note(any(case[0] == name and case[2] for case in CASES), f"{name} has a case")
    print(f"1..{count}")
    return 1 if wrong else 0
