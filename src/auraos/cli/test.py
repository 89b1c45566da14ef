"""`auraos test`: the test cases of workflow files, without network."""

from itertools import groupby
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from auraos.app.definitions.files import CheckedFile, check_source, find_files, folder_of, read_found
from auraos.app.definitions.flag_files import is_flag
from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.installed import Installed, load_installed
from auraos.app.outside.pure_steps import RealPureSteps
from auraos.cli.differences import show_difference
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.options import Json, read_number
from auraos.cli.problems import problem_document, show_problem
from auraos.cli.screen import Screen, Tint, clean, print_json, to_people
from auraos.core.run import static_path
from auraos.core.values import format_duration
from auraos.engine.trial import CaseResult, Coverage, join_coverage, play_case

_MOST_STEPS = 40


class _FileResult(msgspec.Struct, frozen=True):
    file: CheckedFile
    cases: tuple[CaseResult, ...]
    coverage: Coverage

    @property
    def passed(self) -> bool:
        return not self.file.errors and all(case.passed for case in self.cases)


def run_cases(
    *paths: Annotated[str, Parameter(help="Files or folders; - is standard input.")],
    name: Annotated[str, Parameter(name=["--name", "-k"], help="Only cases whose name has this in it.")] = "",
    seed: Annotated[int | None, Parameter(help="Let chance decide who finishes first, by this seed.")] = None,
    min_coverage: Annotated[
        float, Parameter(help="Fail when fewer percent of a file's links are taken.")
    ] = 0.0,
    json: Json = False,
) -> int:
    """Run the test cases of workflow files, without network.

    Mocks stand for steps that reach outside, time is virtual, and the links that no case took are listed. Steps that
    run at the same time finish in the order they began, or by chance with --seed.
    """
    if not paths:
        raise WrongInputError("Which file?", hint="Write auraos test FILE, or auraos test . for this folder.")
    read_number(min_coverage, "--min-coverage", 0, 100)
    installed = load_installed()
    results: list[_FileResult] = []
    with RealPureSteps(installed.catalogue) as pure_steps:
        for found in find_files(paths):
            text = read_found(found)
            if isinstance(text, CheckedFile):
                results.append(_FileResult(text, (), Coverage((), frozenset())))
            elif text is not None and (found.named or not is_flag(text)):
                results.append(_test_file(found.path, text, installed, pure_steps, name=name, seed=seed))
    played = sum(len(one.cases) for one in results)
    if name and not played and all(one.passed for one in results):
        raise WrongInputError(f"No case has {name!r} in its name.")
    if json:
        print_json(_document(results, seed, min_coverage))
    else:
        _show(to_people(), results, min_coverage)
    covered = all(one.coverage.percent >= min_coverage for one in results if one.cases)
    return Exit.DONE if covered and all(one.passed for one in results) else Exit.FAILED


def _test_file(
    path: str, text: str, installed: Installed, pure_steps: RealPureSteps, *, name: str, seed: int | None
) -> _FileResult:
    definitions = FolderDefinitions(folder_of(path), installed.catalogue)
    checked = check_source(path, text, installed.catalogue, others=definitions.find_workflow)
    if checked.workflow is None or checked.errors:
        return _FileResult(checked, (), Coverage((), frozenset()))
    cases = tuple(
        play_case(
            placed.case,
            checked.workflow,
            installed.catalogue,
            find_workflow=definitions.find_workflow,
            pure_steps=pure_steps,
            seed=seed,
        )
        for placed in checked.cases
        if name.casefold() in placed.case.name.casefold()
    )
    return _FileResult(checked, cases, join_coverage(case.coverage for case in cases))


def _show(screen: Screen, results: list[_FileResult], min_coverage: float) -> None:
    for one in results:
        screen.line(screen.tint(clean(one.file.path), "bold"))
        for problem in one.file.errors:
            show_problem(screen, one.file.path, one.file.text, problem)
        for case in one.cases:
            _show_case(screen, case)
        if one.cases:
            _show_coverage(screen, one.coverage, min_coverage)
        elif not one.file.errors:
            screen.line(screen.tint("  it has no test cases", "dim"))
    cases = [case for one in results for case in one.cases]
    failed = sum(not case.passed for case in cases)
    broken = sum(bool(one.file.errors) for one in results)
    words = f"{len(cases) - failed} passed"
    words += f", {failed} failed" if failed else ""
    words += f", {broken} file{'s' * (broken != 1)} could not be read" if broken else ""
    tint: Tint = "red" if failed or broken else "green"
    screen.line(screen.tint(words, tint, "bold"))


def _show_case(screen: Screen, case: CaseResult) -> None:
    mark = screen.tint("✓", "green") if case.passed else screen.tint("✗", "red")
    took = f"  {format_duration(case.took)}" if case.took else ""
    screen.line(f"  {mark} {clean(case.name)}{screen.tint(took, 'dim')}")
    if case.error:
        screen.line(f"      {screen.tint(clean(case.error), 'red')}")
        if case.hint:
            screen.line(f"      {screen.tint('help', 'cyan')}: {clean(case.hint)}")
    for difference in case.differences:
        show_difference(screen, difference)
    if not case.passed and not case.error and case.path:
        screen.line(screen.tint(f"      it went: {clean(_course(case.path))}", "dim"))
    for note in case.notes:
        screen.line(screen.tint(f"      note: {clean(note)}", "yellow"))


def _course(path: tuple[str, ...]) -> str:
    """Return which steps a case went through, rounds of one step put together."""
    rounds = [(step, sum(1 for _ in group)) for step, group in groupby(path, static_path)]
    words = [step if count == 1 else f"{count} × {step}" for step, count in rounds]
    hidden = len(words) - _MOST_STEPS
    return " → ".join(words[:_MOST_STEPS]) + (f" → … {hidden} more" if hidden > 0 else "")


def _show_coverage(screen: Screen, coverage: Coverage, min_coverage: float) -> None:
    tint: Tint = "red" if coverage.percent < min_coverage else "dim"
    taken = f"{len(coverage.taken)} of {len(coverage.links)}"
    least = f", at least {min_coverage:g} % are wanted" if coverage.percent < min_coverage else ""
    screen.line(screen.tint(f"  links taken: {taken} ({coverage.percent:.0f} %){least}", tint))
    for link in coverage.missing:
        screen.line(screen.tint(f"      never taken: {link}", "dim"))


def _document(results: list[_FileResult], seed: int | None, min_coverage: float) -> dict[str, Any]:
    cases = [case for one in results for case in one.cases]
    covered = all(one.coverage.percent >= min_coverage for one in results if one.cases)
    return {
        "ok": covered and all(one.passed for one in results),
        "passed": sum(case.passed for case in cases),
        "failed": sum(not case.passed for case in cases),
        "seed": seed,
        "files": [
            {
                "path": one.file.path,
                "problems": [problem_document(problem) for problem in one.file.errors],
                "cases": [_case_document(case) for case in one.cases],
                "coverage": {
                    "links": len(one.coverage.links),
                    "taken": len(one.coverage.taken),
                    "missing": [str(link) for link in one.coverage.missing],
                },
            }
            for one in results
        ],
    }


def _case_document(case: CaseResult) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": case.name,
        "passed": case.passed,
        "state": case.state,
        "output": case.output,
        "path": list(case.path),
        "took": format_duration(case.took),
        "differences": [msgspec.to_builtins(one) for one in case.differences],
        "notes": list(case.notes),
    }
    if case.error:
        told["error"] = {"message": case.error, "hint": case.hint}
    return told
