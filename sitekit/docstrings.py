"""A griffe extension: our docstring style, as mkdocstrings understands it."""

import re

from griffe import Extension

HEADER = re.compile(r"^(Page|Source|Shapes): (.+(?:\n    .+)*)", re.M)


class GuideDocstrings(Extension):
    """Shows `Example:` as code and a module's header lines as a list."""

    def on_instance(self, *, obj, **kwargs):
        """Rewrite one docstring before it is parsed."""
        if obj.docstring:
            text = re.sub(r"^Example:$", "Examples:", obj.docstring.value,
                          flags=re.M)
            obj.docstring.value = HEADER.sub(r"- **\1**: \2", text)
