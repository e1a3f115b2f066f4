"""Run lab/lesson.ipynb from top to bottom, and keep what its cells print and draw.

python -m lab.notebook                                     writes it with its outputs, in about three minutes
python -m lab.notebook --epochs 1 --output tried.ipynb     does everything work?

The text and the code of the lesson are in the notebook itself: edit them in Jupyter, then run this.
"""

from pathlib import Path

from digits import flags
from digits.errors import UserError
from digits.files import atomic_write

LESSON = Path(__file__).with_name("lesson.ipynb")


def main(args):
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(LESSON, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = cell.source.replace("epochs=10", f"epochs={args.epochs}")
    try:
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": LESSON.parent}}).execute()
    except CellExecutionError as error:
        raise UserError(f"a cell of {LESSON.name} failed: {error.ename}: {error.evalue}") from error
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times, which differ from run to run
    with atomic_write(args.output) as part:
        nbformat.write(notebook, part)
    print(f"Written: {args.output}")


parser = flags.argument_parser(__doc__, "-m lab.notebook")
parser.add_argument("--epochs", type=flags.bounded(int, 1), default=10, help="instead of the lesson's 10")
parser.add_argument("--output", type=Path, default=LESSON, help="the notebook to write")

if __name__ == "__main__":
    flags.run_command(main, parser)
