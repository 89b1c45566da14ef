"""The codes of all problems and errors of the core: a page of the reference is made of each."""

from auraos.core.errors import UnexpectedError
from auraos.core.problem_codes.code import ProblemCode
from auraos.core.problem_codes.documents import CODES as DOCUMENTS
from auraos.core.problem_codes.expressions import CODES as EXPRESSIONS
from auraos.core.problem_codes.families import CODES as FAMILIES
from auraos.core.problem_codes.fields import CODES as FIELDS
from auraos.core.problem_codes.flags import CODES as FLAGS
from auraos.core.problem_codes.flow import CODES as FLOW
from auraos.core.problem_codes.graph import CODES as GRAPH
from auraos.core.problem_codes.policy import CODES as POLICY
from auraos.core.problem_codes.privacy import CODES as PRIVACY
from auraos.core.problem_codes.running import CODES as RUNNING
from auraos.core.problem_codes.secrets import CODES as SECRETS
from auraos.core.problem_codes.values import CODES as VALUES

__all__ = ["PROBLEM_CODES", "ProblemCode", "find_code"]

PROBLEM_CODES: dict[str, ProblemCode] = {
    code.code: code
    for code in (
        *DOCUMENTS,
        *FIELDS,
        *GRAPH,
        *POLICY,
        *PRIVACY,
        *SECRETS,
        *EXPRESSIONS,
        *VALUES,
        *RUNNING,
        *FLOW,
        *FLAGS,
        *FAMILIES,
    )
}


def find_code(code: str) -> ProblemCode:
    """Return what the reference says of a code."""
    try:
        return PROBLEM_CODES[code]
    except KeyError:
        raise UnexpectedError(f"The problem code {code!r} is not registered.") from None
