"""The map of a fabric with what failed, and what the loss of one of its parts does to it."""

from __future__ import annotations

from typing import Any, Final

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboards.answers import Answers
from dashboards.components import chart, grid, notice, tile, tiles
from dashboards.pages.topology_choice import Choice, fabric_chosen, settings_pairs
from models.topology.blast.components import component_classes
from models.topology.blast.parts import Component as Part
from models.topology.blast.radius import BlastRadius, blast_radius, hosts_reached
from models.topology.blast.table import blast_table, severity
from models.topology.counts import FabricCounts
from models.topology.errors import UnknownComponentError
from reliability.analyses.blast import FabricUnderFault
from reliability.analyses.domain_failures import domain_failures
from reliability.analyses.fabric import real_fabric
from reliability.analyses.fabric_failures import fabric_failures, unnamed_notes
from reliability.analyses.fabric_map import Happened, fabric_map
from reliability.analyses.fabric_show import fabric_show
from reliability.analyses.running_jobs import JobsReached
from reliability.errors import NoDataError
from reliability.figures.blast_left import left_figure
from reliability.figures.theme import plural
from reliability.lake import Lake
from reliability.report.numbers import number

_MOST_JOBS: Final = 200
_LEFT: Final = (
    "Bandwidth left of each rail and plane: of the hosts with a GPU that is down or slowed, the share of the network "
    "bandwidth of their adapters on it."
)


def fabric_view(
    answers: Answers, choice: Choice, window: dict[str, Any], *, dark: bool
) -> tuple[Component, tuple[str, ...]]:
    """Return the numbers and the map of the chosen fabric, and the classes of its parts.

    Raises
    ------
    ReliabilityError, ModelError
        If there is no such fabric.
    """
    under = fabric_chosen(answers, choice.fabric, choice.settings)
    classes = component_classes(under.fabric, groupings=under.groupings)
    happened = Happened() if under.real is None else answers.ask(_happened, choice.settings, **window)
    found = fabric_map(
        under.fabric,
        expand=choice.expand,
        happened=happened,
        hit=_hit(under, _lost(under, choice, classes)),
        notes=None if under.real is None else unnamed_notes(under.real),
    )
    shown: Component = html.Div(
        [
            _numbers(answers, choice),
            *_said(under),
            html.Div(
                [chart("topology-map", found.figure(), found.definition, dark=dark, wide=True)], className="charts"
            ),
        ]
    )
    return shown, classes


def explorer(answers: Answers, choice: Choice, scheme: str) -> Component:
    """Return what the loss of the chosen part does; without one, what to do.

    Raises
    ------
    ReliabilityError, ModelError
        If there is no such part.
    """
    under = fabric_chosen(answers, choice.fabric, choice.settings)
    lost = _lost(under, choice, component_classes(under.fabric, groupings=under.groupings))
    if lost is None:
        return notice("Click a host or a switch in the map, or choose a class, to see what its loss takes down.")
    radius = blast_radius(under.fabric, [lost], groupings=under.groupings)
    jobs = under.jobs_on([lost])
    cards = [
        tile("topology-down", "GPUs down", f"{radius.gpus_down:,}", f"on {plural(radius.hosts_down, 'host')}"),
        tile(
            "topology-slowed",
            "GPUs slowed",
            f"{radius.gpus_degraded:,}",
            f"on {plural(radius.hosts_degraded, 'host')} that stay up",
        ),
        tile(
            "topology-left",
            "Bandwidth left",
            _share(radius.bandwidth_left_share) if radius.gpus_degraded else "–",
            "of a GPU that is slowed" if radius.gpus_degraded else "no GPU is slowed",
        ),
        tile("topology-host-left", "Left of a host", _share(radius.host_bandwidth_left_share), "of its bandwidth"),
        tile("topology-bisection", "Bisection left", _share(radius.bisection_left_share), "between two halves"),
        tile(
            "topology-jobs",
            "Jobs hit",
            "–" if jobs is None else f"{len(jobs.down) + len(jobs.degraded):,}",
            "no job log of this fabric"
            if jobs is None or under.running is None
            else f"{len(jobs.down):,} fail, of {len(under.running.jobs):,} that run",
        ),
    ]
    fate = "takes jobs down" if radius.takes_down else "slows, but takes no job down"
    children: list[Component] = [
        html.H2(f"The loss of {lost.name} {fate}", className="card-title", id="topology-lost"),
        dmc.Text(radius.because, size="sm", c="dimmed"),
        tiles(cards),
    ]
    return html.Div(
        [
            dmc.Paper(children, className="card wide", mt=16),
            html.Div([*_left(radius, dark=scheme == "dark"), *_jobs(under, jobs, scheme)], className="charts"),
        ]
    )


def _lost(under: FabricUnderFault, choice: Choice, classes: tuple[str, ...]) -> Part | None:
    """Return the part that is broken: the named one, or else the worst of its class."""
    if choice.component is None or choice.component not in classes:
        return None
    if choice.name:
        return Part(choice.component, choice.name)
    rows = blast_table(under.fabric, kinds=(choice.component,), groupings=under.groupings)
    return max(rows, key=severity).components[0]


