"""From a Jinja template in this folder to an HTML file that needs no other."""

import re
from pathlib import Path

from digits.files import atomic_write

FOLDER = Path(__file__).parent


def write_page(path, template, **values):
    """Write the HTML file `path`, atomically.

    Args:
        path: of the HTML file.
        template: name of a template here; in it, `source(name)` is the content of a file beside it, as it stands, and
            `bundle(*names)` is JavaScript modules as one.
        values: what the template names.

    Raises:
        UserError, OSError: it cannot be written. An earlier file is unchanged.
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["source"] = lambda name: Markup(read(name))
    environment.globals["bundle"] = lambda *names: Markup(bundle(*names))
    html = environment.get_template(template).render(values)
    with atomic_write(path) as part:
        part.write_text(html, encoding="utf-8")


def read(name):
    """Return the content of a file in this folder."""
    return (FOLDER / name).read_text(encoding="utf-8")


def bundle(*names):
    """Return JavaScript modules, each after those that it imports, as one that stands in a page without any other.

    Each is a function, called once, that returns what the module exports; the last one exports nothing.
    """
    parts = []
    for name in names:
        code = re.sub(r"^import [^;]*;\n", "", read(name), flags=re.MULTILINE)
        exported = ", ".join(re.findall(r"^export (?:const|function) (\w+)", code, re.MULTILINE))
        code = re.sub(r"^export ", "", code, flags=re.MULTILINE)
        parts.append(
            f"const {{ {exported} }} = (() => {{\n{code}return {{ {exported} }};\n}})();\n" if exported else code
        )
    return "\n".join(parts)
