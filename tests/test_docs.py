"""Documentation that cannot rot: commands and options exist, links resolve, generated pages are fresh, Python runs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from ingest.registry import SOURCES
from reliability.cli import app
from reliability.marts import MARTS
from tests.lakes import sample_lake

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
COMMANDS = typer.main.get_group(app).commands


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def shell_lines(program: str) -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines() if line.startswith(f"{program} ")]


def table_cells(heading: str) -> list[str]:
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)`", section, flags=re.MULTILINE)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_generated_pages_are_fresh():
    checked = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_readme_lists_every_command_and_no_other():
    assert sorted(table_cells("Commands")) == sorted(f"reliability {name}" for name in COMMANDS)


def test_formats_page_lists_every_format():
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `([^`]+)`", page, flags=re.MULTILINE)) == sorted(s.name for s in SOURCES)


def test_formats_page_names_options_that_exist():
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    known = {option for parameter in COMMANDS["ingest"].params for option in parameter.opts}
    assert set(re.findall(r"`(--[\w-]+)", page)) <= known


def test_cli_page_has_a_section_for_every_command():
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"## `reliability {name}`\n" not in page] == []


def test_data_dictionary_has_a_section_for_every_mart():
    page = (ROOT / "docs" / "data-dictionary.md").read_text(encoding="utf-8")
    assert [mart for mart in MARTS if f"### {mart}\n" not in page] == []


@pytest.mark.parametrize("line", shell_lines("reliability"))
def test_a_command_in_the_readme_exists_with_its_options(line):
    _, name, *arguments = shlex.split(line)
    known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert {argument for argument in arguments if argument.startswith("--")} <= known


@pytest.mark.parametrize("line", shell_lines("make"))
def test_a_make_target_in_the_readme_exists(line):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{line.split()[1]}:", makefile, flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_project_resolve(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path) if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def test_the_python_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    sample_lake(tmp_path / "demo" / "lake")
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {})
    assert "calendar in-service node-day" in capsys.readouterr().out
    assert (tmp_path / "rates.html").stat().st_size > 1000
