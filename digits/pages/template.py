"""From a Jinja template in this folder to an HTML file that needs no other."""

from pathlib import Path

from digits.files import atomic_write


def write_page(path, template, **values):
    """Write the HTML file `path`, atomically.

    Args:
        path: of the HTML file.
        template: name of a template here; in it, `source(name)` is the content of a file beside it, as it stands.
        values: what the template names.

    Raises:
        UserError, OSError: it cannot be written. An earlier file is unchanged.
    """
    import jinja2
    from markupsafe import Markup

    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["source"] = lambda name: Markup((folder / name).read_text(encoding="utf-8"))
    html = environment.get_template(template).render(values)
    with atomic_write(path) as part:
        part.write_text(html, encoding="utf-8")
