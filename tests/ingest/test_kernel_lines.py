"""What the lines of kernels and drivers mean: an example of every rule, and lines that mean nothing."""

from __future__ import annotations

import random
import re
import string
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.taxonomy.kernel_lines import NEEDLES, find
from ingest.taxonomy.kernel_rules import RULES
from ingest.taxonomy.sxid import SXID_MEANINGS, sxid_verdict
from ingest.taxonomy.xid import _CATALOGUE, MEANINGS, xid_verdict
from reliability.schema import COMPONENTS, DOMAINS, SEVERITIES, SYMPTOMS

#: examples of every rule, with what they mean
EXAMPLES = Path(__file__).with_name("kernel_lines.txt")


def examples():
    meaning: list[str] = []
    for line in EXAMPLES.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            meaning = line.strip("[]").split()
        elif line and not line.startswith("#"):
            severity, code, rest = line.split(maxsplit=2)
            slot, text = re.fullmatch(r"((?:CPU |cpu )?\S+) (.*)", rest).groups()
            expected = (code, *meaning, severity, None if slot == "-" else slot)
            yield pytest.param(text, expected, id=f"{code} {text[:40]}")


@pytest.mark.parametrize(("text", "expected"), list(examples()))
@pytest.mark.parametrize("prefix", ["", "Feb 23 16:24:18 gpu-1 kernel: [  12.345678] "])
def test_lines_mean_what_they_say(prefix: str, text: str, expected: tuple[str, ...]) -> None:
    found = find(prefix + text)
    assert found is not None
    assert (found.code, found.component, found.symptom, found.domain, found.severity, found.slot) == expected


def test_every_rule_has_an_example_and_every_example_its_rule() -> None:
    texts = [param.values[0] for param in examples()]
    deciding = {next(r for r in RULES if r.needle in text and r.pattern.search(text)) for text in texts}
    assert deciding == set(RULES)


def test_every_rule_speaks_the_words_of_the_schema() -> None:
    for rule in RULES:
        assert (rule.component in COMPONENTS, rule.symptom in SYMPTOMS) == (True, True), rule
        assert (rule.domain in DOMAINS, rule.severity in SEVERITIES) == (True, True), rule


@pytest.mark.parametrize(
    "text",
    [
        "usb 1-14: new high-speed USB device",
        "mlx5_core 0000:18:00.0: firmware version: 28.39.1002",
        "mlx5_core 0000:18:00.0 ib0: Link up",
        "amdgpu 0000:c3:00.0: amdgpu: no uncorrectable hardware errors detected in umc block",
        "amdgpu 0000:c3:00.0: amdgpu: 0 uncorrectable hardware errors detected in umc block",
        "amdgpu 0000:c3:00.0: amdgpu: 2 uncorrectable hardware errors detected in total in umc block",
        "amdgpu 0000:c3:00.0: amdgpu: ring gfx timeout, but soft recovered",
        "amdgpu 0000:c3:00.0: amdgpu: GPU reset(1) succeeded!",
        "XFS (sda1): Unmounting Filesystem",
        "XFS (sda1): Mounting V5 Filesystem",
        "EXT4-fs (sda1): mounted filesystem with ordered data mode",
        "i40e 0000:3d:00.0 eth2: NIC Link is Up, 10 Gbps Full Duplex, Flow Control: None",
        "oom_reaper: reaped process 19289 (python3), now anon-rss:0kB",
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,task=python3,pid=1,uid=0",
        "mce: [Hardware Error]: Machine check events logged",
        "mce: CPU3: Core temperature/speed normal",
        "nvidia-nvswitch2: SXid (PCI:0000:c3:00.0): 20034, Severity 1 Engine instance 30 Sub-engine instance 00",
        "nvidia-nvswitch2: SXid (PCI:0000:c3:00.0): 20034, Data {0x50610002, 0x10100030}",
        "nvidia-nvswitch2: open (major=510)",
        "INFO: task scheduler ready",
        "pcieport 0000:64:02.0: pciehp: Slot(3): Card present",
    ],
)
def test_lines_that_say_nothing_broke_are_no_events(text: str) -> None:
    assert find(text) is None


