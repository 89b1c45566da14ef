"""Codes of personal and secret data: tags in schemas, requests about persons, and what is kept for the law."""

from auraos.core.problem_codes.code import WARNING, ProblemCode

_ASKED = "It takes private runs in a data folder or on a server; see how personal data is kept."

CODES = (
    ProblemCode(
        code="bad-tag",
        title="A tag that means nothing where it stands",
        why="`personal`, `secret` and `subject` say what is sealed and whom it is about; misread, data would lie in the clear.",
        bad="input: {type: object, properties: {mail: {type: string, personal: 'yes'}}}\nsteps:\n  a: {type: noop}",
        good=(
            "input: {type: object, properties: {mail: {type: string, personal: true, subject: true}}}\n"
            "steps:\n"
            "  a: {type: noop}"
        ),
    ),
    ProblemCode(
        code="nobody-named",
        title="Personal data of nobody",
        why="Without a field that names the person, nobody can find the run for them, or erase what it tells of them.",
        bad="input: {type: object, properties: {note: {personal: true}}}\nsteps:\n  a: {type: noop}",
        good=(
            "input:\n"
            "  type: object\n"
            "  properties: {note: {personal: true}, mail: {type: string, subject: true}}\n"
            "steps:\n"
            "  a: {type: noop}"
        ),
        severity=WARNING,
    ),
    ProblemCode(
        code="private-data-spread",
        title="Private data where it is not sealed",
        why="It would stand in the clear, or under the key of somebody else, and stay there when the person's data is erased.",
        bad=(
            "input: {type: object, properties: {mail: {type: array, items: {type: string, subject: true}}}}\n"
            "steps:\n"
            "  each:\n"
            "    type: foreach\n"
            "    with: {items: '{{ input.mail }}'}\n"
            "    key: '{{ item }}'\n"
            "    steps:\n"
            "      a: {type: log, with: {message: '{{ item }}'}}"
        ),
        good=(
            "input: {type: object, properties: {mail: {type: array, items: {type: string, subject: true}}}}\n"
            "steps:\n"
            "  each:\n"
            "    type: foreach\n"
            "    with: {items: '{{ input.mail }}'}\n"
            "    steps:\n"
            "      a: {type: log, with: {message: '{{ item }}'}}"
        ),
    ),
    ProblemCode(
        code="private-call",
        title="A workflow that hands out personal data calls from one that knows nothing of it",
        why="What the called workflow protects stands in the clear in the journal of the run that calls it.",
        reason="It takes two workflows. Put the tags of the called one on the input of the one that calls it.",
        severity=WARNING,
    ),
    ProblemCode(
        code="data-erased",
        title="A run whose data was erased",
        why="Nobody can read any more what it was given and what it brought, so no run can go on with it.",
        reason=_ASKED,
    ),
    ProblemCode(
        code="legal-hold",
        title="Something that is kept for the law",
        why="Somebody holds it, with a reason; until the hold is lifted it is neither deleted nor erased.",
        reason=_ASKED,
    ),
    ProblemCode(
        code="already-held",
        title="Something that is held already",
        why="One hold keeps it; a second one would have to be lifted, too.",
        reason=_ASKED,
    ),
    ProblemCode(
        code="runs-open",
        title="Runs under way with somebody's data",
        why="Without the data they could not go on, so they come to their end first.",
        reason=_ASKED,
    ),
    ProblemCode(
        code="no-subject",
        title="A name that names nobody",
        why="Nothing can be found under an empty name.",
        reason=_ASKED,
    ),
    ProblemCode(
        code="ledger-refused",
        title="A file that is no list of requests",
        why="Erasing again what a restored backup brought back needs the list of what was erased.",
        reason="It takes a restored data folder. Keep what `auraos privacy requests --json` prints apart from the backups.",
    ),
    ProblemCode(
        code="privacy-key",
        title="A key of private data that could not be made",
        why="Without it nothing of the run may be written, so the run does not begin.",
        reason="It takes others who make the same keys at every try. Try again.",
    ),
    ProblemCode(
        code="file-damaged",
        title="A file of a private run that is not whole",
        why="A part of it is missing, so nobody can say what it said.",
        reason="It takes a disk that loses data. Restore the files from a backup.",
    ),
)
