# tests/signing.rs puts this behind the document's `sign`: prints what becomes of every vector.
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    vectors = json.load(file)


def told(vector):
    key = bytes.fromhex(vectors["keys"][vector["kid"]])
    names = ("host", "path", "parameters", "exp", "kid", "free")
    try:
        return sign(key, *(vector[name] for name in names))  # noqa: F821
    except ValueError:
        return None


print(json.dumps({group: [told(vector) for vector in vectors[group]] for group in ("signed", "refused")}))
