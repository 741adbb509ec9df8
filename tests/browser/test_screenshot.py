"""The picture for the README."""

import pytest

from dashboards.screenshot import write_screenshot
from tests.lakes import sample_lake

pytestmark = pytest.mark.browser


def test_the_picture_is_written_at_desktop_width(tmp_path, chromium):
    lake = sample_lake(tmp_path / "lake", days=20)
    picture = write_screenshot(lake.path, tmp_path / "picture.png", chromium, path="/plan?gpus=16000", dark=True)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert int.from_bytes(picture.read_bytes()[16:20]) == 1440
