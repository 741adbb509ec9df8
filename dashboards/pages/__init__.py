"""The pages, in the order of the menu."""

from dashboards.pages import (
    causes,
    failures,
    goodput,
    jobs,
    lemons,
    overview,
    plan,
    rates,
    replay,
    runs,
    survival,
    topology,
)
from dashboards.pages.page import Page

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    rates.PAGE,
    failures.PAGE,
    causes.PAGE,
    jobs.PAGE,
    lemons.PAGE,
    survival.PAGE,
    goodput.PAGE,
    runs.PAGE,
    plan.PAGE,
    replay.PAGE,
    topology.PAGE,
)
