"""What the ledger exports is read by the programs that such files are for."""

import csv
import datetime
import decimal
import io
import json
import os
import subprocess
import time

import pyarrow.parquet
from gateway import openai_client


def export(form: str, *more: str) -> bytes:
    environment = {"TOLLGATE_DATA_DIR": os.environ["TOLLGATE_DATA"], "OPENAI_API_KEY": "k"}
    command = [os.environ["TOLLGATE_BINARY"], "usage", "export", "--from", "1h", "--format", form, *more]
    return subprocess.run(command, env=environment, capture_output=True, check=True).stdout


def test_parquet_csv_and_json_tell_the_same():
    client = openai_client()
    for tokens in (3, 4, 5):
        client.chat.completions.create(
            model="gpt-4o-mini",
            messages=[{"role": "user", "content": f"#mock tokens={tokens}"}],
            extra_headers={"x-tollgate-session": "exported"},
        )
    chosen = ("--session", "exported")
    deadline = time.monotonic() + 10
    while export("jsonl", *chosen).count(b"\n") < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    lines = [json.loads(line, parse_float=decimal.Decimal) for line in export("jsonl", *chosen).splitlines()]
    assert [line["tokens"]["output"] for line in lines] == [3, 4, 5]

    table = pyarrow.parquet.read_table(io.BytesIO(export("parquet", *chosen)))
    rows = table.to_pylist()
    sheet = list(csv.DictReader(io.StringIO(export("csv", *chosen).decode(), newline="")))
    assert list(sheet[0]) == table.column_names
    for line, row, cells in zip(lines, rows, sheet, strict=True):
        assert line["id"] == row["id"] == cells["id"]
        assert line["tokens"]["output"] == row["output_tokens"] == int(cells["output_tokens"])
        assert line["cost_usd"] == row["cost_usd"] == decimal.Decimal(cells["cost_usd"])
        assert row["at"].replace(tzinfo=None) == datetime.datetime.fromisoformat(cells["at"][:-1])
        assert abs(row["total_ms"] - float(cells["total_ms"])) < 1e-9
        assert row["stream"] is False and cells["stream"] == "false"
        assert row["first_token_ms"] is None and row["first_cost_usd"] is None
        assert row["session"] == "exported" and row["model"] == "gpt-4o-mini"
