# SPDX-License-Identifier: GPL-2.0-or-later
"""validate.py SCHEMAS KIND: is the JSON on standard input what SCHEMAS/KIND.json says?

Also checks the schema itself. Exit status 0: it is; 1: it is not; 77: no jsonschema here.
"""
import json
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    sys.exit(77)


def objects(schema, path="#"):
    """All subschemas that describe an object."""
    if isinstance(schema, dict):
        if schema.get("type") == "object" or "properties" in schema:
            yield path, schema
        for key, value in schema.items():
            yield from objects(value, f"{path}/{key}")
    elif isinstance(schema, list):
        for i, value in enumerate(schema):
            yield from objects(value, f"{path}/{i}")


def main():
    folder, kind = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    schema = json.loads((folder / f"{kind}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    for path, part in objects(schema):
        # False, or the schema of a map's values: a field that nobody described is found.
        if "additionalProperties" not in part or part["additionalProperties"] is True:
            sys.exit(f"{kind}.json: {path} takes properties that it does not name")
    resolver = jsonschema.RefResolver(f"{folder.as_uri()}/{kind}.json", schema)
    validator = jsonschema.Draft202012Validator(schema, resolver=resolver)
    errors = list(validator.iter_errors(json.load(sys.stdin)))
    for error in errors:
        print(f"{kind}: {error.json_path}: {error.message}")
    sys.exit(1 if errors else 0)


main()