def _hit(under: FabricUnderFault, lost: Part | None) -> tuple[str, list[int], list[int]] | None:
    """Return the broken part and the hosts it takes down and slows; a name that does not exist hits nothing."""
    if lost is None:
        return None
    try:
        down, slowed = hosts_reached(under.fabric, [lost], groupings=under.groupings)
    except UnknownComponentError:
        return None  # the explorer below says so
    return lost.name, down.tolist(), slowed.tolist()


def _happened(lake: Lake, settings: str, **window: Any) -> Happened:  # noqa: ANN401 - as Answers passes them
    try:
        named = domain_failures(lake, **window)
    except NoDataError:
        named = None
    return fabric_failures(lake, real_fabric(settings_pairs(settings), lake), named=named, **window)


def _counts(lake: Lake, fabric: str, settings: str) -> FabricCounts:
    return fabric_show(fabric, settings_pairs(settings), lake).counts


def _numbers(answers: Answers, choice: Choice) -> Component:
    counts = answers.ask(_counts, choice.fabric, choice.settings)
    worst = max(counts.oversubscription.items(), key=lambda item: item[1], default=None)
    switches = ", ".join(f"{count:,} {tier}" for tier, count in counts.switches.items())
    links = ", ".join(f"{count:,} {tier}" for tier, count in counts.links.items())
    return tiles(
        [
            tile("topology-hosts", "Hosts", f"{counts.hosts:,}", f"{counts.gpus:,} GPUs"),
            tile("topology-switches", "Switches", f"{sum(counts.switches.values()):,}", switches),
            tile("topology-links", "Cables", f"{sum(counts.links.values()):,}", links),
            tile(
                "topology-oversubscription",
                "Oversubscription",
                "–" if worst is None else f"{number(worst[1])}:1",
                "no tier narrows" if worst is None else f"of the {worst[0]} tier, the most",
            ),
            tile(
                "topology-cost",
                "Cost of the network",
                f"${counts.cost_dollars / 1e6:,.1f}M",
                f"${counts.cost_dollars / counts.gpus:,.0f} per GPU; 199 a transceiver, 694 a port",
            ),
        ]
    )


def _said(under: FabricUnderFault) -> list[Component]:
    """Return what was inferred of a real fabric, and what in its record does not fit."""
    if under.real is None:
        return []
    wired = under.real.wired
    left = []
    if wired.service_hosts:
        left.append(f"{plural(len(wired.service_hosts), 'service host')} ({', '.join(wired.service_hosts)})")
    if wired.unnamed:
        left.append(f"{plural(sum(wired.unnamed.values()), 'adapter')} without a host's name")
    sentences = [*under.real.contradictions, *under.real.inference]
    sentences += [f"Not drawn: {' and '.join(left)}."] if left else []
    if not sentences:
        return []
    return [
        html.Details(
            [
                html.Summary(f"Read from {under.real.source} of cluster {under.real.cluster}; what was inferred"),
                html.Ul([html.Li(sentence) for sentence in sentences]),
            ],
            className="definition",
            id="topology-inference",
        )
    ]


def _left(radius: BlastRadius, *, dark: bool) -> list[Component]:
    if not radius.by_rail and not radius.by_plane:
        return []
    return [chart("topology-by-rail", left_figure(radius), _LEFT, dark=dark)]


def _jobs(under: FabricUnderFault, reached: JobsReached | None, scheme: str) -> list[Component]:
    if reached is None or under.running is None:
        return []
    fate = dict.fromkeys(reached.degraded, "is slowed") | dict.fromkeys(reached.down, "fails")
    rows = [
        {
            "job": job.job_id,
            "fate": fate[job.job_id],
            "user": job.user,
            "gpus": job.gpu_count,
            "nodes": len(job.nodes),
            "since": f"{job.start_utc:%Y-%m-%d %H:%M}",
        }
        for job in under.running.jobs
        if job.job_id in fate
    ]
    columns = [
        {"field": "job", "headerName": "Job", "width": 110},
        {"field": "fate", "headerName": "It", "width": 110},
        {"field": "user", "headerName": "User", "width": 110},
        {"field": "gpus", "headerName": "GPUs", "width": 95, "type": "rightAligned"},
        {"field": "nodes", "headerName": "Nodes", "width": 95, "type": "rightAligned"},
        {"field": "since", "headerName": "Since (UTC)", "width": 165},
    ]
    ran = f"{len(under.running.jobs):,} that ran at {under.running.at_utc:%Y-%m-%d %H:%M} UTC"
    text = f"{plural(len(rows), 'job')} of {ran}"
    card: Component = dmc.Paper(
        [
            html.H2("The jobs on it", className="card-title"),
            dmc.Text(text, size="xs", c="dimmed"),
            grid("topology-job-grid", rows[:_MOST_JOBS], columns, scheme, height="300px"),
        ],
        className="card",
    )
    return [card]


def _share(share: float) -> str:
    return f"{100 * share:.4g}%"
