"""Writes JSON schemas for kubeconform into a folder, as the API server of the current context publishes them.

Usage: schemas.py FOLDER. One file per kind, FOLDER/<kind>[-<group>]-<version>.json, all lower case; unknown fields are
refused, so that a misspelt field in a chart does not pass.
"""

import json
import pathlib
import subprocess
import sys


def get(path):
    done = subprocess.run(["kubectl", "get", "--raw", path], check=True, capture_output=True, timeout=30)
    return json.loads(done.stdout)


def strict(schema):
    """Refuses fields that are not in `properties`, except where the API server itself takes any."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    by_name = ("properties", "schemas")  # maps from names to schemas, not schemas themselves
    schema = {
        key: {name: strict(one) for name, one in value.items()} if key in by_name else strict(value)
        for key, value in schema.items()
    }
    open_ended = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(schema.get("properties"), dict) and not open_ended:
        schema["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string":
        schema = {"type": ["integer", "string"]}
    return schema


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for path in get("/openapi/v3")["paths"]:
        if not path.startswith("api"):
            continue
        schemas = get(f"/openapi/v3/{path}").get("components", {}).get("schemas", {})
        for name, schema in schemas.items():
            for kind in schema.get("x-kubernetes-group-version-kind", []):
                if schema.get("properties", {}).get("metadata") is None:
                    continue
                parts = [kind["kind"], kind["group"].split(".")[0], kind["version"]]
                file = folder / ("-".join(part for part in parts if part).lower() + ".json")
                body = {"$ref": f"#/components/schemas/{name}", "components": strict({"schemas": schemas})}
                file.write_text(json.dumps(body))
                count += 1
    print(f"{count} schemas in {folder}")


if __name__ == "__main__":
    main(sys.argv[1])
