"""Checks a list of components against the schema of CycloneDX, which the package has, and prints their names: sbom.py FILE"""

import json
import pathlib
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

text = pathlib.Path(sys.argv[1]).read_text()
version = SchemaVersion.from_version(json.loads(text)["specVersion"])
wrong = JsonStrictValidator(version).validate_str(text)
if wrong:
    sys.exit(str(wrong))
print("\n".join(f"{component['name']} {component['version']}" for component in json.loads(text)["components"]))
