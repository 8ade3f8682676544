"""Coding agents, as they come from the registry, edit a file through each provider's dialect.

The prompt holds the plan that the fake provider follows, one call of the agent's own tools a turn. The
agents know of no other address than the gateway's; what else they try to reach ends at a closed port.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from gateway import KEY, NOVA, URL, sent

PROGRAMS = Path(__file__).parent.parent / "node_modules" / ".bin"


@pytest.fixture
def room(tmp_path):
    """A home, and a folder with one file to work at."""
    (tmp_path / "home").mkdir()
    work = tmp_path / "work"
    work.mkdir()
    (work / "note.txt").write_text("hello\n")
    return tmp_path


def run(room, program, *words, **environment):
    """Runs one agent in its folder; what it says of its work."""
    nowhere = "http://127.0.0.1:9"
    environment |= {"PATH": os.environ["PATH"], "HOME": str(room / "home"), "NO_PROXY": "127.0.0.1"}
    environment |= {"HTTP_PROXY": nowhere, "HTTPS_PROXY": nowhere}
    done = subprocess.run(
        [PROGRAMS / program, *words],
        cwd=room / "work",
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def plan(*steps):
    calls = [f"#call {name} {json.dumps(arguments)}" for name, arguments in steps]
    return "\n".join(["Say goodbye instead.", *calls])


@pytest.mark.parametrize("model", ["gpt-5-codex", "claude-opus-4-6", "gemini-3-pro-preview", NOVA])
def test_codex_edits_a_file(room, model):
    home = room / "home"
    settings = f"""
        model_provider = "tollgate"
        model_reasoning_effort = "low"
        model_reasoning_summary = "auto"
        check_for_update_on_startup = false
        [model_providers.tollgate]
        name = "Tollgate"
        base_url = "{URL}/v1"
        env_key = "TOLLGATE_KEY"
        wire_api = "responses"
        request_max_retries = 0
        stream_max_retries = 0
        [analytics]
        enabled = false
    """
    (home / "config.toml").write_text(settings)
    prompt = plan(
        ("exec_command", {"cmd": "cat note.txt"}),
        ("exec_command", {"cmd": "sed -i s/hello/goodbye/ note.txt && cat note.txt"}),
    )
    freely = ["--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
    said = run(room, "codex", "exec", *freely, "--json", "-m", model, prompt, CODEX_HOME=str(home), TOLLGATE_KEY=KEY)
    events = [json.loads(line) for line in said.splitlines()]
    items = [event["item"] for event in events if event["type"] == "item.completed"]
    commands = [item["aggregated_output"] for item in items if item["type"] == "command_execution"]
    assert commands == ["hello\n", "goodbye\n"]
    assert items[-1]["type"] == "agent_message" and "goodbye" in items[-1]["text"]
    assert events[-1]["type"] == "turn.completed" and events[-1]["usage"]["output_tokens"] > 0
    assert (room / "work" / "note.txt").read_text() == "goodbye\n"
    # The second turn thinks with what the first one thought.
    if model != NOVA:
        assert any(seal in json.dumps(sent()["body"]) for seal in ('"encrypted_content"', "ignature"))


@pytest.mark.parametrize("model", ["claude-opus-4-6", "gpt-5", "gpt-5-codex", "gemini-3-pro-preview", NOVA])
def test_claude_code_edits_a_file(room, model):
    path = str(room / "work" / "note.txt")
    prompt = plan(
        ("Read", {"file_path": path}),
        ("Edit", {"file_path": path, "old_string": "hello", "new_string": "goodbye"}),
        ("Bash", {"command": "cat note.txt", "description": "Look"}),
    )
    freely = ["--dangerously-skip-permissions", "--output-format", "json"]
    said = run(
        room,
        "claude",
        *["-p", "--model", model, *freely, prompt],
        ANTHROPIC_BASE_URL=URL,
        ANTHROPIC_API_KEY=KEY,
        ANTHROPIC_DEFAULT_HAIKU_MODEL=model,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        CLAUDE_CODE_MAX_RETRIES="0",
        DISABLE_AUTOUPDATER="1",
        # It refuses to work freely for root elsewhere.
        IS_SANDBOX="1",
    )
    result = json.loads(said)
    assert result["subtype"] == "success" and not result["is_error"]
    assert result["result"] == "The tool said: goodbye" and result["num_turns"] == 4
    assert result["usage"]["output_tokens"] > 0
    assert (room / "work" / "note.txt").read_text() == "goodbye\n"


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gpt-5", "claude-opus-4-6", NOVA])
def test_gemini_cli_edits_a_file(room, model):
    settings = {
        "privacy": {"usageStatisticsEnabled": False},
        "general": {"enableAutoUpdate": False},
        "telemetry": {"enabled": False},
        "security": {"auth": {"selectedType": "gemini-api-key"}},
    }
    home = room / "home" / ".gemini"
    home.mkdir()
    (home / "settings.json").write_text(json.dumps(settings))
    path = str(room / "work" / "note.txt")
    change = {"file_path": path, "old_string": "hello", "new_string": "goodbye", "instruction": "Part."}
    prompt = plan(("read_file", {"file_path": path}), ("replace", change))
    freely = ["--skip-trust", "--yolo", "--output-format", "json"]
    said = run(room, "gemini", *freely, "-m", model, "-p", prompt, GOOGLE_GEMINI_BASE_URL=URL, GEMINI_API_KEY=KEY)
    result = json.loads(said)
    assert "goodbye" in result["response"]
    assert result["stats"]["tools"]["totalSuccess"] == 2
    [counted] = [model["tokens"] for model in result["stats"]["models"].values()]
    assert counted["prompt"] > 0 and counted["candidates"] > 0
    assert (room / "work" / "note.txt").read_text() == "goodbye\n"
