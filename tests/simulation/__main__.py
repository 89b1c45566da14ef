"""Play simulated worlds on demand: `python -m tests.simulation --seeds 20000`, `--seed 17`, `--mutants`.

With `--processes` they are worlds of real engines that share a database; without, of the run machine alone.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from simulation.campaign import Campaign, catch_all, play_clusters, play_worlds
from simulation.cluster import ClusterWorld
from simulation.world import SimWorld


def main() -> int:
    """Play what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2_000, help="how many worlds")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="one world, telling all that happens")
    parser.add_argument(
        "--mutants", action="store_true", help="after how many worlds each planted mistake is noticed"
    )
    parser.add_argument(
        "--processes", action="store_true", help="worlds of one to three processes, each with a whole engine"
    )
    parser.add_argument(
        "--about", default="", help="with --processes and --seed: the setting of all its workflows, or 'ids'"
    )
    asked = parser.parse_args()
    if asked.seed is not None:
        if asked.processes:
            ClusterWorld(asked.seed, _say, about=asked.about).play()
        else:
            SimWorld(asked.seed, _say).play()
        return 0
    if asked.mutants:
        return _show_mutants(in_clusters=asked.processes)
    play = play_clusters if asked.processes else play_worlds
    return _show(play(range(asked.first, asked.first + asked.seeds), _tell))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _tell(campaign: Campaign) -> None:
    if campaign.seeds % 500 == 0:
        sys.stderr.write(
            f"{campaign.seeds} worlds, {campaign.seconds:.0f} s, {len(campaign.failed)} failed\n"
        )


def _show(campaign: Campaign) -> int:
    for name, count in sorted(campaign.sometimes.items()):
        sys.stdout.write(f"{count:8} {name}\n")
    for line in campaign.failed.values():
        sys.stdout.write(line + "\n")
    sys.stdout.write(
        f"{campaign.seeds} worlds, {campaign.runs} runs, {campaign.faults} faults, {campaign.seconds:.1f} s, "
        f"{len(campaign.failed)} failed; never visited: {', '.join(campaign.never) or 'nothing'}\n"
    )
    return 1 if campaign.failed else 0


def _show_mutants(*, in_clusters: bool) -> int:
    caught, middle = catch_all(in_clusters=in_clusters)
    for name, needed in caught.items():
        sys.stdout.write(f"{needed or 'NOT NOTICED':>12}  {name}\n")
    sys.stdout.write(f"the median is {middle} worlds\n")
    return 1 if None in caught.values() else 0


if __name__ == "__main__":
    sys.exit(main())
