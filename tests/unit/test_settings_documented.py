"""docs/settings.md is the table that the code gives."""

from pathlib import Path

from lictor.settings import Settings

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


def test_every_setting_is_documented_as_it_is() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = [
        f"| `{name}` | `LICTOR_{name.upper()}` | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    documented = [line for line in text.splitlines() if line.startswith("| `")]
    assert documented == rows
