# SPDX-License-Identifier: GPL-2.0-or-later
"""policies.py FOLDER: do the policies in FOLDER and FOLDER/reject fit the schema on standard input?

The examples do. In reject/ the first line of a file says what is wrong: `# shape:` is what the
schema refuses, too; `# meaning:` is beyond it; `# text:` is no YAML of ours, which is not its
business. Exit status 0: it is so; 1: it is not; 77: no jsonschema or yaml here.
"""
import json
import pathlib
import sys

try:
    import jsonschema
    import yaml
except ImportError:
    sys.exit(77)


def wrong(validator, path):
    # All scalars are strings, as the language has it.
    document = yaml.load(path.read_text(), Loader=yaml.BaseLoader)
    return [f"{e.json_path}: {e.message}" for e in validator.iter_errors(document)]


def main():
    folder = pathlib.Path(sys.argv[1])
    schema = json.load(sys.stdin)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    seen = {"example": 0, "shape": 0, "meaning": 0, "text": 0}
    bad = 0
    for path in sorted(folder.glob("*.yaml")) + sorted(folder.glob("reject/*.yaml")):
        kind = "example"
        if path.parent.name == "reject":
            kind = path.read_text().split("\n")[0].removeprefix("# ").split(":")[0]
        if path.name == "text-json-comma.yaml":
            kind = "text"  # JSON has no comments
        seen[kind] += 1
        if kind == "text":
            continue
        why = wrong(validator, path)
        if bool(why) != (kind == "shape"):
            print(f"{path.name} ({kind}): {why or 'the schema takes it'}")
            bad = 1
    print(seen)
    sys.exit(bad if min(seen.values()) > 0 else 1)


main()
