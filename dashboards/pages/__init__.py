"""The pages, in the order of the menu."""

from dashboards.pages import failures, overview, plan
from dashboards.pages.page import Page

PAGES: tuple[Page, ...] = (overview.PAGE, failures.PAGE, plan.PAGE)
