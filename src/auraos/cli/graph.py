"""`auraos graph`: a workflow as a drawing."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from auraos.app.definitions.files import check_source, read_source
from auraos.app.installed import load_installed
from auraos.cli.drawing.layout import Drawing
from auraos.cli.drawing.scene import scene_of
from auraos.cli.drawing.svg import lay_out_svg, paint_svg
from auraos.cli.drawing.terminal import paint_terminal
from auraos.cli.exits import Exit
from auraos.cli.options import Json
from auraos.cli.problems import problem_document, show_problem
from auraos.cli.screen import print_json, to_people, to_side


def graph(
    file: Annotated[str, Parameter(help="A workflow file; - is standard input.")],
    /,
    *,
    svg: Annotated[Path | None, Parameter(help="Write the drawing to this file, as SVG.")] = None,
    json: Json = False,
) -> int:
    """Draw a workflow in the terminal or as SVG.

    Steps stand in layers from top to bottom, containers are frames, and the names of ports stand at the links. A file
    with problems is drawn as far as it can be read.
    """
    text = read_source(file)
    installed = load_installed()
    checked = check_source(file, text, installed.catalogue)
    if checked.workflow is None:
        if json:
            print_json({"ok": False, "problems": [problem_document(problem) for problem in checked.problems]})
            return Exit.WRONG_INPUT
        for problem in checked.errors:
            show_problem(to_side(), file, text, problem)
        return Exit.WRONG_INPUT
    scene = scene_of(checked.workflow, installed.catalogue)
    title = checked.workflow.title or checked.workflow.name
    if svg is not None:
        svg.write_text(paint_svg(scene, title))
    if json:
        print_json(
            {"ok": True, "workflow": checked.workflow.name, **_drawing_document(lay_out_svg(scene), 0, 0)}
        )
    elif svg is None:
        to_people().stream.write(paint_terminal(scene, to_people()))
    else:
        to_people().line(f"Drawn to {svg}.")
    return Exit.DONE


def _drawing_document(drawing: Drawing, x: int, y: int) -> dict[str, Any]:
    """Return a drawing as data: every step with its place in pixels, every link with its corners."""
    steps: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []
    for arrow in drawing.arrows:
        corners = [[x + across, y + down] for across, down in arrow.points]
        links.append({"port": arrow.port, "points": corners})
    for placed in drawing.cards:
        card = placed.card
        steps.append(
            {
                "path": card.path,
                "title": card.title,
                "kind": card.kind.value,
                "x": x + placed.x,
                "y": y + placed.y,
                "width": placed.width,
                "height": placed.height,
            }
        )
        for part in placed.parts:
            inner = _drawing_document(part.drawing, x + placed.x + part.x, y + placed.y + part.y)
            steps += inner["steps"]
            links += inner["links"]
    return {"width": drawing.width, "height": drawing.height, "steps": steps, "links": links}
