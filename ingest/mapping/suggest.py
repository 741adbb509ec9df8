"""A first mapping for a file nobody described: what each column seems to be, for a person to correct."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ingest.mapping import words
from ingest.mapping.profile import Profile, Sample, take_sample
from ingest.opening import InputFile

_MOST_MAPPED: Final = 40
_TEXT_ROLES: Final = (
    ("user", "user|username|owner|uid"),
    ("account", "account|project|group|vc"),
    ("partition", "partition|queue|pool"),
    ("rack", "rack|cabinet"),
    ("slot", "slot|port|pci|bus"),
    ("severity", "severity|sev|level|loglevel"),
    ("code", "code|errorcode|xid"),
    ("component", "component|part|device|fru|hardware"),
    ("message", "message|msg|description|desc|text|details?|reason|cause|comment|notes?|error"),
)
_COUNTED: Final = (("gpu_count", "gpus?"), ("cpu_count", "cpus?"), ("node_count", "nodes?"))
_NOT_A_COUNT: Final = "time|milli|util|usage|mem|memory|id|type|model|name|index|power|temp"
#: words that say that a column about nodes does not name one
_NO_NAME: Final = "count|num|state|status|type|os"
_INPUT: Final = "context|input|prompt|request|prefill"
_OUTPUT: Final = "generated|output|completion|response|decode"


@dataclass(slots=True)
class _Roles:
    """Which column plays which part; the first to ask for a part gets it."""

    columns: dict[str, Profile] = field(default_factory=dict)

    def take(self, role: str, column: Profile) -> bool:
        if role in self.columns:
            return False
        self.columns[role] = column
        return True

    def has(self, *roles: str) -> bool:
        return all(role in self.columns for role in roles)

    def name(self, role: str) -> str:
        return self.columns[role].name


@dataclass(slots=True)
class _Draft:
    """The lines of a table of the mapping, and the columns they read."""

    table: str
    lines: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def add(self, target: str, rule: str, *read: Profile, note: str = "") -> None:
        self.lines.append(f"{target} = {rule}{note and f'  # {note}'}")
        self.used.update(column.name for column in read)


def suggest_mapping(file: InputFile) -> str:
    """Return a first mapping for a file: TOML that loads, with a guess or a remark for every column.

    Parameters
    ----------
    file
        Delimited text, JSON (an array, or an object a line) or Parquet.

    Raises
    ------
    UnreadableInputError
        If no records can be found in it.
    """
    sample = take_sample(file)
    roles = _roles(sample.columns)
    draft = _draft(sample, roles)
    origin = [rule for rule in draft.lines if "unit =" in rule and "after =" not in rule and "_utc = " in rule]
    top = [
        "# A first guess, made from the beginning of the file. Check every line before you trust the numbers.",
        f"name = {_quoted(_slug(file.path.name))}",
        *(['origin = "1970-01-01T00:00:00Z"  # day 0 of the times that are numbers: set it'] if origin else []),
        "",
        *_file_section(sample),
        f"[{draft.table}]",
        *draft.lines,
    ]
    rest = [column for column in sample.columns if column.name not in draft.used]
    unused = [f"# unused: {_quoted(column.name)} ({_remark(column)})" for column in rest]
    return "\n".join([*top, *(["", *unused] if unused else [])]) + "\n"


def _file_section(sample: Sample) -> list[str]:
    shape = sample.shape
    lines = [] if shape.form == "csv" else [f'format = "{shape.form}"']
    if shape.delimiter != ",":
        lines.append(f"delimiter = {_quoted(shape.delimiter)}")
    if shape.skip:
        lines.append(f"skip = {shape.skip}")
    if shape.columns is not None:
        lines.append(f"columns = [{', '.join(map(_quoted, shape.columns))}]  # no header was found: name them")
    if shape.records:
        lines.append(f"records = {_quoted(shape.records)}")
    if sample.nulls:
        lines.append(f"null = [{', '.join(map(_quoted, sample.nulls))}]")
    return ["[file]", *lines, ""] if lines else []


def _roles(columns: Sequence[Profile]) -> _Roles:
    roles = _Roles()
    for word in words.NODE_WORDS:
        for column in columns:
            is_name = column.kind in {"text", "number"} and not words.has_word(column.words, _NO_NAME)
            named = re.fullmatch(rf"(.*_)?{word}_?(name|id|num|number|no)?", "_".join(column.words))
            if is_name and named and not _counted(column):
                roles.take("node", column)
    for column in columns:
        if roles.columns.get("node") is not column:
            _give_role(roles, column)
    return roles


def _give_role(roles: _Roles, column: Profile) -> None:
    if column.kind == "time":
        _give_time_role(roles, column)
    elif column.kind == "number":
        _give_number_role(roles, column)
    elif column.kind == "text":
        _give_text_role(roles, column)


def _give_time_role(roles: _Roles, column: Profile) -> None:
    roles.take(next((role for role, pattern in words.TIME_ROLES if column.has(pattern)), "time"), column)


def _give_number_role(roles: _Roles, column: Profile) -> None:
    counted = _counted(column)
    if column.has("tokens?|length") and column.has(f"{_INPUT}|{_OUTPUT}"):
        roles.take("input_tokens" if column.has(_INPUT) else "output_tokens", column)
    elif _is_job_id(column):
        roles.take("job_id", column)
    elif column.has("exit|exitcode"):
        roles.take("exit_code", column)
    elif counted is not None:
        roles.take(counted, column)
    elif column.has(words.LENGTH_WORDS) or "down time" in " ".join(column.words):
        if not column.has("queue|wait"):
            roles.take("duration", column)
    elif column.has(words.TIME_WORDS):
        _give_time_role(roles, column)
    else:
        _give_text_role(roles, column)


def _give_text_role(roles: _Roles, column: Profile) -> None:
    states = words.distinct(column.texts, _MOST_MAPPED)
    if column.has("serial|sn|serialnumber"):
        roles.take("serial", column)
    elif _is_job_id(column):
        roles.take("job_id", column)
    elif states is not None and words.start_and_end(states) is not None:
        roles.take("kind", column)
    elif states is not None and column.has("state|status|outcome|phase|result") and not column.has("reason"):
        roles.take("state", column)
    elif column.has("gpu") and column.has("type|model"):
        roles.take("gpu_model", column)
    else:
        role = next((role for role, pattern in _TEXT_ROLES if column.has(pattern)), None)
        if role is not None:
            roles.take(role, column)


def _is_job_id(column: Profile) -> bool:
    joined = "".join(column.words)
    return joined in {"job", "jobname", "taskid", "applicationid", "podname"} or joined.endswith("jobid")


def _counted(column: Profile) -> str | None:
    """Return what a column is the count of, if it is one."""
    role = next((role for role, pattern in _COUNTED if column.has(pattern)), None)
    whole = column.kind == "number" and all(re.fullmatch(r"[0-9]{1,7}(\.0*)?", text) for text in column.texts)
    named = column.has("num|count|n|nr|number|gpus|cpus|nodes") or len(column.words) == 1
    return role if whole and named and not column.has(_NOT_A_COUNT) else None


def _draft(sample: Sample, roles: _Roles) -> _Draft:
    begun = next((role for role in ("start", "time", "submit") if roles.has(role)), None)
    if roles.has("input_tokens") and begun is not None:
        return _requests(roles, begun)
    if roles.has("job_id") and begun is not None:
        return _jobs(roles, begun)
    if roles.has("serial") and begun is not None and roles.has("end"):
        return _components(roles, begun)
    if roles.has("node", "kind") and begun is not None:
        return _paired_states(roles, begun)
    if roles.has("node") and begun is not None and (roles.has("end") or roles.has("duration")):
        return _states(roles, begun)
    if begun is not None:
        return _events(roles, begun)
    if roles.has("end"):
        return _events(roles, "end")
    return _nodes(sample, roles)


def _jobs(roles: _Roles, begun: str) -> _Draft:
    draft = _Draft("jobs")
    _copy(draft, roles, "job_id", "user", "account", "partition")
    _time(draft, roles, "submit_utc", "submit" if roles.has("submit") else begun)
    if begun != "submit":
        _time(draft, roles, "start_utc", begun)
    _end(draft, roles, "end_utc", "start_utc" if begun != "submit" else "submit_utc")
    _enum(draft, roles, "state", "state", words.job_state, "COMPLETED")
    _copy(draft, roles, "exit_code", "node_count", "cpu_count", "gpu_count", "gpu_model")
    if roles.has("node"):
        draft.add("nodes", f"{{ column = {_quoted(roles.name('node'))}, hosts = true }}", roles.columns["node"])
    return draft


def _requests(roles: _Roles, begun: str) -> _Draft:
    draft = _Draft("requests")
    _time(draft, roles, "arrival_utc", begun)
    if roles.has("end"):
        _time(draft, roles, "end_utc", "end")
    _copy(draft, roles, "input_tokens", "output_tokens", "node")
    return draft


def _components(roles: _Roles, begun: str) -> _Draft:
    draft = _Draft("components")
    draft.add("component", '{ value = "other" }', note="the kind of part: say which")
    draft.add("component_id", _quoted(roles.name("serial")), roles.columns["serial"])
    _copy(draft, roles, "node", "slot")
    _time(draft, roles, "installed_utc", begun)
    _end(draft, roles, "removed_utc", "installed_utc")
    return draft


def _states(roles: _Roles, begun: str) -> _Draft:
    draft = _Draft("node_states")
    _copy(draft, roles, "node")
    _time(draft, roles, "from_utc", begun)
    _end(draft, roles, "to_utc", "from_utc")
    _state_and_reason(draft, roles)
    return draft


def _paired_states(roles: _Roles, begun: str) -> _Draft:
    draft = _Draft("node_states")
    _copy(draft, roles, "node")
    _time(draft, roles, "from_utc", begun)
    _time(draft, roles, "to_utc", begun, of_end=True)
    _state_and_reason(draft, roles)
    kind = roles.columns["kind"]
    start, end = words.start_and_end(words.distinct(kind.texts, 2) or []) or ("", "")
    by = ["node", *(role for role in ("component", "message") if _recurs(roles, role))]
    rule = f"column = {_quoted(kind.name)}, start = {_quoted(start)}, end = {_quoted(end)}"
    draft.add("pair", f"{{ {rule}, by = [{', '.join(_quoted(roles.name(r)) for r in by)}] }}", kind)
    return draft


def _recurs(roles: _Roles, role: str) -> bool:
    """Tell whether a column repeats itself so often that an end can be known by it."""
    texts = roles.columns[role].texts if roles.has(role) else ()
    return bool(texts) and len(set(texts)) <= len(texts) / 2


def _state_and_reason(draft: _Draft, roles: _Roles) -> None:
    _enum(draft, roles, "state", "state", words.node_state, "down")
    if roles.has("message"):
        draft.add("reason", _quoted(roles.name("message")), roles.columns["message"])
    if roles.has("component"):
        _enum(draft, roles, "component", "component", words.component, "other", rest="other")


def _events(roles: _Roles, begun: str) -> _Draft:
    draft = _Draft("events")
    _time(draft, roles, "time_utc", begun)
    _copy(draft, roles, "node", "slot", "code", "message")
    if roles.has("serial"):
        draft.add("component_id", _quoted(roles.name("serial")), roles.columns["serial"])
    about = "component" if roles.has("component") else "message"
    seen = words.distinct(roles.columns[about].texts, _MOST_MAPPED) if roles.has(about) else None
    if about == "component":
        _enum(draft, roles, "component", "component", words.component, "other", rest="other")
    if seen is None:
        draft.add("symptom", '{ value = "other" }', note="what was seen: say which")
        draft.add("domain", '{ value = "other" }', note="hardware, system_software, user_program or other")
    else:
        _enum(draft, roles, "symptom", about, lambda text: words.MEANINGS[words.component(text)][0], "other", "other")
        _enum(draft, roles, "domain", about, lambda text: words.MEANINGS[words.component(text)][1], "other", "other")
    _enum(draft, roles, "severity", "severity", words.severity, "warning", rest="warning")
    return draft


def _nodes(sample: Sample, roles: _Roles) -> _Draft:
    draft = _Draft("nodes")
    if not roles.has("node"):
        single = [column for column in sample.columns if column.kind in {"text", "number", "time"}]
        name = next((column for column in single if column.kind == "text"), single[0] if single else sample.columns[0])
        draft.add("node", _quoted(name.name), name, note="no time and no node was found: is this a list of nodes?")
    else:
        _copy(draft, roles, "node")
    _copy(draft, roles, "gpu_count", "gpu_model", "rack")
    return draft


def _copy(draft: _Draft, roles: _Roles, *targets: str) -> None:
    for target in targets:
        if roles.has(target):
            draft.add(target, _quoted(roles.name(target)), roles.columns[target])


def _time(draft: _Draft, roles: _Roles, target: str, role: str, *, of_end: bool = False) -> None:
    column = roles.columns[role]
    end = ', of = "end"' if of_end else ""
    if column.kind == "number":
        draft.add(target, f'{{ column = {_quoted(column.name)}, unit = "s"{end} }}', column, note="unit: a guess")
    elif column.form == "iso" and not of_end:
        draft.add(target, _quoted(column.name), column)
    else:
        form = "" if column.form == "iso" else f", format = {_quoted(column.form or '')}"
        draft.add(target, f"{{ column = {_quoted(column.name)}{form}{end} }}", column)


def _end(draft: _Draft, roles: _Roles, target: str, start: str) -> None:
    if roles.has("end"):
        _time(draft, roles, target, "end")
    elif roles.has("duration"):
        column = roles.columns["duration"]
        unit = next((u for u in ("minutes", "hours", "days", "ms") if u in column.words or u[:-1] in column.words), "s")
        rule = f'{{ column = {_quoted(column.name)}, unit = "{unit}", after = "{start}" }}'
        draft.add(target, rule, column, note="unit: a guess")


def _enum(
    draft: _Draft,
    roles: _Roles,
    target: str,
    role: str,
    meaning: Callable[[str], str | None],
    otherwise: str,
    rest: str | None = None,
) -> None:
    """Map what the sample holds; what it does not is refused, or is ``rest``."""
    column = roles.columns.get(role)
    seen = None if column is None else words.distinct(column.texts, _MOST_MAPPED)
    known, strange = words.guess_map(seen or [], meaning)
    if column is None or not known or (rest is not None and set(known.values()) == {rest}):
        draft.add(target, f'{{ value = "{otherwise}" }}', note="the same for all: say which, or map a column")
        return
    meanings = known if rest is None else {**known, "*": rest}
    entries = [f"{_quoted(text)} = {_quoted(value)}" for text, value in meanings.items()]
    default = "" if rest is None else f', default = "{rest}"'
    unknown = f"refused: {', '.join(map(_quoted, strange))}" if strange and rest is None else ""
    rule = f"{{ column = {_quoted(column.name)}, map = {{ {', '.join(entries)} }}{default} }}"
    draft.add(target, rule, column, note=unknown)


def _remark(column: Profile) -> str:
    if not column.texts:
        return {"list": "a list: each = … makes a row of every item", "empty": "empty in the sample"}[column.kind]
    return f"{column.kind}, such as {_quoted(column.texts[0][:40])}"


def _slug(name: str) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", name.split(".", maxsplit=1)[0].lower()).strip("-")
    return stem or "my-table"


def _quoted(text: str) -> str:
    """Return text as a TOML string of one line."""
    clean = text.encode("utf-8", "replace").decode()
    escaped = clean.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    return '"' + "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in escaped) + '"'
