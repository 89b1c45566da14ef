"""Reviews over HTTP: where a workspace wants four eyes, somebody else approves what is published."""

from typing import Annotated

import msgspec

from auraos.api.definitions.definitions import ABOUT, TELLS, OneDefinition, draft_of, ref_of, within
from auraos.api.definitions.using import require_use
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END, Limit
from auraos.api.protocol.routes import Routes
from auraos.documents.definitions.reviews import Reviews
from auraos.documents.definitions.rows import Approval, Published, Review, ReviewState

routes = Routes()

Words = Annotated[str, msgspec.Meta(pattern=rf"^[^\x00]*{END}", max_length=1000)]
Reason = Annotated[str, msgspec.Meta(pattern=rf"^[^\x00]*\S[^\x00]*{END}", max_length=1000)]
ANSWERS = (*TELLS, "no-review", "review-void", "review-ended", "own-review", "person-needed")


class ReviewList(msgspec.Struct, frozen=True, kw_only=True):
    """Which reviews to list."""

    state: ReviewState = "waiting"
    limit: Limit = 100


class OneReview(OneDefinition, frozen=True, kw_only=True):
    """The review of a draft at a revision."""

    revision: Annotated[int, msgspec.Meta(ge=1, le=2**53)]


class ReviewRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for an approval of the draft as it is at the revision of `If-Match`."""

    note: Words = ""


class ApprovalGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A yes to the text that was looked at."""

    digest: Annotated[
        str,
        msgspec.Meta(
            pattern=f"^[0-9a-f]{{64}}{END}", description="The `digest` of the review that was looked at."
        ),
    ]
    comment: Words = ""


class RefusalGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A no, and why."""

    comment: Reason


class Unreviewed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the draft at the revision of `If-Match` is published though nobody approved it."""

    why: Reason
    break_others: bool = False


class ReviewDetail(msgspec.Struct, frozen=True, kw_only=True):
    """The review of a draft at one revision."""

    kind: str
    name: str
    revision: int
    digest: str
    needed: int
    state: ReviewState
    note: str
    asked_at: int
    asked_by: str
    approvals: tuple[Approval, ...]
    ended_at: int
    ended_by: str
    comment: str

    @classmethod
    def of(cls, row: Review) -> "ReviewDetail":
        """Return what is shown of a review."""
        return cls(**{field: getattr(row, field) for field in cls.__struct_fields__})


class ReviewPage(msgspec.Struct, frozen=True, kw_only=True):
    """Reviews, the oldest first."""

    items: tuple[ReviewDetail, ...]


@routes.get("/api/v1/reviews", may="definitions.read", narrows=True)
async def list_reviews(ask: Ask, at: ReviewList) -> ReviewPage:
    """List the reviews of drafts that are still as they were asked for, the oldest first."""
    found = await Reviews(ask.desk.definitions).open(
        ask.workspace, at.state, within=within(ask, "definitions.read"), limit=at.limit
    )
    return ReviewPage(items=tuple(ReviewDetail.of(each) for each in found))


@routes.post(
    "/api/v1/definitions/{kind}/{name}/reviews",
    may="definitions.request-review",
    status=201,
    tells=(*TELLS, "definition-changed"),
    over=True,
    about=ABOUT,
)
async def request_review(ask: Ask, at: OneDefinition, body: ReviewRequest) -> ReviewDetail:
    """Ask for an approval of a draft."""
    reviews = Reviews(ask.desk.definitions)
    return ReviewDetail.of(
        await reviews.ask(ask.actor, ref_of(ask, at), revision=ask.revision, note=body.note)
    )


@routes.get(
    "/api/v1/definitions/{kind}/{name}/reviews/{revision}",
    may="definitions.read",
    tells=(*TELLS, "no-review"),
    about=ABOUT,
)
async def show_review(ask: Ask, at: OneReview) -> ReviewDetail:
    """Show the review of a draft."""
    return ReviewDetail.of(await Reviews(ask.desk.definitions).find(ref_of(ask, at), at.revision))


@routes.post(
    "/api/v1/definitions/{kind}/{name}/reviews/{revision}/approve",
    may="definitions.approve",
    tells=ANSWERS,
    about=ABOUT,
)
async def approve_draft(ask: Ask, at: OneReview, body: ApprovalGiven) -> ReviewDetail:
    """Say yes to a draft that others wrote; it takes a person who is signed in."""
    ask.require_person()
    reviews, ref = Reviews(ask.desk.definitions), ref_of(ask, at)
    return ReviewDetail.of(
        await reviews.approve(ask.actor, ref, revision=at.revision, digest=body.digest, comment=body.comment)
    )


@routes.post(
    "/api/v1/definitions/{kind}/{name}/reviews/{revision}/refuse",
    may="definitions.approve",
    tells=ANSWERS,
    about=ABOUT,
)
async def refuse_draft(ask: Ask, at: OneReview, body: RefusalGiven) -> ReviewDetail:
    """Say no to a draft, and why; it takes a person who is signed in."""
    ask.require_person()
    reviews, ref = Reviews(ask.desk.definitions), ref_of(ask, at)
    return ReviewDetail.of(await reviews.refuse(ask.actor, ref, revision=at.revision, comment=body.comment))


@routes.post(
    "/api/v1/definitions/{kind}/{name}/publish-unreviewed",
    may="installation.publish-unreviewed",
    tells=(
        *TELLS, "definition-refused", "definition-changed", "definition-archived", "definition-breaks-others",
    ),
    over=True,
    fresh=True,
    about=ABOUT,
)  # fmt: skip
async def publish_unreviewed(ask: Ask, at: OneDefinition, body: Unreviewed) -> Published:
    """Publish a draft though nobody approved it; the audit trail says why, and an owner alone can."""
    await require_use(ask, (await draft_of(ask, at)).text)
    return await ask.desk.definitions.publish(
        ask.actor, ref_of(ask, at), revision=ask.revision, note=body.why, break_others=body.break_others,
        unreviewed=body.why,
    )  # fmt: skip
