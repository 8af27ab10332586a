"""What all commands share."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

import lladav
from lladav import cli


@pytest.mark.parametrize("argv", [["sample"], ["sample", "Hello", "--steps", "many"], ["dance"], []], ids=str)
def test_usage_errors_exit_with_2(argv: list[str], capsys):
    with pytest.raises(SystemExit) as exit_info:
        cli.main(argv)
    assert exit_info.value.code == 2
    assert capsys.readouterr().err.startswith("usage: lladav")


@pytest.mark.parametrize("command", list(cli.COMMANDS))
def test_a_command_is_a_module_imported_when_needed(command: str, monkeypatch):
    calls = []
    module = SimpleNamespace(
        add_arguments=lambda parser: parser.add_argument("--count", type=int),
        run=lambda args: calls.append(args.count) or 7,
    )
    imported = []
    monkeypatch.setattr(cli.importlib, "import_module", lambda name: imported.append(name) or module)
    assert cli.main([command, "--count", "3"]) == 7
    assert calls == [3] and imported == [f"lladav.cli.{command}"]


@pytest.mark.parametrize("command", list(cli.COMMANDS))
def test_every_command_has_its_module(command: str, capsys):
    with pytest.raises(SystemExit) as exit_info:
        cli.main([command, "--help"])
    assert exit_info.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: lladav {command}")


def test_the_package_runs_as_a_module():
    result = subprocess.run([sys.executable, "-m", "lladav", "--help"], capture_output=True, text=True, check=False)
    assert result.returncode == 0 and result.stdout.startswith("usage: lladav")


def test_a_reader_that_has_had_enough_gets_no_sentence():
    code = (
        "import sys\nfrom types import SimpleNamespace\nfrom lladav import cli\n"
        "talker = SimpleNamespace(add_arguments=lambda parser: None, run=lambda args: print('line\\n' * 100_000))\n"
        "cli.importlib.import_module = lambda name: talker\n"
        "sys.exit(cli.main(['sample']))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_help_waits_for_nothing():
    code = "import sys, lladav.cli as c; c.build_parser(None).format_help(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_public_names_are_there_when_asked_for():
    assert dir(lladav) == sorted(lladav.__all__) == sorted(lladav._HOMES)
    for name in lladav.__all__:
        assert getattr(lladav, name).__module__.startswith(f"lladav.{lladav._HOMES[name]}")
    with pytest.raises(AttributeError, match="module 'lladav' has no attribute 'sampel'"):
        lladav.sampel  # noqa: B018