@pytest.mark.parametrize(
    ("text", "code", "severity", "slot"),
    [
        ("NVRM: Xid (PCI:0000:9b:00): 79, pid=1, GPU has fallen off the bus.", "xid:79", "critical", "0000:9b:00"),
        ("NVRM: Xid (PCI:0000:9b:00 GPU-I:05): 94, pid=1, Contained", "xid:94", "critical", "0000:9b:00"),
        ("NVRM: Xid (0000:01:00): 31, Ch 0000000b, engmask 00000120", "xid:31", "info", "0000:01:00"),
        ("NVRM: Xid (PCI:0018:01:00): 149, NETIR_LINK_EVT  Fatal   XC0 i0", "xid:149", "critical", "0018:01:00"),
        ("NVRM: Xid (PCI:0018:01:00): 149, NETIR_BER_EVENT Nonfatal XC0 i0", "xid:149", "warning", "0018:01:00"),
        ("NVRM: Xid (PCI:0018:01:00): 154, GPU recovery action changed", "xid:154", "info", "0018:01:00"),
        ("NVRM: Xid (PCI:0018:01:00): 4711, something new", "xid:4711", "warning", "0018:01:00"),
        ("nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 20034, Fatal, Link 46", "sxid:20034", "critical", "0000:c1:00.0"),
        ("nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 20034, Non-fatal, Link", "sxid:20034", "warning", "0000:c1:00.0"),
        ("nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 22013, Non-fatal, Link 46", "sxid:22013", "info", "0000:c1:00.0"),
    ],
)  # fmt: skip
def test_numbered_errors_are_read_with_their_place(text: str, code: str, severity: str, slot: str) -> None:
    found = find(text)
    assert found is not None
    assert (found.code, found.severity, found.slot) == (code, severity, slot)


@pytest.mark.parametrize(
    "text", ["NVRM: Xid 79, no place", "NVRM: Xid (PCI:0000:9b:00): none", "SXid (here): 1, Fatal"]
)
def test_a_numbered_error_that_cannot_be_read_is_refused_not_lost(text: str) -> None:
    with pytest.raises(ValueError, match="id without address"):
        find(text)


def test_the_xid_catalogue_is_whole_and_no_number_stands_in_it_twice() -> None:
    assert sorted(MEANINGS) == list(range(1, 173)) == sorted(n for _, group in _CATALOGUE for n in group)


#: NVIDIA's catalogue (2025-10): numbers by immediate action
RESTART_APP = {8, 11, 13, 25, 31, 32, 39, 40, 41, 60, 68, 69, 70, 71, 72, 75, 76, 77, 80, 82, 83, 84, 85, 86, 88, 89,
               *range(96, 106), *range(126, 136), 139}  # fmt: skip
RESET_GPU = {46, 62, 64, 79, 95, 109, 110, 119, 120, 136, 140, 143, 151, 155, 156, 158}
IGNORE = {14, 37, 38, 43, 44, 63, 66, 67, 92, 93, 106, 107, 108, 121, 137, 141, 152, 153, 157, 160, 161}


def test_xids_are_as_bad_as_the_action_that_nvidia_asks_for() -> None:
    assert {xid_verdict(number).domain for number in RESTART_APP} == {"user_program"}
    assert {xid_verdict(number).severity for number in RESET_GPU} == {"critical"}
    assert "critical" not in {xid_verdict(number).severity for number in IGNORE}


def test_the_tables_of_sxids_are_whole() -> None:
    assert len(SXID_MEANINGS) == 92
    always_fatal = {12020, 22003, 22011, *range(23001, 23018)}
    assert {sxid_verdict(number, fatal=False).severity for number in always_fatal} == {"critical"}
    assert sxid_verdict(99_999).severity == "warning"
    assert sxid_verdict(10004).symptom == "cooling"


@given(st.text(max_size=300), st.sampled_from(NEEDLES), st.text(max_size=300))
def test_no_line_makes_the_search_fail(before: str, needle: str, after: str) -> None:
    found = None
    with suppress(ValueError):
        found = find(before + needle + after)
    assert found is None or found.code


def test_no_line_takes_long_however_it_is_made() -> None:
    rng = random.Random(1)
    pieces = [*NEEDLES, "0000:1b:00.0: ", "CPU 1: ", "[", "(", ": ", "error ", "timeout", "rcu "]
    begun = time.monotonic()
    for piece in pieces:
        filler = [piece, rng.choice(pieces), rng.choice(string.ascii_letters)]
        line = "".join(rng.choice(filler) for _ in range(2048))[:2048]
        for text in (line, (piece * 2048)[:2048], piece + "a" * 2000):
            with suppress(ValueError):
                find(text)
    assert time.monotonic() - begun < 10
